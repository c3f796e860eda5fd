//! Password hashing: argon2id, off the async threads, a bounded number at once.
//!
//! The default cost is 19 MiB of memory, 2 passes, 1 lane. Source: OWASP Password Storage Cheat Sheet,
//! argon2id, second of the equivalent settings. One hash takes tens of milliseconds of one core, so as
//! many run at once as there are cores, and who waits is bounded too: a flood of logins must not take the
//! machine from the runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OnceCell, Semaphore};

/// Requests that may wait for their turn to hash.
const WAITING_MAX: usize = 256;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for PasswordCost {
    fn default() -> PasswordCost {
        PasswordCost { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// A password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many are waiting; ask again in a second or two.
    #[error("too many passwords are being checked")]
    Busy,
    /// Our failure.
    #[error("cannot hash a password")]
    Hash(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Hashes and checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    cost: PasswordCost,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// The hash that a password is checked against when there is no such user.
    nobody: OnceCell<String>,
}

impl Passwords {
    pub(super) fn new(cost: PasswordCost) -> Passwords {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Passwords {
            cost,
            turns: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            nobody: OnceCell::new(),
        }
    }

    /// The PHC string of a password, with a random salt.
    pub(super) async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let (cost, password) = (self.cost, password.to_owned());
        self.in_turn(move || {
            let hash: PasswordHash = argon2(cost)?.hash_password(password.as_bytes()).map_err(failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` has the hash `stored`. Without a `stored` one the same work is done, and the
    /// answer is no: how long it takes tells nobody whether the user exists.
    pub(super) async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, PasswordError> {
        let nobody = self.nobody.get_or_try_init(|| self.hash("nobody's password")).await?;
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| nobody.clone());
        let (cost, password) = (self.cost, password.to_owned());
        self.in_turn(move || {
            let hash = PasswordHash::new(&stored).map_err(failed)?;
            Ok(argon2(cost)?.verify_password(password.as_bytes(), &hash).is_ok() && known)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::AcqRel);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= WAITING_MAX {
            return Err(PasswordError::Busy);
        }
        // Held by the work itself: a caller who goes away frees the turn only when the core is free.
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(failed)?;
        let job = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        job.await.map_err(failed)?
    }
}

fn argon2(cost: PasswordCost) -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> PasswordError {
    PasswordError::Hash(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Passwords {
        Passwords::new(PasswordCost { memory_kib: 64, passes: 1, lanes: 1 })
    }

    #[tokio::test]
    async fn only_the_right_password_verifies_and_nobody_has_none() {
        let passwords = cheap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap(), "salts differ");
        assert!(passwords.verify("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody's password", None).await.unwrap());
    }

    #[tokio::test]
    async fn a_damaged_hash_is_our_failure_and_not_a_wrong_password() {
        assert!(matches!(cheap().verify("x", Some("damaged".into())).await, Err(PasswordError::Hash(_))));
    }

    #[tokio::test]
    async fn a_flood_is_refused_instead_of_queued_without_bound() {
        let passwords = cheap();
        let _all_turns = passwords.turns.acquire_many(passwords.turns.available_permits() as u32).await.unwrap();
        passwords.waiting.store(WAITING_MAX, Ordering::Release);
        assert!(matches!(passwords.hash("x").await, Err(PasswordError::Busy)));
        assert_eq!(passwords.waiting.load(Ordering::Acquire), WAITING_MAX, "who is refused does not count");
    }
}
