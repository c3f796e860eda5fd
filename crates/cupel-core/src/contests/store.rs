//! The port for contests.

use async_trait::async_trait;
use cupel_problem::Slug;
use cupel_types::{ClarificationId, ContestId, ProblemId, SubmissionId, UserId};
use jiff::Timestamp;

use super::{
    Attempt, AttemptFilter, Clarification, Contest, ContestChange, ContestFilter, FreezeWindow, NewClarification,
    NewContest, Participant, ParticipantProgress,
};
use crate::StoreError;
use crate::run::SubmissionSummary;

/// The source of truth about contests. The results of attempts come from [`ProblemStore`](crate::ProblemStore).
#[async_trait]
pub trait ContestStore: Send + Sync {
    /// Inserts a contest, unless its owner has `open_max` contests that have not ended at `now`.
    async fn insert_contest(
        &self,
        new: NewContest,
        open_max: u64,
        now: Timestamp,
    ) -> Result<Result<(), RefusedContest>, StoreError>;

    /// One contest.
    async fn contest(&self, slug: &Slug) -> Result<Option<Contest>, StoreError>;

    /// A page of contests, latest start first, and the total number.
    async fn contests(&self, filter: ContestFilter, offset: u64, limit: u64)
    -> Result<(Vec<Contest>, u64), StoreError>;

    /// Applies all parts of the change or none. `false`: the contest does not exist.
    async fn change_contest(&self, contest: ContestId, change: ContestChange) -> Result<bool, StoreError>;

    /// Deletes a contest, unless it has begun and has participants.
    async fn delete_contest(&self, contest: ContestId, now: Timestamp) -> Result<DeletedContest, StoreError>;

    /// Adds a participant. With a start time, the participation is virtual; with `None`, it is official and begins with
    /// the contest. `false`: the user takes part already, and nothing changes.
    async fn take_part(
        &self,
        contest: ContestId,
        user: UserId,
        virtual_start: Option<Timestamp>,
    ) -> Result<bool, StoreError>;

    /// Removes a participant. `false`: the user did not take part.
    async fn withdraw(&self, contest: ContestId, user: UserId) -> Result<bool, StoreError>;

    /// A user's participation, if any.
    async fn participant(&self, contest: ContestId, user: UserId) -> Result<Option<Participant>, StoreError>;

    /// All participants, in the order in which they joined.
    async fn participants(&self, contest: ContestId) -> Result<Vec<Participant>, StoreError>;

    /// The submissions that participants sent to the contest's problems within their times and that count, in the order
    /// in which they were sent. Each attempt is marked if the freeze of another contest hides it.
    async fn attempts(&self, contest: ContestId) -> Result<Vec<Attempt>, StoreError>;

    /// A page of the submissions that are attempts of the filter's contest, newest first, and the total number. With
    /// `before`, only those before this submission.
    async fn contest_submissions(
        &self,
        filter: AttemptFilter,
        before: Option<SubmissionId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError>;

    /// Whether the submission is an attempt of a contest with this owner, and the freeze of no other contest hides it.
    async fn is_organized_attempt(&self, submission: SubmissionId, owner: UserId) -> Result<bool, StoreError>;

    /// A page of the participants, in the order in which they joined, and the total number. Each participant has one
    /// standing per problem, in the contest's order; solutions from outside the contest count as well. Submissions that
    /// the freeze of another contest hides count only if `sees_all`.
    async fn progress_in(
        &self,
        contest: ContestId,
        sees_all: bool,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ParticipantProgress>, u64), StoreError>;

    /// Whether the user takes part in a contest with this problem, and the user's time in the contest has begun.
    async fn is_opened_by_contest(&self, problem: ProblemId, user: UserId, now: Timestamp) -> Result<bool, StoreError>;

    /// Whether the user takes part in a contest with this problem, and the user's own time in the contest has begun and
    /// not ended.
    async fn is_taking_part_with(&self, problem: ProblemId, user: UserId, now: Timestamp) -> Result<bool, StoreError>;

    /// Whether a contest with this problem was running at `sent_at` and is running at `now`. A user who joins it now
    /// has the submissions sent since its start as attempts.
    async fn is_in_running_contest(
        &self,
        problem: ProblemId,
        sent_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// The slug of a contest with this problem that is running at `now` or begins at `soon` at the latest. If there are
    /// several, the contest that begins first. Only contests count whose owner may change the problem, or is an
    /// administrator: others must not be able to restrict a problem and its authors.
    async fn current_contest_with(
        &self,
        problem: ProblemId,
        now: Timestamp,
        soon: Timestamp,
    ) -> Result<Option<Slug>, StoreError>;

    /// The contests with this problem that have not ended at `now` and whose owners may change the problem only because
    /// they are among its authors: not as its owner, nor as administrators. With their owners, by start.
    async fn contests_of_authors(&self, problem: ProblemId, now: Timestamp) -> Result<Vec<(Slug, UserId)>, StoreError>;

    /// Whether the statistics and the leaderboard of a problem exclude judged submissions because a contest hides them.
    async fn withholds_results(&self, problem: ProblemId) -> Result<bool, StoreError>;

    /// The windows in which active freezes hide this user's submissions to a problem from the user `from`. Only
    /// contests in which `from` takes part as well are considered.
    async fn freezes_of(&self, problem: ProblemId, user: UserId, from: UserId)
    -> Result<Vec<FreezeWindow>, StoreError>;

    /// Inserts a question or an announcement. `false`: the author already has the maximum number of questions or
    /// announcements, and nothing was written.
    async fn ask(&self, new: NewClarification, per_asker_max: u32) -> Result<bool, StoreError>;

    /// Writes or replaces the answer to a question. `is_public`: whether everyone may read the question; `None` leaves
    /// that as it is. An announcement stays public. `false`: the contest has no such question.
    async fn answer(
        &self,
        contest: ContestId,
        id: ClarificationId,
        answer: String,
        is_public: Option<bool>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// A page of questions and announcements, newest first, and the total number. If `reader` is set, includes only the
    /// questions that this user asked and the entries that everyone may read.
    async fn clarifications(
        &self,
        contest: ContestId,
        reader: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Clarification>, u64), StoreError>;
}

/// Why a contest was not inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedContest {
    /// Another contest has the slug.
    SlugTaken,
    /// The owner has the maximum number of contests that have not ended.
    TooMany,
}

/// Result of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedContest {
    /// The contest was deleted.
    Gone,
    /// The contest does not exist.
    Missing,
    /// The contest has begun and has participants.
    InUse,
}
