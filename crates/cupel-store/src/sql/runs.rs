//! `RunStore`: queries, and methods that send commands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::event::{Event, Seq};
use cupel_core::run::{HistoryFilter, LeasedRun, RunState, SentFor, SubmissionRecord, SubmissionSummary};
use cupel_core::{
    Cancellation, Completion, DuePlace, DueRun, ExpiredRun, GivenBack, IdempotencyRecord, Inserted, Needs,
    NewSubmissions, Purged, RetentionCutoffs, RunCounts, RunHint, RunStore, RunningRun, StoreError,
};
use cupel_types::{
    Bytes, ContentHash, LanguageId, LeaseId, ProblemId, RunId, Submission, SubmissionId, SubmissionKind, UserId,
    WorkerId,
};
use jiff::Timestamp;

use super::commands::{
    Cancel, Complete, Expire, GiveBack, Insert, InsertRow, Lease, Leased, Renew, Sync, idempotency_record,
    state_columns,
};
use super::fault::SqlFault;
use super::history::{History, purpose_from, purpose_number};
use super::large::Fetched;
use super::problems::page_of;
use super::standings::{About, Judged};
use super::webhooks::PurgeExpired;
use super::{Row, SqlStore, Value, bytes, values};
use crate::rows::{
    BlobWriter, EncodedSubmission, JUDGED, bad, class_from, class_number, decode_log, decode_report, decode_submission,
    encode_log, encode_report, encode_submission, from_us, hash_from, id_from, needs_from, needs_text, score_from,
    to_us,
};

/// A submission with its latest run and result.
const RECORD: &str = "SELECT s.id, s.owner, s.language, s.submitted_at, s.spec, s.data, r.package, \
     r.id, r.state, r.attempts, r.lost, r.lease, r.lease_until, r.verdict, r.started_at, r.completed_at, \
     e.report, e.data, s.data_hash, e.data_hash \
     FROM code_submissions s JOIN runs r ON r.id = s.run LEFT JOIN execution_results e ON e.run = r.id WHERE s.id = ?";

/// Whether an [`Insert`] failed because its owner is disabled or deleted: of its deferred statements, only
/// `INSERT_SUBMISSION` has a condition.
fn is_owner_disabled(error: &StoreError) -> bool {
    matches!(error.source.downcast_ref(), Some(SqlFault::NotOne { changed: 0 }))
}

#[async_trait]
impl RunStore for SqlStore {
    async fn insert(&self, new: NewSubmissions) -> Result<Inserted, StoreError> {
        const OPERATION: &str = "insert submissions";
        let Some((first, _)) = new.submissions.first() else { return Ok(Inserted::New) };
        let (owner, now) = (first.owner, first.submitted_at);
        let also_needs = &new.also_needs;
        let (mut rows, mut sizes) = (Vec::new(), Vec::new());
        for (s, run) in &new.submissions {
            let encoded = if s.owner == owner { encode_submission(s) } else { Err(bad("owner")) };
            let EncodedSubmission { spec, data, memory_bytes } =
                encoded.map_err(|error| SqlFault::from(error).during(OPERATION))?;
            sizes.push(memory_bytes);
            rows.push(InsertRow {
                id: s.id,
                run: *run,
                language: s.language().map_or("", LanguageId::as_str).into(),
                submitted_at: s.submitted_at,
                due_at: s.run_at.unwrap_or(s.submitted_at),
                class: class_number(s.priority),
                webhook: s.webhook.clone(),
                spec,
                data: self.large.store_large(owner, data).await,
                about: About::of_work(&s.kind),
                needs: needs_text(also_needs.iter().chain(s.language())),
                purpose: purpose_number(SentFor::of(&s.kind)),
            });
        }
        let insert = Insert { owner, rows, idempotency: new.idempotency, is_awaited: new.is_awaited, now };
        let inserted = match self.write(insert).await {
            Err(error) if is_owner_disabled(&error) => Inserted::OwnerDisabled,
            inserted => inserted?,
        };
        if inserted == Inserted::New {
            for ((submission, run), bytes) in new.submissions.into_iter().zip(sizes) {
                // A submission scheduled for later is not kept in memory.
                if submission.run_at.is_none() {
                    self.recent.keep(run, submission, bytes);
                }
            }
        }
        Ok(inserted)
    }

    async fn sync(&self) -> Result<(), StoreError> {
        self.write(Sync).await
    }

    async fn submission(&self, id: SubmissionId) -> Result<Option<SubmissionRecord>, StoreError> {
        let read = self.read_whole("read a submission", move |db, fetched| {
            db.one(RECORD, values![bytes(id.as_uuid())], |row| record_of(row, fetched))
        });
        read.await
    }

    async fn submissions(&self, ids: &[SubmissionId]) -> Result<Vec<SubmissionRecord>, StoreError> {
        let ids = ids.to_vec();
        let read = self.read_whole("read submissions", move |db, fetched| {
            let (mut records, mut elsewhere) = (Vec::with_capacity(ids.len()), Vec::new());
            for id in &ids {
                match db.one(RECORD, values![bytes(id.as_uuid())], |row| record_of(row, fetched)) {
                    Err(SqlFault::Elsewhere(hashes)) => elsewhere.extend(hashes),
                    record => records.extend(record?),
                }
            }
            if elsewhere.is_empty() { Ok(records) } else { Err(SqlFault::Elsewhere(elsewhere)) }
        });
        read.await
    }

    async fn list(
        &self,
        owner: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError> {
        // Values above `i64::MAX` are clamped.
        let [offset, limit] = [offset, limit].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let read = self.read("list submissions", move |db| {
            let (count, page) = match owner {
                // The rows skipped by OFFSET are read from an index only.
                Some(_) => (
                    "SELECT count(*) FROM code_submissions WHERE owner = ?",
                    concat!(
                        summary!(),
                        "WHERE s.id IN (SELECT id FROM code_submissions WHERE owner = ?3 ORDER BY id DESC LIMIT ?1 OFFSET ?2) \
                         ORDER BY s.id DESC"
                    ),
                ),
                None => (
                    "SELECT count(*) FROM code_submissions",
                    concat!(
                        summary!(),
                        "WHERE s.id IN (SELECT id FROM code_submissions ORDER BY id DESC LIMIT ?1 OFFSET ?2) ORDER BY s.id DESC"
                    ),
                ),
            };
            let owner = owner.as_ref().map(|owner| bytes(owner.as_uuid()));
            let total = match owner {
                Some(owner) => db.count(count, values![owner])?,
                None => db.count(count, values![])?,
            };
            let page = match owner {
                Some(owner) => db.all(page, values![limit, offset, owner], summary_of)?,
                None => db.all(page, values![limit, offset], summary_of)?,
            };
            Ok((page, total))
        });
        read.await
    }

    async fn history(
        &self,
        filter: HistoryFilter,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<SubmissionSummary>, StoreError> {
        let read = self.read("list submissions", move |db| {
            let History { tables, id, conditions, mut values } = History::of(&filter);
            // The rows skipped by OFFSET are read from an index only.
            let page = format!(
                "{}WHERE s.id IN (SELECT {id} FROM {tables} WHERE {conditions} ORDER BY {id} DESC LIMIT ? OFFSET ?) \
                 ORDER BY s.id DESC",
                summary!()
            );
            values.extend(page_of(offset, limit).map(Value::Int));
            db.all(&page, &values, summary_of)
        });
        read.await
    }

    async fn history_count(&self, filter: HistoryFilter) -> Result<u64, StoreError> {
        let read = self.read("count submissions", move |db| {
            let History { tables, conditions, values, .. } = History::of(&filter);
            db.count(&format!("SELECT count(*) FROM {tables} WHERE {conditions}"), &values)
        });
        read.await
    }

    async fn lease(
        &self,
        run: RunId,
        lease: LeaseId,
        worker: WorkerId,
        now: Timestamp,
        until: Timestamp,
        languages: Option<Arc<BTreeSet<LanguageId>>>,
    ) -> Result<Option<LeasedRun>, StoreError> {
        let leased = self.write(Lease { run, lease, worker, now, until, languages }).await?;
        let Some(leased) = leased else { return Ok(None) };
        let Leased { attempt, lost, started_at, package, time_limit, limit_start, needs } = leased;
        let submission = match self.recent.take(run) {
            Some(submission) => at_package(submission, package),
            None => self.submission_of_run(run).await?,
        };
        Ok(Some(LeasedRun { run, lease, attempt, lost, until, started_at, needs, time_limit, limit_start, submission }))
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
        let (report, log) = encoded.map_err(|error| SqlFault::from(error).during("record a result"))?;
        let (cpu_time, memory) = done.report.peak().unzip();
        let command = Complete {
            run,
            lease,
            verdict: done.report.verdict,
            at: done.at,
            cpu_time_us: cpu_time.and_then(|t: Duration| i64::try_from(t.as_micros()).ok()),
            memory_bytes: memory.and_then(|m: Bytes| i64::try_from(m.get()).ok()),
            is_exact: !done.report.ran_hidden_cases(),
            judged: Judged::of(&done.report, cpu_time, memory),
            report,
            log,
            data: self.large.store_large(done.owner, blob.finish()).await,
        };
        self.write(command).await
    }

    async fn give_back(
        &self,
        run: RunId,
        lease: LeaseId,
        given: GivenBack,
    ) -> Result<Option<(SubmissionId, RunState)>, StoreError> {
        self.write(GiveBack { run, lease, given }).await
    }

    async fn cancel(
        &self,
        submission: SubmissionId,
        run: Option<RunId>,
        now: Timestamp,
    ) -> Result<Option<Cancellation>, StoreError> {
        self.write(Cancel { submission, run, now }).await
    }

    async fn expire(
        &self,
        lease_end: Timestamp,
        now: Timestamp,
        attempts_max: u32,
        limit: u32,
    ) -> Result<Vec<ExpiredRun>, StoreError> {
        // Usually no lease has expired, so a read comes first and avoids work for the writer.
        let any = self.read("find expired leases", move |db| {
            let sql = "SELECT 1 FROM runs WHERE state = 1 AND lease_until <= ? LIMIT 1";
            db.exists(sql, values![to_us(lease_end)])
        });
        if !any.await? {
            return Ok(Vec::new());
        }
        self.write(Expire { lease_end, now, attempts_max, limit }).await
    }

    async fn due(&self, now: Timestamp, after: DuePlace, limit: u32) -> Result<Vec<DueRun>, StoreError> {
        let read = self.read("find due runs", move |db| {
            let sql = "SELECT id, owner, class, due_at, needs FROM runs \
                       WHERE state = 0 AND due_at <= ? AND (due_at, id) > (?, ?) ORDER BY due_at, id LIMIT ?";
            db.all(sql, values![to_us(now), to_us(after.at), bytes(after.run.as_uuid()), limit], |row| {
                let run = RunId::from_uuid(id_from(row.blob(0)?, "id")?);
                let owner = UserId::from_uuid(id_from(row.blob(1)?, "owner")?);
                let hint = RunHint::new(run, owner, class_from(row.get(2)?)?);
                let needs = needs_from(row.get(4)?)?;
                Ok(DueRun { hint, needs, place: DuePlace { at: from_us(row.get(3)?, "due_at")?, run } })
            })
        });
        read.await
    }

    async fn events(&self, id: SubmissionId, after: Seq) -> Result<Vec<Event>, StoreError> {
        let read = self.read_whole("read an event log", move |db, fetched| {
            let sql = "SELECT s.submitted_at, r.state, r.attempts, r.lost, r.lease, r.lease_until, r.verdict, r.completed_at, \
                       e.log, e.data, e.data_hash FROM code_submissions s JOIN runs r ON r.id = s.run \
                       LEFT JOIN execution_results e ON e.run = r.id WHERE s.id = ?";
            let events = db.one(sql, values![bytes(id.as_uuid())], |row| {
                let mut events = vec![Event::queued(id, from_us(row.get(0)?, "submitted_at")?)];
                let columns = state_columns(row, 1)?;
                let state = columns.read()?;
                if columns.state == JUDGED {
                    events.extend(decode_log(id, row.text(8)?, fetched.data(row, 9, 10)?)?);
                } else if let Some(verdict) = state.verdict() {
                    let at = from_us(row.get(7)?, "completed_at")?;
                    events.push(Event::finished(id, state.attempts(), at, verdict));
                }
                events.retain(|event| event.seq > after);
                Ok(events)
            });
            Ok(events?.unwrap_or_default())
        });
        read.await
    }

    async fn counts(&self, now: Timestamp) -> Result<RunCounts, StoreError> {
        let read = self.read("count runs", move |db| {
            let sql = "SELECT (SELECT count(*) FROM runs WHERE state = 0 AND due_at <= ?1), \
                       (SELECT count(*) FROM runs WHERE state = 0 AND due_at > ?1), \
                       (SELECT count(*) FROM runs WHERE state = 1), \
                       (SELECT min(due_at) FROM runs WHERE state = 0 AND due_at <= ?1), \
                       (SELECT count(*) FROM dead_letters)";
            let counts = db.one(sql, values![to_us(now)], |row| {
                let count = |i: usize| Ok::<u64, SqlFault>(u64::try_from(row.get::<i64>(i)?).unwrap_or(0));
                let oldest: Option<i64> = row.get(3)?;
                let oldest_due_at = oldest.map(|us| from_us(us, "due_at")).transpose()?;
                Ok(RunCounts {
                    queued: count(0)?,
                    scheduled: count(1)?,
                    leased: count(2)?,
                    oldest_due_at,
                    dead: count(4)?,
                })
            });
            Ok(counts?.ok_or(bad("count"))?)
        });
        read.await
    }

    async fn running(&self, limit: u32) -> Result<Vec<RunningRun>, StoreError> {
        let read = self.read("list running runs", move |db| {
            let sql = "SELECT r.submission, u.username, s.language, p.slug, r.attempts, r.started_at, r.worker, \
                       (SELECT name FROM workers WHERE workers.id = r.worker) FROM runs r \
                       JOIN code_submissions s ON s.id = r.submission JOIN users u ON u.id = r.owner \
                       LEFT JOIN problems p ON p.id = r.problem WHERE r.state = 1 ORDER BY r.started_at, r.id LIMIT ?";
            db.all(sql, values![i64::from(limit)], running_run)
        });
        read.await
    }

    async fn waiting_for(&self, now: Timestamp) -> Result<Vec<(Needs, u64)>, StoreError> {
        let read = self.read("count waiting runs by languages", move |db| {
            let sql = "SELECT needs, count(*) FROM runs WHERE state = 0 AND due_at <= ? GROUP BY needs";
            db.all(sql, values![to_us(now)], |row| {
                let waiting = u64::try_from(row.get::<i64>(1)?).unwrap_or(0);
                Ok((needs_from(row.get(0)?)?, waiting))
            })
        });
        read.await
    }

    async fn scheduled_of(&self, owner: UserId, now: Timestamp) -> Result<u64, StoreError> {
        let read = self.read("count the scheduled runs of a user", move |db| {
            let sql = "SELECT count(*) FROM runs /*sqlite*/ INDEXED BY runs_waiting_of_owner /*end*/ \
                       WHERE state = 0 AND owner = ? AND due_at > ?";
            db.count(sql, values![bytes(owner.as_uuid()), to_us(now)])
        });
        read.await
    }

    async fn idempotent(
        &self,
        owner: UserId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let key = key.to_owned();
        let read = self.read("find an idempotency key", move |db| idempotency_record(db, owner, &key, now));
        read.await
    }

    async fn purge_expired(&self, cutoffs: RetentionCutoffs, limit: u32) -> Result<Purged, StoreError> {
        self.write(PurgeExpired { cutoffs, limit }).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let writes = self.backend.commands().state();
        let read = self.read("query the database", move |db| {
            // A standby answers queries, and so does a server that an administrator made read-only.
            let writable = "SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1) AS any_user \
                            /*pg HAVING current_setting('transaction_read_only') = 'off' */";
            if db.exists(writable, values![])? { writes.clone() } else { Err(SqlFault::ReadOnly) }
        });
        read.await
    }

    async fn close(&self) {
        self.backend.close().await;
    }
}

impl SqlStore {
    async fn submission_of_run(&self, run: RunId) -> Result<Submission, StoreError> {
        let read = self.read_whole("read the submission of a run", move |db, fetched| {
            let sql = "SELECT s.id, s.owner, s.language, s.submitted_at, s.spec, s.data, r.package, s.data_hash \
                       FROM runs r JOIN code_submissions s ON s.id = r.submission WHERE r.id = ?";
            let submission =
                db.one(sql, values![bytes(run.as_uuid())], |row| submission_of(row, fetched.data(row, 5, 7)?))?;
            Ok(submission.ok_or(bad("submission"))?)
        });
        read.await
    }
}

/// The submission with the package version of this run.
fn at_package(mut submission: Submission, package: Option<ContentHash>) -> Submission {
    match (&mut submission.kind, package) {
        (SubmissionKind::Problem(solution), Some(package)) => solution.of.package = package,
        (SubmissionKind::Verify(of), Some(package)) => of.package = package,
        (SubmissionKind::Program(_), _) | (_, None) => {}
    }
    submission
}

pub(crate) fn package_of(row: Row<'_>, column: usize) -> Result<Option<ContentHash>, SqlFault> {
    let hash: Option<&[u8]> = row.get(column)?;
    Ok(hash.map(|hash| hash_from(hash, "package")).transpose()?)
}

fn running_run(row: Row<'_>) -> Result<RunningRun, SqlFault> {
    let slug: Option<String> = row.get(3)?;
    Ok(RunningRun {
        submission: SubmissionId::from_uuid(id_from(row.blob(0)?, "submission")?),
        username: row.get(1)?,
        language: language_of(row.text(2)?)?,
        problem: slug.map(|slug| slug.parse().map_err(|_| bad("slug"))).transpose()?,
        attempt: row.get(4)?,
        started_at: from_us(row.get(5)?, "started_at")?,
        worker: WorkerId::from_uuid(id_from(row.blob(6)?, "worker")?),
        worker_name: row.get(7)?,
    })
}

/// The language of a submission; empty in the row of a package verification.
pub(crate) fn language_of(name: &str) -> Result<Option<LanguageId>, SqlFault> {
    if name.is_empty() {
        return Ok(None);
    }
    Ok(Some(name.parse().map_err(|_| bad("language"))?))
}

macro_rules! summary {
    () => {
        "SELECT s.id, s.language, s.submitted_at, r.state, r.attempts, r.lost, r.lease, r.lease_until, r.verdict, \
         r.completed_at, r.cpu_time_us, r.memory_bytes, s.owner, r.problem, r.score, u.username, p.slug, r.purpose, r.exact, \
         r.due_at \
         FROM code_submissions s JOIN runs r ON r.id = s.run JOIN users u ON u.id = s.owner \
         LEFT JOIN problems p ON p.id = r.problem "
    };
}
pub(crate) use summary;

pub(crate) fn summary_of(row: Row<'_>) -> Result<SubmissionSummary, SqlFault> {
    let completed_at: Option<i64> = row.get(9)?;
    let cpu_time_us: Option<i64> = row.get(10)?;
    let memory_bytes: Option<i64> = row.get(11)?;
    let slug: Option<String> = row.get(16)?;
    let state = state_columns(row, 3)?.read()?;
    let submitted_at = from_us(row.get(2)?, "submitted_at")?;
    let sent_for = purpose_from(row.get(17)?)?;
    // Later, the column is the time of the next attempt. A rejudge is due when it is requested.
    let is_scheduled = matches!(state, RunState::Queued { attempts: 0, .. }) && sent_for == SentFor::Run;
    let due_at = if is_scheduled { Some(from_us(row.get(19)?, "due_at")?) } else { None };
    Ok(SubmissionSummary {
        id: SubmissionId::from_uuid(id_from(row.blob(0)?, "id")?),
        owner: UserId::from_uuid(id_from(row.blob(12)?, "owner")?),
        language: language_of(row.text(1)?)?,
        state,
        submitted_at,
        run_at: due_at.filter(|due| *due > submitted_at),
        completed_at: completed_at.map(|us| from_us(us, "completed_at")).transpose()?,
        cpu_time: cpu_time_us.and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros),
        memory: memory_bytes.and_then(|n| u64::try_from(n).ok()).map(Bytes::new),
        problem: match row.get::<Option<&[u8]>>(13)? {
            Some(id) => Some(ProblemId::from_uuid(id_from(id, "problem")?)),
            None => None,
        },
        score: score_from(row.get(14)?)?,
        username: row.get(15)?,
        slug: slug.map(|slug| slug.parse().map_err(|_| bad("slug"))).transpose()?,
        sent_for,
        is_exact: row.get::<Option<i64>>(18)? == Some(1),
    })
}

/// Decodes a row of [`RECORD`].
fn record_of(row: Row<'_>, fetched: &Fetched) -> Result<SubmissionRecord, SqlFault> {
    let time = |i: usize, column| {
        let us: Option<i64> = row.get(i)?;
        Ok::<_, SqlFault>(us.map(|us| from_us(us, column)).transpose()?)
    };
    let has_report = !row.is_null(16)?;
    Ok(SubmissionRecord {
        submission: submission_of(row, fetched.data(row, 5, 18)?)?,
        run: RunId::from_uuid(id_from(row.blob(7)?, "run")?),
        state: state_columns(row, 8)?.read()?,
        started_at: time(14, "started_at")?,
        completed_at: time(15, "completed_at")?,
        report: if has_report { Some(decode_report(row.text(16)?, fetched.data(row, 17, 19)?)?) } else { None },
    })
}

/// Decodes the first seven columns: id, owner, language, submitted_at, spec, data (passed as `data`), package.
fn submission_of(row: Row<'_>, data: &[u8]) -> Result<cupel_types::Submission, SqlFault> {
    Ok(decode_submission(
        SubmissionId::from_uuid(id_from(row.blob(0)?, "id")?),
        UserId::from_uuid(id_from(row.blob(1)?, "owner")?),
        row.text(2)?,
        from_us(row.get(3)?, "submitted_at")?,
        row.text(4)?,
        data,
        package_of(row, 6)?,
    )?)
}
