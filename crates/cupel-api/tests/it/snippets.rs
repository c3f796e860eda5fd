//! Tests of shared programs.

use cupel_core::Bounds;
use cupel_types::Bytes;
use serde_json::{Value, json};

use crate::app::{TestApp, TestUser};

const SNIPPETS: &str = "/api/v1/snippets";

fn program() -> Value {
    json!({
        "language": "py", "source_code": "import sys\nprint(sys.argv, '\u{202e}\\0')", "files": [{ "path": "a/b.txt", "content": "" }],
        "args": ["-v", "two words"], "input": "1\n", "limits": { "cpu_time_ms": 1500, "memory_kb": 65536 },
        "artifacts": ["*.png", "plots/**/*.svg"], "title": "A <b>plot</b> of 表",
        "terminal": true,
    })
}

async fn share(app: &TestApp, user: &TestUser, program: &Value) -> crate::app::Answer {
    app.post(SNIPPETS, program).bearer(&user.token).send().await
}

#[tokio::test]
async fn a_shared_program_is_public_complete_and_always_has_the_same_link() {
    let app = TestApp::start().await;
    let (one, two) = (app.user().await, app.user().await);
    let shared = share(&app, &one, &program()).await;
    assert_eq!(shared.status, 201, "{shared:?}");
    let id = shared.json["snippet_id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 22);
    assert_eq!(shared.json["url"], format!("http://127.0.0.1:8080/p/{id}"));
    assert_eq!(shared.header("location"), format!("{SNIPPETS}/{id}"));
    let read = app.get(&format!("{SNIPPETS}/{id}")).send().await;
    assert_eq!(read.status, 200, "{read:?}");
    let mut expected = program();
    expected["language"] = "python".into();
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&read.json[field], value, "{field}");
    }
    assert!(!read.json.to_string().contains(&one.user.username), "the response does not name the sender");
    assert_eq!(share(&app, &two, &program()).await.json["snippet_id"], id);
    let mut renamed = program();
    let input = renamed.as_object_mut().unwrap().remove("input").unwrap();
    renamed["stdin"] = input;
    assert_eq!(share(&app, &two, &renamed).await.json["snippet_id"], id, "`stdin` is another name of `input`");
    let mut other = program();
    other["args"] = json!(["-v two", "words"]);
    assert_ne!(share(&app, &two, &other).await.json["snippet_id"], id);
}

#[tokio::test]
async fn a_program_with_another_title_other_patterns_or_a_terminal_has_another_link() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id_with = async |change: Value| {
        let mut sent = json!({ "language": "python", "source_code": "# first\nprint(1)" });
        sent.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let shared = share(&app, &user, &sent).await;
        assert_eq!(shared.status, 201, "{shared:?}");
        shared.json["snippet_id"].as_str().unwrap().to_owned()
    };
    let plain = id_with(json!({})).await;
    // Programs that were shared before these fields existed keep their links.
    assert_eq!(plain, "xBBIrJBLK8OrMZ1d8J6hVg");
    for same in
        [json!({ "title": null }), json!({ "title": "  " }), json!({ "artifacts": [] }), json!({ "terminal": false })]
    {
        assert_eq!(id_with(same.clone()).await, plain, "{same}");
    }
    let read = app.get(&format!("{SNIPPETS}/{plain}")).send().await;
    assert_eq!((read.json.get("title"), &read.json["artifacts"]), (None, &json!([])));
    assert_eq!(read.json["terminal"], false);
    let titled = id_with(json!({ "title": "  Two words " })).await;
    assert_eq!(id_with(json!({ "title": "Two words" })).await, titled);
    let keeping = id_with(json!({ "artifacts": ["*.png"] })).await;
    assert!(titled != plain && keeping != plain && keeping != titled);
    let typed = id_with(json!({ "terminal": true })).await;
    assert!(typed != plain);
    assert_eq!(app.get(&format!("{SNIPPETS}/{typed}")).send().await.json["terminal"], true);
    assert_eq!(app.get(&format!("{SNIPPETS}/{titled}")).send().await.json["title"], "Two words");
    let own = app.get(SNIPPETS).bearer(&user.token).send().await;
    let titles: Vec<_> = own.json["snippets"].as_array().unwrap().iter().map(|one| &one["title"]).collect();
    assert_eq!(titles.iter().filter(|title| **title == "Two words").count(), 1, "{titles:?}");
    assert_eq!(titles.iter().filter(|title| **title == "# first").count(), 3, "{titles:?}");
    assert_eq!(id_with(json!({ "title": "表".repeat(100) })).await.len(), 22);
}

#[tokio::test]
async fn a_program_that_could_not_be_submitted_is_not_shared() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for (change, code, pointer) in [
        (json!({ "language": "klingon" }), "unknown-language", "/language"),
        (json!({ "source_code": "" }), "invalid-submission", "/source_code"),
        (json!({ "files": [{ "path": "../x", "content": "" }] }), "invalid-path", "/files/0/path"),
        (json!({ "stdin": "1\n" }), "invalid-body", "/stdin"),
        (json!({ "args": ["\0"] }), "invalid-submission", "/args/0"),
        (json!({ "limits": { "cpu_time_ms": 86_400_000 } }), "invalid-limit", "/limits/cpu_time_ms"),
        (json!({ "limits": { "memory_kb": 1 } }), "invalid-limit", "/limits/memory_kb"),
        (json!({ "artifacts": ["../*"] }), "invalid-path", "/artifacts/0"),
        (json!({ "artifacts": vec!["*"; 17] }), "submission-too-large", "/artifacts"),
        (json!({ "title": "x".repeat(101) }), "invalid-submission", "/title"),
        (json!({ "title": "a\n" }), "invalid-submission", "/title"),
        (json!({ "title": "a\u{1b}b" }), "invalid-submission", "/title"),
        (json!({ "input": "x".repeat(300 << 10) }), "submission-too-large", ""),
    ] {
        let mut sent = program();
        sent.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = share(&app, &user, &sent).await;
        assert_eq!((refused.status.as_u16(), refused.json["code"].as_str().unwrap()), (422, code), "{refused:?}");
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{refused:?}");
    }
    for id in ["AAAAAAAAAAAAAAAAAAAAAA", "AAAA", "..%2F..%2Fetc%2Fpasswd"] {
        assert_eq!(app.get(&format!("{SNIPPETS}/{id}")).send().await.status, 404, "{id}");
    }
}

#[tokio::test]
async fn the_number_and_the_size_of_shared_programs_are_bounded() {
    let bounds = Bounds { snippets_per_user_max: 2, snippet_bytes_max: Bytes::new(20), ..Bounds::default() };
    let app = TestApp::with(|_| {}, bounds).await;
    let (user, other) = (app.user().await, app.user().await);
    let of = |source: &str| json!({ "language": "python", "source_code": source });
    assert_eq!(share(&app, &user, &of("1")).await.status, 201);
    assert_eq!(share(&app, &user, &of(&"x".repeat(20))).await.status, 201);
    let refused = share(&app, &user, &of(&"x".repeat(21))).await;
    assert_eq!(refused.json["code"], "submission-too-large", "{refused:?}");
    let refused = share(&app, &user, &of("3")).await;
    assert_eq!((refused.status.as_u16(), &refused.json["code"]), (403, &json!("quota-used-up")), "{refused:?}");
    assert_eq!(share(&app, &user, &of("1")).await.status, 201, "a program that is shared already counts once");
    assert_eq!(share(&app, &other, &of("3")).await.status, 201);
}

#[tokio::test]
async fn sharing_is_charged_as_a_submission() {
    let tier = cupel_http::TierRates { submissions: cupel_http::Rate::per_minute(1, 1), ..Default::default() };
    let app = TestApp::with_settings(|settings| settings.tiers = [("basic".to_owned(), tier)].into()).await;
    let user = app.user().await;
    assert_eq!(share(&app, &user, &program()).await.status, 201);
    let refused = share(&app, &user, &program()).await;
    assert_eq!((refused.status.as_u16(), &refused.json["code"]), (429, &json!("rate-limited")), "{refused:?}");
}

#[tokio::test]
async fn a_user_lists_and_removes_only_their_own_programs() {
    let app = TestApp::start().await;
    let (one, two) = (app.user().await, app.user().await);
    let of = |source: &str| json!({ "language": "python", "source_code": source });
    let mut ids = Vec::new();
    for n in 0..21 {
        let shared = share(&app, &one, &of(&format!("\n  # program {n}\nprint({n})"))).await;
        ids.push(shared.json["snippet_id"].as_str().unwrap().to_owned());
    }
    share(&app, &two, &of("\n  # program 3\nprint(3)")).await;
    let list =
        async |user: &TestUser, query: &str| app.get(&format!("{SNIPPETS}{query}")).bearer(&user.token).send().await;
    let first = list(&one, "").await;
    assert_eq!(first.json["pagination"], json!({ "page": 1, "limit": 20, "total": 21 }), "{first:?}");
    let newest = &first.json["snippets"][0];
    assert_eq!(
        (&newest["snippet_id"], &newest["language"], &newest["title"]),
        (&json!(ids[20]), &json!("python"), &json!("# program 20"))
    );
    assert_eq!(newest["url"], format!("http://127.0.0.1:8080/p/{}", ids[20]));
    let second = list(&one, "?page=2").await;
    assert_eq!(second.json["snippets"].as_array().unwrap().len(), 1);
    assert_eq!(second.json["snippets"][0]["snippet_id"], ids[0].as_str());
    assert_eq!(list(&one, "?page=0").await.status, 400);
    assert_eq!(app.get(SNIPPETS).send().await.status, 401);

    let remove = async |user: &TestUser, id: &str| {
        app.delete(&format!("{SNIPPETS}/{id}")).bearer(&user.token).send().await.status.as_u16()
    };
    assert_eq!(remove(&two, &ids[0]).await, 404, "it is of another user");
    assert_eq!(remove(&one, &ids[0]).await, 204);
    assert_eq!(remove(&one, &ids[0]).await, 404);
    assert_eq!(app.get(&format!("{SNIPPETS}/{}", ids[0])).send().await.status, 404);
    assert_eq!(remove(&one, &ids[3]).await, 204);
    assert_eq!(app.get(&format!("{SNIPPETS}/{}", ids[3])).send().await.status, 200, "another user shares it");
}
