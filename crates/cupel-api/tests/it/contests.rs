//! Contests over HTTP: creating, taking part, standings with a freeze, questions.

use std::time::Duration;

use axum::http::Method;
use cupel_core::accounts::Scope;
use cupel_core::{Clock, SystemClock};
use cupel_http::Rate;
use cupel_problem::Visibility;
use cupel_types::{Grading, RunReport, Verdict};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, TestUser, a_report};

/// The time `minutes` minutes from now, in RFC 3339.
fn in_minutes(minutes: i64) -> String {
    (SystemClock.now() + SignedDuration::from_mins(minutes)).to_string()
}

/// A contest of one hour with the problem `echo`, which begins `minutes` minutes from now.
pub(crate) fn a_contest(slug: &str, minutes: i64) -> Value {
    json!({
        "slug": slug, "title": "Autumn", "style": "icpc", "starts_at": in_minutes(minutes),
        "length_seconds": 3600, "public": true, "problems": ["echo"],
    })
}

pub(crate) async fn make(app: &TestApp, by: &TestUser, body: &Value) -> Answer {
    app.post("/api/v1/contests", body).bearer(&by.token).send().await
}

pub(crate) async fn take_part(app: &TestApp, who: &TestUser, slug: &str, kind: &str) -> Answer {
    let path = format!("/api/v1/contests/{slug}/participation");
    app.post(&path, &json!({ "kind": kind })).bearer(&who.token).send().await
}

async fn enter(app: &TestApp, who: &TestUser, slug: &str, code: &str) -> Answer {
    let path = format!("/api/v1/contests/{slug}/participation");
    app.post(&path, &json!({ "kind": "official", "code": code })).bearer(&who.token).send().await
}

async fn change(app: &TestApp, who: &TestUser, slug: &str, body: &Value) -> Answer {
    app.request(Method::PATCH, &format!("/api/v1/contests/{slug}")).json(body).bearer(&who.token).send().await
}

pub(crate) async fn solve(app: &TestApp, by: &TestUser, verdict: Verdict) {
    let body = json!({ "language": "python", "source_code": "print(input())" });
    let answer = app.post("/api/v1/problems/echo/submissions", &body).bearer(&by.token).send().await;
    assert_eq!(answer.status, 202, "{answer:?}");
    app.complete(RunReport { verdict, execution: None, grading: Some(Grading::default()), ..a_report() }).await;
}

/// The standings: user name, place, solved, and tries and pending of the first problem.
fn standings_rows(answer: &Answer) -> Vec<(String, u64, u64, u64, u64)> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let number = |value: &Value| value.as_u64().unwrap();
    let rows = answer.json["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        let cell = &row["problems"][0];
        let name = row["username"].as_str().unwrap().to_owned();
        (name, number(&row["rank"]), number(&row["solved"]), number(&cell["tries"]), number(&cell["pending"]))
    })
    .collect()
}

#[tokio::test]
async fn participants_see_a_private_problem_once_the_contest_runs() {
    let app = TestApp::start().await;
    let (author, early, late, guest) = (app.author().await, app.user().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Private).await;
    let made = make(&app, &author, &a_contest("running", -10)).await;
    assert_eq!((made.status.as_u16(), &made.json["phase"]), (201, &json!("running")), "{made:?}");
    assert_eq!(
        made.json["problems"],
        json!([{ "label": "A", "slug": "echo", "title": made.json["problems"][0]["title"] }])
    );
    assert_eq!((&made.json["penalty_seconds"], &made.json["may_change"]), (&json!(1200), &json!(true)));
    make(&app, &author, &a_contest("upcoming", 10)).await;

    assert_eq!(take_part(&app, &early, "running", "official").await.status, 201);
    assert_eq!(take_part(&app, &late, "upcoming", "official").await.status, 201);
    take_part(&app, &late, "upcoming", "official").await.is_error(409, "conflict");
    take_part(&app, &late, "running", "virtual").await.is_error(409, "conflict");
    take_part(&app, &author, "running", "official").await.is_error(409, "conflict");
    let problem =
        async |who: &TestUser| app.get("/api/v1/problems/echo").bearer(&who.token).send().await.status.as_u16();
    assert_eq!((problem(&early).await, problem(&late).await, problem(&guest).await), (200, 404, 404));
    let hints = async |who: &TestUser| {
        let answer = app.get("/api/v1/problems/echo").bearer(&who.token).send().await;
        (answer.json["problem"]["difficulty"].clone(), answer.json["problem"]["tags"].clone())
    };
    assert_eq!(hints(&early).await, (json!(null), json!([])), "they would be hints");
    assert_eq!(hints(&author).await, (json!("easy"), json!(["strings"])));
    // Readers do not find it in the list, either: neither its hints, nor by them.
    let readers = json!({ "readers": [early.user.username] });
    let shared = app.request(Method::PATCH, "/api/v1/problems/echo").json(&readers).bearer(&author.token).send().await;
    assert_eq!(shared.status, 200, "{shared:?}");
    for (who, query, found) in [(&early, "", 0), (&early, "&tag=strings", 0), (&author, "&tag=strings", 1)] {
        let path = format!("/api/v1/problems?tag_counts=true{query}");
        let listed = app.get(&path).bearer(&who.token).send().await.json;
        let tags = listed["tags"].as_array().map(Vec::len);
        assert_eq!((listed["problems"].as_array().map(Vec::len), tags), (Some(found), Some(found)), "{listed}");
    }
    let contest = async |who: &TestUser, slug: &str| {
        app.get(&format!("/api/v1/contests/{slug}")).bearer(&who.token).send().await.json
    };
    assert_eq!(contest(&late, "upcoming").await["problems"], json!(null));
    assert_eq!(contest(&guest, "running").await["problems"], json!(null));
    assert_eq!(contest(&early, "running").await["problems"][0]["slug"], "echo");
    assert_eq!(contest(&early, "running").await["participation"]["kind"], "official");

    let withdraw = |who: &TestUser, slug: &str| {
        app.delete(&format!("/api/v1/contests/{slug}/participation")).bearer(&who.token).send()
    };
    withdraw(&early, "running").await.is_error(409, "conflict");
    assert_eq!(withdraw(&late, "upcoming").await.status, 204);
    withdraw(&late, "upcoming").await.is_error(409, "conflict");
    let listed = app.get("/api/v1/contests?phase=upcoming").send().await;
    assert_eq!(
        (&listed.json["pagination"]["total"], &listed.json["contests"][0]["slug"]),
        (&json!(1), &json!("upcoming"))
    );
}

/// Creates a private contest that begins in ten minutes; returns its join code.
pub(crate) async fn a_private_contest(app: &TestApp, author: &TestUser) -> String {
    app.problem(author, "echo", Visibility::Private).await;
    let mut body = a_contest("club", 10);
    body["public"] = json!(false);
    let made = make(app, author, &body).await;
    made.json["join_code"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned()
}

#[tokio::test]
async fn a_private_contest_is_entered_with_its_code_and_hidden_after_withdrawal() {
    let app = TestApp::start().await;
    let (author, admin, other, guest) = (app.author().await, app.admin().await, app.author().await, app.user().await);
    let code = a_private_contest(&app, &author).await;
    let get = async |path: &str, who: &TestUser| app.get(path).bearer(&who.token).send().await;
    for who in [&author, &admin] {
        assert_eq!(get("/api/v1/contests/club", who).await.json["join_code"], code);
    }
    // Without the code, or with a wrong one, the response is that of a contest that does not exist.
    let mut nothing = take_part(&app, &guest, "none", "official").await;
    for mut response in [
        enter(&app, &guest, "none", &code).await,
        enter(&app, &guest, "club", "").await,
        enter(&app, &guest, "club", &code[1..]).await,
        enter(&app, &other, "club", "0123456789").await,
        take_part(&app, &guest, "club", "official").await,
        get("/api/v1/contests/club", &guest).await,
    ] {
        response.is_error(404, "not-found");
        for answer in [&mut response, &mut nothing] {
            answer.json["request_id"].take();
        }
        assert_eq!(response.json, nothing.json);
    }

    let entered = enter(&app, &guest, "club", &format!(" {} ", code.to_uppercase())).await;
    assert_eq!((entered.status.as_u16(), &entered.json["kind"]), (201, &json!("official")), "{entered:?}");
    let seen = get("/api/v1/contests/club", &guest).await.json;
    assert_eq!((&seen["participation"]["kind"], &seen["join_code"]), (&json!("official"), &json!(null)));
    let listed = async || get("/api/v1/contests", &guest).await.json["pagination"]["total"].clone();
    assert_eq!(listed().await, 1);
    enter(&app, &guest, "club", &code).await.is_error(409, "conflict");

    let withdrawn = app.delete("/api/v1/contests/club/participation").bearer(&guest.token).send().await;
    assert_eq!(withdrawn.status, 204);
    for path in ["", "/standings", "/clarifications"] {
        get(&format!("/api/v1/contests/club{path}"), &guest).await.is_error(404, "not-found");
    }
    assert_eq!(listed().await, 0);
}

#[tokio::test]
async fn a_new_join_code_replaces_the_old_one_and_keeps_participants() {
    let app = TestApp::start().await;
    let (author, early, late) = (app.author().await, app.user().await, app.user().await);
    let first = a_private_contest(&app, &author).await;
    assert_eq!(enter(&app, &early, "club", &first).await.status, 201);
    assert_eq!(change(&app, &author, "club", &json!({ "title": "Club" })).await.json["join_code"], first);
    let changed = change(&app, &author, "club", &json!({ "new_join_code": true })).await;
    let second = changed.json["join_code"].as_str().unwrap_or_else(|| panic!("{changed:?}"));
    enter(&app, &late, "club", &first).await.is_error(404, "not-found");
    assert_eq!(enter(&app, &late, "club", second).await.status, 201);
    assert_eq!(app.get("/api/v1/contests/club").bearer(&early.token).send().await.status, 200);
    // A public contest needs no code.
    assert_eq!(change(&app, &author, "club", &json!({ "public": true })).await.status, 200);
    let guest = app.user().await;
    let seen = app.get("/api/v1/contests/club").bearer(&guest.token).send().await;
    assert_eq!((seen.status.as_u16(), &seen.json["join_code"]), (200, &json!(null)));
    assert_eq!(take_part(&app, &guest, "club", "official").await.status, 201);
}

#[tokio::test]
async fn guesses_of_join_codes_are_limited_per_address_and_a_right_code_is_not_counted() {
    let app = TestApp::with_settings(|s| s.login.join_codes = Rate::new(2, Duration::from_hours(1), 2)).await;
    let (author, invited, guesser) = (app.author().await, app.user().await, app.user().await);
    let code = a_private_contest(&app, &author).await;
    let enter = |who: &TestUser, slug: &str, code: Option<&str>, from: &str| {
        let path = format!("/api/v1/contests/{slug}/participation");
        let body = json!({ "kind": "official", "code": code });
        app.post(&path, &body).bearer(&who.token).at_address(from).send()
    };
    let (school, home) = ("203.0.113.9", "198.51.100.1");
    assert_eq!(enter(&invited, "club", Some(&code), school).await.status, 201);
    for _ in 0..3 {
        enter(&invited, "club", Some(&code), school).await.is_error(409, "conflict");
    }
    enter(&guesser, "club", Some("0123456789"), school).await.is_error(404, "not-found");
    enter(&guesser, "none", Some("0123456789"), school).await.is_error(404, "not-found");
    // A client without guesses left learns neither whether the code is right nor whether the contest exists.
    for (slug, code) in [("club", "0123456789"), ("none", "0123456789"), ("club", &*code)] {
        let refused = enter(&guesser, slug, Some(code), school).await;
        refused.is_error(429, "too-many-attempts");
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    enter(&guesser, "club", None, school).await.is_error(404, "not-found");
    assert_eq!(enter(&guesser, "club", Some(&code), home).await.status, 201);
}

#[tokio::test]
async fn only_the_sender_and_the_organizers_see_submissions_hidden_by_a_freeze() {
    let app = TestApp::start().await;
    let (author, one, two) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let mut body = a_contest("frozen", -10);
    body["freeze_seconds"] = json!(3600 - 60);
    let made = make(&app, &author, &body).await;
    assert_eq!(made.status, 201, "a public problem: {made:?}");
    for who in [&one, &two] {
        take_part(&app, who, "frozen", "official").await;
    }
    solve(&app, &one, Verdict::WrongAnswer).await;
    solve(&app, &one, Verdict::Accepted).await;
    let (first, second) = (one.user.username.clone(), two.user.username.clone());
    let standings = async |query: &str, who: Option<&TestUser>| {
        let call = app.get(&format!("/api/v1/contests/frozen/standings{query}"));
        if let Some(who) = who { call.bearer(&who.token) } else { call }.send().await
    };
    let public = standings("", None).await;
    assert_eq!((&public.json["frozen"], &public.json["problems"]), (&json!(true), &json!(["A"])));
    assert_eq!(standings_rows(&public), [(first.clone(), 1, 0, 0, 2), (second.clone(), 1, 0, 0, 0)]);
    for who in [Some(&two), None] {
        standings("?unfrozen=true", who).await.is_error(403, "forbidden");
        standings("?unfrozen=true&format=csv", who).await.is_error(403, "forbidden");
    }
    let solved = [(first.clone(), 1, 1, 2, 0), (second.clone(), 2, 0, 0, 0)];
    assert_eq!(standings_rows(&standings("", Some(&one)).await), solved);
    assert_eq!(standings_rows(&standings("?unfrozen=true", Some(&author)).await), solved);
    assert_eq!(
        standings_rows(&standings("", Some(&author)).await),
        standings_rows(&public),
        "by default the author gets the frozen standings, too"
    );
    let board = async || app.get("/api/v1/problems/echo/leaderboard").bearer(&two.token).send().await.json;
    assert_eq!((&board().await["frozen"], &board().await["lines"]), (&json!(true), &json!([])));
    // All responses to a contestant are the same as before the two submissions.
    let statistics = async |path: &str, at: &str, who: &TestUser| {
        app.get(path).bearer(&who.token).send().await.json.pointer(at).expect(path)["statistics"].clone()
    };
    let none = json!({ "submissions": 0, "accepted": 0, "attempted_by": 0, "solved_by": 0 });
    let told_of = async |who: &TestUser, expected: &Value| {
        assert_eq!(statistics("/api/v1/problems/echo", "/problem", who).await, *expected);
        assert_eq!(statistics("/api/v1/problems?sort=solved", "/problems/0", who).await, *expected);
    };
    told_of(&two, &none).await;
    assert_eq!(app.get("/api/v1/leaderboard").send().await.json["lines"], json!([]));
    let progress = async |who: &TestUser| {
        app.get("/api/v1/users/me/progress").bearer(&who.token).send().await.json["solved"].clone()
    };
    let solved_by_state = async |who: &TestUser| {
        let listed = app.get("/api/v1/problems?state=solved").bearer(&who.token).send().await;
        listed.json["pagination"]["total"].clone()
    };
    assert_eq!(
        (progress(&one).await, solved_by_state(&one).await),
        (json!(1), json!(1)),
        "users see their own results"
    );
    // Submissions of users outside the contest stay public.
    let stranger = app.user().await;
    solve(&app, &stranger, Verdict::Accepted).await;
    let of_stranger = json!({ "submissions": 1, "accepted": 1, "attempted_by": 1, "solved_by": 1 });
    told_of(&two, &of_stranger).await;
    assert_eq!(board().await["lines"][0]["username"], json!(stranger.user.username));

    change(&app, &two, "frozen", &json!({ "unfrozen": true })).await.is_error(403, "forbidden");
    assert_eq!(change(&app, &author, "frozen", &json!({ "unfrozen": true })).await.json["unfrozen"], true);
    let lifted = standings("", None).await;
    assert_eq!(standings_rows(&lifted), solved);
    let row = &lifted.json["rows"][0];
    assert_eq!((&row["penalty_minutes"], &row["problems"][0]["first"]), (&json!(30), &json!(true)));
    assert_eq!((&board().await["frozen"], board().await["lines"].as_array().map(Vec::len)), (&json!(false), Some(2)));
    told_of(&two, &json!({ "submissions": 3, "accepted": 2, "attempted_by": 2, "solved_by": 2 })).await;
    assert_eq!(app.get("/api/v1/leaderboard").send().await.json["pagination"]["total"], 2);
}

#[tokio::test]
async fn a_freeze_that_has_begun_keeps_its_start_when_the_length_changes() {
    let app = TestApp::start().await;
    let (author, one) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let mut body = a_contest("frozen", -10);
    body["freeze_seconds"] = json!(3600 - 60);
    make(&app, &author, &body).await;
    take_part(&app, &one, "frozen", "official").await;
    solve(&app, &one, Verdict::Accepted).await;
    let standings = async || {
        let answer = app.get("/api/v1/contests/frozen/standings").send().await;
        (answer.json["frozen"].clone(), standings_rows(&answer)[0].2)
    };
    assert_eq!(standings().await, (json!(true), 0));
    for length in [7200, 1800] {
        let changed = change(&app, &author, "frozen", &json!({ "length_seconds": length })).await;
        assert_eq!(changed.json["freeze_seconds"], length - 60, "{changed:?}");
        assert_eq!(standings().await, (json!(true), 0), "results stay hidden with a length of {length} s");
    }
    let both = json!({ "length_seconds": 7200, "freeze_seconds": 60 });
    assert_eq!(change(&app, &author, "frozen", &both).await.json["freeze_seconds"], 60, "the organizer decides");
    // Before the freeze, its length stays.
    let changed = change(&app, &author, "frozen", &json!({ "length_seconds": 3600 })).await;
    assert_eq!(changed.json["freeze_seconds"], 60, "{changed:?}");
}

#[tokio::test]
async fn a_freeze_that_has_not_begun_cannot_be_lifted() {
    let app = TestApp::start().await;
    let author = app.author().await;
    app.problem(&author, "echo", Visibility::Public).await;
    for (slug, starts, freeze) in [("none", -10, json!(null)), ("upcoming", 10, json!(3600)), ("early", -10, json!(60))]
    {
        let mut body = a_contest(slug, starts);
        body["freeze_seconds"] = freeze;
        make(&app, &author, &body).await;
        let refused = change(&app, &author, slug, &json!({ "unfrozen": true })).await;
        refused.is_error(409, "conflict");
        assert!(refused.json["detail"].as_str().unwrap().starts_with("Nothing is frozen"), "{slug}: {refused:?}");
    }
}

#[tokio::test]
async fn an_organizer_lists_and_reads_what_participants_sent_although_others_wrote_the_problem() {
    let app = TestApp::start().await;
    let (author, organizer, other, one) =
        (app.author().await, app.author().await, app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    solve(&app, &one, Verdict::WrongAnswer).await;
    make(&app, &organizer, &a_contest("class", 0)).await;
    assert_eq!(take_part(&app, &one, "class", "official").await.status, 201);
    for verdict in [Verdict::WrongAnswer, Verdict::Accepted] {
        solve(&app, &one, verdict).await;
    }
    let list = async |by: &TestUser, query: &str| {
        app.get(&format!("/api/v1/contests/class/submissions{query}")).bearer(&by.token).send().await
    };
    let verdicts = async |query: &str| {
        let listed = list(&organizer, query).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let lines = listed.json["submissions"].as_array().unwrap().clone();
        lines.iter().map(|line| line["verdict"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(verdicts("").await, ["AC", "WA"], "without the submission before the contest");
    assert_eq!(verdicts("?verdict=WA&problem=a").await, ["WA"]);
    assert_eq!(verdicts("?problem=echo&limit=1&page=2").await, ["WA"]);
    let name = &one.user.username;
    assert_eq!(verdicts(&format!("?username={name}")).await.len(), 2);
    assert!(verdicts("?username=nobody").await.is_empty());
    list(&organizer, "?problem=B").await.is_error(422, "invalid-body");
    let csv = list(&organizer, "?format=csv").await;
    let lines: Vec<&str> = csv.text.split("\r\n").collect();
    assert!(lines[0].starts_with("submission_id,username,language,status,verdict,") && lines[0].ends_with(",problem"));
    assert!(lines[1].contains(&format!(",{name},python,completed,AC,")) && lines[1].ends_with(",echo"), "{csv:?}");

    let line = list(&organizer, "").await.json["submissions"][0].clone();
    assert_eq!((&line["username"], &line["problem"]), (&json!(name), &json!("echo")));
    let path = format!("/api/v1/submissions/{}", line["submission_id"].as_str().unwrap());
    let read = async |by: &TestUser| app.get(&path).bearer(&by.token).send().await;
    let (seen, of_sender) = (read(&organizer).await, read(&one).await);
    assert!(seen.text.contains("print(input())"), "{seen:?}");
    assert_eq!(seen.json, of_sender.json, "the organizer sees what the sender sees");
    app.post(&format!("{path}/rejudge"), &json!({})).bearer(&organizer.token).send().await.is_error(404, "not-found");

    list(&one, "").await.is_error(403, "forbidden");
    for by in [&other, &author] {
        list(by, "").await.is_error(404, "not-found");
    }
    read(&other).await.is_error(404, "not-found");
    let runs = app.key(&organizer, &[Scope::RunsRead, Scope::RunsWrite]).await;
    for path in ["/api/v1/contests/class/submissions", &path] {
        assert_ne!(app.get(path).bearer(&runs).send().await.status, 200, "a key without `problems:write`");
    }
}

#[tokio::test]
async fn only_administrators_see_unfrozen_results_that_the_freeze_of_another_contest_hides() {
    let app = TestApp::start().await;
    let (author, admin, one) = (app.author().await, app.admin().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("open", -10)).await;
    let mut body = a_contest("frozen", -10);
    body["freeze_seconds"] = json!(3600);
    make(&app, &author, &body).await;
    for slug in ["open", "frozen"] {
        take_part(&app, &one, slug, "official").await;
    }
    solve(&app, &one, Verdict::Accepted).await;
    let cell = async |who: &TestUser, query: &str| {
        let path = format!("/api/v1/contests/open/standings{query}");
        let row = app.get(&path).bearer(&who.token).send().await.json["rows"][0].clone();
        (row["solved"].clone(), row["problems"][0]["pending"].clone())
    };
    assert_eq!(cell(&admin, "?unfrozen=true").await, (json!(1), json!(0)));
    assert_eq!(cell(&admin, "").await, (json!(0), json!(1)));
    assert_eq!(cell(&author, "?unfrozen=true").await, (json!(0), json!(1)));
}

#[tokio::test]
async fn standings_do_not_show_the_number_of_problems_before_the_start() {
    let app = TestApp::start().await;
    let (author, one) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("upcoming", 10)).await;
    take_part(&app, &one, "upcoming", "official").await;
    let path = "/api/v1/contests/upcoming/standings";
    let seen = async |who: &TestUser| {
        let read = app.get(path).bearer(&who.token).send().await.json;
        let csv = app.get(&format!("{path}?format=csv")).bearer(&who.token).send().await.text;
        (read["problems"].clone(), read["rows"][0]["problems"].as_array().map(Vec::len), csv.contains("A_tries"))
    };
    assert_eq!(seen(&one).await, (json!([]), Some(0), false));
    assert_eq!(seen(&author).await, (json!(["A"]), Some(1), true));
}

#[tokio::test]
async fn a_problem_of_a_contest_that_has_not_ended_cannot_become_a_draft() {
    let app = TestApp::start().await;
    let author = app.author().await;
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("next-year", 60 * 24 * 365)).await;
    let draft = async |force: bool| {
        let hide = json!({ "visibility": "draft", "force": force });
        app.request(Method::PATCH, "/api/v1/problems/echo").json(&hide).bearer(&author.token).send().await
    };
    let refused = draft(false).await;
    refused.is_error(409, "conflict");
    assert!(refused.json["detail"].as_str().unwrap().contains("`next-year`"), "{refused:?}");
    assert_eq!(draft(true).await.status, 200);
    // A contest does not begin earlier while one of its problems is a draft.
    let refused = change(&app, &author, "next-year", &json!({ "starts_at": in_minutes(5) })).await;
    refused.is_error(422, "invalid-body");
    assert!(refused.json["errors"][0]["detail"].as_str().unwrap().contains("is a draft"), "{refused:?}");
}

#[tokio::test]
async fn a_new_penalty_needs_no_style() {
    let app = TestApp::start().await;
    let author = app.author().await;
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("icpc", 10)).await;
    let changed = change(&app, &author, "icpc", &json!({ "penalty_minutes": 5 })).await;
    assert_eq!((&changed.json["style"], &changed.json["penalty_minutes"]), (&json!("icpc"), &json!(5)), "{changed:?}");
    let changed = change(&app, &author, "icpc", &json!({ "style": "icpc", "title": "Renamed" })).await;
    assert_eq!((changed.status.as_u16(), &changed.json["penalty_minutes"]), (200, &json!(5)), "the penalty stays");
    change(&app, &author, "icpc", &json!({ "style": "ioi" })).await;
    change(&app, &author, "icpc", &json!({ "penalty_minutes": 5 })).await.is_error(422, "invalid-body");
    let changed = change(&app, &author, "icpc", &json!({ "style": "icpc" })).await;
    assert_eq!(changed.json["penalty_minutes"], 20, "{changed:?}");
}

#[tokio::test]
async fn an_author_who_takes_part_does_not_see_submissions_hidden_by_the_freeze() {
    let app = TestApp::start().await;
    let (author, jury, one) = (app.author().await, app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let mut body = a_contest("frozen", -10);
    body["freeze_seconds"] = json!(3600 - 60);
    assert_eq!(make(&app, &jury, &body).await.status, 201);
    take_part(&app, &one, "frozen", "official").await;
    solve(&app, &one, Verdict::Accepted).await;
    let listed = async || {
        let path = "/api/v1/problems/echo/submissions?all=true";
        app.get(path).bearer(&author.token).send().await.json["submissions"].clone()
    };
    let id = listed().await[0]["submission_id"].as_str().expect("a submission").to_owned();
    let path = format!("/api/v1/submissions/{id}");
    let read = async |who: &TestUser| app.get(&path).bearer(&who.token).send().await.status.as_u16();
    assert_eq!(read(&author).await, 200);
    take_part(&app, &author, "frozen", "official").await;
    assert_eq!((listed().await, read(&author).await, read(&one).await), (json!([]), 404, 200));
    change(&app, &jury, "frozen", &json!({ "unfrozen": true })).await;
    assert_eq!((listed().await.as_array().map(Vec::len), read(&author).await), (Some(1), 200));
}

#[tokio::test]
async fn a_rejudge_reveals_no_hidden_verdict_to_an_author_who_takes_part() {
    let app = TestApp::start().await;
    let (author, jury, admin, one) = (app.author().await, app.author().await, app.admin().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    solve(&app, &one, Verdict::WrongAnswer).await;
    let mut body = a_contest("frozen", 0);
    body["freeze_seconds"] = json!(3600);
    assert_eq!(make(&app, &jury, &body).await.status, 201);
    for who in [&one, &author] {
        take_part(&app, who, "frozen", "official").await;
    }
    solve(&app, &one, Verdict::Accepted).await;
    solve(&app, &one, Verdict::WrongAnswer).await;
    let call = async |method: Method, verdict: &str, who: &TestUser| {
        let path = format!("/api/v1/problems/echo/rejudge?verdict={verdict}");
        app.request(method, &path).bearer(&who.token).send().await.json
    };
    for (verdict, shown) in [("AC", 0), ("WA", 1)] {
        let response = call(Method::GET, verdict, &author).await;
        assert_eq!(response["pagination"]["total"], shown, "{verdict}: {response}");
        let response = call(Method::POST, verdict, &author).await;
        assert_eq!(response, json!({ "queued": shown, "being_judged": 0, "looked_at": shown }), "{verdict}");
    }
    // The submissions are rejudged nevertheless.
    for _ in 0..3 {
        app.complete(RunReport { execution: None, grading: Some(Grading::default()), ..a_report() }).await;
    }
    let response = call(Method::POST, "AC", &admin).await;
    assert_eq!(response, json!({ "queued": 3, "being_judged": 0, "looked_at": 3 }));
}

#[tokio::test]
async fn publishing_a_problem_during_a_freeze_reveals_no_hidden_submissions() {
    let app = TestApp::start().await;
    let (author, one) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Private).await;
    let mut body = a_contest("frozen", -10);
    body["freeze_seconds"] = json!(3600);
    assert_eq!(make(&app, &author, &body).await.status, 201);
    take_part(&app, &one, "frozen", "official").await;
    solve(&app, &one, Verdict::Accepted).await;
    let show = app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "visibility": "public" }));
    assert_eq!(show.bearer(&author.token).send().await.status, 200);
    let shown = app.get("/api/v1/problems/echo").send().await.json;
    assert_eq!(shown["problem"]["statistics"]["submissions"], 0);
    assert_eq!(app.get("/api/v1/leaderboard").send().await.json["lines"], json!([]));
}

#[tokio::test]
async fn the_documented_example_contest_can_be_created() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let document: Value = serde_json::from_str(cupel_api::openapi_json()).unwrap();
    let example = &document["components"]["schemas"]["ContestRequest"]["example"];
    for slug in example["problems"].as_array().unwrap() {
        // The contest's problems already exist, as shipped problems do.
        app.problem(&author, slug.as_str().unwrap(), Visibility::Public).await;
    }
    let made = make(&app, &author, example).await;
    assert_eq!(made.status, 201, "{made:?}");
}

#[tokio::test]
async fn virtual_participation_after_the_end_runs_on_its_own_clock() {
    let app = TestApp::start().await;
    let (author, there, later) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let mut body = a_contest("past", -30);
    body["style"] = json!("ioi");
    make(&app, &author, &body).await;
    take_part(&app, &there, "past", "official").await;
    solve(&app, &there, Verdict::Accepted).await;
    assert_eq!(change(&app, &author, "past", &json!({ "length_seconds": 2400 })).await.status, 200);
    take_part(&app, &later, "past", "virtual").await.is_error(409, "conflict");
    assert_eq!(change(&app, &author, "past", &json!({ "length_seconds": 1799 })).await.status, 200);
    // Submissions after the new end are no longer attempts.
    let standings = async |who: &TestUser| app.get("/api/v1/contests/past/standings").bearer(&who.token).send().await;
    assert_eq!(standings(&there).await.json["rows"][0]["score"], 0.0);
    assert_eq!(take_part(&app, &later, "past", "virtual").await.json["kind"], "virtual");
    let listed = async |query: &str| {
        let list = app.get(&format!("/api/v1/contests?phase=over{query}")).bearer(&later.token).send().await.json;
        list["contests"][0]["participation"]["kind"].clone()
    };
    assert_eq!((listed("").await, listed("&participation=true").await), (json!(null), json!("virtual")));
    solve(&app, &later, Verdict::Accepted).await;
    // The standings are cached for one second.
    let until_told = async {
        loop {
            let seen = standings(&later).await;
            if seen.json["own"]["score"] == json!(100.0) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(120), until_told)
        .await
        .expect("the solution appears in the standings");
    assert!(seen.json["elapsed_seconds"].as_u64().unwrap() < 1799, "the participant's own clock: {}", seen.text);
    let page = async |query: &str| app.get(&format!("/api/v1/contests/past/standings{query}")).send().await;
    let second = page("?page=2&limit=1").await.json;
    assert_eq!(second["pagination"], json!({ "page": 2, "limit": 1, "total": 2 }));
    assert_eq!((second["rows"].as_array().unwrap().len(), &second["own"]), (1, &json!(null)));
    page("?limit=101").await.is_error(400, "invalid-parameter");
    let row = &seen.json["rows"][0];
    assert_eq!(
        (&row["username"], &row["kind"], &row["score"]),
        (&json!(later.user.username), &json!("virtual"), &json!(100.0))
    );
}

/// Regression: the export of an administrator who took part virtually had only the results up to the administrator's
/// own time in the contest.
#[tokio::test]
async fn unfrozen_standings_are_those_of_the_end_for_an_administrator_who_takes_part_virtually() {
    let app = TestApp::start().await;
    let (author, admin, one) = (app.author().await, app.admin().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("past", -30)).await;
    take_part(&app, &one, "past", "official").await;
    solve(&app, &one, Verdict::Accepted).await;
    let standings = async |query: &str| {
        app.get(&format!("/api/v1/contests/past/standings{query}")).bearer(&admin.token).send().await.json
    };
    // The contest ends a moment after the submission.
    let elapsed = standings("").await["elapsed_seconds"].as_u64().unwrap();
    assert_eq!(change(&app, &author, "past", &json!({ "length_seconds": elapsed + 1 })).await.status, 200);
    while take_part(&app, &admin, "past", "virtual").await.status != 201 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let solved = async |query: &str| {
        let rows = standings(query).await["rows"].as_array().unwrap().clone();
        rows.iter().find(|row| row["username"] == json!(one.user.username)).unwrap()["solved"].clone()
    };
    assert_eq!(solved("").await, 0, "at the administrator's own time in the contest");
    assert_eq!(solved("?unfrozen=true").await, 1);
}

#[tokio::test]
async fn a_participant_cannot_cancel_a_submission_that_counts_in_the_contest() {
    let app = TestApp::start().await;
    let (author, one, other, admin) = (app.author().await, app.user().await, app.user().await, app.admin().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("running", -10)).await;
    assert_eq!(take_part(&app, &one, "running", "official").await.status, 201);
    let send = async |by: &TestUser, path: &str| {
        let body = json!({ "language": "python", "source_code": "print(input())" });
        let answer = app.post(&format!("/api/v1/problems/echo/{path}"), &body).bearer(&by.token).send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json["submission_id"].as_str().unwrap().to_owned()
    };
    let cancel =
        async |by: &TestUser, id: &str| app.delete(&format!("/api/v1/execute/{id}")).bearer(&by.token).send().await;

    let counted = send(&one, "submissions").await;
    cancel(&one, &counted).await.is_error(409, "conflict");
    let view = app.get(&format!("/api/v1/execute/{counted}")).bearer(&one.token).send().await;
    assert_eq!(view.json["status"], "queued", "{view:?}");
    let run = send(&one, "run").await;
    assert_eq!(cancel(&one, &run).await.json["status"], "cancelled", "a run on the samples does not count");
    let outside = send(&other, "submissions").await;
    let refused = cancel(&other, &outside).await;
    refused.is_error(409, "conflict");
    assert_eq!(cancel(&admin, &counted).await.json["status"], "cancelled");
    assert_eq!(change(&app, &author, "running", &json!({ "length_seconds": 599 })).await.status, 200);
    assert_eq!(cancel(&other, &outside).await.json["status"], "cancelled", "nobody can join the contest any more");
}

#[tokio::test]
async fn only_an_administrator_cancels_a_rejudge() {
    let app = TestApp::start().await;
    let (author, one, admin) = (app.author().await, app.user().await, app.admin().await);
    app.problem(&author, "echo", Visibility::Public).await;
    solve(&app, &one, Verdict::Accepted).await;
    let list = app.get("/api/v1/problems/echo/submissions").bearer(&one.token).send().await;
    let id = list.json["submissions"][0]["submission_id"].as_str().unwrap().to_owned();
    let rejudge = app.request(Method::POST, "/api/v1/problems/echo/rejudge").bearer(&author.token).send().await;
    assert_eq!(rejudge.json["queued"], 1, "{rejudge:?}");
    let cancel = async |by: &TestUser| app.delete(&format!("/api/v1/execute/{id}")).bearer(&by.token).send().await;
    cancel(&one).await.is_error(409, "conflict");
    assert_eq!(cancel(&admin).await.json["status"], "cancelled");
}

#[tokio::test]
async fn a_rejudge_leaves_cancelled_submissions_out_unless_they_are_asked_for() {
    let app = TestApp::start().await;
    let (author, one) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let body = json!({ "language": "python", "source_code": "print(input())" });
    let sent = app.post("/api/v1/problems/echo/submissions", &body).bearer(&one.token).send().await;
    let id = sent.json["submission_id"].as_str().unwrap().to_owned();
    app.delete(&format!("/api/v1/execute/{id}")).bearer(&one.token).send().await;
    let rejudge = async |query: &str| {
        let path = format!("/api/v1/problems/echo/rejudge{query}");
        app.request(Method::POST, &path).bearer(&author.token).send().await.json["queued"].clone()
    };
    assert_eq!((rejudge("").await, rejudge("?verdict=CANCELLED").await), (json!(0), json!(1)));
}

#[tokio::test]
async fn an_editorial_and_its_files_are_not_found_while_a_contest_with_the_problem_runs() {
    let app = TestApp::start().await;
    let (author, participant) = (app.author().await, app.user().await);
    let files = [("solution/solution.md", Some("![A plot](plot.png)\n")), ("solution/plot.png", Some("x"))];
    app.problem_from(&author, "echo", Visibility::Public, &files).await;
    let made = make(&app, &author, &a_contest("running", -30)).await;
    assert_eq!(made.status, 201, "{made:?}");
    take_part(&app, &participant, "running", "official").await;
    let statuses = async |who: Option<&TestUser>| {
        let read = async |path: &str| {
            let call = app.get(&format!("/api/v1/problems/echo{path}"));
            if let Some(who) = who { call.bearer(&who.token) } else { call }.send().await
        };
        let has_editorial = read("").await.json["has_editorial"].clone();
        let (editorial, file) = (read("/editorial").await, read("/files/solution%2Fplot.png").await);
        (has_editorial, editorial.status.as_u16(), file.status.as_u16())
    };
    assert_eq!(statuses(Some(&participant)).await, (json!(false), 404, 404));
    assert_eq!(statuses(None).await, (json!(false), 404, 404), "a participant could sign out");
    assert_eq!(statuses(Some(&author)).await, (json!(true), 200, 200));
    assert_eq!(change(&app, &author, "running", &json!({ "length_seconds": 1799 })).await.status, 200);
    assert_eq!(statuses(Some(&participant)).await, (json!(true), 200, 200), "the contest has ended");
    assert_eq!(statuses(None).await, (json!(true), 200, 200));
    assert_eq!(take_part(&app, &participant, "running", "virtual").await.status, 409);
    let late = app.user().await;
    assert_eq!(take_part(&app, &late, "running", "virtual").await.status, 201);
    assert_eq!(statuses(Some(&late)).await, (json!(false), 404, 404));
}

#[tokio::test]
async fn a_strangers_contest_restricts_a_problem_only_for_its_participants() {
    let app = TestApp::start().await;
    let (author, stranger) = (app.author().await, app.author().await);
    let (participant, other) = (app.user().await, app.user().await);
    let files = [("solution/solution.md", Some("Read the line and print it.\n"))];
    app.problem_from(&author, "echo", Visibility::Public, &files).await;
    assert_eq!(make(&app, &stranger, &a_contest("strangers", -30)).await.status, 201);
    take_part(&app, &participant, "strangers", "official").await;
    let editorial = async |who: &TestUser| {
        app.get("/api/v1/problems/echo/editorial").bearer(&who.token).send().await.status.as_u16()
    };
    assert_eq!((editorial(&participant).await, editorial(&other).await, editorial(&author).await), (404, 200, 200));
    let hide = app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "visibility": "draft" }));
    assert_eq!(hide.bearer(&author.token).send().await.status, 200, "the author need not know the contest");
}

#[tokio::test]
async fn an_author_has_at_most_50_contests_that_have_not_ended() {
    let app = TestApp::start().await;
    let (author, admin) = (app.author().await, app.admin().await);
    app.problem(&author, "echo", Visibility::Public).await;
    for number in 0..50 {
        assert_eq!(make(&app, &author, &a_contest(&format!("c{number}"), 10)).await.status, 201);
    }
    let refused = make(&app, &author, &a_contest("one-more", 10)).await;
    refused.is_error(409, "conflict");
    assert!(refused.json["detail"].as_str().unwrap().contains("50 contests"), "{refused:?}");
    app.delete("/api/v1/contests/c0").bearer(&author.token).send().await;
    assert_eq!(make(&app, &author, &a_contest("one-more", 10)).await.status, 201);
    for number in 0..51 {
        assert_eq!(make(&app, &admin, &a_contest(&format!("a{number}"), 10)).await.status, 201);
    }
}

#[tokio::test]
async fn a_contest_that_has_begun_keeps_start_rules_and_problems() {
    let app = TestApp::start().await;
    let (author, user) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("running", -1)).await;
    make(&app, &author, &a_contest("upcoming", 10)).await;
    for body in [json!({ "starts_at": in_minutes(5) }), json!({ "style": "ioi" }), json!({ "problems": ["echo"] })] {
        change(&app, &author, "running", &body).await.is_error(409, "conflict");
        assert_eq!(change(&app, &author, "upcoming", &body).await.status, 200, "{body}");
    }
    let body = json!({ "title": "Longer", "length_seconds": 7200, "freeze_seconds": null });
    assert_eq!(change(&app, &author, "running", &body).await.json["length_seconds"], 7200);
    take_part(&app, &user, "upcoming", "official").await;
    // Participants who only registered do not prevent the deletion of the contest.
    assert_eq!(app.delete("/api/v1/contests/upcoming").bearer(&author.token).send().await.status, 204);
    take_part(&app, &user, "running", "official").await;
    app.delete("/api/v1/contests/running").bearer(&author.token).send().await.is_error(409, "conflict");
    make(&app, &author, &a_contest("empty", -1)).await;
    assert_eq!(app.delete("/api/v1/contests/empty").bearer(&author.token).send().await.status, 204);
    app.get("/api/v1/contests/empty").send().await.is_error(404, "not-found");
}

#[tokio::test]
async fn an_invalid_contest_is_refused_with_the_field() {
    let app = TestApp::start().await;
    let (author, other) = (app.author().await, app.author().await);
    app.problem(&author, "echo", Visibility::Public).await;
    app.problem(&author, "draft", Visibility::Draft).await;
    app.problem(&other, "others", Visibility::Private).await;
    assert_eq!(make(&app, &author, &a_contest("taken", 1)).await.status, 201);
    make(&app, &author, &a_contest("taken", 1)).await.is_error(409, "taken").points_to("/slug");
    for (field, value, pointer) in [
        ("slug", json!("Not A Slug"), "/slug"),
        ("title", json!("  "), "/title"),
        ("description", json!("x".repeat((64 << 10) + 1)), ""),
        ("description", json!("x".repeat(10_001)), "/description"),
        ("starts_at", json!("tomorrow"), "/starts_at"),
        ("starts_at", json!("2027-02-03T10:00:00"), "/starts_at"),
        ("starts_at", json!(in_minutes(-60)), "/starts_at"),
        ("length_seconds", json!(59), "/length_seconds"),
        ("freeze_seconds", json!(3601), "/freeze_seconds"),
        ("penalty_seconds", json!(86_401), "/penalty_seconds"),
        ("penalty_minutes", json!(1441), "/penalty_minutes"),
        ("problems", json!([]), "/problems"),
        ("problems", json!(["echo", "echo"]), "/problems"),
        ("problems", json!(["none"]), "/problems/0"),
        // No slug is looked up if there are too many.
        ("problems", json!(vec!["none"; 27]), "/problems"),
        ("problems", json!(["echo", "others"]), "/problems/1"),
        ("problems", json!(["draft"]), "/problems"),
        ("odd", json!(1), "/odd"),
    ] {
        let mut body = a_contest("new", 1);
        body[field] = value;
        let refused = make(&app, &author, &body).await;
        if pointer.is_empty() {
            refused.is_error(413, "body-too-large");
        } else {
            refused.is_error(422, "invalid-body").points_to(pointer);
        }
    }
    app.get("/api/v1/contests/new").send().await.is_error(404, "not-found");
    let too_many = change(&app, &other, "taken", &json!({ "problems": vec!["none"; 27] })).await;
    too_many.is_error(422, "invalid-body").points_to("/problems");
    assert_eq!(too_many.json["detail"], "A contest has 1 to 26 problems.");
}

#[tokio::test]
async fn only_the_asker_sees_a_question_and_its_answer_until_they_are_public() {
    let app = TestApp::start().await;
    let (author, asker, other) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("c", -1)).await;
    let ask =
        |who: &TestUser, body: Value| app.post("/api/v1/contests/c/clarifications", &body).bearer(&who.token).send();
    ask(&asker, json!({ "question": "Why?" })).await.is_error(409, "conflict");
    take_part(&app, &asker, "c", "official").await;
    make(&app, &author, &a_contest("later", 10)).await;
    take_part(&app, &asker, "later", "official").await;
    for problem in ["A", "B", "echo"] {
        let body = json!({ "question": "Is there such a problem?", "problem": problem });
        let early = app.post("/api/v1/contests/later/clarifications", &body).bearer(&asker.token).send().await;
        early.is_error(422, "invalid-body").points_to("/problem");
    }
    for (body, pointer) in [
        (json!({ "question": " " }), "/question"),
        (json!({ "question": "?", "problem": "B" }), "/problem"),
        (json!({ "question": "?", "problem": "1" }), "/problem"),
        (json!({ "question": "?", "problem": "none" }), "/problem"),
    ] {
        ask(&asker, body).await.is_error(422, "invalid-body").points_to(pointer);
    }
    let asked = ask(&asker, json!({ "question": "May n be 0?", "problem": "A" })).await;
    assert_eq!(asked.status, 201, "{asked:?}");
    let id = asked.json["clarification_id"].as_str().unwrap().to_owned();
    let list = async |who: &TestUser| {
        app.get("/api/v1/contests/c/clarifications").bearer(&who.token).send().await.json["clarifications"].clone()
    };
    assert_eq!((list(&other).await, list(&asker).await[0]["own"].clone()), (json!([]), json!(true)));
    let answer = |who: &TestUser, body: Value| {
        let call = app.request(Method::PATCH, &format!("/api/v1/contests/c/clarifications/{id}"));
        call.json(&body).bearer(&who.token).send()
    };
    answer(&asker, json!({ "answer": "Yes." })).await.is_error(403, "forbidden");
    for blank in ["", " \n"] {
        answer(&author, json!({ "answer": blank })).await.is_error(422, "invalid-body").points_to("/answer");
    }
    assert_eq!(list(&asker).await[0]["answer"], json!(null), "a blank answer is none");
    assert_eq!(answer(&author, json!({ "answer": "No." })).await.status, 204);
    assert_eq!((list(&other).await, list(&asker).await[0]["answer"].clone()), (json!([]), json!("No.")));
    assert_eq!(answer(&author, json!({ "answer": "No.", "public": true })).await.status, 204);
    assert_eq!((&list(&other).await[0]["problem"], &list(&other).await[0]["own"]), (&json!("A"), &json!(false)));
    // A corrected answer stays public, unless the request says otherwise.
    assert_eq!(answer(&author, json!({ "answer": "Yes." })).await.status, 204);
    assert_eq!(list(&other).await[0]["answer"], json!("Yes."));
    assert_eq!(answer(&author, json!({ "answer": "Yes.", "public": false })).await.status, 204);
    assert_eq!(list(&other).await, json!([]));
}

#[tokio::test]
async fn a_participant_may_ask_until_their_own_time_ends() {
    let app = TestApp::start().await;
    let (author, asker, later) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("c", -30)).await;
    take_part(&app, &asker, "c", "official").await;
    let ask = |who: &TestUser| {
        let body = json!({ "question": "Why?" });
        app.post("/api/v1/contests/c/clarifications", &body).bearer(&who.token).send()
    };
    assert_eq!(ask(&asker).await.status, 201);
    // The contest is now over.
    assert_eq!(change(&app, &author, "c", &json!({ "length_seconds": 1799 })).await.status, 200);
    let refused = ask(&asker).await;
    refused.is_error(409, "conflict");
    // A virtual participant's time begins when they join.
    take_part(&app, &later, "c", "virtual").await;
    assert_eq!(ask(&later).await.status, 201);
}

#[tokio::test]
async fn a_question_names_its_problem_by_letter_or_slug_and_the_jury_sees_the_asker() {
    let app = TestApp::start().await;
    let (author, asker, other) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("c", -1)).await;
    for who in [&asker, &other] {
        take_part(&app, who, "c", "official").await;
    }
    for name in ["A", "a", "echo"] {
        let body = json!({ "question": "?", "problem": name });
        let asked = app.post("/api/v1/contests/c/clarifications", &body).bearer(&asker.token).send().await;
        assert_eq!(asked.status, 201, "{name}: {asked:?}");
    }
    let list = async |who: &TestUser| {
        app.get("/api/v1/contests/c/clarifications").bearer(&who.token).send().await.json["clarifications"].clone()
    };
    let seen = list(&author).await;
    for one in seen.as_array().unwrap() {
        assert_eq!(
            (&one["problem"], &one["problem_slug"], &one["kind"]),
            (&json!("A"), &json!("echo"), &json!("question"))
        );
        assert_eq!(one["asked_by"], json!(asker.user.username));
    }
    assert_eq!((seen.as_array().map(Vec::len), &list(&asker).await[0]["asked_by"]), (Some(3), &json!(null)));

    let announce =
        |who: &TestUser, body: Value| app.post("/api/v1/contests/c/announcements", &body).bearer(&who.token).send();
    announce(&asker, json!({ "text": "Free beer" })).await.is_error(403, "forbidden");
    announce(&author, json!({ "text": " " })).await.is_error(422, "invalid-body").points_to("/text");
    let announced = announce(&author, json!({ "text": "n is at least 1.", "problem": "echo" })).await;
    assert_eq!(announced.status, 201, "{announced:?}");
    let response = list(&other).await;
    assert_eq!(response.as_array().map(Vec::len), Some(1));
    assert_eq!((&response[0]["kind"], &response[0]["answer"]), (&json!("announcement"), &json!("n is at least 1.")));
    assert_eq!(
        (&response[0]["problem"], &response[0]["public"], &response[0]["asked_by"]),
        (&json!("A"), &json!(true), &json!(null))
    );
    assert_eq!(response[0].get("answer_html"), None);
    let announced = announce(&author, json!({ "text": "**No** <b>tabs</b>" })).await;
    assert_eq!(announced.status, 201, "{announced:?}");
    let rich = app.get("/api/v1/contests/c/clarifications?html=true").bearer(&other.token).send().await.json;
    let html = rich["clarifications"][0]["answer_html"].as_str().unwrap();
    assert!(html.contains("<strong>No</strong>") && html.contains("&lt;b&gt;"), "{html}");
}

#[tokio::test]
async fn standings_are_csv_on_request() {
    let app = TestApp::start().await;
    let (author, one, two) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("c", -10)).await;
    for who in [&one, &two] {
        take_part(&app, who, "c", "official").await;
    }
    solve(&app, &one, Verdict::WrongAnswer).await;
    solve(&app, &one, Verdict::Accepted).await;
    let asked = app.get("/api/v1/contests/c/standings?format=csv&limit=1").send().await;
    assert_eq!(asked.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(asked.header("content-disposition"), "attachment; filename=\"c-standings.csv\"");
    let lines: Vec<&str> = asked.text.split("\r\n").collect();
    let head = "rank,username,kind,solved,penalty_minutes,score,A_tries,A_pending,A_solved_at_seconds,A_score";
    assert_eq!((lines[0], lines.len()), (head, 4), "all lines, regardless of the page: {}", asked.text);
    let first: Vec<&str> = lines[1].split(',').collect();
    assert_eq!(first[..8], ["1", &one.user.username, "official", "1", "30", "", "2", "0"]);
    assert!(first[8].parse::<u64>().unwrap() >= 600, "{}", lines[1]);
    assert_eq!(lines[2], format!("2,{},official,0,0,,0,0,,", two.user.username));
    let accepted = app.request(Method::GET, "/api/v1/contests/c/standings").header("accept", "text/csv").send().await;
    assert_eq!(accepted.text, asked.text);
    let json = app.get("/api/v1/contests/c/standings").send().await;
    assert_eq!(json.json["rows"].as_array().map(Vec::len), Some(2));

    let sent = async |who: &TestUser, query: &str| {
        let path = format!("/api/v1/problems/echo/submissions?format=csv{query}");
        app.get(&path).bearer(&who.token).send().await
    };
    let own = sent(&two, "").await;
    assert_eq!(own.text.matches("\r\n").count(), 1, "only the header: {}", own.text);
    let everybodys = sent(&author, "&all=true").await;
    let lines: Vec<&str> = everybodys.text.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 3);
    let newest: Vec<&str> = lines[1].split(',').collect();
    assert_eq!(newest[1..5], [&one.user.username, "python", "completed", "AC"]);
    sent(&two, "&all=true").await.is_error(403, "forbidden");
}

#[tokio::test]
async fn former_field_names_are_accepted() {
    let app = TestApp::start().await;
    let (author, one, two) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Private).await;
    let mut body = a_contest("old", 10);
    body["penalty_seconds"] = json!(600);
    body["public"] = json!(false);
    let made = make(&app, &author, &body).await;
    assert_eq!((&made.json["penalty_minutes"], &made.json["penalty_seconds"]), (&json!(10), &json!(600)), "{made:?}");
    body["slug"] = json!("new");
    body["penalty_minutes"] = json!(5);
    make(&app, &author, &body).await.is_error(422, "invalid-body").points_to("/penalty_seconds");
    body["penalty_seconds"].take();
    let new = make(&app, &author, &body).await;
    assert_eq!((&new.json["penalty_minutes"], &new.json["penalty_seconds"]), (&json!(5), &json!(300)), "{new:?}");
    let changed = change(&app, &author, "new", &json!({ "style": "icpc", "penalty_minutes": 7 })).await;
    assert_eq!(changed.json["penalty_minutes"], 7);
    assert_eq!(change(&app, &author, "new", &json!({ "penalty_seconds": 480 })).await.json["penalty_minutes"], 8);
    let code = made.json["join_code"].clone();
    for (who, field) in [(&one, "join_code"), (&two, "code")] {
        let body = json!({ "kind": "official", field: code });
        let entered = app.post("/api/v1/contests/old/participation", &body).bearer(&who.token).send().await;
        assert_eq!(entered.status, 201, "{field}: {entered:?}");
    }
}

#[tokio::test]
async fn unread_csv_standings_occupy_only_the_memory_share_of_their_address() {
    let app = TestApp::with_settings(|settings| {
        settings.answers_of_user_bytes_max = 5 << 20;
        settings.answers_bytes_max = 10 << 20;
        settings.answer_wait_max = Duration::ZERO;
    })
    .await;
    let (author, user) = (app.author().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("c", -10)).await;
    take_part(&app, &user, "c", "official").await;
    let csv = |from: &str| app.get("/api/v1/contests/c/standings?format=csv").at_address(from);
    let mut unread = Vec::new();
    let refused = loop {
        let response = csv("203.0.113.9").start().await;
        if response.status() != 200 {
            break response.status();
        }
        unread.push(response);
        assert!(unread.len() < 100, "no bound");
    };
    assert_eq!(refused, 429);
    assert_eq!(csv("203.0.113.10").send().await.status, 200, "another address");
    assert_eq!(csv("203.0.113.9").bearer(&user.token).send().await.status, 200, "a user");
    unread.pop();
    assert_eq!(csv("203.0.113.9").send().await.status, 200, "one was read");
}

#[tokio::test]
async fn the_organizers_get_a_groups_progress_as_json_and_csv() {
    let app = TestApp::start().await;
    let (author, one, two) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    solve(&app, &one, Verdict::Accepted).await;
    make(&app, &author, &a_contest("class", 10)).await;
    for who in [&one, &two] {
        take_part(&app, who, "class", "official").await;
    }
    let get = async |query: &str, who: &TestUser| {
        app.get(&format!("/api/v1/contests/class/progress{query}")).bearer(&who.token).send().await
    };
    let response = get("", &author).await.json;
    assert_eq!((&response["problems"], &response["pagination"]["total"]), (&json!(["A"]), &json!(2)));
    let first = &response["participants"][0];
    assert_eq!(
        (&first["username"], &first["solved"], &first["attempted"]),
        (&json!(one.user.username), &json!(1), &json!(0))
    );
    assert_eq!((&first["problems"][0]["solved"], &first["problems"][0]["tries"]), (&json!(true), &json!(1)));
    assert_eq!(response["participants"][1]["problems"], json!([null]));
    let csv = get("?format=csv", &author).await.text;
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines[0], "username,solved,attempted,A_solved,A_tries,A_best_score,A_solved_at");
    assert!(lines[1].starts_with(&format!("{},1,0,1,1,,20", one.user.username)), "{csv}");
    assert_eq!(lines[2], format!("{},0,0,,,,", two.user.username));
    for query in ["", "?format=csv"] {
        get(query, &one).await.is_error(403, "forbidden");
        get(query, &app.author().await).await.is_error(404, "not-found");
    }
}

#[tokio::test]
async fn a_problem_of_a_current_contest_is_hidden_or_renamed_only_by_force() {
    let app = TestApp::start().await;
    let author = app.author().await;
    app.problem(&author, "echo", Visibility::Private).await;
    let patch = async |slug: &str, body: Value| {
        let call = app.request(Method::PATCH, &format!("/api/v1/problems/{slug}")).json(&body);
        call.bearer(&author.token).send().await
    };
    // A contest that begins in more than an hour does not prevent a new name.
    make(&app, &author, &a_contest("later", 70)).await;
    assert_eq!(patch("echo", json!({ "slug": "sound" })).await.status, 200);
    app.problem(&author, "near", Visibility::Private).await;
    let mut soon = a_contest("soon", 50);
    soon["problems"] = json!(["near"]);
    assert_eq!(make(&app, &author, &soon).await.status, 201);
    let refused = patch("near", json!({ "visibility": "draft" })).await;
    refused.is_error(409, "conflict");
    assert!(refused.json["detail"].as_str().unwrap().contains("`soon`"), "{}", refused.text);
    app.problem(&author, "other", Visibility::Private).await;
    let mut running = a_contest("running", -1);
    running["problems"] = json!(["other"]);
    assert_eq!(make(&app, &author, &running).await.status, 201);
    for body in [json!({ "visibility": "draft" }), json!({ "slug": "renamed" })] {
        let refused = patch("other", body).await;
        refused.is_error(409, "conflict");
        assert!(refused.json["detail"].as_str().unwrap().contains("`running`"), "{}", refused.text);
    }
    // Changes that keep the problem available to contestants are accepted.
    assert_eq!(patch("other", json!({ "visibility": "public", "slug": "other" })).await.status, 200);
    assert_eq!(patch("other", json!({ "slug": "renamed", "force": true })).await.status, 200);
    assert_eq!(patch("renamed", json!({ "visibility": "draft", "force": true })).await.status, 200);
    let deleted = app.delete("/api/v1/problems/renamed").bearer(&author.token).send().await;
    deleted.is_error(409, "conflict");
    assert!(deleted.json["detail"].as_str().unwrap().contains("`running`"), "{}", deleted.text);
}

#[tokio::test]
async fn an_author_with_a_current_contest_is_removed_from_a_problem_only_by_force() {
    let app = TestApp::start().await;
    let (owner, coauthor, one) = (app.author().await, app.author().await, app.user().await);
    app.problem(&owner, "echo", Visibility::Private).await;
    let patch = async |body: Value| {
        app.request(Method::PATCH, "/api/v1/problems/echo").json(&body).bearer(&owner.token).send().await
    };
    assert_eq!(patch(json!({ "authors": [coauthor.user.username] })).await.status, 200);
    let mut running = a_contest("running", -1);
    running["public"] = json!(true);
    assert_eq!(make(&app, &coauthor, &running).await.status, 201);
    take_part(&app, &one, "running", "official").await;
    let read = async || app.get("/api/v1/problems/echo").bearer(&one.token).send().await.status.as_u16();
    assert_eq!(read().await, 200);
    let refused = patch(json!({ "authors": [] })).await;
    refused.is_error(409, "conflict");
    assert!(refused.json["detail"].as_str().unwrap().contains("`running`"), "{}", refused.text);
    let other = app.author().await.user.username;
    assert_eq!(patch(json!({ "authors": [other, coauthor.user.username] })).await.status, 200);
    assert_eq!(read().await, 200);
    assert_eq!(patch(json!({ "authors": [other], "force": true })).await.status, 200);
    assert_eq!(read().await, 404);
    assert_eq!(patch(json!({ "authors": [] })).await.status, 200, "nobody with a contest is removed");
}

#[tokio::test]
async fn a_refusal_does_not_name_a_contest_that_does_not_exist_for_the_author() {
    let app = TestApp::start().await;
    let (author, admin) = (app.author().await, app.admin().await);
    app.problem(&author, "echo", Visibility::Public).await;
    let mut finals = a_contest("finals", 60 * 24 * 30);
    finals["public"] = json!(false);
    assert_eq!(make(&app, &admin, &finals).await.status, 201);
    let hide = async |who: &TestUser| {
        let call = app.request(Method::PATCH, "/api/v1/problems/echo").json(&json!({ "visibility": "draft" }));
        let refused = call.bearer(&who.token).send().await;
        refused.is_error(409, "conflict");
        refused.json["detail"].as_str().unwrap().to_owned()
    };
    let (to_author, to_admin) = (hide(&author).await, hide(&admin).await);
    assert!(!to_author.contains("finals") && to_author.starts_with("A contest has this problem"), "{to_author}");
    assert!(to_admin.contains("`finals`"), "{to_admin}");
}

#[tokio::test]
async fn a_description_is_sent_as_html_on_request_with_raw_html_escaped() {
    let app = TestApp::start().await;
    let author = app.author().await;
    app.problem(&author, "echo", Visibility::Public).await;
    let text = "Two **hours** [x](javascript:alert(1)) <script>alert(1)</script>";
    let mut body = a_contest("described", 10);
    body["description"] = json!(text);
    assert_eq!(make(&app, &author, &body).await.status, 201);
    let plain = app.get("/api/v1/contests/described").send().await.json;
    assert_eq!((&plain["description"], plain.get("description_html")), (&json!(text), None));
    let rich = app.get("/api/v1/contests/described?html=true").send().await.json;
    assert_eq!(rich["description"], text);
    let html = rich["description_html"].as_str().unwrap();
    assert!(html.contains("<strong>hours</strong>") && html.contains("&lt;script&gt;"), "{html}");
    assert!(!html.contains("javascript:"), "{html}");
}

#[tokio::test]
async fn a_contest_refuses_problems_that_it_could_not_show_or_score() {
    let app = TestApp::start().await;
    let (author, other, admin) = (app.author().await, app.author().await, app.admin().await);
    app.problem(&author, "echo", Visibility::Public).await;
    app.problem(&other, "hidden", Visibility::Private).await;
    let golf = [
        ("problem.toml", None),
        ("statement.md", None),
        ("images/parrot.svg", None),
        ("tests/sample/1.in", None),
        ("tests/sample/1.out", None),
        ("tests/secret/1.in", None),
        ("tests/secret/1.out", None),
        ("tests/secret/2.in", None),
        ("tests/secret/2.out", None),
        ("problem.yaml", Some("name: Golf\ntype: scoring\ngrading:\n  objective: min\nlimits:\n  time_limit: 1\n")),
        ("problem_statement/problem.en.md", Some("Print what you read.\n")),
        ("data/sample/1.in", Some("a\n")),
        ("data/sample/1.ans", Some("a\n")),
        ("data/secret/1.in", Some("b\n")),
        ("data/secret/1.ans", Some("b\n")),
    ];
    app.problem_from(&author, "golf", Visibility::Public, &golf).await;
    make(&app, &author, &a_contest("c", 10)).await;
    let change = async |by: &TestUser, body: Value| change(&app, by, "c", &body).await;

    // Participants see a private problem only if the owner of the contest may change it.
    let hidden = change(&admin, json!({ "problems": ["hidden"] })).await;
    hidden.is_error(422, "invalid-body").points_to("/problems");
    assert!(hidden.json.to_string().contains("the contest's owner may not change it"), "{hidden:?}");

    assert_eq!(change(&author, json!({ "problems": ["golf"] })).await.status, 200, "ICPC contests count no scores");
    let refused = change(&author, json!({ "style": "ioi" })).await;
    refused.is_error(422, "invalid-body").points_to("/problems");
    assert!(refused.json.to_string().contains("In `golf`, a lower score is better"), "{refused:?}");
    let body = json!({ "style": "ioi", "problems": ["echo"] });
    assert_eq!(change(&author, body).await.status, 200);
}
