//! Changes of a problem while another author changes it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cupel_core::problems::{
    AuthorError, NewProblem, NewVersion, ProblemChange, ProblemKey, ProblemRecord, ProblemStore as _, Wish,
};
use cupel_core::{AuthenticatedUser, Clock as _, Core, Principal};
use cupel_problem::Visibility;
use cupel_testkit::fresh;
use cupel_types::{Bytes, ContentHash, ProblemId};

use crate::App;
use crate::packages::Counted;

/// A draft whose current version is verified, and an unverified second version.
struct Draft {
    app: App,
    core: Core,
    packages: Arc<Counted>,
    id: ProblemId,
    versions: [ContentHash; 2],
}

impl Draft {
    async fn new() -> Draft {
        let packages = Counted::new(2);
        let versions = [packages.package("one"), packages.package("two")];
        let (app, core) = packages.core().await;
        let id = ProblemId::from_uuid(fresh());
        let draft = Draft { app, core, packages, id, versions };
        let new = NewProblem {
            id,
            slug: "echo".parse().unwrap(),
            owner: Some(draft.app.owner),
            visibility: Visibility::Draft,
            version: NewVersion { is_verified: Some(true), ..draft.version(0) },
        };
        draft.app.store.insert_problem(new).await.unwrap().unwrap();
        draft.app.store.stage_version(id, draft.version(1)).await.unwrap().expect("the problem exists");
        draft
    }

    fn version(&self, index: usize) -> NewVersion {
        NewVersion {
            package: self.versions[index],
            format: "cupel".into(),
            title: "Echo".into(),
            difficulty: None,
            tags: Vec::new(),
            lower_is_better: false,
            by: None,
            at: self.app.clock.now(),
            bytes: Bytes::kib(1),
            is_verified: None,
            shipped: None,
        }
    }

    async fn record(&self) -> ProblemRecord {
        self.app.store.problem(ProblemKey::Id(self.id), None).await.unwrap().expect("the problem exists").0
    }

    /// Changes the problem; `meanwhile` happens after the change has read the problem and before it writes.
    async fn change(&self, wish: Wish, meanwhile: impl AsyncFnOnce()) -> Result<ProblemRecord, AuthorError> {
        let (core, key) = (self.core.clone(), ProblemKey::Id(self.id));
        let author = AuthenticatedUser { is_author: true, ..AuthenticatedUser::of(self.app.owner) };
        let author = Principal::User(author);
        let changed = tokio::spawn(async move { core.change_problem(&author, key, wish).await });
        // The change needs the package of the version.
        while self.packages.reads.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        meanwhile().await;
        let packages = Arc::clone(&self.packages);
        tokio::task::spawn_blocking(move || packages.group.wait()).await.unwrap();
        changed.await.unwrap()
    }

    async fn show(&self) {
        let change = ProblemChange { visibility: Some(Visibility::Public), ..ProblemChange::default() };
        assert!(self.app.store.change_problem(self.id, change, self.app.clock.now()).await.unwrap().unwrap());
    }
}

#[tokio::test]
async fn an_unverified_version_does_not_become_current_if_the_draft_was_published_meanwhile() {
    let draft = Draft::new().await;
    let wish = Wish { version: Some(2), ..Wish::default() };
    let refused = draft.change(wish, async || draft.show().await).await;
    assert!(matches!(refused, Err(AuthorError::OtherVersion)), "{refused:?}");
    let record = draft.record().await;
    assert_eq!((record.version, record.visibility), (1, Visibility::Public));
}

#[tokio::test]
async fn a_change_that_is_refused_because_of_another_version_changes_nothing() {
    let draft = Draft::new().await;
    let slug = Some("renamed".parse().unwrap());
    let wish = Wish { visibility: Some(Visibility::Public), slug, ..Wish::default() };
    let other = async || assert!(draft.app.store.add_version(draft.id, draft.version(1)).await.unwrap());
    let refused = draft.change(wish, other).await;
    assert!(matches!(refused, Err(AuthorError::OtherVersion)), "{refused:?}");
    let record = draft.record().await;
    assert_eq!((record.slug.as_str(), record.version, record.visibility), ("echo", 2, Visibility::Draft));
}

#[tokio::test]
async fn a_problem_can_be_hidden_and_get_an_unverified_version_with_one_change() {
    let draft = Draft::new().await;
    draft.show().await;
    let slug = Some("renamed".parse().unwrap());
    let wish = Wish { version: Some(2), visibility: Some(Visibility::Draft), slug, ..Wish::default() };
    let changed = draft.change(wish, async || {}).await.unwrap();
    assert_eq!((changed.slug.as_str(), changed.version, changed.visibility), ("renamed", 2, Visibility::Draft));
}
