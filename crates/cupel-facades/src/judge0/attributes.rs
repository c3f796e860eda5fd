//! The attributes of a submission as the client sends them: conversion, defaults and validation.
//!
//! Source: the model `Submission` of the original at release 1.13.1, with the conversions of ActiveRecord 5.2: an empty
//! string for a number or a boolean means the default, and a string that contains a number is a number.

use std::sync::Arc;

use cupel_types::Limits;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::languages::{Flavour, Found, Known};
use super::options::{Judge0Limit, Judge0Options};
use super::text;

/// Maximum length of compiler options and of arguments, in characters.
const OPTIONS_MAX: usize = 512;

/// A valid submission. Stored with the submission of core, for later responses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Attributes {
    pub(super) flavour: Flavour,
    /// Zero-based place in the batch in which it was sent.
    #[serde(default)]
    pub(super) place: usize,
    pub(super) language_id: i64,
    /// Not stored here, because core stores the source, the input and the expected output.
    #[serde(skip)]
    pub(super) source_code: Arc<[u8]>,
    #[serde(skip)]
    pub(super) stdin: Option<Arc<[u8]>>,
    #[serde(skip)]
    pub(super) expected_output: Option<Arc<[u8]>>,
    /// Whether the submission has standard input; if not, the attribute is null.
    pub(super) has_stdin: bool,
    pub(super) compiler_options: Option<String>,
    pub(super) command_line_arguments: Option<String>,
    /// Seconds.
    pub(super) cpu_time_limit: f64,
    /// Seconds.
    pub(super) cpu_extra_time: f64,
    /// Seconds.
    pub(super) wall_time_limit: f64,
    /// KiB.
    pub(super) memory_limit: i64,
    /// KiB.
    pub(super) stack_limit: i64,
    pub(super) max_processes_and_or_threads: i64,
    pub(super) enable_per_process_and_thread_time_limit: bool,
    pub(super) enable_per_process_and_thread_memory_limit: bool,
    /// KiB.
    pub(super) max_file_size: i64,
    pub(super) redirect_stderr_to_stdout: bool,
    pub(super) enable_network: bool,
    pub(super) number_of_runs: i64,
    /// The archive, as bytes.
    #[serde(with = "as_base64", default, skip_serializing_if = "Option::is_none")]
    pub(super) additional_files: Option<Vec<u8>>,
    pub(super) callback_url: Option<String>,
}

mod as_base64 {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| BASE64_STANDARD.encode(bytes)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)).transpose()
    }
}

/// Default and bounds of a number.
pub(super) struct Bounds<T> {
    pub(super) default: T,
    pub(super) min: T,
    pub(super) max: T,
}

const fn bounds<T>(default: T, min: T, max: T) -> Bounds<T> {
    Bounds { default, min, max }
}

/// The limits of a flavour.
pub(super) struct AttributeBounds {
    pub(super) cpu_time_limit: Bounds<f64>,
    pub(super) cpu_extra_time: Bounds<f64>,
    pub(super) wall_time_limit: Bounds<f64>,
    pub(super) memory_limit: Bounds<i64>,
    pub(super) stack_limit: Bounds<i64>,
    /// The message about the minimum is `must be greater than 0`.
    pub(super) max_processes_and_or_threads: Bounds<i64>,
    pub(super) max_file_size: Bounds<i64>,
    /// The message about the minimum is `must be greater than 0`.
    pub(super) number_of_runs: Bounds<i64>,
}

impl AttributeBounds {
    /// The original's default configuration.
    pub(super) const fn of(flavour: Flavour) -> AttributeBounds {
        match flavour {
            Flavour::Ce => AttributeBounds {
                cpu_time_limit: bounds(5.0, 0.0, 15.0),
                cpu_extra_time: bounds(1.0, 0.0, 5.0),
                wall_time_limit: bounds(10.0, 1.0, 20.0),
                memory_limit: bounds(128_000, 2048, 512_000),
                stack_limit: bounds(64_000, 0, 128_000),
                max_processes_and_or_threads: bounds(60, 1, 120),
                max_file_size: bounds(1024, 0, 4096),
                number_of_runs: bounds(1, 1, 20),
            },
            Flavour::Extra => AttributeBounds {
                cpu_time_limit: bounds(15.0, 0.0, 20.0),
                wall_time_limit: bounds(20.0, 1.0, 25.0),
                max_processes_and_or_threads: bounds(100, 1, 120),
                max_file_size: bounds(5120, 0, 20_480),
                ..AttributeBounds::of(Flavour::Ce)
            },
        }
    }

    /// The limits of a flavour with these settings. `language`: the maxima of the submission's language, up to which
    /// limits may be requested if the facade is not strict.
    pub(super) fn with(flavour: Flavour, options: &Judge0Options, language: Option<&Limits>) -> AttributeBounds {
        let mut ranges = AttributeBounds::of(flavour);
        if let Some(max) = language.filter(|_| !options.strict) {
            let larger = |range: &mut Bounds<f64>, max: f64| range.max = range.max.max(max);
            larger(&mut ranges.cpu_time_limit, max.cpu_time.as_secs_f64());
            larger(&mut ranges.wall_time_limit, max.wall_time.as_secs_f64());
            let larger =
                |range: &mut Bounds<i64>, max: u64| range.max = range.max.max(i64::try_from(max).unwrap_or(i64::MAX));
            larger(&mut ranges.memory_limit, max.memory.as_kib());
            larger(&mut ranges.stack_limit, max.stack.as_kib());
            larger(&mut ranges.max_processes_and_or_threads, max.processes.into());
            larger(&mut ranges.max_file_size, max.file_size.as_kib());
        }
        let limits = &options.limits;
        ranges.cpu_time_limit.replace(limits.cpu_time_limit, |number| number);
        ranges.cpu_extra_time.replace(limits.cpu_extra_time, |number| number);
        ranges.wall_time_limit.replace(limits.wall_time_limit, |number| number);
        let whole = |number: f64| number as i64;
        ranges.memory_limit.replace(limits.memory_limit, whole);
        ranges.stack_limit.replace(limits.stack_limit, whole);
        ranges.max_processes_and_or_threads.replace(limits.max_processes_and_or_threads, whole);
        ranges.max_file_size.replace(limits.max_file_size, whole);
        ranges.number_of_runs.replace(limits.number_of_runs, whole);
        ranges
    }
}

impl<T: Copy + PartialOrd> Bounds<T> {
    /// Replaces the default and the maximum with the configured values. The default is at most the maximum.
    fn replace(&mut self, configured: Judge0Limit, convert: impl Fn(f64) -> T) {
        self.max = configured.max.map_or(self.max, &convert);
        self.default = configured.default.map_or(self.default, &convert);
        if self.default > self.max {
            self.default = self.max;
        }
    }
}

/// The validation errors of a submission: messages by attribute, in the order of the checks.
pub(super) type Faults = Vec<(&'static str, Vec<String>)>;

/// The response body for validation errors.
pub(super) fn faults_body(faults: &Faults) -> Value {
    Value::Object(faults.iter().map(|(attribute, messages)| ((*attribute).to_owned(), json!(messages))).collect())
}

/// Validates the attributes of a submission. `find` returns what the flavour knows about a language.
///
/// # Errors
/// The validation errors, with the original's messages.
pub(super) fn validate(
    sent: &Map<String, Value>,
    is_base64: bool,
    flavour: Flavour,
    options: &Judge0Options,
    find: impl Fn(i64) -> Found,
) -> Result<Attributes, Faults> {
    let mut reader = Reader { sent, faults: Vec::new() };
    let bytes =
        |text: String| -> Arc<[u8]> { if is_base64 { text::decode(&text).into() } else { text.into_bytes().into() } };
    let source_code = reader.text("source_code").map(bytes).unwrap_or_default();
    let stdin = reader.text("stdin").map(bytes);
    let expected_output = reader.text("expected_output").map(bytes);
    let additional_files = reader.text("additional_files").map(|text| text::decode(&text));
    let language_id = reader.language_id();
    let found = language_id.map_or_else(Found::default, find);
    reader.check_language(language_id, found.known);
    let language = found.known;
    let ranges = AttributeBounds::with(flavour, options, found.max.as_ref());
    let is_blank = source_code.iter().all(|c| c.is_ascii_whitespace() || *c == 0x0b);
    match language {
        Known::MultiFile if !is_blank => reader.fault("source_code", "must be blank"),
        Known::MultiFile if additional_files.as_ref().is_none_or(Vec::is_empty) => {
            reader.fault("additional_files", "can't be blank");
        }
        Known::MultiFile => {}
        _ if is_blank => reader.fault("source_code", "can't be blank"),
        _ => {}
    }
    let number_of_runs = reader.integer("number_of_runs", &ranges.number_of_runs, Minimum::GreaterThanZero);
    let cpu_time_limit = reader.decimal("cpu_time_limit", &ranges.cpu_time_limit);
    let cpu_extra_time = reader.decimal("cpu_extra_time", &ranges.cpu_extra_time);
    let wall_time_limit = reader.decimal("wall_time_limit", &ranges.wall_time_limit);
    let memory_limit = reader.integer("memory_limit", &ranges.memory_limit, Minimum::Inclusive);
    let stack_limit = reader.integer("stack_limit", &ranges.stack_limit, Minimum::Inclusive);
    let processes = &ranges.max_processes_and_or_threads;
    let processes = reader.integer("max_processes_and_or_threads", processes, Minimum::GreaterThanZero);
    let max_file_size = reader.integer("max_file_size", &ranges.max_file_size, Minimum::Inclusive);
    let compiler_options = reader.text("compiler_options");
    if is_present(compiler_options.as_deref()) {
        let allowed = &options.allowed_languages_for_compiler_options;
        let is_allowed =
            |name: &String| found.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(' '));
        if !options.enable_compiler_options {
            reader.fault("compiler_options", "setting compiler options is not allowed");
        } else if matches!(language, Known::MultiFile | Known::Present { is_compiled: false }) {
            reader.fault("compiler_options", "setting compiler options is only allowed for compiled languages");
        } else if matches!(language, Known::Present { .. }) && !allowed.is_empty() && !allowed.iter().any(is_allowed) {
            let list = sentence(allowed);
            reader.fault("compiler_options", format!("setting compiler options is only allowed for {list}"));
        }
    }
    reader.bounded("compiler_options", compiler_options.as_deref());
    let command_line_arguments = reader.text("command_line_arguments");
    if is_present(command_line_arguments.as_deref()) && !options.enable_command_line_arguments {
        reader.fault("command_line_arguments", "setting command line arguments is not allowed");
    }
    reader.bounded("command_line_arguments", command_line_arguments.as_deref());
    let callback_url = reader.text("callback_url");
    if is_present(callback_url.as_deref()) && !options.enable_callbacks {
        reader.fault("callback_url", "setting callback is not allowed");
    }
    if additional_files.as_ref().is_some_and(|files| !files.is_empty()) && !options.enable_additional_files {
        reader.fault("additional_files", "setting additional files is not allowed");
    }
    let time_of_each = reader.switch("enable_per_process_and_thread_time_limit");
    if time_of_each && !options.allow_enable_per_process_and_thread_time_limit {
        reader.fault("enable_per_process_and_thread_time_limit", "this option cannot be enabled");
    }
    let memory_of_each = reader.switch("enable_per_process_and_thread_memory_limit");
    if memory_of_each && !options.allow_enable_per_process_and_thread_memory_limit {
        reader.fault("enable_per_process_and_thread_memory_limit", "this option cannot be enabled");
    }
    let redirect_stderr_to_stdout = reader.switch("redirect_stderr_to_stdout");
    let enable_network = reader.switch("enable_network");
    if enable_network {
        reader.fault("enable_network", "enabling network is not allowed");
    }
    let attributes = Attributes {
        flavour,
        place: 0,
        language_id: language_id.unwrap_or_default(),
        source_code,
        has_stdin: stdin.is_some(),
        stdin,
        expected_output,
        compiler_options,
        command_line_arguments,
        cpu_time_limit,
        cpu_extra_time,
        wall_time_limit,
        memory_limit,
        stack_limit,
        max_processes_and_or_threads: processes,
        enable_per_process_and_thread_time_limit: time_of_each,
        enable_per_process_and_thread_memory_limit: memory_of_each,
        max_file_size,
        redirect_stderr_to_stdout,
        enable_network,
        number_of_runs,
        additional_files,
        callback_url,
    };
    if reader.faults.is_empty() { Ok(attributes) } else { Err(reader.faults) }
}

/// Whether the original treats an optional text as present: it contains a character other than blanks.
fn is_present(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

/// Names as a list in a sentence: `C, C++ and Java`.
fn sentence(names: &[String]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        names => names.concat(),
    }
}

/// How the original describes a minimum.
#[derive(Clone, Copy)]
enum Minimum {
    Inclusive,
    GreaterThanZero,
}

struct Reader<'s> {
    sent: &'s Map<String, Value>,
    faults: Faults,
}

impl Reader<'_> {
    fn fault(&mut self, attribute: &'static str, message: impl Into<String>) {
        match self.faults.iter_mut().find(|(of, _)| *of == attribute) {
            Some((_, messages)) => messages.push(message.into()),
            None => self.faults.push((attribute, vec![message.into()])),
        }
    }

    /// A string; `None`: null, absent, or an array or object, which the original drops.
    fn text(&self, attribute: &str) -> Option<String> {
        match self.sent.get(attribute)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            // ActiveRecord stores booleans in text columns as one letter.
            Value::Bool(value) => Some(if *value { "t" } else { "f" }.to_owned()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A number; `None`: the default applies.
    fn number(&mut self, attribute: &'static str) -> Option<f64> {
        let number = match self.sent.get(attribute)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
            Value::Bool(_) => None,
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        if number.is_none() {
            self.fault(attribute, "is not a number");
        }
        number
    }

    fn decimal(&mut self, attribute: &'static str, range: &Bounds<f64>) -> f64 {
        let Some(number) = self.number(attribute) else { return range.default };
        if number < range.min {
            self.fault(attribute, format!("must be greater than or equal to {}", range.min));
        }
        if number > range.max {
            self.fault(attribute, format!("must be less than or equal to {:?}", range.max));
        }
        number
    }

    fn integer(&mut self, attribute: &'static str, range: &Bounds<i64>, minimum: Minimum) -> i64 {
        let Some(number) = self.number(attribute) else { return range.default };
        match minimum {
            Minimum::Inclusive if number < range.min as f64 => {
                self.fault(attribute, format!("must be greater than or equal to {}", range.min));
            }
            Minimum::GreaterThanZero if number <= 0.0 => self.fault(attribute, "must be greater than 0"),
            _ => {}
        }
        if number > range.max as f64 {
            self.fault(attribute, format!("must be less than or equal to {}", range.max));
        }
        // Truncated after the validation. A number between 0 and 1 becomes the minimum, because 0 would mean no runs.
        (number as i64).max(range.min)
    }

    fn switch(&self, attribute: &str) -> bool {
        match self.sent.get(attribute) {
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => false,
            Some(Value::Bool(value)) => *value,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => {
                !matches!(text.as_str(), "" | "0" | "f" | "F" | "false" | "FALSE" | "off" | "OFF")
            }
        }
    }

    fn language_id(&self) -> Option<i64> {
        match self.sent.get("language_id") {
            Some(Value::Number(number)) => number.as_f64().map(|number| number as i64),
            Some(Value::String(text)) if text.trim().is_empty() => None,
            // As in Ruby, the value is the number at the beginning of the string, and a string without a number at its
            // beginning is 0.
            Some(Value::String(text)) => {
                let text = text.trim();
                let digits = text.strip_prefix('-').unwrap_or(text);
                let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
                let number: i64 = digits[..end].parse().unwrap_or(0);
                Some(if text.starts_with('-') { -number } else { number })
            }
            Some(Value::Bool(value)) => Some(i64::from(*value)),
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => None,
        }
    }

    fn check_language(&mut self, id: Option<i64>, known: Known) {
        let Some(id) = id else {
            self.fault("language_id", "can't be blank");
            self.fault("language_id", "language with id  doesn't exist");
            return;
        };
        match known {
            Known::Absent => self.fault("language_id", format!("language with id {id} doesn't exist")),
            Known::Archived => {
                self.fault("language_id", format!("language with id {id} is archived and cannot be used anymore"));
            }
            Known::Present { .. } | Known::MultiFile => {}
        }
    }

    fn bounded(&mut self, attribute: &'static str, text: Option<&str>) {
        if text.is_some_and(|text| text.chars().count() > OPTIONS_MAX) {
            self.fault(attribute, format!("is too long (maximum is {OPTIONS_MAX} characters)"));
        }
    }
}

/// Characters that the original removes from options and arguments before a shell reads them.
const REMOVED: [char; 7] = ['$', '&', ';', '<', '>', '|', '`'];

/// Splits compiler options or arguments into words like a shell, but without a shell. The characters that the original
/// removes are removed first. After that, only quotes, backslashes and `#` at the start of a word (a comment) have a
/// special meaning. Line breaks separate words.
pub(super) fn words(text: Option<&str>) -> Vec<String> {
    let text: String = text.unwrap_or_default().chars().filter(|c| !REMOVED.contains(c)).collect();
    // A quote that is not closed is a syntax error in a shell. Here, the text is split at blanks.
    shlex::split(&text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: i64) -> Found {
        let (known, name) = match id {
            50 => (Known::Present { is_compiled: true }, "C (GCC 9.2.0)"),
            54 => (Known::Present { is_compiled: true }, "C++ (GCC 9.2.0)"),
            71 => (Known::Present { is_compiled: false }, "Python (3.8.1)"),
            4 => (Known::Archived, "C (gcc 7.2.0)"),
            89 => (Known::MultiFile, "Multi-file program"),
            _ => (Known::Absent, ""),
        };
        let max = Limits { cpu_time: std::time::Duration::from_secs(60), ..Limits::default() };
        Found { known, name: name.to_owned(), max: Some(max) }
    }

    fn checked(sent: &Value) -> Result<Attributes, Faults> {
        checked_with(sent, &Judge0Options::default())
    }

    fn checked_with(sent: &Value, options: &Judge0Options) -> Result<Attributes, Faults> {
        validate(sent.as_object().unwrap(), false, Flavour::Ce, options, found)
    }

    /// Each row: settings, an attribute with a value, and the message if it is refused.
    #[test]
    fn settings_forbid_attributes_with_the_messages_of_the_original() {
        let of = |change: fn(&mut Judge0Options)| {
            let mut options = Judge0Options::default();
            change(&mut options);
            options
        };
        let no_options = of(|options| options.enable_compiler_options = false);
        let some_options = |names: &[&str]| Judge0Options {
            allowed_languages_for_compiler_options: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Judge0Options::default()
        };
        let no_arguments = of(|options| options.enable_command_line_arguments = false);
        let no_callbacks = of(|options| options.enable_callbacks = false);
        let no_files = of(|options| options.enable_additional_files = false);
        let together = of(|options| {
            options.allow_enable_per_process_and_thread_time_limit = false;
            options.allow_enable_per_process_and_thread_memory_limit = false;
        });
        let cannot = Some("this option cannot be enabled");
        for (options, attribute, value, message) in [
            (&no_options, "compiler_options", json!("-O2"), Some("setting compiler options is not allowed")),
            (&no_options, "compiler_options", json!(" "), None),
            (&some_options(&["C", "C++", "Java"]), "compiler_options", json!("-O2"), None),
            (
                &some_options(&["C++", "Go", "Java"]),
                "compiler_options",
                json!("-O2"),
                Some("setting compiler options is only allowed for C++, Go and Java"),
            ),
            (
                &some_options(&["Go"]),
                "compiler_options",
                json!("-O2"),
                Some("setting compiler options is only allowed for Go"),
            ),
            (
                &no_arguments,
                "command_line_arguments",
                json!("a"),
                Some("setting command line arguments is not allowed"),
            ),
            (&no_arguments, "command_line_arguments", json!(""), None),
            (&no_callbacks, "callback_url", json!("http://x"), Some("setting callback is not allowed")),
            (&no_callbacks, "callback_url", json!("  "), None),
            (&no_files, "additional_files", json!("AAEC"), Some("setting additional files is not allowed")),
            (&together, "enable_per_process_and_thread_time_limit", json!(true), cannot),
            (&together, "enable_per_process_and_thread_memory_limit", json!("on"), cannot),
            (&together, "enable_per_process_and_thread_memory_limit", json!(false), None),
        ] {
            let mut sent = json!({ "source_code": "x", "language_id": 50 });
            sent[attribute] = value;
            let faults = checked_with(&sent, options).err().unwrap_or_default();
            let expected: Faults = message.map(|message| (attribute, vec![message.to_owned()])).into_iter().collect();
            assert_eq!(faults, expected, "{sent} {options:?}");
        }
    }

    #[test]
    fn configured_defaults_and_maxima_replace_those_of_the_original() {
        let limit = |default, max| Judge0Limit { default, max };
        let mut options = Judge0Options::default();
        options.limits.cpu_time_limit = limit(Some(2.5), Some(4.0));
        options.limits.memory_limit = limit(None, Some(4096.0));
        options.limits.number_of_runs = limit(Some(3.0), None);
        let attributes = checked_with(&json!({ "source_code": "x", "language_id": 50 }), &options).unwrap();
        assert_eq!((attributes.cpu_time_limit, attributes.number_of_runs), (2.5, 3));
        assert_eq!(attributes.memory_limit, 4096, "a default is at most the maximum");
        for (attribute, value, message) in [
            ("cpu_time_limit", 4.5, "must be less than or equal to 4.0"),
            ("memory_limit", 4097.0, "must be less than or equal to 4096"),
            ("number_of_runs", 21.0, "must be less than or equal to 20"),
        ] {
            let mut sent = json!({ "source_code": "x", "language_id": 50 });
            sent[attribute] = json!(value);
            assert_eq!(checked_with(&sent, &options).unwrap_err(), [(attribute, vec![message.to_owned()])]);
        }
    }

    #[test]
    fn if_not_strict_a_larger_maximum_of_the_language_applies() {
        let sent = json!({ "source_code": "x", "language_id": 50, "cpu_time_limit": 60 });
        assert_eq!(
            checked(&sent).unwrap_err(),
            [("cpu_time_limit", vec!["must be less than or equal to 15.0".into()])]
        );
        let options = Judge0Options { strict: false, ..Judge0Options::default() };
        assert_eq!(checked_with(&sent, &options).unwrap().cpu_time_limit, 60.0);
        let sent = json!({ "source_code": "x", "language_id": 50, "cpu_time_limit": 60.5 });
        let expected = [("cpu_time_limit", vec!["must be less than or equal to 60.0".to_owned()])];
        assert_eq!(checked_with(&sent, &options).unwrap_err(), expected);
    }

    /// Each row: attributes that are added to a valid submission or replace its own, and the refused attribute with its
    /// messages.
    #[test]
    fn validation_errors_have_the_messages_of_the_original() {
        for (sent, attribute, messages) in [
            (json!({ "source_code": null }), "source_code", vec!["can't be blank"]),
            (json!({ "source_code": " \n\t" }), "source_code", vec!["can't be blank"]),
            (json!({ "language_id": 89 }), "source_code", vec!["must be blank"]),
            (json!({ "language_id": 89, "source_code": "" }), "additional_files", vec!["can't be blank"]),
            (json!({ "language_id": null }), "language_id", vec!["can't be blank", "language with id  doesn't exist"]),
            (json!({ "language_id": 99_999 }), "language_id", vec!["language with id 99999 doesn't exist"]),
            (json!({ "language_id": "abc" }), "language_id", vec!["language with id 0 doesn't exist"]),
            (
                json!({ "language_id": 4 }),
                "language_id",
                vec!["language with id 4 is archived and cannot be used anymore"],
            ),
            (json!({ "memory_limit": "much" }), "memory_limit", vec!["is not a number"]),
            (json!({ "memory_limit": true }), "memory_limit", vec!["is not a number"]),
            (json!({ "cpu_time_limit": -1 }), "cpu_time_limit", vec!["must be greater than or equal to 0"]),
            (json!({ "cpu_time_limit": "1s" }), "cpu_time_limit", vec!["is not a number"]),
            (json!({ "number_of_runs": "x" }), "number_of_runs", vec!["is not a number"]),
            (json!({ "cpu_extra_time": -0.1 }), "cpu_extra_time", vec!["must be greater than or equal to 0"]),
            (json!({ "cpu_time_limit": 15.1 }), "cpu_time_limit", vec!["must be less than or equal to 15.0"]),
            (json!({ "cpu_extra_time": "5.5" }), "cpu_extra_time", vec!["must be less than or equal to 5.0"]),
            (json!({ "wall_time_limit": 0.5 }), "wall_time_limit", vec!["must be greater than or equal to 1"]),
            (json!({ "wall_time_limit": 21 }), "wall_time_limit", vec!["must be less than or equal to 20.0"]),
            (json!({ "memory_limit": 2047 }), "memory_limit", vec!["must be greater than or equal to 2048"]),
            (json!({ "memory_limit": 512_001 }), "memory_limit", vec!["must be less than or equal to 512000"]),
            (json!({ "stack_limit": -1 }), "stack_limit", vec!["must be greater than or equal to 0"]),
            (json!({ "stack_limit": 128_001 }), "stack_limit", vec!["must be less than or equal to 128000"]),
            (
                json!({ "max_processes_and_or_threads": 0 }),
                "max_processes_and_or_threads",
                vec!["must be greater than 0"],
            ),
            (
                json!({ "max_processes_and_or_threads": 121 }),
                "max_processes_and_or_threads",
                vec!["must be less than or equal to 120"],
            ),
            (json!({ "max_file_size": 4097 }), "max_file_size", vec!["must be less than or equal to 4096"]),
            (json!({ "max_file_size": -1 }), "max_file_size", vec!["must be greater than or equal to 0"]),
            (
                json!({ "language_id": 89, "source_code": "", "additional_files": "AAEC", "compiler_options": "-O2" }),
                "compiler_options",
                vec!["setting compiler options is only allowed for compiled languages"],
            ),
            (json!({ "number_of_runs": 0 }), "number_of_runs", vec!["must be greater than 0"]),
            (json!({ "number_of_runs": 21 }), "number_of_runs", vec!["must be less than or equal to 20"]),
            (
                json!({ "compiler_options": "x".repeat(513) }),
                "compiler_options",
                vec!["is too long (maximum is 512 characters)"],
            ),
            (
                json!({ "command_line_arguments": "é".repeat(513) }),
                "command_line_arguments",
                vec!["is too long (maximum is 512 characters)"],
            ),
            (
                json!({ "language_id": 71, "compiler_options": "-O2" }),
                "compiler_options",
                vec!["setting compiler options is only allowed for compiled languages"],
            ),
            (json!({ "enable_network": true }), "enable_network", vec!["enabling network is not allowed"]),
            (json!({ "enable_network": "yes" }), "enable_network", vec!["enabling network is not allowed"]),
        ] {
            let mut all = json!({ "source_code": "x", "language_id": 50 });
            all.as_object_mut().unwrap().extend(sent.as_object().unwrap().clone());
            let faults = checked(&all).unwrap_err();
            let messages: Vec<String> = messages.into_iter().map(str::to_owned).collect();
            assert_eq!(faults, [(attribute, messages)], "{sent}");
        }
    }

    /// Each row: an attribute, its default and largest value in Extra, and the message for a larger value.
    #[test]
    fn extra_has_its_own_limits() {
        let checked =
            |sent: &Value| validate(sent.as_object().unwrap(), false, Flavour::Extra, &Judge0Options::default(), found);
        let of =
            |attributes: &Attributes, name: &str| serde_json::to_value(attributes).unwrap()[name].as_f64().unwrap();
        for (attribute, default, max, message) in [
            ("cpu_time_limit", 15.0, 20.0, "must be less than or equal to 20.0"),
            ("cpu_extra_time", 1.0, 5.0, "must be less than or equal to 5.0"),
            ("wall_time_limit", 20.0, 25.0, "must be less than or equal to 25.0"),
            ("memory_limit", 128_000.0, 512_000.0, "must be less than or equal to 512000"),
            ("stack_limit", 64_000.0, 128_000.0, "must be less than or equal to 128000"),
            ("max_processes_and_or_threads", 100.0, 120.0, "must be less than or equal to 120"),
            ("max_file_size", 5120.0, 20_480.0, "must be less than or equal to 20480"),
            ("number_of_runs", 1.0, 20.0, "must be less than or equal to 20"),
        ] {
            let mut sent = json!({ "source_code": "x", "language_id": 50 });
            assert_eq!(of(&checked(&sent).unwrap(), attribute), default, "{attribute}");
            sent[attribute] = json!(max);
            assert_eq!(of(&checked(&sent).unwrap(), attribute), max, "{attribute}");
            sent[attribute] = json!(max + 1.0);
            assert_eq!(checked(&sent).unwrap_err(), [(attribute, vec![message.to_owned()])]);
        }
    }

    #[test]
    fn only_the_false_values_of_active_record_turn_a_switch_off() {
        for (value, is_on) in [
            (json!(false), false),
            (json!(0), false),
            (json!("0"), false),
            (json!("f"), false),
            (json!("F"), false),
            (json!("false"), false),
            (json!("FALSE"), false),
            (json!("off"), false),
            (json!("OFF"), false),
            (json!(""), false),
            (Value::Null, false),
            (json!([true]), false),
            (json!({ "a": 1 }), false),
            (json!(true), true),
            (json!(1), true),
            (json!("1"), true),
            (json!("False"), true),
            (json!("no"), true),
        ] {
            let sent = json!({ "source_code": "x", "language_id": 50, "redirect_stderr_to_stdout": value });
            assert_eq!(checked(&sent).unwrap().redirect_stderr_to_stdout, is_on, "{value}");
        }
    }

    #[test]
    fn an_integer_attribute_is_truncated_after_the_validation() {
        for (sent, expected) in [(json!(2.9), 2), (json!("2.9"), 2), (json!(0.5), 1), (json!(20.0), 20)] {
            let all = json!({ "source_code": "x", "language_id": 50, "number_of_runs": sent });
            assert_eq!(checked(&all).unwrap().number_of_runs, expected, "{sent}");
        }
    }

    #[test]
    fn all_validation_errors_are_reported_together() {
        let faults = checked(&json!({ "memory_limit": 1, "number_of_runs": "x" })).unwrap_err();
        let expected = json!({
            "language_id": ["can't be blank", "language with id  doesn't exist"],
            "source_code": ["can't be blank"],
            "number_of_runs": ["is not a number"],
            "memory_limit": ["must be greater than or equal to 2048"],
        });
        assert_eq!(faults_body(&faults), expected);
    }

    #[test]
    fn values_are_converted_as_by_active_record() {
        let attributes = checked(&json!({
            "source_code": 1, "language_id": "71 or so", "stdin": "", "expected_output": null, "cpu_time_limit": "",
            "wall_time_limit": " 2.5 ", "memory_limit": "4096.9", "stack_limit": null, "number_of_runs": "3",
            "redirect_stderr_to_stdout": "on", "enable_per_process_and_thread_time_limit": "off", "enable_network": [1],
            "compiler_options": " ", "unknown": 1, "callback_url": {},
        }));
        let Attributes { language_id, source_code, stdin, expected_output, .. } = attributes.clone().unwrap();
        assert_eq!(
            (language_id, &source_code[..], stdin, expected_output),
            (71, &b"1"[..], Some(Arc::default()), None)
        );
        let a = attributes.unwrap();
        assert_eq!((a.cpu_time_limit, a.wall_time_limit, a.memory_limit, a.stack_limit), (5.0, 2.5, 4096, 64_000));
        assert_eq!((a.number_of_runs, a.redirect_stderr_to_stdout, a.callback_url), (3, true, None));
        assert!(!a.enable_per_process_and_thread_time_limit);
    }

    #[test]
    fn attributes_are_stored_without_source_and_input() {
        let mut sent = json!({ "source_code": "x", "language_id": 50, "stdin": "y" });
        sent["additional_files"] = json!("AAEC/w==");
        let attributes = checked(&sent).unwrap();
        let stored = serde_json::to_vec(&attributes).unwrap();
        let read: Attributes = serde_json::from_slice(&stored).unwrap();
        assert_eq!(read.additional_files.as_deref(), Some(&[0, 1, 2, 255][..]));
        assert_eq!(read, Attributes { source_code: Arc::default(), stdin: None, ..attributes });
    }

    #[test]
    fn options_are_words_and_never_reach_a_shell() {
        for (text, expected) in [
            (" -O2  -DX=1 ", &["-O2", "-DX=1"][..]),
            ("-D'A B' \"c d\"", &["-DA B", "c d"]),
            ("$(id) `id`; rm -rf / > x | y & z", &["(id)", "id", "rm", "-rf", "/", "x", "y", "z"]),
            ("one\ntwo", &["one", "two"]),
            ("it's open", &["it's", "open"]),
            ("", &[]),
        ] {
            assert_eq!(words(Some(text)), expected, "{text:?}");
        }
    }
}
