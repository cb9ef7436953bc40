//! A check before a deployment that would leave the orders of a stack behind in another database.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::overrides::value;

/// The parameter that names a database; without it, the stack makes a cluster of Aurora DSQL.
const URL: &str = "DatabaseUrl";

/// Refuses to move a stack from a named database to a cluster of its own, or back.
///
/// # Errors
/// If the deployment would do that.
pub(crate) fn check(deployed: &BTreeMap<String, String>, overrides: &str) -> Result<()> {
    // CloudFormation shows stars in place of the URL. A parameter that is left out stays as it is.
    let (Some(now), Some(wanted)) = (deployed.get(URL), value(overrides, URL)) else {
        return Ok(());
    };
    let [from, to] = match (now.is_empty(), wanted.is_empty()) {
        (false, true) => ["the database in DatabaseUrl", "an empty cluster of Aurora DSQL"],
        (true, false) => ["the stack's cluster of Aurora DSQL", "the database in DatabaseUrl"],
        _ => return Ok(()),
    };
    Err(Error::new(format!(
        "This deployment moves the stack from {from} to {to}, and leaves its orders behind. Nothing \
         was changed. If they were copied or are not needed, put --deploy-first before everything else \
         in ARGS."
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
    fn a_move_that_leaves_orders_behind_is_refused() {
        let error = outcome(&[(URL, "****")], "DatabaseUrl= LogLevel=warn").unwrap_err();
        assert!(
            error.contains("to an empty cluster") && error.contains("--deploy-first"),
            "{error}"
        );
        let error = outcome(&[(URL, "")], "DatabaseUrl=postgres://u:p@h/d").unwrap_err();
        assert!(error.contains("from the stack's cluster"), "{error}");
    }

    #[test]
    fn the_same_kind_of_database_and_a_new_stack_are_not_refused() {
        assert_eq!(outcome(&[(URL, "****")], "DatabaseUrl=postgres://u:new@h/d"), Ok(()));
        assert_eq!(outcome(&[(URL, "****")], "LogLevel=warn"), Ok(()));
        assert_eq!(outcome(&[(URL, "")], ""), Ok(()));
        assert_eq!(outcome(&[(URL, "")], "DatabaseUrl="), Ok(()));
        assert_eq!(outcome(&[], ""), Ok(()));
    }
}
