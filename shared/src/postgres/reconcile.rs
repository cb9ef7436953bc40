//! Whether what is stored adds up.

use tokio::time::Instant;
use uuid::Uuid;

use super::RECONCILE;
use super::connector::Connector;
use crate::BoxError;
use crate::config::DatabaseConfig;

/// What was looked at, and what did not add up.
#[derive(Debug)]
pub struct Books {
    /// How many products.
    pub products: i64,
    /// How many orders.
    pub orders: i64,
    /// What does not add up.
    pub discrepancies: Vec<Discrepancy>,
}

/// Something that does not add up.
#[derive(Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// `stock` of a product; `total`, `history` or `job` of an order.
    pub kind: String,
    /// Which product or order.
    pub id: Uuid,
    /// The product's name or the order's number.
    pub label: String,
    /// What should be there, as words.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Adds everything up, in one snapshot: that what was ever put on sale is in stock or held by orders
/// that live, that orders cost what their lines cost, that histories are whole and lead to the
/// present, and that pending orders, and no others, have a job.
///
/// It reads every order, and takes the time that this takes.
///
/// # Errors
/// What Postgres or the way to it said.
pub async fn reconcile(config: &DatabaseConfig) -> Result<Books, BoxError> {
    let connector = Connector::new(&config.url)?;
    let (client, _driver) = connector.connect_by(Instant::now() + config.connect_timeout).await?;
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
    let rows = client.query(RECONCILE, &[]).await?;
    let first = rows.first().ok_or("no answer from the books")?;
    let mut books = Books {
        products: first.try_get("products")?,
        orders: first.try_get("orders")?,
        discrepancies: Vec::new(),
    };
    for row in &rows {
        // The only row, if all adds up.
        let Some(kind) = row.try_get("kind")? else { break };
        books.discrepancies.push(Discrepancy {
            kind,
            id: row.try_get("id")?,
            label: row.try_get("label")?,
            expected: row.try_get("expected")?,
            found: row.try_get("found")?,
        });
    }
    Ok(books)
}
