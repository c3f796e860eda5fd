//! A submission as the original returns it.

use std::sync::Arc;

use cupel_core::run::SubmissionRecord;
use cupel_languages::Registry;
use cupel_types::{Limits, LimitsRequest, Program, RunReport, SubmissionKind, TestCase};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::attributes::{AttributeBounds, Attributes};
use super::fields::{Fields, Object};
use super::languages::{self, Flavour};
use super::result::Outputs;
use super::text;
use super::{JUDGE0, Judge0Options};

/// A submission and its result. The texts are those of the record, not copies.
pub(super) struct Rendering {
    record: SubmissionRecord,
    attributes: Attributes,
    outputs: Outputs,
    language: Value,
}

impl Rendering {
    /// `None`: the submission is not a program, its stored attributes cannot be read or, for a program that was
    /// submitted through another API, the language is unknown to Cupel or to the original.
    pub(super) fn of(registry: &Registry, record: SubmissionRecord, is_strict: bool) -> Option<Rendering> {
        let attributes = attributes(&record, registry)?;
        let outputs = Outputs::of(&record, &attributes, is_strict);
        let language = languages::short(registry, attributes.flavour, attributes.language_id);
        Some(Rendering { record, attributes, outputs, language })
    }

    /// Whether all selected texts are UTF-8, so that they need no base64.
    pub(super) fn is_utf8(&self, fields: &Fields) -> bool {
        fields.iter().filter_map(|name| self.text(name)).all(|bytes| std::str::from_utf8(bytes).is_ok())
    }

    /// The selected fields. Without base64, the texts must be UTF-8 ([`Rendering::is_utf8`]).
    pub(super) fn object(&self, fields: &Fields, is_base64: bool) -> Object {
        Object(fields.iter().map(|name| (name, self.field(name, is_base64))).collect())
    }

    /// The bytes of a text field; `None` if the field is null, or is no text field.
    fn text(&self, name: &str) -> Option<&[u8]> {
        let (a, o) = (&self.attributes, &self.outputs);
        match name {
            "source_code" => Some(&*a.source_code).filter(|source| !source.is_empty()),
            "stdin" => a.stdin.as_deref(),
            "expected_output" => a.expected_output.as_deref(),
            "stdout" => o.stdout.as_deref(),
            "stderr" => o.stderr.as_deref(),
            "compile_output" => o.compile_output.as_deref(),
            "message" => o.message.as_ref().map(String::as_bytes),
            _ => None,
        }
    }

    fn field(&self, name: &str, is_base64: bool) -> Value {
        if let Some(bytes) = self.text(name) {
            return if is_base64 { json!(text::encode(bytes)) } else { json!(String::from_utf8_lossy(bytes)) };
        }
        let (a, o) = (&self.attributes, &self.outputs);
        match name {
            "language_id" => json!(a.language_id),
            "status_id" => json!(o.status.id()),
            "created_at" => json!(date(self.record.submission.submitted_at)),
            "finished_at" => json!(self.record.completed_at.map(date)),
            "time" => json!(o.time.map(decimal)),
            "memory" => json!(o.memory),
            "token" => json!(self.record.submission.id.to_string()),
            "number_of_runs" => json!(a.number_of_runs),
            "cpu_time_limit" => json!(decimal(a.cpu_time_limit)),
            "cpu_extra_time" => json!(decimal(a.cpu_extra_time)),
            "wall_time_limit" => json!(decimal(a.wall_time_limit)),
            "memory_limit" => json!(a.memory_limit),
            "stack_limit" => json!(a.stack_limit),
            "max_processes_and_or_threads" => json!(a.max_processes_and_or_threads),
            "enable_per_process_and_thread_time_limit" => json!(a.enable_per_process_and_thread_time_limit),
            "enable_per_process_and_thread_memory_limit" => json!(a.enable_per_process_and_thread_memory_limit),
            "max_file_size" => json!(a.max_file_size),
            "exit_code" => json!(o.exit_code),
            "exit_signal" => json!(o.exit_signal),
            "wall_time" => json!(o.wall_time.map(decimal)),
            "compiler_options" => json!(a.compiler_options),
            "command_line_arguments" => json!(a.command_line_arguments),
            "redirect_stderr_to_stdout" => json!(a.redirect_stderr_to_stdout),
            "callback_url" => json!(a.callback_url),
            "additional_files" => json!(a.additional_files.as_deref().map(text::encode)),
            "enable_network" => json!(a.enable_network),
            "status" => json!({ "id": o.status.id(), "description": o.status.description() }),
            "language" => self.language.clone(),
            // A text that is null.
            _ => Value::Null,
        }
    }

    /// Number of bytes of the selected texts and files.
    pub(super) fn selected_bytes(&self, fields: &Fields) -> usize {
        let bytes_of = |name| match name {
            "additional_files" => self.additional_bytes(),
            name => self.text(name).map_or(0, <[u8]>::len),
        };
        fields.iter().map(bytes_of).sum()
    }

    /// Number of bytes in memory: of all texts and files of the submission and its result.
    pub(super) fn bytes(&self) -> usize {
        let submission = &self.record.submission;
        let of_program = match &submission.kind {
            SubmissionKind::Program(program) => program_bytes(program),
            // These are never rendered.
            SubmissionKind::Problem(_) | SubmissionKind::Verify(_) => 0,
        };
        let of_facade = submission.facade.as_ref().map_or(0, |facade| facade.data.len());
        let of_report = self.record.report.as_ref().map_or(0, RunReport::output_bytes);
        of_program + of_facade + of_report + self.additional_bytes()
    }

    fn additional_bytes(&self) -> usize {
        self.attributes.additional_files.as_ref().map_or(0, Vec::len)
    }
}

/// Number of bytes of the files and inputs of a program, and of the expected outputs.
fn program_bytes(program: &Program) -> usize {
    let files: usize = program.source.files.iter().map(|file| file.data.len()).sum();
    let of_test = |test: &TestCase| test.stdin.len() + test.expected.as_ref().map_or(0, |expected| expected.len());
    files + program.stdin.len() + program.tests.iter().map(of_test).sum::<usize>()
}

/// ISO 8601 with milliseconds; clients parse exactly this form.
pub(super) fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A decimal number as the original's database returns it: at least one digit after the point, and no exponent.
fn decimal(number: f64) -> String {
    let text = number.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// The attributes of a submission: as stored by this facade, or derived for a program that was submitted through
/// another API.
fn attributes(record: &SubmissionRecord, registry: &Registry) -> Option<Attributes> {
    let SubmissionKind::Program(program) = &record.submission.kind else { return None };
    let stored = record.submission.facade.as_ref().filter(|facade| facade.facade == JUDGE0);
    let mut attributes: Attributes = match stored {
        Some(stored) => serde_json::from_slice(&stored.data).ok()?,
        None => derived(registry, &program.source.language, &record.submission.limits)?,
    };
    let first = program.tests.first();
    // The files of a multi-file program are in its archive.
    if attributes.language_id != languages::MULTI_FILE {
        let source = program.source.files.iter().next();
        attributes.source_code = source.map(|file| Arc::clone(&file.data)).unwrap_or_default();
    }
    let stdin = first.map_or(&program.stdin, |test| &test.stdin);
    attributes.stdin = (attributes.has_stdin || !stdin.is_empty()).then(|| Arc::clone(stdin));
    attributes.expected_output = first.and_then(|test| test.expected.clone());
    if stored.is_none() && !program.args.is_empty() {
        attributes.command_line_arguments = shlex::try_join(program.args.iter().map(String::as_str)).ok();
    }
    Some(attributes)
}

fn derived(registry: &Registry, language: &cupel_types::LanguageId, sent: &LimitsRequest) -> Option<Attributes> {
    let language = registry.get(language)?;
    let Limits {
        cpu_time,
        wall_time,
        memory,
        stack,
        processes,
        file_size,
        // Judge0 has no attributes for these. For `address_space` it has a switch, whose value is the memory limit.
        idle_time: _,
        instructions: _,
        address_space: _,
        open_files: _,
        disk: _,
        inodes: _,
        output: _,
    } = sent.over(language.limits);
    let flavour = Flavour::Ce;
    Some(Attributes {
        flavour,
        place: 0,
        language_id: languages::id_of(language)?,
        source_code: Arc::default(),
        stdin: None,
        expected_output: None,
        has_stdin: false,
        compiler_options: None,
        command_line_arguments: None,
        cpu_time_limit: cpu_time.as_secs_f64(),
        cpu_extra_time: 0.0,
        wall_time_limit: wall_time.as_secs_f64(),
        memory_limit: memory.as_kib() as i64,
        stack_limit: stack.as_kib() as i64,
        max_processes_and_or_threads: processes.into(),
        enable_per_process_and_thread_time_limit: false,
        enable_per_process_and_thread_memory_limit: false,
        max_file_size: file_size.as_kib() as i64,
        redirect_stderr_to_stdout: false,
        enable_network: false,
        number_of_runs: AttributeBounds::of(flavour).number_of_runs.default,
        additional_files: None,
        callback_url: None,
    })
}

/// The body of the request to a submission's `callback_url`: the default fields, as base64. `None`: the submission did
/// not come through this facade, so its webhook is Cupel's own; or its attributes cannot be read.
pub fn callback_body(registry: &Registry, record: &SubmissionRecord, options: &Judge0Options) -> Option<String> {
    let facade = record.submission.facade.as_ref()?;
    if facade.facade != JUDGE0 {
        return None;
    }
    let rendering = Rendering::of(registry, record.clone(), options.strict)?;
    serde_json::to_string(&rendering.object(&Fields::default(), true)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_a_fraction_and_no_exponent() {
        for (number, text) in [(5.0, "5.0"), (0.042, "0.042"), (0.000_000_1, "0.0000001"), (20.0, "20.0"), (0.0, "0.0")]
        {
            assert_eq!(decimal(number), text);
        }
    }

    #[test]
    fn dates_have_milliseconds() {
        let at = |text: &str| date(text.parse().unwrap());
        assert_eq!(at("2026-11-20T08:15:30.1239Z"), "2026-11-20T08:15:30.123Z");
        assert_eq!(at("2026-11-20T08:15:30Z"), "2026-11-20T08:15:30.000Z");
    }
}
