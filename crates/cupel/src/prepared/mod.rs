//! What toolchains prepare once (`[[prepare]]` of a language file): taking up what is there, making what is not.
//!
//! Nothing here is ever a run's failure or makes one wait: without an artefact a language works more slowly. A
//! server looks through what is there before it starts, and makes the rest while a slot has nothing to do;
//! `cupel run` uses only what somebody else has made.

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

/// A server that is never idle prepares all the same after this long: it has the most to gain.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(60);

/// How often it looks whether a slot is idle.
const IDLE_LOOK: Duration = Duration::from_millis(200);

/// The shelf that commands without a server use: a data directory's if a server has started in it, else the
/// user's own. `None` where there is neither, or it cannot be used.
pub(crate) fn shelf_of(data: &Path) -> Option<Shelf> {
    if DataDir::has_database(data) {
        return Shelf::open(DataDir::open(data).ok()?.path(), &PREPARED).ok();
    }
    // The user's own, who may keep it somewhere else.
    let own = local::user_cache()?.join("prepared");
    std::fs::create_dir_all(&own).ok()?;
    Shelf::open(&own, &[]).ok()
}

/// Whether an artefact is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    /// Nobody has made it yet.
    Missing,
    /// Why the last try failed.
    Failed(String),
}

/// Lets commands use what is there, and says what is not.
pub(crate) fn take_up(shelf: &Shelf, language: &Language, look: Look) -> Vec<State> {
    // In order: a step's key holds what was prepared before it.
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

/// Why an artefact is missing that should have been made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error("it cannot be kept")]
    Keep(#[from] std::io::Error),
}

/// Makes one artefact, unless it is there and whole, and lets commands use it. Says how long it took.
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

/// Makes everything of a language that is not there, and tells of each step that had to be made.
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

/// Prepares whatever the languages of a server lack, one step at a time, while a slot is idle. A step gives way to a run that
/// comes to its slot, and begins anew later. Blocks until all is done or the server stops.
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

/// [`make`] on an idle slot, as often as it has to give way; after [`IDLE_WAIT_MAX`] on any, beside what runs there.
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
            // Once and for all: the run may be over before the step has ended.
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

/// The shelf of a data directory, for its server. Before the sandbox is launched: it shows what is there then.
pub(crate) fn shelf_of_server(data: &DataDir) -> Option<Shelf> {
    match Shelf::open(data.path(), &PREPARED) {
        Ok(shelf) => Some(shelf),
        Err(error) => {
            let path = data.path().join("cache/prepared");
            tracing::warn!(error = %chain(&error), path = %path.display(), "nothing can be prepared");
            None
        }
    }
}
