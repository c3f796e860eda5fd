//! `POST /run_jupyter`: cells of a notebook that share the state of one Python process.
//!
//! A program in Python (`jupyter_driver.py`) runs the notebook's cells with IPython (Debian's package
//! `python3-ipython`), without a separate Jupyter kernel. All of them are one step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use cupel_core::{Idempotency, NewProgram, NewSource, NewSubmission};
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_http::large_answer;
use cupel_http::notes::Notes;
use cupel_types::{FetchedFile, RunReport};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::SANDBOXFUSION;
use super::model::{Reader, Refused, object};
use super::python::decode_base64;
use super::response::{CommandRunResult, CommandStatus, RunCodeResponse, RunStatus};
use super::run::{
    BYTES_PER_BYTE, UNFINISHED, clamped_duration, files_read_back, gateway_timeout, hold_time, inside, is_skipped,
    maximal_limits, to_fetch,
};
use crate::execute::{Ended, Refusal, Run, Submit, execute, output_bytes};
use crate::program::{SourceFile, main_name};

const DRIVER: &str = include_str!("jupyter_driver.py");

/// The file into which the driver writes the outputs of the cells.
const OUTPUT: &str = ".jupyter-outputs.json";

/// Time that the original allows for the start of its kernel, in seconds.
const START_SECONDS: f64 = 10.0;

/// A valid request. `cell_timeout` and `memory_limit_MB` are checked, and ignored as in the original.
#[derive(Debug, PartialEq)]
pub(super) struct RunJupyter {
    cells: Vec<String>,
    /// Seconds.
    total_timeout: f64,
    /// Path and base64 of each file.
    files: Vec<(String, String)>,
    fetch_files: Vec<String>,
}

/// Parses a body with this content type.
pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<RunJupyter, Refused> {
    let body = object(content_type, body)?;
    let mut reader = Reader::new(&body);
    let cells = match reader.get("cells") {
        Some(cells) => Some(reader.strings("cells", cells)),
        None => reader.missing("cells"),
    };
    reader.float("cell_timeout");
    let total_timeout = reader.float("total_timeout").unwrap_or(45.0);
    reader.integer("memory_limit_MB");
    if let Some(kernel) = reader.get("kernel") {
        reader.literal("kernel", kernel, (kernel == "python3").then_some(()), "'python3'");
    }
    let files = reader.files(false);
    let fetch_files = reader.fetch_files();
    let model = cells.map(|cells| RunJupyter { cells, total_timeout, files, fetch_files });
    reader.finish(model)
}

/// The response. Every key is always present.
#[derive(Debug, Serialize)]
struct RunJupyterResponse {
    status: RunStatus,
    message: String,
    driver: Option<CommandRunResult>,
    cells: Vec<CellOutput>,
    executor_pod_name: Option<String>,
    files: BTreeMap<String, String>,
}

/// Outputs of a cell, as the driver writes them.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct CellOutput {
    stdout: String,
    stderr: String,
    display: Vec<Map<String, Value>>,
    error: Vec<CellError>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct CellError {
    ename: String,
    evalue: String,
    traceback: Vec<String>,
}

impl RunJupyterResponse {
    fn without_cells(status: RunStatus, message: String, driver: Option<CommandRunResult>) -> RunJupyterResponse {
        let (cells, executor_pod_name, files) = (Vec::new(), None, BTreeMap::new());
        RunJupyterResponse { status, message, driver, cells, executor_pod_name, files }
    }

    fn sandbox_error(error: &str) -> RunJupyterResponse {
        let message = format!("exception on running jupyter: {error}");
        RunJupyterResponse::without_cells(RunStatus::SandboxError, message, None)
    }

    fn of(report: &RunReport, fetch_files: &[String]) -> RunJupyterResponse {
        let RunCodeResponse { status, message, run_result, .. } =
            RunCodeResponse::of_report(report, "", false, Duration::MAX);
        let Some(driver) = run_result else { return RunJupyterResponse::sandbox_error(&message) };
        let has_ended = driver.status == CommandStatus::Finished && driver.return_code == Some(0);
        let cells = if has_ended { outputs(&report.files) } else { Err(message.as_str()) };
        let cells = match cells {
            Ok(cells) => cells,
            Err(reason) => {
                let status = if status == RunStatus::Success { RunStatus::Failed } else { status };
                return RunJupyterResponse::without_cells(status, reason.to_owned(), Some(driver));
            }
        };
        let files = files_read_back(fetch_files, &report.files);
        RunJupyterResponse { cells, files, ..RunJupyterResponse::without_cells(status, message, Some(driver)) }
    }
}

/// The driver's result, or why there is none.
fn outputs(files: &[FetchedFile]) -> Result<Vec<CellOutput>, &'static str> {
    let file = files.iter().find(|file| file.path.as_str() == OUTPUT);
    let file = file.ok_or("the outputs of the cells are missing: a cell ended the process or removed their file")?;
    if file.content.truncated {
        return Err("the outputs of the cells are larger than the server keeps of a program's output");
    }
    serde_json::from_slice(&file.content.data)
        .map_err(|_| "the outputs of the cells are missing: a cell changed their file")
}

/// Runs a valid request.
pub(super) async fn run(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    request: RunJupyter,
    idempotency: Option<Idempotency>,
    held: Option<Held>,
) -> Result<Response, ApiError> {
    let seconds = request.total_timeout.max(0.0) + START_SECONDS;
    let deadline = Instant::now() + hold_time(seconds);
    let registry = app.core.registry();
    let Some(language) = registry.of_facade(SANDBOXFUSION, "python").filter(|language| language.is_available()) else {
        return Ok(Json(RunJupyterResponse::sandbox_error("python is not installed")).into_response());
    };
    let mut files = match files_of(&request) {
        Ok(files) => files,
        Err(error) => return Ok(Json(RunJupyterResponse::sandbox_error(&error)).into_response()),
    };
    let main = main_name(language, &mut files);
    files.insert(0, (main, Arc::from(DRIVER.as_bytes())));
    // The outputs are read first, so that other files do not take their place.
    let others = to_fetch(&request.fetch_files).into_iter().filter(|path| path != OUTPUT);
    let fetch = [OUTPUT.to_owned()].into_iter().chain(others).collect();
    let max = language.limits_max;
    let time = clamped_duration(seconds, max.wall_time);
    let program = NewProgram {
        source: NewSource { language: language.id.as_str().to_owned(), files },
        stdin: json!({ "cells": request.cells, "output": OUTPUT }).to_string().into_bytes().into(),
        fetch,
        limits: maximal_limits(max, time, None),
        ..NewProgram::default()
    };
    let new = NewSubmission { request_id: Some(notes.request_id().to_owned()), ..NewSubmission::from(program) };
    let submit = Submit { new: &new, idempotency, deadline, held };
    let (run, record) = match execute(app, caller, notes, submit).await {
        Ok(Ended::Finished(run, record)) => (run, record),
        Ok(Ended::TooLate(reached)) => return Ok(gateway_timeout(reached)),
        Err(Refusal::Program(error)) => return Ok(Json(RunJupyterResponse::sandbox_error(&error)).into_response()),
        Err(Refusal::Failed(error)) => return Err(error),
    };
    let mut response = match record.report {
        Some(report) => {
            let bytes = output_bytes(&report);
            let build = move || RunJupyterResponse::of(&report, &request.fetch_files);
            large_answer::json(app, caller.user, bytes, BYTES_PER_BYTE, build).await?
        }
        None => Json(RunJupyterResponse::sandbox_error(UNFINISHED)).into_response(),
    };
    Run::mark(&[run], &mut response);
    Ok(response)
}

fn files_of(request: &RunJupyter) -> Result<Vec<SourceFile>, String> {
    let mut files: Vec<SourceFile> = Vec::new();
    for (path, content) in request.files.iter().filter(|(path, _)| !is_skipped(path)) {
        let path = inside(path)?;
        files.retain(|(other, _)| *other != path);
        files.push((path, decode_base64(content)?.into()));
    }
    Ok(files)
}
