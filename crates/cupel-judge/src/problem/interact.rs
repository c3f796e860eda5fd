//! One case of an interactive problem: the submission communicates with a program of the package.
//!
//! The party that **ends first** decides a conversation, by these rules in order:
//!
//! 1. If the interactor fails, the verdict is JE, unless the program failed before it, or both only waited for each
//!    other.
//! 2. If the interactor ends first and rejects, the verdict is WA, regardless of what the program does afterwards.
//! 3. If the program fails, its failure decides.
//! 4. In all other cases, the interactor decides.
//!
//! If both wait for each other until a limit ends the conversation, the program is at fault. The interactor is at fault
//! if it did not end by itself after the program, and was computing for more than a quarter of the time of the
//! conversation, or left output of the program unread; unless the program had left output of the interactor unread. The
//! CPU time does not show when the interactor computed, and a program can make it compute before it waits. But an
//! interactor that ends by itself has read the end of its input, so it was waiting for the program. Once the
//! conversation is decided, the submission's program is stopped. Source: problemtools, `interactive.cc`; DOMjudge,
//! `runpipe`.

use std::sync::Arc;
use std::time::Duration;

use cupel_problem::{AfterInteraction, Case, Checker, Interactor, OnWaiting};
use cupel_types::{BoxFiles, Bytes, Limits, Outcome, Root, Verdict};

use super::answer::{self, Decision};
use super::case::{CAPTURED_BYTES_MAX, Pass, decide, nothing_ran};
use super::check::{self, Checked, Data};
use super::limits::{self, RERUNS_MAX};
use super::program::Runnable;
use super::{Judging, ProblemError, facts};
use crate::executor::{
    Collect, Interaction, InteractionResult, Party, StdinSource, StepInput, StepKind, StepObserver, StepResult,
};
use crate::failure::End;
use crate::{BuiltIn, JudgeObserver};

/// Maximum number of bytes of the conversation that are stored.
const TRANSCRIPT: Bytes = Bytes::kib(64);
/// Time by which the interactor's wall-clock limit exceeds the program's.
const INTERACTOR_OUTLIVES: Duration = Duration::from_secs(2);
/// An interactor whose CPU time is above this part of the program's wall-clock time may have been computing while the
/// program waited.
const COMPUTING_PART: u32 = 4;

impl Judging<'_, '_> {
    /// Runs the program with the interactor.
    pub(super) fn interact(
        &mut self,
        case: &Case,
        interactor: &Interactor,
        input: Option<Arc<[u8]>>,
        feedback: BoxFiles,
    ) -> Result<Pass, ProblemError> {
        let runnable = match self.program(&interactor.program)? {
            Ok(runnable) => runnable,
            Err(why) => return Ok(nothing_ran().fault(&why, None)),
        };
        let package = self.request.package;
        let facts = facts::files(self.request, case, &interactor.program, None);
        let data = check::data_of(package, case, input.clone(), None, feedback, self.made.as_ref())?;
        let data = Data { facts, ..data };
        let call = match check::call(&interactor.program, &runnable, &data, true) {
            Ok(call) => call,
            Err(why) => return Ok(nothing_ran().fault(&why, None)),
        };
        let (argv, files) = self.of_program(case, input.as_ref())?;
        let bounds = package.problem.limits.validation;
        let mut interactor_limits = limits::of_author(&bounds, runnable.limits, call.given);
        interactor_limits.wall_time = self.limits.enforced.wall_time + INTERACTOR_OUTLIVES;
        interactor_limits.idle_time = interactor_limits.wall_time;
        let step = |(root, env), argv, files, limits, keep, collect: &Collect| StepInput {
            kind: StepKind::Execute,
            root,
            argv,
            env,
            files,
            counted_files: Bytes::ZERO,
            stdin: StdinSource::Bytes(Arc::from([])),
            limits,
            keep,
            stderr_to_stdout: false,
            result: false,
            collect: collect.clone(),
        };
        fn of(runnable: &Runnable) -> (&Root, &[(String, String)]) {
            (&runnable.root, &runnable.env)
        }
        let mut reruns = 0;
        let mut enforced = self.limits.enforced;
        let mut best: Option<(InteractionResult, End)> = None;
        let (ended, stderr) = loop {
            let interaction = Interaction {
                program: StepInput {
                    counted_files: self.counted_files,
                    ..step(of(&self.runnable), &argv, &files, enforced, CAPTURED_BYTES_MAX, &Collect::Nothing)
                },
                interactor: step(
                    of(&runnable),
                    &call.argv,
                    &call.files,
                    interactor_limits,
                    Bytes::kib(128),
                    &call.collect,
                ),
                settles: answer::settles(&interactor.program.protocol),
                transcript: TRANSCRIPT,
            };
            let mut hears = StderrObserver { stderr: End::default(), observer: self.observer };
            let ended = self.executor.interact(interaction, &mut hears)?;
            let stderr = hears.stderr;
            if let Some((before, _)) = &best {
                self.limits.count_rerun(before.program.report.outcome, enforced.wall_time, &ended.program.report);
            }
            let (ended, stderr) = match best.take() {
                // After the idle limit, the program has run without it.
                Some(best)
                    if best.0.program.report.outcome != Outcome::IdleLimit
                        && !self.is_better(&ended.program, &best.0.program) =>
                {
                    best
                }
                _ => (ended, stderr),
            };
            let is_again = self.is_near(&ended.program) || waited_for_a_computation(&ended, &enforced);
            if reruns == RERUNS_MAX || ended.settled || !is_again {
                break (ended, stderr);
            }
            reruns += 1;
            let outcome = ended.program.report.outcome;
            best = Some((ended, stderr));
            // The interactor may compute for as long as the program may take.
            let may_wait = outcome == Outcome::IdleLimit || enforced.idle_time >= enforced.wall_time;
            enforced.wall_time = limits::wall_time_of_rerun(self.limits.enforced.wall_time, reruns, outcome);
            if may_wait {
                enforced.idle_time = enforced.wall_time;
            }
            interactor_limits.wall_time = enforced.wall_time + INTERACTOR_OUTLIVES;
            interactor_limits.idle_time = interactor_limits.wall_time;
        };
        let shown = limits::shown(interactor_limits, &bounds);
        let checked = Checked::of(&interactor.program.protocol, &ended.interactor, &shown, true);
        let mut pass = self.by_itself(ended.program.report.clone(), &stderr, reruns, false);
        pass.transcript = ended.transcript;
        pass.unread = ended.unread;
        if pass.verdict == Verdict::IdleLimit && package.problem.limits.on_waiting == OnWaiting::TimeLimit {
            // The message names the limit, and the causes contain the exact verdict.
            pass.verdict = Verdict::TimeLimit;
        }
        if ended.settled {
            // Cupel stopped the program, so the program has not failed.
            pass.causes.clear();
        }
        let failed = pass.verdict != Verdict::Accepted;
        let only_waited = matches!(ended.program.report.outcome, Outcome::IdleLimit | Outcome::WallLimit);
        let interactor_report = &ended.interactor.report;
        if pass.verdict == Verdict::Cancelled {
            return Ok(pass);
        }
        if only_waited
            && ended.first == Party::Program
            && !ended.unheard
            && !interactor_report.outcome.is_by_itself()
            && computed_before(&ended.interactor, &ended.program) * COMPUTING_PART
                > ended.program.report.usage.wall_time
        {
            let who = &interactor.program.program.path;
            return Ok(pass.fault(&format!("{who}: it was computing while the program waited for it"), None));
        }
        let outlives = matches!(interactor_report.outcome, Outcome::IdleLimit | Outcome::WallLimit);
        if only_waited && ended.first == Party::Program && outlives && ended.unread && !ended.unheard {
            // An interactor that waits for input reads all of it, and ends when its input ends.
            let who = &interactor.program.program.path;
            return Ok(pass.fault(&format!("{who}: it did not read what the program wrote, and did not end"), None));
        }
        match &checked.answer.decision {
            // The program failed first, or waited until a limit ended it, so the interactor's failure does not count.
            Decision::Fault(_) if failed && ended.first == Party::Program => Ok(pass),
            Decision::Fault(_) => Ok(pass.decided(&interactor.program, checked)),
            Decision::WrongAnswer | Decision::Presentation if ended.first == Party::Interactor => {
                pass.step.usage.cpu_time = pass.step.usage.cpu_time.min(self.limits.cpu_time);
                Ok(pass.decided(&interactor.program, checked))
            }
            _ if failed => Ok(pass),
            Decision::WrongAnswer | Decision::Presentation => Ok(pass.decided(&interactor.program, checked)),
            Decision::Accepted => match &interactor.then {
                AfterInteraction::Verdict => Ok(pass.decided(&interactor.program, checked)),
                AfterInteraction::Check(checker) => self.check_log(case, checker, pass, checked),
            },
        }
    }

    /// Checks the interactor's log as if it were the output.
    fn check_log(
        &mut self,
        case: &Case,
        checker: &Checker,
        mut pass: Pass,
        checked: Checked,
    ) -> Result<Pass, ProblemError> {
        let log = checked.log.unwrap_or_default();
        match checker {
            Checker::Builtin(comparison) => {
                let mut comparer = BuiltIn::from(comparison.clone()).compare(self.answer(case)?);
                let finding = comparer.output(&log).and_then(|()| comparer.finish());
                decide(&mut pass, finding.map_err(|source| self.unreadable(case, source))?, case.points);
                Ok(pass)
            }
            Checker::Program(program) => {
                let runnable = match self.program(program)? {
                    Ok(runnable) => runnable,
                    Err(why) => return Ok(pass.fault(&why, None)),
                };
                let data = check::data_of(
                    self.request.package,
                    case,
                    None,
                    Some(log),
                    BoxFiles::default(),
                    self.made.as_ref(),
                )?;
                let bounds = self.request.package.problem.limits.validation;
                let checked = check::run(program, &runnable, &data, &bounds, self.executor, self.observer)?;
                Ok(pass.decided(program, checked))
            }
        }
    }
}

/// Stores the end of the program's standard error, in which a language reports an exception, and forwards cancellation.
struct StderrObserver<'a> {
    stderr: End,
    observer: &'a mut dyn JudgeObserver,
}

impl StepObserver for StderrObserver<'_> {
    fn stdout(&mut self, _: &[u8]) {}

    fn stderr(&mut self, data: &[u8]) {
        self.stderr.push(data);
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}

/// The CPU time that the interactor used at least before the program ended.
fn computed_before(interactor: &StepResult, program: &StepResult) -> Duration {
    let (interactor, program) = (&interactor.report.usage, &program.report.usage);
    let after = interactor.wall_time.saturating_sub(program.wall_time);
    interactor.cpu_time.saturating_sub(after)
}

/// Whether the idle limit ended a program that may have waited for the interactor's computation: the program had read
/// all of the interactor's output, and the interactor computed for a quarter of that time or more. `limits` are those
/// of the program.
fn waited_for_a_computation(ended: &InteractionResult, limits: &Limits) -> bool {
    let computed = ended.interactor.report.usage.cpu_time;
    let is_idle = ended.program.report.outcome == Outcome::IdleLimit && limits.idle_time < limits.wall_time;
    is_idle && !ended.unheard && computed * COMPUTING_PART >= limits.idle_time
}
