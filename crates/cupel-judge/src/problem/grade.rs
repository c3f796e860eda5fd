//! Grading: computes the verdicts and scores of groups from the results of their cases. The functions are pure and run
//! no program.
//!
//! A child (case or group) that was not run is ignored. The exception is a group with an unmet requirement: it scores
//! zero points and gets the verdict of the required group. A case is also ignored if it is run only because all cases
//! are requested, after [`StopRule`] has ended its group.

use cupel_problem::{Aggregate, CaseGroup, CasePoints, GroupScoring, MaxScore, Node, Score, VerdictRule};
use cupel_types::Verdict;

/// Result of a case or group, for its parent group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) verdict: Verdict,
    /// `None` if the child has no score.
    pub(super) score: Option<Score>,
    /// Whether a checker named the score.
    pub(super) named: bool,
    pub(super) counts: bool,
    pub(super) decides: bool,
}

/// Result of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Graded {
    pub(super) verdict: Verdict,
    pub(super) score: Option<Score>,
    /// Whether a checker named a score in the group.
    pub(super) named: bool,
    /// The fault of the package that makes the verdict JE, if there is one.
    pub(super) fault: Option<String>,
}

/// Grades a group. `children` are the results of the children that are not ignored.
pub(super) fn grade(group: &CaseGroup, children: &[Child]) -> Graded {
    let named = children.iter().any(|child| child.named);
    let verdict = verdict_of(group.verdict, children);
    let score = match score_of(group.scoring, children, named) {
        Ok(score) => score,
        Err(fault) => {
            return Graded { verdict: Verdict::InternalError, score: None, named, fault: Some(fault.to_owned()) };
        }
    };
    let fault = score.and_then(|score| out_of_bounds(group, score, is_complete(group, children)));
    match fault {
        Some(fault) => Graded { verdict: Verdict::InternalError, score: None, named, fault: Some(fault) },
        None => Graded { verdict, score, named, fault: None },
    }
}

/// Returns why a score is a fault of the package. The maximum is checked only if `is_complete`, that is, if the whole
/// group was judged: it is derived from all children, so the average or the minimum of some of them can be higher.
fn out_of_bounds(group: &CaseGroup, score: Score, is_complete: bool) -> Option<String> {
    let name = if group.name.as_str().is_empty() { "the problem" } else { group.name.as_str() };
    match (group.max, group.range) {
        (MaxScore::Bounded(max), _) if is_complete && score > max && group.scoring != GroupScoring::None => {
            Some(format!("the score {score} of {name} is above its maximum {max}"))
        }
        (_, Some(range)) if !range.contains(score) => Some(format!("the score {score} of {name} is outside its range")),
        _ => None,
    }
}

/// Whether all cases of a group were certainly judged. A nested group was, if its verdict is AC and each of its cases
/// must be accepted for that.
fn is_complete(group: &CaseGroup, children: &[Child]) -> bool {
    fn needs_all(group: &CaseGroup) -> bool {
        matches!(group.verdict, VerdictRule::FirstError | VerdictRule::WorstError)
            && group.children.iter().all(|node| match node {
                Node::Group(inner) => inner.decides && needs_all(inner),
                Node::Case(_) => true,
            })
    }
    let nested = || {
        group.children.iter().filter_map(|node| match node {
            Node::Group(inner) => Some(inner),
            Node::Case(_) => None,
        })
    };
    let all_accepted = || children.iter().all(|child| child.verdict == Verdict::Accepted);
    children.len() >= group.children.len() && (nested().next().is_none() || nested().all(needs_all) && all_accepted())
}

fn verdict_of(rule: VerdictRule, children: &[Child]) -> Verdict {
    let deciding = || children.iter().filter(|child| child.decides).map(|child| child.verdict);
    // A fault of Cupel or of the package takes precedence over all other results.
    if let Some(fault) = children.iter().map(|child| child.verdict).find(|verdict| !verdict.is_result()) {
        return fault;
    }
    let first = || deciding().find(|verdict| !verdict.is_accepted());
    let worst = || deciding().filter(|verdict| !verdict.is_accepted()).max_by_key(|verdict| verdict.severity());
    let good = || {
        if deciding().any(|verdict| verdict == Verdict::PartialScore) {
            Verdict::PartialScore
        } else {
            Verdict::Accepted
        }
    };
    match rule {
        VerdictRule::FirstError => first().unwrap_or_else(good),
        VerdictRule::WorstError => worst().unwrap_or_else(good),
        VerdictRule::AlwaysAccepted => Verdict::Accepted,
        VerdictRule::AnyAccepted { .. } if deciding().any(Verdict::is_accepted) => good(),
        VerdictRule::AnyAccepted { else_worst: true } => worst().unwrap_or(Verdict::Accepted),
        VerdictRule::AnyAccepted { else_worst: false } => first().unwrap_or(Verdict::Accepted),
    }
}

const TOO_LARGE: &str = "a score exceeds the supported range";

fn score_of(scoring: GroupScoring, children: &[Child], named: bool) -> Result<Option<Score>, &'static str> {
    let all_accepted = || children.iter().filter(|c| c.decides).all(|c| c.verdict == Verdict::Accepted);
    match scoring {
        GroupScoring::None => Ok(None),
        GroupScoring::AllOrNothing(score) => Ok(Some(if all_accepted() { score } else { Score::ZERO })),
        GroupScoring::Aggregate(aggregate) => {
            let scores = children.iter().filter(|c| c.counts).filter_map(|c| c.score);
            combine(aggregate, scores).map(Some)
        }
        GroupScoring::AggregateIfNamed { aggregate, .. } if named => {
            let scores = children.iter().filter(|c| c.counts);
            combine(aggregate, scores.map(|c| c.score.filter(|_| c.named).unwrap_or(Score::ZERO))).map(Some)
        }
        GroupScoring::AggregateIfNamed { accepted, rejected, .. } => {
            Ok(Some(if all_accepted() { accepted } else { rejected }))
        }
    }
}

fn combine(aggregate: Aggregate, scores: impl Iterator<Item = Score>) -> Result<Score, &'static str> {
    let scores: Vec<Score> = scores.collect();
    let sum = || scores.iter().try_fold(Score::ZERO, |sum, score| sum.checked_add(*score));
    let combined = match aggregate {
        Aggregate::Sum => sum(),
        Aggregate::Min => Some(scores.iter().copied().min().unwrap_or(Score::ZERO)),
        Aggregate::Max => Some(scores.iter().copied().max().unwrap_or(Score::ZERO)),
        Aggregate::Average if scores.is_empty() => Some(Score::ZERO),
        Aggregate::Average => sum().and_then(|sum| sum.scaled(1, i64::try_from(scores.len()).ok()?)),
        Aggregate::Product if scores.is_empty() => Some(Score::ZERO),
        Aggregate::Product => scores.iter().try_fold(Score::ONE, |product, score| product.checked_mul(*score)),
    };
    combined.ok_or(TOO_LARGE)
}

/// The points that a checker named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A number of points.
    Points(Score),
    /// A share of the case's points.
    Share(Share),
    /// Points that the protocol does not allow. Contains the reason, for the author.
    Invalid(&'static str),
}

/// A fraction between 0 and 1. It is not a decimal number, so that a share of a score is rounded only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    numerator: i64,
    denominator: i64,
}

impl Share {
    /// Returns `None` if the fraction is not between 0 and 1.
    pub(super) fn new(numerator: i64, denominator: i64) -> Option<Share> {
        let is_share = denominator > 0 && (0..=denominator).contains(&numerator);
        is_share.then_some(Share { numerator, denominator })
    }

    /// Returns this share of a score, rounded to the nearest millionth.
    pub(super) fn of(self, whole: Score) -> Option<Score> {
        whole.scaled(self.numerator, self.denominator)
    }
}

/// Returns the score of a case, and whether a checker named it.
///
/// # Errors
/// If the package is faulty.
pub(super) fn score_of_case(
    points: CasePoints,
    accepted: bool,
    named: Option<Named>,
) -> Result<(Option<Score>, bool), String> {
    let (max, unnamed, rejected, also_rejecting, may_be_negative) = match (points, named) {
        (CasePoints::None, None) | (CasePoints::Ignored, _) => return Ok((None, false)),
        (CasePoints::Fixed { accepted: score, .. }, None) if accepted => return Ok((Some(score), false)),
        (CasePoints::Fixed { rejected, .. }, None) => return Ok((Some(rejected), false)),
        (CasePoints::None | CasePoints::Fixed { .. }, Some(_)) => {
            return Err(
                "the checker returned a score, but the score of this test does not come from the checker".to_owned()
            );
        }
        (CasePoints::FromChecker { max, unnamed, rejected, also_rejecting, may_be_negative }, _) => {
            (max, unnamed, rejected, also_rejecting, may_be_negative)
        }
    };
    let Some(named) = named else {
        return match (accepted, unnamed) {
            (false, _) => Ok((Some(rejected), false)),
            (true, Some(score)) => Ok((Some(score), false)),
            (true, None) => Err("the checker accepted without a score".to_owned()),
        };
    };
    if !accepted && !also_rejecting {
        return Err("the checker rejected with a score".to_owned());
    }
    let score = match (named, max) {
        (Named::Invalid(why), _) => return Err(why.to_owned()),
        (Named::Points(score), _) => score,
        (Named::Share(share), MaxScore::Bounded(max)) => share.of(max).ok_or(TOO_LARGE)?,
        (Named::Share(_), MaxScore::Unbounded) => {
            return Err("the checker returned a share of the maximum score, but there is no maximum".to_owned());
        }
    };
    match max {
        MaxScore::Bounded(max) if score > max => {
            Err(format!("the checker returned the score {score}, above the maximum {max}"))
        }
        _ if score < Score::ZERO && !(max == MaxScore::Unbounded && may_be_negative) => {
            Err(format!("the checker returned the score {score}, below zero"))
        }
        MaxScore::Bounded(_) | MaxScore::Unbounded => Ok((Some(score), true)),
    }
}

#[cfg(test)]
mod tests {
    use cupel_problem::{GroupName, StopRule};

    use super::*;

    fn points(text: &str) -> Score {
        text.parse().unwrap()
    }

    fn group(scoring: GroupScoring, verdict: VerdictRule) -> CaseGroup {
        CaseGroup {
            name: GroupName::root(),
            scoring,
            verdict,
            stop: StopRule::Continue,
            max: MaxScore::Unbounded,
            range: None,
            requires: Vec::new(),
            partial_suffices: false,
            counts: true,
            decides: true,
            children: Vec::new(),
        }
    }

    fn child(verdict: Verdict, score: &str) -> Child {
        Child { verdict, score: Some(points(score)), named: false, counts: true, decides: true }
    }

    #[test]
    fn verdicts_follow_the_rule() {
        use Verdict::{Accepted, InternalError, PartialScore, RuntimeError, TimeLimit, WrongAnswer};
        let any = |else_worst| VerdictRule::AnyAccepted { else_worst };
        for (rule, verdicts, expected) in [
            (VerdictRule::FirstError, &[Accepted, WrongAnswer, RuntimeError][..], WrongAnswer),
            (VerdictRule::WorstError, &[Accepted, WrongAnswer, RuntimeError, TimeLimit], RuntimeError),
            (VerdictRule::FirstError, &[], Accepted),
            (VerdictRule::FirstError, &[Accepted, PartialScore], PartialScore),
            (VerdictRule::AlwaysAccepted, &[WrongAnswer], Accepted),
            (VerdictRule::AlwaysAccepted, &[WrongAnswer, InternalError], InternalError),
            (any(false), &[WrongAnswer, Accepted], Accepted),
            (any(false), &[WrongAnswer, RuntimeError], WrongAnswer),
            (any(true), &[WrongAnswer, RuntimeError], RuntimeError),
            (VerdictRule::FirstError, &[WrongAnswer, InternalError], InternalError),
        ] {
            let children: Vec<Child> = verdicts.iter().map(|verdict| child(*verdict, "0")).collect();
            assert_eq!(grade(&group(GroupScoring::None, rule), &children).verdict, expected, "{rule:?} {verdicts:?}");
        }
        let silent = Child { decides: false, ..child(WrongAnswer, "0") };
        assert_eq!(grade(&group(GroupScoring::None, VerdictRule::FirstError), &[silent]).verdict, Accepted);
    }

    #[test]
    fn scores_are_combined_exactly() {
        let children =
            [child(Verdict::Accepted, "0.1"), child(Verdict::Accepted, "0.2"), child(Verdict::WrongAnswer, "0")];
        for (aggregate, expected) in [
            (Aggregate::Sum, "0.3"),
            (Aggregate::Min, "0"),
            (Aggregate::Max, "0.2"),
            (Aggregate::Average, "0.1"),
            (Aggregate::Product, "0"),
        ] {
            let graded = grade(&group(GroupScoring::Aggregate(aggregate), VerdictRule::FirstError), &children);
            assert_eq!(graded.score, Some(points(expected)), "{aggregate:?}");
        }
        let all = group(GroupScoring::AllOrNothing(points("30")), VerdictRule::FirstError);
        assert_eq!(grade(&all, &children).score, Some(Score::ZERO));
        assert_eq!(grade(&all, &children[..2]).score, Some(points("30")));
        let uncounted = Child { counts: false, ..child(Verdict::Accepted, "5") };
        let sum = group(GroupScoring::Aggregate(Aggregate::Sum), VerdictRule::FirstError);
        assert_eq!(grade(&sum, &[uncounted, child(Verdict::Accepted, "1")]).score, Some(Score::ONE));
    }

    #[test]
    fn named_scores_are_combined_only_if_there_are_any() {
        let scoring =
            GroupScoring::AggregateIfNamed { aggregate: Aggregate::Sum, accepted: points("10"), rejected: points("2") };
        let leaf = group(scoring, VerdictRule::FirstError);
        let plain = [child(Verdict::Accepted, "1"), child(Verdict::Accepted, "1")];
        assert_eq!(grade(&leaf, &plain).score, Some(points("10")));
        assert_eq!(grade(&leaf, &[child(Verdict::WrongAnswer, "0")]).score, Some(points("2")));
        let named = Child { named: true, ..child(Verdict::Accepted, "7.5") };
        assert_eq!(grade(&leaf, &[named, child(Verdict::Accepted, "1")]).score, Some(points("7.5")));
    }

    #[test]
    fn a_score_beyond_its_bounds_is_a_fault_of_the_package() {
        let sum = group(GroupScoring::Aggregate(Aggregate::Sum), VerdictRule::FirstError);
        let bounded = CaseGroup { max: MaxScore::Bounded(Score::ONE), ..sum };
        let graded = grade(&bounded, &[child(Verdict::Accepted, "1"), child(Verdict::Accepted, "1")]);
        assert_eq!((graded.verdict, graded.score), (Verdict::InternalError, None));
        assert!(graded.fault.is_some());
    }

    #[test]
    fn the_score_of_a_case_follows_from_its_package_and_its_checker() {
        let fixed = CasePoints::Fixed { accepted: points("3"), rejected: Score::ZERO };
        let from_checker = |max, unnamed, may_be_negative| CasePoints::FromChecker {
            max,
            unnamed,
            rejected: Score::ZERO,
            also_rejecting: false,
            may_be_negative,
        };
        let free = |max, unnamed| from_checker(max, unnamed, false);
        let legacy = from_checker(MaxScore::Unbounded, None, true);
        let ten = free(MaxScore::Bounded(points("10")), Some(points("10")));
        let open = free(MaxScore::Unbounded, None);
        let share = |numerator, denominator| Some(Named::Share(Share::new(numerator, denominator).unwrap()));
        let score = |text| Some(Named::Points(points(text)));
        let invalid = Some(Named::Invalid("not a number"));
        let thirty = free(MaxScore::Bounded(points("30")), None);
        for (points_of, accepted, named, expected) in [
            (CasePoints::None, true, None, Ok((None, false))),
            (CasePoints::None, true, score("1"), Err(())),
            (CasePoints::Ignored, true, score("1"), Ok((None, false))),
            (fixed, true, None, Ok((Some(points("3")), false))),
            (fixed, false, None, Ok((Some(Score::ZERO), false))),
            (fixed, true, score("1"), Err(())),
            (ten, true, None, Ok((Some(points("10")), false))),
            (ten, true, share(1, 4), Ok((Some(points("2.5")), true))),
            (thirty, true, share(2, 3), Ok((Some(points("20")), true))),
            (CasePoints::None, true, invalid, Err(())),
            (CasePoints::Ignored, true, invalid, Ok((None, false))),
            (fixed, false, invalid, Err(())),
            (ten, true, invalid, Err(())),
            (ten, true, score("10"), Ok((Some(points("10")), true))),
            (ten, true, score("10.000001"), Err(())),
            (ten, true, score("-1"), Err(())),
            (ten, false, score("1"), Err(())),
            (ten, false, None, Ok((Some(Score::ZERO), false))),
            (open, true, None, Err(())),
            (open, true, score("1e6"), Ok((Some(points("1e6")), true))),
            (open, true, share(1, 2), Err(())),
            (open, true, score("0"), Ok((Some(Score::ZERO), true))),
            (open, true, score("-0.5"), Err(())),
            (legacy, true, score("-0.5"), Ok((Some(points("-0.5")), true))),
            (from_checker(MaxScore::Bounded(points("10")), None, true), true, score("-0.5"), Err(())),
        ] {
            let found = score_of_case(points_of, accepted, named).map_err(|_| ());
            assert_eq!(found, expected, "{points_of:?} {accepted} {named:?}");
        }
    }
}
