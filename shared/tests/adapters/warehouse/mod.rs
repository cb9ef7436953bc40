//! Orders that a warehouse must accept before they are confirmed.

mod offers;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::Message;
use testkit::warehouse::SECRET;
use waybill::app::{self, Context, Delivery, FulfillmentJob, PlaceOrders, Placement, ReadOrder};
use waybill::config::WarehouseConfig;
use waybill::domain::{Order, OrderId, Status, Visible};
use waybill::postgres::Database;
use waybill::queue::FulfillmentQueue;
use waybill::warehouse::OptionalWarehouse;

use crate::support::{TestDatabase, aws, context, fulfillment_queue, order, queue};

/// The timeout of an answer.
const PATIENCE: Duration = Duration::from_secs(5);

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The service, with a warehouse.
struct World {
    test: TestDatabase,
    database: Arc<Database>,
    aws: SdkConfig,
    queue: FulfillmentQueue,
    warehouse: OptionalWarehouse,
    letters: String,
    jobs: Vec<FulfillmentJob>,
}

impl World {
    /// With this many pending orders, and the warehouse at `url`.
    async fn with(orders: usize, url: &str) -> Self {
        let test = TestDatabase::new().await;
        let database = test.connect().await;
        let aws = aws().await;
        let queue = fulfillment_queue(&aws, queue(&aws).await);
        let letters = crate::support::queue(&aws).await;
        let warehouse = client(url, &queue, &letters, PATIENCE);
        let mug = test.product("EUR", 1450, 100).await;
        let mut jobs = Vec::new();
        for number in 0..orders {
            let context = Context { traceparent: Some(TRACE.to_owned()), ..context() };
            // The quantity tells the orders apart.
            let wanted = order(&[(mug, i64::try_from(number + 1).unwrap())]);
            let placed =
                database.place(OrderId::generate(), &wanted, None, &context).await.unwrap();
            let Placement::Placed(order) = placed else { panic!("{placed:?}") };
            jobs.push(FulfillmentJob::new(&order, &context));
        }
        Self { test, database, aws, queue, warehouse, letters, jobs }
    }

    /// Delivers the jobs of these orders in one batch; returns the numbers of those that failed.
    async fn deliver(&self, numbers: &[usize]) -> Vec<String> {
        let delivery = |&number: &usize| {
            Delivery::new(number.to_string(), self.jobs[number].to_body().unwrap())
        };
        let batch = numbers.iter().map(delivery).collect();
        app::fulfill_orders(&*self.database, &self.warehouse, batch).await.unwrap()
    }

    async fn order(&self, number: usize) -> Order {
        let id = self.jobs[number].order_id;
        self.database.order(Visible::to(&context().caller), id).await.unwrap().unwrap()
    }

    /// The statuses in the history of an order.
    async fn way(&self, number: usize) -> Vec<Status> {
        self.order(number).await.history.iter().map(|entry| entry.to).collect()
    }

    async fn cancel(&self, number: usize) {
        let id = self.jobs[number].order_id;
        app::cancel_order(&*self.database, id, None, &context()).await.unwrap();
    }

    /// All dead letters.
    async fn take_letters(&self) -> Vec<Message> {
        let client = aws_sdk_sqs::Client::new(&self.aws);
        let call = client.receive_message().queue_url(&self.letters).max_number_of_messages(10);
        let received = call.message_attribute_names("All").send().await.unwrap();
        received.messages.unwrap_or_default()
    }

    /// Whether the job is parked, so that no relay sends it.
    async fn is_parked(&self, number: usize) -> bool {
        let sql = "SELECT available_at = 'infinity' FROM outbox WHERE id = $1";
        let id = self.jobs[number].order_id.as_uuid();
        self.test.sql.query_one(sql, &[&id]).await.unwrap().get(0)
    }
}

/// The adapter. Only tests with a silent warehouse use short timeouts, since a busy machine is
/// slow.
fn client(
    url: &str,
    queue: &FulfillmentQueue,
    letters: &str,
    patience: Duration,
) -> OptionalWarehouse {
    let config = WarehouseConfig {
        url: url.to_owned(),
        secret: SECRET.to_owned(),
        dead_letter_queue_url: letters.to_owned(),
        connect_timeout: patience,
        read_timeout: patience,
    };
    OptionalWarehouse::new(Some(config), queue).unwrap()
}

const CONFIRMED: [Status; 2] = [Status::Pending, Status::Confirmed];
