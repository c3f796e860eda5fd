//! Records of contests: the types that cross the port.

use std::time::Duration;

use cupel_problem::Slug;
use cupel_types::{ClarificationId, ContestId, ProblemId, UserId, Verdict};
use jiff::Timestamp;

use super::JoinCode;
use crate::problems::Standing;

/// The rules that turn attempts into standings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Problems solved, then penalty time.
    Icpc {
        /// Penalty for each rejected try before a problem is solved.
        penalty: Duration,
    },
    /// The sum of the problems' scores, each that of the best single submission, as at the IOI from 2013 to 2016 (see
    /// `standings.rs`). In a problem without points, a solution scores 100.
    Ioi,
}

cupel_types::named! {
    /// Kind of participation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Participation, as_str, from_name {
        /// At the time of the contest, with a rank in its standings.
        Official = "official",
        /// After the contest has ended; times count from the participant's own start.
        Virtual = "virtual",
    }
}

cupel_types::named! {
    /// Phase of a contest.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Phase, as_str, from_name {
        /// The contest has not begun.
        Upcoming = "upcoming",
        /// The contest is running.
        Running = "running",
        /// The contest has ended.
        Over = "over",
    }
}

/// A contest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// The id, which never changes.
    pub id: ContestId,
    /// The slug, the name in URLs.
    pub slug: Slug,
    /// The title.
    pub title: String,
    /// The description, in Markdown.
    pub description: String,
    /// The organizer.
    pub owner: UserId,
    /// The rules.
    pub style: Style,
    /// When the contest begins.
    pub starts_at: Timestamp,
    /// The length.
    pub length: Duration,
    /// Length of the freeze before the end, in which results are hidden; `None`: no freeze.
    pub freeze: Option<Duration>,
    /// Whether the freeze has been lifted.
    pub is_unfrozen: bool,
    /// Whether everyone may see the contest and take part.
    pub is_public: bool,
    /// The code with which users may take part if the contest is not public. Visible to organizers only.
    pub join_code: JoinCode,
    /// The problems, in order.
    pub problems: Vec<ContestProblem>,
}

impl Contest {
    /// Maximum number of problems: one per letter.
    pub const PROBLEMS_MAX: usize = 26;

    /// When the contest ends.
    pub fn ends_at(&self) -> Timestamp {
        ends_at(self.starts_at, self.length)
    }

    /// When this participant's time ends.
    pub fn ends_for(&self, participant: &Participant) -> Timestamp {
        ends_at(participant.starts_at, self.length)
    }

    /// The phase.
    pub fn phase(&self, now: Timestamp) -> Phase {
        if now < self.starts_at {
            Phase::Upcoming
        } else if now < self.ends_at() {
            Phase::Running
        } else {
            Phase::Over
        }
    }

    /// Elapsed time from which results are hidden; `None`: no freeze.
    pub fn frozen_from(&self) -> Option<Duration> {
        self.freeze.filter(|_| !self.is_unfrozen).map(|freeze| self.length.saturating_sub(freeze))
    }

    /// Whether the freeze has begun, and has not been lifted.
    pub fn has_frozen(&self, now: Timestamp) -> bool {
        self.frozen_from().is_some_and(|from| ends_at(self.starts_at, from) <= now)
    }
}

/// End of an interval with this start and length.
pub(super) fn ends_at(starts_at: Timestamp, length: Duration) -> Timestamp {
    let length = jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX);
    starts_at.saturating_add(length).unwrap_or(Timestamp::MAX)
}

/// A problem of a contest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContestProblem {
    /// The problem.
    pub problem: ProblemId,
    /// The slug.
    pub slug: Slug,
    /// The title.
    pub title: String,
}

/// Label of the problem at this position: `A`, `B`, and so on.
pub fn label(place: usize) -> char {
    u8::try_from(place).ok().and_then(|place| b'A'.checked_add(place)).map_or('?', char::from)
}

/// A participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub username: String,
    /// Kind of participation.
    pub participation: Participation,
    /// When the participant's time begins.
    pub starts_at: Timestamp,
}

/// A participant's result for each problem of a contest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantProgress {
    /// The participant.
    pub participant: Participant,
    /// One standing per problem, in the contest's order; `None` if the participant has not tried the problem.
    pub standings: Vec<Option<Standing>>,
}

/// The time in which a participant's submissions are hidden from others: from the start of the freeze to the end of the
/// contest, relative to the participant's start.
///
/// A submission is hidden by the contest, not by its problem: submissions to the same problem from outside the contest
/// or before the freeze stay public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreezeWindow {
    /// The start, inclusive.
    pub from: Timestamp,
    /// The end, exclusive.
    pub until: Timestamp,
}

impl FreezeWindow {
    /// The window of a participant with this start, in a contest of this length with a freeze of this length at the
    /// end.
    pub fn of(starts_at: Timestamp, length: Duration, freeze: Duration) -> FreezeWindow {
        FreezeWindow { from: ends_at(starts_at, length.saturating_sub(freeze)), until: ends_at(starts_at, length) }
    }

    /// Whether the window hides a submission that was sent at this time.
    pub fn hides(&self, sent_at: Timestamp) -> bool {
        (self.from..self.until).contains(&sent_at)
    }
}

/// A contest to insert.
#[derive(Clone, Debug)]
pub struct NewContest {
    /// The id.
    pub id: ContestId,
    /// The slug.
    pub slug: Slug,
    /// The title.
    pub title: String,
    /// The description, in Markdown.
    pub description: String,
    /// The organizer.
    pub owner: UserId,
    /// The rules.
    pub style: Style,
    /// When the contest begins.
    pub starts_at: Timestamp,
    /// The length.
    pub length: Duration,
    /// Length of the freeze before the end, in which results are hidden.
    pub freeze: Option<Duration>,
    /// Whether everyone may see the contest and take part.
    pub is_public: bool,
    /// The code with which users may take part if the contest is not public.
    pub join_code: JoinCode,
    /// The problems, in order.
    pub problems: Vec<ProblemId>,
}

/// Changes to a contest; `None` leaves a value unchanged.
#[derive(Clone, Debug, Default)]
pub struct ContestChange {
    /// The title.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The rules.
    pub style: Option<Style>,
    /// Start time of the contest. The times of official participants move with it.
    pub starts_at: Option<Timestamp>,
    /// The length.
    pub length: Option<Duration>,
    /// Length of the freeze before the end; `Some(None)`: no freeze.
    pub freeze: Option<Option<Duration>>,
    /// Whether the freeze is lifted.
    pub is_unfrozen: Option<bool>,
    /// Whether everyone may see the contest and take part.
    pub is_public: Option<bool>,
    /// A new join code. The old code becomes invalid.
    pub join_code: Option<JoinCode>,
    /// The problems.
    pub problems: Option<Vec<ProblemId>>,
}

/// Filter over contests.
#[derive(Clone, Debug)]
pub struct ContestFilter {
    /// The asking user; `None`: anonymous.
    pub asker: Option<UserId>,
    /// Whether the asker has the rights of an author, and so sees own contests.
    pub is_author: bool,
    /// Whether all contests are visible.
    pub sees_all: bool,
    /// Only contests in this phase.
    pub phase: Option<Phase>,
    /// Only contests whose title or slug has each word of this text, in upper or lower case.
    pub text: Option<String>,
    /// The current time.
    pub now: Timestamp,
}

/// Filter over the submissions that are attempts of a contest.
#[derive(Clone, Debug)]
pub struct AttemptFilter {
    /// The contest.
    pub contest: ContestId,
    /// Only those of the participant with this name, in upper or lower case.
    pub username: Option<String>,
    /// Only those to the problem at this zero-based position.
    pub place: Option<usize>,
    /// Only those whose current verdict is this.
    pub verdict: Option<Verdict>,
    /// Whether submissions that the freeze of another contest hides are included.
    pub shows_hidden: bool,
}

/// A question about a contest with its answer, or an announcement to everyone who can see the contest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clarification {
    /// The id.
    pub id: ClarificationId,
    /// Whether it is an announcement: its text is the answer, there is no question, and everyone who can see the
    /// contest may read it.
    pub is_announcement: bool,
    /// The user who asks or announces.
    pub asker: UserId,
    /// The asker's name, for organizers.
    pub asker_name: String,
    /// Position of the problem to which the entry refers; `None`: the entry refers to the whole contest.
    pub place: Option<usize>,
    /// The question.
    pub question: String,
    /// The answer, if there is one.
    pub answer: Option<String>,
    /// Whether everyone who can see the contest may read the entry.
    pub is_public: bool,
    /// When the question was asked or the announcement made.
    pub asked_at: Timestamp,
    /// When the question was answered.
    pub answered_at: Option<Timestamp>,
}

/// A question or an announcement to insert.
#[derive(Clone, Debug)]
pub struct NewClarification {
    /// The id.
    pub id: ClarificationId,
    /// The contest.
    pub contest: ContestId,
    /// The user who asks or announces.
    pub asker: UserId,
    /// Position of the problem to which the entry refers; `None`: the entry refers to the whole contest.
    pub place: Option<usize>,
    /// Whether it is an announcement.
    pub is_announcement: bool,
    /// The text of the question or announcement.
    pub text: String,
    /// Time of the question or announcement.
    pub asked_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_contest_is_upcoming_running_and_over() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let contest = Contest {
            id: ContestId::from_uuid(Uuid::nil()),
            slug: "c".parse().unwrap(),
            title: String::new(),
            description: String::new(),
            owner: UserId::from_uuid(Uuid::nil()),
            style: Style::Ioi,
            starts_at: at(100),
            length: Duration::from_secs(50),
            freeze: Some(Duration::from_secs(20)),
            is_unfrozen: false,
            is_public: true,
            join_code: JoinCode::random(),
            problems: Vec::new(),
        };
        let phases = [99, 100, 149, 150].map(|second| contest.phase(at(second)));
        assert_eq!(phases, [Phase::Upcoming, Phase::Running, Phase::Running, Phase::Over]);
        assert_eq!(contest.frozen_from(), Some(Duration::from_secs(30)));
        assert_eq!([129, 130, 200].map(|second| contest.has_frozen(at(second))), [false, true, true]);
        assert_eq!(Contest { is_unfrozen: true, ..contest }.frozen_from(), None);
    }

    #[test]
    fn a_freeze_hides_submissions_from_its_start_to_the_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let window = FreezeWindow::of(at(100), Duration::from_secs(50), Duration::from_secs(20));
        assert_eq!([129, 130, 149, 150].map(|second| window.hides(at(second))), [false, true, true, false]);
        let none = FreezeWindow::of(at(100), Duration::from_secs(50), Duration::ZERO);
        assert!(![149, 150].into_iter().any(|second| none.hides(at(second))));
    }

    #[test]
    fn problems_are_labelled_with_letters() {
        assert_eq!([0, 1, 25].map(label), ['A', 'B', 'Z']);
    }
}
