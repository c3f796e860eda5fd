//! Groups of the legacy format: every directory below `data/` is a group, which `testdata.yaml` configures. Kattis and
//! DOMjudge interpret the same files differently; the `domjudge` parameter selects the interpretation.

use super::super::cases::{bounded, max_score};
use super::super::{ByteOrderMark, Child};
use super::config::Version;
use super::data::{Inherited, Maker, by_validator};
use crate::doc::{Reader, Source, Unknown};
use crate::finding::{Code, ImportError};
use cupel_problem::{
    Aggregate, CaseGroup, CasePoints, Feedback, GroupName, GroupScoring, MaxScore, Node, Score, ScoreRange, StopRule,
    ValidatorArgs, VerdictRule,
};

/// Grading settings of a `testdata.yaml`, with defaults for missing keys.
#[derive(Clone)]
struct Grading {
    continues: bool,
    aggregate: Aggregate,
    verdict: VerdictRule,
    ignore_sample: bool,
    accept_score: Score,
    reject_score: Score,
    range: Option<ScoreRange>,
}

impl Default for Grading {
    fn default() -> Grading {
        Grading {
            continues: false,
            aggregate: Aggregate::Sum,
            verdict: VerdictRule::WorstError,
            ignore_sample: false,
            accept_score: Score::ONE,
            reject_score: Score::ZERO,
            range: None,
        }
    }
}

const KEYS: &[&str] = &[
    "on_reject",
    "grading",
    "grader_flags",
    "input_validator_flags",
    "output_validator_flags",
    "accept_score",
    "reject_score",
    "range",
];
/// Keys that authors write for a score, but that the format does not define.
const KEYS_WITHOUT_EFFECT: &[&str] = &["max_score", "score"];
/// Keys of the drafts between legacy and 2025-09.
const KEYS_DRAFT: &[&str] = &["scoring", "args", "input_validator_args", "output_validator_args", "full_feedback"];

impl Maker<'_, '_> {
    /// Returns the tree of a legacy package in its dialect. Reports a warning if the maximum score differs in the other
    /// dialect.
    pub(super) fn legacy(&mut self) -> Result<Option<CaseGroup>, ImportError> {
        let domjudge = self.kattis.config.domjudge;
        let root = self.legacy_tree(domjudge)?;
        if self.kattis.config.scoring && !self.kattis.context.findings.any_error() {
            // Only the maximum score of the other tree is needed.
            let collected = self.collected();
            let other = self.legacy_tree(!domjudge)?;
            self.truncate(collected);
            if let (Some(root), Some(other)) = (&root, &other)
                && bounded(root) != bounded(other)
            {
                let shown = |group| bounded(group).map_or("unbounded".to_owned(), |score| score.to_string());
                let (kattis, dj) = if domjudge { (other, root) } else { (root, other) };
                let fault =
                    format!("the maximum score is {} by Kattis' rules and {} by DOMjudge's", shown(kattis), shown(dj));
                let name = if domjudge { "DOMjudge's" } else { "Kattis'" };
                let remedy = format!("{name} rules are used; choose the others with --format");
                self.kattis.context.findings.file(Code::ScoringRules, "data", fault, remedy);
            }
        }
        Ok(root)
    }

    fn legacy_tree(&mut self, domjudge: bool) -> Result<Option<CaseGroup>, ImportError> {
        let mut inherited = Inherited::root("problem.yaml");
        inherited.output_args.clone_from(&self.kattis.config.validator_flags);
        self.legacy_group("", &Grading::default(), &inherited, domjudge)
    }

    fn legacy_group(
        &mut self,
        directory: &str,
        above: &Grading,
        inherited: &Inherited,
        domjudge: bool,
    ) -> Result<Option<CaseGroup>, ImportError> {
        let path = if directory.is_empty() { "data".to_owned() } else { format!("data/{directory}") };
        let file = format!("{path}/testdata.yaml");
        let configured = self.kattis.context.tree.has(&file);
        // In DOMjudge, groups do not inherit settings.
        let mut grading = if domjudge { Grading::default() } else { above.clone() };
        grading.ignore_sample = false;
        let mut inherited = inherited.clone();
        if directory == "sample" {
            (inherited.sample, inherited.feedback) = (true, Feedback::Full);
        }
        if configured {
            self.testdata(&file, &mut grading, &mut inherited)?;
        }
        let mut children = Vec::new();
        for (name, child) in self.legacy_children(directory) {
            match child {
                Some(raw) => {
                    let points = self.legacy_points(&grading, domjudge);
                    children.extend(self.case(&raw, &inherited, points)?.map(|case| Node::Case(Box::new(case))));
                }
                None => {
                    let below = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                    children.extend(self.legacy_group(&below, &grading, &inherited, domjudge)?.map(Node::Group));
                }
            }
        }
        if children.is_empty() {
            return Ok(None);
        }
        if grading.ignore_sample
            && children.len() == 2
            && let Node::Group(first) = &mut children[0]
        {
            (first.counts, first.decides) = (false, false);
        }
        let scoring = self.legacy_scoring(&grading, &children, configured, domjudge);
        // In DOMjudge, a directory with cases and without a configuration gives no points.
        let leaf = children.iter().any(|child| matches!(child, Node::Case(_)));
        let max = match grading.range.and_then(|range| range.high()) {
            Some(high) if max_score(&scoring, &children) == MaxScore::Unbounded => MaxScore::Bounded(high),
            _ => max_score(&scoring, &children),
        };
        Ok(Some(CaseGroup {
            name: GroupName::new(directory).unwrap_or_else(|_| GroupName::root()),
            scoring,
            verdict: if domjudge { VerdictRule::FirstError } else { grading.verdict },
            stop: if grading.continues { StopRule::Continue } else { StopRule::Break },
            max,
            range: grading.range.filter(|_| self.kattis.config.scoring),
            requires: Vec::new(),
            partial_suffices: false,
            counts: !(domjudge && leaf && !configured),
            decides: true,
            children,
        }))
    }

    /// Returns the cases (`Some`) and the subdirectories (`None`) of a directory, sorted by name.
    fn legacy_children(&self, directory: &str) -> Vec<(String, Option<super::data::RawCase>)> {
        let kattis = self.kattis;
        let path = if directory.is_empty() { "data".to_owned() } else { format!("data/{directory}") };
        let mut found = Vec::new();
        if directory.is_empty() {
            // Only these two directories are judged. `sample` is first, because the entries are sorted by name.
            let known = |name: &String| matches!(name.as_str(), "sample" | "secret");
            let present = kattis.context.tree.children(&path);
            found.extend(present.into_keys().filter(known).map(|name| (name, None)));
            return found;
        }
        for (name, child) in kattis.context.tree.children(&path) {
            if child == Child::Directory && !name.ends_with(".files") && !name.starts_with('.') {
                found.push((name, None));
            }
        }
        for raw in kattis.raw_cases(directory, true) {
            let name = raw.id.rsplit('/').next().unwrap_or_default().to_owned();
            found.push((name, Some(raw)));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    fn legacy_points(&self, grading: &Grading, domjudge: bool) -> CasePoints {
        let config = &self.kattis.config;
        let (accepted, rejected) = (grading.accept_score, grading.reject_score);
        match (config.scoring, domjudge) {
            (false, _) => CasePoints::None,
            (true, true) if self.has_program() => CasePoints::FromChecker {
                max: MaxScore::Unbounded,
                unnamed: Some(Score::ZERO),
                rejected: Score::ZERO,
                also_rejecting: true,
                may_be_negative: true,
            },
            (true, true) => CasePoints::None,
            (true, false) if config.validator_scores => CasePoints::FromChecker {
                max: MaxScore::Unbounded,
                unnamed: None,
                rejected,
                also_rejecting: false,
                may_be_negative: true,
            },
            (true, false) => CasePoints::Fixed { accepted, rejected },
        }
    }

    fn legacy_scoring(&self, grading: &Grading, children: &[Node], configured: bool, domjudge: bool) -> GroupScoring {
        let leaf = children.iter().any(|child| matches!(child, Node::Case(_)));
        match (self.kattis.config.scoring, domjudge) {
            (false, _) => GroupScoring::None,
            (true, true) if leaf && !configured => GroupScoring::None,
            (true, true) if leaf => GroupScoring::AggregateIfNamed {
                aggregate: grading.aggregate,
                accepted: grading.accept_score,
                rejected: Score::ZERO,
            },
            _ => GroupScoring::Aggregate(grading.aggregate),
        }
    }

    /// Applies the arguments in a `testdata.yaml` of a directory that is not judged.
    pub(super) fn legacy_arguments(&self, path: &str, inherited: &mut Inherited) -> Result<(), ImportError> {
        self.testdata(path, &mut Grading::default(), inherited)
    }

    fn testdata(&self, path: &str, grading: &mut Grading, inherited: &mut Inherited) -> Result<(), ImportError> {
        let context = self.kattis.context;
        let Some(node) = context.yaml(path, ByteOrderMark::Warned)? else { return Ok(()) };
        let reader = Reader::new(Source { file: path, findings: context.findings }, &node);
        reader.map();
        match self.kattis.config.version {
            Version::Legacy => reader.only(&[KEYS, KEYS_WITHOUT_EFFECT].concat(), Unknown::Warning),
            _ => reader.only(&[KEYS, KEYS_DRAFT, KEYS_WITHOUT_EFFECT].concat(), Unknown::Warning),
        }
        for key in KEYS_WITHOUT_EFFECT {
            if reader.get(key).is_some() {
                let fault = "the legacy format has no such key, so it does not change the score";
                reader.get(key).fault(Code::KeyIgnored, fault, "Use `accept_score`, `range` and `grader_flags`");
            }
        }
        match reader.get("on_reject").text() {
            Some("break" | "first_error" | "worst_error") => grading.continues = false,
            Some("continue" | "grade") => grading.continues = true,
            None => {}
            Some(_) => reader.get("on_reject").expected("`break` or `continue`"),
        }
        if reader.get("grading").text() == Some("custom") {
            let remedy = "Express the scoring with the default grader's flags";
            reader.get("grading").fault(Code::Unsupported, "custom graders are not supported", remedy);
        }
        if let Some(flags) = reader.get("grader_flags").arguments() {
            grader_flags(&reader.get("grader_flags"), &flags, grading, self.kattis.config.domjudge);
        }
        if let Some(score) = reader.get("accept_score").parsed("a score") {
            grading.accept_score = score;
        }
        if let Some(score) = reader.get("reject_score").parsed("a score") {
            grading.reject_score = score;
        }
        if reader.get("range").is_some() {
            grading.range = range(&reader.get("range"));
        }
        let for_validators = reader.get("input_validator_flags");
        if for_validators.is_map() {
            inherited.validator_args = by_validator(&for_validators);
        } else if let Some(flags) = for_validators.arguments() {
            inherited.validator_args = ValidatorArgs::Every(flags);
        }
        if let Some(flags) = validator_flags(&reader.get("output_validator_flags")) {
            inherited.output_args = flags;
            path.clone_into(&mut inherited.file);
            // The flags in problem.yaml apply to the validator in every group.
            if !self.kattis.config.validator_flags.is_empty() {
                let all = self.kattis.config.validator_flags.iter().chain(&inherited.output_args);
                inherited.output_args = all.cloned().collect();
            }
        }
        if self.kattis.config.is_new() {
            inherited.read_arguments(&reader, path);
            draft_scoring(&reader.get("scoring"), grading);
        }
        Ok(())
    }
}

/// Reads `scoring: {score, aggregation}` of later drafts.
fn draft_scoring(scoring: &Reader<'_>, grading: &mut Grading) {
    if !scoring.is_some() {
        return;
    }
    scoring.fault(
        Code::DraftSpelling,
        "this key belongs to a draft of the format",
        "Change the package to 2025-09 and test_group.yaml",
    );
    if let Some(score) = scoring.get("score").parsed("a score") {
        grading.accept_score = score;
    }
    match scoring.get("aggregation").text() {
        None => {}
        Some("sum") => grading.aggregate = Aggregate::Sum,
        Some("min") => grading.aggregate = Aggregate::Min,
        Some(_) => scoring.get("aggregation").expected("`sum` or `min`"),
    }
}

/// Reads the flags of the default grader.
fn grader_flags(reader: &Reader<'_>, flags: &[String], grading: &mut Grading, domjudge: bool) {
    // A list of flags replaces all inherited settings.
    let mut any_accepted = false;
    let mut worst = true;
    let mut always = false;
    grading.aggregate = Aggregate::Sum;
    for flag in flags {
        match flag.as_str() {
            "worst_error" | "no_errors" => worst = true,
            "first_error" => worst = false,
            "always_accept" => always = true,
            "accept_if_any_accepted" => any_accepted = true,
            "ignore_sample" => grading.ignore_sample = true,
            "sum" => grading.aggregate = Aggregate::Sum,
            "avg" => grading.aggregate = Aggregate::Average,
            "min" => grading.aggregate = Aggregate::Min,
            "max" => grading.aggregate = Aggregate::Max,
            // DOMjudge's own examples contain `sum, ignore_sample`; only the second of these flags has an effect.
            other if domjudge => {
                let fault = format!("DOMjudge has no flag `{other}`");
                reader.fault(Code::KeyIgnored, fault, "Correct the flag, or remove it");
            }
            other => {
                let fault = format!("the default grader has no flag `{other}`");
                reader.fault(Code::KeyType, fault, "Correct the flag");
            }
        }
    }
    grading.verdict = match (always, any_accepted, worst) {
        (true, ..) => VerdictRule::AlwaysAccepted,
        (_, true, else_worst) => VerdictRule::AnyAccepted { else_worst },
        (.., true) => VerdictRule::WorstError,
        (.., false) => VerdictRule::FirstError,
    };
}

fn range(reader: &Reader<'_>) -> Option<ScoreRange> {
    let words = reader.arguments().unwrap_or_default();
    let bound = |word: &str| match word {
        "inf" | "+inf" | "-inf" | ".inf" | "-.inf" | "+.inf" => Some(None),
        word => word.parse::<Score>().ok().map(Some),
    };
    let range = match &words[..] {
        [low, high] => bound(low).zip(bound(high)).and_then(|(low, high)| ScoreRange::new(low, high)),
        _ => None,
    };
    if range.is_none() {
        reader.expected("two numbers, the lower one first");
    }
    range
}

/// Reads a text, or a map from validator to text. A legacy package has one validator, so the first entry is used.
fn validator_flags(reader: &Reader<'_>) -> Option<Vec<String>> {
    if reader.is_map() {
        return reader.entries().first().and_then(|(_, flags)| flags.arguments());
    }
    reader.arguments()
}
