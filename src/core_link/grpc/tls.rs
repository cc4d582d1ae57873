//! Whom do we trust at a core's address, and who do we say that we are? The authorities of the system or one of the
//! operator's, and a certificate of ours where the core wants one.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, client::WantsClientCert};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::cores::Credentials;

/// Reads the files; a fault names the file.
pub fn client(credentials: &Credentials) -> Result<ClientConfig, String> {
    let trusting = trusting(credentials.ca_file.as_deref())?;
    match (&credentials.cert_file, &credentials.key_file) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert)?;
            let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| told(key, error))?;
            trusting
                .with_client_auth_cert(chain, key_der)
                .map_err(|error| told(cert, error))
        }
        _ => Ok(trusting.with_no_client_auth()),
    }
}

type Trusting = rustls::ConfigBuilder<ClientConfig, WantsClientCert>;

fn trusting(ca_file: Option<&Path>) -> Result<Trusting, String> {
    let builder = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())
    };
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| told(file, error))?;
            }
        }
        None => match builder()?.with_platform_verifier() {
            Ok(trusting) => return Ok(trusting),
            // A bare container has no certificates: plain HTTP/2 on loopback must work all the same.
            Err(error) => tracing::warn!(%error, "no certificates of the system, trusting none"),
        },
    }
    Ok(builder()?.with_root_certificates(roots))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    match read() {
        Ok(found) if found.is_empty() => Err(told(file, "it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(told(file, error)),
    }
}

fn told(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
