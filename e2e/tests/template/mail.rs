//! Mail: off unless the parameters say otherwise, and limited to what sends it.

use testkit::template::{Node, Template, arguments, get_att, plain, strings, variable_of};
use waybill::config::Timing;
use waybill::domain::Status;

/// Everything that is only for mail.
const RESOURCES: [&str; 7] = [
    "NotificationQueue",
    "NotificationDeadLetterQueue",
    "NotificationRule",
    "NotificationQueuePolicy",
    "NotifyCustomerFunction",
    "NotifyCustomerLogGroup",
    "NotifyCustomerRole",
];

#[test]
fn there_is_no_mail_without_a_sender_and_a_recipient() {
    let template = Template::read();
    assert_eq!(template.parameter("MailSender")["Default"].as_str(), Some(""));
    assert_eq!(template.parameter("MailRecipient")["Default"].as_str(), Some("none"));
    let condition = arguments(&template.root["Conditions"]["SendsMail"], "And");
    let unless = |not: &Node| -> Vec<String> {
        let sides = arguments(&arguments(not, "Not")[0], "Equals");
        sides.iter().map(|side| plain(side).to_owned()).collect()
    };
    let unless: Vec<_> = condition.iter().map(unless).collect();
    assert_eq!(unless, [["MailSender", ""], ["MailRecipient", "none"]]);
    let conditional = |section: &str, name: &str| {
        template.root[section][name]["Condition"].as_str() == Some("SendsMail")
    };
    for name in RESOURCES {
        assert!(conditional("Resources", name), "{name}");
    }
    for name in ["NotificationQueueUrl", "NotificationDlqUrl"] {
        assert!(conditional("Outputs", name), "{name}");
    }
}

#[test]
fn only_create_order_and_notify_customer_know_the_recipient() {
    let template = Template::read();
    let recipient = |id: &str| variable_of(template.functions()[id], "MAIL_RECIPIENT");
    for id in template.functions().into_keys() {
        let knows = ["CreateOrderFunction", "NotifyCustomerFunction"].contains(&id);
        assert_eq!(recipient(id).is_some(), knows, "{id}");
    }
    let parts = |node| arguments(node, "If").iter().map(plain).collect::<Vec<_>>();
    let when_placing = recipient("CreateOrderFunction").map(parts);
    assert_eq!(when_placing.unwrap(), ["SendsMail", "MailRecipient", "none"]);
    assert_eq!(recipient("NotifyCustomerFunction").map(plain), Some("MailRecipient"));
}

#[test]
fn every_event_of_an_order_goes_to_the_queue_or_to_its_dead_letters() {
    let template = Template::read();
    let rule = template.of_type("AWS::Events::Rule")["NotificationRule"];
    assert_eq!(plain(&rule["EventBusName"]), "EventBus");
    let pattern = &rule["EventPattern"];
    assert_eq!(strings(&pattern["source"]), ["waybill"]);
    assert_eq!(strings(&pattern["detail-type"]), Status::ALL.map(Status::event));
    let [target] = &rule["Targets"].as_vec().unwrap()[..] else { panic!("not one target") };
    assert_eq!(get_att(&target["Arn"]), "NotificationQueue");
    assert_eq!(get_att(&target["DeadLetterConfig"]["Arn"]), "NotificationDeadLetterQueue");

    let policy = template.of_type("AWS::SQS::QueuePolicy")["NotificationQueuePolicy"];
    let [statement] = &policy["PolicyDocument"]["Statement"].as_vec().unwrap()[..] else {
        panic!("not one statement")
    };
    assert_eq!(strings(&statement["Action"]), ["sqs:SendMessage"]);
    assert_eq!(statement["Principal"]["Service"].as_str(), Some("events.amazonaws.com"));
    let source = &statement["Condition"]["ArnEquals"]["aws:SourceArn"];
    assert_eq!(get_att(source), "NotificationRule");
}

#[test]
fn a_lease_is_longer_than_an_invocation_and_ends_before_the_message_comes_back() {
    let template = Template::read();
    let seconds = |node: &Node| u64::try_from(node.as_integer().unwrap()).unwrap();
    let timeout = template.timeout(template.functions()["NotifyCustomerFunction"]);
    let queue = template.of_type("AWS::SQS::Queue")["NotificationQueue"];
    let lease = Timing::default().mail_lease.as_secs();
    assert!(u64::try_from(timeout).unwrap() < lease);
    assert!(lease < seconds(&queue["VisibilityTimeout"]));
}
