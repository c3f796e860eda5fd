//! The port to where problems and standings are kept.

use async_trait::async_trait;
use cupel_types::{ContentHash, ProblemId, RunId, SubmissionId, UserId, Verdict};
use jiff::Timestamp;

use super::{
    BoardLine, NewProblem, NewVersion, Part, ProblemChange, ProblemFilter, ProblemKey, ProblemLine, ProblemRecord,
    ProblemVersionLine, Progress, RankLine, RunSummary, StagedVersion, Standing, Stored, SubmissionFilter,
    VersionException,
};
use crate::run::SubmissionSummary;
use crate::{Needs, StoreError};

/// The truth about problems, and what verdicts make of users' standings.
///
/// Standings are not written here: they follow from [`RunStore::complete`](crate::RunStore::complete), in its transaction.
/// Per user and problem they are what the newest judged run of each of their submissions says; so after a rejudge, too.
#[async_trait]
pub trait ProblemStore: Send + Sync {
    /// Writes a problem with its first version.
    async fn insert_problem(&self, new: NewProblem) -> Result<Result<(), SlugTaken>, StoreError>;

    /// Makes a package the current version of a problem. `false`: it is that already, and nothing changes. One that was
    /// current before becomes so again under its old number.
    async fn add_version(&self, problem: ProblemId, version: NewVersion) -> Result<bool, StoreError>;

    /// Writes a version that does not become the current one; `None`: there is no such problem. One that is known is not written again.
    async fn stage_version(&self, problem: ProblemId, version: NewVersion)
    -> Result<Option<StagedVersion>, StoreError>;

    /// Notes why a version may be shown although it was not verified.
    async fn add_exception(&self, problem: ProblemId, exception: VersionException) -> Result<(), StoreError>;

    /// The exceptions for the versions of a problem, the newest first, at most `limit`.
    async fn exceptions(&self, problem: ProblemId, limit: u64) -> Result<Vec<VersionException>, StoreError>;

    /// One problem, with what `asker` has to do with it.
    async fn problem(
        &self,
        key: ProblemKey,
        asker: Option<UserId>,
    ) -> Result<Option<(ProblemRecord, Option<Part>)>, StoreError>;

    /// A page of problems, and how many there are in all.
    async fn problems(
        &self,
        filter: ProblemFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemLine>, u64), StoreError>;

    /// A page of a problem's versions, the newest first, and how many there are in all.
    async fn versions(
        &self,
        problem: ProblemId,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemVersionLine>, u64), StoreError>;

    /// Everybody who has a part in a problem beside its owner.
    async fn members(&self, problem: ProblemId) -> Result<Vec<(UserId, Part)>, StoreError>;

    /// Changes a problem, all or nothing.
    async fn change_problem(
        &self,
        problem: ProblemId,
        change: ProblemChange,
        now: Timestamp,
    ) -> Result<Result<bool, SlugTaken>, StoreError>;

    /// Removes a draft for which nothing has been sent.
    async fn delete_problem(&self, problem: ProblemId) -> Result<Deleted, StoreError>;

    /// Every package that a version of a problem names.
    async fn packages(&self) -> Result<Vec<ContentHash>, StoreError>;

    /// How many problems somebody owns, and what the packages that they brought take, each counted once; `but` one.
    async fn stored_of(&self, author: UserId, but: ContentHash) -> Result<Stored, StoreError>;

    /// The archive that was last loaded under this slug at a start; `None`: none was.
    async fn shipped(&self, slug: &str) -> Result<Option<[u8; 32]>, StoreError>;

    /// Notes which archive was loaded under this slug.
    async fn set_shipped(&self, slug: &str, archive: [u8; 32]) -> Result<(), StoreError>;

    /// A page of the submissions to a problem that count, newest first, and how many there are in all.
    async fn submissions_to(
        &self,
        filter: SubmissionFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError>;

    /// How many of the submissions to a problem that count have each verdict; `None`: those that have none yet.
    async fn verdicts_of(&self, filter: SubmissionFilter) -> Result<Vec<(Option<Verdict>, u64)>, StoreError>;

    /// The submissions to a problem that count, newest first, before `before`, at most `limit`.
    async fn submissions_before(
        &self,
        filter: SubmissionFilter,
        before: Option<SubmissionId>,
        limit: u64,
    ) -> Result<Vec<SubmissionSummary>, StoreError>;

    /// The ids of the submissions to a problem that count, oldest first, after `after`, at most `limit`.
    async fn submission_ids_to(
        &self,
        filter: SubmissionFilter,
        after: Option<SubmissionId>,
        limit: u64,
    ) -> Result<Vec<SubmissionId>, StoreError>;

    /// Makes a new run of each submission, of the class `batch`, at this package, durably; one that still waits is judged at
    /// this package instead, and one that is being judged is left alone. `judges`: the languages of the package's programs. The old runs stay. Nothing is done for what is no
    /// submission to a problem that counts.
    async fn rejudge(
        &self,
        submissions: Vec<RejudgeOne>,
        package: ContentHash,
        judges: Needs,
        now: Timestamp,
    ) -> Result<Vec<RejudgedRun>, StoreError>;

    /// All runs of a submission to a problem, the newest first, at most `limit`.
    async fn runs_of(&self, submission: SubmissionId, limit: u64) -> Result<Vec<RunSummary>, StoreError>;

    /// How a user stands with a problem, as they see it themselves; `None`: they have not tried.
    async fn standing(&self, problem: ProblemId, user: UserId) -> Result<Option<Standing>, StoreError>;

    /// A page of a problem's leaderboard, and how many are on it. As the figures of a problem and the global leaderboard, it leaves out
    /// what the freeze of a contest hides.
    async fn board(&self, problem: ProblemId, offset: u64, limit: u64) -> Result<(Vec<BoardLine>, u64), StoreError>;

    /// What a user has made of all public problems, as they see it themselves.
    async fn progress(&self, user: UserId) -> Result<Progress, StoreError>;

    /// A page of the global leaderboard, and how many are on it.
    async fn ranks(&self, offset: u64, limit: u64) -> Result<(Vec<RankLine>, u64), StoreError>;
}

/// Another problem has the slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlugTaken;

/// How a deletion went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// There is no such problem.
    Missing,
    /// It is not a draft, or something has been sent for it.
    InUse,
}

/// A submission to be judged again, and the id of the run if it gets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejudgeOne {
    /// The submission.
    pub submission: SubmissionId,
    /// An id that nobody has.
    pub run: RunId,
}

/// A submission that got a new run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejudgedRun {
    /// The submission.
    pub submission: SubmissionId,
    /// Whose it is.
    pub owner: UserId,
    /// The new run.
    pub run: RunId,
    /// What it needs.
    pub needs: Needs,
    /// Attempts at earlier runs; those of this one are counted on from there.
    pub attempts: u32,
}
