//! `test_cases` of DMOJ: lists, batches, and cases that are found by patterns for file names.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cupel_types::Limits;

use super::super::Context;
use super::super::cases::{Methods, group};
use super::checker::{self, bridged, checker_of};
use super::{FILE, NO_INPUT, PATTERN_LENGTH_MAX, PYTHON, UNPACKED, key_of};
use crate::doc::{Reader, Value};
use crate::finding::Code;
use cupel_problem::{
    AfterInteraction, Aggregate, Case, CaseGroup, CaseId, CasePoints, Checker, Comparison, Feedback, FileRef,
    Generator, GroupName, GroupScoring, Hints, Interactor, JudgeProgram, Made, MaxScore, Method, Node, OwnLimits,
    Protocol, Score, StopRule, ValidatorArgs, WallLimit,
};

/// Maximum work of matching all file names of a package: 30 seconds on one processor, measured with names of 1,000
/// bytes and the slowest pattern that was found.
///
/// In linear time, the work is the product of the size of the compiled pattern and the length of the names, both in
/// bytes. With backtracking, it is the product of the length of the expanded pattern, the length of the names and the
/// number of steps for each name. A usual pattern has less than 6 KiB when it is compiled, and needs less than 100
/// steps for a name.
const WORK_MAX: usize = 1 << 36;
/// Maximum size of a compiled pattern that matches in linear time, in bytes. A pattern of 500 bytes without counted
/// repetitions needs less than 50 KiB.
const LINEAR_BYTES_MAX: usize = 64 << 10;
/// Maximum number of backtracking steps for one name.
const STEPS_PER_NAME_MAX: usize = 100_000;
/// Maximum length of a pattern that is matched by backtracking, in bytes, with its counted repetitions expanded.
const EXPANDED_MAX: usize = 2_000;
/// Maximum size of a compiled pattern that is matched by backtracking: instructions, and bytes of each part that
/// matches in linear time.
const PROGRAM_MAX: usize = 10_000;
const PROGRAM_BYTES_MAX: usize = 1 << 20;

pub(super) struct Reading<'c, 'r> {
    context: &'c Context<'c>,
    top: Reader<'r>,
    methods: Methods<MethodKey>,
    /// The keys, without the points, for which there is no method. The fault has been reported.
    without_method: HashSet<(bool, [Option<usize>; 3])>,
    /// Generators and their default arguments, by the address of their node.
    generators: BTreeMap<usize, Option<SharedGenerator>>,
    archived: bool,
}

type SharedGenerator = (Arc<Generator>, Vec<String>);

/// The properties that determine a method: whether data is binary; the addresses of the nodes of interactor, checker
/// and grader; and the points of the case, if a Python program gets them. The nodes do not move while the package is
/// read.
type MethodKey = (bool, [Option<usize>; 3], Option<Score>);

/// The maps in which a key is looked up, in this order: the case, its batch, the top level.
struct Scope<'s, 'r>(Vec<&'s Reader<'r>>);

impl<'r> Scope<'_, 'r> {
    fn get(&self, key: &str) -> Reader<'r> {
        let found = self.0.iter().map(|reader| key_of(reader, key)).find(Reader::is_some);
        found.unwrap_or_else(|| key_of(self.0[0], key))
    }
}

/// A case or the cases of a batch that a pattern has found, each with its points.
type Found = (Option<Name>, Vec<(Score, Case)>);

impl<'c, 'r> Reading<'c, 'r> {
    pub(super) fn new(context: &'c Context<'c>, top: Reader<'r>, archived: bool) -> Reading<'c, 'r> {
        let (methods, generators) = (Methods::new(), BTreeMap::new());
        Reading { context, top, methods, without_method: HashSet::new(), generators, archived }
    }

    /// Returns the root of all groups. `None` if there is a fault, which has been reported.
    pub(super) fn tests(mut self) -> Option<CaseGroup> {
        let top = self.top.clone();
        let mut children = Vec::new();
        for (key, name) in [("pretest_test_cases", "pretest"), ("test_cases", "")] {
            let list = key_of(&top, key);
            let nodes = match list.node().map(|node| &node.value) {
                Some(Value::Seq(_)) => self.listed(&list, name),
                Some(Value::Map(_)) => self.by_pattern(&list),
                Some(Value::Scalar(_)) => {
                    list.expected("a list of cases");
                    continue;
                }
                None if key == "test_cases" => self.by_pattern(&list),
                None => continue,
            };
            if name.is_empty() {
                children.extend(nodes);
            } else if !nodes.is_empty() {
                let group = group(name, GroupScoring::Aggregate(Aggregate::Sum), nodes);
                children.push(Node::Group(CaseGroup { stop: StopRule::Continue, counts: false, ..group }));
            }
        }
        if children.is_empty() {
            if !self.context.findings.any_error() {
                let remedy = "Add a list of `{in: …, out: …, points: …}`";
                key_of(&top, "test_cases").fault(Code::NoCases, "there are no test cases", remedy);
            }
            return None;
        }
        let mut root = group("", GroupScoring::Aggregate(Aggregate::Sum), children);
        if key_of(&top, "short_circuit").bool() != Some(true) {
            root.stop = StopRule::Continue;
        }
        Some(root)
    }

    /// Reads a list of cases and batches. Batches have the same numbers as in DMOJ.
    fn listed(&mut self, list: &Reader<'r>, prefix: &str) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut batches: Vec<GroupName> = Vec::new();
        let top = self.top.clone();
        let items = list.list();
        if items.is_empty() {
            list.fault(Code::NoCases, "the list of cases is empty", "Add cases, or remove the key");
        }
        for (number, item) in items.iter().enumerate() {
            if !item.is_map() {
                item.expected("a map such as `{in: 1.in, out: 1.out, points: 10}`");
                continue;
            }
            let batched = item.get("batched");
            if !batched.is_some() {
                let name = join(prefix, &format!("{:03}", number + 1));
                let points = points(&Scope(vec![item, &top]).get("points"));
                let node = self.case(&name, &Scope(vec![item, &top]), points);
                // In DMOJ, pretests have zero points.
                let worth = if prefix.is_empty() { points } else { Score::ZERO };
                nodes.extend(node.map(|case| stopping(worth, case)));
                continue;
            }
            let name = join(prefix, &format!("batch{:02}", batches.len() + 1));
            let worth = points(&Scope(vec![item, &top]).get("points"));
            let mut cases = Vec::new();
            for (inner, case) in batched.list().iter().enumerate() {
                if case.get("batched").is_some() {
                    case.get("batched").fault(
                        Code::Groups,
                        "a batch is inside a batch",
                        "Move its cases out of the inner batch",
                    );
                    continue;
                }
                let name = format!("{name}/{:03}", inner + 1);
                cases.extend(
                    self.case(&name, &Scope(vec![case, item, &top]), worth).map(|case| Node::Case(Box::new(case))),
                );
            }
            if cases.is_empty() {
                if batched.list().is_empty() {
                    batched.fault(Code::NoCases, "the batch is empty", "Add cases, or remove it");
                }
                batches.push(GroupName::new(&name).unwrap_or_else(|_| GroupName::root()));
                continue;
            }
            // A batch gives the minimum of its cases' scores. If the checker only accepts or rejects, the batch is all
            // or nothing.
            let mut batch = group(&name, GroupScoring::Aggregate(Aggregate::Min), cases);
            batch.stop = stop_rule(worth);
            batch.requires = self.dependencies(item, &batches);
            // A checker that gives a part of the points accepts. Source: DMOJ judge-server, `judge.py`,
            // `passed_batches`.
            batch.partial_suffices = true;
            batches.push(batch.name.clone());
            nodes.push(Node::Group(batch));
        }
        nodes
    }

    fn dependencies(&self, batch: &Reader<'r>, batches: &[GroupName]) -> Vec<GroupName> {
        let mut found = Vec::new();
        for one in batch.get("dependencies").list() {
            let Some(number) = one.integer(i64::MIN, i64::MAX) else { continue };
            let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
            match index.and_then(|index| batches.get(index)) {
                Some(name) => found.push(name.clone()),
                None => {
                    let fault = format!("batch {number} does not come before batch {}", batches.len() + 1);
                    one.fault(Code::Groups, fault, "Name earlier batches; the first is 1");
                }
            }
        }
        found
    }

    fn case(&mut self, name: &str, scope: &Scope<'_, 'r>, points: Score) -> Option<Case> {
        let input = scope.get("in");
        // In DMOJ, a case without `in` has an empty input.
        let input_name = if input.is_some() { input.words()? } else { NO_INPUT };
        let input_file = self.data(&input, input_name)?;
        let output = scope.get("out");
        let answer = match output.words() {
            Some(name) => Some(self.data(&output, name)?),
            None => None,
        };
        let method = self.method(scope, points)?;
        let files = [Some(&input_file), answer.as_ref()];
        let unifies_newlines = self.unifies_newlines(scope, &files, scope.get("generator").is_some());
        files.into_iter().flatten().for_each(|file| self.check_data(file, unifies_newlines));
        let made = match scope.get("generator") {
            generator if generator.is_some() && (!input.is_some() || answer.is_none()) => {
                Some(self.made(&generator, &scope.get("generator_args"), answer.is_none())?)
            }
            _ => None,
        };
        if answer.is_none() && made.is_none() && matches!(&*method, Method::Check(Checker::Builtin(_))) {
            let fault = "the case has no answer, but its checker needs one";
            let which =
                if input.is_some() { format!("with the input `{input_name}`") } else { "without input".to_owned() };
            output.fault(Code::CasePair, fault, format!("Add `out` to the case {which}"));
            return None;
        }
        let points = points_of(&method, points);
        Some(Case {
            id: CaseId::new(name),
            input: input_file,
            answer,
            args: Vec::new(),
            files: Vec::new(),
            method,
            points,
            feedback: Feedback::Verdict,
            validator_args: ValidatorArgs::default(),
            hints: Hints::default(),
            shown: None,
            limits: self.own_limits(scope),
            made,
            unifies_newlines,
        })
    }

    /// Reports unusual test data.
    fn check_data(&self, file: &FileRef, unifies_newlines: bool) {
        if unifies_newlines { self.context.check_text(file) } else { self.context.check_data(file) }
    }

    /// Whether the data of a case is text, and has other line ends than DMOJ gives to submissions and checkers. Source:
    /// DMOJ judge-server, `dmoj/utils/normalize.py`.
    fn unifies_newlines(&self, scope: &Scope<'_, 'r>, files: &[Option<&FileRef>], is_made: bool) -> bool {
        let traits = |file: &&FileRef| self.context.tree.stored(&file.path).map(|stored| stored.traits);
        let mut traits = files.iter().flatten().filter_map(traits);
        let is_text = scope.get("binary_data").bool() != Some(true);
        is_text && (is_made || traits.any(|traits| traits.carriage_return || traits.no_final_newline))
    }

    /// Returns a file of the archive or, if the archive lacks it, of the package.
    fn data(&self, reader: &Reader<'r>, name: &str) -> Option<FileRef> {
        let archived = self.archived.then(|| self.context.tree.file(&format!("{UNPACKED}/{name}"))).flatten();
        let found = archived.or_else(|| self.context.tree.file(name));
        if found.is_none() {
            let (place, below) = match self.archived {
                true => ("archive", format!("{UNPACKED}/{name}")),
                false => ("package", name.to_owned()),
            };
            let similar = self.context.tree.similar(&below).map(|path| {
                let path = path.as_str().strip_prefix(UNPACKED).unwrap_or(path.as_str()).trim_start_matches('/');
                format!("; `{path}` differs in letter case only")
            });
            let fault = format!("the file `{name}` does not exist in the {place}{}", similar.unwrap_or_default());
            reader.fault(Code::FileMissing, fault, "Add it, or correct the name");
        }
        found
    }

    /// Returns how the data of a case is generated.
    fn made(&mut self, generator: &Reader<'r>, args: &Reader<'r>, answer: bool) -> Option<Made> {
        let place = generator.node().map_or(0, |node| std::ptr::from_ref(node).addr());
        let context = self.context;
        let read = || checker::generator(context, generator).map(|(generator, args)| (Arc::new(generator), args));
        let (by, default) = self.generators.entry(place).or_insert_with(read).clone()?;
        let args = if args.is_some() { args.texts()? } else { default };
        Some(Made { by, args, input: true, answer })
    }

    /// Returns the limits that a case or its batch sets. Limits of the top level are those of the problem.
    fn own_limits(&self, scope: &Scope<'_, 'r>) -> OwnLimits {
        let below = Scope(scope.0[..scope.0.len() - 1].to_vec());
        if below.0.is_empty() {
            return OwnLimits::default();
        }
        let maxima = &self.context.options.maxima;
        let refuse = |reader: &Reader<'r>, most: String| {
            let fault = format!("the case requires more than this server's maximum, which is {most}");
            reader.fault(Code::LimitUnsupported, fault, "Lower it, or ask the operator to raise the maximum");
        };
        let (time, memory) = (below.get("time_limit"), below.get("memory_limit"));
        let own_time = time.seconds();
        if own_time.is_some_and(|time| time > maxima.time) {
            refuse(&time, format!("{} s", maxima.time.as_secs_f64()));
        }
        let own_memory = memory.size(1 << 10).map(|size| {
            if size < Limits::MEMORY_MIN {
                let fault = format!("the memory limit is {size}; it is raised to the minimum");
                memory.fault(Code::LimitRaised, fault, format!("Require at least {}", Limits::MEMORY_MIN));
            }
            size.max(Limits::MEMORY_MIN)
        });
        if own_memory.is_some_and(|size| size > maxima.memory) {
            refuse(&memory, maxima.memory.to_string());
        }
        let output = below.get("output_limit_length");
        let own_output = output.size(1);
        if own_output.is_some_and(|size| size > maxima.output) {
            refuse(&output, maxima.output.to_string());
        }
        let factor = below.get("wall_time_factor").parsed("a factor above 0");
        OwnLimits { time: own_time, wall_time: factor.map(WallLimit::TimesCpu), memory: own_memory, output: own_output }
    }

    fn method(&mut self, scope: &Scope<'_, 'r>, points: Score) -> Option<Arc<Method>> {
        let interactive = scope.get("interactive");
        let checker = scope.get("checker");
        let binary = scope.get("binary_data").bool() == Some(true);
        // In DMOJ, the whole problem has one grader.
        let custom = key_of(&self.top, "custom_judge");
        let name = if checker.is_map() { checker.get("name") } else { checker.clone() };
        let in_python = custom.is_some() || name.text().is_some_and(checker::is_python);
        let place = |reader: &Reader<'r>| reader.node().map(|node| std::ptr::from_ref(node).addr());
        let context = self.context;
        let places = [place(&interactive), place(&checker), place(&custom)];
        if self.without_method.contains(&(binary, places)) {
            return None;
        }
        let method = self.methods.get((binary, places, in_python.then_some(points)), |_| {
            if custom.is_some() {
                let program = checker::custom_judge(context, &custom, &checker, points, binary)?;
                return Some(Method::Interact(Interactor { program, then: AfterInteraction::Verdict }));
            }
            if interactive.is_some() {
                let kind = interactive.get("type");
                // A stored package still opens; its submissions are JE.
                if kind.text() == Some("peg") && !context.is_stored {
                    let remedy = "Supported for interactors are default, testlib and coci";
                    kind.fault(Code::Unsupported, "an interactor of the type `peg` is not supported", remedy);
                    return None;
                }
                let program = bridged(context, &interactive)?;
                return Some(Method::Interact(Interactor { program, then: AfterInteraction::Verdict }));
            }
            checker_of(context, &checker, binary, points).map(Method::Check)
        });
        if method.is_none() {
            self.without_method.insert((binary, places));
        }
        method
    }

    /// Finds cases by file name: with `input_format` and `output_format`, whose groups are `batch` and `case`, or with
    /// the default patterns.
    fn by_pattern(&mut self, list: &Reader<'r>) -> Vec<Node> {
        let formats =
            [("input_format", key_of(list, "input_format")), ("output_format", key_of(list, "output_format"))];
        let directory = if self.archived { UNPACKED } else { "" };
        let names: Vec<String> = match self.archived {
            true => {
                self.context.tree.below(directory).filter_map(|(p, _)| p.below(directory).map(str::to_owned)).collect()
            }
            false => self.context.tree.iter().map(|(p, _)| p.to_string()).filter(|name| !is_ours(name)).collect(),
        };
        let names_bytes = names.iter().map(String::len).sum::<usize>().saturating_mul(formats.len());
        let mut patterns = Vec::new();
        for (key, reader) in &formats {
            match reader.text() {
                None => patterns.push(None),
                Some(text) if text.len() <= PATTERN_LENGTH_MAX => match Pattern::new(text, names_bytes) {
                    Ok(pattern) => patterns.push(Some(pattern)),
                    Err(error) => {
                        reader.fault(Code::KeyType, format!("the pattern is invalid: {error}"), "Correct it");
                        return Vec::new();
                    }
                },
                Some(_) => {
                    reader.expected(&format!("a pattern of at most {PATTERN_LENGTH_MAX} characters for `{key}`"));
                    return Vec::new();
                }
            }
        }
        let mut cases = CasesByName::new();
        for name in names {
            for (output, word) in [(false, "in"), (true, "out")] {
                let key = match &patterns[usize::from(output)] {
                    Some(pattern) => pattern.key(&name),
                    None => Ok(key_in(&name, word)),
                };
                let key = match key {
                    Ok(Some(key)) => key,
                    Ok(None) => continue,
                    Err(fault) => {
                        let remedy = "Simplify it: avoid repetitions inside repetitions";
                        formats[usize::from(output)].1.fault(Code::KeyType, fault, remedy);
                        return Vec::new();
                    }
                };
                let path = if self.archived { format!("{UNPACKED}/{name}") } else { name.clone() };
                let entry = cases.entry(key).or_default();
                let slot = if output { &mut entry.1 } else { &mut entry.0 };
                if let Some(known) = slot {
                    let fault = format!("`{}` and `{name}` are the same case", known.path);
                    list.fault(Code::CaseName, fault, "Rename one of them");
                    return Vec::new();
                }
                *slot = self.context.tree.file(&path);
            }
        }
        self.named_cases(cases)
    }

    fn named_cases(&mut self, cases: CasesByName) -> Vec<Node> {
        let top = self.top.clone();
        let each = points(&top.get("points"));
        let mut of_cases = key_of(&top, "test_cases").get("case_points").list().into_iter().fuse();
        let has_points = key_of(&top, "test_cases").get("case_points").is_some();
        let mut of_batches: BTreeMap<Name, Score> = BTreeMap::new();
        // The cases of a batch follow one another.
        let mut found: Vec<Found> = Vec::new();
        for (CaseKey { batch, case, .. }, files) in cases {
            let (Some(input), Some(answer)) = files.clone() else {
                let file = files.0.or(files.1).map(|file| file.path.to_string()).unwrap_or_default();
                let fault = "an input has no output, or an output has no input";
                self.context.findings.file(Code::CasePair, &file, fault, "Add the other file");
                continue;
            };
            // The list has one number for each batch and for each case outside of batches, in this order.
            let mut next = || match of_cases.next() {
                Some(reader) => points(&reader),
                None if has_points => {
                    let fault = "there are fewer points than cases and batches";
                    key_of(&top, "test_cases").get("case_points").fault(Code::KeyMissing, fault, "Add the others");
                    each
                }
                None => each,
            };
            let each = match &batch {
                None => next(),
                Some(batch) => *of_batches.entry(batch.clone()).or_insert_with(next),
            };
            let Some(method) = self.method(&Scope(vec![&top]), each) else { return Vec::new() };
            let unifies_newlines = self.unifies_newlines(&Scope(vec![&top]), &[Some(&input), Some(&answer)], false);
            [&input, &answer].into_iter().for_each(|file| self.check_data(file, unifies_newlines));
            let name = match &batch {
                None => case.of_case(),
                Some(batch) => format!("{}/{}", batch.of_batch(), case.of_case()),
            };
            let case = Case {
                id: CaseId::new(&name),
                input,
                answer: Some(answer),
                args: Vec::new(),
                files: Vec::new(),
                points: points_of(&method, each),
                method,
                feedback: Feedback::Verdict,
                validator_args: ValidatorArgs::default(),
                hints: Hints::default(),
                shown: None,
                limits: OwnLimits::default(),
                made: None,
                unifies_newlines,
            };
            match found.last_mut() {
                Some((last, cases)) if batch.is_some() && *last == batch => cases.push((each, case)),
                _ => found.push((batch, vec![(each, case)])),
            }
        }
        let nodes_of = |(batch, cases): Found| {
            let worth = cases.first().map_or(Score::ZERO, |(points, _)| *points);
            match batch {
                None => cases.into_iter().map(|(points, case)| stopping(points, case)).collect(),
                Some(batch) => {
                    let cases = cases.into_iter().map(|(_, case)| Node::Case(Box::new(case))).collect();
                    let mut group = group(&batch.of_batch(), GroupScoring::Aggregate(Aggregate::Min), cases);
                    group.stop = stop_rule(worth);
                    vec![Node::Group(group)]
                }
            }
        };
        found.into_iter().flat_map(nodes_of).collect()
    }
}

/// The name of a case or a batch in file names. Names that are not numbers come first, in lexicographic order. Source:
/// DMOJ judge-server, `_match_test_cases`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Text(String),
    Number(u64),
}

impl Name {
    fn of(text: &str) -> Name {
        text.parse().map_or_else(|_| Name::Text(text.to_owned()), Name::Number)
    }

    /// The last part of a case's name.
    fn of_case(&self) -> String {
        match self {
            Name::Number(number) => format!("{number:03}"),
            Name::Text(text) => text.replace('/', "-"),
        }
    }

    /// The name of a batch's group.
    fn of_batch(&self) -> String {
        match self {
            Name::Number(number) => format!("batch{number:02}"),
            Name::Text(text) => format!("batch-{}", text.replace('/', "-")),
        }
    }
}

/// Position of a case among those that are found by file name. Batches and cases outside of batches have a common
/// order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CaseKey {
    /// The batch; for a case outside of batches, the case.
    position: Name,
    batch: Option<Name>,
    case: Name,
}

impl CaseKey {
    fn new(batch: Option<Name>, case: Name) -> CaseKey {
        CaseKey { position: batch.clone().unwrap_or_else(|| case.clone()), batch, case }
    }
}

/// Input and output of each case.
type CasesByName = BTreeMap<CaseKey, (Option<FileRef>, Option<FileRef>)>;

/// Whether a file is not test data, but the configuration or a file that Cupel added.
fn is_ours(name: &str) -> bool {
    name == FILE || name == NO_INPUT || name.split('/').next() == Some(PYTHON)
}

/// A pattern for file names, which ignores case. Most patterns match in linear time. Those with look-around or
/// back-references, such as DMOJ's documented default, are matched by backtracking with a bounded number of steps.
enum Pattern {
    Linear(regex_lite::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

impl Pattern {
    /// `names_bytes` is the length of all names that will be matched, in bytes.
    fn new(pattern: &str, names_bytes: usize) -> Result<Pattern, String> {
        let size_max = (WORK_MAX / names_bytes.max(1)).min(LINEAR_BYTES_MAX);
        let linear = regex_lite::RegexBuilder::new(pattern).case_insensitive(true).size_limit(size_max).build();
        let refusal = match linear {
            Ok(linear) => return Ok(Pattern::Linear(linear)),
            Err(error) => error.to_string(),
        };
        if refusal.contains("size limit") {
            return Err(TOO_LARGE.to_owned());
        }
        let expanded = expanded_length(pattern).filter(|length| *length <= EXPANDED_MAX).ok_or(TOO_LARGE)?;
        let steps_max = (WORK_MAX / names_bytes.saturating_mul(expanded).max(1)).min(STEPS_PER_NAME_MAX);
        if steps_max == 0 {
            return Err(TOO_LARGE.to_owned());
        }
        let backtracking = fancy_regex::RegexBuilder::new(pattern)
            .case_insensitive(true)
            .backtrack_limit(steps_max)
            .max_prog_size(PROGRAM_MAX)
            .delegate_size_limit(PROGRAM_BYTES_MAX)
            .delegate_dfa_size_limit(PROGRAM_BYTES_MAX)
            .build();
        // For a pattern that both engines refuse, the message of the first is clearer, unless it names a missing
        // feature.
        backtracking
            .map(|pattern| Pattern::Backtracking(Box::new(pattern)))
            .map_err(|error| if refusal.contains("not supported") { error.to_string() } else { refusal })
    }

    /// Returns batch and case from the groups of the pattern, which must match from the beginning of the name. The
    /// error is a fault of the pattern.
    fn key(&self, name: &str) -> Result<Option<CaseKey>, String> {
        let (batch, case) = match self {
            Pattern::Linear(pattern) => {
                let found = pattern.captures(name).filter(|found| found.get(0).is_some_and(|whole| whole.start() == 0));
                let Some(found) = found else { return Ok(None) };
                let group = |group: &str| found.name(group).map(|m| m.as_str());
                (group("batch"), group("case"))
            }
            Pattern::Backtracking(pattern) => {
                let input = fancy_regex::RegexInput::new(name).anchored(true);
                let found = pattern
                    .captures_input(input)
                    .map_err(|_| format!("the pattern needs too many steps for the file name `{name}`"))?;
                let Some(found) = found else { return Ok(None) };
                let group = |group: &str| found.name(group).map(|m| m.as_str());
                (group("batch"), group("case"))
            }
        };
        let name_of = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Name::of);
        Ok(name_of(case).map(|case| CaseKey::new(name_of(batch), case)))
    }
}

const TOO_LARGE: &str = "it is too large for the number of files; write it with fewer counted repetitions";

/// Returns an upper bound of the length of a pattern, in bytes, after its counted repetitions have been written out:
/// the product of its length and of the counts. `None` if there is no bound, because the pattern calls its groups, or
/// has braces that may be a count and cannot be read. Python has neither.
fn expanded_length(pattern: &str) -> Option<usize> {
    if pattern.contains("\\g") || pattern.contains("(?P>") {
        return None;
    }
    let mut length = pattern.len();
    for (at, _) in pattern.match_indices('{') {
        let is_escaped = pattern[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        let inside = pattern[at + 1..].split(['{', '}']).next().unwrap_or_default();
        if is_escaped || !inside.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        for count in inside.split(',').filter(|count| !count.is_empty()) {
            let count = count.parse::<usize>().ok().filter(|_| count.bytes().all(|c| c.is_ascii_digit()))?;
            // `{m,n}` has at most m × n repetitions if both are above zero.
            length = length.saturating_mul(count.max(1));
        }
    }
    Some(length)
}

/// Returns batch and case from a file name, as DMOJ's default patterns do. A name that begins with `in` or contains
/// `.in` is an input (`out` likewise). The last number in the name is the case. The number before that is the batch, if
/// it begins a word of the name, as in `2.03.in` or `x-2-3.in`. Source: DMOJ judge-server, the default patterns in
/// problem.py.
fn key_in(name: &str, word: &str) -> Option<CaseKey> {
    // DMOJ ignores case.
    let lower = name.to_ascii_lowercase();
    if !lower.starts_with(word) && !lower.contains(&format!(".{word}")) {
        return None;
    }
    let (before, case, after) = last_number(name)?;
    if after.contains(char::is_whitespace) {
        return None;
    }
    let batch = last_number(before).filter(|(before, _, gap)| {
        let begins_word = before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
        begins_word && !gap.contains(char::is_whitespace)
    });
    Some(CaseKey::new(batch.map(|(_, batch, _)| Name::of(batch)), Name::of(case)))
}

/// Splits a text into the text before the last run of digits, the digits, and the text after them.
fn last_number(text: &str) -> Option<(&str, &str, &str)> {
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = text[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    Some((&text[..start], &text[start..end], &text[end..]))
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}

/// What a failed case of a batch stops: the batch, or everything if the batch has zero points.
fn stop_rule(worth: Score) -> StopRule {
    if worth == Score::ZERO { StopRule::BreakAll } else { StopRule::Break }
}

/// A case outside batches. In DMOJ, a failed case with zero points ends the whole run. A separate group expresses this
/// rule. Source: DMOJ judge-server, `judge.py` (`is_short_circuiting_enabled`) and `problem.py` (pretests).
fn stopping(points: Score, case: Case) -> Node {
    let name = format!("{}!", case.id);
    let case = Node::Case(Box::new(case));
    if points > Score::ZERO {
        return case;
    }
    let mut alone = group(&name, GroupScoring::Aggregate(Aggregate::Sum), vec![case]);
    alone.stop = StopRule::BreakAll;
    Node::Group(alone)
}

fn points(reader: &Reader<'_>) -> Score {
    let points = reader.parsed::<Score>("a number of points");
    if points.is_some_and(|points| points < Score::ZERO) {
        reader.expected("0 points or more");
    }
    points.unwrap_or(Score::ONE)
}

/// Returns the points of a case that is judged by this method. Checkers and graders in Python, and `linecount`, may
/// award a part of the points although they reject.
fn points_of(method: &Method, points: Score) -> CasePoints {
    let is_module = |program: &JudgeProgram| matches!(program.protocol, Protocol::PythonModule { .. });
    let also_rejecting = match method {
        Method::Check(Checker::Builtin(Comparison::LineCount { .. })) => true,
        Method::Check(Checker::Builtin(_)) => {
            return CasePoints::Fixed { accepted: points, rejected: Score::ZERO };
        }
        Method::Check(Checker::Program(program)) => is_module(program),
        Method::Interact(interactor) => is_module(&interactor.program),
    };
    CasePoints::FromChecker {
        max: MaxScore::Bounded(points),
        unnamed: Some(points),
        rejected: Score::ZERO,
        also_rejecting,
        may_be_negative: false,
    }
}

#[cfg(test)]
mod tests {
    use super::{CaseKey, Name, PATTERN_LENGTH_MAX, Pattern, TOO_LARGE, expanded_length, key_in};

    /// DMOJ's documented default for `input_format`.
    const DEFAULT: &str = r"^(?=.*?\.in|in).*?(?:(?:^|\W)(?P<batch>\d+)[^\d\s]+)?(?P<case>\d+)[^\d\s]*$";

    fn key_by(pattern: &str, name: &str) -> Result<Option<CaseKey>, String> {
        Pattern::new(pattern, name.len())?.key(name)
    }

    #[test]
    fn a_pattern_that_yields_an_empty_name_finds_no_case() {
        assert_eq!(key_by("^(?P<case>).*", "1.in"), Ok(None));
    }

    #[test]
    fn a_pattern_may_have_look_around_and_back_references() {
        let key = |batch: Option<u64>, case| Ok(Some(CaseKey::new(batch.map(Name::Number), Name::Number(case))));
        assert_eq!(key_by(r"^x\.(?P<batch>\d+)-(?P<case>\d+)\.in(?!x)", "X.2-3.IN"), key(Some(2), 3));
        assert_eq!(key_by(r"^x\.(?P<batch>\d+)-(?P<case>\d+)\.in(?!x)", "x.2-3.inx"), Ok(None));
        assert_eq!(key_by(r"(?P<case>\d+)(?<!0)\.in", "01.in"), key(None, 1));
        assert_eq!(key_by(r"(?P<case>\d)(?P=case)\.in", "11.in"), key(None, 1));
        assert_eq!(key_by(r"(?P<case>\d)(?=\.in)", "x1.in"), Ok(None), "the match must begin with the name");
    }

    #[test]
    fn a_pattern_is_bounded_in_steps_and_size() {
        let fault = key_by(r"((?=.*)a|(?=.*)a)*b(?P<case>\d)", &"a".repeat(100)).unwrap_err();
        assert!(fault.contains("too many steps for the file name `aaa"), "{fault}");
        for pattern in ["((((a{500}){500}){500})(?=x)){500}", "(?=x", "("] {
            assert!(Pattern::new(pattern, 100).is_err(), "{pattern}");
        }
    }

    /// Each of these patterns is short, but would need seconds for a name of 1,000 characters.
    #[test]
    fn a_pattern_is_bounded_in_its_expanded_size() {
        for pattern in [
            "(?:.?){80000}",
            "(?:(?:a?){300}){300}",
            "(?=a)(?:.?){80000}",
            "(?=a)(?:(?:a?){50}){50}",
            "(?x)(?=a)(?:a?){9 9 9}",
            r"(?=a)(?<a>(?:a?a?a?a?){9})\g<a>",
        ] {
            assert_eq!(Pattern::new(pattern, 1_000).err().as_deref(), Some(TOO_LARGE), "{pattern}");
        }
        assert_eq!(expanded_length(r"(a{3}){2,5}\d{1,}[{]"), Some(20 * 3 * 2 * 5));
        assert_eq!(expanded_length("(?=a{x})"), Some(8));
        // A brace after a backslash is no count.
        assert_eq!(expanded_length(r"\{[0-9]+\}(?=\\{2})"), Some(2 * 19));
        assert_eq!(expanded_length(r"(?=x)[{](?P<case>\d{2})"), Some(2 * 23));
    }

    /// 10,000 and 50,000 files are more than a package has; their names have 40 bytes.
    #[test]
    fn a_pattern_is_bounded_by_the_number_of_files() {
        let (linear, backtracking) = (r"^x\.(?P<batch>\d{1,3})-(?P<case>\d{1,3})\.in", DEFAULT);
        for (pattern, files) in [(linear, 50_000), (backtracking, 10_000)] {
            let name = "x.12-345.in";
            let key = CaseKey::new(Some(Name::Number(12)), Name::Number(345));
            let found = Pattern::new(pattern, files * 40 * 2).and_then(|pattern| pattern.key(name));
            assert_eq!(found, Ok(Some(key)), "{pattern}");
            assert_eq!(Pattern::new(pattern, 1 << 32).err().as_deref(), Some(TOO_LARGE), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_of_the_maximum_length_is_accepted() {
        for part in ["a*", ".?", "(a)", r"\W?", "[^a-c]", "(?:a|b)*", "a|"] {
            let pattern = part.repeat(PATTERN_LENGTH_MAX / part.len());
            assert!(Pattern::new(&pattern, 1_000).is_ok(), "{part}");
        }
    }

    #[test]
    fn case_numbers_are_found_in_file_names() {
        for (name, word, numbers) in [
            ("3.in", "in", Some((0, 3))),
            ("hungry.1.in", "in", Some((0, 1))),
            ("2.03.in", "in", Some((2, 3))),
            ("x-2-3.in.txt", "in", Some((2, 3))),
            ("tests/1/02.out", "out", Some((1, 2))),
            ("s2.c3.in", "in", Some((0, 3))),
            ("input12", "in", Some((0, 12))),
            ("4.IN", "in", Some((0, 4))),
            ("3.in", "out", None),
            ("é7.in", "in", Some((0, 7))),
            ("none.in", "in", None),
            ("1.in of mine", "in", None),
        ] {
            let key = numbers
                .map(|(batch, case)| CaseKey::new((batch != 0).then_some(Name::Number(batch)), Name::Number(case)));
            assert_eq!(key_in(name, word), key, "{name}");
            let pattern = DEFAULT.replace("in", word);
            assert_eq!(key_by(&pattern, name), Ok(key), "{name} with DMOJ's default pattern");
        }
    }
}
