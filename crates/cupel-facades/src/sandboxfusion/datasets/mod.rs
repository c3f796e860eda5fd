//! `/submit`, `/get_prompts` and the other data-set routes, for data that the request contains (`provided_data`).
//!
//! The original can also read rows from its database. Cupel stores no data sets. There are two formats: a program that
//! is tested with inputs and outputs (`CommonOJDataset`), and code that is inserted into a test (`AutoEvalDataset`).
//!
//! *Invariant:* cases may run for an hour. Meanwhile, a request keeps only the data that its remaining cases and its
//! response need, and the memory for these data is reserved: for the cases, as JSON text, in the budget for bodies; for
//! the streams of the cases that have ended, in the budget for responses.

mod auto_eval;
mod compare;
mod extract;
mod go;
mod java;

use std::borrow::Cow;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cupel_core::{Bounds, Idempotency};
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_http::idempotency::for_part;
use cupel_http::large_answer::{self, SMALL_BYTES};
use cupel_http::notes::Notes;
use cupel_types::{Bytes, RunReport, UserId};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::languages::{self, Named};
use super::model::{Reader, Refused, object};
use super::python::with_escaped_controls;
use super::request::RunCode;
use super::response::{RunCodeResponse, RunStatus, begin};
use super::run::{
    BYTES_PER_BYTE, HELD_MAX, Prepared, UNFINISHED, deadline_of, lateness, prepare, response_at_deadline, response_of,
};
use crate::bounded_json::{self, Unparsed, VALUES_MAX};
use crate::execute::{Ended as Executed, Reached, Refusal, Run, Submit, Waits, execute_within_rate};
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

/// Maximum number of rows in a response.
const ROWS_MAX: usize = 10_000;

/// Maximum number of bytes of `detail`, which may repeat a text of the request.
const DETAIL_BYTES_MAX: usize = 4 << 10;

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
    let detail: String = detail.into();
    Unprocessed::Detail(StatusCode::BAD_REQUEST, begin(&detail, DETAIL_BYTES_MAX).to_owned())
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
    let mut body = object(content_type, body)?;
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
    let timeouts = match reader.get("config") {
        Some(config) => reader.model(&["config".into()], config, test_config),
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
    let model = dataset.zip(timeouts).zip(id).zip(completion);
    let (((dataset, timeouts), id), completion) = reader.finish(model)?;
    let Some(Value::Object(config)) = body.remove("config") else { return Err(bad("config should be a dict")) };
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
    /// Takes the only row out of the request.
    fn row(&mut self) -> Result<Map<String, Value>, Unprocessed> {
        match self.config.remove("provided_data") {
            Some(Value::Object(row)) => Ok(row),
            None | Some(Value::Null) => Err(no_data()),
            Some(_) => Err(bad("request.config.provided_data should be a dict with the columns of a row")),
        }
    }

    /// Takes the rows out of the request.
    fn rows(&mut self) -> Result<Vec<Map<String, Value>>, Unprocessed> {
        match self.config.remove("provided_data") {
            Some(Value::Array(rows)) => {
                let count = rows.len().saturating_sub(self.offset).min(self.limit);
                if count > ROWS_MAX {
                    return Err(bad(format!(
                        "request.config.provided_data has {count} rows; the maximum is {ROWS_MAX}: send fewer rows, or \
                         set offset and limit"
                    )));
                }
                // Parsing has refused rows that are not objects.
                let row = |row| if let Value::Object(row) = row { Some(row) } else { None };
                Ok(rows.into_iter().skip(self.offset).take(self.limit).filter_map(row).collect())
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

    /// What follows the text of a problem in its prompt.
    fn suffix(&self) -> Result<String, Unprocessed> {
        Ok(match self.format {
            Format::CommonOj => {
                format!("\n\n{}", instruction(self.text("locale").unwrap_or("en"), self.language()?))
            }
            Format::AutoEval => String::new(),
        })
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

/// Takes a column out of a row. Its value is JSON, or a string with JSON text. `None`: it is absent, or the text is not
/// JSON.
fn column(row: &mut Map<String, Value>, name: &str) -> Result<Option<Value>, Unprocessed> {
    row.remove(name).map_or(Ok(None), parsed)
}

fn parsed(value: Value) -> Result<Option<Value>, Unprocessed> {
    match value {
        Value::String(text) => parsed_text(&text),
        other => Ok(Some(other)),
    }
}

/// The value of a JSON text. `None`: it is not JSON.
fn parsed_text(text: &str) -> Result<Option<Value>, Unprocessed> {
    match bounded_json::parse(&with_escaped_controls(text), VALUES_MAX) {
        Ok(value) => Ok(Some(value)),
        Err(Unparsed::Syntax(_)) => Ok(None),
        Err(Unparsed::TooManyValues) => {
            Err(bad(format!("the JSON text of a column has more than {VALUES_MAX} values: send less")))
        }
    }
}

/// Checks that a code is not larger than a source may be. Otherwise, each case would be refused, with a copy of it.
fn check_size(code: &str, what: &str, bounds: &Bounds) -> Result<(), Unprocessed> {
    let (bytes, most) = (Bytes::new(code.len() as u64), bounds.source_bytes_max);
    if bytes > most {
        return Err(bad(format!("{what} has {bytes}; the maximum is {most} (limits.source_max)")));
    }
    Ok(())
}

/// A response that shows rows of the request. JSON values are kept as text, which takes less memory: the response may
/// have to wait for memory.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown {
    Ids(Vec<Box<RawValue>>),
    Prompts(Vec<Prompt>),
    Prompt(Prompt),
}

#[derive(Serialize)]
struct Prompt {
    id: Box<RawValue>,
    labels: Box<RawValue>,
    prompt: String,
}

impl Shown {
    /// The response of a route.
    fn of(request: &mut Request, route: Route) -> Result<Shown, Unprocessed> {
        Ok(match route {
            Route::GetPromptById => {
                let row = request.row()?;
                Shown::Prompt(Prompt::of(row, &request.suffix()?)?)
            }
            Route::ListIds => {
                let id = |mut row| raw(&column_as_sent(&mut row, "id"));
                Shown::Ids(request.rows()?.into_iter().map(id).collect::<Result<_, _>>()?)
            }
            _ => {
                let rows = request.rows()?;
                let suffix = if rows.is_empty() { String::new() } else { request.suffix()? };
                Shown::Prompts(rows.into_iter().map(|row| Prompt::of(row, &suffix)).collect::<Result<_, _>>()?)
            }
        })
    }

    /// Number of bytes of text.
    fn bytes(&self) -> usize {
        match self {
            Shown::Ids(ids) => ids.iter().map(|id| id.get().len()).sum(),
            Shown::Prompts(prompts) => prompts.iter().map(Prompt::bytes).sum(),
            Shown::Prompt(prompt) => prompt.bytes(),
        }
    }
}

impl Prompt {
    /// The prompt of a row. `suffix`: what follows the text of the problem.
    fn of(mut row: Map<String, Value>, suffix: &str) -> Result<Prompt, Unprocessed> {
        let content = row.get("content").and_then(Value::as_str).unwrap_or_default();
        let prompt = [content, suffix].concat();
        let labels = match row.remove("labels") {
            Some(labels) => parsed(labels)?.unwrap_or_default(),
            None => json!({}),
        };
        Ok(Prompt { id: raw(&column_as_sent(&mut row, "id"))?, labels: raw(&labels)?, prompt })
    }

    fn bytes(&self) -> usize {
        self.id.get().len() + self.labels.get().len() + self.prompt.len()
    }
}

/// Takes a column out of a row, without parsing its text.
fn column_as_sent(row: &mut Map<String, Value>, name: &str) -> Value {
    row.remove(name).unwrap_or_default()
}

/// The JSON text of a value.
fn raw(value: &Value) -> Result<Box<RawValue>, Unprocessed> {
    to_raw_value(value).map_err(|error| bad(format!("a value of the request cannot be written as JSON: {error}")))
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
    test_info: Option<Box<RawValue>>,
}

/// A document with the memory of the request's data in it, which is released when the document has been serialized.
#[derive(Serialize)]
#[serde(transparent)]
struct WithMemory<T> {
    document: T,
    #[serde(skip)]
    _held: Option<Held>,
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

/// Responds to a request. `held`: the memory of its body.
pub(super) async fn respond(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    route: Route,
    mut request: Request,
    (idempotency, held): (Option<Idempotency>, Option<Held>),
) -> Result<Result<Response, Unprocessed>, ApiError> {
    match route {
        Route::Submit => submit(app, caller, notes, request, (idempotency, held)).await,
        Route::GetPromptById | Route::GetPrompts | Route::ListIds => {
            let shown = match Shown::of(&mut request, route) {
                Ok(shown) => shown,
                Err(unprocessed) => return Ok(Err(unprocessed)),
            };
            drop(request);
            let bytes = shown.bytes();
            let build = move || WithMemory { document: shown, _held: held };
            Ok(Ok(large_answer::json(app, caller.user, bytes, BYTES_PER_BYTE, build).await?))
        }
        Route::GetMetrics => Ok(Ok(Json(json!({})).into_response())),
        Route::GetMetricsFunction => Ok(Ok(Json(json!({ "function": null })).into_response())),
    }
}

/// Extracts the code of a completion, and tests it.
async fn submit(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    mut request: Request,
    (idempotency, mut held): (Option<Idempotency>, Option<Held>),
) -> Result<Result<Response, Unprocessed>, ApiError> {
    let job = match Job::of(&mut request, app.core.bounds()) {
        Ok(job) => job,
        Err(unprocessed) => return Ok(Err(unprocessed)),
    };
    let (stops, shortens) = (!request.is_on("run_all_cases"), !request.is_on("return_full_case"));
    let (id, format) = (std::mem::take(&mut request.id), request.format);
    drop(request);
    let mut kept = job.bytes();
    if let Some(held) = &mut held {
        held.keep_exactly(kept)?;
        held.keep_long()?;
    }
    let Job { program, code, full_code, extracted_type, cases } = job;
    let waits = Waits::new(app, Instant::now() + HELD_MAX);
    let runner = Runner { app, caller, notes, waits, program: &program, idempotency: idempotency.as_ref(), shortens };
    let mut runs = Vec::with_capacity(cases.len());
    for (place, case) in cases.into_iter().enumerate() {
        runs.push(runner.run(place, case));
    }
    let mut runs = futures_util::stream::iter(runs).buffered(CASES_AT_A_TIME);
    let (mut tests, mut made) = (Vec::new(), Vec::new());
    let mut streams = Streams::new(app.core.bounds().output_kept_max);
    while let Some(ended) = runs.next().await {
        let Ended { mut test, run, freed } = match ended? {
            Ok(ended) => ended,
            Err(reason) => {
                let what = match format {
                    Format::CommonOj => "Failed to check stdio test case",
                    Format::AutoEval => "failed to request sandbox",
                };
                let detail = format!("{what}: {reason}");
                return Ok(Err(Unprocessed::Detail(StatusCode::INTERNAL_SERVER_ERROR, detail)));
            }
        };
        made.extend(run);
        kept = kept.saturating_sub(freed);
        if let Some(held) = &mut held {
            held.keep_only(kept);
        }
        streams.add(app, caller.user, &mut test.exec_info).await?;
        let passed = test.passed;
        tests.push(test);
        if !passed && stops {
            // The other cases are not reported. Those that run are cancelled, unless a repeated request may want their
            // results.
            runner.waits.end();
            while runs.next().await.is_some() {}
        }
    }
    drop(runs);
    let infos = tests.iter().filter_map(|test: &TestResult| test.test_info.as_ref());
    let infos: usize = infos.map(|info| info.get().len()).sum();
    let texts = code.len() + full_code.as_ref().map_or(0, String::len) + id.as_str().map_or(0, str::len);
    let bytes = streams.bytes + infos + texts;
    let result = EvalResult {
        id,
        accepted: tests.iter().all(|test| test.passed),
        extracted_code: code,
        full_code,
        test_code: None,
        tests,
        extracted_type,
        extra: None,
    };
    // The memory for the whole response contains that of the streams.
    drop(streams);
    let build = move || WithMemory { document: result, _held: held };
    let mut response = large_answer::json(app, caller.user, bytes, BYTES_PER_BYTE, build).await?;
    Run::mark(&made, &mut response);
    Ok(Ok(response))
}

/// The streams of the cases that have ended.
struct Streams {
    /// Number of bytes that the streams of further cases may have.
    left: usize,
    bytes: usize,
    /// The memory of the streams, unless they are small.
    held: Vec<Held>,
    held_bytes: usize,
}

impl Streams {
    fn new(bytes_max: Bytes) -> Streams {
        let left = usize::try_from(bytes_max.get()).unwrap_or(usize::MAX);
        Streams { left, bytes: 0, held: Vec::new(), held_bytes: 0 }
    }

    /// Adds the streams of a case, truncates them if all streams together would be too large, and reserves memory for
    /// them.
    async fn add(&mut self, app: &Shared, user: UserId, result: &mut RunCodeResponse) -> Result<(), ApiError> {
        for result in [&mut result.compile_result, &mut result.run_result].into_iter().flatten() {
            for text in [&mut result.stdout, &mut result.stderr].into_iter().flatten() {
                if text.len() > self.left {
                    text.truncate(text.floor_char_boundary(self.left));
                    text.shrink_to_fit();
                }
                self.left -= text.len();
                self.bytes += text.len();
            }
        }
        if self.bytes >= SMALL_BYTES && self.bytes > self.held_bytes {
            let more = self.bytes - self.held_bytes;
            let mut held = app.answers.wait_for(user, more, app.settings.answer_wait_max).await?;
            held.keep_long()?;
            self.held.push(held);
            self.held_bytes = self.bytes;
        }
        Ok(())
    }
}

/// The tests of a completion.
struct Job {
    /// The program of all cases, without input.
    program: RunCode,
    code: String,
    full_code: Option<String>,
    extracted_type: ExtractedType,
    cases: Vec<Case>,
}

struct Case {
    expected: Expected,
    /// The case as JSON text.
    info: Option<Box<RawValue>>,
}

/// What a program that exits with 0 must print.
#[derive(Debug)]
enum Expected {
    /// The output of the case, by the rules of `compare.rs`.
    Output,
    /// This text, anywhere in its output.
    Part(String),
    Anything,
}

impl Job {
    /// The tests of a request; an error if there are more cases than `tests_max`, or if the code is too large.
    fn of(request: &mut Request, bounds: &Bounds) -> Result<Job, Unprocessed> {
        let row = request.row()?;
        match request.format {
            Format::CommonOj => common_oj(request, row, bounds),
            Format::AutoEval => auto_eval::job(request, row, bounds),
        }
    }

    /// Number of bytes.
    fn bytes(&self) -> usize {
        let files: usize = self.program.files.iter().map(|(path, data)| path.len() + data.len()).sum();
        let infos = self.cases.iter().filter_map(|case| case.info.as_ref());
        let infos: usize = infos.map(|info| info.get().len()).sum();
        self.program.code.len() + files + self.code.len() + self.full_code.as_ref().map_or(0, String::len) + infos
    }
}

/// The tests of a row of `CommonOJDataset`: a program with inputs and outputs.
fn common_oj(request: &Request, mut row: Map<String, Value>, bounds: &Bounds) -> Result<Job, Unprocessed> {
    let language = request.language()?;
    let (code, extracted_type) = extract(&request.completion, language.name);
    check_size(&code, "the code of the completion", bounds)?;
    let Some(Value::Array(listed)) = column(&mut row, "test")? else {
        return Err(bad("the column test should be a list of cases"));
    };
    let cases_max = bounds.tests_max;
    if listed.len() > cases_max {
        let detail = format!("the column test has {} cases; the maximum is {cases_max}", listed.len());
        return Err(bad(detail));
    }
    let of_run = if matches!(language.name, "cpp" | "go" | "java") { COMPILED_SECONDS } else { INTERPRETED_SECONDS };
    let case = |(at, case): (usize, Value)| {
        check_case(at + 1, &case)?;
        Ok(Case { expected: Expected::Output, info: Some(raw(&case)?) })
    };
    let cases = listed.into_iter().enumerate().map(case).collect::<Result<_, Unprocessed>>()?;
    let program = request.run_code(language, code.clone(), (COMPILED_SECONDS, of_run));
    Ok(Job { program, code, full_code: None, extracted_type, cases })
}

/// Checks that a case has the texts that its run needs. Without this check, a program that prints nothing would pass a
/// case whose expected output has another name. `number` is one-based.
fn check_case(number: usize, case: &Value) -> Result<(), Unprocessed> {
    for (part, stream) in [("input", "stdin"), ("output", "stdout")] {
        if !case.get(part).and_then(|part| part.get(stream)).is_some_and(Value::is_string) {
            return Err(bad(format!("case {number} of the column test: {part}.{stream} should be a text")));
        }
    }
    Ok(())
}

impl Case {
    /// A text of the case, such as its input.
    fn text(&self, part: &str, stream: &str) -> String {
        let case: Value = self.info.as_ref().and_then(|info| serde_json::from_str(info.get()).ok()).unwrap_or_default();
        case.get(part).and_then(|part| part.get(stream)).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn stdin(&self) -> String {
        self.text("input", "stdin")
    }

    /// Whether a run with this standard output has passed.
    fn is_passed_by(&self, run: &RunCodeResponse, stdout: &str) -> bool {
        let is_expected = || match &self.expected {
            Expected::Output => is_equal(stdout, &self.text("output", "stdout")),
            Expected::Part(part) => stdout.contains(part),
            Expected::Anything => true,
        };
        run.status == RunStatus::Success && is_expected()
    }

    /// The case in the response. `shortens`: long texts are shortened.
    fn shown(self, shortens: bool) -> Option<Box<RawValue>> {
        let info = self.info?;
        if !shortens {
            return Some(info);
        }
        let case = serde_json::from_str(info.get()).unwrap_or_default();
        drop(info);
        to_raw_value(&shortened(case)).ok()
    }
}

/// Runs the cases of a request.
struct Runner<'r> {
    app: &'r Shared,
    caller: &'r Caller,
    notes: &'r Notes,
    waits: Waits,
    program: &'r RunCode,
    idempotency: Option<&'r Idempotency>,
    /// Whether the long texts of a passed case are shortened.
    shortens: bool,
}

/// One run of a case.
struct Attempt {
    response: RunCodeResponse,
    passed: bool,
    run: Option<Run>,
}

/// A case that has run, with truncated streams.
struct Ended {
    test: TestResult,
    run: Option<Run>,
    /// By how many bytes the case is smaller in the response.
    freed: usize,
}

impl Runner<'_> {
    /// Runs a case. Returns the reason if the sandbox fails in every attempt. `place`: the number of the case.
    async fn run(&self, place: usize, case: Case) -> Result<Result<Ended, String>, ApiError> {
        let mut reason = String::new();
        for attempt in 0..ATTEMPTS {
            if self.waits.have_ended() {
                return Ok(Err(too_late(Reached::Queue)));
            }
            let Attempt { response, passed, run } = match self.attempt(&case, &format!("{place} {attempt}")).await? {
                Ok(ended) => ended,
                Err(reason) => return Ok(Err(reason)),
            };
            if response.status != RunStatus::SandboxError {
                let before = case.info.as_ref().map_or(0, |info| info.get().len());
                let test_info = case.shown(passed && self.shortens);
                let freed = before.saturating_sub(test_info.as_ref().map_or(0, |info| info.get().len()));
                return Ok(Ok(Ended { test: TestResult { passed, exec_info: response, test_info }, run, freed }));
            }
            reason = response.message;
            if run.is_none() {
                // The same request would be refused again.
                break;
            }
        }
        Ok(Err(reason))
    }

    /// Runs a case once. Each attempt is a separate submission. Returns the reason if there is no response in time.
    async fn attempt(&self, case: &Case, part: &str) -> Result<Result<Attempt, String>, ApiError> {
        let Runner { app, caller, notes, waits, program, idempotency, shortens: _ } = self;
        let attempt = |response, run| Attempt { response, passed: false, run };
        let failed = |reason: &str, run| attempt(RunCodeResponse::sandbox_error(&program.code, reason), run);
        let new = match prepare(app, notes, program, &case.stdin()) {
            Prepared::Response(response) => return Ok(Ok(attempt(response, None))),
            Prepared::Run(new) => new,
        };
        let idempotency = || idempotency.map(|whole| for_part(whole, part));
        let submit = |new| Submit { new, idempotency: idempotency(), deadline: deadline_of(program), held: None };
        Ok(Ok(match execute_within_rate(app, caller, notes, waits, new, submit).await {
            Ok(Executed::Finished(run, record)) => match &record.report {
                Some(report) => {
                    let response = response_of(program, report, STREAM_BYTES);
                    let passed = case.is_passed_by(&response, &stdout_of(report));
                    Attempt { response, passed, run: Some(run) }
                }
                None => failed(UNFINISHED, Some(run)),
            },
            Ok(Executed::TooLate(reached)) => match response_at_deadline(program, reached) {
                Some(response) => attempt(response, None),
                None => return Ok(Err(too_late(reached))),
            },
            Err(Refusal::Program(error)) => failed(&error, None),
            Err(Refusal::Failed(error)) => return Err(error),
        }))
    }
}

/// The reason if a case has no result in time.
fn too_late(reached: Reached) -> String {
    format!("{}; send it again later", lateness(reached))
}

/// The standard output of a program.
fn stdout_of(report: &RunReport) -> Cow<'_, str> {
    report.execution.as_ref().map_or(Cow::Borrowed(""), |run| String::from_utf8_lossy(&run.stdout.data))
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
