//! Problems on the platform: access, versions, and the results that users achieved.
//!
//! A problem is a row with a slug, an owner and a visibility. Its content is in packages, which never change and are
//! identified by a hash of their content. A new package is a new version of the problem. A submission keeps the version
//! that it was sent for. A rejudge creates a new run of the submission at the problem's current version. While a
//! problem is visible to others, an unverified version is only staged. Once it is verified, it becomes current in one
//! transaction, so the problem is always available to its viewers.
//!
//! ```text
//!  archive ─► Packages::import ─► folder named by its hash ─► problem_versions ─► submissions, by hash
//! ```
//!
//! If a package has no time limit, its version stores the limit that verification derived, and whether it was measured
//! with warm or cold starts. A lease carries both to the judge, which warns if programs start differently. Later
//! verifications keep the limit as long as the version still passes with it. The database also stores the exceptions
//! from verification that administrators grant.
//!
//! A refused package is removed as soon as no other import is in progress in the process. So is a package that no
//! version names any more; if nodes share packages and the copy is still young, a later sweep removes it. Leftovers of
//! a crash are removed when the process starts. For the rules when several nodes share packages, see `packages.rs`.
//!
//! Invariants: For a user who may not see a problem, Cupel answers as if it did not exist. Standings are derived only
//! from the verdicts, and are written in the same transaction. While a contest with a problem is running, only users
//! who may change the problem read its editorial.

mod access;
mod authoring;
mod distribution;
mod imports;
mod listing;
mod packages;
mod records;
mod rejudge;
mod shipped;
mod solving;
mod store;

pub use access::{Part, ProblemToChange, VersionToSolve, VersionToVerify, VisibleSubmissions};
pub use authoring::{AuthorError, ImportedVersion, MEMBERS_MAX, NewPackage, Wish};
pub use distribution::{Distribution, Histogram, MEMORY_UNIT, OwnPlace, SolvedFigures, TIME_UNIT};
pub(crate) use imports::Imports;
pub use listing::{ACTIVITY_DAYS, ProblemBoard};
pub use packages::{
    PackageCopy, PackageCount, Packages, PackagesError, REMOVABLE_AFTER, Removable, SETTLED_WITHIN, TakeError, Taken,
};
pub use records::{
    Activity, BoardLine, NewProblem, NewVersion, ProblemChange, ProblemFilter, ProblemKey, ProblemLine, ProblemRecord,
    ProblemSort, ProblemVersionLine, Progress, RankLine, RunSummary, SolveState, StagedVersion, Standing, Statistics,
    Stored, SubmissionFilter, TagProgress, VersionException,
};
pub use rejudge::{RejudgePreview, Rejudged};
pub use shipped::{Shipped, ShippedOutcome};
pub use solving::{Attempted, SeenProblem};
pub use store::{Deleted, ProblemStore, RejudgeOne, RejudgedRun, RejudgedRuns, SlugTaken};
