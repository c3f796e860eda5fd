//! Routing of runs to workers, by the languages that a run needs and that workers have.
//!
//! A run needs its language and, if it belongs to a problem, the languages of the package's programs that judge it. The
//! store lets a worker lease a run only if the worker has all of its languages, so a hint that reaches the wrong worker
//! does no harm.
//!
//! To avoid delays, hints are routed nevertheless. If workers differ, the hint of a run that not all of them can judge
//! goes to a *language queue* at the same broker. The queue is named after the needed language that the fewest workers
//! have. Workers take from the common queue and from the language queues of their languages. So a run that waits for
//! the only worker that can judge it does not delay others. If all workers have the same languages, which is the usual
//! case, there are no language queues.
//!
//! A language queue is opened when it is first needed, by a separate task, because opening connects to the broker and
//! may take long. The callers wait for that task only briefly. If the queue cannot be opened, its hints are lost, and
//! the sweeper publishes them again once it is open.
//!
//! The nodes' lists of workers may differ for seconds. If a hint reaches a worker that lacks a language, the worker
//! drops the hint, and the run loses no attempt.
//!
//! A submission is refused if no live worker has all of the languages that it needs, unless a worker is pulling the
//! images of the missing ones. Its run then waits in the store. So does an accepted run whose last suitable worker
//! leaves. Such runs are counted in [`Swept::unserved`](crate::Swept::unserved), which is the metric
//! `cupel_queue_unserved`. Their hints are published when a suitable worker joins.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::Poll;
use std::time::Duration;

use cupel_languages::Registry;
use cupel_problem::{
    AfterInteraction, Checker, Generator, InputValidator, Interactor, Method, Problem, Program, ProgramShape,
};
use cupel_types::{LanguageId, UserId};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::{Hinted, Queue, QueueError, RunHint, chain};

/// Maximum time, from the beginning of an attempt to open a language queue, that publishers wait for the queue.
const PUBLISH_WAIT: Duration = Duration::from_secs(1);
/// The same for a heartbeat: far less than the time after which a worker without heartbeats counts as gone.
const TAKE_WAIT: Duration = Duration::from_secs(2);
/// Minimum time between a failed attempt to open a language queue and the next attempt.
const REOPEN_AFTER: Duration = Duration::from_secs(5);
/// How long a failed attempt to open a language queue is reported, unless another attempt follows.
const FAILURE_REPORTED: Duration = Duration::from_secs(60);

/// The languages that a worker must have to judge a run.
pub type Needs = BTreeSet<LanguageId>;

/// The languages of the live workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Sets of languages, and the number of workers that have exactly each set.
    sets: BTreeMap<BTreeSet<LanguageId>, u64>,
}

impl Routes {
    /// Routes for workers with these languages.
    pub fn of(workers: impl IntoIterator<Item = BTreeSet<LanguageId>>) -> Routes {
        Routes::of_many(workers.into_iter().map(|languages| (languages, 1)))
    }

    /// Routes for this many workers per set of languages.
    pub(crate) fn of_many(workers: impl IntoIterator<Item = (BTreeSet<LanguageId>, u64)>) -> Routes {
        let mut sets: BTreeMap<BTreeSet<LanguageId>, u64> = BTreeMap::new();
        for (languages, count) in workers {
            *sets.entry(languages).or_default() += count;
        }
        Routes { sets }
    }

    /// Whether a live worker has all of these languages.
    pub fn serves(&self, needs: &Needs) -> bool {
        self.sets.keys().any(|set| needs.is_subset(set))
    }

    /// Number of workers that have a language, and number of all workers.
    fn having(&self, language: &LanguageId) -> (u64, u64) {
        self.sets.iter().fold((0, 0), |(having, all), (set, workers)| {
            (having + if set.contains(language) { *workers } else { 0 }, all + workers)
        })
    }

    /// Whether a language has a queue: some workers have it and others do not.
    fn has_queue(&self, language: &LanguageId) -> bool {
        let (having, all) = self.having(language);
        0 < having && having < all
    }

    /// The language queue for a run with these needs; `None`: every worker can judge it, so the run uses the common
    /// queue.
    pub(crate) fn language_queue(&self, needs: &Needs) -> Option<LanguageId> {
        let rare =
            needs.iter().map(|language| (self.having(language), language)).filter(|((having, all), _)| having < all);
        rare.min_by_key(|((having, _), _)| *having).map(|(_, language)| language.clone())
    }

    /// The language queues from which a worker with these languages takes.
    fn language_queues(&self, has: &BTreeSet<LanguageId>) -> BTreeSet<LanguageId> {
        has.iter().filter(|language| self.has_queue(language)).cloned().collect()
    }
}

/// The languages of a registry that are available or have not been probed.
pub(crate) fn languages_of(registry: &Registry) -> BTreeSet<LanguageId> {
    let there = registry.iter().filter(|language| language.availability.reason().is_none());
    there.map(|language| language.id.clone()).collect()
}

/// The languages of the programs with which a package judges solutions. Programs that are not given as sources are
/// omitted, and so are programs whose language cannot be determined, which the judge reports.
pub(crate) fn judging_languages(problem: &Problem, registry: &Registry) -> Needs {
    let mut needs = Needs::new();
    let mut seen: Option<&Arc<Method>> = None;
    let mut made: Option<&Arc<Generator>> = None;
    for case in problem.tests.cases() {
        if let Some(by) = case.made.as_ref().map(|made| &made.by)
            && made.is_none_or(|made| !Arc::ptr_eq(made, by))
        {
            needs.extend(language_of(&by.program, registry));
            made = Some(by);
        }
        // Nearly always all cases share one method.
        if seen.is_some_and(|seen| Arc::ptr_eq(seen, &case.method)) {
            continue;
        }
        seen = Some(&case.method);
        let (talks, checks) = match &*case.method {
            Method::Check(checker) => (None, Some(checker)),
            Method::Interact(Interactor { program, then: AfterInteraction::Check(checker) }) => {
                (Some(program), Some(checker))
            }
            Method::Interact(Interactor { program, then: AfterInteraction::Verdict }) => (Some(program), None),
        };
        let checks = checks.and_then(|checker| match checker {
            Checker::Program(program) => Some(program),
            Checker::Builtin(_) => None,
        });
        needs.extend(talks.into_iter().chain(checks).filter_map(|judge| language_of(&judge.program, registry)));
    }
    needs
}

/// The judging languages, and those of the package's input validators.
pub(crate) fn verifying_languages(problem: &Problem, registry: &Registry) -> Needs {
    let validators = problem.validators.iter().filter_map(|validator| match validator {
        InputValidator::ExitCode42(program) | InputValidator::ExitCode0(program) => language_of(program, registry),
        InputValidator::Checktestdata(_) => None,
    });
    validators.chain(judging_languages(problem, registry)).collect()
}

fn language_of(program: &Program, registry: &Registry) -> Option<LanguageId> {
    if program.shape != ProgramShape::Sources {
        return None;
    }
    let named = program.language.as_ref().and_then(|id| registry.get(id));
    let found = named.or_else(|| registry.of_files(program.files.iter().map(|file| &file.name)).ok());
    found.map(|language| language.id.clone())
}

/// The common queue, and the language queues, which are opened on demand.
pub(crate) struct LanguageQueues {
    common: Arc<dyn Queue>,
    languages: Languages,
    /// The languages of the live workers. `None` until this node has first read the list of workers; until then, every
    /// hint goes to the common queue.
    routes: RwLock<Option<Arc<Routes>>>,
    /// The language queues from which this process's worker takes. A queue stays in this map when all workers have its
    /// language, because it may still contain hints. It is removed when this worker loses the language.
    taken: watch::Sender<BTreeMap<LanguageId, Arc<dyn Queue>>>,
    /// Round-robin position of the queue that is polled first.
    turn: AtomicUsize,
}

/// The language queues. The tasks that open them share this value.
type Languages = Arc<Mutex<BTreeMap<LanguageId, LanguageQueue>>>;

/// A language queue, or the state of the attempts to open it.
#[derive(Default)]
struct LanguageQueue {
    /// `None` until the queue is open. It then stays open.
    queue: Option<Arc<dyn Queue>>,
    /// The attempt that is under way.
    opening: Option<Opening>,
    /// When the last attempt failed, and why.
    failure: Option<(Instant, String)>,
}

/// An attempt to open a language queue.
#[derive(Clone)]
struct Opening {
    since: Instant,
    /// Closed when the attempt has ended.
    end: watch::Receiver<()>,
}

/// Result of publishing hints to several queues.
#[derive(Default)]
pub(crate) struct Published {
    /// Number of published hints.
    pub(crate) hints: u64,
    /// The queues that refused hints. `None` is the common queue.
    pub(crate) refused: Vec<(Option<LanguageId>, QueueError)>,
}

impl LanguageQueues {
    pub(crate) fn new(common: Arc<dyn Queue>) -> LanguageQueues {
        LanguageQueues {
            common,
            languages: Arc::default(),
            routes: RwLock::default(),
            taken: watch::Sender::default(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The common queue, for runs that every worker can judge.
    pub(crate) fn common(&self) -> &Arc<dyn Queue> {
        &self.common
    }

    pub(crate) fn routes(&self) -> Option<Arc<Routes>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_routes(&self, routes: Routes) {
        let mut known = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != Some(&routes) {
            *known = Some(Arc::new(routes));
        }
    }

    /// Whether a live worker has all of these languages; `true` until this node has first read the list of workers.
    pub(crate) fn serves(&self, needs: &Needs) -> bool {
        self.routes().is_none_or(|routes| routes.serves(needs))
    }

    /// Publishes each hint to the queue of workers that can judge its run. Hints whose run no worker can judge are
    /// skipped; these runs wait in the store.
    pub(crate) async fn publish(&self, hints: &[(RunHint, Needs)]) -> Result<(), QueueError> {
        let published = self.publish_in_parts(hints, usize::MAX).await;
        published.refused.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Publishes hints as [`LanguageQueues::publish`], but at most `part_max` at a time to each queue. A queue that
    /// refuses a part gets no later part. The other queues get all of their hints.
    pub(crate) async fn publish_in_parts(&self, hints: &[(RunHint, Needs)], part_max: usize) -> Published {
        let routes = self.routes();
        let mut by_queue: BTreeMap<Option<LanguageId>, Vec<RunHint>> = BTreeMap::new();
        for (hint, needs) in hints {
            let language = match &routes {
                None => None,
                Some(routes) if routes.serves(needs) => routes.language_queue(needs),
                Some(_) => continue,
            };
            by_queue.entry(language).or_default().push(*hint);
        }
        self.begin_to_open(by_queue.keys().flatten());
        let mut published = Published::default();
        for (language, hints) in by_queue {
            let queue = match &language {
                None => Ok(Arc::clone(&self.common)),
                Some(language) => self.language_queue(language, PUBLISH_WAIT).await,
            };
            let result = match queue {
                Ok(queue) => publish_parts(&*queue, &hints, part_max, &mut published.hints).await,
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                published.refused.push((language, error));
            }
        }
        published
    }

    /// From now on, takes hints from the language queues of a worker with these languages. If some of them are not open
    /// in time, returns an error, and the next call tries again.
    ///
    /// Queues of other languages are left: the worker could only drop their hints, and would do so faster than other
    /// workers judge the runs.
    pub(crate) async fn take_for(&self, has: &BTreeSet<LanguageId>) -> Result<(), QueueError> {
        let Some(routes) = self.routes() else { return Ok(()) };
        self.taken.send_if_modified(|taken| {
            let lost: Vec<_> = taken.keys().filter(|language| !has.contains(*language)).cloned().collect();
            for language in &lost {
                tracing::info!(%language, "this worker has lost {language}: leaving its language queue to others");
                taken.remove(language);
            }
            !lost.is_empty()
        });
        let mut missing = routes.language_queues(has);
        missing.retain(|language| !self.taken.borrow().contains_key(language));
        self.begin_to_open(&missing);
        let mut result = Ok(());
        for language in missing {
            match self.language_queue(&language, TAKE_WAIT).await {
                Ok(language_queue) => {
                    tracing::info!(%language, "not all workers have {language}: taking its runs from a language queue");
                    self.taken.send_modify(|taken| drop(taken.insert(language, language_queue)));
                }
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// The next hint of the common queue or of a language queue in use, and the queue to settle it with. Queues are
    /// polled round-robin.
    pub(crate) async fn next(&self) -> Result<(Hinted, Arc<dyn Queue>), QueueError> {
        let mut taken = self.taken.subscribe();
        loop {
            let mut queues = vec![Arc::clone(&self.common)];
            queues.extend(taken.borrow_and_update().values().cloned());
            let first = self.turn.fetch_add(1, Ordering::Relaxed) % queues.len();
            queues.rotate_left(first);
            let mut waits: Vec<_> = queues.iter().map(|queue| queue.next()).collect();
            let any = poll_fn(|context| {
                let mut ready = waits.iter_mut().enumerate().map(|(at, wait)| (at, wait.as_mut().poll(context)));
                ready
                    .find_map(|(at, polled)| match polled {
                        Poll::Ready(hinted) => Some(Poll::Ready((at, hinted))),
                        Poll::Pending => None,
                    })
                    .unwrap_or(Poll::Pending)
            });
            let found = tokio::select! {
                found = any => Some(found),
                // Cannot fail: the sender is a field of `self`.
                _ = taken.changed() => None,
            };
            drop(waits);
            if let Some((at, hinted)) = found {
                return Ok((hinted?, queues.swap_remove(at)));
            }
        }
    }

    /// The next hint of an owner not in `not` that is available at once, and the queue to settle it with.
    pub(crate) async fn next_other(&self, not: &[UserId]) -> Result<Option<(Hinted, Arc<dyn Queue>)>, QueueError> {
        let mut queues = vec![Arc::clone(&self.common)];
        queues.extend(self.taken.borrow().values().cloned());
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % queues.len();
        queues.rotate_left(first);
        for queue in queues {
            if let Some(hinted) = queue.next_other(not).await? {
                return Ok(Some((hinted, queue)));
            }
        }
        Ok(None)
    }

    /// Charges slot time to an owner in all queues.
    pub(crate) fn charge(&self, owner: UserId, time: Duration) {
        self.common.charge(owner, time);
        for language_queue in self.language_queues() {
            language_queue.charge(owner, time);
        }
    }

    /// Number of waiting hints in the common queue and in the language queues in use. The queue of a language that no
    /// worker or every worker has is not in use, because it may have no consumers. Its hints are not counted: the
    /// sweeper looks for lost hints only if there are fewer hints than waiting runs.
    pub(crate) async fn depth(&self) -> Result<usize, QueueError> {
        let mut depth = self.common.depth().await?;
        for language_queue in self.queues_in_use() {
            depth += language_queue.depth().await?;
        }
        Ok(depth)
    }

    /// Number of an owner's waiting hints.
    pub(crate) async fn depth_of(&self, owner: UserId) -> Result<usize, QueueError> {
        let mut depth = self.common.depth_of(owner).await?;
        for language_queue in self.language_queues() {
            depth += language_queue.depth_of(owner).await?;
        }
        Ok(depth)
    }

    /// Whether this process can currently exchange hints with others through the queues in use; if not, the cause as
    /// human-readable text. Makes no network call.
    pub(crate) fn health(&self) -> Result<(), String> {
        self.common.health()?;
        let routes = self.routes();
        let has_queue = |language| routes.as_ref().is_none_or(|routes| routes.has_queue(language));
        for (language, LanguageQueue { queue, failure, .. }) in &*lock(&self.languages) {
            let health = match (queue, failure) {
                (Some(queue), _) => queue.health(),
                (None, Some((at, why))) if at.elapsed() < FAILURE_REPORTED => {
                    Err(format!("it cannot be opened: {why}"))
                }
                (None, _) => Ok(()),
            };
            if let Err(why) = health
                && has_queue(language)
            {
                return Err(format!("language queue of {language}: {why}"));
            }
        }
        Ok(())
    }

    /// The queue of a language. If it is not open, begins to open it, unless an attempt has failed a moment ago. Waits
    /// for the attempt at most until `wait` after its beginning.
    async fn language_queue(&self, language: &LanguageId, wait: Duration) -> Result<Arc<dyn Queue>, QueueError> {
        if let Some(mut opening) = self.opening(language) {
            // The channel carries no values. So this returns when the attempt has ended, or too much time has passed.
            let _ = timeout_at(opening.since + wait, opening.end.changed()).await;
        }
        let languages = lock(&self.languages);
        let state = languages.get(language);
        match state.and_then(|state| state.queue.as_ref()) {
            Some(queue) => Ok(Arc::clone(queue)),
            None => {
                let failure = state.filter(|state| state.opening.is_none()).and_then(|state| state.failure.as_ref());
                let why = match failure {
                    Some((_, why)) => format!("cannot open the language queue of {language}: {why}"),
                    None => format!("the language queue of {language} is still being opened"),
                };
                Err(QueueError::Unreachable(why.into()))
            }
        }
    }

    /// Begins to open these language queues at the same time.
    fn begin_to_open<'a>(&self, languages: impl IntoIterator<Item = &'a LanguageId>) {
        for language in languages {
            self.opening(language);
        }
    }

    /// The current attempt to open a language queue, which begins here if necessary. `None` if the queue is open, or an
    /// attempt has failed a moment ago.
    fn opening(&self, language: &LanguageId) -> Option<Opening> {
        let mut languages = lock(&self.languages);
        let state = languages.entry(language.clone()).or_default();
        if state.queue.is_some() {
            return None;
        }
        // The channel of an attempt that panicked is closed.
        if let Some(opening) = state.opening.as_ref().filter(|opening| opening.end.has_changed().is_ok()) {
            return Some(opening.clone());
        }
        if state.failure.as_ref().is_some_and(|(at, _)| at.elapsed() < REOPEN_AFTER) {
            return None;
        }
        let (ends, end) = watch::channel(());
        let opening = Opening { since: Instant::now(), end };
        state.opening = Some(opening.clone());
        drop(languages);
        tokio::spawn(open(Arc::clone(&self.common), Arc::clone(&self.languages), language.clone(), ends));
        Some(opening)
    }

    fn language_queues(&self) -> Vec<Arc<dyn Queue>> {
        lock(&self.languages).values().filter_map(|state| state.queue.clone()).collect()
    }

    fn queues_in_use(&self) -> Vec<Arc<dyn Queue>> {
        let Some(routes) = self.routes() else { return self.language_queues() };
        let languages = lock(&self.languages);
        let in_use = languages.iter().filter(|(language, _)| routes.has_queue(language));
        in_use.filter_map(|(_, state)| state.queue.clone()).collect()
    }
}

/// Opens a language queue. `ends` is dropped at the end.
async fn open(common: Arc<dyn Queue>, languages: Languages, language: LanguageId, ends: watch::Sender<()>) {
    let opened = common.language_queue(&language).await;
    let mut languages = lock(&languages);
    let state = languages.entry(language.clone()).or_default();
    state.opening = None;
    match opened {
        Ok(queue) => (state.queue, state.failure) = (Some(queue), None),
        Err(error) => {
            let error = chain(&error);
            if state.failure.is_none() {
                tracing::warn!(%language, error, "cannot open the language queue of {language}; its runs wait");
            }
            state.failure = Some((Instant::now(), error));
        }
    }
    drop(languages);
    drop(ends);
}

/// Publishes hints to one queue until it refuses some. Adds the number of published hints to `count`.
async fn publish_parts(
    queue: &dyn Queue,
    hints: &[RunHint],
    part_max: usize,
    count: &mut u64,
) -> Result<(), QueueError> {
    for part in hints.chunks(part_max) {
        queue.publish(part).await?;
        *count += part.len() as u64;
    }
    Ok(())
}

fn lock(languages: &Languages) -> MutexGuard<'_, BTreeMap<LanguageId, LanguageQueue>> {
    // No critical section can panic between two changes, so the map is consistent even if the lock is poisoned.
    languages.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<LanguageId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn workers_with_equal_languages_have_no_language_queues() {
        let routes = Routes::of([set(&["c", "python"]), set(&["c", "python"])]);
        assert_eq!(routes.language_queue(&set(&["c", "python"])), None);
        assert!(routes.language_queues(&set(&["c", "python"])).is_empty());
        assert!(routes.serves(&set(&["c"])) && !routes.serves(&set(&["c", "java"])));
    }

    #[test]
    fn a_run_goes_to_the_queue_of_the_rarest_language_it_needs() {
        let routes = Routes::of([
            set(&["c", "python"]),
            set(&["c", "java", "python"]),
            set(&["c", "java", "haskell", "python"]),
        ]);
        let language_queue = |names: &[&str]| routes.language_queue(&set(names)).map(|id| id.to_string());
        assert_eq!(language_queue(&["c"]), None);
        assert_eq!(language_queue(&["c", "python"]), None);
        assert_eq!(language_queue(&["java", "c"]).as_deref(), Some("java"));
        assert_eq!(language_queue(&["java", "haskell"]).as_deref(), Some("haskell"));
        assert!(routes.language_queues(&set(&["c", "python"])).is_empty());
        assert_eq!(routes.language_queues(&set(&["c", "java", "python"])), set(&["java"]));
        assert_eq!(routes.language_queues(&set(&["c", "java", "haskell", "python"])), set(&["haskell", "java"]));
    }

    #[test]
    fn a_run_needs_one_worker_with_all_of_its_languages() {
        let routes = Routes::of([set(&["c"]), set(&["java"])]);
        assert!(routes.serves(&set(&["c"])) && routes.serves(&set(&["java"])));
        assert!(!routes.serves(&set(&["c", "java"])));
        assert!(!Routes::of([]).serves(&set(&["c"])));
        assert!(Routes::of([set(&["c"])]).serves(&Needs::new()));
    }
}
