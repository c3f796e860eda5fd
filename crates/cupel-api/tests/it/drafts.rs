//! Tests of drafts.

use axum::http::Method;
use cupel_core::Bounds;
use cupel_core::drafts::DraftBounds;
use cupel_core::problems::ProblemChange;
use cupel_problem::Visibility;
use cupel_types::Bytes;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, TestUser};

const PYTHON: &str = "/api/v1/drafts/python";

async fn put(app: &TestApp, user: &TestUser, path: &str, text: &str, condition: (&str, &str)) -> Answer {
    let call = app.request(Method::PUT, path).json(&json!({ "text": text })).bearer(&user.token);
    let call = if condition.0.is_empty() { call } else { call.header(condition.0, condition.1) };
    call.send().await
}

async fn get(app: &TestApp, user: &TestUser, path: &str) -> Answer {
    app.get(path).bearer(&user.token).send().await
}

/// The texts of all revisions, newest first.
async fn texts(app: &TestApp, user: &TestUser, path: &str, query: &str) -> Vec<String> {
    let list = get(app, user, &format!("{path}/revisions{query}")).await;
    let mut texts = Vec::new();
    for line in list.json["revisions"].as_array().unwrap_or_else(|| panic!("{list:?}")) {
        let one = get(app, user, &format!("{path}/revisions/{}{query}", line["revision"])).await;
        assert_eq!((&one.json["revision"], &one.json["saved_at"]), (&line["revision"], &line["saved_at"]), "{one:?}");
        let text = one.json["text"].as_str().unwrap();
        assert_eq!(line["bytes"], text.len(), "{line:?}");
        texts.push(text.to_owned());
    }
    texts
}

#[tokio::test]
async fn a_draft_is_saved_read_and_removed_per_language_and_problem() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    let slug = app.problem(&author, "echo", Visibility::Public).await;
    let query = format!("?problem={slug}");
    let of_problem = format!("{PYTHON}{query}");
    assert_eq!(get(&app, &user, PYTHON).await.status, 404);
    assert_eq!(texts(&app, &user, PYTHON, "").await, [""; 0]);
    let text = "print('\0 \u{202e} é')\r\n";
    let saved = put(&app, &user, &of_problem, text, ("if-none-match", "*")).await;
    assert_eq!(saved.status, 200, "{saved:?}");
    assert_eq!(saved.json["bytes"], text.len());
    assert_eq!(saved.header("etag"), format!("\"{}\"", saved.json["revision"]));
    let read = get(&app, &user, &of_problem).await;
    let expected = json!({ "revision": saved.json["revision"], "saved_at": saved.json["saved_at"], "text": text });
    assert_eq!((read.status.as_u16(), &read.json), (200, &expected));
    assert_eq!(read.header("etag"), saved.header("etag"));
    let known = app.get(&of_problem).bearer(&user.token).header("if-none-match", read.header("etag")).send().await;
    assert_eq!((known.status.as_u16(), known.header("etag")), (304, read.header("etag")));

    // An alias names the same draft. The playground and other languages have separate drafts.
    assert_eq!(get(&app, &user, &format!("/api/v1/drafts/py{query}")).await.json, expected);
    put(&app, &user, PYTHON, "playground", ("", "")).await;
    assert_eq!(get(&app, &user, PYTHON).await.json["text"], "playground");
    assert_eq!(get(&app, &user, &format!("/api/v1/drafts/c{query}")).await.status, 404);
    // Nobody else reads it, not even the problem's author or an administrator.
    for other in [&author, &app.admin().await] {
        assert_eq!(get(&app, other, &of_problem).await.status, 404);
        assert_eq!(
            get(&app, other, &format!("{PYTHON}/revisions/{}{query}", saved.json["revision"])).await.status,
            404
        );
        assert_eq!(texts(&app, other, PYTHON, &query).await, [""; 0]);
        assert_eq!(app.delete(&of_problem).bearer(&other.token).send().await.status, 404);
    }
    assert_eq!(app.delete(&of_problem).bearer(&user.token).send().await.status, 204);
    assert_eq!(app.delete(&of_problem).bearer(&user.token).send().await.status, 404);
    assert_eq!(get(&app, &user, &of_problem).await.status, 404);
    assert_eq!(get(&app, &user, PYTHON).await.json["text"], "playground");
}

#[tokio::test]
async fn a_save_based_on_an_older_revision_is_refused() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let first = put(&app, &user, PYTHON, "one", ("if-none-match", "*")).await;
    let second = put(&app, &user, PYTHON, "one and two", ("if-match", first.header("etag"))).await;
    assert_eq!(second.status, 200, "{second:?}");
    for condition in [("if-match", first.header("etag")), ("if-none-match", "*"), ("if-match", "\"1\"")] {
        let refused = put(&app, &user, PYTHON, "one and three", condition).await;
        let code = (refused.status.as_u16(), refused.json["code"].as_str().unwrap());
        assert_eq!(code, (412, "precondition-failed"), "{condition:?}");
    }
    let both = app.request(Method::PUT, PYTHON).json(&json!({ "text": "x" })).bearer(&user.token);
    let both = both.header("if-match", second.header("etag")).header("if-none-match", "*").send().await;
    assert_eq!(both.status, 412, "{both:?}");
    // A repeated save whose response was lost is accepted.
    let again = put(&app, &user, PYTHON, "one and two", ("if-match", first.header("etag"))).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, second.header("etag")));
    // A proxy that compresses makes the tag weak.
    let weak = format!("W/{}", second.header("etag"));
    assert_eq!(put(&app, &user, PYTHON, "one, two, three", ("if-match", &weak)).await.status, 200);
    assert_eq!(texts(&app, &user, PYTHON, "").await, ["one, two, three"], "the saves continued one revision");
    for condition in [("if-match", "*"), ("if-match", "1"), ("if-match", "\"1\", \"2\""), ("if-none-match", "\"1\"")] {
        let refused = put(&app, &user, PYTHON, "x", condition).await;
        assert_eq!((refused.status.as_u16(), &refused.json["code"]), (400, &json!("invalid-header")), "{condition:?}");
    }
}

#[tokio::test]
async fn saves_without_a_condition_and_new_revisions_keep_the_previous_revision() {
    let app = TestApp::start().await;
    let user = app.user().await;
    put(&app, &user, PYTHON, "one", ("", "")).await;
    let second = put(&app, &user, PYTHON, "two", ("", "")).await;
    assert_eq!(texts(&app, &user, PYTHON, "").await, ["two", "one"]);
    let begun = app
        .request(Method::PUT, PYTHON)
        .json(&json!({ "text": "three", "begins_revision": true }))
        .header("if-match", second.header("etag"))
        .bearer(&user.token)
        .send()
        .await;
    put(&app, &user, PYTHON, "three!", ("if-match", begun.header("etag"))).await;
    assert_eq!(texts(&app, &user, PYTHON, "").await, ["three!", "two", "one"]);
    for revision in ["1", "-1", "99999999999999999999", "x"] {
        assert_eq!(get(&app, &user, &format!("{PYTHON}/revisions/{revision}")).await.status, 404, "{revision}");
    }
}

#[tokio::test]
async fn drafts_are_bounded() {
    let drafts = DraftBounds { per_user_max: 2, revisions_max: 2, bytes_per_user_max: Bytes::mib(1) };
    let bounds = Bounds { source_bytes_max: Bytes::new(100), drafts, ..Bounds::default() };
    let app = TestApp::with(|_| {}, bounds).await;
    let user = app.user().await;
    assert_eq!(put(&app, &user, PYTHON, &"x".repeat(100), ("", "")).await.status, 200);
    let refused = put(&app, &user, PYTHON, &"x".repeat(101), ("", "")).await;
    assert_eq!((refused.status.as_u16(), &refused.json["code"]), (422, &json!("submission-too-large")), "{refused:?}");
    assert_eq!(refused.json["errors"][0]["pointer"], "/text");
    for text in ["1", "2", "3"] {
        put(&app, &user, PYTHON, text, ("", "")).await;
    }
    assert_eq!(texts(&app, &user, PYTHON, "").await, ["3", "2"]);
    for language in ["c", "multi-file"] {
        assert_eq!(
            put(&app, &user, &format!("/api/v1/drafts/{language}"), "", ("", "")).await.status,
            200,
            "{language}"
        );
    }
    assert_eq!(get(&app, &user, PYTHON).await.status, 404, "the draft that was saved least recently is gone");
}

#[tokio::test]
async fn a_draft_needs_a_known_language_and_a_visible_problem() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    let refused = put(&app, &user, "/api/v1/drafts/pyton", "x", ("", "")).await;
    assert_eq!((refused.status.as_u16(), &refused.json["code"]), (422, &json!("unknown-language")), "{refused:?}");
    for path in ["/api/v1/drafts/Not%20a%20language", "/api/v1/drafts/%2e%2e%2f", "/api/v1/drafts/pyton"] {
        assert_eq!(get(&app, &user, path).await.status, 404, "{path}");
    }
    let slug = app.problem(&author, "echo", Visibility::Public).await;
    let path = format!("{PYTHON}?problem={slug}");
    let missing =
        [format!("{PYTHON}?problem=nothing"), format!("{PYTHON}?problem=..%2F"), format!("{PYTHON}?problem=")];
    for path in missing {
        assert_eq!(put(&app, &user, &path, "x", ("", "")).await.status, 404, "{path}");
        assert_eq!(get(&app, &user, &path).await.status, 404, "{path}");
    }
    assert_eq!(put(&app, &user, &path, "mine", ("", "")).await.status, 200);
    let show = async |visibility| {
        let id = cupel_core::ProblemStore::problem(
            &*app.store,
            cupel_core::problems::ProblemKey::Slug(slug.parse().unwrap()),
            None,
        );
        let (problem, _) = id.await.unwrap().unwrap();
        let change = ProblemChange { visibility: Some(visibility), ..ProblemChange::default() };
        cupel_core::ProblemStore::change_problem(&*app.store, problem.id, change, problem.updated_at)
            .await
            .unwrap()
            .unwrap();
    };
    // While the problem is hidden, the response is the same as for an unknown problem. The draft is still there when
    // the problem is visible again.
    for visibility in [Visibility::Private, Visibility::Draft] {
        show(visibility).await;
        let hidden = get(&app, &user, &path).await;
        let unknown = get(&app, &user, &format!("{PYTHON}?problem=nothing")).await;
        assert_eq!((hidden.status.as_u16(), &hidden.json["detail"]), (404, &unknown.json["detail"]), "{visibility:?}");
        assert_eq!(put(&app, &user, &path, "x", ("", "")).await.status, 404);
        assert_eq!(app.delete(&path).bearer(&user.token).send().await.status, 404);
        assert_eq!(get(&app, &user, &format!("{PYTHON}/revisions?problem={slug}")).await.status, 404);
    }
    show(Visibility::Public).await;
    assert_eq!(get(&app, &user, &path).await.json["text"], "mine");
}

#[tokio::test]
async fn participants_keep_drafts_of_a_private_problem_during_a_frozen_contest() {
    let app = TestApp::start().await;
    let (author, one, two) = (app.author().await, app.user().await, app.user().await);
    let slug = app.problem(&author, "echo", Visibility::Private).await;
    let begun = cupel_core::Clock::now(&cupel_core::SystemClock) - jiff::SignedDuration::from_secs(1);
    let body = json!({
        "slug": "cup", "title": "A contest", "style": "icpc", "starts_at": begun.to_string(), "length_seconds": 3600,
        "freeze_seconds": 3600, "public": true, "problems": [slug],
    });
    let made = app.post("/api/v1/contests", &body).bearer(&author.token).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("{PYTHON}?problem={slug}");
    assert_eq!(put(&app, &one, &path, "x", ("", "")).await.status, 404, "not a participant yet");
    for user in [&one, &two] {
        let joined = app.post("/api/v1/contests/cup/participation", &json!({ "kind": "official" }));
        let joined = joined.bearer(&user.token).send().await;
        assert!(joined.status.is_success(), "{joined:?}");
    }
    assert_eq!(put(&app, &one, &path, "mine", ("", "")).await.status, 200);
    assert_eq!(get(&app, &one, &path).await.json["text"], "mine");
    for other in [&two, &author] {
        assert_eq!(get(&app, other, &path).await.status, 404);
        assert_eq!(texts(&app, other, PYTHON, &format!("?problem={slug}")).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_malformed_draft_is_refused() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for body in [json!({}), json!({ "text": 1 }), json!({ "text": "", "more": 1 }), json!([]), Value::Null] {
        let refused = app.request(Method::PUT, PYTHON).json(&body).bearer(&user.token).send().await;
        assert_eq!(refused.status, 422, "{body}");
    }
    let other = app.get(&format!("{PYTHON}?slug=x")).bearer(&user.token).send().await;
    assert_eq!((other.status.as_u16(), &other.json["code"]), (400, &json!("invalid-parameter")));
}
