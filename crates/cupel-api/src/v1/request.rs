//! Request types for submissions, and their conversion to core's types.
//!
//! This file checks only the form of a request. Core checks whether the language exists and the limits are permitted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_core::{NewProgram, NewSource, NewSubmission};
use cupel_http::lists;
use cupel_http::object::maybe_object;
use cupel_types::{Bytes, ImageName, Instructions, LimitsRequest, PriorityClass, TestCase, ToolOptions};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::v1::faults::{FormFaults, Shape, sentence};

/// A program to run. At least one of `source_code` and `files` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "language": "python", "source_code": "print(int(input()) * 2)", "input": "21" }))]
pub(crate) struct ExecuteRequest {
    /// Id or alias of a language, see `GET /languages`; case-insensitive.
    #[schema(min_length = 1)]
    pub(crate) language: String,
    /// Version of the language, if several are installed. `3` or `3.13` selects the newest version that starts with
    /// this number. You may also send `language@version` as `language`.
    #[serde(default)]
    #[schema(min_length = 1)]
    pub(crate) version: Option<String>,
    /// A container image in which the program is compiled and run, instead of the language's own toolchain. It must be
    /// one of `images` of `GET /languages/{language_id}`. You may also send `language@image:tag` as `language`.
    /// Excludes `version`.
    #[serde(default)]
    #[schema(min_length = 1)]
    pub(crate) image: Option<String>,
    /// The main source; never empty. Cupel gives the source file the usual name for the language or, if the compiler
    /// requires it, the name of the public type in the source. For languages of the JVM, the class with `main` is
    /// started, regardless of its name and package.
    #[serde(default)]
    #[schema(min_length = 1)]
    pub(crate) source_code: Option<String>,
    /// Standard input; excludes `stdin`, `stdin_base64` and `tests`.
    #[serde(default)]
    pub(crate) input: Option<String>,
    /// Another name for `input`.
    #[serde(default)]
    pub(crate) stdin: Option<String>,
    /// Standard input as base64, for binary data; send it instead of `input` or `stdin`.
    #[serde(default)]
    #[schema(pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$")]
    pub(crate) stdin_base64: Option<String>,
    /// Additional files. Without `source_code`, the first is the main source. The `maxItems` and `maxProperties` of
    /// lists are the server's defaults; the operator may set others.
    #[serde(default, deserialize_with = "lists::files")]
    pub(crate) files: Vec<FileRequest>,
    /// Arguments for the compiler in addition to the language's own. They are placed before the source, so that they
    /// override conflicting arguments. Ignored if the language has no compiler.
    #[serde(default, deserialize_with = "lists::args")]
    pub(crate) compiler_args: Vec<String>,
    /// Arguments for the linker, such as `-lm`. They are placed after the source. Ignored if the language has no
    /// compiler.
    #[serde(default, deserialize_with = "lists::args")]
    pub(crate) linker_args: Vec<String>,
    /// Arguments for the interpreter or the virtual machine, before the source or the class that it starts. Ignored if
    /// the compiler makes an executable.
    #[serde(default, deserialize_with = "lists::args")]
    pub(crate) interpreter_args: Vec<String>,
    /// Arguments after the program's name.
    #[serde(default, deserialize_with = "lists::args")]
    pub(crate) args: Vec<String>,
    /// Environment variables in addition to the language's own.
    #[serde(default, deserialize_with = "lists::env")]
    pub(crate) env: BTreeMap<String, String>,
    /// Limits that differ from the language's defaults; none may exceed the language's maximum.
    #[serde(default, deserialize_with = "maybe_object")]
    pub(crate) limits: Option<LimitsBody>,
    /// Urgency: `interactive`, `submission` (default) or `batch`.
    #[serde(default)]
    pub(crate) priority: Option<Priority>,
    /// Earliest start time (RFC 3339), such as `2030-01-01T00:00:00Z`; at most 30 days ahead, unless the operator sets
    /// another maximum.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub(crate) run_at: Option<String>,
    /// URL that receives the result: `http` or `https`. A host that is, or resolves to, a private or reserved address
    /// is refused, unless the operator allows it.
    #[serde(default)]
    #[schema(example = "https://example.com/hook", max_length = 2048)]
    pub(crate) webhook: Option<String>,
    /// Whether a cached result is acceptable. If you made an identical submission within the last ten minutes (unless
    /// the operator sets another time), nothing is run or stored. The response then has that submission's id and
    /// `cached`. Two submissions are identical if their language, version, sources, arguments, environment, inputs,
    /// tests and limits are equal. Ignored in a batch and together with `run_at`, `webhook` or an `Idempotency-Key`.
    /// Successful compilations are cached regardless of this field.
    #[serde(default)]
    pub(crate) cache: Option<bool>,
    /// Inputs with expected outputs. The program is compiled once and run on each input. The operator limits the total
    /// time of all executions (ten minutes by default). The test that reaches this limit is TLE, and later tests are
    /// `SK` (skipped).
    #[serde(default, deserialize_with = "lists::tests")]
    pub(crate) tests: Vec<TestRequest>,
    /// Paths of files in the working directory. After the execution, their content is returned in `fetched_files`. Only
    /// regular files are returned. Excludes `tests`.
    #[serde(default, deserialize_with = "lists::fetched")]
    #[schema(max_items = 100)]
    pub(crate) fetch_files: Vec<String>,
    /// Patterns of the files that are kept after the execution, such as `*.png` or `plots/**/*.svg`; the result lists
    /// them in `artifacts`. Not together with `tests`. `*` stands for any characters except `/`, `?` for one of them,
    /// and a component `**` for any number of directories; a pattern without `/` matches file names in all directories.
    /// Each has at most 128 bytes. Only regular files are kept, and none if a limit ended the program.
    #[serde(default, deserialize_with = "lists::patterns")]
    #[schema(max_items = 16)]
    pub(crate) artifacts: Vec<String>,
}

/// A file in the sandbox. One of `content` and `content_base64` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileRequest {
    /// A relative path such as `src/helper.py`: at most 1,024 bytes and 32 components, each of at most 255 bytes. The
    /// pattern cannot count bytes. For paths with non-ASCII characters, it permits only shorter paths than the server.
    #[schema(min_length = 1, max_length = 1024)]
    pub(crate) path: String,
    /// The content as text.
    #[serde(default)]
    pub(crate) content: Option<String>,
    /// The content as base64, for binary data.
    #[serde(default)]
    #[schema(pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$")]
    pub(crate) content_base64: Option<String>,
}

/// One test.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestRequest {
    /// Display name, unique among the tests; the test's number (from 1) by default.
    #[serde(default)]
    #[schema(max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
    pub(crate) name: Option<String>,
    /// Standard input; empty by default.
    #[serde(default)]
    pub(crate) stdin: Option<String>,
    /// Another name for `stdin`.
    #[serde(default)]
    pub(crate) input: Option<String>,
    /// Standard input as base64, for binary data; send it instead of `stdin` or `input`.
    #[serde(default)]
    #[schema(pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$")]
    pub(crate) stdin_base64: Option<String>,
    /// Expected standard output, compared word by word. Without it, the program only has to end successfully.
    #[serde(default)]
    pub(crate) expected: Option<String>,
}

/// Limits of each execution.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "cpu_time_ms": 2000, "memory_kb": 131072 }))]
pub(crate) struct LimitsBody {
    /// CPU time of all processes together, in milliseconds.
    #[schema(minimum = 1)]
    pub(crate) cpu_time_ms: Option<u64>,
    /// Wall-clock time, in milliseconds.
    #[schema(minimum = 1)]
    pub(crate) wall_time_ms: Option<u64>,
    /// Maximum period in which the program uses 1 ms of CPU time or less in total, in milliseconds. A program that
    /// mostly sleeps can count as idle even if it prints from time to time.
    #[schema(minimum = 1)]
    pub(crate) idle_time_ms: Option<u64>,
    /// Machine instructions of all processes together, without those of the kernel. A program that exceeds this number
    /// is TLE. Refused if the server cannot count instructions.
    #[schema(minimum = 1)]
    pub(crate) instructions: Option<u64>,
    /// Memory of all processes together, in KiB.
    #[schema(minimum = 1024)]
    pub(crate) memory_kb: Option<u64>,
    /// Virtual memory of each process, in KiB; unlimited by default. A process that asks for more gets ENOMEM and
    /// continues, so that `malloc` returns NULL and Python raises MemoryError.
    #[schema(minimum = 1024)]
    pub(crate) address_space_kb: Option<u64>,
    /// Simultaneous processes and threads.
    #[schema(minimum = 1)]
    pub(crate) processes: Option<u32>,
    /// Open file descriptors of one process.
    #[schema(minimum = 3)]
    pub(crate) open_files: Option<u32>,
    /// Size of any one file written, in KiB.
    #[schema(minimum = 1)]
    pub(crate) file_size_kb: Option<u64>,
    /// All files written together, in KiB. A limit of less than 64 KiB acts like 64 KiB.
    #[schema(minimum = 1)]
    pub(crate) disk_kb: Option<u64>,
    /// Files and directories created.
    #[schema(minimum = 1)]
    pub(crate) inodes: Option<u64>,
    /// Maximum amount of standard output that is kept, in KiB. The same maximum applies to standard error separately.
    /// Of all outputs of a submission together, the operator's maximum is kept, 8 MiB by default.
    #[schema(minimum = 1)]
    pub(crate) output_kb: Option<u64>,
    /// Stack of the main thread, in KiB.
    #[schema(minimum = 128)]
    pub(crate) stack_kb: Option<u64>,
}

impl From<LimitsBody> for LimitsRequest {
    fn from(body: LimitsBody) -> LimitsRequest {
        let LimitsBody {
            cpu_time_ms,
            wall_time_ms,
            idle_time_ms,
            instructions,
            memory_kb,
            address_space_kb,
            processes,
            open_files,
            file_size_kb,
            disk_kb,
            inodes,
            output_kb,
            stack_kb,
        } = body;
        let (ms, kb) = (|n: Option<u64>| n.map(Duration::from_millis), |n: Option<u64>| n.map(Bytes::kib));
        LimitsRequest {
            cpu_time: ms(cpu_time_ms),
            wall_time: ms(wall_time_ms),
            idle_time: ms(idle_time_ms),
            instructions: instructions.map(Instructions::new),
            memory: kb(memory_kb),
            address_space: kb(address_space_kb),
            processes,
            open_files,
            file_size: kb(file_size_kb),
            disk: kb(disk_kb),
            inodes,
            output: kb(output_kb),
            stack: kb(stack_kb),
        }
    }
}

/// Urgency of a submission.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Priority {
    /// A user is waiting for the result.
    Interactive,
    /// An ordinary submission.
    Submission,
    /// One of many submissions whose results are not urgent.
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
    /// The submissions: 1 to 1000. The operator may set another maximum.
    #[serde(deserialize_with = "lists::submissions")]
    #[schema(min_items = 1)]
    pub(crate) submissions: Vec<ExecuteRequest>,
}

impl ExecuteRequest {
    /// The names of fields that the client used.
    pub(crate) fn shape(&self) -> Shape {
        Shape::new(self.source_code.is_some(), self.input.is_some(), self.stdin_base64.is_some())
            .with_version(self.version.is_some(), self.image.is_some())
    }

    /// Converts the request to core's type. Malformed fields are added to `faults`, with pointers below `base`.
    pub(crate) fn into_new(self, base: &str, request_id: &str, faults: &mut FormFaults) -> Option<NewSubmission> {
        let mut well_formed = true;
        let mut fault = |place: &str, detail: &str| {
            well_formed = false;
            faults.push(base, place, detail);
        };

        let stdin = standard_input(self.input, self.stdin, self.stdin_base64, "", &mut fault);
        let run_at = self.run_at.and_then(|text| {
            text.parse::<jiff::Timestamp>()
                .inspect_err(|_| fault("/run_at", "`run_at` must be a time such as `2030-01-01T00:00:00Z` (RFC 3339)."))
                .ok()
        });
        let language = match (self.version, self.image) {
            (Some(_), Some(_)) => {
                fault("/image", "Send `version` or `image`, not both.");
                self.language
            }
            (version, None) => with_version(self.language, version),
            (None, Some(image)) => match image.parse::<ImageName>() {
                Ok(image) => format!("{}@{image}", self.language),
                Err(error) => {
                    fault("/image", &sentence(&error.to_string()));
                    self.language
                }
            },
        };
        let source = source_of(language, self.source_code, self.files, &mut fault);
        let tests: Vec<TestCase> = self
            .tests
            .into_iter()
            .enumerate()
            .map(|(index, test)| TestCase {
                name: test.name.unwrap_or_else(|| (index + 1).to_string()),
                stdin: standard_input(
                    test.input,
                    test.stdin,
                    test.stdin_base64,
                    &format!("/tests/{index}"),
                    &mut fault,
                ),
                expected: test.expected.map(bytes_of),
            })
            .collect();
        let program = NewProgram {
            source,
            executables: Vec::new(),
            tools: ToolOptions {
                compiler_args: self.compiler_args,
                linker_args: self.linker_args,
                interpreter_args: self.interpreter_args,
                ..ToolOptions::NONE
            },
            args: self.args,
            env: self.env.into_iter().collect(),
            stdin,
            tests,
            stderr_to_stdout: false,
            fetch: self.fetch_files,
            artifacts: self.artifacts,
            limits: self.limits.unwrap_or_default().into(),
            live: None,
        };
        well_formed.then(|| NewSubmission {
            priority: self.priority.map(PriorityClass::from).unwrap_or_default(),
            run_at,
            webhook: self.webhook,
            request_id: Some(request_id.to_owned()),
            ..NewSubmission::from(program)
        })
    }
}

/// The name by which core finds a language in the requested version.
pub(super) fn with_version(language: String, version: Option<String>) -> String {
    match version {
        Some(version) => format!("{language}@{version}"),
        None => language,
    }
}

/// The source code of a program or a solution. Without `source_code`, the first file is the main source.
pub(super) fn source_of(
    language: String,
    source_code: Option<String>,
    sent: Vec<FileRequest>,
    fault: &mut impl FnMut(&str, &str),
) -> NewSource {
    if source_code.is_none() && sent.is_empty() {
        fault("/source_code", "Send `source_code`, or `files`. The first of `files` is then the main source.");
    }
    let mut files: Vec<(String, Arc<[u8]>)> = Vec::with_capacity(sent.len() + 1);
    files.extend(source_code.map(|source| (String::new(), bytes_of(source))));
    for (index, file) in sent.into_iter().enumerate() {
        let data = match (file.content, file.content_base64) {
            (Some(text), None) => Some(bytes_of(text)),
            (None, Some(coded)) => match BASE64_STANDARD.decode(coded.as_bytes()) {
                Ok(data) => Some(Arc::from(data)),
                Err(_) => {
                    fault(&format!("/files/{index}/content_base64"), NOT_BASE64);
                    None
                }
            },
            (Some(_), Some(_)) => {
                fault(&format!("/files/{index}"), "Send `content` or `content_base64`, not both.");
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
    NewSource { language, files }
}

const NOT_BASE64: &str = "This is not base64 (the standard alphabet, with padding).";

/// Error text for a request that has both `input` and `stdin`.
pub(super) const STDIN_AND_INPUT: &str = "`stdin` and `input` are names of the same field. Send only one.";

/// Standard input, from any of its three fields; empty if the request has none of them. Errors are reported below
/// `place`.
pub(super) fn standard_input(
    input: Option<String>,
    stdin: Option<String>,
    stdin_base64: Option<String>,
    place: &str,
    fault: &mut impl FnMut(&str, &str),
) -> Arc<[u8]> {
    if input.is_some() && stdin.is_some() {
        fault(&format!("{place}/stdin"), STDIN_AND_INPUT);
    }
    let text = input.or(stdin);
    match (text, stdin_base64) {
        (Some(_), Some(_)) => {
            let detail = "Send standard input as text or as base64, not both.";
            fault(&format!("{place}/stdin_base64"), detail);
            Arc::default()
        }
        (None, Some(coded)) => BASE64_STANDARD.decode(coded.as_bytes()).map(Arc::from).unwrap_or_else(|_| {
            fault(&format!("{place}/stdin_base64"), NOT_BASE64);
            Arc::default()
        }),
        (text, None) => text.map(bytes_of).unwrap_or_default(),
    }
}

fn bytes_of(text: String) -> Arc<[u8]> {
    Arc::from(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use cupel_core::NewSubmissionKind;

    use super::*;

    fn faults(body: serde_json::Value) -> Vec<String> {
        let request = || serde_json::from_value::<ExecuteRequest>(body);
        let request = lists::within(&cupel_core::Bounds::default(), request).unwrap();
        let mut faults = FormFaults::default();
        let new = request.into_new("/submissions/3", "r", &mut faults);
        let errors = faults.into_error().to_body("r").errors;
        assert_eq!(new.is_none(), !errors.is_empty());
        errors.into_iter().map(|f| f.pointer).collect()
    }

    /// Converts a valid body to core's type.
    fn new_of(body: serde_json::Value) -> NewProgram {
        let request = || serde_json::from_value::<ExecuteRequest>(body);
        let request = lists::within(&cupel_core::Bounds::default(), request).unwrap();
        let new = request.into_new("", "r", &mut FormFaults::default()).expect("a good body");
        let NewSubmissionKind::Program(program) = new.kind else { panic!("it is a program") };
        program
    }

    #[test]
    fn standard_input_has_the_same_three_names_in_every_request() {
        use serde_json::json;
        for (name, value) in [("input", "a"), ("stdin", "a"), ("stdin_base64", "YQ==")] {
            let new = new_of(json!({ "language": "c", "source_code": "x", name: value }));
            assert_eq!(&*new.stdin, b"a", "{name}");
            let new = new_of(json!({ "language": "c", "source_code": "x", "tests": [{ name: value }] }));
            assert_eq!(&*new.tests[0].stdin, b"a", "{name}");
        }
        let new = new_of(json!({ "language": "c", "source_code": "x", "stdin_base64": "/wAK" }));
        assert_eq!(&*new.stdin, [0xff, 0, b'\n']);
        assert_eq!(
            faults(json!({ "language": "c", "source_code": "x", "stdin_base64": "*", "tests": [
                { "input": "", "stdin": "" }, { "stdin": "", "stdin_base64": "" }, { "stdin_base64": "a" }
            ] })),
            ["/stdin_base64", "/tests/0/stdin", "/tests/1/stdin_base64", "/tests/2/stdin_base64"]
                .map(|p| format!("/submissions/3{p}"))
        );
    }

    #[test]
    fn all_malformed_fields_are_reported_with_their_location() {
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
