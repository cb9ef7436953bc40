//! The configuration of the warehouse.

use std::net::IpAddr;
use std::time::Duration;

use http::Uri;

use super::environment::{Config, ConfigError};

/// The timeout of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The timeout of the response headers, from the start of the request.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest secret, in bytes: half the output of SHA-256.
const SECRET_LENGTH: usize = 16;

/// How to reach the warehouse. Has no `Debug`, since it holds a secret.
#[derive(Clone)]
pub struct WarehouseConfig {
    /// The URL to post orders to: `https`, or `http` on this machine.
    pub url: String,
    /// The key that signs requests.
    pub secret: String,
    /// The URL of the dead-letter queue.
    pub dead_letter_queue_url: String,
    /// The timeout of connecting.
    pub connect_timeout: Duration,
    /// The timeout of a response, including the connecting.
    pub read_timeout: Duration,
}

impl Config {
    /// The warehouse, if `WAREHOUSE_URL` is set.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong, without its value.
    pub fn warehouse(&self) -> Result<Option<WarehouseConfig>, ConfigError> {
        let Some(url) = self.optional("WAREHOUSE_URL") else { return Ok(None) };
        if !is_safe(&url) {
            return Err(ConfigError::Unfit {
                variable: "WAREHOUSE_URL",
                expected: "an https:// URL without user and password (http:// on this machine only)",
            });
        }
        let expected =
            "the secret that the warehouse verifies requests with, 16 characters or more";
        let variable = "WAREHOUSE_SECRET";
        let secret = self.required(variable, expected)?;
        if secret.len() < SECRET_LENGTH {
            return Err(ConfigError::Unfit { variable, expected });
        }
        let dead_letter_queue_url =
            self.required("FULFILLMENT_DLQ_URL", "the URL of the dead-letter queue")?;
        Ok(Some(WarehouseConfig {
            url,
            secret,
            dead_letter_queue_url,
            connect_timeout: CONNECT_TIMEOUT,
            read_timeout: READ_TIMEOUT,
        }))
    }
}

/// Whether requests to this URL can't be read on the way. Host names other than `localhost` may
/// resolve to any machine.
fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let host = authority.host();
    if host.is_empty() || authority.as_str().contains('@') {
        return false;
    }
    match scheme {
        "https" => true,
        "http" => {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
            host == "localhost" || address.is_ok_and(|it| it.is_loopback())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error message for these variables, or none.
    fn error(lookup: fn(&str) -> Option<String>) -> Option<String> {
        Config { lookup }.warehouse().err().map(|error| error.to_string())
    }

    #[test]
    fn without_a_url_there_is_no_warehouse_whatever_else_is_set() {
        let config = Config { lookup: |name| (name != "WAREHOUSE_URL").then(|| "x".to_owned()) };
        assert!(config.warehouse().ok().unwrap().is_none());
        let empty = Config { lookup: |_| Some(String::new()) };
        assert!(empty.warehouse().ok().unwrap().is_none());
    }

    #[test]
    fn with_one_the_documented_timeouts_hold() {
        let config = Config {
            lookup: |name| {
                let url = if name == "WAREHOUSE_URL" { "https://w.example/orders" } else { "" };
                Some(format!("{url}0123456789abcdef"))
            },
        };
        let warehouse = config.warehouse().ok().unwrap().unwrap();
        assert_eq!((warehouse.connect_timeout.as_secs(), warehouse.read_timeout.as_secs()), (3, 5));
    }

    #[test]
    fn a_secret_is_needed_long_enough_and_never_repeated() {
        let missing = error(|name| (name == "WAREHOUSE_URL").then(|| "https://w.example".into()));
        assert_eq!(
            missing.unwrap(),
            "WAREHOUSE_SECRET is not set; it should hold the secret that the warehouse verifies \
             requests with, 16 characters or more"
        );
        let short = error(|name| match name {
            "WAREHOUSE_URL" => Some("https://w.example".to_owned()),
            _ => Some("hush".to_owned()),
        });
        let short = short.unwrap();
        assert!(short.starts_with("WAREHOUSE_SECRET is unfit"), "{short}");
        assert!(!short.contains("hush"), "{short}");
    }

    #[test]
    fn the_dead_letter_queue_is_needed_as_well() {
        let error = error(|name| match name {
            "WAREHOUSE_URL" => Some("https://w.example".to_owned()),
            "WAREHOUSE_SECRET" => Some("0123456789abcdef".to_owned()),
            _ => None,
        });
        assert!(error.unwrap().starts_with("FULFILLMENT_DLQ_URL is not set"));
    }

    #[test]
    fn an_order_travels_over_https_or_stays_on_this_machine() {
        for url in [
            "https://warehouse.example/orders",
            "https://warehouse.example:8443/orders?site=1",
            "http://localhost:8080/orders",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/orders",
        ] {
            assert!(is_safe(url), "{url}");
        }
        for url in [
            "http://warehouse.example/orders",
            "http://localhost.example/orders",
            "http://127.0.0.1.example/",
            "http://0.0.0.0:8080/",
            "https://user:hush@warehouse.example/",
            "http://warehouse.example@127.0.0.1/",
            "ftp://warehouse.example/",
            "//warehouse.example/orders",
            "warehouse.example",
            "/orders",
            "https://",
            "soon",
        ] {
            assert!(!is_safe(url), "{url}");
        }
        let told = error(|name| {
            (name == "WAREHOUSE_URL").then(|| "http://user:hush@w.example".to_owned())
        });
        let told = told.unwrap();
        assert!(told.starts_with("WAREHOUSE_URL is unfit") && !told.contains("hush"), "{told}");
    }
}
