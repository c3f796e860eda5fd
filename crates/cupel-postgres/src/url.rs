//! A database's URL: the address of the server and the encryption of the connection.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::tls::{Connector, TlsError};

/// Time until the kernel reports a dead peer. Source: tcp(7), TCP_USER_TIMEOUT.
const PEER_TIMEOUT: Duration = Duration::from_secs(15);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// A server's address, the credentials, and the encryption to use.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) config: Config,
    /// `None`: connections are not encrypted.
    pub(crate) tls: Option<Connector>,
}

/// `sslmode`, with the meanings that libpq gives it. Source: PostgreSQL's manual, "SSL Support".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// `disable`, and every mode if the server has no network address, only Unix sockets.
    Off,
    /// `prefer` (the default) and `require`: encrypted, without verification of the server. With `prefer`, a connection
    /// is not encrypted if the server does not support TLS.
    Encrypted,
    /// `verify-full`. Also `verify-ca`, and `require` with `sslrootcert`, which are treated like `verify-full`.
    /// Connections are encrypted, and the server's name and certificate are verified with the certificates of this
    /// file, or with those of the public authorities if there is no file.
    Verified { roots: Option<PathBuf> },
}

/// Error of [`Endpoint::parse`]. The messages do not contain the URL, because it may contain a password.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum UrlError {
    #[error("the URL begins with neither `postgres://` nor `postgresql://`")]
    Scheme,
    #[error("`sslmode` is `{0}`; use disable, prefer, require, verify-ca or verify-full")]
    SslMode(String),
    #[error("the URL names no {0}")]
    Missing(&'static str),
    #[error("the host contains an `@`; if it belongs to the password, write it as %40")]
    At,
    #[error("the URL is malformed")]
    Form(#[source] tokio_postgres::Error),
    #[error("cannot set up the encryption that `sslmode` and `sslrootcert` require")]
    Tls(#[from] TlsError),
}

impl Endpoint {
    /// Parses `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`. `application` is the
    /// `application_name` of connections, unless the URL sets one. Connections are to a server that accepts writes,
    /// unless the URL sets `target_session_attrs`.
    ///
    /// # Errors
    /// [`UrlError`], which contains no password.
    pub fn parse(url: &str, application: &str) -> Result<Endpoint, UrlError> {
        let (config, tls) = read(url, application)?;
        Ok(Endpoint { config, tls: Connector::new(&tls)? })
    }

    /// Host, port and database, for messages. Contains no password.
    pub fn name(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}/{}", self.config.get_dbname().unwrap_or_default())
    }

    /// Sets the connection timeout for each address of the server.
    #[must_use]
    pub fn connect_within(mut self, time: Duration) -> Endpoint {
        self.config.connect_timeout(time);
        self
    }
}

/// Whether a connection was refused because no server of the URL accepts writes.
pub fn is_read_only(error: &tokio_postgres::Error) -> bool {
    // A refusal by the kernel has the same kind and a number.
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::PermissionDenied && cause.raw_os_error().is_none())
}

fn read(url: &str, application: &str) -> Result<(Config, Tls), UrlError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(UrlError::Scheme);
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut roots) = (None, None);
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value)),
            _ => others.push(pair),
        }
    }
    let (tls, ssl_mode) = match mode {
        Some("disable") => (Tls::Off, "disable"),
        None | Some("prefer") => (Tls::Encrypted, "prefer"),
        Some("require") if roots.is_none() => (Tls::Encrypted, "require"),
        Some("require" | "verify-ca" | "verify-full") => (Tls::Verified { roots }, "require"),
        Some(other) => return Err(UrlError::SslMode(other.to_owned())),
    };
    let ssl_mode = format!("sslmode={ssl_mode}");
    others.push(&ssl_mode);
    let mut config: Config = format!("{base}?{}", others.join("&")).parse().map_err(UrlError::Form)?;
    if config.get_hosts().is_empty() {
        return Err(UrlError::Missing("host"));
    }
    // libpq ignores `sslmode` for Unix sockets. A handshake would need the name of a host.
    let is_local =
        config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
    let tls = if is_local { Tls::Off } else { tls };
    if is_local {
        config.ssl_mode(SslMode::Disable);
    }
    // The text before the `@` is probably the end of a password, and messages contain the host.
    let has_at = |host: &Host| matches!(host, Host::Tcp(host) if host.contains('@'));
    if config.get_hosts().iter().any(has_at) {
        return Err(UrlError::At);
    }
    if config.get_user().is_none() {
        return Err(UrlError::Missing("user"));
    }
    if config.get_dbname().is_none() {
        return Err(UrlError::Missing("database"));
    }
    if config.get_application_name().is_none() {
        config.application_name(application);
    }
    // If a standby took over the name or is one of the hosts, the next address is tried.
    if !others.iter().any(|pair| pair.starts_with("target_session_attrs=")) {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    config
        .keepalives(true)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .tcp_user_timeout(PEER_TIMEOUT);
    Ok((config, tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sslmode_has_the_meanings_of_libpq() {
        let tls = |query: &str| read(&format!("postgres://u:p@h:1/d{query}"), "cupel").map(|(_, tls)| tls);
        let roots = |path: &str| Tls::Verified { roots: Some(path.into()) };
        assert_eq!(tls("").unwrap(), Tls::Encrypted);
        assert_eq!(tls("?sslmode=disable").unwrap(), Tls::Off);
        assert_eq!(tls("?sslmode=require&application_name=x").unwrap(), Tls::Encrypted);
        assert_eq!(tls("?sslrootcert=/ca.pem&sslmode=require").unwrap(), roots("/ca.pem"));
        assert_eq!(tls("?sslmode=verify-full").unwrap(), Tls::Verified { roots: None });
        assert!(matches!(tls("?sslmode=none"), Err(UrlError::SslMode(mode)) if mode == "none"));
    }

    #[test]
    fn connections_by_a_unix_socket_are_not_encrypted() {
        for url in [
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/d",
            "postgres:///d?host=/var/run/postgresql&user=u&sslmode=require",
            "postgres://u@%2Frun%2Fa/d?sslmode=verify-full&sslrootcert=/ca.pem",
        ] {
            let (config, tls) = read(url, "cupel").unwrap();
            assert_eq!((config.get_ssl_mode(), tls), (SslMode::Disable, Tls::Off), "{url}");
        }
        let by_network =
            read("postgres:///d?host=/run/a&hostaddr=10.0.0.5&user=u&sslmode=verify-full", "cupel").unwrap();
        assert_ne!(by_network.1, Tls::Off, "the address takes precedence over the socket");
        let (config, tls) = read("postgres://u@%2Frun%2Fa,h/d", "cupel").unwrap();
        assert_eq!((config.get_ssl_mode(), tls), (SslMode::Prefer, Tls::Encrypted), "one host has an address");
    }

    #[test]
    fn a_certificate_file_without_a_certificate_is_named() {
        let key = tempfile::NamedTempFile::new().unwrap();
        let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        std::fs::write(key.path(), pem).unwrap();
        let url = format!("postgres://u@h/d?sslmode=verify-full&sslrootcert={}", key.path().display());
        let Err(UrlError::Tls(error)) = Endpoint::parse(&url, "cupel") else { panic!("the file was accepted") };
        assert!(error.to_string().contains("contains no certificate"), "{error}");
    }

    #[test]
    fn servers_that_accept_writes_are_chosen_unless_the_url_says_otherwise() {
        let attrs = |query: &str| {
            let (config, _) = read(&format!("postgres://u:p@h,i/d{query}"), "cupel").unwrap();
            config.get_target_session_attrs()
        };
        assert_eq!(attrs(""), TargetSessionAttrs::ReadWrite);
        assert_eq!(attrs("?sslmode=disable&target_session_attrs=any"), TargetSessionAttrs::Any);
    }

    #[test]
    fn a_missing_certificate_file_is_named() {
        let Err(UrlError::Tls(error)) =
            Endpoint::parse("postgres://u@h/d?sslmode=verify-full&sslrootcert=/no/ca.pem", "cupel")
        else {
            panic!("the URL was accepted");
        };
        assert!(error.to_string().contains("/no/ca.pem"), "{error}");
    }

    #[test]
    fn errors_name_the_missing_part_and_hide_the_password() {
        for (url, expected) in [
            ("mysql://u:secret@h/d", "begins with neither"),
            ("postgres://u:secret@h", "names no database"),
            ("postgres://h/d", "names no user"),
            ("postgres://u:secret@h:port/d", "malformed"),
            ("postgres://u:my@secret@h/d", "if it belongs to the password, write it as %40"),
        ] {
            let error = read(url, "cupel").unwrap_err();
            assert!(error.to_string().contains(expected), "{url}: {error}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
        assert_eq!(Endpoint::parse("postgres://u:secret@h:1/d", "cupel").unwrap().name(), "h:1/d");
    }
}
