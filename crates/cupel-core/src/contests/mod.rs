//! Contests: a set of problems, a time, participants, and rules by which their attempts become standings.
//!
//! An attempt is any submission of a participant's to a problem of the contest within their time: nothing else ties a submission
//! to a contest, so a rejudge changes the standings by itself, and taking part at another time (virtually) is the same with
//! another start.
//!
//! Invariants: until it is lifted, what a freeze hides is told to nobody but the submission's sender and those who arrange the
//! contest; a contest that somebody may not see does not exist for them, and for who comes with a wrong code neither.

mod arranging;
mod boards;
mod join_code;
mod records;
mod standings;
mod store;
mod taking_part;

pub use arranging::ContestError;
pub(crate) use boards::Boards;
pub use join_code::JoinCode;
pub use records::{
    Clarification, Contest, ContestChange, ContestFilter, ContestProblem, NewClarification, NewContest, Participant,
    Participation, Phase, Style, label,
};
pub use standings::{Attempt, AttemptResult, Cell, StandingsRow, View, standings};
pub use store::{ContestStore, DeletedContest, TakenContestSlug};
pub use taking_part::{SeenContest, Standings};
