//! What clients send about submissions, and how it becomes what core understands.
//!
//! Only the form is looked at here; whether a language exists or a limit is allowed is core's to say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_core::NewSubmission;
use cupel_types::{Bytes, Instructions, LimitsRequest, PriorityClass, TestCase};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body::maybe_object;
use crate::lists;
use crate::v1::faults::FormFaults;

/// A program to run. One of `source_code` and `files` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "language": "python", "source_code": "print(int(input()) * 2)", "input": "21" }))]
pub(crate) struct ExecuteRequest {
    /// Id or alias of a language, see `GET /languages`.
    pub(crate) language: String,
    /// The main source. It gets the language's own file name.
    #[serde(default)]
    pub(crate) source_code: Option<String>,
    /// Standard input; not together with `stdin` or `tests`.
    #[serde(default)]
    pub(crate) input: Option<String>,
    /// Another name of `input`.
    #[serde(default)]
    pub(crate) stdin: Option<String>,
    /// Further files. Without `source_code`, the first is the main source.
    #[serde(default, deserialize_with = "lists::files")]
    pub(crate) files: Vec<FileRequest>,
    /// Arguments after the program's name.
    #[serde(default, deserialize_with = "lists::args")]
    pub(crate) args: Vec<String>,
    /// Environment variables beside the language's own.
    #[serde(default, deserialize_with = "lists::env")]
    pub(crate) env: BTreeMap<String, String>,
    /// Limits other than the language's defaults; none may be above the language's maximum.
    #[serde(default, deserialize_with = "maybe_object")]
    pub(crate) limits: Option<LimitsBody>,
    /// How urgent it is: `interactive`, `submission` (default) or `batch`.
    #[serde(default)]
    pub(crate) priority: Option<Priority>,
    /// Not before this time (RFC 3339).
    #[serde(default)]
    #[schema(format = DateTime, example = "2030-01-01T00:00:00Z")]
    pub(crate) run_at: Option<String>,
    /// Where the result is sent when there is one: an `http` or `https` URL.
    #[serde(default)]
    #[schema(example = "https://example.com/hook")]
    pub(crate) webhook: Option<String>,
    /// Whether the result of an identical submission of yours will do, if there is one of the last minutes (ten, unless the
    /// operator says otherwise): then nothing is run or stored, and the answer, with the id of that one, says `cached`.
    /// Identical is what has the same language in the same version, sources, arguments, environment, inputs, tests and
    /// limits. Counts for nothing beside `run_at`, `webhook` or an `Idempotency-Key`, and in a batch. Compilations are
    /// always cached.
    #[serde(default)]
    pub(crate) cache: Option<bool>,
    /// Inputs with expected outputs: compiled once, run for each.
    #[serde(default, deserialize_with = "lists::tests")]
    pub(crate) tests: Vec<TestRequest>,
}

/// A file in the box. One of `content` and `content_base64` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileRequest {
    /// A relative path such as `src/helper.py`.
    pub(crate) path: String,
    /// The content as text.
    #[serde(default)]
    pub(crate) content: Option<String>,
    /// The content as base64, for what is not text.
    #[serde(default)]
    pub(crate) content_base64: Option<String>,
}

/// One test.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestRequest {
    /// A name for people, unique among the tests; its number (from 1) by default.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Standard input.
    #[serde(default)]
    pub(crate) stdin: String,
    /// Expected standard output, compared word by word. Without it the program only has to end well.
    #[serde(default)]
    pub(crate) expected: Option<String>,
}

/// Limits of each execution.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "cpu_time_ms": 2000, "memory_kb": 131072 }))]
pub(crate) struct LimitsBody {
    /// CPU time of all processes together, in milliseconds.
    pub(crate) cpu_time_ms: Option<u64>,
    /// Time on the clock on the wall, in milliseconds.
    pub(crate) wall_time_ms: Option<u64>,
    /// Longest stretch without using the CPU, in milliseconds.
    pub(crate) idle_time_ms: Option<u64>,
    /// Machine instructions of all processes together, the kernel's own left out; more are TLE. Refused where the server
    /// cannot count them.
    pub(crate) instructions: Option<u64>,
    /// Memory of all processes together, in KiB.
    pub(crate) memory_kb: Option<u64>,
    /// Processes and threads at one time.
    pub(crate) processes: Option<u32>,
    /// Open file descriptors of one process.
    pub(crate) open_files: Option<u32>,
    /// Size of any one file written, in KiB.
    pub(crate) file_size_kb: Option<u64>,
    /// All files written together, in KiB.
    pub(crate) disk_kb: Option<u64>,
    /// Files and directories made.
    pub(crate) inodes: Option<u64>,
    /// Kept of standard output and, separately, of standard error, in KiB.
    pub(crate) output_kb: Option<u64>,
    /// Stack of the main thread, in KiB.
    pub(crate) stack_kb: Option<u64>,
}

impl From<LimitsBody> for LimitsRequest {
    fn from(body: LimitsBody) -> LimitsRequest {
        let (ms, kb) = (|n: Option<u64>| n.map(Duration::from_millis), |n: Option<u64>| n.map(Bytes::kib));
        LimitsRequest {
            cpu_time: ms(body.cpu_time_ms),
            wall_time: ms(body.wall_time_ms),
            idle_time: ms(body.idle_time_ms),
            instructions: body.instructions.map(Instructions::new),
            memory: kb(body.memory_kb),
            processes: body.processes,
            open_files: body.open_files,
            file_size: kb(body.file_size_kb),
            disk: kb(body.disk_kb),
            inodes: body.inodes,
            output: kb(body.output_kb),
            stack: kb(body.stack_kb),
        }
    }
}

/// How urgent a submission is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Priority {
    /// Somebody is looking at the screen.
    Interactive,
    /// An ordinary submission.
    Submission,
    /// One of very many.
    Batch,
}

impl From<Priority> for PriorityClass {
    fn from(priority: Priority) -> PriorityClass {
        match priority {
            Priority::Interactive => PriorityClass::Interactive,
            Priority::Submission => PriorityClass::Submission,
            Priority::Batch => PriorityClass::Batch,
        }
    }
}

/// Many programs, accepted together or not at all.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchRequest {
    /// At least one.
    #[serde(deserialize_with = "lists::submissions")]
    pub(crate) submissions: Vec<ExecuteRequest>,
}

impl ExecuteRequest {
    /// Core's form of it. Faults of form go to `faults`, with pointers below `base`.
    pub(crate) fn into_new(self, base: &str, request_id: &str, faults: &mut FormFaults) -> Option<NewSubmission> {
        let mut well_formed = true;
        let mut fault = |place: &str, detail: &str| {
            well_formed = false;
            faults.push(base, place, detail);
        };

        if self.input.is_some() && self.stdin.is_some() {
            fault("/stdin", "`stdin` and `input` are two names of the same thing; send one.");
        }
        let stdin = self.input.or(self.stdin);
        if self.source_code.is_none() && self.files.is_empty() {
            fault("/source_code", "Send `source_code`, or `files` of which the first is the main source.");
        }
        let run_at = self.run_at.and_then(|text| {
            text.parse::<jiff::Timestamp>()
                .inspect_err(|_| fault("/run_at", "A time such as `2030-01-01T00:00:00Z` (RFC 3339)."))
                .ok()
        });

        let mut files: Vec<(String, Arc<[u8]>)> = Vec::with_capacity(self.files.len() + 1);
        files.extend(self.source_code.map(|source| (String::new(), bytes_of(source))));
        for (index, file) in self.files.into_iter().enumerate() {
            let data = match (file.content, file.content_base64) {
                (Some(text), None) => Some(bytes_of(text)),
                (None, Some(coded)) => match BASE64_STANDARD.decode(coded.as_bytes()) {
                    Ok(data) => Some(Arc::from(data)),
                    Err(_) => {
                        fault(
                            &format!("/files/{index}/content_base64"),
                            "Not base64 (the standard alphabet, with padding).",
                        );
                        None
                    }
                },
                (Some(_), Some(_)) => {
                    fault(&format!("/files/{index}"), "`content` and `content_base64` are the same thing; send one.");
                    None
                }
                (None, None) => {
                    fault(&format!("/files/{index}/content"), "Send `content` or `content_base64`.");
                    None
                }
            };
            if file.path.is_empty() {
                fault(&format!("/files/{index}/path"), "A file path may not be empty.");
            }
            files.extend(data.map(|data| (file.path, data)));
        }

        let tests = self.tests.into_iter().enumerate().map(|(index, test)| TestCase {
            name: test.name.unwrap_or_else(|| (index + 1).to_string()),
            stdin: bytes_of(test.stdin),
            expected: test.expected.map(bytes_of),
        });
        let new = NewSubmission {
            language: self.language,
            files,
            args: self.args,
            env: self.env.into_iter().collect(),
            stdin: stdin.map(bytes_of).unwrap_or_default(),
            tests: tests.collect(),
            limits: self.limits.unwrap_or_default().into(),
            priority: self.priority.map(PriorityClass::from).unwrap_or_default(),
            run_at,
            webhook: self.webhook,
            request_id: Some(request_id.to_owned()),
            ..NewSubmission::default()
        };
        well_formed.then_some(new)
    }
}

fn bytes_of(text: String) -> Arc<[u8]> {
    Arc::from(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: serde_json::Value) -> Vec<String> {
        let request = || serde_json::from_value::<ExecuteRequest>(body);
        let request = lists::within(&cupel_core::Bounds::default(), request).unwrap();
        let mut faults = FormFaults::default();
        let new = request.into_new("/submissions/3", "r", &mut faults);
        let errors = faults.into_problem().to_body("r").errors;
        assert_eq!(new.is_none(), !errors.is_empty());
        errors.into_iter().map(|f| f.pointer).collect()
    }

    #[test]
    fn faults_of_form_are_all_told_with_their_place() {
        use serde_json::json;
        let none: [&str; 0] = [];
        assert_eq!(faults(json!({ "language": "c", "source_code": "" })), none);
        assert_eq!(faults(json!({ "language": "c", "files": [{ "path": "a.c", "content_base64": "eA==" }] })), none);
        assert_eq!(faults(json!({ "language": "c" })), ["/submissions/3/source_code"]);
        assert_eq!(
            faults(json!({ "language": "c", "source_code": "", "input": "", "stdin": "" })),
            ["/submissions/3/stdin"]
        );
        assert_eq!(
            faults(json!({ "language": "c", "run_at": "tomorrow", "files": [
                { "path": "a" }, { "path": "b", "content": "", "content_base64": "" }, { "path": "c", "content_base64": "*" }, { "path": "", "content": "" }
            ] })),
            ["/run_at", "/files/0/content", "/files/1", "/files/2/content_base64", "/files/3/path"]
                .map(|p| format!("/submissions/3{p}"))
        );
    }
}
