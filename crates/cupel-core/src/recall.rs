//! Results that are given again: who asks for it is told what came of an identical program of theirs, if that is not long ago.
//!
//! What is remembered ([`Results`]) is only which submission to look at. What is told comes from the store, and is held against
//! what was asked before it is: the same owner's, the same in every part, ended with a verdict of its own, by the version of the
//! language that is offered now, and not too long ago. So a memory may forget or mix up whatever it likes, and whoever gets at it
//! can neither read a program there nor have anybody told a result that is none of theirs.
//!
//! The owner is part of the key: otherwise anybody could learn, by asking, whether somebody else has run a program.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_types::{Limits, Program, RunReport, SubmissionId, UserId, Verdict, Work};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::check::check;
use crate::run::{RunState, SubmissionRecord};
use crate::{Core, NewSubmission};

/// What stands for everything that determines a result. Who does not know the secret cannot make one, so nobody can choose which
/// other one has to make room for theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultKey(pub [u8; 32]);

/// A bounded memory of which submission has which result.
#[async_trait]
pub trait Results: Send + Sync {
    /// The submission that was kept under this key last, unless it is forgotten. Answers soon: where nobody can be asked, `None`.
    async fn find(&self, key: &ResultKey) -> Option<SubmissionId>;
    /// Keeps a submission for `lifetime`, or not as long.
    async fn keep(&self, key: &ResultKey, id: SubmissionId, lifetime: Duration);
}

/// The memory, and by which rules it is used.
#[derive(Clone)]
pub struct Recall {
    /// Where keys lie.
    pub results: Arc<dyn Results>,
    /// Goes into the keys; the same on all nodes.
    pub secret: [u8; 32],
    /// For how long after it was sent a submission's result is given again. Zero: never.
    pub lifetime: Duration,
}

/// A program whose result may be known.
pub struct Asked {
    key: ResultKey,
    owner: UserId,
    program: Program,
    limits: Limits,
    /// Of the language, as it is offered now.
    version: String,
}

impl Core {
    /// What to look for, where a result would do as well as running `new`. `None`: nothing would, because it is for later, is
    /// reported to a webhook, is no program of its own, or has faults.
    pub fn recallable(&self, recall: &Recall, owner: UserId, new: &NewSubmission) -> Option<Asked> {
        if recall.lifetime.is_zero() || new.run_at.is_some() || new.webhook.is_some() {
            return None;
        }
        let registry = self.registry();
        let work = check(std::slice::from_ref(new), &registry, self.bounds(), self.now()).ok()?.pop()?;
        let Work::Program(program) = work else { return None };
        let language = registry.get(&program.source.language)?;
        let (version, limits) = (language.installed_version()?.to_owned(), new.limits.over(language.limits));
        // How it is compiled and run.
        let commands = (&language.id, &language.compile, &language.execute, &language.env, &language.mounts);
        let bounds = (&language.artifacts, language.compile_limits, limits, self.bounds().output_kept_max);
        let mut key = Parts(Sha256::new_with_prefix(recall.secret));
        key.part(owner.to_string());
        key.part(env!("CARGO_PKG_VERSION"));
        key.part(format!("{commands:?} {bounds:?} {version}"));
        key.list(&program.source.files, |key, file| {
            key.part(file.path.as_str());
            key.part([u8::from(file.executable)]);
            key.part(&file.data);
        });
        key.list(&program.args, |key, arg| key.part(arg));
        key.list(&program.env, |key, (name, value)| {
            key.part(name);
            key.part(value);
        });
        key.part(&program.stdin);
        key.list(&program.tests, |key, test| {
            key.part(&test.name);
            key.part(&test.stdin);
            key.list(&test.expected, |key, expected| key.part(expected));
        });
        Some(Asked { key: ResultKey(key.0.finalize().into()), owner, program, limits, version })
    }

    /// The result that is known already.
    pub async fn recall(&self, recall: &Recall, asked: &Asked) -> Option<SubmissionRecord> {
        let id = recall.results.find(&asked.key).await?;
        let found = self.inner.store.submission(id).await;
        let found = found.inspect_err(|error| tracing::warn!(submission.id = %id, %error, "cannot look at a result"));
        let record = found.ok()??;
        let lifetime = SignedDuration::try_from(recall.lifetime).unwrap_or(SignedDuration::MAX);
        (asked.is_answered_by(&record) && self.now().duration_since(record.submission.submitted_at) < lifetime)
            .then_some(record)
    }

    /// Keeps in mind that `id` was sent for it.
    pub async fn keep_in_mind(&self, recall: &Recall, asked: &Asked, id: SubmissionId) {
        recall.results.keep(&asked.key, id, recall.lifetime).await;
    }
}

impl Asked {
    fn is_answered_by(&self, record: &SubmissionRecord) -> bool {
        let judged = match record.state {
            // What we failed at, or did not do, is worth trying.
            RunState::Judged { verdict, .. } => {
                !matches!(verdict, Verdict::InternalError | Verdict::Cancelled | Verdict::Skipped)
            }
            RunState::Queued { .. }
            | RunState::Leased { .. }
            | RunState::Cancelled { .. }
            | RunState::Abandoned { .. } => false,
        };
        let alike = |report: &RunReport| report.language_version == self.version && report.limits == self.limits;
        judged
            && record.submission.owner == self.owner
            && matches!(&record.submission.work, Work::Program(program) if *program == self.program)
            && record.report.as_ref().is_some_and(alike)
    }
}

/// Parts with their lengths, so that no two lists of parts look the same.
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
