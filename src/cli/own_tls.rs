//! Is it our own daemon that answers over TLS? It has the very certificate that the configuration names: its name need not
//! fit the address at which this machine reaches it, and no authority need know it.

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};

use super::exit::{CONFIG, Failure, Outcome};

/// Trusts the first certificate of this file, and no other.
pub fn client(cert_file: &Path) -> Outcome<ClientConfig> {
    let fault = |error: String| Failure::new(CONFIG, format!("internal.tls: {}: {error}", cert_file.display()));
    let own = CertificateDer::from_pem_file(cert_file).map_err(|error| fault(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Own {
        own,
        provider: provider.clone(),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(error.to_string()))?;
    Ok(config
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

#[derive(Debug)]
struct Own {
    own: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Own {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match end_entity == &self.own {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_certificate_is_taken_whatever_its_name() {
        let certificate = |bytes: &'static [u8]| CertificateDer::from(bytes);
        let own = Own {
            own: certificate(b"ours"),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        };
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let seen = |bytes| {
            own.verify_server_cert(
                &certificate(bytes),
                &[certificate(b"ours")],
                &name,
                &[],
                UnixTime::now(),
            )
        };
        assert!(seen(b"ours").is_ok());
        assert!(seen(b"theirs").is_err(), "also with ours behind it");
        assert!(!own.supported_verify_schemes().is_empty());
    }

    #[test]
    fn a_file_without_a_certificate_is_a_fault_of_the_configuration() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let fault = client(file.path()).err().map(|failure| failure.exit);
        assert_eq!(fault, Some(CONFIG));
    }
}
