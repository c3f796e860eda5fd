//! [`Submission`] as `spec` and `data` of `code_submissions`.

use cupel_types::{
    BoxFile, BoxFiles, BoxPath, Bytes, LanguageId, LimitsRequest, PriorityClass, Submission, SubmissionId, TestCase,
    UserId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::{BlobWriter, RowError, Span, bad, from_us, read, to_us, us_of};

#[derive(Serialize, Deserialize)]
struct Spec {
    files: Vec<FileSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    env: Vec<(String, String)>,
    #[serde(default)]
    stdin: Span,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tests: Vec<TestSpec>,
    #[serde(default)]
    limits: LimitsSpec,
    priority: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_at_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct FileSpec {
    path: String,
    data: Span,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
}

#[derive(Serialize, Deserialize)]
struct TestSpec {
    name: String,
    stdin: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Span>,
}

#[derive(Default, Serialize, Deserialize)]
struct LimitsSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu_time_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wall_time_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_time_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    processes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_files: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_size_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disk_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inodes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stack_bytes: Option<u64>,
}

impl From<LimitsRequest> for LimitsSpec {
    fn from(l: LimitsRequest) -> LimitsSpec {
        LimitsSpec {
            cpu_time_us: l.cpu_time.map(us_of),
            wall_time_us: l.wall_time.map(us_of),
            idle_time_us: l.idle_time.map(us_of),
            memory_bytes: l.memory.map(Bytes::get),
            processes: l.processes,
            open_files: l.open_files,
            file_size_bytes: l.file_size.map(Bytes::get),
            disk_bytes: l.disk.map(Bytes::get),
            inodes: l.inodes,
            output_bytes: l.output.map(Bytes::get),
            stack_bytes: l.stack.map(Bytes::get),
        }
    }
}

impl From<LimitsSpec> for LimitsRequest {
    fn from(l: LimitsSpec) -> LimitsRequest {
        LimitsRequest {
            cpu_time: l.cpu_time_us.map(Duration::from_micros),
            wall_time: l.wall_time_us.map(Duration::from_micros),
            idle_time: l.idle_time_us.map(Duration::from_micros),
            memory: l.memory_bytes.map(Bytes::new),
            processes: l.processes,
            open_files: l.open_files,
            file_size: l.file_size_bytes.map(Bytes::new),
            disk: l.disk_bytes.map(Bytes::new),
            inodes: l.inodes,
            output: l.output_bytes.map(Bytes::new),
            stack: l.stack_bytes.map(Bytes::new),
        }
    }
}

/// `spec` and `data`.
pub(crate) fn encode_submission(s: &Submission) -> Result<(String, Vec<u8>), RowError> {
    let mut blob = BlobWriter::default();
    let spec = Spec {
        files: s
            .files
            .iter()
            .map(|f| FileSpec { path: f.path.as_str().into(), data: blob.put(&f.data), executable: f.executable })
            .collect(),
        args: s.args.clone(),
        env: s.env.clone(),
        stdin: blob.put(&s.stdin),
        tests: s
            .tests
            .iter()
            .map(|t| TestSpec {
                name: t.name.clone(),
                stdin: blob.put(&t.stdin),
                expected: t.expected.as_ref().map(|e| blob.put(e)),
            })
            .collect(),
        limits: s.limits.into(),
        priority: s.priority.as_str().into(),
        run_at_us: s.run_at.map(to_us),
        webhook: s.webhook.clone(),
        request_id: s.request_id.clone(),
    };
    Ok((serde_json::to_string(&spec)?, blob.finish()))
}

/// The submission in a row.
pub(crate) fn decode_submission(
    id: SubmissionId,
    owner: UserId,
    language: &str,
    submitted_at: Timestamp,
    spec: &str,
    data: &[u8],
) -> Result<Submission, RowError> {
    let spec: Spec = serde_json::from_str(spec)?;
    let files = spec.files.into_iter().map(|f| {
        let path = BoxPath::new(&f.path).map_err(|_| bad("spec"))?;
        Ok(BoxFile { path, data: read(data, f.data)?, executable: f.executable })
    });
    let tests = spec.tests.into_iter().map(|t| {
        let expected = t.expected.map(|span| read(data, span)).transpose()?;
        Ok(TestCase { name: t.name, stdin: read(data, t.stdin)?, expected })
    });
    Ok(Submission {
        id,
        owner,
        language: language.parse::<LanguageId>().map_err(|_| bad("language"))?,
        files: BoxFiles::new(files.collect::<Result<_, RowError>>()?),
        args: spec.args,
        env: spec.env,
        stdin: read(data, spec.stdin)?,
        tests: tests.collect::<Result<_, RowError>>()?,
        limits: spec.limits.into(),
        priority: PriorityClass::from_name(&spec.priority).ok_or(bad("spec"))?,
        run_at: spec.run_at_us.map(|us| from_us(us, "spec")).transpose()?,
        webhook: spec.webhook,
        request_id: spec.request_id,
        submitted_at,
    })
}
