//! Sends one request, and keeps what came of it.

use std::time::Instant;

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::answers::{Try, of_order, of_other};
use crate::client::{Client, send};
use crate::clock::Clock;
use crate::customers::Tokens;
use crate::doubtful::Doubtful;
use crate::history::{Outcome, Request, Run, Writer};
use crate::ledger::Ledger;
use crate::meter::Meter;
use crate::plan::{Action, Arrival};
use crate::shop::Shop;

/// What sending needs.
pub struct Sender {
    pub(crate) run: Run,
    pub(crate) client: Client,
    pub(crate) tokens: Tokens,
    pub(crate) shop: Shop,
    pub(crate) ledger: Ledger,
    pub(crate) doubtful: Doubtful,
    pub(crate) history: Writer,
    pub(crate) meter: Meter,
    pub(crate) clock: Clock,
}

impl Sender {
    /// Sends a planned request.
    pub async fn send(&self, arrival: Arrival, intended: Instant) {
        let sent = Instant::now();
        self.meter.sent(self.clock.us(sent).saturating_sub(self.clock.us(intended)));
        let request = request_of(&arrival);
        let outcome = self.act(arrival).await;
        self.keep(intended, sent, request, outcome);
    }

    /// Keeps a planned request that is not sent because too many are in flight.
    pub fn leave(&self, arrival: &Arrival, intended: Instant) {
        self.meter.not_sent(&Outcome::Unsent);
        let at = self.clock.us(intended);
        self.history.call([at; 3], request_of(arrival), Outcome::Unsent);
    }

    /// Adds pieces to the stock of a product.
    pub async fn restock(&self, product: usize, pieces: i64) {
        let sent = Instant::now();
        let outcome = self.shop.restock(&self.client, self.tokens.staff(), product, pieces).await;
        let times = [self.clock.us(sent), self.clock.us(sent), self.clock.now_us()];
        self.history.call(times, Request::Restock { product, pieces }, outcome);
    }

    /// Asks for an order again whose outcome is unknown. Returns whether it is known now.
    pub async fn ask_again(&self, order: u64) -> bool {
        let sent = self.clock.now_us();
        let outcome = self.place(order, Try::Again).await;
        self.meter.asked_again(&outcome);
        let known = !matches!(outcome, Outcome::Unknown { .. });
        self.history.call([sent, sent, self.clock.now_us()], Request::AskAgain { order }, outcome);
        known
    }

    fn keep(&self, intended: Instant, sent: Instant, request: Request, outcome: Outcome) {
        let times = [self.clock.us(intended), self.clock.us(sent), self.clock.now_us()];
        self.meter.answered(&request, &outcome, times[2].saturating_sub(times[0]));
        if let (Some(order), Outcome::Unknown { why }) = (request.places(), &outcome) {
            self.doubtful.add(order, why);
        }
        self.history.call(times, request, outcome);
    }

    async fn act(&self, arrival: Arrival) -> Outcome {
        match arrival.action {
            Action::Order { customer, lines } => {
                self.ledger.add(arrival.number, customer, lines);
                self.place(arrival.number, Try::First).await
            }
            Action::Replay(order) => self.place(order, Try::Again).await,
            Action::ListOrders(customer) => {
                self.get("/orders?limit=20", self.tokens.customer(customer)).await
            }
            Action::ReadProduct(product) => match self.run.products.get(product) {
                Some(product) => {
                    self.get(&format!("/products/{}", product.id), self.tokens.customer(0)).await
                }
                None => Outcome::Skipped,
            },
            Action::Restock { product, pieces } => {
                self.shop.restock(&self.client, self.tokens.staff(), product, pieces).await
            }
            Action::ReadOrder(order) => match self.ledger.known(order) {
                Some((customer, id)) => {
                    self.get(&format!("/orders/{id}"), self.tokens.customer(customer)).await
                }
                None => Outcome::Skipped,
            },
            Action::Cancel(order) => match self.ledger.known(order) {
                Some((customer, id)) => {
                    let path = format!("/orders/{id}/cancel");
                    let token = self.tokens.customer(customer);
                    of_other(&send(self.client.request(Method::PATCH, &path, token)).await)
                }
                None => Outcome::Skipped,
            },
            Action::Ship(order) => match self.ledger.known(order) {
                Some((_, id)) => self.ship(id).await,
                None => Outcome::Skipped,
            },
        }
    }

    /// Sends an order with its key.
    async fn place(&self, order: u64, which: Try) -> Outcome {
        let Some(entry) = self.ledger.get(order) else { return Outcome::Skipped };
        let line = |line: &crate::history::OrderLine| {
            let product = self.run.products.get(line.product).map(|product| product.id);
            json!({ "product_id": product, "quantity": line.quantity })
        };
        let customer = entry.customer;
        let body = json!({
            "customer_name": format!("Traffic customer {customer}"),
            "customer_email": format!("customer-{customer}@traffic.example"),
            "items": entry.lines.iter().map(line).collect::<Vec<_>>(),
        });
        let request = self
            .client
            .request(Method::POST, "/orders", self.tokens.customer(customer))
            .header("idempotency-key", self.run.key(order))
            .header("x-correlation-id", self.run.correlation_id(order))
            .json(&body);
        let outcome = of_order(send(request).await, which, &self.run.products);
        if let Outcome::Placed { id, .. } = &outcome {
            self.ledger.placed(order, *id);
        }
        outcome
    }

    async fn get(&self, path: &str, token: &str) -> Outcome {
        of_other(&send(self.client.request(Method::GET, path, token)).await)
    }

    /// Reads an order as staff, and ships it in the version that was read.
    async fn ship(&self, id: Uuid) -> Outcome {
        let staff = self.tokens.staff();
        let path = format!("/orders/{id}");
        let read = send(self.client.request(Method::GET, &path, staff)).await;
        let etag = match &read {
            Ok(answer) if answer.is_success() => answer.header("etag").unwrap_or("\"0\""),
            _ => return of_other(&read),
        };
        let request = self.client.request(Method::PATCH, &format!("{path}/status"), staff);
        let request = request.header("if-match", etag).json(&json!({ "status": "shipped" }));
        of_other(&send(request).await)
    }
}

/// The form in which the history has a planned request.
fn request_of(arrival: &Arrival) -> Request {
    let number = arrival.number;
    match &arrival.action {
        Action::Order { customer, lines } => {
            Request::Order { order: number, customer: *customer, lines: lines.clone() }
        }
        Action::Replay(order) => Request::Replay { order: *order },
        Action::ReadOrder(order) => Request::ReadOrder { order: *order },
        Action::ListOrders(customer) => Request::ListOrders { customer: *customer },
        Action::ReadProduct(product) => Request::ReadProduct { product: *product },
        Action::Cancel(order) => Request::Cancel { order: *order },
        Action::Ship(order) => Request::Ship { order: *order },
        Action::Restock { product, pieces } => {
            Request::Restock { product: *product, pieces: *pieces }
        }
    }
}
