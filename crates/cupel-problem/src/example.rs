//! Submissions that a package carries, and what it expects of them.

use cupel_types::Verdict;

use super::case::CaseId;
use super::group::ScoreRange;
use super::program::{Program, ProgramFile};

/// A submission of the package's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleSubmission {
    /// Its sources. The path of the program names it in reports.
    pub program: Program,
    /// Headers of the package that lie beside its sources when it is built, and are no part of what it is limited to.
    pub beside: Vec<ProgramFile>,
    /// Everything that must hold of it. Empty: it is only compiled and run.
    pub expectations: Vec<Expectation>,
}

/// One rule that a submission must keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Where the rule stands, for the report: a folder, a glob of `submissions.yaml`, an annotation, a tag.
    pub origin: String,
    /// Which cases it is about.
    pub scope: Scope,
    /// The only verdicts a case may have. `None`: any.
    pub permitted: Option<Vec<ExpectedVerdict>>,
    /// Verdicts of which one must occur on a case. `None`: none.
    pub required: Option<Vec<ExpectedVerdict>>,
    /// What the submission as a whole must get. `None`: anything.
    pub verdict: Option<Vec<ExpectedVerdict>>,
    /// Where its score must lie. `None`: anywhere.
    pub score: Option<ScoreRange>,
    /// Whether it must get the full score (`Some(true)`), or must not (`Some(false)`).
    pub full_score: Option<bool>,
    /// What must occur in a checker's message on some case.
    pub message: Option<String>,
    /// Whether the time limit is held against the times of a rule that excludes timeouts, or demands one.
    pub bounds_time_limit: bool,
}

impl Expectation {
    /// A rule that expects nothing.
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

/// Which cases a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those whose name, or the name of a group of theirs, matches this glob: `*` within a component, `{a,b}`.
    Glob(String),
}

impl Scope {
    /// Whether a case is one of those.
    pub fn covers(&self, case: &CaseId) -> bool {
        match self {
            Scope::All => true,
            Scope::Glob(glob) => super::glob::matches(glob, case.as_str()),
        }
    }
}

cupel_types::named! {
    /// A verdict as packages name it. Coarser than the judge's own: see [`ExpectedVerdict::covers`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum ExpectedVerdict, code, from_code {
        /// Accepted.
        Accepted = "AC",
        /// Rejected by the checker, whatever the way.
        WrongAnswer = "WA",
        /// Rejected by the checker for its form.
        PresentationError = "PE",
        /// Too long, on the CPU or on the clock.
        TimeLimit = "TLE",
        /// Ended badly, whatever the way.
        RuntimeError = "RTE",
        /// Too much memory.
        MemoryLimit = "MLE",
        /// Too much output.
        OutputLimit = "OLE",
        /// Does not build.
        CompileError = "CE",
    }
}

impl ExpectedVerdict {
    /// Whether a verdict of the judge is one that is meant by this: `TLE` also means ILE; `RTE` also means MLE, OLE and SV;
    /// `WA` also means PE.
    pub fn covers(self, verdict: Verdict) -> bool {
        let codes: &[&str] = match self {
            ExpectedVerdict::Accepted => &["AC"],
            ExpectedVerdict::WrongAnswer => &["WA", "PE"],
            ExpectedVerdict::PresentationError => &["PE"],
            ExpectedVerdict::TimeLimit => &["TLE", "ILE"],
            ExpectedVerdict::RuntimeError => &["RTE", "MLE", "OLE", "SV"],
            ExpectedVerdict::MemoryLimit => &["MLE"],
            ExpectedVerdict::OutputLimit => &["OLE"],
            ExpectedVerdict::CompileError => &["CE"],
        };
        codes.contains(&verdict.code())
    }
}
