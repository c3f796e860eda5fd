//! Functions for all importers: common methods of cases, warnings about test data, maximum scores.

use std::collections::HashMap;
use std::sync::Arc;

use super::Context;
use crate::finding::Code;
use cupel_problem::{
    Aggregate, CaseGroup, CasePoints, FileRef, GroupName, GroupScoring, MaxScore, Method, Node, Score, StopRule,
    VerdictRule,
};

/// A test data file larger than this causes a warning.
const LARGE_FILE_BYTES: u64 = 100 << 20;

/// Methods by key. Cases with the same method share one value.
pub(crate) struct Methods<K> {
    known: HashMap<K, Arc<Method>>,
}

impl<K: std::hash::Hash + Eq> Methods<K> {
    pub(crate) fn new() -> Methods<K> {
        Methods { known: HashMap::new() }
    }

    pub(crate) fn get(&mut self, key: K, make: impl FnOnce(&K) -> Option<Method>) -> Option<Arc<Method>> {
        if let Some(method) = self.known.get(&key) {
            return Some(Arc::clone(method));
        }
        let method = Arc::new(make(&key)?);
        self.known.insert(key, Arc::clone(&method));
        Some(method)
    }
}

impl Context<'_> {
    /// Checks a test data file and reports warnings. Never changes the file.
    pub(crate) fn check_data(&self, file: &FileRef) {
        let Some(stored) = self.tree.stored(&file.path) else { return };
        let path = file.path.as_str();
        let traits = stored.traits;
        if traits.carriage_return {
            let remedy = "If this is not intended, save the file with LF; it is used unchanged";
            self.findings.file(Code::CarriageReturn, path, "the data has carriage returns (CR)", remedy);
        }
        if traits.no_final_newline {
            self.findings.file(Code::NoFinalNewline, path, "the data does not end with a newline", "Add one");
        }
        self.check_text(file);
    }

    /// Reports unusual test data, except for its line ends.
    pub(crate) fn check_text(&self, file: &FileRef) {
        let Some(stored) = self.tree.stored(&file.path) else { return };
        let path = file.path.as_str();
        if stored.traits.byte_order_mark {
            let remedy = "Save the file without one: submissions would read it as part of the first word";
            self.findings.file(Code::ByteOrderMark, path, "the data begins with a byte-order mark", remedy);
        }
        if file.size.get() > LARGE_FILE_BYTES {
            let remedy = "Make the file smaller if possible";
            self.findings.file(Code::LargeFile, path, format!("the file has {}", file.size), remedy);
        }
    }
}

/// Returns a group with the default rules. The verdict is the first error, and judging stops after it. Score and
/// verdict count in the parent group. No other group is required.
pub(crate) fn group(name: &str, scoring: GroupScoring, children: Vec<Node>) -> CaseGroup {
    let max = max_score(&scoring, &children);
    CaseGroup {
        name: GroupName::new(name).unwrap_or_else(|_| GroupName::root()),
        scoring,
        verdict: VerdictRule::FirstError,
        stop: StopRule::Break,
        max,
        range: None,
        requires: Vec::new(),
        partial_suffices: false,
        counts: true,
        decides: true,
        children,
    }
}

/// Returns the maximum score of a group with this scoring and these children. The maximum is bounded only if every
/// child that counts is bounded.
pub(crate) fn max_score(scoring: &GroupScoring, children: &[Node]) -> MaxScore {
    let aggregate = match scoring {
        GroupScoring::None => return MaxScore::Bounded(Score::ZERO),
        GroupScoring::AllOrNothing(score) => return MaxScore::Bounded(*score),
        GroupScoring::AggregateIfNamed { accepted, rejected, .. } => {
            let named = children.iter().any(|child| match child {
                Node::Case(case) => matches!(case.points, CasePoints::FromChecker { .. }),
                Node::Group(_) => false,
            });
            return if named { MaxScore::Unbounded } else { MaxScore::Bounded(*accepted.max(rejected)) };
        }
        GroupScoring::Aggregate(aggregate) => aggregate,
    };
    let mut scores = Vec::new();
    for child in children {
        let max = match child {
            Node::Case(case) => case.points.max(),
            Node::Group(group) if group.counts => group.max,
            Node::Group(_) => continue,
        };
        match max {
            MaxScore::Bounded(score) => scores.push(score),
            MaxScore::Unbounded => return MaxScore::Unbounded,
        }
    }
    let together =
        |f: fn(Score, Score) -> Option<Score>, first: Score| scores.iter().try_fold(first, |all, s| f(all, *s));
    let sum = together(Score::checked_add, Score::ZERO);
    let max_score = match aggregate {
        Aggregate::Sum => sum,
        Aggregate::Average => sum.and_then(|sum| sum.scaled(1, i64::try_from(scores.len()).ok()?.max(1))),
        Aggregate::Min => Some(scores.iter().min().copied().unwrap_or_default()),
        Aggregate::Max => Some(scores.iter().max().copied().unwrap_or_default()),
        Aggregate::Product if scores.is_empty() => Some(Score::ZERO),
        Aggregate::Product => together(Score::checked_mul, Score::ONE),
    };
    max_score.map_or(MaxScore::Unbounded, MaxScore::Bounded)
}

/// Returns the maximum score of a group, for the comparison of dialects. `None`: unbounded.
pub(crate) fn bounded(group: &CaseGroup) -> Option<Score> {
    match group.max {
        MaxScore::Bounded(score) => Some(score),
        MaxScore::Unbounded => None,
    }
}
