//! `GET /statistics`: numbers of the caller's own programs. The original counts the programs of all clients.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::run::{HistoryFilter, SentFor, Stage};
use cupel_core::{AuthenticatedUser, Core, StoreError};
use cupel_types::{UserId, Verdict};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::languages::{self, Flavour};
use super::render::date;
use super::result::Status;

/// How long counted numbers are returned from the cache; as in the original.
const CACHED_FOR: Duration = Duration::from_secs(600);

/// Minimum age of numbers that `invalidate_cache` replaces, because counting is expensive.
const AGE_MIN: Duration = Duration::from_secs(10);

/// Maximum number of users whose numbers are cached.
const USERS_MAX: usize = 1000;

/// The numbers counted last, by user.
#[derive(Debug, Default)]
pub(super) struct Statistics(Mutex<HashMap<(UserId, Flavour), (Instant, Numbers)>>);

/// The response.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Numbers {
    created_at: String,
    cached_until: String,
    submissions: Submissions,
    languages: Vec<Value>,
    statuses: Vec<Value>,
    database: Value,
}

#[derive(Clone, Debug, Serialize)]
struct Submissions {
    total: u64,
    today: u64,
    last_30_days: Days,
}

/// Numbers of submissions by date, newest first, as a JSON object that keeps this order.
#[derive(Clone, Debug)]
struct Days(Vec<(String, u64)>);

impl Serialize for Days {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (date, count) in &self.0 {
            map.serialize_entry(date, count)?;
        }
        map.end()
    }
}

impl Statistics {
    /// The numbers of this user.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub(super) async fn of(
        &self,
        core: &Core,
        user: UserId,
        flavour: Flavour,
        invalidate: bool,
    ) -> Result<Numbers, StoreError> {
        let age_max = if invalidate { AGE_MIN } else { CACHED_FOR };
        let cached = |known: &HashMap<_, (Instant, Numbers)>| {
            known.get(&(user, flavour)).filter(|(at, _)| at.elapsed() < age_max).map(|(_, value)| value.clone())
        };
        // Each change of the map is a single call, so the map is valid even if the lock is poisoned.
        let found = cached(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(found) = found {
            return Ok(found);
        }
        let counted = count(core, user, flavour).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= USERS_MAX {
            known.retain(|_, (at, _)| at.elapsed() < CACHED_FOR);
        }
        if known.len() < USERS_MAX {
            known.insert((user, flavour), (Instant::now(), counted.clone()));
        }
        Ok(counted)
    }
}

async fn count(core: &Core, user: UserId, flavour: Flavour) -> Result<Numbers, StoreError> {
    let now = core.now();
    let viewer = AuthenticatedUser { user, is_admin: false };
    let programs = || HistoryFilter { sent_for: Some(SentFor::Run), ..HistoryFilter::of(user) };
    let total = core.history_count(&viewer, programs()).await?;
    // Days of UTC. A date near the limit of the representable range cannot occur.
    let today = now.to_zoned(TimeZone::UTC).start_of_day().unwrap_or_else(|_| now.to_zoned(TimeZone::UTC));
    let since = |from, to| HistoryFilter { from: Some(from), to, ..programs() };
    let of_today = core.history_count(&viewer, since(today.timestamp(), None)).await?;
    let mut days = Vec::new();
    for day in 1..=30 {
        let (Ok(from), Ok(to)) = (today.checked_sub(day.days()), today.checked_sub((day - 1).days())) else { continue };
        let count = core.history_count(&viewer, since(from.timestamp(), Some(to.timestamp()))).await?;
        days.push((from.strftime("%Y-%m-%d").to_string(), count));
    }
    let registry = core.registry();
    let mut by_language = Vec::new();
    for (id, language) in languages::with_first_id(&registry, flavour) {
        let filter = HistoryFilter { language: Some(language.id.clone()), ..programs() };
        let count = core.history_count(&viewer, filter).await?;
        if count > 0 {
            by_language.push((count, languages::short(&registry, flavour, id)));
        }
    }
    by_language.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let mut by_status: Vec<(u64, Status)> = Vec::new();
    for (status, filter) in statuses(&programs) {
        let count = core.history_count(&viewer, filter).await?;
        match by_status.iter_mut().find(|(_, known)| *known == status) {
            Some((sum, _)) => *sum += count,
            None => by_status.push((count, status)),
        }
    }
    by_status.retain(|(count, _)| *count > 0);
    by_status.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let until = now.checked_add(SignedDuration::try_from(CACHED_FOR).unwrap_or_default()).unwrap_or(now);
    let languages = by_language.into_iter().map(|(count, language)| json!({ "language": language, "count": count }));
    let statuses = by_status.into_iter().map(
        |(count, status)| json!({ "status": { "id": status.id(), "name": status.description() }, "count": count }),
    );
    Ok(Numbers {
        created_at: date(now),
        cached_until: date(until),
        submissions: Submissions { total, today: of_today, last_30_days: Days(days) },
        languages: languages.collect(),
        statuses: statuses.collect(),
        // Only the operator knows the size of the database.
        database: json!({ "size_pretty": "0 bytes", "size_in_bytes": 0 }),
    })
}

/// The statuses that the store can count, with their filters. The signal of a run-time error is not stored in a column,
/// so all run-time errors count as one status.
fn statuses(programs: &impl Fn() -> HistoryFilter) -> Vec<(Status, HistoryFilter)> {
    let of = |verdict| HistoryFilter { verdict: Some(verdict), ..programs() };
    let at = |stage| HistoryFilter { stage: Some(stage), ..programs() };
    let judged = Verdict::ALL.into_iter().filter_map(|verdict| Some((status_of(verdict)?, of(verdict))));
    [(Status::InQueue, at(Stage::Queued)), (Status::Processing, at(Stage::Running))].into_iter().chain(judged).collect()
}

/// The status as which a verdict is counted; `None` for verdicts that a run without a problem never gets.
const fn status_of(verdict: Verdict) -> Option<Status> {
    Some(match verdict {
        Verdict::Accepted => Status::Accepted,
        Verdict::WrongAnswer => Status::WrongAnswer,
        Verdict::TimeLimit | Verdict::IdleLimit => Status::TimeLimitExceeded,
        Verdict::CompileError | Verdict::CompileLimit => Status::CompilationError,
        Verdict::RuntimeError => Status::Nzec,
        Verdict::OutputLimit => Status::Sigxfsz,
        Verdict::MemoryLimit | Verdict::SecurityViolation => Status::Other,
        Verdict::InternalError => Status::InternalError,
        Verdict::PartialScore | Verdict::PresentationError | Verdict::Skipped | Verdict::Cancelled => return None,
    })
}
