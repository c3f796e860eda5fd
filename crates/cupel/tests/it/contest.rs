//! `cupel contest` while a server runs.

use cupel_core::{Clock as _, SystemClock};
use serde_json::Value;

use crate::support::{Server, cupel, end, eventually};

#[test]
fn a_frozen_contest_with_all_shipped_problems_is_exported() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_str().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_PROBLEMS__SHIPPED", "true")]);
    let listed = || server.get("/api/v1/problems?limit=100").1;
    let loaded = eventually(|| Some(listed()).filter(|listed| listed["pagination"]["total"] == 24));
    let slugs: Vec<String> =
        loaded["problems"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap().to_owned()).collect();
    let contest = |args: &[&str]| end(cupel([&["contest"], args, &["--data", dir]].concat()), b"");

    let mut create =
        vec!["create", "final", "--title", "Final", "--starts-at", "2099-01-01T10:00:00Z", "--length", "5h"];
    create.extend(["--freeze", "1h", "--penalty-minutes", "10"]);
    create.extend(slugs[1..].iter().flat_map(|slug| ["--problem", slug]));
    let made = contest(&create);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stdout.contains("join code: "), "{made:?}");
    let again = contest(&create);
    assert_eq!(again.code, Some(2), "{again:?}");

    let password = b"correct horse battery\n";
    let added = end(cupel(["user", "add", "ada", "ada@example.org", "--password-stdin", "--data", dir]), password);
    assert_eq!(added.code, Some(0), "{added:?}");
    let added = contest(&["add", "final", "--problem", &slugs[0], "--user", "ada"]);
    assert_eq!(
        (added.code, added.stdout.as_str()),
        (Some(0), "contest final has 24 problems\nuser ada takes part\n"),
        "{added:?}"
    );
    assert_eq!(contest(&["add", "final"]).code, Some(2), "neither a problem nor a user");
    // Two names are wrong: the command changes nothing and reports both names.
    let added = end(cupel(["user", "add", "bob", "bob@example.org", "--password-stdin", "--data", dir]), password);
    assert_eq!(added.code, Some(0), "{added:?}");
    let refused = contest(&["add", "final", "--problem", "no-problem", "--user", "bob", "--user", "nobody"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""), "{refused:?}");
    for name in ["no-problem", "nobody"] {
        assert!(refused.stderr.contains(&format!("`{name}`")), "{refused:?}");
    }
    let refused = contest(&["add", "final", "--user", "bob", "--user", "ada"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.stderr.contains("user `ada` takes part already"), "{refused:?}");
    let csv = contest(&["standings", "final", "--format", "csv"]).stdout;
    assert!(csv.contains(",ada,") && !csv.contains(",bob,"), "{csv}");
    assert_eq!(contest(&["add", "none", "--user", "ada"]).code, Some(3));
    let stranger = contest(&["add", "final", "--problem", &slugs[0], "--by", "ada"]);
    assert_ne!(stranger.code, Some(0), "only the owner may change the contest: {stranger:?}");

    let code = made.stdout.split("join code: ").nth(1).unwrap();
    assert_eq!(contest(&["join-code", "final"]).stdout, code);
    let renewed = contest(&["join-code", "final", "--renew"]);
    assert!(renewed.code == Some(0) && renewed.stdout != code, "{renewed:?}");
    assert_eq!(contest(&["join-code", "final"]).stdout, renewed.stdout);
    assert_eq!(contest(&["join-code", "none"]).code, Some(3));
    let stranger = contest(&["join-code", "final", "--by", "ada"]);
    assert!(stranger.code == Some(4) && stranger.stdout.is_empty(), "{stranger:?}");

    let csv = contest(&["standings", "final", "--format", "csv"]);
    let lines: Vec<&str> = csv.stdout.split("\r\n").collect();
    assert!(lines[0].starts_with("rank,username,kind,solved,penalty_minutes,score,A_tries,"), "{csv:?}");
    assert!(lines[1].starts_with("1,ada,official,0,0,,0,0,,,"), "{csv:?}");
    let table = contest(&["standings", "final"]);
    assert!(table.stdout.lines().next().unwrap().starts_with("RANK"), "{table:?}");
    let listed = contest(&["submissions", "final", "--user", "ada", "--problem", "A", "--verdict", "WA"]);
    assert_eq!(listed.stdout.trim_end(), "SUBMISSION  USER  PROBLEM  LANGUAGE  VERDICT  SUBMITTED", "{listed:?}");
    let listed = contest(&["submissions", "final", "--format", "csv"]);
    assert!(listed.stdout.starts_with("submission_id,username,"), "{listed:?}");
    assert_eq!(contest(&["submissions", "final", "--format", "json"]).stdout, "{\"submissions\":[]}\n");
    assert_eq!(contest(&["submissions", "final", "--by", "ada"]).code, Some(4));
    let export = contest(&["export", "final"]);
    let export: Value = serde_json::from_str(&export.stdout).unwrap_or_else(|_| panic!("{export:?}"));
    assert_eq!(export["contest"]["problems"].as_array().map(Vec::len), Some(24));
    assert_eq!(
        (&export["contest"]["penalty_minutes"], &export["contest"]["freeze_seconds"]),
        (&10.into(), &3600.into())
    );
    assert_eq!(export["standings"]["rows"][0]["username"], "ada");
    assert_eq!(export["clarifications"].as_array().map(Vec::len), Some(0));
    assert_eq!(export["contest"]["unfrozen"], false);
    assert_eq!(contest(&["unfreeze", "final", "--by", "ada"]).code, Some(4));
    let refused = contest(&["unfreeze", "final"]);
    assert!(refused.code != Some(0) && refused.stderr.contains("Nothing is frozen"), "{refused:?}");
    let begun = (SystemClock.now() - jiff::SignedDuration::from_mins(5)).to_string();
    let create = ["create", "now", "--title", "Now", "--starts-at", &begun, "--length", "5h", "--freeze", "5h"];
    let made = contest(&[&create[..], &["--problem", &slugs[0]]].concat());
    assert_eq!(made.code, Some(0), "{made:?}");
    let unfrozen = contest(&["unfreeze", "now"]);
    assert_eq!(unfrozen.stdout, "the standings of now are no longer frozen\n", "{unfrozen:?}");
    let export: Value = serde_json::from_str(&contest(&["export", "now"]).stdout).unwrap();
    assert_eq!(export["contest"]["unfrozen"], true);
    assert_eq!(contest(&["export", "none"]).code, Some(3));
}
