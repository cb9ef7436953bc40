//! A check before a deployment that changes the issuer of tokens: it must name the first issuer, whose
//! subjects own the orders.
//!
//! migrate checks the same, but only after the deployment, when tokens of the new issuer are already
//! accepted.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::overrides::value;

const NOW: &str = "JwtIssuer";
const FIRST: &str = "FirstJwtIssuer";

/// Refuses a change of the issuer that does not name the first one.
///
/// # Errors
/// If `FirstJwtIssuer` is missing.
pub(crate) fn check(deployed: &BTreeMap<String, String>, overrides: &str) -> Result<()> {
    let Some(now) = deployed.get(NOW) else { return Ok(()) };
    let wanted = |name: &str| value(overrides, name).or_else(|| deployed.get(name).cloned());
    let changes = wanted(NOW).is_some_and(|wanted| wanted != *now);
    if !changes || wanted(FIRST).is_some_and(|first| !first.is_empty()) {
        return Ok(());
    }
    let first = if now.is_empty() {
        "the issuer of the stack's own user pool, \
         https://cognito-idp.<region>.amazonaws.com/<output UserPoolId>"
    } else {
        now
    };
    Err(Error::new(format!(
        "This deployment changes JwtIssuer. With another issuer the same subject is another person, \
         who must not see existing orders. Set {FIRST} to the issuer that the stack had first: \
         {first}. Nothing was changed."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(deployed: &[(&str, &str)], overrides: &str) -> Result<(), String> {
        let deployed = deployed.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        check(&deployed, overrides).map_err(|error| error.to_string())
    }

    #[test]
    fn another_issuer_is_refused_until_the_first_one_is_named() {
        let one = [("JwtIssuer", "https://one.example/"), ("FirstJwtIssuer", "")];
        for overrides in [
            "DatabaseUrl=x JwtIssuer=https://two.example/",
            r#"DatabaseUrl=\"x\" JwtIssuer=\"https://two.example/\""#,
            r#"["DatabaseUrl=x", "JwtIssuer=https://two.example/"]"#,
            "ParameterKey=JwtIssuer,ParameterValue=https://two.example/",
            "JwtIssuer=https://one.example/ JwtIssuer=https://two.example/",
            // Back to the stack's own user pool.
            "JwtIssuer=",
        ] {
            let error = outcome(&one, overrides).unwrap_err();
            assert!(error.contains("FirstJwtIssuer to the issuer"), "{error}");
            assert!(error.contains("https://one.example/"), "{error}");
        }
        let overrides = "JwtIssuer=https://two.example/ FirstJwtIssuer=https://one.example/";
        assert_eq!(outcome(&one, overrides), Ok(()));
        let named =
            [("JwtIssuer", "https://two.example/"), ("FirstJwtIssuer", "https://one.example/")];
        assert_eq!(outcome(&named, "JwtIssuer=https://three.example/"), Ok(()));
    }

    #[test]
    fn an_issuer_in_place_of_the_user_pool_is_refused_likewise() {
        let error = outcome(&[("JwtIssuer", "")], "JwtIssuer=https://one.example/").unwrap_err();
        assert!(error.contains("cognito-idp") && error.contains("UserPoolId"), "{error}");
    }

    #[test]
    fn the_same_issuer_and_a_new_stack_are_not_refused() {
        let one = [("JwtIssuer", "https://one.example/")];
        assert_eq!(outcome(&one, "DatabaseUrl=x"), Ok(()));
        assert_eq!(outcome(&one, "JwtIssuer=https://one.example/"), Ok(()));
        assert_eq!(outcome(&one, ""), Ok(()));
        assert_eq!(outcome(&[], "JwtIssuer=https://one.example/"), Ok(()));
    }
}
