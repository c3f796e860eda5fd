//! Shapes and texts that several responses share. The names of fields are stable: fields may be added, but never
//! renamed or removed.

pub(crate) mod accepted;
pub(crate) mod artifact;
pub(crate) mod failure;
pub(crate) mod graded;
pub(crate) mod limits;
pub(crate) mod page;
pub(crate) mod path;
pub(crate) mod status;
pub(crate) mod step;
pub(crate) mod submission;
pub(crate) mod summary;
pub(crate) mod time;
pub(crate) mod verification;
