//! The rates of lists that need no key.

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request};
use cupel_core::accounts::Scope;
use cupel_facades::Keyless;
use cupel_http::{Rate, Settings, TierRates};

use crate::app::{TestApp, TestSettings};

/// The lists, each with the header of a key.
const LISTS: [(&str, &str); 4] = [
    ("/piston/api/v2/runtimes", "authorization"),
    ("/piston/api/v2/packages", "authorization"),
    ("/jobe/index.php/restapi/languages", "x-api-key"),
    ("/jobe/index.php/restapi/languages", "authorization"),
];

fn request(path: &str, key: Option<(&'static str, &str)>) -> Request<Body> {
    let mut request = TestApp::piston_request("GET", "", None, b"");
    *request.uri_mut() = path.parse().unwrap();
    if let Some((header, key)) = key {
        let key = if header == "authorization" { format!("Bearer {key}") } else { key.to_owned() };
        request.headers_mut().insert(header, HeaderValue::try_from(key).unwrap());
    }
    request
}

/// A server where an address may read once, and the owner of a key three times.
async fn start(keyless: Keyless) -> TestApp {
    let rates = TierRates { reads: Rate::per_minute(1, 3), ..TierRates::default() };
    let tiers = [("basic".to_owned(), rates)].into();
    let http = Settings { anonymous_reads: Rate::per_minute(1, 1), tiers, ..Settings::default() };
    TestApp::start_with(keyless, TestSettings { http, ..TestSettings::default() }).await
}

async fn statuses<const N: usize>(app: &TestApp, path: &str, key: Option<(&'static str, &str)>) -> [u16; N] {
    let mut statuses = [0; N];
    for status in &mut statuses {
        *status = app.send(request(path, key)).await.status;
    }
    statuses
}

#[tokio::test]
async fn a_client_with_a_key_has_the_rate_of_its_tier_and_others_that_of_their_address() {
    for (path, header) in LISTS {
        for scope in [Scope::RunsWrite, Scope::RunsRead] {
            let app = start(Keyless::Nobody).await;
            let (_, key) = app.key(&[scope]).await;
            let keyed = statuses(&app, path, Some((header, &key))).await;
            assert_eq!(keyed, [200, 200, 200, 429], "{path} {scope:?}");
            assert_eq!(statuses(&app, path, None).await, [200, 429], "{path} without a key");
        }
        // Neither the key of another server nor a wrong key is refused.
        for other in ["2AAA7A5415B4A9B394B54BF1D2E9D", "cup_wrong"] {
            let app = start(Keyless::Nobody).await;
            assert_eq!(statuses(&app, path, Some((header, other))).await, [200, 429], "{path} {other}");
        }
    }
}

#[tokio::test]
async fn clients_of_a_facade_whose_operator_requires_no_key_are_not_limited() {
    let app = start(Keyless::Anyone).await;
    let address = std::net::SocketAddr::from(([192, 0, 2, 1], 1));
    let lists = LISTS.map(|(path, _)| ("GET", path, 200));
    let others = [
        ("HEAD", "/jobe/index.php/restapi/files/randomid01", 404),
        ("POST", "/sandboxfusion/run_code", 422),
        ("GET", "/judge0/languages", 200),
    ];
    for (method, path, expected) in lists.into_iter().chain(others) {
        for _ in 0..3 {
            let mut request = request(path, None);
            *request.method_mut() = method.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(address));
            assert_eq!(app.send(request).await.status, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn a_client_on_this_machine_that_needs_no_key_is_not_limited() {
    let app = start(Keyless::Loopback).await;
    for (path, header) in LISTS {
        assert_eq!(statuses(&app, path, None).await, [200, 200], "{path}");
        assert_eq!(statuses(&app, path, Some((header, "of-another-server"))).await, [200, 200], "{path}");
    }
}
