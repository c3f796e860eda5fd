//! Live runs: input that arrives while the program runs.

use std::time::Instant;

use cupel_core::event::{Event, EventKind};
use cupel_core::live::InputCount;
use cupel_core::{Interest, Received};
use cupel_types::LiveSignal;

use super::*;
use crate::compile_turns::{Answer, Loan, Request};

/// The output that the executor returns for every step.
const SCRIPTED: &[u8] = b"out";

impl Bench {
    async fn submit_live(&self) -> SubmissionId {
        self.submit_live_in("python", self.owner).await
    }

    pub(super) async fn submit_live_in(&self, language: &str, owner: UserId) -> SubmissionId {
        let new = a_submission().in_language(language).live().as_sent();
        self.core.submit(owner, vec![new], None, &Unlimited).await.unwrap().ids[0]
    }

    /// Sends the input with this number. Every input counts as one byte.
    fn send(&self, id: SubmissionId, number: u32, input: LiveInput) {
        self.core.send_input(id, InputCount { inputs: number, bytes: u64::from(number) }, input);
    }

    async fn message(&self, id: SubmissionId) -> String {
        let record = self.core.submission(&self.viewer(), id).await.unwrap().unwrap();
        record.report.and_then(|report| report.message).unwrap_or_default()
    }

    /// The output in the result.
    async fn kept_output(&self, id: SubmissionId) -> Vec<u8> {
        let record = self.core.submission(&self.viewer(), id).await.unwrap().unwrap();
        let step = record.report.and_then(|report| report.execution);
        step.map(|step| step.stdout.data.to_vec()).unwrap_or_default()
    }

    /// The output in the stored log.
    async fn output(&self, id: SubmissionId) -> Vec<u8> {
        let log = self.store.events(id, Default::default()).await.unwrap();
        let output = log.iter().filter_map(|event| match &event.kind {
            EventKind::Output { data, .. } => Some(data.to_vec()),
            _ => None,
        });
        output.flatten().collect()
    }

    /// Waits until this much is reported as consumed.
    async fn until_consumed(&self, id: SubmissionId, count: InputCount) {
        let mut credit = self.core.credit(id).await;
        let reached = async { while credit.next().await.expect("the log continues") != count {} };
        tokio::time::timeout(Duration::from_secs(60), reached).await.expect("the input is consumed");
    }
}

/// Waits until a slot lends its executor.
pub(super) async fn lent(request: &mut Request) -> Loan {
    match request.answer(Duration::from_secs(60)).await {
        Answer::Lent(loan) => loan,
        Answer::Waits | Answer::Refused => panic!("no slot lends its executor"),
    }
}

fn text(text: &str) -> LiveInput {
    LiveInput::Bytes(text.as_bytes().to_vec())
}

fn ended_as(verdict: Verdict) -> impl Fn(&RunState) -> bool {
    move |state| matches!(state, RunState::Judged { verdict: of, .. } if *of == verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn input_reaches_the_program_in_order_and_is_reported_as_consumed() {
    let bench = Bench::start(vec![Does::Echoes], once()).await;
    let id = bench.submit_live().await;
    bench.send(id, 1, text("a"));
    bench.send(id, 2, text("b"));
    bench.until_consumed(id, InputCount { inputs: 2, bytes: 2 }).await;
    bench.send(id, 2, text("b"));
    bench.send(id, 3, text("c"));
    bench.until_consumed(id, InputCount { inputs: 3, bytes: 3 }).await;
    bench.send(id, 4, LiveInput::EndOfInput);
    bench.until(id, ended_as(Verdict::Accepted)).await;
    assert_eq!(bench.output(id).await, b"abc");
}

/// Regression: a live run published 4 MiB of output and then nothing, so that its terminal seemed to be frozen.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_publishes_its_output_to_the_end_and_stores_a_bounded_part() {
    let bench = Bench::start(vec![Does::Floods], once()).await;
    let id = bench.submit_live().await;
    let mut log = bench.core.events().subscribe(id, Default::default(), Interest::Everything).await;
    let mut last = Vec::new();
    loop {
        match log.next().await {
            Some(Received::Event(event)) if event.kind.is_final() => break,
            Some(Received::Event(Event { kind: EventKind::Output { data, .. }, .. })) => last = data.to_vec(),
            Some(_) => {}
            None => panic!("the log continues"),
        }
    }
    assert!(last.ends_with(b"end"));
    let stored = bench.output(id).await;
    assert!((4_000_000..=4 << 20).contains(&stored.len()), "{}", stored.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reaches_the_program() {
    let bench = Bench::start(vec![Does::Echoes], once()).await;
    let id = bench.submit_live().await;
    bench.send(id, 1, LiveInput::Signal(LiveSignal::Terminate));
    bench.until(id, ended_as(Verdict::RuntimeError)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_input_ends_the_run_as_an_internal_error() {
    let bench = Bench::start(vec![Does::Echoes], once()).await;
    let id = bench.submit_live().await;
    bench.send(id, 1, text("a"));
    bench.send(id, 3, text("c"));
    bench.until(id, ended_as(Verdict::InternalError)).await;
    let message = bench.message(id).await;
    assert!(message.contains("input 3 arrived, and input 2 did not"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_whose_attempt_was_lost_is_not_repeated_without_its_input() {
    let bench = Bench::start(vec![Does::Echoes, Does::Fails { transient: true }], LeasePolicy::default()).await;
    let id = bench.submit_live().await;
    bench.until(id, |state| matches!(state, RunState::Queued { lost: 1, .. })).await;
    // Skips the pause after a failure.
    bench.clock.advance(Duration::from_secs(60));
    // A sweep that finds the first hint still unsettled offers no second hint.
    let swept = async {
        while !bench.state(id).await.is_final() {
            bench.core.sweep().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), swept).await.expect("the run ends");
    bench.until(id, ended_as(Verdict::InternalError)).await;
    assert!(bench.message(id).await.contains("cannot be repeated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_that_is_retried_as_a_dead_letter_ends_at_once_with_the_reason() {
    let bench = Bench::start(vec![Does::Echoes, Does::Fails { transient: true }], once()).await;
    let id = bench.submit_live().await;
    bench.until(id, |state| matches!(state, RunState::Abandoned { .. })).await;
    assert!(bench.core.retry_dead(id).await.unwrap());
    bench.until(id, ended_as(Verdict::InternalError)).await;
    assert!(bench.message(id).await.contains("cannot be repeated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_that_has_consumed_input_ends_with_its_worker() {
    let bench = Bench::start(vec![Does::Echoes], once()).await;
    let id = bench.submit_live().await;
    bench.send(id, 1, text("a"));
    bench.until_consumed(id, InputCount { inputs: 1, bytes: 1 }).await;
    bench.shutdown.cancel();
    bench.until(id, ended_as(Verdict::InternalError)).await;
    assert!(bench.message(id).await.contains("was stopped"));
    assert_eq!(bench.kept_output(id).await, SCRIPTED);
}

/// Regression: an open terminal delayed the end of the server by the whole grace period, and nobody could use it.
#[tokio::test(flavor = "multi_thread")]
async fn live_runs_that_are_cut_off_end_before_the_grace_period_with_their_output() {
    let bench = Bench::alone(3, vec![Does::Leaves, Does::Echoes, Does::Echoes]).await;
    let (silent, id) = (bench.submit_live().await, bench.submit_live().await);
    bench.send(id, 1, text("a"));
    bench.until_consumed(id, InputCount { inputs: 1, bytes: 1 }).await;
    bench.until_left(1).await;
    let other = bench.submit_tests(bench.other, 1).await;
    bench.until_left(0).await;
    bench.shutdown.cancel();
    bench.until(id, ended_as(Verdict::InternalError)).await;
    assert!(bench.message(id).await.starts_with("The server was shut down"));
    assert_eq!((&*bench.kept_output(id).await, &*bench.output(id).await), (SCRIPTED, b"a".as_slice()));
    bench.until(silent, |state| matches!(state, RunState::Queued { lost: 0, .. })).await;
    assert!(matches!(bench.state(other).await, RunState::Leased { .. }), "other runs have the grace period");
    bench.leave.store(true, Ordering::Release);
    bench.until(other, ended_as(Verdict::Accepted)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_without_clients_ends_with_its_output() {
    let bench = Bench::start(vec![Does::Echoes], once()).await;
    let id = bench.submit_live().await;
    bench.core.report_attached(id);
    bench.send(id, 1, text("a"));
    bench.until_consumed(id, InputCount { inputs: 1, bytes: 1 }).await;
    bench.until(id, ended_as(Verdict::IdleLimit)).await;
    assert_eq!(bench.message(id).await, "No client was attached for 0 s.");
    assert_eq!(bench.output(id).await, b"a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_that_has_consumed_nothing_goes_to_another_worker() {
    let bench = Bench::start(vec![Does::Echoes], once()).await;
    let id = bench.submit_live().await;
    bench.until_left(0).await;
    bench.shutdown.cancel();
    bench.until(id, |state| matches!(state, RunState::Queued { lost: 0, .. })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_runs_leave_one_slot_to_other_runs() {
    let bench = Bench::with_slots(2, vec![Does::Echoes], once()).await;
    let (first, second) = (bench.submit_live().await, bench.submit_live().await);
    bench.until_left(0).await;
    bench.steps.lock().unwrap().push(Does::Ends);
    let short = bench.submit().await;
    bench.until(short, ended_as(Verdict::Accepted)).await;
    assert!(!bench.state(first).await.is_final() && !bench.state(second).await.is_final());
}

#[tokio::test(flavor = "multi_thread")]
async fn live_runs_in_interactive_slots_leave_every_slot_to_other_runs() {
    let bench = Bench::with_interactive_slots(1, 4, vec![Does::Echoes; 2], once()).await;
    let live = [bench.submit_live().await, bench.submit_live().await];
    bench.until_left(0).await;
    let short = bench.submit().await;
    bench.until(short, ended_as(Verdict::Accepted)).await;
    for id in live {
        bench.send(id, 1, text("a"));
        bench.send(id, 2, LiveInput::EndOfInput);
        bench.until(id, ended_as(Verdict::Accepted)).await;
        assert_eq!(bench.output(id).await, b"a");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_runs_do_not_use_the_only_other_slot() {
    let bench =
        Bench::with_interactive_slots(1, 1, vec![Does::Echoes, Does::Ends, Does::Ends, Does::Echoes], once()).await;
    let first = bench.submit_live().await;
    bench.until_left(3).await;
    let second = bench.submit_live().await;
    for _ in 0..2 {
        let short = bench.submit().await;
        bench.until(short, ended_as(Verdict::Accepted)).await;
    }
    bench.send(first, 1, LiveInput::EndOfInput);
    bench.until(first, ended_as(Verdict::Accepted)).await;
    bench.until_left(0).await;
    bench.send(second, 1, LiveInput::EndOfInput);
    bench.until(second, ended_as(Verdict::Accepted)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_that_waits_begins_when_an_interactive_slot_becomes_idle() {
    let bench = Bench::with_interactive_slots(2, 1, vec![Does::Echoes; 3], once()).await;
    let first = bench.submit_live().await;
    bench.until_left(2).await;
    // No interactive slot is idle, so this run gets another slot.
    let second = bench.submit_live().await;
    bench.until_left(1).await;
    let third = bench.submit_live().await;
    bench.send(first, 1, LiveInput::EndOfInput);
    bench.until(first, ended_as(Verdict::Accepted)).await;
    bench.send(second, 1, LiveInput::EndOfInput);
    bench.until(second, ended_as(Verdict::Accepted)).await;
    bench.until_left(0).await;
    bench.send(third, 1, LiveInput::EndOfInput);
    bench.until(third, ended_as(Verdict::Accepted)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interactive_slot_creates_its_executor_for_its_first_run_and_keeps_it() {
    let bench = Bench::with_interactive_slots(1, 2, vec![Does::Echoes; 2], once()).await;
    for made in [2, 2] {
        let id = bench.submit_live().await;
        bench.send(id, 1, LiveInput::EndOfInput);
        bench.until(id, ended_as(Verdict::Accepted)).await;
        assert_eq!(bench.made.load(Ordering::Relaxed), made);
        while bench.shared.interactive.idle() < 2 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_in_an_interactive_slot_is_given_back_when_the_worker_drains() {
    let bench = Bench::with_interactive_slots(1, 1, vec![Does::Echoes], once()).await;
    let id = bench.submit_live().await;
    bench.until_left(0).await;
    bench.shutdown.cancel();
    bench.until(id, |state| matches!(state, RunState::Queued { lost: 0, .. })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_has_at_most_half_of_the_interactive_slots() {
    let bench = Bench::with_interactive_slots(2, 4, vec![Does::Echoes; 3], once()).await;
    for left in [2, 1, 0] {
        bench.submit_live().await;
        bench.until_left(left).await;
    }
    assert_eq!(bench.shared.interactive.idle(), 2, "the third run has another slot");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_in_an_interactive_slot_is_compiled_with_the_executor_of_another_slot() {
    let bench = Bench::with_interactive_slots(1, 1, vec![Does::Echoes, Does::Ends], once()).await;
    let id = bench.submit_live_in("c", bench.owner).await;
    bench.send(id, 1, LiveInput::EndOfInput);
    bench.until(id, ended_as(Verdict::Accepted)).await;
    assert_eq!(*bench.ran.lock().unwrap(), [(0, StepKind::Compile), (1, StepKind::Execute)]);
    let short = bench.submit().await;
    bench.until(short, ended_as(Verdict::Accepted)).await;
    assert_eq!(bench.made.load(Ordering::Relaxed), 2, "the other slot has its executor again");
}

// This test has one thread, because the recorder is thread-local.
#[tokio::test]
async fn the_duration_of_a_run_does_not_include_its_wait_for_another_slot() {
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let steps = vec![Does::Echoes, Does::Ends, Does::Echoes, Does::Ends];
    let bench = Bench::with_interactive_slots(1, 1, steps, once()).await;
    let submit = async || {
        let id = bench.submit_live_in("c", bench.owner).await;
        bench.send(id, 1, LiveInput::EndOfInput);
        id
    };
    // After this run, the other slot requests the next one, even while it lends its executor.
    bench.until(submit().await, ended_as(Verdict::Accepted)).await;
    let before = counters.count("cupel_run_duration_seconds");
    let turns = &bench.shared.parts.compile_turns;
    let loan = lent(&mut turns.request(bench.other)).await;
    let began = Instant::now();
    let id = submit().await;
    while !turns.is_requested() {
        tokio::task::yield_now().await;
    }
    let waits_since = Instant::now();
    while waits_since.elapsed() < Duration::from_millis(200) {
        tokio::task::yield_now().await;
    }
    let waited = waits_since.elapsed();
    loan.give_back();
    bench.until(id, ended_as(Verdict::Accepted)).await;
    let ran = Duration::from_micros(counters.count("cupel_run_duration_seconds") - before);
    assert!(!ran.is_zero() && ran + waited <= began.elapsed(), "{ran:?} after a wait of {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_has_lent_its_executor_runs_what_waits_before_it_lends_it_again() {
    let bench = Bench::with_slots(1, vec![], once()).await;
    let turns = &bench.shared.parts.compile_turns;
    let first = lent(&mut turns.request(bench.owner)).await;
    let mut second = turns.request(bench.other);
    let short = bench.submit().await;
    first.give_back();
    let second = lent(&mut second).await;
    assert_eq!(*bench.ran.lock().unwrap(), [(0, StepKind::Execute)]);
    second.give_back();
    bench.until(short, ended_as(Verdict::Accepted)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_with_its_share_of_the_slots_borrows_no_further_executor_before_others_run() {
    let bench = Bench::with_slots(2, vec![Does::Leaves], once()).await;
    let turns = &bench.shared.parts.compile_turns;
    let first = lent(&mut turns.request(bench.owner)).await;
    let long = bench.submit_tests(bench.other, 1).await;
    bench.until_left(0).await;
    let mut second = turns.request(bench.owner);
    let short = bench.submit_tests(bench.other, 1).await;
    bench.leave.store(true, Ordering::Release);
    let second = lent(&mut second).await;
    assert_eq!(bench.ran.lock().unwrap().len(), 2, "both runs came first");
    for loan in [first, second] {
        loan.give_back();
    }
    for id in [long, short] {
        bench.until(id, ended_as(Verdict::Accepted)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_borrow_executors_in_turn() {
    let bench = Bench::with_slots(1, vec![], once()).await;
    let turns = &bench.shared.parts.compile_turns;
    let first = lent(&mut turns.request(bench.owner)).await;
    let (mut second, mut others) = (turns.request(bench.owner), turns.request(bench.other));
    first.give_back();
    lent(&mut others).await.give_back();
    lent(&mut second).await.give_back();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_dropped_gives_the_executor_back() {
    let bench = Bench::with_slots(1, vec![], once()).await;
    let request = bench.shared.parts.compile_turns.request(bench.owner);
    while !request.is_answered() {
        tokio::task::yield_now().await;
    }
    drop(request);
    let short = bench.submit().await;
    bench.until(short, ended_as(Verdict::Accepted)).await;
    assert_eq!(bench.made.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_whose_executor_fails_to_compile_a_live_run_creates_another() {
    let script = vec![Does::Ends, Does::Fails { transient: false }];
    let bench = Bench::with_interactive_slots(1, 1, script, once()).await;
    let id = bench.submit_live_in("c", bench.owner).await;
    bench.until(id, RunState::is_final).await;
    let short = bench.submit().await;
    bench.until(short, ended_as(Verdict::Accepted)).await;
}
