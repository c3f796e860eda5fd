//! [`LocalPackages`]: unpacked packages in a directory of the server's own, each in a folder named by its hash.
//!
//! ```text
//! packages/  <64 hexadecimal digits>/   a package, whole and on the disk
//!            .importing-…/              one that is being unpacked; what is left of it after a crash is swept
//!            .upload-…                  an archive that somebody sends
//! ```
//!
//! Invariants: a folder gets its name by a rename, when everything in it has been written; it never changes after that. The
//! memory of opened packages is bounded; what is in it was hashed when it was read.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_core::Packages;
use cupel_core::problems::PackagesError;
use cupel_languages::Registry;
use cupel_problem::{ImportError, ImportOptions, Imported, Package, import, open};
use cupel_types::ContentHash;

/// Packages that are remembered with what they say; their files are read from the disk in any case.
const REMEMBERED_MAX: usize = 256;

/// Packages on this machine.
pub struct LocalPackages {
    directory: PathBuf,
    languages: Registry,
    /// The one used last is the last.
    remembered: Mutex<VecDeque<Arc<Imported>>>,
}

impl LocalPackages {
    /// Packages in `directory`, which is made (mode 0700) if need be. Their languages are read by `languages`.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(directory: &Path, languages: Registry) -> Result<LocalPackages, PackagesError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(failed("make", directory))?;
        Ok(LocalPackages { directory: directory.to_owned(), languages, remembered: Mutex::default() })
    }

    fn folder(&self, hash: &ContentHash) -> PathBuf {
        self.directory.join(hash.to_string())
    }

    fn options(&self) -> ImportOptions<'_> {
        ImportOptions { durable: true, ..ImportOptions::new(&self.languages) }
    }

    fn remembered(&self) -> MutexGuard<'_, VecDeque<Arc<Imported>>> {
        // Every change leaves a list of whole packages, so a poisoned lock guards a sound one.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, hash: &ContentHash) -> Option<Arc<Imported>> {
        let mut remembered = self.remembered();
        let place = remembered.iter().position(|known| known.package.hash == *hash)?;
        let known = remembered.remove(place)?;
        remembered.push_back(Arc::clone(&known));
        Some(known)
    }

    fn remember(&self, imported: Arc<Imported>) {
        let mut remembered = self.remembered();
        remembered.retain(|known| known.package.hash != imported.package.hash);
        remembered.push_back(imported);
        while remembered.len() > REMEMBERED_MAX {
            remembered.pop_front();
        }
    }
}

impl Packages for LocalPackages {
    fn import(&self, source: &Path) -> Result<Imported, ImportError> {
        let at = |action, path: &Path| {
            let path = path.to_owned();
            move |source| ImportError::Io(cupel_problem::FileError { action, path, source })
        };
        let temporary = tempfile::Builder::new().prefix(".importing-").tempdir_in(&self.directory);
        let temporary = temporary.map_err(at("make a directory in", &self.directory))?;
        let mut imported = import(source, &temporary.path().join("package"), &self.options())?;
        let hash = imported.package.hash;
        let folder = self.folder(&hash);
        match fs::rename(imported.package.root(), &folder) {
            Ok(()) => {}
            // The same content: it is there already, or somebody was faster.
            Err(_) if folder.is_dir() => {}
            Err(error) => return Err(at("move the package to", &folder)(error)),
        }
        let durable = fs::File::open(&self.directory).and_then(|directory| directory.sync_all());
        durable.map_err(at("write to the disk", &self.directory))?;
        imported.package = Package::new(folder, imported.package.problem, hash);
        self.remember(Arc::new(imported.clone()));
        Ok(imported)
    }

    fn open(&self, hash: &ContentHash) -> Result<Arc<Imported>, PackagesError> {
        if let Some(known) = self.recall(hash) {
            return Ok(known);
        }
        let folder = self.folder(hash);
        if !folder.is_dir() {
            return Err(PackagesError::Missing(*hash));
        }
        let damaged = |source| PackagesError::Damaged { hash: *hash, source };
        let opened = open(&folder, &self.options()).map_err(|error| damaged(error.into()))?;
        if opened.package.hash != *hash {
            return Err(damaged("its content has another hash now".into()));
        }
        let opened = Arc::new(opened);
        self.remember(Arc::clone(&opened));
        Ok(opened)
    }

    fn upload(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::Builder::new().prefix(".upload-").tempfile_in(&self.directory)
    }

    fn sweep(&self, wanted: &[ContentHash]) -> Result<u64, PackagesError> {
        let mut swept = 0;
        for entry in fs::read_dir(&self.directory).map_err(failed("list", &self.directory))? {
            let entry = entry.map_err(failed("list", &self.directory))?;
            let (name, path) = (entry.file_name(), entry.path());
            let hash = name.to_str().and_then(|name| name.parse::<ContentHash>().ok());
            if hash.is_some_and(|hash| wanted.contains(&hash)) {
                continue;
            }
            let is_directory = entry.file_type().map_err(failed("look at", &path))?.is_dir();
            let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(failed("remove", &path))?;
            swept += 1;
        }
        self.remembered().retain(|known| wanted.contains(&known.package.hash));
        Ok(swept)
    }
}

impl std::fmt::Debug for LocalPackages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalPackages").field("directory", &self.directory).finish_non_exhaustive()
    }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> PackagesError + 'a {
    move |source| PackagesError::Directory { action, path: path.to_owned(), source }
}
