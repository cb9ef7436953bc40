//! The configuration of AWS clients for a deployed stack.

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};

use crate::aws;
use crate::error::{Context as _, Error, Result};

/// A client configuration with the credentials that other AWS tools use: the environment, profiles
/// (single sign-on and credential processes included), or the role of the machine.
///
/// `region` goes before the region of the environment and of the profile. `endpoint` is that of an
/// emulator.
///
/// # Errors
/// If there are no credentials.
pub(crate) async fn sdk_config(
    profile: Option<String>,
    region: Option<String>,
    endpoint: Option<&str>,
) -> Result<SdkConfig> {
    let http = aws::http_client();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone());
    if let Some(profile) = &profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let mut config = loader.load().await;
    if let Some(profile) = profile {
        // As in other AWS tools, a named profile goes before keys in the environment.
        let provider = ProviderConfig::without_region()
            .with_http_client(http)
            .with_region(config.region().cloned());
        let credentials = ProfileFileCredentialsProvider::builder()
            .configure(&provider)
            .profile_name(profile)
            .build();
        let credentials = SharedCredentialsProvider::new(credentials);
        config = config.into_builder().credentials_provider(credentials).build();
    }
    let advice =
        || "Found no AWS credentials. Sign in with the AWS CLI, or name a profile with --profile.";
    let provider = config.credentials_provider().ok_or_else(|| Error::new(advice()))?;
    provider.provide_credentials().await.context(advice)?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_profile_is_an_error() {
        let profile = Some("waybill-no-such-profile".to_owned());
        let found = sdk_config(profile, Some("us-east-1".to_owned()), None).await;
        let error = found.unwrap_err();
        assert!(error.to_string().contains("--profile"), "{error}");
    }
}
