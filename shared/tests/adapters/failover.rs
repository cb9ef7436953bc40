//! Connections that no longer work: the server has become read-only, has lost its prepared
//! statements, or the network drops packets.

use std::time::Duration;

use testkit::proxy::{Proxy, authority};
use tokio::net::TcpListener;
use tokio::time::Instant;
use waybill::app::{PlaceOrders, Placement, ReadProduct};
use waybill::domain::OrderId;
use waybill::postgres::Database;
use waybill::{Error, deadline};

use crate::support::{STATEMENTS, TestDatabase, config, context, order};

/// Sets whether new sessions of this database can write.
async fn read_only(test: &TestDatabase, on: bool) {
    let sql = "SELECT format('ALTER DATABASE %I SET default_transaction_read_only = %s',
                             current_database(), $1::boolean)";
    let sql: String = test.sql.query_one(sql, &[&on]).await.unwrap().get(0);
    test.sql
        .batch_execute(&format!("SET default_transaction_read_only = off; {sql}"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_session_on_a_server_that_became_read_only_is_replaced() {
    let test = TestDatabase::new().await;
    let mug = test.product("EUR", 1450, 10).await;
    read_only(&test, true).await;
    let database = test.connect().await;
    read_only(&test, false).await;
    let wanted = order(&[(mug, 1)]);
    let placement = database.place(OrderId::generate(), &wanted, None, &context()).await;
    assert!(matches!(placement, Ok(Placement::Placed(_))), "{placement:?}");
    assert_eq!(test.rows().await, [1, 1, 1]);
}

#[tokio::test]
async fn a_server_that_stays_read_only_is_unavailable_and_serves_again_when_it_can() {
    let test = TestDatabase::new().await;
    let mug = test.product("EUR", 1450, 10).await;
    read_only(&test, true).await;
    let database = test.connect().await;
    let wanted = order(&[(mug, 1)]);
    let refused = database.place(OrderId::generate(), &wanted, None, &context()).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    assert!(database.product(mug).await.unwrap().is_some(), "reads go on");
    read_only(&test, false).await;
    let placement = database.place(OrderId::generate(), &wanted, None, &context()).await;
    assert!(matches!(placement, Ok(Placement::Placed(_))), "{placement:?}");
}

#[tokio::test]
async fn a_session_whose_prepared_statements_are_gone_is_replaced() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    // As a pooler does between two uses of a session.
    test.sql
        .batch_execute(
            "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN DEALLOCATE ALL; RETURN NULL; END $$;
             CREATE TRIGGER forget AFTER INSERT ON orders EXECUTE FUNCTION forget()",
        )
        .await
        .unwrap();
    for _ in 0..3 {
        let wanted = order(&[(mug, 1)]);
        let placement = database.place(OrderId::generate(), &wanted, None, &context()).await;
        assert!(matches!(placement, Ok(Placement::Placed(_))), "{placement:?}");
    }
    assert_eq!((test.rows().await, test.stock(mug).await), ([3, 3, 3], 7));
}

#[tokio::test]
async fn a_plan_whose_result_has_changed_is_made_anew() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    assert!(database.product(mug).await.unwrap().is_some());
    test.sql.batch_execute("ALTER TABLE products ALTER name TYPE varchar(300)").await.unwrap();
    assert!(database.product(mug).await.unwrap().is_some());
}

#[tokio::test]
async fn a_connection_that_the_network_has_forgotten_costs_a_second_and_no_answer() {
    let test = TestDatabase::new().await;
    let proxy = Proxy::to(authority(&test.url)).await;
    let config = config(proxy.instead_of(&test.url));
    let database = Database::connect(&config, STATEMENTS).await.unwrap();
    let mug = test.product("EUR", 1450, 10).await;
    proxy.go_silent();
    let (wanted, context) = (order(&[(mug, 10)]), context());
    let place = database.place(OrderId::generate(), &wanted, None, &context);
    // The time of a whole request.
    let placement = deadline::within(Instant::now() + Duration::from_secs(5), place).await;
    assert!(matches!(placement, Ok(Placement::Placed(_))), "{placement:?}");
    assert_eq!((test.rows().await, test.stock(mug).await), ([1, 1, 1], 0));
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_within_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let mut config = config(format!("postgres://waybill@{address}/waybill?sslmode=disable"));
    config.connect_timeout = Duration::from_millis(100);
    let database = Database::connect(&config, STATEMENTS).await.unwrap();
    let soon = Instant::now() + Duration::from_millis(300);
    let error = deadline::within(soon, database.check()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert!(
        Instant::now() < soon + Duration::from_secs(1),
        "a bound, with room for a slow machine"
    );
}
