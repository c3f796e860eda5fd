//! Problems on the platform: who may see and change them, their versions, what users have made of them.
//!
//! A problem is a row with a name, an owner and a visibility; what it says lies in packages, which never change and are known
//! by their content. A new package is a new version of the problem; a submission keeps the version it was sent for, and a
//! rejudge is a new run of it at the version that is current then. While a problem is shown to others, a version that was not verified is
//! only staged: it is verified, and then made the current one in one transaction, so that nobody who may see the problem misses it.
//!
//! ```text
//!  archive ─► Packages::import ─► folder named by its hash ─► problem_versions ─► submissions, by hash
//! ```
//!
//! Invariants: a problem that somebody may not see does not exist for them; what counts in standings follows from the verdicts
//! alone and is written with them.

mod access;
mod authoring;
mod packages;
mod records;
mod rejudge;
mod shipped;
mod solving;
mod store;

pub use access::{Part, Seer};
pub(crate) use authoring::Imports;
pub use authoring::{AuthorError, ImportedVersion, NewPackage, Wish};
pub use packages::{
    PackageCopy, Packages, PackagesError, REMOVABLE_AFTER, Removable, SETTLED_WITHIN, TakeError, Taken,
};
pub use records::{
    BoardLine, NewProblem, NewVersion, ProblemChange, ProblemFilter, ProblemKey, ProblemLine, ProblemRecord,
    ProblemSort, ProblemVersionLine, Progress, RankLine, RunSummary, SolveState, StagedVersion, Standing, Statistics,
    Stored, SubmissionFilter, VersionException,
};
pub use rejudge::{RejudgePreview, Rejudged};
pub use shipped::{Shipped, ShippedOutcome};
pub use solving::{Attempted, NewSolution, SeenProblem};
pub use store::{Deleted, ProblemStore, RejudgeOne, RejudgedRun, SlugTaken};
