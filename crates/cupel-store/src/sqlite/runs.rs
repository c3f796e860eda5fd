//! `RunStore`: the questions, and the way to the commands.

use async_trait::async_trait;
use cupel_core::event::{Event, Seq};
use cupel_core::run::{LeasedRun, RunState, SubmissionRecord, SubmissionSummary};
use cupel_core::{
    Cancellation, Completion, DuePlace, DueRun, ExpiredRun, GivenBack, IdempotencyRecord, Inserted, NewSubmissions,
    Over, RunCounts, RunHint, RunStore, StoreError,
};
use cupel_types::{Bytes, LeaseId, RunId, RunReport, StepReport, SubmissionId, UserId, WorkerId};
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor as _, Row as _};
use std::time::Duration;

use super::commands::{
    Cancel, Complete, Expire, GiveBack, Insert, InsertRow, Lease, Renew, bytes, idempotency_record, state_columns,
};
use super::fault::Fault;
use super::webhooks::Forget;
use super::{SqliteStore, reading};
use crate::rows::{
    BlobWriter, JUDGED, bad, class_from, class_number, decode_log, decode_report, decode_submission, encode_log,
    encode_report, encode_submission, from_us, id_from, to_us,
};

/// Everything of a submission with its latest run and result.
const RECORD: &str = "SELECT s.id, s.owner, s.language, s.submitted_at, s.spec, s.data, \
     r.id, r.state, r.attempts, r.lost, r.lease, r.lease_until, r.verdict, r.started_at, r.completed_at, \
     e.report, e.data \
     FROM code_submissions s JOIN runs r ON r.id = s.run LEFT JOIN execution_results e ON e.run = r.id WHERE s.id = ?";

#[async_trait]
impl RunStore for SqliteStore {
    async fn insert(&self, new: NewSubmissions) -> Result<Inserted, StoreError> {
        const OPERATION: &str = "insert submissions";
        let Some((first, _)) = new.submissions.first() else { return Ok(Inserted::New) };
        let (owner, now) = (first.owner, first.submitted_at);
        let rows = new.submissions.iter().map(|(s, run)| {
            if s.owner != owner {
                return Err(bad("owner"));
            }
            let (spec, data) = encode_submission(s)?;
            Ok(InsertRow {
                id: s.id,
                run: *run,
                language: s.language.as_str().into(),
                submitted_at: s.submitted_at,
                due_at: s.run_at.unwrap_or(s.submitted_at),
                class: class_number(s.priority),
                webhook: s.webhook.clone(),
                spec,
                data,
            })
        });
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(|e| Fault::from(e).during(OPERATION))?;
        self.write(Insert { owner, rows, idempotency: new.idempotency, now }).await
    }

    async fn submission(&self, id: SubmissionId) -> Result<Option<SubmissionRecord>, StoreError> {
        reading("read a submission", async {
            let row = (&self.readers).fetch_optional(sqlx::query(RECORD).bind(bytes(id.as_uuid()))).await?;
            row.as_ref().map(record_of).transpose()
        })
        .await
    }

    async fn submissions(&self, ids: &[SubmissionId]) -> Result<Vec<SubmissionRecord>, StoreError> {
        reading("read submissions", async {
            let mut reader = self.readers.acquire().await?;
            let mut records = Vec::with_capacity(ids.len());
            for id in ids {
                let query = sqlx::query(RECORD).bind(bytes(id.as_uuid()));
                if let Some(row) = (&mut *reader).fetch_optional(query).await? {
                    records.push(record_of(&row)?);
                }
            }
            Ok(records)
        })
        .await
    }

    async fn list(
        &self,
        owner: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError> {
        reading("list submissions", async {
            // Numbers beyond what a row number can be mean an empty page.
            let offset = i64::try_from(offset).unwrap_or(i64::MAX);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let (count, page) = match owner {
                Some(owner) => {
                    let owner = bytes(owner.as_uuid());
                    let count =
                        sqlx::query("SELECT count(*) FROM code_submissions WHERE owner = ?").bind(owner.clone());
                    let page = concat!(summary!(), "WHERE s.owner = ? ORDER BY s.id DESC LIMIT ? OFFSET ?");
                    (count, sqlx::query(page).bind(owner))
                }
                None => {
                    let page = concat!(summary!(), "ORDER BY s.id DESC LIMIT ? OFFSET ?");
                    (sqlx::query("SELECT count(*) FROM code_submissions"), sqlx::query(page))
                }
            };
            let mut reader = self.readers.acquire().await?;
            let total: i64 = (&mut *reader).fetch_one(count).await?.try_get(0)?;
            let rows = (&mut *reader).fetch_all(page.bind(limit).bind(offset)).await?;
            let page = rows.iter().map(summary_of).collect::<Result<Vec<_>, Fault>>()?;
            Ok((page, u64::try_from(total).unwrap_or(0)))
        })
        .await
    }

    async fn lease(
        &self,
        run: RunId,
        lease: LeaseId,
        worker: WorkerId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LeasedRun>, StoreError> {
        // What was submitted never changes, so it is read while the lease is being taken.
        let read = reading("read the submission of a run", async {
            let sql = "SELECT s.id, s.owner, s.language, s.submitted_at, s.spec, s.data \
                       FROM runs r JOIN code_submissions s ON s.id = r.submission WHERE r.id = ?";
            (&self.readers).fetch_optional(sqlx::query(sql).bind(bytes(run.as_uuid()))).await.map_err(Fault::from)
        });
        let (leased, row) = tokio::join!(self.write(Lease { run, lease, worker, now, until }), read);
        let Some((_, attempt)) = leased? else { return Ok(None) };
        let submission = row?.ok_or(Fault::from(bad("submission"))).and_then(|row| submission_of(&row));
        let submission = submission.map_err(|fault| fault.during("read the submission of a run"))?;
        Ok(Some(LeasedRun { run, lease, attempt, until, submission }))
    }

    async fn renew(&self, leases: &[(RunId, LeaseId)], until: Timestamp) -> Result<Vec<LeaseId>, StoreError> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        self.write(Renew { leases: leases.to_vec(), until }).await
    }

    async fn complete(&self, run: RunId, lease: LeaseId, done: Completion) -> Result<bool, StoreError> {
        let mut blob = BlobWriter::default();
        let encoded = encode_report(&done.report, &mut blob)
            .and_then(|report| Ok((report, encode_log(&done.events, &done.report, &mut blob)?)));
        let (report, log) = encoded.map_err(|error| Fault::from(error).during("record a result"))?;
        let (cpu_time, memory) = peak(&done.report).unzip();
        let command = Complete {
            run,
            lease,
            verdict: done.report.verdict,
            at: done.at,
            cpu_time_us: cpu_time.and_then(|t: Duration| i64::try_from(t.as_micros()).ok()),
            memory_bytes: memory.and_then(|m: Bytes| i64::try_from(m.get()).ok()),
            report,
            log,
            data: blob.finish(),
        };
        self.write(command).await
    }

    async fn give_back(&self, run: RunId, lease: LeaseId, given: GivenBack) -> Result<Option<RunState>, StoreError> {
        self.write(GiveBack { run, lease, given }).await
    }

    async fn cancel(&self, submission: SubmissionId, now: Timestamp) -> Result<Option<Cancellation>, StoreError> {
        self.write(Cancel { submission, now }).await
    }

    async fn expire(
        &self,
        lease_end: Timestamp,
        now: Timestamp,
        attempts_max: u32,
        limit: u32,
    ) -> Result<Vec<ExpiredRun>, StoreError> {
        // Nearly always there is none: look before troubling the writer.
        let any = reading("look for expired leases", async {
            let query =
                sqlx::query("SELECT 1 FROM runs WHERE state = 1 AND lease_until <= ? LIMIT 1").bind(to_us(lease_end));
            Ok((&self.readers).fetch_optional(query).await?.is_some())
        });
        if !any.await? {
            return Ok(Vec::new());
        }
        self.write(Expire { lease_end, now, attempts_max, limit }).await
    }

    async fn due(&self, now: Timestamp, after: DuePlace, limit: u32) -> Result<Vec<DueRun>, StoreError> {
        reading("look for due runs", async {
            let sql = "SELECT id, owner, class, due_at FROM runs \
                       WHERE state = 0 AND due_at <= ? AND (due_at, id) > (?, ?) ORDER BY due_at, id LIMIT ?";
            let query =
                sqlx::query(sql).bind(to_us(now)).bind(to_us(after.at)).bind(bytes(after.run.as_uuid())).bind(limit);
            let rows = (&self.readers).fetch_all(query).await?;
            rows.iter()
                .map(|row| {
                    let run = RunId::from_uuid(id_from(row.try_get(0)?, "id")?);
                    let owner = UserId::from_uuid(id_from(row.try_get(1)?, "owner")?);
                    let hint = RunHint { run, owner, class: class_from(row.try_get(2)?)? };
                    Ok(DueRun { hint, place: DuePlace { at: from_us(row.try_get(3)?, "due_at")?, run } })
                })
                .collect()
        })
        .await
    }

    async fn events(&self, id: SubmissionId, after: Seq) -> Result<Vec<Event>, StoreError> {
        reading("read an event log", async {
            let sql = "SELECT s.submitted_at, r.state, r.attempts, r.lost, r.lease, r.lease_until, r.verdict, r.completed_at, \
                       e.log, e.data FROM code_submissions s JOIN runs r ON r.id = s.run \
                       LEFT JOIN execution_results e ON e.run = r.id WHERE s.id = ?";
            let row = (&self.readers).fetch_optional(sqlx::query(sql).bind(bytes(id.as_uuid()))).await?;
            let Some(row) = row else { return Ok(Vec::new()) };
            let mut events = vec![Event::queued(id, from_us(row.try_get(0)?, "submitted_at")?)];
            let columns = state_columns(&row, 1)?;
            let state = columns.read()?;
            if columns.state == JUDGED {
                let log: &str = row.try_get(8)?;
                events.extend(decode_log(id, log, row.try_get(9)?)?);
            } else if let Some(verdict) = state.verdict() {
                let at = from_us(row.try_get(7)?, "completed_at")?;
                events.push(Event::finished(id, state.attempts(), at, verdict));
            }
            events.retain(|event| event.seq > after);
            Ok(events)
        })
        .await
    }

    async fn counts(&self, now: Timestamp) -> Result<RunCounts, StoreError> {
        reading("count runs", async {
            let sql = "SELECT (SELECT count(*) FROM runs WHERE state = 0 AND due_at <= ?), \
                       (SELECT count(*) FROM runs WHERE state = 0 AND due_at > ?), \
                       (SELECT count(*) FROM runs WHERE state = 1), \
                       (SELECT min(due_at) FROM runs WHERE state = 0 AND due_at <= ?)";
            let now = to_us(now);
            let row = (&self.readers).fetch_one(sqlx::query(sql).bind(now).bind(now).bind(now)).await?;
            let count = |i: usize| Ok::<u64, Fault>(u64::try_from(row.try_get::<i64, _>(i)?).unwrap_or(0));
            let oldest: Option<i64> = row.try_get(3)?;
            let oldest_due_at = oldest.map(|us| from_us(us, "due_at")).transpose()?;
            Ok(RunCounts { queued: count(0)?, scheduled: count(1)?, leased: count(2)?, oldest_due_at })
        })
        .await
    }

    async fn scheduled_of(&self, owner: UserId, now: Timestamp) -> Result<u64, StoreError> {
        reading("count the scheduled runs of a user", async {
            let sql = "SELECT count(*) FROM runs INDEXED BY runs_waiting_of_owner \
                       WHERE state = 0 AND owner = ? AND due_at > ?";
            let query = sqlx::query(sql).bind(bytes(owner.as_uuid())).bind(to_us(now));
            let count: i64 = (&self.readers).fetch_one(query).await?.try_get(0)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
        .await
    }

    async fn idempotent(
        &self,
        owner: UserId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        reading("look for an idempotency key", async {
            let mut reader = self.readers.acquire().await?;
            idempotency_record(&mut reader, owner, key, now).await
        })
        .await
    }

    async fn forget(&self, over: Over, limit: u32) -> Result<u64, StoreError> {
        self.write(Forget { over, limit }).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        reading("ask whether the store answers", async {
            (&self.readers).fetch_optional(sqlx::query("SELECT 1 FROM users LIMIT 1")).await?;
            if self.writer.is_alive() { Ok(()) } else { Err(Fault::Closed) }
        })
        .await
    }
}

macro_rules! summary {
    () => {
        "SELECT s.id, s.language, s.submitted_at, r.state, r.attempts, r.lost, r.lease, r.lease_until, r.verdict, \
         r.completed_at, r.cpu_time_us, r.memory_bytes FROM code_submissions s JOIN runs r ON r.id = s.run "
    };
}
use summary;

fn summary_of(row: &SqliteRow) -> Result<SubmissionSummary, Fault> {
    let language: &str = row.try_get(1)?;
    let completed_at: Option<i64> = row.try_get(9)?;
    let cpu_time_us: Option<i64> = row.try_get(10)?;
    let memory_bytes: Option<i64> = row.try_get(11)?;
    Ok(SubmissionSummary {
        id: SubmissionId::from_uuid(id_from(row.try_get(0)?, "id")?),
        language: language.parse().map_err(|_| bad("language"))?,
        state: state_columns(row, 3)?.read()?,
        submitted_at: from_us(row.try_get(2)?, "submitted_at")?,
        completed_at: completed_at.map(|us| from_us(us, "completed_at")).transpose()?,
        cpu_time: cpu_time_us.and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros),
        memory: memory_bytes.and_then(|n| u64::try_from(n).ok()).map(Bytes::new),
    })
}

/// A row of [`RECORD`].
fn record_of(row: &SqliteRow) -> Result<SubmissionRecord, Fault> {
    let report: Option<&str> = row.try_get(15)?;
    let time = |i: usize, column| {
        let us: Option<i64> = row.try_get(i)?;
        Ok::<_, Fault>(us.map(|us| from_us(us, column)).transpose()?)
    };
    Ok(SubmissionRecord {
        submission: submission_of(row)?,
        run: RunId::from_uuid(id_from(row.try_get(6)?, "run")?),
        state: state_columns(row, 7)?.read()?,
        started_at: time(13, "started_at")?,
        completed_at: time(14, "completed_at")?,
        report: match report {
            Some(report) => Some(decode_report(report, row.try_get(16)?)?),
            None => None,
        },
    })
}

/// The first six columns: id, owner, language, submitted_at, spec, data.
fn submission_of(row: &SqliteRow) -> Result<cupel_types::Submission, Fault> {
    Ok(decode_submission(
        SubmissionId::from_uuid(id_from(row.try_get(0)?, "id")?),
        UserId::from_uuid(id_from(row.try_get(1)?, "owner")?),
        row.try_get(2)?,
        from_us(row.try_get(3)?, "submitted_at")?,
        row.try_get(4)?,
        row.try_get(5)?,
    )?)
}

/// CPU time and memory of the step that used most, each; `None` when nothing ran.
fn peak(report: &RunReport) -> Option<(Duration, Bytes)> {
    let steps = || report.execution.iter().chain(report.cases.iter().map(|c| &c.step));
    let cpu_time = steps().map(|s: &StepReport| s.usage.cpu_time).max()?;
    Some((cpu_time, steps().map(|s| s.usage.memory).max()?))
}
