//! HTTP: the native API, authentication, rate limits, OpenAPI and the web pages.
//!
//! A request passes `edge.rs` (id, log, metrics, problems), then the extractors of its handler (`auth/` identifies the
//! caller, `body.rs` parses the input), then the handler in `v1/`, which calls one use case of core and formats the
//! response.
//!
//! *Architecture invariants:* this crate contains no SQL, no broker and no sandbox; every refusal is a [`ErrorKind`];
//! program text, input, output and secrets are never logged; state per client is always bounded.
#![forbid(unsafe_code)]

mod answers;
mod app;
mod auth;
mod body;
mod budget;
mod connections;
mod csv;
mod edge;
mod error;
mod limits;
mod lists;
mod openapi;
mod ops;
mod pages;
mod router;
mod rules;
mod serve;
mod state;
mod suggest;
mod v1;

pub use cupel_core::limits::Rate;
pub use error::{ApiError, ErrorBody, ErrorKind, FieldError, errors_markdown};
pub use openapi::openapi_json;
pub use pages::package_formats;
pub use router::{ops_router, router};
pub use serve::{ServeSettings, serve};
pub use state::{
    ApiState, Check, Health, HealthReport, LoginRates, MetricsAccess, Network, NetworkError, Secret, Settings,
    TierRates, Wall,
};
pub use v1::response::{compilation_error, runtime_error};
pub use v1::webhook_event::webhook_body;
