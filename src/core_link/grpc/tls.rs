//! Whom do we trust at a core's address, and who do we say that we are? The authorities of the system or one of the
//! operator's, and a certificate of ours where the core wants one.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, client::WantsClientCert};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::{cores::Credentials, pem};

/// Reads the files; a fault names the file.
pub fn client(credentials: &Credentials) -> Result<ClientConfig, String> {
    let trusting = trusting(credentials.ca_file.as_deref())?;
    match (&credentials.cert_file, &credentials.key_file) {
        (Some(cert), Some(key)) => {
            let (chain, key) = (pem::certificates(cert)?, pem::key(key)?);
            trusting
                .with_client_auth_cert(chain, key)
                .map_err(|error| pem::fault(cert, error))
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
    let roots = match ca_file {
        Some(file) => pem::authorities(file)?,
        None => match builder()?.with_platform_verifier() {
            Ok(trusting) => return Ok(trusting),
            // A bare container has no certificates: plain HTTP/2 on loopback must work all the same.
            Err(error) => {
                tracing::warn!(%error, "no certificates of the system, trusting none");
                RootCertStore::empty()
            }
        },
    };
    Ok(builder()?.with_root_certificates(roots))
}
