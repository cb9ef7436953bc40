//! Authorization: reads the caller from API Gateway's JWT authorizer, and checks the scopes of a
//! route.
//!
//! The authorizer verifies signature, issuer and audience. What some authorizers do not check is
//! checked here.

use std::collections::HashMap;

use jiff::Timestamp;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

use crate::app::Recipient;
use crate::config::{Config, ConfigError};
use crate::domain::{Caller, CustomerEmail, Owner, Scope};
use crate::http::respond::Problem;

/// The largest difference between the clocks of the gateway and this process.
const SKEW_SECONDS: f64 = 5.0;

/// How to identify callers.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    /// The caller without an authorizer, as under `cargo lambda watch`.
    pub watch: Option<Caller>,
    /// The first issuer, whose subjects own orders by their `sub` alone; none while there has been
    /// only one.
    pub first_issuer: Option<String>,
    /// Whether to read the email address that a token proves.
    pub reads_email: bool,
}

impl Callers {
    /// As the environment says.
    ///
    /// # Errors
    /// Names the variable that is invalid.
    pub fn read(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            watch: config.watch_caller()?,
            first_issuer: config.first_issuer(),
            reads_email: config.mail_recipient()? == Some(Recipient::Proven),
        })
    }
}

/// Why there is no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The request did not pass an authorizer.
    Unnamed,
    /// The claims are not those of a valid token.
    Invalid,
}

/// The caller of `request`, if it has at least one of the scopes `any_of`. If there was an
/// authorizer, only its claims count.
///
/// # Errors
/// 401 without a valid token, 403 without the scope.
pub(super) fn authorize(
    request: &Request,
    callers: &Callers,
    any_of: &[Scope],
) -> Result<Caller, Problem> {
    let context = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.authorizer.as_ref(),
        _ => None,
    };
    let named = match context {
        Some(authorizer) => {
            let claims = authorizer.jwt.as_ref().map(|jwt| &jwt.claims);
            let first_issuer = callers.first_issuer.as_deref();
            claims.ok_or(Refusal::Unnamed).and_then(|claims| {
                let caller = caller(claims, first_issuer, Timestamp::now())?;
                let email = callers.reads_email.then(|| proven_email(claims));
                Ok(caller.proving(email.flatten()))
            })
        }
        None => callers.watch.clone().ok_or(Refusal::Unnamed),
    };
    let caller = named.map_err(|refusal| match refusal {
        Refusal::Unnamed => Problem::unauthorized("Bearer"),
        Refusal::Invalid => Problem::unauthorized("Bearer error=\"invalid_token\""),
    })?;
    if caller.has_any(any_of) { Ok(caller) } else { Err(Problem::forbidden(any_of)) }
}

/// Reads the claims, all of which the gateway sends as text.
///
/// The scopes are read from the claims. The authorizer also sends `scopes`, but AWS does not
/// document whether these are those of the token or those of the route.
fn caller(
    claims: &HashMap<String, String>,
    first_issuer: Option<&str>,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let claim = |name: &str| claims.get(name).map(String::as_str);
    let now = now.as_duration().as_secs_f64();
    // A NumericDate may have decimals, and a gateway may write a large number with an exponent.
    let time =
        |name: &str| claim(name).map(|text| text.parse::<f64>().map_err(|_| Refusal::Invalid));
    let expires = time("exp").ok_or(Refusal::Invalid)??;
    let starts = time("nbf").transpose()?.unwrap_or(f64::NEG_INFINITY);
    // Written so that NaN is rejected: every comparison with it is false.
    let is_good = expires > now - SKEW_SECONDS && starts < now + SKEW_SECONDS;
    if !is_good {
        return Err(Refusal::Invalid);
    }
    let subject = claim("sub").ok_or(Refusal::Invalid)?;
    let owner = match first_issuer {
        Some(first) if claim("iss") != Some(first) => {
            claim("iss").and_then(|issuer| Owner::of_issuer(issuer, subject))
        }
        _ => Owner::parse(subject),
    };
    let owner = owner.ok_or(Refusal::Invalid)?;
    // OAuth 2 has one text with spaces. Some issuers send a list or name it `scp`; the gateway
    // writes a list in brackets.
    let scopes = ["scope", "scp"].into_iter().filter_map(claim);
    let words = scopes.flat_map(|text| {
        text.trim_start_matches('[')
            .trim_end_matches(']')
            .split([' ', ','])
            .filter_map(Scope::parse)
    });
    Ok(Caller::new(owner, words))
}

/// The email address that the issuer vouches for (`OpenID` Connect Core, 5.1). The gateway writes true
/// as text.
fn proven_email(claims: &HashMap<String, String>) -> Option<CustomerEmail> {
    let claim = |name: &str| claims.get(name).map(String::as_str);
    let verified = claim("email_verified") == Some("true");
    claim("email").filter(|_| verified).and_then(|email| CustomerEmail::parse(email).ok())
}

#[cfg(test)]
mod tests {
    use lambda_http::aws_lambda_events::apigw::{
        ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequestContext,
    };
    use lambda_http::{Body, http};
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_795_176_000;

    fn with(change: impl FnOnce(&mut HashMap<String, String>)) -> Result<Caller, Refusal> {
        let good = [("sub", "ada"), ("exp", "1795176060"), ("scope", "openid orders/read")];
        let mut claims = good.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        change(&mut claims);
        caller(&claims, None, Timestamp::from_second(NOW).unwrap())
    }

    fn set(name: &str, value: &str) -> Result<Caller, Refusal> {
        with(|claims| _ = claims.insert(name.to_owned(), value.to_owned()))
    }

    #[test]
    fn a_caller_is_the_subject_and_the_scopes_of_the_token() {
        let expected = Caller::new(Owner::parse("ada").unwrap(), [Scope::Read]);
        assert_eq!(with(|_| ()), Ok(expected));
    }

    #[test]
    fn scopes_are_words_of_a_text_or_of_a_list_under_either_name() {
        for (name, value) in [
            ("scope", "orders/staff"),
            ("scope", "orders/read orders/staff"),
            ("scope", "[orders/read orders/staff]"),
            ("scp", "orders/staff"),
            ("scp", "[orders/staff]"),
            ("scp", "[orders/read, orders/staff]"),
        ] {
            assert!(set(name, value).unwrap().has_any(&[Scope::Staff]), "{name}: {value}");
        }
        for value in
            ["", "orders/staffing", "xorders/staff", "orders/staff/", "staff", "ORDERS/STAFF"]
        {
            assert!(!set("scp", value).unwrap().has_any(&[Scope::Staff]), "{value}");
        }
    }

    #[test]
    fn a_token_without_an_end_or_at_its_end_is_refused() {
        assert_eq!(with(|claims| _ = claims.remove("exp")), Err(Refusal::Invalid));
        for exp in ["", "never", "NaN", "-1", "0", "1795175990"] {
            assert_eq!(set("exp", exp), Err(Refusal::Invalid), "{exp}");
        }
        for exp in ["1795176001", "1795176001.5", "1.79517606E9"] {
            assert!(set("exp", exp).is_ok(), "{exp}");
        }
    }

    #[test]
    fn a_token_before_its_time_is_refused() {
        for nbf in ["", "soon", "NaN", "1795176060"] {
            assert_eq!(set("nbf", nbf), Err(Refusal::Invalid), "{nbf}");
        }
        assert!(set("nbf", "1795176000").is_ok());
    }

    #[test]
    fn a_token_without_a_sane_subject_is_refused() {
        assert_eq!(with(|claims| _ = claims.remove("sub")), Err(Refusal::Invalid));
        for sub in ["", " ", "a b", "ada\n", &"x".repeat(256)] {
            assert_eq!(set("sub", sub), Err(Refusal::Invalid), "{sub:?}");
        }
    }

    #[test]
    fn the_same_subject_of_another_issuer_is_another_owner() {
        let owner = |issuer: &str, first: Option<&str>| {
            let claims = [("sub", "ada"), ("exp", "1795176060"), ("iss", issuer)];
            let claims = claims.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let caller = caller(&claims, first, Timestamp::from_second(NOW).unwrap());
            caller.map(|caller| caller.subject().as_str().to_owned())
        };
        let (old, new) = ("https://old.example", "https://new.example");
        assert_eq!(owner(old, None).unwrap(), "ada");
        assert_eq!(owner(old, Some(old)).unwrap(), "ada");
        assert_eq!(owner(new, Some(old)).unwrap(), "https://new.example ada");
        // No subject of the first issuer can look like this, since subjects have no spaces.
        assert_eq!(Owner::parse("https://new.example ada"), None);
        for bad in ["", "https://new.example ada", &"x".repeat(1025)] {
            assert_eq!(owner(bad, Some(old)), Err(Refusal::Invalid), "{bad}");
        }
    }

    fn request(authorizer: Option<Value>) -> Request {
        let mut context = ApiGatewayV2httpRequestContext::default();
        context.authorizer =
            authorizer.map(|it| serde_json::from_value::<ApiGatewayRequestAuthorizer>(it).unwrap());
        http::Request::new(Body::Empty).with_request_context(RequestContext::ApiGatewayV2(context))
    }

    fn status(request: &Request, watch: Option<&Caller>, any_of: &[Scope]) -> u16 {
        let callers = Callers { watch: watch.cloned(), ..Callers::default() };
        authorize(request, &callers, any_of)
            .map_or_else(|problem| problem.status().as_u16(), |_| 200)
    }

    #[test]
    fn a_request_that_no_authorizer_has_seen_is_refused_unless_the_runner_named_its_caller() {
        let watch = Caller::new(Owner::parse("ada").unwrap(), [Scope::Read]);
        let bare = http::Request::new(Body::Empty);
        for request in [request(None), bare] {
            assert_eq!(status(&request, None, &[Scope::Read]), 401);
            assert_eq!(status(&request, Some(&watch), &[Scope::Read]), 200);
            assert_eq!(status(&request, Some(&watch), &[Scope::Write, Scope::Staff]), 403);
        }
    }

    #[test]
    fn where_an_authorizer_spoke_the_runners_caller_counts_for_nothing() {
        let watch = Caller::new(Owner::parse("root").unwrap(), Scope::ALL);
        let claims = json!({ "sub": "ada", "exp": "9999999999", "scope": "orders/read" });
        let spoke =
            request(Some(json!({ "jwt": { "claims": claims, "scopes": ["orders/staff"] } })));
        assert_eq!(status(&spoke, Some(&watch), &[Scope::Staff]), 403);
        let callers = Callers { watch: Some(watch.clone()), ..Callers::default() };
        let caller = authorize(&spoke, &callers, &[Scope::Read]).ok().unwrap();
        assert_eq!(caller.subject().as_str(), "ada");
        for nothing in [json!({}), json!({ "lambda": { "sub": "ada" } }), json!({ "jwt": {} })] {
            let request = request(Some(nothing));
            assert_eq!(status(&request, Some(&watch), &[Scope::Read]), 401);
        }
    }

    #[test]
    fn a_token_proves_an_address_that_its_issuer_has_verified() {
        let email = |reads_email, email: &str, verified: Option<&str>| {
            let mut claims = json!({ "sub": "ada", "exp": "9999999999", "scope": "orders/write" });
            claims["email"] = email.into();
            if let Some(verified) = verified {
                claims["email_verified"] = verified.into();
            }
            let request = request(Some(json!({ "jwt": { "claims": claims } })));
            let callers = Callers { reads_email, ..Callers::default() };
            let caller = authorize(&request, &callers, &[Scope::Write]).ok().unwrap();
            caller.proven_email().map(|email| email.as_str().to_owned())
        };
        let ada = "ada@example.com";
        assert_eq!(email(true, ada, Some("true")).as_deref(), Some(ada));
        assert_eq!(email(false, ada, Some("true")), None);
        for verified in [None, Some("false"), Some(""), Some("True"), Some("1"), Some("[true]")] {
            assert_eq!(email(true, ada, verified), None, "{verified:?}");
        }
        for bad in ["", "ada", "Ada <ada@example.com>", "ada@example.com, eve@example.com"] {
            assert_eq!(email(true, bad, Some("true")), None, "{bad}");
        }
    }
}
