//! How do the internal and the gRPC listener speak TLS? With the operator's certificate and key, as their files say them now,
//! and, where asked for, only to clients whose certificate an authority of the operator's has signed.

use std::{
    path::Path,
    sync::{Arc, Weak},
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};

use super::StartFault;
use crate::{
    config::Tls,
    pem,
    ports::clock::{Clock, Millis},
};

/// How often the files are looked at: certificates are renewed days before their end.
const EVERY: Millis = 60_000;

/// Reads the files; a fault names the key of the configuration and the file. A certificate that is renewed in its place is
/// shown within a minute, for as long as the listener is there; authorities stay as they were at the start.
pub fn server(key: &'static str, tls: &Tls, clock: Arc<dyn Clock>) -> Result<ServerConfig, StartFault> {
    let (config, shown) = listener(tls).map_err(|fault| StartFault::Tls { key, fault })?;
    tokio::spawn(keep(key, tls.clone(), Arc::downgrade(&shown), clock));
    Ok(config)
}

/// The same, once; a fault names the file.
pub fn read(tls: &Tls) -> Result<ServerConfig, String> {
    listener(tls).map(|(config, _)| config)
}

fn listener(tls: &Tls) -> Result<(ServerConfig, Arc<Shown>), String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let shown = Arc::new(Shown(ArcSwap::from_pointee(certified(tls)?)));
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| pem::fault(&tls.cert_file, error))?;
    let config = match &tls.client_ca_file {
        None => config.with_no_client_auth(),
        Some(file) => config.with_client_cert_verifier(clients(file, provider)?),
    };
    Ok((config.with_cert_resolver(shown.clone()), shown))
}

/// Certificate and key of the files, which belong together.
fn certified(tls: &Tls) -> Result<CertifiedKey, String> {
    let (chain, key) = (pem::certificates(&tls.cert_file)?, pem::key(&tls.key_file)?);
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())
        .map_err(|error| pem::fault(&tls.cert_file, error))
}

/// What a listener shows to whoever calls.
#[derive(Debug)]
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Shown {
    /// Looks at the files; whether they hold another certificate than the one that is shown.
    fn look(&self, tls: &Tls) -> Result<bool, String> {
        let found = certified(tls)?;
        let new = found.cert != self.0.load().cert;
        if new {
            self.0.store(Arc::new(found));
        }
        Ok(new)
    }
}

/// Looks every minute, until the listener is gone. What cannot be used is told once, and the old one stays.
async fn keep(key: &'static str, tls: Tls, shown: Weak<Shown>, clock: Arc<dyn Clock>) {
    let mut told = String::new();
    loop {
        clock.sleep_until(clock.now() + EVERY).await;
        let Some(shown) = shown.upgrade() else { return };
        match shown.look(&tls) {
            Ok(new) => {
                told.clear();
                if new {
                    tracing::info!(listener = key, "a renewed certificate is shown from now on");
                }
            }
            Err(fault) if fault != told => {
                tracing::warn!(
                    listener = key,
                    fault,
                    "the certificate's files cannot be used: the one of before stays"
                );
                told = fault;
            }
            Err(_) => {}
        }
    }
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
    use std::fs;

    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    use super::*;
    use crate::ports::clock::{ManualClock, SystemClock};

    fn files(dir: &Path) -> Tls {
        Tls {
            cert_file: dir.join("cert.pem"),
            key_file: dir.join("key.pem"),
            client_ca_file: None,
        }
    }

    fn issued(tls: &Tls) {
        let Made { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        fs::write(&tls.cert_file, cert.pem()).expect("written");
        fs::write(&tls.key_file, signing_key.serialize_pem()).expect("written");
    }

    #[tokio::test]
    async fn a_file_without_a_certificate_is_a_fault_that_names_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let tls = files(dir.path());
        fs::write(&tls.cert_file, "nothing of the kind\n").expect("written");
        let told = server("internal.tls", &tls, Arc::new(SystemClock))
            .expect_err("refused")
            .to_string();
        assert!(told.contains("cert.pem") && told.starts_with("internal.tls"), "{told}");
    }

    #[test]
    fn a_renewed_certificate_is_shown_and_one_that_cannot_be_used_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let tls = files(dir.path());
        issued(&tls);
        let (_, shown) = listener(&tls).expect("a listener");
        let first = shown.0.load_full();
        assert_eq!(shown.look(&tls), Ok(false));
        let old_key = fs::read(&tls.key_file).expect("the key");
        issued(&tls);
        let new_key = fs::read(&tls.key_file).expect("the key");
        fs::write(&tls.key_file, old_key).expect("written");
        // Half of it has arrived: a certificate with somebody else's key.
        let fault = shown.look(&tls).expect_err("they do not belong together");
        assert!(fault.contains("cert.pem"), "{fault}");
        assert_eq!(shown.0.load().cert, first.cert);
        fs::write(&tls.key_file, new_key).expect("written");
        assert_eq!(shown.look(&tls), Ok(true));
        assert_ne!(shown.0.load().cert, first.cert);
        fs::remove_file(&tls.cert_file).expect("removed");
        assert!(shown.look(&tls).is_err());
    }

    #[tokio::test]
    async fn the_files_are_looked_at_every_minute_while_the_listener_is_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let tls = files(dir.path());
        issued(&tls);
        let (config, shown) = listener(&tls).expect("a listener");
        let (first, clock) = (shown.0.load_full(), ManualClock::at(0));
        let kept = keep(
            "internal.tls",
            tls.clone(),
            Arc::downgrade(&shown),
            Arc::new(clock.clone()),
        );
        let kept = tokio::spawn(kept);
        fs::write(&tls.key_file, "half of it").expect("written");
        minute(&clock).await;
        issued(&tls);
        while shown.0.load().cert == first.cert {
            minute(&clock).await;
        }
        drop((config, shown));
        while !kept.is_finished() {
            minute(&clock).await;
        }
    }

    async fn minute(clock: &ManualClock) {
        clock.advance(std::time::Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
}
