//! The entries that one thread writes to a slow tier. The queue is bounded in entries and in bytes, because the
//! programs of users produce entries faster than a disk or a blob store takes them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use cupel_judge::ArtifactKey;

use super::Entry;

/// Maximum number of entries that wait.
const ENTRIES_MAX: usize = 32;

/// Maximum size of all entries that wait or are being written, in bytes.
const BYTES_MAX: u64 = 256 << 20;

/// The queue and its thread.
#[derive(Debug)]
pub(super) struct WriteQueue {
    queue: SyncSender<(ArtifactKey, Entry)>,
    /// Size of all entries that wait or are being written, in bytes.
    bytes: Arc<AtomicU64>,
    /// Larger entries are not written.
    entry_max: u64,
    thread: JoinHandle<()>,
}

impl WriteQueue {
    /// Starts the thread, which calls `write` for each entry. It ends when the queue is dropped.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn start(
        name: &str,
        entry_max: u64,
        write: impl Fn(&ArtifactKey, &Entry) + Send + 'static,
    ) -> io::Result<WriteQueue> {
        let (queue, waiting) = sync_channel::<(ArtifactKey, Entry)>(ENTRIES_MAX);
        let bytes = Arc::new(AtomicU64::new(0));
        let written = Arc::clone(&bytes);
        let work = move || {
            for (key, entry) in waiting {
                write(&key, &entry);
                written.fetch_sub(entry.bytes(), Ordering::Relaxed);
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(WriteQueue { queue, bytes, entry_max, thread })
    }

    /// Adds an entry. An entry that is too large, or does not fit into the queue, is not written: then the tier is
    /// slower than the compilers.
    pub(super) fn offer(&self, key: ArtifactKey, entry: Entry) {
        let size = entry.bytes();
        if size > self.entry_max {
            return;
        }
        let more = |bytes: u64| Some(bytes.saturating_add(size)).filter(|bytes| *bytes <= BYTES_MAX);
        if self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
            && self.queue.try_send((key, entry)).is_err()
        {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
        }
    }

    /// Waits until each entry is written, or its writing has failed.
    pub(super) fn settle(self) {
        drop(self.queue);
        // A panic of the thread loses only cache entries, which may be lost at any time.
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use cupel_types::{BoxFile, BoxFiles, BoxPath};

    use super::super::FILE_COST;
    use super::*;

    /// What an entry with one file costs in addition to its data.
    const COST: u64 = FILE_COST + "main".len() as u64;

    /// An entry of this size whose bytes take no memory of their own.
    fn entry(data: &Arc<[u8]>) -> Entry {
        let file = BoxFile { path: BoxPath::new("main").unwrap(), data: Arc::clone(data), executable: true };
        Entry { files: BoxFiles::new(vec![file]), output: Arc::from([]) }
    }

    #[test]
    fn entries_that_wait_are_bounded_in_bytes() {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let written = Arc::new(AtomicU64::new(0));
        let (of_thread, counted) = (Arc::clone(&gate), Arc::clone(&written));
        let queue = WriteQueue::start("test", BYTES_MAX, move |_, entry| {
            let (open, changed) = &*of_thread;
            drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
            counted.fetch_add(entry.bytes(), Ordering::Relaxed);
        });
        let queue = queue.unwrap();
        let quarter: Arc<[u8]> = vec![0; usize::try_from(BYTES_MAX / 4 - COST).unwrap()].into();
        for n in 0..10 {
            queue.offer(ArtifactKey([n; 32]), entry(&quarter));
        }
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        queue.settle();
        assert_eq!(written.load(Ordering::Relaxed), BYTES_MAX, "4 of 10 entries");
    }

    #[test]
    fn an_entry_that_is_too_large_does_not_wait() {
        let written = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&written);
        let queue = WriteQueue::start("test", COST + 10, move |_, entry| {
            counted.fetch_add(entry.bytes(), Ordering::Relaxed);
        });
        let queue = queue.unwrap();
        queue.offer(ArtifactKey([1; 32]), entry(&vec![0; 11].into()));
        queue.offer(ArtifactKey([2; 32]), entry(&vec![0; 10].into()));
        queue.settle();
        assert_eq!(written.load(Ordering::Relaxed), COST + 10);
    }
}
