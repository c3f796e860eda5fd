//! Rows of `AutoEvalDataset`: the code of a completion runs together with a test, and passes if the program exits with
//! 0.
//!
//! Source: `sandbox/datasets/auto_eval.py` of the original.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_core::Bounds;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::extract::{Choice, ExtractedType, free_form, java_sources};
use super::java::java_files;
use super::{Case, Expected, Job, Request, Unprocessed, bad, check_size, column, go, parsed};
use crate::sandboxfusion::languages::{self, Named};
use crate::sandboxfusion::python::literal;
use crate::sandboxfusion::request::RunCode;

/// Position in a test at which the code is inserted.
const INSERT: &str = "#<INSERT>";

/// Beginning of the main part of a program in Python, which is not run if the test follows the code.
const MAIN_PART: &str = "if __name__ ==";

/// The language whose tests run in JUnit.
const JAVA: &str = "java";

/// The language whose code is a file that the test reads.
const HTML: &str = "html";

/// Default time limits of the compiler and of the program, in seconds.
const SECONDS: (f64, f64) = (40.0, 20.0);

/// Creates the job that tests the completion with the test of a row.
pub(super) fn job(request: &Request, mut row: Map<String, Value>, bounds: &Bounds) -> Result<Job, Unprocessed> {
    let test = column(&mut row, "test")?.unwrap_or_default();
    let Some(test_code) = test.get("code").and_then(Value::as_str) else {
        return Err(bad("the column test should be a dict with the text code"));
    };
    let assets = assets(test.get("asset"))?;
    let labels = column(&mut row, "labels")?.unwrap_or_default();
    let label = |field: &str| labels.get(field).and_then(Value::as_str);
    let Some(code_language) = label("programming_language") else {
        return Err(bad("the column labels should be a dict with the text programming_language"));
    };
    let choice = choice(request)?;
    let test_language =
        if code_language == JAVA { "junit" } else { label("execution_language").unwrap_or(code_language) };
    let Some(language) = languages::find(test_language) else {
        return Err(bad(format!("the label execution_language {test_language:?} is not supported")));
    };
    if code_language == JAVA {
        return java_job(request, language, test_code, assets, bounds);
    }
    let (code, extracted_type) = free_form(&request.completion, code_language, choice);
    if code_language != HTML {
        check_size(&code, "the code of the completion", bounds)?;
    }
    let Assembled { program, assets } = Assembled::of(request, code_language, &code, test_code, assets);
    let program = if matches!(language.name, "go" | "go_test") { go::merged(&program) } else { program };
    let (full_code, expected) = match request.is_on("append_flag") && language.name == "python" {
        true => with_flag(&program),
        false => (program, Expected::Anything),
    };
    check_size(&full_code, "the program of the code and the test", bounds)?;
    let program = RunCode { files: assets, ..request.run_code(language, full_code.clone(), SECONDS) };
    Ok(of_one_case(code, full_code, extracted_type, program, expected))
}

fn of_one_case(
    code: String,
    full_code: String,
    extracted_type: ExtractedType,
    program: RunCode,
    expected: Expected,
) -> Job {
    Job { program, code, full_code: Some(full_code), extracted_type, cases: vec![Case { expected, info: None }] }
}

/// Creates the job of a row in Java: the classes of the completion and of the test are files of a program without a
/// source.
fn java_job(
    request: &Request,
    junit: Named,
    test_code: &str,
    mut files: Vec<(String, String)>,
    bounds: &Bounds,
) -> Result<Job, Unprocessed> {
    let sources = java_sources(&request.completion);
    let classes = java_files(sources.iter().map(String::as_str).chain([test_code]), bounds).map_err(bad)?;
    let full_code = classes.iter().map(|(path, text)| format!("// {path}\n\n{text}\n\n")).collect();
    let paths: HashSet<&str> = classes.iter().map(|(path, _)| path.as_str()).collect();
    files.retain(|(path, _)| !paths.contains(path.as_str()));
    files.extend(classes.iter().map(|(path, text)| (path.clone(), BASE64_STANDARD.encode(text))));
    let program = RunCode { files, ..request.run_code(junit, String::new(), SECONDS) };
    let kind = if sources.is_empty() { ExtractedType::Empty } else { ExtractedType::Fenced };
    Ok(of_one_case(sources.join("\n\n"), full_code, kind, program, Expected::Anything))
}

/// A program with its files.
struct Assembled {
    program: String,
    assets: Vec<(String, String)>,
}

impl Assembled {
    /// Joins the code and the test: the code replaces the mark in the test or, if there is none, precedes the test.
    fn of(
        request: &Request,
        code_language: &str,
        code: &str,
        test_code: &str,
        mut assets: Vec<(String, String)>,
    ) -> Assembled {
        let as_sent = |code: &str| if request.is_on("repr_code") { literal(code) } else { code.to_owned() };
        let mut around = test_code.split(INSERT);
        let before = around.next().unwrap_or_default();
        let program = match around.next() {
            // As in the original, a second mark ends the test.
            Some(after) => format!("{before}{}{after}", as_sent(code)),
            None if code_language == HTML => {
                // The test reads the code from a file.
                let path = "index.html".to_owned();
                assets.retain(|(known, _)| *known != path);
                assets.push((path, BASE64_STANDARD.encode(code)));
                test_code.to_owned()
            }
            None => {
                let code = code.split_once(MAIN_PART).map_or(code, |(before, _)| before);
                format!("{}\n{test_code}", as_sent(code))
            }
        };
        Assembled { program, assets }
    }
}

/// Appends a statement that prints a secret to a program in Python, so that code that ends the process before the test
/// does not pass. The secret depends only on the program: with an idempotency key, a repeated request gets the first
/// result.
fn with_flag(program: &str) -> (String, Expected) {
    let digest = Sha256::new().chain_update("append_flag\n").chain_update(program).finalize();
    let flag: String = digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    (format!("{program}\n\nprint(\"{flag}\")"), Expected::Part(flag))
}

/// Which parts of the completion are the code.
fn choice(request: &Request) -> Result<Choice, Unprocessed> {
    let of_mode = match request.extra("autoeval_extract_code_mode") {
        None => Choice::First,
        Some(mode) => match mode.as_str() {
            Some("first") => Choice::First,
            Some("all") => Choice::All,
            _ => return Err(bad(format!("Invalid autoeval_extract_code_mode: {mode}"))),
        },
    };
    Ok(match request.extra("code_block_idx") {
        None | Some(Value::Null) => of_mode,
        // In Python, booleans are integers.
        Some(Value::Bool(index)) => Choice::At(Some(i64::from(*index))),
        Some(index) => Choice::At(index.as_i64()),
    })
}

/// The files of a test: path and base64 of each.
fn assets(sent: Option<&Value>) -> Result<Vec<(String, String)>, Unprocessed> {
    let sent = match sent {
        Some(files @ (Value::Object(_) | Value::String(_))) => parsed(files.clone())?,
        _ => return Ok(Vec::new()),
    };
    let Some(Value::Object(files)) = sent else {
        return Err(bad("the value asset of the column test should be a dict"));
    };
    let mut assets = Vec::with_capacity(files.len());
    for (path, content) in files {
        match content {
            Value::String(content) => assets.push((path, content)),
            Value::Null => {}
            _ => return Err(bad(format!("the file {path:?} of the value asset should be base64"))),
        }
    }
    Ok(assets)
}
