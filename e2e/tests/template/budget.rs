//! How many connections the functions may open, and how many requests are let in to use them.

use saphyr::Yaml;

use crate::yaml::{Template, kebab, plain, property, routes};

/// Connections of the database that no function may have.
const RESERVE: i64 = 20;
/// What a request takes of its function, several times over: the formula of docs/operations.md.
const REQUEST_MS: i64 = 50;

impl Template {
    fn parameter(&self, name: &str) -> &Yaml<'static> {
        let parameter = property(&self.root["Parameters"], name);
        parameter.unwrap_or_else(|| panic!("there is no parameter {name}"))
    }

    /// A number, or the default of the parameter that stands in its place.
    fn number(&self, node: &Yaml<'static>) -> i64 {
        node.as_integer().unwrap_or_else(|| self.default_of(plain(node)))
    }

    fn default_of(&self, parameter: &str) -> i64 {
        self.parameter(parameter)["Default"].as_integer().unwrap()
    }

    /// Function ids, and what bounds each that connects to the database.
    fn bounds(&self) -> Vec<(&str, i64)> {
        let connects = |function: &Yaml<'static>| {
            let own = property(function, "Environment")
                .and_then(|given| property(&given["Variables"], "DATABASE_URL"));
            own.is_none_or(|own| own.as_str() != Some(""))
        };
        let functions = self.functions().into_iter().filter(|(_, function)| connects(function));
        let bounds = functions.map(|(id, function)| {
            let bound = property(function, "ReservedConcurrentExecutions");
            let bound = bound.unwrap_or_else(|| panic!("{id} may run as often as it likes"));
            assert_eq!(bound.get_tag().unwrap().suffix, "If", "{id}");
            let parts = bound.get_tagged_node().unwrap().as_vec().unwrap();
            let parts: Vec<_> = parts.iter().map(plain).collect();
            let own = format!("{}Concurrency", id.strip_suffix("Function").unwrap());
            assert_eq!(parts, ["ReservesConcurrency", &own, "AWS::NoValue"], "{id}");
            (id, self.default_of(&own))
        });
        bounds.collect()
    }
}

#[test]
fn every_function_that_connects_is_bounded_and_all_of_them_leave_connections_to_people() {
    let template = Template::read();
    let bounds = template.bounds();
    assert_eq!(bounds.len(), template.functions().len() - 1, "all but describe-api connect");
    let most: i64 = bounds.iter().map(|(_, bound)| bound).sum();
    let allowed = template.default_of("DatabaseConnections");
    assert!(most <= allowed - RESERVE, "{most} of {allowed}");
    // And people are told the same numbers.
    let described = template.parameter("DatabaseConnections")["Description"].as_str().unwrap();
    assert!(described.contains(&format!("{RESERVE} are kept for people")), "{described}");
    let operations = include_str!("../../../docs/operations.md");
    assert!(operations.contains(&format!("{most} of {allowed} connections")), "{most}");
    for (id, bound) in bounds {
        let name = kebab(id.strip_suffix("Function").unwrap());
        assert!(operations.contains(&format!("| {name} | {bound} |")), "{name}: {bound}");
    }
}

#[test]
fn the_bounds_can_be_turned_off_for_an_account_that_is_too_small_to_reserve() {
    let template = Template::read();
    let reserve = template.parameter("ReserveConcurrency");
    assert_eq!(reserve["Default"].as_str(), Some("true"));
    let condition = &template.root["Conditions"]["ReservesConcurrency"];
    assert_eq!(condition.get_tag().unwrap().suffix, "Equals");
    let sides = condition.get_tagged_node().unwrap().as_vec().unwrap();
    assert_eq!((plain(&sides[0]), sides[1].as_str()), ("ReserveConcurrency", Some("true")));
}

#[test]
fn a_queue_hands_over_no_more_batches_at_once_than_its_function_may_run() {
    let template = Template::read();
    let bounds = template.bounds();
    for (function, _, source) in template.queue_consumers() {
        let at_once = &source["ScalingConfig"]["MaximumConcurrency"];
        let bound = bounds.iter().find(|(id, _)| *id == function).unwrap().1;
        assert!(template.number(at_once) <= bound, "{function}");
        // Less is refused by AWS.
        assert_eq!(template.parameter(plain(at_once))["MinValue"].as_integer(), Some(2));
    }
}

#[test]
fn what_the_gateway_lets_through_finds_an_environment() {
    let template = Template::read();
    let api = template.of_type("AWS::Serverless::HttpApi")["HttpApi"];
    let bounds = template.bounds();
    let mut throttled = 0;
    for (id, route, _) in routes(&template) {
        let Some((_, bound)) = bounds.iter().find(|(bounded, _)| *bounded == id) else { continue };
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
fn every_setting_of_a_route_is_for_a_route_that_there_is() {
    let template = Template::read();
    let api = template.of_type("AWS::Serverless::HttpApi")["HttpApi"];
    let routes = routes(&template);
    for key in api["RouteSettings"].as_mapping().unwrap().keys() {
        let key = key.as_str().unwrap();
        assert!(routes.iter().any(|(_, route, _)| route == key), "{key}");
    }
}
