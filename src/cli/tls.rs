//! Whom does a command trust over TLS, and how does it show who it is? Our own daemon has the very certificate that the
//! configuration names: its name need not fit the address at which this machine reaches it, and no authority need know it. One
//! elsewhere is trusted as this machine trusts others, or as the operator says.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;

use super::exit::{CONFIG, Failure, Outcome, USAGE};
use crate::pem;

/// Who signed a far daemon's certificate; left out: whom this machine trusts.
pub const CA_VARIABLE: &str = "WXBRIDGE_CA_FILE";
/// What a daemon with `client_ca_file` is shown, as PEM.
pub const CERT_VARIABLE: &str = "WXBRIDGE_CERT_FILE";
pub const KEY_VARIABLE: &str = "WXBRIDGE_KEY_FILE";

/// The files of the variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Papers {
    ca: Option<PathBuf>,
    /// Certificate and key.
    shows: Option<(PathBuf, PathBuf)>,
}

impl Papers {
    /// `set` knows the variables that are set.
    pub fn of(set: impl Fn(&str) -> Option<String>) -> Outcome<Self> {
        let file = |name| set(name).map(PathBuf::from);
        let shows = match (file(CERT_VARIABLE), file(KEY_VARIABLE)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                let both = (CERT_VARIABLE, KEY_VARIABLE);
                return Err(Failure::told(
                    USAGE,
                    format!("{} and {} go together, and one of them is not set", both.0, both.1),
                    format!("{} 与 {} 须同时设置，现缺其一", both.0, both.1),
                ));
            }
        };
        let ca = file(CA_VARIABLE);
        Ok(Self { ca, shows })
    }

    /// For the daemon that has this certificate, and no other.
    pub fn own(&self, cert_file: &Path) -> Outcome<ClientConfig> {
        let own = pem::certificates(cert_file)
            .map_err(|why| fault("internal.tls", why))?
            .swap_remove(0);
        let provider = provider();
        self.trusting(Arc::new(Own { own, provider }))
    }

    /// For a daemon elsewhere. `None`: nothing is set, a client's defaults do.
    pub fn far(&self) -> Outcome<Option<ClientConfig>> {
        if *self == Self::default() {
            return Ok(None);
        }
        let verifier: Arc<dyn ServerCertVerifier> = match &self.ca {
            Some(file) => authority(file)?,
            None => Arc::new(Verifier::new(provider()).map_err(|error| Failure::failed(error.to_string()))?),
        };
        self.trusting(verifier).map(Some)
    }

    fn trusting(&self, verifier: Arc<dyn ServerCertVerifier>) -> Outcome<ClientConfig> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::failed(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let Some((certificate, key)) = &self.shows else {
            return Ok(config.with_no_client_auth());
        };
        let chain = pem::certificates(certificate).map_err(|why| fault(CERT_VARIABLE, why))?;
        let private = pem::key(key).map_err(|why| fault(KEY_VARIABLE, why))?;
        let shown = config.with_client_auth_cert(chain, private);
        shown.map_err(|error| fault(CERT_VARIABLE, pem::fault(certificate, error)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn authority(file: &Path) -> Outcome<Arc<dyn ServerCertVerifier>> {
    let roots = pem::authorities(file).map_err(|why| fault(CA_VARIABLE, why))?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    Ok(verifier.map_err(|error| fault(CA_VARIABLE, pem::fault(file, error)))?)
}

fn fault(named: &str, why: String) -> Failure {
    Failure::new(CONFIG, format!("{named}: {why}"))
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

    fn papers(variables: &[(&str, &Path)]) -> Outcome<Papers> {
        let set = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Papers::of(|name| set(name).map(|(_, file)| file.display().to_string()))
    }

    #[test]
    fn a_file_without_a_certificate_is_a_fault_of_the_configuration_that_names_what_named_it() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let file = file.path();
        let told = |fault: Failure| (fault.exit, fault.message.split(':').next().map(str::to_owned));
        let own = Papers::default().own(file).expect_err("refused");
        assert_eq!(told(own), (CONFIG, Some("internal.tls".into())));
        for (variables, named) in [
            (vec![(CA_VARIABLE, file)], CA_VARIABLE),
            (vec![(CERT_VARIABLE, file), (KEY_VARIABLE, file)], CERT_VARIABLE),
        ] {
            let far = papers(&variables).and_then(|papers| papers.far()).expect_err("refused");
            assert_eq!(told(far), (CONFIG, Some(named.into())));
        }
    }

    #[test]
    fn a_certificate_goes_with_its_key_and_nothing_set_changes_nothing() {
        let file = Path::new("one.pem");
        for alone in [CERT_VARIABLE, KEY_VARIABLE] {
            let fault = papers(&[(alone, file)]).expect_err("refused");
            assert_eq!(fault.exit, USAGE);
            assert!(fault.message.contains(CERT_VARIABLE) && fault.message.contains(KEY_VARIABLE));
        }
        let none = papers(&[]).and_then(|papers| papers.far()).expect("nothing to read");
        assert!(none.is_none());
    }
}
