//! Runs several tests of a function problem in one process, which saves the start of an interpreter or virtual machine
//! per test.
//!
//! ```text
//!  judge    test 1 ──►          test 2 ──►          …   end of input
//!  cell               answer 1 ──►        answer 2          ──► exit 0
//! ```
//!
//! **A batch counts as a whole or not at all.** It counts if
//! - the process returned the right answer for every test that it received, and nothing else, and exited with code 0;
//! - it printed nothing;
//! - CPU time, wall-clock time and memory of the whole process are at most half of what one test may use.
//!
//! Otherwise the batch is discarded: each of its tests, and every later test of the submission, is judged in a separate
//! process, as if there were no batches. Therefore every verdict except "accepted" comes from a separate process.
//!
//! - **Time and memory.** The sandbox measures the whole process. A single test does not need more than all tests
//!   together: a result that the program keeps from an earlier test was computed in the same process. The factor of two
//!   covers other differences, such as code that a virtual machine has already compiled. The share of one test is only
//!   reported. The judge computes it from the times at which tests were sent and answers arrived, not from measurements
//!   of the driver, which a program can forge.
//! - **Later tests.** A test is sent only after the whole answer to the previous test has arrived, so a program cannot
//!   read ahead. It can know earlier tests, but not their right answers, which are never in the cell. A batch ends at
//!   the first wrong answer.
//! - **Leftovers.** Data that a program keeps from earlier tests can make a right program wrong; then the batch does
//!   not count. It can also make a wrong program right: a test of a batch is accepted even if the program would fail it
//!   in a new process. To be accepted as a whole, such a program must be right in a new process on the first test of
//!   each batch and on all tests that are not in batches: samples, large tests, and the last test of every group.
//! - **Disclosure.** All tests of a batch have the same feedback, and contestants see none of them, so a program cannot
//!   print a hidden test where its owner can see it. A program that knows several tests can reveal information through
//!   the verdicts. Because a batch counts only as a whole, the verdicts reveal hardly more than with separate
//!   processes: only whether the batch counted.
//! - **Which tests.** A batch consists of consecutive small hidden tests of a group that have no generator, and no
//!   limits, files or arguments of their own. The last test of the group is never included.

use std::collections::HashMap;
use std::iter;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_function::{BATCH_ARGUMENT, BatchChannel, BatchFrame, Expected, FunctionCase};
use cupel_problem::{Case, CaseId, Checker, Method, Node, OwnLimits, Package, Passes, Signature};
use cupel_types::{Bytes, Feedback, Limits, Outcome, Output, StepReport, Usage};
use rustix::fs::{Mode, OFlags, fchmod, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use super::super::case::Pass;
use super::super::program;
use super::super::{Judging, ProblemError};
use super::{PRINTED, nonce, output_of};
use crate::executor::{Collect, StdinSource, StepInput, StepKind, StepObserver};
use crate::failure::End;
use crate::{ExecuteError, JudgeObserver};

/// Maximum number of tests in a process.
const TESTS_MAX: usize = 64;

/// Maximum size in bytes of a test that the driver receives. With its first line, it fits into an empty pipe.
const LINES_MAX: usize = 32 << 10;

/// Maximum size in bytes of a file with an expected result.
const ANSWER_MAX: u64 = 32 << 10;

/// Divisor of a limit: a batch may use this part of the limit. If it uses more, each test gets a separate process.
const PART_OF_LIMIT: u32 = 2;

/// Divisor of the CPU limit: after this part of the limit, a batch gets no further test. Measured on the wall clock, so
/// that a batch ends early rather than late.
const PART_FOR_SENDING: u32 = 4;

/// State of the batches while a submission is judged.
pub(in crate::problem) struct Batches {
    /// Whether another batch may be tried.
    allowed: bool,
    /// The results of the current batch that have not been used yet.
    passes: HashMap<CaseId, Pass>,
}

impl Batches {
    pub(in crate::problem) fn new(allowed: bool) -> Batches {
        Batches { allowed, passes: HashMap::new() }
    }

    /// Whether a case has a result from a batch.
    pub(in crate::problem) fn has(&self, case: &Case) -> bool {
        self.passes.contains_key(&case.id)
    }

    /// Takes the result of a case.
    pub(super) fn take(&mut self, case: &Case) -> Option<Pass> {
        self.passes.remove(&case.id)
    }
}

/// A test of a batch.
struct Test<'s, 'c> {
    case: &'c Case,
    checker: &'c Checker,
    call: FunctionCase<'s>,
    /// `None` if the checker of the package decides.
    expected: Option<Expected>,
    nonce: String,
    lines: Vec<u8>,
}

impl<'s, 'c> Test<'s, 'c> {
    /// `None` if the case needs a separate process, for example because of a fault of the package, which is then
    /// reported when the case is judged.
    fn of(package: &Package, signature: &'s Signature, case: &'c Case) -> Option<Test<'s, 'c>> {
        let has_own = !case.args.is_empty() || !case.files.is_empty() || case.limits != OwnLimits::default();
        let is_seen = case.shown.is_some() || case.feedback == Feedback::Full;
        let too_large = case.input.size.get() > LINES_MAX as u64
            || case.answer.as_ref().is_some_and(|answer| answer.size.get() > ANSWER_MAX);
        if has_own || is_seen || too_large || case.made.is_some() {
            return None;
        }
        let Method::Check(checker) = &*case.method else { return None };
        let call = FunctionCase::read(signature, &program::read(package, &case.input).ok()?).ok()?;
        let expected = match &case.answer {
            _ if signature.compare.is_by_checker() => None,
            Some(answer) => Some(call.expected(&program::read(package, answer).ok()?).ok()?),
            None => return None,
        };
        let nonce = nonce();
        let lines = call.batch_lines(&nonce);
        (lines.len() <= LINES_MAX).then_some(Test { case, checker, call, expected, nonce, lines })
    }
}

impl<'a> Judging<'a, '_> {
    /// Runs a batch that begins with this case, if it and the cases after it in its group can share a process.
    pub(in crate::problem) fn begin_batch(&mut self, case: &Case, following: &[Node]) -> Result<(), ProblemError> {
        if !self.batches.allowed || self.batches.has(case) {
            return Ok(());
        }
        let tests = self.tests_of_batch(case, following);
        if tests.len() > 1 {
            match self.run_batch(&tests)? {
                Some(passes) => self.batches.passes = passes,
                None => self.batches.allowed = false,
            }
        }
        Ok(())
    }

    fn tests_of_batch<'c>(&self, case: &'c Case, following: &'c [Node]) -> Vec<Test<'a, 'c>> {
        let package = self.request.package;
        let problem = &package.problem;
        let Some(signature) = &problem.signature else { return Vec::new() };
        let uses_files = problem.io.input_file.is_some() || problem.io.output_file.is_some();
        let is_plain = matches!(problem.passes, Passes::One) && self.limits.enforced.instructions.is_none();
        if uses_files || !is_plain {
            return Vec::new();
        }
        let next = following.iter().map_while(|node| match node {
            Node::Case(next) => Some(&**next),
            Node::Group(_) => None,
        });
        let alike = next.take_while(|next| next.feedback == case.feedback);
        // The group's last node is left out.
        let cases = iter::once(case).chain(alike).take(following.len().min(TESTS_MAX));
        cases.map_while(|case| Test::of(package, signature, case)).collect()
    }

    /// Runs tests in one process. Returns their results, or `None` if the batch does not count.
    fn run_batch(&mut self, tests: &[Test<'_, '_>]) -> Result<Option<HashMap<CaseId, Pass>>, ProblemError> {
        let (mut argv, files) = self.of_program(tests[0].case, None)?;
        argv.push(BATCH_ARGUMENT.to_owned());
        let (limit, enforced) = (self.limits.cpu_time, self.limits.enforced);
        let (input, to_program) = input_pipe()?;
        let began = Instant::now();
        let mut hears = BatchObserver {
            tests,
            to_program: Some(to_program),
            channel: BatchChannel::new(enforced.output),
            loaded: None,
            answers: Vec::new(),
            is_clean: true,
            send_until: began.checked_add(limit / PART_FOR_SENDING),
            observer: self.observer,
        };
        let mut first = tests[0].call.batch_begin();
        first.extend_from_slice(&tests[0].lines);
        hears.send(&first);
        let step = StepInput {
            kind: StepKind::Execute,
            root: &self.runnable.root,
            argv: &argv,
            env: &self.runnable.env,
            files: &files,
            counted_files: self.counted_files,
            stdin: StdinSource::Descriptor(Arc::new(input)),
            limits: limits_of_batch(limit, &enforced),
            keep: PRINTED,
            stderr_to_stdout: false,
            result: true,
            collect: Collect::Nothing,
        };
        let report = match self.executor.execute(step, &mut hears) {
            Ok(result) => result.report,
            // A failed step in a separate process can be repeated. This step cannot, because its input has been read.
            Err(ExecuteError { transient: true, .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let took = began.elapsed();
        let Some((loaded, answers)) = hears.all_right() else { return Ok(None) };
        let is_silent = report.stdout.data.is_empty() && report.stderr.data.is_empty();
        let is_far_from_limits = report.usage.cpu_time <= limit / PART_OF_LIMIT
            && report.usage.memory.get() <= enforced.memory.get() / u64::from(PART_OF_LIMIT);
        if report.outcome != Outcome::Exited(0) || !is_silent || !is_far_from_limits {
            return Ok(None);
        }
        self.passes_of(tests, answers, loaded, took, &report.usage)
    }

    /// Returns the results of the tests of a process that returned only right answers, or `None` if the package's
    /// checker rejects one of them. `took` is the time of the whole process, and `usage` its usage.
    fn passes_of(
        &mut self,
        tests: &[Test<'_, '_>],
        answers: Vec<Answered>,
        loaded: Instant,
        took: Duration,
        usage: &Usage,
    ) -> Result<Option<HashMap<CaseId, Pass>>, ProblemError> {
        let of_all = answers.last().map_or(Duration::ZERO, |last| last.at - loaded);
        let (mut passes, mut sent) = (HashMap::new(), loaded);
        for (test, answer) in tests.iter().zip(answers) {
            let of_others = of_all.saturating_sub(answer.at - sent);
            sent = answer.at;
            let own = without(usage, of_others.as_secs_f64() / took.as_secs_f64().max(f64::MIN_POSITIVE));
            let step = StepReport {
                outcome: Outcome::Exited(0),
                exit_code: Some(0),
                signal: None,
                stdout: Output::default(),
                stderr: Output::default(),
                usage: Usage { output: answer.bytes, ..own },
            };
            let pass = Pass { in_batch: true, ..self.by_itself(step, &End::default(), 0, false) };
            let pass = match answer.unchecked {
                None => pass,
                Some(output) => self.checked(test.case, test.checker, pass, output)?,
            };
            if !pass.verdict.is_accepted() || pass.points.is_some() || pass.next.is_some() {
                return Ok(None);
            }
            passes.insert(test.case.id.clone(), pass);
        }
        Ok(Some(passes))
    }
}

/// Returns the limits of the process of a batch. `cpu_time` and `enforced` are the CPU limit and the limits of one
/// test.
fn limits_of_batch(cpu_time: Duration, enforced: &Limits) -> Limits {
    Limits {
        cpu_time: cpu_time / PART_OF_LIMIT,
        wall_time: enforced.wall_time / PART_OF_LIMIT,
        idle_time: enforced.idle_time,
        // With this limit, there are no batches (`tests_of_batch`).
        instructions: enforced.instructions,
        // `run_batch` compares the usage with a part of this limit.
        memory: enforced.memory,
        // The process has the other limits of one test. If its tests together exceed one of them, the process is ended
        // or a system call fails, so that the batch does not count, unless the program copes with the failed call.
        address_space: enforced.address_space,
        processes: enforced.processes,
        open_files: enforced.open_files,
        file_size: enforced.file_size,
        disk: enforced.disk,
        inodes: enforced.inodes,
        output: enforced.output,
        stack: enforced.stack,
    }
}

/// Creates the pipe from which a program reads its tests. Writes do not block, because a program may stop reading.
fn input_pipe() -> Result<(OwnedFd, OwnedFd), ProblemError> {
    let made = || {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        // The program, which runs as another user, may open its standard input by name.
        fchmod(&reader, Mode::from_raw_mode(0o666))?;
        fcntl_setfl(&writer, OFlags::NONBLOCK)?;
        Ok((reader, writer))
    };
    made().map_err(|error: rustix::io::Errno| {
        let source = std::io::Error::from(error).into();
        ProblemError::Execute(ExecuteError { transient: true, source })
    })
}

/// The usage of one test: the usage of the process minus `part` of its time.
fn without(usage: &Usage, part: f64) -> Usage {
    let own = |time: Duration| time.mul_f64((1.0 - part).clamp(0.0, 1.0));
    let cpu_time = own(usage.cpu_time);
    let cpu_user = own(usage.cpu_user).min(cpu_time);
    Usage {
        cpu_time,
        cpu_user,
        cpu_system: cpu_time - cpu_user,
        wall_time: own(usage.wall_time),
        // Instructions are counted for the whole process only.
        instructions: None,
        ..*usage
    }
}

/// A right answer, or an answer that the package's checker must decide about.
struct Answered {
    at: Instant,
    /// Size of the frame that the driver would have written in a process for this test.
    bytes: Bytes,
    unchecked: Option<Arc<[u8]>>,
}

/// Sends one test after another, and compares the answers.
struct BatchObserver<'b, 's, 'c> {
    tests: &'b [Test<'s, 'c>],
    /// Where the tests are written. `None` after the end of the input.
    to_program: Option<OwnedFd>,
    channel: BatchChannel,
    /// When the submission was loaded.
    loaded: Option<Instant>,
    answers: Vec<Answered>,
    /// Whether the batch can still count.
    is_clean: bool,
    send_until: Option<Instant>,
    observer: &'b mut dyn JudgeObserver,
}

impl BatchObserver<'_, '_, '_> {
    fn send(&mut self, data: &[u8]) {
        let sent = self.to_program.as_ref().map(|pipe| rustix::io::write(pipe.as_fd(), data));
        if sent != Some(Ok(data.len())) {
            self.give_up();
        }
    }

    /// The time at which the submission was loaded, and the answers. `None` unless all answers were right and there was
    /// nothing else.
    fn all_right(self) -> Option<(Instant, Vec<Answered>)> {
        let is_complete = self.is_clean && self.to_program.is_none() && self.channel.is_empty();
        Some((self.loaded?, self.answers)).filter(|_| is_complete)
    }

    /// Discards the batch. The driver exits at the end of the input.
    fn give_up(&mut self) {
        self.is_clean = false;
        self.to_program = None;
    }

    fn take(&mut self, frame: BatchFrame) {
        let tests = self.tests;
        let test = &tests[self.answers.len()];
        match (frame, self.loaded) {
            (BatchFrame::Ready, None) => self.loaded = Some(Instant::now()),
            (BatchFrame::Returned(value, bytes), Some(_)) => {
                let differs = |expected| test.call.difference(expected, &value).is_some();
                if test.expected.as_ref().is_some_and(differs) {
                    return self.give_up();
                }
                let at = Instant::now();
                self.answers.push(Answered {
                    at,
                    bytes: Bytes::new(bytes),
                    unchecked: test.expected.is_none().then(|| output_of(&value)),
                });
                match tests.get(self.answers.len()).filter(|_| self.send_until.is_none_or(|until| at < until)) {
                    Some(next) => self.send(&next.lines),
                    None => self.to_program = None,
                }
            }
            (BatchFrame::Ready, Some(_)) | (BatchFrame::Returned(..), None) | (BatchFrame::Other, _) => self.give_up(),
        }
    }
}

impl StepObserver for BatchObserver<'_, '_, '_> {
    fn stdout(&mut self, _: &[u8]) {
        self.give_up();
    }

    fn stderr(&mut self, _: &[u8]) {
        self.give_up();
    }

    fn result(&mut self, data: &[u8]) {
        if self.to_program.is_none() {
            // No answer is expected.
            return self.give_up();
        }
        self.channel.push(data);
        while self.to_program.is_some()
            && let test = &self.tests[self.answers.len()]
            && let Some(frame) = self.channel.take(&test.call, &test.nonce)
        {
            self.take(frame);
        }
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}

#[cfg(test)]
mod tests;
