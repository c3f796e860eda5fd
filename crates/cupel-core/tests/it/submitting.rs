//! Submitting: accepted submissions, reported faults, and repeated requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cupel_core::{
    Bounds, Clock as _, ExecuteRequest, Executed, Idempotency, InputFault, InputFaultKind, NewProgram, NewSource,
    NewSubmission, RateExceeded, RateLimit, RunStore as _, SubmitError, Submitted, SubmittedEach, Wait,
};
use cupel_queue::EmbeddedQueue;
use cupel_testkit::{SubmissionBuilder, Unlimited, a_submission, registry};
use cupel_types::{Bytes, Instructions, LimitsRequest, SubmissionKind, TestCase};
use jiff::SignedDuration;

use super::{App, another_user, core_with, finish, next};

async fn faults(app: &App, new: Vec<NewSubmission>) -> Vec<InputFault> {
    match app.core.submit(app.owner, new, None, &Unlimited).await {
        Err(SubmitError::Invalid(faults)) => faults,
        other => panic!("faults were expected: {other:?}"),
    }
}

async fn check(
    app: &App,
    change: impl FnOnce(&mut NewProgram),
    expected: &[(&str, InputFaultKind)],
) -> Vec<InputFault> {
    check_sent(app, a_submission().with_program(change), expected).await
}

async fn check_sent(app: &App, sent: SubmissionBuilder, expected: &[(&str, InputFaultKind)]) -> Vec<InputFault> {
    let found = faults(app, vec![sent.as_sent()]).await;
    let places: Vec<_> = found.iter().map(|f| (f.pointer.as_str(), f.kind)).collect();
    assert_eq!(places, expected, "{found:?}");
    assert!(found.iter().all(|f| !f.detail.is_empty()));
    found
}

fn bytes(n: usize) -> Arc<[u8]> {
    vec![b'x'; n].into()
}

#[tokio::test]
async fn every_kind_of_fault_is_reported_with_its_position() {
    use InputFaultKind::*;
    let app = App::start().await;
    let file = |path: &str| (path.to_owned(), bytes(1));

    let found = check(&app, |s| s.source.language = "pyton".into(), &[("/language", UnknownLanguage)]).await;
    assert!(found[0].detail.contains("`python`"), "{}", found[0].detail);
    check(&app, |s| s.source.language = "\u{1b}[31mé".repeat(1000), &[("/language", UnknownLanguage)]).await;
    check(&app, |s| s.source.language = String::new(), &[("/language", Missing)]).await;
    let found = check(&app, |s| s.source.language = "php".into(), &[("/language", LanguageUnavailable)]).await;
    assert!(found[0].detail.contains("not here"), "{}", found[0].detail);

    check(&app, |s| s.source.files.clear(), &[("/files", Missing)]).await;
    check(&app, |s| s.source.files[0].1 = bytes((256 << 10) + 1), &[("/files/0", TooLarge)]).await;
    check(&app, |s| s.source.files.extend((0..100).map(|i| file(&format!("f{i}")))), &[("/files", TooMany)]).await;
    check(
        &app,
        |s| s.source.files.extend((0..40).map(|i| (format!("f{i}"), bytes(250 << 10)))),
        &[("/files", TooLarge)],
    )
    .await;
    for path in ["../x", "/etc/passwd", "a/./b", "a\0", ""] {
        check(&app, |s| s.source.files.push(file(path)), &[("/files/1/path", BadPath)]).await;
    }
    check(&app, |s| s.source.files.push(file("main.py")), &[("/files/1/path", BadPath)]).await;
    check(&app, |s| s.source.files.extend([file("a/b/c"), file("a")]), &[("/files/1/path", BadPath)]).await;
    check(&app, |s| s.source.files.extend([file("a"), file("a/b")]), &[("/files/2/path", BadPath)]).await;

    check(&app, |s| s.args = vec!["ok".into(), "a\0b".into()], &[("/args/1", BadArgument)]).await;
    check(&app, |s| s.args = vec!["x".into(); 257], &[("/args", TooMany)]).await;
    check(&app, |s| s.args = vec!["x".repeat(65_536)], &[("/args", TooLarge)]).await;
    check(&app, |s| s.env = vec![("A".into(), "x".repeat(65_536))], &[("/env", TooLarge)]).await;
    check(&app, |s| s.env = vec![("A/B~C".into(), "1".into())], &[("/env/A~1B~0C", BadEnv)]).await;
    check(
        &app,
        |s| s.env = vec![("1A".into(), "1".into()), (String::new(), "1".into())],
        &[("/env/1A", BadEnv), ("/env/", BadEnv)],
    )
    .await;
    check(&app, |s| s.env = vec![("A".into(), "1\0".into())], &[("/env/A", BadEnv)]).await;
    check(&app, |s| s.env = vec![("A".into(), "1".into()), ("A".into(), "2".into())], &[("/env/A", BadEnv)]).await;
    check(&app, |s| s.env = (0..65).map(|i| (format!("A{i}"), String::new())).collect(), &[("/env", TooMany)]).await;

    check(&app, |s| s.stdin = bytes((4 << 20) + 1), &[("/stdin", TooLarge)]).await;
    let test = |name: &str, n| TestCase { name: name.into(), stdin: bytes(n), expected: None };
    check(&app, |s| s.tests = vec![test("a", 1); 101], &[("/tests", TooMany)]).await;
    check(&app, |s| s.tests = vec![test("a", 1), test("a", 1)], &[("/tests/1/name", BadTest)]).await;
    check(&app, |s| s.tests = vec![test("2", 1), test("", 1)], &[("/tests/1/name", BadTest)]).await;
    check(&app, |s| s.tests = vec![test("a\n", 1)], &[("/tests/0/name", BadTest)]).await;
    check(&app, |s| s.tests = (0..5).map(|i| test(&i.to_string(), 4 << 20)).collect(), &[("/tests", TooLarge)]).await;
    check(&app, |s| s.tests = vec![test("a", (4 << 20) + 1)], &[("/tests/0/stdin", TooLarge)]).await;
    check(&app, |s| (s.tests, s.stdin) = (vec![test("a", 1)], bytes(1)), &[("/stdin", BadTest)]).await;

    let too_far = app.clock.now() + SignedDuration::from_hours(30 * 24 + 1);
    check_sent(&app, a_submission().run_at(too_far), &[("/run_at", RunAtTooFar)]).await;
    for url in [
        "ftp://x",
        "http://",
        "javascript:alert(1)",
        "https://user@host/",
        "https://ho st/",
        "//x",
        "",
        "example.com",
        "http:///x",
        "https://:443/",
        "https://x:99999/",
        "https://[::1",
        "https://[x]/",
        "https://x<y/",
        "https:/x",
        "file:///etc/passwd",
        &format!("https://x/{}", "y".repeat(2048)),
    ] {
        check_sent(&app, a_submission().webhook(url), &[("/webhook", BadWebhook)]).await;
    }
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 0, "nothing was written");
}

#[tokio::test]
async fn a_limit_is_between_one_and_the_languages_maximum() {
    use InputFaultKind::*;
    let app = App::start().await;
    let max = registry().find("python").expect("python").limits_max;
    let requested = LimitsRequest {
        cpu_time: Some(max.cpu_time + Duration::from_millis(1)),
        wall_time: Some(Duration::ZERO),
        memory: Some(Bytes::new(max.memory.get() + 1)),
        processes: Some(0),
        output: Some(Bytes::new(u64::MAX)),
        ..LimitsRequest::default()
    };
    let expected = [
        ("/limits/cpu_time_ms", LimitAboveMaximum),
        ("/limits/wall_time_ms", LimitInvalid),
        ("/limits/memory_bytes", LimitAboveMaximum),
        ("/limits/processes", LimitInvalid),
        ("/limits/output_bytes", LimitAboveMaximum),
    ];
    let found = check(&app, |s| s.limits = requested, &expected).await;
    assert!(found[2].detail.contains(&max.memory.to_string()), "{}", found[2].detail);
    let at_the_maximum =
        LimitsRequest { cpu_time: Some(max.cpu_time), memory: Some(max.memory), ..LimitsRequest::default() };
    app.submit(a_submission().limits(at_the_maximum)).await;
}

#[tokio::test]
async fn instruction_limits_are_accepted_only_if_instructions_are_counted() {
    let app = App::start().await;
    let requested = |n| LimitsRequest { instructions: Some(Instructions::new(n)), ..LimitsRequest::default() };
    let expected = [("/limits/instructions", InputFaultKind::LimitInvalid)];
    let found = check(&app, |s| s.limits = requested(1_000_000), &expected).await;
    assert!(found[0].detail.contains("cannot be counted"), "{}", found[0].detail);

    let bounds = Bounds { counts_instructions: true, ..Bounds::default() };
    let app = App { core: core_with(&app.store, &app.clock, EmbeddedQueue::default(), bounds), ..app };
    check(&app, |s| s.limits = requested(0), &expected).await;
    let id = app.submit(a_submission().limits(requested(1_000_000))).await;
    let record = app.store.submission(id).await.unwrap().expect("a record");
    assert_eq!(record.submission.limits, requested(1_000_000));
}

#[tokio::test]
async fn a_batch_with_errors_is_refused_as_a_whole_and_all_errors_are_reported() {
    let app = App::start().await;
    let bad =
        a_submission().with_program(|s| (s.source.language, s.args) = ("cobol!".into(), vec!["\0".into()])).as_sent();
    let found = faults(&app, vec![a_submission().as_sent(), bad.clone(), a_submission().as_sent(), bad]).await;
    let places: Vec<_> = found.iter().map(|f| (f.index, f.pointer.as_str())).collect();
    assert_eq!(places, [(Some(1), "/language"), (Some(1), "/args/0"), (Some(3), "/language"), (Some(3), "/args/0")]);
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 0);
    let too_many = vec![a_submission().as_sent(); 1001];
    let whole = |faults: Vec<InputFault>| (faults.len(), faults[0].index, faults[0].kind);
    assert_eq!(whole(faults(&app, too_many).await), (1, None, InputFaultKind::TooMany));
    let too_large = vec![a_submission().with_program(|s| s.stdin = bytes(4 << 20)).as_sent(); 17];
    assert_eq!(whole(faults(&app, too_large).await), (1, None, InputFaultKind::TooLarge));
}

#[tokio::test]
async fn a_batch_of_independent_submissions_is_accepted_without_the_invalid_ones() {
    let app = App::start().await;
    let submit = async |new: Vec<NewSubmission>| app.core.submit_each(app.owner, new, None, &Unlimited).await;
    let bad =
        a_submission().with_program(|s| (s.source.language, s.args) = ("cobol!".into(), vec!["\0".into()])).as_sent();
    let private = a_submission().webhook("http://127.0.0.1/").as_sent();
    let good = a_submission().as_sent();
    let sent = submit(vec![bad.clone(), good.clone(), private.clone(), good.clone()]).await.unwrap();
    let SubmittedEach::New(results) = sent else { panic!("{sent:?}") };
    let pointers = |faults: &Vec<InputFault>| faults.iter().map(|f| f.pointer.clone()).collect::<Vec<_>>();
    let refused: Vec<_> = results.iter().map(|one| one.as_ref().map_err(pointers).err()).collect();
    assert_eq!(refused, [Some(vec!["/language".into(), "/args/0".into()]), None, Some(vec!["/webhook".into()]), None]);
    let accepted: Vec<_> = results.iter().filter_map(|one| one.as_ref().ok().copied()).collect();
    let listed = app.store.list(None, 0, 10).await.unwrap().0;
    assert_eq!(listed.iter().rev().map(|one| one.id).collect::<Vec<_>>(), accepted);

    let SubmittedEach::New(results) = submit(vec![bad, private]).await.unwrap() else { panic!("no key was sent") };
    assert!(results.iter().all(Result::is_err), "{results:?}");
    let too_many = submit(vec![good; 1001]).await;
    assert!(matches!(&too_many, Err(SubmitError::Invalid(faults)) if faults[0].index.is_none()), "{too_many:?}");
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 2, "a request that is refused as a whole writes nothing");
}

#[tokio::test]
async fn webhooks_are_http_urls_and_the_scheme_is_case_insensitive() {
    let app = App::start().await;
    for url in [
        "http://example.com",
        "https://example.com:8443/a?b=c",
        "HTTPS://[2606:4700::1111]/",
        "Http://[2606:4700::1111]:80",
        "http://x/@",
    ] {
        app.submit(a_submission().webhook(url)).await;
    }
}

#[tokio::test]
async fn a_webhook_with_a_literal_private_address_is_refused() {
    let app = App::start().await;
    for url in
        ["http://127.1:80/", "https://[::1]/hook", "http://10.0.0.1?x", "http://LOCALHOST:8080/", "http://2130706433/"]
    {
        check_sent(&app, a_submission().webhook(url), &[("/webhook", InputFaultKind::BadWebhook)]).await;
    }
}

#[tokio::test]
async fn too_many_arguments_are_one_error_and_the_list_of_errors_is_bounded() {
    use InputFaultKind::*;
    let app = App::start().await;
    check(&app, |s| s.args = vec!["\0".into(); 257], &[("/args", TooMany)]).await;
    let bad = a_submission().with_program(|s| s.args = vec!["\0".into(); 60]).as_sent();
    let found = faults(&app, vec![bad; 1000]).await;
    assert_eq!(found.len(), 101);
    let last = &found[100];
    assert_eq!((last.index, last.pointer.as_str(), last.kind), (Some(1), "", BadArgument));
    assert!(last.detail.contains("first 100"), "{}", last.detail);
}

/// Regression: such a program was accepted, and ended as an internal failure, because the sandbox refused its command.
#[tokio::test]
async fn a_program_with_a_command_that_is_too_long_is_refused() {
    let app = App::start().await;
    let deep = |i: usize, extension: &str| {
        let folder = "d".repeat(250);
        (format!("{folder}/{folder}/{folder}/{folder}/{i}.{extension}"), bytes(1))
    };
    let of = |language: &str, main: &str, extension: &str| NewSource {
        language: language.into(),
        files: std::iter::once((main.to_owned(), bytes(1))).chain((0..99).map(|i| deep(i, extension))).collect(),
    };
    let long = |kib: usize| vec!["x".repeat(kib << 10)];
    let is_too_large = |pointer| [(pointer, InputFaultKind::TooLarge)];
    let found = check(&app, |s| s.source = of("c", "main.c", "c"), &is_too_large("/files")).await;
    let detail = &found[0].detail;
    assert!(detail.starts_with("the compile command") && detail.contains("at most 96 KiB"), "{detail}");
    for (compiler, linker, pointer) in [(40, 60, "/linker_args"), (60, 40, "/compiler_args")] {
        let change = |s: &mut NewProgram| {
            s.source = NewSource { language: "c".into(), files: vec![("main.c".into(), bytes(1))] };
            (s.tools.compiler_args, s.tools.linker_args) = (long(compiler), long(linker));
        };
        check(&app, change, &is_too_large(pointer)).await;
    }
    let found =
        check(&app, |s| (s.args, s.tools.interpreter_args) = (long(60), long(40)), &is_too_large("/args")).await;
    assert!(found[0].detail.starts_with("the command that starts the program"), "{}", found[0].detail);

    // These commands do not name the files, or do not have the arguments.
    for source in [of("c", "main.c", "txt"), of("python", "main.py", "py")] {
        app.submit(a_submission().with_program(|s| s.source = source)).await;
    }
    app.submit(a_submission().with_program(|s| {
        (s.source, s.tools.main_only) = (of("c", "main.c", "c"), true);
    }))
    .await;
    app.submit(a_submission().with_program(|s| {
        (s.tools.compiler_args, s.tools.linker_args) = (long(60), long(60));
    }))
    .await;
}

#[tokio::test]
async fn all_contents_of_a_batch_count_towards_its_size_bound() {
    let app = App::start().await;
    let full = |n: usize, change: fn(&mut NewProgram)| vec![a_submission().with_program(change).as_sent(); n];
    let args: fn(&mut NewProgram) = |s| s.args = vec!["x".repeat(60 << 10)];
    let env: fn(&mut NewProgram) = |s| s.env = vec![("A".into(), "x".repeat(60 << 10))];
    let names: fn(&mut NewProgram) = |s| {
        let name = |i: usize| format!("{i:0>100}");
        s.tests = (0..100).map(|i| TestCase { name: name(i), stdin: bytes(500), expected: None }).collect();
    };
    for change in [args, env, names] {
        let found = faults(&app, full(300, change)).await;
        assert_eq!((found.len(), found[0].kind, found[0].pointer.as_str()), (1, InputFaultKind::TooLarge, ""));
        app.core.submit(app.owner, full(3, change), None, &Unlimited).await.expect("accepted");
    }
}

#[tokio::test]
async fn missing_names_of_files_and_tests_are_filled_in() {
    let app = App::start().await;
    let test = TestCase { name: String::new(), stdin: bytes(0), expected: None };
    let id = app.submit(a_submission().in_language("python3").with_program(|s| {
        s.source.files[0].0.clear();
        s.tests = vec![test.clone(), test];
    }));
    let id = id.await;
    let submission = app.core.submission(&app.me(), id).await.unwrap().expect("a record").submission;
    let SubmissionKind::Program(program) = &submission.kind else { panic!("the submission is a program") };
    assert_eq!(program.source.language.as_str(), "python", "the id, not the alias");
    assert_eq!(program.source.files.iter().next().expect("a file").path.as_str(), "main.py");
    assert_eq!(program.tests.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["1", "2"]);
}

#[tokio::test]
async fn a_full_queue_refuses_before_anything_is_written() {
    let app = App::with_queue(EmbeddedQueue::new(3)).await;
    app.submit_one().await;
    app.submit_one().await;
    let refused = app.core.submit(app.owner, vec![a_submission().as_sent(); 2], None, &Unlimited).await;
    match refused {
        Err(SubmitError::QueueFull { retry_after }) => assert!((1..=60).contains(&retry_after.as_secs())),
        other => panic!("{other:?}"),
    }
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 2);
    app.submit_one().await;
    next(&app.core).await;
    app.submit_one().await;
}

#[tokio::test]
async fn a_client_that_waits_for_room_is_accepted_when_there_is_room_and_refused_at_its_deadline() {
    let app = App::with_queue(EmbeddedQueue::new(1)).await;
    app.submit_one().await;
    let execute = |at_most, for_room| {
        let (core, owner) = (app.core.clone(), app.owner);
        async move {
            let wait = Wait { at_most, for_room, given_up: Box::pin(std::future::pending()), permit: Box::new(()) };
            let request = ExecuteRequest::new(owner, a_submission().as_sent(), &Unlimited);
            core.execute(ExecuteRequest { wait: Some(wait), ..request }).await
        }
    };
    let seconds = Duration::from_secs;
    for (at_most, for_room) in [(seconds(300), false), (Duration::from_millis(1100), true)] {
        let begun = Instant::now();
        let refused = execute(at_most, for_room).await;
        assert!(matches!(refused, Err(SubmitError::QueueFull { .. })), "{refused:?}");
        let is_in_time = if for_room { begun.elapsed() >= seconds(1) } else { begun.elapsed() < at_most };
        assert!(is_in_time, "{for_room}: {:?}", begun.elapsed());
    }
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 1, "nothing was written");
    let waiting = tokio::spawn(execute(seconds(30), true));
    let first = next(&app.core).await;
    let second = next(&app.core).await;
    assert_ne!(first.leased.run, second.leased.run);
    finish(&app.core, &second).await;
    assert!(matches!(waiting.await.unwrap(), Ok(Executed::Finished { .. })));
}

#[tokio::test]
async fn scheduled_runs_are_bounded_by_the_size_of_the_queue() {
    let app = App::with_queue(EmbeddedQueue::new(3)).await;
    let later = || a_submission().run_at(app.clock.now() + Duration::from_secs(60)).as_sent();
    app.core.submit(app.owner, vec![later(); 2], None, &Unlimited).await.unwrap();
    let refused = app.core.submit(app.owner, vec![later(); 2], None, &Unlimited).await;
    assert!(matches!(refused, Err(SubmitError::QueueFull { .. })), "{refused:?}");
    app.submit_one().await;
    app.core.submit(app.owner, vec![later()], None, &Unlimited).await.unwrap();
}

#[tokio::test]
async fn one_owner_gets_a_tenth_of_the_queue_for_waiting_and_scheduled_runs() {
    // A tenth is one more than the largest batch.
    let app = App::with_queue(EmbeddedQueue::new(10_010)).await;
    let (now, other) = (a_submission().as_sent(), another_user(&*app.store).await);
    let later = a_submission().run_at(app.clock.now() + Duration::from_secs(60)).as_sent();
    app.core.submit(app.owner, vec![now.clone(); 1000], None, &Unlimited).await.unwrap();
    let refused = app.core.submit(app.owner, vec![now.clone(), later.clone()], None, &Unlimited).await;
    match refused {
        Err(SubmitError::TooManyWaiting { most: 1001, retry_after }) => {
            assert!((1..=60).contains(&retry_after.as_secs()))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 1000, "nothing was written");
    app.core.submit(app.owner, vec![later.clone()], None, &Unlimited).await.unwrap();
    for one in [&now, &later] {
        let refused = app.core.submit(app.owner, vec![one.clone()], None, &Unlimited).await;
        assert!(matches!(refused, Err(SubmitError::TooManyWaiting { .. })), "{refused:?}");
    }
    app.core.submit(other, vec![now.clone(), later], None, &Unlimited).await.unwrap();
    next(&app.core).await;
    app.core.submit(app.owner, vec![now], None, &Unlimited).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_cannot_exceed_the_queues_bound() {
    let app = Arc::new(App::with_queue(EmbeddedQueue::new(10)).await);
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                app.core.submit(app.owner, vec![a_submission().as_sent()], None, &Unlimited).await.is_ok()
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += u64::from(task.await.unwrap());
    }
    assert!((1..=10).contains(&accepted), "{accepted}");
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, accepted);
    assert_eq!(app.core.queue_depth().await.unwrap() as u64, accepted);
}

fn key(app: &App, hash: u8) -> Option<Idempotency> {
    let expires_at = app.clock.now() + SignedDuration::from_hours(24);
    Some(Idempotency { key: "the key".into(), request_hash: [hash; 32], expires_at })
}

#[tokio::test]
async fn a_repeated_request_returns_the_same_ids_and_runs_once() {
    let app = App::start().await;
    let batch = vec![a_submission().as_sent(); 3];
    let first = app.core.submit(app.owner, batch.clone(), key(&app, 1), &Unlimited).await.unwrap();
    let again = app.core.submit(app.owner, batch, key(&app, 1), &Unlimited).await.unwrap();
    assert_eq!((first.repeated, again.repeated), (false, true));
    assert_eq!(first.ids, again.ids);
    let other = app.core.submit(app.owner, vec![a_submission().as_sent()], key(&app, 2), &Unlimited).await;
    assert!(matches!(other, Err(SubmitError::IdempotencyMismatch)), "{other:?}");
    let somebody = another_user(&*app.store).await;
    assert!(app.core.submit(somebody, vec![a_submission().as_sent()], key(&app, 2), &Unlimited).await.is_ok());
    assert_eq!(app.core.queue_depth().await.unwrap(), 4);
    app.clock.advance(Duration::from_secs(25 * 3600));
    assert!(
        !app.core.submit(app.owner, vec![a_submission().as_sent()], key(&app, 2), &Unlimited).await.unwrap().repeated
    );
}

/// Regression: a client that repeated a batch after a lost connection was refused, because the first request had used
/// up its rate.
#[tokio::test]
async fn a_repeated_request_is_not_charged() {
    /// A rate that some submissions use up.
    struct Left(AtomicUsize);

    #[async_trait]
    impl RateLimit for Left {
        async fn charge(&self, submissions: usize) -> Result<(), RateExceeded> {
            let took = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(submissions));
            let refused = RateExceeded { detail: "no more".into(), retry_after: Duration::from_secs(3) };
            took.map(drop).map_err(|_| refused)
        }
    }

    let app = App::start().await;
    let batch = vec![a_submission().as_sent(); 3];
    let named = |name: &str| key(&app, 1).map(|key| Idempotency { key: name.into(), ..key });

    let left = Left(AtomicUsize::new(3));
    let submit = async || app.core.submit(app.owner, batch.clone(), named("all or none"), &left).await;
    let first = submit().await.unwrap();
    assert_eq!(submit().await.unwrap(), Submitted { repeated: true, ..first });
    let other = app.core.submit(app.owner, batch.clone(), named("another"), &left).await;
    assert!(matches!(other, Err(SubmitError::RateExceeded(_))), "{other:?}");

    let left = Left(AtomicUsize::new(3));
    let submit_each = async || app.core.submit_each(app.owner, batch.clone(), named("each"), &left).await.unwrap();
    let SubmittedEach::New(first) = submit_each().await else { panic!("this key is new") };
    let ids = first.into_iter().map(Result::unwrap).collect();
    assert_eq!(submit_each().await, SubmittedEach::Repeated(ids));

    let left = Left(AtomicUsize::new(1));
    let execute = async || {
        let request = ExecuteRequest::new(app.owner, a_submission().as_sent(), &left);
        match app.core.execute(ExecuteRequest { idempotency: named("one"), ..request }).await {
            Ok(Executed::Accepted { id, is_repeated, .. }) => (id, is_repeated),
            other => panic!("{other:?}"),
        }
    };
    let (id, is_repeated) = execute().await;
    assert!(!is_repeated);
    assert_eq!(execute().await, (id, true));
}

/// Regression: a submission that the server had received before the end of a contest could count as late.
#[tokio::test]
async fn a_submission_has_the_time_at_which_the_server_received_it() {
    /// A rate limit that needs a while to answer.
    struct Slow<'a>(&'a App);

    #[async_trait]
    impl RateLimit for Slow<'_> {
        async fn charge(&self, _submissions: usize) -> Result<(), RateExceeded> {
            self.0.clock.advance(Duration::from_secs(5));
            Ok(())
        }
    }

    let app = App::start().await;
    let received_at = app.clock.now();
    let one = vec![a_submission().as_sent()];
    let all = app.core.submit(app.owner, one.clone(), None, &Slow(&app)).await.unwrap();
    let submitted_at = async |id| app.store.submission(id).await.unwrap().unwrap().submission.submitted_at;
    assert_eq!(submitted_at(all.ids[0]).await, received_at);

    let received_at = app.clock.now();
    let each = app.core.submit_each(app.owner, one, None, &Slow(&app)).await.unwrap();
    let SubmittedEach::New(each) = each else { panic!("there is no key") };
    assert_eq!(submitted_at(*each[0].as_ref().unwrap()).await, received_at);
    assert_eq!(app.clock.now(), received_at + Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_equal_requests_get_the_same_ids() {
    let app = Arc::new(App::start().await);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                app.core.submit(app.owner, vec![a_submission().as_sent()], key(&app, 1), &Unlimited).await.unwrap().ids
            })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.extend(task.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(app.store.list(None, 0, 1).await.unwrap().1, 1);
    assert_eq!(app.core.queue_depth().await.unwrap(), 1);
}

/// One address can open many guests. With a share for each of them, other users would wait for a turn of all of them.
#[tokio::test]
async fn the_guests_of_one_address_have_one_share_of_the_queue_together() {
    let app = App::start().await;
    let accounts = app.accounts();
    for _ in 0..5 {
        let guest = accounts.open_guest(7).await.unwrap().user.id;
        for _ in 0..4 {
            app.core.submit(guest, vec![a_submission().as_sent()], None, &Unlimited).await.unwrap();
        }
    }
    let of_another = accounts.open_guest(8).await.unwrap().user.id;
    app.core.submit(of_another, vec![a_submission().as_sent()], None, &Unlimited).await.unwrap();
    let of_user = app.submit_one().await;
    let mut first = Vec::new();
    for _ in 0..3 {
        first.push(next(&app.core).await.leased.submission);
    }
    assert!(first.iter().any(|one| one.id == of_user), "the user waits for one run of each share");
    assert!(first.iter().any(|one| one.owner == of_another));
}
