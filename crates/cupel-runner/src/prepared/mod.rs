//! Prepared artefacts: files that a toolchain makes once and later commands reuse (`[[prepare]]` in a language file).
//! This module finds the existing artefacts and makes the missing ones.
//!
//! A missing artefact never makes a run fail or wait; it only makes the language slower. A server checks the existing
//! artefacts before it starts, and makes the missing ones while a slot is idle or, if no slot becomes idle for a long
//! time, beside the runs of slot 0. `cupel run` only uses existing artefacts.

mod store;

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use cupel_judge::{ExecuteError, Executor, PrepareError, prepare};
use cupel_languages::{Language, Prepare, Registry};
use cupel_types::chain;

use self::store::ArtefactKey;
pub use self::store::{Check, PreparedStore, TARGET};
use crate::runner::Runner;

/// Maximum wait for an idle slot. After this time, a server makes artefacts in a busy slot, because a busy server
/// benefits most from them.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Interval at which the server checks for an idle slot.
const IDLE_POLL: Duration = Duration::from_millis(200);

/// Availability of an artefact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtefactState {
    /// Complete, and used by commands.
    Ready,
    /// Not made yet.
    Missing,
    /// The last attempt failed; contains the reason.
    Failed(String),
}

/// Makes the existing artefacts of a language available to its commands. Returns the state of each artefact.
pub fn use_existing(store: &PreparedStore, language: &Language, check: Check) -> Vec<ArtefactState> {
    // The order matters: a step's key depends on the artefacts of the steps before it.
    let use_existing = |step: &Prepare| {
        let key = ArtefactKey::of(language, step);
        let found = store.find(language, &key, check);
        step.place.set(found.as_deref());
        match (found, store.failure(language, &key)) {
            (Some(_), _) => ArtefactState::Ready,
            (None, Some(why)) => ArtefactState::Failed(why),
            (None, None) => ArtefactState::Missing,
        }
    };
    language.prepare.iter().map(use_existing).collect()
}

/// The reason why an artefact could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// A command failed.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The artefact's files cannot be written.
    #[error("the artefact cannot be stored")]
    Keep(#[from] std::io::Error),
}

/// Makes one artefact unless a complete one exists, and makes it available to commands. Returns the time that this
/// took, or `None` if the artefact existed.
fn make(
    store: &PreparedStore,
    language: &Language,
    step: &Prepare,
    executor: &mut dyn FnMut() -> Result<Box<dyn Executor>, ExecuteError>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Option<Duration>, MakeError> {
    let key = ArtefactKey::of(language, step);
    let found = store.find(language, &key, Check::Contents);
    step.place.set(found.as_deref());
    if found.is_some() {
        return Ok(None);
    }
    let begun = Instant::now();
    let mut executor = executor().map_err(PrepareError::Execute)?;
    match prepare(language, step, &mut *executor, cancelled) {
        Ok(kept) => store.put(language, &key, &kept)?,
        Err(error) => {
            if !cancelled() {
                store.put_failure(language, &key, &chain(&error).to_string());
            }
            return Err(error.into());
        }
    }
    step.place.set(store.find(language, &key, Check::Sizes).as_deref());
    Ok(Some(begun.elapsed()))
}

/// Makes the missing artefacts of a language until `cancelled` returns `true`, and passes each result to `report`.
pub fn make_all(
    store: &PreparedStore,
    language: &Language,
    executor: &mut dyn FnMut() -> Result<Box<dyn Executor>, ExecuteError>,
    cancelled: &dyn Fn() -> bool,
    report: &mut dyn FnMut(&Prepare, Result<Duration, MakeError>),
) {
    for step in &language.prepare {
        if cancelled() {
            return;
        }
        if let Some(made) = make(store, language, step, executor, cancelled).transpose() {
            report(step, made);
        }
    }
}

/// Makes the missing artefacts of a server's languages, one at a time, while a slot is idle. If a run starts in the
/// same slot, the step is cancelled and started again later. After `IDLE_WAIT_MAX`, a step no longer waits for an
/// idle slot and is no longer cancelled for runs. Blocks until each artefact is made or has failed, or the server
/// stops.
pub fn make_in_background(store: &PreparedStore, registry: &Registry, runner: &dyn Runner, stopped: &dyn Fn() -> bool) {
    for language in registry.iter().filter(|language| language.is_available()) {
        for step in &language.prepare {
            if stopped() {
                return;
            }
            match make_when_idle(store, language, step, runner, stopped) {
                Ok(None) => {}
                Ok(Some(took)) => {
                    let took_ms = took.as_millis() as u64;
                    tracing::info!(language.id = %language.id, step = step.name, took_ms, "prepared `{}`", step.name);
                }
                Err(_) if stopped() => return,
                Err(error) => tracing::warn!(
                    language.id = %language.id,
                    step = step.name,
                    error = %chain(&error),
                    "cannot prepare `{}`; the language works without it, more slowly",
                    step.name
                ),
            }
        }
        let keys: Vec<ArtefactKey> = language.prepare.iter().map(|step| ArtefactKey::of(language, step)).collect();
        #[expect(clippy::disallowed_methods, reason = "compared with file times, which use this clock")]
        store.keep_only(language, &keys, SystemTime::now());
    }
}

/// Calls [`make`] with an idle slot, and calls it again each time a run interrupts the preparation. After
/// [`IDLE_WAIT_MAX`], uses slot 0 at the same time as its runs, without interruption.
fn make_when_idle(
    store: &PreparedStore,
    language: &Language,
    step: &Prepare,
    runner: &dyn Runner,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Duration>, MakeError> {
    let begun = Instant::now();
    loop {
        let (slot, gave_way) = (Cell::new(None), Cell::new(false));
        let mut executor = || {
            let chosen = loop {
                match runner.idle_slot() {
                    Some(idle) => {
                        slot.set(Some(idle));
                        break idle;
                    }
                    None if stopped() || begun.elapsed() > IDLE_WAIT_MAX => break 0,
                    None => std::thread::sleep(IDLE_POLL),
                }
            };
            runner.executor(chosen)
        };
        let ends = || {
            let is_wanted = slot.get().is_some_and(|slot| runner.is_shared(slot));
            // Once set, `gave_way` stays set, because the run may end before the step does.
            gave_way.set(gave_way.get() || (is_wanted && begun.elapsed() <= IDLE_WAIT_MAX));
            gave_way.get() || stopped()
        };
        match make(store, language, step, &mut executor, &ends) {
            Err(_) if gave_way.get() && !stopped() => {
                tracing::info!(language.id = %language.id, step = step.name, "preparing `{}` gave way to a run", step.name);
                std::thread::sleep(IDLE_POLL);
            }
            made => return made,
        }
    }
}
