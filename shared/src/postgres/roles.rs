//! The roles of functions in a database that knows their callers by IAM: Aurora DSQL.
//!
//! Roles and grants are data definition, which takes no parameters. Every name below is a constant, and
//! an ARN is checked before it becomes part of a statement.

use std::collections::BTreeSet;

use tokio::time::Instant;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::connector::Connector;
use super::functions::Function;
use crate::BoxError;
use crate::config::{DatabaseConfig, RoleArn};

/// A function and the role of IAM that it runs as. None where functions log in by other means.
pub type FunctionRole = (&'static Function, Option<RoleArn>);

/// The existing roles among $1.
const ROLES: &str = "SELECT rolname::text FROM pg_roles WHERE rolname::text = ANY ($1)";

/// What the role $1 may do in this schema.
const GRANTED: &str = "
    SELECT table_name::text, privilege_type::text FROM information_schema.table_privileges
    WHERE grantee::text = $1 AND table_schema::text = current_schema()::text";

/// The ARNs that may log in as the role $1. The table exists on DSQL only.
const MAPPED: &str = "SELECT arn::text FROM sys.iam_pg_role_mappings WHERE pg_role_name::text = $1";

/// Creates what is missing of these roles, and makes each what its function needs: who may log in as it,
/// and what it may do. Changes nothing if that is so already.
///
/// Each statement is a transaction, as DSQL demands, and can be repeated. A role gets what it lacks before
/// it loses what it no longer needs.
///
/// # Errors
/// The error of Postgres or of the connection. What was changed before stays.
pub async fn update(config: &DatabaseConfig, roles: &[FunctionRole]) -> Result<(), BoxError> {
    if roles.is_empty() {
        return Ok(());
    }
    let connector = Connector::new(&config.url, config.keys.as_ref())?;
    let (client, _driver) = connector.connect_by(Instant::now() + config.connect_timeout).await?;
    let names: Vec<String> = roles.iter().map(|(function, _)| function.role()).collect();
    let existing = column(&client.query(ROLES, &[&names]).await?)?;
    for ((function, arn), role) in roles.iter().zip(&names) {
        if !existing.contains(role) {
            create(&client, role).await?;
        }
        if let Some(arn) = arn {
            map(&client, role, arn).await?;
        }
        grant(&client, role, function).await?;
    }
    Ok(())
}

async fn create(client: &Client, role: &str) -> Result<(), BoxError> {
    match client.batch_execute(&format!("CREATE ROLE {role} WITH LOGIN")).await {
        // Another deploy was faster.
        Err(error)
            if [Some(&SqlState::DUPLICATE_OBJECT), Some(&SqlState::UNIQUE_VIOLATION)]
                .contains(&error.code()) => {}
        answer => answer?,
    }
    client.batch_execute(&format!("GRANT USAGE ON SCHEMA public TO {role}")).await?;
    Ok(())
}

/// Lets `arn` log in as `role`, and nobody else.
async fn map(client: &Client, role: &str, arn: &RoleArn) -> Result<(), BoxError> {
    let mapped = column(&client.query(MAPPED, &[&role]).await?)?;
    if !mapped.contains(arn.as_str()) {
        client.batch_execute(&format!("AWS IAM GRANT {role} TO '{}'", arn.as_str())).await?;
    }
    for old in mapped.iter().filter(|old| *old != arn.as_str()) {
        let old = RoleArn::parse(old).ok_or_else(|| format!("{role} is mapped to {old:?}"))?;
        client.batch_execute(&format!("AWS IAM REVOKE {role} FROM '{}'", old.as_str())).await?;
    }
    Ok(())
}

async fn grant(client: &Client, role: &str, function: &Function) -> Result<(), BoxError> {
    let mut surplus = BTreeSet::new();
    for row in client.query(GRANTED, &[&role]).await? {
        surplus.insert((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?));
    }
    for (table, privilege) in function.grants() {
        if !surplus.remove(&(table.to_owned(), privilege.to_owned())) {
            client.batch_execute(&format!("GRANT {privilege} ON {table} TO {role}")).await?;
        }
    }
    for (table, privilege) in surplus {
        let table = format!("\"{}\"", table.replace('"', "\"\""));
        client.batch_execute(&format!("REVOKE {privilege} ON {table} FROM {role}")).await?;
    }
    Ok(())
}

/// The first column of some rows.
fn column(rows: &[tokio_postgres::Row]) -> Result<BTreeSet<String>, tokio_postgres::Error> {
    rows.iter().map(|row| row.try_get(0)).collect()
}
