//! Tests of the test servers: data survive a kill but not a wipe, and no process or file survives the test process.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cupel_testkit::servers::{Kafka, Postgres, RabbitMq, Redis, Server};

/// Injects every fault into a server. `is_there` returns whether the data written before still exist.
fn inject_all_faults(server: &Server, is_there: impl Fn() -> bool) {
    assert!(is_there());
    server.freeze();
    server.thaw();
    assert!(is_there());
    server.kill();
    server.start_again();
    assert!(is_there(), "the data are lost after a kill");
    server.stop();
    server.start_again();
    assert!(is_there(), "the data are lost after a stop");
    server.wipe_and_start();
    assert!(!is_there(), "the data still exist after a wipe");
}

#[tokio::test]
async fn postgres_keeps_data_after_a_kill_and_loses_it_after_a_wipe() {
    let postgres = Postgres::start();
    assert_ne!(postgres.database().await, postgres.database().await);
    postgres.psql("postgres", "CREATE TABLE kept (n int)");
    inject_all_faults(&postgres, || postgres.psql("postgres", "SELECT to_regclass('kept')") == "kept");
}

/// PostgreSQL starts a process for every connection.
#[test]
fn freezing_a_server_includes_processes_that_it_is_starting() {
    let postgres = Postgres::start();
    // The timeout is long, so that no server process that waits for a client's authentication times out.
    postgres.psql("postgres", "ALTER SYSTEM SET authentication_timeout = '10min'");
    postgres.psql("postgres", "SELECT pg_reload_conf()");
    let address = (Ipv4Addr::LOCALHOST, postgres.port()).into();
    for _ in 0..60 {
        thread::scope(|scope| {
            // Some clients connect before the freeze, some after it. All of them stay connected until the end, even if
            // their server process starts during the freeze.
            let clients = scope.spawn(|| {
                let client = |_| {
                    thread::sleep(Duration::from_millis(1));
                    TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()
                };
                (0..20).map(client).collect::<Vec<_>>()
            });
            postgres.freeze();
            drop(clients.join());
        });
        postgres.thaw();
        // Once the server has answered this query, it has accepted all earlier connections, so the backlog never fills
        // up.
        assert_eq!(postgres.psql("postgres", "SELECT 1"), "1");
    }
}

#[test]
fn redis_keeps_data_after_a_kill_and_loses_it_after_a_wipe() {
    let redis = Redis::start();
    redis.command("SET kept yes");
    inject_all_faults(&redis, || redis.command("GET kept").contains("yes"));
}

/// RabbitMQ's data can only be read over its protocol; the adapter's tests check them.
#[test]
fn rabbitmq_starts_again() {
    let rabbitmq = RabbitMq::start();
    rabbitmq.kill();
    rabbitmq.start_again();
    rabbitmq.stop();
    rabbitmq.wipe_and_start();
}

/// The adapter's tests check Kafka's data.
#[test]
fn kafka_starts_again() {
    let kafka = Kafka::start();
    kafka.kill();
    kafka.start_again();
    kafka.stop();
    kafka.wipe_and_start();
}

/// Not a test: the process that the next test starts and kills.
#[test]
#[ignore = "started by `no_server_outlives_a_killed_test_process`"]
fn start_servers_and_wait_to_be_killed() {
    let servers: [&Server; 3] = [&Redis::start(), &RabbitMq::start(), &Postgres::start()];
    println!("PIDS {:?}", servers.map(Server::pids).concat());
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn no_server_outlives_a_killed_test_process() {
    let temporary = tempfile::tempdir().unwrap();
    let mut tests = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "start_servers_and_wait_to_be_killed"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tests.stdout.take().unwrap()).lines();
    let pids = lines.find_map(|line| Some(line.unwrap().split_once("PIDS ")?.1.to_owned())).expect("the pids");
    let pids: Vec<u32> = pids.trim_matches(['[', ']']).split(", ").map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() >= 6, "expected Redis and the processes of PostgreSQL and RabbitMQ: {pids:?}");
    tests.kill().unwrap();
    tests.wait().unwrap();
    wait_until("the processes end", || pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
    wait_until("the folders are removed", || temporary.path().read_dir().unwrap().next().is_none());
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_true() {
        assert!(Instant::now() < deadline, "timed out after a minute: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
