//! Verified TLS, and who is trusted to name which host.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::login::Login;
use crate::BoxError;

/// The roots of RDS.
const RDS_ROOTS: &[u8] = include_bytes!("rds-roots.pem");

/// The roots of DSQL, of RDS Proxy, and of AWS's other services.
const AMAZON_ROOTS: &[u8] = include_bytes!("../amazon-roots.pem");

/// TLS that verifies the certificate and the name of the host. A token goes to nobody but Amazon; with
/// a password the host may be anyone's, so the public roots are trusted too.
pub(super) fn connector(login: &Login) -> Result<MakeRustlsConnect, BoxError> {
    trusting(match login {
        Login::Dsql(_) => roots(&[AMAZON_ROOTS])?,
        Login::Rds(_) => roots(&[RDS_ROOTS, AMAZON_ROOTS])?,
        Login::AsWritten => {
            let mut all = roots(&[RDS_ROOTS])?;
            all.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            all
        }
    })
}

/// TLS that trusts these roots.
pub(super) fn trusting(roots: RootCertStore) -> Result<MakeRustlsConnect, BoxError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(tls))
}

fn roots(bundles: &[&[u8]]) -> Result<RootCertStore, BoxError> {
    let mut store = RootCertStore::empty();
    for bundle in bundles {
        for root in CertificateDer::pem_slice_iter(bundle) {
            store.add(root?)?;
        }
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_roots_are_five_and_those_of_rds_are_in_the_bundle() {
        assert_eq!(roots(&[AMAZON_ROOTS]).unwrap().len(), 5);
        assert!(roots(&[RDS_ROOTS]).unwrap().len() > 50);
    }
}
