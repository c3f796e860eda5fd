//! Reading problems, and checking a problem's requirements on solutions.

use std::collections::HashMap;
use std::sync::Arc;

use cupel_function::{Driver, FunctionCase};
use cupel_languages::Language;
use cupel_problem::{Problem, Signature, Slug, Statement, Tag, Visibility};
use cupel_types::{Bytes, Cases, ContentHash, ProblemId, ProblemVersion, SubmissionId, SubmissionKind};

use super::{
    Part, ProblemFilter, ProblemKey, ProblemLine, ProblemRecord, ProblemToChange, RunSummary, SubmissionFilter,
    VersionToSolve, VisibleSubmissions,
};
use crate::disclosure::Disclosure;
use crate::fault::{InputFault, InputFaultKind};
use crate::routes::judging_languages;
use crate::run::SubmissionRecord;
use crate::{AuthenticatedUser, Core, Needs, NewSolution, Principal, StoreError, SubmitError};

/// Maximum number of tags whose problems are counted.
const TAGS_COUNTED_MAX: u64 = 500;

/// Maximum number of runs shown per submission.
const RUNS_MAX: u64 = 100;

/// Number of newest versions whose numbers are shown with submissions.
const VERSIONS_NUMBERED_MAX: u64 = 1000;

/// A problem from a viewer's perspective.
#[derive(Clone, Debug)]
pub struct SeenProblem {
    pub(super) problem: ProblemRecord,
    pub(super) may_change: bool,
    pub(super) viewer: Principal,
}

impl SeenProblem {
    /// The problem.
    pub fn problem(&self) -> &ProblemRecord {
        &self.problem
    }

    /// Whether the viewer may change the problem.
    pub fn may_change(&self) -> bool {
        self.may_change
    }

    /// How much of the result of a solution the viewer may see.
    pub fn disclosure(&self) -> Disclosure {
        Disclosure::of(self.may_change)
    }

    /// The current version, for a solution of the viewer.
    pub fn to_solve(&self) -> VersionToSolve {
        VersionToSolve(self.problem.current())
    }

    /// The submissions to the problem that match the filter, without those that a contest hides from the viewer.
    /// `None`: the filter includes submissions of other users, and only the problem's authors may list these.
    pub fn submissions(&self, filter: SubmissionFilter) -> Option<VisibleSubmissions> {
        let Principal::User(viewer) = &self.viewer else { return None };
        let may_list = self.may_change || filter.owner == Some(viewer.user);
        let filter = SubmissionFilter { problem: self.problem.id, ..filter.for_viewer(viewer) };
        may_list.then_some(VisibleSubmissions(filter))
    }

    /// The problem, if the viewer may change it.
    pub(super) fn into_change(self) -> Option<ProblemToChange> {
        match self.viewer {
            Principal::User(by) if self.may_change => Some(ProblemToChange { problem: self.problem, by }),
            _ => None,
        }
    }
}

/// A submission from a viewer's perspective.
#[derive(Clone, Debug)]
pub struct Attempted {
    pub(super) record: SubmissionRecord,
    pub(super) problem: Option<ProblemRecord>,
    pub(super) disclosure: Disclosure,
}

impl Attempted {
    /// The submission, without the problem.
    pub fn into_record(self) -> SubmissionRecord {
        self.record
    }

    /// The submission.
    pub fn record(&self) -> &SubmissionRecord {
        &self.record
    }

    /// The submission's problem, if it has one.
    pub fn problem(&self) -> Option<&ProblemRecord> {
        self.problem.as_ref()
    }

    /// How much of the result the viewer may see.
    pub fn disclosure(&self) -> Disclosure {
        self.disclosure
    }
}

/// Approximate bound on the memory for the values of a custom input; one input is examined at a time.
const CUSTOM_VALUES_MAX: Bytes = Bytes::mib(64);

impl Core {
    /// A problem, if it exists for this viewer.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn problem(&self, principal: &Principal, key: ProblemKey) -> Result<Option<SeenProblem>, StoreError> {
        let Some((problem, part)) = self.inner.store.problem(key, principal.user()).await? else { return Ok(None) };
        let may_change = principal.may_change(&problem, part);
        let exists = principal.may_see(&problem, part) || self.is_opened_by_contest(principal, &problem).await?;
        Ok(exists.then_some(SeenProblem { problem, may_change, viewer: *principal }))
    }

    /// Whether a contest in which the viewer takes part makes a private problem visible to the viewer.
    async fn is_opened_by_contest(&self, principal: &Principal, problem: &ProblemRecord) -> Result<bool, StoreError> {
        match principal.user() {
            Some(user) if problem.visibility == Visibility::Private => {
                self.inner.store.is_opened_by_contest(problem.id, user, self.now()).await
            }
            _ => Ok(false),
        }
    }

    /// The problem's editorials that the viewer may read: all or none. While a contest of the problem's authors, or of
    /// an administrator, with the problem is running, only users who may change the problem read them, because
    /// participants could also read as visitors. The contest of another user hides them only from its participants.
    /// Virtual participants do not read them until their own time ends. A contest that has not begun hides nothing,
    /// because that would reveal its problems.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn editorials<'p>(&self, seen: &SeenProblem, of: &'p Problem) -> Result<&'p [Statement], StoreError> {
        let is_open = of.editorials.is_empty() || seen.may_change || !self.is_in_contest(seen).await?;
        Ok(if is_open { &of.editorials } else { &[] })
    }

    /// Whether the tags and the difficulty are withheld from this viewer: those of a private problem would be hints in
    /// a contest.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn withholds_hints(&self, seen: &SeenProblem) -> Result<bool, StoreError> {
        Ok(seen.problem.visibility == Visibility::Private && !seen.may_change && self.is_in_contest(seen).await?)
    }

    /// Whether the problem is in a running contest whose owner may change it, or in a contest that has not ended for
    /// the viewer.
    async fn is_in_contest(&self, seen: &SeenProblem) -> Result<bool, StoreError> {
        let (store, problem, now) = (&self.inner.store, seen.problem.id, self.now());
        if store.current_contest_with(problem, now, now).await?.is_some() {
            return Ok(true);
        }
        match seen.viewer.user() {
            Some(user) => store.is_taking_part_with(problem, user, now).await,
            None => Ok(false),
        }
    }

    fn filter_of(&self, principal: &Principal, filter: ProblemFilter) -> ProblemFilter {
        ProblemFilter {
            asker: principal.user(),
            is_author: principal.is_author(),
            sees_all: principal.is_admin(),
            now: self.now(),
            ..filter
        }
    }

    /// A page of the problems that exist for this viewer, and the total number.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn problems(
        &self,
        principal: &Principal,
        filter: ProblemFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ProblemLine>, u64), StoreError> {
        let filter = self.filter_of(principal, filter);
        self.inner.store.problems(filter, offset, limit).await
    }

    /// The tags of the problems that exist for this viewer and match, with the number of these problems, most frequent
    /// first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn problem_tags(
        &self,
        principal: &Principal,
        filter: ProblemFilter,
    ) -> Result<Vec<(Tag, u64)>, StoreError> {
        let filter = self.filter_of(principal, filter);
        self.inner.store.tags(filter, TAGS_COUNTED_MAX).await
    }

    /// Checks the problem's requirements on a solution, and returns the languages of the package's programs. `index`:
    /// the solution's position in the batch.
    pub(crate) async fn needs_of_solution(&self, index: usize, solution: &NewSolution) -> Result<Needs, SubmitError> {
        let NewSolution { source, of, cases } = solution;
        let imported = self.package(of.get().package).await.map_err(|error| SubmitError::Package(Box::new(error)))?;
        let problem = &imported.package.problem;
        let fault = |pointer: &str, kind, detail| {
            SubmitError::Invalid(vec![InputFault { index: Some(index), pointer: pointer.to_owned(), kind, detail }])
        };
        if let Some(detail) = self.unfit_language(&source.language, problem) {
            return Err(fault("/language", InputFaultKind::LanguageUnavailable, detail));
        }
        if let (Cases::Input(input), Some(signature)) = (cases, &problem.signature)
            && let Some(detail) = self.unfit_input(signature, input).await
        {
            return Err(fault("/stdin", InputFaultKind::BadInput, detail));
        }
        Ok(judging_languages(problem, &self.registry()))
    }

    /// Why the problem does not accept solutions in this language. `None`: the problem accepts the language, or the
    /// language is unknown, which the validation reports.
    fn unfit_language(&self, language: &str, problem: &Problem) -> Option<String> {
        let registry = self.registry();
        let language = registry.find(language)?;
        let has_driver = |language: &Language| language.driver.as_deref().and_then(Driver::named).is_some();
        let fits = |language: &Language| {
            let is_allowed = problem.limits.languages.as_ref().is_none_or(|allowed| allowed.contains(&language.id));
            // A language in a container image is refused, because the solutions of all contestants must be judged with
            // the same toolchain.
            let is_direct = language.id.image().is_some();
            is_allowed && !is_direct && (problem.signature.is_none() || has_driver(language))
        };
        if fits(language) {
            return None;
        }
        let names: Vec<&str> =
            registry.iter().filter(|language| language.listed && fits(language)).map(|one| one.id.as_str()).collect();
        Some(format!("the problem does not accept `{}`; it accepts {}", language.id, names.join(", ")))
    }

    /// Why a custom input is not a list of arguments for the function. `None`: it is such a list, or it is too large to
    /// examine; the size check refuses an input that is too large.
    async fn unfit_input(&self, signature: &Signature, input: &Arc<[u8]>) -> Option<String> {
        if input.len() as u64 > self.bounds().stdin_bytes_max.get() {
            return None;
        }
        let (signature, input) = (signature.clone(), Arc::clone(input));
        // The permit is held until the input has been read, even if the client disconnects.
        let permit = Arc::clone(&self.inner.custom_inputs).acquire_owned().await;
        let read = move || {
            let _permit = permit;
            let read = FunctionCase::read_within(&signature, &input, CUSTOM_VALUES_MAX);
            read.err().map(|why| format!("this is {why}"))
        };
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }

    /// A submission with its problem, for its sender, administrators and the problem's authors. If an author takes part
    /// in a contest whose freeze hides the submission, the submission is hidden from that author as well. The organizer
    /// of a contest in which the submission counts sees what its sender sees, unless the freeze of another contest hides
    /// it.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn attempted(
        &self,
        viewer: &AuthenticatedUser,
        id: SubmissionId,
    ) -> Result<Option<Attempted>, StoreError> {
        let Some(record) = self.inner.store.submission(id).await? else { return Ok(None) };
        self.seen_as(viewer, record).await
    }

    /// Like [`Core::attempted`], for a submission that was already read.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn seen_as(
        &self,
        viewer: &AuthenticatedUser,
        record: SubmissionRecord,
    ) -> Result<Option<Attempted>, StoreError> {
        let own = viewer.is_admin || record.submission.owner == viewer.user;
        let Some(of) = record.submission.of_problem() else {
            return Ok(own.then_some(Attempted { record, problem: None, disclosure: Disclosure::SENDER }));
        };
        let found = self.inner.store.problem(ProblemKey::Id(of.problem), Some(viewer.user)).await?;
        let may_change =
            |(problem, part): &(ProblemRecord, Option<Part>)| Principal::User(*viewer).may_change(problem, *part);
        let as_author = viewer.is_admin || found.as_ref().is_some_and(may_change);
        let counts =
            matches!(&record.submission.kind, SubmissionKind::Problem(solution) if solution.cases == Cases::All);
        // Trials on samples or on a custom input are visible only to their sender and to administrators.
        let is_visible = own
            || (as_author
                && (matches!(record.submission.kind, SubmissionKind::Verify(_))
                    || (counts && !self.is_frozen_for(viewer, of.problem, &record).await?)))
            || (counts
                && viewer.is_author
                && !as_author
                && self.inner.store.is_organized_attempt(record.submission.id, viewer.user).await?);
        let problem = found.map(|(problem, _)| problem);
        Ok(is_visible.then_some(Attempted { record, problem, disclosure: Disclosure::of(as_author) }))
    }

    /// Whether a contest in which the viewer takes part hides this submission from the viewer.
    async fn is_frozen_for(
        &self,
        viewer: &AuthenticatedUser,
        problem: ProblemId,
        record: &SubmissionRecord,
    ) -> Result<bool, StoreError> {
        let submission = &record.submission;
        let windows = self.inner.store.freezes_of(problem, submission.owner, viewer.user).await?;
        Ok(windows.iter().any(|window| window.hides(submission.submitted_at)))
    }

    /// The newest runs of a submission to a problem, newest first; at most 100.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn runs_of(&self, attempted: &Attempted) -> Result<Vec<RunSummary>, StoreError> {
        self.inner.store.runs_of(attempted.record.submission.id, RUNS_MAX).await
    }

    /// The numbers of the newest versions of a submission's problem, by package; at most 1000. Only authors get the
    /// other data of versions.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn version_numbers(&self, attempted: &Attempted) -> Result<HashMap<ContentHash, u32>, StoreError> {
        let Some(problem) = &attempted.problem else { return Ok(HashMap::new()) };
        self.numbers_of(problem).await
    }

    /// The slug of the problem with which a submission was sent, and the number of the version against which it was
    /// judged. `None`: the problem does not exist any more. The caller may see the submission.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn problem_version(&self, of: ProblemVersion) -> Result<Option<(Slug, Option<u32>)>, StoreError> {
        let Some((problem, _)) = self.inner.store.problem(ProblemKey::Id(of.problem), None).await? else {
            return Ok(None);
        };
        let number = self.numbers_of(&problem).await?.get(&of.package).copied();
        Ok(Some((problem.slug, number)))
    }

    async fn numbers_of(&self, problem: &ProblemRecord) -> Result<HashMap<ContentHash, u32>, StoreError> {
        let (versions, _) = self.inner.store.versions(problem.id, 0, VERSIONS_NUMBERED_MAX).await?;
        Ok(versions.into_iter().map(|version| (version.package, version.number)).collect())
    }
}
