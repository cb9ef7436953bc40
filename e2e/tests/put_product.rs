//! Products that staff create and replace, and conditional reads.

use e2e::{Answer, Stack, eventually, unique};
use reqwest::Method;
use reqwest::header::{IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};
use uuid::Uuid;

fn mug(price_minor: i64, stock: i64) -> Value {
    json!({ "name": "Enamel mug", "currency": "EUR", "price_minor": price_minor, "stock": stock,
            "active": true })
}

async fn put(stack: &Stack, id: Uuid, headers: &[(&str, &str)], body: &Value) -> Answer {
    let request = stack.as_staff().request(Method::PUT, &format!("/products/{id}")).json(body);
    let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
    Answer::to(request).await
}

async fn create(stack: &Stack, id: Uuid, body: &Value) -> Answer {
    put(stack, id, &[(IF_NONE_MATCH.as_str(), "*")], body).await
}

async fn replace(stack: &Stack, id: Uuid, tag: &str, body: &Value) -> Answer {
    put(stack, id, &[(IF_MATCH.as_str(), tag)], body).await
}

async fn get_unless(stack: &Stack, path: &str, known: &str) -> Answer {
    Answer::to(stack.request(Method::GET, path).header(IF_NONE_MATCH, known)).await
}

#[tokio::test]
async fn a_product_is_created_shown_replaced_and_shown_again() {
    let stack = Stack::connect().await;
    let id = Uuid::now_v7();
    let path = format!("/products/{id}");
    // The cache now knows that the product is missing.
    stack.get(&path).await.assert_problem(404, "product-not-found");

    let created = create(&stack, id, &mug(1450, 5)).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("location"), id.to_string());
    assert_eq!(created.resolve(created.header("location")), created.url);
    assert_eq!(created.header("etag"), "\"1-5\"");
    let mut expected = mug(1450, 5);
    expected["id"] = json!(id);
    expected["version"] = json!(1);
    expected["updated_at"] = created.body["updated_at"].clone();
    assert_eq!(created.body, expected);
    let shown = eventually("the product is shown", async || {
        let shown = stack.follow(created.resolve(created.header("location"))).await;
        (shown.status == 200).then_some(shown)
    })
    .await;
    assert_eq!((&shown.body, shown.header("etag")), (&created.body, "\"1-5\""));

    let replaced = replace(&stack, id, shown.header("etag"), &mug(1550, 7)).await;
    assert_eq!((replaced.status, replaced.header("location")), (200, ""), "{replaced:?}");
    assert_eq!(replaced.header("etag"), "\"2-7\"");
    let shown = eventually("the change is shown", async || {
        let shown = stack.get(&path).await;
        (shown.body["version"] == 2).then_some(shown)
    })
    .await;
    assert_eq!(shown.body, replaced.body);
    assert_eq!(shown.body["price_minor"], 1550);
}

#[tokio::test]
async fn a_put_with_a_failed_condition_is_412_and_one_without_a_condition_is_428() {
    let stack = Stack::connect().await;
    let id = Uuid::now_v7();
    replace(&stack, id, "\"1-5\"", &mug(1, 5)).await.assert_problem(412, "product-missing");
    let created = create(&stack, id, &mug(1450, 5)).await;
    let again = create(&stack, id, &mug(1, 5)).await;
    again.assert_problem(412, "product-exists");
    assert_eq!(again.body["current_version"], 1);

    let first = created.header("etag");
    assert_eq!(replace(&stack, id, first, &mug(1550, 5)).await.status, 200);
    let late = replace(&stack, id, first, &mug(1, 5)).await;
    late.assert_problem(412, "version-mismatch");
    assert_eq!(late.body["current_version"], 2);

    put(&stack, id, &[], &mug(1, 5)).await.assert_problem(428, "precondition-required");
    replace(&stack, id, "*", &mug(1, 5)).await.assert_problem(428, "precondition-required");
    for headers in [
        &[("if-match", "2")][..],
        &[("if-match", "W/\"2-5\"")],
        &[("if-none-match", "\"2-5\"")],
        &[("if-match", "\"2-5\""), ("if-none-match", "*")],
    ] {
        put(&stack, id, headers, &mug(1, 5)).await.assert_problem(400, "invalid-request");
    }
    let price = "SELECT price_minor FROM products WHERE id = $1";
    let price: i64 = stack.database.query_one(price, &[&id]).await.unwrap().get(0);
    assert_eq!(price, 1550);
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named_and_nothing_is_stored() {
    let stack = Stack::connect().await;
    let id = Uuid::now_v7();
    for (body, wrong) in [
        (json!({}), &["/active", "/currency", "/name", "/price_minor", "/stock"][..]),
        (
            json!({ "name": "", "currency": "euro", "price_minor": -1, "stock": 2_147_483_648_i64,
                    "active": "yes", "version": 3 }),
            &["/active", "/currency", "/name", "/price_minor", "/stock", "/version"],
        ),
        (json!([]), &[""]),
    ] {
        let answer = create(&stack, id, &body).await;
        answer.assert_problem(400, "invalid-request");
        let mut places = answer.wrong_places();
        places.sort_unstable();
        assert_eq!(places, wrong);
    }
    let request = stack.as_staff().request(Method::PUT, &format!("/products/{id}"));
    let request = request.header(IF_NONE_MATCH, "*").body(mug(1, 1).to_string());
    Answer::to(request).await.assert_problem(415, "unsupported-media-type");
    let request = stack.as_staff().request(Method::PUT, "/products/1").header(IF_NONE_MATCH, "*");
    let answer = Answer::to(request.json(&mug(1, 1))).await;
    answer.assert_problem(400, "invalid-request");
    assert_eq!(answer.wrong_places(), ["id"]);
    stack.get(&format!("/products/{id}")).await.assert_problem(404, "product-not-found");
}

#[tokio::test]
async fn orders_placed_while_a_product_is_edited_keep_their_price_and_their_stock() {
    let stack = Stack::connect().await;
    let id = Uuid::now_v7();
    let seen = create(&stack, id, &mug(1450, 10)).await;
    let old = stack.place(&[(id, 3)]).await;

    let refused = replace(&stack, id, seen.header("etag"), &mug(1550, 2)).await;
    refused.assert_problem(409, "stock-taken");
    assert_eq!(
        (&refused.body["current_version"], &refused.body["current_stock"]),
        (&json!(1), &json!(7))
    );
    let replaced = replace(&stack, id, seen.header("etag"), &mug(1550, 10)).await;
    assert_eq!((replaced.status, &replaced.body["stock"]), (200, &json!(7)), "{replaced:?}");
    // A stocktaking: only the version must match.
    let counted = replace(&stack, id, "\"2\"", &mug(1550, 9)).await;
    assert_eq!((counted.status, &counted.body["stock"]), (200, &json!(9)), "{counted:?}");

    let new = stack.place(&[(id, 1)]).await;
    assert_eq!((&old["total_minor"], &new["total_minor"]), (&json!(3 * 1450), &json!(1550)));
    let kept = stack.get(&format!("/orders/{}", old["id"].as_str().unwrap())).await;
    assert_eq!(kept.body["items"][0]["unit_price_minor"], 1450);
    assert_eq!(stack.stock_of(id).await, 8);
}

#[tokio::test]
async fn a_caller_with_the_current_version_is_answered_304_without_a_body() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(5).await;
    let placed = stack.place(&[(product, 1)]).await;
    let order = placed["id"].as_str().unwrap();
    stack.confirmed(order).await;
    for (path, caching) in [
        (format!("/orders/{order}"), "private, no-cache"),
        (format!("/products/{product}"), "private, max-age=3"),
    ] {
        let whole = stack.get(&path).await;
        let tag = whole.header("etag");
        assert_eq!((whole.status, whole.header("cache-control")), (200, caching));
        for known in [tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
            let answer = get_unless(&stack, &path, known).await;
            assert_eq!((answer.status, &answer.body), (304, &Value::Null), "{known}: {answer:?}");
            assert_eq!((answer.header("etag"), answer.header("cache-control")), (tag, caching));
        }
        let answer = get_unless(&stack, &path, "\"0\", \"0-0\"").await;
        assert_eq!((answer.status, answer.body), (200, whole.body.clone()));
    }
    // Neither is one that is not there.
    let nothing = format!("/products/{}", Uuid::now_v7());
    get_unless(&stack, &nothing, "*").await.assert_problem(404, "product-not-found");
}

#[tokio::test]
async fn cache_hits_and_misses_are_counted_in_a_line_of_metrics() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(5).await;
    let mut found = Vec::new();
    for _ in 0..2 {
        let correlation_id = unique("counted");
        let request = stack.request(Method::GET, &format!("/products/{product}"));
        let answer = Answer::to(request.header("x-correlation-id", &correlation_id)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        // The line of the request, and the line of the metrics.
        let lines = stack.logged("get-product", &correlation_id, 2).await;
        let line = lines.into_iter().find(|line| line.get("_aws").is_some()).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&directive["Namespace"], &line["function"]),
            (&json!("Waybill"), &json!("get-product"))
        );
        let count = |name: &str| {
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!(metrics.contains(&json!({ "Name": name, "Unit": "Count" })), "{line}");
            line[name].as_u64().unwrap()
        };
        let hits = count("CacheMemoryHits") + count("CacheDynamoDbHits");
        count("CacheErrors");
        found.push((hits, count("CacheMisses")));
    }
    assert_eq!(found, [(0, 1), (1, 0)]);
}
