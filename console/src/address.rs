//! `CONSOLE_URL`: where the console listens, with the token that lets a browser in.

use std::net::{Ipv4Addr, SocketAddr};

use url::Url;
use waybill_ops::error::{Context as _, Error, Result};

/// The variable of `stack.env` that holds the address.
pub const VARIABLE: &str = "CONSOLE_URL";
/// The least characters of a token.
const TOKEN_LENGTH: usize = 32;

/// A port on loopback, and the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// The port.
    pub port: u16,
    /// What the printed link carries.
    pub token: String,
}

impl Address {
    /// An address with a new token.
    #[must_use]
    pub fn new(port: u16) -> Self {
        Self { port, token: uuid::Uuid::new_v4().simple().to_string() }
    }

    /// Parses a URL that [`Address::url`] made.
    ///
    /// # Errors
    /// If it has no port on loopback, or no token.
    pub fn parse(url: &str) -> Result<Self> {
        let parsed = Url::parse(url).context(|| format!("{VARIABLE} is not a URL."))?;
        let token = parsed.query_pairs().find(|(name, _)| name == "token").map(|(_, value)| value);
        match (parsed.host_str(), parsed.port(), token) {
            (Some("127.0.0.1"), Some(port), Some(token)) if token.len() >= TOKEN_LENGTH => {
                Ok(Self { port, token: token.into_owned() })
            }
            _ => Err(Error::new(format!(
                "{VARIABLE} must be http://127.0.0.1:<port>/?token=<token>. `make up` writes it."
            ))),
        }
    }

    /// The link for people.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/?token={}", self.port, self.token)
    }

    /// Where to listen.
    #[must_use]
    pub fn socket(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("port", &self.port).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_its_url() {
        let address = Address::new(4580);
        assert_eq!(Address::parse(&address.url()).unwrap(), address);
        assert_ne!(address.token, Address::new(4580).token);
        assert!(!format!("{address:?}").contains(&address.token));
    }

    #[test]
    fn only_loopback_with_a_port_and_a_token_is_an_address() {
        let token = "t".repeat(TOKEN_LENGTH);
        for url in [
            "not a url".to_owned(),
            format!("http://127.0.0.1/?token={token}"),
            format!("http://0.0.0.0:4580/?token={token}"),
            format!("http://example.com:4580/?token={token}"),
            "http://127.0.0.1:4580/".to_owned(),
            "http://127.0.0.1:4580/?token=short".to_owned(),
        ] {
            assert!(Address::parse(&url).is_err(), "{url}");
        }
    }
}
