//! State that all handlers share: the [`ApiState`] from the binary, and what this crate builds from it at start.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRef;
use cupel_core::Wait;
use cupel_core::accounts::Tier;
use cupel_types::UserId;
use tokio::sync::Mutex as AsyncMutex;

use crate::at_once::AtOnce;
use crate::auth::{Identities, Identity, Tokens, Via};
use crate::budget::{BudgetKind, ByteBudget};
use crate::dialect::Dialects;
use crate::error::{ApiError, ErrorKind};
use crate::rate_limit::RateLimits;
use crate::state::{ApiState, HealthReport, TierRates};

/// Axum state. Clones share the same [`App`].
#[derive(Clone)]
pub struct Shared(Arc<App>);

/// Maximum unread input of a user's live runs, in bytes.
const LIVE_INPUT_OF_USER_MAX: usize = 4 << 20;

/// State that all requests of a process share.
pub struct App {
    /// State from the binary.
    pub state: ApiState,
    /// Access tokens.
    pub tokens: Tokens,
    /// Cached identities of tokens and keys.
    pub identities: Identities,
    /// Rate limits.
    pub limits: RateLimits,
    /// Number of open event streams and waits.
    pub long_answers: LongAnswers,
    /// Memory for request bodies.
    pub bodies: ByteBudget,
    /// Memory for bodies that arrive slowly, a part of [`App::bodies`]: half of it, so that they do not keep out the
    /// others; for each user, a quarter of the user's maximum.
    pub(crate) slow_bodies: ByteBudget,
    /// Memory for large responses.
    pub answers: ByteBudget,
    /// Memory for the unread input of live runs that this node has sent. It is bounded for each user only: with a bound
    /// in total, a few users whose runs wait could keep the input of all others out.
    pub live_input: ByteBudget,
    /// Uploads of packages: each occupies disk space until the package is imported.
    pub uploads: AtOnce,
    /// Downloads of packages: each occupies disk space until the client has received it.
    pub exports: AtOnce,
    pub(crate) dialects: Dialects,
    /// Last health report, and its time.
    pub(crate) health: AsyncMutex<Option<(std::time::Instant, HealthReport)>>,
}

/// Maximum number of simultaneous uploads of packages, and of downloads, for each user and in total.
const TRANSFERS_OF_USER_MAX: usize = 4;
const TRANSFERS_MAX: usize = 32;

/// Divisors of the maxima of bodies, for bodies that arrive slowly.
const SLOW_PART: usize = 2;
const SLOW_OF_USER_PART: usize = 4;

impl Shared {
    pub(crate) fn new(state: ApiState, dialects: Dialects) -> Shared {
        let settings = &state.settings;
        Shared(Arc::new(App {
            answers: ByteBudget::new(
                BudgetKind::Answers,
                settings.answers_bytes_max,
                settings.answers_of_user_bytes_max,
                0,
            ),
            bodies: ByteBudget::new(
                BudgetKind::Bodies,
                settings.bodies_bytes_max,
                settings.bodies_of_user_bytes_max,
                settings.execute_body_bytes_max,
            ),
            slow_bodies: ByteBudget::new(
                BudgetKind::SlowBodies,
                settings.bodies_bytes_max / SLOW_PART,
                settings.bodies_of_user_bytes_max / SLOW_OF_USER_PART,
                settings.execute_body_bytes_max,
            ),
            live_input: ByteBudget::new(BudgetKind::LiveInput, usize::MAX >> 4, LIVE_INPUT_OF_USER_MAX, 0),
            tokens: Tokens::new(&state.settings.jwt_secret, state.settings.access_token_lifetime),
            identities: Identities::default(),
            limits: RateLimits::new(Arc::clone(&state.buckets), state.settings.login),
            long_answers: LongAnswers::new(settings.long_answers_max),
            uploads: AtOnce::new("uploads of packages", TRANSFERS_OF_USER_MAX, TRANSFERS_MAX),
            exports: AtOnce::new("downloads of packages", TRANSFERS_OF_USER_MAX, TRANSFERS_MAX),
            dialects,
            health: AsyncMutex::new(None),
            state,
        }))
    }

    /// Rates of a tier. A tier that the configuration does not have any more has the rates of `basic`.
    pub fn rates(&self, tier: &str) -> TierRates {
        let tiers = &self.settings.tiers;
        tiers.get(tier).or_else(|| tiers.get(Tier::BASIC)).copied().unwrap_or_default()
    }
}

impl App {
    /// The wait of a client for its result, which also ends at shutdown. `None`: the client's user or the server has
    /// too many long-lived responses open.
    pub fn wait_of(&self, client: &Identity, at_most: Duration) -> Option<Wait<'_>> {
        // Clients without a key share one account, so their waiting requests are limited only in total.
        let permit = match client.via {
            Via::Keyless => self.long_answers.begin_shared()?,
            Via::Session(_) | Via::Key { .. } => self.long_answers.begin(client.user.id).ok()?,
        };
        Some(Wait { at_most, for_room: false, given_up: Box::pin(self.shutdown.cancelled()), permit: Box::new(permit) })
    }
}

impl Deref for Shared {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl Deref for App {
    type Target = ApiState;

    fn deref(&self) -> &ApiState {
        &self.state
    }
}

impl FromRef<Shared> for ApiState {
    fn from_ref(app: &Shared) -> ApiState {
        app.state.clone()
    }
}

/// Maximum number of simultaneous long-lived responses (event streams and waits) per user.
const LONG_ANSWERS_PER_USER_MAX: usize = 128;

/// Maximum per user while at least half of the total is in use, so that a few users cannot use up the total.
const LONG_ANSWERS_PER_USER_WHEN_SCARCE: usize = 16;

/// Counts long-lived responses, so that neither one user nor all users together can occupy all connections.
#[derive(Clone)]
pub struct LongAnswers {
    open: Arc<Mutex<OpenAnswers>>,
    all_max: usize,
}

#[derive(Default)]
struct OpenAnswers {
    all: usize,
    guests: usize,
    by_user: HashMap<UserId, usize>,
}

/// One open long-lived response; ends when dropped.
pub struct LongAnswer {
    all: LongAnswers,
    /// `None`: counted only in the total.
    user: Option<UserId>,
}

impl LongAnswers {
    pub(crate) fn new(all_max: usize) -> LongAnswers {
        LongAnswers { open: Arc::default(), all_max: all_max.max(1) }
    }

    /// Counts one more response for this user, until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// If the user, all guests together, or the server already has the maximum number of responses open.
    pub fn begin(&self, user: UserId) -> Result<LongAnswer, ApiError> {
        // One person can create many guest accounts. So guests with the same share count as one user, and all guests
        // together have at most half of the total.
        let user = user.share();
        let mut open = self.open();
        let second = Duration::from_secs(1);
        if open.all >= self.all_max || (user.is_guest() && open.guests * 2 >= self.all_max) {
            let whose = if open.all >= self.all_max { "The server has its" } else { "Guests have their" };
            let detail = format!(
                "{whose} maximum number of event streams, live connections and waits open. Try again later, or get the \
                 submission without `wait`."
            );
            return Err(ApiError::new(ErrorKind::Unavailable, detail).retry_after(second));
        }
        let most =
            if open.all * 2 >= self.all_max { LONG_ANSWERS_PER_USER_WHEN_SCARCE } else { LONG_ANSWERS_PER_USER_MAX };
        if open.by_user.get(&user).is_some_and(|count| *count >= most) {
            let detail = format!("You may have at most {most} event streams and waits open now; close one first.");
            return Err(ApiError::new(ErrorKind::RateLimited, detail).retry_after(second));
        }
        open.all += 1;
        open.guests += usize::from(user.is_guest());
        *open.by_user.entry(user).or_default() += 1;
        Ok(LongAnswer { all: self.clone(), user: Some(user) })
    }

    /// Counts one more response in the total but for no user, because many clients share the account. Returns `None` if
    /// the server already has the maximum number of responses open.
    pub fn begin_shared(&self) -> Option<LongAnswer> {
        let mut open = self.open();
        if open.all >= self.all_max {
            return None;
        }
        open.all += 1;
        Some(LongAnswer { all: self.clone(), user: None })
    }

    fn open(&self) -> MutexGuard<'_, OpenAnswers> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LongAnswer {
    fn drop(&mut self) {
        let mut open = self.all.open();
        open.all -= 1;
        let Some(user) = self.user else { return };
        open.guests -= usize::from(user.is_guest());
        if let Some(count) = open.by_user.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                open.by_user.remove(&user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn long_answers_per_user_are_bounded() {
        let answers = LongAnswers::new(2048);
        let open: Vec<_> = (0..LONG_ANSWERS_PER_USER_MAX).map(|_| answers.begin(user(1)).ok().unwrap()).collect();
        assert!(answers.begin(user(1)).is_err());
        assert!(answers.begin(user(2)).is_ok());
        drop(open);
        assert!(answers.begin(user(1)).is_ok());
        assert!(answers.open().by_user.is_empty(), "a user without open answers has no entry");
        assert_eq!(answers.open().all, 0);
    }

    #[test]
    fn guests_of_one_share_count_as_one_user_and_all_guests_have_half_of_all_long_answers() {
        let guest = |n: u128, share: u32| UserId::of_guest(uuid::Uuid::from_u128(n << 40), share);
        let answers = LongAnswers::new(400);
        let of = |users: &[UserId]| {
            let mut open = Vec::new();
            for user in users {
                while let Ok(answer) = answers.begin(*user) {
                    open.push(answer);
                }
            }
            open
        };
        assert_eq!(of(&[guest(1, 7), guest(2, 7), guest(3, 7)]).len(), LONG_ANSWERS_PER_USER_MAX);
        let all: Vec<UserId> = (0..20).map(|n| guest(1, n)).collect();
        let guests = of(&all);
        assert_eq!(guests.len(), 200);
        assert_eq!(of(&[user(1)]).len(), LONG_ANSWERS_PER_USER_WHEN_SCARCE);
        drop(guests);
        let left = answers.open();
        assert_eq!((left.all, left.guests), (0, 0));
    }

    #[test]
    fn the_per_user_bound_shrinks_when_half_of_all_long_answers_are_open() {
        let answers = LongAnswers::new(100);
        let mut open = Vec::new();
        let mut of = |n: u128| {
            let before = open.len();
            while let Ok(answer) = answers.begin(user(n)) {
                open.push(answer);
            }
            open.len() - before
        };
        assert_eq!([1, 2, 3, 4, 5, 6].map(&mut of), [50, 16, 16, 16, 2, 0]);
        assert_eq!(answers.begin(user(7)).err().map(|p| p.kind()), Some(ErrorKind::Unavailable));
        drop(open);
        assert!(answers.begin(user(7)).is_ok());
    }
}
