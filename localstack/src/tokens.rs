//! The issuer of a local stack: a key of its own, published where the emulator's authorizer looks for
//! it, and tokens for any subject and any scope. None of it is known to the deployed service.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::tools::Tools;

/// Whom the tokens are for.
pub(crate) const AUDIENCE: &str = "waybill";
/// A customer and what customers may do; the sample orders of `sql/seed.sql` are theirs.
pub(crate) const CUSTOMER: (&str, &str) = ("ada", "orders/read orders/write");
/// One of the staff, and what staff may do.
pub(crate) const STAFF: (&str, &str) = ("grace", "orders/staff");

/// The bucket of the emulator that its key and its description are published in.
const BUCKET: &str = "waybill-issuer";
/// A long day's work.
const VALIDITY: Duration = Duration::from_hours(24);
/// ring signs and verifies, and makes no RSA keys; this library is what the emulator verifies with.
const MAKE_KEY: &str = "import sys
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
der = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
sys.stdout.buffer.write(der)";

/// Signs tokens for one stack.
pub(crate) struct Issuer {
    key: KeyPair,
    /// The key's name: the start of its hash.
    key_id: String,
    endpoint: String,
    key_path: PathBuf,
}

impl Issuer {
    /// The issuer that keeps its key in `dir`, making one the first time.
    ///
    /// # Errors
    /// If the key cannot be made, written or read.
    pub(crate) async fn prepare(dir: &Path, tools: &Tools, endpoint: &str) -> Result<Self> {
        let path = key_path(dir);
        if !path.exists() {
            let failed = || "The key that signs the tokens of this stack cannot be made.";
            let mut command = tokio::process::Command::new(tools.python());
            let made = command.args(["-c", MAKE_KEY]).output().await.context(failed)?;
            if !made.status.success() {
                let said = String::from_utf8_lossy(&made.stderr).into_owned();
                return Err(said).context(failed);
            }
            // Whole or not at all, and never readable for others.
            let half = path.with_extension("new");
            let _ = fs::remove_file(&half);
            File::options()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&half)
                .and_then(|mut file| file.write_all(&made.stdout))
                .and_then(|()| fs::rename(&half, &path))
                .context(|| format!("Cannot write {}.", path.display()))?;
        }
        Self::open(dir, endpoint)
    }

    /// The issuer of a stack that is up.
    ///
    /// # Errors
    /// If there is no key in `dir`, or none that can be read.
    pub(crate) fn open(dir: &Path, endpoint: &str) -> Result<Self> {
        let key_path = key_path(dir);
        let der = fs::read(&key_path).context(|| {
            format!("There is no key in {}; `make up` makes one.", key_path.display())
        })?;
        Self::new(&der, key_path, endpoint)
    }

    fn new(der: &[u8], key_path: PathBuf, endpoint: &str) -> Result<Self> {
        let key = KeyPair::from_pkcs8(der).map_err(|rejected| {
            Error::new(format!("{} is not a key: {rejected}.", key_path.display()))
        })?;
        let hash = digest::digest(&digest::SHA256, key.public().as_ref());
        let key_id = URL_SAFE_NO_PAD.encode(hash.as_ref()).chars().take(16).collect();
        Ok(Self { key, key_id, endpoint: endpoint.to_owned(), key_path })
    }

    /// Where its private key is.
    pub(crate) fn key_path(&self) -> &Path {
        &self.key_path
    }

    /// `iss` of its tokens. It has the key's name in it, since the emulator remembers for two hours
    /// which keys it found at an address.
    pub(crate) fn url(&self) -> String {
        format!("{}/{BUCKET}/{}", self.endpoint, self.key_id)
    }

    /// A token of `subject` with these scopes, one word each.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(crate) fn token(&self, subject: &str, scopes: &str) -> Result<String> {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let header = json!({"alg": "RS256", "kid": self.key_id, "typ": "at+jwt"});
        let claims = json!({
            "iss": self.url(),
            "aud": AUDIENCE,
            "sub": subject,
            "scope": scopes,
            "iat": now.as_secs(),
            "nbf": now.as_secs(),
            "exp": (now + VALIDITY).as_secs(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Error::new("The token cannot be signed."))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Puts the public key, and the description that says where it is, where the issuer's URL says.
    ///
    /// # Errors
    /// If the emulator does not take them.
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
        let PublicKeyComponents::<Vec<u8>> { n, e } = self.key.public().into();
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

/// S3's own calls, of which the emulator looks at no signature.
async fn put(url: &str, body: Option<&Value>) -> Result<()> {
    let failed = || format!("The key of the local issuer cannot be published at {url}.");
    let request = reqwest::Client::new().put(url);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.context(failed)?;
    let status = answer.status();
    // The bucket may be there.
    if status.is_success() || status == reqwest::StatusCode::CONFLICT {
        return Ok(());
    }
    Err(format!("the emulator answered {status}")).context(failed)
}
