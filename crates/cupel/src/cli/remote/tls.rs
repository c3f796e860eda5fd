//! TLS to a server: the public certificate authorities, or those of a file.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// The trusted authorities; `None`: the public authorities.
pub(super) struct Trusted(Option<Vec<CertificateDer<'static>>>);

pub(super) fn trusted(file: Option<&Path>) -> anyhow::Result<Trusted> {
    let Some(path) = file else { return Ok(Trusted(None)) };
    let cannot = || format!("cannot read the certificates in {}", path.display());
    let certificates = CertificateDer::pem_file_iter(path).with_context(cannot)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().with_context(cannot)?;
    if certificates.is_empty() {
        return Err(anyhow!("{} has no certificate in PEM form", path.display()));
    }
    Ok(Trusted(Some(certificates)))
}

impl Trusted {
    pub(super) fn for_requests(&self) -> TlsConfig {
        let roots = match &self.0 {
            None => RootCerts::WebPki,
            Some(certificates) => {
                let certificates: Vec<_> =
                    certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
                RootCerts::new_with_certs(&certificates)
            }
        };
        TlsConfig::builder().root_certs(roots).build()
    }

    pub(super) fn for_sockets(&self) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(certificates) = &self.0 {
            roots = RootCertStore::empty();
            for certificate in certificates {
                roots.add(certificate.clone()).context("a certificate of --ca-file cannot be used")?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}
