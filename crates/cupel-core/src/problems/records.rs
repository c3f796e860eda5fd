//! What is known of problems and of what users have made of them: the shapes that cross the port.

use std::time::Duration;

use cupel_problem::{Difficulty, Slug, Tag, Visibility};
use cupel_types::{
    Bytes, ContentHash, LanguageId, ProblemId, ProblemVersion, RunId, Score, Start, SubmissionId, UserId, Verdict,
};
use jiff::Timestamp;

use super::Part;
use crate::run::RunState;

/// A problem with its figures, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemRecord {
    /// Its id, which never changes.
    pub id: ProblemId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
    /// How hard it is, where that is said.
    pub difficulty: Option<Difficulty>,
    /// What it is about.
    pub tags: Vec<Tag>,
    /// Who made it; `None`: it came with Cupel.
    pub owner: Option<UserId>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Its current package.
    pub package: ContentHash,
    /// The number of that version, from 1.
    pub version: u32,
    /// Whether that version was found to be as it says; `None`: nobody has looked.
    pub is_verified: Option<bool>,
    /// The CPU limit that verification derived for that version. A limit of the package's own takes precedence.
    pub time_limit: Option<Duration>,
    /// How the program was started that the limit was measured with; `None` if its language has no warm start, or if it is unknown.
    pub limit_start: Option<Start>,
    /// What has been sent for it.
    pub statistics: Statistics,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl ProblemRecord {
    /// The problem as it is now.
    pub fn current(&self) -> ProblemVersion {
        ProblemVersion { problem: self.id, package: self.package }
    }
}

/// What has been sent for a problem. Only what was judged by its tests counts: no compile errors, no faults of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Submissions.
    pub submissions: u64,
    /// Those that solve it.
    pub accepted: u64,
    /// Users who have tried.
    pub attempted_by: u64,
    /// Users who have solved it.
    pub solved_by: u64,
}

/// A problem by one of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKey {
    /// By its id.
    Id(ProblemId),
    /// By its name in addresses.
    Slug(Slug),
}

/// A line of a list of problems.
#[derive(Clone, Debug)]
pub struct ProblemLine {
    /// The problem.
    pub problem: ProblemRecord,
    /// How the one who asks stands; `None` for the anonymous and for those who have not tried.
    pub standing: Option<Standing>,
}

/// How one user stands with one problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether they have solved it.
    pub is_solved: bool,
    /// Tries up to and with the first that solves it; all, if none does.
    pub tries: u32,
    /// The best score; `None` where the problem has none.
    pub best_score: Option<Score>,
    /// CPU time of the fastest submission that solves it.
    pub best_time: Option<Duration>,
    /// The submission that stands for them.
    pub best_submission: Option<SubmissionId>,
    /// When the first one that solves it was sent.
    pub solved_at: Option<Timestamp>,
}

/// A way a user can stand with a problem, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SolveState {
    /// Solved.
    Solved,
    /// Tried and not solved.
    Attempted,
    /// Not solved, tried or not.
    Unsolved,
}

/// Which problems.
#[derive(Clone, Debug, Default)]
pub struct ProblemFilter {
    /// Who asks: their drafts and what was shown to them are among the answer. `None`: the anonymous.
    pub asker: Option<UserId>,
    /// Whether everything is among the answer.
    pub sees_all: bool,
    /// Only those that the asker may change.
    pub own: bool,
    /// Only of these difficulties; empty: of any.
    pub difficulties: Vec<Difficulty>,
    /// Only those with all of these tags.
    pub tags: Vec<Tag>,
    /// Only those with which the asker stands like this.
    pub state: Option<SolveState>,
    /// Only those whose title or slug contains this, whatever the case.
    pub text: Option<String>,
    /// In which order.
    pub sort: ProblemSort,
}

cupel_types::named! {
    /// In which order problems are listed. Ties: by title.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum ProblemSort, as_str, from_name {
        /// By title.
        #[default]
        Title = "title",
        /// The newest first.
        Newest = "newest",
        /// The easiest first; those of unknown difficulty last.
        Difficulty = "difficulty",
        /// Those most users have solved first.
        Solved = "solved",
    }
}

/// A problem to be written with its first version.
#[derive(Clone, Debug)]
pub struct NewProblem {
    /// Its id.
    pub id: ProblemId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Who makes it.
    pub owner: Option<UserId>,
    /// Who may see it.
    pub visibility: Visibility,
    /// What it says.
    pub version: NewVersion,
}

/// A version to be written: what lists show of a package.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The package.
    pub package: ContentHash,
    /// The format it came in.
    pub format: String,
    /// Its title.
    pub title: String,
    /// Its difficulty.
    pub difficulty: Option<Difficulty>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Whether a lower score is the better.
    pub lower_is_better: bool,
    /// Who brings it.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// What its package takes on the disk.
    pub bytes: Bytes,
    /// Whether it is known to be as it says.
    pub is_verified: Option<bool>,
    /// The slug under which it comes with Cupel, and the SHA-256 of its archive; see
    /// [`ProblemStore::shipped`](super::ProblemStore::shipped).
    pub shipped: Option<(String, [u8; 32])>,
}

/// What somebody has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Problems that they own.
    pub problems: u64,
    /// What the packages that they brought take on the disk.
    pub bytes: Bytes,
}

/// A version of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemVersionLine {
    /// Its number, from 1.
    pub number: u32,
    /// Its package.
    pub package: ContentHash,
    /// The format it came in.
    pub format: String,
    /// Who brought it; `None`: it came with Cupel.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// Whether it was found to be as it says; `None`: nobody has looked.
    pub is_verified: Option<bool>,
    /// The CPU limit that verification derived for it.
    pub time_limit: Option<Duration>,
    /// How the program was started that the limit was measured with; `None` if its language has no warm start, or if it is unknown.
    pub limit_start: Option<Start>,
}

/// That an administrator let a version be shown although it was not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionException {
    /// Which version.
    pub number: u32,
    /// Who.
    pub by: UserId,
    /// Their name at that time.
    pub username: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// A version that was brought without becoming the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagedVersion {
    /// Its number, from 1.
    pub number: u32,
    /// Whether nobody had brought it before.
    pub is_new: bool,
}

/// What is to change; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ProblemChange {
    /// Who may see it.
    pub visibility: Option<Visibility>,
    /// Its name in addresses.
    pub slug: Option<Slug>,
    /// Everybody who has a part in it beside its owner, in place of those who had one.
    pub members: Option<Vec<(UserId, Part)>>,
}

/// Which submissions to a problem.
#[derive(Clone, Debug)]
pub struct SubmissionFilter {
    /// To which problem.
    pub problem: ProblemId,
    /// Whose; `None`: everybody's.
    pub owner: Option<UserId>,
    /// Only those whose standing verdict is this.
    pub verdict: Option<Verdict>,
    /// Only those in this language.
    pub language: Option<LanguageId>,
    /// Only those whose newest run is at another package than this.
    pub not_at: Option<ContentHash>,
    /// Without those that a contest in which this user takes part hides from them; `None`: with all.
    pub for_contestant: Option<UserId>,
}

/// One run of a submission, without its report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// Where it stands.
    pub state: RunState,
    /// The package it is judged by.
    pub package: Option<ContentHash>,
    /// The score, where it was judged and has one.
    pub score: Option<Score>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// A line of a problem's leaderboard: the higher score first, then the faster program, then the earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardLine {
    /// The place; equals share none.
    pub place: u64,
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: String,
    /// In which language the submission that stands for them is written.
    pub language: Option<LanguageId>,
    /// How they stand.
    pub standing: Standing,
    /// Peak memory of the submission that stands for them.
    pub memory: Option<Bytes>,
}

/// How many public problems a user has solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Easy ones.
    pub easy: u64,
    /// Medium ones.
    pub medium: u64,
    /// Hard ones.
    pub hard: u64,
    /// All, those of unknown difficulty among them.
    pub solved: u64,
    /// Public problems tried and not solved.
    pub attempted: u64,
    /// When the last of the solved was.
    pub last_solved_at: Option<Timestamp>,
}

/// A line of the global leaderboard: who solved more first, among equals who was there earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankLine {
    /// The place; equals share none.
    pub place: u64,
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: String,
    /// What they have solved.
    pub progress: Progress,
}
