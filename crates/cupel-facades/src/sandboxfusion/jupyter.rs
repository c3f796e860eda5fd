//! `POST /run_jupyter`: cells of a notebook that share the state of one Python process.
//!
//! A program in Python (`jupyter_driver.py`) runs the notebook's cells with IPython (Debian's package
//! `python3-ipython`), without a separate Jupyter kernel. All of them are one step.
//!
//! *Invariant:* the outputs of the cells stay text. A program determines them, and a few bytes of JSON can take
//! hundreds of bytes of memory as objects.

use std::collections::BTreeMap;
use std::fmt;
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
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::SANDBOXFUSION;
use super::model::{Reader, Refused, object};
use super::response::{CommandRunResult, CommandStatus, ERROR_BYTES_MAX, RunCodeResponse, RunStatus, begin};
use super::run::{
    BYTES_PER_BYTE, Returned, UNFINISHED, are_few, clamped_duration, gateway_timeout, hold_time, maximal_limits,
    sent_files, to_fetch,
};
use crate::execute::{Ended, Refusal, Run, Submit, execute};
use crate::program::main_name;

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
    /// The different paths to read back; at most one more than the maximum.
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
    cells: Cells,
    executor_pod_name: Option<String>,
    files: BTreeMap<String, String>,
}

/// The form of a cell's outputs, as the driver writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the form matters")]
struct CellOutput {
    stdout: Text,
    stderr: Text,
    display: Vec<Bundle>,
    error: Vec<CellError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the form matters")]
struct CellError {
    ename: Text,
    evalue: Text,
    traceback: Vec<Text>,
}

/// A text that is read and not stored.
struct Text;

/// A MIME bundle, which is an object, that is read and not stored.
struct Bundle;

/// Any value that is read and not stored. Unlike `IgnoredAny`, serde_json checks its escapes, numbers and depth.
struct AnyValue;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, _: &str) -> Result<Text, E> {
                Ok(Text)
            }
        }
        from.deserialize_str(Reader)
    }
}

impl<'de> Deserialize<'de> for Bundle {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Bundle, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Bundle;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bundle, A::Error> {
                while map.next_entry::<Text, AnyValue>()?.is_some() {}
                Ok(Bundle)
            }
        }
        from.deserialize_map(Reader)
    }
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<AnyValue, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = AnyValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<AnyValue, E> {
                Ok(AnyValue)
            }

            fn visit_bool<E>(self, _: bool) -> Result<AnyValue, E> {
                Ok(AnyValue)
            }

            fn visit_i64<E>(self, _: i64) -> Result<AnyValue, E> {
                Ok(AnyValue)
            }

            fn visit_u64<E>(self, _: u64) -> Result<AnyValue, E> {
                Ok(AnyValue)
            }

            fn visit_f64<E>(self, _: f64) -> Result<AnyValue, E> {
                Ok(AnyValue)
            }

            fn visit_str<E>(self, _: &str) -> Result<AnyValue, E> {
                Ok(AnyValue)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AnyValue, A::Error> {
                while list.next_element::<AnyValue>()?.is_some() {}
                Ok(AnyValue)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValue, A::Error> {
                while map.next_entry::<Text, AnyValue>()?.is_some() {}
                Ok(AnyValue)
            }
        }
        from.deserialize_any(Reader)
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Cells {
    None([(); 0]),
    /// The text that the driver wrote.
    Written(Box<RawValue>),
}

impl RunJupyterResponse {
    fn without_cells(status: RunStatus, message: String, driver: Option<CommandRunResult>) -> RunJupyterResponse {
        let (executor_pod_name, files) = (None, BTreeMap::new());
        RunJupyterResponse { status, message, driver, cells: Cells::None([]), executor_pod_name, files }
    }

    fn sandbox_error(error: &str) -> RunJupyterResponse {
        let message = format!("exception on running jupyter: {}", begin(error, ERROR_BYTES_MAX));
        RunJupyterResponse::without_cells(RunStatus::SandboxError, message, None)
    }

    fn of(report: &RunReport, returned: Returned) -> RunJupyterResponse {
        let RunCodeResponse { status, message, run_result, .. } =
            RunCodeResponse::of_report(report, "", false, Duration::MAX, usize::MAX);
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
        let files = returned.encoded(&report.files);
        RunJupyterResponse {
            cells: Cells::Written(cells),
            files,
            ..RunJupyterResponse::without_cells(status, message, Some(driver))
        }
    }
}

/// The driver's result, or why there is none.
fn outputs(files: &[FetchedFile]) -> Result<Box<RawValue>, &'static str> {
    let file = files.iter().find(|file| file.path.as_str() == OUTPUT);
    let file = file.ok_or("the outputs of the cells are missing: a cell ended the process or removed their file")?;
    if file.content.truncated {
        return Err("the outputs of the cells are larger than the server keeps of a program's output");
    }
    let text = std::str::from_utf8(&file.content.data).ok();
    let text = text.filter(|text| serde_json::from_str::<Vec<CellOutput>>(text).is_ok());
    text.and_then(|text| RawValue::from_string(text.to_owned()).ok())
        .ok_or("the outputs of the cells are missing: a cell changed their file")
}

/// Runs a valid request.
pub(super) async fn run(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    mut request: RunJupyter,
    idempotency: Option<Idempotency>,
    held: Option<Held>,
) -> Result<Response, ApiError> {
    let seconds = request.total_timeout.max(0.0) + START_SECONDS;
    let deadline = Instant::now() + hold_time(seconds);
    let registry = app.core.registry();
    let Some(language) = registry.of_facade(SANDBOXFUSION, "python").filter(|language| language.is_available()) else {
        return Ok(Json(RunJupyterResponse::sandbox_error("python is not installed")).into_response());
    };
    let files_max = app.core.bounds().files_max;
    let files = are_few(&request.fetch_files).and_then(|()| sent_files(&request.files, files_max));
    let mut files = match files {
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
    // The submission has copies. The memory of the request is not kept during the wait.
    request.cells = Vec::new();
    request.files = Vec::new();
    let submit = Submit { new, idempotency, deadline, held };
    let (run, record) = match execute(app, caller, notes, submit).await {
        Ok(Ended::Finished(run, record)) => (run, record),
        Ok(Ended::TooLate(reached)) => return Ok(gateway_timeout(reached)),
        Err(Refusal::Program(error)) => return Ok(Json(RunJupyterResponse::sandbox_error(&error)).into_response()),
        Err(Refusal::Failed(error)) => return Err(error),
    };
    let mut response = match record.report {
        Some(report) => {
            let (files, bytes) = Returned::of(&request.fetch_files, &report, app.core.bounds().output_kept_max);
            let build = move || RunJupyterResponse::of(&report, files);
            large_answer::json(app, caller.user, bytes, BYTES_PER_BYTE, build).await?
        }
        None => Json(RunJupyterResponse::sandbox_error(UNFINISHED)).into_response(),
    };
    Run::mark(&[run], &mut response);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use cupel_types::{BoxPath, Output};

    use super::*;

    fn outputs_of(text: &[u8]) -> Option<String> {
        let content = Output { data: text.into(), truncated: false };
        let file = FetchedFile { path: BoxPath::new(OUTPUT).unwrap(), content };
        outputs(&[file]).ok().map(|cells| cells.get().to_owned())
    }

    /// A notebook with one cell that has this `display` and these other fields.
    fn cells(display: &str, others: &str) -> String {
        format!(r#"[{{"stdout": "é\n", "stderr": "", "display": {display}, "error": []{others}}}]"#)
    }

    #[test]
    fn the_outputs_of_cells_are_passed_through_as_text() {
        let error = r#"[{"stdout":"","stderr":"","display":[],"error":[{"ename":"E","evalue":"","traceback":["t"]}]}]"#;
        for text in [
            "[]".to_owned(),
            error.to_owned(),
            cells("[]", ""),
            // The order of the types is that of the cell.
            cells(r#"[{"z": "\ud83d\ude00", "a": [1, -1.5e3, true, null, {"b": {}}]}, {}]"#, ""),
        ] {
            assert_eq!(outputs_of(text.as_bytes()).as_deref(), Some(&*text));
        }
    }

    #[test]
    fn outputs_that_the_driver_cannot_have_written_are_refused() {
        let deep = format!("[{{\"a\": {}{}}}]", "[".repeat(1000), "]".repeat(1000));
        for text in [
            "{}".to_owned(),
            "[{}]".to_owned(),
            "[] x".to_owned(),
            r#"[{"stdout":1,"stderr":"","display":[],"error":[]}]"#.to_owned(),
            r#"[{"stdout":"","stderr":"","display":[],"error":[{}]}]"#.to_owned(),
            cells("{}", ""),
            cells("[1]", ""),
            cells(r#"["{}"]"#, ""),
            cells("[NaN]", ""),
            cells(r#"[{"a": "\ud800"}]"#, ""),
            cells(r#"[{"\ud800": 1}]"#, ""),
            cells(r#"[{"a": 1e999}]"#, ""),
            cells(&deep, ""),
            cells("[]", r#", "more": 1"#),
            cells("[]", r#", "stdout": """#),
        ] {
            assert_eq!(outputs_of(text.as_bytes()), None, "{text:.200}");
        }
        assert_eq!(outputs_of(b"[{\"stdout\": \"\xff\"}]"), None);
    }
}
