//! Each blob store passes the conformance tests and adapter-specific tests; a wrong setting is reported.

mod directory {
    use std::fs;

    use cupel_core::{BlobKey, BlobKind, Blobs, BlobsError};
    use cupel_store::{DirectoryBlobs, connect_blobs};
    use cupel_testkit::Subject;
    use cupel_types::ContentHash;
    use sha2::{Digest as _, Sha256};

    use super::wait;

    fn make() -> Subject<DirectoryBlobs> {
        let folder = tempfile::tempdir().unwrap();
        Subject::keeping(DirectoryBlobs::open(folder.path(), "one").unwrap(), folder)
    }

    cupel_testkit::blobs_conformance!(make);

    #[test]
    fn an_unmounted_directory_is_not_taken_for_an_empty_store() {
        let folder = tempfile::tempdir().unwrap();
        let (root, unmounted) = (folder.path().join("blobs"), folder.path().join("unmounted"));
        assert!(DirectoryBlobs::open(&root, "one").is_err(), "a missing directory is not created");
        fs::create_dir(&root).unwrap();
        let blobs = DirectoryBlobs::open(&root, "one").unwrap();
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
        assert!(fs::read_dir(&root).unwrap().next().is_none(), "nothing is written below the mount point");
        fs::remove_dir(&root).unwrap();
        fs::rename(&unmounted, &root).unwrap();
        assert!(blobs.has(&key).unwrap());
    }

    #[test]
    fn an_empty_directory_is_refused_if_the_store_names_packages() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().display());
        let connect = |has_packages| wait(connect_blobs(&url, None, "one", has_packages));
        fs::create_dir(folder.path().join("lost+found")).unwrap();
        let refused = connect(true).err().unwrap().to_string();
        assert!(refused.contains("is mounted") && refused.contains("`cupel-blobs`"), "{refused}");
        assert!(!folder.path().join("cupel-blobs").exists(), "nothing is written below a mount point");
        fs::write(folder.path().join("cupel-blobs"), b"").unwrap();
        connect(true).unwrap();
    }

    #[test]
    fn damaged_data_is_replaced_by_the_next_put() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = DirectoryBlobs::open(folder.path(), "one").unwrap();
        let bytes = b"what somebody sent";
        let key = BlobKey::Data(ContentHash::from_bytes(Sha256::digest(bytes).into()));
        let got = || {
            let mut got = Vec::new();
            blobs.get(&key, &mut got, 100).map(|_| got).unwrap()
        };
        blobs.put(&key, &mut bytes.as_slice()).unwrap();
        let path = folder.path().join(format!("one/{key}"));
        for damaged in [&b"what somebody"[..], b"", b"what somebody else"] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(got(), damaged);
            blobs.put(&key, &mut bytes.as_slice()).unwrap();
            assert_eq!(got(), bytes);
        }
    }

    #[test]
    fn a_directory_with_other_content_is_refused_and_foreign_files_are_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes"), b"x").unwrap();
        assert!(DirectoryBlobs::open(folder.path(), "one").is_err());
        fs::remove_file(folder.path().join("notes")).unwrap();
        let blobs = DirectoryBlobs::open(folder.path(), "one").unwrap();
        fs::create_dir_all(folder.path().join("one/artifacts/00")).unwrap();
        fs::write(folder.path().join("one/artifacts/00/notes"), b"x").unwrap();
        fs::write(folder.path().join(".putting-of-a-node-that-died"), b"half").unwrap();
        assert_eq!(blobs.list(BlobKind::Artifacts).unwrap(), []);
    }
}

mod postgres {
    use cupel_core::{BlobKey, BlobKind, Blobs, BlobsError};
    use cupel_store::{ConnectBlobsError, PostgresBlobs, PostgresBlobsError, connect_blobs};
    use cupel_testkit::Subject;
    use cupel_testkit::servers::Postgres;
    use cupel_types::ContentHash;

    use super::{chain, wait};

    fn make() -> Subject<PostgresBlobs> {
        Subject::new(PostgresBlobs::open(&wait(Postgres::shared().database()), "one").unwrap())
    }

    cupel_testkit::blobs_conformance!(make);

    fn key(n: u8) -> BlobKey {
        BlobKey::Artifacts(ContentHash::from_bytes([n; 32]))
    }

    #[test]
    fn clusters_do_not_see_each_others_blobs() {
        let url = wait(Postgres::shared().database());
        let (one, two) = (PostgresBlobs::open(&url, "one").unwrap(), PostgresBlobs::open(&url, "two").unwrap());
        one.put(&key(1), &mut b"x".as_slice()).unwrap();
        assert!(one.has(&key(1)).unwrap() && !two.has(&key(1)).unwrap());
        assert_eq!(two.list(BlobKind::Artifacts).unwrap(), []);
    }

    #[test]
    fn removed_and_duplicate_blobs_leave_no_chunks() {
        let server = Postgres::shared();
        let url = wait(server.database());
        let blobs = PostgresBlobs::open(&url, "one").unwrap();
        let bytes = vec![7; 3 << 20];
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| blobs.put(&key(1), &mut bytes.as_slice()).unwrap());
            }
        });
        let database = url.rsplit('/').next().unwrap();
        assert_eq!(server.psql(database, "SELECT count(*) FROM blob_chunks"), "3");
        blobs.remove(&key(1)).unwrap();
        assert_eq!(server.psql(database, "SELECT count(*) FROM blob_chunks"), "0");
    }

    #[test]
    fn nodes_that_start_concurrently_create_the_tables_once() {
        let url = wait(Postgres::shared().database());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| PostgresBlobs::open(&url, "one").unwrap());
            }
        });
    }

    #[test]
    fn a_server_that_is_down_is_an_error_and_is_used_again_after_a_restart() {
        let server = Postgres::start();
        let blobs = PostgresBlobs::open(&server.url(), "one").unwrap();
        blobs.put(&key(1), &mut b"x".as_slice()).unwrap();
        server.kill();
        for answer in [
            blobs.has(&key(1)).map(drop),
            blobs.get(&key(1), &mut Vec::new(), 1).map(drop),
            blobs.put(&key(2), &mut b"x".as_slice()),
            blobs.remove(&key(1)),
            blobs.list(BlobKind::Artifacts).map(drop),
        ] {
            assert!(matches!(answer, Err(BlobsError::Store { .. })), "{answer:?}");
        }
        server.start_again();
        let mut got = Vec::new();
        blobs.get(&key(1), &mut got, 1).unwrap();
        assert_eq!(got, b"x");
    }

    #[test]
    fn an_unusable_blob_database_is_reported_with_the_setting() {
        let server = Postgres::shared();
        let url = wait(server.database());
        assert!(matches!(wait(connect_blobs("postgres", None, "one", false)), Err(ConnectBlobsError::NoDatabase)));
        wait(connect_blobs("postgres", Some(&url), "one", false)).unwrap();
        server.psql(url.rsplit('/').next().unwrap(), "UPDATE blob_version SET version = 99");
        let newer = PostgresBlobs::open(&url, "one").unwrap_err();
        assert!(matches!(newer, PostgresBlobsError::Newer { found: 99 }), "{newer:?}");
        let wrong = url.replace("secret-of-the-tests", "wrong-password");
        let text = chain(&wait(connect_blobs("postgres", Some(&wrong), "one", false)).err().unwrap());
        assert!(text.starts_with("blobs.url: ") && text.contains("password authentication failed"), "{text}");
        assert!(!text.contains("wrong-password"), "{text}");
    }
}

mod s3 {
    use cupel_core::{BlobKey, BlobKind, Blobs, BlobsError};
    use cupel_store::{S3Blobs, connect_blobs};
    use cupel_testkit::Subject;
    use cupel_testkit::servers::S3;
    use cupel_types::ContentHash;

    use super::{chain, wait};

    fn make() -> Subject<S3Blobs> {
        Subject::new(S3Blobs::new(&S3::shared().bucket(), "one").unwrap())
    }

    cupel_testkit::blobs_conformance!(make);

    #[test]
    fn clusters_do_not_see_each_others_blobs() {
        let (url, key) = (S3::shared().bucket(), BlobKey::Artifacts(ContentHash::from_bytes([1; 32])));
        let (one, two) = (S3Blobs::new(&url, "one").unwrap(), S3Blobs::new(&url, "two").unwrap());
        one.put(&key, &mut b"x".as_slice()).unwrap();
        assert!(one.has(&key).unwrap() && !two.has(&key).unwrap());
        assert_eq!(two.list(BlobKind::Artifacts).unwrap(), []);
    }

    #[test]
    fn a_missing_bucket_and_a_server_that_is_down_are_errors() {
        let (server, key) = (S3::start(), BlobKey::Artifacts(ContentHash::from_bytes([1; 32])));
        let url = server.bucket();
        let blobs = wait(connect_blobs(&url, None, "one", false)).unwrap();
        let nowhere = server.url_of("nobody-made-this-one");
        let text = chain(&wait(connect_blobs(&nowhere, None, "one", false)).err().unwrap());
        assert!(text.starts_with("blobs.url: ") && text.contains("NoSuchBucket"), "{text}");
        assert!(!text.contains("secret-of-the-tests"), "{text}");
        let missing_bucket = S3Blobs::new(&nowhere, "one").unwrap();
        let got = missing_bucket.get(&key, &mut Vec::new(), 1);
        assert!(matches!(got, Err(BlobsError::Store { .. })), "{got:?}");
        server.kill();
        for answer in [
            blobs.has(&key).map(drop),
            blobs.get(&key, &mut Vec::new(), 1).map(drop),
            blobs.put(&key, &mut b"x".as_slice()),
            blobs.list(BlobKind::Artifacts).map(drop),
        ] {
            assert!(matches!(answer, Err(BlobsError::Store { .. })), "{answer:?}");
        }
    }
}

#[test]
fn a_wrong_blobs_url_is_reported_with_the_setting_and_valid_values() {
    for (url, expected) in [
        ("", "\"postgres\", s3://bucket/prefix or file:///directory"),
        ("http://bucket", "\"postgres\", s3://bucket/prefix or file:///directory"),
        ("file://srv", "file:///srv/cupel"),
        ("file:///nowhere/at/all", "mount it on every node"),
        ("s3:///prefix", "names no bucket"),
    ] {
        let text = chain(&wait(cupel_store::connect_blobs(url, None, "one", false)).err().unwrap());
        assert!(text.starts_with("blobs.url") && text.contains(expected), "{url}: {text}");
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    cupel_core::chain(error)
}

/// Runs a future to its end.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(answer)
}
