//! Translates submissions to core's use case.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_core::run::SubmissionRecord;
use cupel_core::{
    ExecuteRequest, Executed, Idempotency, InputFault, NewProgram, NewSource, NewSubmission, NewSubmissionKind, Origin,
    SubmitError, SubmittedEach,
};
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::caller::{Caller, user_disabled};
use cupel_http::error::ApiError;
use cupel_http::idempotency::mismatch;
use cupel_http::notes::Notes;
use cupel_http::submission_rate::SubmissionRate;
use cupel_languages::{Language, Registry};
use cupel_types::{Bytes, FacadeRequest, Limits, LimitsRequest, SubmissionId, TestCase, ToolOptions};
use serde_json::{Value, json};

use super::JUDGE0;
use super::archive::Unpacked;
use super::attributes::{Attributes, Faults, faults_body, words};
use super::languages;
use super::several::IDS_AT_ONCE;
use super::{archive, error};
use crate::execute::Run;
use crate::program::{compiler_base, main_name};

/// Replacement for a missing script `run` of a multi-file program. It exits with 127, like a shell that does not find
/// its script.
const NO_RUN_SCRIPT: &[u8] = b"echo 'bash: run: No such file or directory' >&2\nexit 127\n";

/// The submission for valid attributes. `None` if the language was removed in the meantime. `held` is the memory
/// reserved for the request's body. It grows by the size of the unpacked files.
///
/// # Errors
/// If there is no memory for the files at the moment.
pub(super) fn submission_of(
    app: &Shared,
    registry: &Registry,
    notes: &Notes,
    attributes: &Attributes,
    held: &mut Option<Held>,
) -> Result<Option<NewSubmission>, ApiError> {
    let Some(language) = languages::installed(registry, attributes.flavour, attributes.language_id) else {
        return Ok(None);
    };
    let bytes_max = app.core.bounds().files_bytes_max.get();
    let Unpacked { mut files, executables } = match &attributes.additional_files {
        Some(zip) => archive::files(zip, bytes_max, |size| held.as_mut().map_or(Ok(()), |held| held.more(size)))?,
        None => Unpacked::default(),
    };
    let is_multi_file = attributes.language_id == languages::MULTI_FILE;
    if is_multi_file {
        // The main source of a multi-file program is the script `run`. Without that script, the program fails as in the
        // original.
        let run = files.iter().position(|(path, _)| path == language.source.as_str());
        let run =
            run.map_or_else(|| (language.source.as_str().to_owned(), NO_RUN_SCRIPT.into()), |at| files.remove(at));
        files.insert(0, run);
    } else {
        // An additional file with the name of the source does not replace the source.
        files.retain(|(path, _)| path != language.source.as_str());
        let main = main_name(language, &mut files);
        files.insert(0, (main, attributes.source_code.clone()));
    }
    let stdin = attributes.stdin.clone().unwrap_or_default();
    let expected = attributes.expected_output.clone();
    let is_plain = attributes.number_of_runs == 1 && expected.is_none();
    let test = |_| TestCase { name: String::new(), stdin: stdin.clone(), expected: expected.clone() };
    let program = NewProgram {
        source: NewSource { language: language.id.as_str().to_owned(), files },
        executables,
        tools: ToolOptions {
            compiler_args: [
                compiler_base(language, attributes.flavour.facade()),
                &words(attributes.compiler_options.as_deref()),
            ]
            .concat(),
            // The original passes only the main source to the compiler.
            main_only: true,
            ..ToolOptions::default()
        },
        args: if is_multi_file { Vec::new() } else { words(attributes.command_line_arguments.as_deref()) },
        tests: if is_plain { Vec::new() } else { (0..attributes.number_of_runs).map(test).collect() },
        stdin: if is_plain { stdin.clone() } else { Arc::default() },
        stderr_to_stdout: attributes.redirect_stderr_to_stdout,
        limits: limits_of(attributes, language),
        ..NewProgram::default()
    };
    // The conversion of this type to JSON cannot fail.
    let data = serde_json::to_vec(attributes).unwrap_or_default().into();
    Ok(Some(NewSubmission {
        request_id: Some(notes.request_id().to_owned()),
        webhook: attributes.callback_url.clone().filter(|url| !url.trim().is_empty()),
        facade: Some(FacadeRequest { facade: JUDGE0.to_owned(), data }),
        ..NewSubmission::from(program)
    }))
}

/// The limits, within the language's maxima. For the original, 0 means no limit.
fn limits_of(attributes: &Attributes, language: &Language) -> LimitsRequest {
    let max = language.limits_max;
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let kib = |kib: i64, max: Bytes| match u64::try_from(kib) {
        Ok(kib @ 1..) => Bytes::kib(kib).min(max),
        _ => max,
    };
    let cpu_time = match attributes.cpu_time_limit {
        limit if limit > 0.0 => seconds(limit + attributes.cpu_extra_time).max(Duration::from_millis(1)),
        _ => max.cpu_time,
    };
    let wall_time = seconds(attributes.wall_time_limit).min(max.wall_time);
    let memory = kib(attributes.memory_limit, max.memory);
    let file_size = kib(attributes.max_file_size, max.file_size);
    let processes = u32::try_from(attributes.max_processes_and_or_threads).unwrap_or(u32::MAX);
    LimitsRequest {
        cpu_time: Some(cpu_time.min(max.cpu_time)),
        wall_time: Some(wall_time),
        idle_time: Some(wall_time.min(max.idle_time)),
        memory: Some(memory),
        // With this attribute, the original limits the address space of each process.
        address_space: attributes.enable_per_process_and_thread_memory_limit.then_some(memory.max(Limits::MEMORY_MIN)),
        processes: Some(processes.min(max.processes)),
        file_size: Some(file_size),
        // Standard output is a file in the original.
        output: Some(kib(attributes.max_file_size, max.output)),
        stack: Some(kib(attributes.stack_limit, max.stack).max(Limits::STACK_MIN)),
        // The language's defaults.
        instructions: None,
        open_files: None,
        disk: None,
        inodes: None,
    }
}

/// An accepted submission, and its record if the submission ended while the client waited.
pub(super) type Accepted = (Run, Option<Box<SubmissionRecord>>);

/// Submits one program, and waits for the result if the client asks for it.
///
/// # Errors
/// The inner error is the response to a submission that is refused in Judge0's format; the outer error is any other
/// refusal or a failure of Cupel.
pub(super) async fn create(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    new: NewSubmission,
    is_awaited: bool,
    (idempotency, mut held): (Option<Idempotency>, Option<Held>),
) -> Result<Result<Accepted, Response>, ApiError> {
    let rate = SubmissionRate::new(app, caller, notes);
    let larger = larger_text(&new);
    // If too many clients wait, the response has the current status.
    let wait = if is_awaited { app.wait_of(&caller.identity, app.settings.wait_max) } else { None };
    let request = ExecuteRequest {
        wait,
        idempotency,
        on_stored: Box::new(|| drop(held.take())),
        ..ExecuteRequest::new(caller.user, new, &rate)
    };
    match app.core.execute(request).await {
        Ok(Executed::Finished { record, origin }) => {
            let run = Run { id: record.submission.id, is_repeated: origin == Origin::RepeatedRequest };
            Ok(Ok((run, Some(record))))
        }
        Ok(Executed::Accepted { id, is_repeated, .. }) => Ok(Ok((Run { id, is_repeated }, None))),
        Err(SubmitError::Invalid(faults)) => {
            let faults = faults.iter().map(|fault| (attribute_of(fault, larger), vec![fault.detail.clone()])).collect();
            Ok(Err(unprocessable(&faults)))
        }
        Err(error) => refused(error).map(Err),
    }
}

/// Submits several programs. The result has the run or the validation errors of each program.
///
/// # Errors
/// The inner error is the response if all submissions are refused together in Judge0's format; the outer error is any
/// other refusal or a failure of Cupel.
pub(super) async fn create_all(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    checked: Vec<Result<NewSubmission, Faults>>,
    idempotency: Option<Idempotency>,
) -> Result<Result<Vec<Result<Run, Faults>>, Response>, ApiError> {
    let rate = SubmissionRate::new(app, caller, notes);
    let good: Vec<NewSubmission> = checked.iter().filter_map(|one| one.as_ref().ok().cloned()).collect();
    if good.is_empty() {
        return Ok(Ok(checked.into_iter().filter_map(Result::err).map(Err).collect()));
    }
    let results = match app.core.submit_each(caller.user, good, idempotency, &rate).await {
        Ok(SubmittedEach::New(results)) => results,
        Ok(SubmittedEach::Repeated(ids)) => return repeated(app, caller, checked, &ids).await.map(Ok),
        Err(SubmitError::Invalid(faults)) => {
            let details: Vec<String> = faults.into_iter().map(|fault| fault.detail).collect();
            return Ok(Err(error(StatusCode::BAD_REQUEST, &details.join("; "))));
        }
        Err(error) => return refused(error).map(Err),
    };
    // The results are those of the good submissions, in order.
    let mut results = results.into_iter();
    let result = |one: Result<NewSubmission, Faults>| match one {
        Ok(new) => Some(match results.next()? {
            Ok(id) => Ok(Run { id, is_repeated: false }),
            Err(faults) => {
                let larger = larger_text(&new);
                Err(faults.into_iter().map(|fault| (attribute_of(&fault, larger), vec![fault.detail])).collect())
            }
        }),
        Err(faults) => Some(Err(faults)),
    };
    Ok(Ok(checked.into_iter().filter_map(result).collect()))
}

/// The results of a batch that was sent before with the same idempotency key. Core returns the ids of the submissions
/// that it accepted at that time. Each submission stores its place in the batch.
async fn repeated(
    app: &Shared,
    caller: &Caller,
    checked: Vec<Result<NewSubmission, Faults>>,
    ids: &[SubmissionId],
) -> Result<Vec<Result<Run, Faults>>, ApiError> {
    let place_of = |record: &SubmissionRecord| {
        let stored = record.submission.facade.as_ref().filter(|facade| facade.facade == JUDGE0)?;
        serde_json::from_slice(&stored.data).ok().map(|attributes: Attributes| attributes.place)
    };
    let mut places: Vec<(Option<usize>, SubmissionId)> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_AT_ONCE) {
        let records = app.core.submissions(&caller.viewer, ids).await?;
        places.extend(records.iter().map(|record| (place_of(record), record.submission.id)));
    }
    let result = |(place, one): (usize, Result<NewSubmission, Faults>)| match places
        .iter()
        .find(|(known, _)| *known == Some(place))
    {
        Some((_, id)) => Ok(Run { id: *id, is_repeated: true }),
        None => Err(one
            .err()
            .unwrap_or_else(|| vec![("source_code", vec!["was refused when this batch was first sent".to_owned()])])),
    };
    Ok(checked.into_iter().enumerate().map(result).collect())
}

/// The larger of the two texts of each test.
fn larger_text(new: &NewSubmission) -> &'static str {
    let NewSubmissionKind::Program(program) = &new.kind else { return "stdin" };
    let is_expected_larger =
        |test: &TestCase| test.expected.as_ref().is_some_and(|expected| expected.len() > test.stdin.len());
    if program.tests.first().is_some_and(is_expected_larger) { "expected_output" } else { "stdin" }
}

/// The attribute to which a validation error of core refers. `larger`: the attribute for an error of all tests
/// together.
fn attribute_of(fault: &InputFault, larger: &'static str) -> &'static str {
    const ATTRIBUTES: [(&str, &str); 11] = [
        ("/language", "language_id"),
        ("/webhook", "callback_url"),
        ("/compiler_args", "compiler_options"),
        ("/args", "command_line_arguments"),
        ("/stdin", "stdin"),
        ("/tests", "stdin"),
        ("/files/0", "source_code"),
        ("/files", "additional_files"),
        ("/limits/cpu_time", "cpu_time_limit"),
        ("/limits/wall_time", "wall_time_limit"),
        ("/limits/memory", "memory_limit"),
    ];
    if fault.pointer == "/tests" {
        return larger;
    }
    let found = ATTRIBUTES.iter().find(|(pointer, _)| fault.pointer.starts_with(pointer));
    found.map_or("source_code", |(_, attribute)| attribute)
}

/// The response for validation errors.
pub(super) fn unprocessable(faults: &Faults) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(faults_body(faults))).into_response()
}

/// The response for a submission that is refused as a whole. The status is 503, because the published client silently
/// loses submissions on 429.
fn refused(refusal: SubmitError) -> Result<Response, ApiError> {
    let (reason, retry_after) = match refusal {
        SubmitError::QueueFull { retry_after }
        | SubmitError::NoWorker { retry_after, .. }
        | SubmitError::TooManyWaiting { retry_after, .. } => ("queue is full".to_owned(), retry_after),
        SubmitError::RateExceeded(exceeded) => (exceeded.detail.to_string(), exceeded.retry_after),
        SubmitError::OwnerDisabled => return Err(user_disabled()),
        SubmitError::IdempotencyMismatch => return Err(mismatch()),
        SubmitError::Store(error) => return Err(error.into()),
        other => return Err(ApiError::internal(&other)),
    };
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, &reason);
    let seconds = HeaderValue::from(retry_after.as_secs().max(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    Ok(response)
}

/// The response of a batch: the token or the validation errors of each submission.
pub(super) fn batch_response(results: &[Result<Run, Faults>]) -> Response {
    let body: Vec<Value> = results
        .iter()
        .map(|one| match one {
            Ok(run) => json!({ "token": run.id.to_string() }),
            Err(faults) => faults_body(faults),
        })
        .collect();
    let runs: Vec<Run> = results.iter().filter_map(|one| one.as_ref().ok().copied()).collect();
    let status = if runs.is_empty() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::CREATED };
    let mut response = (status, Json(body)).into_response();
    Run::mark(&runs, &mut response);
    response
}
