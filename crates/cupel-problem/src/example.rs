//! The submissions in a package, and their expected results.

use cupel_types::Verdict;

use super::case::CaseId;
use super::group::ScoreRange;
use super::program::{Program, ProgramFile};

/// A submission that is part of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleSubmission {
    /// The submission's sources. In reports, the path of the program is the name of the submission.
    pub program: Program,
    /// Headers of the package that are copied beside the sources for the build. They do not count towards the source
    /// size limit.
    pub beside: Vec<ProgramFile>,
    /// All rules that the submission must satisfy. If empty, the submission is only compiled and run.
    pub expectations: Vec<Expectation>,
}

/// One rule that a submission must satisfy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Origin of the rule, for reports: a folder, a glob of `submissions.yaml`, an annotation, or a tag.
    pub origin: String,
    /// The cases to which the rule applies.
    pub scope: Scope,
    /// The only verdicts allowed on a case. `None`: any.
    pub permitted: Option<Vec<ExpectedVerdict>>,
    /// Verdicts of which at least one must occur on some case. `None`: no requirement.
    pub required: Option<Vec<ExpectedVerdict>>,
    /// The allowed overall verdicts of the submission. `None`: any.
    pub verdict: Option<Vec<ExpectedVerdict>>,
    /// The allowed scores. `None`: any.
    pub score: Option<ScoreRange>,
    /// Whether the submission must get the full score (`Some(true)`) or must not get it (`Some(false)`).
    pub full_score: Option<bool>,
    /// Text that a checker's message must contain on some case.
    pub message: Option<String>,
    /// Whether verification also compares the time limit with the submission's times, if the rule excludes or requires
    /// timeouts.
    pub bounds_time_limit: bool,
}

impl Expectation {
    /// Returns a rule without expectations.
    pub fn nothing(origin: &str) -> Expectation {
        Expectation {
            origin: origin.to_owned(),
            scope: Scope::All,
            permitted: None,
            required: None,
            verdict: None,
            score: None,
            full_score: None,
            message: None,
            bounds_time_limit: true,
        }
    }
}

/// The cases to which a rule applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All cases.
    All,
    /// Cases whose name, or the name of one of their groups, matches this glob. `*` matches within a component; `{a,b}`
    /// gives alternatives.
    Glob(String),
}

impl Scope {
    /// Whether the rule applies to the case.
    pub fn covers(&self, case: &CaseId) -> bool {
        match self {
            Scope::All => true,
            Scope::Glob(glob) => super::glob::matches(glob, case.as_str()),
        }
    }
}

cupel_types::named! {
    /// A verdict as packages name it. It may include several of the judge's verdicts: see [`ExpectedVerdict::covers`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum ExpectedVerdict, code, from_code {
        /// Accepted.
        Accepted = "AC",
        /// Rejected by the checker for any reason.
        WrongAnswer = "WA",
        /// Rejected by the checker for its formatting.
        PresentationError = "PE",
        /// CPU time, wall-clock time or idle time exceeded.
        TimeLimit = "TLE",
        /// Any abnormal end except a timeout.
        RuntimeError = "RTE",
        /// Memory limit exceeded.
        MemoryLimit = "MLE",
        /// Output limit exceeded.
        OutputLimit = "OLE",
        /// The submission does not compile.
        CompileError = "CE",
    }
}

impl ExpectedVerdict {
    /// Whether the judge's verdict satisfies this expected verdict. `TLE` includes ILE; `RTE` includes MLE, OLE and SV;
    /// `WA` includes PE.
    pub fn covers(self, verdict: Verdict) -> bool {
        let satisfied: &[ExpectedVerdict] = match verdict {
            Verdict::Accepted => &[ExpectedVerdict::Accepted],
            Verdict::WrongAnswer => &[ExpectedVerdict::WrongAnswer],
            Verdict::PresentationError => &[ExpectedVerdict::PresentationError, ExpectedVerdict::WrongAnswer],
            Verdict::TimeLimit | Verdict::IdleLimit => &[ExpectedVerdict::TimeLimit],
            Verdict::MemoryLimit => &[ExpectedVerdict::MemoryLimit, ExpectedVerdict::RuntimeError],
            Verdict::OutputLimit => &[ExpectedVerdict::OutputLimit, ExpectedVerdict::RuntimeError],
            Verdict::RuntimeError | Verdict::SecurityViolation => &[ExpectedVerdict::RuntimeError],
            Verdict::CompileError => &[ExpectedVerdict::CompileError],
            Verdict::PartialScore
            | Verdict::CompileLimit
            | Verdict::Skipped
            | Verdict::InternalError
            | Verdict::Cancelled => &[],
        };
        satisfied.contains(&self)
    }
}
