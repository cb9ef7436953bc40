//! Spans of invocations, as they are written.

use std::sync::Arc;

use super::super::invocation::Invocation;
use super::super::record::{Record, Value};
use super::super::scope::{carried, within};
use super::*;

const REQUEST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// The spans of an invocation, in the order of their ends, and whether they are written.
async fn spans_of(work: impl Future<Output = ()>) -> (Vec<Record>, bool) {
    let invocation = Arc::<Invocation>::default();
    within(Some(Arc::clone(&invocation)), work).await;
    (invocation.take(), invocation.is_wanted())
}

fn attribute<'a>(record: &'a Record, key: &str) -> Option<&'a Value> {
    record.attributes.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

#[tokio::test]
async fn a_request_is_the_parent_of_its_statements_and_of_work_after_the_answer() {
    let (spans, is_wanted) = spans_of(async {
        let traced = request("POST", Some(REQUEST));
        let mut later = None;
        let answered = async {
            traced.route("POST", "/orders");
            drop(statement(|| "place_order"));
            about_order(&7);
            later = Some(carried(async { drop(send("jobs")) }));
        };
        traced.scope(answered).await;
        traced.answered(201);
        later.unwrap().await;
    })
    .await;
    assert!(is_wanted);
    let [placed, sent, request] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(request.name, "POST /orders");
    assert_eq!(request.context.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert_eq!(request.parent, Some(0xb7ad_6b71_6920_3331));
    assert_eq!(attribute(request, "http.response.status_code"), Some(&Value::Number(201)));
    assert_eq!(attribute(request, "waybill.order_id"), Some(&"7".into()));
    assert!(!request.has_failed);
    for (span, name) in [(placed, "place_order"), (sent, "send jobs")] {
        assert_eq!((&*span.name, span.parent), (name, Some(request.context.span_id)));
        assert_eq!(span.context.trace_id, request.context.trace_id);
    }
    assert!(request.end.unwrap() <= sent.start, "the answer ends the request");
}

#[tokio::test]
async fn a_request_that_is_not_sampled_records_nothing() {
    let (spans, _) = spans_of(async {
        let traced = request("POST", Some(NOT_SAMPLED));
        assert_eq!(traced.traceparent(), None);
        traced.scope(async { drop(statement(|| "place_order")) }).await;
    })
    .await;
    assert!(spans.is_empty(), "{spans:?}");
}

#[tokio::test]
async fn a_call_of_aws_is_named_by_its_service_and_operation() {
    let (spans, _) = spans_of(async {
        let traced = request("POST", Some(REQUEST));
        traced.scope(async { drop(aws_call("SES", "SendEmail")) }).await;
    })
    .await;
    let call = &spans[0];
    assert_eq!((&*call.name, call.kind), ("SES/SendEmail", Kind::Client));
    assert_eq!(attribute(call, "rpc.method"), Some(&"SES/SendEmail".into()));
}

#[tokio::test]
async fn outside_of_an_invocation_nothing_is_recorded() {
    let traced = request("GET", Some(REQUEST));
    assert!(!traced.is_recorded());
    traced.scope(async { assert!(!statement(|| "get_order").is_recorded()) }).await;
}

#[tokio::test]
async fn a_server_error_and_a_failure_have_their_kinds() {
    let (spans, _) = spans_of(async {
        request("GET", Some(REQUEST)).answered(503);
        request("GET", Some(REQUEST)).fail("40001");
    })
    .await;
    for (span, kind) in spans.iter().zip(["503", "40001"]) {
        assert!(span.has_failed);
        assert_eq!(attribute(span, "error.type"), Some(&kind.into()));
    }
}

#[tokio::test]
async fn a_job_is_in_the_trace_of_its_request_and_linked_to_its_batch() {
    let (spans, is_wanted) = spans_of(async {
        let batch = batch(2);
        let jobs = batch.scope(async {
            let traced = |traceparent| Received {
                queue: "jobs",
                message_id: "m",
                receive_count: Some(2),
                sent_at_ms: Some(5),
                traceparent,
            };
            [Some(REQUEST), None, Some(NOT_SAMPLED)].map(|it| process(&traced(it)))
        });
        drop(jobs.await);
    })
    .await;
    // The batch is written for its job.
    assert!(is_wanted);
    let [job, untraced, batch] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((&*job.name, job.kind), ("process jobs", Kind::Consumer));
    assert_eq!(job.parent, Some(0xb7ad_6b71_6920_3331));
    assert_eq!(job.links, [batch.context]);
    assert_eq!(attribute(job, "waybill.receive_count"), Some(&Value::Number(2)));
    assert_eq!(attribute(job, "waybill.sent_at"), Some(&Value::Number(5)));
    assert_ne!(job.context.trace_id, batch.context.trace_id);
    assert_eq!(untraced.parent, Some(batch.context.span_id));
    assert!(untraced.links.is_empty());
}

#[tokio::test]
async fn a_batch_without_a_sampled_job_is_not_written() {
    let (spans, is_wanted) = spans_of(async {
        let batch = batch(1);
        batch.scope(async { drop(statement(|| "confirm_orders")) }).await;
    })
    .await;
    assert_eq!((spans.len(), is_wanted), (2, false));
}

#[tokio::test]
async fn a_relayed_event_is_in_the_trace_of_its_request_and_linked_to_the_run() {
    let (spans, _) = spans_of(async {
        let run = scheduled("relay");
        run.scope(async {
            let sent = relay_event("bus", "OrderPlaced", Some(REQUEST));
            sent.message_id("e-1");
        })
        .await;
    })
    .await;
    let [sent, run] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((&*sent.name, sent.kind, run.kind), ("send bus", Kind::Producer, Kind::Internal));
    assert_eq!((sent.parent, &sent.links[..]), (Some(0xb7ad_6b71_6920_3331), &[run.context][..]));
    assert_eq!(attribute(sent, "waybill.event"), Some(&"OrderPlaced".into()));
    assert_eq!(attribute(sent, "messaging.message.id"), Some(&"e-1".into()));
}
