//! The issuer of a local stack: its own key, published where the emulator's authorizer looks for
//! it, and tokens for any subject and scope. A deployed stack has none of this.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::digest;
use ring::rsa::{KeyPair, PublicKeyComponents};
use serde_json::{Value, json};
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::tools::Tools;

/// The audience of the tokens.
pub(crate) const AUDIENCE: &str = "waybill";
/// A customer and what customers may do; the sample orders of `sql/seed.sql` are theirs.
pub(crate) const CUSTOMER: (&str, &str) = ("ada", "orders/read orders/write");
/// A member of staff, and what staff may do.
pub(crate) const STAFF: (&str, &str) = ("grace", "orders/staff");

/// The bucket of the emulator that holds the key and the description of the issuer.
const BUCKET: &str = "waybill-issuer";
/// How long a token is valid.
const VALIDITY: Duration = Duration::from_hours(24);
/// ring makes no RSA keys. The emulator brings this Python library.
const MAKE_KEY: &str = "import sys
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
der = key.private_bytes(form.Encoding.DER, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
sys.stdout.buffer.write(der)";

/// Signs the tokens of one stack.
pub(crate) struct Issuer {
    key: EncodingKey,
    /// The public half.
    public: PublicKeyComponents<Vec<u8>>,
    /// The name of the key: the start of its hash.
    key_id: String,
    endpoint: String,
    key_path: PathBuf,
}

impl Issuer {
    /// The issuer with the key in `dir`, which is made if there is none that can be read.
    ///
    /// # Errors
    /// If the key can't be made or written.
    pub(crate) async fn prepare(dir: &Path, tools: &Tools, endpoint: &str) -> Result<Self> {
        if let Ok(issuer) = Self::open(dir, endpoint) {
            return Ok(issuer);
        }
        let path = key_path(dir);
        let failed = || "Failed to make the key that signs the tokens of this stack.";
        let mut command = tokio::process::Command::new(tools.python());
        let made = command.args(["-c", MAKE_KEY]).output().await.context(failed)?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(said).context(failed);
        }
        // Whole or not at all, and never readable by others.
        let half = path.with_extension("new");
        let _ = fs::remove_file(&half);
        File::options()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&half)
            .and_then(|mut file| file.write_all(&made.stdout))
            .and_then(|()| fs::rename(&half, &path))
            .context(|| format!("Failed to write {}.", path.display()))?;
        Self::open(dir, endpoint)
    }

    /// The issuer with the key in `dir`.
    ///
    /// # Errors
    /// If there is no key, or it can't be read.
    pub(crate) fn open(dir: &Path, endpoint: &str) -> Result<Self> {
        let key_path = key_path(dir);
        let der = fs::read(&key_path).context(|| {
            format!("Failed to read the key in {}; `make up` makes one.", key_path.display())
        })?;
        Self::new(&der, key_path, endpoint)
    }

    fn new(der: &[u8], key_path: PathBuf, endpoint: &str) -> Result<Self> {
        let pair = KeyPair::from_der(der).map_err(|rejected| {
            Error::new(format!(
                "{} is not a key: {rejected}. `make up` makes a new one.",
                key_path.display()
            ))
        })?;
        let hash = digest::digest(&digest::SHA256, pair.public().as_ref());
        let key_id = URL_SAFE_NO_PAD.encode(hash.as_ref()).chars().take(16).collect();
        let (key, public) = (EncodingKey::from_rsa_der(der), pair.public().into());
        Ok(Self { key, public, key_id, endpoint: endpoint.to_owned(), key_path })
    }

    /// The file of the private key.
    pub(crate) fn key_path(&self) -> &Path {
        &self.key_path
    }

    /// `iss` of its tokens. It contains the name of the key, since the emulator caches the keys of
    /// a URL for two hours.
    pub(crate) fn url(&self) -> String {
        format!("{}/{BUCKET}/{}", self.endpoint, self.key_id)
    }

    /// A token of `subject` with these scopes, separated by spaces.
    ///
    /// # Errors
    /// If signing fails.
    pub(crate) fn token(&self, subject: &str, scopes: &str) -> Result<String> {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.key_id.clone());
        let claims = json!({
            "iss": self.url(),
            "aud": AUDIENCE,
            "sub": subject,
            "scope": scopes,
            "iat": now.as_secs(),
            "nbf": now.as_secs(),
            "exp": (now + VALIDITY).as_secs(),
        });
        jsonwebtoken::encode(&header, &claims, &self.key).context(|| "Failed to sign the token.")
    }

    /// Publishes the public key and the description that points to it under the issuer's URL.
    ///
    /// # Errors
    /// If the emulator refuses them.
    pub(crate) async fn publish(&self) -> Result<()> {
        let url = self.url();
        let description = json!({
            "issuer": url,
            "jwks_uri": format!("{url}/jwks.json"),
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        put(&format!("{}/{BUCKET}", self.endpoint), None).await?;
        put(&format!("{url}/jwks.json"), Some(&self.keys())).await?;
        put(&format!("{url}/.well-known/openid-configuration"), Some(&description)).await
    }

    fn keys(&self) -> Value {
        let PublicKeyComponents { n, e } = &self.public;
        json!({"keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": URL_SAFE_NO_PAD.encode(n),
            "e": URL_SAFE_NO_PAD.encode(e),
        }]})
    }
}

fn key_path(dir: &Path) -> PathBuf {
    dir.join("issuer-key.der")
}

/// Puts an object, or creates a bucket. The emulator checks no signatures.
async fn put(url: &str, body: Option<&Value>) -> Result<()> {
    let failed = || format!("Failed to publish the key of the local issuer at {url}.");
    let request = reqwest::Client::new().put(url);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.context(failed)?;
    let status = answer.status();
    // The bucket may exist.
    if status.is_success() || status == reqwest::StatusCode::CONFLICT {
        return Ok(());
    }
    Err(format!("the emulator answered {status}")).context(failed)
}
