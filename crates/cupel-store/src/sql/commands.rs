//! Commands that insert runs or change their state. A change reads and locks the run's row, calls `RunState::apply`,
//! and writes the result.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::run::{RunEvent, RunState};
use cupel_core::{Cancellation, ExpiredRun, GivenBack, IdempotencyRecord, Inserted, Needs, RunHint};
use cupel_types::{ContentHash, LanguageId, LeaseId, RunId, Start, SubmissionId, UserId, Verdict, WorkerId};
use jiff::Timestamp;

use super::fault::SqlFault;
use super::large::Data;
use super::standings::{self, About, Changes, Judged};
use super::{Lock, Row, Sql, Write, bytes, values};
use crate::rows::{StateColumns, bad, class_from, from_us, id_from, needs_from, to_us};

/// Rows to insert for one submission; encoded before the command reaches the writer.
pub(crate) struct InsertRow {
    pub(crate) id: SubmissionId,
    pub(crate) run: RunId,
    pub(crate) language: String,
    pub(crate) submitted_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) class: i64,
    pub(crate) webhook: Option<String>,
    pub(crate) spec: String,
    pub(crate) data: Data,
    /// The problem and version, if the submission is to a problem.
    pub(crate) about: Option<About>,
    pub(crate) needs: String,
    /// Number of the submission's purpose; see `purpose_number` in `history.rs`.
    pub(crate) purpose: Option<i64>,
}

pub(crate) struct Insert {
    pub(crate) owner: UserId,
    pub(crate) rows: Vec<InsertRow>,
    pub(crate) idempotency: Option<cupel_core::Idempotency>,
    pub(crate) is_awaited: bool,
    pub(crate) now: Timestamp,
}

impl Write for Insert {
    type Output = Inserted;
    const OPERATION: &'static str = "insert submissions";
    const DURABLE: bool = true;

    fn is_durable(&self) -> bool {
        !self.is_awaited
    }

    fn apply(&self, db: &dyn Sql) -> Result<Inserted, SqlFault> {
        let owner = bytes(self.owner.as_uuid());
        if let Some(repeat) = &self.idempotency {
            let ids: Vec<u8> = self.rows.iter().flat_map(|row| row.id.as_uuid().into_bytes()).collect();
            // Overwrites an expired key only. A concurrent second request waits here, and then finds the key of the
            // first request.
            let sql = "INSERT INTO idempotency_keys AS k (owner, key, request_hash, submissions, expires_at) \
                       VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (owner, key) DO UPDATE SET request_hash = excluded.request_hash, \
                       submissions = excluded.submissions, expires_at = excluded.expires_at WHERE k.expires_at <= ?6";
            let (ends, now) = (to_us(repeat.expires_at), to_us(self.now));
            if db.execute(sql, values![owner, repeat.key, repeat.request_hash, ids, ends, now])? == 0 {
                let record = idempotency_record(db, self.owner, &repeat.key, self.now)?;
                return Ok(Inserted::Repeated(record.ok_or(bad("expires_at"))?));
            }
        }
        for row in &self.rows {
            let (id, run) = (bytes(row.id.as_uuid()), bytes(row.run.as_uuid()));
            let submitted_at = to_us(row.submitted_at);
            let (data, hash) = (row.data.here(), row.data.hash());
            db.put(INSERT_SUBMISSION, values![id, owner, run, row.language, submitted_at, row.spec, data, hash])?;
            let about = row.about.as_ref();
            db.put(
                INSERT_RUN,
                values![
                    run,
                    id,
                    owner,
                    row.class,
                    row.webhook,
                    to_us(row.due_at),
                    about.map(|about| bytes(about.problem.as_uuid())),
                    about.map(|about| about.package.as_bytes()),
                    about.and_then(|about| about.changes.map(Changes::number)),
                    row.needs,
                    row.purpose,
                ],
            )?;
            if let Some(About { problem, changes: Some(Changes::Standing), .. }) = about {
                standings::sent(db, *problem, row, self.owner)?;
            }
        }
        Ok(Inserted::New)
    }
}

pub(crate) fn idempotency_record(
    db: &dyn Sql,
    owner: UserId,
    key: &str,
    now: Timestamp,
) -> Result<Option<IdempotencyRecord>, SqlFault> {
    let sql = "SELECT request_hash, submissions FROM idempotency_keys WHERE owner = ? AND key = ? AND expires_at > ?";
    db.one(sql, values![bytes(owner.as_uuid()), key, to_us(now)], |row| {
        let submissions = row.blob(1)?.chunks(16).map(|id| id_from(id, "submissions").map(SubmissionId::from_uuid));
        Ok(IdempotencyRecord { request_hash: row.get(0)?, submissions: submissions.collect::<Result<_, _>>()? })
    })
}

/// Writes nothing, but its commit is synced, which makes all earlier commits durable.
pub(crate) struct Sync;

impl Write for Sync {
    type Output = ();
    const OPERATION: &'static str = "sync the database to the disk";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        db.sync()
    }
}

pub(crate) struct Lease {
    pub(crate) run: RunId,
    pub(crate) lease: LeaseId,
    pub(crate) worker: WorkerId,
    pub(crate) now: Timestamp,
    pub(crate) until: Timestamp,
    /// The worker's languages; `None`: all languages.
    pub(crate) languages: Option<Arc<BTreeSet<LanguageId>>>,
}

/// A leased run.
pub(crate) struct Leased {
    /// Number of the attempt.
    pub(crate) attempt: u32,
    /// Number of earlier attempts that were lost.
    pub(crate) lost: u32,
    /// Start of the first attempt.
    pub(crate) started_at: Timestamp,
    /// The package version that the run is judged against, if the submission is to a problem.
    pub(crate) package: Option<ContentHash>,
    /// The CPU limit derived for that version.
    pub(crate) time_limit: Option<Duration>,
    /// Start mode of the program whose measured time gave that limit.
    pub(crate) limit_start: Option<Start>,
    pub(crate) needs: Needs,
}

impl Write for Lease {
    type Output = Option<Leased>;
    const OPERATION: &'static str = "lease a run";
    const DURABLE: bool = false;

    fn runs(&self) -> Vec<RunId> {
        vec![self.run]
    }

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        let Some(row) = RunRow::read(db, self.run)? else { return Ok(None) };
        let event = RunEvent::Lease { lease: self.lease, until: self.until };
        // Leasing never abandons a run, so the maximum number of attempts has no effect.
        let Ok(state) = row.state.clone().apply(event, u32::MAX) else { return Ok(None) };
        if row.due_at > to_us(self.now) {
            return Ok(None);
        }
        let needs = needs_from(row.needs.as_deref())?;
        if self.languages.as_ref().is_some_and(|languages| !needs.is_subset(languages)) {
            return Ok(None);
        }
        let derived = row.about.as_ref().map_or(Ok(None), |about| standings::derived_time_limit(db, about))?;
        let (time_limit, limit_start) = derived.unzip();
        let limit_start = limit_start.flatten();
        let after = Change { worker: Some(self.worker), started_at: Some(self.now), ..Change::default() };
        row.write(db, &state, after)?;
        let started_at = row.started_at.map(|us| from_us(us, "started_at")).transpose()?.unwrap_or(self.now);
        let lost = u32::try_from(row.columns.lost).map_err(|_| bad("lost"))?;
        let package = row.about.map(|about| about.package);
        Ok(Some(Leased { attempt: state.attempts(), lost, started_at, package, time_limit, limit_start, needs }))
    }
}

pub(crate) struct Renew {
    pub(crate) leases: Vec<(RunId, LeaseId)>,
    pub(crate) until: Timestamp,
}

impl Write for Renew {
    /// Leases that are lost.
    type Output = Vec<LeaseId>;
    const OPERATION: &'static str = "renew leases";
    const DURABLE: bool = false;

    fn runs(&self) -> Vec<RunId> {
        self.leases.iter().map(|(run, _)| *run).collect()
    }

    fn apply(&self, db: &dyn Sql) -> Result<Vec<LeaseId>, SqlFault> {
        let mut lost = Vec::new();
        for (run, lease) in &self.leases {
            let event = RunEvent::Renew { lease: *lease, until: self.until };
            let row = RunRow::read(db, *run)?;
            match row.and_then(|row| Some((row.state.clone().apply(event, u32::MAX).ok()?, row))) {
                Some((state, row)) => row.write(db, &state, Change::default())?,
                None => lost.push(*lease),
            }
        }
        Ok(lost)
    }
}

/// A result to write; encoded before the command reaches the writer.
pub(crate) struct Complete {
    pub(crate) run: RunId,
    pub(crate) lease: LeaseId,
    pub(crate) verdict: cupel_types::Verdict,
    pub(crate) at: Timestamp,
    pub(crate) cpu_time_us: Option<i64>,
    pub(crate) memory_bytes: Option<i64>,
    /// Whether the sender may see these figures exactly.
    pub(crate) is_exact: bool,
    /// The parts of the result that standings need, if the submission is to a problem.
    pub(crate) judged: Option<Judged>,
    pub(crate) report: String,
    pub(crate) log: String,
    pub(crate) data: Data,
}

impl Write for Complete {
    type Output = bool;
    const OPERATION: &'static str = "record a result";
    const DURABLE: bool = true;

    fn runs(&self) -> Vec<RunId> {
        vec![self.run]
    }

    fn changes_standings(&self) -> bool {
        self.judged.is_some()
    }

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let Some(row) = RunRow::read(db, self.run)? else { return Ok(false) };
        let event = RunEvent::Complete { lease: self.lease, verdict: self.verdict };
        let Ok(state) = row.state.clone().apply(event, u32::MAX) else { return Ok(false) };
        let after = Change {
            completed_at: Some(self.at),
            cpu_time_us: self.cpu_time_us,
            memory_bytes: self.memory_bytes,
            is_exact: self.is_exact,
            score: self.judged.as_ref().and_then(|judged| judged.score),
            ..Change::default()
        };
        row.write(db, &state, after)?;
        let (data, hash) = (self.data.here(), self.data.hash());
        db.put(INSERT_RESULT, values![bytes(self.run.as_uuid()), self.report, self.log, data, hash])?;
        row.post_webhook(db, self.at)?;
        if let (Some(judged), Some(about)) = (&self.judged, &row.about) {
            standings::judged(db, about, row.submission, judged)?;
        }
        Ok(true)
    }
}

pub(crate) struct GiveBack {
    pub(crate) run: RunId,
    pub(crate) lease: LeaseId,
    pub(crate) given: GivenBack,
}

impl Write for GiveBack {
    type Output = Option<(SubmissionId, RunState)>;
    const OPERATION: &'static str = "give a run back";
    const DURABLE: bool = true;

    fn runs(&self) -> Vec<RunId> {
        vec![self.run]
    }

    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault> {
        let Some(row) = RunRow::read(db, self.run)? else { return Ok(None) };
        let event = RunEvent::GiveBack { lease: self.lease, lost_attempt: self.given.lost_attempt };
        let Ok(state) = row.state.clone().apply(event, self.given.attempts_max) else { return Ok(None) };
        let ended = state.is_final();
        let after = Change {
            due_at: (!ended).then_some(self.given.due),
            completed_at: ended.then_some(self.given.now),
            ..Change::default()
        };
        row.write(db, &state, after)?;
        if self.given.lost_attempt {
            row.attempt_failed(db, &state, self.given.now, &self.given.why)?;
        }
        if ended {
            row.post_webhook(db, self.given.now)?;
        }
        Ok(Some((row.submission, state)))
    }
}

pub(crate) struct Cancel {
    pub(crate) submission: SubmissionId,
    /// The only run that may be cancelled; `None`: any.
    pub(crate) run: Option<RunId>,
    pub(crate) now: Timestamp,
}

impl Write for Cancel {
    type Output = Option<Cancellation>;
    const OPERATION: &'static str = "cancel a submission";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Option<Cancellation>, SqlFault> {
        let id = bytes(self.submission.as_uuid());
        // Locked, so that no concurrent rejudge replaces the run.
        db.lock(Lock::Submission, id)?;
        let run_of = |row: Row<'_>| Ok(RunId::from_uuid(id_from(row.blob(0)?, "run")?));
        let found = db.one("SELECT run FROM code_submissions WHERE id = ?", values![id], run_of)?;
        let Some(run) = found else { return Ok(None) };
        let row = RunRow::read(db, run)?.ok_or(bad("run"))?;
        let may_cancel = self.run.is_none_or(|only| only == run);
        match row.state.clone().apply(RunEvent::Cancel, u32::MAX) {
            Ok(state) if may_cancel => {
                row.write(db, &state, Change { completed_at: Some(self.now), ..Change::default() })?;
                row.post_webhook(db, self.now)?;
                standings::ended_without_result(db, id, Verdict::Cancelled)?;
                Ok(Some(Cancellation { run, state, changed: true }))
            }
            Ok(_) | Err(_) => Ok(Some(Cancellation { run, state: row.state, changed: false })),
        }
    }
}

pub(crate) struct Expire {
    pub(crate) lease_end: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) attempts_max: u32,
    pub(crate) limit: u32,
}

impl Write for Expire {
    type Output = Vec<ExpiredRun>;
    const OPERATION: &'static str = "expire leases";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<Vec<ExpiredRun>, SqlFault> {
        // Skips locked runs: a worker or another sweeper is changing them.
        let sql = concat!(
            run_columns!(),
            "WHERE state = 1 AND lease_until <= ? ORDER BY lease_until LIMIT ? /*pg FOR UPDATE SKIP LOCKED */"
        );
        // Read all rows first: the loop changes the rows that this query selects.
        let found = db.all(sql, values![to_us(self.lease_end), self.limit], RunRow::of)?;
        let mut expired = Vec::with_capacity(found.len());
        for row in found {
            let RunState::Leased { lease, .. } = row.state else { continue };
            let Ok(state) = row.state.clone().apply(RunEvent::Expire { now: self.lease_end }, self.attempts_max) else {
                continue;
            };
            let ended = state.is_final();
            let completed_at = ended.then_some(self.now);
            row.write(db, &state, Change { completed_at, ..Change::default() })?;
            row.attempt_failed(db, &state, self.now, SILENT)?;
            if ended {
                row.post_webhook(db, self.now)?;
            }
            let hint = RunHint::new(row.id, row.owner, class_from(row.class)?);
            let needs = needs_from(row.needs.as_deref())?;
            expired.push(ExpiredRun { hint, needs, submission: row.submission, lease, state });
        }
        Ok(expired)
    }
}

/// The columns of `runs` that commands need.
#[derive(Clone)]
pub(crate) struct RunRow {
    pub(crate) id: RunId,
    submission: SubmissionId,
    pub(crate) owner: UserId,
    class: i64,
    webhook: Option<String>,
    due_at: i64,
    started_at: Option<i64>,
    pub(crate) state: RunState,
    columns: StateColumns,
    pub(crate) about: Option<About>,
    needs: Option<String>,
}

/// Columns that change together with the state. `None` keeps the value of `worker`, `due_at` and `started_at`, and
/// clears the other columns, which have a value only in a final state.
#[derive(Default)]
struct Change {
    worker: Option<WorkerId>,
    due_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    cpu_time_us: Option<i64>,
    memory_bytes: Option<i64>,
    is_exact: bool,
    score: Option<i64>,
}

macro_rules! run_columns {
    () => {
        "SELECT id, submission, owner, class, webhook, due_at, state, attempts, lost, lease, lease_until, verdict, \
         started_at, problem, package, changes, needs FROM runs "
    };
}
pub(crate) use run_columns;

/// The webhook of a new run of the same submission, in a query of `runs`; none if the owner is deleted, because a
/// deleted user's runs lose their webhooks step by step.
macro_rules! webhook_of_new_run {
    () => {
        "(SELECT runs.webhook FROM users WHERE users.id = runs.owner AND users.deleted_at IS NULL)"
    };
}
pub(crate) use webhook_of_new_run;

const UPDATE_RUN: &str = "UPDATE runs SET state = ?, attempts = ?, lost = ?, lease = ?, lease_until = ?, verdict = ?, \
     worker = coalesce(?, worker), due_at = coalesce(?, due_at), started_at = coalesce(started_at, ?), \
     completed_at = ?, cpu_time_us = ?, memory_bytes = ?, exact = ?, score = ? \
     WHERE id = ? AND state = ? AND lease IS NOT DISTINCT FROM ?";

/// Reads and locks the rows of several runs.
pub(crate) const FETCH_RUNS: &str = concat!(run_columns!(), "WHERE id = ANY(?) ORDER BY id FOR UPDATE");

/// Writes nothing if the owner is disabled or deleted. A separate query would cost PostgreSQL a round trip. A lock on
/// the user's row would make submissions wait for the results of the same user, and could deadlock with them.
const INSERT_SUBMISSION: &str = "INSERT INTO code_submissions (id, owner, run, language, submitted_at, spec, data, data_hash) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM users WHERE id = ?2 AND disabled_at IS NULL AND deleted_at IS NULL";

const INSERT_RUN: &str = "INSERT INTO runs (id, submission, owner, class, webhook, state, attempts, lost, due_at, problem, package, changes, \
     needs, purpose) VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?, ?, ?)";

const INSERT_RESULT: &str = "INSERT INTO execution_results (run, report, log, data, data_hash) VALUES (?, ?, ?, ?, ?)";

/// Reason recorded for an attempt whose lease expired.
const SILENT: &str = "the lease expired: its worker died, was killed, or lost the connection to the store";

const INSERT_FAILURE: &str = "INSERT INTO failed_attempts (submission, attempt, run, worker, worker_name, failed_at, why) \
     SELECT submission, attempts, id, worker, (SELECT name FROM workers WHERE workers.id = runs.worker), ?, ? \
     FROM runs WHERE id = ?";

const INSERT_DEAD_LETTER: &str = "INSERT INTO dead_letters (submission, run, died_at) VALUES (?, ?, ?)";

const INSERT_DELIVERY: &str =
    "INSERT INTO webhook_deliveries (id, submission, owner, url, tries, next_at) VALUES (?, ?, ?, ?, 0, ?)";

impl RunRow {
    /// Reads the row and locks it until the transaction ends.
    pub(crate) fn read(db: &dyn Sql, run: RunId) -> Result<Option<RunRow>, SqlFault> {
        if let Some(fetched) = db.run_at_hand(run) {
            return Ok(fetched);
        }
        db.one(concat!(run_columns!(), "WHERE id = ? /*pg FOR UPDATE */"), values![bytes(run.as_uuid())], RunRow::of)
    }

    pub(crate) fn of(row: Row<'_>) -> Result<RunRow, SqlFault> {
        let columns = state_columns(row, 6)?;
        Ok(RunRow {
            id: RunId::from_uuid(id_from(row.blob(0)?, "id")?),
            submission: SubmissionId::from_uuid(id_from(row.blob(1)?, "submission")?),
            owner: UserId::from_uuid(id_from(row.blob(2)?, "owner")?),
            class: row.get(3)?,
            webhook: row.get(4)?,
            due_at: row.get(5)?,
            started_at: row.get(12)?,
            state: columns.read()?,
            columns,
            about: About::of(row, 13)?,
            needs: row.get(16)?,
        })
    }

    /// Compare-and-set on (state, lease).
    fn write(&self, db: &dyn Sql, state: &RunState, change: Change) -> Result<(), SqlFault> {
        let next = StateColumns::of(state, self.columns.lost);
        // The row has been locked since it was read, so any count other than one row is a bug.
        db.put(
            UPDATE_RUN,
            values![
                next.state,
                next.attempts,
                next.lost,
                next.lease,
                next.lease_until,
                next.verdict,
                change.worker.as_ref().map(|w| bytes(w.as_uuid())),
                change.due_at.map(to_us),
                change.started_at.map(to_us),
                change.completed_at.map(to_us),
                change.cpu_time_us,
                change.memory_bytes,
                change.is_exact.then_some(1_i64),
                change.score,
                bytes(self.id.as_uuid()),
                self.columns.state,
                self.columns.lease,
            ],
        )
    }

    /// Records why the attempt failed, and a dead letter if it was the last attempt. `state` is already written.
    fn attempt_failed(&self, db: &dyn Sql, state: &RunState, at: Timestamp, why: &str) -> Result<(), SqlFault> {
        let (run, at) = (bytes(self.id.as_uuid()), to_us(at));
        db.put(INSERT_FAILURE, values![at, why, run])?;
        if matches!(state, RunState::Abandoned { .. }) {
            let submission = bytes(self.submission.as_uuid());
            db.put(INSERT_DEAD_LETTER, values![submission, run, at])?;
            standings::ended_without_result(db, submission, Verdict::InternalError)?;
        }
        Ok(())
    }

    /// Adds a delivery to the outbox if the submission has a webhook.
    fn post_webhook(&self, db: &dyn Sql, now: Timestamp) -> Result<(), SqlFault> {
        let Some(url) = &self.webhook else { return Ok(()) };
        db.put(
            INSERT_DELIVERY,
            values![
                bytes(&uuid::Uuid::new_v4()),
                bytes(self.submission.as_uuid()),
                bytes(self.owner.as_uuid()),
                url,
                to_us(now)
            ],
        )
    }
}

/// Reads six columns from `first`: state, attempts, lost, lease, lease_until, verdict.
pub(crate) fn state_columns(row: Row<'_>, first: usize) -> Result<StateColumns, SqlFault> {
    Ok(StateColumns {
        state: row.get(first)?,
        attempts: row.get(first + 1)?,
        lost: row.get(first + 2)?,
        lease: row.get(first + 3)?,
        lease_until: row.get(first + 4)?,
        verdict: row.get(first + 5)?,
    })
}
