//! Faults of a cluster under load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use cupel_core::{Clock as _, Queue, SystemClock};
use serde_json::{Value, json};

use super::load::{Load, Sends};
use super::nodes::{Cluster, Node};
use super::places::{Disk, Machine, beside_a_wrong_clock};
use super::{Broker, PATIENT, Site, is_soak, patience, submissions, through};
use crate::problems::archive;
use crate::support::{eventually, eventually_within};

// A test lacks Kafka if tansu 0.6, the Kafka server of these tests, does not support the fault. tansu never reassigns
// the partitions of a killed member, because it does not announce a rebalance. tansu directs clients to 127.0.0.1,
// which bypasses a cut cable. A wrong clock affects only programs that use the C library; with a wrong clock, tansu's
// waits end at once.
through! {
    a_killed_worker_costs_its_runs_only_one_attempt: on_redis | on_postgres on_rabbitmq;
    new_workers_take_over_the_runs_of_killed_workers: on_redis | on_postgres on_rabbitmq;
    a_killed_api_node_loses_no_accepted_submission: on_redis | on_postgres on_rabbitmq on_kafka;
    a_worker_frozen_beyond_its_leases_cannot_complete: on_redis | on_postgres on_rabbitmq on_kafka;
    a_broker_killed_and_restarted_with_its_data_loses_nothing: on_redis on_rabbitmq | on_postgres;
    a_broker_that_loses_all_its_data_loses_no_submission: on_redis on_rabbitmq on_kafka |;
    redis_may_be_down_for_half_a_minute: on_redis | on_postgres on_rabbitmq on_kafka;
    a_database_frozen_for_ten_seconds_loses_nothing: on_postgres | on_redis on_rabbitmq on_kafka;
    a_restarted_database_loses_nothing: on_redis | on_rabbitmq on_kafka;
    a_worker_cut_off_from_the_database_cannot_complete: on_redis | on_postgres on_rabbitmq;
    a_worker_cut_off_from_everything_cannot_complete: on_rabbitmq | on_postgres on_redis;
    hints_may_arrive_twice_late_and_in_any_order: on_redis | on_postgres on_rabbitmq on_kafka;
    clocks_may_be_wrong_by_five_minutes: on_redis | on_postgres on_rabbitmq;
    a_worker_with_a_full_disk_leaves_runs_to_others: on_redis | on_postgres on_rabbitmq on_kafka;
}

fn a_killed_worker_costs_its_runs_only_one_attempt(broker: Broker) {
    // Only the killed worker loses leases, even if this machine stalls for some seconds.
    let site = Site::with(broker, &[("CUPEL_WORKER__LEASE", "9s")]);
    let outcome = site.through(100, |site, _| site.workers.remove(0).kill());
    assert!(outcome.attempts_max <= 2);
}

fn new_workers_take_over_the_runs_of_killed_workers(broker: Broker) {
    Site::new(broker).through(100, |site, _| {
        site.workers.drain(..).for_each(Node::kill);
        sleep(Duration::from_secs(1));
        site.workers.push(site.cluster.start("worker"));
    });
}

fn a_killed_api_node_loses_no_accepted_submission(broker: Broker) {
    Site::new(broker).through(100, |site, load| {
        site.apis.remove(0).kill();
        load.use_nodes(&[&site.apis[0].url]);
    });
}

fn a_worker_frozen_beyond_its_leases_cannot_complete(broker: Broker) {
    Site::new(broker).through(100, |site, _| {
        site.workers[0].signal("STOP");
        sleep(Duration::from_secs(8));
        site.workers[0].signal("CONT");
    });
}

fn a_broker_killed_and_restarted_with_its_data_loses_nothing(broker: Broker) {
    Site::new(broker).through(100, |site, _| {
        site.carrier().kill();
        sleep(Duration::from_secs(2));
        site.carrier().start_again();
    });
}

fn a_broker_that_loses_all_its_data_loses_no_submission(broker: Broker) {
    Site::new(broker).through(100, |site, _| site.carrier().wipe_and_start());
}

fn redis_may_be_down_for_half_a_minute(broker: Broker) {
    Site::new(broker).through(100, |site, _| {
        site.redis.kill();
        sleep(Duration::from_secs(30));
        site.redis.start_again();
    });
}

fn a_restarted_database_loses_nothing(broker: Broker) {
    Site::new(broker).through(100, |site, _| {
        site.postgres.kill();
        sleep(Duration::from_secs(1));
        site.postgres.start_again();
    });
}

fn a_database_frozen_for_ten_seconds_loses_nothing(broker: Broker) {
    Site::new(broker).through(100, |site, _| {
        site.postgres.freeze();
        // Health checks answer although the database does not.
        let mut health = super::load::agent(patience()).get(format!("{}/healthz", site.apis[0].url)).call().unwrap();
        let report: Value = health.body_mut().read_json().unwrap();
        let store = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "store").unwrap();
        assert_eq!((health.status().as_u16(), &store["ok"]), (503, &false.into()), "{report:#}");
        // On a slow machine, the query may fail before the health check gives up.
        let details = ["it did not answer within 5 s", "cannot query the database"];
        let is_expected = |detail: &str| details.iter().any(|expected| detail.starts_with(expected));
        assert!(store["detail"].as_str().is_some_and(is_expected), "{report:#}");
        sleep(Duration::from_secs(5));
        site.postgres.thaw();
    });
}

fn a_worker_cut_off_from_the_database_cannot_complete(broker: Broker) {
    // The worker still receives hints and sends events.
    cut_off(broker, |site| vec![site.postgres.port()]);
}

fn a_worker_cut_off_from_everything_cannot_complete(broker: Broker) {
    cut_off(broker, Site::ports);
}

/// The cut lasts longer than the lease and the programs.
fn cut_off(broker: Broker, from: impl FnOnce(&Site) -> Vec<u16>) {
    let mut site = Site::new(broker);
    // 10,000 programs of two seconds each would take an hour.
    site.sends = Sends::Programs { sleep: if is_soak() { "0.6" } else { "2" } };
    let (machine, ports) = (Machine::new(&site.ports()), from(&site));
    let settings = ["CUPEL_STORE__URL", "CUPEL_QUEUE__URL", "CUPEL_EVENTS__URL"];
    let settings = settings.map(|key| (key, machine.url(&site.cluster.setting(key))));
    let far = site.cluster.start_in(&site.cluster.folder("worker"), "worker", |mut command| {
        machine.enter(command.envs(settings).env("CUPEL_WORKER__NAME", "far"))
    });
    site.workers.push(far);
    let outcome = site.through(60, |site, _| {
        let far_has_logged = |words: &[&str]| {
            let log = site.workers.last().unwrap().log();
            words.iter().any(|word| log.contains(word)).then_some(())
        };
        let id = eventually(|| {
            let workers = site.admin(&["workers"]);
            let mut workers = workers["workers"].as_array().unwrap().iter();
            workers.find(|worker| worker["name"] == "far").map(|worker| worker["id"].as_str().unwrap().to_owned())
        });
        let has = || {
            let sql = format!("SELECT lease FROM runs WHERE worker = '{id}' AND lease IS NOT NULL");
            site.postgres.psql("postgres", &sql).lines().map(str::to_owned).collect::<BTreeSet<_>>()
        };
        // The cable is cut while programs run: a worker that only polls at that moment has no result to complete too
        // late. A completion that the database had received before the cut takes effect during the second pause.
        let held = eventually(|| {
            let before = has();
            sleep(Duration::from_millis(200));
            machine.cut(&ports);
            sleep(Duration::from_secs(1));
            let held: BTreeSet<String> = has().intersection(&before).cloned().collect();
            if !held.is_empty() {
                return Some(held);
            }
            machine.heal();
            None
        });
        // The other nodes have taken these runs back.
        eventually(|| has().is_disjoint(&held).then_some(()));
        machine.heal();
        // The worker has rejoined the cluster.
        let working = |workers: &Value| workers["workers"].as_array().unwrap().iter().all(|w| w["state"] == "working");
        eventually(|| working(&site.admin(&["workers"])).then_some(()));
        eventually(|| far_has_logged(&["a late result was refused", "lost the lease"]));
    });
    assert!(outcome.attempts_max >= 2, "the runs of the cut-off worker are tried again");
}

fn hints_may_arrive_twice_late_and_in_any_order(broker: Broker) {
    // On a busy machine, the workers may be quick in comparison with this test, so that they leave few hints to repeat.
    let are_many = |usual| repeated_hints(broker, usual) >= 50;
    assert!([300, 1000].into_iter().any(are_many), "fewer than 50 hints were delivered twice");
}

/// Returns how many hints were delivered twice.
fn repeated_hints(broker: Broker, usual: usize) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (is_over, mut repeated) = (AtomicBool::new(false), 0);
    Site::new(broker).through(usual, |site, load| {
        let nodes = runtime.block_on(async { [site.queue().await, site.queue().await, site.queue().await] });
        repeated = std::thread::scope(|scope| {
            let meddling = scope.spawn(|| runtime.block_on(meddle(nodes, &is_over)));
            // Wait until the queue is nearly empty.
            eventually_within(patience(), || (load.accepted() == submissions(usual)).then_some(()));
            eventually_within(patience(), || (site.admin(&["queue"])["queued"].as_u64() < Some(20)).then_some(()));
            is_over.store(true, Ordering::SeqCst);
            meddling.join().unwrap()
        });
    });
    repeated
}

/// Nodes that handle hints badly: one takes hints, and two others publish each of these hints again later, first in
/// reverse order, then in rotated order. Returns the number of repeated hints.
async fn meddle([takes, brings, repeats]: [Arc<dyn Queue>; 3], is_over: &AtomicBool) -> usize {
    let mut repeated = 0;
    while !is_over.load(Ordering::SeqCst) {
        let mut taken = Vec::new();
        while taken.len() < 16
            && let Ok(hinted) = tokio::time::timeout(Duration::from_millis(100), takes.next()).await
        {
            taken.push(hinted.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut hints: Vec<_> = taken.iter().rev().map(|hinted| hinted.hint).collect();
        brings.publish(&hints).await.unwrap();
        let third = hints.len() / 3;
        hints.rotate_left(third);
        repeats.publish(&hints).await.unwrap();
        repeated += hints.len();
        for (place, hinted) in taken.into_iter().enumerate() {
            // The broker redelivers hints that are not settled.
            if place % 4 > 0 {
                takes.settle(hinted).await.unwrap();
            }
        }
    }
    repeated
}

fn clocks_may_be_wrong_by_five_minutes(broker: Broker) {
    const OFF: i64 = 300;
    let mut site = Site::empty(broker, &[PATIENT]);
    let start = |role, seconds| {
        let data = site.cluster.folder(role);
        site.cluster.start_in(&data, role, |command| beside_a_wrong_clock(command, seconds, &data.with_extension("so")))
    };
    let (apis, workers) =
        (vec![start("api", OFF), start("api", -OFF)], vec![start("worker", -OFF), start("worker", OFF)]);
    for (node, off) in apis.iter().chain(&workers).zip([OFF, -OFF, -OFF, OFF]) {
        let seen = node.clock() - SystemClock.now().as_second();
        assert!((off - 60..off + 60).contains(&seen), "expected an offset of {off} s, measured {seen} s");
        assert!(node.log().contains("clock differs from the database's by"), "{}", node.log());
        let body = ureq::get(format!("{}/healthz", node.url)).call().unwrap().body_mut().read_to_string().unwrap();
        assert!(body.contains(if off > 0 { "s ahead of the database's" } else { "s behind the database's" }), "{body}");
    }
    (site.apis, site.workers) = (apis, workers);
    let outcome = site.through(100, |_, load| {
        // Programs see neither the wrong clock nor the preloaded library: they have their own environment and the
        // kernel's clock.
        let program = json!({ "language": "bash", "source_code": "echo $EPOCHSECONDS ${LD_PRELOAD-none}" }).to_string();
        let (_, sent) = load.post("/api/v1/execute", "application/json", program.as_bytes());
        let body = eventually(|| {
            let (_, body) = load.get(&format!("/api/v1/execute/{}?wait=10", sent["submission_id"].as_str().unwrap()));
            (body["status"] == "completed").then_some(body)
        });
        let (seconds, preloaded) = body["stdout"].as_str().unwrap().trim().split_once(' ').unwrap();
        let off = seconds.parse::<i64>().unwrap() - SystemClock.now().as_second();
        assert!(off.abs() < 60 && preloaded == "none", "{body}");
    });
    assert_eq!(outcome.attempts_max, 1, "no lease is considered expired");
}

fn a_worker_with_a_full_disk_leaves_runs_to_others(broker: Broker) {
    // Each run has a single attempt, so an attempt lost to the full disk would end as an internal error.
    let mut site = Site::with(broker, &[PATIENT, ("CUPEL_WORKER__ATTEMPTS_MAX", "1")]);
    let data = site.cluster.folder("worker");
    let disk = Disk::new(&data, "4m");
    let full = site.cluster.start_in(&data, "worker", |command| disk.enter(&command));
    site.workers.push(full);
    disk.fill();
    let package = archive(&[("2\n", "4\n")], None);
    let (status, made) = site.load().post("/api/v1/problems", "application/x-tar", &package);
    assert_eq!(status, 201, "{made}");
    site.sends = Sends::Solutions { of: "double" };
    let outcome = site.through(60, |site, load| {
        eventually_within(patience(), || (load.accepted() == submissions(60)).then_some(()));
        // Wait until the queue is nearly empty.
        eventually_within(patience(), || (site.admin(&["queue"])["queued"].as_u64() < Some(10)).then_some(()));
        disk.free();
    });
    let log = outcome.logs.last().unwrap();
    assert!(log.contains("No space left on device"), "{log}");
}

#[test]
fn a_full_disk_under_sqlite_refuses_submissions_and_loses_nothing() {
    let cluster = Cluster::new(&[]);
    let data = cluster.folder("serve");
    let count = submissions(300);
    // The disk has room for all submissions if nothing else is on it.
    let disk = Disk::new(&data, &format!("{}m", 32 * count.div_ceil(300)));
    let start = || cluster.start_in(&data, "serve", |command| disk.enter(&command));
    let node = start();
    let load = Load::new(&[&node.url], cluster.key(), Sends::Programs { sleep: "0.02" }, patience());
    load.let_in(count * 3 / 10);
    load.run(count, || {
        eventually_within(patience(), || (load.accepted() == count * 3 / 10).then_some(()));
        disk.fill();
        load.let_in(count);
        eventually_within(patience(), || (load.refused() >= 20).then_some(()));
        // The server is up and serves reads.
        assert_eq!(load.get("/livez").0, 200);
        assert_eq!(load.get("/api/v1/submissions?limit=1").0, 200);
        disk.free();
    });
    assert_eq!(load.violations(), Vec::<String>::new());
    assert_eq!(
        load.get("/api/v1/submissions?limit=1").1["pagination"]["total"],
        count,
        "refused submissions are not stored"
    );
    // The data on the disk is valid.
    node.kill();
    let node = start();
    load.use_nodes(&[&node.url]);
    load.run(0, || {});
    assert_eq!(load.violations(), Vec::<String>::new());
    node.stop();
    drop(disk);
    cluster.nothing_is_left();
}

#[test]
fn workers_pause_resume_and_drain_on_order() {
    let mut site = Site::empty(Broker::Postgres, &[]);
    site.apis.push(site.cluster.start("api"));
    site.workers = ["one", "two"].map(|name| site.cluster.start_with("worker", &[("CUPEL_WORKER__NAME", name)])).into();
    let workers = |site: &Site| site.admin(&["workers"])["workers"].as_array().unwrap().clone();
    site.cluster.admin(&["pause"]);
    let are = |site: &Site, states: [&str; 2]| {
        let named = |name: &str| workers(site).into_iter().find(|worker| worker["name"] == name);
        let state = |name: &str| named(name).map(|worker| worker["state"].as_str().unwrap().to_owned());
        [state("one"), state("two")] == states.map(|state| Some(state.to_owned()))
    };
    eventually(|| are(&site, ["paused", "paused"]).then_some(()));
    let load = site.load();
    load.run(20, || {
        eventually(|| (load.accepted() == 20).then_some(()));
        let queue = site.admin(&["queue"]);
        assert_eq!((&queue["queued"], &queue["is_paused"]), (&20.into(), &true.into()), "{queue}");
        let refused = site.cluster.try_admin(&["resume", "one"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("all workers are paused"), "{refused:?}");
        site.cluster.admin(&["resume"]);
    });
    // An order may address one worker by name or id.
    site.cluster.admin(&["pause", "two"]);
    eventually(|| are(&site, ["working", "paused"]).then_some(()));
    let listed = workers(&site);
    let drained = listed.iter().find(|worker| worker["name"] == "one").unwrap()["id"].as_str().unwrap();
    site.cluster.admin(&["drain", drained]);
    eventually(|| (workers(&site).len() == 1).then_some(()));
    let has_stopped = |node: &Node| node.log().contains(&format!("{drained} has stopped"));
    // The worker drains and then reports that it has stopped.
    eventually(|| site.workers.iter().any(has_stopped).then_some(()));
    let (gone, stays): (Vec<_>, Vec<_>) = site.workers.drain(..).partition(has_stopped);
    assert_eq!((gone.len(), stays.len()), (1, 1));
    site.workers = stays;
    for node in gone {
        assert_eq!(node.ended().code(), Some(0));
    }
    site.end(&load);
}

#[test]
fn a_stopped_worker_can_be_monitored_until_its_last_run_has_ended() {
    // On a busy machine, the shorter program may end before the test has monitored the worker. Bash starts each
    // `sleep`, so the program is not idle for its idle limit.
    let can_be_monitored = ["6", "4; sleep 4; sleep 4; sleep 4; sleep 4"].into_iter().any(monitor_a_stopped_worker);
    assert!(can_be_monitored, "the worker did not answer until the end of its last run");
}

/// Stops a worker while it runs a program that sleeps for this time. Returns whether the worker answered all requests.
fn monitor_a_stopped_worker(sleep: &'static str) -> bool {
    let mut site = Site::empty(Broker::Postgres, &[]);
    site.sends = Sends::Programs { sleep };
    site.apis.push(site.cluster.start("api"));
    let worker = site.cluster.start("worker");
    let load = site.load();
    let agent = super::load::agent(patience());
    // `None` if the worker does not answer, because it has ended.
    let status = |path: &str| Some(agent.get(format!("{}{path}", worker.url)).call().ok()?.status().as_u16());
    let mut answered = false;
    load.run(1, || {
        eventually(|| (load.accepted() == 1 && site.admin(&["queue"])["queued"] == 0).then_some(()));
        assert_eq!(["/livez", "/readyz", "/healthz", "/metrics"].map(status), [Some(200); 4]);
        worker.signal("TERM");
        let changed = eventually(|| Some(status("/readyz")).filter(|status| *status != Some(200)));
        let after = ["/livez", "/healthz", "/metrics"].map(status);
        answered = changed.is_some() && after.iter().all(Option::is_some);
        assert!(!answered || (changed, after) == (Some(503), [200, 503, 200].map(Some)), "{changed:?} {after:?}");
    });
    assert_eq!(worker.ended().code(), Some(0));
    site.end(&load);
    answered
}

/// `/healthz` is public, so it names the kind of failure, but not the user, the address or the database's message.
#[test]
fn health_names_the_kind_of_failure_of_the_database() {
    let site = Site::empty(Broker::Postgres, &[]);
    let api = site.cluster.start("api");
    let agent = super::load::agent(patience());
    let detail = || {
        let mut answer = agent.get(format!("{}/healthz", api.url)).call().unwrap();
        let report: Value = answer.body_mut().read_json().unwrap();
        let store = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "store").unwrap().clone();
        store["detail"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(detail(), "");
    site.postgres.kill();
    eventually(|| detail().contains("cannot be reached").then_some(()));
    site.postgres.start_again();
    eventually(|| detail().is_empty().then_some(()));
}
