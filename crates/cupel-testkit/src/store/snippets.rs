//! Rules about shared programs.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::time::Duration;

use cupel_core::snippets::{OwnSnippet, SharedSnippet, Snippet, SnippetId, TooManySnippets};
use cupel_core::{RetentionCutoffs, Store};
use cupel_types::Bytes;

use super::{at, user};
use crate::Subject;
use crate::builders::fresh;

fn snippet() -> Snippet {
    Snippet {
        language: "python".parse().expect("a language"),
        source: "print('\0 \u{202e} é')".into(),
        files: vec![("src/helper.py".into(), "x = 1\n".into())],
        args: vec!["-v".into(), String::new()],
        stdin: "1\n2".into(),
        cpu_time: Some(Duration::from_millis(1500)),
        memory: Some(Bytes::mib(64)),
        artifacts: vec!["*.png".into(), "plots/**/*.svg".into()],
        title: None,
        terminal: false,
    }
}

fn shared(second: i64) -> SharedSnippet {
    SharedSnippet { snippet: snippet(), shared_at: at(second) }
}

fn id() -> SnippetId {
    SnippetId::from_uuid(fresh())
}

pub async fn a_snippet_is_read_back_complete_and_counted_per_user<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (one, two) = (user(&*store).await, user(&*store).await);
    let (first, second, third) = (id(), id(), id());
    assert_eq!(store.snippet(first).await.unwrap(), None);
    assert_eq!(store.share_snippet(first, one, shared(1), 2).await.unwrap(), Ok(()));
    assert_eq!(store.snippet(first).await.unwrap(), Some(shared(1)));
    assert_eq!(store.share_snippet(second, one, shared(2), 2).await.unwrap(), Ok(()));
    assert_eq!(store.share_snippet(third, one, shared(3), 2).await.unwrap(), Err(TooManySnippets));
    assert_eq!(store.snippet(third).await.unwrap(), None);
    // Sharing the same program again counts once and renews the time; each user has a separate count.
    assert_eq!(store.share_snippet(first, one, shared(4), 2).await.unwrap(), Ok(()));
    assert_eq!(store.snippet(first).await.unwrap(), Some(shared(4)));
    assert_eq!(store.share_snippet(first, two, shared(5), 2).await.unwrap(), Ok(()));
    let mut titled = shared(6);
    titled.snippet.title = Some("<b>é</b>".into());
    titled.snippet.terminal = true;
    assert_eq!(store.share_snippet(third, two, titled.clone(), 2).await.unwrap(), Ok(()));
    assert_eq!(store.snippet(third).await.unwrap(), Some(titled));
    assert_eq!(store.own_snippets(two, 0, 1).await.unwrap().0[0].title, "<b>é</b>");
}

pub async fn a_link_works_until_the_last_copy_of_the_snippet_is_removed<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (one, two) = (user(&*store).await, user(&*store).await);
    let (both, old) = (id(), id());
    store.share_snippet(both, one, shared(1), 9).await.unwrap().unwrap();
    store.share_snippet(both, two, shared(8), 9).await.unwrap().unwrap();
    store.share_snippet(old, one, shared(5), 9).await.unwrap().unwrap();
    let purge = async |snippets_before: i64| {
        let cutoffs = RetentionCutoffs {
            now: at(0),
            deliveries_before: at(0),
            keys_before: at(0),
            workers_before: at(0),
            failures_before: at(0),
            snippets_before: at(snippets_before),
            drafts_before: at(0),
        };
        store.purge_expired(cutoffs, 10).await.unwrap().deleted
    };
    assert_eq!(purge(0).await, 0);
    assert_eq!(purge(5).await, 2);
    assert_eq!(store.snippet(old).await.unwrap(), None);
    assert_eq!(store.snippet(both).await.unwrap(), Some(shared(8)));
    store.delete_user(two, at(9)).await.unwrap();
    assert_eq!(store.snippet(both).await.unwrap(), None, "a deleted account leaves no shared program");
    store.share_snippet(both, two, shared(10), 9).await.unwrap().unwrap();
    assert_eq!(store.snippet(both).await.unwrap(), None, "not even by a request that was sent before the deletion");
}

pub async fn a_user_lists_and_removes_only_their_own_snippets<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (one, two) = (user(&*store).await, user(&*store).await);
    let (first, second, third) = (id(), id(), id());
    for (snippet, second_shared) in [(first, 1), (second, 3), (third, 2)] {
        store.share_snippet(snippet, one, shared(second_shared), 9).await.unwrap().unwrap();
    }
    store.share_snippet(first, two, shared(7), 9).await.unwrap().unwrap();
    let entry = |id, second| OwnSnippet {
        id,
        language: "python".parse().expect("a language"),
        title: "print('\0 \u{202e} é')".into(),
        shared_at: at(second),
    };
    let all = vec![entry(second, 3), entry(third, 2), entry(first, 1)];
    assert_eq!(store.own_snippets(one, 0, 10).await.unwrap(), (all.clone(), 3));
    assert_eq!(store.own_snippets(one, 1, 1).await.unwrap(), (all[1..2].to_vec(), 3));
    assert_eq!(store.own_snippets(one, 9, 10).await.unwrap(), (Vec::new(), 3));

    assert!(!store.remove_snippet(second, two).await.unwrap(), "this user has no copy of the snippet");
    assert!(store.remove_snippet(second, one).await.unwrap());
    assert!(!store.remove_snippet(second, one).await.unwrap(), "it is removed already");
    assert_eq!(store.snippet(second).await.unwrap(), None);
    assert!(store.remove_snippet(first, one).await.unwrap());
    assert_eq!(store.snippet(first).await.unwrap(), Some(shared(7)), "another user shares the same program");
    assert_eq!(store.own_snippets(one, 0, 10).await.unwrap(), (vec![entry(third, 2)], 1));
}
