//! Organizing contests: creating, changing and deleting them, and answering questions.

use std::collections::HashSet;
use std::time::Duration;

use cupel_problem::Visibility;
use cupel_types::{ClarificationId, ContestId, ProblemId, UserId};
use jiff::Timestamp;

use super::records::ends_at;
use super::{Contest, ContestChange, DeletedContest, NewContest, Phase, RefusedContest, Style};
use crate::accounts::Role;
use crate::problems::ProblemKey;
use crate::{AuthenticatedUser, Core, Principal, StoreError};

/// Maximum length of a contest.
const LENGTH_MAX: Duration = Duration::from_hours(31 * 24);
/// Maximum penalty.
const PENALTY_MAX: Duration = Duration::from_hours(24);
/// Maximum number of contests of one author that have not ended.
const OPEN_MAX: u64 = 50;
/// Maximum length of a title, in characters.
const TITLE_MAX: usize = 200;
/// Maximum length of a description, a question or an answer, in characters.
pub(super) const TEXT_MAX: usize = 10_000;

/// Why a request about a contest was refused. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ContestError {
    #[error("there is no such contest")]
    Missing,
    #[error("another contest has this slug")]
    SlugTaken,
    #[error("you have {OPEN_MAX} contests that have not ended, which is the maximum")]
    TooMany,
    #[error("{detail}")]
    Invalid {
        /// The field, as in the body of a request. `penalty`: the API has two fields for it.
        field: &'static str,
        detail: String,
    },
    #[error("{0}")]
    Conflict(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ContestError {
    /// The error for a contest without problems or with too many.
    pub fn wrong_number_of_problems() -> ContestError {
        invalid("problems", format!("a contest has 1 to {} problems", Contest::PROBLEMS_MAX))
    }
}

pub(super) fn invalid(field: &'static str, detail: impl Into<String>) -> ContestError {
    ContestError::Invalid { field, detail: detail.into() }
}

/// The error for a name that is neither the letter nor the slug of a problem of the contest.
pub(super) fn no_such_problem() -> ContestError {
    invalid("problem", "the contest has no such problem: name one by its letter or slug")
}

impl Core {
    /// A new id for a contest.
    pub fn new_contest_id(&self) -> ContestId {
        ContestId::from_uuid(self.inner.ids.next(self.now()))
    }

    /// Creates a contest.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn insert_contest(&self, principal: &Principal, new: NewContest) -> Result<(), ContestError> {
        title_fits(&new.title)?;
        text_fits("description", &new.description)?;
        times_fit(new.style, new.length, new.freeze)?;
        self.check_not_over(new.starts_at, new.length)?;
        self.problems_fit(principal, new.owner, new.style, &new.problems).await?;
        let open_max = if principal.is_admin() { u64::MAX } else { OPEN_MAX };
        let inserted = self.inner.store.insert_contest(new, open_max, self.now()).await?;
        inserted.map_err(|refused| match refused {
            RefusedContest::SlugTaken => ContestError::SlugTaken,
            RefusedContest::TooMany => ContestError::TooMany,
        })
    }

    /// Changes a contest. Once the contest has begun, its start, rules and problems cannot change. If the length
    /// changes after the freeze has begun, the freeze keeps its start, so that hidden results stay hidden; a change of
    /// the freeze itself takes effect as it is.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn change_contest(
        &self,
        principal: &Principal,
        slug: &cupel_problem::Slug,
        mut change: ContestChange,
    ) -> Result<(), ContestError> {
        let contest = self.contest_to_change(principal, slug).await?;
        let now = self.now();
        let moves = change.starts_at.is_some() || change.style.is_some() || change.problems.is_some();
        if moves && contest.phase(now) != Phase::Upcoming {
            return Err(ContestError::Conflict("the contest has begun: its start, rules and problems cannot change"));
        }
        change.title.as_deref().map_or(Ok(()), title_fits)?;
        change.description.as_deref().map_or(Ok(()), |text| text_fits("description", text))?;
        let style = change.style.unwrap_or(contest.style);
        let length = change.length.unwrap_or(contest.length);
        if change.length.is_some() && change.freeze.is_none() && contest.has_frozen(now) {
            change.freeze = contest.frozen_from().map(|from| Some(length.saturating_sub(from)));
        }
        let freeze = change.freeze.unwrap_or(contest.freeze);
        if change.is_unfrozen == Some(true) && !contest.is_unfrozen && !contest.has_frozen(now) {
            return Err(ContestError::Conflict(
                "nothing is frozen: the contest has no freeze, or it has not begun yet",
            ));
        }
        times_fit(style, length, freeze)?;
        if let Some(starts_at) = change.starts_at {
            self.check_not_over(starts_at, length)?;
        }
        if let Some(problems) = &change.problems {
            self.problems_fit(principal, contest.owner, style, problems).await?;
        } else if change.starts_at.is_some() || change.style.is_some() {
            // A problem may have become a draft since the contest was created.
            let problems: Vec<ProblemId> = contest.problems.iter().map(|one| one.problem).collect();
            self.problems_fit(principal, contest.owner, style, &problems).await?;
        }
        let is_changed = self.inner.store.change_contest(contest.id, change).await?;
        is_changed.then_some(()).ok_or(ContestError::Missing)
    }

    /// Deletes a contest that has not begun or has no participants. This condition keeps organizers from deleting the
    /// results of participants.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn delete_contest(&self, principal: &Principal, slug: &cupel_problem::Slug) -> Result<(), ContestError> {
        let contest = self.contest_to_change(principal, slug).await?;
        match self.inner.store.delete_contest(contest.id, self.now()).await? {
            DeletedContest::Gone => Ok(()),
            DeletedContest::Missing => Err(ContestError::Missing),
            DeletedContest::InUse => Err(ContestError::Conflict("the contest has begun and has participants")),
        }
    }

    /// Answers a question, for its asker or for everyone who can see the contest. `is_public`: `None` leaves it as it
    /// is.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn answer_clarification(
        &self,
        principal: &Principal,
        slug: &cupel_problem::Slug,
        id: ClarificationId,
        answer: String,
        is_public: Option<bool>,
    ) -> Result<(), ContestError> {
        let contest = self.contest_to_change(principal, slug).await?;
        is_written("answer", &answer)?;
        let is_there = self.inner.store.answer(contest.id, id, answer, is_public, self.now()).await?;
        if is_there { Ok(()) } else { Err(ContestError::Missing) }
    }

    /// Checks that a contest with these times has not already ended, because no user could take part in it officially.
    fn check_not_over(&self, starts_at: Timestamp, length: Duration) -> Result<(), ContestError> {
        let is_over = ends_at(starts_at, length) <= self.now();
        if is_over { Err(invalid("starts_at", "the contest would already have ended")) } else { Ok(()) }
    }

    /// The contest, if the viewer may change it.
    async fn contest_to_change(
        &self,
        principal: &Principal,
        slug: &cupel_problem::Slug,
    ) -> Result<Contest, ContestError> {
        let seen = self.seen_contest(principal, slug).await?.ok_or(ContestError::Missing)?;
        if seen.may_change { Ok(seen.contest) } else { Err(ContestError::Missing) }
    }

    /// Checks that this viewer may use these problems in a contest of `owner`. Participants see a private problem only
    /// if the contest's owner may change it, so the viewer's own rights are not enough.
    async fn problems_fit(
        &self,
        principal: &Principal,
        owner: UserId,
        style: Style,
        problems: &[ProblemId],
    ) -> Result<(), ContestError> {
        if problems.is_empty() || problems.len() > Contest::PROBLEMS_MAX {
            return Err(ContestError::wrong_number_of_problems());
        }
        if problems.iter().collect::<HashSet<_>>().len() < problems.len() {
            return Err(invalid("problems", "a problem is listed twice"));
        }
        let is_admin = self.inner.store.user(owner).await?.is_some_and(|user| user.role == Role::Admin);
        // An administrator may change the contest of an owner who is no longer an author. Participants see its problems
        // because of what the owner has, and not because of the owner's role.
        let of_owner = Principal::User(AuthenticatedUser { user: owner, is_admin, is_author: true });
        for id in problems {
            let Some(seen) = self.problem(principal, ProblemKey::Id(*id)).await? else {
                return Err(invalid("problems", "there is no such problem"));
            };
            let problem = seen.problem();
            let slug = &problem.slug;
            if problem.visibility == Visibility::Draft {
                return Err(invalid("problems", format!("`{slug}` is a draft: verify it and make it private")));
            }
            if problem.visibility == Visibility::Private && !self.may_change(&of_owner, *id).await? {
                let whose = if principal.user() == Some(owner) { "you" } else { "the contest's owner" };
                return Err(invalid("problems", format!("`{slug}` is private, and {whose} may not change it")));
            }
            if style == Style::Ioi && problem.lower_is_better {
                let detail = format!("in `{slug}`, a lower score is better, and an IOI contest adds up scores");
                return Err(invalid("problems", detail));
            }
        }
        Ok(())
    }

    async fn may_change(&self, principal: &Principal, problem: ProblemId) -> Result<bool, StoreError> {
        let seen = self.problem(principal, ProblemKey::Id(problem)).await?;
        Ok(seen.is_some_and(|seen| seen.may_change()))
    }
}

/// Whether the viewer is an organizer of a contest with this owner: its owner, while still an author, or an
/// administrator.
pub(super) fn is_organizer(principal: &Principal, owner: UserId) -> bool {
    principal.is_admin() || (principal.is_author() && principal.user() == Some(owner))
}

fn title_fits(title: &str) -> Result<(), ContestError> {
    let length = title.trim().chars().count();
    let fits = (1..=TITLE_MAX).contains(&length) && !title.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(invalid("title", format!("a title has 1 to {TITLE_MAX} characters, on one line"))) }
}

pub(super) fn text_fits(field: &'static str, text: &str) -> Result<(), ContestError> {
    if text.chars().count() <= TEXT_MAX {
        Ok(())
    } else {
        Err(invalid(field, format!("`{field}` must have at most {TEXT_MAX} characters")))
    }
}

/// Like [`text_fits`], and refuses a text without a visible character.
pub(super) fn is_written(field: &'static str, text: &str) -> Result<(), ContestError> {
    text_fits(field, text)?;
    if text.trim().is_empty() { Err(invalid(field, "the text is empty")) } else { Ok(()) }
}

fn times_fit(style: Style, length: Duration, freeze: Option<Duration>) -> Result<(), ContestError> {
    if length < Duration::from_mins(1) || length > LENGTH_MAX {
        return Err(invalid("length_seconds", "a contest must last from 1 minute to 31 days"));
    }
    if freeze.is_some_and(|freeze| freeze > length) {
        return Err(invalid("freeze_seconds", "the freeze is longer than the contest"));
    }
    match style {
        Style::Icpc { penalty } if penalty > PENALTY_MAX => {
            Err(invalid("penalty", "a penalty must be at most 24 hours"))
        }
        _ => Ok(()),
    }
}
