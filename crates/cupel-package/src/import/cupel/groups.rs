//! `tests/` and `[[groups]]` of Cupel's own format.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::cases::{group, max_score};
use super::super::{Child, Context, Draft};
use crate::doc::{Reader, Unknown};
use crate::finding::Code;
use cupel_problem::{
    Aggregate, Case, CaseGroup, CaseId, CasePoints, Feedback, GroupName, GroupScoring, Hints, MaxScore, Method, Node,
    Objective, OwnLimits, Score, Scoring, Shown, SkippedCases, StopRule, ValidatorArgs,
};

/// Returns the root of all groups. `None` if there is a fault, which has been reported.
pub(super) fn read(context: &Context<'_>, top: &Reader<'_>, method: &Method, draft: &mut Draft) -> Option<CaseGroup> {
    let reading = Reading { context, method: Arc::new(method.clone()) };
    let declared = reading.declared(top);
    let scored = declared.values().any(|group| group.points.is_some());
    if scored {
        draft.scoring = Scoring::Points { objective: Objective::Max, skipped: SkippedCases::Ignored };
    }
    let found = context.tree.children("tests");
    let directories: Vec<&String> =
        found.iter().filter(|(_, child)| **child == Child::Directory).map(|(name, _)| name).collect();
    for (name, group) in declared.iter().filter(|(name, _)| !directories.contains(name)) {
        group.reader.fault(
            Code::Groups,
            format!("there is no directory tests/{name}"),
            "Add it with cases, or remove the group",
        );
    }
    let mut children: Vec<Node> = Vec::new();
    let loose = reading.cases("tests", "", None);
    let secret = loose.iter().filter(|case| case.shown.is_none()).count()
        + directories.iter().filter(|name| **name != "sample").count();
    if secret == 0 && !(context.options.allow_no_secret && !(loose.is_empty() && directories.is_empty())) {
        if !context.findings.any_error() {
            let remedy = "Add tests/NAME.in and tests/NAME.out, with a NAME that does not begin with `sample`; `cupel judge` and \
                          `cupel verify` take samples alone with --allow-no-secret";
            context.findings.file(Code::NoCases, "tests", "there are no cases other than samples", remedy);
        }
        return None;
    }
    if scored && loose.iter().any(|case| case.shown.is_none()) {
        let remedy = "Move them into the directories of the groups";
        context.findings.file(
            Code::Groups,
            "tests",
            "some groups have points, but there are cases outside the groups",
            remedy,
        );
    }
    children.extend(loose.into_iter().map(|case| Node::Case(Box::new(case))));
    // The order is: samples, then groups in the order of their declaration, then groups that are not declared.
    let place = |name: &str| match (name, declared.get(name)) {
        ("sample", _) => 0,
        (_, Some(group)) => group.place + 1,
        (_, None) => usize::MAX,
    };
    let mut directories = directories;
    directories.sort_by_key(|name| place(name));
    for name in directories {
        let group = declared.get(name.as_str());
        if scored && group.is_none_or(|group| group.points.is_none()) && name != "sample" {
            let path = format!("tests/{name}");
            let fault = "other groups have points, but this one has none";
            context.findings.file(Code::Groups, &path, fault, "Add it to [[groups]] with `points`, which may be 0");
        }
        children.extend(reading.group(name, group, scored).map(Node::Group));
    }
    let mut root = group("", GroupScoring::None, children);
    if scored {
        root.scoring = GroupScoring::Aggregate(Aggregate::Sum);
        root.stop = StopRule::Continue;
        root.max = max_score(&root.scoring, &root.children);
    }
    Some(root)
}

/// An entry of `[[groups]]`.
struct Declared<'r> {
    reader: Reader<'r>,
    place: usize,
    points: Option<Score>,
    aggregate: Option<Aggregate>,
    requires: Vec<String>,
    stop: Option<StopRule>,
}

struct Reading<'c> {
    context: &'c Context<'c>,
    method: Arc<Method>,
}

impl Reading<'_> {
    fn declared<'r>(&self, top: &Reader<'r>) -> BTreeMap<String, Declared<'r>> {
        let mut found: BTreeMap<String, Declared<'r>> = BTreeMap::new();
        for (place, reader) in top.get("groups").list().into_iter().enumerate() {
            reader.map();
            reader.only(&["name", "points", "aggregate", "requires", "stop"], Unknown::Error);
            let Some(name) = reader.get("name").words() else {
                reader.get("name").missing("the name of a directory in tests/");
                continue;
            };
            let points = reader.get("points").parsed::<Score>("a number of points");
            if points.is_some_and(|points| points < Score::ZERO) {
                reader.get("points").expected("0 points or more");
            }
            let aggregate = match reader.get("aggregate").text() {
                None | Some("all") => None,
                Some("sum") => Some(Aggregate::Sum),
                Some("min") => Some(Aggregate::Min),
                Some("max") => Some(Aggregate::Max),
                Some(_) => {
                    reader.get("aggregate").expected("`all`, `sum`, `min` or `max`");
                    None
                }
            };
            let stop = match reader.get("stop").text() {
                None => None,
                Some("first-error") => Some(StopRule::Break),
                Some("never") => Some(StopRule::Continue),
                Some(_) => {
                    reader.get("stop").expected("`first-error` or `never`");
                    None
                }
            };
            let mut requires = Vec::new();
            for one in reader.get("requires").list() {
                let name = one.text().unwrap_or_default();
                let sample = name == "sample" && self.context.tree.has_directory("tests/sample");
                if found.contains_key(name) || sample {
                    requires.push(name.to_owned());
                } else {
                    let remedy = "Name earlier groups, or `sample`";
                    one.fault(Code::Groups, format!("`{name}` is not an earlier group"), remedy);
                }
            }
            let group = Declared { reader: reader.clone(), place, points, aggregate, requires, stop };
            if found.insert(name.to_owned(), group).is_some() {
                reader.get("name").fault(Code::Groups, format!("there are two groups `{name}`"), "Rename one of them");
            }
        }
        found
    }

    fn group(&self, name: &str, declared: Option<&Declared<'_>>, scored: bool) -> Option<CaseGroup> {
        let worth =
            declared.filter(|_| scored && name != "sample").and_then(|group| Some((group.points?, group.aggregate)));
        let directory = format!("tests/{name}");
        let cases = self.cases(&directory, name, worth);
        if cases.is_empty() {
            if !self.context.findings.any_error() {
                self.context.findings.file(
                    Code::NoCases,
                    &directory,
                    "the group has no cases",
                    "Add a case, or remove the group",
                );
            }
            return None;
        }
        let cases = cases.into_iter().map(|case| Node::Case(Box::new(case))).collect();
        let mut group = group(name, GroupScoring::None, cases);
        if let Some(declared) = declared {
            group.requires = declared.requires.iter().filter_map(|name| GroupName::new(name).ok()).collect();
            group.stop = declared.stop.unwrap_or(group.stop);
        }
        if let Some((points, aggregate)) = worth {
            group.max = MaxScore::Bounded(points);
            group.scoring = match aggregate {
                None => GroupScoring::AllOrNothing(points),
                Some(aggregate) => GroupScoring::Aggregate(aggregate),
            };
            if aggregate.is_some() && declared.is_some_and(|group| group.stop.is_none()) {
                group.stop = StopRule::Continue;
            }
        }
        if name == "sample" {
            (group.counts, group.decides) = (false, !scored);
        }
        Some(group)
    }

    /// Returns the cases directly in a directory. `worth` contains the group's points and their aggregation.
    fn cases(&self, directory: &str, group: &str, worth: Option<(Score, Option<Aggregate>)>) -> Vec<Case> {
        let context = self.context;
        let children = context.tree.children(directory);
        let names: Vec<&str> = children
            .iter()
            .filter(|(_, child)| **child == Child::File)
            .filter_map(|(name, _)| name.strip_suffix(".in"))
            .collect();
        for (name, child) in &children {
            let path = format!("{directory}/{name}");
            let stem = name.strip_suffix(".out").or_else(|| name.strip_suffix(".ans"));
            match stem {
                _ if *child == Child::Directory && !group.is_empty() => {
                    context.findings.file(
                        Code::Groups,
                        &path,
                        "there is a directory inside a group",
                        "Move it up: groups cannot be nested in this format",
                    );
                }
                Some(stem) if !names.contains(&stem) => {
                    let remedy = "Add the .in file, or remove this file";
                    context.findings.file(Code::CasePair, &path, "there is no input of the same name", remedy);
                }
                None if *child == Child::File && !name.ends_with(".in") => {
                    context.findings.file(Code::UnusedFile, &path, "the file belongs to no case", "Remove it");
                }
                _ => {}
            }
        }
        let count = names.len();
        let cases = names.into_iter().enumerate();
        cases.filter_map(|(at, name)| self.case(directory, group, name, share(worth, at, count))).collect()
    }

    fn case(&self, directory: &str, group: &str, name: &str, points: Option<Score>) -> Option<Case> {
        let context = self.context;
        let path = format!("{directory}/{name}.in");
        let id = if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") };
        let input = context.tree.file(&path)?;
        let answer =
            [".out", ".ans"].iter().find_map(|ending| context.tree.file(&format!("{directory}/{name}{ending}")));
        let Some(answer) = answer else {
            let remedy = format!("Add {directory}/{name}.out; it may be empty if the checker does not need it");
            context.findings.file(Code::CasePair, &path, "the input has no answer", remedy);
            return None;
        };
        context.check_data(&input);
        context.check_data(&answer);
        let sample = group == "sample" || group.is_empty() && name.starts_with("sample");
        let from_checker = !matches!(&*self.method, Method::Check(cupel_problem::Checker::Builtin(_)));
        let points = match points.filter(|_| !sample) {
            None if sample => CasePoints::Ignored,
            None => CasePoints::None,
            Some(accepted) if from_checker => CasePoints::FromChecker {
                max: MaxScore::Bounded(accepted),
                unnamed: Some(accepted),
                rejected: Score::ZERO,
                also_rejecting: false,
                may_be_negative: false,
            },
            Some(accepted) => CasePoints::Fixed { accepted, rejected: Score::ZERO },
        };
        Some(Case {
            id: CaseId::new(&id),
            shown: sample.then(|| Shown::Pair { input: input.clone(), answer: Some(answer.clone()) }),
            limits: OwnLimits::default(),
            made: None,
            unifies_newlines: false,
            input,
            answer: Some(answer),
            args: Vec::new(),
            files: Vec::new(),
            method: Arc::clone(&self.method),
            points,
            feedback: if sample { Feedback::Full } else { Feedback::Verdict },
            validator_args: ValidatorArgs::default(),
            hints: Hints::default(),
        })
    }
}

/// Returns the points of one case: none if the group is all or nothing; a share of the group's points if the
/// points of its cases are added; all points of the group for any other aggregation.
fn share(worth: Option<(Score, Option<Aggregate>)>, at: usize, count: usize) -> Option<Score> {
    match worth? {
        (_, None) => None,
        (points, Some(Aggregate::Sum)) => points.share(at, count),
        (points, Some(_)) => Some(points),
    }
}
