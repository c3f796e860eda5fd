//! Packages on the disk: complete or absent, stored once each, and unchanged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use cupel_core::Packages;
use cupel_core::problems::{PackagesError, Removable, TakeError};
use cupel_package::ImportError;
use cupel_store::LocalPackages;

struct PackageFixture {
    directory: tempfile::TempDir,
}

impl PackageFixture {
    fn new() -> PackageFixture {
        PackageFixture { directory: tempfile::tempdir().unwrap() }
    }

    fn packages(&self) -> LocalPackages {
        LocalPackages::open(&self.directory(), cupel_testkit::registry()).unwrap()
    }

    fn directory(&self) -> PathBuf {
        self.directory.path().join("packages")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// A package with one secret test, whose answer is `answer`.
    fn source(&self, answer: &str) -> PathBuf {
        let root = self.directory.path().join(format!("source-{answer}"));
        for (path, text) in [
            ("problem.toml", "title = \"Echo\"\nslug = \"echo\"\n[limits]\ntime = 1.0\n"),
            ("statement.md", "Print what you read.\n"),
            ("tests/sample/1.in", "a\n"),
            ("tests/sample/1.out", "a\n"),
            ("tests/secret/1.in", "b\n"),
            ("tests/secret/1.out", answer),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }
}

#[test]
fn a_package_imported_repeatedly_is_stored_once_under_its_hash() {
    let fixture = PackageFixture::new();
    let packages = fixture.packages();
    let hash = packages.import(&fixture.source("b\n")).unwrap().copy.hash;
    let again = packages.import(&fixture.source("b\n")).unwrap().imported;
    assert_eq!((again.package.hash, fixture.names()), (hash, vec![hash.to_string()]));
    assert_eq!(again.package.root(), fixture.directory().join(hash.to_string()));
    let other = packages.import(&fixture.source("c\n")).unwrap().copy.hash;
    assert_eq!((other != hash, fixture.names().len()), (true, 2));
}

#[test]
fn a_package_opens_unchanged_after_a_restart() {
    let fixture = PackageFixture::new();
    let imported = fixture.packages().import(&fixture.source("b\n")).unwrap().imported.package.clone();
    let opened = fixture.packages().open(&imported.hash).unwrap().package.clone();
    assert_eq!(opened.hash, imported.hash);
    assert_eq!(opened.problem.slug.as_str(), "echo");
    assert_eq!(opened.problem.tests.cases().count(), 2);
}

#[test]
fn concurrent_requests_read_a_package_once() {
    let fixture = PackageFixture::new();
    let hash = fixture.packages().import(&fixture.source("b\n")).unwrap().copy.hash;
    let packages = fixture.packages();
    assert!(packages.opened(&hash).is_none(), "the package is not in memory yet");
    let (threads, begin) = (16, Barrier::new(16));
    let opened: Vec<_> = std::thread::scope(|scope| {
        let open = || {
            begin.wait();
            packages.open(&hash).unwrap()
        };
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(open)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(opened.iter().all(|one| Arc::ptr_eq(one, &opened[0])), "each thread has the same value");
    assert!(Arc::ptr_eq(&packages.opened(&hash).unwrap(), &opened[0]));
}

#[test]
fn a_package_changed_on_the_disk_does_not_open() {
    let fixture = PackageFixture::new();
    let imported = fixture.packages().import(&fixture.source("b\n")).unwrap().imported.package.clone();
    fs::write(imported.root().join("tests/secret/1.out"), "x\n").unwrap();
    assert!(matches!(fixture.packages().open(&imported.hash), Err(PackagesError::Damaged { .. })));
    fs::remove_dir_all(imported.root()).unwrap();
    assert!(
        matches!(fixture.packages().open(&imported.hash), Err(PackagesError::Missing(hash)) if hash == imported.hash)
    );
}

#[test]
fn a_refused_package_leaves_nothing_behind() {
    let fixture = PackageFixture::new();
    let source = fixture.source("b\n");
    fs::remove_file(source.join("tests/secret/1.out")).unwrap();
    let refused = fixture.packages().import(&source);
    assert!(matches!(refused, Err(TakeError::Import(ImportError::Refused(_)))), "{refused:?}");
    assert_eq!(fixture.names(), Vec::<String>::new());
}

#[test]
fn leftovers_are_removed_and_removable_packages_are_listed() {
    let fixture = PackageFixture::new();
    let packages = fixture.packages();
    let wanted = packages.import(&fixture.source("b\n")).unwrap().copy.hash;
    let unwanted = packages.import(&fixture.source("c\n")).unwrap();
    fs::create_dir_all(fixture.directory().join(".importing-x/package")).unwrap();
    drop(packages.upload().unwrap().keep().unwrap());
    assert_eq!(packages.tidy().unwrap(), 2);
    assert_eq!((fixture.names().len(), packages.removable(None).unwrap().len()), (2, 2));
    let listed = packages.removable(Some(&[unwanted.copy.hash])).unwrap();
    assert_eq!(listed, [Removable { copy: unwanted.copy, is_spare: false }]);
    packages.discard(&unwanted, true).unwrap();
    assert_eq!(fixture.names().len(), 2, "another problem refers to the package");
    packages.remove(&[unwanted.copy]).unwrap();
    packages.remove(&[unwanted.copy]).unwrap();
    assert_eq!(fixture.names(), [wanted.to_string()]);
    assert!(packages.open(&wanted).is_ok() && packages.open(&unwanted.copy.hash).is_err());
}

#[test]
fn an_upload_is_removed_when_it_is_dropped() {
    let fixture = PackageFixture::new();
    let packages = fixture.packages();
    let upload = packages.upload().unwrap();
    let path: &Path = upload.path();
    assert!(path.starts_with(fixture.directory()));
    drop(upload);
    assert_eq!(fixture.names(), Vec::<String>::new());
}
