//! Response types for problems. Field names are stable: fields may be added, but never renamed or removed.

use cupel_core::problems::{ProblemRecord, Standing};
use cupel_http::error::{ApiError, ErrorKind, FieldError};
use cupel_package::PackageFinding;
use cupel_problem::Visibility;
use cupel_types::Score;
use serde::Serialize;
use utoipa::ToSchema;

use crate::v1::faults::sentence;
use crate::v1::response::time::rfc3339;

/// Score as a number with at most six decimals, which a double represents with sufficient precision.
pub(crate) fn points(score: Score) -> f64 {
    score.millionths() as f64 / 1e6
}

/// A problem, without its statement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemLineView {
    /// Name in URLs.
    pub(crate) slug: String,
    /// Display name.
    pub(crate) title: String,
    /// `easy`, `medium` or `hard`, if set. `null` for participants of a running contest that has the private problem.
    pub(crate) difficulty: Option<&'static str>,
    /// Topics of the problem. Empty for participants of a running contest that has the private problem.
    pub(crate) tags: Vec<String>,
    /// `draft`, `private` or `public`.
    pub(crate) visibility: &'static str,
    /// Number of the current version.
    pub(crate) version: u32,
    /// Statistics of the submissions to the problem. `null` for a private problem, because it may be part of a contest;
    /// but responses about that problem alone contain them for users who may change it.
    pub(crate) statistics: Option<StatisticsView>,
    /// Your result; `null` if you have not tried the problem, or did not authenticate.
    pub(crate) standing: Option<StandingView>,
    /// Time at which the problem was created.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

impl ProblemLineView {
    /// For every user who may see the problem; without the statistics of a private problem.
    pub(super) fn of(problem: &ProblemRecord, standing: Option<&Standing>) -> ProblemLineView {
        ProblemLineView::with(problem, standing, problem.visibility != Visibility::Private)
    }

    /// For users who may change the problem.
    pub(super) fn for_author(problem: &ProblemRecord, standing: Option<&Standing>) -> ProblemLineView {
        ProblemLineView::with(problem, standing, true)
    }

    /// Without tags and difficulty.
    pub(super) fn without_hints(self) -> ProblemLineView {
        ProblemLineView { tags: Vec::new(), difficulty: None, ..self }
    }

    fn with(problem: &ProblemRecord, standing: Option<&Standing>, has_statistics: bool) -> ProblemLineView {
        let figures = problem.statistics;
        ProblemLineView {
            slug: problem.slug.to_string(),
            title: problem.title.clone(),
            difficulty: problem.difficulty.map(|difficulty| difficulty.as_str()),
            tags: problem.tags.iter().map(ToString::to_string).collect(),
            visibility: problem.visibility.as_str(),
            version: problem.version,
            statistics: has_statistics.then_some(StatisticsView {
                submissions: figures.submissions,
                accepted: figures.accepted,
                attempted_by: figures.attempted_by,
                solved_by: figures.solved_by,
            }),
            standing: standing.map(StandingView::from),
            created_at: rfc3339(problem.created_at),
        }
    }
}

/// Statistics of the submissions to a problem. Submissions without a verdict, cancelled submissions, compile errors and
/// failures of the judge are not counted; nor are, while the freeze of a contest hides them, submissions during it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatisticsView {
    /// Number of submissions.
    submissions: u64,
    /// Number of accepted submissions.
    accepted: u64,
    /// Number of users who have tried the problem.
    attempted_by: u64,
    /// Number of users who have solved the problem.
    solved_by: u64,
}

/// A user's result for a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StandingView {
    /// `solved` or `attempted`.
    state: &'static str,
    /// Number of tries, up to and including the first accepted one.
    tries: u32,
    /// Best score, if the problem has scores.
    best_score: Option<f64>,
    /// CPU time of the fastest accepted submission, in milliseconds, rounded up to 10 ms.
    best_time_ms: Option<u64>,
    /// Time of the first accepted submission.
    #[schema(format = DateTime)]
    solved_at: Option<String>,
}

impl From<&Standing> for StandingView {
    fn from(standing: &Standing) -> StandingView {
        StandingView {
            state: if standing.is_solved { "solved" } else { "attempted" },
            tries: standing.tries,
            best_score: standing.best_score.map(points),
            best_time_ms: standing.best_time.map(|time| time.get().as_millis() as u64),
            solved_at: standing.solved_at.map(rfc3339),
        }
    }
}

/// A warning or error about a package.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingView {
    /// Code of the kind of finding, such as `W_CR`.
    code: &'static str,
    /// The file; empty for the package as a whole.
    file: String,
    /// The key in the file.
    key: Option<String>,
    /// What is wrong, and how to fix it.
    detail: String,
}

impl From<&PackageFinding> for FindingView {
    fn from(finding: &PackageFinding) -> FindingView {
        FindingView {
            code: finding.code.as_str(),
            file: finding.file.clone(),
            key: finding.key.clone(),
            detail: finding.to_string(),
        }
    }
}

/// Error for a refused package: every error in the package, with its file.
pub(super) fn refused(findings: &[PackageFinding]) -> ApiError {
    let errors: Vec<FieldError> = findings
        .iter()
        .filter(|finding| finding.code.is_error())
        .map(|finding| FieldError::new(place(&finding.file), sentence(&finding.to_string())))
        .collect();
    let detail = match &errors[..] {
        [] => "The package is refused.".to_owned(),
        [only] => only.detail.clone(),
        [first, _] => format!("{} There is 1 more error.", first.detail),
        [first, rest @ ..] => format!("{} There are {} more errors.", first.detail, rest.len()),
    };
    ApiError::new(ErrorKind::InvalidPackage, detail).with_errors(errors)
}

/// File in the package, as a JSON pointer into the archive.
fn place(file: &str) -> String {
    if file.is_empty() { String::new() } else { format!("/{}", file.replace('~', "~0")) }
}
