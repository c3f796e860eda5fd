//! Groups of 2025-09: `sample`, `secret`, and the direct subdirectories of `secret` that have a `test_group.yaml`.

use std::collections::HashSet;

use super::super::cases::{group, max_score};
use super::super::{ByteOrderMark, Child};
use super::data::{Inherited, Maker, RawCase};
use crate::doc::{Node as Document, Reader, Source, Unknown};
use crate::finding::{Code, ImportError};
use cupel_problem::{
    Aggregate, CaseGroup, CasePoints, Feedback, GroupName, GroupScoring, MaxScore, Node, Score, StopRule,
};

const KEYS: &[&str] = &[
    "max_score",
    "score_aggregation",
    "require_pass",
    "static_validation_score",
    "args",
    "input_validator_args",
    "output_validator_args",
    "input_visualizer_args",
    "output_visualizer_args",
    "static_validator_args",
    "full_feedback",
];

/// Values of `score_aggregation`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregation {
    PassFail,
    Sum,
    Min,
}

/// The settings of a `test_group.yaml`.
struct Configured {
    max: MaxScore,
    aggregation: Aggregation,
    requires: Vec<String>,
    inherited: Inherited,
    /// The path of the `test_group.yaml`.
    file: String,
}

impl Maker<'_, '_> {
    pub(super) fn modern(&mut self) -> Result<Option<CaseGroup>, ImportError> {
        let context = self.kattis.context;
        let scoring = self.kattis.config.scoring;
        self.check_depth();
        let mut children = Vec::new();
        if context.tree.has_directory("data/sample") {
            let mut inherited = self.everywhere("data/sample/test_group.yaml")?;
            (inherited.sample, inherited.feedback) = (true, Feedback::Full);
            let configured = self.configured("sample", Aggregation::PassFail, inherited)?;
            let raw = self.flat_cases("sample", &[]);
            let mut cases = Vec::new();
            for raw in &raw {
                cases.extend(self.case(raw, &configured.inherited, CasePoints::Ignored)?);
            }
            let cases: Vec<Node> = cases.into_iter().map(|case| Node::Case(Box::new(case))).collect();
            if !cases.is_empty() {
                children.push(Node::Group(CaseGroup {
                    counts: false,
                    decides: !scoring,
                    ..group("sample", GroupScoring::None, cases)
                }));
            }
        }
        if let Some(secret) = self.secret()? {
            children.push(Node::Group(secret));
        }
        if children.is_empty() {
            return Ok(None);
        }
        let mut root = group("", GroupScoring::None, children);
        if scoring {
            root.scoring = GroupScoring::Aggregate(Aggregate::Sum);
            root.stop = StopRule::Continue;
            root.max = max_score(&root.scoring, &root.children);
        }
        Ok(Some(root))
    }

    fn secret(&mut self) -> Result<Option<CaseGroup>, ImportError> {
        let context = self.kattis.context;
        let inherited = self.everywhere("data/secret/test_group.yaml")?;
        let configured = self.configured("secret", Aggregation::Sum, inherited)?;
        if context.options.allow_no_secret && !self.kattis.has_secret() {
            return Ok(None);
        }
        let names: Vec<String> = context
            .tree
            .children("data/secret")
            .into_iter()
            .filter(|(name, child)| {
                *child == Child::Directory && context.tree.has(&format!("data/secret/{name}/test_group.yaml"))
            })
            .map(|(name, _)| name)
            .collect();
        let raw = self.flat_cases("secret", &names);
        if names.is_empty() {
            let mut group = self.group("secret", &configured, &raw)?;
            if let Some(group) = &mut group {
                group.requires = self.requires(&configured, &[]);
            }
            return Ok(group);
        }
        if let Some(case) = raw.iter().find(|raw| raw.id.matches('/').count() == 1) {
            let fault = "`secret` has both cases and groups";
            context.findings.file(Code::Groups, &format!("data/{}.in", case.id), fault, "Move the case into a group");
        }
        let mut children = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let directory = format!("secret/{name}");
            let inherited = configured.inherited.clone();
            let own = self.configured(&directory, Aggregation::PassFail, inherited)?;
            self.check_group(&directory, &own, &configured);
            let raw = self.flat_cases(&directory, &[]);
            if let Some(mut group) = self.group(&directory, &own, &raw)? {
                group.requires = self.requires(&own, &names[..at]);
                children.push(Node::Group(group));
            }
        }
        Ok((!children.is_empty()).then(|| self.outer("secret", &configured, children)))
    }

    /// Creates a group of groups.
    fn outer(&self, name: &str, configured: &Configured, children: Vec<Node>) -> CaseGroup {
        let mut group = group(name, GroupScoring::None, children);
        group.requires = self.requires(configured, &[]);
        if !self.kattis.config.scoring {
            return group;
        }
        group.max = configured.max;
        group.stop = StopRule::Continue;
        group.scoring = match (configured.aggregation, configured.max) {
            (Aggregation::PassFail, MaxScore::Bounded(max)) => GroupScoring::AllOrNothing(max),
            (Aggregation::Min, _) => GroupScoring::Aggregate(Aggregate::Min),
            _ => GroupScoring::Aggregate(Aggregate::Sum),
        };
        if let (MaxScore::Bounded(max), MaxScore::Bounded(max_score)) =
            (group.max, max_score(&group.scoring, &group.children))
            && max_score > max
        {
            let fault = format!("the groups give up to {max_score} in all, but the maximum of `{name}` is {max}");
            let remedy = "Raise `max_score` of secret, or lower that of its groups";
            let file = format!("data/{name}/test_group.yaml");
            self.kattis.context.findings.at(Code::Groups, &file, None, Some("max_score"), fault, remedy);
        }
        group
    }

    /// Creates a group of cases.
    fn group(
        &mut self,
        name: &str,
        configured: &Configured,
        raw: &[RawCase],
    ) -> Result<Option<CaseGroup>, ImportError> {
        let judged: Vec<&RawCase> = raw.iter().filter(|raw| raw.has_input()).collect();
        if judged.is_empty() {
            let path = format!("data/{name}");
            self.kattis.context.findings.file(
                Code::NoCases,
                &path,
                "the group has no cases",
                "Add a case, or remove the group",
            );
            return Ok(None);
        }
        let mut cases = Vec::new();
        for (at, raw) in judged.iter().enumerate() {
            let points = self.points(configured, at, judged.len());
            cases.extend(self.case(raw, &configured.inherited, points)?.map(|case| Node::Case(Box::new(case))));
        }
        if cases.is_empty() {
            return Ok(None); // reported for each case
        }
        let mut group = group(name, GroupScoring::None, cases);
        if self.kattis.config.scoring {
            group.max = configured.max;
            (group.scoring, group.stop) = match (configured.aggregation, configured.max) {
                (Aggregation::PassFail, MaxScore::Bounded(max)) => (GroupScoring::AllOrNothing(max), StopRule::Break),
                (Aggregation::PassFail, MaxScore::Unbounded) => {
                    (GroupScoring::AllOrNothing(Score::ZERO), StopRule::Break)
                }
                (Aggregation::Sum, _) => (GroupScoring::Aggregate(Aggregate::Sum), StopRule::Continue),
                // A failed case gives 0, which is the minimum, so judging stops.
                (Aggregation::Min, _) => (GroupScoring::Aggregate(Aggregate::Min), StopRule::Break),
            };
        }
        Ok(Some(group))
    }

    fn points(&self, configured: &Configured, at: usize, count: usize) -> CasePoints {
        if !self.kattis.config.scoring || configured.aggregation == Aggregation::PassFail {
            return CasePoints::None;
        }
        let max = match (configured.aggregation, configured.max) {
            (Aggregation::Sum, MaxScore::Bounded(max)) => max.share(at, count),
            (_, MaxScore::Bounded(max)) => Some(max),
            (_, MaxScore::Unbounded) => None,
        };
        match max {
            Some(accepted) if !self.has_program() => CasePoints::Fixed { accepted, rejected: Score::ZERO },
            Some(accepted) => CasePoints::FromChecker {
                max: MaxScore::Bounded(accepted),
                unnamed: Some(accepted),
                rejected: Score::ZERO,
                also_rejecting: false,
                may_be_negative: false,
            },
            None => CasePoints::FromChecker {
                max: MaxScore::Unbounded,
                unnamed: None,
                rejected: Score::ZERO,
                also_rejecting: false,
                may_be_negative: false,
            },
        }
    }

    /// Returns the cases of a directory, and of those subdirectories that are not groups.
    fn flat_cases(&self, directory: &str, groups: &[String]) -> Vec<RawCase> {
        let mut cases = self.kattis.raw_cases(directory, true);
        for (name, child) in self.kattis.context.tree.children(&format!("data/{directory}")) {
            if child == Child::Directory
                && !name.ends_with(".files")
                && !groups.contains(&name)
                && !name.starts_with('.')
            {
                cases.extend(self.flat_cases(&format!("{directory}/{name}"), &[]));
            }
        }
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        cases
    }

    /// Reports a `test_group.yaml` in any other place.
    fn check_depth(&self) {
        let context = self.kattis.context;
        for (path, _) in context.tree.below("data").filter(|(path, _)| path.name() == "test_group.yaml") {
            let parts: Vec<&str> = path.as_str().split('/').collect();
            let fine = match parts[..] {
                [_, _, _] => true,
                [_, top, _, _] => top != "sample",
                _ => parts.get(1).is_some_and(|top| !matches!(*top, "sample" | "secret")),
            };
            if !fine {
                let fault = "groups are `secret` and the directories directly in it; deeper groups are not allowed";
                context.findings.file(Code::Groups, path.as_str(), fault, "Move the group up, or remove the file");
            }
        }
    }

    fn configured(
        &self,
        directory: &str,
        default: Aggregation,
        inherited: Inherited,
    ) -> Result<Configured, ImportError> {
        let context = self.kattis.context;
        let path = format!("data/{directory}/test_group.yaml");
        let scoring = self.kattis.config.scoring;
        let hundred = MaxScore::Bounded(Score::points(100).unwrap_or_default());
        let mut configured = Configured {
            max: if directory == "secret" { hundred } else { MaxScore::Unbounded },
            aggregation: default,
            requires: Vec::new(),
            inherited,
            file: path.clone(),
        };
        let Some(node) = (match context.tree.has(&path) {
            true => context.yaml(&path, ByteOrderMark::Refused)?,
            false => None,
        }) else {
            return Ok(configured);
        };
        self.read_group(&path, &node, scoring && directory != "sample", &mut configured);
        Ok(configured)
    }

    fn read_group(&self, path: &str, node: &Document, scoring: bool, configured: &mut Configured) {
        let reader = Reader::new(Source { file: path, findings: self.kattis.context.findings }, node);
        reader.map();
        reader.only(KEYS, Unknown::Error);
        configured.inherited.read_arguments(&reader, path);
        if reader.get("static_validation_score").is_some() {
            let remedy = "Remove the key and static_validator/";
            reader.get("static_validation_score").fault(
                Code::Unsupported,
                "static validation is not supported",
                remedy,
            );
        }
        if !scoring {
            for key in ["max_score", "score_aggregation", "require_pass"] {
                if reader.get(key).is_some() {
                    let fault = "this key requires a scoring problem and is not allowed for samples";
                    reader.get(key).fault(Code::KeyType, fault, "Add `scoring` to the type, or remove the key");
                }
            }
            return;
        }
        let max = reader.get("max_score");
        if max.text() == Some("unbounded") {
            configured.max = MaxScore::Unbounded;
        } else if let Some(points) = max.integer(0, 1_000_000_000).and_then(Score::points) {
            configured.max = MaxScore::Bounded(points);
        }
        match reader.get("score_aggregation").text() {
            None => {}
            Some("pass-fail") => configured.aggregation = Aggregation::PassFail,
            Some("sum") => configured.aggregation = Aggregation::Sum,
            Some("min") => configured.aggregation = Aggregation::Min,
            Some(_) => reader.get("score_aggregation").expected("`pass-fail`, `sum` or `min`"),
        }
        let required = reader.get("require_pass").one_or_more();
        configured.requires = required.iter().filter_map(|name| name.words().map(str::to_owned)).collect();
    }

    fn check_group(&self, directory: &str, own: &Configured, secret: &Configured) {
        if !self.kattis.config.scoring {
            return;
        }
        let path = format!("data/{directory}/test_group.yaml");
        let report = |key: &str, fault: &str, remedy: &str| {
            self.kattis.context.findings.at(Code::Groups, &path, None, Some(key), fault, remedy);
        };
        if own.max == MaxScore::Unbounded && secret.max != MaxScore::Unbounded {
            report("max_score", "the group is unbounded, but `secret` is not", "Add `max_score`");
        } else if own.max == MaxScore::Unbounded && own.aggregation == Aggregation::PassFail {
            report("max_score", "a pass-fail group needs a maximum", "Add `max_score`");
        }
        if secret.aggregation == Aggregation::PassFail && own.aggregation != Aggregation::PassFail {
            report(
                "score_aggregation",
                "`secret` is pass-fail, but the group is not",
                "Use the same aggregation for both",
            );
        }
    }

    /// Returns the full names of the required groups. Reports required groups that do not exist or come later.
    /// `earlier` is sorted.
    fn requires(&self, configured: &Configured, earlier: &[String]) -> Vec<GroupName> {
        let (mut found, mut known_names) = (Vec::new(), HashSet::new());
        for name in &configured.requires {
            let bare = name.strip_prefix("secret/").unwrap_or(name);
            let full = if bare == "sample" { "sample".to_owned() } else { format!("secret/{bare}") };
            let known = bare == "sample" && self.kattis.context.tree.has_directory("data/sample")
                || earlier.binary_search_by(|earlier| earlier.as_str().cmp(bare)).is_ok();
            match GroupName::new(&full) {
                Ok(name) if known => found.extend(known_names.insert(name.clone()).then_some(name)),
                _ => {
                    let fault = format!("`{name}` is not an earlier group");
                    let remedy = "Name earlier groups or `sample`; groups are sorted by name";
                    let file = &configured.file;
                    self.kattis.context.findings.at(Code::Groups, file, None, Some("require_pass"), fault, remedy);
                }
            }
        }
        found
    }
}
