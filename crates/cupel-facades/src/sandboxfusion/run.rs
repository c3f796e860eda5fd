//! Converts a request to core's use case, and the result to the response.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_core::{Idempotency, NewProgram, NewSource, NewSubmission};
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_http::large_answer;
use cupel_http::notes::Notes;
use cupel_languages::{Availability, FacadeOptions, Language};
use cupel_types::{
    BoxPath, Bytes, FETCH_FILES_MAX, FETCH_PATHS_BYTES_MAX, FetchedFile, Limits, LimitsRequest, RunReport, ToolOptions,
    counted,
};
use serde_json::json;
use tokio::time::Instant;

use super::SANDBOXFUSION;
use super::languages::Named;
use super::python::decode_base64;
use super::request::RunCode;
use super::response::{CommandRunResult, RunCodeResponse};
use crate::execute::{Ended, Reached, Refusal, Run, Submit, execute, output_bytes};
use crate::program::{SourceFile, limits_within, main_name};

/// Reason for a run without a result.
pub(super) const UNFINISHED: &str = "the run was cancelled, or the sandbox failed";

/// Files whose path contains this text are skipped.
const SKIPPED: &str = "IGNORE_THIS_FILE";

/// Smallest memory limit, in MiB, whose number of bytes is too large for the C integer that the original passes to the
/// kernel.
const MEMORY_MIB_MAX: f64 = (1u64 << 43) as f64;

/// Longest time for which a request is held, regardless of its limits.
pub(super) const HELD_MAX: Duration = Duration::from_secs(3600);

/// Upper bound on the memory for one byte of output while the response is built: the byte, its replacement character in
/// a buffer of up to twice the size (6), and in JSON (6).
pub(super) const BYTES_PER_BYTE: usize = 13;

/// The submission of a valid request, or the response to a request that needs no run.
#[expect(clippy::large_enum_variant, reason = "nearly every request needs a run")]
pub(super) enum Prepared {
    Run(NewSubmission),
    Response(RunCodeResponse),
}

/// Prepares a valid request with this input.
pub(super) fn prepare(app: &Shared, notes: &Notes, request: &RunCode, stdin: &str) -> Prepared {
    let named = request.language;
    let registry = app.core.registry();
    let options = registry.of_facade(SANDBOXFUSION, named.name).and_then(|l| l.facade_options.get(SANDBOXFUSION));
    let declaration = options.and_then(|options| options.declaration.as_deref());
    if declaration.is_some_and(|keyword| !declares(&request.code, keyword)) {
        // The original runs the first object of the source, so it searches the source for that object's name before the
        // run.
        let result = CommandRunResult { return_code: Some(1), ..CommandRunResult::error("Object name not found.") };
        return Prepared::Response(RunCodeResponse::of(Some(result), None));
    }
    let language = registry.of_facade(SANDBOXFUSION, named.name);
    let language = match language.map(|language| (language, &language.availability)) {
        Some((language, Availability::Available { .. })) => language,
        Some((_, unavailable @ (Availability::Unavailable { .. } | Availability::Pulling(_)))) => {
            let reason = unavailable.reason().unwrap_or_default();
            return Prepared::Response(without_toolchain(named, &missing(named, reason)));
        }
        // The original's enumeration contains this language, but the original has no runner for it.
        None if named.name == "sql" => {
            return Prepared::Response(RunCodeResponse::sandbox_error(&request.code, "'sql'"));
        }
        None | Some((_, Availability::Unprobed)) => {
            let missing = format!("{}: command not found", named.program);
            return Prepared::Response(without_toolchain(named, &missing));
        }
    };
    if request.memory_limit_mib >= MEMORY_MIB_MAX {
        let error = Some(CommandRunResult::error("Python int too large to convert to C long"));
        return Prepared::Response(match named.is_compiled {
            true => RunCodeResponse::of(error, None),
            false => RunCodeResponse::of(None, error),
        });
    }
    if named.is_compiled && request.compile_timeout <= 0.0 {
        return Prepared::Response(RunCodeResponse::of(Some(timed_out_at_once()), None));
    }
    if !named.is_compiled && request.run_timeout <= 0.0 {
        return Prepared::Response(RunCodeResponse::of(None, Some(timed_out_at_once())));
    }
    let files_max = app.core.bounds().files_max;
    let files = match are_few(&request.fetch_files).and_then(|()| files_of(request, language, files_max)) {
        Ok(files) => files,
        Err(error) => return Prepared::Response(RunCodeResponse::sandbox_error(&request.code, &error)),
    };
    let tools = tools_of(options, &files);
    let program = NewProgram {
        source: NewSource { language: language.id.as_str().to_owned(), files },
        tools,
        stdin: Arc::from(stdin.as_bytes()),
        fetch: to_fetch(&request.fetch_files),
        limits: limits_of(request, language.limits_max),
        ..NewProgram::default()
    };
    Prepared::Run(NewSubmission { request_id: Some(notes.request_id().to_owned()), ..NewSubmission::from(program) })
}

fn tools_of(options: Option<&FacadeOptions>, files: &[SourceFile]) -> ToolOptions {
    // The original passes only the main source to most compilers.
    let Some(options) = options else { return ToolOptions { main_only: true, ..ToolOptions::NONE } };
    let class_path = if options.class_path { class_path_of(files) } else { Vec::new() };
    let with_class_path = |args: &[String]| [args, &class_path].concat();
    ToolOptions {
        compiler_args: with_class_path(&options.compiler_args),
        interpreter_args: with_class_path(&options.interpreter_args),
        main_only: !options.all_sources,
        ..ToolOptions::NONE
    }
}

/// The option for the class path with all jars among these files; none if there are no jars.
fn class_path_of(files: &[SourceFile]) -> Vec<String> {
    // A colon separates two places.
    let jars = files.iter().map(|(path, _)| path.as_str()).filter(|path| path.ends_with(".jar") && !path.contains(':'));
    let places: Vec<&str> = std::iter::once(".").chain(jars).collect();
    if places.len() > 1 { vec!["-cp".to_owned(), places.join(":")] } else { Vec::new() }
}

/// How long a request is held.
pub(super) fn deadline_of(request: &RunCode) -> Instant {
    Instant::now() + hold_time(request.compile_timeout.max(0.0) + request.run_timeout.max(0.0))
}

/// The response for a judged program, without files. Longer streams are truncated.
pub(super) fn response_of(request: &RunCode, report: &RunReport, stream_bytes_max: usize) -> RunCodeResponse {
    let compile_timeout = clamped_duration(request.compile_timeout, Duration::MAX);
    let is_compiled = request.language.is_compiled;
    let response = RunCodeResponse::of_report(report, &request.code, is_compiled, compile_timeout, stream_bytes_max);
    if request.run_timeout <= 0.0 && response.run_result.is_some() {
        // In the original, the time of the run is over before it begins. Here, the shortest time limit is 1 ms, within
        // which a program may end.
        return RunCodeResponse::of(response.compile_result, Some(timed_out_at_once()));
    }
    response
}

/// Result of a command whose time limit is zero or negative.
fn timed_out_at_once() -> CommandRunResult {
    CommandRunResult::timed_out(Duration::ZERO, String::new(), String::new())
}

/// Runs a valid request.
pub(super) async fn run(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    mut request: RunCode,
    idempotency: Option<Idempotency>,
    held: Option<Held>,
) -> Result<Response, ApiError> {
    let deadline = deadline_of(&request);
    let new = match prepare(app, notes, &request, &request.stdin) {
        Prepared::Run(new) => new,
        Prepared::Response(response) => return Ok(Json(response).into_response()),
    };
    // The submission has copies. The memory of the request is not kept during the wait.
    request.stdin = String::new();
    request.files = Vec::new();
    let submit = Submit { new, idempotency, deadline, held };
    let (run, record) = match execute(app, caller, notes, submit).await {
        Ok(Ended::Finished(run, record)) => (run, record),
        Ok(Ended::TooLate(reached)) => {
            let response = response_at_deadline(&request, reached).map(Json);
            return Ok(response.map_or_else(|| gateway_timeout(reached), IntoResponse::into_response));
        }
        Err(Refusal::Program(error)) => {
            return Ok(Json(RunCodeResponse::sandbox_error(&request.code, &error)).into_response());
        }
        Err(Refusal::Failed(error)) => return Err(error),
    };
    let mut response = match record.report {
        Some(report) => {
            let (files, bytes) = Returned::of(&request.fetch_files, &report, app.core.bounds().output_kept_max);
            let build = move || {
                let response = response_of(&request, &report, usize::MAX);
                RunCodeResponse { files: files.encoded(&report.files), ..response }
            };
            large_answer::json(app, caller.user, bytes, BYTES_PER_BYTE, build).await?
        }
        None => Json(RunCodeResponse::sandbox_error(&request.code, UNFINISHED)).into_response(),
    };
    Run::mark(&[run], &mut response);
    Ok(response)
}

/// The paths to read back, each in its shortest form and as in the request. Omits paths outside the working directory
/// and paths that cannot name a file, because the original omits files that it cannot read.
fn fetched(paths: &[String]) -> impl Iterator<Item = (String, &str)> {
    let may_exist = |path: &String| BoxPath::new(path).is_ok();
    paths.iter().filter_map(move |path| Some((inside(path).ok().filter(may_exist)?, path.as_str())))
}

/// The paths to read back in their shortest form, each of them once, in the order of the request.
pub(super) fn to_fetch(paths: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    fetched(paths).map(|(path, _)| path).filter(|path| seen.insert(path.clone())).collect()
}

/// Checks the number of the paths to read back, and their size. A file is returned once for each of its paths, so the
/// paths as written count: `a`, `./a` and `.//a` are three.
///
/// # Errors
///
/// The reason for which the request is refused.
pub(super) fn are_few(paths: &[String]) -> Result<(), String> {
    if paths.len() > FETCH_FILES_MAX {
        return Err(format!("/fetch_files: at most {FETCH_FILES_MAX} different paths are read back; there are more"));
    }
    let bytes: usize = paths.iter().map(String::len).sum();
    if bytes > FETCH_PATHS_BYTES_MAX {
        let most = Bytes::new(FETCH_PATHS_BYTES_MAX as u64);
        return Err(format!("/fetch_files: all paths together have {bytes} bytes; at most {most} are allowed"));
    }
    Ok(())
}

/// The files to return: the path as written, and the index of the file among those that were read back.
pub(super) struct Returned(Vec<(String, usize)>);

impl Returned {
    /// The files for the paths of a request, and the number of bytes of output and files in the response. Omits files
    /// that were not read to their end: a client could not distinguish them from whole files. A second path of the same
    /// file is omitted if the output and the files would have more than `bytes_max` bytes with it.
    pub(super) fn of(paths: &[String], report: &RunReport, bytes_max: Bytes) -> (Returned, usize) {
        let mut bytes = output_bytes(report);
        let (mut returned, mut seen) = (Vec::new(), HashSet::new());
        for (path, written) in fetched(paths) {
            let is_it = |file: &FetchedFile| file.path.as_str() == path && !file.content.truncated;
            let Some(index) = report.files.iter().position(is_it) else { continue };
            if !seen.insert(index) {
                let with_it = bytes + report.files[index].content.data.len();
                if with_it as u64 > bytes_max.get() {
                    continue;
                }
                bytes = with_it;
            }
            returned.push((written.to_owned(), index));
        }
        (Returned(returned), bytes)
    }

    /// The base64 of each file, by its path as written.
    pub(super) fn encoded(self, files: &[FetchedFile]) -> BTreeMap<String, String> {
        let encode = |(written, index): (String, usize)| (written, BASE64_STANDARD.encode(&files[index].content.data));
        self.0.into_iter().map(encode).collect()
    }
}

/// How long a request is held if its time limits add up to `limits` seconds. Clients such as verl's time out after the
/// sum of both limits and ten seconds, so the request is held for one second less.
pub(super) fn hold_time(limits: f64) -> Duration {
    clamped_duration(limits + 9.0, HELD_MAX)
}

/// Converts seconds to a duration from one millisecond to `max`.
pub(super) fn clamped_duration(seconds: f64, max: Duration) -> Duration {
    let shortest = Duration::from_millis(1);
    if seconds.is_nan() || seconds >= max.as_secs_f64() {
        return max;
    }
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(max).max(shortest)
}

/// Limits of the run: at most the language's maximum. The original does not limit CPU time, so the CPU time limit is
/// the wall-clock limit here.
fn limits_of(request: &RunCode, max: Limits) -> LimitsRequest {
    let time = clamped_duration(request.run_timeout, max.wall_time);
    let memory = (request.memory_limit_mib > 0.0).then(|| Bytes::mib(request.memory_limit_mib as u64));
    maximal_limits(max, time, memory)
}

/// The language's maxima with this time limit and, if it is set, this memory limit. The original has no other limits,
/// and its requests have no fields for them.
pub(super) fn maximal_limits(max: Limits, time: Duration, memory: Option<Bytes>) -> LimitsRequest {
    LimitsRequest {
        processes: Some(max.processes),
        open_files: Some(max.open_files),
        file_size: Some(max.file_size),
        disk: Some(max.disk),
        inodes: Some(max.inodes),
        ..limits_within(max, time, time, memory, max.output)
    }
}

/// Files of the submission, the code first.
fn files_of(request: &RunCode, language: &Language, files_max: usize) -> Result<Vec<SourceFile>, String> {
    let mut files = sent_files(&request.files, files_max)?;
    if request.code.is_empty() && request.language.name == "junit" {
        // The original writes no source then, so a file with the name of the source is not replaced.
        let own = files.iter().position(|(path, data)| path == language.source.as_str() && !data.is_empty());
        if let Some(at) = own {
            let main = files.remove(at);
            files.insert(0, main);
            return Ok(files);
        }
    }
    // The original gives the code a random name, so the code never replaces a file.
    let main = main_name(language, &mut files);
    files.insert(0, (main, code_of(request, language).into_bytes().into()));
    Ok(files)
}

/// The files of a request, decoded, each in the shortest form of its path.
///
/// # Errors
///
/// The reason for which the request is refused, for instance because it has more than `files_max` files.
pub(super) fn sent_files(sent: &[(String, String)], files_max: usize) -> Result<Vec<SourceFile>, String> {
    let sent = || sent.iter().filter(|(path, _)| !is_skipped(path));
    let count = sent().count();
    // Checked first, because each file is compared with the files before it.
    if count > files_max {
        return Err(format!("/files: at most {}; there are {count}", counted(files_max, "file")));
    }
    let mut files: Vec<SourceFile> = Vec::with_capacity(count);
    for (path, content) in sent() {
        let path = inside(path)?;
        // `./a` and `a` are the same file. The original writes both, one after the other.
        files.retain(|(other, _)| *other != path);
        files.push((path, decode_base64(content)?.into()));
    }
    Ok(files)
}

/// Whether a source has this keyword and a name after it.
fn declares(code: &str, keyword: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(keyword).any(|(at, word)| {
        let after = &code[at + word.len()..];
        let is_name_next = after.starts_with(char::is_whitespace) && after.trim_start().starts_with(is_letter);
        is_name_next && !code[..at].ends_with(is_letter)
    })
}

/// Whether the original omits the file.
fn is_skipped(path: &str) -> bool {
    path.contains(SKIPPED)
}

/// The code in the form in which the original writes it to the source file.
fn code_of(request: &RunCode, language: &Language) -> String {
    if request.code.is_empty() {
        // Core refuses an empty program.
        return "\n".to_owned();
    }
    let prefix = language.facade_options.get(SANDBOXFUSION).map_or("", |options| &options.source_prefix);
    if request.code.contains(prefix.trim_end()) { request.code.clone() } else { format!("{prefix}{}", request.code) }
}

/// The path in its shortest form, below the working directory.
pub(super) fn inside(path: &str) -> Result<String, String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if path.starts_with('/') || parts.contains(&"..") {
        return Err(format!("the path `{path}` is outside of the working directory, which Cupel does not allow"));
    }
    if parts.is_empty() || path.ends_with('/') {
        return Err(format!("[Errno 21] Is a directory: '{path}'"));
    }
    Ok(parts.join("/"))
}

/// What a shell says about the missing part of a toolchain. `reason`: why the language is unavailable, as the probe of
/// the toolchain describes it.
fn missing(named: Named, reason: &str) -> String {
    match reason.strip_prefix('`').and_then(|reason| reason.strip_suffix("` is not installed")) {
        Some(file) if file.contains('/') => format!("{file}: No such file or directory"),
        Some(program) => format!("{program}: command not found"),
        None => format!("{}: {reason}", named.program),
    }
}

/// The original's response if its image lacks a toolchain: the shell's exit code 127. `missing`: what the shell says.
fn without_toolchain(named: Named, missing: &str) -> RunCodeResponse {
    let stderr = format!("/bin/bash: line 1: {missing}\n");
    let result = CommandRunResult::finished(127, Duration::ZERO, String::new(), stderr);
    RunCodeResponse::not_compiled(named.is_compiled, result)
}

/// The response for a program that has not ended at the deadline. A compiler that has exceeded its time limit is
/// reported as in the original, which ends it. `None`: the program began too late.
pub(super) fn response_at_deadline(request: &RunCode, reached: Reached) -> Option<RunCodeResponse> {
    let is_compiled = request.language.is_compiled;
    // Without a compile step, the original counts the time of the compiler as time of the run.
    let limit = if is_compiled { request.compile_timeout } else { request.run_timeout };
    match reached {
        Reached::Compiler(time) if time > clamped_duration(limit, Duration::MAX) => {
            let result = CommandRunResult::timed_out(time, String::new(), String::new());
            Some(RunCodeResponse::not_compiled(is_compiled, result))
        }
        Reached::Compiler(_) | Reached::Queue | Reached::Worker => None,
    }
}

/// Why a program has no result at the deadline.
pub(super) fn lateness(reached: Reached) -> &'static str {
    match reached {
        Reached::Queue => "too many programs wait",
        Reached::Compiler(_) | Reached::Worker => "it began too late to end in time",
    }
}

/// Response 504, the only status after which verl's client retries.
pub(super) fn gateway_timeout(reached: Reached) -> Response {
    let detail = format!("Cupel could not run this in time: {}. Send it again later.", lateness(reached));
    (StatusCode::GATEWAY_TIMEOUT, Json(json!({ "detail": detail }))).into_response()
}

#[cfg(test)]
mod tests {
    use cupel_types::{Output, Verdict};

    use super::*;
    use crate::sandboxfusion::languages;

    /// A report with these files that were read back.
    fn report(files: &[(&str, &[u8])]) -> RunReport {
        let file = |(path, data): &(&str, &[u8])| FetchedFile {
            path: BoxPath::new(path).unwrap(),
            content: Output { data: Arc::from(*data), truncated: false },
        };
        let files = files.iter().map(file).collect();
        RunReport { files, ..RunReport::bare(Verdict::Accepted, Limits::default(), "3") }
    }

    #[test]
    fn further_paths_of_a_file_are_returned_up_to_the_maximum_of_the_output() {
        let report = report(&[("a", b"123456"), ("b", b"1234")]);
        let of = |paths: &[&str], bytes_max: u64| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            let (returned, bytes) = Returned::of(&paths, &report, Bytes::new(bytes_max));
            (returned.encoded(&report.files).into_keys().collect::<Vec<_>>().join(" "), bytes)
        };
        assert_eq!(of(&["a", "./a", ".//a", "b"], 16), ("./a a b".to_owned(), 16));
        assert_eq!(of(&["a", "./a", "./b", "b"], 19), ("./a ./b a".to_owned(), 16));
        assert_eq!(of(&["a", "./a", "b", "./b"], 15), ("./b a b".to_owned(), 14));
        assert_eq!(of(&["a", "b", "none"], 0), ("a b".to_owned(), 10), "whole files fit in any case");
    }

    #[test]
    fn paths_to_read_back_are_few() {
        let paths = |count: usize, length: usize| vec!["x".repeat(length); count];
        assert_eq!(are_few(&paths(100, 100)), Ok(()));
        let reason = are_few(&paths(101, 1)).unwrap_err();
        assert_eq!(reason, "/fetch_files: at most 100 different paths are read back; there are more");
        let reason = are_few(&paths(100, 200)).unwrap_err();
        assert_eq!(reason, "/fetch_files: all paths together have 20000 bytes; at most 16 KiB are allowed");
    }

    #[test]
    fn a_missing_toolchain_is_reported_by_the_name_of_the_missing_file() {
        let junit = languages::find("junit").unwrap();
        for (reason, expected) in [
            ("`javac` is not installed", "javac: command not found"),
            ("`/usr/share/java/junit.jar` is not installed", "/usr/share/java/junit.jar: No such file or directory"),
            ("it requires Java 17: `java` is not installed", "javac: it requires Java 17: `java` is not installed"),
            ("no worker has it", "javac: no worker has it"),
        ] {
            assert_eq!(missing(junit, reason), expected);
        }
    }
}
