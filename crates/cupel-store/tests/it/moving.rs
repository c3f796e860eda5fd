//! An installation moves from SQLite to PostgreSQL and back without loss or change.

use std::path::Path;

use cupel_core::accounts::{
    AccessChange, ApiKey, CredentialId, KeyBounds, MembershipStore as _, RefreshSession, RegistrationCode, Scope,
    StreamTicket,
};
use cupel_core::contests::{ContestStore as _, JoinCode, NewClarification, NewContest, Style};
use cupel_core::drafts::{DraftKey, DraftSave, Expected};
use cupel_core::problems::{NewProblem, NewVersion, ProblemChange, ProblemStore as _, VersionException};
use cupel_core::snippets::{SharedSnippet, Snippet, SnippetId};
use cupel_core::{
    AccountStore as _, Bounds, ClusterStore as _, DraftStore as _, GivenBack, Idempotency, RunStore as _,
    SnippetStore as _,
};
use cupel_problem::{Difficulty, Visibility};
use cupel_store::{SqlStore, TransferError};
use cupel_testkit::servers::Postgres;
use cupel_testkit::{a_completion, a_submission, a_user, fresh, t0};
use cupel_types::{
    ApiKeyId, Bytes, Cases, ClarificationId, ContentHash, ContestId, Grading, JoinCodeId, LeaseId, ProblemId,
    ProblemVersion, RunId, SessionId, SubmissionId, TicketId, WorkerId,
};
use rusqlite::types::Value;

use crate::postgres::open;

/// Inserts at least one row into every table.
async fn fill(store: &SqlStore) {
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let reader = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let disabled = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let change = AccessChange { disabled: Some(true), ..AccessChange::default() };
    store.change_access(disabled, change, t0()).await.unwrap();
    let key = ApiKey {
        id: ApiKeyId::from_uuid(fresh()),
        owner,
        name: "naïve 🗝".into(),
        secret_hash: [3; 32],
        scopes: vec![Scope::RunsRead],
        created_at: t0(),
        expires_at: None,
        last_used_at: Some(t0()),
        revoked_at: None,
    };
    store.insert_key(key, None, KeyBounds::default()).await.unwrap().unwrap();
    let session = RefreshSession {
        id: SessionId::from_uuid(fresh()),
        user: owner,
        token_hash: [1; 32],
        created_at: t0(),
        expires_at: t0() + std::time::Duration::from_secs(100),
        user_agent: Some("Browser/1".into()),
    };
    assert!(store.insert_session(session.clone(), None).await.unwrap());
    store.rotate_session(session.id, [1; 32], [2; 32], t0()).await.unwrap().unwrap();
    let later = t0() + std::time::Duration::from_secs(100);
    assert!(store.put_link(reader, [4; 32], t0(), later).await.unwrap());
    let code = RegistrationCode {
        id: JoinCodeId::from_uuid(fresh()),
        code: "k7m2p9q4rt".into(),
        name: "A class".into(),
        created_at: t0(),
        expires_at: later,
        uses_max: 30,
        uses: 2,
        ended_at: None,
    };
    store.insert_code(code).await.unwrap();
    let ticket = StreamTicket {
        id: TicketId::from_uuid(fresh()),
        secret_hash: [6; 32],
        user: reader,
        submission: SubmissionId::from_uuid(fresh()),
        as_admin: false,
        credential: CredentialId::Session(session.id),
        expires_at: later,
    };
    assert!(store.put_ticket(ticket, 10, t0()).await.unwrap());
    store.shared_secret("access-tokens", [9; 32]).await.unwrap();
    // More rows than fit on one page, both for tables with large rows and for the others.
    for n in 0..40u8 {
        let mut new = a_submission().by(owner).stdin(&vec![n; 1000]).alone();
        new.idempotency = Some(Idempotency { key: format!("k{n}"), request_hash: [n; 32], expires_at: t0() });
        store.insert(new).await.unwrap();
    }
    let more = (0..600).map(|_| a_submission().by(reader).build()).collect();
    store
        .insert(cupel_core::NewSubmissions {
            submissions: more,
            also_needs: cupel_core::Needs::new(),
            idempotency: None,
            is_awaited: false,
        })
        .await
        .unwrap();
    let of = ProblemVersion { problem: ProblemId::from_uuid(fresh()), package: ContentHash::from_bytes([5; 32]) };
    let version = NewVersion {
        package: of.package,
        format: "cupel".into(),
        title: "Sum".into(),
        difficulty: Some(Difficulty::Hard),
        tags: vec!["maths".parse().unwrap()],
        lower_is_better: false,
        by: Some(owner),
        at: t0(),
        bytes: Bytes::kib(7),
        is_verified: Some(true),
        shipped: Some(("sum".into(), [4; 32])),
    };
    let slug: cupel_problem::Slug = "sum".parse().unwrap();
    let new = NewProblem { id: of.problem, slug, owner: Some(owner), visibility: Visibility::Public, version };
    store.insert_problem(new).await.unwrap().unwrap();
    let members = ProblemChange { readers: Some(vec![reader]), ..ProblemChange::default() };
    store.change_problem(of.problem, members, t0()).await.unwrap().unwrap();
    let (username, reason) = ("ada".to_owned(), "It cannot be tried here.".to_owned());
    let exception = VersionException { number: 1, by: owner, username, at: t0(), reason };
    store.add_exception(of.problem, exception).await.unwrap();
    let (lease, worker) = (LeaseId::from_uuid(fresh()), WorkerId::from_uuid(fresh()));
    for by in [reader, owner] {
        let solution = a_submission().by(by).webhook("https://hooks.example/1");
        let new = solution.solving(of, Cases::All).alone();
        let run: RunId = new.submissions[0].1;
        store.insert(new).await.unwrap();
        let leased = store.lease(run, lease, worker, t0(), t0(), None).await.unwrap().unwrap();
        let mut done = a_completion(&leased, b"42\n", t0());
        done.report.grading = Some(Grading::default());
        assert!(store.complete(run, lease, done).await.unwrap());
    }
    let new = a_submission().by(owner).alone();
    let run: RunId = new.submissions[0].1;
    store.insert(new).await.unwrap();
    store.lease(run, lease, worker, t0(), t0(), None).await.unwrap().unwrap();
    let given = GivenBack { lost_attempt: true, why: "broken".into(), now: t0(), due: t0(), attempts_max: 1 };
    store.give_back(run, lease, given).await.unwrap().unwrap();
    let contest = NewContest {
        id: ContestId::from_uuid(fresh()),
        slug: "autumn".parse().unwrap(),
        title: "Autumn".into(),
        description: String::new(),
        owner,
        style: Style::Ioi,
        starts_at: t0(),
        length: std::time::Duration::from_secs(3600),
        // The freeze hides the submissions of the reader.
        freeze: Some(std::time::Duration::from_secs(3600)),
        is_public: false,
        join_code: JoinCode::random(),
        problems: vec![of.problem],
    };
    let id = contest.id;
    store.insert_contest(contest, u64::MAX, jiff::Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
    assert!(store.take_part(id, reader, None).await.unwrap());
    let question = NewClarification {
        id: ClarificationId::from_uuid(fresh()),
        contest: id,
        asker: reader,
        place: Some(0),
        is_announcement: false,
        text: "Why?".into(),
        asked_at: t0(),
    };
    assert!(store.ask(question, 10).await.unwrap());
    let snippet = Snippet {
        language: "python".parse().unwrap(),
        source: "print('\0 é')".into(),
        files: vec![("a".into(), "b".into())],
        args: vec!["c".into()],
        stdin: String::new(),
        cpu_time: None,
        memory: Some(Bytes::mib(1)),
        artifacts: vec!["*.png".into()],
        title: Some("t".into()),
        terminal: true,
    };
    let shared = SharedSnippet { snippet, shared_at: t0() };
    store.share_snippet(SnippetId::from_uuid(fresh()), owner, shared, 1).await.unwrap().unwrap();
    for problem in [None, Some(of.problem)] {
        let key = DraftKey { owner, problem, language: "python".parse().unwrap() };
        for text in ["", "print('\0 é')"] {
            let save = DraftSave { text: text.into(), at: t0(), expected: Expected::Any, begins_revision: true };
            store.save_draft(key.clone(), save, Bounds::default().drafts).await.unwrap().unwrap();
        }
    }
}

/// All rows of all tables.
fn dump(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let raw = rusqlite::Connection::open(path).unwrap();
    let mut names = raw.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let table = |name: String| {
        let mut query = raw.prepare(&format!("SELECT * FROM {name} ORDER BY 1, 2")).unwrap();
        let columns = query.column_count();
        let rows = query.query_map([], |row| (0..columns).map(|column| row.get(column)).collect()).unwrap();
        let rows = rows.collect::<Result<_, _>>().unwrap();
        (name, rows)
    };
    names.into_iter().map(table).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_to_postgresql_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (first, last) = (folder.path().join("first.db"), folder.path().join("last.db"));
    let from = SqlStore::open_sqlite(&first).await.unwrap();
    fill(&from).await;
    let url = Postgres::shared().database().await;
    let between = open(&url).await;
    let mut copied = Vec::new();
    from.move_to(&between, &mut |table, rows| copied.push((table, rows))).await.unwrap();
    assert!(copied.contains(&("runs", 643)), "{copied:?}");
    let full = from.move_to(&between, &mut |_, _| {}).await;
    assert!(matches!(full, Err(TransferError::NotEmpty { table: "users" })), "{full:?}");

    let (mut here, mut there) = (Vec::new(), Vec::new());
    from.export(&mut here).await.unwrap();
    between.export(&mut there).await.unwrap();
    let here = String::from_utf8(here).unwrap();
    assert!(here == String::from_utf8(there).unwrap(), "both exports are equal");
    let (first_line, lines) = (here.lines().next().unwrap(), here.lines().count() as u64);
    let line: serde_json::Value = serde_json::from_str(first_line).unwrap();
    assert_eq!((&line["table"], line["row"]["id"].as_str().unwrap().len()), (&"users".into(), 36));
    let moved: std::collections::HashMap<_, _> = copied.into_iter().collect();
    assert_eq!(moved.values().sum::<u64>(), lines);

    let to = SqlStore::open_sqlite(&last).await.unwrap();
    between.move_to(&to, &mut |_, _| {}).await.unwrap();
    from.close().await;
    to.close().await;
    let (before, after) = (dump(&first), dump(&last));
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        let is_moved = !["workers", "cluster"].contains(&name.as_str());
        assert!(!is_moved || !before.is_empty(), "the test writes no row into `{name}`");
        assert!(before == after, "`{name}` differs");
    }
    assert_eq!(before.len(), after.len());
}
