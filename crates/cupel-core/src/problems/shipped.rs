//! The problems shipped with Cupel: loaded at the first start, updated at later starts, and left unchanged if an
//! operator has changed them.

use std::io::Write as _;
use std::sync::Arc;

use cupel_package::Imported;
use cupel_problem::{Slug, Visibility};
use cupel_types::Bytes;
use cupel_types::ProblemId;
use jiff::Timestamp;

use super::authoring::version_of;
use super::{AuthorError, NewProblem, NewVersion, ProblemKey, ProblemRecord, Taken};
use crate::Core;

/// A package shipped with Cupel.
#[derive(Clone, Copy, Debug)]
pub struct Shipped<'a> {
    /// The problem's slug.
    pub slug: &'a str,
    /// SHA-256 of the archive.
    pub archive_hash: [u8; 32],
    /// The archive.
    pub archive: &'a [u8],
}

/// Result of loading a shipped problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShippedOutcome {
    /// The archive is the same as at the last start.
    Unchanged,
    /// A new problem was created.
    Loaded,
    /// A new version of the existing problem was created.
    Updated,
    /// The problem's package was missing and was stored again. A backup of the database does not contain packages.
    Restored,
    /// An operator has changed or deleted the problem, or another problem has the slug.
    LeftAlone,
}

impl Core {
    /// Loads a shipped problem as a public problem without an owner. The problem counts as verified, because shipped
    /// problems are verified before a release.
    ///
    /// # Errors
    /// [`AuthorError`].
    pub async fn load_shipped(&self, shipped: Shipped<'_>) -> Result<ShippedOutcome, AuthorError> {
        let store = &self.inner.store;
        let loaded = store.shipped(shipped.slug).await?;
        let slug: Slug = shipped.slug.parse().map_err(|_| AuthorError::NoSlug)?;
        let found = store.problem(ProblemKey::Slug(slug.clone()), None).await?.map(|(problem, _)| problem);
        if loaded == Some(shipped.archive_hash) {
            return match found {
                Some(problem) => self.restore_package(&problem, &shipped).await,
                None => Ok(ShippedOutcome::Unchanged),
            };
        }
        let outcome = match (found, loaded) {
            (None, None) => {
                let importing = self.inner.imports.all.read().await;
                let taken = self.import_shipped(shipped.archive).await?;
                let now = self.now();
                let id = ProblemId::from_uuid(self.inner.ids.next(now));
                let version = of_ours(&taken.imported, &shipped, now);
                let new = NewProblem { id, slug, owner: None, visibility: Visibility::Public, version };
                if let Err(taken_slug) = store.insert_problem(new).await? {
                    drop(importing);
                    let error = self.discarded(taken, taken_slug.into()).await;
                    // Another starting node may have loaded the problem concurrently.
                    let is_loaded = store.shipped(shipped.slug).await? == Some(shipped.archive_hash);
                    return if is_loaded { Ok(ShippedOutcome::Unchanged) } else { Err(error) };
                }
                self.settled(&taken, Ok(())).await?;
                ShippedOutcome::Loaded
            }
            (Some(problem), Some(_)) if self.is_untouched(&problem).await? => {
                let _importing = self.inner.imports.all.read().await;
                let taken = self.import_shipped(shipped.archive).await?;
                store.add_version(problem.id, of_ours(&taken.imported, &shipped, self.now())).await?;
                self.settled(&taken, Ok(())).await?;
                ShippedOutcome::Updated
            }
            _ => {
                store.set_shipped(shipped.slug, shipped.archive_hash).await?;
                ShippedOutcome::LeftAlone
            }
        };
        Ok(outcome)
    }

    /// Stores the package of a shipped problem again if it is missing. A package that a user has uploaded is not
    /// restored.
    async fn restore_package(
        &self,
        problem: &ProblemRecord,
        shipped: &Shipped<'_>,
    ) -> Result<ShippedOutcome, AuthorError> {
        let package = problem.package;
        let exists = self.with_packages(move |packages| packages.exists(&package)).await?;
        if exists || !self.is_untouched(problem).await? {
            return Ok(ShippedOutcome::Unchanged);
        }
        let _importing = self.inner.imports.all.read().await;
        let taken = self.import_shipped(shipped.archive).await?;
        self.settled(&taken, Ok(())).await?;
        Ok(ShippedOutcome::Restored)
    }

    /// Whether Cupel shipped the problem's newest version, and no user owns the problem.
    async fn is_untouched(&self, problem: &ProblemRecord) -> Result<bool, AuthorError> {
        let (newest, _) = self.inner.store.versions(problem.id, 0, 1).await?;
        Ok(problem.owner.is_none() && newest.iter().all(|version| version.by.is_none()))
    }

    async fn import_shipped(&self, archive: &[u8]) -> Result<Taken, AuthorError> {
        let packages = Arc::clone(&self.inner.packages);
        let archive = archive.to_vec();
        let file = tokio::task::spawn_blocking(move || {
            let mut file = packages.upload()?;
            file.write_all(&archive)?;
            Ok(file)
        });
        let file = file.await.map_err(|_panicked| AuthorError::BrokenOff)?.map_err(AuthorError::Upload)?;
        self.import_package(file.path()).await
    }

    /// Removes leftovers of interrupted imports from this machine, and packages that no problem names. Called at start,
    /// before any import on this node; other nodes may be importing.
    ///
    /// # Errors
    /// [`AuthorError`].
    pub async fn sweep_packages(&self) -> Result<u64, AuthorError> {
        let tidied = self.with_packages(|packages| packages.tidy()).await?;
        Ok(tidied + self.remove_unnamed(None).await?)
    }

    /// Removes packages that no problem names and that no node can still name; returns their number. Called
    /// periodically; concurrent calls do no harm.
    ///
    /// # Errors
    /// [`AuthorError`].
    pub async fn remove_unnamed_packages(&self) -> Result<u64, AuthorError> {
        self.remove_unnamed(None).await
    }
}

fn of_ours(imported: &Imported, shipped: &Shipped<'_>, now: Timestamp) -> NewVersion {
    NewVersion {
        is_verified: Some(true),
        shipped: Some((shipped.slug.to_owned(), shipped.archive_hash)),
        // A shipped package counts towards no user's quota.
        ..version_of(imported, None, Bytes::ZERO, now)
    }
}
