//! The result cache: results are returned only to their owner, only for the identical program, and only while they are
//! valid.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::result_cache::{ResultCache, ResultKey, Results};
use cupel_core::{
    Core, ExecuteRequest, Executed, Idempotency, NewProgram, Origin, RateExceeded, RateLimit, RunStore as _,
    SubmitError,
};
use cupel_testkit::{SubmissionBuilder, Unlimited, a_report, a_submission, registry};
use cupel_types::{Bytes, LimitsRequest, RunReport, SubmissionId, Verdict};
use jiff::SignedDuration;

use super::{App, another_user, next};

const MINUTES: Duration = Duration::from_secs(600);

/// A cache that works as specified.
#[derive(Default)]
struct Exact(Mutex<HashMap<ResultKey, SubmissionId>>);

#[async_trait]
impl Results for Exact {
    async fn find(&self, key: &ResultKey) -> Option<SubmissionId> {
        self.0.lock().unwrap().get(key).copied()
    }

    async fn keep(&self, key: &ResultKey, id: SubmissionId, _lifetime: Duration) {
        self.0.lock().unwrap().insert(*key, id);
    }
}

/// A cache that returns one submission for every key, as if an attacker had written it.
struct Forged(SubmissionId);

#[async_trait]
impl Results for Forged {
    async fn find(&self, _key: &ResultKey) -> Option<SubmissionId> {
        Some(self.0)
    }

    async fn keep(&self, _key: &ResultKey, _id: SubmissionId, _lifetime: Duration) {}
}

/// A cache that ignores new entries.
struct ReadOnly(Arc<dyn Results>);

#[async_trait]
impl Results for ReadOnly {
    async fn find(&self, key: &ResultKey) -> Option<SubmissionId> {
        self.0.find(key).await
    }

    async fn keep(&self, _key: &ResultKey, _id: SubmissionId, _lifetime: Duration) {}
}

fn cache_of(results: impl Results + 'static) -> ResultCache {
    ResultCache { results: Arc::new(results), secret: [7; 32], lifetime: MINUTES }
}

/// A worker's report of a Python program.
fn report(verdict: Verdict) -> RunReport {
    let registry = registry();
    let python = registry.find("python").expect("python");
    let language_version = python.installed_version().expect("it is installed").to_owned();
    RunReport { verdict, limits: python.limits, language_version, ..a_report(b"42\n") }
}

/// Core with this cache and otherwise the same state.
fn core(app: &App, cache: &ResultCache) -> Core {
    app.core.clone().with_result_cache(cache.clone())
}

/// Sends the program as a client that accepts a cached result.
async fn send(app: &App, cache: &ResultCache, new: SubmissionBuilder) -> Executed {
    let request = ExecuteRequest::new(app.owner, new.as_sent(), &Unlimited);
    core(app, cache).execute(ExecuteRequest { accepts_cached: true, ..request }).await.expect("accepted")
}

/// Runs the program, which has no cached result, and completes it with this report.
async fn run(app: &App, cache: &ResultCache, new: SubmissionBuilder, report: RunReport) -> SubmissionId {
    let Executed::Accepted { id, .. } = send(app, cache, new).await else { panic!("it has a cached result") };
    let assignment = next(&app.core).await;
    assert!(app.core.complete(&assignment, report, Vec::new()).await.unwrap());
    id
}

/// Sends `new`, and returns the submission whose cached result is the response. If no result is cached, the new
/// submission is cancelled, so that the cache does not change.
async fn known(app: &App, cache: &ResultCache, new: SubmissionBuilder) -> Option<SubmissionId> {
    let cache = ResultCache { results: Arc::new(ReadOnly(Arc::clone(&cache.results))), ..cache.clone() };
    match send(app, &cache, new).await {
        Executed::Finished { record, origin: Origin::Cache } => Some(record.submission.id),
        Executed::Finished { origin, .. } => panic!("no client waits, but there is a result: {origin:?}"),
        Executed::Accepted { id, .. } => {
            app.core.cancel(&app.me(), id).await.unwrap();
            None
        }
    }
}

#[tokio::test]
async fn only_an_identical_program_gets_a_cached_result() {
    type Change = fn(&mut NewProgram);
    let changes: [Change; 9] = [
        |new| new.source.files[0].1 = b"print(43)".as_slice().into(),
        |new| new.source.files[0].0 = "other.py".into(),
        |new| new.source.files.push(("beside.txt".into(), b"x".as_slice().into())),
        |new| new.args.push("x".into()),
        |new| new.env.push(("A".into(), "1".into())),
        |new| new.stdin = b"x".as_slice().into(),
        |new| {
            let test = cupel_types::TestCase { name: "1".into(), stdin: Arc::default(), expected: None };
            new.tests.push(test);
        },
        |new| new.limits = LimitsRequest { memory: Some(Bytes::mib(32)), ..LimitsRequest::default() },
        |new| new.source.language = "perl".into(),
    ];
    let app = App::start().await;
    let exact = cache_of(Exact::default());
    let id = run(&app, &exact, a_submission(), report(Verdict::RuntimeError)).await;
    assert_eq!(known(&app, &exact, a_submission()).await, Some(id));
    let other_urgency = a_submission().priority(cupel_types::PriorityClass::Batch);
    assert_eq!(known(&app, &exact, other_urgency).await, Some(id), "the priority does not affect the result");
    for (n, change) in changes.into_iter().enumerate() {
        let changed = a_submission().with_program(change);
        assert_eq!(known(&app, &cache_of(Forged(id)), changed.clone()).await, None, "change {n}");
        let Executed::Accepted { .. } = send(&app, &exact, changed).await else { panic!("change {n} is cached") };
        assert_eq!(known(&app, &exact, a_submission()).await, Some(id), "change {n} has a separate key");
    }
}

#[tokio::test]
async fn a_user_cannot_learn_what_another_user_ran() {
    let mut app = App::start().await;
    let exact = cache_of(Exact::default());
    let id = run(&app, &exact, a_submission(), report(Verdict::Accepted)).await;
    app.owner = another_user(&*app.store).await;
    assert_eq!(known(&app, &exact, a_submission()).await, None);
    assert_eq!(known(&app, &cache_of(Forged(id)), a_submission()).await, None);
}

#[tokio::test]
async fn internal_errors_and_unfinished_runs_are_not_returned_from_the_cache() {
    let app = App::start().await;
    for verdict in [Verdict::InternalError, Verdict::Cancelled, Verdict::Skipped] {
        let exact = cache_of(Exact::default());
        run(&app, &exact, a_submission(), report(verdict)).await;
        assert_eq!(known(&app, &exact, a_submission()).await, None, "{verdict:?}");
    }
    let exact = cache_of(Exact::default());
    let Executed::Accepted { id, .. } = send(&app, &exact, a_submission()).await else { panic!("no run has ended") };
    assert_eq!(known(&app, &exact, a_submission()).await, None, "the run is queued");
    app.core.cancel(&app.me(), id).await.unwrap();
    assert_eq!(known(&app, &exact, a_submission()).await, None, "the run was cancelled");
}

#[tokio::test]
async fn a_cached_result_expires_and_is_void_for_another_language_version() {
    let app = App::start().await;
    let exact = cache_of(Exact::default());
    let id = run(&app, &exact, a_submission(), report(Verdict::Accepted)).await;
    let python = || registry().find("python").unwrap().id.clone();
    let as_it_was = app.core.registry();
    app.core.set_registry(as_it_was.with_versions(&[(python(), "99.1".to_owned())].into(), &[].into(), "not here"));
    assert_eq!(known(&app, &exact, a_submission()).await, None);
    assert_eq!(known(&app, &cache_of(Forged(id)), a_submission()).await, None);
    app.core.set_registry((*as_it_was).clone());
    assert_eq!(known(&app, &exact, a_submission()).await, Some(id));
    app.clock.advance(MINUTES - Duration::from_secs(1));
    assert_eq!(known(&app, &exact, a_submission()).await, Some(id));
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(known(&app, &exact, a_submission()).await, None);
}

/// A cache that counts its look-ups.
#[derive(Default)]
struct Counting(Mutex<usize>);

#[async_trait]
impl Results for Counting {
    async fn find(&self, _key: &ResultKey) -> Option<SubmissionId> {
        *self.0.lock().unwrap() += 1;
        None
    }

    async fn keep(&self, _key: &ResultKey, _id: SubmissionId, _lifetime: Duration) {}
}

#[tokio::test]
async fn scheduled_runs_and_requests_that_are_invalid_or_have_a_webhook_bypass_the_cache() {
    let app = App::start().await;
    let counting = Arc::new(Counting::default());
    let cache = ResultCache { results: counting.clone(), secret: [7; 32], lifetime: MINUTES };
    let asks = async |cache: &ResultCache, new: SubmissionBuilder, idempotency: Option<Idempotency>| {
        let request = ExecuteRequest::new(app.owner, new.as_sent(), &Unlimited);
        let request = ExecuteRequest { accepts_cached: true, idempotency, ..request };
        drop(core(&app, cache).execute(request).await);
        std::mem::take(&mut *counting.0.lock().unwrap()) > 0
    };
    assert!(asks(&cache, a_submission(), None).await);
    let later = cupel_core::Clock::now(&app.clock) + SignedDuration::from_secs(5);
    assert!(!asks(&cache, a_submission().run_at(later), None).await);
    assert!(!asks(&cache, a_submission().webhook("https://example.com/hook"), None).await);
    assert!(!asks(&cache, a_submission().in_language("pyton"), None).await, "its errors are reported instead");
    let disabled = ResultCache { lifetime: Duration::ZERO, ..cache.clone() };
    assert!(!asks(&disabled, a_submission(), None).await, "a lifetime of zero disables the cache");
    let key = Idempotency { key: "k".into(), request_hash: [1; 32], expires_at: later };
    assert!(!asks(&cache, a_submission(), Some(key)).await, "a repetition gets the id of the first request");
}

#[tokio::test]
async fn a_cached_result_is_not_charged_and_nothing_is_written_without_a_charge() {
    /// A rate limit that is reached.
    struct Exhausted;

    #[async_trait]
    impl RateLimit for Exhausted {
        async fn charge(&self, _submissions: usize) -> Result<(), RateExceeded> {
            Err(RateExceeded { detail: "no more".into(), retry_after: Duration::from_secs(3) })
        }
    }

    let app = App::start().await;
    let exact = cache_of(Exact::default());
    let core = core(&app, &exact);
    let send = async || {
        let request = ExecuteRequest::new(app.owner, a_submission().as_sent(), &Exhausted);
        core.execute(ExecuteRequest { accepts_cached: true, ..request }).await
    };
    let refused = send().await;
    assert!(matches!(&refused, Err(SubmitError::RateExceeded(why)) if why.detail == "no more"), "{refused:?}");
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 0);
    let id = run(&app, &exact, a_submission(), report(Verdict::Accepted)).await;
    match send().await {
        Ok(Executed::Finished { record, origin: Origin::Cache }) => assert_eq!(record.submission.id, id),
        other => panic!("{other:?}"),
    }
    let refused = core.submit(app.owner, vec![a_submission().as_sent()], None, &Exhausted).await;
    assert!(matches!(refused, Err(SubmitError::RateExceeded(_))), "{refused:?}");
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 1);
}
