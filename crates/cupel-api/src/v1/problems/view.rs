//! What clients get about problems. The names in here are promised: fields may be added, none may change or go.

use cupel_core::problems::{ProblemRecord, Standing};
use cupel_package::Finding;
use cupel_problem::Visibility;
use cupel_types::{Score, coarse_time};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{FieldError, Problem, ProblemKind};
use crate::v1::response::rfc3339;

/// Points as a number: at most six decimals, which a double has exactly enough digits for.
pub(crate) fn points(score: Score) -> f64 {
    score.millionths() as f64 / 1e6
}

/// A problem, without its text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemLineView {
    /// Its name in addresses.
    pub(crate) slug: String,
    /// Its name for people.
    pub(crate) title: String,
    /// `easy`, `medium` or `hard`, where that is said.
    pub(crate) difficulty: Option<&'static str>,
    /// What it is about.
    pub(crate) tags: Vec<String>,
    /// `draft`, `private` or `public`.
    pub(crate) visibility: &'static str,
    /// The number of its current version.
    pub(crate) version: u32,
    /// What has been sent for it. Of a private problem only its authors see that, one by one: it may be in a contest.
    pub(crate) statistics: Option<StatisticsView>,
    /// How you stand with it; `null` if you have not tried, or have not said who you are.
    pub(crate) standing: Option<StandingView>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

impl ProblemLineView {
    /// As everybody sees it who may.
    pub(super) fn of(problem: &ProblemRecord, standing: Option<&Standing>) -> ProblemLineView {
        ProblemLineView::with(problem, standing, problem.visibility != Visibility::Private)
    }

    /// As its authors see it.
    pub(super) fn for_author(problem: &ProblemRecord, standing: Option<&Standing>) -> ProblemLineView {
        ProblemLineView::with(problem, standing, true)
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

/// What has been sent for a problem. Compile errors and failures of the judge are not counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatisticsView {
    /// Submissions.
    submissions: u64,
    /// Those that solve it.
    accepted: u64,
    /// Users who have tried.
    attempted_by: u64,
    /// Users who have solved it.
    solved_by: u64,
}

/// How a user stands with a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StandingView {
    /// `solved` or `attempted`.
    state: &'static str,
    /// Tries up to and with the first that solves it.
    tries: u32,
    /// The best score, where the problem has scores.
    best_score: Option<f64>,
    /// CPU time of the fastest submission that solves it, in milliseconds, rounded up to 10 ms.
    best_time_ms: Option<u64>,
    /// When the first one that solves it was sent.
    #[schema(format = DateTime)]
    solved_at: Option<String>,
}

impl From<&Standing> for StandingView {
    fn from(standing: &Standing) -> StandingView {
        StandingView {
            state: if standing.is_solved { "solved" } else { "attempted" },
            tries: standing.tries,
            best_score: standing.best_score.map(points),
            best_time_ms: standing.best_time.map(|time| coarse_time(time).as_millis() as u64),
            solved_at: standing.solved_at.map(rfc3339),
        }
    }
}

/// What is odd about a package.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingView {
    /// What kind of finding it is, such as `W_CR`.
    code: &'static str,
    /// In which file; empty for the package as a whole.
    file: String,
    /// At which key.
    key: Option<String>,
    /// What is odd, and what to do about it.
    detail: String,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> FindingView {
        FindingView {
            code: finding.code.as_str(),
            file: finding.file.clone(),
            key: finding.key.clone(),
            detail: finding.to_string(),
        }
    }
}

/// A package that is refused: every finding, its file as the place.
pub(super) fn refused(findings: &[Finding]) -> Problem {
    let errors: Vec<FieldError> = findings
        .iter()
        .filter(|finding| finding.code.is_error())
        .map(|finding| FieldError::new(place(&finding.file), finding.to_string()))
        .collect();
    let detail = match &errors[..] {
        [] => "The package is refused.".to_owned(),
        [only] => only.detail.clone(),
        [first, rest @ ..] => format!("{} And {} more.", first.detail, rest.len()),
    };
    Problem::new(ProblemKind::InvalidPackage, detail).with_errors(errors)
}

/// A file in the package, as a pointer into the archive.
fn place(file: &str) -> String {
    if file.is_empty() { String::new() } else { format!("/{}", file.replace('~', "~0")) }
}
