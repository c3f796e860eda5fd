//! A database's URL: where the server is, and how the way to it is protected.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::tls::{Connector, TlsError};

/// How long a dead peer can be taken for a silent one, by the kernel. Source: tcp(7), TCP_USER_TIMEOUT.
const PEER_TIMEOUT: Duration = Duration::from_secs(15);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// Where to connect to, and how.
#[derive(Clone)]
pub struct Place {
    pub(crate) config: Config,
    /// `None`: nothing is encrypted.
    pub(crate) tls: Option<Connector>,
}

/// `sslmode`, with the meanings that libpq gives it. Source: PostgreSQL's manual, "SSL Support".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// `disable`.
    Off,
    /// `prefer` and `require`: encrypted, to whoever answers.
    Encrypted,
    /// `verify-full` (and `verify-ca`, which is no less strict here): encrypted, to the one named, as the certificates of this
    /// file say; without a file, those of the public authorities.
    Verified { roots: Option<PathBuf> },
}

/// Why a URL is refused. Its text is not repeated: there may be a password in it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum UrlError {
    #[error("it begins with neither `postgres://` nor `postgresql://`")]
    Scheme,
    #[error("`sslmode` is `{0}`; it can be disable, prefer, require, verify-ca or verify-full")]
    SslMode(String),
    #[error("it names no {0}")]
    Missing(&'static str),
    #[error("its host has an `@` in it: write one that belongs to the password as %40")]
    At,
    #[error("it cannot be read")]
    Form(#[source] tokio_postgres::Error),
    #[error("the encryption that its `sslmode` and `sslrootcert` ask for cannot be set up")]
    Tls(#[from] TlsError),
}

impl Place {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`. Without a name of its own in the URL, the
    /// connection calls itself `application`.
    ///
    /// # Errors
    /// [`UrlError`], which tells no password.
    pub fn parse(url: &str, application: &str) -> Result<Place, UrlError> {
        let (config, tls) = read(url, application)?;
        Ok(Place { config, tls: Connector::new(&tls)? })
    }

    /// Host, port and database, for messages. No password.
    pub fn name(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}/{}", self.config.get_dbname().unwrap_or_default())
    }

    /// How long is waited for each address of the server.
    #[must_use]
    pub fn connect_within(mut self, time: Duration) -> Place {
        self.config.connect_timeout(time);
        self
    }
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
    // What is before it is the end of a password, and hosts are told.
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
    fn the_mode_of_encryption_is_that_of_libpq() {
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
    fn a_file_of_certificates_that_is_not_there_is_named() {
        let Err(UrlError::Tls(error)) =
            Place::parse("postgres://u@h/d?sslmode=verify-full&sslrootcert=/no/ca.pem", "cupel")
        else {
            panic!("it was taken");
        };
        assert!(error.to_string().contains("/no/ca.pem"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named_and_no_password_is_told() {
        for (url, expected) in [
            ("mysql://u:secret@h/d", "begins with neither"),
            ("postgres://u:secret@h", "names no database"),
            ("postgres://h/d", "names no user"),
            ("postgres://u:secret@h:port/d", "cannot be read"),
            ("postgres://u:my@secret@h/d", "write one that belongs to the password as %40"),
        ] {
            let said = read(url, "cupel").unwrap_err();
            assert!(said.to_string().contains(expected), "{url}: {said}");
            assert!(!format!("{said:?}").contains("secret"), "{said:?}");
        }
        assert_eq!(Place::parse("postgres://u:secret@h:1/d", "cupel").unwrap().name(), "h:1/d");
    }
}
