//! Lists about a problem for its viewers: submissions, versions, leaderboards and standings.
//!
//! *Invariant:* a list of submissions excludes those that the freeze of a contest hides from its reader, and a
//! leaderboard reports whether a freeze hides results.

use cupel_types::{ProblemId, SubmissionId, UserId};
use jiff::SignedDuration;

use super::{
    Activity, BoardLine, ProblemToChange, ProblemVersionLine, Progress, RankLine, SeenProblem, Standing,
    SubmissionFilter, VersionException, VisibleSubmissions,
};
use crate::run::SubmissionSummary;
use crate::{AuthenticatedUser, Core, StoreError};

/// Number of days of a user's activity: one year, and the days that complete its first week.
pub const ACTIVITY_DAYS: i64 = 371;

/// Maximum number of tags in a user's activity.
const ACTIVITY_TAGS_MAX: u64 = 100;

/// A page of a problem's leaderboard.
#[derive(Clone, Debug)]
pub struct ProblemBoard {
    /// The page.
    pub lines: Vec<BoardLine>,
    /// Length of the leaderboard.
    pub total: u64,
    /// Whether results are omitted because the freeze of a contest hides them.
    pub is_frozen: bool,
}

impl SubmissionFilter {
    /// All submissions to a problem that count.
    pub fn of(problem: ProblemId) -> SubmissionFilter {
        SubmissionFilter {
            problem,
            owner: None,
            verdict: None,
            language: None,
            not_at: None,
            for_contestant: None,
            omits_cancelled: false,
        }
    }

    /// The same filter for this viewer. Contests hide submissions from their participants, but not from administrators.
    #[must_use]
    pub(crate) fn for_viewer(self, viewer: &AuthenticatedUser) -> SubmissionFilter {
        SubmissionFilter { for_contestant: (!viewer.is_admin).then_some(viewer.user), ..self }
    }
}

impl Core {
    /// A page of the submissions to a problem that count and that no contest hides from the viewer, newest first, and
    /// the total number.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn submissions_to(
        &self,
        of: VisibleSubmissions,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError> {
        let disclosure = of.disclosure();
        let (submissions, total) = self.inner.store.submissions_to(of.0, offset, limit).await?;
        Ok((disclosure.summaries(submissions), total))
    }

    /// The submissions of [`Core::submissions_to`] before `before`, at most `limit`.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn submissions_before(
        &self,
        of: VisibleSubmissions,
        before: Option<SubmissionId>,
        limit: u64,
    ) -> Result<Vec<SubmissionSummary>, StoreError> {
        let disclosure = of.disclosure();
        Ok(disclosure.summaries(self.inner.store.submissions_before(of.0, before, limit).await?))
    }

    /// A page of a problem's versions, newest first, and their number.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn versions(
        &self,
        problem: &ProblemToChange,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemVersionLine>, u64), StoreError> {
        self.inner.store.versions(problem.id, offset, limit).await
    }

    /// The newest exceptions from verification, at most `limit`.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn exceptions(&self, problem: &ProblemToChange, limit: u64) -> Result<Vec<VersionException>, StoreError> {
        self.inner.store.exceptions(problem.id, limit).await
    }

    /// A page of a problem's leaderboard.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn problem_board(&self, seen: &SeenProblem, offset: u64, limit: u64) -> Result<ProblemBoard, StoreError> {
        let is_frozen = self.inner.store.withholds_results(seen.problem.id).await?;
        let (lines, total) = self.inner.store.board(seen.problem.id, offset, limit).await?;
        Ok(ProblemBoard { lines, total, is_frozen })
    }

    /// A page of the global leaderboard, and its length.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn ranks(&self, offset: u64, limit: u64) -> Result<(Vec<RankLine>, u64), StoreError> {
        self.inner.store.ranks(offset, limit).await
    }

    /// A user's progress with all public problems, as the user sees it.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn progress(&self, user: UserId) -> Result<Progress, StoreError> {
        self.inner.store.progress(user).await
    }

    /// A user's solved public problems in the last [`ACTIVITY_DAYS`], as visible to the user.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn activity(&self, user: UserId) -> Result<Activity, StoreError> {
        let now = self.now();
        let since = now.saturating_sub(SignedDuration::from_hours(24 * ACTIVITY_DAYS)).unwrap_or(now);
        self.inner.store.activity(user, since, ACTIVITY_TAGS_MAX).await
    }

    /// The viewer's standing with a problem, as the viewer sees it. `None`: the viewer has not tried the problem, or is
    /// anonymous.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn standing(&self, seen: &SeenProblem) -> Result<Option<Standing>, StoreError> {
        match seen.viewer.user() {
            Some(user) => self.inner.store.standing(seen.problem.id, user).await,
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_freeze_applies_to_every_viewer_except_administrators() {
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let filter = || SubmissionFilter::of(ProblemId::from_uuid(Uuid::nil()));
        assert_eq!(filter().for_viewer(&AuthenticatedUser::of(user)).for_contestant, Some(user));
        assert_eq!(
            filter().for_viewer(&AuthenticatedUser { is_admin: true, ..AuthenticatedUser::of(user) }).for_contestant,
            None
        );
    }
}
