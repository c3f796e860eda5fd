//! The standings of a contest: cached for all viewers, and paged.

use std::time::Duration;

use cupel_core::Principal;
use cupel_core::contests::{ContestStore as _, JoinCode, NewContest, Standings, Style};
use cupel_core::{AuthenticatedUser, Clock as _};
use cupel_testkit::fresh;
use cupel_types::{ContestId, UserId};

use crate::{App, another_user};

/// A contest that began a minute ago.
async fn a_contest(app: &App, slug: &str) -> ContestId {
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
        problems: Vec::new(),
    };
    app.store.insert_contest(new).await.unwrap().unwrap();
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
    let last = Principal::User(AuthenticatedUser { user: users[4], is_admin: false });
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
