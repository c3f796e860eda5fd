//! The disk tier: one file per entry, named by its key, in 256 directories.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use cupel_judge::ArtifactKey;

use super::lru::Lru;
use super::{ENTRY_COST, Entry, format};

/// Name prefix of a file that is being written, followed by the process id. A file with this prefix that exists at
/// start was left by a crash, or is being written by another process, which tolerates the loss of the file.
const UNFINISHED: &str = "unfinished";

#[derive(Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    index: Mutex<Lru<()>>,
}

impl Disk {
    /// Lists the existing entries, oldest use first, and removes unfinished files and entries that no longer fit.
    pub(super) fn open(directory: &Path, bytes_max: u64) -> io::Result<Disk> {
        // Only this user may read the entries, because they were compiled from users' sources.
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let disk = Disk { directory: directory.to_owned(), index: Mutex::new(Lru::new(bytes_max)) };
        let mut found = Vec::new();
        for shelf in fs::read_dir(directory)? {
            let shelf = shelf?.path();
            if !shelf.is_dir() {
                remove(&shelf);
                continue;
            }
            for file in fs::read_dir(&shelf)? {
                let file = file?;
                match file.file_name().to_str().and_then(key_of) {
                    Some(key) => {
                        let meta = file.metadata()?;
                        found.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), key, meta.len()));
                    }
                    None => remove(&file.path()),
                }
            }
        }
        found.sort();
        for (_, key, bytes) in found {
            disk.make_room(key, bytes);
        }
        Ok(disk)
    }

    pub(super) fn get(&self, key: &ArtifactKey) -> Option<Entry> {
        self.index().get(key)?;
        let path = self.path(key);
        let Ok(bytes) = fs::read(&path) else {
            // Another thread has evicted the entry, or the file cannot be read.
            self.index().remove(key);
            return None;
        };
        let entry = format::decode(&bytes);
        if entry.is_none() {
            tracing::warn!(path = %path.display(), "removed a damaged entry of the artefact cache");
            self.index().remove(key);
            remove(&path);
            return None;
        }
        // The time of the last use orders the entries after a restart. If setting this time fails, the entry only seems
        // older.
        let _ = fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(now()));
        entry
    }

    /// Only one thread per process calls this, so one unfinished file is enough.
    pub(super) fn put(&self, key: &ArtifactKey, entry: &Entry) {
        let bytes = format::encode(entry);
        let unfinished = self.directory.join(format!("{UNFINISHED}.{}", std::process::id()));
        let path = self.path(key);
        let written = fs::write(&unfinished, &bytes)
            .and_then(|()| path.parent().map_or(Ok(()), fs::create_dir_all))
            .and_then(|()| fs::rename(&unfinished, &path));
        match written {
            Ok(()) => self.make_room(*key, bytes.len() as u64),
            Err(error) => {
                remove(&unfinished);
                tracing::warn!(%error, path = %path.display(), "cannot write a compiled program to the disk cache");
            }
        }
    }

    /// Adds an existing file of this length to the index, and removes the files evicted for it. Removes the file itself
    /// if it alone exceeds the bound.
    fn make_room(&self, key: ArtifactKey, bytes: u64) {
        let mut index = self.index();
        // A file system stores whole blocks, usually of 4 KiB.
        let evicted = index.put(key, (), bytes.next_multiple_of(4096) + ENTRY_COST);
        let fits = index.get(&key).is_some();
        drop(index);
        evicted.iter().for_each(|(evicted, ())| remove(&self.path(evicted)));
        if !fits {
            remove(&self.path(&key));
        }
    }

    pub(super) fn path(&self, key: &ArtifactKey) -> PathBuf {
        let name = key.to_hex();
        self.directory.join(&name[..2]).join(name)
    }

    fn index(&self) -> MutexGuard<'_, Lru<()>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(name: &str) -> Option<ArtifactKey> {
    if name.len() != 64 || !name.is_ascii() {
        return None;
    }
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(name.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    let key = ArtifactKey(key);
    (key.to_hex() == name).then_some(key)
}

/// Removes a file. If this fails, the next start finds the file again.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

#[expect(clippy::disallowed_methods, reason = "a time stamp of the file system, not of the domain")]
fn now() -> SystemTime {
    SystemTime::now()
}
