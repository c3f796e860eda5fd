//! Filters as SQL. All values are bound; the conditions contain constant text only.

use cupel_core::problems::{ProblemFilter, ProblemSort, SolveState, SubmissionFilter};
use cupel_types::{SubmissionId, Verdict};
use std::borrow::Cow;

use super::{Value, blob_of, difficulty_number};
use crate::rows::to_us;
use crate::sql::freezes::hidden_from;

/// The `WHERE` condition, its values, and the `ORDER BY` expression.
pub(crate) struct Conditions<'f> {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value<'f>>,
    pub(crate) order: &'static str,
}

impl<'f> Conditions<'f> {
    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value<'f>>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// Conditions on problems `p`. `r` and `w` are the results and the withheld results of the user for whom the query
    /// is run; the first two values bind this user in the joins with them.
    pub(crate) fn of(filter: &'f ProblemFilter) -> Conditions<'f> {
        let asker = filter.asker.as_ref().map_or(Value::Null, |asker| blob_of(asker.as_uuid()));
        let order = match filter.sort {
            ProblemSort::Title => "p.title_key, p.id",
            ProblemSort::Newest => "p.created_at DESC, p.id DESC",
            ProblemSort::Difficulty => "p.difficulty IS NULL, p.difficulty, p.title_key, p.id",
            ProblemSort::Solved => "p.solved_by DESC, p.title_key, p.id",
        };
        let mut all = Conditions { sql: String::new(), values: vec![asker.clone(), asker.clone()], order };
        // The problems that the asker may change, and the number of values: all are the asker.
        let (own, askers) = if filter.is_author {
            let own = "(p.owner = ? OR EXISTS \
                       (SELECT 1 FROM problem_members m WHERE m.problem = p.id AND m.\"user\" = ? AND m.part = 'author'))";
            (own, 2)
        } else {
            ("FALSE", 0)
        };
        let askers = std::iter::repeat_n(asker.clone(), askers);
        if filter.own {
            all.and(own, askers);
        } else if filter.sees_all {
            all.and("TRUE", []);
        } else if filter.asker.is_some() {
            let seen = format!(
                "(p.visibility = 2 OR {own} OR (p.visibility = 1 AND EXISTS \
                 (SELECT 1 FROM problem_members m WHERE m.problem = p.id AND m.\"user\" = ?) AND NOT EXISTS \
                 (SELECT 1 FROM contest_problems e JOIN contests c ON c.id = e.contest \
                 WHERE e.problem = p.id AND c.starts_at <= ? AND c.starts_at + c.length_us > ?)))"
            );
            let now = Value::Int(to_us(filter.now));
            all.and(&seen, askers.chain([asker, now.clone(), now]));
        } else {
            all.and("p.visibility = 2", []);
        }
        if !filter.difficulties.is_empty() {
            let places = vec!["?"; filter.difficulties.len()].join(", ");
            let numbers = filter.difficulties.iter().map(|one| Value::Int(difficulty_number(*one)));
            all.and(&format!("p.difficulty IN ({places})"), numbers);
        }
        for tag in &filter.tags {
            let has = "EXISTS (SELECT 1 FROM problem_tags g WHERE g.tag = ? AND g.problem = p.id)";
            all.and(has, [Value::Text(Cow::Borrowed(tag.as_str()))]);
        }
        match filter.state {
            None => {}
            Some(SolveState::Solved) => all.and("coalesce(w.solved, r.solved) = 1", []),
            Some(SolveState::Attempted) => all.and("coalesce(w.solved, r.solved) = 0", []),
            Some(SolveState::Unsolved) => all.and("coalesce(w.solved, r.solved, 0) = 0", []),
            Some(SolveState::New) => all.and("coalesce(w.solved, r.solved) IS NULL", []),
        }
        if let Some(part) = &filter.text {
            // A tag matches if one of its words begins with the text.
            let matches = "(instr(p.title_key, ?) > 0 OR instr(p.slug, ?) > 0 OR EXISTS (SELECT 1 FROM problem_tags g \
                           WHERE g.problem = p.id AND instr(' ' || replace(g.tag, '-', ' '), ?) > 0))";
            let word = Value::Text(Cow::Owned(format!(" {}", part.to_lowercase().replace('-', " "))));
            let part = Value::Text(Cow::Owned(part.to_lowercase()));
            all.and(matches, [part.clone(), part, word]);
        }
        all
    }

    /// Conditions on submissions `t` to a problem.
    pub(crate) fn of_submissions(filter: &'f SubmissionFilter, after: Option<&'f SubmissionId>) -> Conditions<'f> {
        let mut all = Conditions { sql: String::new(), values: Vec::new(), order: "" };
        all.and("t.problem = ?", [blob_of(filter.problem.as_uuid())]);
        if let Some(owner) = &filter.owner {
            all.and("t.owner = ?", [blob_of(owner.as_uuid())]);
        }
        if filter.omits_cancelled {
            let cancelled = Value::Text(Cow::Borrowed(Verdict::Cancelled.code()));
            all.and("(t.verdict IS NULL OR t.verdict <> ?)", [cancelled]);
        }
        if let Some(verdict) = filter.verdict {
            all.and("t.verdict = ?", [Value::Text(Cow::Borrowed(verdict.code()))]);
        }
        if let Some(language) = &filter.language {
            all.and("t.language = ?", [Value::Text(Cow::Borrowed(language.as_str()))]);
        }
        if let Some(package) = &filter.not_at {
            let other = "EXISTS (SELECT 1 FROM code_submissions c JOIN runs n ON n.id = c.run \
                         WHERE c.id = t.submission AND n.package IS DISTINCT FROM ?)";
            all.and(other, [Value::Blob(Cow::Borrowed(package.as_bytes()))]);
        }
        if let Some(user) = &filter.for_contestant {
            let user = blob_of(user.as_uuid());
            all.and(concat!("(t.owner = ? OR NOT ", hidden_from!(), ")"), [user.clone(), user]);
        }
        if let Some(after) = after {
            all.and("t.submission > ?", [blob_of(after.as_uuid())]);
        }
        all
    }
}
