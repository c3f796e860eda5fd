//! `DeadLetterStore`: abandoned runs. The commands that abandon a run insert its dead letter (`commands.rs`).

use async_trait::async_trait;
use cupel_core::dead_letters::{DeadLetter, DeadLetterStore, FailedAttempt, RetriedRun};
use cupel_core::problems::RejudgeOne;
use cupel_core::{RunHint, StoreError};
use cupel_types::{RunId, SubmissionId, UserId, WorkerId};
use jiff::Timestamp;

use super::commands::webhook_of_new_run;
use super::fault::SqlFault;
use super::runs::language_of;
use super::{Lock, Row, Sql, SqlStore, Write, bytes, standings, values};
use crate::rows::{bad, class_from, from_us, id_from, is_live, needs_from, to_us};

macro_rules! letter {
    () => {
        "SELECT d.submission, d.run, s.owner, u.username, s.language, p.slug, r.attempts, d.died_at, \
         coalesce((SELECT why FROM failed_attempts f WHERE f.submission = d.submission ORDER BY f.attempt DESC LIMIT 1), '') \
         FROM dead_letters d JOIN code_submissions s ON s.id = d.submission JOIN runs r ON r.id = d.run \
         JOIN users u ON u.id = s.owner LEFT JOIN problems p ON p.id = r.problem "
    };
}

#[async_trait]
impl DeadLetterStore for SqlStore {
    async fn dead_letters(&self, offset: u64, limit: u64) -> Result<(Vec<DeadLetter>, u64), StoreError> {
        let [offset, limit] = [offset, limit].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let read = self.read("list dead letters", move |db| {
            let total = db.count("SELECT count(*) FROM dead_letters", values![])?;
            let sql = concat!(letter!(), "ORDER BY d.died_at DESC, d.submission DESC LIMIT ? OFFSET ?");
            Ok((db.all(sql, values![limit, offset], letter)?, total))
        });
        read.await
    }

    async fn dead_letter(&self, id: SubmissionId) -> Result<Option<(DeadLetter, Vec<FailedAttempt>)>, StoreError> {
        let read = self.read("read a dead letter", move |db| {
            let id = bytes(id.as_uuid());
            let Some(found) = db.one(concat!(letter!(), "WHERE d.submission = ?"), values![id], letter)? else {
                return Ok(None);
            };
            let sql = "SELECT attempt, run, worker, worker_name, failed_at, why FROM failed_attempts \
                       WHERE submission = ? ORDER BY attempt";
            Ok(Some((found, db.all(sql, values![id], failed_attempt)?)))
        });
        read.await
    }

    async fn dead_until(&self, until: Timestamp, limit: u32) -> Result<Vec<SubmissionId>, StoreError> {
        let read = self.read("list dead letters", move |db| {
            let sql = "SELECT submission FROM dead_letters WHERE died_at <= ? ORDER BY died_at, submission LIMIT ?";
            db.all(sql, values![to_us(until), limit], |row| {
                Ok(SubmissionId::from_uuid(id_from(row.blob(0)?, "submission")?))
            })
        });
        read.await
    }

    async fn retry_dead(&self, again: Vec<RejudgeOne>, now: Timestamp) -> Result<Vec<RetriedRun>, StoreError> {
        self.write(Retry { again, now }).await
    }

    async fn purge_dead(&self, ids: &[SubmissionId]) -> Result<u64, StoreError> {
        self.write(Purge(ids.to_vec())).await
    }
}

fn letter(row: Row<'_>) -> Result<DeadLetter, SqlFault> {
    let slug: Option<String> = row.get(5)?;
    Ok(DeadLetter {
        submission: SubmissionId::from_uuid(id_from(row.blob(0)?, "submission")?),
        run: RunId::from_uuid(id_from(row.blob(1)?, "run")?),
        owner: UserId::from_uuid(id_from(row.blob(2)?, "owner")?),
        username: row.get(3)?,
        language: language_of(row.text(4)?)?,
        problem: slug.map(|slug| slug.parse().map_err(|_| bad("slug"))).transpose()?,
        attempts: row.get(6)?,
        died_at: from_us(row.get(7)?, "died_at")?,
        why: row.get(8)?,
    })
}

fn failed_attempt(row: Row<'_>) -> Result<FailedAttempt, SqlFault> {
    let worker: Option<&[u8]> = row.get(2)?;
    Ok(FailedAttempt {
        attempt: row.get(0)?,
        run: RunId::from_uuid(id_from(row.blob(1)?, "run")?),
        worker: worker.map(|id| id_from(id, "worker").map(WorkerId::from_uuid)).transpose()?,
        worker_name: row.get(3)?,
        failed_at: from_us(row.get(4)?, "failed_at")?,
        why: row.get(5)?,
    })
}

struct Retry {
    again: Vec<RejudgeOne>,
    now: Timestamp,
}

impl Write for Retry {
    type Output = Vec<RetriedRun>;
    const OPERATION: &'static str = "retry dead letters";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Vec<RetriedRun>, SqlFault> {
        // Sorted, so that concurrent retries do not deadlock.
        let mut again: Vec<&RejudgeOne> = self.again.iter().collect();
        again.sort_by_key(|one| one.submission);
        let mut retried = Vec::new();
        for RejudgeOne { submission, run } in again {
            let id = bytes(submission.as_uuid());
            db.lock(Lock::Submission, id)?;
            if db.execute("DELETE FROM dead_letters WHERE submission = ?", values![id])? == 0 {
                continue;
            }
            let spec = db
                .one("SELECT spec FROM code_submissions WHERE id = ?", values![id], |row| Ok(is_live(row.text(0)?)?))?;
            // The input of an interactive program is lost. Counting one lost attempt makes the new run end with a
            // message about this.
            let lost = u32::from(spec.ok_or(bad("submission"))?);
            // The new run has the same package and the same priority.
            let sql = concat!(
                "INSERT INTO runs (id, submission, owner, class, webhook, state, attempts, lost, due_at, problem, \
                 package, changes, needs, purpose) SELECT ?, submission, owner, class, ",
                webhook_of_new_run!(),
                ", 0, attempts, ?, ?, problem, package, changes, needs, purpose \
                 FROM runs WHERE id = (SELECT run FROM code_submissions WHERE id = ?) \
                 RETURNING owner, class, attempts, needs"
            );
            let new = bytes(run.as_uuid());
            let inserted = db.one(sql, values![new, lost, to_us(self.now), id], |row| {
                let owner = UserId::from_uuid(id_from(row.blob(0)?, "owner")?);
                let hint = RunHint::new(*run, owner, class_from(row.get(1)?)?);
                let needs = needs_from(row.get(3)?)?;
                Ok(RetriedRun { submission: *submission, hint, needs, attempts: row.get(2)? })
            })?;
            retried.push(inserted.ok_or(bad("run"))?);
            db.put("UPDATE code_submissions SET run = ? WHERE id = ?", values![new, id])?;
            standings::retried(db, id)?;
        }
        Ok(retried)
    }
}

struct Purge(Vec<SubmissionId>);

impl Write for Purge {
    type Output = u64;
    const OPERATION: &'static str = "delete dead letters";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<u64, SqlFault> {
        let mut ids = self.0.clone();
        ids.sort_unstable();
        let mut purged = 0;
        for id in &ids {
            let id = bytes(id.as_uuid());
            if db.execute("DELETE FROM dead_letters WHERE submission = ?", values![id])? == 1 {
                purged += 1;
                db.execute("DELETE FROM failed_attempts WHERE submission = ?", values![id])?;
            }
        }
        Ok(purged)
    }
}
