//! Runs take turns between their tests.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_many_tests_gives_other_runs_a_turn_between_two_tests() {
    // Without a turn for the other owner, the first owner's second test would never end.
    let bench = Bench::start(vec![Does::Ends, Does::WaitsForStop, Does::Ends, Does::Leaves], once()).await;
    let long = bench.submit_tests(bench.owner, 3).await;
    bench.until_left(3).await;
    let short = bench.submit_tests(bench.other, 1).await;
    bench.leave.store(true, Ordering::Release);
    let state = bench.until(short, RunState::is_final).await;
    assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    assert!(!bench.state(long).await.is_final());
    // The long run continues with its next test.
    bench.until_left(1).await;
    bench.cancel(long).await;
    assert!(matches!(bench.until(long, RunState::is_final).await, RunState::Cancelled { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_yields_turns_runs_all_its_tests_in_one_attempt() {
    let bench = Bench::start(vec![Does::Leaves], once()).await;
    let long = bench.submit_tests(bench.owner, 5).await;
    bench.until_left(0).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(bench.submit_tests(bench.other, 2).await);
    }
    bench.leave.store(true, Ordering::Release);
    for id in others.into_iter().chain([long]) {
        let state = bench.until(id, RunState::is_final).await;
        assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    }
    let report = bench.core.submission(&bench.viewer(), long).await.unwrap().unwrap().report.unwrap();
    let cases: Vec<_> = report.cases.iter().map(|case| (case.name.as_str(), case.verdict)).collect();
    assert_eq!(cases, ["0", "1", "2", "3", "4"].map(|name| (name, Verdict::Accepted)));
    let log = bench.store.events(long, Default::default()).await.unwrap();
    assert_eq!(log.iter().filter(|event| event.kind.name() == "started").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_announced_when_its_run_has_its_turn() {
    let bench = Bench::start(vec![Does::WaitsForStop, Does::Leaves], once()).await;
    let long = bench.submit_tests(bench.owner, 2).await;
    bench.until_left(1).await;
    let other = bench.submit_tests(bench.other, 1).await;
    bench.leave.store(true, Ordering::Release);
    // The other run has its turn, and the second test of the long run waits.
    bench.until_left(0).await;
    bench.clock.advance(Duration::from_secs(1));
    bench.cancel(other).await;
    bench.until(long, RunState::is_final).await;
    let log = bench.store.events(long, Default::default()).await.unwrap();
    let started = log.iter().filter(|event| event.kind.name() == "test.start");
    let seconds: Vec<i64> = started.map(|event| event.at.as_second() - t0().as_second()).collect();
    assert_eq!(seconds, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_long_runs_does_not_hold_every_slot() {
    let script = vec![Does::WaitsForStop, Does::Ends, Does::Leaves, Does::WaitsForStop];
    let bench = Bench::with_slots(2, script, once()).await;
    let first = bench.submit_tests(bench.owner, 1).await;
    bench.until_left(3).await;
    let second = bench.submit_tests(bench.owner, 1).await;
    bench.until_left(2).await;
    // The owner's third run is first in the queue, because the other owner has used much slot time.
    bench.queue.charge(bench.other, Duration::from_secs(100));
    let third = bench.submit_tests(bench.owner, 1).await;
    let short = bench.submit_tests(bench.other, 1).await;
    bench.leave.store(true, Ordering::Release);
    let state = bench.until(short, RunState::is_final).await;
    assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    assert!(!bench.state(first).await.is_final());
    bench.until(second, RunState::is_final).await;
    // No other owner waits, so the owner may use all slots.
    bench.until_left(0).await;
    for id in [first, third] {
        bench.cancel(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_wait_for_their_turn_are_given_back_when_the_worker_drains() {
    let bench = Bench::start(vec![Does::WaitsForStop, Does::WaitsForStop, Does::Leaves], once()).await;
    let long = bench.submit_tests(bench.owner, 3).await;
    bench.until_left(2).await;
    let other = bench.submit_tests(bench.other, 1).await;
    bench.leave.store(true, Ordering::Release);
    // The other run has its turn, and the long run waits.
    bench.until_left(1).await;
    bench.shutdown.cancel();
    let Bench { worker, core, owner, shared, .. } = bench;
    worker.await.unwrap();
    for id in [long, other] {
        let state = core
            .submission(&AuthenticatedUser { is_admin: true, ..AuthenticatedUser::of(owner) }, id)
            .await
            .unwrap()
            .unwrap()
            .state;
        assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
    }
    assert!(shared.leases().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_its_turn_survives_the_failure_of_the_executor() {
    let bench = Bench::start(vec![Does::Ends, Does::Panics, Does::Leaves], once()).await;
    let long = bench.submit_tests(bench.owner, 3).await;
    bench.until_left(2).await;
    let breaks = bench.submit_tests(bench.other, 1).await;
    bench.leave.store(true, Ordering::Release);
    assert!(matches!(bench.until(breaks, RunState::is_final).await, RunState::Abandoned { .. }));
    let state = bench.until(long, RunState::is_final).await;
    assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    assert_eq!(bench.made.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn slot_time_is_charged_to_the_owner_of_the_run() {
    let bench = Bench::with_slots(1, vec![Does::Leaves], once()).await;
    let long = bench.submit_tests(bench.owner, 1).await;
    bench.until_left(0).await;
    // The run uses enough slot time for an announcement.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let mut notices = bench.core.events().notices();
    bench.leave.store(true, Ordering::Release);
    bench.until(long, RunState::is_final).await;
    let notice = tokio::time::timeout(Duration::from_secs(60), notices.next()).await.expect("a notice in time");
    assert!(
        matches!(notice, Some(cupel_core::Notice::Used { owner, millis }) if owner == bench.owner && millis >= 100),
        "{notice:?}"
    );
}
