//! Processes that are killed, and servers that go away, at the worst moments.
//!
//! The deployed binaries run here as processes of their own, on a database, a queue and a bus of
//! their own; the test stands in for the platform, and for a client that repeats its request until
//! it is answered. Each test asserts that its fault really struck, and that in the end every order
//! that was answered is there, was confirmed once, and has had its events published.
//!
//! | fault | moment | test |
//! |---|---|---|
//! | create-order killed | before its statement | [`create::killed_before_its_statement_has_stored_nothing_and_is_repeated`] |
//! | | after the answer, before the send | [`create::killed_after_the_answer_and_before_the_send_is_fulfilled_by_the_relay`] |
//! | | after the send, before the answer, where the job is sent first | [`create::killed_while_its_answer_waits_for_the_send_is_answered_when_repeated`] |
//! | create-order frozen | with the send half-way | [`create::frozen_with_the_send_half_way_is_fulfilled_once`] |
//! | SQS deaf | for as long as create-order has | [`create::a_deaf_sqs_keeps_no_answer_and_no_environment_beyond_its_time`] |
//! | fulfill-order killed | after the commit, before the acknowledgement | [`fulfillment::killed_between_commit_and_acknowledgement_confirms_once`] |
//! | | after it sent events, before it settled them | [`fulfillment::killed_between_sending_and_settling_its_events_sends_them_again`] |
//! | EventBridge deaf | with a backlog of events, while a batch is fulfilled | [`fulfillment::a_deaf_bus_with_a_backlog_of_events_delays_no_acknowledgement_and_loses_no_event`] |
//! | relay-outbox killed | after it sent, before it settled | [`relay::killed_between_sending_and_settling_sends_again_after_its_lease`] |
//! | EventBridge answers 500 | to fulfill-order and to the relay | [`relay::events_that_eventbridge_refused_are_kept_and_sent_later`] |
//! | SQS down | while orders are placed | [`queue::orders_accepted_while_sqs_is_down_are_fulfilled_later`] |
//! | SQS answers 500 | while orders are placed | [`queue::orders_accepted_while_sqs_answers_500_are_fulfilled_later`] |
//! | SQS slow | while orders are placed | [`queue::orders_accepted_while_sqs_is_slow_are_fulfilled_once`] |
//! | DynamoDB down | while orders are placed and products read | [`cache::orders_and_products_are_to_be_had_while_dynamodb_is_down`] |
//! | DynamoDB answers 500 | the same | [`cache::orders_and_products_are_to_be_had_while_dynamodb_answers_500`] |
//! | DynamoDB slow | the same | [`cache::orders_and_products_are_to_be_had_while_dynamodb_is_slow`] |
//! | Postgres unreachable | under load | [`postgres::going_out_of_reach_under_load_loses_no_order_that_was_answered`] |
//! | Postgres stopped and started | under load | [`postgres::restarting_under_load_loses_no_order_that_was_answered`] |
//! | Postgres crashed and recovered | under load | [`postgres::crashing_under_load_loses_no_order_that_was_answered`] |
//! | an answer of Postgres lost | to an order for all that is left | [`answers::an_order_for_all_that_is_left_is_answered_as_placed`] |
//! | | to each change of an order and of a product | [`answers::changes_are_answered_as_made`] |
//! | | to a confirmation | [`answers::a_confirmation_is_made_once_and_acknowledged`] |
//! | a row locked by a stranger | while an order is placed | [`locks::an_order_that_waited_in_vain_never_appears`] |
//! | failover to a read-only server | between requests | [`failover::a_server_that_is_read_only_refuses_orders_until_it_is_not`] |
//! | 500 processes, 100 connections | at once | [`connections::more_processes_than_connections_see_201_and_503_alone`] |
//!
//! [`upgrade`] is about a schema that is expanded while orders are placed: nothing fails then.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what goes wrong in here is a test that fails"
)]

mod answers;
mod cache;
mod connections;
mod create;
mod failover;
mod fulfillment;
mod inbox;
mod locks;
mod postgres;
mod queue;
mod relay;
mod server;
mod upgrade;
mod world;
