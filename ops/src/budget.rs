//! A check that the functions can't open more connections than the database allows. `CloudFormation`
//! can't add.

use std::collections::BTreeMap;

/// Connections that are kept for people, tools and the server itself.
const RESERVE: u32 = 20;

/// A warning about the parameters of a deployed stack, if there is a reason for one.
pub(crate) fn remark(parameters: &BTreeMap<String, String>) -> Option<String> {
    let allowed: u32 = parameters.get("DatabaseConnections")?.parse().ok()?;
    if parameters.get("ReserveConcurrency").is_some_and(|it| it == "false") {
        return Some(format!(
            "ReserveConcurrency is false: only the throttles keep the functions from opening more than \
             the {allowed} connections of the database."
        ));
    }
    let of_functions = parameters.iter().filter(|(name, _)| name.ends_with("Concurrency"));
    let most: u32 = of_functions.filter_map(|(_, value)| value.parse::<u32>().ok()).sum();
    (most.saturating_add(RESERVE) > allowed).then(|| {
        format!(
            "The functions may open {most} connections. With {RESERVE} in reserve that is more than \
             the {allowed} of the database (DatabaseConnections). docs/operations.md says how to \
             raise them together."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark_on(pairs: &[(&str, &str)]) -> Option<String> {
        remark(&pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn concurrency_that_the_database_allows_is_not_remarked_on() {
        let pairs = [
            ("DatabaseConnections", "100"),
            ("ReserveConcurrency", "true"),
            ("CreateOrderConcurrency", "50"),
            ("GetOrderConcurrency", "30"),
            ("LogLevel", "info"),
        ];
        assert_eq!(remark_on(&pairs), None);
        // A stack from before there was a budget.
        assert_eq!(remark_on(&[("LogLevel", "info")]), None);
    }

    #[test]
    fn concurrency_beyond_what_the_database_allows_is_added_up() {
        let pairs = [
            ("DatabaseConnections", "100"),
            ("ReserveConcurrency", "true"),
            ("CreateOrderConcurrency", "50"),
            ("GetOrderConcurrency", "31"),
        ];
        assert!(remark_on(&pairs).unwrap().contains("may open 81 connections"));
    }

    #[test]
    fn concurrency_that_is_not_reserved_is_remarked_on() {
        let pairs = [("DatabaseConnections", "100"), ("ReserveConcurrency", "false")];
        assert!(remark_on(&pairs).unwrap().contains("ReserveConcurrency is false"));
    }
}
