//! Logs to standard error, metrics for Prometheus, and traces for OpenTelemetry.

use std::io::IsTerminal;
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
use cupel_traces::Traces;
use cupel_types::Verdict;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, Log, LogFormat};
use crate::disk_space::DiskSpace;
use crate::role::Role;

/// Upper bounds of the histograms, in seconds: from a cached C program to an upload of a package.
const BUCKETS_S: [f64; 14] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Further upper bounds of the durations of runs, in seconds, up to the default of `worker.judging_time_max`.
const LONG_RUN_BUCKETS_S: [f64; 4] = [300.0, 600.0, 1800.0, 3600.0];

/// Starts logging. `RUST_LOG` is ignored, because the configuration sets the level.
pub(crate) fn log(log: &Log) -> anyhow::Result<()> {
    let is_terminal = std::io::stderr().is_terminal();
    let colored = !matches!(AutoStream::choice(&std::io::stderr()), ColorChoice::Never);
    let filter = EnvFilter::try_new(&log.level).context("log.level")?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match log.format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    };
    if json {
        builder.json().flatten_event(true).with_span_list(false).finish().try_init()?;
    } else {
        builder.with_target(false).with_ansi(colored).finish().try_init()?;
    }
    Ok(())
}

/// A recorder with the buckets of all histograms.
fn histograms() -> anyhow::Result<PrometheusBuilder> {
    let of_runs = [&BUCKETS_S[..], &LONG_RUN_BUCKETS_S].concat();
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS_S)?
        .set_buckets_for_metric(Matcher::Full("cupel_run_duration_seconds".into()), &of_runs)?)
}

/// Installs the metrics recorder.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = histograms()?.install_recorder().context("cannot install the metrics recorder")?;
    metrics::describe_counter!(
        "cupel_runs_total",
        "Runs judged, by verdict and language; runs without a result after their last attempt are JE with the language `none`"
    );
    metrics::describe_histogram!(
        "cupel_run_duration_seconds",
        metrics::Unit::Seconds,
        "Time that runs used on their slots, including compilation; without the time that they waited for their turn"
    );
    metrics::describe_counter!(
        "cupel_compilations_total",
        "Compilations in languages with a warm compiler, by language and how: warm (done by the warm compiler), cold (none was running for \
         this user), declined (the warm compiler left it to the command), lost (the warm compiler did not respond)"
    );
    metrics::describe_gauge!("cupel_worker_slots", "Slots by state, without those of interactive runs");
    metrics::describe_gauge!("cupel_worker_interactive_runs", "Interactive runs in the slots for interactive runs");
    metrics::describe_counter!(
        "cupel_failed_attempts_total",
        "Attempts that failed because of an internal failure, by cause: sandbox, language (not available here), package (cannot be opened or fetched), package_fault (the package seems faulty), panic, store, lease (the worker stopped renewing the lease)"
    );
    metrics::describe_counter!(
        "cupel_sandbox_failures_total",
        "Failures of the sandbox: attempts that it could not run, and executors that it could not create"
    );
    metrics::describe_counter!(
        "cupel_leases_lost_total",
        "Leases that the worker no longer held when it renewed them or wrote the result"
    );
    metrics::describe_counter!("cupel_events_sent_total", "Live events and notices sent to other nodes");
    metrics::describe_counter!(
        "cupel_events_dropped_total",
        "Live events that other nodes do not receive, by cause: overflow (the event bus is slow or unreachable), not_kept (missing \
         only for clients that connect later), unreadable (unknown to this version)"
    );
    metrics::describe_gauge!(
        "cupel_events_connected",
        "Whether the server of the event bus is reachable, if one is configured"
    );
    metrics::describe_gauge!("cupel_store_connected", "Whether this node can use the store");
    metrics::describe_gauge!(
        "cupel_queue_connected",
        "Whether the queue's broker is reachable and accepts messages; always 1 without a broker"
    );
    metrics::describe_gauge!(
        "cupel_cache_connected",
        "Whether Redis is reachable for rate limits and cached results, if it is configured"
    );
    metrics::describe_counter!("cupel_result_cache_total", "Lookups in the result cache, by result: hit, miss");
    metrics::describe_counter!(
        "cupel_store_large_rows_total",
        "Submissions and results of more than 64 KiB that were written to the database because the blob store did not respond"
    );
    metrics::describe_counter!("cupel_webhooks_total", "Attempts to deliver a webhook, by result");
    metrics::describe_counter!("cupel_http_requests_total", "Answered requests, by method, route and status");
    metrics::describe_counter!(
        "cupel_http_internal_errors_total",
        "Requests that failed because of the server: the error `internal` of every API and facade, and panics"
    );
    metrics::describe_histogram!(
        "cupel_http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time from the arrival of a request to the beginning of its response, including the wait for a result"
    );
    metrics::describe_gauge!("cupel_workers", "Running workers, by state: working, paused, draining");
    metrics::describe_gauge!(
        "cupel_queue_depth_max",
        "Number of waiting runs at which this node refuses new runs; only those that wait on it and at the broker count"
    );
    metrics::describe_gauge!(
        "cupel_data_free_bytes",
        metrics::Unit::Bytes,
        "Free space on the disk under the data directory"
    );
    metrics::describe_gauge!(
        "cupel_data_size_bytes",
        metrics::Unit::Bytes,
        "Size of the disk under the data directory"
    );
    metrics::describe_gauge!("cupel_queue_depth", "Due runs that wait for a worker");
    metrics::describe_gauge!(
        "cupel_queue_oldest_age_seconds",
        metrics::Unit::Seconds,
        "Time that the oldest due run has waited"
    );
    metrics::describe_gauge!(
        "cupel_queue_unserved",
        "Waiting runs whose languages no running worker has; reported by the leading node"
    );
    metrics::describe_gauge!(
        "cupel_packages_missing",
        "Packages that versions of problems name and that this process cannot open"
    );
    metrics::describe_gauge!(
        "cupel_dead_letters",
        "Submissions whose attempts all failed because of an internal failure"
    );
    metrics::describe_counter!(
        "cupel_traces_batches_total",
        "Batches of spans for the trace collector, by result: sent, failed (lost)"
    );
    metrics::describe_counter!(
        "cupel_connections_dropped_total",
        "Connections without a complete request that were closed, because the server or their address had too many connections"
    );
    metrics::describe_counter!(
        "cupel_docker_containers_total",
        "Containers of Docker Engine for steps, by source: ready (started ahead), created (for a waiting step)"
    );
    metrics::describe_counter!(
        "cupel_image_pulls_total",
        "Attempts to pull an image whose source a language file gives, by result: pulled, failed"
    );
    metrics::describe_counter!(
        "cupel_queue_unreadable_total",
        "Messages of the queue that could not be parsed and were discarded"
    );
    metrics::gauge!("cupel_build_info", "version" => crate::VERSION).set(1.0);
    begin_at_zero();
    Ok(handle)
}

/// Starts the export of traces if a destination is configured.
pub(crate) fn traces(config: &Config, role: Role) -> anyhow::Result<Option<Traces>> {
    let Some(url) = config.traces.url.clone() else { return Ok(None) };
    let settings = cupel_traces::Settings {
        url,
        part: f64::from(config.traces.percent) / 100.0,
        service: format!("{}-{}", config.engines.cluster, role.command()),
        instance: config.worker.called(),
        version: crate::VERSION.to_owned(),
    };
    Ok(Some(cupel_traces::start(&settings).context("traces.url")?))
}

/// Registers the counters that alerts watch. A counter that first appears with a failure shows no increase, so the
/// alert would not detect the failure.
fn begin_at_zero() {
    for cause in ["sandbox", "language", "package", "package_fault", "panic", "store", "lease"] {
        metrics::counter!("cupel_failed_attempts_total", "cause" => cause).increment(0);
    }
    for result in ["delivered", "gone", "failed"] {
        metrics::counter!("cupel_webhooks_total", "result" => result).increment(0);
    }
    for result in ["pulled", "failed"] {
        metrics::counter!("cupel_image_pulls_total", "result" => result).increment(0);
    }
    // Workers register this counter for each of their languages.
    metrics::counter!("cupel_runs_total", "verdict" => Verdict::InternalError.code(), "language" => "none")
        .increment(0);
    metrics::counter!("cupel_http_internal_errors_total").increment(0);
    metrics::counter!("cupel_sandbox_failures_total").increment(0);
    metrics::counter!("cupel_leases_lost_total").increment(0);
}

/// Updates the gauges for the disk of `directory`.
pub(crate) fn look_at_disk(directory: &Path) {
    let Some(room) = DiskSpace::under(directory) else { return };
    metrics::gauge!("cupel_data_free_bytes").set(room.free as f64);
    metrics::gauge!("cupel_data_size_bytes").set(room.size as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_are_distinguished_up_to_an_hour() {
        let recorder = histograms().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("cupel_run_duration_seconds").record(1000.0);
            metrics::histogram!("cupel_http_request_duration_seconds").record(1000.0);
        });
        let text = recorder.handle().render();
        for line in [
            "cupel_run_duration_seconds_bucket{le=\"600\"} 0",
            "cupel_run_duration_seconds_bucket{le=\"1800\"} 1",
            "cupel_run_duration_seconds_bucket{le=\"3600\"} 1",
            "cupel_run_duration_seconds_bucket{le=\"0.002\"} 0",
        ] {
            assert!(text.contains(line), "{line} is missing:\n{text}");
        }
        assert!(!text.contains("cupel_http_request_duration_seconds_bucket{le=\"1800\"}"), "{text}");
    }
}
