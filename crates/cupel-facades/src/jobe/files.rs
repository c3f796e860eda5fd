//! The cache of files that clients send before a run and name by their own ids.
//!
//! As in the original, the cache may lose a file at any time: the client then gets 404 for its run, sends all files,
//! and repeats the run. Files are in the memory of this process, so a client of several API nodes must reach the same
//! node with all requests of one job. Unlike in the original, a file belongs to a user.
//!
//! *Invariant:* the files together have at most [`BYTES_MAX`]. If a new file does not fit, files of the user with the
//! most bytes are removed, so that no user removes the files of users who have less. Guests with one share of the queue
//! ([`UserId::share`]) count as one user.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use cupel_types::UserId;

use crate::lenient_base64::LENIENT;

/// Maximum size of all files together, in bytes.
const BYTES_MAX: usize = 256 << 20;

/// Size that is charged for a file in addition to its contents, in bytes. It also bounds the number of files.
const ENTRY_BYTES: usize = 512;

/// A file is removed if no run uses it for this time; two days, as in the original.
const IDLE_MAX: Duration = Duration::from_secs(2 * 24 * 3600);

/// A client's id of a file: letters and digits. CodeRunner uses the MD5 of the contents, which is not verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId(String);

impl FileId {
    const LENGTH_MAX: usize = 256;

    /// Number of characters.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromStr for FileId {
    type Err = ();

    fn from_str(text: &str) -> Result<FileId, ()> {
        let is_id = (1..=FileId::LENGTH_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if is_id { Ok(FileId(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The files of all users.
#[derive(Clone)]
pub(super) struct Files(Arc<Mutex<State>>);

/// A file's owner, and the owner's id of the file.
type Key = (UserId, FileId);

#[derive(Default)]
struct State {
    bytes_max: usize,
    /// Size of all files.
    bytes: usize,
    files: HashMap<Key, File>,
    /// Number of uses so far. A file's last use has this number.
    uses: u64,
    /// The files, in the order of their last uses.
    order: BTreeMap<u64, Key>,
    shares: HashMap<UserId, Share>,
    /// The shares by size, smallest first.
    sizes: BTreeSet<(usize, UserId)>,
}

struct File {
    contents: Arc<[u8]>,
    use_number: u64,
    used_at: Instant,
}

/// The files of one user, or of the guests that count as one.
#[derive(Default)]
struct Share {
    bytes: usize,
    /// The files, in the order of their last uses.
    order: BTreeMap<u64, Key>,
}

impl Default for Files {
    fn default() -> Files {
        Files::with_room(BYTES_MAX)
    }
}

impl Files {
    /// A cache for files of this size together, in bytes.
    fn with_room(bytes_max: usize) -> Files {
        Files(Arc::new(Mutex::new(State { bytes_max, ..State::default() })))
    }

    pub(super) fn put(&self, user: UserId, id: FileId, contents: Vec<u8>) {
        self.put_at(Instant::now(), user, id, contents);
    }

    fn put_at(&self, now: Instant, user: UserId, id: FileId, contents: Vec<u8>) {
        let (key, contents): (Key, Arc<[u8]>) = ((user, id), contents.into());
        let mut state = self.state();
        state.remove_idle(now);
        state.remove(&key);
        let size = charge(&key, &contents);
        if size > state.bytes_max {
            return;
        }
        while state.bytes + size > state.bytes_max {
            state.evict(user.share(), size);
        }
        state.insert(key, contents, now);
    }

    pub(super) fn get(&self, user: UserId, id: &FileId) -> Option<Arc<[u8]>> {
        self.get_at(Instant::now(), user, id)
    }

    fn get_at(&self, now: Instant, user: UserId, id: &FileId) -> Option<Arc<[u8]>> {
        let mut state = self.state();
        state.remove_idle(now);
        let key = (user, id.clone());
        let contents = state.remove(&key)?;
        state.insert(key, Arc::clone(&contents), now);
        Some(contents)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Size that is charged for a file.
fn charge((_, id): &Key, contents: &[u8]) -> usize {
    ENTRY_BYTES + id.len() + contents.len()
}

impl State {
    fn insert(&mut self, key: Key, contents: Arc<[u8]>, used_at: Instant) {
        let (size, share) = (charge(&key, &contents), key.0.share());
        self.uses += 1;
        let use_number = self.uses;
        self.shares.entry(share).or_default().order.insert(use_number, key.clone());
        self.resize(share, |bytes| bytes + size);
        self.order.insert(use_number, key.clone());
        self.files.insert(key, File { contents, use_number, used_at });
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<[u8]>> {
        let File { contents, use_number, .. } = self.files.remove(key)?;
        let share = key.0.share();
        self.order.remove(&use_number);
        if let Some(share) = self.shares.get_mut(&share) {
            share.order.remove(&use_number);
        }
        self.resize(share, |bytes| bytes - charge(key, &contents));
        Some(contents)
    }

    /// Changes the size of a share. A share without files has no entry.
    fn resize(&mut self, id: UserId, change: impl FnOnce(usize) -> usize) {
        let Some(share) = self.shares.get_mut(&id) else { return };
        let before = share.bytes;
        share.bytes = change(before);
        let after = share.bytes;
        self.bytes = self.bytes - before + after;
        self.sizes.remove(&(before, id));
        if after == 0 {
            self.shares.remove(&id);
        } else {
            self.sizes.insert((after, id));
        }
    }

    /// Removes the file that was not used for the longest time: of the share with the most bytes, or of `own` if that
    /// share will have as many with its new file of this size.
    fn evict(&mut self, own: UserId, new: usize) {
        let Some((most, largest)) = self.sizes.last().copied() else { return };
        let own_bytes = self.shares.get(&own).map_or(0, |share| share.bytes);
        let share = if own_bytes > 0 && own_bytes + new >= most { own } else { largest };
        let oldest = self.shares.get(&share).and_then(|share| share.order.first_key_value());
        if let Some(key) = oldest.map(|(_, key)| key.clone()) {
            self.remove(&key);
        }
    }

    fn remove_idle(&mut self, now: Instant) {
        while let Some((_, key)) = self.order.first_key_value() {
            let used_at = self.files.get(key).map(|file| file.used_at);
            if used_at.is_some_and(|used_at| now.saturating_duration_since(used_at) < IDLE_MAX) {
                return;
            }
            let key = key.clone();
            self.remove(&key);
        }
    }
}

/// Decodes as PHP does in strict mode: white space is skipped, padding may be absent.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let data: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    LENIENT.decode(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict_except_for_white_space_and_padding() {
        for (text, expected) in [
            ("YWJj", Some(&b"abc"[..])),
            (" YW\r\nJj\t", Some(b"abc")),
            ("YQ", Some(b"a")),
            ("YQ==", Some(b"a")),
            ("", Some(b"")),
            ("YW-j", None),
            ("YW=j", None),
            ("Y", None),
            ("é", None),
        ] {
            assert_eq!(decode(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_is_visible_to_its_user_only() {
        let files = Files::default();
        let [ada, bob] = [1, 2].map(|n| UserId::from_uuid(uuid::Uuid::from_u128(n)));
        let id: FileId = "d41d8cd98f00b204e9800998ecf8427e".parse().unwrap();
        files.put(ada, id.clone(), b"one".to_vec());
        files.put(ada, id.clone(), b"two".to_vec());
        assert_eq!(files.get(ada, &id).as_deref(), Some(&b"two"[..]), "the last upload remains");
        assert_eq!(files.get(bob, &id), None);
    }

    /// Charge for each file of the following tests.
    const SIZE: usize = 4 << 10;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn id(n: usize) -> FileId {
        format!("{n:08}").parse().unwrap()
    }

    fn contents() -> Vec<u8> {
        vec![0; SIZE - ENTRY_BYTES - 8]
    }

    /// The ids of the files that a user has.
    fn of(files: &Files, user: UserId) -> Vec<usize> {
        let state = files.state();
        (0..100).filter(|n| state.files.contains_key(&(user, id(*n)))).collect()
    }

    #[test]
    fn a_new_file_replaces_the_one_that_was_not_used_for_the_longest_time() {
        let files = Files::with_room(8 * SIZE);
        let user = user(1);
        for n in 0..8 {
            files.put(user, id(n), contents());
        }
        assert!(files.get(user, &id(0)).is_some());
        for n in 8..12 {
            files.put(user, id(n), contents());
        }
        assert_eq!(of(&files, user), [0, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(files.state().bytes, 8 * SIZE);
    }

    #[test]
    fn a_user_removes_only_the_files_of_users_who_have_more() {
        let files = Files::with_room(8 * SIZE);
        for (n, count) in [(1, 2), (2, 6)] {
            (0..count).for_each(|file| files.put(user(n), id(file), contents()));
        }
        for file in 0..20 {
            files.put(user(3), id(file), contents());
        }
        let left = [1, 2, 3].map(|n| of(&files, user(n)));
        assert_eq!(left, [vec![0, 1], vec![3, 4, 5], vec![17, 18, 19]]);
        for file in 20..40 {
            files.put(user(2), id(file), contents());
        }
        let left = [1, 2, 3].map(|n| of(&files, user(n)).len());
        assert_eq!(left, [2, 3, 3]);
        assert_eq!(files.state().bytes, 8 * SIZE);
    }

    #[test]
    fn a_file_that_was_just_sent_is_kept_even_if_it_is_the_largest() {
        let files = Files::with_room(8 * SIZE);
        for n in 1..=8 {
            files.put(user(n), id(1), contents());
        }
        files.put(user(9), id(1), vec![0; 3 * SIZE]);
        assert!(files.get(user(9), &id(1)).is_some());
        files.put(user(9), id(2), vec![0; 9 * SIZE]);
        assert_eq!(of(&files, user(9)), [1], "a file that never fits removes no others");
    }

    #[test]
    fn a_file_that_is_not_used_is_removed() {
        let files = Files::default();
        let now = Instant::now();
        for n in 0..2 {
            files.put_at(now, user(1), id(n), contents());
        }
        assert!(files.get_at(now + IDLE_MAX / 2, user(1), &id(0)).is_some());
        assert!(files.get_at(now + IDLE_MAX, user(1), &id(0)).is_some());
        assert_eq!(of(&files, user(1)), [0]);
        assert!(files.get_at(now + 2 * IDLE_MAX, user(1), &id(0)).is_none());
        let state = files.state();
        assert!(state.bytes == 0 && state.shares.is_empty() && state.sizes.is_empty() && state.order.is_empty());
    }

    #[test]
    fn an_id_is_alphanumeric() {
        for bad in ["", "a-b", "a/b", "..", "é", &"a".repeat(257)] {
            assert!(bad.parse::<FileId>().is_err(), "{bad:?}");
        }
    }
}
