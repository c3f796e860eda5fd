//! Result cache: returns the stored result of an identical, recent program of the same owner.
//!
//! The cache ([`Results`]) maps a key only to a submission id. The result comes from the store, and is checked against
//! the request before it is returned. Owner and request must be identical, the run must have ended with a verdict on
//! the program, the language version must be the current version, and the result must be recent enough. A cache may
//! therefore lose or mix up entries without harm. An attacker with access to the cache can neither read a program there
//! nor make Cupel return another owner's result.
//!
//! The owner is part of the key. If it were not, any user could find out whether another user has run a program.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_types::{Limits, Program, RunReport, SubmissionId, SubmissionKind, ToolOptions, UserId, Verdict};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::Core;
use crate::run::{RunState, SubmissionRecord};
use crate::submit::Checked;

/// Keyed hash of everything that determines a result. Without the secret, an attacker cannot compute a key and so
/// cannot choose which entry to evict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultKey(pub [u8; 32]);

/// A bounded map from keys to submissions.
#[async_trait]
pub trait Results: Send + Sync {
    /// The submission last stored under this key, unless it was evicted. Answers quickly; `None` if the cache is
    /// unreachable.
    async fn find(&self, key: &ResultKey) -> Option<SubmissionId>;
    /// Stores a submission for at most `lifetime`.
    async fn keep(&self, key: &ResultKey, id: SubmissionId, lifetime: Duration);
}

/// The result cache with its settings.
#[derive(Clone)]
pub struct ResultCache {
    /// The cache.
    pub results: Arc<dyn Results>,
    /// Secret input of the keys; the same on all nodes.
    pub secret: [u8; 32],
    /// How long after its submission a result is returned from the cache. Zero: never.
    pub lifetime: Duration,
}

/// A program that may have a cached result.
pub(crate) struct CacheQuery {
    key: ResultKey,
    owner: UserId,
    program: Program,
    limits: Limits,
    /// Version of the language that is offered now.
    version: String,
}

impl Core {
    /// The cache key and data of a single submission. `None` if its result cannot come from the cache. This is the case
    /// without a cache, and for a submission that has a `run_at` or a webhook, is not a program, gets input while it
    /// runs, is invalid, or has a language of unknown version.
    pub(crate) fn cache_query(&self, owner: UserId, checked: &Checked) -> Option<CacheQuery> {
        let cache = self.result_cache.as_ref().filter(|cache| !cache.lifetime.is_zero())?;
        let [new] = checked.new.as_slice() else { return None };
        let Ok([SubmissionKind::Program(program)]) = checked.kinds.as_deref() else { return None };
        if new.run_at.is_some() || new.webhook.is_some() || program.live.is_some() {
            return None;
        }
        let (registry, program) = (self.registry(), program.clone());
        let language = registry.get(&program.source.language)?;
        let (version, limits) = (language.installed_version()?.to_owned(), new.limits().over(language.limits));
        // The commands that compile and run the program, and their environment.
        let commands = (&language.id, &language.compile, &language.execute, &language.env, &language.mounts);
        let bounds = (&language.artifacts, language.compile_limits, limits, self.bounds().output_kept_max);
        let mut key = Parts(Sha256::new_with_prefix(cache.secret));
        key.part(owner.to_string());
        key.part(env!("CARGO_PKG_VERSION"));
        key.part(format!("{commands:?} {bounds:?} {version}"));
        key.list(&program.source.files, |key, file| {
            key.part(file.path.as_str());
            key.part([u8::from(file.executable)]);
            key.part(&file.data);
        });
        let ToolOptions { compiler_args, linker_args, interpreter_args, main_class, main_only } = &program.tools;
        for args in [compiler_args, linker_args, interpreter_args] {
            key.list(args, |key, arg| key.part(arg));
        }
        key.part(main_class);
        key.part([u8::from(*main_only)]);
        key.list(&program.args, |key, arg| key.part(arg));
        key.list(&program.env, |key, (name, value)| {
            key.part(name);
            key.part(value);
        });
        key.part(&program.stdin);
        key.part([u8::from(program.stderr_to_stdout)]);
        key.list(&program.fetch, |key, path| key.part(path.as_str()));
        key.list(&program.artifacts, |key, pattern| key.part(pattern.as_str()));
        key.list(&program.tests, |key, test| {
            key.part(&test.name);
            key.part(&test.stdin);
            key.list(&test.expected, |key, expected| key.part(expected));
        });
        Some(CacheQuery { key: ResultKey(key.0.finalize().into()), owner, program, limits, version })
    }

    /// The cached result, if there is a valid one.
    pub(crate) async fn cached_result(&self, query: &CacheQuery) -> Option<SubmissionRecord> {
        let cache = self.result_cache.as_ref()?;
        let found = self.valid_result(cache, query).await;
        let result = if found.is_some() { "hit" } else { "miss" };
        metrics::counter!("cupel_result_cache_total", "result" => result).increment(1);
        found
    }

    async fn valid_result(&self, cache: &ResultCache, query: &CacheQuery) -> Option<SubmissionRecord> {
        let id = cache.results.find(&query.key).await?;
        let found = self.inner.store.submission(id).await;
        let found =
            found.inspect_err(|error| tracing::warn!(submission.id = %id, %error, "cannot read a cached result"));
        let record = found.ok()??;
        let lifetime = SignedDuration::try_from(cache.lifetime).unwrap_or(SignedDuration::MAX);
        (query.is_answered_by(&record) && self.now().duration_since(record.submission.submitted_at) < lifetime)
            .then_some(record)
    }

    /// Stores `id` as the submission for this key.
    pub(crate) async fn remember_result(&self, query: &CacheQuery, id: SubmissionId) {
        if let Some(cache) = &self.result_cache {
            cache.results.keep(&query.key, id, cache.lifetime).await;
        }
    }
}

impl CacheQuery {
    fn is_answered_by(&self, record: &SubmissionRecord) -> bool {
        let judged = match record.state {
            // If Cupel failed the earlier run or did not finish it, the program is run again.
            RunState::Judged { verdict, .. } => verdict.is_result() && verdict != Verdict::Skipped,
            RunState::Queued { .. }
            | RunState::Leased { .. }
            | RunState::Cancelled { .. }
            | RunState::Abandoned { .. } => false,
        };
        let alike = |report: &RunReport| report.language_version == self.version && report.limits == self.limits;
        judged
            && record.submission.owner == self.owner
            && matches!(&record.submission.kind, SubmissionKind::Program(program) if *program == self.program)
            && record.report.as_ref().is_some_and(alike)
    }
}

/// Hashes each part with its length, so that two different lists of parts have different hashes.
struct Parts(Sha256);

impl Parts {
    fn part(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        each: impl Fn(&mut Parts, T),
    ) {
        let items = items.into_iter();
        self.0.update((items.len() as u64).to_le_bytes());
        items.for_each(|item| each(self, item));
    }
}
