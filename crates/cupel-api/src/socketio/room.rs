//! Rooms: the permission to join them, and the runs whose events they deliver.

use std::collections::HashSet;
use std::time::Duration;

use cupel_core::event::Seq;
use cupel_core::problems::ProblemKey;
use cupel_core::run::{HistoryFilter, SubmissionSummary};
use cupel_core::{Principal, StoreError};
use cupel_http::error::{ApiError, ErrorKind, FieldError};
use cupel_problem::Slug;
use cupel_types::SubmissionId;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::client::Client;

/// Interval at which a room of a problem or a contest looks for new submissions.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// Number of the newest submissions that a room of a problem or a contest examines each time.
const SUBMISSIONS_MAX: u64 = 32;

/// A room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// A submission.
    Submission(SubmissionId),
    /// The user's submissions to a problem.
    Problem(Slug),
    /// The user's submissions to the problems of a contest.
    Contest(Slug),
}

impl Room {
    /// The room with this name. A malformed id or slug is treated like an unknown one.
    pub(super) fn named(name: &str) -> Result<Room, ApiError> {
        let slug = |text: &str, what| text.parse().map_err(|_| ApiError::not_found(what));
        match name.split_once(':') {
            Some(("submission", id)) => id.parse().map(Room::Submission).map_err(|_| ApiError::not_found("submission")),
            Some(("problem", text)) => slug(text, "problem").map(Room::Problem),
            Some(("contest", text)) => slug(text, "contest").map(Room::Contest),
            _ => {
                let detail = "`room` must be `submission:ID`, `problem:SLUG` or `contest:SLUG`.";
                Err(ApiError::new(ErrorKind::InvalidBody, detail).with_errors(vec![FieldError::new("/room", detail)]))
            }
        }
    }
}

/// The user's submissions in a room of a problem or a contest.
pub(super) struct Submissions {
    client: Client,
    room: Room,
    /// The newest submissions that need no further check: they are followed, had ended when the room was joined, or do
    /// not belong to a problem of the contest.
    seen: HashSet<SubmissionId>,
    /// Tasks that follow the submissions. Dropping the set ends them.
    followed: JoinSet<()>,
}

impl Submissions {
    /// Joins the room, if the user may, and follows its submissions that have not ended.
    pub(super) async fn of(client: Client, room: Room) -> Result<Submissions, ApiError> {
        let mut submissions = Submissions { client, room, seen: HashSet::new(), followed: JoinSet::new() };
        submissions.check().await?;
        let newest = submissions.newest().await?;
        submissions.seen = newest.iter().filter(|one| one.state.is_final()).map(|one| one.id).collect();
        submissions.follow(newest).await;
        Ok(submissions)
    }

    /// Returns an error if the problem or the contest does not exist for the user.
    async fn check(&self) -> Result<(), ApiError> {
        let core = &self.client.app().core;
        let principal = Principal::User(self.client.viewer());
        let (exists, what) = match &self.room {
            Room::Problem(slug) => {
                (core.problem(&principal, ProblemKey::Slug(slug.clone())).await?.is_some(), "problem")
            }
            Room::Contest(slug) => (core.seen_contest(&principal, slug).await?.is_some(), "contest"),
            Room::Submission(_) => (false, "submission"),
        };
        exists.then_some(()).ok_or_else(|| ApiError::not_found(what))
    }

    /// The user's newest submissions, newest first: to the problem of the room or, for a contest, to all problems.
    async fn newest(&self) -> Result<Vec<SubmissionSummary>, StoreError> {
        let core = &self.client.app().core;
        let mut filter = HistoryFilter::of(self.client.viewer().user);
        if let Room::Problem(slug) = &self.room {
            filter.problem = Some(slug.clone());
        }
        core.history(&self.client.viewer(), filter, 0, SUBMISSIONS_MAX).await
    }

    /// Follows the submissions that are not in `seen`.
    async fn follow(&mut self, newest: Vec<SubmissionSummary>) {
        let kept: HashSet<SubmissionId> = newest.iter().map(|one| one.id).filter(|id| self.seen.contains(id)).collect();
        let new: Vec<SubmissionSummary> = newest.into_iter().rev().filter(|one| !kept.contains(&one.id)).collect();
        self.seen = kept;
        if new.is_empty() {
            return;
        }
        let problems = match &self.room {
            Room::Contest(slug) => match self.problems(slug).await {
                Some(problems) => Some(problems),
                None => return,
            },
            Room::Problem(_) | Room::Submission(_) => None,
        };
        while self.followed.try_join_next().is_some() {}
        for one in new {
            if let Some(problems) = &problems
                && !one.slug.as_ref().is_some_and(|slug| problems.contains(slug))
            {
                self.seen.insert(one.id);
                continue;
            }
            // There are too many open streams, or the store does not answer. The next look tries again.
            let Ok(open) = self.client.begin() else { return };
            let Ok(Some(log)) = self.client.app().core.follow(&self.client.viewer(), one.id, Seq::default()).await
            else {
                return;
            };
            self.seen.insert(one.id);
            let client = self.client.clone();
            self.followed.spawn(async move {
                client.forward(log, one.id, 0).await;
                drop(open);
            });
        }
    }

    /// The problems of a contest, as far as the user may see them: none before it begins. `None` if the user can no
    /// longer see the contest, or the store does not answer.
    async fn problems(&self, slug: &Slug) -> Option<HashSet<Slug>> {
        let principal = Principal::User(self.client.viewer());
        let core = &self.client.app().core;
        let seen = core.seen_contest(&principal, slug).await.ok()??;
        if !seen.shows_problems(core.now()) {
            return Some(HashSet::new());
        }
        Some(seen.contest.problems.into_iter().map(|problem| problem.slug).collect())
    }

    /// Follows new submissions until the client leaves.
    pub(super) async fn forward(mut self) {
        let mut looks = tokio::time::interval(LOOK_PAUSE);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            match self.newest().await {
                Ok(newest) => self.follow(newest).await,
                Err(error) => tracing::debug!(%error, "cannot search new submissions of a room"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_a_kind_and_a_name() {
        let id = "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a";
        assert_eq!(Room::named(&format!("submission:{id}")).unwrap(), Room::Submission(id.parse().unwrap()));
        assert_eq!(Room::named("problem:hello").unwrap(), Room::Problem("hello".parse().unwrap()));
        assert_eq!(Room::named("contest:spring").unwrap(), Room::Contest("spring".parse().unwrap()));
        for (name, kind) in [
            ("submission:nonsense", ErrorKind::NotFound),
            ("problem:", ErrorKind::NotFound),
            ("problem", ErrorKind::InvalidBody),
            ("user:1", ErrorKind::InvalidBody),
            ("", ErrorKind::InvalidBody),
        ] {
            assert_eq!(Room::named(name).unwrap_err().kind(), kind, "{name}");
        }
    }
}
