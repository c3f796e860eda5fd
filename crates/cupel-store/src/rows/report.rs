//! [`RunReport`], stored in the columns `report` and `data` of `execution_results`.

use std::time::Duration;

use cupel_types::{
    Accuracy, Artifact, ArtifactContent, Artifacts, BoxPath, Bytes, CaseReport, CompileReport, FetchedFile,
    Instructions, Limits, Omission, Outcome, Output, RunReport, Signal, Start, StepReport, Usage, Verdict,
};
use serde::{Deserialize, Serialize};

use super::grading::{GradingRow, put_grading, read_grading};
use super::verification::{VerificationRow, read_verification};
use super::{BlobWriter, RowError, Span, bad, read, us_of};

#[derive(Serialize, Deserialize)]
struct ReportRow {
    verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compile: Option<CompileRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    execution: Option<StepRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cases: Vec<CaseRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<ArtifactRow>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_more_artifacts: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grading: Option<GradingRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verification: Option<VerificationRow>,
    limits: LimitsRow,
    language_version: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OutputRow {
    data: Span,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Serialize, Deserialize)]
struct CompileRow {
    ok: bool,
    output: OutputRow,
    wall_time_us: u64,
    cached: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// `None` also if an older version wrote the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<OutcomeRow>,
}

#[derive(Serialize, Deserialize)]
struct CaseRow {
    name: String,
    verdict: String,
    /// Absent in rows of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    step: StepRow,
}

#[derive(Serialize, Deserialize)]
struct FileRow {
    path: String,
    content: OutputRow,
}

#[derive(Serialize, Deserialize)]
struct ArtifactRow {
    path: String,
    size: u64,
    /// Absent if the content was omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<ArtifactContentRow>,
    /// Why the content was omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    omitted: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ArtifactContentRow {
    data: Span,
    media_type: String,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepRow {
    outcome: OutcomeRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    stdout: OutputRow,
    stderr: OutputRow,
    usage: UsageRow,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutcomeRow {
    Exited(i32),
    Signalled(i32),
    TimeLimit,
    WallLimit,
    IdleLimit,
    InstructionLimit,
    MemoryLimit,
    OutputLimit,
    DiskLimit,
    Cancelled,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UsageRow {
    cpu_time_us: u64,
    cpu_user_us: u64,
    cpu_system_us: u64,
    wall_time_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructions: Option<u64>,
    memory_bytes: u64,
    output_bytes: u64,
    /// `None` if the language has no warm start, or if an older version wrote the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<StartRow>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_approximate: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StartRow {
    Warm,
    Cold,
}

#[derive(Serialize, Deserialize)]
struct LimitsRow {
    cpu_time_us: u64,
    wall_time_us: u64,
    idle_time_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructions: Option<u64>,
    memory_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address_space_bytes: Option<u64>,
    processes: u32,
    open_files: u32,
    file_size_bytes: u64,
    disk_bytes: u64,
    inodes: u64,
    output_bytes: u64,
    stack_bytes: u64,
}

impl From<Outcome> for OutcomeRow {
    fn from(outcome: Outcome) -> OutcomeRow {
        match outcome {
            Outcome::Exited(code) => OutcomeRow::Exited(code),
            Outcome::Signalled(Signal(number)) => OutcomeRow::Signalled(number),
            Outcome::TimeLimit => OutcomeRow::TimeLimit,
            Outcome::WallLimit => OutcomeRow::WallLimit,
            Outcome::IdleLimit => OutcomeRow::IdleLimit,
            Outcome::InstructionLimit => OutcomeRow::InstructionLimit,
            Outcome::MemoryLimit => OutcomeRow::MemoryLimit,
            Outcome::OutputLimit => OutcomeRow::OutputLimit,
            Outcome::DiskLimit => OutcomeRow::DiskLimit,
            Outcome::Cancelled => OutcomeRow::Cancelled,
        }
    }
}

impl From<OutcomeRow> for Outcome {
    fn from(row: OutcomeRow) -> Outcome {
        match row {
            OutcomeRow::Exited(code) => Outcome::Exited(code),
            OutcomeRow::Signalled(number) => Outcome::Signalled(Signal(number)),
            OutcomeRow::TimeLimit => Outcome::TimeLimit,
            OutcomeRow::WallLimit => Outcome::WallLimit,
            OutcomeRow::IdleLimit => Outcome::IdleLimit,
            OutcomeRow::InstructionLimit => Outcome::InstructionLimit,
            OutcomeRow::MemoryLimit => Outcome::MemoryLimit,
            OutcomeRow::OutputLimit => Outcome::OutputLimit,
            OutcomeRow::DiskLimit => Outcome::DiskLimit,
            OutcomeRow::Cancelled => Outcome::Cancelled,
        }
    }
}

impl From<&Usage> for UsageRow {
    fn from(u: &Usage) -> UsageRow {
        UsageRow {
            cpu_time_us: us_of(u.cpu_time),
            cpu_user_us: us_of(u.cpu_user),
            cpu_system_us: us_of(u.cpu_system),
            wall_time_us: us_of(u.wall_time),
            instructions: u.instructions.map(Instructions::get),
            memory_bytes: u.memory.get(),
            output_bytes: u.output.get(),
            start: u.start.map(|start| match start {
                Start::Warm => StartRow::Warm,
                Start::Cold => StartRow::Cold,
            }),
            is_approximate: u.accuracy == Accuracy::Approximate,
        }
    }
}

impl From<UsageRow> for Usage {
    fn from(u: UsageRow) -> Usage {
        Usage {
            cpu_time: Duration::from_micros(u.cpu_time_us),
            cpu_user: Duration::from_micros(u.cpu_user_us),
            cpu_system: Duration::from_micros(u.cpu_system_us),
            wall_time: Duration::from_micros(u.wall_time_us),
            instructions: u.instructions.map(Instructions::new),
            memory: Bytes::new(u.memory_bytes),
            output: Bytes::new(u.output_bytes),
            start: u.start.map(|start| match start {
                StartRow::Warm => Start::Warm,
                StartRow::Cold => Start::Cold,
            }),
            accuracy: if u.is_approximate { Accuracy::Approximate } else { Accuracy::Exact },
        }
    }
}

impl From<Limits> for LimitsRow {
    fn from(l: Limits) -> LimitsRow {
        let Limits {
            cpu_time,
            wall_time,
            idle_time,
            instructions,
            memory,
            address_space,
            processes,
            open_files,
            file_size,
            disk,
            inodes,
            output,
            stack,
        } = l;
        LimitsRow {
            cpu_time_us: us_of(cpu_time),
            wall_time_us: us_of(wall_time),
            idle_time_us: us_of(idle_time),
            instructions: instructions.map(Instructions::get),
            memory_bytes: memory.get(),
            address_space_bytes: address_space.map(Bytes::get),
            processes,
            open_files,
            file_size_bytes: file_size.get(),
            disk_bytes: disk.get(),
            inodes,
            output_bytes: output.get(),
            stack_bytes: stack.get(),
        }
    }
}

impl From<LimitsRow> for Limits {
    fn from(l: LimitsRow) -> Limits {
        Limits {
            cpu_time: Duration::from_micros(l.cpu_time_us),
            wall_time: Duration::from_micros(l.wall_time_us),
            idle_time: Duration::from_micros(l.idle_time_us),
            instructions: l.instructions.map(Instructions::new),
            memory: Bytes::new(l.memory_bytes),
            address_space: l.address_space_bytes.map(Bytes::new),
            processes: l.processes,
            open_files: l.open_files,
            file_size: Bytes::new(l.file_size_bytes),
            disk: Bytes::new(l.disk_bytes),
            inodes: l.inodes,
            output: Bytes::new(l.output_bytes),
            stack: Bytes::new(l.stack_bytes),
        }
    }
}

pub(super) fn put_output(output: &Output, blob: &mut BlobWriter) -> OutputRow {
    OutputRow { data: blob.put(&output.data), truncated: output.truncated }
}

pub(super) fn put_step(step: &StepReport, blob: &mut BlobWriter) -> StepRow {
    StepRow {
        outcome: step.outcome.into(),
        exit_code: step.exit_code,
        signal: step.signal,
        stdout: put_output(&step.stdout, blob),
        stderr: put_output(&step.stderr, blob),
        usage: (&step.usage).into(),
    }
}

/// Encodes `report`; the outputs are appended to `blob`.
pub(crate) fn encode_report(report: &RunReport, blob: &mut BlobWriter) -> Result<String, RowError> {
    let row = ReportRow {
        verdict: report.verdict.code().into(),
        message: report.message.clone(),
        compile: report.compile.as_ref().map(|c| CompileRow {
            ok: c.ok,
            output: put_output(&c.output, blob),
            wall_time_us: us_of(c.wall_time),
            cached: c.cached,
            exit_code: c.exit_code,
            limit: c.limit.map(OutcomeRow::from),
        }),
        execution: report.execution.as_ref().map(|step| put_step(step, blob)),
        cases: report
            .cases
            .iter()
            .map(|c| CaseRow {
                name: c.name.clone(),
                verdict: c.verdict.code().into(),
                message: c.message.clone(),
                step: put_step(&c.step, blob),
            })
            .collect(),
        files: report
            .files
            .iter()
            .map(|f| FileRow { path: f.path.as_str().into(), content: put_output(&f.content, blob) })
            .collect(),
        artifacts: report.artifacts.files.iter().map(|artifact| put_artifact(artifact, blob)).collect(),
        has_more_artifacts: report.artifacts.has_more,
        grading: report.grading.as_ref().map(|grading| put_grading(grading, blob)),
        verification: report.verification.as_ref().map(VerificationRow::from),
        limits: report.limits.into(),
        language_version: report.language_version.clone(),
    };
    Ok(serde_json::to_string(&row)?)
}

fn put_artifact(artifact: &Artifact, blob: &mut BlobWriter) -> ArtifactRow {
    let Artifact { path, size, content } = artifact;
    ArtifactRow {
        path: path.as_str().to_owned(),
        size: size.get(),
        content: content.as_ref().ok().map(|content| ArtifactContentRow {
            data: blob.put(&content.data),
            media_type: content.media_type.clone(),
            sha256: content.hash.to_string(),
        }),
        omitted: content.as_ref().err().map(|why| why.as_str().to_owned()),
    }
}

fn read_artifact(row: ArtifactRow, data: &[u8]) -> Result<Artifact, RowError> {
    let content = match (row.content, row.omitted) {
        (Some(content), _) => Ok(ArtifactContent {
            data: read(data, content.data)?,
            media_type: content.media_type,
            hash: content.sha256.parse().map_err(|_| bad("report"))?,
        }),
        (None, why) => Err(why.and_then(|why| Omission::from_name(&why)).ok_or(bad("report"))?),
    };
    let path = BoxPath::new(&row.path).map_err(|_| bad("report"))?;
    Ok(Artifact { path, size: Bytes::new(row.size), content })
}

pub(super) fn verdict_from(code: &str) -> Result<Verdict, RowError> {
    Verdict::from_code(code).ok_or(bad("verdict"))
}

pub(super) fn read_output(row: OutputRow, data: &[u8]) -> Result<Output, RowError> {
    Ok(Output { data: read(data, row.data)?, truncated: row.truncated })
}

pub(super) fn read_step(row: StepRow, data: &[u8]) -> Result<StepReport, RowError> {
    Ok(StepReport {
        outcome: row.outcome.into(),
        exit_code: row.exit_code,
        signal: row.signal,
        stdout: read_output(row.stdout, data)?,
        stderr: read_output(row.stderr, data)?,
        usage: row.usage.into(),
    })
}

/// Decodes the report of a row.
pub(crate) fn decode_report(report: &str, data: &[u8]) -> Result<RunReport, RowError> {
    let row: ReportRow = serde_json::from_str(report)?;
    let compile = row.compile.map(|c| {
        Ok::<_, RowError>(CompileReport {
            ok: c.ok,
            output: read_output(c.output, data)?,
            wall_time: Duration::from_micros(c.wall_time_us),
            cached: c.cached,
            exit_code: c.exit_code,
            limit: c.limit.map(Outcome::from),
        })
    });
    let cases = row.cases.into_iter().map(|c| {
        Ok(CaseReport {
            name: c.name,
            verdict: verdict_from(&c.verdict)?,
            message: c.message,
            step: read_step(c.step, data)?,
        })
    });
    let files = row.files.into_iter().map(|f| {
        let path = BoxPath::new(&f.path).map_err(|_| bad("report"))?;
        Ok(FetchedFile { path, content: read_output(f.content, data)? })
    });
    Ok(RunReport {
        verdict: verdict_from(&row.verdict)?,
        message: row.message,
        compile: compile.transpose()?,
        execution: row.execution.map(|step| read_step(step, data)).transpose()?,
        cases: cases.collect::<Result<_, RowError>>()?,
        files: files.collect::<Result<_, RowError>>()?,
        artifacts: Artifacts {
            files: row.artifacts.into_iter().map(|row| read_artifact(row, data)).collect::<Result<_, RowError>>()?,
            has_more: row.has_more_artifacts,
        },
        grading: row.grading.map(|grading| read_grading(grading, data)).transpose()?,
        verification: row.verification.map(read_verification).transpose()?,
        limits: row.limits.into(),
        language_version: row.language_version,
    })
}
