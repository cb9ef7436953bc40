//! Connects to Postgres, prepares the statement that places an order, and runs it once: what a start
//! costs without Waybill, for `make bench`.

use std::error::Error;

use tokio_postgres::NoTls;
use tokio_postgres::types::Type;
use uuid::Uuid;
use waybill::domain::OrderId;
use waybill::postgres::PLACE_ORDER;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: bare_statement <url> <product id>");
    let (url, product) = (argument()?, argument()?.parse::<Uuid>()?);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    let statement = client.prepare(PLACE_ORDER).await?;
    assert_eq!(statement.params().first(), Some(&Type::UUID));
    let id = Uuid::now_v7();
    let number = OrderId::from(id).number();
    let rows = client
        .query(
            &statement,
            &[
                &id,
                &number.as_str(),
                &"bench",
                &"Ada Lovelace",
                &"ada@example.com",
                &"bench",
                &vec![product],
                &vec![1_i32],
                &None::<&str>,
                &60.0_f64,
                &None::<&str>,
                &"POST /orders",
                &None::<&[u8]>,
                &86_400.0_f64,
                &i32::MAX,
                &i32::MAX,
                &Uuid::nil(),
                &None::<&str>,
            ],
        )
        .await?;
    match rows.first().map(|row| row.get("outcome")) {
        Some("placed") => Ok(()),
        other => Err(format!("the order was not placed: {other:?}").into()),
    }
}
