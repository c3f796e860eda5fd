//! Cost of passing an empty job to a worker and its result back, measured with core and each store and queue. The bench
//! starts real servers on the same processors.
//!
//! Clients submit, wait for the result and submit again. Takers lease runs and complete them at once with a report of
//! one case. *Claim* is the time from the call of `submit` to the lease. *Lone* is one client with 30 ms of idleness
//! between jobs. The number of requests to the servers per job is the difference between the servers' own statistics
//! before and after the load.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cupel_core::{Bounds, Core, CoreParts, EventBus, ExecuteRequest, Executed, LeasePolicy, Queue, Store, Wait};
use cupel_events::EventBounds;
use cupel_queue::Settings;
use cupel_store::{LocalPackages, PostgresOptions, SqlStore};
use cupel_testkit::servers::{Kafka, Postgres, RabbitMq, Redis};
use cupel_testkit::{Unlimited, a_report, a_submission, a_user, fresh, registry};
use cupel_types::{SubmissionId, UserId, WorkerId};
use serde_json::{Value, json};

use crate::counted::Counted;
use crate::samples::Samples;
use crate::table::Table;

/// Amount of measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) lone: usize,
    pub(crate) load: Duration,
    pub(crate) clients: usize,
}

/// Number of tasks that lease and complete runs: as many as the slots of a few workers.
const TAKERS: usize = 8;
const LONE_PAUSE: Duration = Duration::from_millis(30);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The engines of a measurement.
#[derive(Clone, Copy, Debug)]
enum Engines {
    Embedded,
    PostgresAlone,
    PostgresRedis,
    PostgresRabbitMq,
    PostgresKafka,
}

impl Engines {
    const ALL: [Engines; 5] = [
        Engines::Embedded,
        Engines::PostgresAlone,
        Engines::PostgresRedis,
        Engines::PostgresRabbitMq,
        Engines::PostgresKafka,
    ];

    const fn name(self) -> &'static str {
        match self {
            Engines::Embedded => "SQLite, in this process",
            Engines::PostgresAlone => "PostgreSQL alone",
            Engines::PostgresRedis => "PostgreSQL, Redis",
            Engines::PostgresRabbitMq => "PostgreSQL, RabbitMQ, Redis for events",
            // The broker is tansu, which implements Kafka's protocol.
            Engines::PostgresKafka => "PostgreSQL, Kafka, Redis for events",
        }
    }
}

/// Measures all engines; prints a table and returns the figures.
pub(crate) fn measure(plan: Plan) -> anyhow::Result<Value> {
    let servers = (Postgres::start_durable(), Redis::start(), RabbitMq::start(), Kafka::start());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let mut table = Table::new(
        &format!("Dispatch of empty jobs, {} clients, {TAKERS} takers, milliseconds", plan.clients),
        &[
            "engines",
            "lone claim p50",
            "p99",
            "jobs per second",
            "claim p50",
            "p99",
            "transactions per job",
            "Redis commands per job",
        ],
    );
    let mut figures = serde_json::Map::new();
    for engines in Engines::ALL {
        let measured = runtime.block_on(of(engines, &servers, plan)).with_context(|| engines.name())?;
        let ms = |samples: &Samples, percent| format!("{:.2}", samples.percentile(percent).as_secs_f64() * 1e3);
        table.row(vec![
            engines.name().to_owned(),
            ms(&measured.lone, 50.0),
            ms(&measured.lone, 99.0),
            format!("{:.0}", measured.load.rate().unwrap_or_default()),
            ms(&measured.load, 50.0),
            ms(&measured.load, 99.0),
            format!("{:.2}", measured.asked.transactions),
            format!("{:.2}", measured.asked.commands),
        ]);
        figures.insert(
            engines.name().to_owned(),
            json!({
                "lone_claim": measured.lone.to_json(), "claim": measured.load.to_json(),
                "transactions_per_job": measured.asked.transactions, "redis_commands_per_job": measured.asked.commands,
            }),
        );
        eprintln!("  measured {}", engines.name());
    }
    println!("{table}");
    Ok(json!({ "clients": plan.clients, "takers": TAKERS, "engines": figures }))
}

struct Measured {
    lone: Samples,
    load: Samples,
    /// Requests to the servers per job under load.
    asked: Counted,
}

async fn of(
    engines: Engines,
    (postgres, redis, rabbitmq, kafka): &(Postgres, Redis, RabbitMq, Kafka),
    plan: Plan,
) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir().context("creating a directory")?;
    let cluster = cupel_testkit::servers::cluster();
    let database = postgres.database().await;
    let (queue_url, events_url) = match engines {
        Engines::Embedded => (String::new(), String::new()),
        Engines::PostgresAlone => (database.clone(), database.clone()),
        Engines::PostgresRedis => (redis.url(), redis.url()),
        Engines::PostgresRabbitMq => (rabbitmq.url(), redis.url()),
        Engines::PostgresKafka => (kafka.url(), redis.url()),
    };
    let store = match engines {
        Engines::Embedded => SqlStore::open_sqlite(&folder.path().join("cupel.db")).await?,
        _ => SqlStore::open_postgres(PostgresOptions::new(database.clone(), cluster.clone())).await?,
    };
    let clock = store.clock();
    let store: Arc<dyn Store> = Arc::new(store);
    let owner = store.insert_user(a_user()).await?.map_err(|_| anyhow::anyhow!("the user already exists"))?.id;
    let settings = Settings { cluster: cluster.clone(), ..Settings::default() };
    let queue: Arc<dyn Queue> = cupel_queue::connect(&queue_url, settings).await?;
    let events: Arc<dyn EventBus> = cupel_events::connect(&events_url, &cluster, EventBounds::default()).await?;
    let core = Core::new(CoreParts {
        store: Arc::clone(&store),
        queue: Arc::clone(&queue),
        events: Arc::clone(&events),
        packages: Arc::new(LocalPackages::open(&folder.path().join("packages"), registry())?),
        clock,
        registry: registry(),
        policy: LeasePolicy::default(),
        bounds: Bounds::default(),
    });
    let bench = Bench { core, owner, claimed: Arc::default() };
    let takers: Vec<_> = (0..TAKERS).map(|_| tokio::spawn(bench.clone().take())).collect();

    let mut lone = Samples::default();
    for _ in 0..plan.lone {
        tokio::time::sleep(LONE_PAUSE).await;
        lone.push(bench.job().await?);
    }
    let before = Counted::settled(postgres, &database, redis);
    let (began, until) = (Instant::now(), Instant::now() + plan.load);
    let clients: Vec<_> = (0..plan.clients)
        .map(|_| {
            let bench = bench.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < until {
                    times.push(bench.job().await?);
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await??);
    }
    let mut load = Samples::default();
    load.extend(times, began.elapsed());
    let asked = (Counted::settled(postgres, &database, redis) - before).each(load.len() as f64);
    queue.close();
    for taker in takers {
        taker.await?;
    }
    events.close().await;
    store.close().await;
    Ok(Measured { lone, load, asked })
}

/// Core, the submitting user, and the times at which the jobs were leased.
#[derive(Clone)]
struct Bench {
    core: Core,
    owner: UserId,
    claimed: Arc<Mutex<HashMap<SubmissionId, Instant>>>,
}

impl Bench {
    /// Submits an empty job and waits until it is complete. Returns the time until the job was leased.
    async fn job(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let executed = self
            .core
            .execute(ExecuteRequest {
                owner: self.owner,
                new: a_submission().in_language("python").as_sent(),
                idempotency: None,
                accepts_cached: false,
                wait: Some(Wait {
                    for_room: false,
                    at_most: WAIT_MAX,
                    given_up: Box::pin(std::future::pending()),
                    permit: Box::new(()),
                }),
                rate_limit: &Unlimited,
                on_stored: Box::new(|| ()),
            })
            .await?;
        let Executed::Finished { record, .. } = executed else { bail!("a job was not complete after {WAIT_MAX:?}") };
        let id = record.submission.id;
        let claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok(claimed.context("a job was completed that no taker leased")? - began)
    }

    /// Leases and completes runs until the queue is closed.
    async fn take(self) {
        let me = WorkerId::from_uuid(fresh());
        while let Ok(assignment) = self.core.next_run(me).await {
            let id = assignment.leased.submission.id;
            self.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now());
            if let Err(error) = self.core.complete(&assignment, a_report(b"42\n"), Vec::new()).await {
                eprintln!("  cannot complete a job: {error}");
            }
        }
    }
}
