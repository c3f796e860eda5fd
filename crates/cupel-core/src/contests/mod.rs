//! Contests: a set of problems, a time, participants, and rules by which their attempts become standings.
//!
//! An attempt is any submission of a participant's to a problem of the contest within their time: nothing else ties a submission
//! to a contest, so a rejudge changes the standings by itself, and taking part at another time (virtually) is the same with
//! another start.
//!
//! Invariants: until a freeze is lifted, a contestant learns the results that it hides nowhere: standings show them as pending, and
//! the figures and leaderboards of the problems leave those submissions out ([`FreezeWindow`]). The submission's sender, those who
//! arrange the contest, and the problem's authors who do not take part see them; a contest that somebody may not see does not exist for them, and for who comes with a wrong code neither.

mod arranging;
mod boards;
mod join_code;
mod records;
mod standings;
mod store;
mod taking_part;

pub use arranging::{ContestError, PENALTY_MAX};
pub(crate) use boards::Boards;
pub use join_code::JoinCode;
pub use records::{
    Clarification, Contest, ContestChange, ContestFilter, ContestProblem, FreezeWindow, NewClarification, NewContest,
    Participant, ParticipantProgress, Participation, Phase, Style, label,
};
pub use standings::{Attempt, AttemptResult, Cell, StandingsRow, View, standings};
pub use store::{ContestStore, DeletedContest, TakenContestSlug};
pub use taking_part::{SeenContest, Standings};
