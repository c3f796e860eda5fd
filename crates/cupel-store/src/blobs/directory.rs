//! [`DirectoryBlobs`]: blobs as files in a directory that all nodes mount.
//!
//! ```text
//! ROOT/  cupel-blobs                              mark: the directory is mounted, not the empty mount point
//!        <cluster>/packages/<hash>/<copy>         blobs, named by their keys
//!        <cluster>/artifacts/<2 digits>/<hash>
//!        <cluster>/data/<2 digits>/<hash>
//!        .putting-…                               a blob that is being written, or was left unfinished by a dead node
//! ```
//!
//! Invariants: a file is renamed to its final name only after its whole content is on the disk. Ages are measured with
//! the clock of the file system, by the modification time of a temporary file. While the mark file is missing, a blob
//! that is not found is an error of the store and does not count as missing, and no blob is written.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cupel_core::{BlobInfo, BlobKey, BlobKind, Blobs, BlobsError};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::failed;

/// File that marks a directory of blobs.
pub(super) const MARK: &str = "cupel-blobs";

/// Minimum age of leftovers of interrupted puts that a starting node removes.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

const PIECE_BYTES: usize = 1 << 20;

/// Blobs in a directory.
#[derive(Debug)]
pub struct DirectoryBlobs {
    root: PathBuf,
    /// The cluster's subdirectory.
    ours: PathBuf,
}

impl DirectoryBlobs {
    /// A cluster's blobs in `root`. The directory must exist, because creating it would hide a missing mount. An empty
    /// directory is initialised as a directory of blobs.
    ///
    /// # Errors
    /// If the directory does not exist, has other content, or is not writable.
    pub fn open(root: &Path, cluster: &str) -> Result<DirectoryBlobs, BlobsError> {
        let blobs = DirectoryBlobs { root: root.to_owned(), ours: root.join(cluster) };
        if blobs.check().is_err() {
            let mut entries = fs::read_dir(root).map_err(blobs.failed("list"))?;
            // Another node may have initialised the directory concurrently.
            if entries.any(is_content) && blobs.check().is_err() {
                let why = "it has other content; name an empty directory";
                return Err(blobs.failed("use")(io::Error::other(why)));
            }
            File::create(root.join(MARK)).map_err(blobs.failed("initialise"))?;
        }
        blobs.remove_abandoned()?;
        Ok(blobs)
    }

    /// Whether the directory exists and has no content.
    pub(super) fn is_empty(root: &Path) -> bool {
        fs::read_dir(root).is_ok_and(|mut entries| !entries.any(is_content))
    }

    fn path(&self, key: &BlobKey) -> PathBuf {
        self.ours.join(key.to_string())
    }

    /// For `map_err`, for errors of the directory itself.
    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> BlobsError {
        failed(action, self.root.display())
    }

    /// Checks that the mark is present.
    fn check(&self) -> Result<(), BlobsError> {
        let mark = fs::metadata(self.root.join(MARK));
        mark.map(drop).map_err(|error| {
            let why = format!("cannot find the file `{MARK}` in it ({error}); check that the directory is mounted");
            self.failed("use")(io::Error::new(error.kind(), why))
        })
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(".putting-").tempfile_in(&self.root)
    }

    /// The time by the clock of the file system.
    fn now(&self) -> Result<SystemTime, BlobsError> {
        let now = self.temporary().and_then(|file| file.as_file().metadata()?.modified());
        now.map_err(self.failed("create a file in"))
    }

    fn remove_abandoned(&self) -> Result<(), BlobsError> {
        let now = self.now()?;
        for entry in fs::read_dir(&self.root).map_err(self.failed("list"))? {
            let entry = entry.map_err(self.failed("list"))?;
            let is_unfinished = entry.file_name().to_string_lossy().starts_with(".putting-");
            // If the file does not exist any more, it was completed or removed concurrently.
            let written = entry.metadata().and_then(|meta| meta.modified()).unwrap_or(now);
            if is_unfinished && now.duration_since(written).unwrap_or_default() > ABANDONED_AFTER {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Whether a blob has the content that its key requires; only keys of data can be checked. A put keeps a sound blob
    /// and replaces a damaged one.
    fn is_sound(&self, key: &BlobKey) -> Result<bool, BlobsError> {
        let BlobKey::Data(hash) = key else { return Ok(true) };
        let mut digest = Digested(Sha256::new());
        match self.get(key, &mut digest, u64::MAX) {
            Ok(_bytes) => Ok(digest.0.finalize()[..] == *hash.as_bytes()),
            Err(BlobsError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(&self, key: &BlobKey, source: &mut dyn Read) -> Result<NamedTempFile, BlobsError> {
        let mut file = self.temporary().map_err(failed("put", key))?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = match source.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(BlobsError::Source(error)),
            };
            file.write_all(&piece[..count]).map_err(failed("put", key))?;
        }
        file.as_file().sync_all().map_err(failed("put", key))?;
        Ok(file)
    }
}

/// Whether an entry was put there by somebody. The root of an ext4 file system contains `lost+found`.
fn is_content(entry: io::Result<fs::DirEntry>) -> bool {
    entry.is_ok_and(|entry| entry.file_name() != "lost+found")
}

struct Digested(Sha256);

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Blobs for DirectoryBlobs {
    fn put(&self, key: &BlobKey, source: &mut dyn Read) -> Result<(), BlobsError> {
        if self.has(key)? && self.is_sound(key)? {
            return Ok(());
        }
        let mut file = self.write(key, source)?;
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root);
        let mut is_new = false;
        loop {
            is_new |= !folder.is_dir();
            fs::create_dir_all(folder).map_err(failed("put", key))?;
            match file.persist(&path) {
                Ok(_named) => break,
                // A concurrent removal of the folder's last blob has removed the folder as well.
                Err(error) if error.error.kind() == io::ErrorKind::NotFound && self.check().is_ok() => {
                    file = error.file
                }
                Err(error) => return Err(failed("put", key)(error.error)),
            }
        }
        // Syncs the directory entry of the file, and the entries of directories that were created for it.
        let count = if is_new { usize::MAX } else { 1 };
        let mut above = folder.ancestors().take_while(|folder| folder.starts_with(&self.root)).take(count);
        above.try_for_each(|folder| File::open(folder)?.sync_all()).map_err(failed("put", key))
    }

    fn get(&self, key: &BlobKey, into: &mut dyn Write, bytes_max: u64) -> Result<u64, BlobsError> {
        let mut file = match File::open(self.path(key)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.check()?;
                return Err(BlobsError::Missing(*key));
            }
            Err(error) => return Err(failed("get", key)(error)),
        };
        let mut piece = vec![0; PIECE_BYTES];
        let mut bytes = 0;
        loop {
            let count = match file.read(&mut piece) {
                Ok(0) => return Ok(bytes),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("get", key)(error)),
            };
            bytes += count as u64;
            if bytes > bytes_max {
                return Err(BlobsError::TooLarge { key: *key, bytes_max });
            }
            into.write_all(&piece[..count]).map_err(BlobsError::Target)?;
        }
    }

    fn has(&self, key: &BlobKey) -> Result<bool, BlobsError> {
        match fs::metadata(self.path(key)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.check().map(|()| false),
            Err(error) => Err(failed("find", key)(error)),
        }
    }

    fn remove(&self, key: &BlobKey) -> Result<(), BlobsError> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.check(),
            removed => removed.map_err(failed("remove", key))?,
        }
        // Removes the blob's directory if it is empty.
        if let Some(folder) = path.parent() {
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobInfo>, BlobsError> {
        self.check()?;
        let now = self.now()?;
        let mut found = Vec::new();
        let mut pending = vec![self.ours.join(kind.to_string())];
        while let Some(folder) = pending.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                // No blob of this kind exists, or the last one of its directory was removed concurrently.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed("list", kind)(error)),
            };
            for entry in entries {
                let entry = entry.map_err(failed("list", kind))?;
                let meta = match entry.metadata() {
                    Ok(meta) => meta,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(failed("list", kind)(error)),
                };
                if meta.is_dir() {
                    pending.push(entry.path());
                    continue;
                }
                let path = entry.path();
                let key = path.strip_prefix(&self.ours).ok().and_then(Path::to_str).and_then(|name| name.parse().ok());
                let Some(key) = key else { continue };
                let put = meta.modified().map_err(failed("list", kind))?;
                found.push(BlobInfo { key, bytes: meta.len(), age: now.duration_since(put).unwrap_or_default() });
            }
        }
        Ok(found)
    }
}
