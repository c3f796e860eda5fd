//! Groups of cases: prerequisites, stopping rules, and how the verdict and the score of a group are computed.
//!
//! There is one model for all package formats. The importer writes all rules into every group: it resolves inherited
//! keys and fills in defaults. So the judge does not depend on the format.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::case::{Case, CaseId, CasePoints};
use super::score::Score;

/// Name of a group, unique in its problem. The root's name is empty; other names are paths such as `secret/group1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

/// Error for a text that is not a valid [`GroupName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a group name has at most 1024 bytes and no control characters")]
pub struct GroupNameError;

impl GroupName {
    /// Wraps a name. The empty name is that of the root.
    ///
    /// # Errors
    /// If the name is too long or contains control characters.
    pub fn new(name: &str) -> Result<GroupName, GroupNameError> {
        if name.len() > 1024 || name.chars().any(char::is_control) {
            return Err(GroupNameError);
        }
        Ok(GroupName(name.into()))
    }

    /// Returns the name of the root.
    pub fn root() -> GroupName {
        GroupName("".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A group of cases and groups, in the order of judging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseGroup {
    /// The name.
    pub name: GroupName,
    /// How the score is computed.
    pub scoring: GroupScoring,
    /// How the verdict is computed.
    pub verdict: VerdictRule,
    /// The effect of a rejected child.
    pub stop: StopRule,
    /// The maximum score. If the score is higher, the package is at fault.
    pub max: MaxScore,
    /// The range of the score, if the package sets one. If the score is outside the range, the package is at fault.
    pub range: Option<ScoreRange>,
    /// Groups that are judged before this group and must be accepted. If any of them is not accepted, this group is not
    /// run and gives no points.
    pub requires: Vec<GroupName>,
    /// Whether groups that require this group are also judged if it has a partial score (DMOJ).
    pub partial_suffices: bool,
    /// Whether the group's score counts towards the parent group's score.
    pub counts: bool,
    /// Whether the group's verdict counts towards the parent group's verdict (may be false for DMOJ's pretests and
    /// samples).
    pub decides: bool,
    /// The group's groups and cases. Never empty.
    pub children: Vec<Node>,
}

/// A child of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A nested group.
    Group(CaseGroup),
    /// A case.
    Case(Box<Case>),
}

/// How the score of a group is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupScoring {
    /// A verdict without a score.
    None,
    /// This score if every child whose verdict counts is accepted; zero if not. Scores of the children are ignored.
    AllOrNothing(Score),
    /// An aggregate of the scores of those children whose score counts.
    Aggregate(Aggregate),
    /// If the checker awarded a score for any case of the group: like [`GroupScoring::Aggregate`], and cases without a
    /// score count as zero. If the checker awarded none: `accepted` or `rejected` (a leaf in DOMjudge).
    AggregateIfNamed {
        /// How the checker's scores are combined.
        aggregate: Aggregate,
        /// The score if the checker awarded none and all cases are accepted.
        accepted: Score,
        /// The score if the checker awarded none and some case is rejected.
        rejected: Score,
    },
}

/// How scores are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum Aggregate {
    Sum,
    Min,
    Max,
    Average,
    Product,
}

/// How the verdict of a group is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictRule {
    /// The verdict of the first child that is not accepted.
    FirstError,
    /// The worst verdict of the children: JE, RTE, MLE, TLE, OLE, WA, PE, AC (Kattis legacy).
    WorstError,
    /// Always accepted.
    AlwaysAccepted,
    /// Accepted if any child is accepted. If none is accepted, the first error.
    AnyAccepted {
        /// Whether the worst error is used instead of the first error.
        else_worst: bool,
    },
}

/// The effect of a child that was not accepted on the rest of judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRule {
    /// The remaining children of the group are skipped.
    Break,
    /// Judging continues with the next child.
    Continue,
    /// All remaining cases of the problem are skipped (DMOJ: after a failed case without points, or with
    /// `short_circuit`).
    BreakAll,
}

/// The maximum score of a case or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxScore {
    /// This score.
    Bounded(Score),
    /// No maximum: the checker may award any score.
    Unbounded,
}

/// Bounds of a score, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreRange {
    low: Option<Score>,
    high: Option<Score>,
}

impl ScoreRange {
    /// Creates a range. A side that is `None` is unbounded. Returns `None` if `low` is above `high`.
    pub fn new(low: Option<Score>, high: Option<Score>) -> Option<ScoreRange> {
        match (low, high) {
            (Some(low), Some(high)) if low > high => None,
            _ => Some(ScoreRange { low, high }),
        }
    }

    /// Returns the lower bound. `None`: unbounded.
    pub const fn low(&self) -> Option<Score> {
        self.low
    }

    /// Returns the upper bound. `None`: unbounded.
    pub const fn high(&self) -> Option<Score> {
        self.high
    }

    /// Whether the range contains the score.
    pub fn contains(&self, score: Score) -> bool {
        self.low.is_none_or(|low| low <= score) && self.high.is_none_or(|high| score <= high)
    }
}

/// All groups and cases of a problem.
///
/// Invariants: names are unique; there is at least one case; a group requires only groups that are judged completely
/// before it, so there are no cycles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tests {
    root: CaseGroup,
}

/// The invariant of [`Tests`] that a tree violates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TestsError {
    /// A group without children.
    #[error("group `{0}` has no cases")]
    Empty(GroupName),
    /// Two groups with the same name.
    #[error("two groups are named `{0}`")]
    GroupTwice(GroupName),
    /// Two cases with the same name.
    #[error("two cases are named `{0}`")]
    CaseTwice(CaseId),
    /// A requirement on a group that does not exist.
    #[error("group `{group}` requires `{required}`, which does not exist")]
    RequiresNothing {
        /// The requiring group.
        group: GroupName,
        /// The required group.
        required: GroupName,
    },
    /// A requirement on a group that is judged later, contains the requiring group, or is the same group.
    #[error("group `{group}` requires `{required}`, which is not judged before it")]
    RequiresLater {
        /// The requiring group.
        group: GroupName,
        /// The required group.
        required: GroupName,
    },
}

impl Tests {
    /// Checks the invariants and wraps the tree.
    ///
    /// # Errors
    /// A name that two groups share; otherwise, the first violated invariant in judging order.
    pub fn new(root: CaseGroup) -> Result<Tests, TestsError> {
        let mut names = HashSet::new();
        collect_names(&root, &mut names)?;
        let mut finished = HashSet::new();
        let mut cases = HashSet::new();
        check(&root, &names, &mut finished, &mut cases)?;
        Ok(Tests { root })
    }

    /// Returns the root group, whose children are usually `sample` and `secret`.
    pub fn root(&self) -> &CaseGroup {
        &self.root
    }

    /// Returns all cases in the order of judging.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        let mut found = Vec::new();
        self.root.collect_cases(&mut found);
        found.into_iter()
    }

    /// Returns the samples as separate tests: all are run, and none gives points. `None` if there are no samples.
    pub fn samples(&self) -> Option<Tests> {
        shown_of(&self.root).map(|root| Tests { root })
    }

    /// Returns all groups, each before its children.
    pub fn groups(&self) -> impl Iterator<Item = &CaseGroup> {
        let mut found = Vec::new();
        self.root.collect_groups(&mut found);
        found.into_iter()
    }

    /// Returns the group with this name.
    pub fn group(&self, name: &GroupName) -> Option<&CaseGroup> {
        self.groups().find(|group| group.name == *name)
    }
}

impl CaseGroup {
    /// Returns all cases in the group and its nested groups, in the order of judging.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        let mut found = Vec::new();
        self.collect_cases(&mut found);
        found.into_iter()
    }

    fn collect_cases<'a>(&'a self, found: &mut Vec<&'a Case>) {
        for child in &self.children {
            match child {
                Node::Group(group) => group.collect_cases(found),
                Node::Case(case) => found.push(case),
            }
        }
    }

    fn collect_groups<'a>(&'a self, found: &mut Vec<&'a CaseGroup>) {
        found.push(self);
        for child in &self.children {
            if let Node::Group(group) = child {
                group.collect_groups(found);
            }
        }
    }
}

fn shown_of(group: &CaseGroup) -> Option<CaseGroup> {
    let shown = |node: &Node| match node {
        Node::Group(group) => shown_of(group).map(Node::Group),
        Node::Case(case) if case.shown.is_some() => {
            Some(Node::Case(Box::new(Case { points: CasePoints::Ignored, ..(**case).clone() })))
        }
        Node::Case(_) => None,
    };
    let children: Vec<Node> = group.children.iter().filter_map(shown).collect();
    if children.is_empty() {
        return None;
    }
    Some(CaseGroup {
        name: group.name.clone(),
        scoring: GroupScoring::None,
        verdict: VerdictRule::FirstError,
        stop: StopRule::Continue,
        max: group.max,
        range: None,
        requires: Vec::new(),
        partial_suffices: false,
        counts: true,
        decides: true,
        children,
    })
}

fn collect_names<'a>(group: &'a CaseGroup, names: &mut HashSet<&'a GroupName>) -> Result<(), TestsError> {
    if !names.insert(&group.name) {
        return Err(TestsError::GroupTwice(group.name.clone()));
    }
    for child in &group.children {
        if let Node::Group(group) = child {
            collect_names(group, names)?;
        }
    }
    Ok(())
}

fn check<'a>(
    group: &'a CaseGroup,
    names: &HashSet<&'a GroupName>,
    finished: &mut HashSet<&'a GroupName>,
    cases: &mut HashSet<&'a CaseId>,
) -> Result<(), TestsError> {
    if group.children.is_empty() {
        return Err(TestsError::Empty(group.name.clone()));
    }
    for required in &group.requires {
        let (group, required) = (group.name.clone(), required.clone());
        if !names.contains(&required) {
            return Err(TestsError::RequiresNothing { group, required });
        }
        if !finished.contains(&required) {
            return Err(TestsError::RequiresLater { group, required });
        }
    }
    for child in &group.children {
        match child {
            Node::Group(group) => check(group, names, finished, cases)?,
            Node::Case(case) if !cases.insert(&case.id) => return Err(TestsError::CaseTwice(case.id.clone())),
            Node::Case(_) => {}
        }
    }
    finished.insert(&group.name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cupel_types::Bytes;

    use super::*;
    use crate::{
        CasePoints, Checker, Comparison, ContentHash, Feedback, FileRef, Hints, Method, OwnLimits, PackagePath,
        TokenRules, ValidatorArgs,
    };

    fn group(name: &str, requires: &[&str], children: Vec<Node>) -> CaseGroup {
        CaseGroup {
            name: GroupName::new(name).unwrap(),
            scoring: GroupScoring::None,
            verdict: VerdictRule::FirstError,
            stop: StopRule::Break,
            max: MaxScore::Bounded(Score::ZERO),
            range: None,
            requires: requires.iter().map(|name| GroupName::new(name).unwrap()).collect(),
            partial_suffices: false,
            counts: true,
            decides: true,
            children,
        }
    }

    fn case(id: &str) -> Node {
        let path = PackagePath::new(id).unwrap();
        Node::Case(Box::new(Case {
            id: CaseId::new(id),
            input: FileRef { path, hash: ContentHash::from_bytes([0; 32]), size: Bytes::ZERO },
            answer: None,
            args: Vec::new(),
            files: Vec::new(),
            method: Arc::new(Method::Check(Checker::Builtin(Comparison::Tokens(TokenRules::default())))),
            points: CasePoints::None,
            feedback: Feedback::Hidden,
            validator_args: ValidatorArgs::default(),
            hints: Hints::default(),
            shown: None,
            limits: OwnLimits::default(),
            made: None,
            unifies_newlines: false,
        }))
    }

    #[test]
    fn a_group_can_require_only_groups_judged_before_it() {
        let tree = |first: &[&str], second: &[&str]| {
            let a = Node::Group(group("a", first, vec![case("a/1")]));
            let b = Node::Group(group("b", second, vec![case("b/1"), case("b/2")]));
            Tests::new(group("", &[], vec![a, b]))
        };
        let tests = tree(&[], &["a"]).unwrap();
        assert_eq!(tests.cases().map(|case| case.id.as_str()).collect::<Vec<_>>(), ["a/1", "b/1", "b/2"]);
        assert_eq!(tests.groups().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["", "a", "b"]);
        for (first, second) in [(&["b"][..], &[][..]), (&["b"], &["a"]), (&["a"], &[]), (&[], &[""])] {
            assert!(matches!(tree(first, second), Err(TestsError::RequiresLater { .. })), "{first:?} {second:?}");
        }
        assert!(matches!(tree(&["c"], &[]), Err(TestsError::RequiresNothing { .. })));
    }

    #[test]
    fn names_are_unique_and_groups_have_cases() {
        let twice = group("", &[], vec![case("x"), case("x")]);
        assert_eq!(Tests::new(twice), Err(TestsError::CaseTwice(CaseId::new("x"))));
        assert!(matches!(Tests::new(group("", &[], Vec::new())), Err(TestsError::Empty(_))));
        let root_again = Node::Group(group("", &[], vec![case("x")]));
        assert!(matches!(Tests::new(group("", &[], vec![root_again])), Err(TestsError::GroupTwice(_))));
    }

    #[test]
    fn a_range_includes_its_bounds() {
        let range = ScoreRange::new(Score::points(0), Score::points(10)).unwrap();
        assert!(range.contains(Score::ZERO) && range.contains(Score::points(10).unwrap()));
        assert!(!range.contains(Score::points(11).unwrap()) && !range.contains(Score::points(-1).unwrap()));
        assert_eq!(ScoreRange::new(Score::points(1), Score::points(0)), None);
    }
}
