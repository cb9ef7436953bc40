//! The role of each function: its statements run, and nothing else does.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::Duration;

use bytes::BytesMut;
use testkit::engine::left_out;
use testkit::proxy::authority;
use tokio::sync::Mutex;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use waybill::app::{
    ChangeOrders, Claim, ConfirmOrders, FulfillmentJob, Jobs, KeepNotifications, KeepOutbox,
    ListOrders, ListProducts, Notification, PlaceOrders, Placement, Precondition, Put, PutProducts,
    ReadOrder, ReadProduct, Refusal, RefuseOrders, Settled, Settlement,
};
use waybill::config::DatabaseConfig;
use waybill::domain::{
    Buckets, Currency, IdempotencyKey, Money, NewProduct, Order, OrderId, ProductId, ProductName,
    Seen, Status, Stock, Visible,
};
use waybill::postgres::functions::{self, Function};
use waybill::postgres::{Database, roles};

use crate::support::{TestDatabase, config, context, first_orders, first_products, order};

/// Why a test is left out on the stand-in: every login there gets the same role.
const ONE_ROLE: &str = "the proxy connects as one role";

/// The password of the roles here. On DSQL they log in with tokens.
const PASSWORD: &str = "of-a-role";

/// Null, for an argument of any type.
#[derive(Debug)]
struct Null;

impl ToSql for Null {
    fn to_sql(&self, _: &Type, _: &mut BytesMut) -> Result<IsNull, waybill::BoxError> {
        Ok(IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Roles belong to the server, so tests that run at the same time make the same ones.
static ROLES: Mutex<()> = Mutex::const_new(());

/// A database with the role of each function.
struct World {
    test: TestDatabase,
}

impl World {
    async fn new() -> Self {
        let test = TestDatabase::new().await;
        let world = Self { test };
        let _one_at_a_time = ROLES.lock().await;
        world.update().await;
        for function in functions::ALL {
            let sql = format!("ALTER ROLE {} PASSWORD '{PASSWORD}'", function.role());
            world.test.sql.batch_execute(&sql).await.unwrap();
        }
        world
    }

    async fn update(&self) {
        let wanted: Vec<_> = functions::ALL.iter().map(|function| (*function, None)).collect();
        roles::update(&self.test.config(), &wanted).await.unwrap();
    }

    /// How a function logs in.
    fn config(&self, function: &Function) -> DatabaseConfig {
        let server = authority(&self.test.url);
        let (_, database) = self.test.url.split_once(server).unwrap();
        config(format!("postgres://{}:{PASSWORD}@{server}{database}", function.role()))
    }

    /// The adapter, as a function connects it.
    async fn of(&self, function: &'static Function) -> Database {
        Database::connect(&self.config(function), function.statements).await.unwrap()
    }

    /// A connection as the role of a function.
    async fn sql(&self, function: &Function) -> Client {
        let (client, connection) =
            tokio_postgres::connect(&self.config(function).url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// All tables of the schema.
    async fn tables(&self) -> Vec<String> {
        let sql = "SELECT relname::text FROM pg_class
                   WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1";
        let rows = self.test.sql.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// Whether the server refused this for want of a privilege.
async fn is_denied(client: &Client, sql: &str) -> bool {
    let statement = match client.prepare(sql).await {
        Ok(statement) => statement,
        Err(error) => return denies(&error),
    };
    let nulls: Vec<_> = statement.params().iter().map(|_| &Null as &(dyn ToSql + Sync)).collect();
    client.query(&statement, &nulls).await.err().is_some_and(|error| denies(&error))
}

fn denies(error: &tokio_postgres::Error) -> bool {
    let code = error.code().map(tokio_postgres::error::SqlState::code);
    assert!(code.is_some(), "{error} {:?}", error.source());
    code == Some("42501")
}

fn mug(buckets: Option<Buckets>) -> NewProduct {
    NewProduct {
        name: ProductName::parse("Enamel mug").unwrap(),
        price: Money::new(1450, Currency::parse("EUR").unwrap()).unwrap(),
        stock: Stock::new(10).unwrap(),
        buckets,
        active: true,
    }
}

async fn placed(database: &Database, product: ProductId) -> Order {
    let (id, wanted) = (OrderId::generate(), order(&[(product, 2)]));
    let key = IdempotencyKey::parse(&id.as_uuid().to_string()).unwrap();
    let claim = Claim { key, request_hash: [1; 32] };
    let context = context();
    match database.place(id, &wanted, Some(&claim), &context).await.unwrap() {
        Placement::Placed(order) => order,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_function_does_its_work_under_its_own_role() {
    if left_out(ONE_ROLE) {
        return;
    }
    let world = World::new().await;
    let context = context();

    let id = ProductId::from(Uuid::now_v7());
    let put_product = world.of(&functions::PUT_PRODUCT).await;
    let put = put_product.put(id, &mug(None), Precondition::Absent).await.unwrap();
    let Put::Created(product) = put else { panic!("{put:?}") };
    let seen = Seen { version: product.version, stock: Some(product.stock) };
    let put = put_product.put(id, &mug(None), Precondition::Unchanged(seen)).await.unwrap();
    assert!(matches!(put, Put::Replaced(_)), "{put:?}");
    assert!(world.of(&functions::GET_PRODUCT).await.product(id).await.unwrap().is_some());
    let list_products = world.of(&functions::LIST_PRODUCTS).await;
    assert_eq!(list_products.products(&first_products(10)).await.unwrap().entries.len(), 1);

    let create_order = world.of(&functions::CREATE_ORDER).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(placed(&create_order, id).await);
    }
    assert_eq!(world.test.stock(id).await, 4);
    let [confirmed, refused, canceled] = &orders[..] else { panic!("{orders:?}") };
    let get_order = world.of(&functions::GET_ORDER).await;
    let found = get_order.order(Visible::All, confirmed.summary.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(confirmed));
    let list_orders = world.of(&functions::LIST_ORDERS).await;
    assert_eq!(list_orders.orders(Visible::All, &first_orders(10)).await.unwrap().entries.len(), 3);

    let fulfill_order = world.of(&functions::FULFILL_ORDER).await;
    let job = |order| FulfillmentJob::new(order, &context);
    let ids = [confirmed.summary.id, refused.summary.id];
    assert_eq!(fulfill_order.statuses(&ids).await.unwrap().len(), 2);
    let refusal = Refusal { job: &job(refused), reason: "too heavy".to_owned() };
    assert_eq!(fulfill_order.refuse(&[refusal]).await.unwrap().len(), 1);
    assert_eq!(fulfill_order.confirm(&[job(confirmed)]).await.unwrap().len(), 1);
    let events = fulfill_order.claim_events(2).await.unwrap();
    let sent = Settled { done: events.iter().map(|it| it.id).collect(), ..Settled::default() };
    KeepOutbox::settle(&fulfill_order, &sent).await.unwrap();

    // The same with stock in buckets.
    let in_two = mug(Some(Buckets::new(2).unwrap()));
    let product = ProductId::from(Uuid::now_v7());
    let put = put_product.put(product, &in_two, Precondition::Absent).await.unwrap();
    assert!(matches!(put, Put::Created(_)), "{put:?}");
    let bucketed = placed(&create_order, product).await;

    let cancel_order = world.of(&functions::CANCEL_ORDER).await;
    let from_buckets = bucketed.summary.id;
    let change =
        cancel_order.change(Visible::All, from_buckets, Status::Cancelled, None, &context).await;
    assert!(change.unwrap().unwrap().made);
    assert_eq!(world.test.stock(product).await, 10);
    let (id_of, all) = (canceled.summary.id, Visible::All);
    let change = cancel_order.change(all, id_of, Status::Cancelled, None, &context).await;
    assert!(change.unwrap().unwrap().made);
    assert_eq!(world.test.stock(id).await, 6);
    let update = world.of(&functions::UPDATE_ORDER_STATUS).await;
    let shipped = update.change(all, confirmed.summary.id, Status::Shipped, None, &context).await;
    assert!(shipped.unwrap().unwrap().made);

    let relay_outbox = world.of(&functions::RELAY_OUTBOX).await;
    let unsent = Jobs::Unsent { overdue: Duration::ZERO };
    assert!(relay_outbox.claim_jobs(unsent, 10).await.unwrap().is_empty(), "within their grace");
    let events = relay_outbox.claim_events(10).await.unwrap();
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    let [first, second, rest @ ..] = &ids[..] else { panic!("{ids:?}") };
    let settled = Settled {
        done: rest.to_vec(),
        again: vec![(*first, Duration::from_secs(1))],
        untried: vec![*second],
    };
    KeepOutbox::settle(&relay_outbox, &settled).await.unwrap();
    assert_eq!(relay_outbox.forget_old_keys().await.unwrap(), 0);

    let notify_customer = world.of(&functions::NOTIFY_CUSTOMER).await;
    let mail = Notification { order_id: confirmed.summary.id, status: Status::Shipped };
    assert_eq!(notify_customer.claim(Uuid::new_v4(), &[mail]).await.unwrap().len(), 1);
    KeepNotifications::settle(&notify_customer, mail, &Settlement::NoAddress).await.unwrap();

    world.of(&functions::HEALTH).await.check().await.unwrap();
    assert!(world.test.books().await.discrepancies.is_empty());
}

#[tokio::test]
async fn what_a_function_has_no_statement_for_is_refused() {
    if left_out(ONE_ROLE) {
        return;
    }
    let world = World::new().await;
    let tables = world.tables().await;
    assert!(tables.len() > 8, "{tables:?}");
    for function in functions::ALL {
        let client = world.sql(function).await;
        let grants = function.grants();
        for table in &tables {
            let column: String = world
                .test
                .sql
                .query_one(
                    "SELECT attname::text FROM pg_attribute
                     WHERE attrelid = $1::text::regclass AND attnum = 1",
                    &[table],
                )
                .await
                .unwrap()
                .get(0);
            for (privilege, sql) in [
                ("SELECT", format!("SELECT FROM {table} LIMIT 0")),
                ("INSERT", format!("INSERT INTO {table} DEFAULT VALUES")),
                ("UPDATE", format!("UPDATE {table} SET {column} = DEFAULT WHERE false")),
                ("DELETE", format!("DELETE FROM {table} WHERE false")),
                ("TRUNCATE", format!("TRUNCATE {table}")),
                ("REFERENCES", format!("ALTER TABLE {table} ADD COLUMN more integer")),
            ] {
                let granted = grants.contains(&(table.as_str(), privilege));
                let denied = is_denied(&client, &sql).await;
                assert_eq!(denied, !granted, "{}: {sql}", function.name);
            }
        }
        for sql in ["CREATE TABLE mine (id integer)", "CREATE ROLE another"] {
            assert!(is_denied(&client, sql).await, "{}: {sql}", function.name);
        }
    }
}

#[tokio::test]
async fn a_function_is_granted_nothing_that_its_statements_do_without() {
    if left_out(ONE_ROLE) {
        return;
    }
    let world = World::new().await;
    for function in functions::ALL {
        let client = world.sql(function).await;
        for statement in function.all_statements() {
            assert!(!is_denied(&client, statement).await, "{}: {statement}", function.name);
        }
        for (table, privilege) in function.grants() {
            let role = function.role();
            let change = async |sql: String| world.test.sql.batch_execute(&sql).await.unwrap();
            change(format!("REVOKE {privilege} ON {table} FROM {role}")).await;
            let mut needed = false;
            for statement in function.all_statements() {
                needed |= is_denied(&client, statement).await;
            }
            assert!(needed, "{} does without {privilege} on {table}", function.name);
            change(format!("GRANT {privilege} ON {table} TO {role}")).await;
        }
    }
}

#[tokio::test]
async fn what_was_granted_by_hand_is_taken_back_and_what_is_missing_is_given() {
    if left_out(ONE_ROLE) {
        return;
    }
    let world = World::new().await;
    let role = functions::GET_PRODUCT.role();
    let granted = async || {
        let sql = "SELECT table_name::text, privilege_type::text
                   FROM information_schema.table_privileges WHERE grantee::text = $1";
        let rows = world.test.sql.query(sql, &[&role]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect::<BTreeSet<(String, String)>>()
    };
    let own = ["products", "stock_buckets"].map(|table| (table.to_owned(), "SELECT".to_owned()));
    let own = BTreeSet::from(own);
    assert_eq!(granted().await, own);
    world
        .test
        .sql
        .batch_execute(&format!(
            "GRANT DELETE, TRUNCATE ON orders TO {role}; REVOKE SELECT ON products FROM {role}"
        ))
        .await
        .unwrap();
    assert_ne!(granted().await, own);
    world.update().await;
    assert_eq!(granted().await, own);
}
