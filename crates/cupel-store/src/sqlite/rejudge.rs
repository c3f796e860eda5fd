//! New runs of submissions to problems.

use cupel_core::StoreError;
use cupel_core::problems::{RejudgeOne, RejudgedRun, RunSummary};
use cupel_types::{ContentHash, PriorityClass, RunId, SubmissionId, UserId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::commands::{blob, bytes, state_columns};
use super::fault::Fault;
use super::runs::package_of;
use super::standings::Changes;
use super::writer::Write;
use crate::rows::{class_number, from_us, id_from, score_from, to_us};

pub(super) struct Rejudge {
    pub(super) submissions: Vec<RejudgeOne>,
    pub(super) package: ContentHash,
    pub(super) now: Timestamp,
}

impl Write for Rejudge {
    type Output = Vec<RejudgedRun>;
    const OPERATION: &'static str = "rejudge submissions";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Vec<RejudgedRun>, Fault> {
        let mut rejudged = Vec::new();
        for RejudgeOne { submission, run } in &self.submissions {
            if let Some((owner, attempts)) = self.one(connection, *submission, *run)? {
                rejudged.push(RejudgedRun { submission: *submission, owner, run: *run, attempts });
            }
        }
        Ok(rejudged)
    }
}

impl Rejudge {
    /// The sender, and attempts made before, if there is a new run.
    fn one(
        &self,
        connection: &Connection,
        submission: SubmissionId,
        run: RunId,
    ) -> Result<Option<(UserId, u32)>, Fault> {
        let id = bytes(submission.as_uuid());
        let sql = "SELECT r.id, r.owner, r.state, r.attempts, r.lost, r.lease, r.lease_until, r.verdict \
                   FROM code_submissions s JOIN runs r ON r.id = s.run WHERE s.id = ? AND r.changes = ?";
        let mut query = connection.prepare_cached(sql)?;
        let mut rows = query.query(params![id, Changes::Standing.number()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (before, owner) = (blob(row, 0)?.to_vec(), UserId::from_uuid(id_from(blob(row, 1)?, "owner")?));
        let state = state_columns(row, 2)?.read()?;
        drop(rows);
        if !state.is_final() {
            // One that waits is judged at this package when its turn comes; one that is being judged is on its way.
            let sql = "UPDATE runs SET package = ? WHERE id = ? AND state = 0";
            connection.prepare_cached(sql)?.execute(params![self.package.as_bytes(), before])?;
            return Ok(None);
        }
        let sql = "INSERT INTO runs (id, submission, owner, class, webhook, state, attempts, lost, due_at, problem, package, changes) \
                   SELECT ?, submission, owner, ?, webhook, 0, attempts, 0, ?, problem, ?, changes FROM runs WHERE id = ?";
        connection.prepare_cached(sql)?.execute(params![
            bytes(run.as_uuid()),
            class_number(PriorityClass::Batch),
            to_us(self.now),
            self.package.as_bytes(),
            before
        ])?;
        let sql = "UPDATE code_submissions SET run = ? WHERE id = ?";
        connection.prepare_cached(sql)?.execute([bytes(run.as_uuid()), id])?;
        Ok(Some((owner, state.attempts())))
    }
}

impl SqliteStore {
    pub(super) async fn read_runs(&self, submission: SubmissionId, limit: u64) -> Result<Vec<RunSummary>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = self.readers.read("list the runs of a submission", move |reader| {
            let sql = "SELECT id, state, attempts, lost, lease, lease_until, verdict, package, score, started_at, completed_at \
                       FROM runs WHERE submission = ? AND problem IS NOT NULL ORDER BY id DESC LIMIT ?";
            let mut query = reader.prepare_cached(sql)?;
            let mut rows = query.query(params![bytes(submission.as_uuid()), limit])?;
            let mut runs = Vec::new();
            while let Some(row) = rows.next()? {
                let time = |at: usize, column| {
                    let us: Option<i64> = row.get(at)?;
                    Ok::<_, Fault>(us.map(|us| from_us(us, column)).transpose()?)
                };
                runs.push(RunSummary {
                    run: RunId::from_uuid(id_from(blob(row, 0)?, "id")?),
                    state: state_columns(row, 1)?.read()?,
                    package: package_of(row, 7)?,
                    score: score_from(row.get(8)?)?,
                    started_at: time(9, "started_at")?,
                    completed_at: time(10, "completed_at")?,
                });
            }
            Ok(runs)
        });
        read.await
    }
}
