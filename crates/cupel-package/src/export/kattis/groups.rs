//! Tests of an exported package: `data/sample`, and `data/secret` with one level of groups.
//!
//! The format divides a group's points equally among its cases and allows only whole numbers. If a package divides its
//! points in another way, each case becomes a separate group. If that is not possible either, the export is refused.
//! Groups that do not count become groups with zero points.

use std::collections::{HashMap, HashSet};

use super::Plan;
use crate::export::yaml::{Yaml, document};
use cupel_problem::{
    Aggregate, Case, CaseGroup, CasePoints, Feedback, GroupScoring, MaxScore, Node, Objective, OwnLimits, Score,
    Scoring, Shown, StopRule, VerdictRule,
};

/// A group in the exported format.
struct Flat<'a> {
    /// The original name, which other groups use in their requirements.
    name: String,
    cases: Vec<&'a Case>,
    points: Option<Worth>,
    requires: Vec<String>,
}

/// The points of a group.
#[derive(Clone, Copy)]
struct Worth {
    max: MaxScore,
    aggregation: &'static str,
}

/// What a group inherits from the groups that contain it.
#[derive(Clone)]
struct Above {
    /// Whether the score counts in every group above.
    counts: bool,
    requires: Vec<String>,
}

impl Plan<'_> {
    pub(super) fn tests(&mut self) {
        let root = self.problem.tests.root();
        let mut samples: Vec<&Case> = Vec::new();
        let mut groups: Vec<Flat<'_>> = Vec::new();
        let above = Above { counts: true, requires: Vec::new() };
        self.flatten(root, &above, &mut samples, &mut groups);
        for (case, name) in samples.iter().zip(names(samples.iter().map(|case| case.id.as_str()))) {
            self.case(&format!("sample/{name}"), case, Feedback::Full);
        }
        match self.problem.scoring {
            // Without scores, requirements and the order of groups do not change the verdict.
            Scoring::PassFail => {
                let cases: Vec<&Case> = groups.iter().flat_map(|group| group.cases.iter().copied()).collect();
                for (case, name) in cases.iter().zip(names(cases.iter().map(|case| case.id.as_str()))) {
                    self.case(&format!("secret/{name}"), case, Feedback::Verdict);
                }
            }
            // Skipped cases give no points by either rule, because groups in which they change the score are refused or
            // reported.
            Scoring::Points { objective, skipped: _ } => {
                if objective == Objective::Min {
                    let fault = "the lower score is the better one, but the format has no such scores";
                    self.cannot("problem.yaml", fault, "Change the scores so that more points are better");
                }
                self.scored(groups);
            }
        }
    }

    /// Flattens the tree into samples and one level of groups.
    fn flatten<'t>(
        &self,
        group: &'t CaseGroup,
        above: &Above,
        samples: &mut Vec<&'t Case>,
        groups: &mut Vec<Flat<'t>>,
    ) {
        let scored = self.problem.scoring != Scoring::PassFail;
        let mut above = above.clone();
        above.counts &= group.counts;
        for required in &group.requires {
            if !above.requires.iter().any(|known| known == required.as_str()) {
                above.requires.push(required.as_str().to_owned());
            }
        }
        let cases: Vec<&Case> = group
            .children
            .iter()
            .filter_map(|child| match child {
                Node::Case(case) => Some(&**case),
                Node::Group(_) => None,
            })
            .collect();
        // A sample that gives points is exported twice: as a sample and as a secret case.
        samples.extend(cases.iter().filter(|case| case.shown.is_some()));
        let gives = |case: &Case| scored && above.counts && case.points.max() != ZERO;
        let judged: Vec<&Case> = cases.into_iter().filter(|case| case.shown.is_none() || gives(case)).collect();
        let below: Vec<&CaseGroup> = group
            .children
            .iter()
            .filter_map(|child| match child {
                Node::Group(group) => Some(group),
                Node::Case(_) => None,
            })
            .collect();
        self.check_rules(group, &judged);
        if !judged.is_empty() {
            let together = below.is_empty().then(|| worth(group, above.counts, &judged)).flatten();
            match together {
                _ if !scored => groups.push(Flat {
                    name: group.name.as_str().to_owned(),
                    cases: judged,
                    points: None,
                    requires: Vec::new(),
                }),
                Some(points) => {
                    if let (MaxScore::Bounded(max), MaxScore::Unbounded) = (group.max, points.max) {
                        let fault = format!("its cases have no maximum, so its maximum {max} is left out");
                        self.weaker(group.name.as_str(), fault);
                    }
                    let requires = above.requires.clone();
                    groups.push(Flat {
                        name: group.name.as_str().to_owned(),
                        cases: judged,
                        points: Some(points),
                        requires,
                    });
                }
                // Cases that have groups as siblings, and cases with points that their group cannot express, become
                // groups.
                None => {
                    for case in judged {
                        let points = single(case, above.counts);
                        if points.is_none() {
                            let fault = "the format cannot express the points of this case";
                            let remedy = "Give points to groups: sum, minimum, or all or nothing";
                            self.cannot(case.id.as_str(), fault, remedy);
                        }
                        let (name, requires) = (case.id.as_str().to_owned(), above.requires.clone());
                        groups.push(Flat { name, cases: vec![case], points, requires });
                    }
                }
            }
        }
        for inner in &below {
            let is_plain_sum = matches!(group.scoring, GroupScoring::Aggregate(Aggregate::Sum));
            if scored && above.counts && !is_plain_sum {
                let fault = "the score of this group is not the sum of its subgroups";
                self.cannot(group.name.as_str(), fault, "Use one level of groups whose points are added");
                return;
            }
            self.flatten(inner, &above, samples, groups);
        }
    }

    /// Reports the rules of a group that the format does not have. `judged` are its cases that are not only samples.
    fn check_rules(&self, group: &CaseGroup, judged: &[&Case]) {
        let CaseGroup {
            name,
            scoring,
            verdict,
            stop,
            max,
            range,
            decides,
            children,
            // The groups below inherit these.
            requires: _,
            counts: _,
            // A group that others require must be all or nothing, so it has no partial score.
            partial_suffices: _,
        } = group;
        let scored = self.problem.scoring != Scoring::PassFail;
        let place = if name.as_str().is_empty() { "data" } else { name.as_str() };
        match verdict {
            // These differ only in the choice among several errors.
            VerdictRule::FirstError | VerdictRule::WorstError => {}
            VerdictRule::AlwaysAccepted | VerdictRule::AnyAccepted { .. } => {
                let fault = "the verdict may be AC although a case is not accepted; the format has no such rule";
                self.cannot(place, fault, "Give points instead, or remove the rule");
            }
        }
        let last = children.len().saturating_sub(1);
        let may_stop = children.iter().take(last).any(|child| match child {
            Node::Group(group) => group.decides,
            Node::Case(_) => true,
        });
        let loses_points = match stop {
            StopRule::Continue => false,
            StopRule::Break => may_stop && *scoring == GroupScoring::Aggregate(Aggregate::Sum),
            StopRule::BreakAll => true,
        };
        if scored && loses_points {
            let fault =
                "judging ends after a failed case, so the remaining cases give no points; in the format, they do";
            self.weaker(place, fault);
        }
        if let Some(range) = range {
            let is_implied = range.low().is_none_or(|low| low <= Score::ZERO)
                && range.high().is_none_or(|high| matches!(max, MaxScore::Bounded(max) if *max <= high));
            if !is_implied {
                self.weaker(place, "the format has no range of scores; it is left out");
            }
        }
        let is_sample = |case: &Case| case.shown.is_some();
        match (scored, *decides) {
            (true, false) if !judged.is_empty() || !group.cases().all(is_sample) => {
                self.weaker(place, "the verdict of the group does not count; in the format, it does");
            }
            (true, true) if judged.is_empty() && children.iter().any(|child| matches!(child, Node::Case(_))) => {
                self.weaker(place, "in the format, the samples of a scoring problem do not count for the verdict");
            }
            (false, false) if group.cases().all(is_sample) => {
                self.weaker(place, "in the format, the samples of a problem without scores count for the verdict");
            }
            (false, false) => {
                let fault = "the verdict of the group does not count; in the format, it does";
                self.cannot(place, fault, "Remove the group, or let its verdict count");
            }
            _ => {}
        }
    }

    fn scored(&mut self, groups: Vec<Flat<'_>>) {
        let unbounded = groups.iter().any(|group| matches!(group.points, Some(Worth { max: MaxScore::Unbounded, .. })));
        let total = groups.iter().try_fold(Score::ZERO, |sum, group| match group.points?.max {
            MaxScore::Bounded(score) => sum.checked_add(score),
            MaxScore::Unbounded => Some(sum),
        });
        // The groups may have fewer points than the problem.
        let whole_problem = self.problem.tests.root().max;
        let max = match (total, whole_problem) {
            (None, _) => return, // the fault has been reported
            (_, MaxScore::Bounded(max)) if unbounded => {
                let fault = format!(
                    "the score of a group has no maximum, so the problem cannot have one; its maximum {max} is left out"
                );
                self.weaker("data", fault);
                Yaml::plain("unbounded")
            }
            _ if unbounded => Yaml::plain("unbounded"),
            (Some(total), MaxScore::Bounded(max)) if max > total && is_whole(max) => Yaml::plain(max),
            (Some(total), _) => Yaml::plain(total),
        };
        self.text("data/secret/test_group.yaml", document(&[("max_score".to_owned(), max)]));
        let new_names = names(groups.iter().map(|group| group.name.as_str()));
        let mut by_name: HashMap<&str, (&Flat<'_>, &String)> = HashMap::new();
        for (group, name) in groups.iter().zip(&new_names) {
            by_name.entry(&group.name).or_insert((group, name));
        }
        for (group, name) in groups.iter().zip(&new_names) {
            let Some(worth) = group.points else { continue };
            let max = match worth.max {
                MaxScore::Bounded(score) => Yaml::plain(score),
                MaxScore::Unbounded => Yaml::plain("unbounded"),
            };
            let mut entries =
                vec![("max_score".to_owned(), max), ("score_aggregation".to_owned(), Yaml::plain(worth.aggregation))];
            let mut requires = Vec::new();
            for required in &group.requires {
                let base = required.rsplit('/').next().unwrap_or(required);
                match by_name.get(required.as_str()) {
                    Some((required_group, name)) => {
                        if required_group.points.is_none_or(|worth| worth.aggregation != "pass-fail") {
                            let fault = format!("the required group `{required}` is not all or nothing");
                            self.cannot(&group.name, fault, "Make it all or nothing");
                        }
                        requires.push(Yaml::plain(name));
                    }
                    None if base == "sample" => requires.push(Yaml::plain("sample")),
                    None => self.weaker(
                        &group.name,
                        format!("the format cannot express that `{required}` must be passed first"),
                    ),
                }
            }
            if !requires.is_empty() {
                entries.push(("require_pass".to_owned(), Yaml::List(requires)));
            }
            let shown = group.cases.iter().all(|case| case.feedback == Feedback::Full);
            let feedback = if shown { Feedback::Full } else { Feedback::Verdict };
            if shown {
                entries.push(("full_feedback".to_owned(), Yaml::plain(true)));
            }
            self.text(&format!("data/secret/{name}/test_group.yaml"), document(&entries));
            for (case, base) in group.cases.iter().zip(names(group.cases.iter().map(|case| case.id.as_str()))) {
                self.case(&format!("secret/{name}/{base}"), case, feedback);
            }
        }
    }

    /// Plans the files of a case. `name` is its new name, and `feedback` what its directory gives.
    fn case(&mut self, name: &str, case: &Case, feedback: Feedback) {
        self.names.push((case.id.clone(), name.to_owned()));
        let path = format!("data/{name}");
        if case.made.is_some() {
            let fault = "a generator makes the data when the case is judged";
            self.cannot(case.id.as_str(), fault, "Generate the data, and store it in the package");
        }
        if case.unifies_newlines {
            let fault = "DMOJ unifies line ends, but other judges do not; the files are copied unchanged";
            self.weaker(case.id.as_str(), fault);
        }
        if case.limits != OwnLimits::default() {
            self.weaker(case.id.as_str(), "the format has no limits for single cases; they are left out");
        }
        self.copy(format!("{path}.in"), &case.input);
        match &case.answer {
            Some(answer) => self.copy(format!("{path}.ans"), answer),
            None => self.text(&format!("{path}.ans"), String::new()),
        }
        match &case.shown {
            Some(Shown::Conversation(file)) => self.copy(format!("{path}.interaction"), file),
            Some(Shown::Pair { input, answer }) => {
                if *input != case.input {
                    self.copy(format!("{path}.in.statement"), input);
                }
                if let Some(answer) = answer.as_ref().filter(|answer| Some(*answer) != case.answer.as_ref()) {
                    self.copy(format!("{path}.ans.statement"), answer);
                }
            }
            None => {}
        }
        self.program_files(&format!("{path}.files"), &case.files);
        let args = self.arguments(&case.method, case.id.as_str());
        if let Some(text) = self.case_document(case, &args, feedback) {
            self.text(&format!("{path}.yaml"), text);
        }
    }
}

const ZERO: MaxScore = MaxScore::Bounded(Score::ZERO);

/// The points of a group that does not count.
const NOTHING: Worth = Worth { max: ZERO, aggregation: "pass-fail" };

/// The format has whole numbers of points.
fn is_whole(score: Score) -> bool {
    score.millionths() % 1_000_000 == 0 && score >= Score::ZERO
}

/// Whether the checker awards the points.
fn is_from_checker(points: &CasePoints) -> bool {
    matches!(points, CasePoints::FromChecker { .. })
}

/// Returns the format's rule for a group of cases. `counts`: whether the group's score counts. `None` if the format
/// cannot express it.
fn worth(group: &CaseGroup, counts: bool, cases: &[&Case]) -> Option<Worth> {
    let points: Vec<CasePoints> = cases.iter().map(|case| case.points).collect();
    if !counts {
        return (!points.iter().any(is_from_checker)).then_some(NOTHING);
    }
    let fixed = points.iter().all(|points| {
        matches!(points, CasePoints::Fixed { rejected: Score::ZERO, .. } | CasePoints::None | CasePoints::Ignored)
    });
    let named = points
        .iter()
        .all(|points| matches!(points, CasePoints::FromChecker { rejected: Score::ZERO, also_rejecting: false, .. }));
    // If a case has no maximum, a maximum of its group would become one of the case.
    let has_unbounded = points.iter().any(|points| points.max() == MaxScore::Unbounded);
    let max = if has_unbounded { MaxScore::Unbounded } else { group.max };
    let each = |max: MaxScore| points.iter().all(|points| points.max() == max);
    let (aggregation, fits) = match group.scoring {
        GroupScoring::AllOrNothing(_) => ("pass-fail", true),
        GroupScoring::AggregateIfNamed { rejected: Score::ZERO, .. } if fixed => ("pass-fail", true),
        GroupScoring::Aggregate(Aggregate::Min) if fixed => ("pass-fail", each(max)),
        GroupScoring::Aggregate(Aggregate::Min) => ("min", named && each(max)),
        GroupScoring::Aggregate(Aggregate::Sum) if has_unbounded => ("sum", named && each(max)),
        GroupScoring::Aggregate(Aggregate::Sum) => ("sum", (fixed || named) && shares(max, &points)),
        _ => ("", false),
    };
    let is_expressible = match max {
        MaxScore::Bounded(score) => is_whole(score),
        MaxScore::Unbounded => named,
    };
    (fits && is_expressible).then_some(Worth { max, aggregation })
}

/// Returns the points of a case that becomes a separate group. `counts`: whether the case counts.
fn single(case: &Case, counts: bool) -> Option<Worth> {
    match case.points {
        points if !counts => (!is_from_checker(&points)).then_some(NOTHING),
        CasePoints::Fixed { accepted, rejected: Score::ZERO } if is_whole(accepted) => {
            Some(Worth { max: MaxScore::Bounded(accepted), aggregation: "pass-fail" })
        }
        CasePoints::FromChecker {
            max: max @ MaxScore::Bounded(score),
            rejected: Score::ZERO,
            also_rejecting: false,
            ..
        } if is_whole(score) => Some(Worth { max, aggregation: "sum" }),
        CasePoints::FromChecker {
            max: max @ MaxScore::Unbounded,
            rejected: Score::ZERO,
            also_rejecting: false,
            ..
        } => Some(Worth { max, aggregation: "sum" }),
        _ => None,
    }
}

/// Whether the points are equal shares of the total. Shares may differ in the last digit.
fn shares(max: MaxScore, points: &[CasePoints]) -> bool {
    let MaxScore::Bounded(max) = max else { return false };
    let share = |at: usize| max.share(at, points.len()).map(MaxScore::Bounded);
    points.iter().enumerate().all(|(at, points)| share(at) == Some(points.max()))
}

/// Returns new names with the characters that the format allows, unique and in the same order.
fn names<'n>(old: impl Iterator<Item = &'n str>) -> Vec<String> {
    let plain = |name: &str| -> String {
        let base = name.rsplit('/').next().unwrap_or(name);
        let letters = base.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' });
        letters.collect::<String>().trim_start_matches('-').to_owned()
    };
    let names: Vec<String> = old.map(plain).collect();
    // Some file systems ignore the case of letters.
    let folded: HashSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let fine = folded.len() == names.len()
        && !folded.contains("")
        && !folded.contains("test_group")
        && names.windows(2).all(|pair| pair[0] < pair[1]);
    if fine {
        return names;
    }
    let width = names.len().to_string().len();
    let numbered = names.iter().enumerate().map(|(at, name)| format!("{:0width$}-{name}", at + 1));
    numbered.map(|name| name.trim_end_matches('-').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_names_sort_in_the_original_order() {
        let new = |old: &[&str]| names(old.iter().copied());
        assert_eq!(new(&["secret/1", "secret/2"]), ["1", "2"]);
        assert_eq!(new(&["2", "10"]), ["1-2", "2-10"]);
        assert_eq!(new(&["a/x", "b/x"]), ["1-x", "2-x"]);
        assert_eq!(new(&["001!", "…"]), ["1-001", "2"]);
        assert_eq!(new(&["a/Big", "b/big"]), ["1-Big", "2-big"]);
        assert_eq!(new(&["1", "Test_group"]), ["1-1", "2-Test_group"]);
        let many: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(new(&many.iter().map(String::as_str).collect::<Vec<_>>())[9], "10-9");
    }
}
