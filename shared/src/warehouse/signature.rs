//! The signature of requests to the warehouse, over their time and body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::BoxError;

/// Signs requests. Has no `Debug`, since it holds the secret.
pub(super) struct Signer(Hmac<Sha256>);

impl Signer {
    pub(super) fn new(secret: &str) -> Result<Self, BoxError> {
        Ok(Self(Hmac::new_from_slice(secret.as_bytes())?))
    }

    /// The value of the header, `t=<unix seconds>,v1=<hex>`: the HMAC-SHA256 of the time, a dot and
    /// the body. The time lets the warehouse refuse old requests.
    pub(super) fn sign(&self, unix_seconds: i64, body: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(unix_seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body.as_bytes());
        format!("t={unix_seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `printf '1795176000.{"v":1}' | openssl dgst -sha256 -hmac <secret>`.
    #[test]
    fn a_signature_is_what_openssl_makes_of_the_same() {
        let signer = Signer::new("a secret that is long enough").unwrap();
        assert_eq!(
            signer.sign(1_795_176_000, r#"{"v":1}"#),
            "t=1795176000,v1=8cca5280936567b5ce188d081b56e761ffc99f2c1282764d14dce0dd3af06b77"
        );
    }

    #[test]
    fn another_time_another_body_or_another_secret_is_another_signature() {
        let signer = Signer::new("a secret that is long enough").unwrap();
        let other = Signer::new("another that is long enough").unwrap();
        let digest = |signed: String| signed.split_once("v1=").unwrap().1.to_owned();
        let all = [
            digest(signer.sign(1, "a")),
            digest(signer.sign(2, "a")),
            digest(signer.sign(1, "b")),
            digest(other.sign(1, "a")),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one), "{all:?}");
        }
    }
}
