//! The standings of a contest: cached for all viewers, and paged. Editorials: secret during contests.

use std::time::Duration;

use cupel_core::Principal;
use cupel_core::contests::{ContestStore as _, JoinCode, NewContest, Standings, Style};
use cupel_core::problems::{NewPackage, ProblemChange, ProblemKey, ProblemStore as _};
use cupel_core::{AuthenticatedUser, Clock as _};
use cupel_problem::Visibility;
use cupel_testkit::fresh;
use cupel_types::{ContestId, ProblemId, UserId};

use crate::{App, another_user};

/// A contest that began a minute ago.
async fn a_contest(app: &App, slug: &str) -> ContestId {
    a_contest_with(app, slug, Vec::new()).await
}

async fn a_contest_with(app: &App, slug: &str, problems: Vec<ProblemId>) -> ContestId {
    let id = ContestId::from_uuid(fresh());
    let new = NewContest {
        id,
        slug: slug.parse().unwrap(),
        title: "Autumn".into(),
        description: String::new(),
        owner: app.owner,
        style: Style::Ioi,
        starts_at: app.clock.now() - Duration::from_secs(60),
        length: Duration::from_hours(1),
        freeze: None,
        is_public: true,
        join_code: JoinCode::random(),
        problems,
    };
    app.store.insert_contest(new, u64::MAX, jiff::Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
    id
}

async fn one_more(app: &App, contest: ContestId) -> UserId {
    let user = another_user(&*app.store).await;
    assert!(app.store.take_part(contest, user, None).await.unwrap());
    user
}

async fn standings(app: &App, principal: &Principal, slug: &str, offset: u64, limit: u64) -> Standings {
    let seen = app.core.seen_contest(principal, &slug.parse().unwrap()).await.unwrap().expect("a contest");
    app.core.standings(principal, &seen, false, offset, limit).await.unwrap()
}

/// Regression: viewers of nine contests evicted one another's boards, so each request read a contest anew.
#[tokio::test]
async fn the_standings_of_many_contests_stay_in_the_cache() {
    let app = App::start().await;
    let slugs: Vec<String> = (0..20).map(|n| format!("busy-{n}")).collect();
    let mut contests = Vec::new();
    for slug in &slugs {
        contests.push(a_contest(&app, slug).await);
    }
    let totals = async || {
        let mut totals = Vec::new();
        for slug in &slugs {
            totals.push(standings(&app, &Principal::Anonymous, slug, 0, 20).await.total);
        }
        totals
    };
    assert_eq!(totals().await, [0; 20]);
    for contest in contests {
        one_more(&app, contest).await;
    }
    assert_eq!(totals().await, [0; 20], "the cached standings are returned");
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(totals().await, [1; 20]);
}

#[tokio::test]
async fn standings_are_read_once_per_second_for_all_viewers() {
    let app = App::start().await;
    let contest = a_contest(&app, "busy").await;
    one_more(&app, contest).await;
    let total = async || standings(&app, &Principal::Anonymous, "busy", 0, 20).await.total;
    assert_eq!(total().await, 1);
    one_more(&app, contest).await;
    assert_eq!(total().await, 1, "the cached standings are returned");
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(total().await, 2);
}

#[tokio::test]
async fn standings_of_contests_are_cached_separately() {
    let app = App::start().await;
    for n in 1..=20 {
        let contest = a_contest(&app, &format!("c{n}")).await;
        for _ in 0..n {
            one_more(&app, contest).await;
        }
    }
    for n in (1..=20).chain(1..=20) {
        assert_eq!(standings(&app, &Principal::Anonymous, &format!("c{n}"), 0, 1).await.total, n);
    }
}

#[tokio::test]
async fn a_page_has_its_rows_and_always_the_viewers_own_row() {
    let app = App::start().await;
    let contest = a_contest(&app, "paged").await;
    let mut users = Vec::new();
    for _ in 0..5 {
        users.push(one_more(&app, contest).await);
    }
    let last = Principal::User(AuthenticatedUser::of(users[4]));
    let page = async |principal: &Principal, offset| standings(&app, principal, "paged", offset, 2).await;
    for (offset, rows) in [(0, &users[..2]), (2, &users[2..4]), (4, &users[4..]), (6, &[][..])] {
        let standings_page = page(&last, offset).await;
        assert_eq!(standings_page.rows.iter().map(|(row, _)| row.user).collect::<Vec<_>>(), rows, "from {offset} on");
        assert_eq!(
            (standings_page.total, standings_page.own.map(|(row, who)| (row.user, who.user))),
            (5, Some((users[4], users[4])))
        );
    }
    assert!(page(&Principal::Anonymous, 0).await.own.is_none());
}

/// A public problem with an editorial.
async fn a_problem_with_editorial(app: &App) -> ProblemId {
    let package = app.folder.path().join("echo");
    for (path, text) in [
        ("problem.toml", "title = \"Echo\"\n[limits]\ntime = 1.0\n"),
        ("statement.md", "Print what you read.\n"),
        ("solution/solution.md", "Read, then print.\n"),
        ("tests/1.in", "a\n"),
        ("tests/1.out", "a\n"),
    ] {
        let path = package.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let new = NewPackage { archive: package, slug: Some("echo".parse().unwrap()) };
    let problem = app.core.import_problem(app.owner, new).await.unwrap().problem.id;
    let change = ProblemChange { visibility: Some(Visibility::Public), ..ProblemChange::default() };
    app.store.change_problem(problem, change, app.clock.now()).await.unwrap().unwrap();
    problem
}

#[tokio::test]
async fn an_editorial_is_secret_until_contests_with_its_problem_have_ended() {
    let app = App::start().await;
    let problem = a_problem_with_editorial(&app).await;
    let reads = async |principal: Principal| {
        let seen = app.core.problem(&principal, ProblemKey::Id(problem)).await.unwrap().expect("a public problem");
        let package = app.core.package(seen.problem().package).await.unwrap();
        !app.core.editorials(&seen, &package.package.problem).await.unwrap().is_empty()
    };
    let user = |user| Principal::User(AuthenticatedUser { is_author: true, ..AuthenticatedUser::of(user) });
    let (author, organizer) = (user(app.owner), user(another_user(&*app.store).await));
    let admin =
        Principal::User(AuthenticatedUser { is_admin: true, ..AuthenticatedUser::of(another_user(&*app.store).await) });
    assert!(reads(Principal::Anonymous).await && reads(organizer).await, "the problem is in no contest");

    let contest = a_contest_with(&app, "autumn", vec![problem]).await;
    let participant = user(one_more(&app, contest).await);
    for (who, expected) in
        [(Principal::Anonymous, false), (organizer, false), (participant, false), (author, true), (admin, true)]
    {
        assert_eq!(reads(who).await, expected, "while the contest is running: {who:?}");
    }

    // The contest began a minute ago and lasts an hour.
    app.clock.advance(Duration::from_mins(59));
    for who in [Principal::Anonymous, organizer, participant] {
        assert!(reads(who).await, "after the end: {who:?}");
    }

    let late = another_user(&*app.store).await;
    assert!(app.store.take_part(contest, late, Some(app.clock.now())).await.unwrap());
    assert!(!reads(user(late)).await, "a virtual participant whose time has not ended");
    assert!(reads(participant).await, "the time of others has ended");
    app.clock.advance(Duration::from_hours(1));
    assert!(reads(user(late)).await);
}
