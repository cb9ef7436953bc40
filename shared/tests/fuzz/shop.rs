//! A shop in memory that follows the contracts of the traits in `app`. `mood` decides which of the
//! allowed answers it gives.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;
use waybill::app::{
    CacheProducts, Cached, Change, ChangeOrders, Claim, Claimed, ConfirmOrders, Context, Event,
    FoundLine, FoundProduct, FulfillmentJob, Jobs, KeepNotifications, KeepOutbox, ListOrders,
    ListProducts, Mail, MailError, MailOrder, Message, Notification, OutboxJob, PlaceOrders,
    Placement, Precondition, Put, PutProducts, ReadOrder, ReadProduct, Refusal, RefuseOrders,
    SendBatch, SendJobs, SendMail, Settled, Settlement, WriteMail,
};
use waybill::domain::{
    Buckets, Currency, CustomerEmail, HistoryEntry, Money, NewOrder, NewProduct, Order, OrderId,
    OrderItem, OrderQuery, OrderSummary, Page, Product, ProductId, ProductQuery, Status, Stock,
    Version, Visible,
};
use waybill::error::OwnerLimit;
use waybill::{BoxError, Error};

/// A shop with more orders and products than fit on a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shop {
    pub(crate) mood: u8,
}

impl PlaceOrders for Shop {
    async fn place(
        &self,
        id: OrderId,
        order: &NewOrder,
        claim: Option<&Claim>,
        _: &Context,
    ) -> Result<Placement, Error> {
        let found = |product: fn() -> Option<FoundProduct>| {
            let lines = order.lines().iter();
            Placement::Refused(lines.map(|&line| FoundLine { line, product: product() }).collect())
        };
        let none_left = || {
            Some(FoundProduct {
                name: "Mug".into(),
                currency: euro(),
                stock: Stock::new(0).unwrap(),
            })
        };
        Ok(match self.mood % 8 {
            0 => found(|| None),
            1 => Placement::OwnerLimit(OwnerLimit::PerMinute(60)),
            2 => found(none_left),
            3 if claim.is_some() => Placement::KeyReused,
            4 if claim.is_some() => Placement::KeyInFlight,
            5 if claim.is_some() => Placement::Replayed(stored(id, Status::Pending)),
            _ => Placement::Placed(stored(id, Status::Pending)),
        })
    }
}

impl ReadOrder for Shop {
    async fn order(&self, _: Visible<'_>, id: OrderId) -> Result<Option<Order>, Error> {
        Ok((!self.mood.is_multiple_of(4)).then(|| stored(id, self.status())))
    }
}

impl ListOrders for Shop {
    async fn orders(
        &self,
        _: Visible<'_>,
        query: &OrderQuery,
    ) -> Result<Page<OrderSummary>, Error> {
        let order = |number| stored(OrderId::from(Uuid::from_u128(number)), self.status()).summary;
        let found = u128::from(query.limit.get()) + u128::from(self.mood % 2);
        Ok(Page::new((0..found).map(order).collect(), query.limit))
    }
}

impl ChangeOrders for Shop {
    async fn change(
        &self,
        _: Visible<'_>,
        id: OrderId,
        status: Status,
        _: Option<Version>,
        _: &Context,
    ) -> Result<Option<Change>, Error> {
        let order = |status| stored(id, status);
        Ok(match self.mood % 3 {
            0 => None,
            1 => Some(Change { order: order(status), made: true }),
            _ => Some(Change { order: order(self.status()), made: false }),
        })
    }
}

impl ReadProduct for Shop {
    async fn product(&self, id: ProductId) -> Result<Option<Product>, Error> {
        Ok((!self.mood.is_multiple_of(4)).then(|| product(id)))
    }
}

impl ListProducts for Shop {
    async fn products(&self, query: &ProductQuery) -> Result<Page<Product>, Error> {
        let product = |number| product(ProductId::from(Uuid::from_u128(number)));
        let found = u128::from(query.limit.get()) + u128::from(self.mood % 2);
        Ok(Page::new((0..found).map(product).collect(), query.limit))
    }
}

impl PutProducts for Shop {
    async fn put(&self, id: ProductId, _: &NewProduct, _: Precondition) -> Result<Put, Error> {
        Ok(match self.mood % 4 {
            0 => Put::Created(product(id)),
            1 => Put::Replaced(product(id)),
            2 => Put::Refused(Some(product(id))),
            _ => Put::Refused(None),
        })
    }
}

impl CacheProducts for Shop {
    async fn recall(&self, ids: &[ProductId]) -> HashMap<ProductId, Cached> {
        let known = ids.iter().take(usize::from(self.mood / 64));
        known.map(|&id| (id, Cached::Missing)).collect()
    }

    async fn remember(&self, _: ProductId, _: Cached) {}
}

impl SendJobs for Shop {
    async fn send(&self, _: &FulfillmentJob) -> Result<(), Error> {
        match self.mood % 5 {
            0 => Err(Error::unavailable("the fulfillment queue", "it is away")),
            _ => Ok(()),
        }
    }
}

impl ConfirmOrders for Shop {
    async fn confirm(&self, jobs: &[FulfillmentJob]) -> Result<HashMap<OrderId, Status>, Error> {
        Ok(jobs.iter().map(|job| (job.order_id, self.status())).collect())
    }
}

impl RefuseOrders for Shop {
    async fn statuses(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
        Ok(ids.iter().map(|&id| (id, self.status())).collect())
    }

    async fn refuse(&self, refusals: &[Refusal<'_>]) -> Result<HashMap<OrderId, Status>, Error> {
        Ok(refusals.iter().map(|refusal| (refusal.job.order_id, self.status())).collect())
    }
}

impl KeepOutbox for Shop {
    async fn claim_events(&self, _: u16) -> Result<Vec<Message<Event>>, Error> {
        Ok(Vec::new())
    }

    async fn claim_jobs(&self, _: Jobs, _: u16) -> Result<Vec<Message<OutboxJob>>, Error> {
        Ok(Vec::new())
    }

    async fn settle(&self, _: &Settled) -> Result<(), Error> {
        Ok(())
    }

    async fn forget_old_keys(&self) -> Result<u64, Error> {
        Ok(0)
    }
}

impl<K: Sync> SendBatch<K> for Shop {
    const LIMIT: usize = 10;
    const MAX_BYTES: usize = 1_000_000;

    fn bytes(message: &Message<K>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<K>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        Ok(messages.iter().map(|_| Ok(())).collect())
    }
}

/// No notification is busy, so that only what is no event fails.
impl KeepNotifications for Shop {
    async fn claim(
        &self,
        _: Uuid,
        wanted: &[Notification],
    ) -> Result<HashMap<Notification, Claimed>, Error> {
        let claimed = |it: &Notification| match self.mood % 3 {
            0 => Claimed::Settled,
            _ => Claimed::Yours(Box::new(mailed(it.order_id))),
        };
        Ok(wanted.iter().map(|it| (*it, claimed(it))).collect())
    }

    async fn settle(&self, _: Notification, _: &Settlement) -> Result<(), Error> {
        Ok(())
    }
}

impl WriteMail for Shop {
    async fn write(&self, status: Status, _: &MailOrder) -> Result<Mail, BoxError> {
        Mail::new(status.event().to_owned(), String::new(), String::new())
    }
}

impl SendMail for Shop {
    async fn send(&self, _: &CustomerEmail, _: &Mail) -> Result<String, MailError> {
        match self.mood % 5 {
            0 => Err(MailError::Refused("MessageRejected".to_owned())),
            _ => Ok("mail".to_owned()),
        }
    }
}

impl Shop {
    fn status(self) -> Status {
        Status::ALL[usize::from(self.mood) % Status::ALL.len()]
    }
}

fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn now() -> Timestamp {
    "2026-02-21T12:00:00.123456Z".parse().unwrap()
}

fn stored(id: OrderId, status: Status) -> Order {
    let price = Money::new(1450, euro()).unwrap();
    let summary = OrderSummary {
        id,
        number: id.number(),
        status,
        customer_name: "Ada Lovelace".to_owned(),
        customer_email: "ada@example.com".to_owned(),
        total: price,
        item_count: 1,
        version: Version::FIRST,
        created_at: now(),
        updated_at: now(),
    };
    let item = OrderItem {
        product_id: ProductId::from(Uuid::from_u128(7)),
        name: "Mug".to_owned(),
        unit_price: price,
        quantity: 1,
    };
    let placed = HistoryEntry {
        from: None,
        to: Status::Pending,
        at: now(),
        actor: "ada".to_owned(),
        correlation_id: "a".to_owned(),
        reason: None,
    };
    Order { summary, items: vec![item], history: vec![placed] }
}

fn mailed(id: OrderId) -> MailOrder {
    MailOrder {
        number: id.number(),
        customer_name: "Ada Lovelace".to_owned(),
        customer_email: CustomerEmail::parse("ada@example.com").ok(),
        proven_email: None,
        lines: Vec::new(),
        total: Money::new(1450, euro()).unwrap(),
    }
}

fn product(id: ProductId) -> Product {
    Product {
        id,
        name: "Mug".to_owned(),
        price: Money::new(1450, euro()).unwrap(),
        stock: Stock::new(41).unwrap(),
        buckets: Buckets::ONE,
        active: true,
        version: Version::new(7).unwrap(),
        updated_at: now(),
    }
}
