//! Groups of cases: what must be passed first, when to stop, what the verdict and the score of the whole follow from.
//!
//! One model for all dialects: an importer says in every group what holds there (inherited keys are resolved, defaults filled
//! in), so that the judge needs no knowledge of the format a group came from.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::case::{Case, CaseId, CasePoints};
use super::score::Score;

/// A group's name: unique in its problem; the root's is empty, others are paths such as `secret/group1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

/// Why a text is no [`GroupName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a group's name is at most 1024 bytes without control characters")]
pub struct GroupNameError;

impl GroupName {
    /// Wraps a name; the empty one is the root's.
    ///
    /// # Errors
    /// When it is too long or has control characters.
    pub fn new(name: &str) -> Result<GroupName, GroupNameError> {
        if name.len() > 1024 || name.chars().any(char::is_control) {
            return Err(GroupNameError);
        }
        Ok(GroupName(name.into()))
    }

    /// The name of the root.
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

/// A group of cases and groups, in the order in which they are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseGroup {
    /// Its name.
    pub name: GroupName,
    /// What its score follows from.
    pub scoring: GroupScoring,
    /// What its verdict follows from.
    pub verdict: VerdictRule,
    /// What happens after a rejected child.
    pub stop: StopRule,
    /// The most it may give. A score above it is a fault of the package.
    pub max: MaxScore,
    /// Where its score must lie, where the package says so; outside is a fault of the package.
    pub range: Option<ScoreRange>,
    /// Groups, judged earlier, that must be accepted; otherwise this one is not run and gives nothing.
    pub requires: Vec<GroupName>,
    /// Whether its score counts for the group it lies in.
    pub counts: bool,
    /// Whether its verdict counts for the group it lies in (DMOJ's pretests and samples may not).
    pub decides: bool,
    /// What it consists of; never nothing, but for the root of a tree without samples.
    pub children: Vec<Node>,
}

/// A child of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A group in the group.
    Group(CaseGroup),
    /// A case.
    Case(Box<Case>),
}

/// What the score of a group follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupScoring {
    /// It has a verdict and no score.
    None,
    /// This when every child that decides is accepted, otherwise nothing. The children's scores are not looked at.
    AllOrNothing(Score),
    /// From the children's scores, those that count.
    Aggregate(Aggregate),
    /// As [`GroupScoring::Aggregate`] if a checker named a score for any case of it, where cases without one count zero;
    /// otherwise as [`GroupScoring::AllOrNothing`] (a leaf in DOMjudge).
    AggregateIfNamed {
        /// How named scores go together.
        aggregate: Aggregate,
        /// What it gives when none is named and all is accepted.
        accepted: Score,
        /// What it gives when none is named and something is rejected.
        rejected: Score,
    },
}

/// How scores go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Aggregate {
    Sum,
    Min,
    Max,
    Average,
    Product,
}

/// What the verdict of a group follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictRule {
    /// The first child that is not accepted.
    FirstError,
    /// The worst of the children: JE, RTE, MLE, TLE, OLE, WA, PE, AC (Kattis legacy).
    WorstError,
    /// Accepted, whatever the children.
    AlwaysAccepted,
    /// Accepted if any child is; otherwise the first error.
    AnyAccepted {
        /// Whether otherwise the worst is taken, and not the first.
        else_worst: bool,
    },
}

/// What happens in a group after a child was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRule {
    /// The rest of the group is not run.
    Break,
    /// All is run.
    Continue,
    /// Nothing more of the whole problem is run (DMOJ: a case worth nothing failed; `short_circuit`).
    BreakAll,
}

/// The most a case or group may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxScore {
    /// This.
    Bounded(Score),
    /// As much as the checker names.
    Unbounded,
}

/// Bounds of a score, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreRange {
    low: Option<Score>,
    high: Option<Score>,
}

impl ScoreRange {
    /// From the lowest to the highest; `None` on a side is infinity there. `None` if low is above high.
    pub fn new(low: Option<Score>, high: Option<Score>) -> Option<ScoreRange> {
        match (low, high) {
            (Some(low), Some(high)) if low > high => None,
            _ => Some(ScoreRange { low, high }),
        }
    }

    /// The lowest; `None`: any.
    pub const fn low(&self) -> Option<Score> {
        self.low
    }

    /// The highest; `None`: any.
    pub const fn high(&self) -> Option<Score> {
        self.high
    }

    /// Whether a score lies in it.
    pub fn contains(&self, score: Score) -> bool {
        self.low.is_none_or(|low| low <= score) && self.high.is_none_or(|high| score <= high)
    }
}

/// All groups and cases of a problem.
///
/// Invariants: names are unique; there is a case; a group requires only groups that are wholly judged before it begins, so
/// there is no cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tests {
    root: CaseGroup,
}

/// Which invariant of [`Tests`] a tree breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TestsError {
    /// No case in the whole tree, or in a group other than the root.
    #[error("group `{0}` has no cases")]
    Empty(GroupName),
    /// Two groups with one name.
    #[error("two groups are named `{0}`")]
    GroupTwice(GroupName),
    /// Two cases with one name.
    #[error("two cases are named `{0}`")]
    CaseTwice(CaseId),
    /// A requirement that names nothing.
    #[error("group `{group}` requires `{required}`, which does not exist")]
    RequiresNothing {
        /// Who requires.
        group: GroupName,
        /// What.
        required: GroupName,
    },
    /// A requirement of a group that is judged later, contains the group, or is it.
    #[error("group `{group}` requires `{required}`, which is not judged before it")]
    RequiresLater {
        /// Who requires.
        group: GroupName,
        /// What.
        required: GroupName,
    },
}

impl Tests {
    /// Checks and wraps a tree.
    ///
    /// # Errors
    /// The first invariant that is broken, in the order of judging.
    pub fn new(root: CaseGroup) -> Result<Tests, TestsError> {
        let mut names = HashSet::new();
        collect_names(&root, &mut names)?;
        let mut finished = HashSet::new();
        let mut cases = HashSet::new();
        check(&root, &names, &mut finished, &mut cases)?;
        Ok(Tests { root })
    }

    /// The root: its children are usually `sample` and `secret`.
    pub fn root(&self) -> &CaseGroup {
        &self.root
    }

    /// All cases in the order of judging.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        let mut found = Vec::new();
        self.root.collect_cases(&mut found);
        found.into_iter()
    }

    /// The cases that are shown, as tests of their own: all are run, none gives points. `None`: there are none.
    pub fn samples(&self) -> Option<Tests> {
        shown_of(&self.root).map(|root| Tests { root })
    }

    /// All groups, each before what lies in it.
    pub fn groups(&self) -> impl Iterator<Item = &CaseGroup> {
        let mut found = Vec::new();
        self.root.collect_groups(&mut found);
        found.into_iter()
    }

    /// The group of this name.
    pub fn group(&self, name: &GroupName) -> Option<&CaseGroup> {
        self.groups().find(|group| group.name == *name)
    }
}

impl CaseGroup {
    /// All cases in it and in the groups in it, in the order of judging.
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
        CasePoints, Checker, Comparison, ContentHash, Feedback, FileRef, Hints, Method, PackagePath, TokenRules,
        ValidatorArgs,
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
        }))
    }

    #[test]
    fn groups_require_only_what_is_judged_before() {
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
