//! What do an operator's certificate files hold? Certificates and keys as PEM; a fault names the file.

use std::{fmt::Display, path::Path};

use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

/// Every certificate of a file, at least one.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    match read() {
        Ok(found) if found.is_empty() => Err(fault(file, "it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(fault(file, error)),
    }
}

/// The same as authorities.
pub fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| fault(file, error))?;
    }
    Ok(roots)
}

pub fn key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| fault(file, error))
}

/// What is wrong with a file.
pub fn fault(file: &Path, error: impl Display) -> String {
    format!("{}: {error}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_what_it_is_for_is_a_fault_that_names_it() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "nothing of the kind\n").expect("written");
        let named = file.path().display().to_string();
        let told = [
            certificates(file.path()).err(),
            authorities(file.path()).err(),
            key(file.path()).err(),
            certificates(Path::new("/no/such/file")).err(),
        ];
        assert!(told[..3].iter().flatten().all(|it| it.starts_with(&named)), "{told:?}");
        assert!(told.iter().all(Option::is_some), "{told:?}");
    }
}
