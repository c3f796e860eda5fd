//! Runs a generator of the package to make the data of a case when the case is judged.
//!
//! A generator runs in a cell, under the bounds for programs of the package. It reads the input file of the case and
//! writes the input to its standard output and the answer to its standard error. A generator that fails is a fault of
//! the package. If the wall-clock limit ended it while it was computing, it is run again with more wall-clock time,
//! like a submission ([`limits`]). Source: DMOJ's documentation, "Generators".

use cupel_problem::{Case, Package};
use cupel_types::{Bytes, Limits, Outcome};

use super::check::IgnoreOutput;
use super::data::{Made, stdin};
use super::limits::RERUNS_MAX;
use super::program::Runnable;
use super::{Judging, ProblemError, answer, limits};
use crate::executor::{Collect, StepInput, StepKind};
use crate::{Executor, JudgeObserver};

impl Judging<'_, '_> {
    /// Runs the generator of a case. The inner error is a fault of the package.
    pub(super) fn make(
        &mut self,
        case: &Case,
        how: &cupel_problem::Made,
    ) -> Result<Result<Made, String>, ProblemError> {
        let generator = &how.by;
        let runnable = match self.program_of_package(&generator.program)? {
            Ok(runnable) => runnable,
            Err(why) => return Ok(Err(why)),
        };
        let made = run(&runnable, self.request.package, case, how, self.executor, self.observer)?;
        Ok(made.map_err(|why| format!("{}: {why}", generator.program.path)))
    }
}

/// Runs a generator that was built. The inner error is a fault of the package.
pub(super) fn run(
    runnable: &Runnable,
    package: &Package,
    case: &Case,
    how: &cupel_problem::Made,
    executor: &mut dyn Executor,
    observer: &mut dyn JudgeObserver,
) -> Result<Result<Made, String>, ProblemError> {
    let argv: Vec<String> = runnable.argv.iter().chain(&how.args).cloned().collect();
    let input_bytes = runnable.files.iter().map(cupel_types::BoxFiles::total_bytes).sum();
    let bounds = how.by.bounds;
    // The limit applies to each stream, and is higher than `bounds.output` so that a stream that is slightly too long
    // is only truncated. Data must be complete, so a truncated stream is a fault of the generator.
    let output = bounds.output.saturating_add(bounds.output);
    let limits = Limits { output, ..limits::of_author(&bounds, runnable.limits, input_bytes) };
    let mut wall_time = limits.wall_time;
    let mut reruns = 0;
    let report = loop {
        let step = StepInput {
            kind: StepKind::Execute,
            root: &runnable.root,
            argv: &argv,
            env: &runnable.env,
            files: &runnable.files,
            counted_files: Bytes::ZERO,
            stdin: stdin(package, &case.input)?,
            limits: Limits { wall_time, ..limits },
            keep: bounds.output,
            stderr_to_stdout: false,
            result: false,
            collect: Collect::Nothing,
        };
        let report = executor.execute(step, &mut IgnoreOutput(observer))?.report;
        // Other processes occupied the processor while the generator was computing.
        let is_starved = report.outcome == Outcome::WallLimit && !limits::is_waiting(&report.usage);
        if !is_starved || reruns == RERUNS_MAX {
            break report;
        }
        reruns += 1;
        wall_time = limits::wall_time_of_rerun(limits.wall_time, reruns, report.outcome);
    };
    let limits = Limits { wall_time, ..limits };
    if report.outcome != Outcome::Exited(0) {
        let why = answer::message(&report.stderr.data).map(|text| format!("\n{text}")).unwrap_or_default();
        return Ok(Err(format!(
            "the generator {}{why}",
            answer::ended(report.outcome, &limits::shown(limits, &bounds))
        )));
    }
    if report.stdout.truncated || report.stderr.truncated {
        return Ok(Err(format!("the generator wrote more than {}", bounds.output)));
    }
    let has_input = how.input && !report.stdout.data.is_empty();
    Ok(Ok(Made { input: has_input.then_some(report.stdout.data), answer: how.answer.then_some(report.stderr.data) }))
}
