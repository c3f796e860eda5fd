//! Use cases for authors: importing problems and new versions, and changing, deleting and verifying problems.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cupel_package::{ImportError, Imported, PackageFinding, PackageFormat, Refused};
use cupel_problem::{Objective, Scoring, Slug, Visibility};
use cupel_types::{Bytes, ContentHash, ProblemId, ProblemVersion, UserId};
use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::{
    Deleted, NewProblem, NewVersion, PackageCopy, PackageCount, PackagesError, Part, ProblemChange, ProblemKey,
    ProblemRecord, ProblemToChange, ProblemVersionLine, SeenProblem, SlugTaken, StagedVersion, TakeError, Taken,
    VersionException, VersionToVerify,
};
use crate::accounts::Role;
use crate::routes::verifying_languages;
use crate::{Bounds, Core, Needs, Packages, Principal, StoreError, chain};

/// Page size when the versions of a draft to delete are listed.
const VERSIONS_PAGE: u64 = 100;

/// Time before the start of a contest in which its problems count as in use.
const CONTEST_NEAR: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Only this many of the newest exceptions from verification are considered.
const EXCEPTIONS_LOOKED_AT: u64 = 1000;

/// Maximum number of readers, and of authors, of a problem.
pub const MEMBERS_MAX: usize = 1000;

/// Number of names that are looked up with one query.
const NAMES_AT_ONCE: usize = 500;

/// Number of newest versions among which the import of an archive looks for the same package. While a problem is
/// visible to others, an earlier version becomes current again only if it is found there.
const VERSIONS_LOOKED_AT: u64 = 100;

/// An archive to import.
#[derive(Clone, Debug)]
pub struct NewPackage {
    /// Path of the archive.
    pub archive: PathBuf,
    /// Slug for the problem; `None`: the package's own.
    pub slug: Option<Slug>,
}

/// An imported package.
#[derive(Clone, Debug)]
pub struct ImportedVersion {
    /// The problem after the import.
    pub problem: ProblemRecord,
    /// Format of the archive.
    pub format: PackageFormat,
    /// Warnings about the package.
    pub warnings: Vec<PackageFinding>,
    /// The number of this version.
    pub number: u32,
    /// Hash of this version's package.
    pub package: ContentHash,
    /// Whether it is the current version. If not, it is staged: verify it, then make it current.
    pub is_current: bool,
    /// Whether anything changed: `false` if the package was already current or staged.
    pub is_new: bool,
}

/// Changes that an author requests; `None` leaves a value unchanged.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Number of the version to make current.
    pub version: Option<u32>,
    /// For administrators: why an unverified version may be shown.
    pub exception: Option<String>,
    /// The visibility.
    pub visibility: Option<Visibility>,
    /// The slug.
    pub slug: Option<Slug>,
    /// Names of all users who may see the problem while it is private; at most [`MEMBERS_MAX`].
    pub readers: Option<Vec<String>>,
    /// Names of all users who may change the problem, besides its owner; at most [`MEMBERS_MAX`].
    pub authors: Option<Vec<String>>,
    /// Whether the problem may be hidden or renamed while a contest uses it.
    pub force: bool,
}

/// Why a change was refused or failed. After a refusal, nothing has changed; only after
/// [`AuthorError::OtherVersion`], a part may have changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AuthorError {
    #[error("there is no such problem")]
    Missing,
    #[error("another problem has this slug")]
    SlugTaken,
    #[error("an author may have at most {most} problems")]
    TooManyProblems { most: u64 },
    #[error("an author's packages may use at most {most} of disk space; yours use {stored}, and this one needs {size}")]
    TooMuchStored { stored: Bytes, size: Bytes, most: Bytes },
    #[error("no slug can be derived from the package's name")]
    NoSlug,
    #[error("the package is refused")]
    Refused(#[source] Refused),
    #[error("this version of the problem has not been verified")]
    NotVerified,
    #[error("the package has no time limit, and none was derived from its submissions")]
    NoTimeLimit,
    #[error("the problem has no version {number}")]
    NoVersion { number: u32 },
    #[error("the problem's version or visibility has changed meanwhile")]
    OtherVersion,
    #[error("only an administrator may show an unverified version")]
    NotAdministrator,
    #[error("at most {MEMBERS_MAX} names")]
    TooManyMembers { part: Part },
    #[error("no user has this name")]
    NoUser { part: Part, index: usize },
    #[error("this user is not an author")]
    NotAuthor { index: usize },
    #[error("the problem is not a draft, has submissions, or is in a contest")]
    InUse,
    #[error("the contest `{contest}`, which is running or begins soon, uses this problem")]
    InContest { contest: Slug },
    #[error("the package cannot be read or written")]
    Import(#[source] ImportError),
    #[error(transparent)]
    Packages(#[from] PackagesError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the archive cannot be stored")]
    Upload(#[source] std::io::Error),
    #[error("a thread of the server ended early")]
    BrokenOff,
}

impl From<SlugTaken> for AuthorError {
    fn from(SlugTaken: SlugTaken) -> AuthorError {
        AuthorError::SlugTaken
    }
}

impl Core {
    /// Creates a problem from an archive, as a draft owned by `by`.
    ///
    /// # Errors
    /// [`AuthorError`]. After a refusal, no problem was created. If the store or the package storage failed, the
    /// problem may exist.
    pub async fn import_problem(&self, by: UserId, new: NewPackage) -> Result<ImportedVersion, AuthorError> {
        if let Some(slug) = &new.slug
            && self.inner.store.problem(ProblemKey::Slug(slug.clone()), None).await?.is_some()
        {
            return Err(AuthorError::SlugTaken);
        }
        let importing = self.inner.imports.all.read().await;
        let taken = self.import_package(&new.archive).await?;
        let written = self.write_problem(by, new, &taken.imported).await;
        let written = self.settled(&taken, written).await;
        drop(importing);
        match written {
            Ok(id) => self.imported(id, &taken.imported, StagedVersion { number: 1, is_new: true }).await,
            Err(error) => Err(self.discarded(taken, error).await),
        }
    }

    async fn write_problem(&self, by: UserId, new: NewPackage, imported: &Imported) -> Result<ProblemId, AuthorError> {
        let own = own_slug(imported, &new.archive);
        let is_named = own.is_some();
        let slug = new.slug.or(own).ok_or(AuthorError::NoSlug)?;
        let size = self.size_of(imported).await?;
        let _turn = self.inner.imports.turn.lock().await;
        self.has_room(by, imported.package.hash, size, 1).await?;
        let now = self.now();
        let id = ProblemId::from_uuid(self.inner.ids.next(now));
        let mut version = version_of(imported, Some(by), size, now);
        if !is_named {
            version.title = slug.to_string();
        }
        let new = NewProblem { id, slug, owner: Some(by), visibility: Visibility::Draft, version };
        self.inner.store.insert_problem(new).await??;
        Ok(id)
    }

    /// Makes an archive the current version of a problem. While the problem is visible to others, a version that was
    /// not verified before or has no time limit is only staged.
    ///
    /// # Errors
    /// [`AuthorError`].
    pub async fn new_version(
        &self,
        principal: &Principal,
        key: ProblemKey,
        archive: &Path,
    ) -> Result<ImportedVersion, AuthorError> {
        let problem = self.to_change(principal, key).await?;
        let importing = self.inner.imports.all.read().await;
        let taken = self.import_package(archive).await?;
        let title = own_slug(&taken.imported, archive).is_none().then(|| problem.slug.to_string());
        let written = self.write_version(principal, &problem, &taken.imported, title).await;
        let written = self.settled(&taken, written).await;
        drop(importing);
        match written {
            Ok(version) => self.imported(problem.id, &taken.imported, version).await,
            Err(error) => Err(self.discarded(taken, error).await),
        }
    }

    async fn write_version(
        &self,
        principal: &Principal,
        problem: &ProblemRecord,
        imported: &Imported,
        title: Option<String>,
    ) -> Result<StagedVersion, AuthorError> {
        let hash = imported.package.hash;
        let size = self.size_of(imported).await?;
        let _turn = self.inner.imports.turn.lock().await;
        if let Some(by) = principal.user() {
            self.has_room(by, hash, size, 0).await?;
        }
        let mut version = version_of(imported, principal.user(), size, self.now());
        if let Some(title) = title {
            version.title = title;
        }
        // The version is staged in either case, because that assigns the number.
        let staged = self.inner.store.stage_version(problem.id, version.clone()).await?;
        let staged = staged.ok_or(AuthorError::Missing)?;
        // The store decides whether the problem is a draft: it may have become visible since this import began.
        let is_new = match self.inner.store.add_version_of_draft(problem.id, version.clone()).await? {
            Some(is_new) => is_new,
            None if self.may_be_shown(problem, imported).await? => {
                self.inner.store.add_version(problem.id, version).await?
            }
            None => return Ok(staged),
        };
        Ok(StagedVersion { is_new, ..staged })
    }

    async fn size_of(&self, imported: &Imported) -> Result<Bytes, AuthorError> {
        let hash = imported.package.hash;
        self.with_packages(move |packages| packages.size(&hash)).await
    }

    /// Checks that the author's quota has room for this package. Administrators have no quota.
    async fn has_room(&self, by: UserId, hash: ContentHash, size: Bytes, problems: u64) -> Result<(), AuthorError> {
        let is_admin = self.inner.store.user(by).await?.is_some_and(|user| user.role == Role::Admin);
        if is_admin {
            return Ok(());
        }
        let stored = self.inner.store.stored_of(by, hash).await?;
        let Bounds { problems_per_author_max: most, package_bytes_per_author_max: bytes_max, .. } = self.inner.bounds;
        if problems > 0 && stored.problems + problems > most {
            return Err(AuthorError::TooManyProblems { most });
        }
        if stored.bytes.saturating_add(size) > bytes_max {
            return Err(AuthorError::TooMuchStored { stored: stored.bytes, size, most: bytes_max });
        }
        Ok(())
    }

    /// Settles a package that was imported and that a version now names.
    pub(super) async fn settled<T>(&self, taken: &Taken, written: Result<T, AuthorError>) -> Result<T, AuthorError> {
        let written = written?;
        let taken = taken.clone();
        self.with_packages(move |packages| packages.settle(&taken)).await?;
        Ok(written)
    }

    /// Removes an imported package that no version names because of the error `why`, which is returned. If the package
    /// stayed, it would use disk space until the next sweep.
    pub(super) async fn discarded(&self, taken: Taken, why: AuthorError) -> AuthorError {
        if matches!(why, AuthorError::Store(_) | AuthorError::Packages(_)) {
            // A version names the package, or may name it.
            return why;
        }
        // Excludes imports that are about to name the same package.
        let _alone = self.inner.imports.all.write().await;
        let named = self.inner.store.packages().await.map_err(AuthorError::from);
        let discarded = match named {
            Ok(named) => {
                let is_named = named.contains(&taken.copy.hash);
                self.with_packages(move |packages| packages.discard(&taken, is_named)).await
            }
            Err(error) => Err(error),
        };
        log_failure(discarded);
        why
    }

    /// Removes those of the given packages that no problem names any more.
    async fn discard(&self, hashes: Vec<ContentHash>) {
        log_failure(self.remove_unnamed(Some(hashes)).await);
    }

    /// Removes packages that no problem names (only those in `of`, if given) and spare copies; returns their number.
    /// May be called at any time, on any node.
    pub(super) async fn remove_unnamed(&self, of: Option<Vec<ContentHash>>) -> Result<u64, AuthorError> {
        let _alone = self.inner.imports.all.write().await;
        let found = self.with_packages(move |packages| packages.removable(of.as_deref())).await?;
        if found.is_empty() {
            return Ok(0);
        }
        // Queried after the copies were listed: see `packages.rs`.
        let named: HashSet<ContentHash> = self.inner.store.packages().await?.into_iter().collect();
        let may_go = found.iter().filter(|found| found.is_spare || !named.contains(&found.copy.hash));
        let copies: Vec<PackageCopy> = may_go.map(|found| found.copy).collect();
        let count = copies.len() as u64;
        self.with_packages(move |packages| packages.remove(&copies)).await?;
        Ok(count)
    }

    /// Counts the packages that the store names, and those that are missing, for instance because the blob store is not
    /// that of this database, or because only the database was restored from a backup.
    ///
    /// # Errors
    /// [`AuthorError`].
    pub async fn count_packages(&self) -> Result<PackageCount, AuthorError> {
        let packages = self.inner.store.packages().await?;
        let named = packages.len();
        let missing = self.with_packages(move |here| here.missing(&packages)).await?;
        if missing.is_empty() {
            return Ok(PackageCount { named, missing: 0 });
        }
        // A problem that was deleted meanwhile has no package any more.
        let still: HashSet<ContentHash> = self.inner.store.packages().await?.into_iter().collect();
        Ok(PackageCount { named, missing: missing.iter().filter(|hash| still.contains(hash)).count() })
    }

    /// Runs a blocking call on the packages.
    pub(super) async fn with_packages<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Packages) -> Result<T, PackagesError> + Send + 'static,
    ) -> Result<T, AuthorError> {
        let packages = Arc::clone(&self.inner.packages);
        let outcome = tokio::task::spawn_blocking(move || ask(packages.as_ref())).await;
        Ok(outcome.map_err(|_panicked| AuthorError::BrokenOff)??)
    }

    /// Whether this package is the current version, or an earlier version that was verified and has a time limit.
    async fn may_be_shown(&self, problem: &ProblemRecord, imported: &Imported) -> Result<bool, AuthorError> {
        let package = imported.package.hash;
        let (versions, _) = self.inner.store.versions(problem.id, 0, VERSIONS_LOOKED_AT).await?;
        let has_limit =
            |version: &ProblemVersionLine| version.time_limit.or(imported.package.problem.limits.time.limit).is_some();
        let is_sound = |version: &ProblemVersionLine| version.is_verified == Some(true) && has_limit(version);
        let known = versions.iter().find(|version| version.package == package);
        Ok(problem.package == package || known.is_some_and(is_sound))
    }

    async fn imported(
        &self,
        id: ProblemId,
        imported: &Imported,
        StagedVersion { number, is_new }: StagedVersion,
    ) -> Result<ImportedVersion, AuthorError> {
        let found = self.inner.store.problem(ProblemKey::Id(id), None).await?;
        let (problem, _) = found.ok_or(AuthorError::Missing)?;
        let (format, warnings, is_current) = (imported.format, imported.warnings.clone(), problem.version == number);
        let package = imported.package.hash;
        Ok(ImportedVersion { problem, format, warnings, number, package, is_current, is_new })
    }

    /// A version by its number.
    ///
    /// # Errors
    /// [`AuthorError::NoVersion`], or if the store cannot answer.
    pub async fn version(&self, problem: &ProblemToChange, number: u32) -> Result<ProblemVersionLine, AuthorError> {
        // Versions are numbered from 1 without gaps, and listed newest first.
        let (_, total) = self.inner.store.versions(problem.id, 0, 1).await?;
        let place = total.checked_sub(number.into()).filter(|_| number > 0);
        let (lines, _) = match place {
            Some(place) => self.inner.store.versions(problem.id, place, 1).await?,
            None => (Vec::new(), total),
        };
        let found = lines.into_iter().find(|line| line.number == number);
        found.ok_or(AuthorError::NoVersion { number })
    }

    /// Checks that a version may be shown to others. Returns the reason for an exception that must be recorded, or an
    /// error that says what is missing.
    async fn may_show<'w>(
        &self,
        principal: &Principal,
        problem: &ProblemRecord,
        version: &ProblemVersionLine,
        exception: Option<&'w str>,
    ) -> Result<Option<&'w str>, AuthorError> {
        let has_limit = version.time_limit.is_some()
            || self.package(version.package).await?.package.problem.limits.time.limit.is_some();
        let is_excepted = async || {
            let all = self.inner.store.exceptions(problem.id, EXCEPTIONS_LOOKED_AT).await?;
            Ok::<_, AuthorError>(all.iter().any(|one| one.number == version.number))
        };
        if version.is_verified == Some(true) || (exception.is_none() && is_excepted().await?) {
            return if has_limit { Ok(None) } else { Err(AuthorError::NoTimeLimit) };
        }
        let Some(reason) = exception else { return Err(AuthorError::NotVerified) };
        if !principal.is_admin() {
            return Err(AuthorError::NotAdministrator);
        }
        if has_limit { Ok(Some(reason)) } else { Err(AuthorError::NoTimeLimit) }
    }

    async fn note_exception(
        &self,
        principal: &Principal,
        problem: &ProblemRecord,
        number: u32,
        reason: &str,
    ) -> Result<(), AuthorError> {
        let by = principal.user().ok_or(AuthorError::NotAdministrator)?;
        let username = self.inner.store.user(by).await?.map(|user| user.username).unwrap_or_default();
        let exception = VersionException { number, by, username, at: self.now(), reason: reason.to_owned() };
        Ok(self.inner.store.add_exception(problem.id, exception).await?)
    }

    pub(super) async fn import_package(&self, archive: &Path) -> Result<Taken, AuthorError> {
        let name = archive.file_name().map(|name| name.to_string_lossy().into_owned());
        let (packages, archive) = (Arc::clone(&self.inner.packages), archive.to_owned());
        let imported = tokio::task::spawn_blocking(move || packages.import(&archive)).await;
        imported.map_err(|_panicked| AuthorError::BrokenOff)?.map_err(|error| match error {
            TakeError::Import(ImportError::Refused(mut refused)) => {
                // The sender does not know the temporary file name of the archive.
                let of_archive = |finding: &&mut PackageFinding| Some(&finding.file) == name.as_ref();
                refused.findings.iter_mut().filter(of_archive).for_each(|finding| finding.file.clear());
                AuthorError::Refused(refused)
            }
            TakeError::Import(error) => AuthorError::Import(error),
            TakeError::Packages(error) => AuthorError::Packages(error),
        })
    }

    /// A package, read once for all concurrent callers and then cached.
    ///
    /// # Errors
    /// If the package is missing or damaged.
    pub async fn package(&self, hash: ContentHash) -> Result<Arc<Imported>, AuthorError> {
        if let Some(opened) = self.inner.packages.opened(&hash) {
            return Ok(opened);
        }
        let reads = &self.inner.imports.reads;
        let mut read = reads.of(hash).lock_owned().await;
        // Another request may have read the package. The cache may have forgotten it already.
        if let Some(opened) = self.inner.packages.opened(&hash).or_else(|| read.clone()) {
            return Ok(opened);
        }
        let permit = Arc::clone(&reads.permits).acquire_owned().await.map_err(|_closed| AuthorError::BrokenOff)?;
        // The thread holds the lock and the permit: if the caller is cancelled, the read continues, and others wait for
        // it.
        self.with_packages(move |packages| {
            let _permit = permit;
            let opened = packages.open(&hash)?;
            *read = Some(Arc::clone(&opened));
            Ok(opened)
        })
        .await
    }

    /// Like [`Core::package`], but blocks: for a worker's slot.
    ///
    /// # Errors
    /// If the package is missing, unreachable or damaged.
    pub fn open_package(&self, hash: ContentHash) -> Result<Arc<Imported>, PackagesError> {
        self.inner.packages.open(&hash)
    }

    /// A temporary file for an archive that is received or sent, on the file system of the packages. It is deleted when
    /// the value is dropped.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub async fn archive_file(&self) -> io::Result<NamedTempFile> {
        let packages = Arc::clone(&self.inner.packages);
        tokio::task::spawn_blocking(move || packages.upload()).await.map_err(io::Error::other)?
    }

    /// Changes a problem. Only a verified version may be shown to others, unless an administrator makes an exception.
    ///
    /// # Errors
    /// [`AuthorError`].
    pub async fn change_problem(
        &self,
        principal: &Principal,
        key: ProblemKey,
        wish: Wish,
    ) -> Result<ProblemRecord, AuthorError> {
        let problem = self.to_change(principal, key).await?;
        let Wish { version, exception, visibility, slug, readers, authors, force } = wish;
        // Only a user who may change the problem learns whether a user of a name exists.
        let readers = self.members_named(readers, Part::Reader).await?;
        let authors = self.members_named(authors, Part::Author).await?;
        let hides = visibility == Some(Visibility::Draft) && problem.visibility != Visibility::Draft;
        let renames = slug.as_ref().is_some_and(|slug| *slug != problem.slug);
        if !force && hides {
            self.not_in_contest(&problem, Timestamp::MAX).await?;
        } else if !force && renames {
            self.not_in_contest(&problem, self.now() + CONTEST_NEAR).await?;
        }
        if exception.is_some() && !principal.is_admin() {
            return Err(AuthorError::NotAdministrator);
        }
        let version = self.version(&problem, version.unwrap_or(problem.version)).await?;
        let is_other = version.number != problem.version;
        let will_be = visibility.unwrap_or(problem.visibility);
        let is_news = will_be != Visibility::Draft && (is_other || problem.visibility == Visibility::Draft);
        let excepted = match is_news {
            true => self.may_show(principal, &problem, &version, exception.as_deref()).await?,
            false => None,
        };
        let becomes = match is_other {
            true => Some(version_of(&*self.package(version.package).await?, version.by, Bytes::ZERO, self.now())),
            false => None,
        };
        let is_shown = will_be != Visibility::Draft;
        // Another author may have made another version current meanwhile, which was not checked here.
        let of_version = (is_shown && visibility.is_some()).then_some(version.number);
        let mut first = ProblemChange { slug, readers, authors, ..ProblemChange::default() };
        let mut last = ProblemChange { visibility, of_version, ..ProblemChange::default() };
        // A problem is shown last and hidden first. All is one change if nothing else is written in between.
        if !is_shown || (becomes.is_none() && excepted.is_none()) {
            (first.visibility, first.of_version) = (last.visibility.take(), last.of_version.take());
        }
        // Changes that can be refused come first, so that nothing has changed after a refusal.
        self.apply_change(problem.id, first).await?;
        if let Some(reason) = excepted {
            self.note_exception(principal, &problem, version.number, reason).await?;
        }
        match becomes {
            Some(becomes) if is_shown => drop(self.inner.store.add_version(problem.id, becomes).await?),
            // The version was not checked. The store decides whether the problem is a draft: another author may have
            // shown it meanwhile.
            Some(becomes) => {
                let added = self.inner.store.add_version_of_draft(problem.id, becomes).await?;
                added.ok_or(AuthorError::OtherVersion)?;
            }
            None => {}
        }
        self.apply_change(problem.id, last).await?;
        let found = self.inner.store.problem(ProblemKey::Id(problem.id), None).await?;
        found.map(|(problem, _)| problem).ok_or(AuthorError::Missing)
    }

    /// Applies a change, if there is any.
    async fn apply_change(&self, problem: ProblemId, change: ProblemChange) -> Result<(), AuthorError> {
        let ProblemChange { visibility, slug, readers, authors, of_version: _ } = &change;
        if visibility.is_none() && slug.is_none() && readers.is_none() && authors.is_none() {
            return Ok(());
        }
        if self.inner.store.change_problem(problem, change, self.now()).await?? {
            return Ok(());
        }
        let is_there = self.inner.store.problem(ProblemKey::Id(problem), None).await?.is_some();
        Err(if is_there { AuthorError::OtherVersion } else { AuthorError::Missing })
    }

    /// The users with these names, compared case-insensitively. An e-mail address is not accepted as a name. An author
    /// needs the role, without which this part gives no rights.
    async fn members_named(&self, names: Option<Vec<String>>, part: Part) -> Result<Option<Vec<UserId>>, AuthorError> {
        let Some(names) = names else { return Ok(None) };
        if names.len() > MEMBERS_MAX {
            return Err(AuthorError::TooManyMembers { part });
        }
        let mut known = HashMap::with_capacity(names.len());
        for some in names.chunks(NAMES_AT_ONCE) {
            let found = self.inner.store.users_named(some).await?;
            known.extend(found.into_iter().map(|(id, name, role)| (name.to_ascii_lowercase(), (id, role))));
        }
        let id = |(index, name): (usize, &String)| {
            let known = known.get(&name.to_ascii_lowercase()).copied();
            let (id, role): (UserId, Role) = known.ok_or(AuthorError::NoUser { part, index })?;
            let is_fit = part != Part::Author || role.is_author();
            if is_fit { Ok(id) } else { Err(AuthorError::NotAuthor { index }) }
        };
        names.iter().enumerate().map(id).collect::<Result<_, _>>().map(Some)
    }

    /// Checks that no contest has this problem that is running or begins before `soon`, because the contestants would
    /// not find the problem.
    async fn not_in_contest(&self, problem: &ProblemRecord, soon: Timestamp) -> Result<(), AuthorError> {
        match self.inner.store.current_contest_with(problem.id, self.now(), soon).await? {
            Some(contest) => Err(AuthorError::InContest { contest }),
            None => Ok(()),
        }
    }

    /// Deletes a draft that has no submissions that count and is in no contest, and the packages that only it named.
    ///
    /// # Errors
    /// [`AuthorError`].
    pub async fn delete_problem(&self, principal: &Principal, key: ProblemKey) -> Result<(), AuthorError> {
        let problem = self.to_change(principal, key).await?;
        self.not_in_contest(&problem, self.now() + CONTEST_NEAR).await?;
        let mut packages = Vec::new();
        loop {
            let (page, _) = self.inner.store.versions(problem.id, packages.len() as u64, VERSIONS_PAGE).await?;
            packages.extend(page.iter().map(|version| version.package));
            if (page.len() as u64) < VERSIONS_PAGE {
                break;
            }
        }
        match self.inner.store.delete_problem(problem.id).await? {
            Deleted::Gone => {
                self.discard(packages).await;
                Ok(())
            }
            Deleted::Missing => Err(AuthorError::Missing),
            Deleted::InUse => Err(AuthorError::InUse),
        }
    }

    /// The languages needed to verify a package. If the package cannot be opened, they are unknown, and the worker
    /// reports the cause.
    pub(crate) async fn needs_of_verification(&self, package: ContentHash) -> Needs {
        match self.package(package).await {
            Ok(imported) => verifying_languages(&imported.package.problem, &self.registry()),
            Err(_) => Needs::new(),
        }
    }

    /// The problem, if the viewer may change it.
    ///
    /// # Errors
    /// [`AuthorError::Missing`] if the viewer may not change it.
    pub async fn to_change(&self, principal: &Principal, key: ProblemKey) -> Result<ProblemToChange, AuthorError> {
        self.problem(principal, key).await?.and_then(SeenProblem::into_change).ok_or(AuthorError::Missing)
    }

    /// The version with this number (`None`: the current one), for a verification.
    ///
    /// # Errors
    /// [`AuthorError::NoVersion`], or if the store cannot answer.
    pub async fn to_verify(
        &self,
        problem: &ProblemToChange,
        number: Option<u32>,
    ) -> Result<VersionToVerify, AuthorError> {
        let package = match number {
            Some(number) => self.version(problem, number).await?.package,
            None => problem.package,
        };
        Ok(VersionToVerify(ProblemVersion { problem: problem.id, package }))
    }
}

fn log_failure<T>(removed: Result<T, AuthorError>) {
    if let Err(error) = removed {
        tracing::warn!(error = chain(&error), "packages that no problem names stay until the next sweep");
    }
}

/// The package's own slug. If that slug is only derived from the archive's name, a slug derived from the title is used
/// instead.
fn own_slug(imported: &Imported, archive: &Path) -> Option<Slug> {
    let problem = &imported.package.problem;
    let of_archive = archive.file_stem().and_then(|stem| Slug::from_text(&stem.to_string_lossy()));
    if of_archive.as_ref() == Some(&problem.slug) {
        Slug::from_text(problem.titles.main()).filter(|slug| of_archive.as_ref() != Some(slug))
    } else {
        Some(problem.slug.clone())
    }
}

pub(super) fn version_of(imported: &Imported, by: Option<UserId>, bytes: Bytes, at: Timestamp) -> NewVersion {
    let problem = &imported.package.problem;
    let objective = match problem.scoring {
        Scoring::PassFail => Objective::Max,
        Scoring::Points { objective, .. } => objective,
    };
    NewVersion {
        package: imported.package.hash,
        format: imported.format.as_str().to_owned(),
        title: problem.titles.main().to_owned(),
        difficulty: problem.difficulty,
        tags: problem.tags.clone(),
        lower_is_better: objective == Objective::Min,
        by,
        at,
        bytes,
        is_verified: None,
        shipped: None,
    }
}
