//! `<testset>` of Polygon: limits, tests, groups and their order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cupel_types::Bytes;

use super::super::Draft;
use super::super::cases::group;
use super::{Element, Reading, TESTS_MAX, all, first};
use crate::finding::Code;
use cupel_problem::{
    Aggregate, Case, CaseGroup, CaseId, CasePoints, Checker, Feedback, GroupName, GroupScoring, Hints, MaxScore,
    Method, Node, Objective, OwnLimits, Score, Scoring, Shown, SkippedCases, StopRule, ValidatorArgs,
};

/// Maximum number of groups of a testset.
const GROUPS_MAX: usize = 300;

impl<'d> Reading<'_, 'd> {
    /// Returns the root of all groups. `None` if there is a fault, which has been reported.
    pub(super) fn tests(&self, judging: Element<'d>, method: &Arc<Method>, draft: &mut Draft) -> Option<CaseGroup> {
        let sets: Vec<Element<'d>> = all(Some(judging), "testset").collect();
        let set = sets.iter().find(|set| set.attribute("name") == Some("tests")).or(match sets[..] {
            [ref only] => Some(only),
            _ => None,
        });
        let Some(set) = set.copied() else {
            self.fault(
                judging,
                Code::NoCases,
                "there is no testset `tests`",
                "Name the testset `tests` and export again",
            );
            return None;
        };
        for other in sets.iter().filter(|other| **other != set) {
            let name = other.attribute("name").unwrap_or_default();
            self.fault(*other, Code::LeftOut, format!("the testset `{name}` is left out"), "Only `tests` is judged");
        }
        self.limits(set, draft);
        let tests: Vec<Element<'d>> = all(first(set, "tests"), "test").collect();
        let count =
            first(set, "test-count").and_then(|count| count.text()).and_then(|text| text.trim().parse::<u64>().ok());
        if let Some(count) = count.filter(|count| *count != tests.len() as u64) {
            let fault = format!("<test-count> is {count}, but the number of tests is {}", tests.len());
            self.fault(set, Code::KeyType, fault, "Export the package again");
            return None;
        }
        if tests.is_empty() || tests.len() as u64 > TESTS_MAX {
            let fault = format!("the number of tests is {}; expected 1 to {TESTS_MAX}", tests.len());
            self.fault(set, Code::NoCases, fault, "Correct the testset and export again");
            return None;
        }
        let pattern = |name: &str| -> Option<String> {
            let element = first(set, name);
            let text = element.and_then(|element| element.text()).map(str::trim).map(str::to_owned);
            if text.as_deref().is_none_or(|text| numbered(text, 1).is_none()) {
                let fault = format!("<{name}> is not a path with one `%d` in it");
                self.fault(element.unwrap_or(set), Code::KeyType, fault, "It is usually tests/%02d");
                return None;
            }
            text
        };
        let (inputs, answers) = (pattern("input-path-pattern")?, pattern("answer-path-pattern")?);
        let groups = all(first(set, "groups"), "group");
        let scored = groups.chain(tests.iter().copied()).any(|one| one.attribute("points").is_some());
        if scored {
            draft.scoring = Scoring::Points { objective: Objective::Max, skipped: SkippedCases::Ignored };
        }
        let mut cases = Vec::new();
        for (at, test) in tests.iter().enumerate() {
            let number = at as u64 + 1;
            let paths = (numbered(&inputs, number)?, numbered(&answers, number)?);
            let case = self.case(*test, number, paths, method, scored);
            cases.extend(case.map(|case| (test.attribute("group").unwrap_or_default().to_owned(), case)));
        }
        if cases.len() < tests.len() {
            return None; // reported for each
        }
        self.grouped(set, cases, scored)
    }

    fn limits(&self, set: Element<'d>, draft: &mut Draft) {
        let number = |name: &str, most: u64| -> Option<u64> {
            let element = first(set, name)?;
            let value =
                element.text().and_then(|text| text.trim().parse::<u64>().ok()).filter(|n| (1..=most).contains(n));
            if value.is_none() {
                let fault =
                    format!("expected a whole number from 1, found `{}`", element.text().unwrap_or_default().trim());
                self.fault(element, Code::KeyType, fault, "Correct the limit and export again");
            }
            value
        };
        draft.limits.time.limit = number("time-limit", 86_400_000).map(Duration::from_millis);
        draft.memory_at = first(set, "memory-limit").map(|element| self.position(element));
        if let Some(bytes) = number("memory-limit", 1 << 44) {
            draft.limits.memory = Bytes::new(bytes);
        }
        // Codeforces limits the size of an output file; source: its blog, "output limit" (64 MB).
        draft.limits.output = Bytes::mib(64);
    }

    fn case(
        &self,
        test: Element<'d>,
        number: u64,
        (input, answer): (String, String),
        method: &Arc<Method>,
        scored: bool,
    ) -> Option<Case> {
        let file = |path: &str| {
            let found = self.context.tree.file(path);
            if found.is_none() {
                let remedy = "Download the full package: the standard package has no generated tests";
                self.fault(
                    test,
                    Code::FileMissing,
                    format!("test {number}: {}", self.context.tree.missing(path)),
                    remedy,
                );
            }
            found
        };
        let (input, answer) = (file(&input), file(&answer));
        let (input, answer) = (input?, answer?);
        self.context.check_data(&input);
        self.context.check_data(&answer);
        let sample = test.attribute("sample") == Some("true");
        let points = test.attribute("points").map(str::parse::<Score>);
        if let Some(Err(_)) = points {
            self.fault(
                test,
                Code::KeyType,
                format!("test {number}: the points are not a number"),
                "Correct them in Polygon",
            );
            return None;
        }
        let points = points.and_then(Result::ok).unwrap_or_default();
        Some(Case {
            id: CaseId::new(&format!("tests/{number:03}")),
            answer: Some(answer.clone()),
            args: Vec::new(),
            files: Vec::new(),
            method: Arc::clone(method),
            points: match (scored, &**method) {
                (false, _) => CasePoints::None,
                (true, Method::Check(Checker::Builtin(_))) => {
                    CasePoints::Fixed { accepted: points, rejected: Score::ZERO }
                }
                (true, _) => CasePoints::FromChecker {
                    max: MaxScore::Bounded(points),
                    unnamed: Some(points),
                    rejected: Score::ZERO,
                    also_rejecting: false,
                    may_be_negative: false,
                },
            },
            feedback: if sample { Feedback::Full } else { Feedback::Verdict },
            validator_args: ValidatorArgs::default(),
            hints: Hints { description: test.attribute("description").map(str::to_owned), hint: None },
            shown: sample.then(|| Shown::Pair { input: input.clone(), answer: Some(answer) }),
            limits: OwnLimits::default(),
            made: None,
            unifies_newlines: false,
            input,
        })
    }

    /// Puts the cases into the groups of the testset. Cases without a group stay at the top level, in test order.
    fn grouped(&self, set: Element<'d>, cases: Vec<(String, Case)>, scored: bool) -> Option<CaseGroup> {
        let declared: BTreeMap<&str, Element<'d>> =
            all(first(set, "groups"), "group").filter_map(|group| Some((group.attribute("name")?, group))).collect();
        let mut order: Vec<String> = Vec::new();
        let mut members: BTreeMap<String, Vec<Case>> = BTreeMap::new();
        for (group, case) in cases {
            if !order.contains(&group) {
                order.push(group.clone());
            }
            members.entry(group).or_default().push(case);
        }
        for (name, group) in declared.iter().filter(|(name, _)| !members.contains_key(**name)) {
            self.fault(*group, Code::Groups, format!("the group `{name}` has no tests"), "Remove it in Polygon");
        }
        let requires = |name: &str| -> Vec<String> {
            let dependencies = declared.get(name).and_then(|group| first(*group, "dependencies"));
            all(dependencies, "dependency").filter_map(|one| one.attribute("group").map(str::to_owned)).collect()
        };
        let order = self.in_order(set, order, &requires)?;
        let mut children = Vec::new();
        for name in order {
            let cases: Vec<Node> =
                members.remove(&name).unwrap_or_default().into_iter().map(|case| Node::Case(Box::new(case))).collect();
            if name.is_empty() {
                children.extend(cases);
                continue;
            }
            let policy = declared.get(name.as_str()).and_then(|group| group.attribute("points-policy"));
            let mut group = group_of(&format!("tests/{name}"), scored, cases);
            let required = requires(&name).into_iter().filter_map(|name| GroupName::new(&format!("tests/{name}")).ok());
            group.requires = required.collect();
            if scored && policy.unwrap_or("complete-group") == "complete-group" {
                let points = declared.get(name.as_str()).and_then(|group| group.attribute("points"));
                self.complete_group(&mut group, points.and_then(|points| points.parse().ok()));
            }
            children.push(Node::Group(group));
        }
        Some(group_of("", scored, children))
    }

    /// Makes a group all or nothing. The group gives the points of its tests or, if its tests have none, its own
    /// points.
    fn complete_group(&self, group: &mut CaseGroup, own: Option<Score>) {
        if let MaxScore::Bounded(max) = group.max {
            let max = if max == Score::ZERO { own.unwrap_or(max) } else { max };
            group.max = MaxScore::Bounded(max);
            group.scoring = GroupScoring::AllOrNothing(max);
            group.stop = StopRule::Break;
        }
    }

    /// Returns the groups in the order of their tests, except that each group follows its dependencies.
    fn in_order(
        &self,
        set: Element<'d>,
        names: Vec<String>,
        requires: &dyn Fn(&str) -> Vec<String>,
    ) -> Option<Vec<String>> {
        if names.len() > GROUPS_MAX {
            let fault = format!("there are {} groups; the maximum is {GROUPS_MAX}", names.len());
            self.fault(set, Code::Groups, fault, "Distribute the tests over fewer groups");
            return None;
        }
        for name in &names {
            if let Some(unknown) = requires(name).iter().find(|required| !names.contains(required)) {
                let fault = format!("the group `{name}` depends on `{unknown}`, which has no tests");
                self.fault(set, Code::Groups, fault, "Correct the dependency in Polygon");
                return None;
            }
        }
        let mut left = names;
        let mut ordered: Vec<String> = Vec::new();
        while !left.is_empty() {
            let ready = left.iter().position(|name| requires(name).iter().all(|required| ordered.contains(required)));
            let Some(ready) = ready else {
                let fault = format!("the groups {} have a dependency cycle", left.join(", "));
                self.fault(set, Code::Groups, fault, "Break the cycle in Polygon");
                return None;
            };
            ordered.push(left.remove(ready));
        }
        Some(ordered)
    }
}

/// Returns a group with default rules. With scores, the group runs all children, and its score is the sum of the
/// children's scores. Without scores, the group stops at the first error.
fn group_of(name: &str, scored: bool, children: Vec<Node>) -> CaseGroup {
    if scored {
        let group = group(name, GroupScoring::Aggregate(Aggregate::Sum), children);
        CaseGroup { stop: StopRule::Continue, ..group }
    } else {
        group(name, GroupScoring::None, children)
    }
}

/// Returns the path with its only `%d` or `%0Nd` replaced. `None` if there is not exactly one.
fn numbered(pattern: &str, number: u64) -> Option<String> {
    let (before, rest) = pattern.split_once('%')?;
    let (width, after) = rest.split_once('d')?;
    if after.contains('%') || width.len() > 2 {
        return None;
    }
    let filled = match width.strip_prefix('0') {
        Some(width) if !width.is_empty() => format!("{number:0width$}", width = width.parse::<usize>().ok()?),
        _ if width.is_empty() => number.to_string(),
        _ => return None,
    };
    Some(format!("{before}{filled}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_pattern_has_exactly_one_number() {
        assert_eq!(numbered("tests/%02d", 7).as_deref(), Some("tests/07"));
        assert_eq!(numbered("tests/%d.a", 123).as_deref(), Some("tests/123.a"));
        for bad in ["tests/", "%d%d", "%s", "%99999d", "%-3d", "%"] {
            assert_eq!(numbered(bad, 1), None, "{bad}");
        }
    }
}
