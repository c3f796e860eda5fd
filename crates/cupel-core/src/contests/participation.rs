//! Reading contests, taking part in them, asking questions, and reading the standings.

use std::time::Duration;

use cupel_problem::Slug;
use cupel_types::{ClarificationId, UserId};
use jiff::Timestamp;

use super::manage::{is_organizer, is_written, no_such_problem};
use super::{
    Clarification, Contest, ContestError, ContestFilter, NewClarification, Participant, ParticipantProgress,
    Participation, Phase, StandingsRow, View, label,
};
use crate::Principal;
use crate::{Core, StoreError};

/// Maximum number of questions of one participant about one contest.
const QUESTIONS_MAX: u32 = 100;
/// Maximum number of announcements of one user in one contest.
const ANNOUNCEMENTS_MAX: u32 = 1000;

/// A contest from a viewer's perspective.
#[derive(Clone, Debug)]
pub struct SeenContest {
    /// The contest.
    pub contest: Contest,
    /// The phase.
    pub phase: Phase,
    /// Whether the viewer may change it. Such a viewer sees all of its data.
    pub may_change: bool,
    /// The viewer's participation, if any.
    pub participant: Option<Participant>,
}

impl SeenContest {
    /// Whether the contest exists for the viewer.
    fn exists(&self) -> bool {
        self.contest.is_public || self.may_change || self.participant.is_some()
    }

    /// Whether the viewer may see which problems the contest has.
    pub fn shows_problems(&self, now: Timestamp) -> bool {
        let has_begun = self.participant.as_ref().is_some_and(|own| own.starts_at <= now);
        self.may_change || has_begun || self.phase == Phase::Over
    }
}

impl SeenContest {
    /// Position of the problem with this letter (in upper or lower case) or this slug. `None` if the viewer may not see
    /// the problems: the letters would tell how many there are.
    pub(super) fn place_of(&self, name: &str, now: Timestamp) -> Option<usize> {
        if !self.shows_problems(now) {
            return None;
        }
        let problems = &self.contest.problems;
        let is_letter = |place: &usize| name.len() == 1 && name.eq_ignore_ascii_case(&label(*place).to_string());
        let by_letter = (0..problems.len()).find(is_letter);
        by_letter.or_else(|| problems.iter().position(|problem| problem.slug.as_str() == name))
    }
}

/// Standings from a viewer's perspective.
#[derive(Clone, Debug)]
pub struct Standings {
    /// The rows of a page, best first.
    pub rows: Vec<(StandingsRow, Participant)>,
    /// Total number of rows.
    pub total: u64,
    /// The row of a viewer who takes part, whether or not it is on this page.
    pub own: Option<(StandingsRow, Participant)>,
    /// Whether there may be hidden results.
    pub is_frozen: bool,
    /// Elapsed time of the contest for which the standings were computed.
    pub until: Duration,
}

impl Core {
    /// A contest, if it exists for this viewer.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn seen_contest(&self, principal: &Principal, slug: &Slug) -> Result<Option<SeenContest>, StoreError> {
        Ok(self.any_contest(principal, slug).await?.filter(SeenContest::exists))
    }

    /// A contest, even if it does not exist for this viewer.
    async fn any_contest(&self, principal: &Principal, slug: &Slug) -> Result<Option<SeenContest>, StoreError> {
        let Some(contest) = self.inner.store.contest(slug).await? else { return Ok(None) };
        let participant = match principal.user() {
            Some(user) => self.inner.store.participant(contest.id, user).await?,
            None => None,
        };
        let may_change = is_organizer(principal, contest.owner);
        let phase = contest.phase(self.now());
        Ok(Some(SeenContest { contest, phase, may_change, participant }))
    }

    /// A page of the contests that exist for this viewer, and the total number. `phase` and `text` are those of
    /// [`ContestFilter`].
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn contests(
        &self,
        principal: &Principal,
        phase: Option<Phase>,
        text: Option<String>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Contest>, u64), StoreError> {
        let (asker, is_author, sees_all) = (principal.user(), principal.is_author(), principal.is_admin());
        let filter = ContestFilter { asker, is_author, sees_all, phase, text, now: self.now() };
        self.inner.store.contests(filter, offset, limit).await
    }

    /// The viewer's participation in each of some contests, in their order.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn participations(
        &self,
        principal: &Principal,
        contests: &[Contest],
    ) -> Result<Vec<Option<Participant>>, StoreError> {
        let mut found = Vec::with_capacity(contests.len());
        for contest in contests {
            found.push(match principal.user() {
                Some(user) => self.inner.store.participant(contest.id, user).await?,
                None => None,
            });
        }
        Ok(found)
    }

    /// Adds a participant. Participation is official until the contest ends; after that, it is virtual and starts now.
    /// A contest that is not public exists for a user who enters its code.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn take_part(
        &self,
        principal: &Principal,
        slug: &Slug,
        participation: Participation,
        code: Option<&str>,
    ) -> Result<Participant, ContestError> {
        let opens = |seen: &SeenContest| seen.exists() || code.is_some_and(|code| seen.contest.join_code.is(code));
        let seen = self.any_contest(principal, slug).await?.filter(opens).ok_or(ContestError::Missing)?;
        let user = principal.user().ok_or(ContestError::Missing)?;
        if principal.user() == Some(seen.contest.owner) {
            return Err(ContestError::Conflict("you organize this contest"));
        }
        let virtual_start = match (participation, seen.phase) {
            (Participation::Official, Phase::Upcoming | Phase::Running) => None,
            (Participation::Virtual, Phase::Over) => Some(self.now()),
            (Participation::Official, Phase::Over) => {
                return Err(ContestError::Conflict("the contest has ended; you may take part virtually"));
            }
            (Participation::Virtual, _) => {
                return Err(ContestError::Conflict("virtual participation begins after the contest has ended"));
            }
        };
        if !self.inner.store.take_part(seen.contest.id, user, virtual_start).await? {
            return Err(ContestError::Conflict("you take part already"));
        }
        self.inner.store.participant(seen.contest.id, user).await?.ok_or(ContestError::Missing)
    }

    /// Withdraws a participant from a contest that has not begun.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn withdraw(&self, principal: &Principal, slug: &Slug) -> Result<(), ContestError> {
        let seen = self.seen_contest(principal, slug).await?.ok_or(ContestError::Missing)?;
        let Some(own) = seen.participant else {
            return Err(ContestError::Conflict("you do not take part"));
        };
        if seen.phase != Phase::Upcoming {
            return Err(ContestError::Conflict("the contest has begun"));
        }
        self.inner.store.withdraw(seen.contest.id, own.user).await?;
        Ok(())
    }

    /// A page of the standings, from data that was read less than a second ago. `unfrozen`: includes frozen results,
    /// for organizers; for administrators also results that the freeze of another contest hides.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn standings(
        &self,
        principal: &Principal,
        seen: &SeenContest,
        unfrozen: bool,
        offset: u64,
        limit: u64,
    ) -> Result<Standings, StoreError> {
        let contest = &seen.contest;
        let board = self.board(contest).await?;
        let shows_all = unfrozen && seen.may_change;
        // A virtual participant sees the contest as it was at the same elapsed time. An administrator who takes part
        // virtually may ask for all results.
        let own_clock = seen.participant.as_ref().filter(|_| !shows_all);
        let clock = own_clock.map_or(contest.starts_at, |own| own.starts_at);
        let until = board.elapsed(contest, clock);
        let frozen_from = contest.frozen_from().filter(|_| !shows_all);
        let own = principal.user();
        let shows_hidden = unfrozen && principal.is_admin();
        let view = View { until, frozen_from, shows_hidden, own: own.filter(|own| board.hides(*own, frozen_from)) };
        let rows = self.rows_of(&board, contest, view).await?;
        let with_who = |row: StandingsRow| board.participant(row.user).cloned().map(|who| (row, who));
        let [offset, limit] = [offset, limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        Ok(Standings {
            rows: rows.page(offset, limit).filter_map(with_who).collect(),
            total: rows.len() as u64,
            own: own.and_then(|own| rows.row_of(own)).and_then(with_who),
            is_frozen: frozen_from.is_some_and(|frozen| until >= frozen),
            until,
        })
    }

    /// A page of all participants' progress, for organizers, and the number of participants. Results that the freeze of
    /// another contest hides are excluded, except for administrators.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn contest_progress(
        &self,
        principal: &Principal,
        slug: &Slug,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ParticipantProgress>, u64), ContestError> {
        let seen =
            self.seen_contest(principal, slug).await?.filter(|seen| seen.may_change).ok_or(ContestError::Missing)?;
        Ok(self.inner.store.progress_in(seen.contest.id, principal.is_admin(), offset, limit).await?)
    }

    /// Asks a question about a contest, or about one of its problems, given by letter or slug. Participants may ask
    /// until their own time ends.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn ask_clarification(
        &self,
        principal: &Principal,
        slug: &Slug,
        problem: Option<&str>,
        question: String,
    ) -> Result<ClarificationId, ContestError> {
        let seen = self.seen_contest(principal, slug).await?.ok_or(ContestError::Missing)?;
        let Some(own) = &seen.participant else {
            return Err(ContestError::Conflict("only participants may ask"));
        };
        if seen.contest.ends_for(own) <= self.now() {
            return Err(ContestError::Conflict("your time in the contest has ended, so you can no longer ask"));
        }
        match self.write_clarification(&seen, own.user, problem, question, "question", QUESTIONS_MAX).await? {
            Some(id) => Ok(id),
            None => Err(ContestError::Conflict("you have asked the maximum number of questions")),
        }
    }

    /// Publishes an announcement of an organizer to everyone who sees the contest.
    ///
    /// # Errors
    /// [`ContestError`].
    pub async fn announce(
        &self,
        principal: &Principal,
        slug: &Slug,
        problem: Option<&str>,
        text: String,
    ) -> Result<ClarificationId, ContestError> {
        let seen =
            self.seen_contest(principal, slug).await?.filter(|seen| seen.may_change).ok_or(ContestError::Missing)?;
        let by = principal.user().ok_or(ContestError::Missing)?;
        match self.write_clarification(&seen, by, problem, text, "text", ANNOUNCEMENTS_MAX).await? {
            Some(id) => Ok(id),
            None => Err(ContestError::Conflict("you have made the maximum number of announcements")),
        }
    }

    /// Writes a question (the field is `question`) or an announcement. `None`: this user has reached the maximum.
    async fn write_clarification(
        &self,
        seen: &SeenContest,
        by: UserId,
        problem: Option<&str>,
        text: String,
        field: &'static str,
        per_user_max: u32,
    ) -> Result<Option<ClarificationId>, ContestError> {
        is_written(field, &text)?;
        let asked_at = self.now();
        let place = match problem {
            None => None,
            Some(name) => Some(seen.place_of(name, asked_at).ok_or_else(no_such_problem)?),
        };
        let id = ClarificationId::from_uuid(self.inner.ids.next(asked_at));
        let (contest, is_announcement) = (seen.contest.id, field == "text");
        let new = NewClarification { id, contest, asker: by, place, is_announcement, text, asked_at };
        Ok(self.inner.store.ask(new, per_user_max).await?.then_some(id))
    }

    /// A page of questions and announcements. Organizers get all entries. Other users get public entries and their own
    /// questions.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn clarifications(
        &self,
        principal: &Principal,
        seen: &SeenContest,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Clarification>, u64), StoreError> {
        // The nil id belongs to no user.
        let reader = principal.user().unwrap_or(UserId::from_uuid(uuid::Uuid::nil()));
        let reader = (!seen.may_change).then_some(reader);
        self.inner.store.clarifications(seen.contest.id, reader, offset, limit).await
    }
}
