//! `GET /statistics`: numbers of the caller's own programs. The original counts the programs of all clients.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
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

/// Maximum number of entries: users, each with one or both flavours.
const ENTRIES_MAX: usize = 1000;

/// The numbers counted last, by user.
#[derive(Debug, Default)]
pub(super) struct Statistics(Mutex<HashMap<(UserId, Flavour), Entry>>);

/// The numbers of one user.
#[derive(Debug)]
struct Entry {
    used: Instant,
    counted: Counted,
}

/// The numbers and the time at which they were counted. A request holds the lock while it counts, so that other
/// requests wait for its numbers instead of counting, too.
type Counted = Arc<tokio::sync::Mutex<Option<(Instant, Numbers)>>>;

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
        self.counted((user, flavour), invalidate, count(core, user, flavour)).await
    }

    /// The numbers of a user: from the cache or, if they are too old, those that `count` returns.
    async fn counted(
        &self,
        key: (UserId, Flavour),
        invalidate: bool,
        count: impl Future<Output = Result<Numbers, StoreError>>,
    ) -> Result<Numbers, StoreError> {
        let age_max = if invalidate { AGE_MIN } else { CACHED_FOR };
        let counted = self.entry(key);
        let mut counted = counted.lock().await;
        if let Some((_, numbers)) = counted.as_ref().filter(|(at, _)| at.elapsed() < age_max) {
            return Ok(numbers.clone());
        }
        let numbers = count.await?;
        *counted = Some((Instant::now(), numbers.clone()));
        Ok(numbers)
    }

    /// The entry of a user. If there are too many entries, a new one replaces the one that was not used for the longest
    /// time.
    fn entry(&self, key: (UserId, Flavour)) -> Counted {
        // Each change of the map is a single call, so the map is valid even if the lock is poisoned.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ENTRIES_MAX && !known.contains_key(&key) {
            let oldest = known.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        let used = Instant::now();
        let entry = known.entry(key).or_insert_with(|| Entry { used, counted: Counted::default() });
        entry.used = used;
        Arc::clone(&entry.counted)
    }
}

async fn count(core: &Core, user: UserId, flavour: Flavour) -> Result<Numbers, StoreError> {
    let now = core.now();
    let viewer = AuthenticatedUser::of(user);
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn key(n: u128) -> (UserId, Flavour) {
        (UserId::from_uuid(uuid::Uuid::from_u128(n)), Flavour::Ce)
    }

    fn numbers(total: u64) -> Numbers {
        Numbers {
            created_at: String::new(),
            cached_until: String::new(),
            submissions: Submissions { total, today: 0, last_30_days: Days(Vec::new()) },
            languages: Vec::new(),
            statuses: Vec::new(),
            database: Value::Null,
        }
    }

    #[tokio::test]
    async fn requests_at_the_same_time_share_one_count() {
        let (statistics, begun) = (Statistics::default(), Cell::new(0));
        let request = async |invalidate, fails: bool| {
            let count = async {
                begun.set(begun.get() + 1);
                // The other requests arrive meanwhile.
                tokio::task::yield_now().await;
                let error = StoreError { operation: "count", transient: true, source: "busy".into() };
                if fails { Err(error) } else { Ok(numbers(begun.get())) }
            };
            statistics.counted(key(1), invalidate, count).await.ok().map(|numbers| numbers.submissions.total)
        };
        let totals = tokio::join!(request(false, true), request(true, false), request(false, false));
        assert_eq!(totals, (None, Some(2), Some(2)), "after a failure, the next request counts");
        assert_eq!(begun.get(), 2);
    }

    #[test]
    fn a_new_user_replaces_the_one_that_asked_the_longest_time_ago() {
        let statistics = Statistics::default();
        let first = statistics.entry(key(0));
        let second = statistics.entry(key(1));
        for n in 2..ENTRIES_MAX as u128 {
            statistics.entry(key(n));
        }
        assert!(Arc::ptr_eq(&statistics.entry(key(0)), &first), "used again");
        statistics.entry(key(u128::MAX));
        assert_eq!(statistics.0.lock().unwrap().len(), ENTRIES_MAX);
        assert!(Arc::ptr_eq(&statistics.entry(key(0)), &first));
        assert!(!Arc::ptr_eq(&statistics.entry(key(1)), &second));
    }
}
