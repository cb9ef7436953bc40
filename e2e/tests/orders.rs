//! Orders, from the request to the confirmation.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use e2e::{Stack, order_for, unique};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

fn id_of(order: &Value) -> &str {
    order["id"].as_str().unwrap()
}

async fn alter(stack: &Stack, product: Uuid, assignments: &str) {
    let statement =
        format!("UPDATE products SET {assignments}, version = version + 1 WHERE id = $1");
    stack.database.execute(&statement, &[&product]).await.unwrap();
}

#[tokio::test]
async fn an_order_is_pending_when_placed_and_confirmed_by_fulfillment() {
    let stack = Stack::connect().await;
    let (pens, ink) = (stack.stock_product(10).await, stack.stock_product(10).await);

    let correlation_id = unique("placed");
    let answer = stack.post_order_as(&correlation_id, &order_for(&[(pens, 2), (ink, 1)])).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let placed = &answer.body;
    let id = id_of(placed);
    assert_eq!(answer.header("location"), format!("orders/{id}"));
    let followed = stack.follow(answer.resolve(answer.header("location"))).await;
    assert_eq!((followed.status, &followed.body["id"]), (200, &placed["id"]), "{followed:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(placed["status"], "pending");
    assert_eq!(placed["customer_name"], "Ada Lovelace");
    assert_eq!(placed["customer_email"], "ada@example.com");
    assert_eq!((&placed["total_minor"], &placed["currency"]), (&json!(3750), &json!("EUR")));
    assert_eq!(
        placed["items"],
        json!([
            { "product_id": pens, "name": format!("Test product {pens}"), "quantity": 2,
              "unit_price_minor": 1250, "line_total_minor": 2500 },
            { "product_id": ink, "name": format!("Test product {ink}"), "quantity": 1,
              "unit_price_minor": 1250, "line_total_minor": 1250 },
        ])
    );
    let [first] = &placed["history"].as_array().unwrap()[..] else { panic!("{placed}") };
    assert_eq!((&first["from"], &first["to"]), (&Value::Null, &json!("pending")));
    assert_eq!((stack.stock_of(pens).await, stack.stock_of(ink).await), (8, 9));

    let confirmed = stack.confirmed(id).await;
    for same in ["id", "number", "items", "total_minor", "created_at"] {
        assert_eq!(confirmed[same], placed[same], "{same}");
    }
    assert_eq!(confirmed["history"][0], *first);
    assert_eq!(confirmed["history"][1]["from"], "pending");
    assert_eq!(confirmed["history"][1]["to"], "confirmed");
    assert_eq!(confirmed["history"][1]["correlation_id"], correlation_id);
    assert_eq!(confirmed["history"].as_array().unwrap().len(), 2);
    assert!(confirmed["version"].as_i64() > placed["version"].as_i64());
}

#[tokio::test]
async fn order_numbers_begin_with_the_day_and_sort_by_age() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(2).await;
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let placed = stack.place(&[(product, 1)]).await;
        let day = placed["created_at"].as_str().unwrap()[..10].replace('-', "");
        let number = placed["number"].as_str().unwrap().to_owned();
        assert!(number.starts_with(&format!("ORD-{day}-")), "{number}");
        assert_eq!(number.len(), "ORD-20260221-A9JW0-0Z5SN-T190N".len());
        numbers.push(number);
        assert_eq!(Uuid::parse_str(id_of(&placed)).unwrap().get_version_num(), 7);
    }
    assert!(numbers[0] < numbers[1], "{numbers:?}");
}

#[tokio::test]
async fn orders_are_listed_newest_first_without_their_items() {
    let stack = Stack::connect().await.as_new_customer();
    let product = stack.stock_product(3).await;
    let mut placed = Vec::new();
    for _ in 0..3 {
        placed.push(stack.place(&[(product, 1)]).await);
    }

    let answer = stack.get("/orders?limit=100").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let listed = answer.body["orders"].as_array().unwrap();
    let ids: Vec<_> = listed.iter().map(id_of).collect();
    let expected: Vec<_> = placed.iter().rev().map(id_of).collect();
    assert_eq!(ids, expected);

    let summary = listed.iter().find(|order| order["id"] == placed[0]["id"]).unwrap();
    assert_eq!(summary["number"], placed[0]["number"]);
    assert_eq!(summary["total_minor"], 1250);
    assert_eq!(summary["item_count"], 1);
    assert!(summary.get("items").is_none() && summary.get("history").is_none(), "{summary}");
}

#[tokio::test]
async fn a_list_has_ten_orders_by_default() {
    let stack = Stack::connect().await.as_new_customer();
    let product = stack.stock_product(11).await;
    for _ in 0..11 {
        stack.place(&[(product, 1)]).await;
    }
    for (path, length) in [("/orders", 10), ("/orders?limit=1", 1), ("/orders?limit=11", 11)] {
        let answer = stack.get(path).await;
        assert_eq!(answer.body["orders"].as_array().unwrap().len(), length, "{path}");
    }
}

#[tokio::test]
async fn an_order_that_does_not_exist_is_not_found() {
    let stack = Stack::connect().await;
    let answer = stack.get(&format!("/orders/{}", Uuid::now_v7())).await;
    answer.assert_problem(404, "order-not-found");
}

#[tokio::test]
async fn an_order_for_an_unknown_product_names_it_and_stores_nothing() {
    let stack = Stack::connect().await;
    let (known, unknown) = (stack.stock_product(5).await, Uuid::now_v7());
    // Once more, when the product is known to be missing.
    for _ in 0..2 {
        let correlation_id = unique("unknown-product");
        let order = order_for(&[(known, 1), (unknown, 1)]);
        let answer = stack.post_order_as(&correlation_id, &order).await;
        answer.assert_problem(404, "unknown-product");
        assert!(answer.body.to_string().contains(&unknown.to_string()), "{answer:?}");
        assert!(!answer.body.to_string().contains(&known.to_string()), "{answer:?}");
        assert_eq!(stack.orders_placed_under(&correlation_id).await, 0);
    }
    assert_eq!(stack.stock_of(known).await, 5);
    assert_eq!(stack.orders_with(known).await, 0);
}

#[tokio::test]
async fn an_order_for_more_than_is_left_names_what_is_short_and_stores_nothing() {
    let stack = Stack::connect().await;
    let (plenty, scarce) = (stack.stock_product(100).await, stack.stock_product(3).await);
    let correlation_id = unique("short");
    let order = order_for(&[(plenty, 5), (scarce, 4)]);
    let answer = stack.post_order_as(&correlation_id, &order).await;
    answer.assert_problem(409, "insufficient-stock");
    assert_eq!(
        answer.body["shortages"],
        json!([{ "product_id": scarce, "name": format!("Test product {scarce}"),
                 "requested": 4, "available": 3 }])
    );
    assert_eq!(stack.orders_placed_under(&correlation_id).await, 0);
    assert_eq!((stack.stock_of(plenty).await, stack.stock_of(scarce).await), (100, 3));
    assert_eq!(stack.orders_with(plenty).await, 0);
}

#[tokio::test]
async fn a_product_that_is_no_longer_sold_can_not_be_ordered() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(5).await;
    alter(&stack, product, "active = false").await;
    let answer = stack.post_order(&order_for(&[(product, 1)])).await;
    answer.assert_problem(404, "unknown-product");
    assert_eq!(stack.stock_of(product).await, 5);
}

#[tokio::test]
async fn lines_in_two_currencies_are_refused() {
    let stack = Stack::connect().await;
    let (euros, yen) = (stack.stock_product(5).await, stack.stock_product(5).await);
    alter(&stack, yen, "currency = 'JPY'").await;
    let answer = stack.post_order(&order_for(&[(euros, 1), (yen, 1)])).await;
    answer.assert_problem(422, "mixed-currencies");
    assert_eq!((stack.stock_of(euros).await, stack.stock_of(yen).await), (5, 5));
}

#[tokio::test]
async fn a_total_beyond_64_bits_is_refused_and_not_wrapped() {
    let stack = Stack::connect().await;
    let (dear, cheap) = (stack.stock_product(5).await, stack.stock_product(5).await);
    alter(&stack, dear, "price_minor = 9223372036854775807").await;
    // Too large in one line, and in the sum of the lines.
    for lines in [&[(dear, 2)][..], &[(dear, 1), (cheap, 1)][..]] {
        let answer = stack.post_order(&order_for(lines)).await;
        answer.assert_problem(400, "amount-out-of-range");
        assert_eq!(answer.wrong_places(), ["/items"]);
    }
    let largest = stack.place(&[(dear, 1)]).await;
    assert_eq!(largest["total_minor"], i64::MAX);
    assert_eq!((stack.stock_of(dear).await, stack.stock_of(cheap).await), (4, 5));
}

#[tokio::test]
async fn lines_that_repeat_a_product_are_added_up_before_stock_is_checked() {
    let stack = Stack::connect().await;
    let (product, other) = (stack.stock_product(5).await, stack.stock_product(5).await);

    let answer = stack.post_order(&order_for(&[(product, 3), (other, 1), (product, 3)])).await;
    answer.assert_problem(409, "insufficient-stock");
    assert_eq!(answer.body["shortages"][0]["requested"], 6);

    let placed = stack.place(&[(product, 3), (other, 1), (product, 2)]).await;
    let lines: Vec<_> = placed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["product_id"].clone(), item["quantity"].clone()))
        .collect();
    assert_eq!(lines, [(json!(product), json!(5)), (json!(other), json!(1))]);
    assert_eq!(placed["total_minor"], 6 * 1250);
    assert_eq!(stack.stock_of(product).await, 0);
}

#[tokio::test]
async fn an_order_keeps_name_and_price_as_they_were() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(1).await;
    let placed = stack.place(&[(product, 1)]).await;
    alter(&stack, product, "name = 'Renamed', price_minor = 9999").await;
    let read = stack.get(&format!("/orders/{}", id_of(&placed))).await.body;
    assert_eq!(read["items"], placed["items"]);
    assert_eq!(read["total_minor"], placed["total_minor"]);
}

#[tokio::test]
async fn concurrent_orders_for_the_last_pieces_sell_each_piece_once() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(5).await;
    let order = order_for(&[(product, 1)]);

    stack.hold(&[product]).await;
    let orders = join_all((0..8).map(|_| stack.post_order(&order)));
    let (answers, ()) = tokio::join!(orders, stack.release(8));

    let sold = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(sold, 5);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.assert_problem(409, "insufficient-stock");
    }
    assert_eq!(stack.stock_of(product).await, 0);
    assert_eq!(stack.orders_with(product).await, 5);
}

#[tokio::test]
async fn orders_with_the_same_products_in_opposite_order_do_not_deadlock() {
    let stack = Stack::connect().await;
    let (one, other) = (stack.stock_product(8).await, stack.stock_product(8).await);
    let there_and_back = [order_for(&[(one, 1), (other, 1)]), order_for(&[(other, 1), (one, 1)])];

    stack.hold(&[one, other]).await;
    let orders =
        join_all(there_and_back.iter().cycle().take(8).map(|order| stack.post_order(order)));
    let (answers, ()) = tokio::join!(orders, stack.release(8));

    for answer in answers {
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    assert_eq!((stack.stock_of(one).await, stack.stock_of(other).await), (0, 0));
}
