//! Connections to PostgreSQL with the encryption that their URL requires: one implementation of `sslmode` for the
//! store, the blob store, the queue and the event log. Also a runtime for blocking connections, and the text of a
//! server's version.
#![forbid(unsafe_code)]

mod connection;
mod reactor;
mod tls;
mod url;
mod version;

pub use connection::Connection;
pub use reactor::Reactor;
pub use tls::TlsError;
pub use url::{Endpoint, UrlError, is_read_only};
pub use version::version_text;
