//! The submissions of a contest's participants, for its organizers.

use cupel_problem::Slug;
use cupel_types::{SubmissionId, Verdict};

use super::manage::no_such_problem;
use super::{AttemptFilter, ContestError};
use crate::disclosure::Disclosure;
use crate::run::SubmissionSummary;
use crate::{Core, Principal};

/// Which submissions of a contest's participants a list has.
#[derive(Clone, Debug, Default)]
pub struct AttemptQuery {
    /// Only those of the participant with this name.
    pub username: Option<String>,
    /// Only those to this problem, given by letter or slug.
    pub problem: Option<String>,
    /// Only those whose current verdict is this.
    pub verdict: Option<Verdict>,
}

impl Core {
    /// A page of the submissions that are attempts of a contest, newest first, and the total number, for its organizers.
    /// With `before`, only those before this submission. Each one shows what its sender sees. Submissions that the
    /// freeze of another contest hides are excluded, except for administrators.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn contest_submissions(
        &self,
        principal: &Principal,
        slug: &Slug,
        query: AttemptQuery,
        before: Option<SubmissionId>,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<SubmissionSummary>, u64), ContestError> {
        let seen = self.seen_contest(principal, slug).await?.filter(|seen| seen.may_change);
        let seen = seen.ok_or(ContestError::Missing)?;
        let AttemptQuery { username, problem, verdict } = query;
        let place = match problem {
            None => None,
            Some(name) => Some(seen.place_of(&name, self.now()).ok_or_else(no_such_problem)?),
        };
        let shows_hidden = principal.is_admin();
        let filter = AttemptFilter { contest: seen.contest.id, username, place, verdict, shows_hidden };
        let (submissions, total) = self.inner.store.contest_submissions(filter, before, offset, limit).await?;
        Ok((Disclosure::of(shows_hidden).summaries(submissions), total))
    }
}
