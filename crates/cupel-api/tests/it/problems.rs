//! Tests of problems over HTTP: the fields that each caller gets, the refusals, and that a refused request stores
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use cupel_core::Bounds;
use cupel_core::accounts::Scope;
use cupel_problem::Visibility;
use cupel_types::{
    Bytes, CaseGrade, Feedback, Grading, Outcome, RunReport, Score, StepReport, Usage, Verdict, Verification,
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::app::{Answer, TestApp, TestUser, a_report, a_step, an_archive};

async fn import(app: &TestApp, by: &TestUser, archive: Vec<u8>, query: &str) -> Answer {
    let call = app.request(Method::POST, &format!("/api/v1/problems{query}")).raw(archive);
    call.header("content-type", "application/x-tar").bearer(&by.token).send().await
}

async fn solve(app: &TestApp, by: &TestUser, slug: &str) -> String {
    let body = json!({ "language": "python", "source_code": "print(input())" });
    let answer = app.post(&format!("/api/v1/problems/{slug}/submissions"), &body).bearer(&by.token).send().await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json["submission_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/api/v1/submissions/{id}"));
    id
}

/// The report of [`graded`] with the full score, which solves the problem.
fn solved() -> RunReport {
    let report = graded(Verdict::Accepted);
    let grading = report.grading.map(|grading| Grading { score: Score::points(10), ..grading });
    RunReport { grading, ..report }
}

/// A report with three cases: a sample, a test with only a verdict, and a hidden test.
fn graded(verdict: Verdict) -> RunReport {
    let case = |name: &str, feedback, step| CaseGrade {
        name: name.into(),
        group: "secret".into(),
        verdict,
        score: None,
        usage: Usage {
            cpu_time: Duration::from_micros(123_456),
            memory: Bytes::new(5_000_001),
            wall_time: Duration::from_millis(130),
            ..Usage::default()
        },
        feedback,
        step,
        conversation: None,
        judge_message: Some("expected `the secret`".into()),
        team_message: Some("look closer".into()),
    };
    RunReport {
        verdict,
        message: Some("test 1 of 3".into()),
        execution: None,
        grading: Some(Grading {
            score: Score::points(3),
            max_score: Score::points(10),
            cases: vec![
                case("sample/1", Feedback::Full, Some(a_step())),
                case("secret/the-trap", Feedback::Verdict, None),
                case("secret/unseen", Feedback::Hidden, None),
            ],
            author_message: Some("secret/the-trap: expected `the secret`".into()),
            ..Grading::default()
        }),
        ..a_report()
    }
}

#[tokio::test]
async fn a_user_has_at_most_four_downloads_and_four_uploads_of_packages_at_a_time() {
    let app = TestApp::start().await;
    let (author, admin) = (app.author().await, app.admin().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let export = |who: &TestUser| app.get("/api/v1/problems/echo/package").bearer(&who.token);
    let mut unread = Vec::new();
    for _ in 0..4 {
        let response = export(&author).start().await;
        assert_eq!(response.status(), 200);
        unread.push(response);
    }
    export(&author).send().await.is_error(429, "rate-limited");
    assert_eq!(export(&admin).send().await.status, 200, "another user");
    unread.pop();
    assert_eq!(export(&author).send().await.status, 200);

    let upload = |who: &TestUser, body: axum::body::Body| {
        let call = app.request(Method::POST, "/api/v1/problems?slug=another").raw(body);
        call.header("content-type", "application/x-tar").bearer(&who.token)
    };
    let begun = Arc::new(Semaphore::new(0));
    let slow = || {
        let begun = Arc::clone(&begun);
        let body = futures_util::stream::once(async move {
            begun.add_permits(1);
            std::future::pending::<std::io::Result<bytes::Bytes>>().await
        });
        tokio::spawn(upload(&author, axum::body::Body::from_stream(body)).start())
    };
    let uploads: Vec<_> = (0..4).map(|_| slow()).collect();
    let all_begun = tokio::time::timeout(Duration::from_secs(120), begun.acquire_many(4));
    all_begun.await.expect("all four are read").unwrap().forget();
    let refused = upload(&author, "not an archive".into()).send().await;
    refused.is_error(429, "rate-limited");
    assert_eq!(upload(&admin, an_archive(&[]).into()).send().await.status, 201, "another user");
    uploads.iter().for_each(tokio::task::JoinHandle::abort);
    for upload in uploads {
        assert!(upload.await.is_err());
    }
    // The upload is read again; the other user has the slug now.
    upload(&author, an_archive(&[]).into()).send().await.is_error(409, "taken");
}

#[tokio::test]
async fn everybody_can_list_read_and_filter_public_problems() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    app.problem(&author, "hidden", Visibility::Draft).await;
    let slugs = async |query: &str, who: Option<&TestUser>| {
        let call = app.get(&format!("/api/v1/problems{query}"));
        let answer = if let Some(who) = who { call.bearer(&who.token) } else { call }.send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let of = |p: &Value| p["slug"].as_str().unwrap().to_owned();
        answer.json["problems"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(slugs("", None).await, ["echo"]);
    assert_eq!(slugs("", Some(&author)).await.len(), 2);
    assert_eq!(slugs("?mine=true", Some(&user)).await, Vec::<String>::new());
    assert_eq!(slugs("?difficulty=easy,hard&tag=strings&q=ECH&sort=newest", None).await, ["echo"]);
    assert_eq!(slugs("?tag=graphs", None).await, Vec::<String>::new());
    // A search also finds tags, by the beginnings of their words.
    assert_eq!(slugs("?q=Str", None).await, ["echo"]);
    assert_eq!(slugs("?q=trings", None).await, Vec::<String>::new());
    let tags = async |query: &str, who: &TestUser| {
        app.get(&format!("/api/v1/problems{query}")).bearer(&who.token).send().await.json["tags"].clone()
    };
    assert_eq!(tags("?tag_counts=true&q=echo&limit=1", &user).await, json!([{ "tag": "strings", "problems": 1 }]));
    assert_eq!(tags("?tag_counts=true&difficulty=hard", &user).await, json!([]));
    assert_eq!(tags("", &user).await, Value::Null);
    assert_eq!(slugs("?state=unsolved", Some(&user)).await, ["echo"]);
    assert_eq!(slugs("?state=new", Some(&user)).await, ["echo"]);
    assert_eq!(slugs("?state=attempted", Some(&user)).await, Vec::<String>::new());
    for bad in ["?difficulty=odd", "?sort=odd", "?state=odd", "?odd=1", "?limit=0", "?tag=%01"] {
        app.get(&format!("/api/v1/problems{bad}")).send().await.is_error(400, "invalid-parameter");
    }

    let read = app.get("/api/v1/problems/echo").send().await;
    assert_eq!(read.status, 200, "{read:?}");
    assert!(read.json["statement"]["text"].as_str().unwrap().starts_with("Print what you read."));
    assert_eq!(
        read.json["samples"],
        json!([{ "name": "sample/1", "input": "a\n", "output": "a\n", "truncated": false }])
    );
    assert_eq!((&read.json["limits"]["cpu_time_ms"], &read.json["may_change"]), (&json!(1000), &json!(false)));
    assert!(!read.text.contains("secret"), "{}", read.text);
    assert!(read.json.get("is_verified").is_none());
    let own = app.get("/api/v1/problems/echo").bearer(&author.token).send().await;
    assert_eq!((&own.json["may_change"], &own.json["is_verified"]), (&json!(true), &json!(null)));
    app.get("/api/v1/problems/hidden").send().await.is_error(404, "not-found");
    app.get("/api/v1/problems/NO SUCH".replace(' ', "%20").as_str()).send().await.is_error(404, "not-found");
    app.get("/api/v1/problems").bearer("rubbish").send().await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn a_response_bounds_samples_and_text_of_a_package() {
    let app = TestApp::start().await;
    let author = app.author().await;
    // Each character takes six bytes in JSON.
    let control = "\u{1}".repeat(8 << 10);
    let names: Vec<_> = (1..=60).flat_map(|n| ["in", "out"].map(|end| format!("tests/sample/{n:02}.{end}"))).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), Some(control.as_str()))).collect();
    assert_eq!(import(&app, &author, an_archive(&files), "?slug=large").await.status, 201);
    let read = app.get("/api/v1/problems/large").bearer(&author.token).send().await;
    assert!(read.text.len() < (1 << 20) + (16 << 10), "{} bytes", read.text.len());
    let samples = read.json["samples"].as_array().unwrap();
    assert_eq!((samples.len(), &read.json["samples_total"]), (50, &json!(61)));
    assert_eq!(read.json["tests_total"], 63);
    let truncated: Vec<_> = samples.iter().map(|sample| sample["truncated"].as_bool().unwrap()).collect();
    assert_eq!((truncated[0], truncated[49]), (false, true));
    assert!(truncated.is_sorted(), "{truncated:?}");
    assert_eq!((&read.json["statement"]["truncated"], &samples[49]["input"]), (&json!(false), &json!("")));
}

#[tokio::test]
async fn a_file_is_streamed_in_bounded_chunks() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let large = "x".repeat(1 << 20);
    let archive = an_archive(&[("attachments/large.txt", Some(&large))]);
    assert_eq!(import(&app, &author, archive, "?slug=large").await.status, 201);
    let read = app.get("/api/v1/problems/large").bearer(&author.token).send().await;
    let url = read.json["attachments"][0]["url"].as_str().unwrap().to_owned();
    let response = app.get(&url).bearer(&author.token).start().await;
    assert_eq!(response.headers()["content-length"], (1 << 20).to_string());
    let (mut body, mut bytes) = (response.into_body(), Vec::new());
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        assert!(piece.len() <= 64 << 10, "{} bytes at once", piece.len());
        bytes.extend_from_slice(&piece);
    }
    assert!(bytes == large.as_bytes(), "{} bytes", bytes.len());
}

#[tokio::test]
async fn a_statement_in_markdown_is_html_on_request_and_without_raw_html() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let text = "Add $a$ and $b$. <script>alert(1)</script> ![A parrot](images/parrot.svg)\n";
    import(&app, &author, an_archive(&[("statement.md", Some(text))]), "?slug=echo").await;
    let read = |query: &str| app.get(&format!("/api/v1/problems/echo{query}")).bearer(&author.token).send();
    let statement = &read("?html=true").await.json["statement"];
    assert_eq!((&statement["text"], &statement["format"]), (&Value::Null, &json!("markdown")));
    let html = statement["html"].as_str().unwrap();
    assert!(html.contains("math-inline") && html.contains("src=\"images/parrot.svg\""), "{html}");
    assert!(!html.contains("<script"), "{html}");
    let statement = &read("").await.json["statement"];
    assert_eq!((&statement["text"], statement.get("html")), (&json!(text), None));
}

#[tokio::test]
async fn a_statement_in_a_variant_of_the_requested_language_precedes_the_english_one() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let files = [("statement.zh-CN.md", Some("读入。\n")), ("statement.pt-BR.md", Some("Leia.\n"))];
    import(&app, &author, an_archive(&files), "?slug=echo").await;
    for (asked, expected) in [("zh", "zh-CN"), ("zh-CN", "zh-CN"), ("pt", "pt-BR"), ("zh-TW", "en"), ("z", "en")] {
        let read = app.get(&format!("/api/v1/problems/echo?lang={asked}")).bearer(&author.token).send().await;
        assert_eq!(read.json["statement"]["language"], json!(expected), "{asked}");
    }
}

#[tokio::test]
async fn only_files_of_a_statement_are_served_with_safe_headers() {
    let app = TestApp::start().await;
    let author = app.author().await;
    app.problem(&author, "echo", Visibility::Public).await;
    let read = app.get("/api/v1/problems/echo").send().await;
    let file = &read.json["statement"]["files"][0];
    assert_eq!(file["name"], "images/parrot.svg", "{}", read.text);
    let served = app.get(file["url"].as_str().unwrap()).send().await;
    assert_eq!((served.status.as_u16(), served.header("content-type")), (200, "image/svg+xml"));
    assert!(served.header("content-security-policy").contains("sandbox"));
    assert_eq!(served.header("x-content-type-options"), "nosniff");
    for path in ["tests%2Fsecret%2F2.in", "submissions%2Faccepted%2Fecho.py", "..%2F..%2Fcupel.db", "problem.toml"] {
        let answer = app.get(&format!("/api/v1/problems/echo/files/{path}")).bearer(&author.token).send().await;
        answer.is_error(404, "not-found");
    }
}

#[tokio::test]
async fn an_editorial_is_sent_in_the_requested_language_and_its_files_are_served() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let files = [
        ("solution/solution.md", Some("Read $n$. <script>alert(1)</script> ![A plot](plot.png)\n")),
        ("solution/solution.zh-CN.md", Some("读入。\n")),
        ("solution/solution.de.tex", Some("$n$ lesen.\n")),
        ("solution/plot.png", Some("x")),
        ("solution/notes.md", Some("secret\n")),
    ];
    assert_eq!(import(&app, &author, an_archive(&files), "?slug=echo").await.status, 201);
    let read = |query: &str| app.get(&format!("/api/v1/problems/echo/editorial{query}")).bearer(&author.token).send();
    let answer = read("?html=true").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["languages"], json!(["de", "en", "zh-CN"]));
    let editorial = &answer.json["editorial"];
    let html = editorial["html"].as_str().unwrap();
    assert!(html.contains("math-inline") && html.contains("src=\"plot.png\"") && !html.contains("<script"), "{html}");
    assert_eq!(editorial["files"][0]["name"], "plot.png");
    let file = editorial["files"][0]["url"].as_str().unwrap();
    let served = app.get(file).bearer(&author.token).send().await;
    assert_eq!((served.status.as_u16(), served.header("content-type")), (200, "image/png"));
    for (language, format, text) in [
        ("zh-CN", "markdown", "读入。\n"),
        ("zh", "markdown", "读入。\n"),
        ("de", "latex", "$n$ lesen.\n"),
        ("fr", "markdown", "Read $n$. <script>alert(1)</script> ![A plot](plot.png)\n"),
    ] {
        let editorial = &read(&format!("?lang={language}")).await.json["editorial"];
        assert_eq!((&editorial["format"], &editorial["text"]), (&json!(format), &json!(text)), "{language}");
    }
    let problem = app.get("/api/v1/problems/echo").bearer(&author.token).send().await;
    assert_eq!(problem.json["has_editorial"], json!(true));
    assert!(!problem.text.contains("plot.png") && !problem.text.contains("Read "), "{}", problem.text);
    // The problem is a draft, so only its author sees it.
    app.get("/api/v1/problems/echo/editorial").send().await.is_error(404, "not-found");
    app.get(file).send().await.is_error(404, "not-found");
    // Other files of the directory are not served, nor is the source of the text.
    for path in ["solution%2Fnotes.md", "solution%2Fsolution.md"] {
        let answer = app.get(&format!("/api/v1/problems/echo/files/{path}")).bearer(&author.token).send().await;
        answer.is_error(404, "not-found");
    }
    read("?language=en").await.is_error(400, "invalid-parameter");
}

#[tokio::test]
async fn a_problem_without_an_editorial_says_so() {
    let app = TestApp::start().await;
    let author = app.author().await;
    app.problem(&author, "echo", Visibility::Public).await;
    assert_eq!(app.get("/api/v1/problems/echo").send().await.json["has_editorial"], json!(false));
    app.get("/api/v1/problems/echo/editorial").send().await.is_error(404, "not-found");
}

#[tokio::test]
async fn anonymous_clients_are_rate_limited_by_address() {
    let app = TestApp::with_settings(|settings| settings.anonymous_reads = cupel_http::Rate::per_minute(2, 2)).await;
    let user = app.user().await;
    let look = |address: &'static str| app.get("/api/v1/leaderboard").at_address(address).send();
    assert_eq!((look("192.0.2.1").await.status.as_u16(), look("192.0.2.1").await.status.as_u16()), (200, 200));
    look("192.0.2.1").await.is_error(429, "rate-limited");
    assert_eq!(look("192.0.2.2").await.status, 200);
    let known = app.get("/api/v1/leaderboard").at_address("192.0.2.1").bearer(&user.token).send().await;
    assert_eq!(known.status, 200);
}

#[tokio::test]
async fn a_sender_sees_test_results_but_no_data_of_hidden_tests() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    let slug = app.problem(&author, "echo", Visibility::Public).await;
    let id = solve(&app, &user, &slug).await;
    app.complete(graded(Verdict::WrongAnswer)).await;

    let seen = app.get(&format!("/api/v1/submissions/{id}")).bearer(&user.token).send().await;
    assert_eq!((&seen.json["verdict"], &seen.json["message"]), (&json!("WA"), &json!("test 1 of 3")));
    assert_eq!(seen.json["files"][0]["content"], "print(input())");
    let part = &seen.json["problem"];
    assert_eq!((&part["slug"], &part["version"], &part["purpose"]), (&json!("echo"), &json!(1), &json!("submission")));
    assert_eq!((&part["score"], &part["max_score"]), (&json!(3.0), &json!(10.0)));
    for path in [format!("execute/{id}"), format!("execute?ids={id}")] {
        let answer = app.get(&format!("/api/v1/{path}")).bearer(&user.token).send().await.json;
        let named = &answer.get("submissions").map_or(&answer, |list| &list[0])["problem"];
        assert_eq!((&named["slug"], &named["version"]), (&json!("echo"), &json!(1)), "{path}");
    }
    let tests = part["tests"].as_array().unwrap();
    assert_eq!((&tests[0]["name"], &tests[0]["stdout"]), (&json!("sample/1"), &json!("42\n")));
    assert_eq!(tests[0]["judge_message"], "expected `the secret`", "a sample is shown completely");
    assert_eq!((&tests[1]["name"], &tests[1]["verdict"]), (&json!(null), &json!("WA")));
    assert_eq!((&tests[2]["verdict"], &tests[2]["execution_time_ms"]), (&json!(null), &json!(null)));
    assert_eq!((&tests[0]["execution_time_ms"], &tests[0]["memory_used_kb"]), (&json!(123), &json!(4883)));
    for hidden in &tests[1..] {
        assert_eq!((&hidden["execution_time_ms"], &hidden["memory_used_kb"]), (&json!(null), &json!(null)));
    }
    for hidden in [&tests[1], &tests[2], &part["author_message"]] {
        assert!(!hidden.to_string().contains("secret") && !hidden.to_string().contains("closer"), "{hidden}");
    }
    let plain = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await;
    assert!(!plain.text.contains("the-trap"), "{}", plain.text);
    // On every route, time and memory are the maximums, rounded up.
    let figures = |json: &Value| (json["execution_time_ms"].clone(), json["memory_used_kb"].clone());
    let rounded = (json!(130), json!(5120));
    for json in [&seen.json, &plain.json] {
        assert_eq!((figures(json), &json["wall_time_ms"]), (rounded.clone(), &json!(null)), "{json}");
    }
    for list in ["/api/v1/submissions".to_owned(), format!("/api/v1/problems/{slug}/submissions")] {
        let page = app.get(&list).bearer(&user.token).send().await;
        assert_eq!(figures(&page.json["submissions"][0]), rounded, "{list}");
    }
    let page = app.get(&format!("/api/v1/problems/{slug}/submissions?all=true")).bearer(&author.token).send().await;
    assert_eq!(figures(&page.json["submissions"][0]), (json!(123), json!(4883)));

    let result = app.get(&format!("/api/v1/submissions/{id}")).bearer(&author.token).send().await;
    assert_eq!(result.json["problem"]["tests"][1]["name"], "secret/the-trap");
    assert_eq!((figures(&result.json), &result.json["wall_time_ms"]), ((json!(123), json!(4883)), &json!(130)));
    assert_eq!(figures(&result.json["problem"]["tests"][1]), (json!(123), json!(4883)), "its author sees each test");
    assert_eq!(result.json["problem"]["author_message"], "secret/the-trap: expected `the secret`");
    app.get(&format!("/api/v1/execute/{id}")).bearer(&author.token).send().await.is_error(404, "not-found");
    let stranger = app.user().await;
    app.get(&format!("/api/v1/submissions/{id}")).bearer(&stranger.token).send().await.is_error(404, "not-found");
    let events = app.get(&format!("/api/v1/execute/{id}/events")).bearer(&author.token).send().await;
    events.is_error(404, "not-found");
}

/// A report on tests with these names, kinds of feedback and verdicts.
fn graded_on(tests: &[(&str, Feedback, Verdict)]) -> RunReport {
    let mut report = graded(Verdict::WrongAnswer);
    let grading = report.grading.as_mut().unwrap();
    let model = grading.cases[0].clone();
    let case = |(name, feedback, verdict): &(&str, Feedback, Verdict)| CaseGrade {
        name: (*name).to_owned(),
        feedback: *feedback,
        verdict: *verdict,
        ..model.clone()
    };
    grading.cases = tests.iter().map(case).collect();
    report
}

#[tokio::test]
async fn figures_are_exact_on_every_route_if_no_hidden_test_ran() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    let slug = app.problem(&author, "echo", Visibility::Public).await;
    for (second, exact) in [(Verdict::Skipped, true), (Verdict::WrongAnswer, false)] {
        let id = solve(&app, &user, &slug).await;
        let tests = [("sample/1", Feedback::Full, Verdict::WrongAnswer), ("secret/1", Feedback::Verdict, second)];
        app.complete(graded_on(&tests)).await;
        let expected = if exact { (json!(123), json!(4883)) } else { (json!(130), json!(5120)) };
        let figures = |json: &Value| (json["execution_time_ms"].clone(), json["memory_used_kb"].clone());
        let seen = app.get(&format!("/api/v1/submissions/{id}")).bearer(&user.token).send().await;
        assert_eq!(figures(&seen.json), expected, "{second:?}");
        for list in ["/api/v1/submissions".to_owned(), format!("/api/v1/problems/{slug}/submissions")] {
            let page = app.get(&list).bearer(&user.token).send().await;
            assert_eq!(figures(&page.json["submissions"][0]), expected, "{list}, {second:?}");
        }
    }
}

#[tokio::test]
async fn a_result_has_the_texts_of_the_tests_that_its_viewer_may_see() {
    use Feedback::{Full, Verdict as Only};
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    let slug = app.problem(&author, "echo", Visibility::Public).await;
    let tests = [
        ("sample/1", Full, Verdict::Accepted),
        ("secret/1", Only, Verdict::WrongAnswer),
        ("secret/2", Full, Verdict::Skipped),
        ("secret/none", Full, Verdict::WrongAnswer),
    ];
    let id = solve(&app, &user, &slug).await;
    app.complete(graded_on(&tests)).await;
    let texts = |answer: &Answer| -> Vec<Value> {
        let tests = answer.json["problem"]["tests"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        tests.iter().map(|test| json!([test["input"], test["expected_output"], test["truncated"]])).collect()
    };
    let none = json!([null, null, null]);
    let read = async |who: &TestUser, path: &str| app.get(path).bearer(&who.token).send().await;
    let path = format!("/api/v1/submissions/{id}");
    let seen = read(&user, &path).await;
    let sample = json!(["a\n", "a\n", false]);
    assert_eq!(texts(&seen), [sample.clone(), none.clone(), none.clone(), none.clone()]);
    let of_author = texts(&read(&author, &path).await);
    assert_eq!(of_author, [sample, json!(["b\n", "b\n", false]), none.clone(), none.clone()]);
    // Other responses do not have these texts.
    assert_eq!(texts(&read(&user, &format!("/api/v1/execute/{id}")).await), vec![none.clone(); 4]);

    // A trial on the user's own input does not use the tests.
    let body = json!({ "language": "python", "source_code": "1", "input": "x" });
    let tried = app.post(&format!("/api/v1/problems/{slug}/run"), &body).bearer(&user.token).send().await;
    app.complete(graded_on(&tests)).await;
    let path = format!("/api/v1/submissions/{}", tried.json["submission_id"].as_str().unwrap());
    assert_eq!(texts(&read(&user, &path).await), vec![none; 4]);
}

#[tokio::test]
async fn the_texts_of_tests_in_a_result_are_bounded_and_failed_tests_come_first() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let large = "x".repeat(20 << 10);
    let names: Vec<String> = (10..40).map(|n| format!("tests/secret/{n}.in")).collect();
    let changes: Vec<_> = names.iter().map(|name| (name.as_str(), Some(large.as_str()))).collect();
    let answers: Vec<String> = names.iter().map(|name| name.replace(".in", ".out")).collect();
    let changes = [changes, answers.iter().map(|name| (name.as_str(), Some("1\n"))).collect()].concat();
    import(&app, &author, an_archive(&changes), "?slug=echo").await;
    let id = solve(&app, &author, "echo").await;
    let ids: Vec<String> = (10..40).map(|n| format!("secret/{n}")).collect();
    let tests: Vec<_> = ids
        .iter()
        .map(|id| {
            let verdict = if id == "secret/39" { Verdict::WrongAnswer } else { Verdict::Accepted };
            (id.as_str(), Feedback::Hidden, verdict)
        })
        .collect();
    app.complete(graded_on(&tests)).await;
    let seen = app.get(&format!("/api/v1/submissions/{id}")).bearer(&author.token).send().await;
    let tests = seen.json["problem"]["tests"].as_array().unwrap();
    assert_eq!(tests[29]["input"], large[..16 << 10]);
    assert_eq!((&tests[29]["expected_output"], &tests[29]["truncated"]), (&json!("1\n"), &json!(true)));
    assert_eq!(tests[0]["input"], large[..16 << 10]);
    let all: usize = tests.iter().filter_map(|test| test["input"].as_str()).map(str::len).sum();
    assert!((240 << 10..=256 << 10).contains(&all), "{all}");
    assert_eq!(tests[28].get("input"), None, "the maximum is reached before the last passed test");
}

#[tokio::test]
async fn the_distribution_counts_each_user_once_and_needs_ten_users() {
    let app = TestApp::start().await;
    let (author, visitor) = (app.author().await, app.user().await);
    let slug = app.problem(&author, "echo", Visibility::Public).await;
    let path = format!("/api/v1/problems/{slug}/distribution");
    let mut users = Vec::new();
    for n in 0..10 {
        let few = app.get(&path).send().await;
        assert_eq!(few.status, 200, "{few:?}");
        let none = json!({ "users": n, "frozen": false, "execution_time_ms": null, "memory_used_kb": null });
        assert_eq!(few.json, none);
        let user = app.user().await;
        for _ in 0..2 {
            solve(&app, &user, &slug).await;
            let mut report = graded(Verdict::Accepted);
            report.grading.as_mut().unwrap().score = Score::points(10);
            app.complete(report).await;
        }
        users.push(user);
    }
    // All have the same figures: 123.456 ms and 5,000,001 bytes, rounded up.
    let seen = app.get(&path).bearer(&users[0].token).send().await;
    let histogram = |first, width, own: Value, than: Value| json!({ "first": first, "width": width, "users": [10], "own": own, "better_than_percent": than });
    let own = json!({
        "users": 10, "frozen": false,
        "execution_time_ms": histogram(130, 10, json!(130), json!(0)),
        "memory_used_kb": histogram(5120, 1024, json!(5120), json!(0)),
    });
    assert_eq!(seen.json, own);
    let other = app.get(&format!("{path}?language=py")).bearer(&visitor.token).send().await;
    assert_eq!(other.json["execution_time_ms"], histogram(130, 10, Value::Null, Value::Null));
    let none = app.get(&format!("{path}?language=c")).bearer(&users[0].token).send().await;
    assert_eq!((&none.json["users"], &none.json["execution_time_ms"]), (&json!(0), &Value::Null));
    app.get(&format!("{path}?language=klingon")).send().await.is_error(422, "unknown-language");
    app.get("/api/v1/problems/nothing/distribution").send().await.is_error(404, "not-found");
    app.problem(&author, "hidden", Visibility::Draft).await;
    app.get("/api/v1/problems/hidden/distribution").send().await.is_error(404, "not-found");
}

#[tokio::test]
async fn the_message_of_a_failed_run_reveals_only_the_verdict_of_a_hidden_test() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    let slug = app.problem(&author, "echo", Visibility::Public).await;
    let failed = StepReport { outcome: Outcome::Exited(7), exit_code: Some(7), ..a_step() };
    let in_time = StepReport { outcome: Outcome::Exited(0), exit_code: Some(0), ..a_step() };
    for (verdict, shown, sentence, exit_code) in [
        (Verdict::RuntimeError, Some(failed), Some("exit code 7"), Some(7)),
        (Verdict::RuntimeError, None, Some("exit code other than 0, or killed by a signal"), None),
        (Verdict::TimeLimit, Some(in_time), Some("time limit of 2000 ms exceeded"), Some(0)),
        (Verdict::TimeLimit, None, Some("time limit of 2000 ms exceeded"), None),
        (Verdict::MemoryLimit, None, Some("memory limit of 64 MiB exceeded"), None),
        (Verdict::WrongAnswer, Some(a_step()), None, Some(0)),
        (Verdict::Accepted, Some(a_step()), None, Some(0)),
    ] {
        let id = solve(&app, &user, &slug).await;
        let mut report = graded(verdict);
        report.grading.iter_mut().for_each(|grading| grading.cases[0].step = shown.clone());
        app.complete(report).await;
        for place in [format!("/api/v1/submissions/{id}"), format!("/api/v1/execute/{id}")] {
            let view = app.get(&place).bearer(&user.token).send().await.json;
            assert_eq!(view["runtime_error"], json!(sentence), "{verdict:?} {view}");
            assert_eq!(view["exit_code"], json!(exit_code), "{verdict:?} {view}");
        }
    }
}

#[tokio::test]
async fn a_trial_on_samples_is_private_and_does_not_count() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let body = json!({ "language": "python", "source_code": "x", "input": "x" });
    let answer = app.post("/api/v1/problems/echo/run", &body).bearer(&user.token).send().await;
    let id = answer.json["submission_id"].as_str().unwrap().to_owned();
    app.complete(graded(Verdict::Accepted)).await;
    let place = format!("/api/v1/submissions/{id}");
    let own = app.get(&place).bearer(&user.token).send().await;
    assert_eq!(own.json["problem"]["purpose"], "custom_input");
    app.get(&place).bearer(&author.token).send().await.is_error(404, "not-found");
    let rejudge = app.request(Method::POST, &format!("{place}/rejudge"));
    rejudge.bearer(&author.token).send().await.is_error(404, "not-found");
    let line = app.get("/api/v1/problems/echo").bearer(&user.token).send().await;
    assert_eq!(
        (&line.json["problem"]["standing"], &line.json["problem"]["statistics"]["submissions"]),
        (&json!(null), &json!(0))
    );
}

#[tokio::test]
async fn a_verdict_updates_progress_lists_and_leaderboards() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let first = solve(&app, &user, "echo").await;
    app.complete(graded(Verdict::WrongAnswer)).await;
    solve(&app, &user, "echo").await;
    app.complete(solved()).await;
    let get = async |path: &str| {
        let answer = app.get(path).bearer(&user.token).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    };
    let standing = &get("/api/v1/problems").await["problems"][0]["standing"];
    assert_eq!(
        (&standing["state"], &standing["tries"], &standing["best_score"]),
        (&json!("solved"), &json!(2), &json!(10.0))
    );
    assert_eq!(get("/api/v1/users/me/progress").await["easy"], 1);
    let activity = get("/api/v1/users/me/activity").await;
    assert_eq!((&activity["days"][0]["solved"], &activity["problems"]["easy"]), (&json!(1), &json!(1)), "{activity}");
    let date = activity["days"][0]["date"].as_str().unwrap();
    assert!(get("/api/v1/users/me/progress").await["last_solved_at"].as_str().unwrap().starts_with(date));
    assert_eq!(get("/api/v1/problems/echo/leaderboard").await["lines"][0]["username"], json!(user.user.username));
    let ranks = get("/api/v1/leaderboard").await;
    assert_eq!((&ranks["lines"][0]["place"], &ranks["lines"][0]["progress"]["solved"]), (&json!(1), &json!(1)));
    let wrong = get("/api/v1/problems/echo/submissions?verdict=WA").await;
    assert_eq!((&wrong["pagination"]["total"], &wrong["submissions"][0]["submission_id"]), (&json!(1), &json!(first)));
    let all = app.get("/api/v1/problems/echo/submissions?all=true");
    all.bearer(&user.token).send().await.is_error(403, "forbidden");
    let all = app.get("/api/v1/problems/echo/submissions?all=true").bearer(&author.token).send().await;
    assert_eq!(all.json["pagination"]["total"], 2);
    let line = &all.json["submissions"][0];
    assert_eq!((&line["username"], &line["problem"]), (&json!(user.user.username), &json!("echo")));
    let own = &get("/api/v1/submissions").await["submissions"][0];
    assert_eq!((&own["problem"], &own["score"], own.get("username")), (&json!("echo"), &json!(10.0), None));
}

#[tokio::test]
async fn a_user_who_does_not_want_to_be_in_leaderboards_is_in_none() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    solve(&app, &user, "echo").await;
    app.complete(solved()).await;
    let boards = async || {
        let mut totals = Vec::new();
        for path in ["/api/v1/leaderboard", "/api/v1/problems/echo/leaderboard"] {
            let board = app.get(path).send().await.json;
            assert_eq!(board["pagination"]["total"], board["lines"].as_array().unwrap().len());
            totals.push(board["lines"].as_array().unwrap().len());
        }
        totals
    };
    let me = async || app.get("/api/v1/auth/me").bearer(&user.token).send().await.json["in_leaderboards"].clone();
    let change = async |token: &str, body: Value| {
        app.request(Method::PATCH, "/api/v1/auth/me").bearer(token).json(&body).send().await
    };
    assert_eq!((boards().await, me().await), (vec![1, 1], json!(true)));
    let key = app.key(&user, &[Scope::RunsRead, Scope::RunsWrite]).await;
    change(&key, json!({ "in_leaderboards": false })).await.is_error(403, "missing-scope");
    change(&user.token, json!({})).await.is_error(422, "invalid-body").points_to("/in_leaderboards");
    let changed = change(&user.token, json!({ "in_leaderboards": false })).await;
    assert_eq!((changed.status.as_u16(), &changed.json["in_leaderboards"]), (200, &json!(false)), "{changed:?}");
    assert_eq!((boards().await, me().await), (vec![0, 0], json!(false)));
    change(&user.token, json!({ "in_leaderboards": true })).await;
    assert_eq!((boards().await, me().await), (vec![1, 1], json!(true)));
}

#[tokio::test]
async fn an_author_imports_verifies_publishes_and_updates_a_problem() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let made = import(&app, &author, an_archive(&[]), "").await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/api/v1/problems/echo"), "{made:?}");
    assert_eq!((&made.json["problem"]["visibility"], &made.json["is_new"]), (&json!("draft"), &json!(true)));
    let publish = || app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "visibility": "public" }));
    publish().bearer(&author.token).send().await.is_error(409, "conflict");

    let asked = app.request(Method::POST, "/api/v1/problems/echo/verify?wait=30").bearer(&author.token).send();
    let verification = Verification { holds: true, claims: 7, ..Verification::default() };
    let report = RunReport { execution: None, verification: Some(verification), ..a_report() };
    let (asked, ()) = tokio::join!(asked, app.complete(report));
    assert_eq!(
        (asked.status.as_u16(), &asked.json["problem"]["verification"]["holds"]),
        (200, &json!(true)),
        "{asked:?}"
    );
    let result = app.get(asked.header("content-location")).bearer(&author.token).send().await;
    assert_eq!(result.json["problem"]["verification"]["holds"], true, "{result:?}");
    assert_eq!(publish().bearer(&author.token).send().await.status, 200);
    assert_eq!(app.get("/api/v1/problems/echo").send().await.status, 200);

    let put = |archive| {
        let call = app.request(Method::PUT, "/api/v1/problems/echo/package").raw(archive);
        call.header("content-type", "application/x-tar").bearer(&author.token).send()
    };
    assert_eq!(put(an_archive(&[])).await.json["is_new"], false, "the same content does not make a new version");
    let id = solve(&app, &author, "echo").await;
    app.complete(graded(Verdict::Accepted)).await;
    let toml = "title = \"Echo\"\ndifficulty = \"easy\"\nlicence = \"für alle\"\n[limits]\ntime = 1.0\n";
    let changed = || an_archive(&[("problem.toml", Some(toml)), ("tests/secret/2.out", Some("another\n"))]);
    // While the problem is visible, an unverified version is staged, and the current version stays.
    let staged = put(changed()).await;
    assert_eq!((&staged.json["version"], &staged.json["is_current"]), (&json!(2), &json!(false)), "{staged:?}");
    assert_eq!((&staged.json["is_new"], &staged.json["problem"]["version"]), (&json!(true), &json!(1)));
    let versions = app.get("/api/v1/problems/echo/versions").bearer(&author.token).send().await.json;
    let of = |number: u32| versions["versions"].as_array().unwrap().iter().find(|line| line["version"] == number);
    assert_eq!(Some(&staged.json["package"]), of(2).map(|line| &line["package"]), "{versions:#}");
    assert_eq!(put(changed()).await.json["is_new"], false);
    assert_eq!(app.get("/api/v1/problems/echo").send().await.json["problem"]["version"], 1);
    let hide = app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "visibility": "draft" }));
    assert_eq!(hide.bearer(&author.token).send().await.status, 200);
    let newer = put(changed()).await;
    assert_eq!((&newer.json["is_new"], &newer.json["problem"]["version"]), (&json!(true), &json!(2)));
    let versions = app.get("/api/v1/problems/echo/versions").bearer(&author.token).send().await;
    assert_eq!(versions.json["versions"][1]["is_verified"], true);

    let unknown =
        app.request(Method::POST, "/api/v1/problems/echo/rejudge?language=pyton").bearer(&author.token).send().await;
    assert_eq!(unknown.json["detail"], "There is no language `pyton`; did you mean `python`?", "{unknown:?}");
    unknown.is_error(422, "unknown-language");
    let sent = app.get("/api/v1/problems/echo/submissions?language=py").bearer(&author.token).send().await;
    assert_eq!(sent.json["pagination"]["total"], 1, "an alias: {sent:?}");
    let again = app
        .request(Method::POST, "/api/v1/problems/echo/rejudge?verdict=AC&language=python")
        .bearer(&author.token)
        .send()
        .await;
    assert_eq!((again.status.as_u16(), &again.json["queued"]), (202, &json!(1)));
    app.complete(graded(Verdict::WrongAnswer)).await;
    let runs = app.get(&format!("/api/v1/submissions/{id}/runs")).bearer(&author.token).send().await;
    let result: Vec<_> =
        runs.json["runs"].as_array().unwrap().iter().map(|r| (r["verdict"].clone(), r["version"].clone())).collect();
    assert_eq!(result, [(json!("WA"), json!(2)), (json!("AC"), json!(1))]);

    let exported = app.get("/api/v1/problems/echo/package").bearer(&author.token).send().await;
    assert_eq!((exported.status.as_u16(), exported.header("content-type")), (200, "application/zip"));
    assert!(exported.text.starts_with("PK"));
    let warnings = exported.headers.get_all("cupel-warning").iter().map(|value| value.to_str().unwrap());
    // Characters that are not allowed in headers are replaced.
    let licence = "problem.yaml: the format has no keyword for the licence `f?r alle`";
    assert!(warnings.into_iter().any(|warning| warning.contains(licence)), "{exported:?}");
    app.delete("/api/v1/problems/echo").bearer(&author.token).send().await.is_error(409, "conflict");
    let taken = import(&app, &author, an_archive(&[]), "").await;
    assert!(taken.text.contains("PUT /problems/{slug}/package"), "{taken:?}");
    taken.is_error(409, "taken").points_to("/slug");
}

#[tokio::test]
async fn a_problem_can_be_corrected_while_contestants_use_it() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let judged = solve(&app, &user, "echo").await;
    app.complete(graded(Verdict::WrongAnswer)).await;
    let in_flight = solve(&app, &user, "echo").await;
    let corrected = an_archive(&[("tests/secret/2.out", Some("another\n"))]);
    let call = app.request(Method::PUT, "/api/v1/problems/echo/package").raw(corrected);
    let staged = call.header("content-type", "application/x-tar").bearer(&author.token).send().await;
    assert_eq!((&staged.json["version"], &staged.json["is_current"]), (&json!(2), &json!(false)), "{staged:?}");

    let activate = || {
        let call = app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "version": 2 }));
        call.bearer(&author.token).send()
    };
    activate().await.is_error(409, "conflict");
    let version_of = async || {
        let seen = app.get("/api/v1/problems/echo").bearer(&user.token).send().await;
        assert_eq!(seen.status, 200, "contestants can always read the problem");
        seen.json["problem"]["version"].clone()
    };
    assert_eq!(version_of().await, 1);
    let preview = async |query: &str| {
        let call = app.get(&format!("/api/v1/problems/echo/rejudge{query}"));
        let answer = call.bearer(&author.token).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    };
    // A run in flight is judged against the version that it names.
    app.complete(graded(Verdict::Accepted)).await;
    let of = app.get(&format!("/api/v1/submissions/{in_flight}")).bearer(&user.token).send().await;
    assert_eq!(of.json["problem"]["version"], 1);

    let call = app.request(Method::POST, "/api/v1/problems/echo/versions/2/verify?wait=30");
    let verification = Verification { holds: true, claims: 7, ..Verification::default() };
    let report = RunReport { execution: None, verification: Some(verification), ..a_report() };
    let (asked, ()) = tokio::join!(call.bearer(&author.token).send(), app.complete(report));
    assert_eq!((asked.status.as_u16(), &asked.json["problem"]["version"]), (200, &json!(2)), "{asked:?}");
    assert_eq!(version_of().await, 1, "verification does not make a version current");
    for unknown in ["0", "3", "x"] {
        let call = app.request(Method::POST, &format!("/api/v1/problems/echo/versions/{unknown}/verify"));
        call.bearer(&author.token).send().await.is_error(404, "not-found");
    }

    assert_eq!(preview("?outdated=true").await["pagination"]["total"], 0);
    let affected = preview("?outdated=true&version=2").await;
    assert_eq!(affected["verdicts"], json!([{"verdict": "AC", "submissions": 1}, {"verdict": "WA", "submissions": 1}]));
    let line = &affected["submissions"][1];
    assert_eq!((&line["submission_id"], &line["username"]), (&json!(judged), &json!(user.user.username)));
    app.problem(&author, "other", Visibility::Draft).await;
    let call = app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "version": 2, "slug": "other" }));
    call.bearer(&author.token).send().await.is_error(409, "taken");
    assert_eq!(version_of().await, 1, "a refused request changes nothing");
    assert_eq!(activate().await.status, 200);
    assert_eq!(version_of().await, 2);
    assert_eq!(preview("?outdated=true").await["pagination"]["total"], 2);
    let all = app.request(Method::POST, "/api/v1/problems/echo/rejudge?outdated=true");
    assert_eq!(all.bearer(&author.token).send().await.json["queued"], 2);
    assert_eq!(preview("?outdated=true").await["pagination"]["total"], 0);
}

#[tokio::test]
async fn only_a_user_who_may_change_a_problem_learns_whether_a_name_exists() {
    let app = TestApp::start().await;
    let (owner, stranger) = (app.author().await, app.author().await);
    let slug = app.problem(&owner, "echo", Visibility::Public).await;
    let change = async |by: &TestUser, body: Value| {
        let call = app.request(Method::PATCH, &format!("/api/v1/problems/{slug}")).json(&body);
        let answer = call.bearer(&by.token).send().await;
        (answer.status.as_u16(), answer.json["errors"][0]["pointer"].clone())
    };
    let name = &owner.user.username;
    for list in ["readers", "authors"] {
        assert_eq!(change(&stranger, json!({ list: ["nobody"] })).await, (404, Value::Null));
        assert_eq!(change(&stranger, json!({ list: [name] })).await, (404, Value::Null));
        assert_eq!(change(&owner, json!({ list: [name, "nobody"] })).await, (422, json!(format!("/{list}/1"))));
        assert_eq!(change(&owner, json!({ list: [name] })).await.0, 200);
    }
}

#[tokio::test]
async fn only_users_with_the_role_become_authors_of_a_problem() {
    let app = TestApp::start().await;
    let (owner, other, user) = (app.author().await, app.author().await, app.user().await);
    let slug = app.problem(&owner, "echo", Visibility::Private).await;
    let change = |body: Value| {
        app.request(Method::PATCH, &format!("/api/v1/problems/{slug}")).json(&body).bearer(&owner.token).send()
    };
    let (other, user) = (&other.user.username, &user.user.username);
    let refused = change(json!({ "authors": [other, user] })).await;
    refused.is_error(422, "invalid-body").points_to("/authors/1");
    assert!(refused.json["detail"].as_str().unwrap().contains("not an author"), "{refused:?}");
    assert_eq!(change(json!({ "authors": [other], "readers": [user] })).await.status, 200);
}

#[tokio::test]
async fn an_administrator_can_publish_despite_errors_with_a_recorded_reason() {
    let app = TestApp::start().await;
    let (author, admin) = (app.author().await, app.admin().await);
    app.problem(&author, "echo", Visibility::Draft).await;
    let publish = async |who: &TestUser, exception: Value| {
        let mut body = json!({ "visibility": "public" });
        body["exception"] = exception;
        app.request(Method::PATCH, "/api/v1/problems/echo").json(&body).bearer(&who.token).send().await
    };
    publish(&author, json!(null)).await.is_error(409, "conflict");
    publish(&author, json!("I know better")).await.is_error(403, "forbidden");
    for nothing in ["", " \n", &"x".repeat(1001)] {
        publish(&admin, json!(nothing)).await.is_error(422, "invalid-body");
    }
    publish(&admin, json!(null)).await.is_error(409, "conflict");
    assert_eq!(publish(&admin, json!("Its Prolog solution cannot be tried here.")).await.status, 200);
    assert_eq!(app.get("/api/v1/problems/echo").send().await.status, 200);
    let versions = app.get("/api/v1/problems/echo/versions").bearer(&author.token).send().await;
    let version = &versions.json["versions"][0];
    assert_eq!(version["is_verified"], json!(null), "the version stays unverified");
    let kept = &version["exceptions"][0];
    assert_eq!(
        (&kept["reason"], &kept["username"]),
        (&json!("Its Prolog solution cannot be tried here."), &json!(admin.user.username))
    );
    // The exception belongs to this version, so hiding and publishing it again needs no second exception.
    let hide = app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "visibility": "draft" }));
    assert_eq!(hide.bearer(&author.token).send().await.status, 200);
    assert_eq!(publish(&author, json!(null)).await.status, 200);
}

#[tokio::test]
async fn an_exported_package_equals_the_imported_package() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let toml = "title = \"Twice\"\n[limits]\ntime = 1.0\n[function]\nname = \"twice\"\nreturns = \"int\"\n\
                [[function.parameters]]\nname = \"n\"\ntype = \"int\"\n";
    let function = an_archive(&[
        ("problem.toml", Some(toml)),
        ("submissions/accepted/echo.py", Some("def twice(n):\n    return 2 * n\n")),
        ("tests/sample/1.in", Some("1\n")),
        ("tests/sample/1.out", Some("2\n")),
        ("tests/secret/1.in", Some("2\n")),
        ("tests/secret/1.out", Some("4\n")),
        ("tests/secret/2.in", None),
        ("tests/secret/2.out", None),
    ]);
    let made = import(&app, &author, function, "?slug=twice").await;
    assert_eq!(made.status, 201, "{made:?}");
    let export = |query: &str| app.get(&format!("/api/v1/problems/twice/package{query}")).bearer(&author.token).send();
    let refused = export("").await;
    refused.is_error(422, "invalid-package");
    assert!(refused.json["detail"].as_str().unwrap().ends_with("with `?form=original`."), "{refused:?}");
    export("?form=mine").await.is_error(400, "invalid-parameter");

    let exported = export("?form=original").await;
    assert_eq!((exported.status.as_u16(), exported.header("content-type")), (200, "application/zip"), "{exported:?}");
    let again = import(&app, &author, exported.bytes.to_vec(), "?slug=again").await;
    assert_eq!((again.status.as_u16(), &again.json["package"]), (201, &made.json["package"]), "{again:?}");
}

#[tokio::test]
async fn a_running_verification_is_shown_as_running() {
    let app = TestApp::start().await;
    let author = app.author().await;
    app.problem(&author, "echo", Visibility::Draft).await;
    let verify = |query: &str| {
        let call = app.request(Method::POST, &format!("/api/v1/problems/echo/verify{query}"));
        call.header("idempotency-key", "once").bearer(&author.token).send()
    };
    let first = verify("").await;
    let result = json!({ "submission_id": first.json["submission_id"], "status": "queued", "message": "Problem submitted for verification" });
    assert_eq!((first.status.as_u16(), &first.json), (202, &result));
    let _runs = app.next_run().await;
    let later = verify("?wait=0.1").await;
    assert_eq!((later.status.as_u16(), &later.json["status"]), (202, &json!("running")), "{later:?}");
    assert_eq!(later.json["submission_id"], result["submission_id"]);
}

/// Regression: the response was about the problem and version that had the slug at the time of the repetition.
#[tokio::test]
async fn a_repeated_request_shows_the_submission_as_its_problem_was() {
    let app = TestApp::start().await;
    let (author, sender) = (app.author().await, app.author().await);
    app.problem(&author, "echo", Visibility::Public).await;
    app.problem(&author, "draft", Visibility::Draft).await;
    let body = json!({ "language": "python", "source_code": "print(input())" });
    let send = async |slug: &str, by: &TestUser, query: &str| {
        let call = app.post(&format!("/api/v1/problems/{slug}/submissions{query}"), &body);
        call.bearer(&by.token).header("idempotency-key", "once").send().await
    };
    assert_eq!(send("draft", &author, "").await.status, 202);
    app.complete(graded(Verdict::WrongAnswer)).await;
    let second = an_archive(&[("tests/secret/2.out", Some("another\n"))]);
    let call = app.request(Method::PUT, "/api/v1/problems/draft/package").raw(second);
    let stored = call.header("content-type", "application/x-tar").bearer(&author.token).send().await;
    assert_eq!((&stored.json["version"], &stored.json["is_current"]), (&json!(2), &json!(true)), "{stored:?}");
    let repeated = send("draft", &author, "?wait=0").await;
    assert_eq!((repeated.status.as_u16(), &repeated.json["problem"]["version"]), (200, &json!(1)), "{repeated:?}");
    assert_eq!(repeated.json["problem"]["tests"][1]["name"], "secret/the-trap");

    assert_eq!(send("echo", &sender, "").await.status, 202);
    app.complete(graded(Verdict::WrongAnswer)).await;
    let rename = app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "slug": "renamed" }));
    assert_eq!(rename.bearer(&author.token).send().await.status, 200);
    app.problem(&sender, "echo", Visibility::Draft).await;
    let repeated = send("echo", &sender, "?wait=0").await;
    assert_eq!((repeated.status.as_u16(), &repeated.json["problem"]["slug"]), (200, &json!("renamed")), "{repeated:?}");
    assert!(!repeated.text.contains("the-trap"), "{repeated:?}");
}

#[tokio::test]
async fn an_author_has_a_storage_quota_and_refused_packages_are_not_kept() {
    let bounds =
        Bounds { problems_per_author_max: 2, package_bytes_per_author_max: Bytes::kib(160), ..Bounds::default() };
    let app = TestApp::with(|_| {}, bounds).await;
    let (author, admin) = (app.author().await, app.admin().await);
    let kept = || std::fs::read_dir(app.packages()).unwrap().count();
    let archive = |text: &'static str| an_archive(&[("tests/secret/2.out", Some(text))]);
    assert_eq!(import(&app, &author, archive("1\n"), "?slug=one").await.status, 201);
    // A second problem with the same package uses no more of the byte quota; a third problem exceeds the quota.
    assert_eq!(import(&app, &author, archive("1\n"), "?slug=two").await.status, 201);
    let refused = import(&app, &author, archive("2\n"), "?slug=three").await;
    refused.is_error(403, "quota-used-up");
    assert!(refused.json["detail"].as_str().unwrap().contains("2 problems"), "{refused:?}");
    assert_eq!(kept(), 1, "the refused package is removed");

    let put = |archive: Vec<u8>| {
        let call = app.request(Method::PUT, "/api/v1/problems/one/package").raw(archive);
        call.header("content-type", "application/x-tar").bearer(&author.token).send()
    };
    assert_eq!(put(archive("2\n")).await.status, 200);
    let refused = put(archive("3\n")).await;
    refused.is_error(403, "quota-used-up");
    assert!(refused.json["detail"].as_str().unwrap().contains("160 KiB"), "{refused:?}");
    assert_eq!(
        (put(archive("1\n")).await.status.as_u16(), kept()),
        (200, 2),
        "an earlier version can become current again"
    );
    // A stored package stays if another import of the same content is refused.
    import(&app, &author, archive("2\n"), "?slug=three").await.is_error(403, "quota-used-up");
    assert_eq!(kept(), 2);
    for slug in ["a", "b", "c"] {
        assert_eq!(import(&app, &admin, archive("4\n"), &format!("?slug=admin-{slug}")).await.status, 201);
    }
}

#[tokio::test]
async fn deleting_a_draft_removes_the_packages_of_all_versions() {
    let app = TestApp::start().await;
    let author = app.author().await;
    assert_eq!(import(&app, &author, an_archive(&[]), "?slug=one").await.status, 201);
    // There are more versions than one read of the store returns.
    for number in 0..101 {
        let texts = ["1\n", "2\n"];
        let put = app.request(Method::PUT, "/api/v1/problems/one/package");
        let put = put.raw(an_archive(&[("tests/secret/2.out", Some(texts[number % 2]))]));
        assert_eq!(put.header("content-type", "application/x-tar").bearer(&author.token).send().await.status, 200);
    }
    let kept = || std::fs::read_dir(app.packages()).unwrap().count();
    assert_eq!(kept(), 3);
    assert_eq!(app.delete("/api/v1/problems/one").bearer(&author.token).send().await.status, 204);
    assert_eq!(kept(), 0);
}

#[tokio::test]
async fn a_broken_package_is_refused_with_file_and_error_and_leaves_nothing() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let kept = || std::fs::read_dir(app.packages()).unwrap().count();
    for (archive, file, code) in [
        (an_archive(&[("tests/secret/2.out", None)]), "/tests/secret/2.in", "E_CASE_PAIR"),
        (
            an_archive(&[("problem.toml", Some("title = \"Echo\"\n[limits]\ntime = -1\n"))]),
            "/problem.toml",
            "E_KEY_TYPE",
        ),
        (an_archive(&[("problem.toml", Some("title ="))]), "/problem.toml", "E_TOML"),
        (an_archive(&[("problem.toml", None)]), "", "E_FORMAT_UNKNOWN"),
        (an_archive(&[])[..1000].to_vec(), "", "E_ARCHIVE_DAMAGED"),
        (b"PK\x03\x04 no zip".to_vec(), "", "E_ARCHIVE_DAMAGED"),
    ] {
        let refused = import(&app, &author, archive, "").await;
        refused.is_error(422, "invalid-package").points_to(file);
        assert!(refused.json["errors"][0]["detail"].as_str().unwrap().starts_with(code), "{}", refused.text);
        assert_eq!(kept(), 0, "{code}");
    }
    let listed = app.get("/api/v1/problems").bearer(&author.token).send().await;
    assert_eq!(listed.json["pagination"]["total"], 0);
    let wrong_type = app.post("/api/v1/problems", &json!({})).bearer(&author.token).send().await;
    wrong_type.is_error(415, "unsupported-media-type");
    assert_eq!(kept(), 0);

    let made = import(&app, &author, an_archive(&[]), "?slug=parrot").await;
    assert_eq!(made.status, 201, "{made:?}");
    let broken = app.request(Method::PUT, "/api/v1/problems/parrot/package").raw(an_archive(&[("problem.toml", None)]));
    let refused = broken.header("content-type", "application/x-tar").bearer(&author.token).send().await;
    refused.is_error(422, "invalid-package");
    let versions = app.get("/api/v1/problems/parrot/versions").bearer(&author.token).send().await;
    assert_eq!((&versions.json["pagination"]["total"], kept()), (&json!(1), 1));
}

#[tokio::test]
async fn an_archive_over_the_limit_is_refused_during_the_upload() {
    let app = TestApp::with_settings(|settings| settings.package_bytes_max = 1000).await;
    let author = app.author().await;
    import(&app, &author, vec![0; 1001], "").await.is_error(413, "body-too-large");
    assert_eq!(std::fs::read_dir(app.packages()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_author_waits_for_the_end_of_a_contestants_submission() {
    let app = TestApp::start().await;
    let (author, user, other) = (app.author().await, app.user().await, app.user().await);
    let slug = app.problem(&author, "echo", Visibility::Public).await;
    let id = solve(&app, &user, &slug).await;
    let place = format!("/api/v1/submissions/{id}?wait=30");
    app.get(&place).bearer(&other.token).send().await.is_error(404, "not-found");
    let asked = app.get(&place).bearer(&author.token).send();
    let (answer, ()) = tokio::join!(asked, app.complete(graded(Verdict::Accepted)));
    assert_eq!((answer.status.as_u16(), &answer.json["status"]), (200, &json!("completed")), "{answer:?}");
}
