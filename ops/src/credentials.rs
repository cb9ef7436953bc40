//! AWS clients for a deployed stack, with the credentials and the region that `sam deploy` uses.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde::Deserialize;

use crate::config::Config;
use crate::error::{Context as _, Error, Result};
use crate::tools::Tools;

/// Prints the credentials and the region that the AWS tools of this machine would use, as JSON. It is
/// the same chain that `sam deploy` goes by, with sign-on and all the kinds that a Rust client knows
/// only with more SDKs compiled in.
const CHAIN: &str = "import json, os, sys
from botocore.exceptions import BotoCoreError
from botocore.session import Session
try:
    session = Session(profile=sys.argv[1] or None)
    found = session.get_credentials()
    keys = found and found.get_frozen_credentials()
    region = os.environ.get('AWS_REGION') or session.get_config_variable('region')
except BotoCoreError as e: sys.exit(str(e))
if not keys: sys.exit('none were found')
json.dump({'key': keys.access_key, 'secret': keys.secret_key, 'token': keys.token, 'region': region}, sys.stdout)";

/// What the chain yields.
#[derive(Deserialize)]
pub(crate) struct Found {
    key: String,
    secret: String,
    token: Option<String>,
    /// The region of the environment or the profile.
    pub(crate) region: Option<String>,
}

impl Found {
    /// Asks the AWS library that `sam` uses; an empty profile is the default one.
    ///
    /// # Errors
    /// If there are no credentials, with what the library said.
    pub(crate) async fn look_up(config: &Config, profile: &str) -> Result<Self> {
        let tools = Tools::install(config).await?;
        let failed = || "The AWS credentials of this machine cannot be asked for.";
        let output = tools
            .command("python")
            .args(["-I", "-c", CHAIN, profile])
            .kill_on_drop(true)
            .output()
            .await
            .context(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Error::new(format!(
                "There are no AWS credentials to use: {}. Sign in as you do for `make deploy`, or \
                 name a profile with --profile.",
                said.lines().last().unwrap_or("the tools said nothing").trim_end_matches('.')
            )));
        }
        serde_json::from_slice(&output.stdout).context(failed)
    }

    /// The configuration of every client towards that region, or towards an emulator.
    pub(crate) async fn sdk_config(self, region: String, emulator: Option<&str>) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(region))
            .credentials_provider(Credentials::new(
                self.key,
                self.secret,
                self.token,
                None,
                "waybill-local",
            ));
        if let Some(endpoint) = emulator {
            loader = loader.endpoint_url(endpoint);
        }
        loader.load().await
    }
}
