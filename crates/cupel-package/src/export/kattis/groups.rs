//! Tests of an exported package: `data/sample`, and `data/secret` with one level of groups.
//!
//! The format divides a group's points equally among its cases and allows only whole numbers. If a package divides its
//! points in another way, each case becomes a separate group. If that is not possible either, the export is refused.

use std::collections::HashMap;

use super::{Plan, case_document};
use crate::export::yaml::{Yaml, document};
use cupel_problem::{
    Aggregate, Case, CaseGroup, CasePoints, Feedback, GroupScoring, MaxScore, Node, OwnLimits, Score, Scoring, Shown,
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

impl Plan<'_> {
    pub(super) fn tests(&mut self) {
        let root = self.problem.tests.root();
        let mut samples: Vec<&Case> = Vec::new();
        let mut groups: Vec<Flat<'_>> = Vec::new();
        self.flatten(root, root.counts, &mut samples, &mut groups);
        for (case, name) in samples.iter().zip(names(samples.iter().map(|case| case.id.as_str()))) {
            self.case(&format!("data/sample/{name}"), case);
        }
        if self.problem.scoring == Scoring::PassFail {
            let cases: Vec<&Case> = groups.iter().flat_map(|group| group.cases.iter().copied()).collect();
            for (case, name) in cases.iter().zip(names(cases.iter().map(|case| case.id.as_str()))) {
                self.case(&format!("data/secret/{name}"), case);
            }
            return;
        }
        self.scored(groups);
    }

    /// Flattens the tree into samples and one level of groups.
    fn flatten<'t>(&self, group: &'t CaseGroup, counts: bool, samples: &mut Vec<&'t Case>, groups: &mut Vec<Flat<'t>>) {
        let scored = self.problem.scoring != Scoring::PassFail;
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
        let gives = |case: &Case| scored && counts && case.points.max() != ZERO;
        let judged: Vec<&Case> = cases.into_iter().filter(|case| case.shown.is_none() || gives(case)).collect();
        let below: Vec<&CaseGroup> = group
            .children
            .iter()
            .filter_map(|child| match child {
                Node::Group(group) => Some(group),
                Node::Case(_) => None,
            })
            .collect();
        if !judged.is_empty() {
            let requires = group.requires.iter().map(|name| name.as_str().to_owned()).collect();
            let together = below.is_empty() && self.worth(group, &judged).is_some();
            if scored && !together {
                // Cases that have groups as siblings, and cases with points that their group cannot express, become
                // groups.
                for case in judged {
                    let worth = single(case);
                    if worth.is_none() {
                        let fault = "the format cannot express the points of this case";
                        self.cannot(case.id.as_str(), fault, "Give points to groups: sum, minimum, or all or nothing");
                    }
                    let requires = group.requires.iter().map(|name| name.as_str().to_owned()).collect();
                    groups.push(Flat { name: case.id.as_str().to_owned(), cases: vec![case], points: worth, requires });
                }
            } else {
                let points = if scored { self.worth(group, &judged) } else { None };
                groups.push(Flat { name: group.name.as_str().to_owned(), cases: judged, points, requires });
            }
        }
        for inner in &below {
            if scored && !below.is_empty() && !self.is_plain_sum(group) {
                let fault = "the score of this group is not the sum of its subgroups";
                self.cannot(group.name.as_str(), fault, "Use one level of groups whose points are added");
                return;
            }
            self.flatten(inner, counts && inner.counts, samples, groups);
        }
    }

    fn is_plain_sum(&self, group: &CaseGroup) -> bool {
        matches!(group.scoring, GroupScoring::Aggregate(Aggregate::Sum))
    }

    /// Returns the format's rule for a group of cases. `None` if the format cannot express it.
    fn worth(&self, group: &CaseGroup, cases: &[&Case]) -> Option<Worth> {
        let points: Vec<CasePoints> = cases.iter().map(|case| case.points).collect();
        let equal = points.windows(2).all(|pair| pair[0].max() == pair[1].max());
        let fixed = points.iter().all(|points| {
            matches!(points, CasePoints::Fixed { rejected: Score::ZERO, .. } | CasePoints::None | CasePoints::Ignored)
        });
        let named = points.iter().all(|points| {
            matches!(points, CasePoints::FromChecker { rejected: Score::ZERO, also_rejecting: false, .. })
        });
        let whole = |max: MaxScore| match max {
            MaxScore::Bounded(score) => score.millionths() % 1_000_000 == 0 && score >= Score::ZERO,
            MaxScore::Unbounded => named,
        };
        let max = group.max;
        let (aggregation, fits) = match group.scoring {
            GroupScoring::AllOrNothing(_) => ("pass-fail", true),
            GroupScoring::AggregateIfNamed { rejected: Score::ZERO, .. } if fixed => ("pass-fail", true),
            GroupScoring::Aggregate(Aggregate::Min) if fixed && equal => ("pass-fail", true),
            GroupScoring::Aggregate(Aggregate::Min) => ("min", named && equal),
            GroupScoring::Aggregate(Aggregate::Sum) => ("sum", (fixed || named) && (equal || shares(max, &points))),
            _ => ("", false),
        };
        (fits && whole(max)).then_some(Worth { max, aggregation })
    }

    fn scored(&mut self, groups: Vec<Flat<'_>>) {
        let unbounded = groups.iter().any(|group| matches!(group.points, Some(Worth { max: MaxScore::Unbounded, .. })));
        let total = groups.iter().try_fold(Score::ZERO, |sum, group| match group.points?.max {
            MaxScore::Bounded(score) => sum.checked_add(score),
            MaxScore::Unbounded => Some(sum),
        });
        let max = match total {
            _ if unbounded => Yaml::plain("unbounded"),
            Some(total) => Yaml::plain(total),
            None => return, // the fault has been reported
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
            if shown {
                entries.push(("full_feedback".to_owned(), Yaml::plain(true)));
            }
            self.text(&format!("data/secret/{name}/test_group.yaml"), document(&entries));
            for (case, base) in group.cases.iter().zip(names(group.cases.iter().map(|case| case.id.as_str()))) {
                self.case(&format!("data/secret/{name}/{base}"), case);
            }
        }
    }

    fn case(&mut self, path: &str, case: &Case) {
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
        if let Some(text) = case_document(case, &args) {
            self.text(&format!("{path}.yaml"), text);
        }
    }
}

const ZERO: MaxScore = MaxScore::Bounded(Score::ZERO);

/// Returns the points of a case that becomes a separate group.
fn single(case: &Case) -> Option<Worth> {
    let whole = |score: Score| score.millionths() % 1_000_000 == 0 && score >= Score::ZERO;
    match case.points {
        CasePoints::Fixed { accepted, rejected: Score::ZERO } if whole(accepted) => {
            Some(Worth { max: MaxScore::Bounded(accepted), aggregation: "pass-fail" })
        }
        CasePoints::FromChecker {
            max: MaxScore::Bounded(max), rejected: Score::ZERO, also_rejecting: false, ..
        } if whole(max) => Some(Worth { max: MaxScore::Bounded(max), aggregation: "sum" }),
        CasePoints::FromChecker { max: MaxScore::Unbounded, rejected: Score::ZERO, also_rejecting: false, .. } => {
            Some(Worth { max: MaxScore::Unbounded, aggregation: "sum" })
        }
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
    let fine = names.iter().all(|name| !name.is_empty() && name != "test_group")
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
        let many: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(new(&many.iter().map(String::as_str).collect::<Vec<_>>())[9], "10-9");
    }
}
