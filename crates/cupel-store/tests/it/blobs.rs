//! Blob stores keep the rules of every blob store, and some of their own.

mod directory {
    use std::fs;

    use cupel_core::{BlobKey, BlobKind, Blobs, BlobsError};
    use cupel_store::DirectoryBlobs;
    use cupel_testkit::Subject;
    use cupel_types::ContentHash;

    fn make() -> Subject<DirectoryBlobs> {
        let folder = tempfile::tempdir().unwrap();
        Subject::keeping(DirectoryBlobs::open(folder.path()).unwrap(), folder)
    }

    cupel_testkit::blobs_conformance!(make);

    #[test]
    fn a_directory_that_is_not_mounted_is_no_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let (root, unmounted) = (folder.path().join("blobs"), folder.path().join("unmounted"));
        assert!(DirectoryBlobs::open(&root).is_err(), "it is not made");
        fs::create_dir(&root).unwrap();
        let blobs = DirectoryBlobs::open(&root).unwrap();
        let key = BlobKey::Artifacts(ContentHash::from_bytes([1; 32]));
        blobs.put(&key, &mut b"x".as_slice()).unwrap();
        fs::rename(&root, &unmounted).unwrap();
        fs::create_dir(&root).unwrap();
        for answer in [
            blobs.has(&key).map(drop),
            blobs.get(&key, &mut Vec::new(), 1).map(drop),
            blobs.put(&key, &mut b"x".as_slice()),
            blobs.remove(&key),
            blobs.list(BlobKind::Artifacts).map(drop),
        ] {
            assert!(matches!(answer, Err(BlobsError::Store { .. })), "{answer:?}");
        }
        assert!(fs::read_dir(&root).unwrap().next().is_none(), "nothing is put below the mount");
        fs::remove_dir(&root).unwrap();
        fs::rename(&unmounted, &root).unwrap();
        assert!(blobs.has(&key).unwrap());
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone_and_foreign_files_are_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes"), b"x").unwrap();
        assert!(DirectoryBlobs::open(folder.path()).is_err());
        fs::remove_file(folder.path().join("notes")).unwrap();
        let blobs = DirectoryBlobs::open(folder.path()).unwrap();
        fs::create_dir_all(folder.path().join("artifacts/00")).unwrap();
        fs::write(folder.path().join("artifacts/00/notes"), b"x").unwrap();
        fs::write(folder.path().join(".putting-of-a-node-that-died"), b"half").unwrap();
        assert_eq!(blobs.list(BlobKind::Artifacts).unwrap(), []);
    }
}
