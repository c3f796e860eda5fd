//! The result of a job in the original's terms. The outcome depends on what the program wrote to standard error, not on
//! its exit code.

use std::fmt::Write as _;

use cupel_languages::SourceCheck;
use cupel_types::{Outcome, RunReport, Signal, StepReport, SubmissionId, Verdict};
use serde::Serialize;

use super::request::Reading;
use crate::compiler;

/// An outcome that the original's server sends. The original also documents other outcomes, which its server never
/// sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum JobOutcome {
    CompileError = 11,
    RunTimeError = 12,
    TimeLimit = 13,
    Success = 15,
    InternalError = 20,
    Overload = 21,
}

/// Texts of the original's watchdog. The original's server looks for them in standard error, so it also finds them if
/// the program wrote them.
const TIME_LIMIT_TEXTS: [&str; 2] = ["timelimit exceeded", "time limit exceeded"];

/// The working directory of every program. Interpreters put this directory before the names of files in their messages.
/// CodeRunner removes the original's directory from messages, so that students see bare names.
const WORKING_DIRECTORY: &str = "/box/";

/// The directory of Cupel's own files for compilers, such as the linker that compilers start.
const PREPARED: &str = "/opt/cupel/prepared/";

/// The body of the response.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct RunResponse {
    run_id: Option<String>,
    outcome: u8,
    cmpinfo: String,
    stdout: String,
    stderr: String,
}

impl RunResponse {
    fn new(outcome: JobOutcome) -> RunResponse {
        RunResponse {
            run_id: None,
            outcome: outcome as u8,
            cmpinfo: String::new(),
            stdout: String::new(),
            stderr: String::new(),
        }
    }

    /// The program was not compiled, for this reason.
    pub(super) fn not_compiled(reason: &str) -> RunResponse {
        RunResponse { cmpinfo: reason.to_owned(), ..RunResponse::new(JobOutcome::CompileError) }
    }

    /// The program was not run in time.
    pub(super) fn overloaded() -> RunResponse {
        RunResponse { run_id: Some("0".to_owned()), ..RunResponse::new(JobOutcome::Overload) }
    }

    /// Cupel failed.
    pub(super) fn failed(reason: &str) -> RunResponse {
        RunResponse { stderr: reason.to_owned(), ..RunResponse::new(JobOutcome::InternalError) }
    }

    /// The result of a job that was judged.
    pub(super) fn of(report: &RunReport, reading: &Reading, id: SubmissionId) -> RunResponse {
        // The original returns the path of a folder on its server.
        let run_id = reading.debug.then(|| id.to_string());
        let compiler = report.compile.as_ref().map(|_| message(&compiler::messages_with_reason(report), reading));
        let refused = |cmpinfo: String| RunResponse {
            run_id: run_id.clone(),
            cmpinfo,
            ..RunResponse::new(JobOutcome::CompileError)
        };
        // The original treats a compiler warning as an error, except in languages that allow warnings.
        let is_refused = report.is_not_built() || !reading.allows_warnings;
        match (compiler, &report.execution) {
            (Some(text), _) if !text.is_empty() && is_refused && report.verdict != Verdict::InternalError => {
                refused(text)
            }
            (_, Some(step)) => {
                let stderr = stderr_of(step, reading);
                if let Some(text) = checked(reading, step, &stderr) {
                    return refused(text);
                }
                let outcome = outcome_of(step.outcome, &stderr);
                RunResponse {
                    run_id,
                    stdout: with_bare_names(cleaned(&step.stdout.data, reading.stream_bytes), &reading.names),
                    stderr: if outcome == JobOutcome::TimeLimit { String::new() } else { stderr },
                    ..RunResponse::new(outcome)
                }
            }
            (Some(_), None) if report.is_not_built() => refused(reason(report)),
            (_, None) => RunResponse::failed(&reason(report)),
        }
    }
}

fn reason(report: &RunReport) -> String {
    report.message.clone().unwrap_or_else(|| "the program was not run".to_owned())
}

fn outcome_of(outcome: Outcome, stderr: &str) -> JobOutcome {
    match outcome {
        // In the original, a program with endless output runs until its time limit.
        Outcome::TimeLimit
        | Outcome::WallLimit
        | Outcome::IdleLimit
        | Outcome::InstructionLimit
        | Outcome::OutputLimit => JobOutcome::TimeLimit,
        Outcome::Exited(_) | Outcome::Signalled(_) | Outcome::MemoryLimit | Outcome::DiskLimit | Outcome::Cancelled => {
            match stderr {
                "" => JobOutcome::Success,
                text if TIME_LIMIT_TEXTS.iter().any(|limit| text.contains(limit)) => JobOutcome::TimeLimit,
                _ => JobOutcome::RunTimeError,
            }
        }
    }
}

/// Standard error, with the line in which the original's shell says that the program could not be started, or names the
/// signal that ended it.
fn stderr_of(step: &StepReport, reading: &Reading) -> String {
    let mut stderr = message(&step.stderr.data, reading);
    if reading.expands_tabs {
        stderr = stderr.replace("\n\t", "\n        ");
    }
    let ended = match step.outcome {
        Outcome::Signalled(signal) => Some(shell_text(signal)),
        Outcome::MemoryLimit => Some("Killed".to_owned()),
        Outcome::DiskLimit => Some("No space left on device".to_owned()),
        Outcome::Cancelled => Some("Terminated".to_owned()),
        // A program that was started has used time.
        Outcome::Exited(126) if step.usage.wall_time.is_zero() => Some("sh: Permission denied".to_owned()),
        Outcome::Exited(127) if step.usage.wall_time.is_zero() => Some("sh: not found".to_owned()),
        _ => None,
    };
    if let Some(ended) = ended {
        if !stderr.is_empty() && !stderr.ends_with('\n') {
            stderr.push('\n');
        }
        stderr.push_str(&ended);
        stderr.push('\n');
    }
    stderr
}

/// What a shell prints for a signal. Source: strsignal(3) of glibc.
fn shell_text(signal: Signal) -> String {
    match signal.0 {
        4 => "Illegal instruction".to_owned(),
        5 => "Trace/breakpoint trap".to_owned(),
        6 => "Aborted".to_owned(),
        7 => "Bus error".to_owned(),
        8 => "Floating point exception".to_owned(),
        9 => "Killed".to_owned(),
        11 => "Segmentation fault".to_owned(),
        13 => "Broken pipe".to_owned(),
        15 => "Terminated".to_owned(),
        24 => "CPU time limit exceeded".to_owned(),
        25 => "File size limit exceeded".to_owned(),
        31 => "Bad system call".to_owned(),
        number => format!("Signal {number}"),
    }
}

/// The errors that the original's check of the source reports before the program starts. Here, the interpreter reports
/// them when the program starts.
fn checked(reading: &Reading, step: &StepReport, stderr: &str) -> Option<String> {
    let source = reading.names.first()?;
    match reading.check? {
        SourceCheck::Python => python_check(source, step, stderr),
        SourceCheck::Php => php_check(source, step, stderr),
    }
}

/// A syntax error that PHP found in the source. PHP stops at it before it writes anything else. An error in a file that
/// the source includes has the name of that file.
fn php_check(source: &str, step: &StepReport, stderr: &str) -> Option<String> {
    let place = format!(" in {source} on line ");
    let is_error = |line: &str| line.contains("Parse error:") && line.contains(&place);
    (step.stdout.data.is_empty() && stderr.lines().any(is_error)).then(|| stderr.to_owned())
}

/// Errors and warnings of Python's compiler about the source. Those about another file, and about text that the program
/// executes, are output of the program.
///
/// A syntax error in the source that Python starts has no traceback. A warning of the compiler precedes all output of
/// the program: `FILE:LINE: SyntaxWarning: …`, and the indented line of the source.
fn python_check(source: &str, step: &StepReport, stderr: &str) -> Option<String> {
    const ERRORS: [&str; 3] = ["SyntaxError: ", "IndentationError: ", "TabError: "];
    let last = stderr.lines().last().unwrap_or_default();
    let is_in_source = stderr.starts_with(&format!("  File \"{source}\", line "));
    let is_error = is_in_source && ERRORS.iter().any(|error| last.starts_with(error));
    if is_error && step.stdout.data.is_empty() {
        return Some(stderr.to_owned());
    }
    let mut warnings = String::new();
    let mut lines = stderr.lines().peekable();
    while let Some(line) = lines.next_if(|line| is_warning(source, line)) {
        // The program itself calls `warnings.warn`, and Python quotes the call.
        if lines.peek().is_some_and(|quoted| quoted.starts_with("  ") && quoted.contains("warn(")) {
            break;
        }
        warnings.push_str(line);
        warnings.push('\n');
        while let Some(quoted) = lines.next_if(|line| line.starts_with("  ")) {
            warnings.push_str(quoted);
            warnings.push('\n');
        }
    }
    (!warnings.is_empty()).then_some(warnings)
}

/// Whether the line is `SOURCE:LINE: SyntaxWarning: …`.
fn is_warning(source: &str, line: &str) -> bool {
    let place = line.strip_prefix(source).and_then(|rest| rest.strip_prefix(':'));
    let number = place.and_then(|rest| rest.split_once(": SyntaxWarning: ")).map(|(number, _)| number);
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The text in which the paths of these files in the working directory are their names. Other paths may be data of the
/// program, so they are unchanged.
fn with_bare_names(text: String, names: &[String]) -> String {
    if !text.contains(WORKING_DIRECTORY) {
        return text;
    }
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut bare = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, path)) = rest.split_once(WORKING_DIRECTORY) {
        bare.push_str(before);
        let is_known =
            |name: &&String| path.strip_prefix(name.as_str()).is_some_and(|end| !end.starts_with(is_of_name));
        let is_file = names.iter().filter(|name| !name.is_empty()).any(|name| is_known(&name));
        if !is_file || before.ends_with(|c| is_of_name(c) || matches!(c, '.' | '/')) {
            bare.push_str(WORKING_DIRECTORY);
        }
        rest = path;
    }
    bare.push_str(rest);
    bare
}

/// Output of a compiler, or standard error, without the working directory in file names.
fn message(data: &[u8], reading: &Reading) -> String {
    let text = cleaned(data, reading.stream_bytes).replace(WORKING_DIRECTORY, "");
    if text.contains(PREPARED) { without_directories(&text) } else { text }
}

/// The text with the names of prepared programs in place of their paths, such as `ld` for
/// `/opt/cupel/prepared/c/linker-0123/files/ld`.
fn without_directories(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, path)) = rest.split_once(PREPARED) {
        bare.push_str(before);
        let end = path.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(path.len());
        let (path, after) = path.split_at(end);
        bare.push_str(path.rsplit('/').next().unwrap_or_default());
        rest = after;
    }
    bare.push_str(rest);
    bare
}

/// The first `bytes_max` bytes of a stream as text. If it is not UTF-8, each byte that is not printable ASCII is
/// written as `\xNN`.
fn cleaned(data: &[u8], bytes_max: usize) -> String {
    let kept = &data[..data.len().min(bytes_max)];
    let error = match std::str::from_utf8(kept) {
        Ok(text) => return text.to_owned(),
        Err(error) => error,
    };
    // The limit may have cut a character in two.
    if error.error_len().is_none() && kept.len() < data.len() {
        return String::from_utf8_lossy(&kept[..error.valid_up_to()]).into_owned();
    }
    let mut text = String::with_capacity(kept.len());
    for &byte in kept {
        match byte {
            b'\t' | b'\n' | b'\r' | 0x20..=0x7e => text.push(byte.into()),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_not_utf8_is_escaped_as_a_whole() {
        for (data, expected) in [
            (&b"plain\n"[..], "plain\n"),
            ("é\u{0}\u{1}".as_bytes(), "é\u{0}\u{1}"),
            (b"ok\xff\x01", "ok\\xff\\x01"),
            (b"\xc3\xa9\xff\t", "\\xc3\\xa9\\xff\t"),
        ] {
            assert_eq!(cleaned(data, 100), expected, "{data:?}");
        }
        assert_eq!(cleaned("éé".as_bytes(), 3), "é", "the limit cuts no character");
        assert_eq!(cleaned(b"abc", 2), "ab");
    }

    #[test]
    fn the_outcome_depends_on_standard_error() {
        for (outcome, stderr, expected) in [
            (Outcome::Exited(0), "", JobOutcome::Success),
            (Outcome::Exited(3), "", JobOutcome::Success),
            (Outcome::Exited(0), "warning", JobOutcome::RunTimeError),
            (Outcome::Exited(1), "a time limit exceeded", JobOutcome::TimeLimit),
            (Outcome::TimeLimit, "", JobOutcome::TimeLimit),
            (Outcome::WallLimit, "x", JobOutcome::TimeLimit),
            (Outcome::OutputLimit, "", JobOutcome::TimeLimit),
        ] {
            assert_eq!(outcome_of(outcome, stderr), expected, "{outcome:?} {stderr:?}");
        }
    }
}
