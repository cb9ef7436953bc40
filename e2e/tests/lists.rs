//! Lists: pages, cursors, filters, and refused parameters.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use e2e::{Answer, Stack, order_for, unique};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

/// The id of an order or a product.
fn ids(answer: &Answer, list: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let entries = answer.body[list].as_array().unwrap();
    entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

/// The target of `Link: <…>; rel="next"`.
fn next_link(answer: &Answer) -> Option<&str> {
    answer
        .headers
        .get("link")?
        .to_str()
        .unwrap()
        .strip_prefix('<')?
        .strip_suffix(r#">; rel="next""#)
}

fn next_cursor(answer: &Answer) -> Option<&str> {
    let cursor = answer.body.get("next_cursor").unwrap();
    assert!(cursor.is_null() || cursor.is_string(), "{answer:?}");
    cursor.as_str()
}

/// Places an order for one piece with this email address.
async fn place_for(stack: &Stack, product: Uuid, email: &str) -> Value {
    let mut order = order_for(&[(product, 1)]);
    order["customer_email"] = json!(email);
    let answer = stack.post_order(&order).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

/// Places orders of a new customer with a new email address, oldest first.
async fn own_orders(stack: &Stack, count: usize) -> (String, Vec<String>) {
    let email = format!("{}@example.com", unique("ada"));
    let product = stack.stock_product(100).await;
    let mut placed = Vec::new();
    for _ in 0..count {
        placed.push(place_for(stack, product, &email).await["id"].as_str().unwrap().to_owned());
    }
    (email, placed)
}

#[tokio::test]
async fn following_the_link_visits_all_orders_once_newest_first_while_more_are_placed() {
    let stack = Stack::connect().await.as_new_customer();
    let (email, placed) = own_orders(&stack, 7).await;
    let product = stack.stock_product(100).await;
    let mut answer = stack.get("/orders?limit=3").await;
    let mut walked = Vec::new();
    for page in 1..=3 {
        walked.extend(ids(&answer, "orders"));
        place_for(&stack, product, &email).await;
        assert_eq!(next_link(&answer).is_some(), page < 3, "{answer:?}");
        assert_eq!(next_cursor(&answer).is_some(), page < 3, "{answer:?}");
        if let Some(link) = next_link(&answer) {
            answer = stack.follow(answer.resolve(link)).await;
        }
    }
    let expected: Vec<_> = placed.into_iter().rev().collect();
    assert_eq!(walked, expected);
}

#[tokio::test]
async fn the_cursor_in_the_body_is_that_of_the_link_and_works_with_another_limit() {
    let stack = Stack::connect().await;
    let (email, placed) = own_orders(&stack, 5).await;
    let stack = stack.as_staff();
    let first = stack.get(&format!("/orders?limit=2&email={email}")).await;
    let cursor = next_cursor(&first).unwrap();
    let encoded = email.replace('@', "%40");
    let link = format!("?limit=2&email={encoded}&cursor={cursor}");
    assert_eq!(next_link(&first), Some(&*link));
    let rest = stack.get(&format!("/orders?email={email}&limit=100&cursor={cursor}")).await;
    let expected: Vec<_> = placed.into_iter().rev().skip(2).collect();
    assert_eq!(ids(&rest, "orders"), expected);
    assert_eq!((next_cursor(&rest), next_link(&rest)), (None, None));
}

#[tokio::test]
async fn a_number_finds_its_order_for_its_owner_and_for_staff_and_for_nobody_else() {
    let stack = Stack::connect().await.as_new_customer();
    let product = stack.stock_product(100).await;
    let placed = place_for(&stack, product, "ada@example.com").await;
    place_for(&stack, product, "ada@example.com").await;
    let number = placed["number"].as_str().unwrap();
    let path = format!("/orders?number={number}");
    let own = stack.get(&path).await;
    assert_eq!(
        (own.status, ids(&own, "orders")),
        (200, vec![placed["id"].as_str().unwrap().to_owned()])
    );
    assert_eq!((next_cursor(&own), next_link(&own)), (None, None));
    let other = stack.get(&format!("{path}&status=pending")).await;
    assert_eq!((other.status, &other.body["errors"][0]["pointer"]), (400, &json!("number")));

    let stranger = Stack::connect().await.as_new_customer().get(&path).await;
    assert_eq!((stranger.status, ids(&stranger, "orders").len()), (200, 0));
    assert_eq!(ids(&stack.as_staff().get(&path).await, "orders"), ids(&own, "orders"));
}

#[tokio::test]
async fn following_the_link_visits_all_products_once_in_id_order() {
    let stack = Stack::connect().await;
    let word = unique("walked");
    let mut stocked = Vec::new();
    for number in 0..5 {
        let id = stack.stock_product(1).await;
        // The link must encode the space and the plus sign.
        let name = format!("{word} + {number}");
        let sql = "UPDATE products SET name = $2 WHERE id = $1";
        stack.database.execute(sql, &[&id, &name]).await.unwrap();
        stocked.push(id.to_string());
    }
    let path = format!("/products?limit=2&q={}%20%2B", word.to_uppercase());
    let mut answer = stack.get(&path).await;
    let mut walked = Vec::new();
    for page in 1..=3 {
        walked.extend(ids(&answer, "products"));
        assert_eq!(next_link(&answer).is_some(), page < 3, "{answer:?}");
        assert_eq!(next_cursor(&answer).is_some(), page < 3, "{answer:?}");
        if let Some(link) = next_link(&answer) {
            answer = stack.follow(answer.resolve(link)).await;
        }
    }
    assert_eq!(walked, stocked);
}

#[tokio::test]
async fn a_cursor_that_was_changed_or_is_used_elsewhere_is_refused() {
    const LIST: &str = "/orders?placed_before=2099-01-01T00:00:00Z";
    let stack = Stack::connect().await.as_new_customer();
    own_orders(&stack, 3).await;
    let first = stack.get(&format!("{LIST}&limit=1")).await;
    let cursor = next_cursor(&first).unwrap();
    let changed = |at: usize| {
        let other = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut changed = cursor.to_owned();
        changed.replace_range(at..=at, other);
        changed
    };
    let mut wrong: Vec<String> = [0, 1, 5, 22, 23, 42, 43].map(changed).to_vec();
    wrong.extend([
        String::new(),
        "x".to_owned(),
        cursor[..43].to_owned(),
        format!("{cursor}A"),
        format!("{cursor}%3D"),
        "A".repeat(44),
        "A".repeat(4000),
        "%00".repeat(44),
        "%F0%9F%92%A9".repeat(11),
    ]);
    for wrong in &wrong {
        let answer = stack.get(&format!("{LIST}&limit=1&cursor={wrong}")).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), ["cursor"], "{wrong}: {answer:?}");
    }
    for elsewhere in [
        format!("/orders?cursor={cursor}"),
        format!("/orders?placed_before=2099-01-02T00:00:00Z&cursor={cursor}"),
        format!("{LIST}&status=confirmed&cursor={cursor}"),
        format!("/products?cursor={cursor}"),
    ] {
        let answer = stack.get(&elsewhere).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), ["cursor"], "{elsewhere}: {answer:?}");
    }
    // Another caller with the same parameters.
    let same = format!("{LIST}&limit=1&cursor={cursor}");
    for somebody_else in [stack.as_new_customer(), stack.as_staff()] {
        let answer = somebody_else.get(&same).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), ["cursor"], "{answer:?}");
    }
    assert_eq!(stack.get(&same).await.status, 200);
}

#[tokio::test]
async fn orders_are_filtered_by_status_address_and_time() {
    let stack = Stack::connect().await;
    let (email, placed) = own_orders(&stack, 3).await;
    let stack = stack.as_staff();
    for id in &placed {
        stack.confirmed(id).await;
    }
    let listed = async |filter: &str| {
        ids(&stack.get(&format!("/orders?email={email}{filter}")).await, "orders")
    };
    let newest_first: Vec<_> = placed.iter().rev().cloned().collect();
    assert_eq!(listed("").await, newest_first);
    assert_eq!(listed("&status=confirmed").await, newest_first);
    assert!(listed("&status=shipped").await.is_empty());
    let shouted = stack.get(&format!("/orders?email={}", email.to_uppercase())).await;
    assert_eq!(ids(&shouted, "orders"), newest_first);

    let middle = stack.get(&format!("/orders/{}", placed[1])).await;
    let time: Timestamp = middle.text("/created_at").parse().unwrap();
    let next = time + SignedDuration::from_micros(1);
    assert_eq!(listed(&format!("&placed_after={time}")).await, newest_first[..2]);
    assert_eq!(listed(&format!("&placed_after={next}")).await, newest_first[..1]);
    assert_eq!(listed(&format!("&placed_before={time}")).await, newest_first[2..]);
    let only = format!("&placed_after={time}&placed_before={next}");
    assert_eq!(listed(&only).await, newest_first[1..2]);
    // The same instant with an offset of an hour and a half.
    let offset = jiff::tz::Offset::from_seconds(5400).unwrap();
    let east = time.display_with_offset(offset).to_string().replace('+', "%2B");
    assert!(east.ends_with("%2B01:30"), "{east}");
    assert_eq!(listed(&format!("&placed_after={east}")).await, newest_first[..2]);
}

#[tokio::test]
async fn only_staff_may_filter_by_address() {
    let stack = Stack::connect().await.as_new_customer();
    let (email, placed) = own_orders(&stack, 1).await;
    stack.get(&format!("/orders?email={email}")).await.assert_problem(403, "forbidden");
    assert_eq!(ids(&stack.get("/orders").await, "orders"), placed);
    let seen = stack.as_staff().get(&format!("/orders?email={email}")).await;
    assert_eq!(ids(&seen, "orders"), placed);
}

#[tokio::test]
async fn a_list_of_a_status_has_only_that_status_and_is_newest_first() {
    let stack = Stack::connect().await.as_staff();
    let answer = stack.get("/orders?status=delivered&limit=100").await;
    let listed = ids(&answer, "orders");
    assert!(!listed.is_empty() && listed.is_sorted_by(|newer, older| newer > older));
    let statuses: HashSet<_> = answer.body["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, HashSet::from(["delivered"]));
}

#[tokio::test]
async fn all_errors_of_list_parameters_are_named_at_once() {
    let stack = Stack::connect().await.as_staff();
    let answer = stack
        .get(
            "/orders?limit=0&cursor=x&status=lost&email=ada&placed_after=2026-02-21\
             &placed_before=2026-02-21T12:00:00+01:00",
        )
        .await;
    answer.assert_problem(400, "invalid-request");
    let mut places = answer.wrong_places();
    places.sort_unstable();
    assert_eq!(places, ["cursor", "email", "limit", "placed_after", "placed_before", "status"]);
    let answer = stack.get("/products?limit=101&cursor=x&q=a%00b").await;
    answer.assert_problem(400, "invalid-request");
    let mut places = answer.wrong_places();
    places.sort_unstable();
    assert_eq!(places, ["cursor", "limit", "q"]);
}

#[tokio::test]
async fn unknown_list_parameters_are_named_before_values_are_checked() {
    let stack = Stack::connect().await;
    for (path, places) in [
        ("/orders?limit=0&sort=asc&q=pen&limit=5", vec!["limit", "q", "sort"]),
        ("/products?limit=101&status=pending&q=", vec!["status"]),
    ] {
        let answer = stack.get(path).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), places, "{answer:?}");
    }
}

#[tokio::test]
async fn each_list_parameter_has_one_form_and_may_occur_once() {
    let stack = Stack::connect().await.as_staff();
    let long = format!("/products?q={}", "x".repeat(101));
    for (path, place) in [
        ("/orders?status=", "status"),
        ("/orders?status=Pending", "status"),
        ("/orders?status=pending,confirmed", "status"),
        ("/orders?status=pending&status=confirmed", "status"),
        ("/orders?limit=5&limit=5", "limit"),
        ("/orders?email=", "email"),
        ("/orders?email=ada%40example", "email"),
        ("/orders?placed_after=1771675200", "placed_after"),
        ("/orders?placed_after=2026-02-30T12:00:00Z", "placed_after"),
        ("/orders?placed_before=-009999-01-02T01:59:59Z", "placed_before"),
        (
            "/orders?placed_after=2026-02-21T12:00:00Z&placed_before=2026-02-21T12:00:00Z",
            "placed_after",
        ),
        ("/products?q=", "q"),
        ("/products?q=%0A", "q"),
        ("/products?q=a&q=b", "q"),
        (&long, "q"),
    ] {
        let answer = stack.get(path).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), [place], "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn wildcards_in_a_search_are_literal_characters() {
    let stack = Stack::connect().await;
    let word = unique("literal");
    let mut stocked = Vec::new();
    for rest in ["50% off", "500", r"a_b\c", "aXbYc"] {
        let id = stack.stock_product(1).await;
        let sql = "UPDATE products SET name = $2 WHERE id = $1";
        stack.database.execute(sql, &[&id, &format!("{word} {rest}")]).await.unwrap();
        stocked.push(id.to_string());
    }
    for (rest, expected) in [
        ("%2050", &stocked[..2]),
        ("%2050%25", &stocked[..1]),
        ("%20A_", &stocked[2..3]),
        ("%20a_b%5C", &stocked[2..3]),
        ("%25", &[]),
    ] {
        let answer = stack.get(&format!("/products?q={}{rest}", word.to_uppercase())).await;
        assert_eq!(ids(&answer, "products"), expected, "{rest}");
    }
}
