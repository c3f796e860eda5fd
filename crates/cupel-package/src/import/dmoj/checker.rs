//! Checkers and interactors of DMOJ.

use super::super::Context;
use crate::doc::Reader;
use crate::finding::Code;
use cupel_problem::{Checker, Comparison, ErrorMode, JudgeProgram, OrderOf, ProgramFile, Protocol};

/// Reads `checker`: a name, a file, or a map of name and arguments.
pub(super) fn checker_of(context: &Context<'_>, reader: &Reader<'_>, binary: bool) -> Option<Checker> {
    let (name, args) = match reader.is_map() {
        true => (reader.get("name"), reader.get("args")),
        false => (reader.clone(), reader.get("args")),
    };
    let builtin = |comparison| Some(Checker::Builtin(comparison));
    let normalize_newlines = !binary;
    match name.text().unwrap_or("standard") {
        "standard" => builtin(Comparison::TokensByLine),
        "identical" | "identical_with_pe" => builtin(Comparison::Exact { normalize_newlines }),
        "rstripped" => builtin(Comparison::TrimmedLines),
        "easy" => builtin(Comparison::Characters),
        "linecount" => builtin(Comparison::LineCount { exact: false }),
        "sorted" => builtin(Comparison::Unordered(match args.get("split_on").text() {
            Some("whitespace") => OrderOf::Tokens,
            _ => OrderOf::Lines,
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
        file if file.ends_with(".py") => {
            let fault = format!("the checker `{file}` is Python code that runs inside DMOJ");
            name.fault(Code::UnsupportedPython, fault, "Use a checker of the type `bridged`");
            None
        }
        other => {
            let known = "standard, identical, rstripped, easy, linecount, sorted, unordered, floats and bridged";
            name.fault(
                Code::KeyType,
                format!("the checker `{other}` is not supported"),
                format!("Supported are {known}"),
            );
            None
        }
    }
}

/// Reads a program with `files`, `lang` and `type`: the checker `bridged` or an interactor.
pub(super) fn bridged(context: &Context<'_>, reader: &Reader<'_>) -> Option<JudgeProgram> {
    let names: Vec<String> =
        reader.get("files").one_or_more().iter().filter_map(|one| one.words().map(str::to_owned)).collect();
    if names.is_empty() {
        reader.get("files").missing("the sources of the program");
        return None;
    }
    let mut files: Vec<ProgramFile> = Vec::new();
    for name in &names {
        match context.program_file(name.rsplit('/').next().unwrap_or(name), name) {
            Some(file) => files.push(file),
            None => {
                let fault = format!("the file `{name}` does not exist");
                reader.get("files").fault(Code::FileMissing, fault, "Add it, or correct the name");
                return None;
            }
        }
    }
    let mut program = context.program(&names[0])?;
    program.files = files;
    // DMOJ's language names contain standards and versions: CPP17, PY3. If a name is unknown, the file extension decides.
    let language =
        reader.get("lang").words().map(|name| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase());
    let language = language.and_then(|name| context.options.languages.find(&name));
    program.language = language.map(|language| language.id.clone());
    context.check_program(&program);
    for flag in reader.get("flags").one_or_more().iter().filter_map(Reader::text) {
        // Cupel itself chooses optimisation and warnings. A flag that changes the meaning of the program is refused.
        if !["-O", "-W", "-g", "-std="].iter().any(|harmless| flag.starts_with(harmless)) {
            let fault = format!("the compiler flag `{flag}` is not supported");
            reader.get("flags").fault(Code::Unsupported, fault, "Put its effect into the source");
            return None;
        }
    }
    let protocol = match reader.get("type").text() {
        None | Some("default") => Protocol::DmojDefault,
        Some("testlib") => Protocol::DmojTestlib,
        Some("coci") => Protocol::Coci,
        Some("peg") => Protocol::Peg,
        Some(other) => {
            let fault = format!("the type `{other}` is not supported");
            reader.get("type").fault(Code::KeyType, fault, "Supported are default, testlib, coci and peg");
            return None;
        }
    };
    for key in ["args_format_string", "args"] {
        if reader.get(key).is_some() {
            let remedy = "Remove the key, and read the arguments in the order of the type";
            reader.get(key).fault(Code::Unsupported, "custom argument orders are not supported", remedy);
            return None;
        }
    }
    Some(JudgeProgram { program, protocol, args: Vec::new() })
}
