//! The changes to runs. Each reads the state, asks `RunState::apply`, and writes the answer if the row is
//! still as it was read (which in one writer's transaction it is).

use cupel_core::run::{RunEvent, RunState};
use cupel_core::{Cancellation, ExpiredRun, GivenBack, IdempotencyRecord, Inserted, RunHint};
use cupel_types::{ContentHash, LeaseId, RunId, SubmissionId, UserId, WorkerId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::fault::Fault;
use super::standings::{self, About, Changes, Judged};
use super::writer::Write;
use crate::rows::{StateColumns, bad, class_from, from_us, id_from, to_us};

/// A submission as it goes into the tables; encoded before it reaches the writer.
pub(super) struct InsertRow {
    pub(super) id: SubmissionId,
    pub(super) run: RunId,
    pub(super) language: String,
    pub(super) submitted_at: Timestamp,
    pub(super) due_at: Timestamp,
    pub(super) class: i64,
    pub(super) webhook: Option<String>,
    pub(super) spec: String,
    pub(super) data: Vec<u8>,
    /// What is said of the problem it is about, if it is about one.
    pub(super) about: Option<About>,
}

pub(super) struct Insert {
    pub(super) owner: UserId,
    pub(super) rows: Vec<InsertRow>,
    pub(super) idempotency: Option<cupel_core::Idempotency>,
    pub(super) is_awaited: bool,
    pub(super) now: Timestamp,
}

impl Write for Insert {
    type Output = Inserted;
    const OPERATION: &'static str = "insert submissions";
    const DURABLE: bool = true;

    fn is_durable(&self) -> bool {
        !self.is_awaited
    }

    fn apply(&self, connection: &Connection) -> Result<Inserted, Fault> {
        let owner = bytes(self.owner.as_uuid());
        if let Some(repeat) = &self.idempotency {
            if let Some(record) = idempotency_record(connection, self.owner, &repeat.key, self.now)? {
                return Ok(Inserted::Repeated(record));
            }
            let ids: Vec<u8> = self.rows.iter().flat_map(|row| row.id.as_uuid().into_bytes()).collect();
            let sql = "INSERT OR REPLACE INTO idempotency_keys (owner, key, request_hash, submissions, expires_at) VALUES (?, ?, ?, ?, ?)";
            connection.prepare_cached(sql)?.execute(params![
                owner,
                repeat.key,
                repeat.request_hash,
                ids,
                to_us(repeat.expires_at)
            ])?;
        }
        let mut submissions = connection.prepare_cached(
            "INSERT INTO code_submissions (id, owner, run, language, submitted_at, spec, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        let mut runs = connection.prepare_cached(
            "INSERT INTO runs (id, submission, owner, class, webhook, state, attempts, lost, due_at, problem, package, changes) \
             VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?)",
        )?;
        for row in &self.rows {
            let (id, run) = (bytes(row.id.as_uuid()), bytes(row.run.as_uuid()));
            submissions.execute(params![id, owner, run, row.language, to_us(row.submitted_at), row.spec, row.data])?;
            let about = row.about.as_ref();
            runs.execute(params![
                run,
                id,
                owner,
                row.class,
                row.webhook,
                to_us(row.due_at),
                about.map(|about| bytes(about.problem.as_uuid())),
                about.map(|about| about.package.as_bytes()),
                about.and_then(|about| about.changes.map(Changes::number)),
            ])?;
            if let Some(About { problem, changes: Some(Changes::Standing), .. }) = about {
                standings::sent(connection, *problem, row, self.owner)?;
            }
        }
        Ok(Inserted::New)
    }
}

pub(super) fn idempotency_record(
    connection: &Connection,
    owner: UserId,
    key: &str,
    now: Timestamp,
) -> Result<Option<IdempotencyRecord>, Fault> {
    let sql = "SELECT request_hash, submissions FROM idempotency_keys WHERE owner = ? AND key = ? AND expires_at > ?";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params![bytes(owner.as_uuid()), key, to_us(now)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (hash, ids) = (blob(row, 0)?, blob(row, 1)?);
    let submissions = ids.chunks(16).map(|id| id_from(id, "submissions").map(SubmissionId::from_uuid));
    Ok(Some(IdempotencyRecord {
        request_hash: hash.try_into().map_err(|_| bad("request_hash"))?,
        submissions: submissions.collect::<Result<_, _>>()?,
    }))
}

/// Changes nothing, durably: the sync of its commit is one of everything before.
pub(super) struct Sync;

impl Write for Sync {
    type Output = ();
    const OPERATION: &'static str = "sync what was written";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        // A commit that writes nothing syncs nothing; this one writes a page, the same as before.
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        Ok(connection.pragma_update(None, "user_version", version)?)
    }
}

pub(super) struct Lease {
    pub(super) run: RunId,
    pub(super) lease: LeaseId,
    pub(super) worker: WorkerId,
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
}

/// What a lease is of.
pub(super) struct Leased {
    /// The number of the attempt.
    pub(super) attempt: u32,
    /// How many were lost before.
    pub(super) lost: u32,
    /// When the first one started.
    pub(super) started_at: Timestamp,
    /// At which package it is judged, if it is about a problem.
    pub(super) package: Option<ContentHash>,
}

impl Write for Lease {
    type Output = Option<Leased>;
    const OPERATION: &'static str = "lease a run";
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<Self::Output, Fault> {
        let Some(row) = RunRow::read(connection, self.run)? else { return Ok(None) };
        let event = RunEvent::Lease { lease: self.lease, until: self.until };
        // Leasing never abandons, so the bound does not matter.
        let Ok(state) = row.state.clone().apply(event, u32::MAX) else { return Ok(None) };
        if row.due_at > to_us(self.now) {
            return Ok(None);
        }
        let after = Change { worker: Some(self.worker), started_at: Some(self.now), ..Change::default() };
        row.write(connection, &state, after)?;
        let started_at = row.started_at.map(|us| from_us(us, "started_at")).transpose()?.unwrap_or(self.now);
        let lost = u32::try_from(row.columns.lost).map_err(|_| bad("lost"))?;
        Ok(Some(Leased { attempt: state.attempts(), lost, started_at, package: row.about.map(|about| about.package) }))
    }
}

pub(super) struct Renew {
    pub(super) leases: Vec<(RunId, LeaseId)>,
    pub(super) until: Timestamp,
}

impl Write for Renew {
    /// Those that are lost.
    type Output = Vec<LeaseId>;
    const OPERATION: &'static str = "renew leases";
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<Vec<LeaseId>, Fault> {
        let mut lost = Vec::new();
        for (run, lease) in &self.leases {
            let event = RunEvent::Renew { lease: *lease, until: self.until };
            let row = RunRow::read(connection, *run)?;
            match row.and_then(|row| Some((row.state.clone().apply(event, u32::MAX).ok()?, row))) {
                Some((state, row)) => row.write(connection, &state, Change::default())?,
                None => lost.push(*lease),
            }
        }
        Ok(lost)
    }
}

/// A result, encoded before it reaches the writer.
pub(super) struct Complete {
    pub(super) run: RunId,
    pub(super) lease: LeaseId,
    pub(super) verdict: cupel_types::Verdict,
    pub(super) at: Timestamp,
    pub(super) cpu_time_us: Option<i64>,
    pub(super) memory_bytes: Option<i64>,
    /// What a problem makes of it.
    pub(super) judged: Option<Judged>,
    pub(super) report: String,
    pub(super) log: String,
    pub(super) data: Vec<u8>,
}

impl Write for Complete {
    type Output = bool;
    const OPERATION: &'static str = "record a result";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let Some(row) = RunRow::read(connection, self.run)? else { return Ok(false) };
        let event = RunEvent::Complete { lease: self.lease, verdict: self.verdict };
        let Ok(state) = row.state.clone().apply(event, u32::MAX) else { return Ok(false) };
        let after = Change {
            completed_at: Some(self.at),
            cpu_time_us: self.cpu_time_us,
            memory_bytes: self.memory_bytes,
            score: self.judged.as_ref().and_then(|judged| judged.score),
            ..Change::default()
        };
        row.write(connection, &state, after)?;
        let sql = "INSERT INTO execution_results (run, report, log, data) VALUES (?, ?, ?, ?)";
        let mut insert = connection.prepare_cached(sql)?;
        insert.execute(params![bytes(self.run.as_uuid()), self.report, self.log, self.data])?;
        row.post_webhook(connection, self.at)?;
        if let (Some(judged), Some(about)) = (&self.judged, &row.about) {
            standings::judged(connection, about, row.submission, judged)?;
        }
        Ok(true)
    }
}

pub(super) struct GiveBack {
    pub(super) run: RunId,
    pub(super) lease: LeaseId,
    pub(super) given: GivenBack,
}

impl Write for GiveBack {
    type Output = Option<RunState>;
    const OPERATION: &'static str = "give a run back";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Option<RunState>, Fault> {
        let Some(row) = RunRow::read(connection, self.run)? else { return Ok(None) };
        let event = RunEvent::GiveBack { lease: self.lease, lost_attempt: self.given.lost_attempt };
        let Ok(state) = row.state.clone().apply(event, self.given.attempts_max) else { return Ok(None) };
        let ended = state.is_final();
        let after = Change {
            due_at: (!ended).then_some(self.given.due),
            completed_at: ended.then_some(self.given.now),
            ..Change::default()
        };
        row.write(connection, &state, after)?;
        if ended {
            row.post_webhook(connection, self.given.now)?;
        }
        Ok(Some(state))
    }
}

pub(super) struct Cancel {
    pub(super) submission: SubmissionId,
    pub(super) now: Timestamp,
}

impl Write for Cancel {
    type Output = Option<Cancellation>;
    const OPERATION: &'static str = "cancel a submission";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Option<Cancellation>, Fault> {
        let mut query = connection.prepare_cached("SELECT run FROM code_submissions WHERE id = ?")?;
        let found = query.query_row([bytes(self.submission.as_uuid())], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let Some(found) = found else { return Ok(None) };
        let run = RunId::from_uuid(id_from(&found, "run")?);
        let row = RunRow::read(connection, run)?.ok_or(bad("run"))?;
        match row.state.clone().apply(RunEvent::Cancel, u32::MAX) {
            Ok(state) => {
                row.write(connection, &state, Change { completed_at: Some(self.now), ..Change::default() })?;
                row.post_webhook(connection, self.now)?;
                Ok(Some(Cancellation { run, state, changed: true }))
            }
            Err(_) => Ok(Some(Cancellation { run, state: row.state, changed: false })),
        }
    }
}

pub(super) struct Expire {
    pub(super) lease_end: Timestamp,
    pub(super) now: Timestamp,
    pub(super) attempts_max: u32,
    pub(super) limit: u32,
}

impl Write for Expire {
    type Output = Vec<ExpiredRun>;
    const OPERATION: &'static str = "expire leases";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<Vec<ExpiredRun>, Fault> {
        let sql = concat!(run_columns!(), "WHERE state = 1 AND lease_until <= ? ORDER BY lease_until LIMIT ?");
        let mut query = connection.prepare_cached(sql)?;
        let mut rows = query.query(params![to_us(self.lease_end), self.limit])?;
        // All of them first: what follows changes what this looks at.
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(RunRow::of(row)?);
        }
        let mut expired = Vec::with_capacity(found.len());
        for row in found {
            let RunState::Leased { lease, .. } = row.state else { continue };
            let Ok(state) = row.state.clone().apply(RunEvent::Expire { now: self.lease_end }, self.attempts_max) else {
                continue;
            };
            let ended = state.is_final();
            let completed_at = ended.then_some(self.now);
            row.write(connection, &state, Change { completed_at, ..Change::default() })?;
            if ended {
                row.post_webhook(connection, self.now)?;
            }
            let hint = RunHint { run: row.id, owner: row.owner, class: class_from(row.class)? };
            expired.push(ExpiredRun { hint, submission: row.submission, lease, state });
        }
        Ok(expired)
    }
}

/// A row of `runs` as far as changes need it.
pub(super) struct RunRow {
    id: RunId,
    submission: SubmissionId,
    owner: UserId,
    class: i64,
    webhook: Option<String>,
    due_at: i64,
    started_at: Option<i64>,
    state: RunState,
    columns: StateColumns,
    about: Option<About>,
}

/// What changes beside the state; `None` leaves a column as it is.
#[derive(Default)]
struct Change {
    worker: Option<WorkerId>,
    due_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    cpu_time_us: Option<i64>,
    memory_bytes: Option<i64>,
    score: Option<i64>,
}

macro_rules! run_columns {
    () => {
        "SELECT id, submission, owner, class, webhook, due_at, state, attempts, lost, lease, lease_until, verdict, \
         started_at, problem, package, changes FROM runs "
    };
}
use run_columns;

const UPDATE_RUN: &str = "UPDATE runs SET state = ?, attempts = ?, lost = ?, lease = ?, lease_until = ?, verdict = ?, \
     worker = coalesce(?, worker), due_at = coalesce(?, due_at), started_at = coalesce(started_at, ?), \
     completed_at = ?, cpu_time_us = ?, memory_bytes = ?, score = ? \
     WHERE id = ? AND state = ? AND lease IS ?";

impl RunRow {
    fn read(connection: &Connection, run: RunId) -> Result<Option<RunRow>, Fault> {
        let mut query = connection.prepare_cached(concat!(run_columns!(), "WHERE id = ?"))?;
        let mut rows = query.query([bytes(run.as_uuid())])?;
        rows.next()?.map(RunRow::of).transpose()
    }

    fn of(row: &Row<'_>) -> Result<RunRow, Fault> {
        let columns = state_columns(row, 6)?;
        Ok(RunRow {
            id: RunId::from_uuid(id_from(blob(row, 0)?, "id")?),
            submission: SubmissionId::from_uuid(id_from(blob(row, 1)?, "submission")?),
            owner: UserId::from_uuid(id_from(blob(row, 2)?, "owner")?),
            class: row.get(3)?,
            webhook: row.get(4)?,
            due_at: row.get(5)?,
            started_at: row.get(12)?,
            state: columns.read()?,
            columns,
            about: About::of(row, 13)?,
        })
    }

    /// Compare-and-set on (state, lease).
    fn write(&self, connection: &Connection, state: &RunState, change: Change) -> Result<(), Fault> {
        let next = StateColumns::of(state, self.columns.lost);
        let changed = connection.prepare_cached(UPDATE_RUN)?.execute(params![
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
            change.score,
            bytes(self.id.as_uuid()),
            self.columns.state,
            self.columns.lease,
        ])?;
        // Otherwise the row was no longer as it was read: in one writer's transaction that is a defect.
        if changed == 1 { Ok(()) } else { Err(bad("state").into()) }
    }

    /// Puts the news of the end into the outbox, if somebody wants it.
    fn post_webhook(&self, connection: &Connection, now: Timestamp) -> Result<(), Fault> {
        let Some(url) = &self.webhook else { return Ok(()) };
        let sql =
            "INSERT INTO webhook_deliveries (id, submission, owner, url, tries, next_at) VALUES (?, ?, ?, ?, 0, ?)";
        connection.prepare_cached(sql)?.execute(params![
            bytes(&uuid::Uuid::new_v4()),
            bytes(self.submission.as_uuid()),
            bytes(self.owner.as_uuid()),
            url,
            to_us(now)
        ])?;
        Ok(())
    }
}

/// Six columns from `first`: state, attempts, lost, lease, lease_until, verdict.
pub(super) fn state_columns(row: &Row<'_>, first: usize) -> Result<StateColumns, Fault> {
    Ok(StateColumns {
        state: row.get(first)?,
        attempts: row.get(first + 1)?,
        lost: row.get(first + 2)?,
        lease: row.get(first + 3)?,
        lease_until: row.get(first + 4)?,
        verdict: row.get(first + 5)?,
    })
}

/// An id as it is bound.
pub(super) fn bytes(id: &uuid::Uuid) -> &[u8] {
    id.as_bytes()
}

/// A BLOB where it lies, without a copy.
pub(super) fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8], Fault> {
    row.get_ref(column)?.as_blob().map_err(|_| bad("a BLOB").into())
}

/// A text where it lies, without a copy.
pub(super) fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str, Fault> {
    row.get_ref(column)?.as_str().map_err(|_| bad("a TEXT").into())
}
