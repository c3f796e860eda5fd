//! `/admin/workers`: the workers that are alive. `/admin/running`: what they run.

use axum::Json;
use axum::extract::State;
use cupel_core::RunningRun;
use cupel_core::cluster::WorkerRecord;
use cupel_http::app::Shared;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_languages::{Pulling, Registry};
use cupel_types::LanguageId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::v1::response::time::rfc3339;

/// A worker: a process that runs submissions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkerView {
    worker_id: String,
    /// The machine's name, unless another one is configured.
    name: String,
    /// Version of Cupel that the worker runs.
    version: String,
    /// Number of programs that it can run at the same time.
    slots: u32,
    /// Number of slots that were occupied at the last heartbeat.
    busy: u32,
    /// Number of runs that it judged within the minute before the last heartbeat.
    judged_last_minute: u32,
    /// The operator's order: `work`, `pause` or `drain`.
    order: &'static str,
    /// Number of languages that it has, without those that `GET /languages` does not list.
    languages: u64,
    /// Languages that it lacks because it is still pulling their images.
    pulling: Vec<PullingView>,
    #[schema(format = DateTime)]
    started_at: String,
    /// Time of the last heartbeat. A worker without a heartbeat for 15 seconds is not listed.
    #[schema(format = DateTime)]
    seen_at: String,
}

impl WorkerView {
    fn of(record: WorkerRecord, registry: &Registry) -> WorkerView {
        let WorkerRecord { beat, order, started_at, seen_at } = record;
        WorkerView {
            worker_id: beat.id.to_string(),
            name: beat.name,
            version: beat.version,
            slots: beat.slots,
            busy: beat.busy,
            judged_last_minute: beat.judged_last_minute,
            order: order.as_str(),
            languages: beat.languages.keys().filter(|id| registry.is_listed(id)).count() as u64,
            pulling: beat.pulling.into_iter().map(PullingView::of).collect(),
            started_at: rfc3339(started_at),
            seen_at: rfc3339(seen_at),
        }
    }
}

/// A language whose image a worker is pulling.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "language_id": "python-course", "failure": null }))]
pub(crate) struct PullingView {
    /// Id of the language.
    language_id: String,
    /// Why the last attempt failed; null before the first failure. The worker tries again.
    failure: Option<String>,
}

impl PullingView {
    fn of((language, pulling): (LanguageId, Pulling)) -> PullingView {
        PullingView { language_id: language.to_string(), failure: pulling.failure }
    }
}

/// The workers that are alive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkerViews {
    /// The workers, oldest first.
    workers: Vec<WorkerView>,
}

/// List the workers that are alive.
#[utoipa::path(
    get, path = "/admin/workers", tag = "admin", operation_id = "workers",
    responses((status = 200, description = "The workers", body = WorkerViews)),
)]
pub(crate) async fn workers(State(app): State<Shared>, _caller: Caller) -> Result<Json<WorkerViews>, ApiError> {
    let workers = app.core.workers_alive().await?;
    let registry = app.core.registry();
    Ok(Json(WorkerViews { workers: workers.into_iter().map(|record| WorkerView::of(record, &registry)).collect() }))
}

/// Number of running runs in one response. A cluster has more slots only if it has dozens of workers.
const RUNNING_MAX: u32 = 200;

/// A run that a worker executes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunningView {
    submission_id: String,
    /// Name of the submission's owner.
    username: String,
    /// The submission's language; `null` for the verification of a package.
    language: Option<String>,
    /// The problem of the submission, if any.
    problem: Option<String>,
    /// Number of the current attempt, from 1.
    attempt: u32,
    /// When the first attempt began.
    #[schema(format = DateTime)]
    started_at: String,
    worker_id: String,
    /// Name of the worker, if it is known.
    worker_name: Option<String>,
}

impl From<RunningRun> for RunningView {
    fn from(run: RunningRun) -> RunningView {
        let RunningRun { submission, username, language, problem, attempt, started_at, worker, worker_name } = run;
        RunningView {
            submission_id: submission.to_string(),
            username,
            language: language.map(|id| id.to_string()),
            problem: problem.map(|slug| slug.to_string()),
            attempt,
            started_at: rfc3339(started_at),
            worker_id: worker.to_string(),
            worker_name,
        }
    }
}

/// The runs that workers execute.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunningViews {
    /// The runs, longest first, at most 200.
    running: Vec<RunningView>,
}

/// List the runs that workers execute, longest first.
///
/// It has at most 200 runs. `running` of `/admin/queue` is the number of all of them.
#[utoipa::path(
    get, path = "/admin/running", tag = "admin", operation_id = "running",
    responses((status = 200, description = "The runs", body = RunningViews)),
)]
pub(crate) async fn running(State(app): State<Shared>, _caller: Caller) -> Result<Json<RunningViews>, ApiError> {
    let running = app.core.runs_of_workers(RUNNING_MAX).await?;
    Ok(Json(RunningViews { running: running.into_iter().map(RunningView::from).collect() }))
}
