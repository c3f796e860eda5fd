//! Smaller responses: entity tags of standings, so that a client does not get unchanged standings again, and compressed
//! lists.

use std::time::Duration;

use cupel_problem::Visibility;
use cupel_types::Verdict;

use crate::app::{Answer, TestApp, TestUser};
use crate::contests::{a_contest, a_private_contest, make, solve, take_part};

/// The response to a request for the standings from a client that already has the standings with this tag.
async fn standings_unless(app: &TestApp, who: &TestUser, tag: &str) -> Answer {
    let call = app.get("/api/v1/contests/c/standings").bearer(&who.token);
    call.header("if-none-match", tag).send().await
}

#[tokio::test]
async fn standings_that_did_not_change_are_not_sent_again() {
    let app = TestApp::start().await;
    let (author, one, guest) = (app.author().await, app.user().await, app.user().await);
    app.problem(&author, "echo", Visibility::Public).await;
    make(&app, &author, &a_contest("c", -10)).await;
    take_part(&app, &one, "c", "official").await;
    let read =
        async |query: &str| app.get(&format!("/api/v1/contests/c/standings{query}")).bearer(&one.token).send().await;
    let first = read("").await;
    assert_eq!(first.status, 200, "{first:?}");
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "the same state at a later time is equivalent: {tag}");
    for known in [tag.clone(), tag["W/".len()..].to_owned(), format!("\"other\", {tag}"), "*".to_owned()] {
        let same = standings_unless(&app, &one, &known).await;
        assert_eq!((same.status.as_u16(), same.text.as_str(), same.header("etag")), (304, "", tag.as_str()), "{known}");
    }
    for other in ["\"other\"", "", &tag[..tag.len() - 2], "\"other\", *"] {
        assert_eq!(standings_unless(&app, &one, other).await.status, 200, "{other}");
    }
    // Another page, and another viewer's standings, have different tags.
    assert_ne!(read("?limit=1").await.header("etag"), tag);
    assert_eq!(standings_unless(&app, &guest, &tag).await.status, 200);

    let later = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let later = read("").await;
            if later.json["elapsed_seconds"] != first.json["elapsed_seconds"] {
                return later;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(later.await.expect("the contest goes on").header("etag"), tag, "time alone changes nothing");

    solve(&app, &one, Verdict::Accepted).await;
    let changed = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let answer = standings_unless(&app, &one, &tag).await;
            if answer.status == 200 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let changed = changed.await.expect("a new result changes the standings");
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(changed.json["rows"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_tag_does_not_reveal_an_invisible_contest() {
    let app = TestApp::start().await;
    let (author, guest) = (app.author().await, app.user().await);
    a_private_contest(&app, &author).await;
    let path = "/api/v1/contests/club/standings";
    let seen = app.get(path).bearer(&author.token).send().await;
    let tag = seen.header("etag");
    assert!(!tag.is_empty(), "{seen:?}");
    for known in [tag, "*"] {
        let hidden = app.get(path).bearer(&guest.token).header("if-none-match", known).send().await;
        hidden.is_error(404, "not-found");
    }
}

#[tokio::test]
async fn long_lists_are_compressed_if_the_client_accepts_gzip() {
    let app = TestApp::start().await;
    let get = async |path: &str, encodings: &str| app.get(path).header("accept-encoding", encodings).send().await;
    let compressed = get("/api/v1/languages", "gzip, deflate, br, zstd").await;
    assert_eq!((compressed.header("content-encoding"), compressed.header("vary")), ("gzip", "accept-encoding"));
    for plain in ["", "br", "gzip;q=0"] {
        let plain = get("/api/v1/languages", plain).await;
        assert_eq!(plain.header("content-encoding"), "");
        assert!(compressed.bytes.len() * 5 < plain.bytes.len(), "{}", compressed.bytes.len());
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*compressed.bytes), &mut content).unwrap();
        assert_eq!(content, plain.bytes);
    }
    let short = get("/api/v1/languages/python", "gzip").await;
    assert_eq!((short.status.as_u16(), short.header("content-encoding")), (200, ""));
}
