//! Orders, from the database.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;
use waybill_ops::error::{Context as _, Result};

use super::Sources;
use super::database::column;

/// What to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Search {
    /// The newest.
    All,
    /// By id.
    Id(Uuid),
    /// By number.
    Number(String),
    /// By the customer's address.
    Email(String),
    /// By the id of a request about it.
    CorrelationId(String),
}

/// An order in a list.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The id.
    pub(crate) id: Uuid,
    /// The number.
    pub(crate) number: String,
    /// The status.
    pub(crate) status: String,
    /// The customer's address.
    pub(crate) email: String,
    /// The currency.
    pub(crate) currency: String,
    /// The total in minor units.
    pub(crate) total_minor: i64,
    /// When it was placed, in milliseconds since 1970.
    pub(crate) placed_ms: i64,
    /// How long it was pending, or is.
    pub(crate) pending_ms: f64,
    /// Why something did not happen to it.
    pub(crate) reason: Option<String>,
}

/// One order.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The id.
    pub(crate) id: Uuid,
    /// The number.
    pub(crate) number: String,
    /// The subject that placed it.
    pub(crate) owner: String,
    /// The status.
    pub(crate) status: String,
    /// The customer's name.
    pub(crate) name: String,
    /// The customer's address.
    pub(crate) email: String,
    /// The currency.
    pub(crate) currency: String,
    /// The total in minor units.
    pub(crate) total_minor: i64,
    /// The version.
    pub(crate) version: i64,
    /// When it was placed, in milliseconds since 1970.
    pub(crate) placed_ms: i64,
    /// Its lines.
    pub(crate) items: Vec<Item>,
    /// Its changes.
    pub(crate) history: Vec<Step>,
    /// What has to leave the database for it.
    pub(crate) outbox: Vec<Waiting>,
    /// The mails about it.
    pub(crate) mails: Vec<Mailed>,
}

/// A line of an order.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Item {
    /// The product.
    pub(crate) product_id: Uuid,
    /// The name it had.
    pub(crate) name: String,
    /// The price it had.
    pub(crate) unit_price_minor: i64,
    /// How many.
    pub(crate) quantity: i64,
}

/// An entry of an order's history.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Step {
    /// The status before.
    pub(crate) from: Option<String>,
    /// The status after.
    pub(crate) to: String,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// Who.
    pub(crate) actor: String,
    /// The request behind it.
    pub(crate) correlation_id: String,
    /// Why nothing changed.
    pub(crate) reason: Option<String>,
}

/// A row of the outbox.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Waiting {
    /// `fulfillment_job`, or the event.
    pub(crate) kind: String,
    /// How often it was tried.
    pub(crate) attempts: i64,
    /// When it is due, in milliseconds since 1970; none if never.
    pub(crate) due_ms: Option<i64>,
}

/// A mail about an event of an order.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Mailed {
    /// The event.
    pub(crate) event: String,
    /// `sent`, `refused` or `no_address`; none until it is known.
    pub(crate) outcome: Option<String>,
    /// Since when, in milliseconds since 1970.
    pub(crate) settled_ms: Option<i64>,
    /// Why SES refused it.
    pub(crate) reason: Option<String>,
}

impl Mailed {
    /// Whether it will not be sent again.
    pub(crate) fn is_settled(&self) -> bool {
        self.outcome.is_some()
    }
}

impl Search {
    /// What a person typed.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            Self::All
        } else if let Ok(id) = text.parse() {
            Self::Id(id)
        } else if text.len() > 4 && text.get(..4).is_some_and(|it| it.eq_ignore_ascii_case("ORD-"))
        {
            Self::Number(text.to_ascii_uppercase())
        } else if text.contains('@') {
            Self::Email(text.to_owned())
        } else {
            Self::CorrelationId(text.to_owned())
        }
    }
}

impl Sources {
    /// The newest orders that a search finds.
    ///
    /// # Errors
    /// If Postgres fails.
    pub(crate) async fn find_orders(&self, search: &Search, most: i64) -> Result<Vec<Found>> {
        let (mut id, mut number, mut email, mut correlation_id) = (None, None, None, None);
        match search {
            Search::All => {}
            Search::Id(it) => id = Some(*it),
            Search::Number(it) => number = Some(it.as_str()),
            Search::Email(it) => email = Some(it.as_str()),
            Search::CorrelationId(it) => correlation_id = Some(it.as_str()),
        }
        let sql = include_str!("../../sql/find_orders.sql");
        let rows =
            self.database.query(sql, &[&id, &number, &email, &correlation_id, &most]).await?;
        rows.iter().map(found).collect()
    }

    /// The order with this id.
    ///
    /// # Errors
    /// If Postgres fails.
    pub(crate) async fn order(&self, id: Uuid) -> Result<Option<Order>> {
        let rows = self.database.query(include_str!("../../sql/order.sql"), &[&id]).await?;
        rows.first().map(order).transpose()
    }
}

fn found(row: &Row) -> Result<Found> {
    Ok(Found {
        id: column(row, "id")?,
        number: column(row, "number")?,
        status: column(row, "status")?,
        email: column(row, "customer_email")?,
        currency: column(row, "currency")?,
        total_minor: column(row, "total_minor")?,
        placed_ms: column::<Timestamp>(row, "created_at")?.as_millisecond(),
        pending_ms: column(row, "pending_ms")?,
        reason: column(row, "reason")?,
    })
}

fn order(row: &Row) -> Result<Order> {
    Ok(Order {
        id: column(row, "id")?,
        number: column(row, "number")?,
        owner: column(row, "owner")?,
        status: column(row, "status")?,
        name: column(row, "customer_name")?,
        email: column(row, "customer_email")?,
        currency: column(row, "currency")?,
        total_minor: column(row, "total_minor")?,
        version: column(row, "version")?,
        placed_ms: column::<Timestamp>(row, "created_at")?.as_millisecond(),
        items: list(row, "items")?,
        history: list(row, "history")?,
        outbox: list(row, "outbox")?,
        mails: list(row, "mails")?,
    })
}

/// A column with a JSON array, or null for an empty one.
fn list<T: serde::de::DeserializeOwned>(row: &Row, name: &str) -> Result<Vec<T>> {
    let Some(value) = column::<Option<Value>>(row, name)? else { return Ok(Vec::new()) };
    serde_json::from_value(value).context(|| format!("Failed to read the column {name}."))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An order with the statuses that it had, and with mails about these events: with outcome and
    /// time, if they are settled.
    pub(crate) fn order(
        status: &str,
        steps: &[(&str, i64)],
        mails: &[(&str, Option<(&str, i64)>)],
    ) -> Order {
        let step = |(to, at_ms): &(&str, i64)| Step {
            from: None,
            to: (*to).to_owned(),
            at_ms: *at_ms,
            actor: String::new(),
            correlation_id: String::new(),
            reason: None,
        };
        let mail = |(event, settled): &(&str, Option<(&str, i64)>)| Mailed {
            event: (*event).to_owned(),
            outcome: settled.map(|(outcome, _)| outcome.to_owned()),
            settled_ms: settled.map(|(_, at_ms)| at_ms),
            reason: None,
        };
        Order {
            id: Uuid::nil(),
            number: String::new(),
            owner: String::new(),
            status: status.to_owned(),
            name: String::new(),
            email: String::new(),
            currency: "EUR".to_owned(),
            total_minor: 0,
            version: 1,
            placed_ms: 0,
            items: Vec::new(),
            history: steps.iter().map(step).collect(),
            outbox: Vec::new(),
            mails: mails.iter().map(mail).collect(),
        }
    }

    #[test]
    fn what_is_typed_says_what_is_meant() {
        let id = "019b76da-a800-7000-8000-000000000007";
        for (typed, search) in [
            ("  ", Search::All),
            (id, Search::Id(id.parse().unwrap())),
            (" ord-20260221-6ba0a415 ", Search::Number("ORD-20260221-6BA0A415".to_owned())),
            ("Ada@example.com", Search::Email("Ada@example.com".to_owned())),
            ("readme-1", Search::CorrelationId("readme-1".to_owned())),
            ("ör", Search::CorrelationId("ör".to_owned())),
        ] {
            assert_eq!(Search::parse(typed), search);
        }
    }
}
