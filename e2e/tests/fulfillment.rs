//! What happens between the queue and the order.

use std::panic::{AssertUnwindSafe, resume_unwind};

use e2e::{Stack, job, unique};
use futures_util::FutureExt;
use uuid::Uuid;

#[tokio::test]
async fn what_is_no_job_ends_as_a_dead_letter_and_its_batch_mates_are_fulfilled() {
    let stack = Stack::connect().await;
    let correlation_id = unique("batch");
    let (first, last) = (
        stack.store_pending_order(&correlation_id).await,
        stack.store_pending_order(&correlation_id).await,
    );
    let malformed = format!("{{ {}", unique("malformed"));
    let from_the_future = job(Uuid::now_v7(), &unique("future")).replace(r#""v":1"#, r#""v":2"#);
    let without_order = job(Uuid::now_v7(), &unique("without-order"));

    // Five deliveries at three minutes each are too long to wait for.
    let usual = stack.visibility_timeout().await;
    stack.set_visibility_timeout("1").await;
    let outcome = AssertUnwindSafe(async {
        stack
            .enqueue(&[
                &job(first, &correlation_id),
                &malformed,
                &from_the_future,
                &without_order,
                &job(last, &correlation_id),
            ])
            .await;
        stack.confirmed(&first.to_string()).await;
        stack.confirmed(&last.to_string()).await;
        for body in [&malformed, &from_the_future, &without_order] {
            stack.take_dead_letter(body).await;
        }
    })
    .catch_unwind()
    .await;
    stack.set_visibility_timeout(&usual).await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic));

    assert_eq!(stack.way_of(first).await, ["pending", "confirmed"]);
    assert_eq!(stack.way_of(last).await, ["pending", "confirmed"]);
}

#[tokio::test]
async fn a_job_that_is_delivered_twice_confirms_once() {
    let stack = Stack::connect().await;
    for in_one_batch in [true, false] {
        let correlation_id = unique("twice");
        let order = stack.store_pending_order(&correlation_id).await;
        let job = job(order, &correlation_id);
        if in_one_batch {
            stack.enqueue(&[&job, &job]).await;
        } else {
            stack.enqueue(&[&job]).await;
            stack.confirmed(&order.to_string()).await;
            stack.enqueue(&[&job]).await;
        }
        // One line a delivery: then both have been handled.
        stack.logged("fulfill-order", &correlation_id, 2).await;
        assert_eq!(stack.way_of(order).await, ["pending", "confirmed"]);
    }
}

#[tokio::test]
async fn a_late_job_leaves_an_order_that_went_on_as_it_is() {
    let stack = Stack::connect().await;
    let correlation_id = unique("late");
    let order = stack.store_pending_order(&correlation_id).await;
    stack
        .database
        .execute(
            "WITH cancelled AS (
                 UPDATE orders SET status = 'cancelled', version = 2 WHERE id = $1
             )
             INSERT INTO order_history (order_id, version, from_status, to_status, at, actor,
                                        correlation_id)
             VALUES ($1, 2, 'pending', 'cancelled', now(), 'anonymous', $2)",
            &[&order, &correlation_id],
        )
        .await
        .unwrap();
    stack.enqueue(&[&job(order, &correlation_id)]).await;
    stack.logged("fulfill-order", &correlation_id, 1).await;
    assert_eq!(stack.way_of(order).await, ["pending", "cancelled"]);
}
