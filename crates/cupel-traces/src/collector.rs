//! Export to the collector: OTLP over HTTP, in batches, from a separate thread.
//!
//! Callers never wait: spans that the collector does not accept in time are lost. The libraries honour the standard
//! environment variables `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES` and, except for the size of the queue,
//! `OTEL_BSP_…`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanProcessor as _};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::Settings;

/// Timeout of a request to the collector.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Maximum number of spans that wait to be sent; further spans are dropped. A span takes about 1 KiB.
const WAITING_MAX: usize = 16 << 10;
/// Maximum number of bytes read from a response.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Error of [`crate::start`].
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the trace exporter; check `traces.url`")]
pub struct SetupError(#[from] ExporterBuildError);

/// Creates the processor that batches and sends spans.
pub(crate) fn processor(settings: &Settings) -> Result<BatchSpanProcessor, SetupError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new())
        .with_endpoint(format!("{}/v1/traces", settings.url.trim_end_matches('/')))
        .with_timeout(ANSWER_MAX)
        .build()?;
    let batches = BatchConfigBuilder::default().with_max_queue_size(WAITING_MAX).build();
    let mut processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let resource = Resource::builder().with_service_name(settings.service.clone()).with_attributes([
        KeyValue::new("service.instance.id", settings.instance.clone()),
        KeyValue::new("service.version", settings.version.clone()),
    ]);
    processor.set_resource(&resource.build());
    Ok(processor)
}

/// HTTP client for the exporter, built on the same library as the rest of Cupel.
#[derive(Debug)]
struct Client {
    agent: Agent,
    /// Whether spans are currently lost. The log has already reported the loss.
    is_lost: AtomicBool,
}

impl Client {
    fn new() -> Client {
        let config = Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            // The collector may have a certificate of the operator's own authority.
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .user_agent(concat!("cupel/", env!("CARGO_PKG_VERSION")))
            .build();
        Client { agent: Agent::new_with_config(config), is_lost: AtomicBool::new(false) }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let (parts, body) = self.agent.run(Request::from_parts(parts, body.as_ref()))?.into_parts();
        let mut body = body;
        let read = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, Bytes::from(read)))
    }

    fn note(&self, why: Option<String>) {
        let result = if why.is_some() { "failed" } else { "sent" };
        metrics::counter!("cupel_traces_batches_total", "result" => result).increment(1);
        let was_lost = self.is_lost.swap(why.is_some(), Ordering::Relaxed);
        match why {
            Some(why) if !was_lost => {
                tracing::warn!(
                    why,
                    "spans are lost, because the trace collector does not accept them; check `traces.url`"
                )
            }
            None if was_lost => tracing::info!("the trace collector accepts spans again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    /// Blocks, so the exporter calls it on a separate thread.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.send(request);
        self.note(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it responded with {}", answer.status())),
            Err(error) => Some(error.to_string()),
        });
        Ok(answer?)
    }
}
