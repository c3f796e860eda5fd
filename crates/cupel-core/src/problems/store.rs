//! The port for problems and standings.

use async_trait::async_trait;
use cupel_problem::Tag;
use cupel_types::{ContentHash, LanguageId, ProblemId, RunId, SubmissionId, UserId, Verdict};
use jiff::Timestamp;

use super::{
    Activity, BoardLine, NewProblem, NewVersion, Part, ProblemChange, ProblemFilter, ProblemKey, ProblemLine,
    ProblemRecord, ProblemVersionLine, Progress, RankLine, RunSummary, SolvedFigures, StagedVersion, Standing, Stored,
    SubmissionFilter, VersionException,
};
use crate::run::SubmissionSummary;
use crate::{Needs, StoreError};

/// The source of truth about problems, and about the standings that follow from verdicts.
///
/// Standings are not written through this port: [`RunStore::complete`](crate::RunStore::complete) writes them in its
/// transaction. A user's standing with a problem follows from the newest judged run of each of the user's submissions,
/// so a rejudge updates it. A submission to a problem *counts* if it is judged on all tests. A trial on samples or on
/// the sender's own input does not count.
#[async_trait]
pub trait ProblemStore: Send + Sync {
    /// Inserts a problem with its first version.
    async fn insert_problem(&self, new: NewProblem) -> Result<Result<(), SlugTaken>, StoreError>;

    /// Makes a package the current version of a problem. `false`: the package is current already, or the problem does
    /// not exist; the problem is unchanged. A package that is a version of the problem already keeps its number.
    async fn add_version(&self, problem: ProblemId, version: NewVersion) -> Result<bool, StoreError>;

    /// [`ProblemStore::add_version`], if the problem is a draft. `None`: it is visible to others, and is unchanged.
    async fn add_version_of_draft(&self, problem: ProblemId, version: NewVersion) -> Result<Option<bool>, StoreError>;

    /// Inserts a version that does not become current; `None`: the problem does not exist. A known version is not
    /// inserted again.
    async fn stage_version(&self, problem: ProblemId, version: NewVersion)
    -> Result<Option<StagedVersion>, StoreError>;

    /// Records why an unverified version may be shown.
    async fn add_exception(&self, problem: ProblemId, exception: VersionException) -> Result<(), StoreError>;

    /// The exceptions for the versions of a problem, newest first, at most `limit`.
    async fn exceptions(&self, problem: ProblemId, limit: u64) -> Result<Vec<VersionException>, StoreError>;

    /// A problem, with the role of `asker` in it.
    async fn problem(
        &self,
        key: ProblemKey,
        asker: Option<UserId>,
    ) -> Result<Option<(ProblemRecord, Option<Part>)>, StoreError>;

    /// A page of problems, and the total number.
    async fn problems(
        &self,
        filter: ProblemFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemLine>, u64), StoreError>;

    /// The tags of all problems that match, with the number of these problems, most frequent first: at most `tags_max`.
    async fn tags(&self, filter: ProblemFilter, tags_max: u64) -> Result<Vec<(Tag, u64)>, StoreError>;

    /// A page of a problem's versions, newest first, and the total number.
    async fn versions(
        &self,
        problem: ProblemId,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemVersionLine>, u64), StoreError>;

    /// All members of a problem besides its owner.
    async fn members(&self, problem: ProblemId) -> Result<Vec<(UserId, Part)>, StoreError>;

    /// Applies all parts of the change or none.
    async fn change_problem(
        &self,
        problem: ProblemId,
        change: ProblemChange,
        now: Timestamp,
    ) -> Result<Result<bool, SlugTaken>, StoreError>;

    /// Deletes a draft that is in no contest and has no submissions that count.
    async fn delete_problem(&self, problem: ProblemId) -> Result<Deleted, StoreError>;

    /// Every package that a version of a problem names.
    async fn packages(&self) -> Result<Vec<ContentHash>, StoreError>;

    /// Number of problems that the author owns, and total size of the packages that the author imported. Each package
    /// counts once; the package `but` does not count.
    async fn stored_of(&self, author: UserId, but: ContentHash) -> Result<Stored, StoreError>;

    /// SHA-256 of the shipped archive that was last loaded under this slug; `None`: none was loaded.
    async fn shipped(&self, slug: &str) -> Result<Option<[u8; 32]>, StoreError>;

    /// Records which archive was loaded under this slug.
    async fn set_shipped(&self, slug: &str, archive: [u8; 32]) -> Result<(), StoreError>;

    /// A page of the submissions to a problem that count, newest first, and the total number.
    async fn submissions_to(
        &self,
        filter: SubmissionFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError>;

    /// Number of submissions to a problem that count, per verdict; `None`: those without a verdict yet.
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

    /// Durably creates a new run of each submission, with the priority class `batch` and this package. A run that is
    /// still queued is switched to this package instead, and a run that is being judged is left unchanged. `judges`:
    /// the languages of the package's programs. The old runs are kept. An id is ignored unless its submission belongs
    /// to a problem and counts.
    async fn rejudge(
        &self,
        submissions: Vec<RejudgeOne>,
        package: ContentHash,
        judges: Needs,
        now: Timestamp,
    ) -> Result<RejudgedRuns, StoreError>;

    /// The newest runs of a submission to a problem, newest first, at most `limit`.
    async fn runs_of(&self, submission: SubmissionId, limit: u64) -> Result<Vec<RunSummary>, StoreError>;

    /// A user's standing with a problem, as the user sees it; `None`: the user has not tried.
    async fn standing(&self, problem: ProblemId, user: UserId) -> Result<Option<Standing>, StoreError>;

    /// A page of a problem's leaderboard, and its length. Leaderboards and problem statistics exclude submissions that
    /// the freeze of a contest hides. Leaderboards omit users who do not want to be in them.
    async fn board(&self, problem: ProblemId, offset: u64, limit: u64) -> Result<(Vec<BoardLine>, u64), StoreError>;

    /// The best figures of every user with accepted solutions among the latest `submissions_max` submissions to a
    /// problem, in one language or in all. Submissions that the freeze of a contest hides are excluded.
    async fn solved_figures(
        &self,
        problem: ProblemId,
        language: Option<LanguageId>,
        submissions_max: u64,
    ) -> Result<Vec<SolvedFigures>, StoreError>;

    /// The best figures of a user's accepted solutions to a problem, including hidden ones.
    async fn own_solved_figures(
        &self,
        problem: ProblemId,
        language: Option<LanguageId>,
        user: UserId,
    ) -> Result<Option<SolvedFigures>, StoreError>;

    /// A user's progress with all public problems, as the user sees it.
    async fn progress(&self, user: UserId) -> Result<Progress, StoreError>;

    /// A user's solved public problems, as visible to the user: days from `since` on, and at most `tags_max` tags.
    async fn activity(&self, user: UserId, since: Timestamp, tags_max: u64) -> Result<Activity, StoreError>;

    /// A page of the global leaderboard, and its length.
    async fn ranks(&self, offset: u64, limit: u64) -> Result<(Vec<RankLine>, u64), StoreError>;
}

/// Another problem has the slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlugTaken;

/// Result of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The problem was deleted.
    Gone,
    /// The problem does not exist.
    Missing,
    /// The problem is not a draft, has submissions that count, or is in a contest.
    InUse,
}

/// A submission to rejudge, and the id for its new run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejudgeOne {
    /// The submission.
    pub submission: SubmissionId,
    /// A new, unused id.
    pub run: RunId,
}

/// Result of a rejudge of some submissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RejudgedRuns {
    /// The new runs.
    pub queued: Vec<RejudgedRun>,
    /// The submissions that are being judged with another package, and got no new run.
    pub being_judged: Vec<SubmissionId>,
}

/// A submission that got a new run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejudgedRun {
    /// The submission.
    pub submission: SubmissionId,
    /// The submission's owner.
    pub owner: UserId,
    /// The new run.
    pub run: RunId,
    /// The languages that the run needs.
    pub needs: Needs,
    /// Number of attempts at earlier runs; those of this run are numbered after them.
    pub attempts: u32,
}
