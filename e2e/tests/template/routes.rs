//! The routes, and who may call them.

use std::collections::{BTreeMap, BTreeSet};

use testkit::template::{Template, arguments, folder, plain, property, strings, variable_of};
use waybill::http::{Route, routes};

use crate::source;

/// The name of a route in API Gateway.
fn key(route: &Route) -> String {
    format!("{} {}", route.method.as_str(), route.path)
}

/// The function of each route of the template.
fn functions(template: &Template) -> BTreeMap<String, String> {
    template.routes().iter().map(|route| (route.key(), folder(route.function))).collect()
}

#[test]
fn the_template_has_the_routes_of_the_api_with_their_scopes() {
    let template = Template::read();
    let auth = &template.api()["Auth"];
    assert_eq!(auth["DefaultAuthorizer"].as_str(), Some("Tokens"));
    let authorizer = &auth["Authorizers"]["Tokens"];
    assert_eq!(authorizer["IdentitySource"].as_str(), Some("$request.header.Authorization"));
    for part in ["issuer", "audience"] {
        assert!(property(&authorizer["JwtConfiguration"], part).is_some(), "{part}");
    }

    let mut deployed = BTreeMap::new();
    for route in template.routes() {
        let key = route.key();
        let auth = route.auth.unwrap_or_else(|| panic!("{key} does not say who may call it"));
        let scopes = match property(auth, "AuthorizationScopes") {
            Some(scopes) => {
                assert!(property(auth, "Authorizer").is_none(), "{key}");
                strings(scopes)
            }
            None => {
                assert_eq!(auth["Authorizer"].as_str(), Some("NONE"), "{key}");
                Vec::new()
            }
        };
        assert!(deployed.insert(key, scopes).is_none());
    }
    let mut defined: BTreeMap<_, Vec<_>> = routes::ALL
        .iter()
        .map(|route| (key(route), route.any_of.iter().map(|scope| scope.as_str()).collect()))
        .collect();
    defined.insert("$default".to_owned(), Vec::new());
    assert_eq!(deployed, defined);
}

/// The constant of `createOrder` is `CREATE_ORDER`.
fn constant(route: &Route) -> String {
    let mut name = String::new();
    for letter in route.operation.chars() {
        if letter.is_uppercase() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

#[test]
fn a_function_serves_the_route_that_the_template_sends_it() {
    let functions = functions(&Template::read());
    for route in routes::ALL {
        let function = &functions[&key(route)];
        let call = match (function.as_str(), route.any_of) {
            ("describe-api", []) => "http::answer_anyone(request, description,".to_owned(),
            (_, []) => format!("http::answer_anyone(request, &routes::{},", constant(route)),
            _ => format!("http::answer(request, callers, &routes::{},", constant(route)),
        };
        assert!(source(function).contains(&call), "{function} lacks {call}");
    }
}

#[test]
fn cargo_lambda_watch_has_the_routes_of_the_template() {
    let manifest: toml::Table = include_str!("../../../Cargo.toml").parse().unwrap();
    let router = &manifest["workspace"]["metadata"]["lambda"]["watch"]["router"];
    let mut watched = BTreeMap::new();
    for (path, entries) in router.as_table().unwrap() {
        for entry in entries.as_array().unwrap() {
            let [method, function] = ["method", "function"].map(|key| entry[key].as_str().unwrap());
            let known = watched.insert(format!("{method} {path}"), function.to_owned());
            assert!(known.is_none(), "{method} {path}");
        }
    }
    let mut deployed = functions(&Template::read());
    // `cargo lambda watch` has no default route.
    deployed.remove("$default");
    assert_eq!(watched, deployed);
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
    assert!(
        include_str!("../../../shared/src/config/http.rs").contains("\"WAYBILL_WATCH_CALLER\"")
    );
}

/// An order belongs to a `sub` of one issuer.
#[test]
fn functions_that_check_owners_are_given_the_first_issuer_and_migrate_also_the_current_one() {
    let template = Template::read();
    assert_eq!(template.parameter("FirstJwtIssuer")["Default"].as_str(), Some(""));
    let all = functions(&template);
    let private = routes::ALL.iter().filter(|route| !route.any_of.is_empty());
    let private: BTreeSet<_> = private.map(|route| &all[&key(route)]).collect();
    for (id, function) in template.functions() {
        let migrates = id == "MigrateFunction";
        let checks_owners = private.contains(&folder(id));
        let expected = (migrates || checks_owners).then_some("FirstJwtIssuer");
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
