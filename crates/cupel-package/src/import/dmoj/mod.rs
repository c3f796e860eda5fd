//! DMOJ: `init.yml` and its data, in the package or in a zip inside it. Source: DMOJ's documentation, "Problem format".

mod checker;
mod keys;
mod testset;

use cupel_types::{BoxPath, Bytes, LanguageId};

use super::{ByteOrderMark, Context, Draft, Keys, Tree};
use crate::doc::{Node as Document, Reader, Source, Unknown, Value, parse_yaml};
use crate::finding::{Code, Findings, ImportError, Position};
use crate::unpack::{self, Sink};
use cupel_problem::{
    Calibration, Factor, Grader, Include, Objective, PackagePath, Problem, Scoring, SkippedCases, WallLimit,
};

const FILE: &str = "init.yml";
/// Directory into which the data archive is unpacked.
const UNPACKED: &str = "dmoj-archive";
/// The empty file that is the input of cases without `in`.
const NO_INPUT: &str = "dmoj-no-input";
/// Directory of the module for checkers and graders in Python.
const PYTHON: &str = "dmoj-python";
/// Maximum length of a pattern, in bytes.
const PATTERN_LENGTH_MAX: usize = 500;

/// Unpacks the archive that `init.yml` names, within the package's limits. Adds the empty input file if a case names no
/// input. Returns whether files were added.
pub(super) fn complete(tree: &Tree, top: &str, sink: &mut Sink<'_>) -> Result<bool, ImportError> {
    // The importer reads the file again later and reports its faults.
    let quiet = Findings::default();
    let Some(text) = tree.text(FILE, ByteOrderMark::Warned, &quiet)? else { return Ok(false) };
    let Ok(node) = parse_yaml(&text) else { return Ok(false) };
    let reader = Reader::new(Source { file: FILE, findings: &quiet }, &node);
    let without_input = ["test_cases", "pretest_test_cases"].iter().any(|key| {
        let items = key_of(&reader, key);
        items.list().iter().any(|item| match item.get("batched") {
            batched if batched.is_some() => batched.list().iter().any(|case| !case.get("in").is_some()),
            _ => !item.get("in").is_some(),
        })
    });
    // An exported package already contains these files.
    let adds_input = without_input && tree.file(NO_INPUT).is_none_or(|file| file.size > Bytes::ZERO);
    if adds_input {
        unpack::add(&format!("{top}{NO_INPUT}"), b"", sink)?;
    }
    let adds_module = names_python(&node);
    if adds_module {
        let module = include_str!("cupel_dmoj_2.py");
        let name = format!("{top}{}", module_path(checker::PYTHON_MODULE));
        match PackagePath::new(&name) {
            // An exported package may contain the module of another version.
            Ok(path) if sink.has_file(&path) => {
                unpack::replace(&path, &[module], "", sink)?;
            }
            _ => unpack::add(&name, module.as_bytes(), sink)?,
        }
    }
    let has_added = adds_input || adds_module;
    let archive = reader.get("archive");
    let Some(file) = archive.text().and_then(|archive| tree.file(archive)) else { return Ok(has_added) };
    // An exported package already contains the files of the archive.
    if tree.below(UNPACKED).next().is_some() {
        return Ok(has_added);
    }
    let place = tree.root().join(file.path.as_str());
    unpack::unpack_inner(&place, &format!("{top}{UNPACKED}/"), sink)?;
    Ok(true)
}

/// Path of the module of this name for checkers and graders in Python.
fn module_path(name: &str) -> String {
    format!("{PYTHON}/{name}")
}

/// Whether any value names a file in Python, such as a checker or a grader, or the checker of the module.
fn names_python(node: &Document) -> bool {
    match &node.value {
        Value::Scalar(scalar) => checker::is_python(&scalar.text),
        Value::Seq(items) => items.iter().any(names_python),
        Value::Map(entries) => entries.iter().any(|(_, value)| names_python(value)),
    }
}

pub(super) fn read(context: &Context<'_>) -> Result<Option<Problem>, ImportError> {
    let Some(node) = context.yaml(FILE, ByteOrderMark::Warned)? else { return Ok(None) };
    let top = Reader::new(Source { file: FILE, findings: context.findings }, &node);
    if !top.is_map() {
        top.fault(Code::KeyType, "expected a map of keys", "Begin with `test_cases:`");
        return Ok(None);
    }
    if !refuse_python(context.findings, &node) {
        return Ok(None);
    }
    // DMOJ's format has no title, tags or authors.
    let keys = Keys {
        title: "",
        tags: "",
        authors: "",
        time_limit: "time_limit",
        time_unit: "seconds",
        memory: "memory_limit",
    };
    let mut draft = Draft::new(Calibration::WIDE, FILE, keys);
    draft.scoring = Scoring::Points { objective: Objective::Max, skipped: SkippedCases::Zero };
    // Source: DMOJ judge-server, `dmoj/executors/java_executor.py`.
    draft.forbids_packages = true;
    keys::check(&top);
    limits(&top, &mut draft);
    file_io(&top, &mut draft);
    let archive = top.get("archive");
    if let Some(name) = archive.words()
        && !context.tree.has(name)
    {
        archive.fault(Code::FileMissing, context.tree.missing(name), "Add the archive beside init.yml");
        return Ok(None);
    }
    signature_grader(context, &top, &mut draft);
    statements(context, &mut draft);
    draft.submissions = context.submissions_by_folder(true);
    let root = testset::Reading::new(context, top.clone(), archive.is_some()).tests();
    Ok(draft.finish(root, context))
}

/// Refuses keys that contain Python code for DMOJ's judge.
fn refuse_python(findings: &Findings, node: &Document) -> bool {
    let mut is_fine = true;
    python_keys(node, &mut String::new(), &mut |path, at| {
        is_fine = false;
        let fault = format!("the key `{path}` is Python code");
        let remedy = "Replace the code with its result";
        findings.at(Code::UnsupportedPython, FILE, Some(at), Some(path), fault, remedy);
    });
    is_fine
}

/// Calls `found` with path and position of each key that contains Python code. `path` is the path of the node.
fn python_keys(node: &Document, path: &mut String, found: &mut dyn FnMut(&str, Position)) {
    let length = path.len();
    match &node.value {
        Value::Map(entries) => {
            for (key, child) in entries {
                path.push_str(if length == 0 { "" } else { "." });
                path.push_str(key);
                if key.ends_with('+') {
                    found(path.as_str(), child.at);
                }
                python_keys(child, path, found);
                path.truncate(length);
            }
        }
        Value::Seq(items) => {
            for (number, item) in items.iter().enumerate() {
                path.push_str(&format!("[{number}]"));
                python_keys(item, path, found);
                path.truncate(length);
            }
        }
        Value::Scalar(_) => {}
    }
}

/// Returns the value of a key that may be spelled with `_` or with `-`.
fn key_of<'a>(reader: &Reader<'a>, key: &str) -> Reader<'a> {
    let found = reader.get(key);
    if found.is_some() { found } else { reader.get(&key.replace('_', "-")) }
}

fn limits(top: &Reader<'_>, draft: &mut Draft) {
    let most = 1 << 30;
    if let Some(bytes) = key_of(top, "output_limit_length").integer(1, most) {
        draft.limits.output = Bytes::new(bytes.unsigned_abs());
    } else {
        draft.limits.output = Bytes::mib(24);
    }
    let factor = key_of(top, "wall_time_factor").parsed("a factor above 0");
    draft.limits.wall_time = Some(WallLimit::TimesCpu(factor.or(Factor::thousandths(3000)).unwrap_or(Factor::ONE)));
    draft.limits.on_waiting = cupel_problem::OnWaiting::TimeLimit;
    // The key is not part of the format, but the DMOJ site often exports it.
    draft.limits.time.limit = key_of(top, "time_limit").seconds();
    let memory = key_of(top, "memory_limit");
    draft.memory_at = memory.node().map(|node| node.at);
    if let Some(memory) = memory.size(1 << 10) {
        draft.limits.memory = memory;
    }
}

/// Reads `file_io` and `symlinks`: the names of the files that the submission reads and writes instead of the standard
/// streams.
fn file_io(top: &Reader<'_>, draft: &mut Draft) {
    let names = key_of(top, "file_io");
    let path = |reader: &Reader<'_>, name: &str| {
        let path = BoxPath::new(name);
        path.map_err(|error| reader.fault(Code::KeyType, error.to_string(), "Name a file")).ok()
    };
    let of_key = |key: &str| path(&names.get(key), names.get(key).words()?);
    draft.io.input_file = of_key("input");
    draft.io.output_file = of_key("output");
    for (link, target) in key_of(top, "symlinks").entries() {
        let slot = match target.text() {
            Some("/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0") => &mut draft.io.input_file,
            Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => &mut draft.io.output_file,
            _ => {
                let fault = format!("the link `{link}` is not created, because its target is not a standard stream");
                let remedy = "Link to /dev/stdin or /dev/stdout, or remove the link";
                target.fault(Code::LeftOut, fault, remedy);
                continue;
            }
        };
        match slot {
            Some(known) if known.as_str() != link => {
                let fault =
                    format!("the link `{link}` is not created, because the stream already has the file `{known}`");
                target.fault(Code::LeftOut, fault, "Use one name for it");
            }
            _ => *slot = path(&target, link),
        }
    }
    // In DMOJ, the file is a link to the standard input, which a grader writes. Here, it is a copy of the case's input.
    if draft.io.input_file.is_some() && key_of(top, "custom_judge").is_some() {
        let reader = if names.get("input").is_some() { names.get("input") } else { key_of(top, "symlinks") };
        let fault = "the input cannot be a file, because the grader in Python writes it while the submission runs";
        reader.fault(Code::Unsupported, fault, "Let submissions read the standard input, or use a checker");
    }
}

/// Reads `signature_grader`: a grader in C or C++ that is compiled in the submission's language and calls its
/// functions.
fn signature_grader(context: &Context<'_>, top: &Reader<'_>, draft: &mut Draft) {
    let grader = key_of(top, "signature_grader");
    if !grader.is_some() {
        return;
    }
    grader.only(&["entry", "header", "allow_main", "allow-main"], Unknown::Warning);
    let file = |key: &str| {
        let Some(name) = grader.get(key).words() else {
            grader.get(key).missing("the name of a file");
            return None;
        };
        let found = context.program_file(name.rsplit('/').next().unwrap_or(name), name);
        if found.is_none() {
            grader.get(key).fault(Code::FileMissing, context.tree.missing(name), "Add it");
        }
        found
    };
    let (Some(entry), Some(header)) = (file("entry"), file("header")) else { return };
    let allow_main = key_of(&grader, "allow_main").bool() == Some(true);
    let is_of_family = |language: &&cupel_languages::Language| {
        let name = language.source.as_str();
        name.ends_with(".c") || name.ends_with(".cpp")
    };
    let languages: Vec<LanguageId> =
        context.options.languages.iter().filter(is_of_family).map(|language| language.id.clone()).collect();
    draft.includes.push(Include {
        language: None,
        entry_point: Some(entry.name.to_string()),
        grader: Some(Grader { header: header.name.to_string(), allow_main }),
        files: vec![entry, header],
    });
    // The grader can be compiled in these languages only.
    draft.limits.languages = Some(languages);
}

fn statements(context: &Context<'_>, draft: &mut Draft) {
    for (name, format) in [
        ("statement.md", cupel_problem::StatementFormat::Markdown),
        ("problem.md", cupel_problem::StatementFormat::Markdown),
        ("statement.pdf", cupel_problem::StatementFormat::Pdf),
    ] {
        if let Some(file) = context.tree.file(name) {
            context.check_statement(&file, format);
            draft.statements.push(cupel_problem::Statement {
                language: "en".to_owned(),
                format,
                file,
                assets: Vec::new(),
            });
            return;
        }
    }
}
