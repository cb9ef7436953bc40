//! What every AWS client is built from.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Region, credentials and endpoints as AWS's own tools take them, so that `AWS_ENDPOINT_URL` or a
/// per-service form of it is all it takes to point a client somewhere else.
///
/// TLS is rustls on ring: it builds in seconds for every target, and gathers no entropy of its own
/// during a cold start.
pub async fn sdk_config() -> SdkConfig {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http_client).load().await
}
