//! `/submit`, `/get_prompts` and the other data-set routes, for data that the request contains (`provided_data`).
//!
//! The original can also read rows from its database. Cupel stores no data sets. There are two formats: a program that
//! is tested with inputs and outputs (`CommonOJDataset`), and code that is inserted into a test (`AutoEvalDataset`).

mod auto_eval;
mod compare;
mod extract;
mod go;
mod java;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cupel_core::{Bounds, Idempotency};
use cupel_http::app::Shared;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_http::idempotency::for_part;
use cupel_http::large_answer;
use cupel_http::notes::Notes;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::languages::{self, Named};
use super::model::{Reader, Refused, object};
use super::python::with_escaped_controls;
use super::request::RunCode;
use super::response::{RunCodeResponse, RunStatus};
use super::run::{
    BYTES_PER_BYTE, HELD_MAX, Prepared, UNFINISHED, deadline_of, lateness, prepare, response_at_deadline, response_of,
};
use crate::execute::{Ended, RateWait, Refusal, Run, Submit, execute_within_rate};
use compare::is_equal;
use extract::{ExtractedType, extract};

/// Number of cases of one request that run at the same time.
const CASES_AT_A_TIME: usize = 3;

/// Maximum number of attempts to run a case if the sandbox fails.
const ATTEMPTS: usize = 5;

/// Default time limit of compilers and of compiled programs of `CommonOJDataset`, in seconds.
const COMPILED_SECONDS: f64 = 10.0;

/// Default time limit of other programs of `CommonOJDataset`, in seconds.
const INTERPRETED_SECONDS: f64 = 20.0;

/// Maximum number of bytes of each stream of a case in the response. The original's maximum is about the same.
const STREAM_BYTES: usize = 200 << 10;

/// Maximum number of characters of each text of a passed case, unless the request asks for the whole case.
const TEXT_CHARACTERS: usize = 1000;

/// A refusal: the status and `detail`.
#[derive(Debug, PartialEq)]
pub(super) enum Unprocessed {
    Refused(Refused),
    Detail(StatusCode, String),
}

impl From<Refused> for Unprocessed {
    fn from(refused: Refused) -> Unprocessed {
        Unprocessed::Refused(refused)
    }
}

fn bad(detail: impl Into<String>) -> Unprocessed {
    Unprocessed::Detail(StatusCode::BAD_REQUEST, detail.into())
}

/// The formats of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    CommonOj,
    AutoEval,
}

/// A request of any of the routes.
#[derive(Debug)]
pub(super) struct Request {
    config: Map<String, Value>,
    timeouts: Timeouts,
    format: Format,
    id: Value,
    completion: String,
    offset: usize,
    limit: usize,
}

/// The time limits of the configuration, in seconds. `None`: the default of the format applies.
#[derive(Clone, Copy, Debug, Default)]
struct Timeouts {
    compile: Option<f64>,
    run: Option<f64>,
}

/// A route of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    ListIds,
    GetPrompts,
    GetPromptById,
    Submit,
    GetMetrics,
    GetMetricsFunction,
}

/// Parses a body with this content type, for this route.
pub(super) fn parse(route: Route, content_type: Option<&str>, body: &[u8]) -> Result<Request, Unprocessed> {
    let body = object(content_type, body)?;
    let mut reader = Reader::new(&body);
    let dataset = reader.required_string("dataset");
    let (mut id, mut completion) = (Some(Value::Null), Some(String::new()));
    if matches!(route, Route::GetPromptById | Route::Submit) {
        id = match reader.get("id") {
            Some(value) if value.is_i64() || value.is_u64() || value.is_string() => Some(value.clone()),
            Some(value) => {
                reader.add("string_type", &["id".into()], "Input should be a valid string", value);
                None
            }
            None => reader.missing("id"),
        };
    }
    if route == Route::Submit {
        completion = reader.required_string("completion");
    }
    let config = match reader.get("config") {
        Some(config) => {
            let timeouts = reader.model(&["config".into()], config, test_config);
            config.as_object().cloned().zip(timeouts)
        }
        None => reader.missing("config"),
    };
    if route == Route::GetMetrics {
        match reader.get("results") {
            Some(Value::Array(results)) => {
                for (at, result) in results.iter().enumerate() {
                    reader.model(&["results".into(), at.into()], result, eval_result);
                }
            }
            Some(other) => reader.add("list_type", &["results".into()], "Input should be a valid list", other),
            None => reader.missing::<()>("results").unwrap_or_default(),
        }
    }
    let number = |number: Option<f64>, default: usize| number.map_or(default, |number| number.max(0.0) as usize);
    let (offset, limit) = match route {
        Route::ListIds | Route::GetPrompts => (reader.integer("offset"), reader.integer("limit")),
        _ => (None, None),
    };
    let (offset, limit) = (number(offset, 0), number(limit, 1_000_000));
    let model = dataset.zip(config).zip(id).zip(completion);
    let (((dataset, (config, timeouts)), id), completion) = reader.finish(model)?;
    let format = match config.get("dataset_type").and_then(Value::as_str) {
        Some("CommonOJDataset") => Format::CommonOj,
        Some("AutoEvalDataset") => Format::AutoEval,
        Some(other) => return Err(bad(format!("eval class {other} not found"))),
        None => return Err(bad(format!("no eval class found for dataset {dataset}"))),
    };
    if config.get("custom_extract_logic").is_some_and(|logic| !logic.is_null()) {
        return Err(bad(
            "config.custom_extract_logic is not supported: this server runs no code of a request outside the sandbox",
        ));
    }
    Ok(Request { config, timeouts, format, id, completion, offset, limit })
}

/// Checks the fields of the model `TestConfig`, all of which are optional.
fn test_config(reader: &mut Reader<'_>) -> Timeouts {
    for field in ["dataset_type", "language", "locale"] {
        reader.optional_string(field);
    }
    if let Some(value) = reader.optional("is_fewshot") {
        reader.boolean("is_fewshot", value);
    }
    let (compile, run) = (reader.optional_float("compile_timeout"), reader.optional_float("run_timeout"));
    reader.optional_string("custom_extract_logic");
    if let Some(data) = reader.optional("provided_data") {
        provided_data(reader, data);
    }
    reader.optional_dictionary("extra");
    // Python treats zero like an absent value.
    let unless_zero = |seconds: Option<f64>| seconds.filter(|seconds| *seconds != 0.0);
    Timeouts { compile: unless_zero(compile), run: unless_zero(run) }
}

/// Checks rows: a list of objects, or one object. For a value that is neither, pydantic reports the validation errors
/// of both.
fn provided_data(reader: &mut Reader<'_>, data: &Value) {
    const LIST: &str = "list[dict[str,any]]";
    const NO_DICTIONARY: &str = "Input should be a valid dictionary";
    match data {
        Value::Object(_) => return,
        Value::Array(rows) if rows.iter().all(Value::is_object) => return,
        Value::Array(rows) => {
            for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_object()) {
                reader.add("dict_type", &["provided_data".into(), LIST.into(), at.into()], NO_DICTIONARY, row);
            }
        }
        other => {
            let place = ["provided_data".into(), LIST.into()];
            reader.add("list_type", &place, "Input should be a valid list", other);
        }
    }
    reader.add("dict_type", &["provided_data".into(), "dict[str,any]".into()], NO_DICTIONARY, data);
}

/// Checks the fields of the model `EvalResult`, the form of the response of `/submit`.
fn eval_result(reader: &mut Reader<'_>) {
    match reader.get("id") {
        Some(id) if id.is_i64() || id.is_u64() || id.is_string() => {}
        Some(id) => reader.add("string_type", &["id".into()], "Input should be a valid string", id),
        None => reader.missing::<()>("id").unwrap_or_default(),
    }
    reader.required_boolean("accepted");
    reader.required_string("extracted_code");
    reader.optional_string("full_code");
    reader.optional_string("test_code");
    match reader.get("tests") {
        Some(Value::Array(tests)) => {
            for (at, test) in tests.iter().enumerate() {
                reader.model(&["tests".into(), at.into()], test, |test| {
                    test.required_boolean("passed");
                    match test.get("exec_info") {
                        Some(info) => {
                            test.model(&["exec_info".into()], info, |_| ());
                        }
                        None => test.missing::<()>("exec_info").unwrap_or_default(),
                    }
                    test.optional_dictionary("test_info");
                });
            }
        }
        Some(other) => reader.add("list_type", &["tests".into()], "Input should be a valid list", other),
        None => reader.missing::<()>("tests").unwrap_or_default(),
    }
    reader.optional_string("extracted_type");
    reader.optional_dictionary("extra");
}

impl Request {
    /// The only row of the request.
    fn row(&self) -> Result<&Map<String, Value>, Unprocessed> {
        match self.config.get("provided_data") {
            Some(Value::Object(row)) => Ok(row),
            None | Some(Value::Null) => Err(no_data()),
            Some(_) => Err(bad("request.config.provided_data should be a dict with the columns of a row")),
        }
    }

    /// The rows of the request.
    fn rows(&self) -> Result<Vec<&Map<String, Value>>, Unprocessed> {
        match self.config.get("provided_data") {
            Some(Value::Array(rows)) => {
                let rows: Option<Vec<_>> = rows.iter().map(Value::as_object).collect();
                let rows = rows.ok_or_else(|| bad("request.config.provided_data should be a list of dict"))?;
                Ok(rows.into_iter().skip(self.offset).take(self.limit).collect())
            }
            None | Some(Value::Null) => Err(no_data()),
            Some(_) => Err(bad("request.config.provided_data should be a list of dict")),
        }
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.config.get(field).and_then(Value::as_str)
    }

    /// The language of the configuration, in which programs of `CommonOJDataset` are written.
    fn language(&self) -> Result<Named, Unprocessed> {
        let Some(name) = self.text("language") else {
            return Err(bad("config.language field must exist for CommonOJDataset, got None"));
        };
        languages::find(name).ok_or_else(|| bad(format!("config.language {name} is not supported")))
    }

    fn prompt(&self, row: &Map<String, Value>) -> Result<Value, Unprocessed> {
        let content = row.get("content").and_then(Value::as_str).unwrap_or_default();
        let prompt = match self.format {
            Format::CommonOj => {
                let instruction = instruction(self.text("locale").unwrap_or("en"), self.language()?);
                format!("{content}\n\n{instruction}")
            }
            Format::AutoEval => content.to_owned(),
        };
        let labels = row.get("labels").map_or_else(|| json!({}), |labels| parsed(labels).unwrap_or_default());
        Ok(json!({ "id": row.get("id"), "prompt": prompt, "labels": labels }))
    }

    /// A value of `config.extra`, if it is present. The model has no type for the values.
    fn extra(&self, field: &str) -> Option<&Value> {
        self.config.get("extra")?.get(field)
    }

    /// Whether Python treats this value of `config.extra` as true.
    fn is_on(&self, field: &str) -> bool {
        self.extra(field).is_some_and(is_true)
    }

    /// A program, with the time limits of the request or, if absent, with these.
    fn run_code(&self, language: Named, code: String, (compile, run): (f64, f64)) -> RunCode {
        RunCode {
            compile_timeout: self.timeouts.compile.unwrap_or(compile),
            run_timeout: self.timeouts.run.unwrap_or(run),
            memory_limit_mib: -1.0,
            code,
            stdin: String::new(),
            language,
            files: Vec::new(),
            fetch_files: Vec::new(),
        }
    }
}

/// Whether Python treats the value as true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_true) => *is_true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

fn no_data() -> Unprocessed {
    bad("this server stores no data sets: send the rows as config.provided_data")
}

/// A value that the request contains as JSON or as a string with JSON text. `None`: the text is not JSON.
fn parsed(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(&with_escaped_controls(text)).ok(),
        other => Some(other.clone()),
    }
}

/// The sentence after the text of a problem.
fn instruction(locale: &str, language: Named) -> String {
    let name = match language.name {
        "cpp" => "C++",
        "python" => "Python",
        "java" => "Java",
        other => other,
    };
    match locale {
        "zh" => format!(
            "请用 {name} 编写程序解决上述问题，从标准输入读取数据，并将结果写到标准输出。把代码放在 ``` 代码块中。"
        ),
        _ => format!(
            "Solve the problem with a program in {name} that reads standard input and writes standard output. Put the code between lines \
             with ```."
        ),
    }
}

/// A test of a completion.
#[derive(Debug, Serialize)]
struct TestResult {
    passed: bool,
    exec_info: RunCodeResponse,
    test_info: Option<Value>,
}

/// The response of `/submit`.
#[derive(Debug, Serialize)]
struct EvalResult {
    id: Value,
    accepted: bool,
    extracted_code: String,
    full_code: Option<String>,
    test_code: Option<String>,
    tests: Vec<TestResult>,
    extracted_type: ExtractedType,
    extra: Option<Value>,
}

/// Responds to a request.
pub(super) async fn respond(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    route: Route,
    request: Request,
    idempotency: Option<Idempotency>,
) -> Result<Result<Response, Unprocessed>, ApiError> {
    let document = match route {
        Route::Submit => return submit(app, caller, notes, request, idempotency).await,
        Route::GetPromptById => request.row().and_then(|row| request.prompt(row)),
        Route::GetPrompts => request
            .rows()
            .and_then(|rows| rows.into_iter().map(|row| request.prompt(row)).collect::<Result<Vec<_>, _>>())
            .map(Value::from),
        Route::ListIds => {
            request.rows().map(|rows| rows.into_iter().map(|row| row.get("id").cloned().unwrap_or_default()).collect())
        }
        Route::GetMetrics => Ok(json!({})),
        Route::GetMetricsFunction => Ok(json!({ "function": null })),
    };
    Ok(document.map(|document| Json(document).into_response()))
}

/// Extracts the code of a completion, and tests it.
async fn submit(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    request: Request,
    idempotency: Option<Idempotency>,
) -> Result<Result<Response, Unprocessed>, ApiError> {
    let job = match Job::of(&request, app.core.bounds()) {
        Ok(job) => job,
        Err(unprocessed) => return Ok(Err(unprocessed)),
    };
    let stops = !request.is_on("run_all_cases");
    let (mut tests, mut made) = (Vec::new(), Vec::new());
    let rate_wait = RateWait::new(Instant::now() + HELD_MAX);
    let mut runs = Vec::with_capacity(job.cases.len());
    for (place, case) in job.cases.iter().enumerate() {
        let idempotency = idempotency.as_ref().map(|whole| (whole, place));
        runs.push(run_case(app, caller, notes, &rate_wait, &case.program, idempotency));
    }
    let mut runs = futures_util::stream::iter(runs).buffered(CASES_AT_A_TIME);
    for case in &job.cases {
        let Some(ended) = runs.next().await else { break };
        let (result, run) = match ended? {
            Ok(ended) => ended,
            Err(reason) => {
                let what = match request.format {
                    Format::CommonOj => "Failed to check stdio test case",
                    Format::AutoEval => "failed to request sandbox",
                };
                let detail = format!("{what}: {reason}");
                return Ok(Err(Unprocessed::Detail(StatusCode::INTERNAL_SERVER_ERROR, detail)));
            }
        };
        made.extend(run);
        let passed = case.is_passed_by(&result);
        let info = case.info.clone();
        let test_info = if passed && !request.is_on("return_full_case") { info.map(shortened) } else { info };
        tests.push(TestResult { passed, exec_info: cut(result), test_info });
        if !passed && stops {
            break;
        }
    }
    drop(runs);
    let result = EvalResult {
        id: request.id.clone(),
        accepted: tests.iter().all(|test| test.passed),
        extracted_code: job.code,
        full_code: job.full_code,
        test_code: None,
        tests,
        extracted_type: job.extracted_type,
        extra: None,
    };
    let bytes = result.tests.iter().map(|test| bytes_of(&test.exec_info)).sum();
    let mut response = large_answer::json(app, caller.user, bytes, BYTES_PER_BYTE, move || result).await?;
    Run::mark(&made, &mut response);
    Ok(Ok(response))
}

/// The tests of a completion.
struct Job {
    code: String,
    full_code: Option<String>,
    extracted_type: ExtractedType,
    cases: Vec<Case>,
}

struct Case {
    program: RunCode,
    expected: Expected,
    info: Option<Value>,
}

/// What a program that exits with 0 must print.
#[derive(Debug)]
enum Expected {
    /// This text, by the rules of `compare.rs`.
    Output(String),
    /// This text, anywhere in its output.
    Part(String),
    Anything,
}

impl Job {
    /// The tests of a request; an error if there are more than `cases_max` cases.
    fn of(request: &Request, bounds: &Bounds) -> Result<Job, Unprocessed> {
        let row = request.row()?;
        match request.format {
            Format::CommonOj => common_oj(request, row, bounds.tests_max),
            Format::AutoEval => auto_eval::job(request, row, bounds),
        }
    }
}

/// The tests of a row of `CommonOJDataset`: a program with inputs and outputs.
fn common_oj(request: &Request, row: &Map<String, Value>, cases_max: usize) -> Result<Job, Unprocessed> {
    let language = request.language()?;
    let (code, extracted_type) = extract(&request.completion, language.name);
    let Some(Value::Array(listed)) = row.get("test").and_then(parsed) else {
        return Err(bad("the column test should be a list of cases"));
    };
    if listed.len() > cases_max {
        let detail = format!("the column test has {} cases; the maximum is {cases_max}", listed.len());
        return Err(bad(detail));
    }
    let of_run = if matches!(language.name, "cpp" | "go" | "java") { COMPILED_SECONDS } else { INTERPRETED_SECONDS };
    let case = |case: Value| {
        let text = |part: &str, stream: &str| {
            case.get(part).and_then(|part| part.get(stream)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let program = request.run_code(language, code.clone(), (COMPILED_SECONDS, of_run));
        let program = RunCode { stdin: text("input", "stdin"), ..program };
        Case { program, expected: Expected::Output(text("output", "stdout")), info: Some(case) }
    };
    let cases = listed.into_iter().map(case).collect();
    Ok(Job { code, full_code: None, extracted_type, cases })
}

impl Case {
    fn is_passed_by(&self, run: &RunCodeResponse) -> bool {
        let stdout = run.run_result.as_ref().and_then(|result| result.stdout.as_deref()).unwrap_or_default();
        let is_expected = match &self.expected {
            Expected::Output(output) => is_equal(stdout, output),
            Expected::Part(part) => stdout.contains(part),
            Expected::Anything => true,
        };
        run.status == RunStatus::Success && is_expected
    }
}

/// Runs a case. Returns the reason if the sandbox fails in every attempt. `idempotency`: that of the request, and the
/// number of the case.
async fn run_case(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    rate_wait: &RateWait,
    program: &RunCode,
    idempotency: Option<(&Idempotency, usize)>,
) -> Result<Result<(RunCodeResponse, Option<Run>), String>, ApiError> {
    let mut reason = String::new();
    for attempt in 0..ATTEMPTS {
        let (response, run) = match prepare(app, notes, program) {
            Prepared::Response(response) => (response, None),
            Prepared::Run(new) => {
                // Each attempt is a separate submission.
                let idempotency = || idempotency.map(|(whole, place)| for_part(whole, &format!("{place} {attempt}")));
                let submit =
                    || Submit { new: &new, idempotency: idempotency(), deadline: deadline_of(program), held: None };
                match execute_within_rate(app, caller, notes, rate_wait, submit).await {
                    Ok(Ended::Finished(run, record)) => {
                        let failed = || RunCodeResponse::sandbox_error(&program.code, UNFINISHED);
                        (record.report.as_ref().map_or_else(failed, |report| response_of(program, report)), Some(run))
                    }
                    Ok(Ended::TooLate(reached)) => match response_at_deadline(program, reached) {
                        Some(response) => (response, None),
                        None => return Ok(Err(format!("{}; send it again later", lateness(reached)))),
                    },
                    Err(Refusal::Program(error)) => (RunCodeResponse::sandbox_error(&program.code, &error), None),
                    Err(Refusal::Failed(error)) => return Err(error),
                }
            }
        };
        if response.status != RunStatus::SandboxError {
            return Ok(Ok((response, run)));
        }
        reason = response.message;
        if run.is_none() {
            // The same request would be refused again.
            break;
        }
    }
    Ok(Err(reason))
}

/// The result with streams of bounded size.
fn cut(mut response: RunCodeResponse) -> RunCodeResponse {
    for result in [&mut response.compile_result, &mut response.run_result].into_iter().flatten() {
        for text in [&mut result.stdout, &mut result.stderr].into_iter().flatten() {
            text.truncate(text.floor_char_boundary(STREAM_BYTES));
        }
    }
    response
}

fn bytes_of(response: &RunCodeResponse) -> usize {
    let results = response.compile_result.iter().chain(&response.run_result);
    results.flat_map(|result| result.stdout.iter().chain(&result.stderr)).map(String::len).sum()
}

/// The value with long texts shortened in the middle.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > TEXT_CHARACTERS => {
            let half = TEXT_CHARACTERS / 2;
            let begin: String = text.chars().take(half).collect();
            let end: Vec<char> = text.chars().rev().take(half).collect();
            Value::String(format!("{begin}...{}", end.into_iter().rev().collect::<String>()))
        }
        Value::Array(list) => list.into_iter().map(shortened).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, shortened(value))).collect(),
        other => other,
    }
}
