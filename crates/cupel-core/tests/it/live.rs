//! The logs of live runs: input, credit and presence.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::event::Seq;
use cupel_core::live::{InputCount, Inputs, MissingInput, Presence};
use cupel_core::{Clock as _, Core, CoreParts, LeasePolicy, Received, RunStore as _};
use cupel_events::EmbeddedBus;
use cupel_testkit::a_submission;
use cupel_types::{LiveInput, SubmissionId};

use super::{App, next, parts};

/// Longer than any step takes on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// A live run whose client has sent an input, with readers of its logs.
async fn a_live_run(app: &App) -> (SubmissionId, Inputs, Presence) {
    let id = app.submit(a_submission().live()).await;
    app.core.send_input(id, InputCount { inputs: 1, bytes: 2 }, LiveInput::Bytes(b"42".to_vec()));
    app.core.report_attached(id);
    (id, app.core.inputs(id).await, app.core.presence(id).await)
}

async fn in_time<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, step).await.expect("the step ends in time")
}

/// Reads the logs until they end.
async fn logs_end(app: &App, id: SubmissionId, mut inputs: Inputs, mut presence: Presence) {
    let input: Option<Result<LiveInput, MissingInput>> = in_time(inputs.next()).await;
    assert_eq!(input, Some(Ok(LiveInput::Bytes(b"42".to_vec()))));
    assert_eq!(in_time(inputs.next()).await, None);
    assert_eq!(in_time(presence.next()).await, Some(()));
    assert_eq!(in_time(presence.next()).await, None);
    let mut credit = app.core.credit(id).await;
    in_time(async { while credit.next().await.is_some() {} }).await;
}

#[tokio::test]
async fn the_logs_of_a_live_run_end_when_it_is_cancelled() {
    for has_started in [false, true] {
        let app = App::start().await;
        let (id, inputs, presence) = a_live_run(&app).await;
        if has_started {
            let assignment = next(&app.core).await;
            app.core.report_consumed(id, assignment.leased.attempt, 1, InputCount { inputs: 1, bytes: 2 });
        }
        app.core.cancel(&app.me(), id).await.unwrap();
        logs_end(&app, id, inputs, presence).await;
    }
}

#[tokio::test]
async fn the_logs_of_a_live_run_end_when_it_is_abandoned() {
    let app = App::start().await;
    let (id, inputs, presence) = a_live_run(&app).await;
    for attempt in 1..=3 {
        let assignment = next(&app.core).await;
        assert_eq!(assignment.leased.attempt, attempt);
        app.core.give_back(&assignment, true, "the sandbox failed").await.unwrap();
        app.clock.advance(Duration::from_secs(60));
        app.core.sweep().await.unwrap();
    }
    logs_end(&app, id, inputs, presence).await;
}

#[tokio::test]
async fn the_logs_of_a_live_run_end_when_its_owners_account_is_disabled() {
    let app = App::start().await;
    let (id, inputs, presence) = a_live_run(&app).await;
    app.accounts().set_disabled(app.owner, true).await.unwrap();
    app.core.sweep().await.unwrap();
    logs_end(&app, id, inputs, presence).await;
}

/// Regression: what waits for reports about the input of such a run waited for ever, and the input stayed charged.
#[tokio::test]
async fn the_reports_about_the_input_of_a_run_end_even_if_its_end_was_never_announced() {
    let app = App::start().await;
    let policy = LeasePolicy { lease: Duration::from_millis(150), attempts_max: 3 };
    let bus = Arc::new(EmbeddedBus::default());
    let core = Core::new(CoreParts { policy, ..parts(&app.store, &app.clock, Arc::default(), bus) });
    let id = app.submit(a_submission().live()).await;
    let mut credit = core.credit(id).await;
    let consumed = InputCount { inputs: 1, bytes: 2 };
    core.report_consumed(id, 1, 1, consumed);
    assert_eq!(in_time(core.next_credit(id, &mut credit)).await, Some(consumed));
    app.store.cancel(id, None, app.clock.now()).await.unwrap().expect("a submission");
    assert_eq!(in_time(core.next_credit(id, &mut credit)).await, None);
}

#[tokio::test]
async fn a_repeated_cancellation_ends_the_logs_if_the_first_announced_nothing() {
    let app = App::start().await;
    let (id, inputs, presence) = a_live_run(&app).await;
    let mut log = app.core.watch(&app.me(), id, Seq::default()).await.unwrap().expect("a log");
    // The store has cancelled the run, but its answer was lost.
    app.store.cancel(id, None, app.clock.now()).await.unwrap().expect("a submission");
    app.core.cancel(&app.me(), id).await.unwrap();
    logs_end(&app, id, inputs, presence).await;
    let end = async {
        loop {
            if let Received::Event(event) = log.next().await.expect("the log has an end")
                && event.kind.is_final()
            {
                return;
            }
        }
    };
    in_time(end).await;
}
