//! The round trips of each use case, counted at the servers.

use testkit::proxy::{Proxy, authority};
use uuid::Uuid;
use waybill::app::{
    self, ConfirmOrders, FulfillmentJob, KeepNotifications, ListOrders, ListProducts, Notification,
    PlaceOrders, Placement, ReadOrder, ReadProduct, Refusal, RefuseOrders, Settlement,
};
use waybill::domain::{CustomerEmail, OrderId, OrderQuery, Status, Visible};
use waybill::postgres::Database;

use crate::support::{
    STATEMENTS, TestDatabase, aws, aws_at, config, context, first_orders, first_products,
    fulfillment_queue, order, queue,
};

#[tokio::test]
async fn create_order_asks_postgres_once_and_sqs_once() {
    let test = TestDatabase::new().await;
    let mug = test.product("EUR", 1450, 10).await;
    let pan = test.product("EUR", 3999, 10).await;
    let postgres = Proxy::to(authority(&test.url)).await;
    let database =
        Database::connect(&config(postgres.instead_of(&test.url)), STATEMENTS).await.unwrap();

    let aws = aws().await;
    let sqs = Proxy::to(authority(aws.endpoint_url().unwrap())).await;
    let url = sqs.instead_of(&queue(&aws).await);
    let behind_proxy = aws_at(&format!("http://{}", sqs.address)).await;
    let queue = fulfillment_queue(&behind_proxy, url);

    // From the first request on.
    for _ in 0..3 {
        postgres.forget();
        sqs.forget();
        let wanted = order(&[(mug, 1), (pan, 1)]);
        app::create_order(&database, &queue, &wanted, None, &context()).await.unwrap();
        assert_eq!((postgres.postgres_round_trips(), sqs.http_posts()), (1, 1));
    }
}

#[tokio::test]
async fn get_list_and_a_batch_of_any_size_ask_postgres_once() {
    let test = TestDatabase::new().await;
    let mug = test.product("EUR", 1450, 1000).await;
    let proxy = Proxy::to(authority(&test.url)).await;
    let database =
        Database::connect(&config(proxy.instead_of(&test.url)), STATEMENTS).await.unwrap();
    let mut jobs = Vec::new();
    let mut id = OrderId::generate();
    for _ in 0..200 {
        let placement = database.place(id, &order(&[(mug, 1)]), None, &context()).await.unwrap();
        let Placement::Placed(order) = placement else { panic!("{placement:?}") };
        jobs.push(FulfillmentJob::new(&order, &context()));
        id = OrderId::generate();
    }
    let caller = context().caller;
    let asked_once = |what: &str| {
        assert_eq!(proxy.postgres_round_trips(), 1, "{what}");
        proxy.forget();
    };
    proxy.forget();
    let email = Some(CustomerEmail::parse("ada@example.com").unwrap());
    let by_email = OrderQuery { email, ..first_orders(100) };
    let by_status = OrderQuery { status: Some(Status::Pending), ..first_orders(100) };
    for visible in [Visible::Of(caller.subject()), Visible::All] {
        assert!(database.order(visible, jobs[0].order_id).await.unwrap().is_some());
        asked_once("get-order");
        for query in [&first_orders(100), &by_status, &by_email] {
            // One round trip also tells whether there is a next page.
            let page = database.orders(visible, query).await.unwrap();
            assert_eq!((page.entries.len(), page.has_more), (100, true));
            asked_once("list-orders");
        }
        let number = Some(jobs[0].number.clone());
        let by_number = OrderQuery { number, ..OrderQuery::default() };
        let page = database.orders(visible, &by_number).await.unwrap();
        assert_eq!((page.entries.len(), page.has_more), (1, false));
        asked_once("list-orders, by number");
    }
    assert!(database.product(mug).await.unwrap().is_some());
    asked_once("get-product");
    let page = database.products(&first_products(100)).await.unwrap();
    assert_eq!((page.entries.len(), page.has_more), (1, false));
    asked_once("list-products");
    for size in [1, 10, 200] {
        assert_eq!(database.confirm(&jobs[..size]).await.unwrap().len(), size);
        asked_once("fulfill-order");
    }
    // With a warehouse, a batch first reads the statuses, and at last records refusals.
    let ids: Vec<_> = jobs.iter().map(|job| job.order_id).collect();
    assert_eq!(database.statuses(&ids).await.unwrap().len(), 200);
    asked_once("fulfill-order, what is pending");
    let refusal = |job| Refusal { job, reason: "too heavy".to_owned() };
    let refusals: Vec<_> = jobs.iter().map(refusal).collect();
    assert_eq!(database.refuse(&refusals).await.unwrap().len(), 200);
    asked_once("fulfill-order, what was refused");
    for size in [1, 10, 200] {
        let wanted = ids[..size].iter();
        let wanted: Vec<_> =
            wanted.map(|&order_id| Notification { order_id, status: Status::Pending }).collect();
        assert_eq!(database.claim(Uuid::new_v4(), &wanted).await.unwrap().len(), size);
        asked_once("notify-customer, what it claims");
        database.settle(wanted[0], &Settlement::NoAddress).await.unwrap();
        asked_once("notify-customer, an outcome");
    }
}

#[tokio::test]
async fn a_product_can_be_ordered_as_soon_as_it_exists() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let aws = aws().await;
    let queue = fulfillment_queue(&aws, queue(&aws).await);
    let mug = test.product("EUR", 1450, 10).await;
    test.sql
        .batch_execute("CREATE TABLE later AS TABLE products; DELETE FROM products")
        .await
        .unwrap();
    let wanted = order(&[(mug, 1)]);
    let refused = app::create_order(&*database, &queue, &wanted, None, &context()).await;
    assert!(matches!(refused, Err(waybill::Error::UnknownProducts(_))), "{refused:?}");
    test.sql.batch_execute("INSERT INTO products TABLE later").await.unwrap();
    app::create_order(&*database, &queue, &wanted, None, &context()).await.unwrap();
}

#[tokio::test]
async fn an_order_is_accepted_though_the_queue_is_down() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let url = "http://127.0.0.1:9/000000000000/jobs".to_owned();
    let queue = fulfillment_queue(&aws_at("http://127.0.0.1:9").await, url);
    let wanted = order(&[(mug, 1)]);
    app::create_order(&*database, &queue, &wanted, None, &context()).await.unwrap();
    assert_eq!((test.rows().await, test.stock(mug).await), ([1, 1, 1], 9));
}

#[tokio::test]
async fn a_product_that_is_not_for_sale_is_refused() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let retired = test.product("EUR", 1450, 10).await;
    test.sql.batch_execute("UPDATE products SET active = false").await.unwrap();
    let aws = aws().await;
    let queue = fulfillment_queue(&aws, queue(&aws).await);
    let wanted = order(&[(retired, 1)]);
    let refused = app::create_order(&*database, &queue, &wanted, None, &context()).await;
    assert!(matches!(refused, Err(waybill::Error::UnknownProducts(_))), "{refused:?}");
}
