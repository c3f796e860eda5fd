//! Endpoints for operators and monitoring: liveness, readiness, health and metrics.

use std::time::{Duration, Instant};

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use subtle::ConstantTimeEq;

use crate::app::Shared;
use crate::draining;
use crate::error::{ApiError, ErrorKind};
use crate::notes::Notes;
use crate::state::{HealthReport, MetricsAccess};

/// How long a report is reused, so that clients cannot keep the components busy with health checks.
const REPORT_FRESH: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
struct HealthView<'a> {
    /// `ok`, `degraded` or `unavailable`.
    status: &'static str,
    version: &'a str,
    checks: Vec<CheckView<'a>>,
    walls: Vec<WallView<'a>>,
    degraded: &'a [String],
}

#[derive(Debug, Serialize)]
struct CheckView<'a> {
    name: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct WallView<'a> {
    name: &'a str,
    stands: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

async fn report(app: &Shared) -> HealthReport {
    let mut last = app.health.lock().await;
    if let Some((at, report)) = &*last
        && at.elapsed() < REPORT_FRESH
    {
        return report.clone();
    }
    let mut report = app.state.health.report().await;
    report.degraded.extend(app.buckets.health().err());
    *last = Some((Instant::now(), report.clone()));
    report
}

/// `/healthz`: the full report, for people and monitors. 503 if requests cannot be served.
pub(crate) async fn healthz(State(app): State<Shared>) -> Response {
    let report = report(&app).await;
    let going_down = app.shutdown.is_cancelled();
    let ready = report.is_ready() && !going_down;
    let weak = !report.degraded.is_empty() || report.walls.iter().any(|w| !w.stands);
    let view = HealthView {
        status: if !ready {
            "unavailable"
        } else if weak {
            "degraded"
        } else {
            "ok"
        },
        version: &app.settings.version,
        checks: report
            .checks
            .iter()
            .map(|c| CheckView { name: &c.name, ok: c.ok, detail: c.detail.as_deref() })
            .collect(),
        walls: report
            .walls
            .iter()
            .map(|w| WallView { name: &w.name, stands: w.stands, detail: w.detail.as_deref() })
            .collect(),
        degraded: &report.degraded,
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(&view)).into_response()
}

/// `/livez`: the process responds. Does not depend on any other component.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Name of the check of the data directory's disk (`crates/cupel/src/health.rs`).
const DISK_CHECK: &str = "disk";

/// `/readyz`: whether this node should receive requests.
pub(crate) async fn readyz(State(app): State<Shared>) -> Result<&'static str, ApiError> {
    if app.shutdown.is_cancelled() {
        return Err(draining::shutting_down());
    }
    let report = report(&app).await;
    let failed = report.checks.iter().filter(|check| !check.ok);
    // A full disk makes other checks fail, too.
    match failed.min_by_key(|check| check.name != DISK_CHECK) {
        None => Ok("ok\n"),
        Some(check) => {
            let kind = if check.name == DISK_CHECK { ErrorKind::DiskFull } else { ErrorKind::Unavailable };
            let why =
                check.detail.as_deref().map(|detail| format!(": {}", detail.trim_end_matches('.'))).unwrap_or_default();
            let detail = format!("`{}` does not work at the moment{why}. See /healthz.", check.name);
            Err(ApiError::new(kind, detail).retry_after(Duration::from_secs(5)))
        }
    }
}

/// `/metrics`: Prometheus text format 0.0.4.
pub(crate) async fn metrics(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let client = notes.client();
    let allowed = match &app.settings.metrics_access {
        MetricsAccess::Open => true,
        // Also not a page: another site's name may resolve to this address.
        MetricsAccess::Loopback => client.address.is_loopback() && !client.is_forwarded && !client.is_page,
        MetricsAccess::Token(token) => {
            let sent = headers.get(header::AUTHORIZATION).and_then(|v| v.as_bytes().strip_prefix(b"Bearer "));
            sent.is_some_and(|sent| bool::from(sent.ct_eq(&token.0)))
        }
    };
    if !allowed {
        return Err(match app.settings.metrics_access {
            MetricsAccess::Token(_) => {
                ApiError::new(ErrorKind::Unauthorized, "Send the metrics token as `Authorization: Bearer`.")
            }
            MetricsAccess::Open | MetricsAccess::Loopback => {
                ApiError::new(ErrorKind::Forbidden, "Only this machine may read metrics (setting `metrics.access`).")
            }
        });
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], (app.state.metrics)()).into_response())
}
