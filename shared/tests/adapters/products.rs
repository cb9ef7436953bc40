//! Reading products, with and without the cache.

use waybill::Error;
use waybill::app::{self, Flights, ListProducts, PageCache, ReadProduct};
use waybill::cache::MemoryCache;
use waybill::domain::ProductId;

use crate::support::{TestDatabase, aws, cache_table, first_products, product_cache};

#[tokio::test]
async fn a_list_has_what_can_be_ordered() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let first = test.product("EUR", 1450, 10).await;
    let sold_out = test.product("EUR", 1450, 0).await;
    let retired = test.product("EUR", 1450, 10).await;
    let sql = "UPDATE products SET active = false WHERE id = $1";
    test.sql.execute(sql, &[&retired.as_uuid()]).await.unwrap();

    let ids = |limit| {
        let database = &database;
        async move {
            let page = database.products(&first_products(limit)).await.unwrap();
            page.entries.into_iter().map(|product| product.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(ids(10).await, [first, sold_out]);
    assert_eq!(ids(1).await, [first]);
    // It can still be read.
    assert!(!database.product(retired).await.unwrap().unwrap().active);
}

#[tokio::test]
async fn a_product_is_read_once_and_then_served_from_the_cache() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let aws = aws().await;
    let table = cache_table(&aws).await;
    let mug = test.product("EUR", 1450, 10).await;
    let process = async || MemoryCache::in_front_of(product_cache(&aws, table.clone()));

    let read =
        app::get_product(&Flights::default(), &process().await, &*database, mug).await.unwrap();
    assert_eq!(read.price.minor(), 1450);
    test.sql.batch_execute("DELETE FROM products").await.unwrap();
    // Another process, with an empty memory.
    assert_eq!(
        app::get_product(&Flights::default(), &process().await, &*database, mug).await.unwrap(),
        read
    );
}

#[tokio::test]
async fn the_absence_of_a_product_is_remembered_too() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let aws = aws().await;
    let cache = product_cache(&aws, cache_table(&aws).await);
    let id = ProductId::from(uuid::Uuid::now_v7());
    for _ in 0..2 {
        let product = app::get_product(&Flights::default(), &cache, &*database, id).await;
        assert!(matches!(product, Err(Error::ProductNotFound)), "{product:?}");
        // From here on Postgres has it.
        let sql = "INSERT INTO products (id, name, currency, price_minor, stock, stocked)
                   VALUES ($1, 'Late', 'EUR', 1, 1, 1) ON CONFLICT DO NOTHING";
        test.sql.execute(sql, &[&id.as_uuid()]).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_cache_products_are_served_all_the_same() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let aws = crate::support::aws_at("http://127.0.0.1:9").await;
    let cache = product_cache(&aws, "gone".to_owned());
    assert_eq!(
        app::get_product(&Flights::default(), &cache, &*database, mug).await.unwrap().id,
        mug
    );
}

#[tokio::test]
async fn a_page_is_read_once_in_a_few_seconds() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let pages = PageCache::default();
    let ids = async |limit| {
        let page = app::list_products(&pages, &*database, &first_products(limit)).await.unwrap();
        page.entries.iter().map(|product| product.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(5).await, [mug]);
    test.sql.batch_execute("DELETE FROM products").await.unwrap();
    assert_eq!(ids(5).await, [mug]);
    // A page of another size is another page.
    assert_eq!(ids(6).await, []);
}
