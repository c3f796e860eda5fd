//! Records of problems and of users' results: the types that cross the port.

use std::time::Duration;

use cupel_problem::{Difficulty, Slug, Tag, Visibility};
use cupel_types::{
    Bytes, ContentHash, LanguageId, ProblemId, ProblemVersion, RunId, Score, Start, SubmissionId, UserId, Verdict,
};
use jiff::Timestamp;

use crate::disclosure::{RoundedMemory, RoundedTime};
use crate::run::RunState;

/// A problem with its statistics, without its statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemRecord {
    /// The id, which never changes.
    pub id: ProblemId,
    /// The slug, the name in URLs.
    pub slug: Slug,
    /// The title.
    pub title: String,
    /// The difficulty, if stated.
    pub difficulty: Option<Difficulty>,
    /// The topics.
    pub tags: Vec<Tag>,
    /// The author; `None`: shipped with Cupel.
    pub owner: Option<UserId>,
    /// The users who may see the problem.
    pub visibility: Visibility,
    /// The current package.
    pub package: ContentHash,
    /// Number of the current version, from 1.
    pub version: u32,
    /// Whether the current version passed verification; `None`: it was not verified.
    pub is_verified: Option<bool>,
    /// The CPU limit that verification derived for the current version. A limit set by the package takes precedence.
    pub time_limit: Option<Duration>,
    /// Start mode of the program whose measured time gave the limit; `None` if the program's language has no warm
    /// start, or if the mode is unknown.
    pub limit_start: Option<Start>,
    /// Whether a lower score is better.
    pub lower_is_better: bool,
    /// Statistics of its submissions.
    pub statistics: Statistics,
    /// When the problem was created.
    pub created_at: Timestamp,
    /// When the problem last changed.
    pub updated_at: Timestamp,
}

impl ProblemRecord {
    /// The problem at its current version.
    pub fn current(&self) -> ProblemVersion {
        ProblemVersion { problem: self.id, package: self.package }
    }
}

/// Statistics of a problem's submissions. A submission counts if the tests judged it: compile errors and failures of
/// Cupel do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Number of submissions.
    pub submissions: u64,
    /// Number of accepted submissions.
    pub accepted: u64,
    /// Number of users who have tried the problem.
    pub attempted_by: u64,
    /// Number of users who have solved the problem.
    pub solved_by: u64,
}

/// A problem by its id or slug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKey {
    /// Selects the problem by its id.
    Id(ProblemId),
    /// Selects the problem by its slug.
    Slug(Slug),
}

/// A row of a list of problems.
#[derive(Clone, Debug)]
pub struct ProblemLine {
    /// The problem.
    pub problem: ProblemRecord,
    /// The asking user's standing; `None` for anonymous clients and for users who have not tried the problem.
    pub standing: Option<Standing>,
}

/// One user's standing with one problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the user has solved the problem.
    pub is_solved: bool,
    /// Tries up to and including the first that solves the problem; all tries if none does.
    pub tries: u32,
    /// The best score; `None` if the problem has no scores.
    pub best_score: Option<Score>,
    /// CPU time of the fastest submission that solves the problem.
    pub best_time: Option<RoundedTime>,
    /// The submission that counts for the user.
    pub best_submission: Option<SubmissionId>,
    /// When the first submission that solves the problem was sent.
    pub solved_at: Option<Timestamp>,
}

/// A user's state with a problem, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SolveState {
    /// Solved.
    Solved,
    /// Tried and not solved.
    Attempted,
    /// Not solved, whether or not tried.
    Unsolved,
    /// Not tried.
    New,
}

/// Filter over problems.
#[derive(Clone, Debug, Default)]
pub struct ProblemFilter {
    /// The asking user, whose shared problems are included. `None`: anonymous.
    pub asker: Option<UserId>,
    /// Whether the asker has the rights of an author: the problems that the asker may change are included.
    pub is_author: bool,
    /// Whether all problems are visible.
    pub sees_all: bool,
    /// Only problems that the asker may change.
    pub own: bool,
    /// Only problems of these difficulties; empty for any difficulty.
    pub difficulties: Vec<Difficulty>,
    /// Only problems with all of these tags.
    pub tags: Vec<Tag>,
    /// Only problems with which the asker has this state.
    pub state: Option<SolveState>,
    /// Only problems whose title or slug contains this text, or that have a tag with a word that begins with it,
    /// case-insensitively.
    pub text: Option<String>,
    /// Order of the list.
    pub sort: ProblemSort,
    /// The current time. While a private problem is in a running contest, its readers do not find it: its tags and its
    /// difficulty would be hints for those who take part.
    pub now: Timestamp,
}

cupel_types::named! {
    /// Order of a list of problems; ties are ordered by title.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum ProblemSort, as_str, from_name {
        /// Sorted by title.
        #[default]
        Title = "title",
        /// Newest first.
        Newest = "newest",
        /// Easiest first; unknown difficulty last.
        Difficulty = "difficulty",
        /// Solved by the most users first.
        Solved = "solved",
    }
}

/// A problem to insert, with its first version.
#[derive(Clone, Debug)]
pub struct NewProblem {
    /// The id.
    pub id: ProblemId,
    /// The slug.
    pub slug: Slug,
    /// The author.
    pub owner: Option<UserId>,
    /// The users who may see the problem.
    pub visibility: Visibility,
    /// The first version.
    pub version: NewVersion,
}

/// A version to insert, with the data of the package that lists show.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The package.
    pub package: ContentHash,
    /// The format of the archive.
    pub format: String,
    /// The title.
    pub title: String,
    /// The difficulty.
    pub difficulty: Option<Difficulty>,
    /// The tags.
    pub tags: Vec<Tag>,
    /// Whether a lower score is better.
    pub lower_is_better: bool,
    /// The user who imports it.
    pub by: Option<UserId>,
    /// The time of the import.
    pub at: Timestamp,
    /// Disk space of its package.
    pub bytes: Bytes,
    /// Whether it has passed verification.
    pub is_verified: Option<bool>,
    /// For a shipped problem: its slug, and the SHA-256 of its archive; see
    /// [`ProblemStore::shipped`](super::ProblemStore::shipped).
    pub shipped: Option<(String, [u8; 32])>,
}

/// A user's storage usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Number of problems that the user owns.
    pub problems: u64,
    /// Disk space of the packages that the user imported.
    pub bytes: Bytes,
}

/// A version of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemVersionLine {
    /// The number, from 1.
    pub number: u32,
    /// The package.
    pub package: ContentHash,
    /// The format of the archive.
    pub format: String,
    /// The user who imported it; `None`: shipped with Cupel.
    pub by: Option<UserId>,
    /// The time of the import.
    pub at: Timestamp,
    /// Whether it passed verification; `None`: it was not verified.
    pub is_verified: Option<bool>,
    /// The CPU limit that verification derived for it.
    pub time_limit: Option<Duration>,
    /// Start mode of the program whose measured time gave the limit; `None` if the program's language has no warm
    /// start, or if the mode is unknown.
    pub limit_start: Option<Start>,
}

/// An administrator's exception that allows an unverified version to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionException {
    /// Number of the version.
    pub number: u32,
    /// The administrator.
    pub by: UserId,
    /// The administrator's name at that time.
    pub username: String,
    /// When the exception was made.
    pub at: Timestamp,
    /// The reason.
    pub reason: String,
}

/// Result of staging a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagedVersion {
    /// The number, from 1.
    pub number: u32,
    /// Whether this import created the version; `false` if it existed before.
    pub is_new: bool,
}

/// Changes to a problem; `None` leaves a value unchanged.
#[derive(Clone, Debug, Default)]
pub struct ProblemChange {
    /// The visibility.
    pub visibility: Option<Visibility>,
    /// The slug.
    pub slug: Option<Slug>,
    /// All users with the part `Reader`, replacing the previous ones. A user who is an author stays an author.
    pub readers: Option<Vec<UserId>>,
    /// All users with the part `Author`, replacing the previous ones.
    pub authors: Option<Vec<UserId>>,
    /// The number of the current version that the caller has checked. If another version is current, nothing changes.
    pub of_version: Option<u32>,
}

/// Filter over the submissions to a problem.
#[derive(Clone, Debug)]
pub struct SubmissionFilter {
    /// The problem.
    pub problem: ProblemId,
    /// The owner; `None`: any.
    pub owner: Option<UserId>,
    /// Only submissions whose current verdict is this.
    pub verdict: Option<Verdict>,
    /// Only submissions in this language.
    pub language: Option<LanguageId>,
    /// Only submissions whose newest run uses another package than this.
    pub not_at: Option<ContentHash>,
    /// Excludes submissions that are hidden from this user by a contest in which the user takes part; `None`: excludes
    /// none.
    pub for_contestant: Option<UserId>,
    /// Excludes submissions that were cancelled before they had a verdict.
    pub omits_cancelled: bool,
}

/// One run of a submission, without its report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// The state.
    pub state: RunState,
    /// The package that the run is judged with.
    pub package: Option<ContentHash>,
    /// The score, if it was judged and has one.
    pub score: Option<Score>,
    /// When the run began.
    pub started_at: Option<Timestamp>,
    /// When the run ended.
    pub completed_at: Option<Timestamp>,
}

/// A row of a problem's leaderboard: better score first, then faster program, then earlier submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardLine {
    /// The rank; rows never share one.
    pub place: u64,
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub username: String,
    /// Language of the submission that counts.
    pub language: Option<LanguageId>,
    /// The user's standing.
    pub standing: Standing,
    /// Peak memory of the submission that counts.
    pub memory: Option<RoundedMemory>,
}

/// A user's progress with the public problems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Number of easy problems solved.
    pub easy: u64,
    /// Number of medium problems solved.
    pub medium: u64,
    /// Number of hard problems solved.
    pub hard: u64,
    /// Number of all problems solved, including those of unknown difficulty.
    pub solved: u64,
    /// Number of public problems tried but not solved.
    pub attempted: u64,
    /// When the last of the solved problems was solved.
    pub last_solved_at: Option<Timestamp>,
}

/// A user's solved public problems by day, by difficulty and by tag, as visible to the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Days (since 1970-01-01, UTC) on which the user solved new problems, with their number, oldest first.
    pub days: Vec<(i64, u64)>,
    /// Number of public problems that are easy, medium and hard.
    pub problems: [u64; 3],
    /// Tags of public problems, those with the most solved problems first.
    pub tags: Vec<TagProgress>,
}

/// A user's progress with the public problems that have a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagProgress {
    /// The tag.
    pub tag: String,
    /// Number of problems solved.
    pub solved: u64,
    /// Number of all public problems with the tag.
    pub problems: u64,
}

/// A row of the global leaderboard: more solved problems first, then the earlier last solution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankLine {
    /// The rank; rows never share one.
    pub place: u64,
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub username: String,
    /// The user's progress.
    pub progress: Progress,
}
