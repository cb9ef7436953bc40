//! Who may use the console: a browser on this machine that has opened the printed link.
//!
//! Other sites must not read or change anything through that browser, so every request, streams
//! included, must name this console as its host, and as its origin if it has one.

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::address::Address;

/// What the guard decides about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is served.
    Admit,
    /// It carries the token: it gets the cookie, and is sent to the first page.
    Exchange,
    /// It is from another site, or for another host.
    Forbid,
    /// It has neither cookie nor token.
    Unknown,
}

/// The token and the cookie of one console.
pub(crate) struct Guard {
    hosts: [String; 2],
    token: String,
    cookie_name: String,
    cookie: String,
}

impl Guard {
    /// The guard of the console at this address.
    pub(crate) fn new(address: &Address) -> Self {
        let port = address.port;
        // Derived, so that it survives a restart, and the token can't be read from it.
        let digest = Sha256::digest(format!("waybill console cookie {}", address.token));
        Self {
            hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")],
            token: address.token.clone(),
            // Browsers send cookies to every port of a host.
            cookie_name: format!("waybill_console_{port}"),
            cookie: hex::encode(digest),
        }
    }

    /// The value of `Set-Cookie`.
    pub(crate) fn set_cookie(&self) -> String {
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name, self.cookie)
    }

    /// Decides about a request.
    pub(crate) fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Verdict {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let Some(host) = text(HOST).filter(|host| self.hosts.iter().any(|own| own == host)) else {
            return Verdict::Forbid;
        };
        let reads = *method == Method::GET || *method == Method::HEAD;
        let origin_fits = match text(ORIGIN) {
            Some(origin) => origin.strip_prefix("http://") == Some(host),
            // Browsers send it with every request that can change something.
            None => reads,
        };
        let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
        let navigates = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        // A link on another page may lead here; without the cookie, which is strict, it shows nothing.
        let site_fits = matches!(site, None | Some("same-origin" | "none")) || (reads && navigates);
        if !origin_fits || !site_fits {
            return Verdict::Forbid;
        }
        if self.has_cookie(headers) {
            // Also with the token: the address bar should not keep it.
            return if uri.path() == "/" && token(uri).is_some() {
                Verdict::Exchange
            } else {
                Verdict::Admit
            };
        }
        let has_token = token(uri).is_some_and(|token| same(token, &self.token));
        if reads && uri.path() == "/" && has_token { Verdict::Exchange } else { Verdict::Unknown }
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|line| line.split("; "))
            .filter_map(|pair| pair.split_once('='))
            .any(|(name, value)| name == self.cookie_name && same(value, &self.cookie))
    }
}

/// The token in a link.
fn token(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn guard() -> (Guard, String) {
        let address = Address::new(4580);
        (Guard::new(&address), address.token)
    }

    fn judge(guard: &Guard, method: &str, uri: &str, headers: &[(&str, &str)]) -> Verdict {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        });
        guard.judge(&method.parse().unwrap(), &uri.parse().unwrap(), &headers.collect())
    }

    fn cookie(guard: &Guard) -> String {
        guard.set_cookie().split(';').next().unwrap().to_owned()
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:4580");
    const ORIGIN: (&str, &str) = ("origin", "http://127.0.0.1:4580");

    #[test]
    fn the_link_is_exchanged_for_a_cookie_that_scripts_and_other_sites_do_not_get() {
        let (guard, token) = guard();
        let link = format!("/?token={token}");
        assert_eq!(judge(&guard, "GET", &link, &[HOST]), Verdict::Exchange);
        let set = guard.set_cookie();
        assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Strict"), "{set}");
        assert!(!set.contains(&token), "the cookie must not be the token");
        let cookie = cookie(&guard);
        assert_eq!(judge(&guard, "GET", "/orders", &[HOST, ("cookie", &cookie)]), Verdict::Admit);
        // The address bar loses the token.
        assert_eq!(judge(&guard, "GET", &link, &[HOST, ("cookie", &cookie)]), Verdict::Exchange);
    }

    #[test]
    fn without_cookie_and_token_nothing_is_served() {
        let (guard, token) = guard();
        let other = Guard::new(&Address::new(4580));
        let wrong_cookie = cookie(&other);
        for (uri, headers) in [
            ("/", vec![HOST]),
            ("/?token=", vec![HOST]),
            ("/?token=wrong", vec![HOST]),
            ("/live", vec![HOST, ("cookie", wrong_cookie.as_str())]),
            (&*format!("/live?token={token}"), vec![HOST]),
        ] {
            assert_eq!(judge(&guard, "GET", uri, &headers), Verdict::Unknown, "{uri}");
        }
        let link = format!("/?token={token}");
        assert_eq!(judge(&guard, "POST", &link, &[HOST, ORIGIN]), Verdict::Unknown);
    }

    #[test]
    fn another_host_or_origin_is_forbidden_even_with_the_cookie_and_on_reads() {
        let (guard, token) = guard();
        let cookie = cookie(&guard);
        let cookie = ("cookie", cookie.as_str());
        for host in ["example.com", "example.com:4580", "127.0.0.1", "127.0.0.1:4581", ""] {
            assert_eq!(judge(&guard, "GET", "/live", &[("host", host), cookie]), Verdict::Forbid);
        }
        assert_eq!(judge(&guard, "GET", "/", &[cookie]), Verdict::Forbid);
        for origin in
            ["http://example.com", "null", "https://127.0.0.1:4580", "http://localhost:4580"]
        {
            let headers = [HOST, cookie, ("origin", origin)];
            for (method, uri) in [("GET", "/live"), ("GET", "/orders"), ("POST", "/queues/redrive")]
            {
                assert_eq!(judge(&guard, method, uri, &headers), Verdict::Forbid, "{origin}");
            }
            let link = format!("/?token={token}");
            let headers = [HOST, ("origin", origin)];
            assert_eq!(judge(&guard, "GET", &link, &headers), Verdict::Forbid, "{origin}");
        }
    }

    #[test]
    fn a_change_needs_the_cookie_and_the_own_origin() {
        let (guard, _) = guard();
        let cookie = cookie(&guard);
        let cookie = ("cookie", cookie.as_str());
        let post = |headers: &[(&str, &str)]| judge(&guard, "POST", "/queues/redrive", headers);
        assert_eq!(post(&[HOST, ORIGIN, cookie]), Verdict::Admit);
        assert_eq!(post(&[HOST, ORIGIN]), Verdict::Unknown);
        assert_eq!(post(&[HOST, cookie]), Verdict::Forbid);
        let local = [("host", "localhost:4580"), ("origin", "http://localhost:4580"), cookie];
        assert_eq!(post(&local), Verdict::Admit);
    }

    #[test]
    fn a_page_on_another_port_can_link_here_and_do_nothing_else() {
        let (guard, _) = guard();
        let cookie = cookie(&guard);
        let site = ("sec-fetch-site", "same-site");
        let headers = [HOST, ("cookie", cookie.as_str()), site];
        assert_eq!(judge(&guard, "GET", "/orders", &headers), Verdict::Forbid);
        let link = [&headers[..], &[("sec-fetch-mode", "navigate")]].concat();
        assert_eq!(judge(&guard, "GET", "/orders", &link), Verdict::Admit);
        let form = [&link[..], &[ORIGIN]].concat();
        assert_eq!(judge(&guard, "POST", "/queues/redrive", &form), Verdict::Forbid);
    }
}
