//! The body of `POST /execute`, and of the WebSocket's `init`: validated in the order of the original, which reports
//! only the first validation error.

use std::time::Duration;

use cupel_types::Bytes;
use serde_json::{Map, Value};

use super::files::{self, Encoding, File};
use super::runtimes::Runtime;

/// A valid request.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) runtime: Runtime,
    /// The first is the main file.
    pub(super) files: Vec<File>,
    pub(super) stdin: String,
    pub(super) args: Vec<String>,
    pub(super) compile: StageLimits,
    pub(super) run: StageLimits,
}

/// Limits of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StageLimits {
    pub(super) wall_time: Duration,
    pub(super) cpu_time: Duration,
    /// `None`: the language's maximum.
    pub(super) memory: Option<Bytes>,
}

/// A request that cannot be run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Status 400 with this message.
    Invalid(String),
    /// Status 400 with the body `{}`: the original's validation throws an exception.
    TypeError,
    /// Status 500: the original fails when it prepares the run. The original's body is empty; here it has the reason.
    Preparation(String),
}

/// The original's language of executables, whose main file may have any encoding.
const EXECUTABLE: &str = "file";

/// Configured maxima of the limits, which are also the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maxima {
    pub(super) compile: Duration,
    pub(super) run: Duration,
}

impl Maxima {
    /// The original's defaults.
    pub(super) const ORIGINAL: Maxima = Maxima { compile: Duration::from_secs(10), run: Duration::from_secs(3) };
}

/// Validates a body. `files_max`: maximum number of files. `select` finds the runtime for a name and a range of
/// versions; `maxima` returns the maxima of a runtime.
///
/// # Errors
///
/// The first validation error.
pub(super) fn validate(
    body: &Map<String, Value>,
    files_max: usize,
    select: impl FnOnce(&str, &str) -> Option<Runtime>,
    maxima: impl FnOnce(&Runtime) -> Maxima,
) -> Result<Job, Refused> {
    let language = required_text(body, "language")?;
    let version = required_text(body, "version")?;
    let Some(Value::Array(listed)) = body.get("files") else {
        return Err(Refused::Invalid("files is required as an array".to_owned()));
    };
    if listed.len() > files_max {
        return Err(Refused::Invalid(format!(
            "files may have at most {files_max} entries; there are {}",
            listed.len()
        )));
    }
    for (at, file) in listed.iter().enumerate() {
        match file {
            Value::Null => return Err(Refused::TypeError),
            Value::Object(file) if matches!(file.get("content"), Some(Value::String(_))) => {}
            _ => return Err(Refused::Invalid(format!("files[{at}].content is required as a string"))),
        }
    }
    let Some(runtime) = select(language, version) else {
        return Err(Refused::Invalid(format!("{language}-{version} runtime is unknown")));
    };
    let encodings: Vec<Encoding> = listed.iter().map(|file| Encoding::of(file.get("encoding"))).collect();
    let is_executable = runtime.language == EXECUTABLE;
    if !is_executable && !encodings.contains(&Encoding::Utf8) {
        return Err(Refused::Invalid("files must include at least one utf8 encoded file".to_owned()));
    }
    let maxima = maxima(&runtime);
    let compile_memory = memory(body, "compile_memory_limit")?;
    let run_memory = memory(body, "run_memory_limit")?;
    let compile_wall = time(body, "compile_timeout", maxima.compile)?;
    let run_wall = time(body, "run_timeout", maxima.run)?;
    let compile_cpu = time(body, "compile_cpu_time", maxima.compile)?;
    let run_cpu = time(body, "run_cpu_time", maxima.run)?;
    let stdin = stdin(body.get("stdin"))?;
    let args = args(body.get("args"))?;
    let is_main = |encoding: &Encoding| is_executable || *encoding == Encoding::Utf8;
    let Some(main) = encodings.iter().position(is_main) else {
        return Err(Refused::Preparation("there is no file".to_owned()));
    };
    Ok(Job {
        runtime,
        files: files::of(listed, &encodings, main).map_err(Refused::Preparation)?,
        stdin,
        args,
        compile: StageLimits { wall_time: compile_wall, cpu_time: compile_cpu, memory: compile_memory },
        run: StageLimits { wall_time: run_wall, cpu_time: run_cpu, memory: run_memory },
    })
}

fn required_text<'b>(body: &'b Map<String, Value>, field: &str) -> Result<&'b str, Refused> {
    match body.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(Refused::Invalid(format!("{field} is required as a string"))),
    }
}

/// Whether JavaScript treats the value as false. JavaScript also treats an absent field as false.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// A numeric field. `None`: the default applies. In the original, 0 removes the limit; here the default applies.
fn number(body: &Map<String, Value>, field: &str) -> Result<Option<f64>, Refused> {
    match body.get(field) {
        None => Ok(None),
        Some(value) if is_falsy(value) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(Refused::Invalid(format!("If specified, {field} must be a number"))),
    }
}

/// A memory limit in bytes. The original is configured without a memory limit, so every number is valid; most clients
/// send -1.
fn memory(body: &Map<String, Value>, field: &str) -> Result<Option<Bytes>, Refused> {
    Ok(number(body, field)?.filter(|bytes| *bytes > 0.0).map(|bytes| Bytes::new(bytes as u64)))
}

/// A time limit in milliseconds.
fn time(body: &Map<String, Value>, field: &str, max: Duration) -> Result<Duration, Refused> {
    let Some(millis) = number(body, field)? else { return Ok(max) };
    let max_millis = max.as_millis();
    if millis > max_millis as f64 {
        return Err(Refused::Invalid(format!("{field} cannot exceed the configured limit of {max_millis}")));
    }
    if millis < 0.0 {
        return Err(Refused::Invalid(format!("{field} must be non-negative")));
    }
    Ok(Duration::from_secs_f64(millis / 1000.0).max(Duration::from_millis(1)))
}

/// Standard input with the newline that the original adds.
fn stdin(value: Option<&Value>) -> Result<String, Refused> {
    let mut text = match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) if is_falsy(value) => String::new(),
        Some(_) => return Err(Refused::TypeError),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// The arguments, as JavaScript spreads them: a string becomes its characters, and other elements become text.
fn args(value: Option<&Value>) -> Result<Vec<String>, Refused> {
    match value {
        None => Ok(Vec::new()),
        Some(value) if is_falsy(value) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.chars().map(String::from).collect()),
        Some(Value::Array(values)) => Ok(values.iter().map(text_of).collect()),
        Some(_) => Err(Refused::Preparation("`args` must be an array of strings".to_owned())),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // JavaScript has no integers, so 1.0 is 1.
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        other => other.to_string(),
    }
}
