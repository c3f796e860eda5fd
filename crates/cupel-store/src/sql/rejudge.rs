//! Rejudging: new runs for submissions to problems.

use cupel_core::problems::{RejudgeOne, RejudgedRun, RejudgedRuns, RunSummary};
use cupel_core::run::RunState;
use cupel_core::{Needs, StoreError};
use cupel_types::{ContentHash, PriorityClass, RunId, SubmissionId};
use jiff::Timestamp;

use super::commands::{RunRow, state_columns, webhook_of_new_run};
use super::fault::SqlFault;
use super::runs::{language_of, package_of};
use super::standings::Changes;
use super::{Lock, Row, Sql, SqlStore, Write, bytes, values};
use crate::rows::{class_number, from_us, id_from, needs_text, score_from, to_us};

pub(crate) struct Rejudge {
    pub(crate) submissions: Vec<RejudgeOne>,
    pub(crate) package: ContentHash,
    /// The languages of the package's own programs.
    pub(crate) judges: Needs,
    pub(crate) now: Timestamp,
}

impl Write for Rejudge {
    type Output = RejudgedRuns;
    const OPERATION: &'static str = "rejudge submissions";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<RejudgedRuns, SqlFault> {
        let mut rejudged = RejudgedRuns::default();
        for RejudgeOne { submission, run } in &self.submissions {
            match self.one(db, *submission, *run)? {
                One::Queued(run) => rejudged.queued.push(run),
                One::BeingJudged => rejudged.being_judged.push(*submission),
                One::Unchanged => {}
            }
        }
        Ok(rejudged)
    }
}

/// What a rejudge did with one submission.
enum One {
    /// It got a new run.
    Queued(RejudgedRun),
    /// It is being judged with another package, which it keeps.
    BeingJudged,
    /// It does not count, or will be judged, or is being judged, with this package.
    Unchanged,
}

impl Rejudge {
    /// Inserts the new run, unless a run is queued or being judged.
    fn one(&self, db: &dyn Sql, submission: SubmissionId, run: RunId) -> Result<One, SqlFault> {
        let id = bytes(submission.as_uuid());
        db.lock(Lock::Submission, id)?;
        let of = |row: Row<'_>| Ok((RunId::from_uuid(id_from(row.blob(0)?, "run")?), language_of(row.text(1)?)?));
        let found = db.one("SELECT run, language FROM code_submissions WHERE id = ?", values![id], of)?;
        let Some((latest, language)) = found else { return Ok(One::Unchanged) };
        let Some(latest) = RunRow::read(db, latest)? else { return Ok(One::Unchanged) };
        let needs: Needs = self.judges.iter().chain(&language).cloned().collect();
        if latest.about.and_then(|about| about.changes) != Some(Changes::Standing) {
            return Ok(One::Unchanged);
        }
        let before = bytes(latest.id.as_uuid());
        if matches!(latest.state, RunState::Leased { .. }) {
            // The run finishes with the package that it has.
            let sql = "SELECT 1 FROM runs WHERE id = ? AND package <> ?";
            let is_other = db.exists(sql, values![before, self.package.as_bytes()])?;
            return Ok(if is_other { One::BeingJudged } else { One::Unchanged });
        }
        if !latest.state.is_final() {
            // A queued run is moved to this package.
            let sql = "UPDATE runs SET package = ?, needs = ? WHERE id = ? AND state = 0";
            db.execute(sql, values![self.package.as_bytes(), needs_text(&needs), before])?;
            return Ok(One::Unchanged);
        }
        let sql = concat!(
            "INSERT INTO runs (id, submission, owner, class, webhook, state, attempts, lost, due_at, problem, package, \
             changes, needs, purpose) SELECT ?, submission, owner, ?, ",
            webhook_of_new_run!(),
            ", 0, attempts, 0, ?, problem, ?, changes, ?, purpose FROM runs WHERE id = ?"
        );
        db.execute(
            sql,
            values![
                bytes(run.as_uuid()),
                class_number(PriorityClass::Batch),
                to_us(self.now),
                self.package.as_bytes(),
                needs_text(&needs),
                before
            ],
        )?;
        // The submission has a new run, so an earlier dead letter no longer applies.
        db.execute("DELETE FROM dead_letters WHERE submission = ?", values![id])?;
        let sql = "UPDATE code_submissions SET run = ? WHERE id = ?";
        db.execute(sql, values![bytes(run.as_uuid()), id])?;
        Ok(One::Queued(RejudgedRun { submission, owner: latest.owner, run, needs, attempts: latest.state.attempts() }))
    }
}

impl SqlStore {
    pub(crate) async fn read_runs(&self, submission: SubmissionId, limit: u64) -> Result<Vec<RunSummary>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = self.read("list the runs of a submission", move |db| {
            let sql = "SELECT id, state, attempts, lost, lease, lease_until, verdict, package, score, started_at, completed_at \
                       FROM runs WHERE submission = ? AND problem IS NOT NULL ORDER BY id DESC LIMIT ?";
            db.all(sql, values![bytes(submission.as_uuid()), limit], |row| {
                let time = |at: usize, column| {
                    let us: Option<i64> = row.get(at)?;
                    Ok::<_, SqlFault>(us.map(|us| from_us(us, column)).transpose()?)
                };
                Ok(RunSummary {
                    run: RunId::from_uuid(id_from(row.blob(0)?, "id")?),
                    state: state_columns(row, 1)?.read()?,
                    package: package_of(row, 7)?,
                    score: score_from(row.get(8)?)?,
                    started_at: time(9, "started_at")?,
                    completed_at: time(10, "completed_at")?,
                })
            })
        });
        read.await
    }
}
