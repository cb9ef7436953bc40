//! What the service has after the traffic: orders by the API, stock and outbox by Postgres, events by
//! the run's own subscriber, and the books by the service's own check.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;
use waybill::config::{DatabaseConfig, OwnerLimits, Timing};
use waybill::postgres::reconcile::reconcile;
use waybill_ops::error::{Context as _, Error, Result};

use crate::client::send;
use crate::database::Database;
use crate::events::Subscriber;
use crate::history::{Observed, ObservedOrder, ObservedProduct};
use crate::sender::Sender;
use crate::settings::Target;

/// How many customers' lists are read at once.
const AT_ONCE: usize = 8;
/// How often a request is sent until it is answered.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Observes the service. `known` are the ids that answers have shown.
pub(crate) async fn observe(
    target: &Target,
    sender: &Sender,
    database: &Database,
    subscriber: &Subscriber,
    known: &BTreeSet<Uuid>,
) -> Observed {
    let mut observed = Observed::default();
    let lists = stream::iter(0..sender.run.customers).map(|customer| orders_of(sender, customer));
    let mut lists = lists.buffer_unordered(AT_ONCE);
    while let Some(list) = lists.next().await {
        observed.keep(list, |observed, orders| observed.orders.extend(orders));
    }
    for order in observed.orders.iter_mut().filter(|order| !known.contains(&order.id)) {
        match correlation_id(sender, order.id).await {
            Ok(id) => order.correlation_id = id,
            Err(error) => observed.failures.push(words(&error)),
        }
    }
    observed.orders.sort_by_key(|order| order.id);
    observed.keep(products(sender, database).await, |it, products| it.products = products);
    observed.keep(in_outbox(sender, database).await, |it, orders| it.in_outbox = orders);
    observed.keep(discrepancies(target).await, |it, found| it.discrepancies = found);
    observed.keep(subscriber.quiet().await, |it, ()| it.events = subscriber.seen());
    observed
}

impl Observed {
    fn keep<T>(&mut self, found: Result<T>, keep: impl FnOnce(&mut Self, T)) {
        match found {
            Ok(found) => keep(self, found),
            Err(error) => self.failures.push(words(&error)),
        }
    }
}

/// An error with its causes, in one line.
fn words(error: &Error) -> String {
    error.causes().map_or_else(|| error.to_string(), |causes| format!("{error} {causes}"))
}

/// Walks the list of a customer's orders.
async fn orders_of(sender: &Sender, customer: usize) -> Result<Vec<ObservedOrder>> {
    let token = sender.tokens.customer(customer);
    let mut orders = Vec::new();
    let mut path = "/orders?limit=100".to_owned();
    loop {
        let page = get(sender, &path, token).await?;
        let listed = page.get("orders").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| Error::new(format!("GET {path} has no orders.")))?;
        for order in listed {
            let read = read_order(order, customer);
            orders.push(read.ok_or_else(|| Error::new(format!("{order} is not an order.")))?);
        }
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(cursor) => path = format!("/orders?limit=100&cursor={cursor}"),
            None => return Ok(orders),
        }
    }
}

fn read_order(order: &Value, customer: usize) -> Option<ObservedOrder> {
    Some(ObservedOrder {
        id: order.get("id")?.as_str()?.parse().ok()?,
        customer,
        status: order.get("status")?.as_str()?.to_owned(),
        total_minor: order.get("total_minor")?.as_i64()?,
        correlation_id: None,
    })
}

/// The correlation id of the request that placed an order, by its history.
async fn correlation_id(sender: &Sender, id: Uuid) -> Result<Option<String>> {
    let order = get(sender, &format!("/orders/{id}"), sender.tokens.staff()).await?;
    let placed = order.pointer("/history/0/correlation_id").and_then(Value::as_str);
    Ok(placed.map(str::to_owned))
}

/// `GET path`, until it is answered.
async fn get(sender: &Sender, path: &str, token: &str) -> Result<Value> {
    let mut last = String::new();
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        match send(sender.client.request(Method::GET, path, token)).await {
            Ok(answer) if answer.is_success() => {
                return serde_json::from_str(&answer.body)
                    .context(|| format!("The answer to GET {path} is not JSON."));
            }
            Ok(answer) => last = format!("{} {}", answer.status, answer.body),
            Err(why) => why.clone_into(&mut last),
        }
    }
    Err(Error::new(format!("GET {path} was not answered: {last}.")))
}

async fn products(sender: &Sender, database: &Database) -> Result<Vec<ObservedProduct>> {
    let ids: Vec<Uuid> = sender.run.products.iter().map(|product| product.id).collect();
    let statement = "SELECT p.id, (p.stock + coalesce((
                         SELECT sum(b.stock) FROM stock_buckets b WHERE b.product_id = p.id
                     ), 0))::integer
                     FROM products p WHERE p.id = ANY ($1)";
    let mut products = Vec::new();
    for row in database.query(statement, &[&ids]).await? {
        let failed = || "The database returned no stock.";
        let (id, stock): (Uuid, i32) =
            (row.try_get(0).context(failed)?, row.try_get(1).context(failed)?);
        let product = ids.iter().position(|product| *product == id);
        products
            .extend(product.map(|product| ObservedProduct { product, stock: i64::from(stock) }));
    }
    Ok(products)
}

async fn in_outbox(sender: &Sender, database: &Database) -> Result<BTreeSet<Uuid>> {
    let owners = owners(sender);
    let statement = "SELECT DISTINCT b.order_id FROM outbox b JOIN orders o ON o.id = b.order_id \
                     WHERE o.owner = ANY ($1)";
    let rows = database.query(statement, &[&owners]).await?;
    let ids = rows.iter().map(|row| row.try_get(0));
    ids.collect::<Result<_, _>>().context(|| "The database returned no order.")
}

/// The subjects of the run's customers, who own its orders.
pub(crate) fn owners(sender: &Sender) -> Vec<String> {
    (0..sender.run.customers).map(|customer| sender.run.subject(customer)).collect()
}

/// What does not add up in the whole database.
async fn discrepancies(target: &Target) -> Result<Vec<String>> {
    let config = DatabaseConfig {
        url: target.database_url.clone(),
        engine: target.database_engine,
        keys: None,
        connect_timeout: Duration::from_secs(5),
        connections: 1,
        timing: Timing::default(),
        owner_limits: OwnerLimits::default(),
    };
    let books = reconcile(&config).await.context(|| "Failed to reconcile stock and orders.")?;
    let one = |it: &waybill::postgres::reconcile::Discrepancy| {
        format!("{} {} ({}): {}, but {}", it.kind, it.id, it.label, it.expected, it.found)
    };
    Ok(books.discrepancies.iter().map(one).collect())
}
