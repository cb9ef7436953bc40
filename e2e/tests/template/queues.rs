//! The queues and the product cache.

use testkit::template::{Template, get_att, property, strings};

#[test]
fn every_consumed_queue_has_a_redrive_policy_to_a_queue_without_a_consumer() {
    let template = Template::read();
    let queues = template.of_type("AWS::SQS::Queue");
    let consumers = template.queue_consumers();
    for (_, queue, _) in &consumers {
        let redrive = property(queues[queue], "RedrivePolicy").unwrap();
        let dead_letters = get_att(&redrive["deadLetterTargetArn"]);
        assert!(redrive["maxReceiveCount"].as_integer().unwrap() >= 5, "{queue}");
        assert!(
            consumers.iter().all(|(_, consumed, _)| *consumed != dead_letters),
            "{dead_letters} has a consumer"
        );
        // A moved message keeps its age, and must have days left in the dead-letter queue.
        let kept =
            |queue: &str| property(queues[queue], "MessageRetentionPeriod").unwrap().as_integer();
        assert!(kept(dead_letters) > kept(queue), "{queue}");
    }
}

#[test]
fn a_message_stays_hidden_for_six_times_the_timeout_of_its_consumer() {
    let template = Template::read();
    let functions = template.functions();
    for (function, queue, _) in template.queue_consumers() {
        let visibility =
            template.of_type("AWS::SQS::Queue")[queue]["VisibilityTimeout"].as_integer();
        assert_eq!(visibility, Some(6 * template.timeout(functions[function])), "{queue}");
    }
}

#[test]
fn every_queue_consumer_reports_the_messages_that_failed() {
    for (function, _, source) in Template::read().queue_consumers() {
        let types: Vec<_> = strings(&source["FunctionResponseTypes"]);
        assert_eq!(types, ["ReportBatchItemFailures"], "{function}");
    }
}

#[test]
fn every_queue_is_encrypted() {
    for (id, queue) in Template::read().of_type("AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"].as_bool(), Some(true), "{id}");
    }
}

#[test]
fn cached_products_expire() {
    let template = Template::read();
    let ttl = &template.of_type("AWS::DynamoDB::Table")["ProductCache"]["TimeToLiveSpecification"];
    assert_eq!(ttl["AttributeName"].as_str(), Some("ttl"));
    assert_eq!(ttl["Enabled"].as_bool(), Some(true));
}
