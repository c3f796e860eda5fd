//! `cupel admin`: workers and the queue, directly in the store. Servers may run at the same time.

pub(super) mod args;

use anyhow::anyhow;
use cupel_core::Needs;
use cupel_core::cluster::{Order, OrderSent, WorkerRecord, unserved};
use cupel_types::{LanguageId, WorkerId};
use jiff::Timestamp;
use serde_json::{Value, json};

use self::args::{Admin, AdminCommand};
use super::accounts::{OpenStore, Uses, in_store};
use super::dead_letters::dead;
use super::stored::stored;
use super::{CommandResult, Exit, Failure, OrExit};
use crate::compose::engines::StoreAndClock;
use crate::local;
use crate::terminal::{Table, harmless, in_line};

pub(super) fn admin(args: &Admin) -> CommandResult {
    let settings = &args.settings;
    match &args.command {
        AdminCommand::Workers { json } => in_store(settings, Uses::Store, async |at| workers(at, *json).await),
        AdminCommand::Queue { json } => in_store(settings, Uses::Store, async |at| queue(&at.store, *json).await),
        AdminCommand::Pause { worker } => {
            in_store(settings, Uses::Store, async |at| send_order(&at.store, worker.as_deref(), Order::Pause).await)
        }
        AdminCommand::Resume { worker } => {
            in_store(settings, Uses::Store, async |at| send_order(&at.store, worker.as_deref(), Order::Work).await)
        }
        AdminCommand::Drain { worker } => {
            in_store(settings, Uses::Store, async |at| send_order(&at.store, Some(worker), Order::Drain).await)
        }
        AdminCommand::Dead(command) => dead(settings, command),
        AdminCommand::Stored(command) => stored(settings, command),
    }
}

/// State of a worker in one word. A worker without recent heartbeats is gone.
fn state(worker: &WorkerRecord, now: Timestamp) -> &'static str {
    match worker.beat.order {
        _ if !worker.is_alive(now) => "gone",
        Order::Work => "working",
        Order::Pause => "paused",
        Order::Drain => "draining",
    }
}

/// Number of busy slots, from the last heartbeat. Zero for a worker that is gone, because other workers get its runs.
fn busy(worker: &WorkerRecord, now: Timestamp) -> u32 {
    if worker.is_alive(now) { worker.beat.busy } else { 0 }
}

/// Number of runs that the worker judged within the minute before its last heartbeat. Zero for a worker that is gone.
fn judged(worker: &WorkerRecord, now: Timestamp) -> u32 {
    if worker.is_alive(now) { worker.beat.judged_last_minute } else { 0 }
}

async fn workers(at: &OpenStore, as_json: bool) -> CommandResult {
    let (store, clock) = &at.store;
    let (workers, now) = (store.workers().await?, clock.now());
    if as_json {
        let view = |worker: &WorkerRecord| {
            let languages: Value = worker
                .beat
                .languages
                .iter()
                .map(|(id, version)| (id.to_string(), Value::from(version.as_str())))
                .collect();
            let pulling: Value = worker
                .beat
                .pulling
                .iter()
                .map(|(id, pulling)| (id.to_string(), Value::from(pulling.failure.as_deref())))
                .collect();
            json!({
                "id": worker.beat.id.to_string(), "name": worker.beat.name, "version": worker.beat.version,
                "state": state(worker, now), "order": worker.order.as_str(), "slots": worker.beat.slots,
                "busy": busy(worker, now), "judged_last_minute": judged(worker, now), "languages": languages, "pulling": pulling,
                "started_at": worker.started_at.to_string(),
                "seen_at": worker.seen_at.to_string(),
            })
        };
        outln!("{}", json!({ "workers": workers.iter().map(view).collect::<Vec<_>>() }));
        return Ok(Exit::Ok);
    }
    // Without the language files of the servers, only the shipped languages are known, and all others count.
    let registry = local::registry(&at.config).ok();
    let is_listed = |id: &&LanguageId| registry.as_ref().is_none_or(|registry| registry.is_listed(id));
    let mut table = Table::new(&["ID", "NAME", "VERSION", "STATE", "ORDER", "BUSY", "JUDGED/MIN", "LANGUAGES", "SEEN"]);
    for worker in &workers {
        let seen = now.duration_since(worker.seen_at).as_secs().max(0);
        table.row(vec![
            worker.beat.id.to_string(),
            in_line(&worker.beat.name),
            in_line(&worker.beat.version),
            state(worker, now).to_owned(),
            worker.order.as_str().to_owned(),
            format!("{} of {}", busy(worker, now), worker.beat.slots),
            judged(worker, now).to_string(),
            worker.beat.languages.keys().filter(is_listed).count().to_string(),
            format!("{seen} s ago"),
        ]);
    }
    table.print();
    for worker in workers.iter().filter(|worker| worker.is_alive(now)) {
        for (language, pulling) in &worker.beat.pulling {
            let state = match &pulling.failure {
                None => "its image is being pulled".to_owned(),
                Some(failure) => format!("its image could not be pulled so far: {}", harmless(failure)),
            };
            outln!("{}: no {language} yet: {state}", in_line(&worker.beat.name));
        }
    }
    Ok(Exit::Ok)
}

async fn queue((store, clock): &StoreAndClock, as_json: bool) -> CommandResult {
    let now = clock.now();
    let (counts, is_paused) = (store.counts(now).await?, store.is_paused().await?);
    let unserved = unserved(&**store, now).await?;
    let names = |needs: &Needs| needs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let waits = counts.oldest_due_at.map(|at| now.duration_since(at).as_secs_f64().max(0.0));
    if as_json {
        outln!(
            "{}",
            json!({
                "queued": counts.queued, "scheduled": counts.scheduled, "running": counts.leased,
                "oldest_waits_s": waits, "is_paused": is_paused, "dead": counts.dead,
                "unserved": unserved.iter().map(|(needs, runs)| json!({ "languages": names(needs), "runs": runs }))
                    .collect::<Vec<_>>(),
            })
        );
        return Ok(Exit::Ok);
    }
    let oldest = waits.map_or_else(String::new, |seconds| format!(", the oldest for {seconds:.1} s"));
    outln!("waiting:   {}{oldest}", counts.queued);
    for (needs, runs) in &unserved {
        let verb = if *runs == 1 { "needs" } else { "need" };
        outln!("           {runs} of them {verb} a worker with {}; there is none", names(needs).join(", "));
    }
    outln!("scheduled: {}", counts.scheduled);
    outln!("running:   {}", counts.leased);
    if counts.dead > 0 {
        outln!("given up:  {}; `cupel admin dead list` shows why", counts.dead);
    }
    if is_paused {
        outln!("all workers have the order to pause; `cupel admin resume` ends the pause");
    }
    Ok(Exit::Ok)
}

async fn send_order(at: &StoreAndClock, worker: Option<&str>, order: Order) -> CommandResult {
    let id = match worker {
        Some(worker) => Some(find(at, worker).await?),
        None => None,
    };
    match at.0.send_order(id, order).await? {
        OrderSent::Sent => Ok(Exit::Ok),
        OrderSent::NoWorker => Err(no_worker(worker.unwrap_or_default())).or_exit(Exit::NotFound),
        OrderSent::AllPaused => {
            Err(anyhow!("all workers are paused; resume them with `cupel admin resume` without a name"))
                .or_exit(Exit::Usage)
        }
    }
}

/// Returns the worker with this id, or the living worker with this name.
async fn find((store, clock): &StoreAndClock, worker: &str) -> Result<WorkerId, Failure> {
    if let Ok(id) = worker.parse() {
        return Ok(id);
    }
    let (mut workers, now) = (store.workers().await?, clock.now());
    workers.retain(|found| found.beat.name == worker && found.is_alive(now));
    match workers.as_slice() {
        [one] => Ok(one.beat.id),
        [] => Err(no_worker(worker)).or_exit(Exit::NotFound),
        many => {
            let ids: Vec<_> = many.iter().map(|found| found.beat.id.to_string()).collect();
            Err(anyhow!("{} workers are named `{worker}`; name one by its id: {}", ids.len(), ids.join(", ")))
                .or_exit(Exit::Usage)
        }
    }
}

fn no_worker(worker: &str) -> anyhow::Error {
    anyhow!("there is no worker `{worker}`; `cupel admin workers` lists all workers")
}
