//! [`SharedPackages`]: packages in a blob store that all nodes reach, with a directory of this machine as the cache.
//!
//! A copy of a package is a tar archive of its folder. It is deterministic: the same package gives the same bytes. The
//! port specifies when copies may be removed (`cupel_core::problems::packages`).
//!
//! Invariants: Content of the blob store is untrusted. It is unpacked like an uploaded archive, and is placed in the
//! cache only if it has the requested hash. Concurrent requests for a package fetch it once. The cache is bounded in
//! bytes. The least recently used folder is evicted first, but a folder that is open in this process is not evicted.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Instant, SystemTime};

use cupel_core::problems::{PackageCopy, PackagesError, REMOVABLE_AFTER, Removable, SETTLED_WITHIN, TakeError, Taken};
use cupel_core::{BlobInfo, BlobKey, BlobKind, Blobs, BlobsError, Packages};
use cupel_package::{Imported, UnpackLimits, pack};
use cupel_types::{Bytes, ContentHash};
use uuid::Uuid;

use super::local::{Gates, LocalPackages, failed, locked};

/// Maximum overhead of a tar entry: its header, the header of a long name, and padding.
const TAR_ENTRY_BYTES: u64 = 4 << 10;

/// Maximum number of times that a fetch lists the copies. It lists them again if copies were removed in the meantime.
const FETCHES_MAX: usize = 3;

/// Packages that all nodes reach.
pub struct SharedPackages {
    blobs: Arc<dyn Blobs>,
    local: LocalPackages,
    local_bytes_max: u64,
    here: Mutex<Here>,
    /// A thread that fetches, reads, places or removes a package's folder holds the package's gate.
    gates: Gates,
    /// For each package: the copy that this process last settled (see `cupel_core::problems::packages`), and the
    /// copy's creation time.
    settled: Mutex<HashMap<ContentHash, (Uuid, Instant)>>,
}

/// Packages on this machine's disk.
#[derive(Default)]
struct Here {
    folders: HashMap<ContentHash, Folder>,
    /// Number of uses so far.
    uses: u64,
}

struct Folder {
    bytes: u64,
    /// Value of `uses` at the last use.
    used: u64,
    /// Handles of the callers that have the package open. All of them share one value; an import of equal content adds
    /// another value.
    open: Vec<Weak<Imported>>,
}

impl SharedPackages {
    /// Packages in `blobs`. `local` keeps the packages in use, and others while they fit into `local_bytes_max`.
    ///
    /// # Errors
    /// If the directory of `local` cannot be read.
    pub fn new(
        blobs: Arc<dyn Blobs>,
        local: LocalPackages,
        local_bytes_max: Bytes,
    ) -> Result<SharedPackages, PackagesError> {
        let mut found: Vec<(SystemTime, ContentHash)> = Vec::new();
        for hash in local.hashes()? {
            let folder = local.folder(&hash);
            let meta = fs::metadata(&folder).map_err(failed("read the metadata of", &folder))?;
            found.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), hash));
        }
        // The modification times give the order in which the packages were used before the last stop.
        found.sort();
        let mut here = Here::default();
        for (_, hash) in found {
            here.used(hash, local.size(&hash)?.get());
        }
        let packages = SharedPackages {
            blobs,
            local,
            local_bytes_max: local_bytes_max.get(),
            here: Mutex::new(here),
            gates: Gates::default(),
            settled: Mutex::default(),
        };
        packages.make_room();
        Ok(packages)
    }

    /// Puts a new copy into the blob store.
    fn keep(&self, imported: &Imported) -> Result<PackageCopy, PackagesError> {
        keep(&self.local, self.blobs.as_ref(), imported)
    }

    /// Fetches a package from the blob store into the cache.
    fn fetch(&self, hash: &ContentHash) -> Result<(), PackagesError> {
        let mut damaged = None;
        for _ in 0..FETCHES_MAX {
            let mut copies = self.blobs.list(BlobKind::CopiesOf(*hash))?;
            // Newest first: if an older copy is damaged, a later import may have added a sound copy.
            copies.sort_by_key(|copy| copy.age);
            let mut vanished = false;
            for copy in copies {
                match self.fetch_copy(hash, &copy) {
                    Ok(true) => return Ok(()),
                    Ok(false) => {
                        tracing::warn!(package = %hash, blob = %copy.key, "the content of a blob does not match the hash in its key");
                        damaged = Some(copy.key);
                    }
                    // The copy was removed concurrently; a newer copy may exist by now.
                    Err(PackagesError::Blobs(BlobsError::Missing(_))) => vanished = true,
                    Err(error) => return Err(error),
                }
            }
            if !vanished {
                break;
            }
        }
        Err(match damaged {
            Some(blob) => PackagesError::Damaged {
                hash: *hash,
                source: format!("the content of blob {blob} does not match the hash").into(),
            },
            None => PackagesError::Missing(*hash),
        })
    }

    /// Fetches a copy into the cache. `false` if the blob does not contain the package.
    fn fetch_copy(&self, hash: &ContentHash, copy: &BlobInfo) -> Result<bool, PackagesError> {
        let mut packed = self.upload().map_err(failed("create a file in", self.local.directory()))?;
        let limits = UnpackLimits::default();
        let bytes_max = limits.total_bytes_max + limits.entries_max as u64 * TAR_ENTRY_BYTES;
        match self.blobs.get(&copy.key, packed.as_file_mut(), bytes_max) {
            Err(BlobsError::TooLarge { .. }) => return Ok(false),
            received => received?,
        };
        packed.flush().map_err(failed("write", packed.path()))?;
        self.local.adopt(hash, packed.path())
    }

    /// A package in memory: a remembered package, or a package that a caller has open.
    fn in_memory(&self, hash: &ContentHash) -> Option<Arc<Imported>> {
        if let Some(known) = self.local.opened(hash) {
            return Some(known);
        }
        // An open package may have been forgotten: for packages that were used later, or by an attempt to evict it.
        let open = locked(&self.here).folders.get(hash)?.open.iter().find_map(Weak::upgrade)?;
        self.local.remember(Arc::clone(&open));
        Some(open)
    }

    /// Records that a package is in the cache and in use. The caller holds the package's gate, or got the package from
    /// memory.
    fn note(&self, imported: &Arc<Imported>) -> Result<(), PackagesError> {
        let hash = imported.package.hash;
        let known = locked(&self.here).folders.get(&hash).map(|folder| folder.bytes);
        let bytes = match known {
            Some(bytes) => bytes,
            None => self.local.size(&hash)?.get(),
        };
        let mut here = locked(&self.here);
        let open = &mut here.used(hash, bytes).open;
        open.retain(|open| open.strong_count() > 0);
        let new = Arc::downgrade(imported);
        if !open.iter().any(|open| open.ptr_eq(&new)) {
            open.push(new);
        }
        // The modification time gives the order of use after a restart. If it cannot be set, the package only seems to
        // have been used earlier.
        let _ = File::open(imported.package.root()).and_then(|folder| folder.set_modified(now()));
        Ok(())
    }

    /// Evicts the least recently used packages until the remaining packages fit or no other package can be evicted.
    fn make_room(&self) {
        let mut passed_over = Vec::new();
        loop {
            let here = locked(&self.here);
            let bytes: u64 = here.folders.values().map(|folder| folder.bytes).sum();
            if bytes <= self.local_bytes_max {
                return;
            }
            let old = here.folders.iter().filter(|(hash, _)| !passed_over.contains(*hash));
            let Some(hash) = old.min_by_key(|(_, folder)| folder.used).map(|(hash, _)| *hash) else { return };
            drop(here);
            if !self.evict(&hash) {
                passed_over.push(hash);
            }
        }
    }

    /// Removes a package from the cache. `false` if it is open, is being opened, or cannot be removed.
    fn evict(&self, hash: &ContentHash) -> bool {
        let gate = self.gates.get_or_make(*hash, Mutex::default);
        let Ok(_alone) = gate.try_lock() else { return false };
        self.local.forget(hash);
        // The gate is held, so no other thread can read the package now. A thread that got it from memory before has a
        // handle, and without a handle it is not in memory any more.
        let is_open = |folder: &Folder| folder.open.iter().any(|open| open.strong_count() > 0);
        if locked(&self.here).folders.get(hash).is_none_or(is_open) {
            return false;
        }
        if let Err(error) = self.local.remove_folder(hash) {
            tracing::warn!(package = %hash, error = cupel_core::chain(&error), "cannot remove a package from the cache");
            return false;
        }
        locked(&self.here).folders.remove(hash);
        true
    }
}

/// Puts a package from a local directory into the blob store if the store has no copy of it. Used when an installation
/// moves from one machine to several.
///
/// # Errors
/// If the package is not in the directory, or cannot be put into the blob store.
pub fn share_package(local: &LocalPackages, blobs: &dyn Blobs, hash: &ContentHash) -> Result<(), PackagesError> {
    if blobs.list(BlobKind::CopiesOf(*hash))?.is_empty() {
        keep(local, blobs, local.open(hash)?.as_ref())?;
    }
    Ok(())
}

fn keep(local: &LocalPackages, blobs: &dyn Blobs, imported: &Imported) -> Result<PackageCopy, PackagesError> {
    let copy = PackageCopy { hash: imported.package.hash, id: Uuid::new_v4() };
    let mut packed = local.upload().map_err(failed("create a file in", local.directory()))?;
    pack(&imported.package, packed.as_file_mut()).map_err(|error| PackagesError::Directory {
        action: error.action,
        path: error.path,
        source: error.source,
    })?;
    packed.rewind().map_err(failed("read", packed.path()))?;
    blobs.put(&key(&copy), packed.as_file_mut())?;
    Ok(copy)
}

impl Here {
    fn used(&mut self, hash: ContentHash, bytes: u64) -> &mut Folder {
        self.uses += 1;
        let folder = self.folders.entry(hash).or_insert(Folder { bytes, used: 0, open: Vec::new() });
        folder.used = self.uses;
        folder
    }
}

impl Packages for SharedPackages {
    fn import(&self, source: &Path) -> Result<Taken, TakeError> {
        let unpacked = self.local.unpack(source)?;
        let hash = unpacked.imported.package.hash;
        let imported = {
            let gate = self.gates.get_or_make(hash, Mutex::default);
            let _alone = locked(&gate);
            let imported = self.local.place(unpacked)?;
            self.note(&imported)?;
            imported
        };
        self.make_room();
        let settled = locked(&self.settled).get(&hash).copied();
        if let Some((id, kept_at)) = settled.filter(|(_, at)| at.elapsed() < SETTLED_WITHIN / 2) {
            return Ok(Taken { imported, copy: PackageCopy { hash, id }, kept_at, is_own: false });
        }
        let kept_at = Instant::now();
        let copy = self.keep(&imported)?;
        Ok(Taken { imported, copy, kept_at, is_own: true })
    }

    fn settle(&self, taken: &Taken) -> Result<(), PackagesError> {
        let mut copy = (taken.copy.id, taken.kept_at);
        if taken.kept_at.elapsed() > SETTLED_WITHIN {
            let now = Instant::now();
            copy = (self.keep(&taken.imported)?.id, now);
        }
        let mut settled = locked(&self.settled);
        settled.retain(|_, (_, at)| at.elapsed() < SETTLED_WITHIN);
        settled.insert(taken.copy.hash, copy);
        Ok(())
    }

    fn discard(&self, taken: &Taken, _is_named: bool) -> Result<(), PackagesError> {
        // While the copy is young, only the process that made it relies on it.
        if taken.is_own && taken.kept_at.elapsed() < SETTLED_WITHIN { self.remove(&[taken.copy]) } else { Ok(()) }
    }

    fn opened(&self, hash: &ContentHash) -> Option<Arc<Imported>> {
        let opened = self.in_memory(hash)?;
        // A folder of unknown size would be measured, which may take long.
        let is_known = locked(&self.here).folders.contains_key(hash);
        (is_known && self.local.is_here(hash) && self.note(&opened).is_ok()).then_some(opened)
    }

    fn open(&self, hash: &ContentHash) -> Result<Arc<Imported>, PackagesError> {
        let gate = self.gates.get_or_make(*hash, Mutex::default);
        let alone = locked(&gate);
        let is_here = self.local.is_here(hash);
        if !is_here {
            self.local.forget(hash);
            self.fetch(hash)?;
        }
        let known = if is_here { self.in_memory(hash) } else { None };
        let opened = match known.map_or_else(|| self.local.open(hash), Ok) {
            Err(error @ PackagesError::Damaged { .. }) if is_here => {
                tracing::warn!(
                    error = cupel_core::chain(&error),
                    "a package in the cache is damaged; fetching it again from the blob store"
                );
                self.local.remove_folder(hash)?;
                self.fetch(hash)?;
                self.local.open(hash)?
            }
            opened => opened?,
        };
        self.note(&opened)?;
        drop(alone);
        self.make_room();
        Ok(opened)
    }

    fn exists(&self, hash: &ContentHash) -> Result<bool, PackagesError> {
        Ok(self.local.exists(hash)? || !self.blobs.list(BlobKind::CopiesOf(*hash))?.is_empty())
    }

    fn missing(&self, of: &[ContentHash]) -> Result<Vec<ContentHash>, PackagesError> {
        // One list of all blobs takes less time than a list for each package.
        let blobs = self.blobs.list(BlobKind::Packages)?;
        let stored: HashSet<ContentHash> = blobs.iter().filter_map(|blob| hash_of(&blob.key)).collect();
        Ok(of.iter().filter(|hash| !stored.contains(hash) && !self.local.is_here(hash)).copied().collect())
    }

    fn size(&self, hash: &ContentHash) -> Result<Bytes, PackagesError> {
        let opened = self.open(hash)?;
        let size = self.local.size(hash);
        drop(opened);
        size
    }

    fn removable(&self, of: Option<&[ContentHash]>) -> Result<Vec<Removable>, PackagesError> {
        let mut found = Vec::new();
        match of {
            None => found = self.blobs.list(BlobKind::Packages)?,
            Some(hashes) => {
                for hash in hashes {
                    found.extend(self.blobs.list(BlobKind::CopiesOf(*hash))?);
                }
            }
        }
        Ok(removable(found))
    }

    fn remove(&self, copies: &[PackageCopy]) -> Result<(), PackagesError> {
        // The folder on this machine is a cache entry, and is evicted when space is needed.
        copies.iter().try_for_each(|copy| Ok(self.blobs.remove(&key(copy))?))
    }

    fn upload(&self) -> std::io::Result<tempfile::NamedTempFile> {
        self.local.upload()
    }

    fn tidy(&self) -> Result<u64, PackagesError> {
        self.local.tidy()
    }
}

impl std::fmt::Debug for SharedPackages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedPackages").field("local", &self.local).finish_non_exhaustive()
    }
}

/// Copies that are old enough to be removed. If a package has several such copies, all but the newest are spare.
fn removable(mut found: Vec<BlobInfo>) -> Vec<Removable> {
    found.retain(|blob| blob.age > REMOVABLE_AFTER);
    let copies = found.into_iter().filter_map(|blob| match blob.key {
        BlobKey::Package { hash, copy } => Some((hash, blob.age, copy)),
        BlobKey::Artifacts(_) | BlobKey::Data(_) => None,
    });
    let mut copies: Vec<_> = copies.collect();
    copies.sort();
    let mut last = None;
    let copies = copies.into_iter().map(|(hash, _, id)| {
        let is_spare = last.replace(hash) == Some(hash);
        Removable { copy: PackageCopy { hash, id }, is_spare }
    });
    copies.collect()
}

fn hash_of(key: &BlobKey) -> Option<ContentHash> {
    match key {
        BlobKey::Package { hash, copy: _ } => Some(*hash),
        BlobKey::Artifacts(_) | BlobKey::Data(_) => None,
    }
}

fn key(copy: &PackageCopy) -> BlobKey {
    BlobKey::Package { hash: copy.hash, copy: copy.id }
}

#[expect(clippy::disallowed_methods, reason = "a time stamp of the file system, not of the domain")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_old_copies_are_removable_and_all_but_the_newest_of_them_are_spare() {
        let hash = |n| ContentHash::from_bytes([n; 32]);
        let blob = |n, id, minutes: u64| BlobInfo {
            key: BlobKey::Package { hash: hash(n), copy: Uuid::from_u128(id) },
            bytes: 1,
            age: Duration::from_secs(60 * minutes),
        };
        let found = removable(vec![blob(1, 1, 59), blob(2, 2, 300), blob(1, 3, 61), blob(2, 4, 90), blob(2, 5, 10)]);
        let listed: Vec<_> = found.iter().map(|one| (one.copy.hash, one.copy.id.as_u128(), one.is_spare)).collect();
        assert_eq!(listed, [(hash(1), 3, false), (hash(2), 4, false), (hash(2), 2, true)]);
    }
}
