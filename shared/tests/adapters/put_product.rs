//! Putting products: concurrently, while orders are placed, and through the cache.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use testkit::proxy::{Proxy, authority};
use waybill::Error;
use waybill::app::{
    self, CacheProducts, Cached, ChangeOrders, Flights, PlaceOrders, Placement, Precondition, Put,
    PutProduct, PutProducts, ReadOrder, ReadProduct,
};
use waybill::cache::{DynamoDbCache, MemoryCache};
use waybill::domain::{
    Buckets, Currency, Money, NewProduct, OrderId, Product, ProductId, ProductName, Seen, Status,
    Stock, Version, Visible,
};
use waybill::postgres::Database;

use crate::support::{
    STATEMENTS, TestDatabase, aws, aws_at, cache_table, config, context, order, product_cache,
    version,
};

fn mug(currency: &str, minor: i64, stock: i32) -> NewProduct {
    NewProduct {
        name: ProductName::parse("Enamel mug").unwrap(),
        price: Money::new(minor, Currency::parse(currency).unwrap()).unwrap(),
        stock: Stock::new(stock).unwrap(),
        buckets: None,
        active: true,
    }
}

fn unchanged(product: &Product) -> Precondition {
    Precondition::Unchanged(Seen { version: product.version, stock: Some(product.stock) })
}

fn new_id() -> ProductId {
    ProductId::from(uuid::Uuid::now_v7())
}

async fn created(database: &Database, product: &NewProduct) -> Product {
    let put = database.put(new_id(), product, Precondition::Absent).await.unwrap();
    let Put::Created(product) = put else { panic!("{put:?}") };
    product
}

async fn placed(database: &Database, product: ProductId, pieces: i64) -> OrderId {
    let id = OrderId::generate();
    let placement = database.place(id, &order(&[(product, pieces)]), None, &context()).await;
    assert!(matches!(placement, Ok(Placement::Placed(_))), "{placement:?}");
    id
}

async fn cancelled(database: &Database, id: OrderId) {
    let change = database.change(Visible::All, id, Status::Cancelled, None, &context()).await;
    assert!(change.unwrap().unwrap().made);
}

#[tokio::test]
async fn a_product_is_created_once_and_then_replaced() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let first = created(&database, &mug("EUR", 1450, 10)).await;
    assert_eq!((first.version, first.stock.get(), first.price.minor()), (version(1), 10, 1450));
    assert_eq!(database.product(first.id).await.unwrap(), Some(first.clone()));

    let again = database.put(first.id, &mug("EUR", 1, 1), Precondition::Absent).await.unwrap();
    assert_eq!(again, Put::Refused(Some(first.clone())));

    let dearer = NewProduct { active: false, ..mug("CHF", 1550, 12) };
    let put = database.put(first.id, &dearer, unchanged(&first)).await.unwrap();
    let Put::Replaced(second) = put else { panic!("{put:?}") };
    assert!(dearer.describes(&second));
    assert_eq!((second.version, second.stock.get()), (version(2), 12));
    assert!(second.updated_at > first.updated_at);
    assert_eq!(database.product(first.id).await.unwrap(), Some(second.clone()));

    let late = database.put(first.id, &mug("EUR", 1, 1), unchanged(&first)).await.unwrap();
    assert_eq!(late, Put::Refused(Some(second)));
    let nothing = database.put(new_id(), &mug("EUR", 1, 1), unchanged(&first)).await.unwrap();
    assert_eq!(nothing, Put::Refused(None));
    assert_eq!(test.books().await.discrepancies, []);
}

/// One connection for each editor, so that their statements overlap.
async fn staff(test: &TestDatabase) -> Vec<Arc<Database>> {
    join_all((0..20).map(|_| test.connect())).await
}

#[tokio::test]
async fn of_twenty_who_create_one_product_at_once_one_does() {
    let test = TestDatabase::new().await;
    let staff = staff(&test).await;
    for _ in 0..5 {
        let id = new_id();
        let puts = staff.iter().enumerate().map(async |(n, database)| {
            let product = mug("EUR", 1450, i32::try_from(n).unwrap());
            database.put(id, &product, Precondition::Absent).await.unwrap()
        });
        let puts = join_all(puts).await;
        let created: Vec<_> = puts
            .iter()
            .filter_map(|put| if let Put::Created(it) = put { Some(it) } else { None })
            .collect();
        let refused = puts.iter().filter(|put| matches!(put, Put::Refused(_))).count();
        assert_eq!((created.len(), refused), (1, 19), "{puts:?}");
        assert_eq!(staff[0].product(id).await.unwrap().as_ref(), Some(created[0]));
    }
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn of_twenty_who_replace_what_they_saw_one_does() {
    let test = TestDatabase::new().await;
    let staff = staff(&test).await;
    let mut seen = created(&staff[0], &mug("EUR", 1450, 10)).await;
    for _ in 0..5 {
        let puts = staff.iter().enumerate().map(async |(n, database)| {
            let product = mug("EUR", i64::try_from(n).unwrap(), 10);
            database.put(seen.id, &product, unchanged(&seen)).await.unwrap()
        });
        let puts = join_all(puts).await;
        let refused = puts.iter().filter(|put| matches!(put, Put::Refused(Some(_)))).count();
        assert_eq!(refused, 19, "{puts:?}");
        let version = seen.version;
        seen = staff[0].product(seen.id).await.unwrap().unwrap();
        assert_eq!(seen.version, version.next());
        assert!(puts.contains(&Put::Replaced(seen.clone())));
    }
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn what_was_sold_since_an_editor_looked_stays_sold() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let seen = created(&database, &mug("EUR", 1450, 10)).await;
    placed(&database, seen.id, 3).await;
    // Only the price was edited.
    let put = database.put(seen.id, &mug("EUR", 1550, 10), unchanged(&seen)).await.unwrap();
    let Put::Replaced(now) = put else { panic!("{put:?}") };
    assert_eq!((now.stock.get(), now.price.minor()), (7, 1550));

    // The editor adds five; since then two were sold and one was returned.
    let three = placed(&database, seen.id, 2).await;
    placed(&database, seen.id, 1).await;
    let before = database.product(seen.id).await.unwrap().unwrap();
    cancelled(&database, three).await;
    let put =
        database.put(seen.id, &mug("EUR", 1550, before.stock.get() + 5), unchanged(&before)).await;
    assert!(
        matches!(put.unwrap(), Put::Replaced(now) if now.stock.get() == before.stock.get() + 5 + 2)
    );
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn stock_that_was_counted_anew_is_set_whatever_was_sold() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let seen = created(&database, &mug("EUR", 1450, 10)).await;
    placed(&database, seen.id, 3).await;
    let counted = Precondition::Unchanged(Seen { version: version(1), stock: None });
    let put = database.put(seen.id, &mug("EUR", 1450, 20), counted).await.unwrap();
    assert!(matches!(put, Put::Replaced(now) if now.stock.get() == 20));
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn a_change_that_would_leave_less_than_nothing_or_too_much_is_refused() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let aws = aws().await;
    let cache = product_cache(&aws, cache_table(&aws).await);
    let seen = created(&database, &mug("EUR", 1450, 10)).await;
    let sold = placed(&database, seen.id, 4).await;
    let put = async |stock, seen: &Product| {
        let product = mug("EUR", 1550, stock);
        app::put_product(&cache, &*database, seen.id, &product, unchanged(seen)).await
    };
    // The editor leaves three of ten, but four are already sold.
    let refused = put(3, &seen).await;
    assert!(
        matches!(refused, Err(Error::StockTaken { version: Version::FIRST, stock }) if stock.get() == 6),
        "{refused:?}"
    );
    // The next read sees it.
    let Some(Cached::Found(fresh)) = cache.recall(&[seen.id]).await.remove(&seen.id) else {
        panic!("not remembered")
    };
    assert_eq!(Some(&fresh), database.product(seen.id).await.unwrap().as_ref());
    assert_eq!(put(0, &fresh).await.unwrap().product.stock.get(), 0);

    // The same at the upper end of an integer.
    let most = created(&database, &mug("EUR", 1450, 1)).await;
    let given_back = placed(&database, most.id, 1).await;
    let none = database.product(most.id).await.unwrap().unwrap();
    cancelled(&database, given_back).await;
    let refused = put(i32::MAX, &none).await;
    assert!(
        matches!(refused, Err(Error::StockTaken { version: Version::FIRST, stock }) if stock.get() == 1),
        "{refused:?}"
    );
    cancelled(&database, sold).await;
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn an_order_keeps_the_price_and_the_currency_of_its_time() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let seen = created(&database, &mug("EUR", 1450, 10)).await;
    let old = placed(&database, seen.id, 2).await;
    let put = database.put(seen.id, &mug("CHF", 1500, 10), unchanged(&seen)).await.unwrap();
    assert!(matches!(put, Put::Replaced(_)));
    let new = placed(&database, seen.id, 2).await;
    for (id, minor, currency) in [(old, 2900, "EUR"), (new, 3000, "CHF")] {
        let order = database.order(Visible::to(&context().caller), id).await.unwrap().unwrap();
        let total = order.summary.total;
        assert_eq!((total.minor(), total.currency().as_str()), (minor, currency));
    }
}

/// The statement begins while `stocked` is small, and gets the lock when it is larger.
#[tokio::test]
async fn a_product_is_put_by_the_books_as_they_are_when_its_turn_comes() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let seen = created(&database, &mug("EUR", 1450, 1)).await;
    test.begin("UPDATE products SET stock = 40, stocked = 40").await;
    let fewer = mug("EUR", 1450, 5);
    let now = Precondition::Unchanged(Seen { version: seen.version, stock: None });
    let put = database.put(seen.id, &fewer, now);
    let (put, ()) = tokio::join!(put, test.commit_once_somebody_waits());
    assert!(matches!(put.unwrap(), Put::Replaced(product) if product.stock.get() == 5));
    assert_eq!(test.books().await.discrepancies, []);
}

/// A small pseudo-random generator (xorshift), the same in every run.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[tokio::test]
async fn the_books_balance_whatever_staff_and_customers_do_at_once() {
    busy_day(|_| None).await;
}

#[tokio::test]
async fn the_books_balance_while_staff_change_the_number_of_buckets() {
    busy_day(|dice| {
        // As it is, one, few or all.
        let numbers = [None, Some(1), Some(3), Some(16), Some(64)];
        numbers[usize::try_from(dice.up_to(5)).unwrap()].and_then(Buckets::new)
    })
    .await;
}

/// Twenty people place, cancel and put one product. `buckets` says in how many buckets to put it.
async fn busy_day(buckets: impl Fn(&mut Dice) -> Option<Buckets>) {
    let buckets = &buckets;
    let test = TestDatabase::new().await;
    let people = staff(&test).await;
    let seen = created(&people[0], &mug("EUR", 1450, 30)).await;
    let id = seen.id;
    let busy = people.iter().zip(1..).map(async |(database, seed)| {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (mut orders, mut done) = (Vec::new(), [0; 3]);
        for _ in 0..15 {
            match dice.up_to(3) {
                0 => {
                    let new = OrderId::generate();
                    let pieces = i64::try_from(1 + dice.up_to(4)).unwrap();
                    let wanted = order(&[(id, pieces)]);
                    match database.place(new, &wanted, None, &context()).await.unwrap() {
                        Placement::Placed(_) => {
                            orders.push(new);
                            done[0] += 1;
                        }
                        refused => assert!(matches!(refused, Placement::Refused(_)), "{refused:?}"),
                    }
                }
                1 => {
                    if let Some(order) = orders.pop() {
                        cancelled(database, order).await;
                        done[1] += 1;
                    }
                }
                _ => {
                    let seen = database.product(id).await.unwrap().unwrap();
                    let mut product = mug("EUR", 1450, i32::try_from(dice.up_to(40)).unwrap());
                    product.buckets = buckets(&mut dice);
                    let put = database.put(id, &product, unchanged(&seen)).await.unwrap();
                    done[2] += i32::from(matches!(put, Put::Replaced(_)));
                }
            }
        }
        done
    });
    let done = join_all(busy).await;
    let [placed, cancelled, put] =
        [0, 1, 2].map(|n| done.iter().map(|counts| counts[n]).sum::<i32>());
    eprintln!("{placed} orders placed, {cancelled} cancelled, {put} puts");
    assert!(placed > 0 && cancelled > 0 && put > 0);
    assert_eq!(test.books().await.discrepancies, []);
    let version = people[0].product(id).await.unwrap().unwrap().version;
    assert_eq!(version.get(), i64::from(1 + put));
}

#[tokio::test]
async fn a_put_is_one_round_trip_and_one_whose_answer_was_lost_is_answered_and_made_once() {
    let test = TestDatabase::new().await;
    let proxy = Proxy::to(authority(&test.url)).await;
    let database =
        Database::connect(&config(proxy.instead_of(&test.url)), STATEMENTS).await.unwrap();
    proxy.forget();
    created(&database, &mug("EUR", 1, 1)).await;
    assert_eq!(proxy.postgres_round_trips(), 1);

    proxy.cut_next_answer();
    let first = created(&database, &mug("EUR", 1450, 10)).await;
    proxy.cut_next_answer();
    let put = database.put(first.id, &mug("EUR", 1550, 12), unchanged(&first)).await.unwrap();
    let Put::Replaced(second) = put else { panic!("{put:?}") };
    assert_eq!((second.version, second.stock.get(), second.price.minor()), (version(2), 12, 1550));
    // Somebody else's change is not taken for one's own.
    proxy.cut_next_answer();
    let late = database.put(first.id, &mug("EUR", 99, 12), unchanged(&first)).await.unwrap();
    assert_eq!(late, Put::Refused(Some(second)));
    assert_eq!(proxy.strikes(), 3);
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn a_change_is_seen_here_at_once_and_by_other_processes_within_seconds() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let aws = aws().await;
    let table = cache_table(&aws).await;
    let process = async || MemoryCache::in_front_of(product_cache(&aws, table.clone()));
    let (here, there) = (process().await, process().await);
    let id = new_id();
    let read = async |cache: &MemoryCache<DynamoDbCache>| {
        let read = app::get_product(&Flights::default(), cache, &*database, id).await;
        read.ok().map(|product| product.price.minor())
    };
    // Both cache that it is missing.
    assert_eq!((read(&here).await, read(&there).await), (None, None));
    let put =
        app::put_product(&here, &*database, id, &mug("EUR", 1, 5), Precondition::Absent).await;
    let PutProduct { product: first, created: true } = put.unwrap() else { panic!("not new") };
    assert_eq!(read(&here).await, Some(1));
    seen_within_seconds(async || read(&there).await == Some(1)).await;

    app::put_product(&here, &*database, id, &mug("EUR", 2, 5), unchanged(&first)).await.unwrap();
    assert_eq!((read(&here).await, read(&there).await), (Some(2), Some(1)));
    // A late write of the first version does not replace the second.
    here.remember(id, Cached::Found(first.clone())).await;
    assert_eq!(read(&here).await, Some(2));
    seen_within_seconds(async || read(&there).await == Some(2)).await;
    // Neither process asked Postgres.
    test.sql.batch_execute("DELETE FROM products").await.unwrap();
    assert_eq!(read(&process().await).await, Some(2));
}

/// Waits for `probe`, a little longer than a product stays in memory.
async fn seen_within_seconds(mut probe: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !probe().await {
        assert!(Instant::now() < deadline, "not seen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_product_is_put_though_the_cache_is_down() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let aws = aws_at("http://127.0.0.1:9").await;
    let cache = MemoryCache::in_front_of(product_cache(&aws, "gone".to_owned()));
    let id = new_id();
    let put =
        app::put_product(&cache, &*database, id, &mug("EUR", 1, 5), Precondition::Absent).await;
    assert_eq!(Some(put.unwrap().product), database.product(id).await.unwrap());
}
