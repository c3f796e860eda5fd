//! The rules that a `Store` must follow if several nodes use it concurrently. Call
//! [`store_nodes_conformance!`](crate::store_nodes_conformance) with a function that returns a subject: several stores
//! on one empty database, as in the processes of a cluster (or in commands beside a server).

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;

use cupel_core::accounts::{AccessChange, AccountChange, CredentialId, RegistrationCode, Role, StreamTicket, Tier};
use cupel_core::contests::ContestChange;
use cupel_core::problems::{ProblemKey, ProblemRecord, RejudgeOne};
use cupel_core::run::RunState;
use cupel_core::{GivenBack, Idempotency, Inserted, NewSubmissions, Store, StoreError};
use cupel_types::{Cases, JoinCodeId, LeaseId, RunId, SubmissionId, TicketId, UserId, Verdict};

use super::contests::{new_contest, send_at};
use super::problems::{AC, JudgeResult, WA, judge_at, problem};
use super::{at, insert, lease, lease_id, set_access, user, worker};
use crate::Subject;
use crate::builders::{a_completion, a_submission, a_user, fresh};

/// Turns each rule in [`nodes`](crate::store::nodes) into a test.
#[macro_export]
macro_rules! store_nodes_conformance {
    ($make:expr) => {
        $crate::rules!(
            $crate::store::nodes,
            $make,
            [
                one_of_two_nodes_gets_the_lease,
                a_result_is_accepted_once_from_any_node,
                concurrent_commands_end_a_run_once,
                silent_workers_lose_each_lease_once,
                equal_requests_on_several_nodes_insert_once,
                one_of_concurrent_insertions_of_a_name_succeeds,
                concurrent_registrations_of_a_name_use_a_join_code_once,
                concurrent_verdicts_all_count,
                concurrent_rejudges_of_a_submission_create_one_run,
                concurrent_participants_have_a_stable_order,
                a_freeze_hides_submissions_of_users_who_join_while_the_problems_change,
                each_delivery_goes_to_one_sender,
                concurrent_removals_keep_one_administrator,
                concurrent_access_changes_all_count,
                concurrent_insertions_do_not_exceed_the_maxima_of_a_user,
            ]
        );
    };
}

/// Runs `what` concurrently for each number below `count`, on the nodes in turn.
async fn at_once<S, T, F>(nodes: &[Arc<S>], count: usize, what: impl Fn(Arc<S>, usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|n| tokio::spawn(what(Arc::clone(&nodes[n % nodes.len()]), n))).collect();
    let mut all = Vec::with_capacity(count);
    for task in tasks {
        all.push(task.await.expect("the task does not panic"));
    }
    all
}

pub async fn one_of_two_nodes_gets_the_lease<S: Store + 'static>(make: impl AsyncFn() -> Subject<Vec<Arc<S>>>) {
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(insert(&*nodes[0], a_submission().by(owner)).await.1);
    }
    let wanted = runs.clone();
    let taken = at_once(&nodes, 80, move |node, n| {
        let run = wanted[n / 4];
        async move { node.lease(run, lease_id(), worker(), at(0), at(30), None).await.unwrap().map(|leased| leased.run) }
    });
    let mut taken: Vec<RunId> = taken.await.into_iter().flatten().collect();
    taken.sort_unstable();
    runs.sort_unstable();
    assert_eq!(taken, runs);
}

pub async fn a_result_is_accepted_once_from_any_node<S: Store + 'static>(make: impl AsyncFn() -> Subject<Vec<Arc<S>>>) {
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    let (submission, run) = insert(&*nodes[0], a_submission().by(owner)).await;
    let leased = lease(&*nodes[0], run, 0).await;
    let (id, bring) = (leased.lease, leased.clone());
    let taken = at_once(&nodes, 16, move |node, n| {
        let done = a_completion(&bring, format!("{n}\n").as_bytes(), at(1));
        async move { node.complete(run, id, done).await.unwrap() }
    });
    assert_eq!(taken.await.into_iter().filter(|taken| *taken).count(), 1);
    let record = nodes[1].submission(submission.id).await.unwrap().expect("a record");
    assert_eq!(record.state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted });
}

pub async fn concurrent_commands_end_a_run_once<S: Store + 'static>(make: impl AsyncFn() -> Subject<Vec<Arc<S>>>) {
    const RUNS: usize = 12;
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    let mut all = Vec::new();
    for _ in 0..RUNS {
        let (submission, run) = insert(&*nodes[0], a_submission().by(owner)).await;
        all.push((submission.id, lease(&*nodes[0], run, 0).await));
    }
    let each = all.clone();
    // Four commands compete for each run: complete, cancel, give back, and expire the lease. The first command ends the
    // run.
    let ended = at_once(&nodes, RUNS * 4, move |node, n| {
        let (submission, leased) = each[n / 4].clone();
        async move {
            match n % 4 {
                0 => {
                    let done = a_completion(&leased, b"42\n", at(31));
                    usize::from(node.complete(leased.run, leased.lease, done).await.unwrap())
                }
                1 => {
                    let cancelled =
                        node.cancel(submission, None, at(31)).await.unwrap().expect("the submission exists");
                    usize::from(cancelled.changed)
                }
                2 => {
                    let given =
                        GivenBack { lost_attempt: true, why: String::new(), now: at(31), due: at(31), attempts_max: 1 };
                    usize::from(node.give_back(leased.run, leased.lease, given).await.unwrap().is_some())
                }
                _ => node.expire(at(31), at(31), 1, 3).await.unwrap().len(),
            }
        }
    });
    assert_eq!(ended.await.into_iter().sum::<usize>(), RUNS, "each run ends once");
    for (submission, _) in all {
        let record = nodes[1].submission(submission).await.unwrap().expect("a record");
        assert!(record.state.is_final(), "{:?}", record.state);
        assert_eq!(record.report.is_some(), matches!(record.state, RunState::Judged { .. }));
    }
}

pub async fn silent_workers_lose_each_lease_once<S: Store + 'static>(make: impl AsyncFn() -> Subject<Vec<Arc<S>>>) {
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    let mut leases = HashSet::new();
    for _ in 0..30 {
        let (_, run) = insert(&*nodes[0], a_submission().by(owner)).await;
        leases.insert(lease(&*nodes[0], run, 0).await.lease);
    }
    let mut taken: Vec<LeaseId> = Vec::new();
    // A sweeper skips runs that another sweeper has locked, so one sweep by each node may not find all.
    while taken.len() < leases.len() {
        let sweeps =
            at_once(&nodes, 8, |node, _| async move { node.expire(at(30), at(30), 3, 7).await.unwrap() }).await;
        let found: Vec<LeaseId> = sweeps.into_iter().flatten().map(|expired| expired.lease).collect();
        assert!(!found.is_empty(), "at least one sweeper finds a run");
        taken.extend(found);
    }
    assert_eq!(taken.len(), leases.len());
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), leases);
    assert_eq!(nodes[1].counts(at(30)).await.unwrap().queued, 30);
}

pub async fn equal_requests_on_several_nodes_insert_once<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<Vec<Arc<S>>>,
) {
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    for (round, now) in [(0, 0), (1, 5), (2, 200)] {
        let inserted = at_once(&nodes, 16, move |node, _| {
            let repeat = Idempotency { key: "again".into(), request_hash: [round; 32], expires_at: at(now + 100) };
            let submissions = vec![a_submission().by(owner).submitted_at(at(now)).build()];
            let id = submissions[0].0.id;
            let new = NewSubmissions {
                submissions,
                also_needs: cupel_core::Needs::new(),
                idempotency: Some(repeat),
                is_awaited: false,
            };
            async move {
                match node.insert(new).await.unwrap() {
                    Inserted::New => (true, id),
                    Inserted::Repeated(record) => (false, record.submissions[0]),
                    Inserted::OwnerDisabled => panic!("the owner is not disabled"),
                }
            }
        });
        let inserted = inserted.await;
        let ids: HashSet<SubmissionId> = inserted.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids.len(), 1, "all requests return the same submission");
        // In the second round, the key is still valid; in the third, it has expired.
        assert_eq!(inserted.iter().filter(|(is_new, _)| *is_new).count(), usize::from(round != 1));
    }
    assert_eq!(nodes[1].list(Some(owner), 0, 1).await.unwrap().1, 2);
}

pub async fn one_of_concurrent_insertions_of_a_name_succeeds<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<Vec<Arc<S>>>,
) {
    let nodes = make().await;
    let got = at_once(&nodes, 16, |node, n| async move {
        let mut new = a_user();
        new.user.username = if n % 2 == 0 { "Ada".into() } else { "ada".into() };
        node.insert_user(new).await.unwrap().is_ok()
    });
    assert_eq!(got.await.into_iter().filter(|got| *got).count(), 1);
    let got = at_once(&nodes, 8, |node, _| async move {
        let owner = user(&*node).await;
        node.insert_contest(new_contest("c", owner, Vec::new()), u64::MAX, jiff::Timestamp::UNIX_EPOCH)
            .await
            .unwrap()
            .is_ok()
    });
    assert_eq!(got.await.into_iter().filter(|got| *got).count(), 1);
}

pub async fn concurrent_registrations_of_a_name_use_a_join_code_once<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<Vec<Arc<S>>>,
) {
    let nodes = make().await;
    let code = RegistrationCode {
        id: JoinCodeId::from_uuid(fresh()),
        code: "0123456789".into(),
        name: "a class".into(),
        created_at: at(0),
        expires_at: at(10),
        uses_max: 100,
        uses: 0,
        ended_at: None,
    };
    nodes[0].insert_code(code).await.unwrap();
    let got = at_once(&nodes, 16, |node, _| async move {
        let mut new = a_user();
        new.user.username = "Ada".into();
        node.insert_user_with_code(new, "0123456789", at(1)).await.unwrap().is_ok()
    });
    assert_eq!(got.await.into_iter().filter(|got| *got).count(), 1);
    assert_eq!(nodes[1].codes().await.unwrap()[0].uses, 1);
}

async fn send(store: &impl Store, problem: &ProblemRecord, by: UserId) -> (SubmissionId, RunId) {
    let (submission, run) = insert(store, a_submission().by(by).solving(problem.current(), Cases::All)).await;
    (submission.id, run)
}

/// Statistics of problems, standings and progress are the same as if the verdicts arrived one after the other.
pub async fn concurrent_verdicts_all_count<S: Store + 'static>(make: impl AsyncFn() -> Subject<Vec<Arc<S>>>) {
    const USERS: usize = 3;
    const PROBLEMS: u8 = 3;
    const EACH: usize = 4;
    let nodes = make().await;
    let mut users = Vec::new();
    for _ in 0..USERS {
        users.push(user(&*nodes[0]).await);
    }
    let mut problems = Vec::new();
    for n in 1..=PROBLEMS {
        problems.push(problem(&*nodes[0], n, |_| ()).await);
    }
    let mut sent = Vec::new();
    for n in 0..EACH {
        for problem in &problems {
            for user in &users {
                let result: JudgeResult = if n == EACH - 1 { AC } else { WA };
                sent.push((send(&*nodes[0], problem, *user).await.1, result));
            }
        }
    }
    let count = sent.len();
    at_once(&nodes, count, move |node, n| {
        let (run, result) = sent[n];
        async move { judge_at(&*node, run, result, 400).await }
    })
    .await;
    for record in &problems {
        let now = nodes[1].problem(ProblemKey::Id(record.id), None).await.unwrap();
        let figures = now.expect("the problem exists").0.statistics;
        assert_eq!((figures.submissions, figures.accepted), ((USERS * EACH) as u64, USERS as u64));
        assert_eq!((figures.attempted_by, figures.solved_by), (USERS as u64, USERS as u64));
        for user in &users {
            let standing = nodes[1].standing(record.id, *user).await.unwrap().expect("a standing");
            assert!(standing.is_solved);
            assert_eq!(standing.tries as usize, EACH, "tries up to and including the first accepted one");
        }
    }
    for user in &users {
        let progress = nodes[1].progress(*user).await.unwrap();
        assert_eq!((progress.solved, progress.easy, progress.attempted), (PROBLEMS.into(), PROBLEMS.into(), 0));
    }
}

pub async fn concurrent_rejudges_of_a_submission_create_one_run<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<Vec<Arc<S>>>,
) {
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    let problem = problem(&*nodes[0], 1, |_| ()).await;
    let (submission, run) = send(&*nodes[0], &problem, owner).await;
    judge_at(&*nodes[0], run, WA, 0).await;
    let package = problem.package;
    let rejudged = at_once(&nodes, 8, move |node, _| async move {
        let one = RejudgeOne { submission, run: RunId::from_uuid(fresh()) };
        node.rejudge(vec![one], package, cupel_core::Needs::new(), at(5)).await.unwrap().queued.len()
    });
    assert_eq!(rejudged.await.into_iter().sum::<usize>(), 1);
    assert_eq!(nodes[1].runs_of(submission, 10).await.unwrap().len(), 2);
}

pub async fn concurrent_participants_have_a_stable_order<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<Vec<Arc<S>>>,
) {
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    let new = new_contest("c", owner, Vec::new());
    let id = new.id;
    nodes[0].insert_contest(new, u64::MAX, jiff::Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
    let registered = at_once(&nodes, 12, move |node, _| async move {
        let user = user(&*node).await;
        // Each user joins twice but is one participant.
        (node.take_part(id, user, None).await.unwrap(), node.take_part(id, user, None).await.unwrap(), user)
    });
    let registered: HashMap<UserId, (bool, bool)> =
        registered.await.into_iter().map(|(a, b, user)| (user, (a, b))).collect();
    assert!(registered.values().all(|registered| *registered == (true, false)), "{registered:?}");
    let listed = nodes[1].participants(id).await.unwrap();
    assert_eq!(listed.len(), 12);
    for _ in 0..3 {
        assert_eq!(nodes[0].participants(id).await.unwrap(), listed, "the order is stable");
    }
}

pub async fn a_freeze_hides_submissions_of_users_who_join_while_the_problems_change<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<Vec<Arc<S>>>,
) {
    const USERS: usize = 8;
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    let problems = [problem(&*nodes[0], 1, |_| ()).await.id, problem(&*nodes[0], 2, |_| ()).await.id];
    let new = new_contest("c", owner, vec![problems[0]]);
    let (id, in_freeze) = (new.id, 1000 + new.length.as_secs() as i64 - 60);
    nodes[0].insert_contest(new, u64::MAX, jiff::Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
    let mut users = Vec::new();
    for _ in 0..USERS {
        let one = user(&*nodes[0]).await;
        for problem in problems {
            send_at(&*nodes[0], problem, one, in_freeze, Some(AC)).await;
        }
        users.push(one);
    }
    let joining = users.clone();
    let done = at_once(&nodes, 2 * USERS, move |node, n| {
        let one = joining[n / 2];
        async move {
            if n % 2 == 0 {
                return node.take_part(id, one, None).await.unwrap();
            }
            let now = vec![problems[n / 2 % 2]];
            node.change_contest(id, ContestChange { problems: Some(now), ..ContestChange::default() }).await.unwrap()
        }
    });
    assert!(done.await.into_iter().all(|done| done));
    let slug = "c".parse().unwrap();
    let present = nodes[1].contest(&slug).await.unwrap().expect("the contest").problems[0].problem;
    for problem in problems {
        let (record, _) = nodes[1].problem(ProblemKey::Id(problem), None).await.unwrap().expect("a problem");
        let visible = if problem == present { 0 } else { USERS as u64 };
        assert_eq!(record.statistics.submissions, visible, "in the contest: {}", problem == present);
    }
}

pub async fn each_delivery_goes_to_one_sender<S: Store + 'static>(make: impl AsyncFn() -> Subject<Vec<Arc<S>>>) {
    let nodes = make().await;
    let owner = user(&*nodes[0]).await;
    for _ in 0..20 {
        let submission = a_submission().by(owner).webhook("https://hooks.example/1");
        let (submission, _) = insert(&*nodes[0], submission).await;
        nodes[0].cancel(submission.id, None, at(1)).await.unwrap();
    }
    let mut taken = Vec::new();
    while taken.len() < 20 {
        let senders =
            at_once(&nodes, 6, |node, _| async move { node.take_deliveries(at(1), at(60), &[owner; 4]).await });
        let senders: Result<Vec<_>, StoreError> = senders.await.into_iter().collect();
        let found: Vec<_> = senders.unwrap().into_iter().flatten().map(|delivery| delivery.id).collect();
        assert!(!found.is_empty(), "at least one sender takes deliveries");
        taken.extend(found);
    }
    assert_eq!(taken.len(), 20);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 20);
}

pub async fn concurrent_removals_keep_one_administrator<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<Vec<Arc<S>>>,
) {
    let nodes = make().await;
    let mut admins = Vec::new();
    for _ in 0..30 {
        let admin = user(&*nodes[0]).await;
        set_access(&*nodes[0], admin, Role::Admin, Tier::default()).await;
        admins.push(admin);
    }
    let removed = at_once(&nodes, admins.len(), |node, n| {
        let admin = admins[n];
        async move {
            let disabled = AccessChange { disabled: Some(true), ..AccessChange::default() };
            let demoted = AccessChange { role: Some(Role::User), ..AccessChange::default() };
            match n % 3 {
                0 => node.change_access(admin, disabled, at(1)).await.unwrap(),
                1 => node.change_access(admin, demoted, at(1)).await.unwrap(),
                _ => node.delete_user(admin, at(1)).await.unwrap(),
            }
        }
    });
    let removed = removed.await;
    let count = |what| removed.iter().filter(|change| **change == what).count();
    let counts = (count(AccountChange::LastAdministrator), count(AccountChange::Done));
    assert_eq!(counts, (1, admins.len() - 1), "{removed:?}");
}

pub async fn concurrent_access_changes_all_count<S: Store + 'static>(make: impl AsyncFn() -> Subject<Vec<Arc<S>>>) {
    let nodes = make().await;
    for _ in 0..10 {
        let somebody = user(&*nodes[0]).await;
        let changed = at_once(&nodes, 3, |node, n| async move {
            let change = match n {
                0 => AccessChange { role: Some(Role::Author), ..AccessChange::default() },
                1 => AccessChange { tier: Some(Tier("large".into())), ..AccessChange::default() },
                _ => AccessChange { disabled: Some(true), ..AccessChange::default() },
            };
            node.change_access(somebody, change, at(1)).await.unwrap()
        });
        assert_eq!(changed.await, [AccountChange::Done; 3]);
        let now = nodes[0].user(somebody).await.unwrap().expect("the user");
        assert_eq!((now.role, &*now.tier.0, now.disabled_at), (Role::Author, "large", Some(at(1))));
    }
}

pub async fn concurrent_insertions_do_not_exceed_the_maxima_of_a_user<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<Vec<Arc<S>>>,
) {
    const MOST: usize = 3;
    let nodes = make().await;
    for round in 0..5 {
        let owner = user(&*nodes[0]).await;
        let submission = insert(&*nodes[0], a_submission().by(owner)).await.0.id;
        let contests = at_once(&nodes, 12, move |node, n| async move {
            let new = new_contest(&format!("c-{round}-{n}"), owner, Vec::new());
            node.insert_contest(new, MOST as u64, at(0)).await.unwrap().is_ok()
        });
        assert_eq!(contests.await.into_iter().filter(|is_inserted| *is_inserted).count(), MOST);
        let tickets = at_once(&nodes, 12, move |node, _| async move {
            let ticket = StreamTicket {
                id: TicketId::from_uuid(fresh()),
                secret_hash: [1; 32],
                user: owner,
                submission,
                as_admin: false,
                credential: CredentialId::Keyless,
                expires_at: at(60),
            };
            node.put_ticket(ticket, MOST as u32, at(0)).await.unwrap()
        });
        assert_eq!(tickets.await.into_iter().filter(|is_inserted| *is_inserted).count(), MOST);
    }
}
