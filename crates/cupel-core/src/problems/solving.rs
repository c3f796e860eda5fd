//! Looking at problems and sending solutions.

use cupel_problem::{Package, Problem, Visibility};
use cupel_types::{Cases, SubmissionId, UserId, Work};

use super::{Part, ProblemFilter, ProblemKey, ProblemLine, ProblemRecord, RunSummary, Seer};
use crate::check::{Fault, FaultKind};
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
    /// Whether its sender waits for the result; see [`Core::submit_awaited`].
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

/// Why a solution was not accepted.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SolveError {
    #[error("solutions of this problem cannot be run on an input of one's own: {0}")]
    NoOwnInput(&'static str),
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for SolveError {
    fn from(error: StoreError) -> SolveError {
        SolveError::Submit(error.into())
    }
}

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
    /// [`SolveError`]; nothing has been written then.
    pub async fn solve(
        &self,
        owner: UserId,
        solution: NewSolution<'_>,
        idempotency: Option<Idempotency>,
    ) -> Result<(Submitted, Option<Awaited>), SolveError> {
        let NewSolution { problem, package, cases, new, is_awaited } = solution;
        if matches!(cases, Cases::Input(_))
            && let Some(why) = no_own_input(&package.problem)
        {
            return Err(SolveError::NoOwnInput(why));
        }
        self.fits(&new, package)?;
        let new = NewSubmission { purpose: Purpose::Solve { of: problem.current(), cases }, ..new };
        if is_awaited {
            return Ok(self.submit_awaited(owner, new, idempotency).await?);
        }
        Ok((self.submit(owner, vec![new], idempotency).await?, None))
    }

    /// What the problem asks of a solution before it is judged.
    fn fits(&self, new: &NewSubmission, package: &Package) -> Result<(), SubmitError> {
        let Some(allowed) = &package.problem.limits.languages else { return Ok(()) };
        let registry = self.registry();
        let Some(language) = registry.find(&new.language) else { return Ok(()) };
        if allowed.contains(&language.id) {
            return Ok(());
        }
        let names = allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let detail = format!("this problem takes solutions in {names} only, not in `{}`", language.id);
        let kind = FaultKind::LanguageUnavailable;
        Err(SubmitError::Invalid(vec![Fault { index: 0, pointer: "/language".to_owned(), kind, detail }]))
    }

    /// A submission with the problem it is about, for its sender, administrators and the authors of the problem.
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
        let is_visible = own || (as_author && (counts || matches!(record.submission.work, Work::Verify(_))));
        let problem = found.map(|(problem, _)| problem);
        Ok(is_visible.then_some(Attempted { record, problem, as_author }))
    }

    /// All runs of a submission to a problem, the newest first.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn runs_of(&self, submission: SubmissionId) -> Result<Vec<RunSummary>, StoreError> {
        self.inner.store.runs_of(submission, RUNS_MAX).await
    }
}

/// Why a solution cannot be run by itself, as a program that reads its standard input.
fn no_own_input(problem: &Problem) -> Option<&'static str> {
    if problem.is_interactive() {
        Some("they talk with a program of the problem")
    } else if problem.signature.is_some() || !problem.includes.is_empty() {
        Some("they are only a part of a program, the rest of which is the problem's")
    } else if problem.io.input_file.is_some() {
        Some("they read a file, not their standard input")
    } else {
        None
    }
}
