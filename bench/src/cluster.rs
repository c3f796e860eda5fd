//! Measures submissions through an API node and separate workers with real servers, for each queue and for different
//! numbers of workers. Also measures the load on the servers, and the time until the runs of a dead worker are
//! recovered.
//!
//! Everything runs on the processors of one machine, so more workers do not increase throughput: the figures show what
//! each worker costs. PostgreSQL waits for the disk, as in production.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use cupel_testkit::servers::{Kafka, Postgres, RabbitMq, Redis};
use serde_json::{Value, json};

use crate::counted::{Counted, REPORTED_AFTER, connections};
use crate::http::{self, Api, CHEAPEST};
use crate::samples::Samples;
use crate::server::{Process, Server};
use crate::table::Table;

/// Amount of measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) http: http::Plan,
    /// Length of the idle phase, in which the load of idle nodes on the servers is counted.
    pub(crate) idle: Duration,
}

/// The engines that carry hints and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engines {
    /// `cupel serve`, which needs no servers.
    Embedded,
    PostgresAlone,
    PostgresRedis,
    PostgresRabbitMq,
    PostgresKafka,
}

/// The measured installations: engines and number of workers.
const SITES: [(Engines, usize); 7] = [
    (Engines::Embedded, 0),
    (Engines::PostgresAlone, 2),
    (Engines::PostgresRabbitMq, 2),
    (Engines::PostgresKafka, 2),
    (Engines::PostgresRedis, 1),
    (Engines::PostgresRedis, 2),
    (Engines::PostgresRedis, 4),
];

impl Engines {
    const fn name(self) -> &'static str {
        match self {
            Engines::Embedded => "`cupel serve`, SQLite",
            Engines::PostgresAlone => "PostgreSQL alone",
            Engines::PostgresRedis => "PostgreSQL, Redis",
            Engines::PostgresRabbitMq => "PostgreSQL, RabbitMQ, Redis for events",
            // The broker is tansu, which implements Kafka's protocol.
            Engines::PostgresKafka => "PostgreSQL, Kafka, Redis for events",
        }
    }
}

/// The servers that an installation uses.
struct Servers {
    postgres: Postgres,
    redis: Redis,
    rabbitmq: RabbitMq,
    kafka: Kafka,
}

impl Servers {
    /// Creates a database. Returns its URL, and the settings of a cluster that uses the database.
    fn site(&self, engines: Engines) -> anyhow::Result<(String, Vec<(String, String)>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().context("starting the runtime")?;
        let database = runtime.block_on(self.postgres.database());
        let (queue, events) = match engines {
            Engines::Embedded => return Ok((database, Vec::new())),
            Engines::PostgresAlone => ("postgres".to_owned(), "postgres".to_owned()),
            Engines::PostgresRedis => (self.redis.url(), self.redis.url()),
            Engines::PostgresRabbitMq => (self.rabbitmq.url(), self.redis.url()),
            Engines::PostgresKafka => (self.kafka.url(), self.redis.url()),
        };
        let settings = [
            ("CUPEL_CLUSTER__NAME", cupel_testkit::servers::cluster()),
            ("CUPEL_STORE__URL", database.clone()),
            ("CUPEL_QUEUE__URL", queue),
            ("CUPEL_EVENTS__URL", events),
            ("CUPEL_BLOBS__URL", "postgres".to_owned()),
            // Several workers on one machine would prepare the same artefacts at the same time.
            ("CUPEL_LANGUAGES__PREPARE", "false".to_owned()),
            ("CUPEL_PROBLEMS__SHIPPED", "false".to_owned()),
        ];
        Ok((database, settings.map(|(name, value)| (name.to_owned(), value)).to_vec()))
    }
}

/// Runs all measurements; prints tables and returns the figures.
pub(crate) fn measure(plan: Plan) -> anyhow::Result<Value> {
    let servers = Servers {
        postgres: Postgres::start_durable(),
        redis: Redis::start(),
        rabbitmq: RabbitMq::start(),
        kafka: Kafka::start(),
    };
    let mut times = Table::new(
        &format!("One API node, {}, {} clients, milliseconds", "C with cached compilation", plan.http.clients),
        &["engines", "workers", "lone p50", "p99", "per second", "end to end p50", "p99", "accepting p50", "p99"],
    );
    let mut asked = Table::new(
        "Load on the servers",
        &[
            "engines",
            "workers",
            "transactions per submission",
            "Redis commands",
            "transactions per second, idle",
            "Redis commands",
            "connections to PostgreSQL",
            "Redis",
            "RabbitMQ",
            "Kafka",
        ],
    );
    let mut figures = Vec::new();
    for (engines, workers) in SITES {
        let measured =
            of(&servers, engines, workers, plan).with_context(|| format!("{}, {workers} workers", engines.name()))?;
        let ms = |samples: &Samples, percent| format!("{:.1}", samples.percentile(percent).as_secs_f64() * 1e3);
        times.row(vec![
            engines.name().to_owned(),
            workers.to_string(),
            ms(&measured.lone, 50.0),
            ms(&measured.lone, 99.0),
            format!("{:.0}", measured.load.rate().unwrap_or_default()),
            ms(&measured.load, 50.0),
            ms(&measured.load, 99.0),
            ms(&measured.accepting, 50.0),
            ms(&measured.accepting, 99.0),
        ]);
        if engines != Engines::Embedded {
            // Negative values are measurement noise.
            let figure = |figure: f64| format!("{:.1}", figure.max(0.0) + 0.0);
            let mut row = vec![engines.name().to_owned(), workers.to_string()];
            let (submission, idle) = (measured.submission, measured.idle);
            row.extend([submission.transactions, submission.commands, idle.transactions, idle.commands].map(figure));
            row.extend(measured.connections.map(|count| count.to_string()));
            asked.row(row);
        }
        figures.push(json!({
            "engines": engines.name(), "workers": workers,
            "lone": measured.lone.to_json(), "load": measured.load.to_json(), "accepting": measured.accepting.to_json(),
            "transactions_per_submission": measured.submission.transactions,
            "redis_commands_per_submission": measured.submission.commands,
            "idle_transactions_per_second": measured.idle.transactions,
            "idle_redis_commands_per_second": measured.idle.commands,
            "connections": { "postgres": measured.connections[0], "redis": measured.connections[1], "rabbitmq": measured.connections[2],
                "kafka": measured.connections[3] },
        }));
        eprintln!("  measured {}, {workers} workers", engines.name());
    }
    println!("{times}\n{asked}");
    let mut back = Table::new(
        "One of two workers dies (SIGKILL) while both run programs",
        &["lease s", "last run of the dead worker ended after, s"],
    );
    let mut recoveries = Vec::new();
    for lease in [3, 10] {
        let after = recovery(&servers, lease).with_context(|| format!("recovery with a lease of {lease} s"))?;
        back.row(vec![lease.to_string(), format!("{:.1}", after.as_secs_f64())]);
        recoveries.push(json!({ "lease_s": lease, "recovered_after_s": after.as_secs_f64() }));
    }
    println!("{back}");
    Ok(json!({ "clients": plan.http.clients, "sites": figures, "recovery": recoveries }))
}

struct Measured {
    lone: Samples,
    load: Samples,
    accepting: Samples,
    /// Requests to the servers per submission of the load.
    submission: Counted,
    /// Requests to the servers per second, while the nodes are idle.
    idle: Counted,
    /// Open connections to PostgreSQL, Redis, RabbitMQ and Kafka under load.
    connections: [usize; 4],
}

fn of(servers: &Servers, engines: Engines, workers: usize, plan: Plan) -> anyhow::Result<Measured> {
    let (database, settings) = servers.site(engines)?;
    let Servers { postgres, redis, rabbitmq, kafka } = servers;
    let open = || [postgres.port(), redis.port(), rabbitmq.port(), kafka.port()].map(connections);
    let server = match engines {
        Engines::Embedded => Server::start()?,
        _ => Server::start_as("api", &settings)?,
    };
    let workers = (0..workers).map(|_| Process::start("worker", &settings)).collect::<anyhow::Result<Vec<_>>>()?;
    let numbers = AtomicU64::new(1);
    let lone = http::lone(&server, CHEAPEST, &numbers, plan.http)?;
    let count = || Counted::settled(&servers.postgres, &database, &servers.redis);
    let (before, since) = (count(), Instant::now());
    thread::sleep(plan.idle);
    let after = count();
    let idle = (after - before).each(since.elapsed().as_secs_f64());
    let since = Instant::now();
    let (load, accepting) = http::load(&server, CHEAPEST, &numbers, plan.http)?;
    let connections = open();
    let submissions = (load.len() + accepting.len()) as f64;
    let submission = (count() - after).less(idle, since.elapsed().as_secs_f64()).each(submissions);
    debug_assert!(since.elapsed() > REPORTED_AFTER, "counting must have waited");
    drop(workers);
    Ok(Measured { lone, load, accepting, submission, idle, connections })
}

/// Time from a worker's death until the other worker has finished the last of the dead worker's runs.
fn recovery(servers: &Servers, lease_s: u64) -> anyhow::Result<Duration> {
    const CLIENTS: usize = 8;
    const SOURCE: &str =
        "#include <unistd.h>\n#include <stdio.h>\nint main(void) { usleep(200000); puts(\"slept\"); }\n";
    let (_, mut settings) = servers.site(Engines::PostgresRedis)?;
    settings.push(("CUPEL_WORKER__LEASE".to_owned(), format!("{lease_s}s")));
    settings.push(("CUPEL_QUEUE__RECLAIM_AFTER".to_owned(), format!("{lease_s}s")));
    let server = Server::start_as("api", &settings)?;
    let (kept, lost) = (Process::start("worker", &settings)?, Process::start("worker", &settings)?);
    let began = Instant::now();
    let dies = Duration::from_secs(3);
    let lasts = dies + Duration::from_secs(lease_s + 4);
    let runs = Mutex::new(Vec::new());
    let died = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let api = Api::new(server.url(), server.key());
                    while began.elapsed() < lasts {
                        let from = Instant::now();
                        let (_, answer) = api.execute("c", SOURCE, "", true)?;
                        ensure!(
                            answer["status"] == "completed" && answer["stdout"] == "slept\n",
                            "unexpected response: {answer}"
                        );
                        runs.lock().map_err(|_| anyhow::anyhow!("a client panicked"))?.push((from, Instant::now()));
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        thread::sleep(dies);
        let died = Instant::now();
        lost.kill()?;
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        anyhow::Ok(died)
    })?;
    drop(kept);
    let runs = runs.into_inner().map_err(|_| anyhow::anyhow!("a client panicked"))?;
    let then = runs.iter().filter(|(from, until)| *from < died && died < *until).map(|(_, until)| *until - died);
    then.max().context("no run was in progress when the worker died")
}
