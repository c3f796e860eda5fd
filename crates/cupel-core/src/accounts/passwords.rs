//! Password hashing: argon2id, on blocking threads, with bounded concurrency.
//!
//! The default cost is 19 MiB of memory, 2 passes, 1 lane (argon2's degree of parallelism). Source: OWASP Password
//! Storage Cheat Sheet, argon2id, second of the equivalent settings. One hash takes tens of milliseconds of one core,
//! so one hash per core runs at a time, at most [`TURNS_MAX`]. The number of waiting requests is bounded as well, so
//! that a flood of logins does not take the CPU from the runs.
//!
//! Invariant: there are at most as many work buffers as turns (permits to hash). A hash borrows a buffer and returns
//! it. If each hash allocated a new one, the allocator would keep 19 MiB in the arena of every thread that ever hashed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rand::Rng as _;
use subtle::ConstantTimeEq as _;
use tokio::sync::{OnceCell, Semaphore};

/// Maximum number of requests that wait to hash or are hashing.
const WAITING_MAX: usize = 256;

/// Maximum number of concurrent hashes, however many cores there are: 152 MiB of work buffers at the default cost.
const TURNS_MAX: usize = 8;

const SALT_BYTES: usize = 16;

/// Cost of one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes: argon2's degree of parallelism.
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
    /// Too many requests are waiting; retry in a second or two.
    #[error("too many passwords are being checked")]
    Busy,
    /// Failure of Cupel.
    #[error("cannot hash a password")]
    Hash(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Hashes and checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    cost: PasswordCost,
    turns: Arc<Semaphore>,
    buffers: Arc<Buffers>,
    waiting: AtomicUsize,
    /// The hash against which a password is checked if the user does not exist.
    dummy_hash: OnceCell<String>,
}

impl Passwords {
    pub(super) fn new(cost: PasswordCost) -> Passwords {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Passwords {
            cost,
            turns: Arc::new(Semaphore::new(cores.min(TURNS_MAX))),
            buffers: Arc::default(),
            waiting: AtomicUsize::new(0),
            dummy_hash: OnceCell::new(),
        }
    }

    /// The PHC string of a password, with a random salt.
    pub(super) async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let (cost, password) = (self.cost, password.to_owned());
        self.in_turn(move |buffer| hash(cost, &password, buffer)).await
    }

    /// Whether `password` has the hash `stored`. Without `stored` the same work is done and the result is `false`, so
    /// that the duration does not reveal whether the user exists.
    pub(super) async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, PasswordError> {
        let dummy_hash = self.dummy_hash.get_or_try_init(|| self.hash("nobody's password")).await?;
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| dummy_hash.clone());
        let password = password.to_owned();
        self.in_turn(move |buffer| Ok(verifies(&stored, &password, buffer)? && known)).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, PasswordError> + Send + 'static,
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
        // The job itself holds the permit, so the permit of a cancelled caller is released only when its hash is
        // complete.
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(failed)?;
        let buffers = Arc::clone(&self.buffers);
        let job = tokio::task::spawn_blocking(move || {
            let mut buffer = buffers.borrow();
            let result = work(&mut buffer);
            buffers.give_back(buffer);
            drop(turn);
            result
        });
        job.await.map_err(failed)?
    }
}

/// Idle work buffers.
#[derive(Debug, Default)]
struct Buffers {
    idle: Mutex<Vec<Vec<Block>>>,
    /// Number of buffers ever allocated.
    made: AtomicUsize,
}

impl Buffers {
    /// An idle buffer, or a new one. The caller holds a permit, which bounds the number of buffers.
    fn borrow(&self) -> Vec<Block> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| {
            self.made.fetch_add(1, Ordering::AcqRel);
            Vec::new()
        })
    }

    fn give_back(&self, buffer: Vec<Block>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

fn hash(cost: PasswordCost, password: &str, buffer: &mut Vec<Block>) -> Result<String, PasswordError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(failed)?;
    let mut salt = [0u8; SALT_BYTES];
    rand::rng().fill_bytes(&mut salt);
    let mut output = [0u8; Params::DEFAULT_OUTPUT_LEN];
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(failed)?,
        salt: Some(Salt::new(&salt).map_err(failed)?),
        hash: None,
    };
    argon2(Algorithm::Argon2id, Version::V0x13, params, password, &salt, &mut output, buffer)?;
    Ok(PasswordHash { hash: Some(Output::new(&output).map_err(failed)?), ..hash }.to_string())
}

/// Whether the password matches the stored hash. Uses the hash's own parameters, which may differ from the current
/// cost.
fn verifies(stored: &str, password: &str, buffer: &mut Vec<Block>) -> Result<bool, PasswordError> {
    let stored = PasswordHash::new(stored).map_err(failed)?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(failed)?;
    let version = stored.version.map_or(Ok(Version::default()), Version::try_from).map_err(failed)?;
    let params = Params::try_from(&stored).map_err(failed)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Ok(false) };
    let mut output = vec![0u8; expected.len()];
    argon2(algorithm, version, params, password, salt.as_ref(), &mut output, buffer)?;
    Ok(output.as_slice().ct_eq(expected.as_bytes()).into())
}

fn argon2(
    algorithm: Algorithm,
    version: Version,
    params: Params,
    password: &str,
    salt: &[u8],
    output: &mut [u8],
    buffer: &mut Vec<Block>,
) -> Result<(), PasswordError> {
    if buffer.len() < params.block_count() {
        buffer.clear();
        buffer.resize(params.block_count(), Block::new());
    }
    let hasher = Argon2::new(algorithm, version, params);
    hasher.hash_password_into_with_memory(password.as_bytes(), salt, output, buffer.as_mut_slice()).map_err(failed)
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
    async fn only_the_right_password_verifies_and_none_without_a_stored_hash() {
        let passwords = cheap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap(), "salts differ");
        assert!(passwords.verify("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody's password", None).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn concurrent_logins_use_at_most_one_work_buffer_per_turn() {
        let passwords = Arc::new(cheap());
        let turns = passwords.turns.available_permits();
        let hash = passwords.hash("correct horse").await.unwrap();
        let logins = (0..100).map(|_| {
            let (passwords, hash) = (Arc::clone(&passwords), hash.clone());
            tokio::spawn(async move { passwords.verify("wrong horse", Some(hash)).await.unwrap() })
        });
        for login in logins.collect::<Vec<_>>() {
            assert!(!login.await.unwrap());
        }
        let made = passwords.buffers.made.load(Ordering::Acquire);
        assert!((1..=turns).contains(&made), "{made} buffers for {turns} turns");
        assert_eq!(passwords.buffers.idle.lock().unwrap().len(), made, "every buffer was returned");
    }

    #[tokio::test]
    async fn hashes_of_other_costs_and_implementations_verify() {
        // Source: test.c of the reference implementation, https://github.com/P-H-C/phc-winner-argon2.
        let reference = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
        assert!(cheap().verify("password", Some(reference.into())).await.unwrap());
        assert!(!cheap().verify("passwore", Some(reference.into())).await.unwrap());
        let dear = Passwords::new(PasswordCost { memory_kib: 256, passes: 2, lanes: 2 });
        let hash = dear.hash("correct horse").await.unwrap();
        let passwords = cheap();
        for _ in 0..3 {
            assert!(passwords.verify("correct horse", Some(hash.clone())).await.unwrap());
            assert!(!passwords.verify("wrong horse", Some(hash.clone())).await.unwrap());
            let own = passwords.hash("x").await.unwrap();
            assert!(passwords.verify("x", Some(own)).await.unwrap(), "a larger buffer serves a smaller hash");
        }
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_internal_error_and_not_a_wrong_password() {
        assert!(matches!(cheap().verify("x", Some("damaged".into())).await, Err(PasswordError::Hash(_))));
    }

    #[tokio::test]
    async fn a_flood_of_logins_is_refused_and_not_queued_without_bound() {
        let passwords = cheap();
        let _all_turns = passwords.turns.acquire_many(passwords.turns.available_permits() as u32).await.unwrap();
        passwords.waiting.store(WAITING_MAX, Ordering::Release);
        assert!(matches!(passwords.hash("x").await, Err(PasswordError::Busy)));
        assert_eq!(passwords.waiting.load(Ordering::Acquire), WAITING_MAX, "refused requests are not counted");
    }
}
