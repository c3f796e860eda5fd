//! `kill -9` during submissions: everything that was acknowledged is in the database afterwards.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use cupel_core::{AccountStore as _, RunStore as _};
use cupel_store::SqlStore;
use cupel_testkit::{a_completion, a_submission, a_user, fresh, t0};
use cupel_types::{LeaseId, SubmissionId, WorkerId};

const DATABASE: &str = "CUPEL_TEST_KILLED_DATABASE";

#[tokio::test]
async fn acknowledged_writes_survive_kill_9() {
    for acknowledged in [1, 50, 400] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cupel.db");
        let mut child = Doomed(
            Command::new(std::env::current_exe().unwrap())
                .args(["kill::child_that_is_killed", "--exact", "--ignored", "--nocapture"])
                .env(DATABASE, &path)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (mut accepted, mut judged) = (HashSet::new(), HashSet::new());
        let mut record = |line: String| {
            let mut words = line.split(' ');
            match (words.next(), words.next().and_then(|id| id.parse::<SubmissionId>().ok())) {
                (Some("accepted"), Some(id)) => accepted.insert(id),
                (Some("judged"), Some(id)) => judged.insert(id),
                _ => false,
            }
        };
        let mut recorded = 0;
        while recorded < acknowledged {
            recorded += usize::from(record(lines.next().expect("the child writes until it is killed")));
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        lines.for_each(|line| {
            record(line);
        });

        let store = SqlStore::open_sqlite(&path).await.unwrap();
        for id in accepted {
            assert!(store.submission(id).await.unwrap().is_some(), "{id} was accepted but is missing");
        }
        for id in judged {
            let stored = store.submission(id).await.unwrap().expect("a record");
            assert!(stored.state.is_final() && stored.report.is_some(), "the result of {id} is missing");
        }
        assert_healthy(&path);
    }
}

/// A child process that is killed when dropped.
struct Doomed(Child);

impl Drop for Doomed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn assert_healthy(path: &Path) {
    let raw = rusqlite::Connection::open(path).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    assert!(!raw.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
}

/// Accepts and judges submissions in several tasks, and reports each on standard output, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of acknowledged_writes_survive_kill_9, which starts and kills it"]
async fn child_that_is_killed() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let store = Arc::new(SqlStore::open_sqlite(Path::new(&path)).await.unwrap());
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let say = |what: &str, id: SubmissionId| {
        // A line that the kill cuts off within the id does not parse, so it is ignored.
        let mut out = std::io::stdout().lock();
        out.write_all(format!("\n{what} {id} .\n").as_bytes()).unwrap();
        out.flush().unwrap();
    };
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                loop {
                    let new = a_submission().by(owner).alone();
                    let (id, run) = (new.submissions[0].0.id, new.submissions[0].1);
                    store.insert(new).await.unwrap();
                    say("accepted", id);
                    let (lease, worker) = (LeaseId::from_uuid(fresh()), WorkerId::from_uuid(fresh()));
                    let leased = store.lease(run, lease, worker, t0(), t0(), None).await.unwrap().expect("a lease");
                    assert!(store.complete(run, lease, a_completion(&leased, b"42\n", t0())).await.unwrap());
                    say("judged", id);
                }
            })
        })
        .collect();
    for task in tasks {
        let () = task.await.unwrap();
    }
}
