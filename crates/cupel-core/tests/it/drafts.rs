//! Drafts: retention.

use std::time::Duration;

use cupel_core::drafts::{DraftPlace, Expected};
use cupel_core::{AuthenticatedUser, Bounds};
use cupel_queue::EmbeddedQueue;

use super::{App, core_with};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_revision_is_removed_after_its_retention_and_a_draft_with_its_last_revision() {
    let app = App::start().await;
    let user = AuthenticatedUser::of(app.owner);
    let place = |language: &str| DraftPlace { problem: None, language: language.into() };
    let save = async |language: &str, text: &str| {
        app.core.save_draft(user, place(language), text.into(), Expected::Any, false).await.unwrap()
    };
    save("python", "old").await;
    save("c", "old").await;
    app.clock.advance(2 * DAY);
    let new = save("python", "new").await;
    app.clock.advance(DAY);
    let forever = Bounds { drafts_kept: None, ..Bounds::default() };
    let core = |bounds| core_with(&app.store, &app.clock, EmbeddedQueue::default(), bounds);
    core(forever).sweep().await.unwrap();
    assert_eq!(app.core.draft_revisions(user, place("python")).await.unwrap().len(), 2);
    app.clock.advance(DAY / 2);
    let swept = core(Bounds { drafts_kept: Some(3 * DAY), ..Bounds::default() }).sweep().await.unwrap();
    assert_eq!((swept.led, swept.forgotten), (true, 2));
    assert_eq!(app.core.draft_revisions(user, place("python")).await.unwrap(), [new]);
    assert!(app.core.draft(user, place("c"), None).await.unwrap().is_none());
}
