//! Contests: a set of problems, a time, participants, and the rules that turn attempts into standings.
//!
//! An attempt is a submission that counts, of a participant to a problem of the contest, within the participant's time.
//! Nothing else links a submission to a contest. So a rejudge updates the standings automatically, and virtual
//! participation differs only in its start time.
//!
//! Invariants: Until a freeze is lifted, contestants cannot see the results that it hides. Standings show these results
//! as pending, and the statistics and leaderboards of the problems exclude the hidden submissions ([`FreezeWindow`]).
//! The hidden results are visible to the submission's sender, to the contest's organizers, to the problem's authors who
//! do not take part, and to administrators. Organizers also read the sources of the attempts. If a user may not see a
//! contest or enters a wrong code, Cupel answers as if the contest did not exist.

mod boards;
mod join_code;
mod manage;
mod participation;
mod records;
mod seen_rows;
mod standings;
mod store;
mod submissions;

pub(crate) use boards::Boards;
pub use join_code::JoinCode;
pub use manage::ContestError;
pub use participation::{SeenContest, Standings};
pub use records::{
    AttemptFilter, Clarification, Contest, ContestChange, ContestFilter, ContestProblem, FreezeWindow,
    NewClarification, NewContest, Participant, ParticipantProgress, Participation, Phase, Style, label,
};
pub use standings::{Attempt, AttemptResult, Cell, StandingsRow, View, standings};
pub use store::{ContestStore, DeletedContest, RefusedContest};
pub use submissions::AttemptQuery;
