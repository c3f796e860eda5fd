//! What may happen to a cluster while it works.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::{Broker, Site, submissions};
use crate::support::eventually;

/// Waits until clients have been told that so many are accepted.
fn once_accepted(load: &super::Load, count: usize) {
    eventually(|| (load.accepted() >= count).then_some(()));
}

#[test]
fn a_killed_worker_costs_its_runs_an_attempt_and_nothing_else() {
    let mut site = Site::new(Broker::Redis);
    let load = site.load();
    let victim = site.workers.remove(0);
    load.run(submissions(200), "0.05", || {
        once_accepted(&load, 60);
        victim.kill();
    });
    assert!(load.attempts_max() <= 2);
    site.end(&load);
}

#[test]
fn all_workers_killed_leave_their_runs_to_those_who_come() {
    let mut site = Site::new(Broker::Redis);
    let load = site.load();
    let victims = std::mem::take(&mut site.workers);
    load.run(submissions(200), "0.05", || {
        once_accepted(&load, 60);
        victims.into_iter().for_each(super::Node::kill);
        sleep(Duration::from_secs(1));
        site.workers = vec![site.cluster.start("worker")];
    });
    site.end(&load);
}

#[test]
fn a_killed_api_node_loses_nothing_that_it_accepted() {
    let mut site = Site::new(Broker::Redis);
    let load = site.load();
    let victim = site.apis.remove(0);
    load.run(submissions(200), "0.02", || {
        once_accepted(&load, 60);
        victim.kill();
        load.use_nodes(&[&site.apis[0].url]);
    });
    site.end(&load);
}

#[test]
fn a_worker_that_is_frozen_for_longer_than_its_leases_comes_back_too_late() {
    let site = Site::new(Broker::Redis);
    let load = site.load();
    load.run(submissions(100), "0.05", || {
        once_accepted(&load, 30);
        site.workers[0].signal("STOP");
        sleep(Duration::from_secs(8));
        site.workers[0].signal("CONT");
    });
    site.end(&load);
}

#[test]
fn a_broker_that_is_killed_and_comes_back_with_its_data_loses_nothing() {
    let site = Site::new(Broker::Redis);
    let load = site.load();
    load.run(submissions(200), "0.02", || {
        once_accepted(&load, 60);
        site.redis.kill();
        sleep(Duration::from_secs(2));
        site.redis.start_again();
    });
    site.end(&load);
}

#[test]
fn a_broker_that_loses_all_its_data_loses_no_submission() {
    let site = Site::new(Broker::Redis);
    let load = site.load();
    load.run(submissions(200), "0.02", || {
        once_accepted(&load, 60);
        site.redis.kill();
        site.redis.wipe_and_start();
    });
    site.end(&load);
}

#[test]
fn redis_may_be_gone_for_half_a_minute() {
    let site = Site::new(Broker::Redis);
    let load = site.load();
    load.run(submissions(200), "0.02", || {
        once_accepted(&load, 60);
        site.redis.kill();
        sleep(Duration::from_secs(30));
        site.redis.start_again();
    });
    site.end(&load);
}

#[test]
fn a_database_that_is_restarted_loses_nothing() {
    let site = Site::new(Broker::Redis);
    let load = site.load();
    load.run(submissions(200), "0.02", || {
        once_accepted(&load, 60);
        site.postgres.kill();
        sleep(Duration::from_secs(1));
        site.postgres.start_again();
    });
    site.end(&load);
}

#[test]
fn a_database_that_is_frozen_for_ten_seconds_loses_nothing() {
    let site = Site::new(Broker::Postgres);
    let load = site.load();
    load.run(submissions(200), "0.02", || {
        once_accepted(&load, 60);
        site.postgres.freeze();
        sleep(Duration::from_secs(10));
        site.postgres.thaw();
    });
    site.end(&load);
}

#[test]
fn workers_pause_go_on_and_drain_as_they_are_told() {
    let mut site = Site::new(Broker::Postgres);
    let load = site.load();
    let workers = || -> Vec<Value> {
        let listed: Value = serde_json::from_str(&site.cluster.admin(&["workers", "--json"])).unwrap();
        listed["workers"].as_array().unwrap().clone()
    };
    let all_are = |state: &str| eventually(|| workers().iter().all(|w| w["state"] == state).then_some(()));
    site.cluster.admin(&["pause"]);
    all_are("paused");
    load.run(20, "0", || {
        once_accepted(&load, 20);
        let queue: Value = serde_json::from_str(&site.cluster.admin(&["queue", "--json"])).unwrap();
        assert_eq!((&queue["queued"], &queue["is_paused"]), (&20.into(), &true.into()), "{queue}");
        site.cluster.admin(&["resume"]);
    });
    let listed = workers();
    let drained = listed[0]["id"].as_str().unwrap();
    site.cluster.admin(&["drain", drained]);
    eventually(|| (workers().len() == 1).then_some(()));
    let (gone, stays): (Vec<_>, Vec<_>) =
        site.workers.drain(..).partition(|node| node.log().contains(&format!("{drained} has stopped")));
    assert_eq!((gone.len(), stays.len()), (1, 1));
    site.workers = stays;
    for node in gone {
        assert_eq!(node.ended().code(), Some(0));
    }
    site.end(&load);
}
