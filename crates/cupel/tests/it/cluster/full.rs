//! A full disk: health checks report it, clients are refused with that cause, and no restart is needed afterwards.

use serde_json::{Value, json};

use super::load::{Load, Sends};
use super::nodes::{Cluster, Node};
use super::places::Disk;
use super::{Broker, Site, patience};
use crate::support::{agent, eventually};

/// Returns the response of `/healthz` once `/readyz` has the given status.
fn health(node: &Node, readiness: u16) -> Value {
    eventually(|| {
        let ready = agent().get(format!("{}/readyz", node.url)).call().unwrap().status().as_u16();
        let mut health = agent().get(format!("{}/healthz", node.url)).call().unwrap();
        (ready == readiness && health.status() == readiness).then(|| health.body_mut().read_json().unwrap())
    })
}

/// Returns the result of one check in `/healthz`.
fn part(health: &Value, name: &str) -> (bool, String) {
    let check = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
    (check["ok"].as_bool().unwrap(), check["detail"].as_str().unwrap_or_default().to_owned())
}

fn says_that_no_worker_is_there(health: &Value) -> bool {
    health["degraded"].to_string().contains("no worker")
}

#[test]
fn a_full_disk_is_named_and_submissions_are_refused_until_there_is_space() {
    let cluster = Cluster::new(&[]);
    let data = cluster.folder("serve");
    let disk = Disk::new(&data, "16m");
    let node = cluster.start_in(&data, "serve", |command| disk.enter(&command));
    let load = Load::new(&[&node.url], cluster.key(), Sends::Programs { sleep: "0" }, patience());
    // The program is larger than the remaining space in the existing write-ahead log.
    let program = json!({ "language": "bash", "source_code": format!("echo here # {}", "x".repeat(250_000)) });
    let send = || load.post("/api/v1/execute?wait=30", "application/json", program.to_string().as_bytes());
    let (status, first) = send();
    assert_eq!((status, &first["verdict"]), (200, &"AC".into()), "{first}");
    disk.fill();

    // On a slow machine, the first 503 may have another cause: a check that did not answer in time.
    let full = eventually(|| Some(health(&node, 503)).filter(|full| !part(full, "disk").0));
    let (_, detail) = part(&full, "disk");
    assert!(detail.contains(data.to_str().unwrap()), "{full}");
    assert!(detail.contains("is full") && detail.contains("cache") && detail.contains("mounted at"), "{full}");
    let refused = eventually(|| Some(send()).filter(|(status, _)| *status == 503));
    assert_eq!(refused.1["code"], "disk-full", "{refused:?}");
    assert!(refused.1["detail"].as_str().unwrap().contains("disk"), "{refused:?}");
    // A worker whose heartbeats cannot be written is not reported as gone.
    eventually(|| {
        let full = health(&node, 503);
        assert!(!says_that_no_worker_is_there(&full), "{full}");
        let (writes, why) = part(&full, "store");
        let is_full = why.contains("the disk is full") && why.contains("cupel.db");
        assert!(writes || is_full || why.starts_with("it did not answer within 5 s"), "{full}");
        (!writes && is_full).then_some(())
    });
    assert!(node.log().contains("the disk is full"), "{}", node.log());

    disk.free();
    let well = health(&node, 200);
    assert_eq!(part(&well, "disk"), (true, String::new()));
    let (status, again) = eventually(|| Some(send()).filter(|(status, _)| *status == 200));
    assert_eq!((status, &again["verdict"]), (200, &"AC".into()), "{again}");
    node.stop();
    drop(disk);
    cluster.nothing_is_left();
}

#[test]
fn a_worker_on_a_full_disk_is_not_ready_and_an_api_node_with_another_database_is_degraded() {
    let mut site = Site::empty(Broker::Postgres, &[]);
    let start = |role: &'static str| {
        let data = site.cluster.folder(role);
        let disk = Disk::new(&data, "4m");
        let node = site.cluster.start_in(&data, role, |command| disk.enter(&command));
        (node, disk)
    };
    let (api, disk_of_api) = start("api");
    let (worker, disk_of_worker) = start("worker");
    for disk in [&disk_of_api, &disk_of_worker] {
        disk.fill();
    }
    eventually(|| Some(health(&worker, 503)).filter(|full| !part(full, "disk").0 && part(full, "store").0));
    let weak = eventually(|| Some(health(&api, 200)).filter(|health| health["degraded"] != json!([])));
    assert!(weak["degraded"].to_string().contains("is full"), "{weak}");
    for disk in [&disk_of_api, &disk_of_worker] {
        disk.free();
    }
    health(&worker, 200);
    site.apis.push(api);
    site.workers.push(worker);
    let load = site.load();
    load.run(1, || {});
    site.end(&load);
}
