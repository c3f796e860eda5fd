//! [`LocalPackages`]: unpacked packages in a directory of this machine, each in a folder named by its hash.
//!
//! ```text
//! packages/  <64 hexadecimal digits>/   a complete package, synced to the disk
//!            .importing-…/              a package that is being unpacked; leftovers of a crash are removed
//!            .upload-…                  an uploaded archive, or a package in transfer to or from a blob store
//!            .gone-…                    a package that is being removed
//! ```
//!
//! Invariants: a folder is renamed to its final name after everything in it is written, and never changes after that.
//! Before a folder's files are removed, the folder is renamed. The memory of opened packages is bounded. A package's
//! files were hashed when the package was opened.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cupel_core::problems::{PackageCopy, PackagesError, Removable, TakeError, Taken};
use cupel_core::{Packages, PerKey};
use cupel_languages::Registry;
use cupel_package::{ImportError, ImportOptions, Imported, import, open, unpack_packed};
use cupel_problem::{Package, Problem};
use cupel_types::{Bytes, ContentHash};
use uuid::Uuid;

/// Maximum memory for opened packages. Only metadata is kept in memory; test files are read from the disk.
const REMEMBERED_BYTES_MAX: usize = 128 << 20;

/// Estimated memory per package, and per file that it names (path, hash and metadata).
const PACKAGE_BYTES: usize = 32 << 10;
const FILE_BYTES: usize = 1 << 10;

/// Packages of a single machine, each stored once.
pub struct LocalPackages {
    directory: PathBuf,
    languages: Registry,
    /// Opened packages, ordered by last use; the most recent is last.
    remembered: Mutex<VecDeque<Arc<Imported>>>,
    remembered_bytes_max: usize,
    /// A thread that reads a package from the disk holds the package's gate.
    gates: Gates,
}

/// One gate (mutex) per package.
pub(super) type Gates = PerKey<ContentHash, Mutex<()>>;

impl LocalPackages {
    /// Packages in `directory`, which is created (mode 0700) if it does not exist. `languages` resolves the languages
    /// of the packages' programs.
    ///
    /// # Errors
    /// If the directory cannot be created.
    pub fn open(directory: &Path, languages: Registry) -> Result<LocalPackages, PackagesError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(failed("make", directory))?;
        Ok(LocalPackages {
            directory: directory.to_owned(),
            languages,
            remembered: Mutex::default(),
            remembered_bytes_max: REMEMBERED_BYTES_MAX,
            gates: Gates::default(),
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn folder(&self, hash: &ContentHash) -> PathBuf {
        self.directory.join(hash.to_string())
    }

    pub(super) fn is_here(&self, hash: &ContentHash) -> bool {
        self.folder(hash).is_dir()
    }

    /// The hashes of all stored packages.
    pub(super) fn hashes(&self) -> Result<Vec<ContentHash>, PackagesError> {
        let mut hashes = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed("list", &self.directory))? {
            let entry = entry.map_err(failed("list", &self.directory))?;
            hashes.extend(entry.file_name().to_str().and_then(|name| name.parse::<ContentHash>().ok()));
        }
        Ok(hashes)
    }

    /// Unpacks and reads an archive into a temporary folder.
    pub(super) fn unpack(&self, source: &Path) -> Result<Unpacked, ImportError> {
        let temporary = tempfile::Builder::new().prefix(".importing-").tempdir_in(&self.directory);
        let temporary = temporary.map_err(at("create a directory in", &self.directory))?;
        let imported = import(source, &temporary.path().join("package"), &self.options())?;
        Ok(Unpacked { imported, _temporary: temporary })
    }

    /// Renames an unpacked package to its hash, durably.
    pub(super) fn place(&self, unpacked: Unpacked) -> Result<Arc<Imported>, ImportError> {
        let mut imported = unpacked.imported;
        let hash = imported.package.hash;
        let folder = self.folder(&hash);
        match fs::rename(imported.package.root(), &folder) {
            Ok(()) => {}
            // Packages with the same hash are equal: this one was already there, or was imported concurrently.
            Err(_) if folder.is_dir() => {}
            Err(error) => return Err(at("move the package to", &folder)(error)),
        }
        let durable = fs::File::open(&self.directory).and_then(|directory| directory.sync_all());
        durable.map_err(at("sync", &self.directory))?;
        imported.package = Package::new(folder, imported.package.problem, hash);
        let imported = Arc::new(imported);
        self.remember(Arc::clone(&imported));
        Ok(imported)
    }

    /// Unpacks a package that another node packed. `false` if the package does not have the hash.
    pub(super) fn adopt(&self, hash: &ContentHash, packed: &Path) -> Result<bool, PackagesError> {
        unpack_packed(packed, hash, &self.folder(hash), &self.options()).map_err(|error| PackagesError::Directory {
            action: error.action,
            path: error.path,
            source: error.source,
        })
    }

    /// Removes a package from memory; values already handed out stay valid.
    pub(super) fn forget(&self, hash: &ContentHash) {
        self.remembered().retain(|known| known.package.hash != *hash);
    }

    /// Removes a package from the disk, if it is there.
    pub(super) fn remove_folder(&self, hash: &ContentHash) -> Result<(), PackagesError> {
        self.forget(hash);
        let folder = self.folder(hash);
        let trash = tempfile::Builder::new().prefix(".gone-").tempdir_in(&self.directory);
        let trash = trash.map_err(failed("create a directory in", &self.directory))?;
        match fs::rename(&folder, trash.path().join("package")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("remove", &folder)(error)),
            Ok(()) => trash.close().map_err(failed("remove", &folder)),
        }
    }

    fn options(&self) -> ImportOptions<'_> {
        ImportOptions { durable: true, ..ImportOptions::new(&self.languages) }
    }

    fn remembered(&self) -> MutexGuard<'_, VecDeque<Arc<Imported>>> {
        locked(&self.remembered)
    }

    pub(super) fn remember(&self, imported: Arc<Imported>) {
        let mut remembered = self.remembered();
        remembered.retain(|known| known.package.hash != imported.package.hash);
        remembered.push_back(imported);
        let mut bytes: usize = remembered.iter().map(|known| bytes_of(&known.package.problem)).sum();
        // The package that was just opened stays even if it is too large, because reading it again for each
        // submission would cost more.
        while bytes > self.remembered_bytes_max && remembered.len() > 1 {
            let oldest = remembered.pop_front();
            bytes -= oldest.map_or(0, |oldest| bytes_of(&oldest.package.problem));
        }
    }
}

/// Approximate memory of a package's metadata. It grows with the number of files, which may be large, and with the
/// authors' descriptions of tests.
fn bytes_of(problem: &Problem) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let cases = problem.tests.cases().map(|case| {
        let args = case.args.iter().chain(case.validator_args.all()).map(String::len).sum::<usize>();
        let files = 3 + case.files.len();
        files * FILE_BYTES + args + length(&case.hints.description) + length(&case.hints.hint)
    });
    let trials = &problem.trials;
    let trials = trials.invalid_inputs.len() + 3 * (trials.valid_outputs.len() + trials.invalid_outputs.len());
    let assets: usize = problem.statements.iter().map(|statement| 1 + statement.assets.len()).sum();
    let programs: usize = problem.submissions.iter().map(|example| example.program.files.len()).sum();
    let includes: usize = problem.includes.iter().map(|include| include.files.len()).sum();
    let files = trials + assets + programs + includes + problem.attachments.len();
    PACKAGE_BYTES + files * FILE_BYTES + cases.sum::<usize>()
}

/// A package imported into a temporary folder, which is removed when the value is dropped.
pub(super) struct Unpacked {
    pub(super) imported: Imported,
    _temporary: tempfile::TempDir,
}

impl Packages for LocalPackages {
    fn import(&self, source: &Path) -> Result<Taken, TakeError> {
        let kept_at = Instant::now();
        let imported = self.place(self.unpack(source)?)?;
        let copy = only_copy(imported.package.hash);
        Ok(Taken { imported, copy, kept_at, is_own: true })
    }

    fn settle(&self, _: &Taken) -> Result<(), PackagesError> {
        // No other process uses the directory, and removals exclude imports, so the copy is still there.
        Ok(())
    }

    fn discard(&self, taken: &Taken, is_named: bool) -> Result<(), PackagesError> {
        if is_named { Ok(()) } else { self.remove_folder(&taken.copy.hash) }
    }

    fn opened(&self, hash: &ContentHash) -> Option<Arc<Imported>> {
        let mut remembered = self.remembered();
        let place = remembered.iter().position(|known| known.package.hash == *hash)?;
        let known = remembered.remove(place)?;
        remembered.push_back(Arc::clone(&known));
        Some(known)
    }

    fn open(&self, hash: &ContentHash) -> Result<Arc<Imported>, PackagesError> {
        if let Some(known) = self.opened(hash) {
            return Ok(known);
        }
        let gate = self.gates.get_or_make(*hash, Mutex::default);
        let _alone = locked(&gate);
        // Another thread may have read the package while this thread waited.
        if let Some(known) = self.opened(hash) {
            return Ok(known);
        }
        let folder = self.folder(hash);
        if !folder.is_dir() {
            return Err(PackagesError::Missing(*hash));
        }
        let damaged = |source| PackagesError::Damaged { hash: *hash, source };
        let opened = open(&folder, &self.options()).map_err(|error| damaged(error.into()))?;
        if opened.package.hash != *hash {
            return Err(damaged("its content does not match its hash".into()));
        }
        let opened = Arc::new(opened);
        self.remember(Arc::clone(&opened));
        Ok(opened)
    }

    fn exists(&self, hash: &ContentHash) -> Result<bool, PackagesError> {
        Ok(self.is_here(hash))
    }

    fn missing(&self, of: &[ContentHash]) -> Result<Vec<ContentHash>, PackagesError> {
        Ok(of.iter().filter(|hash| !self.is_here(hash)).copied().collect())
    }

    fn size(&self, hash: &ContentHash) -> Result<Bytes, PackagesError> {
        size_of(&self.folder(hash)).map(Bytes::new)
    }

    fn removable(&self, of: Option<&[ContentHash]>) -> Result<Vec<Removable>, PackagesError> {
        let here = match of {
            Some(hashes) => hashes.iter().copied().filter(|hash| self.is_here(hash)).collect(),
            None => self.hashes()?,
        };
        Ok(here.into_iter().map(|hash| Removable { copy: only_copy(hash), is_spare: false }).collect())
    }

    fn remove(&self, copies: &[PackageCopy]) -> Result<(), PackagesError> {
        copies.iter().try_for_each(|copy| self.remove_folder(&copy.hash))
    }

    fn upload(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::Builder::new().prefix(".upload-").tempfile_in(&self.directory)
    }

    fn tidy(&self) -> Result<u64, PackagesError> {
        let mut tidied = 0;
        for entry in fs::read_dir(&self.directory).map_err(failed("list", &self.directory))? {
            let entry = entry.map_err(failed("list", &self.directory))?;
            let (name, path) = (entry.file_name(), entry.path());
            if name.to_str().is_some_and(|name| name.parse::<ContentHash>().is_ok()) {
                continue;
            }
            let is_directory = entry.file_type().map_err(failed("read the metadata of", &path))?.is_dir();
            let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(failed("remove", &path))?;
            tidied += 1;
        }
        Ok(tidied)
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves consistent data, so a poisoned lock is ignored.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn only_copy(hash: ContentHash) -> PackageCopy {
    PackageCopy { hash, id: Uuid::nil() }
}

impl std::fmt::Debug for LocalPackages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalPackages").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// Size in whole blocks of 4 KiB; an empty file or a directory counts as one block.
fn size_of(directory: &Path) -> Result<u64, PackagesError> {
    const BLOCK: u64 = 4 << 10;
    let mut bytes = BLOCK;
    for entry in fs::read_dir(directory).map_err(failed("list", directory))? {
        let entry = entry.map_err(failed("list", directory))?;
        let path = entry.path();
        // Does not follow symbolic links.
        let meta = entry.metadata().map_err(failed("read the metadata of", &path))?;
        bytes += if meta.is_dir() { size_of(&path)? } else { meta.len().div_ceil(BLOCK).max(1) * BLOCK };
    }
    Ok(bytes)
}

fn at<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ImportError + 'a {
    move |source| ImportError::Io(cupel_package::FileError { action, path: path.to_owned(), source })
}

pub(super) fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> PackagesError + 'a {
    move |source| PackagesError::Directory { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Imports a package with the given number of secret tests.
    fn imported(packages: &LocalPackages, tests: usize) -> ContentHash {
        let source = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = source.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("problem.toml", "title = \"Echo\"\nslug = \"echo\"\n[limits]\ntime = 1.0\n");
        write("statement.md", "Print what you read.\n");
        for number in 0..tests {
            write(&format!("tests/secret/{number}.in"), "b\n");
            write(&format!("tests/secret/{number}.out"), "b\n");
        }
        packages.import(source.path()).unwrap().copy.hash
    }

    #[test]
    fn the_memory_of_packages_is_bounded_in_bytes_not_in_number() {
        let directory = tempfile::tempdir().unwrap();
        let mut packages = LocalPackages::open(directory.path(), cupel_testkit::registry()).unwrap();
        packages.remembered_bytes_max = 200 << 10;
        let known =
            |packages: &LocalPackages| packages.remembered().iter().map(|one| one.package.hash).collect::<Vec<_>>();
        let (one, two) = (imported(&packages, 1), imported(&packages, 2));
        assert_eq!(known(&packages), [one, two], "small packages");
        let large = imported(&packages, 60);
        assert_eq!(known(&packages), [large], "a package that leaves no space for others");
        packages.open(&one).unwrap();
        assert_eq!(known(&packages), [one]);
    }
}
