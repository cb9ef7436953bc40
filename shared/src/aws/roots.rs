//! The certificates that AWS is trusted by.

use aws_smithy_http_client::tls::TrustStore;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::BoxError;

/// The roots that AWS's own endpoints chain to, from <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Amazon's roots, or those in the file that a variable names.
pub(super) fn trust(bundle: Option<&(&'static str, String)>) -> Result<TrustStore, BoxError> {
    let roots = match bundle {
        None => AMAZON_ROOTS.to_vec(),
        Some((variable, path)) => read(path).map_err(|error| {
            format!(
                "{variable} must name a file of certificates in PEM; {path} is not one: {error}"
            )
        })?,
    };
    Ok(TrustStore::empty().with_pem_certificate(roots))
}

/// Reads roots, and makes sure that there are some: the client panics on a file without.
fn read(path: &str) -> Result<Vec<u8>, BoxError> {
    let roots = std::fs::read(path)?;
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&roots) {
        store.add(root?)?;
    }
    if store.is_empty() { Err("it holds no certificate".into()) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_roots_are_built_in() {
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(AMAZON_ROOTS) {
            store.add(root.unwrap()).unwrap();
        }
        assert_eq!(store.len(), 5);
    }

    #[test]
    fn a_file_without_certificates_is_an_error_and_no_panic() {
        for path in ["/nonexistent", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            assert!(read(path).is_err(), "{path}");
        }
        assert!(read(concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/amazon-roots.pem")).is_ok());
    }
}
