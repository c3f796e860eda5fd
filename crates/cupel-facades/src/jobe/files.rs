//! The cache of files that clients send before a run and name by their own ids.
//!
//! As in the original, the cache may lose a file at any time: the client then gets 404 for its run, sends all files,
//! and repeats the run. Files are in the memory of this process, so a client of several API nodes must reach the same
//! node with all requests of one job. Unlike in the original, a file belongs to a user.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
// moka is maintained and licensed under MIT or Apache-2.0. It bounds the total size.
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use cupel_types::UserId;

use crate::lenient_base64::LENIENT;

/// Maximum size of all files together, in bytes.
const BYTES_MAX: u64 = 256 << 20;

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
pub(super) struct Files(Cache<(UserId, FileId), Arc<[u8]>>);

impl Default for Files {
    fn default() -> Files {
        Files::with_room(BYTES_MAX)
    }
}

impl Files {
    /// A cache for files of this size together, in bytes.
    fn with_room(bytes_max: u64) -> Files {
        let size = |(_, id): &(UserId, FileId), contents: &Arc<[u8]>| {
            u32::try_from(ENTRY_BYTES + id.len() + contents.len()).unwrap_or(u32::MAX)
        };
        // The file that was not used for the longest time is evicted. The default policy would instead reject a new
        // file while the older files were used more often: the client would send it again and again in vain.
        let cache = Cache::builder().eviction_policy(EvictionPolicy::lru()).weigher(size).max_capacity(bytes_max);
        Files(cache.time_to_idle(IDLE_MAX).build())
    }

    pub(super) fn put(&self, user: UserId, id: FileId, contents: Vec<u8>) {
        self.0.insert((user, id), contents.into());
    }

    pub(super) fn get(&self, user: UserId, id: &FileId) -> Option<Arc<[u8]>> {
        self.0.get(&(user, id.clone()))
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

    #[test]
    fn a_new_file_replaces_the_one_that_was_not_used_for_the_longest_time() {
        const SIZE: usize = 4 << 10;
        let files = Files::with_room(8 * (SIZE as u64 + 1024));
        let user = UserId::from_uuid(uuid::Uuid::from_u128(1));
        let id = |n: usize| format!("{n:08}").parse::<FileId>().unwrap();
        let has = |n| files.get(user, &id(n)).is_some();
        for n in 0..8 {
            files.put(user, id(n), vec![0; SIZE]);
        }
        // A cache that prefers files that are used often would keep all of them.
        for n in (0..8).chain(0..8).chain(0..8) {
            assert!(has(n), "{n}");
        }
        files.0.run_pending_tasks();
        for n in 8..12 {
            files.put(user, id(n), vec![0; SIZE]);
            files.0.run_pending_tasks();
            assert!(has(n), "a file that was just sent is available");
        }
        assert!(!has(0) && has(7));
    }

    #[test]
    fn an_id_is_alphanumeric() {
        for bad in ["", "a-b", "a/b", "..", "é", &"a".repeat(257)] {
            assert!(bad.parse::<FileId>().is_err(), "{bad:?}");
        }
    }
}
