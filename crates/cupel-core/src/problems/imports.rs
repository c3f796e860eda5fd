//! Locks of the imports of packages in this process.

/// Locks of this process's imports.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    /// Read-locked by each import; write-locked by the removal of packages, which excludes imports in this process.
    pub(super) all: tokio::sync::RwLock<()>,
    /// Held from reading an author's usage until the new package is recorded, so that concurrent imports cannot exceed
    /// the bound.
    pub(super) turn: tokio::sync::Mutex<()>,
}
