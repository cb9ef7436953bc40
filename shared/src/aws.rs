//! The configuration of all AWS clients.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::BoxError;
use crate::config::Config;

/// The roots of AWS endpoints, from <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Reads region, credentials and endpoints as AWS tools do, so that `AWS_ENDPOINT_URL` or its
/// per-service forms point a client somewhere else.
///
/// TLS is rustls on ring, which builds quickly for every target and gathers no entropy during a
/// cold start. It trusts Amazon's roots, or those that `AWS_CA_BUNDLE` or `SSL_CERT_FILE` name.
/// Reading the machine's certificates took a third of a start.
///
/// # Errors
/// If the file that one of these variables names can't be read.
pub async fn sdk_config() -> Result<SdkConfig, BoxError> {
    let roots = match Config::from_env().ca_bundle() {
        None => AMAZON_ROOTS.to_vec(),
        Some((variable, path)) => read_roots(&path).map_err(|error| {
            format!("{variable} must name a PEM file of certificates; {path} is not one: {error}")
        })?,
    };
    let trust = TrustStore::empty().with_pem_certificate(roots);
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(TlsContext::builder().with_trust_store(trust).build()?)
        .build_https();
    Ok(aws_config::defaults(BehaviorVersion::latest()).http_client(http_client).load().await)
}

/// Parses roots, and checks that there are any: the client panics without.
fn read_roots(path: &str) -> Result<Vec<u8>, BoxError> {
    let roots = std::fs::read(path)?;
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&roots) {
        store.add(root?)?;
    }
    if store.is_empty() { Err("it has no certificates".into()) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_that_are_built_in_are_five_certificates() {
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(AMAZON_ROOTS) {
            store.add(root.unwrap()).unwrap();
        }
        assert_eq!(store.len(), 5);
    }

    #[test]
    fn a_bundle_that_is_none_is_an_error_and_no_panic() {
        for path in ["/nonexistent", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            assert!(read_roots(path).is_err(), "{path}");
        }
        assert!(read_roots(concat!(env!("CARGO_MANIFEST_DIR"), "/src/amazon-roots.pem")).is_ok());
    }
}
