//! The port to where contests are kept.

use async_trait::async_trait;
use cupel_problem::Slug;
use cupel_types::{ClarificationId, ContestId, ProblemId, UserId};
use jiff::Timestamp;

use super::{
    Attempt, Clarification, Contest, ContestChange, ContestFilter, FreezeWindow, NewClarification, NewContest,
    Participant, ParticipantProgress,
};
use crate::StoreError;

/// The truth about contests. What attempts came to is that of [`ProblemStore`](crate::ProblemStore).
#[async_trait]
pub trait ContestStore: Send + Sync {
    /// Writes a contest.
    async fn insert_contest(&self, new: NewContest) -> Result<Result<(), TakenContestSlug>, StoreError>;

    /// One contest.
    async fn contest(&self, slug: &Slug) -> Result<Option<Contest>, StoreError>;

    /// A page of contests, those that begin last first, and how many there are in all.
    async fn contests(&self, filter: ContestFilter, offset: u64, limit: u64)
    -> Result<(Vec<Contest>, u64), StoreError>;

    /// Changes a contest, all or nothing. `false`: there is none.
    async fn change_contest(&self, contest: ContestId, change: ContestChange) -> Result<bool, StoreError>;

    /// Removes a contest, unless it has begun and somebody takes part in it.
    async fn delete_contest(&self, contest: ContestId, now: Timestamp) -> Result<DeletedContest, StoreError>;

    /// Writes that somebody takes part: virtually from some moment on, or, with `None`, officially, for whom it begins with the
    /// contest. `false`: they do already, and nothing changes.
    async fn take_part(
        &self,
        contest: ContestId,
        user: UserId,
        virtual_start: Option<Timestamp>,
    ) -> Result<bool, StoreError>;

    /// Somebody no longer takes part. `false`: they did not.
    async fn withdraw(&self, contest: ContestId, user: UserId) -> Result<bool, StoreError>;

    /// Whether and how somebody takes part.
    async fn participant(&self, contest: ContestId, user: UserId) -> Result<Option<Participant>, StoreError>;

    /// All who take part, in the order in which they came.
    async fn participants(&self, contest: ContestId) -> Result<Vec<Participant>, StoreError>;

    /// The participants' submissions to the contest's problems that count and were sent within their time, in the order in which
    /// they were sent. One that another contest hides says so.
    async fn attempts(&self, contest: ContestId) -> Result<Vec<Attempt>, StoreError>;

    /// A page of those who take part, in the order in which they came, and how many they are; with how each stands with each problem
    /// of the contest, in its order, whenever they solved it. Submissions that the freeze of another contest hides count only if
    /// `sees_all`.
    async fn progress_in(
        &self,
        contest: ContestId,
        sees_all: bool,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ParticipantProgress>, u64), StoreError>;

    /// Whether somebody takes part in a contest with this problem, and their time has begun.
    async fn is_opened_by_contest(&self, problem: ProblemId, user: UserId, now: Timestamp) -> Result<bool, StoreError>;

    /// Whether the figures and the leaderboard of a problem leave judged submissions out because a contest hides them.
    async fn withholds_results(&self, problem: ProblemId) -> Result<bool, StoreError>;

    /// The windows in which freezes that are not lifted hide this user's submissions to a problem, in contests in which `from` takes
    /// part, too.
    async fn freezes_of(&self, problem: ProblemId, user: UserId, from: UserId)
    -> Result<Vec<FreezeWindow>, StoreError>;

    /// Writes a question or an announcement. `false`: its author has written as many of this kind as anybody may, and nothing was
    /// written.
    async fn ask(&self, new: NewClarification, per_asker_max: u32) -> Result<bool, StoreError>;

    /// Writes an answer, in place of one that there was; an announcement stays public. `false`: there is no such question about the
    /// contest.
    async fn answer(
        &self,
        contest: ContestId,
        id: ClarificationId,
        answer: String,
        is_public: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// A page of questions, the newest first, and how many there are in all: those that this user asked or everybody may read;
    /// `None`: all.
    async fn clarifications(
        &self,
        contest: ContestId,
        reader: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Clarification>, u64), StoreError>;
}

/// Another contest has the slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenContestSlug;

/// How a removal went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedContest {
    /// It is gone.
    Gone,
    /// There was none.
    Missing,
    /// It has begun, and somebody takes part in it.
    InUse,
}
