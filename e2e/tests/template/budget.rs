//! How many connections the functions may open, and how many requests may use them.

use testkit::template::{Node, Template, arguments, folder, plain, property, variable_of};

/// Database connections that are kept for people.
const RESERVE: i64 = 20;
/// A generous bound on the time of a request, from the formula in docs/operations.md.
const REQUEST_MS: i64 = 50;

/// The concurrency limit of each function that connects to the database, by function id.
fn limits(template: &Template) -> Vec<(&str, i64)> {
    let connects = |function: &Node| variable_of(function, "DATABASE_URL").is_some();
    let functions = template.functions().into_iter().filter(|(_, function)| connects(function));
    let bounds = functions.map(|(id, function)| {
        let bound = property(function, "ReservedConcurrentExecutions");
        let bound = bound.unwrap_or_else(|| panic!("{id} has no concurrency limit"));
        let parts: Vec<_> = arguments(bound, "If").iter().map(plain).collect();
        let own = format!("{}Concurrency", id.strip_suffix("Function").unwrap());
        assert_eq!(parts, ["ReservesConcurrency", &own, "AWS::NoValue"], "{id}");
        (id, template.default_of(&own))
    });
    bounds.collect()
}

#[test]
fn every_function_that_connects_has_a_limit_and_together_they_leave_connections_for_people() {
    let template = Template::read();
    let bounds = limits(&template);
    assert_eq!(bounds.len(), template.functions().len() - 1, "all but describe-api connect");
    let most: i64 = bounds.iter().map(|(_, bound)| bound).sum();
    let allowed = template.default_of("DatabaseConnections");
    assert!(most <= allowed - RESERVE, "{most} of {allowed}");
    // The docs say the same numbers.
    let described = template.parameter("DatabaseConnections")["Description"].as_str().unwrap();
    assert!(described.contains(&format!("{RESERVE} are kept for people")), "{described}");
    let operations = include_str!("../../../docs/operations.md");
    assert!(operations.contains(&format!("{most} of {allowed} connections")), "{most}");
    for (id, bound) in bounds {
        let name = folder(id);
        assert!(operations.contains(&format!("| {name} | {bound} |")), "{name}: {bound}");
    }
}

#[test]
fn the_limits_can_be_turned_off_for_an_account_that_cannot_reserve_concurrency() {
    let template = Template::read();
    let reserve = template.parameter("ReserveConcurrency");
    assert_eq!(reserve["Default"].as_str(), Some("true"));
    let condition = &template.root["Conditions"]["ReservesConcurrency"];
    let sides = arguments(condition, "Equals");
    assert_eq!((plain(&sides[0]), sides[1].as_str()), ("ReserveConcurrency", Some("true")));
}

#[test]
fn a_queue_invokes_its_function_no_more_often_than_its_limit() {
    let template = Template::read();
    let bounds = limits(&template);
    for (function, _, source) in template.queue_consumers() {
        let at_once = &source["ScalingConfig"]["MaximumConcurrency"];
        let bound = bounds.iter().find(|(id, _)| *id == function).unwrap().1;
        assert!(template.number(at_once) <= bound, "{function}");
        // The least that AWS accepts.
        assert_eq!(template.parameter(plain(at_once))["MinValue"].as_integer(), Some(2));
    }
}

#[test]
fn the_throttling_of_a_route_fits_the_limit_of_its_function() {
    let template = Template::read();
    let api = template.api();
    let bounds = limits(&template);
    let mut throttled = 0;
    for route in template.routes() {
        let bound = bounds.iter().find(|(bounded, _)| *bounded == route.function);
        let Some((_, bound)) = bound else { continue };
        let route = route.key();
        let settings = property(&api["RouteSettings"], &route);
        let settings = settings.unwrap_or(&api["DefaultRouteSettings"]);
        let [rate, burst] = ["ThrottlingRateLimit", "ThrottlingBurstLimit"]
            .map(|limit| template.number(&settings[limit]));
        assert!(0 < burst && burst <= *bound, "{route}: {burst} at once, {bound} run");
        assert!(0 < rate && rate * REQUEST_MS <= bound * 1000, "{route}: {rate} for {bound}");
        throttled += 1;
    }
    assert_eq!(throttled, 9);
    // An order holds locks on its products.
    assert!(template.default_of("OrderRate") < template.default_of("RequestRate"));
}

#[test]
fn route_settings_exist_only_for_routes_that_exist() {
    let template = Template::read();
    let api = template.api();
    let routes = template.routes();
    for key in api["RouteSettings"].as_mapping().unwrap().keys() {
        let key = key.as_str().unwrap();
        assert!(routes.iter().any(|route| route.key() == key), "{key}");
    }
}
