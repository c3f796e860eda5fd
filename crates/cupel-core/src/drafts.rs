//! Drafts: the texts in a user's editors, one for each problem and language and one for each language of the
//! playground, with their earlier revisions.
//!
//! A draft is saved every few seconds while a user types. So most saves replace the newest revision, for up to
//! [`REVISION_TIME`] after that revision was started. In these cases, a save starts a new revision, and the previous
//! revision stays readable:
//! - that time is over;
//! - the client requests it;
//! - the save has no condition, because the client does not know the newest revision;
//! - less than half of the text is left, so the text was replaced and not edited.
//!
//! Invariants: only the user reads a draft. The number of a draft's newest revision grows with every change, so a
//! condition on a number holds for one text only. A draft's first number is derived from the time, so numbers also grow
//! if a draft is removed and created again.

use async_trait::async_trait;
use cupel_types::{Bytes, LanguageId, ProblemId, UserId};
use jiff::{SignedDuration, Timestamp};

use crate::problems::ProblemKey;
use crate::{AuthenticatedUser, Core, Principal, StoreError};

/// Time after the start of a revision during which saves replace its text.
pub const REVISION_TIME: SignedDuration = SignedDuration::from_mins(5);

/// Identifies a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftKey {
    /// The user.
    pub owner: UserId,
    /// The problem; `None`: the playground.
    pub problem: Option<ProblemId>,
    /// The language.
    pub language: LanguageId,
}

/// A revision of a draft, without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Number of the revision. Later revisions of a draft have higher numbers.
    pub number: u64,
    /// Time at which the revision was last saved.
    pub saved_at: Timestamp,
    /// Size of its text.
    pub bytes: Bytes,
}

/// A revision of a draft with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The revision.
    pub revision: Revision,
    /// The text.
    pub text: String,
}

/// Condition of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The draft may have any revisions, or none.
    Any,
    /// There is no such draft.
    Nothing,
    /// The newest revision has this number.
    Newest(u64),
}

/// A text to save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftSave {
    /// The text.
    pub text: String,
    /// The present time.
    pub at: Timestamp,
    /// The condition.
    pub expected: Expected,
    /// Whether the newest revision must stay readable.
    pub begins_revision: bool,
}

/// The newest revision of a draft, as a save finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest<'a> {
    /// Number of the revision.
    pub number: u64,
    /// Text of the revision.
    pub text: &'a str,
    /// Time at which the revision was started.
    pub begun_at: Timestamp,
}

/// The newest revision is not the revision that the save expects. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftChanged;

/// Effect of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftStep {
    /// The newest revision has this text already.
    Unchanged,
    /// The newest revision gets this text and this number.
    Continue(u64),
    /// A new revision gets this text and this number.
    Begin(u64),
}

impl DraftSave {
    /// The effect of this save on a draft with this newest revision.
    ///
    /// # Errors
    /// If the condition does not hold. A text that is saved already is accepted nevertheless: the client may repeat a
    /// save whose response was lost.
    pub fn step(&self, newest: Option<Newest<'_>>) -> Result<DraftStep, DraftChanged> {
        if newest.is_some_and(|newest| newest.text == self.text) {
            return Ok(DraftStep::Unchanged);
        }
        let is_expected = match self.expected {
            Expected::Any => true,
            Expected::Nothing => newest.is_none(),
            Expected::Newest(number) => newest.is_some_and(|newest| newest.number == number),
        };
        if !is_expected {
            return Err(DraftChanged);
        }
        let now_us = u64::try_from(self.at.as_microsecond()).unwrap_or(0);
        let Some(newest) = newest else { return Ok(DraftStep::Begin(now_us)) };
        let number = now_us.max(newest.number + 1);
        let is_edit = self.text.len() >= newest.text.len() / 2;
        let is_recent = self.at.duration_since(newest.begun_at) < REVISION_TIME;
        let continues = !self.begins_revision && self.expected != Expected::Any && is_edit && is_recent;
        Ok(if continues { DraftStep::Continue(number) } else { DraftStep::Begin(number) })
    }
}

/// Bounds on the drafts of a user. If a bound is exceeded, the oldest data is removed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftBounds {
    /// Maximum number of drafts. If there are more, the least recently saved draft is removed.
    pub per_user_max: u64,
    /// Maximum number of revisions of one draft. If there are more, the oldest is removed.
    pub revisions_max: u64,
    /// Maximum size of all revisions of all drafts. If they are larger, the oldest revision is removed, but never the
    /// revision just saved.
    pub bytes_per_user_max: Bytes,
}

/// The port for drafts.
#[async_trait]
pub trait DraftStore: Send + Sync {
    /// Saves a text as [`DraftSave::step`] decides, and returns the newest revision. Then removes data that exceeds the
    /// bounds.
    async fn save_draft(
        &self,
        key: DraftKey,
        save: DraftSave,
        bounds: DraftBounds,
    ) -> Result<Result<Revision, DraftChanged>, StoreError>;

    /// The newest revision of a draft, or the revision with this number.
    async fn draft(&self, key: DraftKey, number: Option<u64>) -> Result<Option<Draft>, StoreError>;

    /// The revisions of a draft, newest first, at most `most`.
    async fn draft_revisions(&self, key: DraftKey, most: u64) -> Result<Vec<Revision>, StoreError>;

    /// Removes a draft with all its revisions. Returns whether there was one.
    async fn remove_draft(&self, key: DraftKey) -> Result<bool, StoreError>;
}

/// Why a draft was not read, saved or removed. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DraftError {
    #[error("there is no such problem")]
    NoProblem,
    #[error("{detail}")]
    UnknownLanguage { detail: String },
    #[error("a draft has at most {most}; this one has {found}")]
    TooLarge { most: Bytes, found: Bytes },
    #[error("the draft was saved elsewhere since this version was loaded")]
    Changed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A draft as a client names it.
#[derive(Clone, Debug)]
pub struct DraftPlace {
    /// The problem; `None`: the playground.
    pub problem: Option<ProblemKey>,
    /// Id or alias of the language.
    pub language: String,
}

impl Core {
    /// Saves the text of a user's editor. `begins_revision`: see [`DraftSave`].
    ///
    /// # Errors
    /// [`DraftError`].
    pub async fn save_draft(
        &self,
        user: AuthenticatedUser,
        place: DraftPlace,
        text: String,
        expected: Expected,
        begins_revision: bool,
    ) -> Result<Revision, DraftError> {
        let registry = self.registry();
        if registry.find(&place.language).is_none() {
            let detail = registry.unknown(&place.language, "`GET /api/v1/languages`");
            return Err(DraftError::UnknownLanguage { detail });
        }
        let key = self.draft_key(user, place).await?;
        let (most, found) = (self.bounds().source_bytes_max, Bytes::new(text.len() as u64));
        if found > most {
            return Err(DraftError::TooLarge { most, found });
        }
        let save = DraftSave { text, at: self.now(), expected, begins_revision };
        let saved = self.inner.store.save_draft(key, save, self.bounds().drafts).await?;
        saved.map_err(|DraftChanged| DraftError::Changed)
    }

    /// The newest revision of a user's draft, or the revision with this number.
    ///
    /// # Errors
    /// [`DraftError`].
    pub async fn draft(
        &self,
        user: AuthenticatedUser,
        place: DraftPlace,
        number: Option<u64>,
    ) -> Result<Option<Draft>, DraftError> {
        let key = self.draft_key(user, place).await?;
        Ok(self.inner.store.draft(key, number).await?)
    }

    /// The revisions of a user's draft, newest first.
    ///
    /// # Errors
    /// [`DraftError`].
    pub async fn draft_revisions(
        &self,
        user: AuthenticatedUser,
        place: DraftPlace,
    ) -> Result<Vec<Revision>, DraftError> {
        let key = self.draft_key(user, place).await?;
        Ok(self.inner.store.draft_revisions(key, self.bounds().drafts.revisions_max).await?)
    }

    /// Removes a user's draft with all its revisions. Returns whether there was one.
    ///
    /// # Errors
    /// [`DraftError`].
    pub async fn remove_draft(&self, user: AuthenticatedUser, place: DraftPlace) -> Result<bool, DraftError> {
        let key = self.draft_key(user, place).await?;
        Ok(self.inner.store.remove_draft(key).await?)
    }

    /// The key of a draft, if the user may see the problem. Drafts in a language that this server no longer has stay
    /// readable.
    async fn draft_key(&self, user: AuthenticatedUser, place: DraftPlace) -> Result<DraftKey, DraftError> {
        let registry = self.registry();
        let known = registry.find(&place.language).map(|language| language.id.clone());
        let unknown = || registry.unknown(&place.language, "`GET /api/v1/languages`");
        let language = match known {
            Some(id) => id,
            None => place.language.parse().map_err(|_| DraftError::UnknownLanguage { detail: unknown() })?,
        };
        let problem = match place.problem {
            None => None,
            Some(key) => {
                let seen = self.problem(&Principal::User(user), key).await?.ok_or(DraftError::NoProblem)?;
                Some(seen.problem().id)
            }
        };
        Ok(DraftKey { owner: user.user, problem, language })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN: i64 = 1_700_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(BEGUN + second).unwrap()
    }

    fn number(second: i64) -> u64 {
        u64::try_from((BEGUN + second) * 1_000_000).unwrap()
    }

    fn newest(text: &str) -> Option<Newest<'_>> {
        Some(Newest { number: number(0), text, begun_at: at(0) })
    }

    fn save(text: &str, second: i64, expected: Expected) -> DraftSave {
        DraftSave { text: text.into(), at: at(second), expected, begins_revision: false }
    }

    #[test]
    fn a_save_continues_the_expected_revision_until_its_time_is_over() {
        let known = Expected::Newest(number(0));
        let step = |save: DraftSave| save.step(newest("12345678"));
        assert_eq!(step(save("123456789", 299, known)), Ok(DraftStep::Continue(number(299))));
        assert_eq!(step(save("123456789", 300, known)), Ok(DraftStep::Begin(number(300))));
        assert_eq!(step(save("123456789", 1, Expected::Any)), Ok(DraftStep::Begin(number(1))));
        let forced = DraftSave { begins_revision: true, ..save("123456789", 1, known) };
        assert_eq!(step(forced), Ok(DraftStep::Begin(number(1))));
        assert_eq!(save("1", 1, Expected::Nothing).step(None), Ok(DraftStep::Begin(number(1))));
    }

    #[test]
    fn the_old_text_stays_readable_if_less_than_half_of_it_is_left() {
        let known = Expected::Newest(number(0));
        assert_eq!(save("1234", 1, known).step(newest("12345678")), Ok(DraftStep::Continue(number(1))));
        assert_eq!(save("123", 1, known).step(newest("12345678")), Ok(DraftStep::Begin(number(1))));
        assert_eq!(save("", 1, known).step(newest("12345678")), Ok(DraftStep::Begin(number(1))));
    }

    #[test]
    fn a_save_that_expects_another_revision_is_refused_unless_its_text_is_saved_already() {
        for expected in [Expected::Newest(number(0) - 1), Expected::Newest(number(1)), Expected::Nothing] {
            assert_eq!(save("b", 1, expected).step(newest("a")), Err(DraftChanged), "{expected:?}");
            assert_eq!(save("a", 1, expected).step(newest("a")), Ok(DraftStep::Unchanged), "{expected:?}");
        }
        assert_eq!(save("b", 1, Expected::Newest(1)).step(None), Err(DraftChanged));
    }

    #[test]
    fn numbers_grow_even_if_the_clock_does_not() {
        let known = Expected::Newest(number(0));
        assert_eq!(save("ab", -9, known).step(newest("a")), Ok(DraftStep::Continue(number(0) + 1)));
        assert_eq!(save("ab", 0, Expected::Any).step(newest("a")), Ok(DraftStep::Begin(number(0) + 1)));
    }
}
