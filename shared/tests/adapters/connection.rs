//! Connections that open late, break, or never open.

use std::time::Duration;

use testkit::engine::left_out;
use testkit::proxy::{Proxy, authority};
use testkit::unused_address;
use tokio::net::TcpListener;
use waybill::Error;
use waybill::app::{PlaceOrders, Placement};
use waybill::domain::OrderId;
use waybill::postgres::Database;

use crate::support::{STATEMENTS, TestDatabase, config, context, order};

#[tokio::test]
async fn a_start_waits_for_a_database_that_comes_up_after_it() {
    let test = TestDatabase::new().await;
    let address = unused_address();
    let server = authority(&test.url);
    let url = test.url.replacen(server, &address.to_string(), 1);

    let late = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Proxy::on(TcpListener::bind(address).await.unwrap(), server)
    };
    let config = config(url);
    let (database, _proxy) = tokio::join!(Database::connect(&config, STATEMENTS), late);
    database.unwrap().check().await.unwrap();
}

#[tokio::test]
async fn a_database_that_never_comes_up_is_a_clear_error_within_the_bound() {
    let mut config = config("postgres://waybill@127.0.0.1:9/waybill?sslmode=disable".to_owned());
    config.connect_timeout = Duration::from_millis(200);
    let database = Database::connect(&config, STATEMENTS).await.unwrap();
    let error = database.check().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { dependency: "Postgres", .. }), "{error:?}");
    assert!(error.chain().contains("refused"), "{}", error.chain());
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_opened_anew() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    database.check().await.unwrap();
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'waybill'";
    let ended: i64 = test.sql.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(ended, 1);
    database.check().await.unwrap();
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_answered_and_placed_once() {
    let test = TestDatabase::new().await;
    let proxy = Proxy::to(authority(&test.url)).await;
    let database =
        Database::connect(&config(proxy.instead_of(&test.url)), STATEMENTS).await.unwrap();
    let mug = test.product("EUR", 1450, 10).await;

    proxy.cut_next_answer();
    let id = OrderId::generate();
    let placement = database.place(id, &order(&[(mug, 4)]), None, &context()).await.unwrap();
    assert_eq!(proxy.strikes(), 1);
    assert!(matches!(&placement, Placement::Placed(order) if order.summary.id == id));
    assert_eq!((test.rows().await, test.stock(mug).await), ([1, 1, 1], 6));
}

#[tokio::test]
async fn closing_says_good_bye_to_the_server() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    database.check().await.unwrap();
    database.close().await;
    let sql = "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'waybill'";
    for _ in 0..100 {
        let open: i64 = test.sql.query_one(sql, &[]).await.unwrap().get(0);
        if open == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the connection is still open after two seconds");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_at_once_unless_plaintext_was_asked_for() {
    let test = TestDatabase::new().await;
    let url = test.url.replace("sslmode=disable", "sslmode=prefer");
    assert_ne!(url, test.url);
    let mut config = config(url);
    // The test would hang if it were tried again.
    config.connect_timeout = Duration::from_hours(1);
    let database = Database::connect(&config, STATEMENTS).await.unwrap();
    let error = database.check().await.unwrap_err();
    assert!(error.chain().contains("TLS"), "{}", error.chain());
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_not_waited_for() {
    if left_out("the proxy greets before it knows the database") {
        return;
    }
    let test = TestDatabase::new().await;
    let mut config = config(test.url.replace("test_", "no_such_"));
    config.connect_timeout = Duration::from_hours(1);
    let database = Database::connect(&config, STATEMENTS).await.unwrap();
    let error = database.check().await.unwrap_err();
    assert!(error.chain().contains("does not exist"), "{}", error.chain());
}
