//! The routes, and who may call them.

use testkit::template::{Template, arguments, folder, plain, property, strings, variable_of};

use crate::source;

#[test]
fn every_route_that_is_not_public_requires_the_scopes_that_its_function_requires() {
    let template = Template::read();
    let auth = &template.api()["Auth"];
    assert_eq!(auth["DefaultAuthorizer"].as_str(), Some("Tokens"));
    let authorizer = &auth["Authorizers"]["Tokens"];
    assert_eq!(authorizer["IdentitySource"].as_str(), Some("$request.header.Authorization"));
    for part in ["issuer", "audience"] {
        assert!(property(&authorizer["JwtConfiguration"], part).is_some(), "{part}");
    }

    let public =
        ["$default", "GET /docs", "GET /health", "GET /openapi.json", "GET /problems/{code}"];
    let routes = template.routes();
    assert!(routes.len() >= 8);
    for route in &routes {
        let (code, key) = (source(&folder(route.function)), route.key());
        let auth = route.auth.unwrap_or_else(|| panic!("{key} does not say who may call it"));
        if public.contains(&key.as_str()) {
            assert_eq!(auth["Authorizer"].as_str(), Some("NONE"), "{key}");
            assert!(code.contains("http::serve_public("), "{key}");
            continue;
        }
        assert!(property(auth, "Authorizer").is_none(), "{key}");
        let scopes = strings(&auth["AuthorizationScopes"]);
        assert!(!scopes.is_empty(), "{key}");
        let (_, asked) = code.split_once("any_of: &[").unwrap();
        let (asked, _) = asked.split_once(']').unwrap();
        let asked: Vec<_> = asked.split("Scope::").skip(1).collect();
        let asked = asked.iter().map(|it| it.trim_end_matches([',', ' ', '\n']));
        let asked: Vec<_> = asked.map(|it| format!("orders/{}", it.to_lowercase())).collect();
        assert_eq!(asked, scopes, "{key}");
        assert!(code.contains("http::serve(&config, &handler::ROUTE,"), "{key}");
    }
}

#[test]
fn the_default_route_is_answered_by_describe_api() {
    let template = Template::read();
    let routes = template.routes();
    let default = routes.iter().filter(|route| route.key() == "$default");
    let functions: Vec<_> = default.map(|route| route.function).collect();
    assert_eq!(functions, ["DescribeApiFunction"]);
}

#[test]
fn other_origins_may_call_only_if_a_parameter_names_them() {
    let template = Template::read();
    assert_eq!(template.parameter("CorsOrigins")["Default"].as_str(), Some(""));
    let parts = arguments(&template.api()["CorsConfiguration"], "If");
    assert_eq!(parts[0].as_str(), Some("WithCors"));
    assert_eq!(plain(&parts[2]), "AWS::NoValue");
}

#[test]
fn a_deployed_function_has_no_fixed_caller() {
    let template = include_str!("../../../template.yaml");
    assert!(!template.contains("WATCH_CALLER"));
    // The name under which functions read it.
    assert!(include_str!("../../../shared/src/config.rs").contains("\"WAYBILL_WATCH_CALLER\""));
}

/// An order belongs to a `sub` of one issuer.
#[test]
fn functions_that_check_owners_are_given_the_first_issuer_and_migrate_also_the_current_one() {
    let template = Template::read();
    assert_eq!(template.parameter("FirstJwtIssuer")["Default"].as_str(), Some(""));
    for (id, function) in template.functions() {
        let code = source(&folder(id));
        let migrates = id == "MigrateFunction";
        let expected = (migrates || code.contains("http::serve(")).then_some("FirstJwtIssuer");
        assert_eq!(variable_of(function, "FIRST_JWT_ISSUER").map(plain), expected, "{id}");
        assert_eq!(variable_of(function, "JWT_ISSUER").is_some(), migrates, "{id}");
    }
    let auth = &template.api()["Auth"];
    let accepted = &auth["Authorizers"]["Tokens"]["JwtConfiguration"]["issuer"];
    let migrate = template.functions()["MigrateFunction"];
    assert_eq!(variable_of(migrate, "JWT_ISSUER"), Some(accepted));
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
fn the_user_pool_outlives_the_stack_as_orders_do() {
    let template = Template::read();
    let pool = &template.root["Resources"]["UserPool"];
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        assert_eq!(pool[policy].as_str(), Some("Retain"), "{policy}");
    }
}
