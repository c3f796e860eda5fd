//! Rules about submissions, runs and their logs.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::sync::Arc;
use std::time::Duration;

use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::run::RunState;
use cupel_core::{Completion, DuePlace, GivenBack, Needs, NewSubmissions, Store};
use cupel_types::{
    Artifact, ArtifactContent, Artifacts, BoxPath, Bytes, CaseReport, CompileReport, ContentHash, FacadeRequest,
    FetchedFile, Instructions, LimitsRequest, Omission, Outcome, Output, PriorityClass, RunId, Signal, StepReport,
    Submission, SubmissionId, SubmissionKind, ToolOptions, Verdict,
};
use jiff::Timestamp;

use super::{at, insert, lease, lease_id, try_lease, user};
use crate::Subject;
use crate::builders::{a_completion, a_report, a_submission};

pub(super) fn same_submission(a: &Submission, b: &Submission) {
    assert_eq!((a.id, a.owner, a.language(), a.priority), (b.id, b.owner, b.language(), b.priority));
    assert_eq!(a.source().map(|source| &source.files), b.source().map(|source| &source.files));
    assert_eq!((a.of_problem(), a.limits), (b.of_problem(), b.limits));
    match (&a.kind, &b.kind) {
        (SubmissionKind::Program(a), SubmissionKind::Program(b)) => {
            assert_eq!((&a.args, &a.env, &a.stdin, &a.tests), (&b.args, &b.env, &b.stdin, &b.tests));
            assert_eq!((&a.tools, a.stderr_to_stdout), (&b.tools, b.stderr_to_stdout));
        }
        (SubmissionKind::Problem(a), SubmissionKind::Problem(b)) => assert_eq!(a.cases, b.cases),
        (SubmissionKind::Verify(_), SubmissionKind::Verify(_)) => {}
        other => panic!("different kinds of work: {other:?}"),
    }
    assert_eq!(
        (a.run_at, &a.webhook, &a.request_id, &a.facade, a.submitted_at),
        (b.run_at, &b.webhook, &b.request_id, &b.facade, b.submitted_at)
    );
}

pub async fn a_submission_is_read_back_complete<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let limits = LimitsRequest {
        cpu_time: Some(Duration::from_millis(1500)),
        memory: Some(Bytes::mib(64)),
        processes: Some(3),
        stack: Some(Bytes::mib(8)),
        ..LimitsRequest::default()
    };
    let full = a_submission()
        .by(owner)
        .source("print('ü\u{0}')")
        .file("data/in.bin", &[0, 255, 0, 1])
        .file("empty", b"")
        .test("one", b"1\n", Some(b"2\n"))
        .test("two", b"", None)
        .test("three", b"1\n", Some(b""))
        .limits(limits)
        .priority(PriorityClass::Batch)
        .run_at(at(60))
        .webhook("https://example.test/hook")
        .with_program(|new| {
            new.tools = ToolOptions {
                compiler_args: vec!["-O3".into(), "-DX=\"a b\"".into()],
                linker_args: vec!["-lm".into()],
                interpreter_args: vec!["-B".into(), "-E".into()],
                main_class: "a.Main".into(),
                main_only: true,
            };
            new.stderr_to_stdout = true;
            new.args = vec!["-x".into(), "ä b".into(), String::new()];
            new.env = vec![("A".into(), "1".into()), ("B".into(), String::new())];
        })
        .with(|new| {
            new.request_id = Some("req-1".into());
            new.facade = Some(FacadeRequest { facade: "judge0".into(), data: [0, 255, 1].as_slice().into() });
        });
    for submission in [full, a_submission().by(owner).stdin(&[7; 100_000])] {
        let (submission, run) = insert(&*store, submission).await;
        let record = store.submission(submission.id).await.unwrap().expect("a record");
        same_submission(&record.submission, &submission);
        assert_eq!((record.run, &record.state), (run, &RunState::Queued { attempts: 0, lost: 0 }));
        assert_eq!((record.started_at, record.completed_at, record.report), (None, None, None));
        let leased = lease(&*store, run, 60).await;
        same_submission(&leased.submission, &submission);
    }
    assert!(store.submission(SubmissionId::from_uuid(crate::fresh())).await.unwrap().is_none());
}

pub async fn concurrent_insertions_are_all_stored<S: Store + 'static>(make: impl AsyncFn() -> Subject<S>) {
    let store = Arc::new(make().await);
    let owner = user(&**store).await;
    let tasks: Vec<_> = (0..300)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { insert(&**store, a_submission().by(owner)).await.0.id })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    let records = store.submissions(&ids).await.unwrap();
    assert_eq!(
        records.iter().map(|r| r.submission.id).collect::<Vec<_>>(),
        ids,
        "records are returned in the requested order"
    );
    assert_eq!(store.counts(at(0)).await.unwrap().queued, 300);
}

pub async fn a_batch_is_atomic_and_does_not_affect_others<S: Store + 'static>(make: impl AsyncFn() -> Subject<S>) {
    let store = Arc::new(make().await);
    let owner = user(&**store).await;
    let mut tasks = Vec::new();
    for i in 0..60 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let mut batch: Vec<_> = (0..3).map(|_| a_submission().by(owner).build()).collect();
            let bad = i % 3 == 0;
            if bad {
                batch[2].0.id = batch[0].0.id; // A duplicate id within the batch.
            }
            let ids: Vec<SubmissionId> = batch.iter().map(|(s, _)| s.id).collect();
            let result = store
                .insert(NewSubmissions {
                    submissions: batch,
                    also_needs: Needs::new(),
                    idempotency: None,
                    is_awaited: false,
                })
                .await;
            assert_eq!(result.is_err(), bad, "{result:?}");
            assert_eq!(store.submissions(&ids).await.unwrap().len(), if bad { 0 } else { 3 });
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.list(Some(owner), 0, 1).await.unwrap().1, 40 * 3);
}

pub async fn one_of_a_hundred_takers_gets_the_lease<S: Store + 'static>(make: impl AsyncFn() -> Subject<S>) {
    let store = Arc::new(make().await);
    let owner = user(&**store).await;
    let (_, run) = insert(&**store, a_submission().by(owner)).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { try_lease(&**store, run, 0).await })
        })
        .collect();
    let mut leases = Vec::new();
    for task in tasks {
        leases.extend(task.await.unwrap());
    }
    assert_eq!(leases.len(), 1);
    assert_eq!((leases[0].attempt, leases[0].until), (1, at(30)));
}

pub async fn a_run_is_not_leased_before_it_is_due<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (_, run) = insert(&*store, a_submission().by(owner).run_at(at(10))).await;
    assert!(try_lease(&*store, run, 9).await.is_none());
    assert!(try_lease(&*store, RunId::from_uuid(crate::fresh()), 10).await.is_none());
    assert!(try_lease(&*store, run, 10).await.is_some());
}

fn languages(names: &[&str]) -> Needs {
    names.iter().map(|name| name.parse().expect("a language's id")).collect()
}

pub async fn a_run_is_leased_only_to_a_worker_with_all_needed_languages<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let new = NewSubmissions { also_needs: languages(&["cpp", "c"]), ..a_submission().by(owner).alone() };
    let (id, run) = (new.submissions[0].0.id, new.submissions[0].1);
    store.insert(new).await.unwrap();
    let needs = languages(&["c", "cpp", "python"]);
    let due = store.due(at(0), DuePlace::before(at(-1)), 10).await.unwrap();
    assert_eq!(due.iter().map(|due| &due.needs).collect::<Vec<_>>(), [&needs]);
    let lease_with = async |has: &[&str], second: i64| {
        let has = Some(Arc::new(languages(has)));
        let (now, until) = (at(second), at(second + 30));
        store.lease(run, lease_id(), super::worker(), now, until, has).await.unwrap()
    };
    for has in [&[][..], &["python"], &["c", "cpp"], &["cpp", "java", "python"]] {
        assert!(lease_with(has, 0).await.is_none(), "{has:?}");
    }
    let record = store.submission(id).await.unwrap().expect("a record");
    assert_eq!(record.state, RunState::Queued { attempts: 0, lost: 0 }, "a refused lease costs no attempt");
    let leased = lease_with(&["c", "cpp", "java", "python"], 0).await.expect("a lease");
    assert_eq!(leased.needs, needs);
    // The run needs the same languages, however it returned to the queue.
    let expired = store.expire(at(30), at(30), 2, 10).await.unwrap();
    assert_eq!(expired[0].needs, needs);
    assert!(lease_with(&["python"], 30).await.is_none());
    assert!(lease_with(&["c", "cpp", "python"], 30).await.is_some());
    assert_eq!(store.expire(at(60), at(60), 2, 10).await.unwrap().len(), 1);
    let retried = cupel_core::dead_letters::retry_in(&*store, &[id], at(61)).await.unwrap();
    assert_eq!(retried[0].needs, needs);
}

pub async fn waiting_runs_are_counted_by_their_needs<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    assert_eq!(store.waiting_for(at(0)).await.unwrap(), []);
    for n in 0..5 {
        let language = if n < 3 { "python" } else { "c" };
        insert(&*store, a_submission().by(owner).in_language(language)).await;
    }
    insert(&*store, a_submission().by(owner).in_language("c").run_at(at(10))).await;
    let (_, taken) = insert(&*store, a_submission().by(owner).in_language("c")).await;
    lease(&*store, taken, 0).await;
    let mut waiting = store.waiting_for(at(0)).await.unwrap();
    waiting.sort();
    assert_eq!(waiting, [(languages(&["c"]), 2), (languages(&["python"]), 3)]);
}

pub async fn a_result_and_its_log_are_read_back_complete<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let step = |outcome, stdout: &[u8]| StepReport {
        outcome,
        exit_code: None,
        signal: Some(9),
        stdout: Output { data: stdout.into(), truncated: true },
        stderr: Output { data: Arc::from(&b"warning\n"[..]), truncated: false },
        ..a_report(b"").execution.expect("an execution")
    };
    let outcomes = [
        Outcome::Exited(3),
        Outcome::Signalled(Signal(11)),
        Outcome::TimeLimit,
        Outcome::WallLimit,
        Outcome::IdleLimit,
        Outcome::InstructionLimit,
        Outcome::MemoryLimit,
        Outcome::OutputLimit,
        Outcome::DiskLimit,
        Outcome::Cancelled,
    ];
    for (outcome, verdict) in outcomes.into_iter().zip(Verdict::ALL) {
        let mut report = a_report(b"");
        report.verdict = verdict;
        report.limits.instructions = Some(Instructions::new(1 << 40));
        report.message = Some("why".into());
        report.compile = Some(CompileReport {
            ok: true,
            output: Output { data: vec![b'w'; 5000].into(), truncated: true },
            exit_code: Some(3),
            limit: Some(outcome),
            wall_time: Duration::from_millis(17),
            cached: true,
        });
        report.execution = None;
        report.cases = vec![
            CaseReport {
                name: "a".into(),
                verdict: Verdict::Accepted,
                message: None,
                step: step(Outcome::Exited(0), b"one two"),
            },
            CaseReport { name: "b".into(), verdict, message: Some("why".into()), step: step(outcome, b"one two") },
        ];
        report.files = vec![
            FetchedFile {
                path: BoxPath::new("out/a.png").unwrap(),
                content: Output { data: vec![0xff; 300].into(), truncated: true },
            },
            FetchedFile { path: BoxPath::new("empty").unwrap(), content: Output::default() },
        ];
        let artifact =
            |path: &str, size, content| Artifact { path: BoxPath::new(path).unwrap(), size: Bytes::new(size), content };
        let content = |data: &[u8], media_type: &str| ArtifactContent {
            data: data.into(),
            media_type: media_type.to_owned(),
            hash: ContentHash::from_bytes([7; 32]),
        };
        report.artifacts = Artifacts {
            files: vec![
                artifact("a.png", 300, Ok(content(&[0xfe; 300], "image/png"))),
                artifact("b.png", 300, Ok(content(&[0xfe; 300], "image/png"))),
                artifact("empty", 0, Ok(content(b"", "text/plain; charset=utf-8"))),
                artifact("large", 5 << 20, Err(Omission::FileTooLarge)),
            ],
            has_more: true,
        };
        let (submission, run) = insert(&*store, a_submission().by(owner)).await;
        let leased = lease(&*store, run, 1).await;
        let output =
            |case: &str, stream, data: &[u8]| EventKind::Output { case: Some(case.into()), stream, data: data.into() };
        let usage = report.cases[0].step.usage;
        // The log has the beginning of the compiler's output in the report, or another text.
        let compiler_output = if verdict == Verdict::ALL[0] { b"other".to_vec() } else { vec![b'w'; 3000] };
        let kinds = [
            EventKind::Started { attempt: 1 },
            EventKind::CompileStarted,
            EventKind::CompileEnded {
                ok: true,
                cached: true,
                wall_time: Duration::from_millis(17),
                output: compiler_output.into(),
            },
            EventKind::ExecutionStarted { case: Some("a".into()) },
            output("a", Stream::Stdout, b"one "),
            output("a", Stream::Stderr, b"warning\n"),
            output("a", Stream::Stdout, b"two"),
            output("a", Stream::Stdout, b"and what the report does not have \0\xff"),
            EventKind::ExecutionEnded {
                case: Some("a".into()),
                verdict: Verdict::Accepted,
                outcome: Outcome::Exited(0),
                usage,
            },
            EventKind::ExecutionStarted { case: Some("b".into()) },
            output("b", Stream::Stdout, b""),
            output("b", Stream::Stdout, b"other"),
            EventKind::ExecutionEnded { case: Some("b".into()), verdict, outcome, usage },
            EventKind::Finished { verdict },
        ];
        let events: Vec<Event> = (1..)
            .zip(kinds)
            .map(|(n, kind)| Event { submission: submission.id, seq: Seq::of_attempt(1, n), at: at(2), kind })
            .collect();
        let done = Completion { owner: submission.owner, report: report.clone(), events: events.clone(), at: at(3) };
        assert!(store.complete(run, leased.lease, done).await.unwrap());

        let record = store.submission(submission.id).await.unwrap().expect("a record");
        assert_eq!(record.report, Some(report));
        assert_eq!(record.state, RunState::Judged { attempts: 1, verdict });
        assert_eq!((record.started_at, record.completed_at), (Some(at(1)), Some(at(3))));
        let log = store.events(submission.id, Seq::default()).await.unwrap();
        assert_eq!(log[0], Event::queued(submission.id, at(0)));
        assert_eq!(log[1..], events);
        assert_eq!(store.events(submission.id, Seq::of_attempt(1, 12)).await.unwrap(), events[12..]);
    }
}

pub async fn a_stale_lease_changes_nothing<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (submission, run) = insert(&*store, a_submission().by(owner)).await;
    let first = lease(&*store, run, 0).await;
    assert_eq!(store.expire(at(30), at(30), 3, 10).await.unwrap().len(), 1);
    let second = lease(&*store, run, 30).await;
    assert_eq!(second.attempt, 2);

    assert!(!store.complete(run, first.lease, a_completion(&first, b"late", at(31))).await.unwrap());
    assert_eq!(store.renew(&[(run, first.lease)], at(99)).await.unwrap(), [first.lease]);
    let both = [(run, first.lease), (run, second.lease)];
    assert_eq!(store.renew(&both, at(60)).await.unwrap(), [first.lease], "one of two leases of a run is lost");
    let given = GivenBack { lost_attempt: true, why: String::new(), now: at(31), due: at(31), attempts_max: 3 };
    assert_eq!(store.give_back(run, first.lease, given).await.unwrap(), None);

    let record = store.submission(submission.id).await.unwrap().expect("a record");
    assert_eq!(record.state, RunState::Leased { attempts: 2, lost: 1, lease: second.lease, until: at(60) });
    assert_eq!(record.report, None);
    assert!(store.complete(run, second.lease, a_completion(&second, b"in time", at(32))).await.unwrap());
    let record = store.submission(submission.id).await.unwrap().expect("a record");
    assert_eq!(record.report, Some(a_report(b"in time")));
}

pub async fn a_run_is_judged_once<S: Store + 'static>(make: impl AsyncFn() -> Subject<S>) {
    let store = Arc::new(make().await);
    let owner = user(&**store).await;
    let (_, run) = insert(&**store, a_submission().by(owner)).await;
    let leased = lease(&**store, run, 0).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (store, leased) = (Arc::clone(&store), leased.clone());
            tokio::spawn(
                async move { store.complete(run, leased.lease, a_completion(&leased, b"x", at(1))).await.unwrap() },
            )
        })
        .collect();
    let mut written = 0;
    for task in tasks {
        written += u32::from(task.await.unwrap());
    }
    assert_eq!(written, 1);
    assert!(try_lease(&**store, run, 99).await.is_none());
}

pub async fn renewing_extends_leases_and_returns_the_lost_ones<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (_, kept) = insert(&*store, a_submission().by(owner)).await;
    let (cancelled, gone) = insert(&*store, a_submission().by(owner)).await;
    let (kept_lease, gone_lease) = (lease(&*store, kept, 0).await.lease, lease(&*store, gone, 0).await.lease);
    store.cancel(cancelled.id, None, at(1)).await.unwrap();
    let unknown = RunId::from_uuid(crate::fresh());
    let never = lease_id();
    let leases = [(kept, kept_lease), (gone, gone_lease), (unknown, never)];
    assert_eq!(store.renew(&leases, at(60)).await.unwrap(), [gone_lease, never]);
    assert!(store.expire(at(59), at(59), 3, 10).await.unwrap().is_empty());
    assert_eq!(store.expire(at(60), at(60), 3, 10).await.unwrap()[0].hint.run, kept);
    assert!(store.renew(&[], at(60)).await.unwrap().is_empty());
}

pub async fn a_silent_worker_loses_its_lease_and_finally_the_run_is_abandoned<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let owner = user(&*store).await;
    let (submission, run) = insert(&*store, a_submission().by(owner).priority(PriorityClass::Interactive)).await;
    for attempt in 1..=2 {
        let held = lease(&*store, run, 100 * attempt).await.lease;
        let expired = store.expire(at(100 * attempt + 30), at(100 * attempt + 30), 2, 10).await.unwrap();
        assert_eq!(expired.len(), 1);
        assert_eq!(
            (expired[0].hint.run, expired[0].hint.owner, expired[0].hint.class),
            (run, owner, PriorityClass::Interactive)
        );
        assert_eq!((expired[0].submission, expired[0].lease), (submission.id, held));
        let expected =
            if attempt == 1 { RunState::Queued { attempts: 1, lost: 1 } } else { RunState::Abandoned { attempts: 2 } };
        assert_eq!(expired[0].state, expected);
    }
    assert!(try_lease(&*store, run, 999).await.is_none());
    let record = store.submission(submission.id).await.unwrap().expect("a record");
    assert_eq!((record.state, record.completed_at), (RunState::Abandoned { attempts: 2 }, Some(at(230))));
    let log = store.events(submission.id, Seq::default()).await.unwrap();
    assert_eq!(log.last(), Some(&Event::finished(submission.id, 2, at(230), Verdict::InternalError)));
    // The store returns at most the requested number of runs. On request, it expires the leases of all workers.
    for _ in 0..3 {
        let (_, run) = insert(&*store, a_submission().by(owner)).await;
        lease(&*store, run, 300).await;
    }
    assert_eq!(store.expire(Timestamp::MAX, at(301), 2, 2).await.unwrap().len(), 2);
    assert_eq!(store.expire(Timestamp::MAX, at(301), 2, 2).await.unwrap().len(), 1);
}

pub async fn giving_back_costs_an_attempt_only_if_it_is_lost<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (submission, run) = insert(&*store, a_submission().by(owner)).await;
    let given = |lost_attempt, seconds: i64, due: i64| GivenBack {
        lost_attempt,
        why: String::new(),
        now: at(seconds),
        due: at(due),
        attempts_max: 2,
    };
    for n in 1..=5 {
        let leased = lease(&*store, run, n).await;
        assert_eq!(leased.attempt, n as u32, "each attempt has its own number");
        let state = store.give_back(run, leased.lease, given(false, n, n)).await.unwrap();
        assert_eq!(state, Some((submission.id, RunState::Queued { attempts: n as u32, lost: 0 })));
    }
    let leased = lease(&*store, run, 10).await;
    let state = store.give_back(run, leased.lease, given(true, 10, 15)).await.unwrap();
    assert_eq!(state, Some((submission.id, RunState::Queued { attempts: 6, lost: 1 })));
    assert!(try_lease(&*store, run, 14).await.is_none(), "the run is not leased before it is due again");
    let leased = lease(&*store, run, 15).await;
    let state = store.give_back(run, leased.lease, given(true, 16, 20)).await.unwrap();
    assert_eq!(state, Some((submission.id, RunState::Abandoned { attempts: 7 })));
    assert_eq!(store.submission(submission.id).await.unwrap().expect("a record").completed_at, Some(at(16)));
}

pub async fn only_the_first_cancellation_ends_a_run_that_has_not_ended<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (queued, queued_run) = insert(&*store, a_submission().by(owner)).await;
    let (running, run) = insert(&*store, a_submission().by(owner)).await;
    let (judged, judged_run) = insert(&*store, a_submission().by(owner)).await;
    let leased = lease(&*store, run, 0).await;
    let done = lease(&*store, judged_run, 0).await;
    assert!(store.complete(judged_run, done.lease, a_completion(&done, b"", at(1))).await.unwrap());

    for (submission, run, attempts) in [(&queued, queued_run, 0), (&running, run, 1)] {
        let first = store.cancel(submission.id, None, at(2)).await.unwrap().expect("a submission");
        assert_eq!((first.run, first.state, first.changed), (run, RunState::Cancelled { attempts }, true));
        let again = store.cancel(submission.id, None, at(3)).await.unwrap().expect("a submission");
        assert_eq!((again.state, again.changed), (RunState::Cancelled { attempts }, false));
        let log = store.events(submission.id, Seq::default()).await.unwrap();
        assert_eq!(log.last(), Some(&Event::finished(submission.id, attempts, at(2), Verdict::Cancelled)));
        assert!(try_lease(&*store, run, 9).await.is_none());
    }
    assert!(!store.complete(run, leased.lease, a_completion(&leased, b"", at(4))).await.unwrap());
    let late = store.cancel(judged.id, None, at(5)).await.unwrap().expect("a submission");
    assert_eq!((late.state, late.changed), (RunState::Judged { attempts: 1, verdict: Verdict::Accepted }, false));
    assert_eq!(store.cancel(SubmissionId::from_uuid(crate::fresh()), None, at(5)).await.unwrap(), None);
}

pub async fn due_runs_are_listed_in_order_and_paginated<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let mut expected = Vec::new();
    for i in 0..7 {
        let (_, run) = insert(&*store, a_submission().by(owner).submitted_at(at(i / 3))).await;
        expected.push(run);
    }
    let (_, later) = insert(&*store, a_submission().by(owner).run_at(at(50))).await;
    let (_, leased) = insert(&*store, a_submission().by(owner)).await;
    lease(&*store, leased, 0).await;
    let mut found = Vec::new();
    let mut after = DuePlace::before(Timestamp::MIN);
    loop {
        let page = store.due(at(49), after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3 && last.place > after);
        after = last.place;
        found.extend(page.iter().map(|due| due.hint.run));
    }
    assert_eq!(found, expected);
    let due = store.due(at(50), DuePlace::before(at(50)), 9).await.unwrap();
    assert_eq!(due.iter().map(|d| d.hint.run).collect::<Vec<_>>(), [later]);
}

pub async fn the_log_has_only_its_first_event_until_the_run_ends<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (submission, run) = insert(&*store, a_submission().by(owner)).await;
    let queued = Event::queued(submission.id, at(0));
    assert_eq!(store.events(submission.id, Seq::default()).await.unwrap(), std::slice::from_ref(&queued));
    assert!(store.events(submission.id, queued.seq).await.unwrap().is_empty());
    let leased = lease(&*store, run, 1).await;
    assert_eq!(store.events(submission.id, Seq::default()).await.unwrap(), std::slice::from_ref(&queued));
    let done = a_completion(&leased, b"42\n", at(2));
    assert!(store.complete(run, leased.lease, done.clone()).await.unwrap());
    let log = store.events(submission.id, Seq::default()).await.unwrap();
    assert_eq!((&log[0], &log[1..]), (&queued, &done.events[..]));
    assert!(log.last().expect("events").kind.is_final());
    assert!(store.events(submission.id, Seq(u64::MAX)).await.unwrap().is_empty());
    assert!(store.events(SubmissionId::from_uuid(crate::fresh()), Seq::default()).await.unwrap().is_empty());
}
