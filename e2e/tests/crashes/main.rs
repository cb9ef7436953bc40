//! Processes are killed, and servers fail, at the worst moments.
//!
//! Each test runs the deployed binaries on its own database, queue and bus. The test is the platform,
//! and a client that repeats its request until it is answered. It asserts that the fault struck, and
//! that in the end every accepted order exists, was confirmed once, and had its events published.
//!
//! | fault | moment | test |
//! |---|---|---|
//! | an event is no request | | [`create::an_event_that_is_no_request_is_an_error_that_is_not_logged_and_ends_nothing`] |
//! | create-order is killed | before its statement | [`create::killed_before_its_statement_has_stored_nothing_and_is_repeated`] |
//! | | after the answer, before the send | [`create::killed_after_the_answer_and_before_the_send_is_fulfilled_by_the_relay`] |
//! | | after the send, before the answer, with `WORK_BEFORE_ANSWER=true` | [`create::killed_while_its_answer_waits_for_the_send_is_answered_when_repeated`] |
//! | create-order is frozen | during the send | [`create::frozen_with_the_send_half_way_is_fulfilled_once`] |
//! | SQS is deaf | until the deadline of create-order | [`create::a_deaf_sqs_delays_no_answer_and_no_freezing_beyond_the_deadline`] |
//! | fulfill-order is killed | after the commit, before the acknowledgement | [`fulfillment::killed_between_commit_and_acknowledgement_confirms_once`] |
//! | | after it sent events, before it settled them | [`fulfillment::killed_between_sending_and_settling_its_events_sends_them_again`] |
//! | EventBridge is deaf | while a batch is fulfilled and a backlog of events waits | [`fulfillment::a_deaf_bus_with_a_backlog_delays_no_acknowledgement_and_loses_no_event`] |
//! | relay-outbox is killed | after it sent, before it settled | [`relay::killed_between_sending_and_settling_sends_again_after_its_lease`] |
//! | EventBridge answers 500 | to fulfill-order and to the relay | [`relay::events_that_eventbridge_refused_are_kept_and_sent_later`] |
//! | notify-customer is killed | after SES accepted a mail, before the record | [`mail::killed_between_yes_and_the_record_sends_a_second_mail_and_no_third`] |
//! | SES answers 500 | to a mail | [`mail::a_mail_that_ses_failed_to_send_is_sent_when_its_event_comes_again`] |
//! | Postgres is down | while the outcome of a mail is recorded | [`mail::an_outcome_is_recorded_once_postgres_is_back`] |
//! | SQS is down | while orders are placed | [`queue::orders_accepted_while_sqs_is_down_are_fulfilled_later`] |
//! | SQS answers 500 | while orders are placed | [`queue::orders_accepted_while_sqs_answers_500_are_fulfilled_later`] |
//! | SQS is slow | while orders are placed | [`queue::orders_accepted_while_sqs_is_slow_are_fulfilled_once`] |
//! | DynamoDB is down | while orders are placed and products are read | [`cache::orders_and_products_are_served_while_dynamodb_is_down`] |
//! | DynamoDB answers 500 | the same | [`cache::orders_and_products_are_served_while_dynamodb_answers_500`] |
//! | DynamoDB is slow | the same | [`cache::orders_and_products_are_served_while_dynamodb_is_slow`] |
//! | Postgres is unreachable | under load | [`postgres::an_outage_under_load_loses_no_accepted_order`] |
//! | Postgres restarts | under load | [`postgres::a_restart_under_load_loses_no_accepted_order`] |
//! | Postgres crashes and recovers | under load | [`postgres::a_crash_under_load_loses_no_accepted_order`] |
//! | an answer of Postgres is lost | to an order for the last stock | [`answers::an_order_for_the_last_stock_is_answered_as_placed`] |
//! | | to each change of an order and of a product | [`answers::changes_are_answered_as_made`] |
//! | | to a confirmation | [`answers::a_confirmation_is_made_once_and_acknowledged`] |
//! | another session locks a row | while an order is placed | [`locks::an_order_that_timed_out_is_never_stored`] |
//! | failover to a read-only server | between requests | [`failover::orders_are_refused_while_the_server_is_read_only`] |
//! | 500 processes, 100 connections | at once | [`connections::more_processes_than_connections_answer_only_201_and_503`] |
//! | several orders in one process | more than it has connections | [`concurrent::orders_are_placed_at_once_on_a_bounded_number_of_connections`] |
//! | | it is killed | [`concurrent::killed_with_several_orders_under_way_is_repeated_for_each`] |
//! | | SQS is slow | [`concurrent::answers_wait_for_no_send`] |
//! | every fault of the control API | while orders are placed | [`control::every_fault_of_the_control_api_strikes_and_loses_no_order`] |
//!
//! [`upgrade`] expands the schema while orders are placed. Nothing may fail then.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod cache;
mod concurrent;
mod connections;
mod control;
mod create;
mod failover;
mod fulfillment;
mod inbox;
mod locks;
mod mail;
mod postgres;
mod queue;
mod relay;
mod server;
mod upgrade;
mod world;
