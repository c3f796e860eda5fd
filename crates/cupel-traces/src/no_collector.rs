//! Replacement for `collector.rs` in a build without the exporter: `start` always returns an error.

use opentelemetry_sdk::trace::BatchSpanProcessor;

use crate::Settings;

/// Error of [`crate::start`].
#[derive(Debug, thiserror::Error)]
#[error("this program was built without the trace exporter: `make build` builds a program with the exporter")]
pub struct SetupError;

pub(crate) fn processor(_: &Settings) -> Result<BatchSpanProcessor, SetupError> {
    Err(SetupError)
}
