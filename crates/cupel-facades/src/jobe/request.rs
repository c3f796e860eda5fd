//! Requests: validation in the order and with the texts of the original.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use cupel_core::{Bounds, NewProgram, NewSource};
use cupel_languages::{Registry, SourceCheck};
use cupel_types::{Bytes, Limits, LimitsRequest, ToolOptions, counted};
use serde_json::{Map, Value};

use super::files::FileId;
use super::languages::{JobeLanguage, MEMORY_MB, find};
use crate::bounded_json::{self, Unparsed, VALUES_MAX, too_many_values};
use crate::program::{SourceFile, limits_within, main_name};
use crate::surrogates::replace_lone_surrogates;

/// Maximum of `cputime`, in seconds.
const CPU_SECONDS_MAX: f64 = 120.0;

/// Default of `cputime`, in seconds.
const CPU_SECONDS: f64 = 5.0;

/// Bytes of a megabyte of the original.
const MEGABYTE: f64 = 1_024_000.0;

/// Default of `disklimit`, in megabytes.
const DISK_MB: f64 = 20.0;

/// Default of `streamsize`, in megabytes.
const STREAM_MB: f64 = 2.0;

/// Default of `numprocs`.
const PROCESSES: f64 = 30.0;

/// Characters that a file name must not contain. Control characters are forbidden, too.
const NAME_FORBIDDEN: &str = "<>:\"/\\|?*#[]@!$&'()+,;={}^~`";

/// Shortest id of a file that a run may name.
const FILE_ID_MIN: usize = 8;

/// A valid request.
pub(super) struct Job {
    pub(super) program: NewProgram,
    pub(super) reading: Reading,
}

/// How the result is converted to the response.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Names of the files of the job, the source first. The name of the source is empty if it depends on its class.
    pub(super) names: Vec<String>,
    /// Bytes of each stream that the response contains.
    pub(super) stream_bytes: usize,
    pub(super) check: Option<SourceCheck>,
    /// Whether the original runs a program whose compiler printed something.
    pub(super) allows_warnings: bool,
    /// Whether the original writes `newline + tab` in standard error as a newline and blanks.
    pub(super) expands_tabs: bool,
    pub(super) debug: bool,
}

/// A refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) reason: String,
}

fn refused(reason: impl Into<String>) -> Refused {
    Refused { status: StatusCode::BAD_REQUEST, reason: reason.into() }
}

/// Checks a request. `find_file` returns the contents of a file in the cache. Of `bounds`, only those of the files in
/// the cache are checked: the request names them without their size.
///
/// # Errors
///
/// The first validation error, in the order of the original. For bodies on which the original fails with 500, the
/// status is 400.
pub(super) fn validate(
    body: &[u8],
    registry: &Registry,
    bounds: &Bounds,
    find_file: impl Fn(&FileId) -> Option<Arc<[u8]>>,
) -> Result<Job, Refused> {
    if body.is_empty() {
        return Err(refused("Non-JSON post data received"));
    }
    let malformed = || refused("Server exception (Failed to parse JSON string. Error: Syntax error)");
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let sent = match bounded_json::parse(&replace_lone_surrogates(text), VALUES_MAX) {
        Ok(Value::Object(sent)) => sent,
        Ok(_) => return Err(refused("Non-JSON post data received")),
        Err(Unparsed::Syntax(_)) => return Err(malformed()),
        Err(Unparsed::TooManyValues) => {
            let (status, reason) = (StatusCode::PAYLOAD_TOO_LARGE, too_many_values(VALUES_MAX));
            return Err(Refused { status, reason });
        }
    };
    let Some(Value::Object(spec)) = sent.get("run_spec") else {
        return Err(refused("No run_spec attribute found in post data"));
    };
    let source = required(spec, "sourcecode")?;
    let id = required(spec, "language_id")?.to_ascii_lowercase();
    let Some(known) = find(registry, &id) else {
        return Err(refused(format!("Language '{id}' is not known")));
    };
    let language = known.language;
    let none = Map::new();
    let parameters = match spec.get("parameters") {
        Some(Value::Object(parameters)) => parameters,
        // PHP encodes an empty map as an empty list.
        _ => &none,
    };
    let cpu_seconds = number(parameters, "cputime").filter(|seconds| *seconds > 0.0).unwrap_or(CPU_SECONDS);
    if cpu_seconds.trunc() > CPU_SECONDS_MAX {
        let most = CPU_SECONDS_MAX;
        return Err(refused(format!("cputime exceeds maximum allowed on this Jobe server ({most} secs)")));
    }
    let name = spec.get("sourcefilename").and_then(as_text).unwrap_or_default();
    if !name.is_empty() && !is_file_name(&name) {
        return Err(refused("The sourcefilename for the run_spec is illegal"));
    }
    let others = files_of(spec.get("file_list"), bounds, find_file)?;
    // The original treats the text `0` as an absent input.
    let stdin = spec.get("input").and_then(as_text).filter(|input| input != "0").unwrap_or_default();
    let files = with_source(known, &name, source, others);
    let names = files.iter().map(|(name, _)| name.clone()).collect();
    let program = NewProgram {
        source: NewSource { language: language.id.as_str().to_owned(), files },
        tools: tools_of(known, parameters)?,
        args: words(parameters, "runargs")?.unwrap_or_default(),
        stdin: stdin.into_bytes().into(),
        limits: limits_of(known, language.limits_max, parameters, cpu_seconds),
        ..NewProgram::default()
    };
    let stream_mb = number(parameters, "streamsize").filter(|mb| *mb > 0.0).unwrap_or(STREAM_MB);
    let reading = Reading {
        names,
        stream_bytes: bytes_of(stream_mb).get() as usize,
        check: known.options.check,
        allows_warnings: known.options.allows_warnings,
        expands_tabs: known.options.expands_tabs,
        debug: spec.get("debug").is_some_and(is_true),
    };
    Ok(Job { program, reading })
}

/// A required attribute as text.
fn required(spec: &Map<String, Value>, name: &str) -> Result<String, Refused> {
    match spec.get(name) {
        None | Some(Value::Null) => Err(refused(format!("run_spec is missing the required attribute '{name}'"))),
        Some(value) => as_text(value).ok_or_else(|| refused(format!("run_spec has a '{name}' that is not a string"))),
    }
}

/// The value as PHP converts it to text; `None` for lists and objects, and for null.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("1".to_owned()),
        Value::Bool(false) => Some(String::new()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether PHP treats the value as true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_true) => *is_true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.as_str(), "" | "0"),
        Value::Array(list) => !list.is_empty(),
        Value::Object(_) => true,
    }
}

/// A numeric parameter. A value that is not numeric is ignored, as in the original.
fn number(parameters: &Map<String, Value>, name: &str) -> Option<f64> {
    let number = match parameters.get(name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
            // Rust also parses `inf` and `nan`.
            text.parse().ok().filter(|_| !text.contains(['n', 'N']))
        }
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// The words of a list parameter. The original joins its elements with blanks and passes them to a shell. Here, quotes,
/// backslashes and `#` at the start of a word (a comment) have the same meaning as in a shell, and no other character
/// has a special meaning.
fn words(parameters: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Refused> {
    let listed = match parameters.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(refused(format!("Server exception (parameter '{name}' is not a list)"))),
    };
    let Some(texts) = listed.iter().map(as_text).collect::<Option<Vec<String>>>() else {
        return Err(refused(format!("Server exception (parameter '{name}' has an element that is not a string)")));
    };
    let unclosed = || refused(format!("Server exception (parameter '{name}' has a quote that is not closed)"));
    shlex::split(&texts.join(" ")).map(Some).ok_or_else(unclosed)
}

/// Whether a name of a source file is allowed.
fn is_file_name(name: &str) -> bool {
    !name.starts_with(['.', '-']) && !name.chars().any(|c| c.is_control() || NAME_FORBIDDEN.contains(c))
}

/// The files of `file_list`. All entries are checked before the first is looked up.
fn files_of(
    listed: Option<&Value>,
    bounds: &Bounds,
    find_file: impl Fn(&FileId) -> Option<Arc<[u8]>>,
) -> Result<Vec<SourceFile>, Refused> {
    let listed = match listed {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(listed)) => listed,
        Some(other) => return Err(invalid_specifier(other)),
    };
    let pair = |pair: &Value| match pair.as_array().map(Vec::as_slice) {
        Some([Value::String(id), Value::String(name)] | [Value::String(id), Value::String(name), _]) => {
            let id: FileId = id.parse().ok()?;
            let letters = name.replace(['-', '_', '.'], "");
            let is_name = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_alphanumeric());
            (id.len() >= FILE_ID_MIN && is_name).then(|| (id, name.clone()))
        }
        _ => None,
    };
    let mut pairs = Vec::with_capacity(listed.len());
    for one in listed {
        pairs.push(pair(one).ok_or_else(|| invalid_specifier(one))?);
    }
    // Checked before the loop, because each file is compared with the files before it.
    if pairs.len() > bounds.files_max {
        let most = counted(bounds.files_max, "file");
        return Err(refused(format!("file_list: at most {most}; there are {}", pairs.len())));
    }
    let mut files: Vec<SourceFile> = Vec::with_capacity(pairs.len());
    for (id, name) in pairs {
        let contents = find_file(&id).ok_or_else(|| Refused {
            status: StatusCode::NOT_FOUND,
            reason: "One or more of the specified files is missing/unavailable".to_owned(),
        })?;
        files.retain(|(other, _)| *other != name);
        files.push((name, contents));
    }
    let bytes: usize = files.iter().map(|(_, contents)| contents.len()).sum();
    if bytes as u64 > bounds.files_bytes_max.get() {
        let most = bounds.files_bytes_max;
        return Err(refused(format!("file_list: all files together have {bytes} bytes; at most {most} are allowed")));
    }
    Ok(files)
}

fn invalid_specifier(value: &Value) -> Refused {
    let mut dump = Dump::default();
    dump.value(value, 0);
    refused(format!("Invalid file specifier: {}", dump.text))
}

/// Maximum size of the text of an invalid value in a refusal, in bytes.
const DUMP_BYTES_MAX: usize = 4096;

/// The beginning of a value in the form in which PHP's `print_r` prints it, with at most [`DUMP_BYTES_MAX`] bytes. Each
/// entry and each level needs some bytes, so this also bounds how many of them are read.
#[derive(Default)]
struct Dump {
    text: String,
    is_full: bool,
}

impl Dump {
    fn push(&mut self, text: &str) {
        if self.is_full {
            return;
        }
        let room = DUMP_BYTES_MAX - self.text.len();
        self.is_full = text.len() > room;
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Array(list) => {
                let entries = list.iter().enumerate().map(|(at, value)| (Cow::Owned(at.to_string()), value));
                self.entries("Array", entries, depth);
            }
            Value::Object(fields) => {
                let entries = fields.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), value));
                self.entries("stdClass Object", entries, depth);
            }
            Value::String(text) => self.push(text),
            other => self.push(&as_text(other).unwrap_or_default()),
        }
    }

    fn entries<'v>(&mut self, kind: &str, entries: impl Iterator<Item = (Cow<'v, str>, &'v Value)>, depth: usize) {
        let indent = "        ".repeat(depth);
        self.push(&format!("{kind}\n{indent}(\n"));
        for (name, value) in entries {
            if self.is_full {
                return;
            }
            for part in [indent.as_str(), "    [", &name, "] => "] {
                self.push(part);
            }
            self.value(value, depth + 1);
            self.push("\n");
        }
        self.push(&indent);
        self.push(")\n");
    }
}

/// The files, the source first. A file with the name of the source replaces the source, as in the original.
fn with_source(
    JobeLanguage { language, options }: JobeLanguage<'_>,
    name: &str,
    source: String,
    mut others: Vec<SourceFile>,
) -> Vec<SourceFile> {
    let mut source: Arc<[u8]> = source.into_bytes().into();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let fits = language.extensions.iter().any(|known| Some(known.as_str()) == extension);
    let name = match (name, options.source.as_deref()) {
        // The original ignores the name `prog.java` in all languages.
        ("" | "prog.java", None) => main_name(language, &mut others),
        ("" | "prog.java", Some(file)) => file.to_owned(),
        // As in the original, the tools of the other languages accept any name.
        (name, file) if fits || file.is_some() => name.to_owned(),
        _ => main_name(language, &mut others),
    };
    if let Some(at) = others.iter().position(|(other, _)| *other == name) {
        (_, source) = others.remove(at);
    }
    if source.is_empty() {
        // Core refuses an empty program.
        source = Arc::from(*b"\n");
    }
    others.insert(0, (name, source));
    others
}

fn tools_of(
    JobeLanguage { language, options }: JobeLanguage<'_>,
    parameters: &Map<String, Value>,
) -> Result<ToolOptions, Refused> {
    let compiler_args = words(parameters, "compileargs")?.unwrap_or_else(|| options.compiler_args.clone());
    let class = parameters.get("main_class").and_then(as_text).unwrap_or_default();
    Ok(ToolOptions {
        compiler_args: options.compiler_base.iter().cloned().chain(compiler_args).collect(),
        linker_args: match options.links {
            true => words(parameters, "linkargs")?.unwrap_or_default(),
            false => Vec::new(),
        },
        interpreter_args: words(parameters, "interpreterargs")?.unwrap_or_else(|| options.interpreter_args.clone()),
        main_class: if language.main_class.is_empty() { String::new() } else { class },
        main_only: true,
    })
}

/// The limits, within the language's maxima.
fn limits_of(
    JobeLanguage { options, .. }: JobeLanguage<'_>,
    max: Limits,
    parameters: &Map<String, Value>,
    cpu_seconds: f64,
) -> LimitsRequest {
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let memory_mb = match options.limits_memory {
        true => number(parameters, "memorylimit").filter(|mb| *mb >= 0.0),
        // The original ignores the limit for Java, whose address space is far larger than its memory.
        false => Some(0.0),
    };
    let memory_mb = memory_mb.or(options.memory_mb).unwrap_or(MEMORY_MB);
    // The limit of the address space has the same minimum as that of memory.
    let memory = (memory_mb > 0.0).then(|| bytes_of(memory_mb).max(Limits::MEMORY_MIN));
    let disk_mb = number(parameters, "disklimit").unwrap_or(DISK_MB);
    let file_size = if disk_mb < 0.0 { max.file_size } else { bytes_of(disk_mb).max(Bytes::new(1)) };
    let processes = number(parameters, "numprocs").filter(|n| *n >= 1.0).unwrap_or(PROCESSES) as u32;
    let cpu_time = seconds(cpu_seconds).max(Duration::from_millis(1));
    // `streamsize` only shortens the streams in the response: a program that writes more is not ended.
    let limits = limits_within(max, cpu_time, cpu_time * 2, memory, max.output);
    LimitsRequest {
        address_space: memory.filter(|_| options.limits_address_space),
        processes: Some(processes.max(options.processes_min).min(max.processes)),
        file_size: Some(file_size.min(max.file_size)),
        disk: Some(max.disk),
        ..limits
    }
}

/// Number of bytes in this many megabytes of the original.
fn bytes_of(megabytes: f64) -> Bytes {
    Bytes::new((megabytes.max(0.0) * MEGABYTE).min((1u64 << 50) as f64) as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dump(value: &Value) -> String {
        let mut dump = Dump::default();
        dump.value(value, 0);
        dump.text
    }

    #[test]
    fn a_value_is_printed_as_by_php() {
        let value = json!({ "a": [1, true, null], "b": {} });
        let expected = "stdClass Object\n(\n    [a] => Array\n        (\n            [0] => 1\n            [1] => 1\n\
                        \x20           [2] => \n        )\n\n    [b] => stdClass Object\n        (\n        )\n\n)\n";
        assert_eq!(dump(&value), expected);
    }

    #[test]
    fn the_text_of_an_invalid_value_is_bounded() {
        let deep = (0..100).fold(json!([]), |value, _| json!([value, value_of_many()]));
        for value in [deep, json!("é".repeat(DUMP_BYTES_MAX)), json!({ "x".repeat(1 << 20): 0 }), value_of_many()] {
            let text = dump(&value);
            assert!((DUMP_BYTES_MAX - 3..=DUMP_BYTES_MAX).contains(&text.len()), "{}", text.len());
        }
    }

    fn value_of_many() -> Value {
        json!(vec![0; 1000])
    }
}
