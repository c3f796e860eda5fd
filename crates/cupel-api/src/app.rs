//! What every handler shares: the state of the binary plus what this crate makes of it at start.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRef;
use cupel_types::UserId;
use tokio::sync::Mutex as AsyncMutex;

use crate::auth::{Identities, Tokens};
use crate::budget::{ByteBudget, Of};
use crate::limits::RateLimits;
use crate::pages::Documents;
use crate::problem::{Problem, ProblemKind};
use crate::state::{ApiState, HealthReport, TierRates};

/// The axum state. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Shared(Arc<App>);

pub(crate) struct App {
    pub(crate) state: ApiState,
    pub(crate) tokens: Tokens,
    pub(crate) identities: Identities,
    pub(crate) limits: RateLimits,
    pub(crate) long_answers: LongAnswers,
    pub(crate) bodies: ByteBudget,
    pub(crate) answers: ByteBudget,
    pub(crate) documents: Documents,
    /// The last health report and when it was made.
    pub(crate) health: AsyncMutex<Option<(std::time::Instant, HealthReport)>>,
}

impl Shared {
    pub(crate) fn new(state: ApiState, documents: Documents) -> Shared {
        let settings = &state.settings;
        Shared(Arc::new(App {
            answers: ByteBudget::new(Of::Answers, settings.answers_bytes_max, settings.answers_of_user_bytes_max, 0),
            bodies: ByteBudget::new(
                Of::Bodies,
                settings.bodies_bytes_max,
                settings.bodies_of_user_bytes_max,
                settings.execute_body_bytes_max,
            ),
            tokens: Tokens::new(&state.settings.jwt_secret, state.settings.access_token_lifetime),
            identities: Identities::default(),
            limits: RateLimits::new(Arc::clone(&state.buckets), state.settings.login),
            long_answers: LongAnswers::default(),
            documents,
            health: AsyncMutex::new(None),
            state,
        }))
    }

    /// The rates of a tier.
    pub(crate) fn rates(&self, tier: &str) -> TierRates {
        self.settings.tiers.get(tier).copied().unwrap_or_default()
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

/// How many answers of one user may be open for long at one time (event streams and waits).
const LONG_ANSWERS_PER_USER_MAX: usize = 128;

/// Counts the answers that stay open, so that one user cannot hold all connections.
#[derive(Clone, Default)]
pub(crate) struct LongAnswers(Arc<Mutex<HashMap<UserId, usize>>>);

/// One open answer; ends when dropped.
pub(crate) struct LongAnswer {
    all: LongAnswers,
    user: UserId,
}

impl LongAnswers {
    pub(crate) fn begin(&self, user: UserId) -> Result<LongAnswer, Problem> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(user).or_default();
        if *count >= LONG_ANSWERS_PER_USER_MAX {
            let detail = format!("You have {LONG_ANSWERS_PER_USER_MAX} event streams and waits open; end one first.");
            return Err(Problem::new(ProblemKind::RateLimited, detail).retry_after(std::time::Duration::from_secs(1)));
        }
        *count += 1;
        Ok(LongAnswer { all: self.clone(), user })
    }
}

impl Drop for LongAnswer {
    fn drop(&mut self) {
        let mut counts = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_bounded_number_of_long_answers() {
        let answers = LongAnswers::default();
        let user = |n: u128| UserId::from_uuid(uuid::Uuid::from_u128(n));
        let open: Vec<_> = (0..LONG_ANSWERS_PER_USER_MAX).map(|_| answers.begin(user(1)).ok().unwrap()).collect();
        assert!(answers.begin(user(1)).is_err());
        assert!(answers.begin(user(2)).is_ok());
        drop(open);
        assert!(answers.begin(user(1)).is_ok());
        assert!(answers.0.lock().unwrap().is_empty(), "nobody is remembered who has none");
    }
}
