//! A self-signed certificate for 127.0.0.1, for servers with TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A certificate and its key, in PEM.
pub(super) struct Certificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificate {
    /// Returns the paths of the certificate and key in this folder.
    pub(super) fn in_folder(folder: &Path) -> Certificate {
        Certificate { certificate: folder.join("server.crt"), key: folder.join("server.key") }
    }

    /// Creates the certificate and key.
    ///
    /// # Panics
    /// If `openssl` is not installed or fails.
    pub(super) fn make(folder: &Path) -> Certificate {
        const REQUEST: &str = "[req]\ndistinguished_name = name\nprompt = no\nx509_extensions = as\n[name]\nCN = 127.0.0.1\n\
                               [as]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical, CA:FALSE\n";
        let files = Certificate::in_folder(folder);
        let request = folder.join("request");
        fs::write(&request, REQUEST).expect("the request can be written");
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config"]).arg(request);
        openssl.arg("-keyout").arg(&files.key).arg("-out").arg(&files.certificate);
        let done = openssl.output().expect("openssl can be started: install the package `openssl`");
        assert!(done.status.success(), "openssl: {}", String::from_utf8_lossy(&done.stderr));
        files
    }
}
