//! Shared programs: retention.

use std::time::Duration;

use cupel_core::Bounds;
use cupel_core::snippets::NewSnippet;
use cupel_queue::EmbeddedQueue;
use cupel_testkit::Unlimited;

use super::{App, core_with};

const DAY: Duration = Duration::from_hours(24);

fn program(source: &str) -> NewSnippet {
    NewSnippet { language: "python".into(), source: source.into(), ..NewSnippet::default() }
}

#[tokio::test]
async fn a_program_is_removed_after_its_retention_unless_a_user_shares_it_again() {
    let app = App::start().await;
    let bounds = Bounds { snippets_kept: Some(3 * DAY), ..Bounds::default() };
    let core = |bounds| core_with(&app.store, &app.clock, EmbeddedQueue::default(), bounds);
    let old = app.core.share_snippet(app.owner, program("old"), &Unlimited).await.unwrap();
    let again = app.core.share_snippet(app.owner, program("again"), &Unlimited).await.unwrap();
    app.clock.advance(2 * DAY);
    assert_eq!(app.core.share_snippet(app.owner, program("again"), &Unlimited).await.unwrap(), again);
    app.clock.advance(DAY);
    // Without a retention, no program is removed. Each sweep uses a new core, because a core removes old records in its
    // first sweep and then only now and then.
    core(Bounds::default()).sweep().await.unwrap();
    assert!(app.core.snippet(old).await.unwrap().is_some());
    app.clock.advance(DAY / 2);
    let swept = core(bounds).sweep().await.unwrap();
    assert_eq!((swept.led, swept.forgotten), (true, 1));
    assert!(app.core.snippet(old).await.unwrap().is_none());
    assert!(app.core.snippet(again).await.unwrap().is_some());
}
