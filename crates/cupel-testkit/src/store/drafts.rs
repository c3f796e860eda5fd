//! Rules about drafts.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::sync::Arc;

use cupel_core::drafts::{Draft, DraftBounds, DraftChanged, DraftKey, DraftSave, Expected, Revision};
use cupel_core::problems::Deleted;
use cupel_core::{RetentionCutoffs, Store};
use cupel_problem::Visibility;
use cupel_types::{Bytes, ProblemId, UserId};

use super::problems::problem;
use super::{at, user};
use crate::Subject;
use crate::builders::fresh;

const BOUNDS: DraftBounds = DraftBounds { per_user_max: 3, revisions_max: 4, bytes_per_user_max: Bytes::new(1000) };

fn key(owner: UserId, language: &str) -> DraftKey {
    DraftKey { owner, problem: None, language: language.parse().expect("a language") }
}

fn save(text: &str, second: i64, expected: Expected) -> DraftSave {
    DraftSave { text: text.into(), at: at(second), expected, begins_revision: false }
}

/// Saves without a condition, so that a revision begins.
async fn begin(store: &impl Store, key: &DraftKey, text: &str, second: i64) -> Revision {
    let save = save(text, second, Expected::Any);
    store.save_draft(key.clone(), save, BOUNDS).await.unwrap().unwrap()
}

/// The texts of all revisions of a draft, newest first.
async fn texts(store: &impl Store, key: &DraftKey) -> Vec<String> {
    let mut texts = Vec::new();
    for revision in store.draft_revisions(key.clone(), 100).await.unwrap() {
        let found = store.draft(key.clone(), Some(revision.number)).await.unwrap().unwrap();
        assert_eq!(found.revision, revision);
        texts.push(found.text);
    }
    texts
}

pub async fn a_draft_is_saved_continued_and_read_back<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let here = key(owner, "python");
    assert_eq!(store.draft(here.clone(), None).await.unwrap(), None);
    assert_eq!(store.draft_revisions(here.clone(), 9).await.unwrap(), []);
    let text = "print('\0 \u{202e} é')";
    let first = begin(&*store, &here, text, 1).await;
    assert_eq!(first, Revision { number: first.number, saved_at: at(1), bytes: Bytes::new(text.len() as u64) });
    let read = Draft { revision: first, text: text.into() };
    assert_eq!(store.draft(here.clone(), None).await.unwrap(), Some(read.clone()));
    assert_eq!(store.draft(here.clone(), Some(first.number)).await.unwrap(), Some(read));

    // A save that continues a revision replaces it.
    let continued = save("print('longer than before')", 200, Expected::Newest(first.number));
    let second = store.save_draft(here.clone(), continued, BOUNDS).await.unwrap().unwrap();
    assert!(second.number > first.number);
    assert_eq!(store.draft(here.clone(), Some(first.number)).await.unwrap(), None);
    assert_eq!(store.draft_revisions(here.clone(), 9).await.unwrap(), [second]);
    // Five minutes after the start of a revision, a save starts the next revision.
    let later = save("print('and longer still')", 301, Expected::Newest(second.number));
    let third = store.save_draft(here.clone(), later, BOUNDS).await.unwrap().unwrap();
    assert_eq!(store.draft_revisions(here.clone(), 9).await.unwrap(), [third, second]);
    assert_eq!(store.draft_revisions(here.clone(), 1).await.unwrap(), [third]);
    // Saving an equal text changes nothing.
    let again = save("print('and longer still')", 900, Expected::Any);
    assert_eq!(store.save_draft(here.clone(), again, BOUNDS).await.unwrap(), Ok(third));

    // Drafts for other problems and languages, and drafts of other users, are independent.
    let stranger = user(&*store).await;
    let of_problem = DraftKey { problem: Some(ProblemId::from_uuid(fresh())), ..here.clone() };
    for other in [key(owner, "c"), key(stranger, "python"), of_problem] {
        assert_eq!(store.draft(other.clone(), None).await.unwrap(), None, "{other:?}");
        assert_eq!(store.draft(other.clone(), Some(third.number)).await.unwrap(), None, "{other:?}");
        assert_eq!(store.draft_revisions(other.clone(), 9).await.unwrap(), [], "{other:?}");
        assert!(!store.remove_draft(other).await.unwrap());
    }
    assert!(store.remove_draft(here.clone()).await.unwrap());
    assert_eq!(store.draft(here.clone(), None).await.unwrap(), None);
    assert!(!store.remove_draft(here).await.unwrap());
}

pub async fn a_save_that_expects_another_revision_changes_nothing<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let here = key(user(&*store).await, "python");
    let none = store.save_draft(here.clone(), save("a", 1, Expected::Newest(1)), BOUNDS).await.unwrap();
    assert_eq!(none, Err(DraftChanged));
    let first = store.save_draft(here.clone(), save("a", 1, Expected::Nothing), BOUNDS).await.unwrap().unwrap();
    let second = begin(&*store, &here, "b", 2).await;
    for expected in [Expected::Nothing, Expected::Newest(first.number)] {
        let refused = store.save_draft(here.clone(), save("c", 3, expected), BOUNDS).await.unwrap();
        assert_eq!(refused, Err(DraftChanged), "{expected:?}");
    }
    assert_eq!(store.draft_revisions(here.clone(), 9).await.unwrap(), [second, first]);
    // A number is not used again after a removal.
    store.remove_draft(here.clone()).await.unwrap();
    let third = begin(&*store, &here, "d", 3).await;
    assert!(third.number > second.number);
}

pub async fn one_of_many_concurrent_saves_of_a_revision_succeeds<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = Arc::new(make().await);
    let here = key(user(&**store).await, "python");
    let first = begin(&**store, &here, "first", 1).await;
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            let (store, here) = (Arc::clone(&store), here.clone());
            let save = save(&format!("text {n}"), 2, Expected::Newest(first.number));
            tokio::spawn(async move { store.save_draft(here, save, BOUNDS).await.unwrap() })
        })
        .collect();
    let mut saved = Vec::new();
    for task in tasks {
        saved.extend(task.await.unwrap());
    }
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert_eq!(store.draft_revisions(here, 9).await.unwrap(), saved);
}

pub async fn the_oldest_drafts_and_revisions_beyond_the_bounds_are_removed<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    let (python, c, rust, go) = (key(owner, "python"), key(owner, "c"), key(owner, "rust"), key(owner, "go"));
    begin(&*store, &key(other, "python"), "theirs", 0).await;
    for second in 0..6 {
        begin(&*store, &python, &second.to_string(), second).await;
    }
    assert_eq!(texts(&*store, &python).await, ["5", "4", "3", "2"]);
    // The fourth draft replaces the least recently saved draft.
    begin(&*store, &c, "c", 10).await;
    begin(&*store, &rust, "rust", 11).await;
    begin(&*store, &python, "6", 12).await;
    begin(&*store, &go, "go", 13).await;
    assert_eq!(texts(&*store, &c).await, [""; 0]);
    assert_eq!(texts(&*store, &python).await, ["6", "5", "4", "3"]);
    // The oldest revisions are removed to make room for a large revision, which stays even if it alone exceeds
    // the maximum.
    let large = |size: usize| "x".repeat(size);
    begin(&*store, &rust, &large(993), 20).await;
    assert_eq!(texts(&*store, &python).await, ["6"]);
    assert_eq!(texts(&*store, &go).await, ["go"]);
    assert_eq!(texts(&*store, &rust).await, [large(993), "rust".into()]);
    begin(&*store, &go, &large(2000), 21).await;
    assert_eq!(texts(&*store, &go).await, [large(2000)]);
    for gone in [&python, &rust] {
        assert_eq!(texts(&*store, gone).await, [""; 0]);
    }
    assert_eq!(texts(&*store, &key(other, "python")).await, ["theirs"]);
}

pub async fn a_draft_is_removed_with_its_user_with_its_problem_and_after_its_retention<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (one, two) = (user(&*store).await, user(&*store).await);
    let problem = problem(&*store, 1, |new| (new.owner, new.visibility) = (Some(one), Visibility::Draft)).await.id;
    let (of_one, of_two) = (key(one, "python"), key(two, "python"));
    let of_problem = DraftKey { problem: Some(problem), ..of_one.clone() };
    for (key, second) in [(&of_one, 1), (&of_one, 2), (&of_one, 5), (&of_two, 9), (&of_problem, 9)] {
        begin(&*store, key, &second.to_string(), second).await;
    }
    let purge = async |drafts_before: i64| {
        let cutoffs = RetentionCutoffs {
            now: at(0),
            deliveries_before: at(0),
            keys_before: at(0),
            workers_before: at(0),
            failures_before: at(0),
            snippets_before: at(0),
            drafts_before: at(drafts_before),
        };
        store.purge_expired(cutoffs, 10).await.unwrap().deleted
    };
    assert_eq!(purge(0).await, 0);
    assert_eq!(purge(2).await, 2);
    assert_eq!(texts(&*store, &of_one).await, ["5"]);
    assert_eq!(store.delete_problem(problem).await.unwrap(), Deleted::Gone);
    assert_eq!(texts(&*store, &of_problem).await, [""; 0]);
    store.delete_user(one, at(10)).await.unwrap();
    assert_eq!(texts(&*store, &of_one).await, [""; 0], "a deleted account leaves no draft");
    begin(&*store, &of_one, "late", 11).await;
    assert_eq!(texts(&*store, &of_one).await, [""; 0], "not even by a request that was sent before the deletion");
    assert_eq!(texts(&*store, &of_two).await, ["9"]);
}
