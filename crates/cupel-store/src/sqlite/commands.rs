//! The changes to runs. Each reads the state, asks `RunState::apply`, and writes the answer if the row is
//! still as it was read (which in one writer's transaction it is).

use async_trait::async_trait;
use cupel_core::run::{RunEvent, RunState};
use cupel_core::{Cancellation, ExpiredRun, GivenBack, IdempotencyRecord, Inserted, RunHint};
use cupel_types::{LeaseId, RunId, SubmissionId, UserId, WorkerId};
use jiff::Timestamp;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Executor as _, Row as _};

use super::fault::Fault;
use super::writer::Write;
use crate::rows::{StateColumns, bad, class_from, id_from, to_us};

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
}

pub(super) struct Insert {
    pub(super) owner: UserId,
    pub(super) rows: Vec<InsertRow>,
    pub(super) idempotency: Option<cupel_core::Idempotency>,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for Insert {
    type Output = Inserted;
    const OPERATION: &'static str = "insert submissions";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Inserted, Fault> {
        let owner = bytes(self.owner.as_uuid());
        if let Some(repeat) = &self.idempotency {
            if let Some(record) = idempotency_record(connection, self.owner, &repeat.key, self.now).await? {
                return Ok(Inserted::Repeated(record));
            }
            let ids: Vec<u8> = self.rows.iter().flat_map(|row| row.id.as_uuid().into_bytes()).collect();
            let sql = "INSERT OR REPLACE INTO idempotency_keys (owner, key, request_hash, submissions, expires_at) VALUES (?, ?, ?, ?, ?)";
            let query = sqlx::query(sql)
                .bind(owner.clone())
                .bind(repeat.key.as_str())
                .bind(&repeat.request_hash[..])
                .bind(ids)
                .bind(to_us(repeat.expires_at));
            connection.execute(query).await?;
        }
        for row in &self.rows {
            let query = sqlx::query(
                "INSERT INTO code_submissions (id, owner, run, language, submitted_at, spec, data) VALUES (?, ?, ?, ?, ?, ?, ?); \
                 INSERT INTO runs (id, submission, owner, class, webhook, state, attempts, lost, due_at) VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?)",
            )
            .bind(bytes(row.id.as_uuid()))
            .bind(owner.clone())
            .bind(bytes(row.run.as_uuid()))
            .bind(row.language.as_str())
            .bind(to_us(row.submitted_at))
            .bind(row.spec.as_str())
            .bind(row.data.as_slice())
            .bind(bytes(row.run.as_uuid()))
            .bind(bytes(row.id.as_uuid()))
            .bind(owner.clone())
            .bind(row.class)
            .bind(row.webhook.as_deref())
            .bind(to_us(row.due_at));
            connection.execute(query).await?;
        }
        Ok(Inserted::New)
    }
}

pub(super) async fn idempotency_record(
    connection: &mut SqliteConnection,
    owner: UserId,
    key: &str,
    now: Timestamp,
) -> Result<Option<IdempotencyRecord>, Fault> {
    let sql = "SELECT request_hash, submissions FROM idempotency_keys WHERE owner = ? AND key = ? AND expires_at > ?";
    let query = sqlx::query(sql).bind(bytes(owner.as_uuid())).bind(key).bind(to_us(now));
    let Some(row) = connection.fetch_optional(query).await? else { return Ok(None) };
    let hash: &[u8] = row.try_get(0)?;
    let ids: &[u8] = row.try_get(1)?;
    let submissions = ids.chunks(16).map(|id| id_from(id, "submissions").map(SubmissionId::from_uuid));
    Ok(Some(IdempotencyRecord {
        request_hash: hash.try_into().map_err(|_| bad("request_hash"))?,
        submissions: submissions.collect::<Result<_, _>>()?,
    }))
}

pub(super) struct Lease {
    pub(super) run: RunId,
    pub(super) lease: LeaseId,
    pub(super) worker: WorkerId,
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
}

#[async_trait]
impl Write for Lease {
    /// The submission and the number of the attempt.
    type Output = Option<(SubmissionId, u32)>;
    const OPERATION: &'static str = "lease a run";
    const DURABLE: bool = false;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Output, Fault> {
        let Some(row) = RunRow::read(connection, self.run).await? else { return Ok(None) };
        let event = RunEvent::Lease { lease: self.lease, until: self.until };
        // Leasing never abandons, so the bound does not matter.
        let Ok(state) = row.state.clone().apply(event, u32::MAX) else { return Ok(None) };
        if row.due_at > to_us(self.now) {
            return Ok(None);
        }
        let after = Change { worker: Some(self.worker), started_at: Some(self.now), ..Change::default() };
        row.write(connection, &state, after).await?;
        Ok(Some((row.submission, state.attempts())))
    }
}

pub(super) struct Renew {
    pub(super) leases: Vec<(RunId, LeaseId)>,
    pub(super) until: Timestamp,
}

#[async_trait]
impl Write for Renew {
    /// Those that are lost.
    type Output = Vec<LeaseId>;
    const OPERATION: &'static str = "renew leases";
    const DURABLE: bool = false;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Vec<LeaseId>, Fault> {
        let mut lost = Vec::new();
        for (run, lease) in &self.leases {
            let event = RunEvent::Renew { lease: *lease, until: self.until };
            let row = RunRow::read(connection, *run).await?;
            match row.and_then(|row| Some((row.state.clone().apply(event, u32::MAX).ok()?, row))) {
                Some((state, row)) => row.write(connection, &state, Change::default()).await?,
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
    pub(super) report: String,
    pub(super) log: String,
    pub(super) data: Vec<u8>,
}

#[async_trait]
impl Write for Complete {
    type Output = bool;
    const OPERATION: &'static str = "record a result";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Fault> {
        let Some(row) = RunRow::read(connection, self.run).await? else { return Ok(false) };
        let event = RunEvent::Complete { lease: self.lease, verdict: self.verdict };
        let Ok(state) = row.state.clone().apply(event, u32::MAX) else { return Ok(false) };
        let after = Change {
            completed_at: Some(self.at),
            cpu_time_us: self.cpu_time_us,
            memory_bytes: self.memory_bytes,
            ..Change::default()
        };
        // Both at once: each call costs a change of threads.
        let sql =
            concat!(update_run!(), "; INSERT INTO execution_results (run, report, log, data) VALUES (?, ?, ?, ?)");
        let query = row
            .update(sql, &state, after)
            .bind(bytes(self.run.as_uuid()))
            .bind(self.report.as_str())
            .bind(self.log.as_str())
            .bind(self.data.as_slice());
        expect_rows(2, connection.execute(query).await?.rows_affected())?;
        row.post_webhook(connection, self.at).await?;
        Ok(true)
    }
}

pub(super) struct GiveBack {
    pub(super) run: RunId,
    pub(super) lease: LeaseId,
    pub(super) given: GivenBack,
}

#[async_trait]
impl Write for GiveBack {
    type Output = Option<RunState>;
    const OPERATION: &'static str = "give a run back";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Option<RunState>, Fault> {
        let Some(row) = RunRow::read(connection, self.run).await? else { return Ok(None) };
        let event = RunEvent::GiveBack { lease: self.lease, lost_attempt: self.given.lost_attempt };
        let Ok(state) = row.state.clone().apply(event, self.given.attempts_max) else { return Ok(None) };
        let ended = state.is_final();
        let after = Change {
            due_at: (!ended).then_some(self.given.due),
            completed_at: ended.then_some(self.given.now),
            ..Change::default()
        };
        row.write(connection, &state, after).await?;
        if ended {
            row.post_webhook(connection, self.given.now).await?;
        }
        Ok(Some(state))
    }
}

pub(super) struct Cancel {
    pub(super) submission: SubmissionId,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for Cancel {
    type Output = Option<Cancellation>;
    const OPERATION: &'static str = "cancel a submission";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Option<Cancellation>, Fault> {
        let query = sqlx::query("SELECT run FROM code_submissions WHERE id = ?").bind(bytes(self.submission.as_uuid()));
        let Some(found) = connection.fetch_optional(query).await? else { return Ok(None) };
        let run = RunId::from_uuid(id_from(found.try_get(0)?, "run")?);
        let row = RunRow::read(connection, run).await?.ok_or(bad("run"))?;
        match row.state.clone().apply(RunEvent::Cancel, u32::MAX) {
            Ok(state) => {
                row.write(connection, &state, Change { completed_at: Some(self.now), ..Change::default() }).await?;
                row.post_webhook(connection, self.now).await?;
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

#[async_trait]
impl Write for Expire {
    type Output = Vec<ExpiredRun>;
    const OPERATION: &'static str = "expire leases";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Vec<ExpiredRun>, Fault> {
        let sql = concat!(run_columns!(), "WHERE state = 1 AND lease_until <= ? ORDER BY lease_until LIMIT ?");
        let query = sqlx::query(sql).bind(to_us(self.lease_end)).bind(self.limit);
        let rows = connection.fetch_all(query).await?;
        let mut expired = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = RunRow::of(row)?;
            let RunState::Leased { lease, .. } = row.state else { continue };
            let Ok(state) = row.state.clone().apply(RunEvent::Expire { now: self.lease_end }, self.attempts_max) else {
                continue;
            };
            let ended = state.is_final();
            let completed_at = ended.then_some(self.now);
            row.write(connection, &state, Change { completed_at, ..Change::default() }).await?;
            if ended {
                row.post_webhook(connection, self.now).await?;
            }
            let hint = RunHint { run: row.id, owner: row.owner, class: class_from(row.class)? };
            expired.push(ExpiredRun { hint, submission: row.submission, lease, state });
        }
        Ok(expired)
    }
}

/// A row of `runs` as far as changes need it.
struct RunRow {
    id: RunId,
    submission: SubmissionId,
    owner: UserId,
    class: i64,
    webhook: Option<String>,
    due_at: i64,
    state: RunState,
    columns: StateColumns,
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
}

macro_rules! run_columns {
    () => {
        "SELECT id, submission, owner, class, webhook, due_at, state, attempts, lost, lease, lease_until, verdict FROM runs "
    };
}
use run_columns;

macro_rules! update_run {
    () => {
        "UPDATE runs SET state = ?, attempts = ?, lost = ?, lease = ?, lease_until = ?, verdict = ?, \
         worker = coalesce(?, worker), due_at = coalesce(?, due_at), started_at = coalesce(started_at, ?), \
         completed_at = ?, cpu_time_us = ?, memory_bytes = ? \
         WHERE id = ? AND state = ? AND lease IS ?"
    };
}
use update_run;

/// The row was no longer as it was read: in one writer's transaction that is a defect.
fn expect_rows(expected: u64, changed: u64) -> Result<(), Fault> {
    if changed == expected { Ok(()) } else { Err(bad("state").into()) }
}

impl RunRow {
    async fn read(connection: &mut SqliteConnection, run: RunId) -> Result<Option<RunRow>, Fault> {
        let query = sqlx::query(concat!(run_columns!(), "WHERE id = ?")).bind(bytes(run.as_uuid()));
        connection.fetch_optional(query).await?.as_ref().map(RunRow::of).transpose()
    }

    fn of(row: &SqliteRow) -> Result<RunRow, Fault> {
        let columns = state_columns(row, 6)?;
        Ok(RunRow {
            id: RunId::from_uuid(id_from(row.try_get(0)?, "id")?),
            submission: SubmissionId::from_uuid(id_from(row.try_get(1)?, "submission")?),
            owner: UserId::from_uuid(id_from(row.try_get(2)?, "owner")?),
            class: row.try_get(3)?,
            webhook: row.try_get(4)?,
            due_at: row.try_get(5)?,
            state: columns.read()?,
            columns,
        })
    }

    /// Compare-and-set on (state, lease).
    async fn write(&self, connection: &mut SqliteConnection, state: &RunState, change: Change) -> Result<(), Fault> {
        let query = self.update(update_run!(), state, change);
        expect_rows(1, connection.execute(query).await?.rows_affected())
    }

    /// `sql` begins with [`update_run!`]; what follows it is the caller's to bind.
    fn update(&self, sql: &'static str, state: &RunState, change: Change) -> Query<'_, Sqlite, SqliteArguments> {
        let next = StateColumns::of(state, self.columns.lost);
        sqlx::query(sql)
            .bind(next.state)
            .bind(next.attempts)
            .bind(next.lost)
            .bind(next.lease)
            .bind(next.lease_until)
            .bind(next.verdict)
            .bind(change.worker.map(|w| bytes(w.as_uuid())))
            .bind(change.due_at.map(to_us))
            .bind(change.started_at.map(to_us))
            .bind(change.completed_at.map(to_us))
            .bind(change.cpu_time_us)
            .bind(change.memory_bytes)
            .bind(bytes(self.id.as_uuid()))
            .bind(self.columns.state)
            .bind(self.columns.lease.as_deref())
    }

    /// Puts the news of the end into the outbox, if somebody wants it.
    async fn post_webhook(&self, connection: &mut SqliteConnection, now: Timestamp) -> Result<(), Fault> {
        let Some(url) = &self.webhook else { return Ok(()) };
        let query = sqlx::query(
            "INSERT INTO webhook_deliveries (id, submission, owner, url, tries, next_at) VALUES (?, ?, ?, ?, 0, ?)",
        )
        .bind(bytes(&uuid::Uuid::new_v4()))
        .bind(bytes(self.submission.as_uuid()))
        .bind(bytes(self.owner.as_uuid()))
        .bind(url.as_str())
        .bind(to_us(now));
        connection.execute(query).await?;
        Ok(())
    }
}

/// Six columns from `first`: state, attempts, lost, lease, lease_until, verdict.
pub(super) fn state_columns(row: &SqliteRow, first: usize) -> Result<StateColumns, Fault> {
    Ok(StateColumns {
        state: row.try_get(first)?,
        attempts: row.try_get(first + 1)?,
        lost: row.try_get(first + 2)?,
        lease: row.try_get(first + 3)?,
        lease_until: row.try_get(first + 4)?,
        verdict: row.try_get(first + 5)?,
    })
}

pub(super) fn bytes(id: &uuid::Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}
