//! Places an order over HTTP and waits until it is confirmed, to prove that a stack works.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::ui;

/// How long fulfillment may take, including cold starts.
const PATIENCE: Duration = Duration::from_secs(30);

/// Orders one piece of the product with the most stock, and waits until the order is confirmed.
///
/// # Errors
/// If a call fails, or the order is not confirmed in time.
pub(crate) async fn place(api_url: &str, token: &str) -> Result<()> {
    let http = reqwest::Client::new();
    let get = |path: String| http.get(format!("{api_url}{path}")).bearer_auth(token).send();
    let listed = get("/products?limit=100".to_owned()).await;
    let products = read(listed, "GET /products").await?;
    let products = products.get("products").and_then(Value::as_array).cloned().unwrap_or_default();
    let in_stock = products
        .iter()
        .filter(|product| product.get("active") != Some(&Value::Bool(false)))
        .max_by_key(|product| product.get("stock").and_then(Value::as_i64));
    let Some(product) = in_stock else {
        ui::step("No product to order: the shop was not seeded");
        return Ok(());
    };
    let order = json!({
        "customer_name": "Ada Lovelace",
        "customer_email": "ada@example.com",
        "items": [{"product_id": product.get("id"), "quantity": 1}],
    });
    let placed = http.post(format!("{api_url}/orders")).bearer_auth(token).json(&order);
    let placed = placed.send().await;
    let placed = read(placed, "POST /orders").await?;
    let (id, number) = (text(&placed, "id"), text(&placed, "number"));
    ui::step(format!(
        "POST /orders: {number} is {}, 1 x {}",
        text(&placed, "status"),
        text(product, "name")
    ));
    let started = Instant::now();
    loop {
        let found = get(format!("/orders/{id}")).await;
        let status = text(&read(found, "GET /orders/{id}").await?, "status").to_owned();
        if status == "confirmed" {
            let took = started.elapsed().as_secs_f64();
            ui::step(format!("GET /orders/{id}: {number} is confirmed, {took:.1} s later"));
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(Error::new(format!(
                "The order {number} is still {status} after {} s. `make logs` shows the lines of \
                 fulfill-order.",
                PATIENCE.as_secs()
            )));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn read(answer: reqwest::Result<reqwest::Response>, what: &str) -> Result<Value> {
    let answer = answer.context(|| format!("{what} got no answer."))?;
    let status = answer.status();
    let body = answer.text().await.context(|| format!("Failed to read the answer to {what}."))?;
    if !status.is_success() {
        return Err(Error::new(format!("{what} answered {status}: {body}")));
    }
    serde_json::from_str(&body).context(|| format!("{what} returned {body:?}, which is not JSON."))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or("?")
}
