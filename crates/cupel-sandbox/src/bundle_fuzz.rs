//! Property tests of bundles. For arbitrary bytes, unpacking neither panics nor creates anything outside its directory.
//! For valid bundles, unpacking restores the files that were written. `PROPTEST_CASES` sets the number of cases.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use cupel_types::{BoxFile, BoxFiles, BoxPath};
use proptest::prelude::*;

use super::{unpack, write};

fn memfd(bytes: &[u8]) -> OwnedFd {
    let fd = rustix::fs::memfd_create("bundle", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    super::write_all(fd.as_fd(), bytes).unwrap();
    fd
}

/// The record of one file in a bundle, valid or not.
fn record(path: &str, data: &[u8], length: u64) -> Vec<u8> {
    let mut bytes = 1u32.to_le_bytes().to_vec();
    bytes.extend((path.len() as u32).to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(path.as_bytes());
    bytes.extend(data);
    bytes
}

fn bundle(records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = (records.len() as u32).to_le_bytes().to_vec();
    records.iter().for_each(|record| bytes.extend(record));
    bytes
}

/// Valid and invalid paths. `link` points outside the box.
fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("a"),
        Just("b"),
        Just("link"),
        Just(".."),
        Just("."),
        Just(""),
        Just("loop"),
        Just("\u{1}"),
        Just("ü x")
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.join("/"))
}

/// A directory that contains a box with links, and a directory `outside` that must stay empty.
fn places() -> (tempfile::TempDir, OwnedFd) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("box")).unwrap();
    std::fs::create_dir_all(dir.path().join("outside")).unwrap();
    std::os::unix::fs::symlink("../outside", dir.path().join("box/link")).unwrap();
    std::os::unix::fs::symlink("loop", dir.path().join("box/loop")).unwrap();
    let opened = std::fs::File::open(dir.path().join("box")).unwrap().into();
    (dir, opened)
}

fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Asserts that `dir` contains only `box` and `outside`, and that `outside` is empty.
fn nothing_outside(dir: &Path) {
    let names = |dir: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(dir), ["box", "outside"]);
    assert!(names(&dir.join("outside")).is_empty(), "{:?}", names(&dir.join("outside")));
}

#[test]
fn unpacking_refuses_paths_that_lead_out_of_the_box() {
    let (dir, opened) = places();
    for path in [
        "link/new/file",
        "link/file",
        "../new/file",
        "../file",
        "/tmp/cupel-was-here/file",
        "loop/x/file",
        "./x/../../file",
    ] {
        let refused = unpack(memfd(&bundle(&[record(path, b"x", 1)])).as_fd(), opened.as_fd(), me());
        assert!(refused.is_err(), "{path}");
    }
    nothing_outside(dir.path());
    assert!(!Path::new("/tmp/cupel-was-here").exists());
}

proptest! {
    #[test]
    fn no_bundle_creates_files_outside_the_box(bytes in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..400),
        // Records whose lengths are correct, too short, too long, or extremely large.
        proptest::collection::vec(
            (path(), proptest::collection::vec(any::<u8>(), 0..20), prop_oneof![0..40u64, Just(u64::MAX), Just(1u64 << 40)])
                .prop_map(|(path, data, length)| record(&path, &data, length)),
            0..8,
        ).prop_map(|records| bundle(&records)),
        proptest::collection::vec((path(), proptest::collection::vec(any::<u8>(), 0..20)), 0..8).prop_map(|files| {
            bundle(&files.iter().map(|(path, data)| record(path, data, data.len() as u64)).collect::<Vec<_>>())
        }),
    ]) {
        let (dir, opened) = places();
        let _ = unpack(memfd(&bytes).as_fd(), opened.as_fd(), me());
        nothing_outside(dir.path());
    }

    #[test]
    fn unpacking_restores_the_files_that_were_written(
        files in proptest::collection::btree_map("[a-c]{1,2}(/[d-f]{1,2}){0,3}", (proptest::collection::vec(any::<u8>(), 0..3000), any::<bool>()), 0..12),
    ) {
        // Remove files whose path is also a directory of another file.
        let is_dir = |path: &str| files.keys().any(|other| other.starts_with(&format!("{path}/")));
        let files: BTreeMap<_, _> = files.iter().filter(|(path, _)| !is_dir(path)).collect();
        let wanted: Vec<BoxFile> = files
            .iter()
            .map(|(path, (data, executable))| BoxFile { path: BoxPath::new(path).unwrap(), data: data.as_slice().into(), executable: *executable })
            .collect();
        let (dir, opened) = places();
        unpack(write(&BoxFiles::new(wanted)).unwrap().as_fd(), opened.as_fd(), me()).unwrap();
        for (path, (data, executable)) in files {
            use std::os::unix::fs::PermissionsExt;
            let unpacked = dir.path().join("box").join(path);
            prop_assert_eq!(&std::fs::read(&unpacked).unwrap(), data);
            prop_assert_eq!(std::fs::metadata(&unpacked).unwrap().permissions().mode() & 0o100 != 0, *executable);
        }
        nothing_outside(dir.path());
    }
}
