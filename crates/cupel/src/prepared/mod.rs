//! Prepared artefacts, which a toolchain makes once (`[[prepare]]` of a language file): use of existing ones, creation
//! of missing ones.
//!
//! A missing artefact never fails or delays a run; the language is only slower. A server checks the existing artefacts
//! before it starts and makes the missing ones while a slot is idle. `cupel run` only uses existing artefacts.

mod shelf;

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cupel_core::chain;
use cupel_judge::{ExecuteError, Executor, PrepareError, prepare};
use cupel_languages::{Language, Prepare, Registry};
use tokio_util::sync::CancellationToken;

use self::shelf::Key;
pub(crate) use self::shelf::{Look, Shelf, TARGET};
use crate::data_dir::{DataDir, PREPARED};
use crate::executor::LocalSandbox;
use crate::local;

/// Maximum wait for an idle slot. After it a server makes artefacts beside its runs, because a busy server gains most
/// from them.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Interval at which it checks for an idle slot.
const IDLE_LOOK: Duration = Duration::from_millis(200);

/// Shelf for commands without a server: that of the data directory if a server has started in it, otherwise the user's
/// own. `None` if neither exists or it cannot be used.
pub(crate) fn shelf_of(data: &Path) -> Option<Shelf> {
    if DataDir::has_database(data) {
        return Shelf::open(DataDir::open(data).ok()?.path(), &PREPARED).ok();
    }
    // The user's cache directory, which may be a link.
    let own = local::user_cache()?.join("prepared");
    std::fs::create_dir_all(&own).ok()?;
    Shelf::open(&own, &[]).ok()
}

/// Availability of an artefact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    /// Not made yet.
    Missing,
    /// Why the last try failed.
    Failed(String),
}

/// Makes existing artefacts available to commands. Returns the state of each artefact.
pub(crate) fn take_up(shelf: &Shelf, language: &Language, look: Look) -> Vec<State> {
    // The order matters: a step's key depends on the artefacts of the steps before it.
    let take_up = |step: &Prepare| {
        let key = Key::of(language, step);
        let found = shelf.find(language, &key, look);
        step.place.set(found.as_deref());
        match (found, shelf.failure(language, &key)) {
            (Some(_), _) => State::Ready,
            (None, Some(why)) => State::Failed(why),
            (None, None) => State::Missing,
        }
    };
    language.prepare.iter().map(take_up).collect()
}

/// Why an artefact could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error("it cannot be kept")]
    Keep(#[from] std::io::Error),
}

/// Makes one artefact unless a complete one exists, and makes it available to commands. Returns how long it took, or
/// `None` if it existed.
fn make(
    shelf: &Shelf,
    language: &Language,
    step: &Prepare,
    executor: &mut dyn FnMut() -> Result<Box<dyn Executor>, ExecuteError>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Option<Duration>, MakeError> {
    let key = Key::of(language, step);
    let found = shelf.find(language, &key, Look::Contents);
    step.place.set(found.as_deref());
    if found.is_some() {
        return Ok(None);
    }
    let begun = Instant::now();
    let mut executor = executor().map_err(PrepareError::Execute)?;
    match prepare(language, step, &mut *executor, cancelled) {
        Ok(kept) => shelf.put(language, &key, &kept)?,
        Err(error) => {
            if !cancelled() {
                shelf.put_failure(language, &key, &chain(&error).to_string());
            }
            return Err(error.into());
        }
    }
    step.place.set(shelf.find(language, &key, Look::Sizes).as_deref());
    Ok(Some(begun.elapsed()))
}

/// Makes all missing artefacts of a language, and reports each one to `tell`.
pub(crate) fn make_all(
    shelf: &Shelf,
    language: &Language,
    executor: &mut dyn FnMut() -> Result<Box<dyn Executor>, ExecuteError>,
    cancelled: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(&Prepare, Result<Duration, MakeError>),
) {
    for step in &language.prepare {
        if cancelled() {
            return;
        }
        if let Some(made) = make(shelf, language, step, executor, cancelled).transpose() {
            tell(step, made);
        }
    }
}

/// Makes the missing artefacts of a server's languages, one at a time, while a slot is idle. If a run comes to the same
/// slot, the step is cancelled and started again later. Blocks until all are made or the server stops.
pub(crate) fn make_in_background(
    shelf: &Shelf,
    registry: &Registry,
    sandbox: &Arc<LocalSandbox>,
    shutdown: &CancellationToken,
) {
    for language in registry.iter().filter(|language| language.is_available()) {
        for step in &language.prepare {
            if shutdown.is_cancelled() {
                return;
            }
            match make_when_idle(shelf, language, step, sandbox, shutdown) {
                Ok(None) => {}
                Ok(Some(took)) => {
                    let took_ms = took.as_millis() as u64;
                    tracing::info!(language.id = %language.id, step = step.name, took_ms, "prepared `{}`", step.name);
                }
                Err(_) if shutdown.is_cancelled() => return,
                Err(error) => tracing::warn!(
                    language.id = %language.id,
                    step = step.name,
                    error = %chain(&error),
                    "cannot prepare `{}`; the language works without it, more slowly",
                    step.name
                ),
            }
        }
        let keys: Vec<Key> = language.prepare.iter().map(|step| Key::of(language, step)).collect();
        #[expect(clippy::disallowed_methods, reason = "compared with times of files, which this clock gives")]
        shelf.keep_only(language, &keys, SystemTime::now());
    }
}

/// Calls [`make`] on an idle slot, again each time a run interrupts it. After [`IDLE_WAIT_MAX`] it uses any slot,
/// beside the runs there.
fn make_when_idle(
    shelf: &Shelf,
    language: &Language,
    step: &Prepare,
    sandbox: &Arc<LocalSandbox>,
    shutdown: &CancellationToken,
) -> Result<Option<Duration>, MakeError> {
    let begun = Instant::now();
    loop {
        let (slot, gave_way) = (Cell::new(None), Cell::new(false));
        let mut executor = || {
            let chosen = loop {
                match sandbox.idle_slot() {
                    Some(idle) => {
                        slot.set(Some(idle));
                        break idle;
                    }
                    None if shutdown.is_cancelled() || begun.elapsed() > IDLE_WAIT_MAX => break 0,
                    None => std::thread::sleep(IDLE_LOOK),
                }
            };
            Ok(Box::new(sandbox.executor(chosen)?) as Box<dyn Executor>)
        };
        let ends = || {
            let is_wanted = slot.get().is_some_and(|slot| sandbox.is_shared(slot));
            // Stays set, because the run may end before the step does.
            gave_way.set(gave_way.get() || (is_wanted && begun.elapsed() <= IDLE_WAIT_MAX));
            gave_way.get() || shutdown.is_cancelled()
        };
        match make(shelf, language, step, &mut executor, &ends) {
            Err(_) if gave_way.get() && !shutdown.is_cancelled() => {
                tracing::info!(language.id = %language.id, step = step.name, "preparing `{}` gave way to a run", step.name);
                std::thread::sleep(IDLE_LOOK);
            }
            made => return made,
        }
    }
}

/// Shelf of a data directory, for its server. Opened before the sandbox is launched, which mounts it at that time.
pub(crate) fn shelf_of_server(data: &DataDir) -> Option<Shelf> {
    match Shelf::open(data.path(), &PREPARED) {
        Ok(shelf) => Some(shelf),
        Err(error) => {
            let path = data.path().join("cache/prepared");
            tracing::warn!(error = %chain(&error), path = %path.display(), "cannot open the directory of prepared artefacts");
            None
        }
    }
}
