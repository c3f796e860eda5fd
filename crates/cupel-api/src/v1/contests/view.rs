//! Response types for contests. Field names are stable: fields may be added, but never renamed or removed.

use cupel_core::contests::{Contest, Participant, Phase, Style, label};
use cupel_http::error::ApiError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::v1::problems::statement_html::{html_of, render};
use crate::v1::response::time::rfc3339;

/// Scoring rules of a contest.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum StyleName {
    /// Number of problems solved, then penalty time.
    Icpc,
    /// Sum of the best scores.
    Ioi,
}

impl StyleName {
    pub(super) fn of(style: Style) -> StyleName {
        match style {
            Style::Icpc { .. } => StyleName::Icpc,
            Style::Ioi => StyleName::Ioi,
        }
    }
}

/// A contest, without its problems.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContestLine {
    /// Name in URLs.
    slug: String,
    /// Display name.
    title: String,
    /// Scoring rules.
    style: StyleName,
    /// `upcoming`, `running` or `over`.
    phase: &'static str,
    /// Start time.
    #[schema(format = DateTime)]
    starts_at: String,
    /// End time.
    #[schema(format = DateTime)]
    ends_at: String,
    /// Duration.
    length_seconds: u64,
    /// Whether everybody may see the contest and take part.
    public: bool,
}

impl ContestLine {
    pub(super) fn of(contest: &Contest, now: Timestamp) -> ContestLine {
        ContestLine {
            slug: contest.slug.to_string(),
            title: contest.title.clone(),
            style: StyleName::of(contest.style),
            phase: contest.phase(now).as_str(),
            starts_at: rfc3339(contest.starts_at),
            ends_at: rfc3339(contest.ends_at()),
            length_seconds: contest.length.as_secs(),
            public: contest.is_public,
        }
    }
}

/// A contest, as you see it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContestView {
    #[serde(flatten)]
    line: ContestLine,
    /// Description, in Markdown.
    description: String,
    /// The description as HTML, on request. HTML tags in the Markdown are escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    description_html: Option<String>,
    /// ICPC: penalty for each rejected try before a solution, in whole minutes.
    penalty_minutes: Option<u64>,
    /// Deprecated: the penalty in seconds. Use `penalty_minutes`.
    #[schema(deprecated)]
    penalty_seconds: Option<u64>,
    /// Number of seconds before the end at which the standings freeze; `null`: no freeze.
    freeze_seconds: Option<u64>,
    /// Whether the freeze has been lifted.
    unfrozen: bool,
    /// The problems; `null` until your own start, unless the contest is over or you may change it.
    problems: Option<Vec<ContestProblemView>>,
    /// Your participation; `null` if you do not take part.
    participation: Option<ParticipationView>,
    /// Whether you may change the contest.
    may_change: bool,
    /// Code with which users may join if the contest is not public; `null` if you may not change the contest.
    join_code: Option<String>,
}

impl ContestView {
    pub(super) fn of(seen: &cupel_core::contests::SeenContest, now: Timestamp) -> ContestView {
        let contest = &seen.contest;
        let problem = |(place, problem): (usize, &cupel_core::contests::ContestProblem)| ContestProblemView {
            label: label(place).to_string(),
            slug: problem.slug.to_string(),
            title: problem.title.clone(),
        };
        let penalty = match contest.style {
            Style::Icpc { penalty } => Some(penalty),
            Style::Ioi => None,
        };
        ContestView {
            line: ContestLine::of(contest, now),
            description: contest.description.clone(),
            description_html: None,
            penalty_minutes: penalty.map(|penalty| penalty.as_secs() / 60),
            penalty_seconds: penalty.map(|penalty| penalty.as_secs()),
            freeze_seconds: contest.freeze.map(|freeze| freeze.as_secs()),
            unfrozen: contest.is_unfrozen,
            problems: seen.shows_problems(now).then(|| contest.problems.iter().enumerate().map(problem).collect()),
            participation: seen.participant.as_ref().map(|own| ParticipationView::of(own, contest)),
            may_change: seen.may_change,
            join_code: seen.may_change.then(|| contest.join_code.as_str().to_owned()),
        }
    }

    /// The same contest, with the description also as HTML.
    pub(super) async fn with_html(self) -> Result<ContestView, ApiError> {
        render(move || ContestView { description_html: html_of(&self.description), ..self }).await
    }
}

/// A problem of a contest. Submit solutions to `/problems/{slug}/submissions`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContestProblemView {
    /// Label in the contest: `A`, `B`, and so on.
    label: String,
    /// Name in URLs.
    slug: String,
    /// Display name.
    title: String,
}

/// A user's participation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ParticipationView {
    /// `official` or `virtual`.
    kind: &'static str,
    /// Start of the user's time.
    #[schema(format = DateTime)]
    starts_at: String,
    /// End of the user's time.
    #[schema(format = DateTime)]
    ends_at: String,
}

impl ParticipationView {
    pub(super) fn of(own: &Participant, contest: &Contest) -> ParticipationView {
        ParticipationView {
            kind: own.participation.as_str(),
            starts_at: rfc3339(own.starts_at),
            ends_at: rfc3339(contest.ends_for(own)),
        }
    }
}

/// Phase of a contest.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum PhaseName {
    /// Not begun.
    Upcoming,
    /// Begun and not ended.
    Running,
    /// Ended.
    Over,
}

impl From<PhaseName> for Phase {
    fn from(name: PhaseName) -> Phase {
        match name {
            PhaseName::Upcoming => Phase::Upcoming,
            PhaseName::Running => Phase::Running,
            PhaseName::Over => Phase::Over,
        }
    }
}
