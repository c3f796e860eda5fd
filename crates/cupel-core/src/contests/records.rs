//! What is known of contests: the shapes that cross the port.

use std::time::Duration;

use cupel_problem::Slug;
use cupel_types::{ClarificationId, ContestId, ProblemId, UserId};
use jiff::Timestamp;

use super::JoinCode;
use crate::problems::Standing;

/// By which rules attempts become standings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Problems solved, then penalty time.
    Icpc {
        /// For each rejected try before a problem is solved.
        penalty: Duration,
    },
    /// The sum of the best scores. A problem without points gives 100 to who solves it.
    Ioi,
}

cupel_types::named! {
    /// How somebody takes part.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Participation, as_str, from_name {
        /// In the time of the contest, with a place in its standings.
        Official = "official",
        /// At another time, against the clock of their own start.
        Virtual = "virtual",
    }
}

cupel_types::named! {
    /// Where a contest stands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Phase, as_str, from_name {
        /// It has not begun.
        Upcoming = "upcoming",
        /// It goes on.
        Running = "running",
        /// It has ended.
        Over = "over",
    }
}

/// A contest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// Its id, which never changes.
    pub id: ContestId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
    /// What it is about, in Markdown.
    pub description: String,
    /// Who arranges it.
    pub owner: UserId,
    /// Its rules.
    pub style: Style,
    /// When it begins.
    pub starts_at: Timestamp,
    /// How long it goes on.
    pub length: Duration,
    /// How long before the end results are no longer shown; `None`: they always are.
    pub freeze: Option<Duration>,
    /// Whether the freeze has been lifted.
    pub is_unfrozen: bool,
    /// Whether everybody may see it, and take part.
    pub is_public: bool,
    /// With what others may take part if it is not public. For those who arrange it.
    pub join_code: JoinCode,
    /// Its problems, in order.
    pub problems: Vec<ContestProblem>,
}

impl Contest {
    /// Most problems: one for each letter.
    pub const PROBLEMS_MAX: usize = 26;

    /// When it ends.
    pub fn ends_at(&self) -> Timestamp {
        ends_at(self.starts_at, self.length)
    }

    /// Where it stands.
    pub fn phase(&self, now: Timestamp) -> Phase {
        if now < self.starts_at {
            Phase::Upcoming
        } else if now < self.ends_at() {
            Phase::Running
        } else {
            Phase::Over
        }
    }

    /// From when on, after a start, results are not shown.
    pub fn frozen_from(&self) -> Option<Duration> {
        self.freeze.filter(|_| !self.is_unfrozen).map(|freeze| self.length.saturating_sub(freeze))
    }
}

/// When what begins then and is so long ends.
pub(super) fn ends_at(starts_at: Timestamp, length: Duration) -> Timestamp {
    let length = jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX);
    starts_at.saturating_add(length).unwrap_or(Timestamp::MAX)
}

/// A problem of a contest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContestProblem {
    /// Which.
    pub problem: ProblemId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
}

/// What the problem at this place is called: `A`, `B`, and so on.
pub fn label(place: usize) -> char {
    u8::try_from(place).ok().and_then(|place| b'A'.checked_add(place)).map_or('?', char::from)
}

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: String,
    /// How.
    pub participation: Participation,
    /// When their time begins.
    pub starts_at: Timestamp,
}

/// How somebody who takes part stands with the problems of a contest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantProgress {
    /// Who.
    pub participant: Participant,
    /// By the place of the problem; `None`: not tried.
    pub standings: Vec<Option<Standing>>,
}

/// The time in which a participant's submissions are hidden from others: from the freeze to the end, on their own clock.
///
/// A submission is hidden by the contest, not by its problem: what the same problem gets from elsewhere, or got before the freeze,
/// stays public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreezeWindow {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

impl FreezeWindow {
    /// The window of a participant who starts then, in a contest of this length whose results are hidden in the last part of it.
    pub fn of(starts_at: Timestamp, length: Duration, freeze: Duration) -> FreezeWindow {
        FreezeWindow { from: ends_at(starts_at, length.saturating_sub(freeze)), until: ends_at(starts_at, length) }
    }

    /// Whether it hides a submission that was sent then.
    pub fn hides(&self, sent_at: Timestamp) -> bool {
        (self.from..self.until).contains(&sent_at)
    }
}

/// A contest to be written.
#[derive(Clone, Debug)]
pub struct NewContest {
    /// Its id.
    pub id: ContestId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
    /// What it is about, in Markdown.
    pub description: String,
    /// Who arranges it.
    pub owner: UserId,
    /// Its rules.
    pub style: Style,
    /// When it begins.
    pub starts_at: Timestamp,
    /// How long it goes on.
    pub length: Duration,
    /// How long before the end results are no longer shown.
    pub freeze: Option<Duration>,
    /// Whether everybody may see it.
    pub is_public: bool,
    /// With what others may take part if it is not.
    pub join_code: JoinCode,
    /// Its problems, in order.
    pub problems: Vec<ProblemId>,
}

/// What is to change; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ContestChange {
    /// Its name for people.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Its rules.
    pub style: Option<Style>,
    /// When it begins: for its official participants, too.
    pub starts_at: Option<Timestamp>,
    /// How long it goes on.
    pub length: Option<Duration>,
    /// How long before the end results are no longer shown; `Some(None)`: they always are.
    pub freeze: Option<Option<Duration>>,
    /// Whether the freeze is lifted.
    pub is_unfrozen: Option<bool>,
    /// Whether everybody may see it.
    pub is_public: Option<bool>,
    /// Another code; the one before lets nobody in any more.
    pub join_code: Option<JoinCode>,
    /// Its problems.
    pub problems: Option<Vec<ProblemId>>,
}

/// Which contests.
#[derive(Clone, Copy, Debug)]
pub struct ContestFilter {
    /// Who asks; `None`: the anonymous.
    pub asker: Option<UserId>,
    /// Whether everything is among the answer.
    pub sees_all: bool,
    /// Only those in this phase.
    pub phase: Option<Phase>,
    /// Now.
    pub now: Timestamp,
}

/// A question about a contest with its answer, or an announcement to everybody who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clarification {
    /// Its id.
    pub id: ClarificationId,
    /// Whether it is an announcement: its text is the answer, there is no question, and everybody may read it.
    pub is_announcement: bool,
    /// Who asks or announces.
    pub asker: UserId,
    /// Their name. For those who arrange the contest.
    pub asker_name: String,
    /// About which problem: its place in the contest; `None`: about the whole.
    pub place: Option<usize>,
    /// The question.
    pub question: String,
    /// The answer, once there is one.
    pub answer: Option<String>,
    /// Whether everybody may read it.
    pub is_public: bool,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
}

/// A question or an announcement to be written.
#[derive(Clone, Debug)]
pub struct NewClarification {
    /// Its id.
    pub id: ClarificationId,
    /// About which contest.
    pub contest: ContestId,
    /// Who asks or announces.
    pub asker: UserId,
    /// About which problem.
    pub place: Option<usize>,
    /// Whether it is an announcement.
    pub is_announcement: bool,
    /// The question, or what is announced.
    pub text: String,
    /// When.
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
        assert_eq!(Contest { is_unfrozen: true, ..contest }.frozen_from(), None);
    }

    #[test]
    fn a_freeze_hides_what_is_sent_from_its_begin_to_the_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let window = FreezeWindow::of(at(100), Duration::from_secs(50), Duration::from_secs(20));
        assert_eq!([129, 130, 149, 150].map(|second| window.hides(at(second))), [false, true, true, false]);
        let none = FreezeWindow::of(at(100), Duration::from_secs(50), Duration::ZERO);
        assert!(![149, 150].into_iter().any(|second| none.hides(at(second))));
    }

    #[test]
    fn problems_are_called_by_letters() {
        assert_eq!([0, 1, 25].map(label), ['A', 'B', 'Z']);
    }
}
