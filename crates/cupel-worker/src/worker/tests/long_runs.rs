//! Long runs together leave one slot to short runs.

use cupel_types::LimitsRequest;

use super::live::lent;
use super::*;
use crate::compile_turns::Loan;

/// A wall-clock limit above [`LONG_STEP`] and above the language's default.
const LONG: Duration = Duration::from_secs(100);

impl Bench {
    /// Submits a run whose tests may each take [`LONG`].
    async fn submit_long(&self, owner: UserId, tests: usize) -> SubmissionId {
        let limits = LimitsRequest { wall_time: Some(LONG), ..LimitsRequest::default() };
        let names = (0..tests).map(|test| test.to_string());
        let new = a_submission().in_language("python").limits(limits);
        let new = names.fold(new, |new, name| new.test(&name, b"", None));
        self.core.submit(owner, vec![new.as_sent()], None, &Unlimited).await.unwrap().ids[0]
    }

    /// Waits for a verdict. Meanwhile, offers given-back runs again.
    async fn until_judged(&self, id: SubmissionId) {
        let judged = async {
            while !matches!(self.state(id).await, RunState::Judged { verdict: Verdict::Accepted, .. }) {
                self.clock.advance(Duration::from_millis(1));
                self.core.sweep().await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), judged).await.expect("the run is judged");
    }

    async fn until_leased(&self, id: SubmissionId) {
        self.until(id, |state| matches!(state, RunState::Leased { .. })).await;
    }

    /// Waits until a long run waits in the worker. The worker leases the run before that.
    async fn until_one_waits(&self) {
        let waits = async {
            while self.shared.long.waiting_count() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waits).await.expect("a long run waits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_runs_of_different_users_never_take_the_last_slot() {
    let bench = Bench::with_slots(2, vec![Does::LeavesIfLong; 3], once()).await;
    let first = bench.submit_long(bench.owner, 1).await;
    bench.until_left(2).await;
    let second = bench.submit_long(bench.other, 1).await;
    bench.until_leased(second).await;
    let short = bench.submit_tests(bench.owner, 1).await;
    let state = bench.until(short, RunState::is_final).await;
    assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    assert!(!bench.state(first).await.is_final() && !bench.state(second).await.is_final());
    bench.leave.store(true, Ordering::Release);
    for id in [first, second] {
        bench.until_judged(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_runs_overtake_any_number_of_waiting_long_runs() {
    let bench = Bench::with_slots(2, vec![Does::LeavesIfLong; 100], once()).await;
    let mut long = vec![bench.submit_long(bench.owner, 1).await];
    bench.until_left(99).await;
    for _ in 0..5 {
        long.push(bench.submit_long(bench.other, 1).await);
    }
    for _ in 0..3 {
        let short = bench.submit_tests(bench.other, 1).await;
        let state = bench.until(short, RunState::is_final).await;
        assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    }
    for id in &long {
        assert!(!bench.state(*id).await.is_final());
    }
    bench.leave.store(true, Ordering::Release);
    for id in long {
        bench.until_judged(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_gives_its_slot_to_the_next_long_run_between_two_tests() {
    // The first run may begin some of its tests before the second run gets the slot.
    let steps = [vec![Does::WaitsForStop], vec![Does::Ends; 50], vec![Does::Leaves]].concat();
    let bench = Bench::with_slots(2, steps, once()).await;
    let many = bench.submit_long(bench.owner, 51).await;
    bench.until_left(51).await;
    let one = bench.submit_long(bench.other, 1).await;
    bench.until_leased(one).await;
    bench.until_one_waits().await;
    bench.leave.store(true, Ordering::Release);
    let state = bench.until(one, RunState::is_final).await;
    assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    // The first run continues until its last test.
    bench.until_left(0).await;
    assert!(!bench.state(many).await.is_final());
    bench.cancel(many).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_that_waits_between_its_tests_ends_when_it_is_cancelled() {
    let bench = Bench::with_slots(2, vec![Does::WaitsForStop, Does::Leaves], once()).await;
    let many = bench.submit_long(bench.owner, 3).await;
    bench.until_left(1).await;
    let one = bench.submit_long(bench.other, 1).await;
    bench.until_leased(one).await;
    bench.until_one_waits().await;
    bench.leave.store(true, Ordering::Release);
    bench.until_left(0).await;
    bench.cancel(many).await;
    while bench.shared.leases().len() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(!bench.state(one).await.is_final());
    bench.cancel(one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_single_slot_a_long_run_takes_turns_between_its_tests() {
    let bench = Bench::start(vec![Does::WaitsForStop, Does::Ends, Does::Leaves], once()).await;
    let long = bench.submit_long(bench.owner, 2).await;
    bench.until_left(2).await;
    let short = bench.submit_tests(bench.other, 1).await;
    bench.leave.store(true, Ordering::Release);
    let state = bench.until(short, RunState::is_final).await;
    assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    assert!(!bench.state(long).await.is_final());
    bench.cancel(long).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_that_waits_is_given_back_when_the_worker_drains() {
    let bench = Bench::with_slots(2, vec![Does::WaitsForStop], once()).await;
    let first = bench.submit_long(bench.owner, 1).await;
    bench.until_left(0).await;
    let second = bench.submit_long(bench.other, 1).await;
    bench.until_leased(second).await;
    bench.shutdown.cancel();
    let Bench { worker, core, owner, shared, .. } = bench;
    worker.await.unwrap();
    for id in [first, second] {
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
async fn a_long_run_that_has_begun_has_turns_between_the_compilations_of_live_runs() {
    let bench = Bench::with_slots(1, vec![], once()).await;
    let turns = &bench.shared.parts.compile_turns;
    let mut lending = lent(&mut turns.request(bench.owner)).await;
    let run = bench.submit_long(bench.other, 3).await;
    let ran = || bench.ran.lock().unwrap().len();
    // During any of these loans the slot may get the run.
    let begun = async {
        while ran() == 0 {
            lending = next_loan(turns, bench.owner, lending).await;
        }
        lending
    };
    let mut lending = tokio::time::timeout(Duration::from_secs(60), begun).await.expect("the run begins");
    for _ in 0..2 {
        lending = next_loan(turns, bench.owner, lending).await;
    }
    assert_eq!(ran(), 3, "all tests have run");
    lending.give_back();
    bench.until_judged(run).await;
}

/// Gives the executor back while another compilation waits for it.
async fn next_loan(turns: &CompileTurns, share: UserId, lending: Loan) -> Loan {
    let mut next = turns.request(share);
    lending.give_back();
    lent(&mut next).await
}
