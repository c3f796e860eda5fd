//! Looking at problems and sending solutions.

use std::sync::Arc;

use cupel_function::{Driver, FunctionCase};
use cupel_languages::Language;
use cupel_problem::{Package, Signature, Visibility};
use cupel_types::{Bytes, Cases, ProblemId, SubmissionId, UserId, Work};

use super::{Part, ProblemFilter, ProblemKey, ProblemLine, ProblemRecord, RunSummary, Seer};
use crate::check::{Fault, FaultKind};
use crate::routes::judging_languages;
use crate::run::SubmissionRecord;
use crate::submit::Purpose;
use crate::{Awaited, Core, Idempotency, NewSubmission, StoreError, SubmitError, Submitted, Viewer};

/// How many runs of a submission are told at most.
const RUNS_MAX: u64 = 100;

/// A problem as somebody sees it.
#[derive(Clone, Debug)]
pub struct SeenProblem {
    /// It.
    pub problem: ProblemRecord,
    /// What they have to do with it.
    pub part: Option<Part>,
    /// Whether it is theirs to change.
    pub may_change: bool,
}

/// A solution as its sender worded it.
#[derive(Clone)]
pub struct NewSolution<'a> {
    /// Of which problem.
    pub problem: &'a ProblemRecord,
    /// The current package of that.
    pub package: &'a Package,
    /// On what it is to be run.
    pub cases: Cases,
    /// What was written, and wishes.
    pub new: NewSubmission,
    /// Whether its sender waits for the result; see [`Core::submit_one`].
    pub is_awaited: bool,
}

/// A submission as somebody sees it.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// It.
    pub record: SubmissionRecord,
    /// The problem it is about, if it is about one.
    pub problem: Option<ProblemRecord>,
    /// Whether they may know what is meant for the problem's authors.
    pub as_author: bool,
}

/// About how much memory the values of an input of somebody's own may take; one is looked at at a time.
const OWN_VALUES_MAX: Bytes = Bytes::mib(64);

impl Core {
    /// A problem, if it exists for this seer.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn problem(&self, seer: &Seer, key: ProblemKey) -> Result<Option<SeenProblem>, StoreError> {
        let Some((problem, part)) = self.inner.store.problem(key, seer.user()).await? else { return Ok(None) };
        let may_change = seer.may_change(&problem, part);
        let exists = seer.may_see(&problem, part) || self.is_opened_by_contest(seer, &problem).await?;
        Ok(exists.then_some(SeenProblem { problem, part, may_change }))
    }

    /// Whether a contest in which the seer takes part shows them a problem that is private.
    async fn is_opened_by_contest(&self, seer: &Seer, problem: &ProblemRecord) -> Result<bool, StoreError> {
        match seer.user() {
            Some(user) if problem.visibility == Visibility::Private => {
                self.inner.store.is_opened_by_contest(problem.id, user, self.now()).await
            }
            _ => Ok(false),
        }
    }

    /// A page of the problems that exist for this seer, and how many there are in all.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn problems(
        &self,
        seer: &Seer,
        filter: ProblemFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemLine>, u64), StoreError> {
        let filter = ProblemFilter { asker: seer.user(), sees_all: seer.is_admin(), ..filter };
        self.inner.store.problems(filter, offset, limit).await
    }

    /// Accepts a solution, to be judged at the problem's current version.
    ///
    /// # Errors
    /// As [`Core::submit`]; nothing has been written then.
    pub async fn solve(
        &self,
        owner: UserId,
        solution: NewSolution<'_>,
        idempotency: Option<Idempotency>,
    ) -> Result<(Submitted, Option<Awaited>), SubmitError> {
        let NewSolution { problem, package, cases, new, is_awaited } = solution;
        self.fits(&new, package)?;
        if let (Cases::Input(input), Some(signature)) = (&cases, &package.problem.signature) {
            self.is_of(signature, input).await?;
        }
        let also_needs = judging_languages(&package.problem, &self.registry());
        let new = NewSubmission { purpose: Purpose::Solve { of: problem.current(), cases }, also_needs, ..new };
        self.submit_one(owner, new, idempotency, is_awaited).await
    }

    /// What the problem asks of a solution before it is judged.
    fn fits(&self, new: &NewSubmission, package: &Package) -> Result<(), SubmitError> {
        let problem = &package.problem;
        let registry = self.registry();
        let Some(language) = registry.find(&new.language) else { return Ok(()) };
        let has_driver = |language: &Language| language.driver.as_deref().and_then(Driver::named).is_some();
        let fits = |language: &Language| {
            let is_allowed = problem.limits.languages.as_ref().is_none_or(|allowed| allowed.contains(&language.id));
            is_allowed && (problem.signature.is_none() || has_driver(language))
        };
        if fits(language) {
            return Ok(());
        }
        let names: Vec<&str> = registry.iter().filter(|language| fits(language)).map(|one| one.id.as_str()).collect();
        let detail = format!("this problem takes solutions in {} only, not in `{}`", names.join(", "), language.id);
        let kind = FaultKind::LanguageUnavailable;
        Err(SubmitError::Invalid(vec![Fault { index: 0, pointer: "/language".to_owned(), kind, detail }]))
    }

    /// Whether an input of somebody's own is what a function is called with. What is too large to be looked at is refused as such.
    async fn is_of(&self, signature: &Signature, input: &Arc<[u8]>) -> Result<(), SubmitError> {
        if input.len() as u64 > self.bounds().stdin_bytes_max.get() {
            return Ok(());
        }
        let (signature, input) = (signature.clone(), Arc::clone(input));
        // To the end of the reading, also when whoever sent it goes away.
        let turn = Arc::clone(&self.inner.own_inputs).acquire_owned().await;
        let read = move || {
            let _turn = turn;
            let read = FunctionCase::read_within(&signature, &input, OWN_VALUES_MAX);
            read.err().map(|why| format!("this is {why}"))
        };
        let Ok(Some(detail)) = tokio::task::spawn_blocking(read).await else { return Ok(()) };
        let kind = FaultKind::BadInput;
        Err(SubmitError::Invalid(vec![Fault { index: 0, pointer: "/stdin".to_owned(), kind, detail }]))
    }

    /// A submission with the problem it is about, for its sender, administrators and the authors of the problem. A freeze of a contest
    /// in which an author takes part hides it from them.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn attempted(&self, viewer: &Viewer, id: SubmissionId) -> Result<Option<Attempted>, StoreError> {
        let Some(record) = self.inner.store.submission(id).await? else { return Ok(None) };
        self.seen_as(viewer, record).await
    }

    /// The same of a submission that has been read.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn seen_as(&self, viewer: &Viewer, record: SubmissionRecord) -> Result<Option<Attempted>, StoreError> {
        let own = viewer.is_admin || record.submission.owner == viewer.user;
        let Some(of) = record.submission.of_problem() else {
            return Ok(own.then_some(Attempted { record, problem: None, as_author: false }));
        };
        let found = self.inner.store.problem(ProblemKey::Id(of.problem), Some(viewer.user)).await?;
        let may_change =
            |(problem, part): &(ProblemRecord, Option<Part>)| Seer::User(*viewer).may_change(problem, *part);
        let as_author = viewer.is_admin || found.as_ref().is_some_and(may_change);
        let counts = matches!(&record.submission.work, Work::Problem(solution) if solution.cases == Cases::All);
        // What somebody tries on samples or an input of their own is nobody else's.
        let is_visible = own
            || (as_author
                && (matches!(record.submission.work, Work::Verify(_))
                    || (counts && !self.is_frozen_for(viewer, of.problem, &record).await?)));
        let problem = found.map(|(problem, _)| problem);
        Ok(is_visible.then_some(Attempted { record, problem, as_author }))
    }

    /// Whether a contest in which the viewer takes part hides this submission from them.
    async fn is_frozen_for(
        &self,
        viewer: &Viewer,
        problem: ProblemId,
        record: &SubmissionRecord,
    ) -> Result<bool, StoreError> {
        let submission = &record.submission;
        let windows = self.inner.store.freezes_of(problem, submission.owner, viewer.user).await?;
        Ok(windows.iter().any(|window| window.hides(submission.submitted_at)))
    }

    /// All runs of a submission to a problem, the newest first.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn runs_of(&self, submission: SubmissionId) -> Result<Vec<RunSummary>, StoreError> {
        self.inner.store.runs_of(submission, RUNS_MAX).await
    }
}
