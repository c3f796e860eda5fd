//! Rejudging: a new run of the same submission, at the version of the problem that is current when the rejudge is
//! requested. The event numbers of the new run continue after those of the previous run.

use cupel_types::{PriorityClass, RunId, SubmissionId, Verdict};

use super::{ProblemRecord, ProblemToChange, RejudgeOne, RejudgedRun, RejudgedRuns, SubmissionFilter};
use crate::event::{Event, EventKind, Seq};
use crate::routes::judging_languages;
use crate::run::SubmissionSummary;
use crate::{AuthenticatedUser, Core, Needs, RunHint, StoreError};

/// Submissions per transaction.
const STEP: u64 = 200;

/// Result of a rejudge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejudged {
    /// Submissions that are judged again, without those that a contest hides from the caller.
    pub queued: u64,
    /// Submissions that are being judged with another version and keep its verdict, until they are rejudged after that.
    /// Without those that a contest hides from the caller.
    pub being_judged: u64,
    /// Submissions examined, without those that a contest hides from the caller. Submissions that are being judged at
    /// the moment are included, but left unchanged.
    pub looked_at: u64,
}

/// Preview of a rejudge.
#[derive(Clone, Debug)]
pub struct RejudgePreview {
    /// Number of submissions.
    pub total: u64,
    /// Number of submissions per verdict; `None`: those without a verdict yet.
    pub verdicts: Vec<(Option<Verdict>, u64)>,
    /// A page of the submissions, newest first.
    pub submissions: Vec<SubmissionSummary>,
}

/// The submissions that a rejudge with this filter concerns. A cancelled submission gets a verdict only if it is asked
/// for: an administrator may have cancelled it so that it does not count.
fn to_rejudge(problem: &ProblemToChange, filter: SubmissionFilter) -> SubmissionFilter {
    let omits_cancelled = filter.verdict != Some(Verdict::Cancelled);
    SubmissionFilter { problem: problem.id, omits_cancelled, ..filter.for_viewer(&problem.by) }
}

impl Core {
    /// Rejudges one submission to a problem. `None`: there is no such submission to a problem that the viewer may
    /// change.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn rejudge_one(
        &self,
        viewer: &AuthenticatedUser,
        submission: SubmissionId,
    ) -> Result<Option<Rejudged>, StoreError> {
        let attempted =
            self.attempted(viewer, submission).await?.filter(|attempted| attempted.disclosure.is_for_authors());
        let Some(problem) = attempted.and_then(|attempted| attempted.problem) else { return Ok(None) };
        let mut rejudged = Rejudged::default();
        self.rejudge_step(&problem, vec![submission], None, &mut rejudged).await?;
        Ok(Some(rejudged))
    }

    /// Previews a rejudge: the number of submissions per verdict, and a page of the submissions.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn preview_rejudge(
        &self,
        problem: &ProblemToChange,
        filter: SubmissionFilter,
        offset: u64,
        limit: u64,
    ) -> Result<RejudgePreview, StoreError> {
        let filter = to_rejudge(problem, filter);
        let verdicts = self.inner.store.verdicts_of(filter.clone()).await?;
        let (submissions, total) = self.inner.store.submissions_to(filter, offset, limit).await?;
        Ok(RejudgePreview { total, verdicts, submissions: problem.disclosure().summaries(submissions) })
    }

    /// Rejudges all submissions to a problem that match the filter at the time of the call. Submissions that a contest
    /// hides from the caller are also rejudged, but are not counted. If the filter names a verdict, counting them would
    /// reveal their verdicts.
    ///
    /// # Errors
    /// If the store cannot write; runs already queued stay queued, and the call may be repeated.
    pub async fn rejudge(&self, problem: &ProblemToChange, filter: SubmissionFilter) -> Result<Rejudged, StoreError> {
        let filter = to_rejudge(problem, filter);
        let all = SubmissionFilter { for_contestant: None, ..filter.clone() };
        let (mut rejudged, mut after) = (Rejudged::default(), None);
        loop {
            let ids = self.inner.store.submission_ids_to(all.clone(), after, STEP).await?;
            let Some(last) = ids.last().copied() else { return Ok(rejudged) };
            let shown = match filter.for_contestant {
                None => None,
                Some(_) => Some(self.inner.store.submission_ids_to(filter.clone(), after, STEP).await?),
            };
            after = Some(last);
            self.rejudge_step(problem, ids, shown, &mut rejudged).await?;
        }
    }

    /// Rejudges one step. `shown`: the submissions that may be counted, in order; `None`: all.
    async fn rejudge_step(
        &self,
        problem: &ProblemRecord,
        ids: Vec<SubmissionId>,
        shown: Option<Vec<SubmissionId>>,
        rejudged: &mut Rejudged,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let counts = |id: &SubmissionId| shown.as_ref().is_none_or(|shown| shown.binary_search(id).is_ok());
        let looked_at = ids.iter().filter(|id| counts(id)).count() as u64;
        let each = |submission| RejudgeOne { submission, run: RunId::from_uuid(self.inner.ids.next(now)) };
        // If the package cannot be opened, the languages of its programs are unknown; the worker that takes a run
        // reports the cause.
        let judges = match self.package(problem.package).await {
            Ok(imported) => judging_languages(&imported.package.problem, &self.registry()),
            Err(_) => Needs::new(),
        };
        let again = ids.into_iter().map(each).collect();
        let RejudgedRuns { queued: runs, being_judged } =
            self.inner.store.rejudge(again, problem.package, judges, now).await?;
        rejudged.looked_at += looked_at;
        rejudged.queued += runs.iter().filter(|run| counts(&run.submission)).count() as u64;
        rejudged.being_judged += being_judged.iter().filter(|id| counts(id)).count() as u64;
        for run in &runs {
            // A sequence number between the end of the earlier run and the events of the new run.
            let seq = Seq::of_attempt(run.attempts.saturating_add(1), 0);
            let event = Event { submission: run.submission, seq, at: now, kind: EventKind::Queued };
            self.inner.events.publish(event);
        }
        let class = PriorityClass::Batch;
        let hint = |run: RejudgedRun| (RunHint::new(run.run, run.owner, class), run.needs);
        let hints: Vec<(RunHint, Needs)> = runs.into_iter().map(hint).collect();
        if let Err(error) = self.inner.language_queues.publish(&hints).await {
            tracing::debug!(%error, "rejudged runs were not queued; the sweeper will queue them");
        }
        Ok(())
    }
}
