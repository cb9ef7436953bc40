//! Products: stock beside the books, what the cache believes, and changes through the API.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use uuid::Uuid;

use super::fields::Fields;
use super::nothing::NothingPage;
use super::{render, render_as};
use crate::console::Shared;
use crate::format::{age, money, now_ms};
use crate::frame::{Frame, Page};
use crate::sources::products::{Cached, MOST, Product};
use crate::sources::sentence;

/// The page.
#[derive(Template)]
#[template(path = "products.html")]
struct ProductsPage {
    frame: Frame,
    rows: Vec<Row>,
    wrong: usize,
    most: i64,
    problems: Vec<String>,
}

/// The form of one product.
#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    frame: Frame,
    product: Product,
    problem: Option<String>,
}

struct Row {
    id: Uuid,
    name: String,
    active: bool,
    price: String,
    stock: i32,
    stock_buckets: i32,
    held: i64,
    stocked: i64,
    difference: i64,
    cache: String,
    stale: bool,
}

/// `GET /products`
pub(crate) async fn page(State(console): State<Shared>) -> Response {
    let frame = console.frame(Page::Products).await;
    let mut problems = Vec::new();
    let products = console.sources.products(None).await.unwrap_or_else(|error| {
        problems.push(sentence(&error));
        Vec::new()
    });
    let ids: Vec<Uuid> = products.iter().map(|product| product.id).collect();
    let cached = console.sources.cached(&ids).await.unwrap_or_else(|error| {
        problems.push(sentence(&error));
        HashMap::new()
    });
    let now_s = now_ms() / 1_000;
    let rows = products.iter().map(|it| row(it, cached.get(&it.id), now_s)).collect();
    let wrong = products.iter().filter(|it| it.difference() != 0).count();
    render(&ProductsPage { frame, rows, wrong, most: MOST, problems })
}

/// `GET /products/{id}`
pub(crate) async fn form(State(console): State<Shared>, Path(id): Path<Uuid>) -> Response {
    show(&console, id, None).await
}

/// `POST /products/{id}`
pub(crate) async fn put(
    State(console): State<Shared>,
    Path(id): Path<Uuid>,
    body: String,
) -> Response {
    let fields = Fields::parse(&body);
    let number = |name: &str| fields.get(name).trim().parse::<i64>().ok();
    let (Some(price_minor), Some(stock)) = (number("price_minor"), number("stock")) else {
        return show(&console, id, Some("Price and stock must be whole numbers.".to_owned())).await;
    };
    let found = console.sources.products(Some(id)).await.unwrap_or_default();
    let Some(product) = found.first() else { return show(&console, id, None).await };
    let tag = fields.get("tag");
    match console.sources.put_product(product, price_minor, stock, tag).await {
        Ok(()) => Redirect::to("/products").into_response(),
        Err(error) => show(&console, id, Some(sentence(&error))).await,
    }
}

async fn show(console: &Shared, id: Uuid, problem: Option<String>) -> Response {
    let frame = console.frame(Page::Products).await;
    let status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    match console.sources.products(Some(id)).await {
        Ok(mut found) if !found.is_empty() => {
            render_as(status, &ProductPage { frame, product: found.remove(0), problem })
        }
        Ok(_) => {
            let why = format!("The database has no product {id}.");
            NothingPage::new(frame, "No such product", why).render_as(StatusCode::NOT_FOUND)
        }
        Err(error) => NothingPage::new(frame, "No such product", sentence(&error))
            .render_as(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn row(product: &Product, cached: Option<&Cached>, now_s: i64) -> Row {
    let (cache, stale) = believed(product, cached, now_s);
    Row {
        id: product.id,
        name: product.name.clone(),
        active: product.active,
        price: money(product.price_minor, &product.currency),
        stock: product.stock,
        stock_buckets: product.stock_buckets,
        held: product.held,
        stocked: product.stocked,
        difference: product.difference(),
        cache,
        stale,
    }
}

/// What the cache believes, in words, and whether it is wrong about more than the stock, which it may
/// be late with.
fn believed(product: &Product, cached: Option<&Cached>, now_s: i64) -> (String, bool) {
    let Some(cached) = cached.filter(|it| it.expires_s > now_s) else {
        return ("nothing".to_owned(), false);
    };
    #[expect(clippy::cast_precision_loss, reason = "an entry lives for minutes")]
    let left = age((cached.expires_s - now_s) as f64);
    if cached.version == 0 {
        return (format!("missing, for {left}"), true);
    }
    let same_price = cached.price_minor == Some(product.price_minor);
    let stale = cached.version != product.version || !same_price;
    let stock = cached.stock.unwrap_or_default();
    (format!("version {}, stock {stock}, for {left}", cached.version), stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product() -> Product {
        Product {
            id: Uuid::from_u128(7),
            name: "Notebook".to_owned(),
            currency: "EUR".to_owned(),
            price_minor: 1450,
            stock: 10,
            stock_buckets: 1,
            stocked: 12,
            held: 2,
            active: true,
            version: 3,
        }
    }

    #[test]
    fn books_that_do_not_balance_show_the_difference() {
        assert_eq!(row(&product(), None, 0).difference, 0);
        assert_eq!(row(&Product { held: 3, ..product() }, None, 0).difference, 1);
    }

    #[test]
    fn the_cache_may_be_late_with_the_stock_and_with_nothing_else() {
        let entry = |version, price_minor| Cached {
            version,
            stock: Some(11),
            price_minor: Some(price_minor),
            expires_s: 100,
        };
        let at = |entry: &Cached, now_s| believed(&product(), Some(entry), now_s);
        assert_eq!(at(&entry(3, 1450), 40), ("version 3, stock 11, for 60 s".to_owned(), false));
        assert!(at(&entry(2, 1450), 40).1 && at(&entry(3, 1), 40).1 && at(&entry(0, 1450), 40).1);
        assert_eq!(at(&entry(2, 1), 100), ("nothing".to_owned(), false));
    }
}
