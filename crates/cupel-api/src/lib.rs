//! The native dialect: the API below `/api/v1`, its OpenAPI document, and the web pages.
//!
//! The server loop, the edge, the extractors and the errors are in `cupel-http`. A handler in `v1/` calls use cases of
//! core and formats the response; `access.rs` lists the callers of each operation.
//!
//! *Architecture invariants:* this crate does not depend on SQL, a broker or the sandbox, and never runs a user's
//! program.
#![forbid(unsafe_code)]

mod access;
mod csv;
mod dialect;
mod etag;
mod live;
mod openapi;
mod pages;
mod rules;
mod socketio;
mod swagger;
mod v1;

pub use access::operations;
pub use dialect::native;
pub use openapi::openapi_json;
pub use pages::{link_address, package_formats};
pub use v1::response::failure::{compilation_error, runtime_error};
pub use v1::response::limits::limits_json;
pub use v1::webhook_event::webhook_body;
