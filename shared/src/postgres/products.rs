//! Products: reading.

use tokio_postgres::Row;
use uuid::Uuid;

use super::error::unexpected;
use super::orders::money;
use super::{Database, GET_PRODUCT, LIST_PRODUCTS};
use crate::Error;
use crate::app::ports::ReadProducts;
use crate::domain::{Product, ProductId};

impl ReadProducts for Database {
    async fn product(&self, id: ProductId) -> Result<Option<Product>, Error> {
        let rows = self.query(GET_PRODUCT, &[&id.as_uuid()]).await?;
        rows.first().map(product).transpose()
    }

    async fn products(&self, limit: u8) -> Result<Vec<Product>, Error> {
        let rows = self.query(LIST_PRODUCTS, &[&i64::from(limit)]).await?;
        rows.iter().map(product).collect()
    }
}

fn product(row: &Row) -> Result<Product, Error> {
    let id: Uuid = row.try_get("id").map_err(unexpected)?;
    Ok(Product {
        id: ProductId::from(id),
        name: row.try_get("name").map_err(unexpected)?,
        price: money(row, "price_minor")?,
        stock: row.try_get("stock").map_err(unexpected)?,
        active: row.try_get("active").map_err(unexpected)?,
        version: row.try_get("version").map_err(unexpected)?,
        updated_at: row.try_get("updated_at").map_err(unexpected)?,
    })
}
