//! Checkers, interactors and generators of DMOJ.

use std::fmt::Write;
use std::time::Duration;

use cupel_types::{Bytes, LanguageId};

use super::super::Context;
use super::keys;
use crate::doc::{Node, Reader, Value, split_words};
use crate::finding::Code;
use cupel_problem::{
    Checker, Comparison, ErrorMode, Generator, JudgeProgram, OrderOf, Program, ProgramFile, ProgramShape, Protocol,
    Score, StepBounds,
};

/// The module that provides DMOJ's classes to checkers and graders in Python. A version with other exit codes gets
/// another name.
pub(super) const PYTHON_MODULE: &str = "cupel_dmoj_2.py";
/// The module of older versions, which stored packages contain.
const OLD_PYTHON_MODULE: &str = "cupel_dmoj.py";
/// A checker of DMOJ that is part of the module [`PYTHON_MODULE`]. Source: DMOJ judge-server,
/// `dmoj/checkers/linematches.py`.
const LINE_MATCHES: &str = "linematches";
/// Default limits of a generator. Source: DMOJ judge-server, `generator_time_limit` and `generator_memory_limit`.
const GENERATOR_TIME: Duration = Duration::from_secs(20);
const GENERATOR_MEMORY: Bytes = Bytes::mib(512);
/// Maximum size of each file that a generator writes.
const GENERATED_MAX: Bytes = Bytes::mib(256);
/// Maximum nesting depth of the arguments for a checker in Python.
const ARGUMENTS_DEPTH_MAX: usize = 8;
/// Maximum size of these arguments as JSON, in bytes. They are one argument of the command line, and the method of each
/// case with other points has a copy.
const ARGUMENTS_BYTES_MAX: usize = 8 << 10;

/// Whether a checker or grader of this name is run by Python.
pub(super) fn is_python(name: &str) -> bool {
    name == LINE_MATCHES || name.ends_with(".py")
}

/// Reads `checker`: a name, a file, or a map of name and arguments. `points` are the points of the case.
pub(super) fn checker_of(context: &Context<'_>, reader: &Reader<'_>, binary: bool, points: Score) -> Option<Checker> {
    let (name, args) = match reader.is_map() {
        true => (reader.get("name"), reader.get("args")),
        false => (reader.clone(), reader.get("args")),
    };
    check_arguments(reader, &name);
    let builtin = |comparison| Some(Checker::Builtin(comparison));
    let normalize_newlines = !binary;
    match name.text().unwrap_or("standard") {
        "standard" => builtin(Comparison::TokensByLine),
        "identical" | "identical_with_pe" => builtin(Comparison::Exact { normalize_newlines }),
        "rstripped" => builtin(Comparison::TrimmedLines),
        "easy" => builtin(Comparison::Characters),
        "linecount" => builtin(Comparison::LineCount { exact: false }),
        "sorted" => builtin(Comparison::Unordered(match args.get("split_on").text() {
            None | Some("lines") => OrderOf::Lines,
            Some("whitespace") => OrderOf::Tokens,
            Some(_) => {
                args.get("split_on").expected("`lines` or `whitespace`");
                return None;
            }
        })),
        "unordered" => builtin(Comparison::Unordered(OrderOf::Tokens)),
        "floats" | "floatsabs" | "floatsrel" => {
            let precision = args.get("precision").integer(0, 30).and_then(|n| u8::try_from(n).ok()).unwrap_or(6);
            let mode = match args.get("error_mode").text() {
                None if name.text() == Some("floatsabs") => ErrorMode::Absolute,
                None if name.text() == Some("floatsrel") => ErrorMode::Relative,
                None | Some("default") => ErrorMode::Either,
                Some("absolute") => ErrorMode::Absolute,
                Some("relative") => ErrorMode::Relative,
                Some(_) => {
                    args.get("error_mode").expected("`default`, `absolute` or `relative`");
                    return None;
                }
            };
            builtin(Comparison::Floats { precision, mode })
        }
        "bridged" => bridged(context, &args).map(Checker::Program),
        LINE_MATCHES => {
            args.get("point_distribution").list().iter().for_each(|weight| {
                weight.integer(0, 1_000_000_000);
            });
            args.get("filler_lines_required").bool();
            let options =
                format!("\"kind\": \"checker\", \"checker\": \"{LINE_MATCHES}\", \"args\": {}", json_of(&args)?);
            of_module(context, None, &options, points, binary).map(Checker::Program)
        }
        file if file.ends_with(".py") => {
            let options = format!("\"kind\": \"checker\", \"args\": {}", json_of(&args)?);
            in_python(context, &name, file, &options, points, binary).map(Checker::Program)
        }
        other => {
            let known = "standard, identical, rstripped, easy, linecount, sorted, unordered, floats, floatsabs, \
                         floatsrel, linematches, bridged and files in Python";
            name.fault(
                Code::KeyType,
                format!("the checker `{other}` is not supported"),
                format!("Supported are {known}"),
            );
            None
        }
    }
}

/// Reports the keys and arguments of a checker that have no effect. Source: DMOJ judge-server, `dmoj/checkers`.
fn check_arguments(checker: &Reader<'_>, name: &Reader<'_>) {
    if !checker.is_map() {
        return;
    }
    let known: Option<&[&str]> = match name.text().unwrap_or("standard") {
        // The messages for contestants depend on this argument, but not the verdict.
        "identical" => Some(&["pe_allowed"]),
        "sorted" => Some(&["split_on"]),
        "floats" => Some(&["precision", "error_mode"]),
        "floatsabs" | "floatsrel" => Some(&["precision"]),
        LINE_MATCHES => Some(&["point_distribution", "filler_lines_required"]),
        // Its arguments are the keys of a program, which are checked there.
        "bridged" => None,
        name if name.ends_with(".py") => None,
        _ => Some(&[]),
    };
    keys::check_checker(checker, known);
}

/// Reads `custom_judge`: a grader in Python, which communicates with the submission. `checker` is the checker that it
/// may call.
pub(super) fn custom_judge(
    context: &Context<'_>,
    reader: &Reader<'_>,
    checker: &Reader<'_>,
    points: Score,
    binary: bool,
) -> Option<JudgeProgram> {
    let file = reader.words()?;
    let name = if checker.is_map() { checker.get("name") } else { checker.clone() };
    check_arguments(checker, &name);
    let (name, args) = (name.text(), checker.get("args"));
    let name = quoted(name.unwrap_or("standard"));
    let options = format!("\"kind\": \"grader\", \"checker\": {name}, \"checker_args\": {}", json_of(&args)?);
    in_python(context, reader, file, &options, points, binary)
}

/// Returns a program in Python that is written for DMOJ's classes, with the module that provides them.
fn in_python(
    context: &Context<'_>,
    reader: &Reader<'_>,
    file: &str,
    options: &str,
    points: Score,
    binary: bool,
) -> Option<JudgeProgram> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let Some(source) = context.program_file(&format!("problem/{name}"), file) else {
        let fault = context.tree.missing(file);
        reader.fault(Code::FileMissing, fault, "Add it, or correct the name");
        return None;
    };
    let options = format!("{options}, \"file\": {}", quoted(&format!("problem/{name}")));
    of_module(context, Some(source), &options, points, binary)
}

/// Returns the module, with a program of the package that it runs.
fn of_module(
    context: &Context<'_>,
    source: Option<ProgramFile>,
    options: &str,
    points: Score,
    binary: bool,
) -> Option<JudgeProgram> {
    let module = |name: &str| context.program_file(name, &super::module_path(name));
    let (module, is_old) = match module(PYTHON_MODULE) {
        Some(module) => (module, false),
        None => (module(OLD_PYTHON_MODULE)?, true),
    };
    let entry_point = Some(module.name.as_str().to_owned());
    let program = Program {
        path: source.as_ref().unwrap_or(&module).file.path.clone(),
        files: std::iter::once(module).chain(source).collect(),
        language: context.options.languages.known("python").map(|language| language.id.clone()),
        entry_point,
        flags: Vec::new(),
        shape: ProgramShape::Sources,
    };
    let args = vec![format!("{{{options}, \"points\": {points}, \"binary\": {binary}}}")];
    Some(JudgeProgram { program, protocol: Protocol::PythonModule { is_old }, args, words: None })
}

/// Reads a program with `files`, `lang` and `type`: the checker `bridged` or an interactor.
pub(super) fn bridged(context: &Context<'_>, reader: &Reader<'_>) -> Option<JudgeProgram> {
    keys::check_program(reader);
    let program = program_of(context, &reader.get("files"), &reader.get("lang"), &reader.get("flags"))?;
    let protocol = match reader.get("type").text() {
        None | Some("default") => Protocol::ExitCode,
        Some("testlib") => Protocol::PointsLine,
        Some("coci") => Protocol::ShareLine,
        Some("peg") => Protocol::ShareOnStdout,
        Some(other) => {
            let fault = format!("the type `{other}` is not supported");
            reader.get("type").fault(Code::KeyType, fault, "Supported are default, testlib, coci and peg");
            return None;
        }
    };
    let format = super::key_of(reader, "args_format_string");
    let words = match format.text() {
        None => None,
        Some(text) => Some(words_of(text).or_else(|| {
            let places = "quotes that are closed, and only the places {input_file}, {output_file} and {answer_file}";
            format.expected(&format!("words with {places}"));
            None
        })?),
    };
    Some(JudgeProgram { program, protocol, args: Vec::new(), words })
}

/// Reads `generator`: a file, a list of files, or a map. Returns the generator, and the arguments for cases without
/// their own arguments.
pub(super) fn generator(context: &Context<'_>, reader: &Reader<'_>) -> Option<(Generator, Vec<String>)> {
    let part = |key: &str| if reader.is_map() { super::key_of(reader, key) } else { reader.get("") };
    let files = if reader.is_map() { part("source") } else { reader.clone() };
    if reader.is_map() {
        keys::check_generator(reader);
    }
    let program = program_of(context, &files, &part("language"), &part("flags"))?;
    let maxima = &context.options.maxima;
    let time = part("time_limit").seconds().unwrap_or(GENERATOR_TIME);
    let memory = part("memory_limit").size(1 << 10).unwrap_or(GENERATOR_MEMORY).max(cupel_types::Limits::MEMORY_MIN);
    if time > maxima.time.max(GENERATOR_TIME) || memory > maxima.memory {
        let fault = format!("the generator requires {} s and {memory}", time.as_secs_f64());
        let remedy = format!("This server allows {} s and {}", maxima.time.as_secs_f64(), maxima.memory);
        reader.fault(Code::LimitUnsupported, fault, remedy);
        return None;
    }
    let args = part("args").texts()?;
    Some((Generator { program, bounds: StepBounds { time, memory, output: GENERATED_MAX } }, args))
}

/// Reads a program: its files (the first is the main file), its language and its compiler flags.
fn program_of(
    context: &Context<'_>,
    reader: &Reader<'_>,
    language: &Reader<'_>,
    flags: &Reader<'_>,
) -> Option<Program> {
    let names: Vec<String> = reader.one_or_more().iter().filter_map(|one| one.words().map(str::to_owned)).collect();
    if names.is_empty() {
        reader.missing("the sources of the program");
        return None;
    }
    let mut files: Vec<ProgramFile> = Vec::new();
    for name in &names {
        match context.program_file(name.rsplit('/').next().unwrap_or(name), name) {
            Some(file) => files.push(file),
            None => {
                let fault = context.tree.missing(name);
                reader.fault(Code::FileMissing, fault, "Add it, or correct the name");
                return None;
            }
        }
    }
    let mut program = context.program(&names[0])?;
    program.files = files;
    program.language = language.words().and_then(|name| {
        let found = language_of(context, name);
        if found.is_none() {
            let fault =
                format!("the language `{name}` is not known; the extension of the file determines the language");
            let known: Vec<&str> = LANGUAGES.iter().flat_map(|(names, _)| names.iter().copied()).collect();
            let remedy = format!("Write a language of DMOJ ({}) or an id of `cupel languages`", known.join(", "));
            language.fault(Code::LeftOut, fault, remedy);
        }
        found
    });
    if program.language.is_none() && names.iter().any(|name| name.ends_with(".cpp") || name.ends_with(".cc")) {
        program.language = context.options.languages.find(CPP).map(|language| language.id.clone());
    }
    program.flags = flags.arguments().unwrap_or_default();
    context.check_program(&program);
    Some(program)
}

/// The language of programs in C++ for which the package names none. Source: DMOJ judge-server,
/// `dmoj/utils/helper_files.py`.
const CPP: &str = "cpp20";

/// Names that DMOJ uses, and the language of each: the one with the same standard, or else with the next one. Source:
/// DMOJ judge-server, `dmoj/executors`.
const LANGUAGES: &[(&[&str], &str)] = &[
    (&["C"], "c"),
    (&["C11"], "c11"),
    (&["CPP03", "CPP11"], "cpp11"),
    (&["CPP17"], "cpp"),
    (&["CPP14"], "cpp14"),
    (&["CPP20"], "cpp20"),
    (&["CPP23"], "cpp23"),
    (&["CLANG"], "c-clang"),
    (&["CLANGX"], "cpp-clang"),
    (&["PY2"], "python2"),
    (&["PY3"], "python"),
    (&["PYPY3"], "pypy"),
    (&["JAVA", "JAVA8", "JAVA11", "JAVA17"], "java"),
    (&["KOTLIN"], "kotlin"),
    (&["SCALA"], "scala"),
    (&["GO"], "go"),
    (&["RUST"], "rust"),
    (&["PAS"], "pascal"),
    (&["HASK"], "haskell"),
    (&["OCAML"], "ocaml"),
    (&["PERL"], "perl"),
    (&["PHP"], "php"),
    (&["RUBY", "RUBY2"], "ruby"),
    (&["LUA"], "lua"),
    (&["D"], "d"),
    (&["ADA"], "ada"),
    (&["F95"], "fortran"),
    (&["MONOCS"], "csharp"),
    (&["NODEJS", "V8JS"], "javascript"),
];

/// Returns the language for a name that DMOJ uses, or for an id or alias. `None` if the name is unknown.
fn language_of(context: &Context<'_>, name: &str) -> Option<LanguageId> {
    let of_dmoj = LANGUAGES.iter().find(|(names, _)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    let id = of_dmoj.map_or(name, |(_, id)| id);
    context.options.languages.known(id).map(|language| language.id.clone())
}

/// Splits `args_format_string` into words. `None` if a quote is not closed, or if the text has a placeholder that is
/// not one of the files. Source: DMOJ judge-server, which formats the text by Python's rules, and then splits it as a
/// shell does.
fn words_of(text: &str) -> Option<Vec<String>> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let place = &rest[at..];
        let after =
            ["{input_file}", "{output_file}", "{answer_file}"].iter().find_map(|known| place.strip_prefix(known));
        rest = after?;
    }
    split_words(text)
}

/// Formats arguments as JSON; an empty map if there are none. `None` if they are nested too deep or too long, which is
/// reported.
fn json_of(args: &Reader<'_>) -> Option<String> {
    let Some(node) = args.node() else { return Some("{}".to_owned()) };
    let Some(text) = json(node, 0) else {
        let fault = format!("the arguments are nested deeper than {ARGUMENTS_DEPTH_MAX} levels");
        args.fault(Code::KeyType, fault, "Use fewer levels of lists and maps");
        return None;
    };
    if text.len() > ARGUMENTS_BYTES_MAX {
        let fault = format!("the arguments have {} bytes as JSON; the maximum is {ARGUMENTS_BYTES_MAX}", text.len());
        args.fault(Code::KeyType, fault, "Shorten them, or let the program contain the data");
        return None;
    }
    Some(text)
}

/// Formats a value of the file as JSON, for a program in Python. `None` if it is nested too deep.
fn json(node: &Node, depth: usize) -> Option<String> {
    if depth > ARGUMENTS_DEPTH_MAX {
        return None;
    }
    Some(match &node.value {
        Value::Scalar(scalar) if scalar.is_null() => "null".to_owned(),
        Value::Scalar(scalar) => match scalar.as_bool() {
            Some(value) => value.to_string(),
            None if scalar.quoted => quoted(&scalar.text),
            None => number(&scalar.text).unwrap_or_else(|| quoted(&scalar.text)),
        },
        Value::Seq(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| json(item, depth + 1)).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Map(entries) => {
            let entry = |(key, value): &(String, Node)| Some(format!("{}: {}", quoted(key), json(value, depth + 1)?));
            let entries: Option<Vec<String>> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries?.join(", "))
        }
    })
}

/// Returns a number of YAML in the form of JSON, which requires a digit on each side of a point, and forbids a plus
/// sign. `None` if the text is not a number, or has leading zeros. Sources: YAML 1.2.2, section 10.3.2; RFC 8259,
/// section 6.
fn number(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let is_exponent = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && are_digits(digits)
    };
    let has_digits = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let has_leading_zeros = whole.len() > 1 && whole.starts_with('0');
    if !has_digits
        || has_leading_zeros
        || !are_digits(whole)
        || !fraction.is_none_or(are_digits)
        || !exponent.is_none_or(is_exponent)
    {
        return None;
    }
    let or_zero = |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
    let fraction = fraction.map_or(String::new(), |fraction| format!(".{}", or_zero(fraction)));
    let exponent = exponent.map_or(String::new(), |exponent| format!("e{exponent}"));
    let number = format!("{sign}{}{fraction}{exponent}", or_zero(whole));
    // A number that Python cannot represent remains a text.
    number.parse::<f64>().is_ok_and(f64::is_finite).then_some(number)
}

/// Quotes a text for JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_of_dmoj_is_configured() {
        let languages = cupel_languages::Registry::load(None).unwrap();
        for (names, id) in LANGUAGES {
            assert!(languages.find(id).is_some_and(|language| language.id.as_str() == *id), "{names:?}");
        }
        assert!(languages.find(CPP).is_some());
    }

    #[test]
    fn a_standard_of_dmoj_is_that_of_the_language_or_an_earlier_one() {
        let of = |name: &str| LANGUAGES.iter().find(|(names, _)| names.contains(&name)).map(|(_, id)| *id);
        let standards = ["CPP03", "CPP11", "CPP14", "CPP17", "CPP20", "CPP23"].map(of);
        assert_eq!(standards.map(Option::unwrap), ["cpp11", "cpp11", "cpp14", "cpp", "cpp20", "cpp23"]);
    }

    #[test]
    fn a_format_of_arguments_names_only_files() {
        let words = |text: &str| words_of(text).map(|words| words.join("|"));
        assert_eq!(words("{input_file} -x '{answer_file} y'").as_deref(), Some("{input_file}|-x|{answer_file} y"));
        for wrong in ["{input}", "{input_file", "}", "'{input_file}", "{0}"] {
            assert_eq!(words(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn arguments_become_json() {
        let node = crate::doc::parse_yaml("a: [1, -2.5, '3', x\"y, true, null, 007, 1.]\nb: {c: \"\\t\"}\n").unwrap();
        let expected = "{\"a\": [1, -2.5, \"3\", \"x\\\"y\", true, null, \"007\", 1.0], \"b\": {\"c\": \"\\u0009\"}}";
        assert_eq!(json(&node, 0).as_deref(), Some(expected));
    }

    #[test]
    fn numbers_get_the_form_of_json() {
        for (text, expected) in [
            ("0", Some("0")),
            ("-0.5", Some("-0.5")),
            ("1.e5", Some("1.0e5")),
            ("1.E-5", Some("1.0e-5")),
            ("1e+5", Some("1e+5")),
            ("1.", Some("1.0")),
            (".5", Some("0.5")),
            ("-.5e1", Some("-0.5e1")),
            ("+7", Some("7")),
            ("007", None),
            ("00.5", None),
            (".", None),
            ("-", None),
            ("", None),
            ("e5", None),
            (".e5", None),
            ("1e", None),
            ("1e+", None),
            ("1e5.0", None),
            ("1.2.3", None),
            ("--1", None),
            ("1e999", None),
            ("1_000", None),
            ("0x10", None),
            (".inf", None),
            ("nan", None),
            ("١", None),
        ] {
            assert_eq!(number(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn deeply_nested_arguments_have_no_json() {
        let nested = |depth: usize| crate::doc::parse_yaml(&("[".repeat(depth) + "1" + &"]".repeat(depth))).unwrap();
        assert_eq!(json(&nested(8), 0).as_deref(), Some("[[[[[[[[1]]]]]]]]"));
        assert_eq!(json(&nested(9), 0), None);
    }
}
