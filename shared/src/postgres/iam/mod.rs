//! IAM in place of a password: a signed URL, made in this process, that Aurora DSQL or RDS takes as the
//! password of a new connection.

use std::fmt::{Debug, Formatter};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::BoxError;
use crate::config::AwsKeys;

/// How long a token opens connections: what AWS's own tools ask for, and the most that RDS accepts. The
/// end of a token doesn't end the connections that it opened.
const LIFETIME: Duration = Duration::from_mins(15);

/// What stays as it is in a query of Signature Version 4: the unreserved characters of RFC 3986.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The role of DSQL that may do everything, and needs an action of its own.
const ADMIN: &str = "admin";

/// The parameter with the token of temporary credentials, and the one that ends the URL.
const SESSION_TOKEN: &str = "X-Amz-Security-Token";
const SIGNATURE: &str = "X-Amz-Signature";

/// What an AWS host serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service<'a> {
    /// Aurora DSQL, in a region.
    Dsql(&'a str),
    /// RDS or Aurora, or a proxy in front of them, in a region.
    Rds(&'a str),
}

impl<'a> Service<'a> {
    /// The service of a host, by its name: `<cluster>.dsql.<region>.on.aws`, in a VPC
    /// `<cluster>.dsql-<id>.<region>.on.aws`; `<name>.<id>.<region>.rds.amazonaws.com`, in China with
    /// `.cn`. None for any other host: a token is signed for AWS's own name of it.
    pub(super) fn of(host: &'a str) -> Option<Self> {
        let is_dsql = |label: &str| label == "dsql" || label.starts_with("dsql-");
        let mut labels = host.rsplit('.').peekable();
        match (labels.next()?, labels.next()?) {
            ("aws", "on") => {
                let (region, service) = (labels.next()?, labels.next()?);
                labels.next().filter(|_| is_dsql(service)).map(|_| Self::Dsql(region))
            }
            (last, next) => {
                let amazon = match (last, next) {
                    ("com", "amazonaws") => true,
                    ("cn", "com") => labels.next()? == "amazonaws",
                    _ => false,
                };
                let is_rds = amazon && labels.next()? == "rds";
                labels.next().filter(|_| is_rds && labels.peek().is_some()).map(Self::Rds)
            }
        }
    }
}

/// Where a database listens.
pub(super) struct Server<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
}

/// Makes the tokens of one database user.
pub(super) struct Signer {
    identity: Identity,
    region: String,
    /// The name of the service in signatures.
    name: &'static str,
    /// What is signed, without `https://`: the address and the action.
    url: String,
}

/// A token, which opens connections until it expires, like a password. `Debug` doesn't show it.
pub(super) struct Token(String);

impl Token {
    /// The token as a password.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Debug for Token {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(_)")
    }
}

impl Signer {
    /// The signer of `user` at the `server`, which is one of `service`.
    ///
    /// # Errors
    /// If no token can be made for this server.
    pub(super) fn new(
        server: &Server<'_>,
        user: &str,
        service: Service<'_>,
        keys: &AwsKeys,
    ) -> Result<Self, BoxError> {
        let Server { host, port } = server;
        let (name, region, url) = match service {
            Service::Dsql(region) => {
                let action = if user == ADMIN { "DbConnectAdmin" } else { "DbConnect" };
                ("dsql", region, format!("{host}/?Action={action}"))
            }
            Service::Rds(region) => {
                let user = utf8_percent_encode(user, &UNRESERVED);
                ("rds-db", region, format!("{host}:{port}/?Action=connect&DBUser={user}"))
            }
        };
        let credentials = Credentials::new(
            keys.access_key_id.clone(),
            keys.secret_access_key.clone(),
            keys.session_token.clone(),
            None,
            "environment",
        );
        let signer = Self { identity: credentials.into(), region: region.to_owned(), name, url };
        // What can't be signed is noticed at the start.
        signer.token(SystemTime::now())?;
        Ok(signer)
    }

    /// A token that is valid from `now` on. It takes no call: only a few hashes.
    ///
    /// # Errors
    /// If the address can't be signed.
    pub(super) fn token(&self, now: SystemTime) -> Result<Token, BoxError> {
        let mut settings = SigningSettings::default();
        settings.expires_in = Some(LIFETIME);
        settings.signature_location = SignatureLocation::QueryParams;
        let parameters = SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(self.name)
            .time(now)
            .settings(settings)
            .build()?
            .into();
        let url = format!("https://{}", self.url);
        let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::empty())?;
        let (signed, _) = sign(request, &parameters)?.into_parts();
        let mut added: Vec<_> = signed.params().iter().collect();
        // As botocore writes it, with the signature at the end.
        added.sort_by_key(|(name, _)| match *name {
            SESSION_TOKEN => 1,
            SIGNATURE => 2,
            _ => 0,
        });
        let mut token = self.url.clone();
        for (name, value) in added {
            token.extend(["&", name, "="]);
            token.extend(utf8_percent_encode(value, &UNRESERVED));
        }
        Ok(Token(token))
    }
}

#[cfg(test)]
mod tests;
