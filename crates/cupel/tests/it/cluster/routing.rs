//! Clusters whose workers have different languages.

use std::os::unix::fs::PermissionsExt;

use cupel_testkit::servers::ImageRegistry;
use serde_json::Value;

use super::dead_letters::Client;
use super::nodes::{Cluster, Node};
use super::{Broker, PATIENT, Site, through};
use crate::images::{LANGUAGE, LOOK, python_image};
use crate::pulled_images::{language_from, python_in};
use crate::support::{agent, end, eventually, unused_languages};

through! {
    each_worker_gets_only_runs_in_its_languages: on_postgres on_redis | on_rabbitmq on_kafka;
    a_run_goes_to_a_worker_that_has_its_image: on_kafka | on_postgres on_redis on_rabbitmq;
}

fn a_run_goes_to_a_worker_that_has_its_image(broker: Broker) {
    let site = Site::empty(broker, &[PATIENT, ("CUPEL_IMAGES__DIRECT", "task/*")]);
    let cluster = &site.cluster;
    let api = cluster.start("api");
    let client = Client { url: &api.url, key: cluster.key() };
    let (with, without) = (cluster.start("worker"), cluster.start("worker"));
    let place = tempfile::tempdir().unwrap();
    let image = python_image(place.path(), "of one worker");
    let mut add = cluster.command(&["images", "add", "task/one:7", image.to_str().unwrap()]);
    add.arg("--data").arg(&with.data);
    let added = end(add, b"");
    assert_eq!(added.code, Some(0), "{added:?}");

    // The API node learns of the image from the worker's heartbeat. Until then, the name is unknown.
    let first = eventually(|| {
        let (status, answer) = client.try_submit("python@task/one:7", LOOK);
        (status == 202).then(|| answer["submission_id"].as_str().unwrap().to_owned())
    });
    let more = (0..10).map(|_| client.submit_in("python@task/one:7", LOOK));
    for id in [first].into_iter().chain(more) {
        let answer = client.wait_until(&id, |answer| answer["status"] == "completed");
        assert!(answer["stdout"].as_str().unwrap().starts_with("algorithms 4711 of one worker"), "{answer}");
    }
    let lost = site.postgres.psql("postgres", "SELECT count(*) FROM runs WHERE lost > 0");
    assert_eq!(lost, "0", "a worker without the image costs no attempt");
    for node in [with, without, api] {
        node.stop();
    }
    cluster.nothing_is_left();
}

/// The workers pull the image that the language file names. Until a worker has the image, the API node refuses
/// submissions and states this reason; then it accepts them.
#[test]
fn a_language_is_offered_as_soon_as_a_worker_has_pulled_its_image() {
    let place = tempfile::tempdir().unwrap();
    let registry = ImageRegistry::start();
    let languages = place.path().join("languages");
    std::fs::create_dir(&languages).unwrap();
    let text = language_from(&python_in(&registry, place.path(), "of a worker"));
    std::fs::write(languages.join("course-python.toml"), text).unwrap();
    // The nodes read the files again as another user.
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    registry.stop();
    let directory = languages.to_str().unwrap();
    let site = Site::empty(Broker::Postgres, &[PATIENT, ("CUPEL_LANGUAGES__DIRECTORY", directory)]);
    let cluster = &site.cluster;
    let api = cluster.start("api");
    let client = Client { url: &api.url, key: cluster.key() };
    let workers = [cluster.start("worker"), cluster.start("worker")];
    let reason = "its image could not be pulled so far; the attempts continue";
    eventually(|| {
        let mut answer = agent().get(format!("{}/api/v1/languages/course-python", api.url)).call().unwrap();
        let language: Value = answer.body_mut().read_json().unwrap();
        (language["unavailable_reason"] == reason).then_some(())
    });
    // Until a worker has failed once, runs wait for its image.
    eventually(|| {
        let all: Value = serde_json::from_str(&cluster.admin(&["workers", "--json"])).unwrap();
        let all = all["workers"].as_array().unwrap();
        (all.len() == 2 && all.iter().all(|worker| worker["pulling"]["course-python"].is_string())).then_some(())
    });
    let (status, refused) = client.try_submit("course-python", LOOK);
    assert_eq!(status, 503, "{refused}");
    let detail = format!("No live worker has `course-python`: {reason}. Nothing was accepted. Try again later.");
    assert_eq!(refused["detail"], detail.as_str());

    registry.start_again();
    let id = eventually(|| {
        let (status, answer) = client.try_submit("course-python", LOOK);
        assert!(status == 202 || status == 503, "{answer}");
        answer["submission_id"].as_str().map(str::to_owned)
    });
    let answer = client.wait_until(&id, |answer| answer["status"] == "completed");
    assert!(answer["stdout"].as_str().unwrap().starts_with("algorithms 4711 of a worker"), "{answer}");
    // The other worker gets the image, too.
    eventually(|| {
        let all: Value = serde_json::from_str(&cluster.admin(&["workers", "--json"])).unwrap();
        let all = all["workers"].as_array().unwrap();
        all.iter().all(|worker| worker["languages"]["course-python"].is_string()).then_some(())
    });
    for node in workers.into_iter().chain([api]) {
        node.stop();
    }
    cluster.nothing_is_left();
}

/// A language file is added to a running cluster, changed, and made faulty.
#[test]
fn the_api_node_reads_changed_language_files_again_as_the_workers_do() {
    let place = tempfile::tempdir().unwrap();
    let languages = place.path().join("languages");
    std::fs::create_dir(&languages).unwrap();
    // The nodes read the files as another user.
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let directory = languages.to_str().unwrap();
    let site = Site::empty(Broker::Postgres, &[PATIENT, ("CUPEL_LANGUAGES__DIRECTORY", directory)]);
    let cluster = &site.cluster;
    let api = cluster.start("api");
    let client = Client { url: &api.url, key: cluster.key() };
    let worker = cluster.start("worker");
    let image = python_image(place.path(), "of a course");
    let mut add = cluster.command(&["images", "add", "course/python:2026", image.to_str().unwrap()]);
    add.arg("--data").arg(&worker.data);
    let added = end(add, b"");
    assert_eq!(added.code, Some(0), "{added:?}");
    assert_eq!(client.try_submit("course-python", LOOK).0, 422);

    let file = languages.join("course-python.toml");
    std::fs::write(&file, LANGUAGE).unwrap();
    let id = eventually(|| client.try_submit("course-python", LOOK).1["submission_id"].as_str().map(str::to_owned));
    let answer = client.wait_until(&id, |answer| answer["status"] == "completed");
    assert!(answer["stdout"].as_str().unwrap().starts_with("algorithms 4711 of a course"), "{answer}");

    let read =
        |path: &str| agent().get(format!("{}{path}", api.url)).call().unwrap().body_mut().read_to_string().unwrap();
    std::fs::write(&file, LANGUAGE.replace("Python (course)", "Python (next course)")).unwrap();
    eventually(|| read("/api/v1/languages/course-python").contains("Python (next course)").then_some(()));
    std::fs::write(&file, "name = 3").unwrap();
    eventually(|| read("/healthz").contains("the language files have faults").then_some(()));
    assert!(read("/api/v1/languages/course-python").contains("Python (next course)"));
    for node in [worker, api] {
        node.stop();
    }
    cluster.nothing_is_left();
}

/// The metric that alerts use exists on each node. No node keeps an outdated value when another node becomes the
/// sweeper.
#[test]
fn every_api_node_reports_the_unserved_runs() {
    let site = Site::empty(Broker::Postgres, &[]);
    let apis = [site.cluster.start("api"), site.cluster.start("api")];
    for api in &apis {
        eventually(|| {
            let mut metrics = agent().get(format!("{}/metrics", api.url)).call().unwrap();
            let answer = metrics.body_mut().read_to_string().unwrap();
            answer.lines().any(|line| line == "cupel_queue_unserved 0").then_some(())
        });
    }
    for api in apis {
        api.stop();
    }
    site.cluster.nothing_is_left();
}

/// Starts a worker without a language.
fn worker_without(cluster: &Cluster, language: &str) -> Node {
    let disabled = format!("{language},{}", unused_languages());
    cluster.start_with("worker", &[("CUPEL_LANGUAGES__DISABLED", disabled.as_str())])
}

fn each_worker_gets_only_runs_in_its_languages(broker: Broker) {
    let site = Site::empty(broker, &[PATIENT]);
    let cluster = &site.cluster;
    let api = cluster.start("api");
    let client = Client { url: &api.url, key: cluster.key() };
    let (without_python, without_c) = (worker_without(cluster, "python"), worker_without(cluster, "c"));
    let all_are_there = || {
        let answer: Value = serde_json::from_str(&cluster.admin(&["workers", "--json"])).unwrap();
        (answer["workers"].as_array().unwrap().len() == 2).then_some(())
    };
    eventually(all_are_there);
    let c = "#include <stdio.h>\nint main(void) { puts(\"c\"); }";
    let sources = [("python", "print('python')"), ("c", c), ("bash", "echo bash")];
    let sent: Vec<(&str, String)> = (0..30)
        .map(|n| sources[n % 3])
        .map(|(language, source)| (language, client.submit_in(language, source)))
        .collect();
    for (language, id) in &sent {
        let answer = client.wait_until(id, |answer| answer["status"] == "completed");
        assert_eq!(
            (&answer["verdict"], &answer["stdout"]),
            (&"AC".into(), &format!("{language}\n").into()),
            "{answer}"
        );
    }
    // `attempts` of the API also counts leases that a busy worker took in advance and returned.
    let lost = site.postgres.psql("postgres", "SELECT count(*) FROM runs WHERE lost > 0");
    assert_eq!(lost, "0", "a worker without the language costs no attempt");
    assert!(!without_python.log().contains("not available on this worker"));

    // The only worker with Python is killed: runs in Python wait, other runs are judged.
    without_c.kill();
    let waits = client.submit_in("python", "print('late')");
    for _ in 0..5 {
        let id = client.submit_in("c", c);
        client.wait_until(&id, |answer| answer["verdict"] == "AC");
    }
    let queue = eventually(|| {
        let answer: Value = serde_json::from_str(&cluster.admin(&["queue", "--json"])).unwrap();
        (answer["unserved"][0]["languages"][0] == "python").then_some(answer)
    });
    assert_eq!((&queue["unserved"][0]["runs"], &queue["queued"]), (&1.into(), &1.into()), "{queue}");
    // The API node refuses new submissions in Python once it has noticed that no worker has the language.
    let refused = eventually(|| {
        let (status, body) = client.try_submit("python", "print('early')");
        (status == 503).then_some(body)
    });
    assert!(refused["type"].as_str().unwrap().ends_with("no-worker"), "{refused}");
    client.wait_until(&waits, |answer| answer["status"] == "queued");
    let reported = "waiting for a language that no worker has";
    let reports = || {
        let mut health = agent().get(format!("{}/healthz", api.url)).call().unwrap();
        health.body_mut().read_to_string().unwrap().contains(reported)
    };
    eventually(|| reports().then_some(()));

    let comes = worker_without(cluster, "c");
    let answer = client.wait_until(&waits, |answer| answer["status"] == "completed");
    assert_eq!((&answer["stdout"], &answer["attempts"]), (&"late\n".into(), &1.into()), "{answer}");
    for node in [comes, without_python, api] {
        node.stop();
    }
    cluster.nothing_is_left();
}
