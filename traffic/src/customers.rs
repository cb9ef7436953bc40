//! The customers of a run: subjects of their own, with tokens that the local issuer's key signs.

use std::fs;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use waybill_ops::error::{Context as _, Error, Result};

use crate::history::Run;
use crate::settings::Target;

/// What customers may do.
const SCOPES: &str = "orders/read orders/write";
/// What staff may do.
const STAFF: &str = "orders/staff";
/// How long a token is valid; longer than a run.
const VALIDITY: Duration = Duration::from_hours(24);

/// The tokens of a run. Has no `Debug`.
pub(crate) struct Tokens {
    customers: Vec<String>,
    staff: String,
}

impl Tokens {
    /// Signs a token for each customer of the run, and one for its staff.
    ///
    /// # Errors
    /// If the key can't be read, or the stack's own token is not a JWT.
    pub(crate) fn sign(target: &Target, run: &Run) -> Result<Self> {
        let key = fs::read(&target.key).context(|| {
            format!(
                "Failed to read the key in {}. Traffic needs a local stack, whose issuer's key is a file.",
                target.key.display()
            )
        })?;
        let issuer = Issuer { key: EncodingKey::from_rsa_der(&key), token: &target.token };
        let customers = (0..run.customers).map(|it| issuer.token(&run.subject(it), SCOPES));
        Ok(Self {
            customers: customers.collect::<Result<_>>()?,
            staff: issuer.token(&format!("traffic-{}-staff", run.name), STAFF)?,
        })
    }

    /// The token of a customer; empty if there is no such customer.
    #[must_use]
    pub(crate) fn customer(&self, customer: usize) -> &str {
        self.customers.get(customer).map_or("", String::as_str)
    }

    /// The token of staff.
    #[must_use]
    pub(crate) fn staff(&self) -> &str {
        &self.staff
    }
}

struct Issuer<'a> {
    key: EncodingKey,
    token: &'a str,
}

impl Issuer<'_> {
    /// A token like that of the stack, with another subject and other scopes.
    fn token(&self, subject: &str, scopes: &str) -> Result<String> {
        let mut parts = self.token.split('.').map(decode);
        let (Some(Some(header)), Some(Some(mut claims))) = (parts.next(), parts.next()) else {
            return Err(Error::new("TOKEN is not a JWT. `make up` writes a new one."));
        };
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        if let Some(claims) = claims.as_object_mut() {
            claims.insert("sub".to_owned(), json!(subject));
            claims.insert("scope".to_owned(), json!(scopes));
            claims.insert("iat".to_owned(), json!(now.as_secs()));
            claims.insert("nbf".to_owned(), json!(now.as_secs()));
            claims.insert("exp".to_owned(), json!((now + VALIDITY).as_secs()));
        }
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = sign(signed.as_bytes(), &self.key, Algorithm::RS256)
            .context(|| "Failed to sign a customer's token.")?;
        Ok(format!("{signed}.{signature}"))
    }
}

fn decode(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
