//! Large sources, inputs and outputs are stored in the blob store, transparently to callers.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cupel_core::accounts::NewUser;
use cupel_core::event::{Event, Seq};
use cupel_core::run::LeasedRun;
use cupel_core::{
    AccountStore as _, BlobKey, BlobKind, Blobs as _, GivenBack, NewSubmissions, RunStore, StoreError, chain,
};
use cupel_store::{DirectoryBlobs, SqlStore};
use cupel_testkit::servers::Postgres;
use cupel_testkit::{a_completion, a_submission, a_user, fresh, t0};
use cupel_types::{LeaseId, RunId, RunReport, Submission, SubmissionId, SubmissionKind, UserId, WorkerId};

use crate::postgres::open;
use crate::watched::Watched;

/// Maximum size of data in a row.
const MOST: usize = 64 << 10;

/// A database, and a blob store that can be made unreachable.
struct Site {
    url: String,
    blobs: Arc<Watched>,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let blobs = DirectoryBlobs::open(folder.path(), "cupel").unwrap();
        let blobs = Arc::new(Watched::new(blobs));
        Site { url: Postgres::shared().database().await, blobs, _folder: folder }
    }

    /// A new store, without the in-memory state of another node.
    async fn node(&self) -> SqlStore {
        open(&self.url).await.with_blobs(Arc::clone(&self.blobs) as _)
    }

    fn keys(&self) -> Vec<BlobKey> {
        self.blobs.list(BlobKind::Data).unwrap().iter().map(|blob| blob.key).collect()
    }
}

/// Pseudo-random bytes of a length.
fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|n| (n as u8).wrapping_mul(31).wrapping_add((n >> 8) as u8) ^ seed).collect()
}

async fn insert(store: &SqlStore, stdin: &[u8]) -> (Submission, RunId) {
    insert_by(store, a_user(), stdin).await
}

async fn insert_by(store: &SqlStore, user: NewUser, stdin: &[u8]) -> (Submission, RunId) {
    let owner = store.insert_user(user).await.unwrap().unwrap().id;
    let new: NewSubmissions = a_submission().by(owner).stdin(stdin).alone();
    let sent = new.submissions[0].clone();
    store.insert(new).await.unwrap();
    sent
}

async fn lease(store: &SqlStore, run: RunId) -> LeasedRun {
    let (lease, worker) = (LeaseId::from_uuid(fresh()), WorkerId::from_uuid(fresh()));
    store.lease(run, lease, worker, t0(), t0(), None).await.unwrap().expect("the run is queued")
}

async fn judge(store: &SqlStore, run: RunId, stdout: &[u8]) {
    let leased = lease(store, run).await;
    assert!(store.complete(run, leased.lease, a_completion(&leased, stdout, t0())).await.unwrap());
}

/// A submission as the store returns it: its stdin, its report and its events.
async fn stored(
    store: &dyn RunStore,
    id: SubmissionId,
) -> Result<(Vec<u8>, Option<RunReport>, Vec<Event>), StoreError> {
    let records = store.submissions(&[id, id]).await?;
    let [first, second] = &records[..] else { panic!("{} records", records.len()) };
    let record = store.submission(id).await?.unwrap();
    assert!([first, second].iter().all(|other| other.report == record.report));
    Ok((stdin(&record.submission).to_vec(), record.report, store.events(id, Seq::default()).await?))
}

fn stdin(submission: &Submission) -> &[u8] {
    let SubmissionKind::Program(program) = &submission.kind else { panic!("the submission is a program") };
    &program.stdin
}

/// Input and output of `length` bytes each result in `blobs` blobs.
#[tokio::test]
async fn large_data_is_stored_as_a_blob_and_read_back_unchanged() {
    for (length, blobs) in [(0, 0), (MOST / 2, 0), (4 * MOST, 2)] {
        let site = Site::new().await;
        let (here, there) = (site.node().await, site.node().await);
        let (stdin, stdout) = (bytes(length, 1), bytes(length, 2));
        let (sent, run) = insert(&here, &stdin).await;
        let leased = lease(&there, run).await;
        assert_eq!(self::stdin(&leased.submission), stdin);
        let done = a_completion(&leased, &stdout, t0());
        assert!(there.complete(run, leased.lease, done.clone()).await.unwrap());
        assert_eq!(site.keys().len(), blobs, "{length} bytes");

        let (input, report, events) = stored(&here, sent.id).await.unwrap();
        assert_eq!((input, report), (stdin, Some(done.report)));
        assert_eq!(events[1..], done.events);
    }
}

#[tokio::test]
async fn equal_bytes_are_one_blob() {
    let site = Site::new().await;
    let store = site.node().await;
    let (first, _) = insert(&store, &bytes(2 * MOST, 1)).await;
    let (second, _) = insert(&store, &bytes(2 * MOST, 1)).await;
    assert_ne!(first.id, second.id);
    assert_eq!(site.keys().len(), 1);
}

/// A guest's submissions are deleted, and a blob would stay.
#[tokio::test]
async fn large_data_of_guests_stays_in_the_row() {
    let site = Site::new().await;
    let store = site.node().await;
    let mut guest = a_user();
    guest.user.id = UserId::of_guest(fresh(), 1);
    let (sent, run) = insert_by(&store, guest, &bytes(2 * MOST, 1)).await;
    judge(&site.node().await, run, &bytes(2 * MOST, 2)).await;
    assert_eq!(site.keys(), []);
    let (input, report, _) = stored(&site.node().await, sent.id).await.unwrap();
    assert_eq!((input, report.is_some()), (bytes(2 * MOST, 1), true));
}

#[tokio::test]
async fn without_the_blob_store_large_data_stays_in_the_row() {
    let site = Site::new().await;
    let store = site.node().await;
    site.blobs.is_away.store(true, Ordering::Relaxed);
    let (sent, run) = insert(&store, &bytes(2 * MOST, 1)).await;
    judge(&site.node().await, run, &bytes(2 * MOST, 2)).await;
    assert_eq!(site.keys(), []);
    let (with, without) =
        (stored(&store, sent.id).await.unwrap(), stored(&open(&site.url).await, sent.id).await.unwrap());
    assert_eq!(with, without);
}

/// If a worker cannot read a blob, it gives the run back, and another worker gets the run.
#[tokio::test]
async fn an_unreadable_blob_is_an_internal_error_that_names_the_cause() {
    let site = Site::new().await;
    let (sent, run) = insert(&site.node().await, &bytes(2 * MOST, 1)).await;
    let refused = async |may_pass: bool, why: &str| {
        let error = stored(&site.node().await, sent.id).await.unwrap_err();
        let text = chain(&error).to_string();
        assert!(error.transient == may_pass && text.contains(why), "{text}");
    };
    site.blobs.is_away.store(true, Ordering::Relaxed);
    refused(true, "connection refused").await;
    let node = site.node().await;
    let (taken, worker) = (LeaseId::from_uuid(fresh()), WorkerId::from_uuid(fresh()));
    assert!(node.lease(run, taken, worker, t0(), t0(), None).await.unwrap_err().transient);
    let given = GivenBack { lost_attempt: false, why: String::new(), now: t0(), due: t0(), attempts_max: 3 };
    node.give_back(run, taken, given).await.unwrap().unwrap();
    site.blobs.is_away.store(false, Ordering::Relaxed);
    assert_eq!(stdin(&lease(&node, run).await.submission), bytes(2 * MOST, 1));

    let blob = site.keys()[0];
    site.blobs.remove(&blob).unwrap();
    site.blobs.put(&blob, &mut Cursor::new(bytes(2 * MOST, 9))).unwrap();
    refused(false, "its content does not match its hash").await;
    site.blobs.remove(&blob).unwrap();
    refused(false, "the blob store has no data/").await;
    let error = stored(&open(&site.url).await, sent.id).await.unwrap_err();
    assert!(chain(&error).to_string().contains("`blobs.url` is not set"), "{}", chain(&error));
}

#[tokio::test]
async fn moving_copies_large_data_into_rows() {
    let site = Site::new().await;
    let store = site.node().await;
    let (sent, run) = insert(&store, &bytes(2 * MOST, 1)).await;
    judge(&store, run, &bytes(2 * MOST, 2)).await;
    let folder = tempfile::tempdir().unwrap();
    let to = SqlStore::open_sqlite(&folder.path().join("cupel.db")).await.unwrap();
    store.move_to(&to, &mut |_, _| {}).await.unwrap();
    assert_eq!(stored(&to, sent.id).await.unwrap(), stored(&store, sent.id).await.unwrap());
    let (mut here, mut there) = (Vec::new(), Vec::new());
    store.export(&mut here).await.unwrap();
    to.export(&mut there).await.unwrap();
    assert!(here == there, "the exports are equal");
}
