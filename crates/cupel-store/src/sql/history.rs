//! A user's history as SQL: chooses the driving table, so that every filter has an index and no page scans all
//! submissions.
//!
//! The most selective table drives the join: `runs` if the filter names a problem, verdict, purpose or stage that is
//! indexed there, otherwise `code_submissions`. In both cases, the rows are ordered by submission id. All values are
//! bound; the conditions contain constant text only.

use std::borrow::Cow;

use cupel_core::run::{HistoryFilter, SentFor, Stage};
use cupel_types::Verdict;

use super::Value;
use super::fault::SqlFault;
use super::problems::blob_of;
use crate::rows::{bad, to_us};

/// The `FROM` clause, the column with the submission id, the `WHERE` condition, and its values.
pub(crate) struct History<'f> {
    pub(crate) tables: &'static str,
    pub(crate) id: &'static str,
    pub(crate) conditions: String,
    pub(crate) values: Vec<Value<'f>>,
}

impl<'f> History<'f> {
    pub(crate) fn of(filter: &'f HistoryFilter) -> History<'f> {
        let leads = filter.problem.is_some()
            || filter.verdict.is_some()
            || filter.sent_for.is_some_and(|sent_for| sent_for != SentFor::Run)
            || matches!(filter.stage, Some(Stage::Queued | Stage::Running | Stage::Completed | Stage::Cancelled));
        let owner = blob_of(filter.owner.as_uuid());
        let mut all = if leads {
            // In a CROSS JOIN, SQLite scans the first table first.
            let tables = match filter.stage {
                // SQLite would prefer to read all runs in the order of the list.
                Some(Stage::Running) => {
                    "runs r /*sqlite*/ INDEXED BY runs_leased CROSS /*end*/ \
                     JOIN code_submissions s ON s.id = r.submission AND s.run = r.id"
                }
                _ => "runs r /*sqlite*/ CROSS /*end*/ JOIN code_submissions s ON s.id = r.submission AND s.run = r.id",
            };
            History { tables, id: "r.submission", conditions: "r.owner = ?".to_owned(), values: vec![owner] }
        } else {
            let tables = "code_submissions s JOIN runs r ON r.id = s.run";
            History { tables, id: "s.id", conditions: "s.owner = ?".to_owned(), values: vec![owner] }
        };
        if let Some(slug) = &filter.problem {
            let slug = Value::Text(Cow::Borrowed(slug.as_str()));
            all.and("r.problem = (SELECT p.id FROM problems p WHERE p.slug = ?)", [slug]);
        }
        if let Some(language) = &filter.language {
            all.and("s.language = ?", [Value::Text(Cow::Borrowed(language.as_str()))]);
        }
        if let Some(verdict) = filter.verdict {
            all.and("r.verdict = ?", [code(verdict)]);
        }
        if let Some(sent_for) = filter.sent_for {
            match purpose_number(sent_for) {
                None => all.and("r.purpose IS NULL", []),
                Some(number) => all.and("r.purpose = ?", [Value::Int(number)]),
            }
        }
        match filter.stage {
            None => {}
            Some(Stage::Queued) => all.and("r.state = 0", []),
            Some(Stage::Running) => all.and("r.state = 1", []),
            Some(Stage::Completed) => all.and("r.verdict = ?", [code(Verdict::Accepted)]),
            Some(Stage::Failed) => {
                let failed = "(r.state = 4 OR (r.state = 2 AND r.verdict NOT IN (?, ?)))";
                all.and(failed, [code(Verdict::Accepted), code(Verdict::Cancelled)]);
            }
            Some(Stage::Cancelled) => {
                let cancelled = "r.id IN (SELECT c.id FROM runs c WHERE c.owner = ? AND c.state > 2 AND c.state = 3 \
                                 UNION ALL SELECT c.id FROM runs c WHERE c.owner = ? AND c.verdict = ?)";
                let owner = blob_of(filter.owner.as_uuid());
                all.and(cancelled, [owner.clone(), owner, code(Verdict::Cancelled)]);
            }
        }
        if let Some(from) = filter.from {
            all.and("s.submitted_at >= ?", [Value::Int(to_us(from))]);
        }
        if let Some(to) = filter.to {
            all.and("s.submitted_at < ?", [Value::Int(to_us(to))]);
        }
        let id = all.id;
        if let Some(first) = &filter.first {
            all.and(&format!("{id} >= ?"), [blob_of(first.as_uuid())]);
        }
        if let Some(before) = &filter.before {
            all.and(&format!("{id} < ?"), [blob_of(before.as_uuid())]);
        }
        all
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value<'f>>) {
        self.conditions.push_str(" AND ");
        self.conditions.push_str(condition);
        self.values.extend(values);
    }
}

fn code(verdict: Verdict) -> Value<'static> {
    Value::Text(Cow::Borrowed(verdict.code()))
}

/// The stored number of a purpose. `None` for programs without a problem, which are the majority and need no index.
pub(crate) const fn purpose_number(sent_for: SentFor) -> Option<i64> {
    match sent_for {
        SentFor::Run => None,
        SentFor::Submission => Some(1),
        SentFor::Samples => Some(2),
        SentFor::CustomInput => Some(3),
        SentFor::Verification => Some(4),
    }
}

pub(crate) fn purpose_from(number: Option<i64>) -> Result<SentFor, SqlFault> {
    Ok(SentFor::ALL.into_iter().find(|one| purpose_number(*one) == number).ok_or(bad("purpose"))?)
}
