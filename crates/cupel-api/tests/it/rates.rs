//! Tests of rate limits: headers, refusals, and the client that is charged.

use std::time::Duration;

use cupel_core::accounts::{Role, Tier};
use cupel_http::{Rate, TierRates};
use cupel_testkit::servers::{self, Redis};
use serde_json::json;

use crate::app::{PASSWORD, TestApp, shared_over};

/// A rate so low that no token is refilled during a test.
fn hourly(burst: u32) -> Rate {
    Rate::new(burst, Duration::from_secs(3600), burst)
}

async fn with_submissions(burst: u32) -> TestApp {
    TestApp::with_settings(|s| {
        s.tiers.insert("basic".into(), TierRates { submissions: hourly(burst), reads: hourly(1000) });
    })
    .await
}

fn body() -> serde_json::Value {
    json!({ "language": "python", "source_code": "x" })
}

#[tokio::test]
async fn the_default_tier_has_the_documented_rates() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let answer = app.post("/api/v1/execute", &body()).bearer(&user.token).send().await;
    assert_eq!(answer.header("ratelimit-policy"), "\"submissions\";q=300;w=60;burst=60");
    assert_eq!(answer.header("ratelimit"), "\"submissions\";r=59;t=1");
    let answer = app.get("/api/v1/submissions").bearer(&user.token).send().await;
    assert!(answer.header("ratelimit-policy").starts_with("\"reads\";q=3000;w=60"), "{answer:?}");
}

#[tokio::test]
async fn a_submission_after_the_burst_is_refused_with_retry_after() {
    let app = with_submissions(3).await;
    let (user, other) = (app.user().await, app.user().await);
    for _ in 0..3 {
        app.submit(&user, &body()).await;
    }
    let refused = app.post("/api/v1/execute", &body()).bearer(&user.token).send().await;
    refused.is_error(429, "rate-limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    assert!(refused.header("ratelimit").starts_with("\"submissions\";r=0;t="));
    assert_eq!(app.stored().await, 3);
    app.submit(&other, &body()).await;
    assert_eq!(
        app.get("/api/v1/submissions").bearer(&user.token).send().await.status,
        200,
        "reads have a separate limit"
    );
}

#[tokio::test]
async fn reading_the_remaining_limits_costs_no_submission() {
    let app = with_submissions(3).await;
    let user = app.user().await;
    app.submit(&user, &body()).await;
    let usage = async || app.get("/api/v1/users/me/usage").bearer(&user.token).send().await.json;
    let left = json!({ "name": "submissions", "quota": 3, "window_seconds": 3600, "burst": 3, "remaining": 2 });
    assert_eq!(usage().await["rates"][0], left);
    let again = usage().await;
    assert_eq!((&again["rates"][0], &again["tier"], &again["waiting"]), (&left, &json!("basic"), &json!(1)));
    assert!(again["waiting_max"].as_u64().unwrap() >= 1);
    for _ in 0..2 {
        app.submit(&user, &body()).await;
    }
    assert_eq!(usage().await["rates"][0]["remaining"], 0);
}

#[tokio::test]
async fn a_batch_costs_as_much_as_its_submissions() {
    let app = with_submissions(5).await;
    let user = app.user().await;
    let batch = |n: usize| {
        app.post("/api/v1/execute/batch", &json!({ "submissions": vec![body(); n] })).bearer(&user.token).send()
    };
    assert_eq!(batch(3).await.header("ratelimit").split(';').nth(1), Some("r=2"));
    batch(3).await.is_error(429, "rate-limited");
    assert_eq!(batch(2).await.status, 202);
    assert_eq!(app.stored().await, 5);
}

/// Regression: a client that lost the connection during its batch waited for its rate before it learned the ids.
#[tokio::test]
async fn a_repeated_request_costs_a_read_and_no_submission() {
    let app = with_submissions(3).await;
    let user = app.user().await;
    let send = |path: &str, body: &serde_json::Value| {
        app.post(path, body).bearer(&user.token).header("idempotency-key", path).send()
    };
    let (batch, one) = (json!({ "submissions": vec![body(); 2] }), body());
    for (path, body) in [("/api/v1/execute/batch", &batch), ("/api/v1/execute", &one)] {
        let first = send(path, body).await;
        assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (202, ""), "{first:?}");
        let again = send(path, body).await;
        assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (202, "true"), "{again:?}");
        assert_eq!(again.json, first.json);
        assert!(again.header("ratelimit").starts_with("\"reads\";"), "{again:?}");
    }
    app.post("/api/v1/execute", &body()).bearer(&user.token).send().await.is_error(429, "rate-limited");
    send("/api/v1/execute", &json!({ "language": "python", "source_code": "y" }))
        .await
        .is_error(422, "idempotency-mismatch");
}

#[tokio::test]
async fn a_tier_has_its_own_rates_and_a_change_takes_effect_at_once() {
    let app = TestApp::with_settings(|s| {
        s.tiers.insert("basic".into(), TierRates { submissions: hourly(1), reads: hourly(1000) });
        s.tiers.insert("lab".into(), TierRates { submissions: hourly(50), reads: hourly(1000) });
    })
    .await;
    let (user, admin) = (app.user().await, app.admin().await);
    app.submit(&user, &body()).await;
    app.post("/api/v1/execute", &body()).bearer(&user.token).send().await.is_error(429, "rate-limited");
    let place = format!("/api/v1/admin/users/{}", user.user.id);
    let changed = app
        .request(axum::http::Method::PATCH, &place)
        .json(&json!({ "tier": "lab" }))
        .bearer(&admin.token)
        .send()
        .await;
    assert_eq!((changed.status.as_u16(), &changed.json["tier"]), (200, &json!("lab")));
    app.submit(&user, &body()).await;
}

#[tokio::test]
async fn a_user_whose_tier_does_not_exist_any_more_has_the_rates_of_basic() {
    let app = TestApp::with_settings(|s| {
        s.tiers.insert("basic".into(), TierRates { submissions: hourly(1), reads: hourly(1000) });
    })
    .await;
    let user = app.user().await;
    app.accounts.set_access(user.user.id, Role::User, Tier("removed".into())).await.unwrap();
    app.submit(&user, &body()).await;
    app.post("/api/v1/execute", &body()).bearer(&user.token).send().await.is_error(429, "rate-limited");
}

#[tokio::test]
async fn a_refusal_does_not_reveal_which_name_and_address_belong_to_one_account() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let guess = |login: &str, from: &str| {
        app.post("/api/v1/auth/login", &json!({ "email": login, "password": "wrong" })).at_address(from).send()
    };
    for _ in 0..10 {
        guess(&user.user.username, "203.0.113.9").await.is_error(401, "wrong-credentials");
    }
    guess(&user.user.username.to_uppercase(), "203.0.113.9").await.is_error(429, "too-many-attempts");
    for email in [&user.user.email, &other.user.email, "nobody@example.com"] {
        guess(email, "203.0.113.9").await.is_error(401, "wrong-credentials");
    }
}

#[tokio::test]
async fn guesses_at_the_name_and_at_the_address_of_an_account_share_its_limit() {
    let app = TestApp::with_settings(|s| s.login.account = hourly(15)).await;
    let user = app.user().await;
    let mut checked = 0;
    for n in 0..40 {
        let login = if n % 2 == 0 { &user.user.username } else { &user.user.email };
        let body = json!({ "email": login, "password": format!("wrong {n}") });
        let from = format!("203.0.113.{}", n / 10);
        let answer = app.post("/api/v1/auth/login", &body).at_address(&from).send().await;
        checked += usize::from(answer.status == 401);
    }
    assert_eq!(checked, 15);
}

#[tokio::test]
async fn successful_logins_and_password_changes_of_a_user_are_limited() {
    let app = TestApp::with_settings(|s| s.login.successes = hourly(4)).await;
    let (user, other) = (app.user().await, app.user().await); // One login each.
    let login = |who: &crate::app::TestUser, from: &str| {
        app.post("/api/v1/auth/login", &json!({ "email": who.user.email, "password": PASSWORD }))
            .at_address(from)
            .send()
    };
    for from in ["203.0.113.9", "203.0.113.9", "203.0.113.10"] {
        assert_eq!(login(&user, from).await.status, 200);
    }
    let sessions = async || {
        let listed = app.get("/api/v1/auth/sessions").bearer(&user.token).send().await;
        listed.json["sessions"].as_array().map(Vec::len)
    };
    let refused = login(&user, "203.0.113.9").await;
    refused.is_error(429, "too-many-attempts");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    login(&user, "203.0.113.10").await.is_error(429, "too-many-attempts");
    assert_eq!(sessions().await, Some(4), "a refused login leaves no session");
    assert_eq!(login(&other, "203.0.113.9").await.status, 200, "another user");
    app.accounts.set_disabled(other.user.id, true).await.unwrap();
    for _ in 0..2 {
        login(&other, "203.0.113.11").await.is_error(403, "forbidden");
    }
    login(&other, "203.0.113.11").await.is_error(429, "too-many-attempts");
    let change = json!({ "old_password": PASSWORD, "password": PASSWORD });
    let mut changed = 0;
    while app.post("/api/v1/auth/password", &change).bearer(&user.token).send().await.status == 204 {
        changed += 1;
    }
    assert_eq!(changed, 10, "changes beyond the limit are charged like wrong passwords");
}

#[tokio::test]
async fn of_four_hundred_wrong_passwords_ten_are_checked() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let attempt = |password: &str, from: &str| {
        app.post("/api/v1/auth/login", &json!({ "email": user.user.email, "password": password }))
            .at_address(from)
            .send()
    };
    let mut answers = std::collections::BTreeMap::new();
    for n in 0..400 {
        let answer = attempt(&format!("wrong {n}"), "203.0.113.9").await;
        if answer.status == 429 {
            answer.is_error(429, "too-many-attempts");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        } else {
            answer.is_error(401, "wrong-credentials");
        }
        *answers.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    assert_eq!(answers, [(401, 10), (429, 390)].into());
    attempt(PASSWORD, "203.0.113.9").await.is_error(429, "too-many-attempts");
    assert_eq!(attempt(PASSWORD, "198.51.100.1").await.status, 200, "the owner can log in from another address");
}

#[tokio::test]
async fn concurrent_logins_get_no_more_guesses_than_sequential_ones() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let calls = (0..100).map(|n| {
        app.post("/api/v1/auth/login", &json!({ "email": user.user.email, "password": format!("{n}") }))
            .at_address("203.0.113.9")
            .send()
    });
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|a| a.status == 401).count(), 10);
}

#[tokio::test]
async fn registrations_and_bad_tokens_are_limited_by_address() {
    let app = TestApp::with_settings(|s| {
        s.login.registrations = hourly(2);
        s.login.bad_tokens = hourly(3);
    })
    .await;
    let register = |n: u32, from: &str| {
        let new = json!({ "username": format!("name{n}"), "email": format!("n{n}@example.com"), "password": PASSWORD });
        app.post("/api/v1/auth/register", &new).at_address(from).send()
    };
    assert_eq!(register(1, "203.0.113.9").await.status, 201);
    assert_eq!(register(2, "203.0.113.9").await.status, 201);
    register(3, "203.0.113.9").await.is_error(429, "too-many-attempts");
    assert_eq!(register(4, "203.0.113.10").await.status, 201);

    for _ in 0..3 {
        app.get("/api/v1/auth/me").bearer("x.y.z").at_address("203.0.113.9").send().await.is_error(401, "unauthorized");
    }
    app.get("/api/v1/auth/me")
        .bearer("x.y.z")
        .at_address("203.0.113.9")
        .send()
        .await
        .is_error(429, "too-many-attempts");
    app.get("/api/v1/auth/me").at_address("203.0.113.9").send().await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn refreshing_is_rate_limited_and_a_refusal_keeps_the_session() {
    let app = TestApp::with_settings(|s| s.login.refreshes = hourly(3)).await;
    let user = app.user().await;
    let login = async || {
        let answer =
            app.post("/api/v1/auth/login", &json!({ "email": user.user.email, "password": PASSWORD })).send().await;
        answer.json["refresh_token"].as_str().unwrap().to_owned()
    };
    let refresh = |token: &str| app.post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).send();
    let mut token = login().await;
    for _ in 0..3 {
        let answer = refresh(&token).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("ratelimit").starts_with("\"reads\";"), "{answer:?}");
        token = answer.json["refresh_token"].as_str().unwrap().to_owned();
    }
    let refused = refresh(&token).await;
    refused.is_error(429, "too-many-attempts");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(refresh(&login().await).await.status, 200, "another session of the same user");
    let session = app.accounts.refresh(&token).await;
    assert!(session.is_ok(), "the refused token is still valid");
}

#[tokio::test]
async fn an_address_without_guesses_left_has_no_token_checked() {
    let app = TestApp::with_settings(|s| s.login.bad_tokens = hourly(3)).await;
    let user = app.user().await;
    let login = json!({ "email": user.user.email, "password": PASSWORD });
    let token = app.post("/api/v1/auth/login", &login).send().await.json["refresh_token"].clone();
    let link = |token: &str, from: &str| {
        app.post("/api/v1/auth/password/link", &json!({ "token": token })).at_address(from).send()
    };
    let refresh = |token: &serde_json::Value, from: &str| {
        app.post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).at_address(from).send()
    };
    for _ in 0..5 {
        assert_eq!(link(&link_of(&app, &user).await, "203.0.113.9").await.status, 200, "a good link is not charged");
    }
    for _ in 0..3 {
        refresh(&json!("cur_nonsense"), "203.0.113.9").await.is_error(401, "unauthorized");
    }
    refresh(&token, "203.0.113.9").await.is_error(429, "too-many-attempts");
    let last = link_of(&app, &user).await;
    link(&last, "203.0.113.9").await.is_error(429, "too-many-attempts");
    let reset = json!({ "token": last, "password": "another good one" });
    let refused = app.post("/api/v1/auth/password/reset", &reset).at_address("203.0.113.9").send().await;
    refused.is_error(429, "too-many-attempts");
    let run = app.submit(&user, &body()).await;
    let ticket = app.post("/api/v1/tickets", &json!({ "submission_id": run })).bearer(&user.token).send().await;
    let place = format!("/api/v1/execute/{run}/events?ticket={}", ticket.json["ticket"].as_str().unwrap());
    app.get(&place).at_address("203.0.113.9").send().await.is_error(429, "too-many-attempts");
    assert_eq!(app.get(&place).at_address("203.0.113.10").start().await.status(), 200, "the ticket is unused");
    assert_eq!(link(&last, "203.0.113.10").await.status, 200);
    assert_eq!(refresh(&token, "203.0.113.10").await.status, 200, "the token is unused");
}

/// The token of a new one-time link.
async fn link_of(app: &TestApp, user: &crate::app::TestUser) -> String {
    app.accounts.make_link(user.user.id, Duration::from_secs(600)).await.unwrap().unwrap().token
}

/// Number of submissions that each of two nodes accepts before it refuses one.
async fn taken_together(nodes: &[TestApp; 2], user: &crate::app::TestUser) -> Vec<usize> {
    let mut taken = Vec::new();
    for node in nodes {
        let mut of_node = 0;
        while node.post("/api/v1/execute", &body()).bearer(&user.token).send().await.status == 202 {
            of_node += 1;
        }
        taken.push(of_node);
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_limit_together_through_redis_and_locally_without_it() {
    let (redis, cluster) = (Redis::start(), servers::cluster());
    let shared = async || shared_over(&redis, &cluster).await;
    let app = with_submissions(5).await;
    let nodes = [app.node(shared().await), app.node(shared().await)];
    assert_eq!(taken_together(&nodes, &app.user().await).await, [5, 0]);

    tokio::task::block_in_place(|| redis.kill());
    assert_eq!(
        taken_together(&nodes, &app.user().await).await,
        [5, 5],
        "an outage of Redis neither refuses requests nor removes the limits"
    );
    let health = nodes[0].get("/healthz").send().await;
    assert_eq!((health.status.as_u16(), &health.json["status"]), (200, &json!("degraded")));
    assert!(health.json["degraded"][0].as_str().unwrap().contains("shared.url"), "{health:?}");

    tokio::task::block_in_place(|| redis.start_again());
    let back = async {
        while nodes[0].get("/healthz").send().await.json["status"] != "ok" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The other node has reconnected, too.
        while taken_together(&nodes, &app.user().await).await != [5, 0] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), back).await.expect("both nodes reconnect");
}

#[tokio::test]
async fn wrong_passwords_are_counted_across_all_nodes() {
    let (redis, cluster) = (Redis::shared(), servers::cluster());
    let shared = async || shared_over(redis, &cluster).await;
    let app = TestApp::start().await;
    let user = app.user().await;
    let wrong = json!({ "email": user.user.email, "password": "not this one at all" });
    let right = json!({ "email": user.user.email, "password": PASSWORD });
    let (one, other) = (app.node(shared().await), app.node(shared().await));
    let status = async |node: &TestApp, body| node.post("/api/v1/auth/login", body).send().await.status.as_u16();
    assert_eq!((status(&one, &right).await, status(&other, &right).await), (200, 200));
    let mut refused = Vec::new();
    for node in [&one, &other].into_iter().cycle().take(12) {
        refused.push(status(node, &wrong).await);
    }
    assert_eq!(refused, [[401; 10].as_slice(), &[429; 2]].concat(), "the limit of one account and address");
    assert_eq!(status(&other, &right).await, 429);
}
