//! Holds `template.yaml`, and the documentation, to what linters do not notice. Needs no stack.
#![expect(clippy::unwrap_used, reason = "what goes wrong in here is a test that fails")]

mod budget;
mod documentation;
mod yaml;

use yaml::{Template, get_att, kebab, plain, property, routes, source, strings, variable_of};

#[test]
fn every_queue_that_is_consumed_has_a_redrive_policy_to_a_queue_that_nothing_consumes() {
    let template = Template::read();
    let queues = template.of_type("AWS::SQS::Queue");
    let consumers = template.queue_consumers();
    for (_, queue, _) in &consumers {
        let redrive = property(queues[queue], "RedrivePolicy").unwrap();
        let dead_letters = get_att(&redrive["deadLetterTargetArn"]);
        assert!(redrive["maxReceiveCount"].as_integer().unwrap() >= 5, "{queue}");
        assert!(
            consumers.iter().all(|(_, consumed, _)| *consumed != dead_letters),
            "{dead_letters} is for people"
        );
        // A moved message keeps its age: it must still have days left where it ends.
        let kept =
            |queue: &str| property(queues[queue], "MessageRetentionPeriod").unwrap().as_integer();
        assert!(kept(dead_letters) > kept(queue), "{queue}");
    }
}

#[test]
fn a_message_stays_hidden_for_six_times_the_time_its_consumer_has() {
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
fn every_function_has_a_role_and_a_log_group_of_its_own_and_one_name_everywhere() {
    let template = Template::read();
    let groups = template.of_type("AWS::Logs::LogGroup");
    let roles = template.of_type("AWS::IAM::Role");
    for (id, function) in template.functions() {
        let stem = id.strip_suffix("Function").unwrap();
        let name = kebab(stem);
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
fn no_role_may_do_more_than_what_is_listed_on_one_resource() {
    for (id, statement) in Template::read().allowed() {
        let actions = strings(&statement["Action"]);
        assert!(!actions.is_empty(), "{id}");
        for action in &actions {
            assert!(!action.contains('*'), "{id} allows {action}");
        }
        let resource = &statement["Resource"];
        if resource.is_string() {
            // Network interfaces are made before they have a name to be listed under.
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

/// An emulator may let through what a role does not allow; AWS does not.
#[test]
fn a_function_is_given_what_its_code_asks_for_and_nothing_else() {
    let template = Template::read();
    for (id, function) in template.functions() {
        let stem = id.strip_suffix("Function").unwrap();
        let code = source(&kebab(stem));
        let consumes = template.queue_consumers().iter().any(|(consumer, ..)| *consumer == id);
        let allows = |prefix: &str| {
            template.allowed().iter().any(|(role, statement)| {
                *role == get_att(&function["Role"])
                    && strings(&statement["Action"]).iter().any(|action| action.starts_with(prefix))
            })
        };
        let given = |variable: &str| {
            property(function, "Environment")
                .is_some_and(|given| given["Variables"].contains_mapping_key(variable))
        };
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
            .filter(|(_, it)| !it["Resource"].is_string())
            .filter(|(_, it)| get_att(&it["Resource"]) == "FulfillmentDeadLetterQueue")
            .map(|(_, it)| strings(&it["Action"]))
            .collect();
        let expected = if warehouse { vec![vec!["sqs:SendMessage"]] } else { vec![] };
        assert_eq!(to_dead_letters, expected, "{id}");
        assert_eq!(given("CURSOR_SECRET"), code.contains("cursor_secret()"), "{id}");
        let bus = code.contains("event_bus_name()");
        assert_eq!(given("EVENT_BUS_NAME"), bus, "{id}");
        assert_eq!(allows("events:PutEvents"), bus, "{id}");
    }
}

/// The cache serves reads of products and decides nothing about orders.
#[test]
fn only_what_serves_products_and_what_asks_for_health_touches_the_product_cache() {
    let template = Template::read();
    let may = ["GetProductFunction", "HealthFunction", "PutProductFunction"];
    for (id, function) in template.functions() {
        let variables = property(function, "Environment").map(|it| &it["Variables"]);
        let named = variables.is_some_and(|it| it.contains_mapping_key("PRODUCT_CACHE_TABLE"));
        assert_eq!(named, may.contains(&id), "{id}");
    }
    for (role, statement) in template.allowed() {
        if strings(&statement["Action"]).iter().any(|action| action.starts_with("dynamodb:")) {
            let function = role.replace("Role", "Function");
            assert!(may.contains(&function.as_str()), "{role}");
        }
    }
}

#[test]
fn the_limits_of_an_owner_are_parameters_that_create_order_alone_is_given() {
    let template = Template::read();
    let limits = [
        ("MaxPendingOrders", "OWNER_PENDING_LIMIT", 100),
        ("MaxOrdersPerMinute", "OWNER_ORDERS_PER_MINUTE", 60),
    ];
    for (parameter, variable, default) in limits {
        let limit = &template.root["Parameters"][parameter];
        assert_eq!(limit["Default"].as_integer(), Some(default), "{parameter}");
        assert_eq!(limit["MinValue"].as_integer(), Some(1), "{parameter}");
        for (id, function) in template.functions() {
            let given = variable_of(function, variable).map(plain);
            let expected = (id == "CreateOrderFunction").then_some(parameter);
            assert_eq!(given, expected, "{id}: {variable}");
        }
    }
}

/// Orders belong to a `sub`, and a `sub` to its issuer.
#[test]
fn whoever_looks_at_owners_knows_the_first_issuer_and_migrate_the_one_in_force() {
    let template = Template::read();
    assert_eq!(template.root["Parameters"]["FirstJwtIssuer"]["Default"].as_str(), Some(""));
    for (id, function) in template.functions() {
        let code = source(&kebab(id.strip_suffix("Function").unwrap()));
        let migrates = id == "MigrateFunction";
        let expected = (migrates || code.contains("http::serve(")).then_some("FirstJwtIssuer");
        assert_eq!(variable_of(function, "FIRST_JWT_ISSUER").map(plain), expected, "{id}");
        assert_eq!(variable_of(function, "JWT_ISSUER").is_some(), migrates, "{id}");
    }
    let auth = &template.of_type("AWS::Serverless::HttpApi")["HttpApi"]["Auth"];
    let accepted = &auth["Authorizers"]["Tokens"]["JwtConfiguration"]["issuer"];
    let migrate = template.functions()["MigrateFunction"];
    assert_eq!(variable_of(migrate, "JWT_ISSUER"), Some(accepted));
}

#[test]
fn every_route_but_the_public_ones_wants_a_token_with_a_scope_that_its_function_wants_too() {
    let template = Template::read();
    let auth = &template.of_type("AWS::Serverless::HttpApi")["HttpApi"]["Auth"];
    assert_eq!(auth["DefaultAuthorizer"].as_str(), Some("Tokens"));
    let authorizer = &auth["Authorizers"]["Tokens"];
    assert_eq!(authorizer["IdentitySource"].as_str(), Some("$request.header.Authorization"));
    for part in ["issuer", "audience"] {
        assert!(property(&authorizer["JwtConfiguration"], part).is_some(), "{part}");
    }

    let public =
        ["$default", "GET /docs", "GET /health", "GET /openapi.json", "GET /problems/{code}"];
    let routes = routes(&template);
    assert!(routes.len() >= 8, "{routes:?}");
    for (id, route, auth) in routes {
        let code = source(&kebab(id.strip_suffix("Function").unwrap()));
        let auth = auth.unwrap_or_else(|| panic!("{route} says nothing of who may call it"));
        if public.contains(&route.as_str()) {
            assert_eq!(auth["Authorizer"].as_str(), Some("NONE"), "{route}");
            assert!(code.contains("http::serve_public("), "{route}");
            continue;
        }
        assert!(property(auth, "Authorizer").is_none(), "{route}");
        let scopes = strings(&auth["AuthorizationScopes"]);
        assert!(!scopes.is_empty(), "{route}");
        let (_, asked) = code.split_once("any_of: &[").unwrap();
        let (asked, _) = asked.split_once(']').unwrap();
        let asked: Vec<_> = asked.split("Scope::").skip(1).collect();
        let asked = asked.iter().map(|it| it.trim_end_matches([',', ' ', '\n']));
        let asked: Vec<_> = asked.map(|it| format!("orders/{}", it.to_lowercase())).collect();
        assert_eq!(asked, scopes, "{route}");
        assert!(code.contains("http::serve(&config, &handler::ROUTE,"), "{route}");
    }
}

#[test]
fn what_has_no_route_is_answered_by_the_service_and_not_by_the_gateway() {
    let template = Template::read();
    let routes = routes(&template);
    let default: Vec<_> = routes.iter().filter(|(_, route, _)| route == "$default").collect();
    assert_eq!(default.len(), 1);
    assert_eq!(default[0].0, "DescribeApiFunction");
}

#[test]
fn the_description_is_not_told_where_the_database_is() {
    let template = Template::read();
    let variables = &template.functions()["DescribeApiFunction"]["Environment"]["Variables"];
    assert_eq!(variables["DATABASE_URL"].as_str(), Some(""));
    assert!(!source("describe-api").contains("config.database()"));
}

#[test]
fn no_page_of_another_origin_may_call_unless_a_parameter_names_it() {
    let template = Template::read();
    assert_eq!(template.root["Parameters"]["CorsOrigins"]["Default"].as_str(), Some(""));
    let cors = &template.of_type("AWS::Serverless::HttpApi")["HttpApi"]["CorsConfiguration"];
    assert_eq!(cors.get_tag().unwrap().suffix, "If");
    let parts = cors.get_tagged_node().unwrap().as_vec().unwrap();
    assert_eq!(parts[0].as_str(), Some("WithCors"));
    assert_eq!(plain(&parts[2]), "AWS::NoValue");
}

#[test]
fn a_deployed_function_is_never_told_who_calls() {
    let template = include_str!("../../../template.yaml");
    assert!(!template.contains("WATCH_CALLER"));
    // And under that name the functions read it, here and nowhere else.
    assert!(include_str!("../../../shared/src/config.rs").contains("\"WAYBILL_WATCH_CALLER\""));
}

#[test]
fn people_who_sign_in_do_not_become_staff() {
    let template = Template::read();
    let clients = template.of_type("AWS::Cognito::UserPoolClient");
    for (id, client) in &clients {
        let scopes = strings(&client["AllowedOAuthScopes"]);
        let is_secret = client["GenerateSecret"].as_bool() == Some(true);
        assert_eq!(scopes.contains(&"orders/staff"), is_secret, "{id}");
    }
    assert_eq!(clients.len(), 2);
}

#[test]
fn the_users_of_a_pool_outlive_the_stack_as_their_orders_do() {
    let template = Template::read();
    let pool = &template.root["Resources"]["UserPool"];
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        assert_eq!(pool[policy].as_str(), Some("Retain"), "{policy}");
    }
}

#[test]
fn cached_products_expire() {
    let template = Template::read();
    let ttl = &template.of_type("AWS::DynamoDB::Table")["ProductCache"]["TimeToLiveSpecification"];
    assert_eq!(ttl["AttributeName"].as_str(), Some("ttl"));
    assert_eq!(ttl["Enabled"].as_bool(), Some(true));
}

/// CloudFormation resolves it, so that no function has to be allowed to read it, and no deployer has
/// to think of one.
#[test]
fn the_cursor_secret_is_made_by_the_stack_and_named_by_reference() {
    let template = Template::read();
    let secret = &template.of_type("AWS::SecretsManager::Secret")["CursorSecret"];
    assert!(secret["GenerateSecretString"]["PasswordLength"].as_integer().unwrap() >= 32);
    let mut given = 0;
    for function in template.functions().values() {
        let Some(environment) = property(function, "Environment") else { continue };
        let Some(value) = property(&environment["Variables"], "CURSOR_SECRET") else { continue };
        assert_eq!(plain(value), "{{resolve:secretsmanager:${CursorSecret}}}");
        given += 1;
    }
    assert_eq!(given, 2);
}

#[test]
fn the_database_url_is_not_shown_and_has_no_default() {
    let template = Template::read();
    let url = &template.root["Parameters"]["DatabaseUrl"];
    assert_eq!(url["NoEcho"].as_bool(), Some(true));
    assert!(property(url, "Default").is_none());
}

#[test]
fn there_is_no_warehouse_unless_one_is_named_and_its_secret_is_not_shown() {
    let template = Template::read();
    let parameters = &template.root["Parameters"];
    for (parameter, variable) in
        [("WarehouseUrl", "WAREHOUSE_URL"), ("WarehouseSecret", "WAREHOUSE_SECRET")]
    {
        assert_eq!(parameters[parameter]["Default"].as_str(), Some(""), "{parameter}");
        let given = &template.functions()["FulfillOrderFunction"]["Environment"]["Variables"];
        assert_eq!(plain(&given[variable]), parameter);
    }
    assert_eq!(parameters["WarehouseSecret"]["NoEcho"].as_bool(), Some(true));
    // In the clear, an order would travel past strangers.
    let pattern = parameters["WarehouseUrl"]["AllowedPattern"].as_str().unwrap();
    assert!(pattern.starts_with("(https://.+)?|http://(localhost|"), "{pattern}");
}
