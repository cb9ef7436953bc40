//! Whether the database allows the connections that the functions may open. CloudFormation can't add.

use std::collections::BTreeMap;

/// Connections that no function may have: for people, for tools, and for the server itself.
const RESERVE: u32 = 20;

/// What is wrong with the parameters of a deployed stack, if anything is.
pub(crate) fn remark(parameters: &BTreeMap<String, String>) -> Option<String> {
    let allowed: u32 = parameters.get("DatabaseConnections")?.parse().ok()?;
    if parameters.get("ReserveConcurrency").is_some_and(|it| it == "false") {
        return Some(format!(
            "ReserveConcurrency is false: nothing but the throttles keeps the functions from opening \
             more than the {allowed} connections of the database."
        ));
    }
    let of_functions = parameters.iter().filter(|(name, _)| name.ends_with("Concurrency"));
    let most: u32 = of_functions.filter_map(|(_, value)| value.parse::<u32>().ok()).sum();
    (most.saturating_add(RESERVE) > allowed).then(|| {
        format!(
            "The functions may open {most} connections, which with {RESERVE} to spare is more than \
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
