//! The spans of this service, named by OpenTelemetry's semantic conventions.

use opentelemetry_semantic_conventions::attribute as name;

use super::context::TraceContext;
use super::record::Kind;
use super::scope::{child, current_span, remote, root, set};
use super::span::Span;

/// The attributes that the conventions don't have.
mod own {
    pub(super) const CORRELATION_ID: &str = "waybill.correlation_id";
    pub(super) const EVENT: &str = "waybill.event";
    pub(super) const ORDER_ID: &str = "waybill.order_id";
    pub(super) const OUTCOME: &str = "waybill.outcome";
    pub(super) const PROBLEM: &str = "waybill.problem";
    pub(super) const RECEIVE_COUNT: &str = "waybill.receive_count";
    pub(super) const REPLAYED: &str = "waybill.replayed";
    pub(super) const SENT_AT: &str = "waybill.sent_at";
}

/// The messaging systems.
const SQS: &str = "aws_sqs";
const EVENTBRIDGE: &str = "aws_eventbridge";

/// A message as a queue delivered it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received<'a> {
    /// The name of the queue.
    pub queue: &'a str,
    /// The id of the message.
    pub message_id: &'a str,
    /// How often it was delivered, this time included.
    pub receive_count: Option<i64>,
    /// When it was sent, in milliseconds since 1970.
    pub sent_at_ms: Option<i64>,
    /// The `traceparent` in it.
    pub traceparent: Option<&'a str>,
}

/// A request, as its `traceparent` says or in a new trace. [`Span::route`] names it.
pub fn request(method: &str, traceparent: Option<&str>) -> Span {
    let parent = traceparent.and_then(TraceContext::parse);
    let span = remote(Kind::Server, method, parent);
    span.set(name::HTTP_REQUEST_METHOD, method);
    span
}

impl Span {
    /// Names a request by its route.
    pub fn route(&self, method: &str, path: &str) {
        if self.is_recorded() {
            self.rename(format!("{method} {path}"));
            self.set(name::HTTP_ROUTE, path);
        }
    }
}

/// A batch of messages.
pub fn batch(messages: usize) -> Span {
    let span = root(Kind::Consumer, "process batch");
    span.set(name::FAAS_TRIGGER, "pubsub");
    span.set(name::MESSAGING_SYSTEM, SQS);
    span.set(name::MESSAGING_BATCH_MESSAGE_COUNT, messages);
    span
}

/// A run of a scheduled function.
pub fn scheduled(what: &str) -> Span {
    let span = root(Kind::Internal, what);
    span.set(name::FAAS_TRIGGER, "timer");
    span
}

/// A step of the current span.
pub fn step(what: &str) -> Span {
    child(Kind::Internal, what)
}

/// The handling of one message of a batch, whose span is the current one: in the trace of the message
/// and linked to the batch, or below the batch without a trace.
pub fn process(message: &Received<'_>) -> Span {
    let batch = current_span();
    let parent = message.traceparent.and_then(TraceContext::parse);
    let span = match parent {
        Some(_) => remote(Kind::Consumer, "", parent),
        None => batch.child(Kind::Consumer, ""),
    };
    if parent.is_some() {
        span.link(&batch);
    }
    about_message(&span, SQS, "process", message.queue);
    span.set(name::MESSAGING_MESSAGE_ID, message.message_id);
    if let Some(count) = message.receive_count {
        span.set(own::RECEIVE_COUNT, count);
    }
    if let Some(sent_at) = message.sent_at_ms {
        span.set(own::SENT_AT, sent_at);
    }
    span
}

/// A message that is sent to a queue.
pub fn send(queue: &str) -> Span {
    let span = child(Kind::Producer, "");
    about_message(&span, SQS, "send", queue);
    span
}

/// A message of the outbox that is sent to a queue.
pub fn relay_job(queue: &str, traceparent: Option<&str>) -> Span {
    relayed(SQS, queue, traceparent)
}

/// An event of the outbox that is published on a bus.
pub fn relay_event(bus: &str, event: &str, traceparent: Option<&str>) -> Span {
    let span = relayed(EVENTBRIDGE, bus, traceparent);
    span.set(own::EVENT, event);
    span
}

/// In the trace of the message, linked to the current span; or below the current span without one.
fn relayed(system: &str, destination: &str, traceparent: Option<&str>) -> Span {
    let parent = traceparent.and_then(TraceContext::parse);
    let run = current_span();
    let span = match parent {
        Some(_) => remote(Kind::Producer, "", parent),
        None => run.child(Kind::Producer, ""),
    };
    if parent.is_some() {
        span.link(&run);
    }
    about_message(&span, system, "send", destination);
    span
}

fn about_message(span: &Span, system: &str, operation: &str, destination: &str) {
    if !span.is_recorded() {
        return;
    }
    span.rename(format!("{operation} {destination}"));
    span.set(name::MESSAGING_SYSTEM, system);
    span.set(name::MESSAGING_OPERATION_TYPE, operation);
    span.set(name::MESSAGING_OPERATION_NAME, operation);
    span.set(name::MESSAGING_DESTINATION_NAME, destination);
}

/// One attempt of a statement of Postgres.
pub fn statement(summary: impl FnOnce() -> &'static str) -> Span {
    let span = child(Kind::Client, "");
    if span.is_recorded() {
        let summary = summary();
        span.rename(summary.to_owned());
        span.set(name::DB_SYSTEM_NAME, "postgresql");
        span.set(name::DB_QUERY_SUMMARY, summary);
    }
    span
}

/// A call of `DynamoDB`.
pub fn dynamodb(operation: &str, table: &str) -> Span {
    let span = child(Kind::Client, operation);
    span.set(name::DB_SYSTEM_NAME, "aws.dynamodb");
    span.set(name::DB_OPERATION_NAME, operation);
    span.set(name::DB_COLLECTION_NAME, table);
    span
}

/// A request to another service.
pub fn call(method: &str, host: &str) -> Span {
    let span = child(Kind::Client, method);
    span.set(name::HTTP_REQUEST_METHOD, method);
    span.set(name::SERVER_ADDRESS, host);
    span
}

/// A call of an API of AWS.
pub fn aws_call(service: &str, operation: &str) -> Span {
    let span = child(Kind::Client, "");
    if span.is_recorded() {
        let method = format!("{service}/{operation}");
        span.rename(method.clone());
        span.set(name::RPC_SYSTEM_NAME, "aws-api");
        span.set(name::RPC_METHOD, method);
    }
    span
}

/// Says which order the current span is about.
pub fn about_order(order_id: &impl ToString) {
    let span = current_span();
    if span.is_recorded() {
        span.order(order_id);
    }
}

/// Says that the current span, a request, was answered with the order of an earlier one.
pub fn replayed() {
    set(own::REPLAYED, true);
}

/// The problem that the current span, a request, is answered with.
pub fn problem(code: &str) {
    set(own::PROBLEM, code);
}

impl Span {
    /// The invocation that this span is the first of.
    pub fn invocation(&self, request_id: &str, is_cold_start: bool) {
        self.set(name::FAAS_INVOCATION_ID, request_id);
        self.set(name::FAAS_COLDSTART, is_cold_start);
    }

    /// The correlation id.
    pub fn correlation(&self, correlation_id: &str) {
        self.set(own::CORRELATION_ID, correlation_id);
    }

    /// The order.
    pub fn order(&self, order_id: &impl ToString) {
        if self.is_recorded() {
            self.set(own::ORDER_ID, order_id.to_string());
        }
    }

    /// The event that a message is.
    pub fn event(&self, event: &str) {
        self.set(own::EVENT, event);
    }

    /// The status of the response, which ends the span. From 500 up it failed.
    pub fn answered(&self, status: u16) {
        self.responded(status);
        if status >= 500 {
            self.fail(&status.to_string());
        }
        self.end();
    }

    /// The status of a response.
    pub fn responded(&self, status: u16) {
        self.set(name::HTTP_RESPONSE_STATUS_CODE, status);
    }

    /// The outcome of a job or a mail: one of few words.
    pub fn outcome(&self, outcome: &str) {
        self.set(own::OUTCOME, outcome);
    }

    /// The outcome of a job or a mail that failed.
    pub fn failed(&self, outcome: &str) {
        self.outcome(outcome);
        self.fail(outcome);
    }

    /// The id of a message that was sent.
    pub fn message_id(&self, id: &str) {
        self.set(name::MESSAGING_MESSAGE_ID, id);
    }
}

#[cfg(test)]
mod tests;
