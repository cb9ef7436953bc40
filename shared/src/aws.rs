//! What every AWS client is built from.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use crate::config::{Config, ConfigError};
use crate::{BoxError, deadline};

/// The roots that AWS's own endpoints chain to, from <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The wait before the second try of a call, at most. It doubles with each try.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// How often and for how long a call is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many tries there are in all.
    pub(crate) tries: u32,
    /// The timeout of a try.
    pub(crate) one_try: Duration,
    /// The timeout of all tries. The deadline of the invocation may come earlier.
    pub(crate) in_all: Duration,
}

impl Limits {
    pub(crate) fn retries(self) -> RetryConfig {
        RetryConfig::standard().with_max_attempts(self.tries).with_initial_backoff(RETRY_DELAY)
    }

    pub(crate) fn timeouts(self) -> TimeoutConfig {
        // `in_time` has the timeout of all tries: each timer of the SDK costs a call some 5 µs.
        TimeoutConfig::builder().operation_attempt_timeout(self.one_try).build()
    }

    /// The answer to a call, unless its time is over, or the deadline of the invocation comes first.
    pub(crate) fn in_time<T, E>(
        self,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, CallError<E>>> + Send {
        // Boxed at once: a call of the SDK takes 6 kB, which every future around it would copy.
        let call = Box::pin(call);
        async move {
            let end = deadline::current(self.in_all).min(Instant::now() + self.in_all);
            let answer = timeout_at(end, call).await;
            answer.map_err(CallError::Late)?.map_err(CallError::Failed)
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError<E> {
    /// Its time was over, or the invocation's deadline came first.
    #[error("no answer in time")]
    Late(#[source] Elapsed),
    /// The error of the SDK.
    #[error(transparent)]
    Failed(E),
}

impl<E: ProvideErrorMetadata> CallError<E> {
    /// The kind of the failure for traces: the service's code of the error, if it answered.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Late(_) => "timeout",
            Self::Failed(error) => error.code().unwrap_or("unreachable"),
        }
    }
}

/// Region, credentials, endpoints and whatever else AWS's tools take from the environment, such as
/// `AWS_ENDPOINT_URL` and its forms for one service.
///
/// All clients share one HTTP client. TLS is rustls on ring. It trusts Amazon's roots, or those that
/// `AWS_CA_BUNDLE` or `SSL_CERT_FILE` name: reading the machine's roots took a third of a start.
///
/// # Errors
/// If there is no region, or the file that one of these variables names can't be read.
pub async fn load(config: &Config) -> Result<SdkConfig, BoxError> {
    let tls = TlsContext::builder().with_trust_store(trust(config.ca_bundle())?).build()?;
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client)
        // Bodies are small, and every call has a timeout.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await;
    if aws.region().is_none() {
        let expected = "a region, such as eu-central-1";
        return Err(ConfigError::Missing { variable: "AWS_REGION", expected }.into());
    }
    Ok(aws)
}

/// Amazon's roots, or those in the file that a variable names.
fn trust(bundle: Option<(&'static str, String)>) -> Result<TrustStore, BoxError> {
    let roots = match bundle {
        None => AMAZON_ROOTS.to_vec(),
        Some((variable, path)) => read_roots(&path).map_err(|error| {
            format!(
                "{variable} must name a file of certificates in PEM; {path} is not one: {error}"
            )
        })?,
    };
    Ok(TrustStore::empty().with_pem_certificate(roots))
}

/// Reads roots, and makes sure that there are some: the client panics on a file without.
fn read_roots(path: &str) -> Result<Vec<u8>, BoxError> {
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
            assert!(read_roots(path).is_err(), "{path}");
        }
        assert!(read_roots(concat!(env!("CARGO_MANIFEST_DIR"), "/src/amazon-roots.pem")).is_ok());
    }
}
