//! The keys of `init.yml`, and warnings about those that have no effect. Source: DMOJ's documentation, "Problem
//! format".

use crate::doc::Reader;
use crate::finding::Code;

/// Keys that a case may have, and that it inherits from its batch and from the top level.
const OF_CASES: &[&str] = &[
    "in",
    "out",
    "points",
    "checker",
    "interactive",
    "generator",
    "generator_args",
    "time_limit",
    "memory_limit",
    "wall_time_factor",
    "output_limit_length",
    "binary_data",
    // These keys do not affect the verdict: the length of the output that DMOJ shows, and data for other programs.
    "output_prefix_length",
    "meta",
];

/// Further keys of the top level.
const OF_TOP: &[&str] = &[
    "archive",
    "test_cases",
    "pretest_test_cases",
    "short_circuit",
    "signature_grader",
    "custom_judge",
    "file_io",
    "symlinks",
    "dependencies",
];

/// Further keys of batches.
const OF_BATCHES: &[&str] = &["batched", "dependencies"];

/// Keys of cases and batches that are refused.
const REFUSED: &[&str] = &["file_io"];

const OF_PATTERNS: &[&str] = &["input_format", "output_format", "case_points"];

/// Keys of DMOJ that Cupel does not implement, each with the consequence.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("symlinks", "links are created for the whole problem only"),
    ("unbuffered", "the submission writes to a pipe, so it has to flush its output"),
    ("hints", "they change only how DMOJ decodes data"),
    ("preprocessing_time", "the program gets no extra time"),
    ("compiler_time_limit", "the limits of compilers are those of all programs of the package"),
    ("cached", "programs of the package are always built once"),
    ("feedback", "messages of checkers are always stored for the author"),
];

/// Keys of checkers and interactors that are programs.
const OF_PROGRAMS: &[&str] = &["files", "lang", "type", "flags", "args_format_string", "time_limit", "memory_limit"];

/// Keys of generators.
const OF_GENERATORS: &[&str] = &["source", "flags", "args", "time_limit", "memory_limit", "language"];

/// Reports the keys of the top level, of its cases and of its batches that have no effect.
pub(super) fn check(top: &Reader<'_>) {
    report(top, &[OF_CASES, OF_TOP]);
    for key in ["test_cases", "pretest_test_cases"] {
        let cases = super::key_of(top, key);
        if cases.is_map() {
            report(&cases, &[OF_PATTERNS]);
            continue;
        }
        if !cases.is_seq() {
            continue;
        }
        for item in cases.list() {
            report(&item, &[OF_CASES, OF_BATCHES, REFUSED]);
            refuse_file_io(&item);
            let batched = item.get("batched");
            if !batched.is_seq() {
                continue;
            }
            for case in batched.list() {
                report(&case, &[OF_CASES, REFUSED]);
                refuse_file_io(&case);
            }
        }
    }
}

/// Refuses `file_io` of a case or batch: without these files, correct submissions would fail.
fn refuse_file_io(item: &Reader<'_>) {
    let names = super::key_of(item, "file_io");
    if names.is_some() {
        let fault = "`file_io` is supported for the whole problem only, not for single cases";
        names.fault(Code::Unsupported, fault, "Move it to the top level of init.yml");
    }
}

/// Reports the keys of a checker or interactor that have no effect.
pub(super) fn check_program(program: &Reader<'_>) {
    report(program, &[OF_PROGRAMS]);
    for key in ["time_limit", "memory_limit"] {
        if program.get(key).is_some() {
            let remedy = "The limits are those of all programs of the package; remove the key";
            program.get(key).fault(Code::LeftOut, "this key has no effect", remedy);
        }
    }
}

/// Reports the keys of a generator that have no effect.
pub(super) fn check_generator(generator: &Reader<'_>) {
    report(generator, &[OF_GENERATORS]);
}

/// Reports the keys of a checker, and its arguments, that have no effect. `None`: the checker may have any arguments.
pub(super) fn check_checker(checker: &Reader<'_>, args: Option<&[&str]>) {
    report(checker, &[&["name", "args"]]);
    if let Some(known) = args {
        checker.get("args").map();
        report(&checker.get("args"), &[known]);
    }
}

fn report(reader: &Reader<'_>, known: &[&[&str]]) {
    for (key, value) in reader.entries() {
        let name = key.replace('-', "_");
        if known.iter().any(|keys| keys.contains(&name.as_str())) || key.ends_with('+') {
            continue;
        }
        match WITHOUT_EFFECT.iter().find(|(known, _)| *known == name) {
            // `unbuffered: false` is the default, so it has no effect.
            Some(_) if !value.is_some() || value.node().is_some_and(is_false) => {}
            Some((_, consequence)) => {
                value.fault(Code::LeftOut, format!("this key has no effect: {consequence}"), "Remove the key");
            }
            None => value.unknown(key, &known.concat(), Code::KeyIgnored),
        }
    }
}

fn is_false(node: &crate::doc::Node) -> bool {
    matches!(&node.value, crate::doc::Value::Scalar(scalar) if scalar.as_bool() == Some(false))
}
