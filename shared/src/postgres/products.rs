//! Products: reading and putting.

use tokio_postgres::Row;
use uuid::Uuid;

use super::bucketed::TURNS;
use super::connection::{Answer, Database};
use super::error::{unavailable, unexpected};
use super::rows::{buckets, money, stock, version};
use super::statements::{GET_PRODUCT, LIST_PRODUCTS, PUT_PRODUCT};
use crate::Error;
use crate::app::{ListProducts, Precondition, Put, PutProducts, ReadProduct};
use crate::domain::{
    Buckets, NewProduct, Page, Product, ProductId, ProductQuery, Search, Stock, Version,
};

impl ReadProduct for Database {
    async fn product(&self, id: ProductId) -> Result<Option<Product>, Error> {
        let rows = self.query(GET_PRODUCT, &[&id.as_uuid()]).await?;
        rows.first().map(product).transpose()
    }
}

impl ListProducts for Database {
    async fn products(&self, query: &ProductQuery) -> Result<Page<Product>, Error> {
        let above = query.above.map(ProductId::as_uuid);
        let search = query.search.as_ref().map(Search::as_str);
        let rows = self.query(LIST_PRODUCTS, &[&above, &query.limit.and_one(), &search]).await?;
        let found = rows.iter().map(product).collect::<Result<_, _>>()?;
        Ok(Page::new(found, query.limit))
    }
}

impl PutProducts for Database {
    async fn put(
        &self,
        id: ProductId,
        product: &NewProduct,
        precondition: Precondition,
    ) -> Result<Put, Error> {
        let seen = match precondition {
            Precondition::Absent => None,
            Precondition::Unchanged(seen) => Some(seen),
        };
        let ask_once = async || {
            self.run(
                PUT_PRODUCT,
                &[
                    &id.as_uuid(),
                    &product.name.as_str(),
                    &product.price.currency().as_str(),
                    &product.price.minor(),
                    &product.stock.get(),
                    &product.active,
                    &seen.map(|seen| seen.version.get()),
                    &seen.and_then(|seen| seen.stock).map(Stock::get),
                    &product.buckets.map(Buckets::get),
                ],
            )
            .await
        };
        // Each further turn means that somebody else has put the product in the meantime.
        let ask = async || {
            for _ in 0..TURNS {
                let answer = ask_once().await?;
                let outcome = answer.rows.first().map(|row| row.try_get("outcome")).transpose();
                if outcome.map_err(unexpected)? != Some("again") {
                    return Ok(answer);
                }
            }
            Err(unavailable(format!("put by others {TURNS} times in a row")))
        };
        let Answer { mut rows, repeated } = ask().await?;
        // Another statement created it while this one waited. Run again, this one sees it.
        if rows.is_empty() && precondition == Precondition::Absent {
            rows = ask().await?.rows;
        }
        let Some(row) = rows.first() else { return Ok(Put::Refused(None)) };
        let now = self::product(row)?;
        // The first attempt was stored, then the connection broke; the second attempt found the
        // product.
        let by_us = repeated
            && product.describes(&now)
            && seen.map_or(Version::FIRST, |seen| seen.version.next()) == now.version;
        match (row.try_get("outcome").map_err(unexpected)?, seen) {
            ("created", _) => Ok(Put::Created(now)),
            ("replaced", _) => Ok(Put::Replaced(now)),
            ("refused", None) if by_us => Ok(Put::Created(now)),
            ("refused", Some(_)) if by_us => Ok(Put::Replaced(now)),
            ("refused", _) => Ok(Put::Refused(Some(now))),
            (other, _) => Err(unexpected(format!("unknown outcome {other}"))),
        }
    }
}

fn product(row: &Row) -> Result<Product, Error> {
    let id: Uuid = row.try_get("id").map_err(unexpected)?;
    Ok(Product {
        id: ProductId::from(id),
        name: row.try_get("name").map_err(unexpected)?,
        price: money(row, "price_minor")?,
        stock: stock(row)?,
        buckets: buckets(row)?,
        active: row.try_get("active").map_err(unexpected)?,
        version: version(row)?,
        updated_at: row.try_get("updated_at").map_err(unexpected)?,
    })
}
