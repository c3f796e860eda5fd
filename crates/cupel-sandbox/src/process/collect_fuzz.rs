//! Property tests with random trees that a tenant could leave. Exactly the regular files with a valid name are
//! collected, complete and within the bounds, and never through a link. `PROPTEST_CASES` sets the number of cases.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use cupel_types::{BoxPath, Bytes};
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode};

use super::{send_files, send_matching};
use crate::wire::{self, CollectLimits, FromLane};

/// An entry of a directory.
#[derive(Clone, Debug)]
enum Node {
    File(Vec<u8>),
    Dir(BTreeMap<Vec<u8>, Node>),
    Link(&'static str),
    Fifo,
    Socket,
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => "[a-d]{1,2}".prop_map(String::into_bytes),
        1 => Just(b"...".to_vec()),
        1 => Just(b"-rf".to_vec()),
        1 => Just(b"new\nline".to_vec()),
        1 => Just(b"back\\slash".to_vec()),
        1 => Just(b"\xff\xfe".to_vec()),
        1 => Just(vec![b'n'; 255]),
    ]
}

fn tree() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..300).prop_map(Node::File),
        1 => prop_oneof![Just("/etc/passwd"), Just(".."), Just("."), Just("a"), Just("/"), Just("/proc/self/fd/0")].prop_map(Node::Link),
        1 => Just(Node::Fifo),
        1 => Just(Node::Socket),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| proptest::collection::btree_map(name(), inner, 0..6).prop_map(Node::Dir))
        .prop_map(|node| Node::Dir(BTreeMap::from([(b"top".to_vec(), node)])))
}

fn make(at: &Path, node: &Node) {
    match node {
        Node::File(data) => std::fs::write(at, data).unwrap(),
        Node::Link(to) => std::os::unix::fs::symlink(to, at).unwrap(),
        Node::Fifo => rustix::fs::mknodat(CWD, at, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap(),
        Node::Socket => rustix::fs::mknodat(CWD, at, FileType::Socket, Mode::from_raw_mode(0o666), 0).unwrap(),
        Node::Dir(entries) => {
            let _ = std::fs::create_dir(at);
            for (name, node) in entries {
                use std::os::unix::ffi::OsStrExt;
                make(&at.join(std::ffi::OsStr::from_bytes(name)), node);
            }
        }
    }
}

/// The regular files with a name that a client could request.
fn nameable(node: &Node, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    let Node::Dir(entries) = node else { return };
    for (name, node) in entries {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        if BoxPath::new(&path).is_err() {
            continue;
        }
        match node {
            Node::File(data) => {
                found.insert(path, data.clone());
            }
            other => nameable(other, &path, found),
        }
    }
}

/// The files that the receiver gets, and whether some were omitted.
fn collected(root: &Path, limits: CollectLimits) -> (BTreeMap<String, Vec<u8>>, bool) {
    let (files, more) = received(root, |dir, to| send_files(dir, "", limits, to).unwrap());
    let count = files.len();
    let files: BTreeMap<_, _> = files.into_iter().collect();
    assert_eq!(files.len(), count, "a file was sent twice");
    (files, more)
}

/// The files that are sent, in order.
fn received(root: &Path, send: impl FnOnce(BorrowedFd<'_>, BorrowedFd<'_>) -> bool) -> (Vec<(String, Vec<u8>)>, bool) {
    let (ours, theirs) = wire::socket_pair().unwrap();
    let dir = std::fs::File::open(root).unwrap();
    let more = send(dir.as_fd(), theirs.as_fd());
    drop(theirs);
    let mut files = Vec::new();
    let mut buffer = Vec::new();
    while let Some((message, descriptors)) = wire::receive::<FromLane>(ours.as_fd(), &mut buffer).unwrap() {
        let (FromLane::Files { names, .. } | FromLane::Found { names }) = message else { panic!("{message:?}") };
        assert_eq!(names.len(), descriptors.len());
        for (name, descriptor) in names.into_iter().zip(descriptors) {
            use std::io::Read;
            let mut data = Vec::new();
            std::fs::File::from(descriptor).read_to_end(&mut data).unwrap();
            files.push((name, data));
        }
    }
    (files, more)
}

proptest! {
    #[test]
    fn exactly_the_regular_files_within_the_bounds_are_collected(tree in tree(), files in 0..20u32, bytes in 0..3000u64) {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &tree);
        let mut wanted = BTreeMap::new();
        nameable(&tree, "", &mut wanted);

        let (found, more) = collected(dir.path(), CollectLimits { files: 1000, bytes: Bytes::mib(1), after_failure: false });
        prop_assert!(!more);
        prop_assert_eq!(&found, &wanted);

        let (some, more) = collected(dir.path(), CollectLimits { files, bytes: Bytes::new(bytes), after_failure: false });
        prop_assert!(some.len() <= files as usize && some.values().map(|data| data.len() as u64).sum::<u64>() <= bytes);
        prop_assert!(some.iter().all(|(name, data)| wanted.get(name) == Some(data)));
        prop_assert_eq!(more, some.len() < wanted.len());
    }

    #[test]
    fn exactly_the_matching_files_are_found_and_the_first_by_path_are_sent(tree in tree(), files_max in 0..20u32) {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &tree);
        let mut all = BTreeMap::new();
        nameable(&tree, "", &mut all);
        let patterns = ["a*", "top/**/[b]", "top/*/?"].map(str::to_owned);
        let wanted: Vec<_> =
            all.into_iter().filter(|(path, _)| patterns.iter().any(|one| cupel_glob::matches(one, path))).collect();

        let (found, more) = received(dir.path(), |dir, to| send_matching(dir, &patterns, files_max, to).unwrap());
        let most = wanted.len().min(files_max as usize);
        prop_assert_eq!(&found, &wanted[..most]);
        prop_assert_eq!(more, most < wanted.len());
    }
}
