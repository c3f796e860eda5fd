//! Keeps the bundles of recent programs in memory, so that the next run of the same program need not write a bundle.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use cupel_types::BoxFiles;

use crate::bundle;

/// Cache of the most recently used bundles. A compiled program that runs many times (for many test cases, or submitted
/// often) is written into memory once, as long as the cache keeps it. A bundle is sealed, so any number of cells can
/// read it.
#[derive(Debug, Default)]
pub(super) struct BundleCache(VecDeque<(BoxFiles, Arc<OwnedFd>)>);

impl BundleCache {
    const ENTRIES_MAX: usize = 8;
    const BYTES_MAX: u64 = 64 * 1024 * 1024;

    pub(super) fn get(&mut self, files: &BoxFiles) -> io::Result<Arc<OwnedFd>> {
        if let Some(at) = self.0.iter().position(|(kept, _)| kept.is_same(files))
            && let Some(hit) = self.0.remove(at)
        {
            let bundle = hit.1.clone();
            self.0.push_back(hit);
            return Ok(bundle);
        }
        let bundle = Arc::new(bundle::write(files)?);
        self.0.push_back((files.clone(), bundle.clone()));
        let bytes =
            |entries: &VecDeque<(BoxFiles, Arc<OwnedFd>)>| entries.iter().map(|(f, _)| f.total_bytes()).sum::<u64>();
        while self.0.len() > Self::ENTRIES_MAX || bytes(&self.0) > Self::BYTES_MAX {
            self.0.pop_front();
        }
        Ok(bundle)
    }
}
