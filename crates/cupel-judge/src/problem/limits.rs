//! Limits of the steps of judging a problem, derived from the limits of the problem.
//!
//! | limit | rule |
//! |---|---|
//! | CPU | the problem's, times the language's factor; strictly more is TLE |
//! | CPU at which the program is stopped | 10 % above the CPU limit, at least 50 ms above it |
//! | wall clock | as in the package, but at least the CPU time at which the program is stopped; by default, four times the CPU limit plus four seconds |
//! | idle | the CPU limit, at least two seconds; with a factor for the wall clock (DMOJ), the wall-clock limit |
//! | stack | the memory limit |
//!
//! The program is stopped above its CPU limit, so that the report shows by how much it exceeds the limit. The default
//! wall-clock limit is generous, because the idle limit stops programs that wait.
//!
//! **A program whose CPU time is near the limit is run again**, so that noise on the machine does not decide the
//! verdict. A program is near the limit if its CPU time is above the limit and below the time at which it is stopped,
//! or if the wall-clock limit ended it while it was computing. Such a program is run again up to [`RERUNS_MAX`] times.
//! The run with the least CPU time counts. A run that the wall-clock limit ended counts only if that limit ended all
//! runs. Other processes may have occupied the processors, so the first repetition after such a run gets twice, and
//! the second four times, the wall-clock limit ([`wall_time_of_rerun`]). All these repetitions of a submission together
//! have a budget ([`STARVED_TIME_MAX`]), because a program could also reach its wall-clock limit on purpose. A program
//! that the idle limit ended while its interactor was computing is run again without an idle limit. An accepted program
//! is not run again, except during the verification of a package. Verification also repeats a run whose CPU time is within a margin below or
//! above the limit, and stops a program only above the upper margin.
//!
//! Sources for the rules of other judges: DOMjudge manual, "Time limit overshoot"; DMOJ, `wall_time_factor`.

use std::time::Duration;

use cupel_languages::Language;
use cupel_problem::{OnOutputLimit, ProblemLimits, StepBounds, WallLimit};
use cupel_types::{Bytes, Limits, LimitsRequest, Outcome, StepReport, Usage};

/// Maximum number of repeated runs of a program.
pub(super) const RERUNS_MAX: u32 = 2;

/// Maximum wall-clock time of all repetitions of a submission after runs that the wall-clock limit ended, as a multiple
/// of that limit. This is the time of two cases in which the limit also ends all repetitions. A program that only lacked
/// processor time ends much earlier, so the budget suffices for many of its repetitions. The repetition that exhausts
/// the budget is the last. There is no budget during the verification of a package.
const STARVED_TIME_MAX: u32 = 12;

/// CPU limit of a problem that specifies none. Source: DOMjudge, default of `timelimit`.
pub(super) const CPU_TIME_DEFAULT: Duration = Duration::from_secs(10);

/// Total size of a submission's own files that does not count as its memory. A program owns its files and can use them
/// as memory, for example by writing to a mapping of its executable, so what exceeds this size is counted. Executables
/// of ordinary programs are smaller (a program in Go with a web client has 7 MiB), so they do not change the figure.
pub(super) const FREE_FILES: Bytes = Bytes::mib(16);

const OVERSHOOT_MIN: Duration = Duration::from_millis(50);
const IDLE_MIN: Duration = Duration::from_secs(2);
const WALL_BEYOND: Duration = Duration::from_secs(4);
/// A program that computes for less than one twentieth of its wall-clock time is waiting.
const WAITING_PART: u32 = 20;
/// Minimum space for the files that a program of the package leaves. It is generous, because a program must not fail
/// for a long message; messages are truncated when they are read.
const FEEDBACK_MIN: Bytes = Bytes::mib(64);
/// Output limit of a program whose output is truncated, so that a large output does not end it.
const DISCARDED_MAX: Bytes = Bytes::mib(1 << 20);

/// Limits of the submission in one case.
#[derive(Clone, Copy, Debug)]
pub(super) struct CaseLimits {
    /// The CPU limit that decides the verdict.
    pub(super) cpu_time: Duration,
    /// A program that uses more CPU time than this and ends by itself is run again.
    pub(super) again_above: Duration,
    /// The limits that the sandbox enforces.
    pub(super) enforced: Limits,
    /// Maximum number of bytes of standard output that are judged.
    pub(super) output: Bytes,
    pub(super) on_output_limit: OnOutputLimit,
    /// The rest of the submission's budget for repetitions after runs that the wall-clock limit ended.
    pub(super) starved_time_left: Duration,
}

impl CaseLimits {
    pub(super) fn of(problem: &ProblemLimits, language: &Language, requested: &LimitsRequest) -> CaseLimits {
        let own = problem.cpu_time(&language.id).unwrap_or(CPU_TIME_DEFAULT);
        let cpu_time = requested.cpu_time.unwrap_or(own);
        let memory = requested.memory.unwrap_or_else(|| problem.memory(&language.id));
        let killed_at = cpu_time + (cpu_time / 10).max(OVERSHOOT_MIN);
        let wall_time = match problem.wall_time {
            None => cpu_time * 4 + WALL_BEYOND,
            Some(WallLimit::Time(time)) => time,
            Some(WallLimit::TimesCpu(factor)) => factor.times(cpu_time),
        };
        let wall_time = requested.wall_time.unwrap_or(wall_time.max(killed_at));
        let idle_time = match problem.wall_time {
            // DMOJ limits the wall-clock time only, so a program may wait for all of it.
            Some(WallLimit::TimesCpu(_)) => wall_time,
            Some(WallLimit::Time(_)) | None => cpu_time.max(IDLE_MIN),
        };
        let output = requested.output.unwrap_or(problem.output);
        // A problem does not set the other limits.
        let others = requested.over(language.limits);
        let enforced = Limits {
            cpu_time: killed_at,
            wall_time,
            idle_time: requested.idle_time.unwrap_or(idle_time),
            instructions: others.instructions,
            memory,
            address_space: others.address_space,
            processes: others.processes,
            open_files: others.open_files,
            file_size: others.file_size,
            disk: others.disk,
            inodes: others.inodes,
            output: match problem.on_output_limit {
                OnOutputLimit::Kill => output,
                OnOutputLimit::Discard => DISCARDED_MAX,
            },
            stack: requested.stack.unwrap_or(memory.max(Limits::STACK_MIN)),
        };
        CaseLimits {
            cpu_time,
            again_above: cpu_time,
            enforced,
            output,
            on_output_limit: problem.on_output_limit,
            starved_time_left: wall_time.saturating_mul(STARVED_TIME_MAX),
        }
    }

    /// Extends the limits, so that the distance of a program from its limit can be measured.
    pub(super) fn with_margins(mut self, problem: &ProblemLimits) -> CaseLimits {
        let calibration = &problem.time.calibration;
        let upper = calibration.limit_to_time_limit_exceeded.times(self.cpu_time) + OVERSHOOT_MIN;
        self.again_above = calibration.accepted_to_limit.part_of(self.cpu_time);
        self.starved_time_left = Duration::MAX;
        self.enforced.cpu_time = self.enforced.cpu_time.max(upper);
        if problem.wall_time.is_none() {
            self.enforced.wall_time = self.enforced.wall_time.max(upper * 4 + WALL_BEYOND);
        }
        self
    }

    /// Whether a run that ended in this way is so near to a limit that the program must be run again.
    pub(super) fn is_near(&self, outcome: Outcome, usage: &Usage) -> bool {
        let by_itself = outcome.is_by_itself();
        let waited = is_waiting(usage);
        let by_the_clock = outcome == Outcome::WallLimit && usage.cpu_time <= self.cpu_time && !waited;
        let has_budget = !self.starved_time_left.is_zero();
        (by_itself && usage.cpu_time > self.again_above) || (by_the_clock && has_budget)
    }

    /// Subtracts a repetition from the budget, if the wall-clock limit had ended the run before it. `before` is the
    /// outcome of that run, and `wall_time` the wall-clock limit of the repetition, which ended as `again`.
    pub(super) fn count_rerun(&mut self, before: Outcome, wall_time: Duration, again: &StepReport) {
        if before == Outcome::WallLimit {
            let took = if again.outcome == Outcome::WallLimit { wall_time } else { again.usage.wall_time };
            self.starved_time_left = self.starved_time_left.saturating_sub(took);
        }
    }
}

/// The wall-clock limit of repetition number `reruns`. `outcome` is the outcome of the run that counts so far.
pub(super) fn wall_time_of_rerun(wall_time: Duration, reruns: u32, outcome: Outcome) -> Duration {
    if outcome == Outcome::WallLimit { wall_time.saturating_mul(1 << reruns) } else { wall_time }
}

/// Whether a program waited for almost all of its wall-clock time.
pub(super) fn is_waiting(usage: &Usage) -> bool {
    usage.cpu_time * WAITING_PART < usage.wall_time
}

/// Returns the limits of a program of the package. `given` is the size in bytes of the files in its box. The program's
/// output consists of messages or, if it is an interactor, of input for the submission. Excess output is truncated and
/// does not end the program.
pub(super) fn of_author(bounds: &StepBounds, language: Limits, given: u64) -> Limits {
    let given = Bytes::new(given);
    let disk = bounds.output.max(FEEDBACK_MIN).saturating_add(given).saturating_add(Bytes::mib(1));
    Limits {
        cpu_time: bounds.time,
        wall_time: bounds.time * 2 + WALL_BEYOND,
        idle_time: bounds.time + IDLE_MIN,
        instructions: language.instructions,
        memory: bounds.memory.saturating_add(given),
        address_space: language.address_space,
        processes: language.processes,
        open_files: language.open_files,
        file_size: disk,
        disk,
        inodes: language.inodes,
        output: DISCARDED_MAX,
        stack: bounds.memory.max(Limits::STACK_MIN),
    }
}

/// Returns the limits of a program of the package as its author knows them: without the space for Cupel's own files.
pub(super) fn shown(limits: Limits, bounds: &StepBounds) -> Limits {
    Limits {
        cpu_time: limits.cpu_time,
        wall_time: limits.wall_time,
        idle_time: limits.idle_time,
        instructions: limits.instructions,
        memory: bounds.memory,
        address_space: limits.address_space,
        processes: limits.processes,
        open_files: limits.open_files,
        file_size: limits.file_size,
        disk: bounds.output.max(FEEDBACK_MIN),
        inodes: limits.inodes,
        output: limits.output,
        stack: limits.stack,
    }
}

/// Returns the limits of a compile step. The limits on CPU time and memory are the larger of the problem's and the
/// language's. The other limits are the language's; those on wall-clock and idle time are raised if the CPU limit
/// requires it.
pub(super) fn of_compiler(bounds: &StepBounds, language: Limits) -> Limits {
    let cpu_time = bounds.time.max(language.cpu_time);
    Limits {
        cpu_time,
        wall_time: language.wall_time.max(cpu_time * 2),
        idle_time: language.idle_time.max(cpu_time),
        instructions: language.instructions,
        memory: bounds.memory.max(language.memory),
        address_space: language.address_space,
        processes: language.processes,
        open_files: language.open_files,
        file_size: language.file_size,
        disk: language.disk,
        inodes: language.inodes,
        output: language.output,
        stack: language.stack,
    }
}

#[cfg(test)]
mod tests {
    use cupel_problem::{Calibration, Factor};

    use super::super::tests::Fixture;
    use super::*;

    #[test]
    fn the_idle_limit_equals_a_wall_clock_limit_given_as_a_factor() {
        let fixture = Fixture::new();
        let language = fixture.languages.find("script").unwrap();
        let mut problem = ProblemLimits::unset(Calibration::WIDE);
        problem.time.limit = Some(Duration::from_secs(3));
        let factor = |factor| Some(WallLimit::TimesCpu(Factor::thousandths(factor).unwrap()));
        for (wall_time, wall_ms, idle_ms) in [
            (None, 16_000, 3_000),
            (Some(WallLimit::Time(Duration::from_secs(9))), 9_000, 3_000),
            (factor(3_000), 9_000, 9_000),
            (factor(1_000), 3_300, 3_300),
        ] {
            problem.wall_time = wall_time;
            let limits = CaseLimits::of(&problem, language, &LimitsRequest::default()).enforced;
            let found = (limits.wall_time.as_millis(), limits.idle_time.as_millis());
            assert_eq!(found, (wall_ms, idle_ms), "{wall_time:?}");
        }
    }

    #[test]
    fn a_program_that_waited_until_the_wall_clock_limit_is_not_run_again() {
        let fixture = Fixture::new();
        let language = fixture.languages.find("script").unwrap();
        let limits = CaseLimits::of(&fixture.limits, language, &LimitsRequest::default());
        for (cpu_ms, is_near) in [(10, false), (399, false), (400, true), (900, true), (1_050, false)] {
            let (cpu_time, wall_time) = (Duration::from_millis(cpu_ms), Duration::from_secs(8));
            let usage = Usage { cpu_time, wall_time, ..Usage::default() };
            assert_eq!(limits.is_near(Outcome::WallLimit, &usage), is_near, "{cpu_ms}");
        }
    }
}
