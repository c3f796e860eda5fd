//! The result cache: results are returned only to their owner, only for the identical program, and only while they are
//! valid.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::NewSubmission;
use cupel_core::result_cache::{ResultCache, ResultKey, Results};
use cupel_testkit::{SubmissionBuilder, a_report, a_submission, registry};
use cupel_types::{Bytes, LimitsRequest, RunReport, SubmissionId, Verdict};
use jiff::SignedDuration;

use super::{App, another_user, next};

const MINUTES: Duration = Duration::from_secs(600);

/// A correct cache.
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

/// A cache that returns one submission for every key, as an attacker would have set it up.
struct Forged(SubmissionId);

#[async_trait]
impl Results for Forged {
    async fn find(&self, _key: &ResultKey) -> Option<SubmissionId> {
        Some(self.0)
    }

    async fn keep(&self, _key: &ResultKey, _id: SubmissionId, _lifetime: Duration) {}
}

fn recall(results: impl Results + 'static) -> ResultCache {
    ResultCache { results: Arc::new(results), secret: [7; 32], lifetime: MINUTES }
}

/// A worker's report of a Python program.
fn report(verdict: Verdict) -> RunReport {
    let registry = registry();
    let python = registry.find("python").expect("python");
    let language_version = python.installed_version().expect("it is installed").to_owned();
    RunReport { verdict, limits: python.limits, language_version, ..a_report(b"42\n") }
}

/// Submits the program, stores it in the cache, and completes it with this report.
async fn run(app: &App, recall: &ResultCache, new: SubmissionBuilder, report: RunReport) -> SubmissionId {
    let asked = app.core.cache_query(recall, app.owner, &new.clone().worded()).expect("it can be recalled");
    let id = app.submit(new).await;
    app.core.remember_result(recall, &asked, id).await;
    let assignment = next(&app.core).await;
    assert!(app.core.complete(&assignment, report, Vec::new()).await.unwrap());
    id
}

async fn known(app: &App, recall: &ResultCache, new: SubmissionBuilder) -> Option<SubmissionId> {
    let asked = app.core.cache_query(recall, app.owner, &new.worded())?;
    Some(app.core.cached_result(recall, &asked).await?.submission.id)
}

#[tokio::test]
async fn a_result_is_known_for_the_very_same_program_and_no_other() {
    type Change = fn(&mut NewSubmission);
    let changes: [Change; 9] = [
        |new| new.files[0].1 = b"print(43)".as_slice().into(),
        |new| new.files[0].0 = "other.py".into(),
        |new| new.files.push(("beside.txt".into(), b"x".as_slice().into())),
        |new| new.args.push("x".into()),
        |new| new.env.push(("A".into(), "1".into())),
        |new| new.stdin = b"x".as_slice().into(),
        |new| {
            let test = cupel_types::TestCase { name: "1".into(), stdin: Arc::default(), expected: None };
            new.tests.push(test);
        },
        |new| new.limits = LimitsRequest { memory: Some(Bytes::mib(32)), ..LimitsRequest::default() },
        |new| new.language = "perl".into(),
    ];
    let app = App::start().await;
    let exact = recall(Exact::default());
    let id = run(&app, &exact, a_submission(), report(Verdict::RuntimeError)).await;
    assert_eq!(known(&app, &exact, a_submission()).await, Some(id));
    let other_urgency = a_submission().priority(cupel_types::PriorityClass::Batch);
    assert_eq!(known(&app, &exact, other_urgency).await, Some(id), "it makes no difference to the result");
    for (n, change) in changes.into_iter().enumerate() {
        let changed = a_submission().with(change);
        assert_eq!(known(&app, &recall(Forged(id)), changed.clone()).await, None, "change {n}");
        let asked = app.core.cache_query(&exact, app.owner, &changed.worded()).expect("it is whole");
        app.core.remember_result(&exact, &asked, SubmissionId::from_uuid(cupel_testkit::fresh())).await;
        assert_eq!(known(&app, &exact, a_submission()).await, Some(id), "change {n} has a key of its own");
    }
}

#[tokio::test]
async fn nobody_learns_what_another_one_has_run() {
    let mut app = App::start().await;
    let exact = recall(Exact::default());
    let id = run(&app, &exact, a_submission(), report(Verdict::Accepted)).await;
    app.owner = another_user(&*app.store).await;
    assert_eq!(known(&app, &exact, a_submission()).await, None);
    assert_eq!(known(&app, &recall(Forged(id)), a_submission()).await, None);
}

#[tokio::test]
async fn internal_errors_and_unfinished_runs_are_not_returned_from_the_cache() {
    let app = App::start().await;
    for verdict in [Verdict::InternalError, Verdict::Cancelled, Verdict::Skipped] {
        let exact = recall(Exact::default());
        run(&app, &exact, a_submission(), report(verdict)).await;
        assert_eq!(known(&app, &exact, a_submission()).await, None, "{verdict:?}");
    }
    let exact = recall(Exact::default());
    let asked = app.core.cache_query(&exact, app.owner, &a_submission().worded()).unwrap();
    let id = app.submit_one().await;
    app.core.remember_result(&exact, &asked, id).await;
    assert_eq!(known(&app, &exact, a_submission()).await, None, "it waits");
    app.core.cancel(&app.me(), id).await.unwrap();
    assert_eq!(known(&app, &exact, a_submission()).await, None, "it was cancelled");
}

#[tokio::test]
async fn a_cached_result_expires_and_is_void_for_another_language_version() {
    let app = App::start().await;
    let exact = recall(Exact::default());
    let id = run(&app, &exact, a_submission(), report(Verdict::Accepted)).await;
    let python = || registry().find("python").unwrap().id.clone();
    let as_it_was = app.core.registry();
    app.core.set_registry(as_it_was.with_versions(&[(python(), "99.1".to_owned())].into(), "not here"));
    assert_eq!(known(&app, &exact, a_submission()).await, None);
    assert_eq!(known(&app, &recall(Forged(id)), a_submission()).await, None);
    app.core.set_registry((*as_it_was).clone());
    assert_eq!(known(&app, &exact, a_submission()).await, Some(id));
    app.clock.advance(MINUTES - Duration::from_secs(1));
    assert_eq!(known(&app, &exact, a_submission()).await, Some(id));
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(known(&app, &exact, a_submission()).await, None);
}

#[tokio::test]
async fn scheduled_runs_webhooks_and_faulty_requests_bypass_the_cache() {
    let app = App::start().await;
    let exact = recall(Exact::default());
    let asks =
        |recall: &ResultCache, new: SubmissionBuilder| app.core.cache_query(recall, app.owner, &new.worded()).is_some();
    assert!(asks(&exact, a_submission()));
    let later = cupel_core::Clock::now(&app.clock) + SignedDuration::from_secs(5);
    assert!(!asks(&exact, a_submission().run_at(later)));
    assert!(!asks(&exact, a_submission().webhook("https://example.com/hook")));
    assert!(!asks(&exact, a_submission().in_language("pyton")), "its faults are told by who accepts");
    assert!(!asks(&ResultCache { lifetime: Duration::ZERO, ..exact }, a_submission()), "nothing is to be given again");
}
