//! Connections to PostgreSQL, encrypted as their URL says: one reading of `sslmode` for store, blobs, queue and events.
#![forbid(unsafe_code)]

mod connection;
mod tls;
mod url;

pub use connection::Connection;
pub use tls::TlsError;
pub use url::{Place, UrlError};
