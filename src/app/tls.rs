//! How do the internal and the gRPC listener speak TLS? With the operator's certificate and key, and, where asked for, only to
//! clients whose certificate an authority of the operator's has signed.

use std::{path::Path, sync::Arc};

use rustls::{ServerConfig, crypto::CryptoProvider, server::WebPkiClientVerifier};

use super::StartFault;
use crate::{config::Tls, pem};

/// Reads the files; a fault names the key of the configuration and the file.
pub fn server(key: &'static str, tls: &Tls) -> Result<ServerConfig, StartFault> {
    read(tls).map_err(|fault| StartFault::Tls { key, fault })
}

/// The same; a fault names the file.
pub fn read(tls: &Tls) -> Result<ServerConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (chain, key) = (pem::certificates(&tls.cert_file)?, pem::key(&tls.key_file)?);
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| pem::fault(&tls.cert_file, error))?;
    let config = match &tls.client_ca_file {
        None => config.with_no_client_auth(),
        Some(file) => config.with_client_cert_verifier(clients(file, provider)?),
    };
    config
        .with_single_cert(chain, key)
        .map_err(|error| pem::fault(&tls.cert_file, error))
}

fn clients(
    file: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, String> {
    let roots = Arc::new(pem::authorities(file)?);
    WebPkiClientVerifier::builder_with_provider(roots, provider)
        .build()
        .map_err(|error| pem::fault(file, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_a_fault_that_names_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("cert.pem");
        std::fs::write(&file, "nothing of the kind\n").expect("written");
        let tls = Tls {
            cert_file: file.clone(),
            key_file: dir.path().join("none.pem"),
            client_ca_file: None,
        };
        let told = server("internal.tls", &tls).expect_err("refused").to_string();
        assert!(told.contains("cert.pem") && told.starts_with("internal.tls"), "{told}");
    }
}
