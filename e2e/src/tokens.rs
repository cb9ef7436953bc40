use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use ring::rsa::KeyPair;
use serde_json::{Value, json};

use crate::{Environment, Stack, unique};

/// What customers may do.
pub const CUSTOMER_SCOPES: &str = "orders/read orders/write";

/// Makes valid and invalid tokens.
pub struct Tokens {
    /// The header of a valid token.
    pub header: Value,
    /// The claims of a valid token.
    pub claims: Value,
    key: EncodingKey,
    public_key: Vec<u8>,
}

impl Tokens {
    /// Starts from the customer's token of the stack.
    #[must_use]
    pub fn of(environment: &Environment) -> Self {
        let mut parts = environment.token.split('.').map(decode);
        let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
        let key = std::fs::read(&environment.token_key_file).unwrap();
        let public_key = KeyPair::from_der(&key).unwrap().public().as_ref().to_vec();
        Self { header, claims, key: EncodingKey::from_rsa_der(&key), public_key }
    }

    /// The same with these scopes in every token.
    #[must_use]
    pub fn allowing(mut self, scopes: &str) -> Self {
        self.claims["scope"] = scopes.into();
        self
    }

    /// A valid token of `subject`.
    #[must_use]
    pub fn good(&self, subject: &str, scopes: &str) -> String {
        self.with(json!({ "sub": subject, "scope": scopes }))
    }

    /// A signed token with these claims changed; null removes one.
    #[must_use]
    pub fn with(&self, changes: Value) -> String {
        self.sign(&self.header, &change(&self.claims, changes))
    }

    /// A signed token with these header fields changed; null removes one.
    #[must_use]
    pub fn with_header(&self, changes: Value) -> String {
        self.sign(&change(&self.header, changes), &self.claims)
    }

    /// An unsigned token with the algorithm `none`.
    #[must_use]
    pub fn unsigned(&self) -> String {
        format!("{}.", join(&change(&self.header, json!({ "alg": "none" })), &self.claims))
    }

    /// A token with the algorithm HS256 and the public key as its secret.
    #[must_use]
    pub fn signed_with_the_public_key(&self) -> String {
        let signed = join(&change(&self.header, json!({ "alg": "HS256" })), &self.claims);
        let secret = EncodingKey::from_secret(&self.public_key);
        let signature = sign(signed.as_bytes(), &secret, Algorithm::HS256).unwrap();
        format!("{signed}.{signature}")
    }

    /// A token whose claims were changed after it was signed.
    #[must_use]
    pub fn tampered(&self, changes: Value) -> String {
        let good = self.sign(&self.header, &self.claims);
        let (_, signature) = good.rsplit_once('.').unwrap();
        format!("{}.{signature}", join(&self.header, &change(&self.claims, changes)))
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = join(header, claims);
        let signature = sign(signed.as_bytes(), &self.key, Algorithm::RS256).unwrap();
        format!("{signed}.{signature}")
    }
}

impl Stack {
    /// The same stack, called with another token or none.
    #[must_use]
    pub fn with_token(&self, token: Option<String>) -> Self {
        Self { token, ..self.clone() }
    }

    /// The same stack, called by staff.
    #[must_use]
    pub fn as_staff(&self) -> Self {
        self.with_token(Some(self.environment.staff_token.clone()))
    }

    /// The same stack, called by a new customer.
    #[must_use]
    pub fn as_new_customer(&self) -> Self {
        self.with_token(Some(self.tokens().good(&unique("customer"), CUSTOMER_SCOPES)))
    }

    /// Makes tokens for this stack.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        Tokens::of(&self.environment)
    }

    /// The subject of the current token.
    #[must_use]
    pub fn subject(&self) -> String {
        let claims = decode(self.token.as_deref().unwrap().split('.').nth(1).unwrap());
        claims["sub"].as_str().unwrap().to_owned()
    }
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap_or_default()
}

fn join(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

fn change(part: &Value, changes: Value) -> Value {
    let mut part = part.as_object().unwrap().clone();
    let Value::Object(changes) = changes else { panic!("{changes} is not an object") };
    for (name, value) in changes {
        if value.is_null() {
            part.remove(&name)
        } else {
            part.insert(name, value)
        };
    }
    part.into()
}
