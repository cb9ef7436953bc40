//! What each function may do, and what it is given.

use testkit::template::{
    Template, arguments, folder, get_att, plain, property, strings, variable_of,
};

use crate::source;

#[test]
fn every_function_has_its_own_role_and_log_group_and_one_name_everywhere() {
    let template = Template::read();
    let groups = template.of_type("AWS::Logs::LogGroup");
    let roles = template.of_type("AWS::IAM::Role");
    assert_eq!(template.functions().len(), 14);
    for (id, function) in template.functions() {
        let stem = id.strip_suffix("Function").unwrap();
        let name = folder(id);
        assert_eq!(plain(&function["FunctionName"]), format!("${{AWS::StackName}}-{name}"));
        assert_eq!(plain(&function["CodeUri"]), format!("target/lambda/{name}/"));

        assert_eq!(get_att(&function["Role"]), format!("{stem}Role"));
        assert!(roles.contains_key(get_att(&function["Role"])), "{id}");

        let group = plain(&function["LoggingConfig"]["LogGroup"]);
        assert_eq!(group, format!("{stem}LogGroup"));
        assert_eq!(
            plain(&groups[group]["LogGroupName"]),
            format!("/aws/lambda/${{AWS::StackName}}-{name}")
        );
        assert!(property(groups[group], "RetentionInDays").is_some(), "{group}");
        assert!(
            template.allowed().iter().any(|(role, statement)| {
                *role == get_att(&function["Role"])
                    && get_att(&statement["Resource"]) == group
                    && strings(&statement["Action"])
                        == ["logs:CreateLogStream", "logs:PutLogEvents"]
            }),
            "{id} can't write its log"
        );
    }
    assert_eq!(roles.len(), template.functions().len());
    assert_eq!(groups.len(), template.functions().len());
}

#[test]
fn a_statement_allows_listed_actions_on_one_resource() {
    for (id, statement) in Template::read().allowed() {
        let actions = strings(&statement["Action"]);
        assert!(!actions.is_empty(), "{id}");
        for action in &actions {
            assert!(!action.contains('*'), "{id} allows {action}");
        }
        let resource = &statement["Resource"];
        if actions == ["ses:SendEmail"] {
            // SES's identities are not made by the template.
            let parts = arguments(resource, "Sub");
            assert!(plain(&parts[0]).ends_with(":identity/${Identity}"), "{id}");
            let from = &statement["Condition"]["StringEquals"]["ses:FromAddress"];
            assert_eq!(plain(from), "MailSender", "{id}");
        } else if actions == ["rds-db:connect"] {
            // The template makes no instance of RDS.
            assert_eq!(plain(resource), "DatabaseUserArn", "{id}");
        } else if resource.is_string() {
            // Network interfaces have no name before they are made.
            assert!(actions.iter().all(|action| action.starts_with("ec2:")), "{id}: {actions:?}");
        } else {
            assert!(!get_att(resource).is_empty(), "{id}");
        }
    }
}

#[test]
fn a_role_may_write_only_to_the_log_of_its_own_function() {
    for (role, statement) in Template::read().allowed() {
        if strings(&statement["Action"]).iter().any(|action| action.starts_with("logs:")) {
            let stem = role.strip_suffix("Role").unwrap();
            assert_eq!(get_att(&statement["Resource"]), format!("{stem}LogGroup"));
        }
    }
}

/// Others send to a queue without looking at it.
#[test]
fn the_attributes_of_a_queue_are_read_by_its_consumer_the_relay_and_health() {
    let template = Template::read();
    let mut roles = template.allowed();
    roles.retain(|(_, it)| strings(&it["Action"]).contains(&"sqs:GetQueueAttributes"));
    let mut roles: Vec<_> = roles.iter().map(|(role, _)| *role).collect();
    roles.sort_unstable();
    assert_eq!(roles, ["FulfillOrderRole", "HealthRole", "NotifyCustomerRole", "RelayOutboxRole"]);
}

/// An emulator may allow what a role does not; AWS doesn't.
#[test]
fn a_function_is_given_what_its_code_asks_for_and_nothing_else() {
    let template = Template::read();
    for (id, function) in template.functions() {
        let code = source(&folder(id));
        let consumes = template.queue_consumers().iter().any(|(consumer, ..)| *consumer == id);
        let allows = |prefix: &str| {
            template.allowed().iter().any(|(role, statement)| {
                *role == get_att(&function["Role"])
                    && strings(&statement["Action"]).iter().any(|action| action.starts_with(prefix))
            })
        };
        let given = |variable: &str| variable_of(function, variable).is_some();
        let (cache, queue) =
            (code.contains("product_cache_table()"), code.contains("fulfillment_queue_url()"));
        assert_eq!(given("PRODUCT_CACHE_TABLE"), cache, "{id}");
        assert_eq!(allows("dynamodb:"), cache, "{id}");
        assert_eq!(given("FULFILLMENT_QUEUE_URL"), queue, "{id}");
        assert_eq!(allows("sqs:"), queue || consumes, "{id}");
        assert_eq!(allows("sqs:ReceiveMessage"), consumes, "{id}");
        let warehouse = code.contains("config.warehouse()");
        for variable in ["WAREHOUSE_URL", "WAREHOUSE_SECRET", "FULFILLMENT_DLQ_URL"] {
            assert_eq!(given(variable), warehouse, "{id}: {variable}");
        }
        let to_dead_letters: Vec<_> = template
            .allowed()
            .into_iter()
            .filter(|(role, _)| *role == get_att(&function["Role"]))
            .filter(|(_, it)| it["Resource"].get_tag().is_some_and(|tag| tag.suffix == "GetAtt"))
            .filter(|(_, it)| get_att(&it["Resource"]) == "FulfillmentDeadLetterQueue")
            .map(|(_, it)| strings(&it["Action"]))
            .collect();
        let expected = if warehouse { vec![vec!["sqs:SendMessage"]] } else { vec![] };
        assert_eq!(to_dead_letters, expected, "{id}");
        let mail = code.contains("mail_sender()");
        assert_eq!(given("MAIL_SENDER"), mail, "{id}");
        assert_eq!(allows("ses:"), mail, "{id}");
        assert_eq!(given("CURSOR_SECRET"), code.contains("cursor_secret()"), "{id}");
        let bus = code.contains("event_bus_name()");
        assert_eq!(given("EVENT_BUS_NAME"), bus, "{id}");
        assert_eq!(allows("events:PutEvents"), bus, "{id}");
    }
}

/// The cache serves reads of products and decides nothing about orders.
#[test]
fn only_get_product_put_product_and_health_use_the_product_cache() {
    let template = Template::read();
    let may = ["GetProductFunction", "HealthFunction", "PutProductFunction"];
    for (id, function) in template.functions() {
        let given = variable_of(function, "PRODUCT_CACHE_TABLE").is_some();
        assert_eq!(given, may.contains(&id), "{id}");
    }
    for (role, statement) in template.allowed() {
        if strings(&statement["Action"]).iter().any(|action| action.starts_with("dynamodb:")) {
            let function = role.replace("Role", "Function");
            assert!(may.contains(&function.as_str()), "{role}");
        }
    }
}

#[test]
fn only_create_order_is_given_the_limits_of_an_owner() {
    let template = Template::read();
    let limits = [
        ("MaxPendingOrders", "OWNER_PENDING_LIMIT", 100),
        ("MaxOrdersPerMinute", "OWNER_ORDERS_PER_MINUTE", 60),
    ];
    for (parameter, variable, default) in limits {
        let limit = template.parameter(parameter);
        assert_eq!(limit["Default"].as_integer(), Some(default), "{parameter}");
        assert_eq!(limit["MinValue"].as_integer(), Some(1), "{parameter}");
        for (id, function) in template.functions() {
            let given = variable_of(function, variable).map(plain);
            let expected = (id == "CreateOrderFunction").then_some(parameter);
            assert_eq!(given, expected, "{id}: {variable}");
        }
    }
}
