//! The routes of the HTTP API. The emulator ignores the `OpenAPI` body in which SAM hands them over,
//! so they are read from the processed template and created one by one.
//!
//! What is not understood is an error: a route that was silently left out, or one that silently lost
//! its authorizer, would make the local stack lie about the deployed one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::IntegrationType;
use serde_json::{Map, Value};

use crate::error::{Context as _, Error, Result};

/// What the template's references resolve to.
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// The physical id of a logical one.
    pub(crate) physical_id: &'a dyn Fn(&str) -> Option<String>,
}

/// What must exist: route key (`GET /orders/{id}`) to integration URI.
pub(crate) type Routes = BTreeMap<String, String>;

/// The logical id of the one HTTP API in a processed template, and its routes.
///
/// # Errors
/// If there is not exactly one API, or if its body holds anything that is not understood.
pub(crate) fn from_template(template: &Value, place: &Place<'_>) -> Result<(String, Routes)> {
    let resources = object(template.get("Resources"), "Resources")?;
    let mut apis = resources.iter().filter(|(_, resource)| {
        resource.get("Type").and_then(Value::as_str) == Some("AWS::ApiGatewayV2::Api")
    });
    let (Some((logical_id, api)), None) = (apis.next(), apis.next()) else {
        return Err(not_understood("other than one AWS::ApiGatewayV2::Api"));
    };
    let body = object(api.pointer("/Properties/Body"), "the body of the API")?;
    only(body, &["info", "openapi", "paths", "tags"], "the body of the API")?;
    let mut routes = Routes::new();
    for (path, operations) in object(body.get("paths"), "paths")? {
        for (method, operation) in object(Some(operations), path)? {
            let key = format!("{} {path}", method.to_uppercase());
            only(
                object(Some(operation), &key)?,
                &["parameters", "responses", "x-amazon-apigateway-integration"],
                &key,
            )?;
            let integration = object(operation.get("x-amazon-apigateway-integration"), &key)?;
            let known = ["httpMethod", "payloadFormatVersion", "type", "uri"];
            only(integration, &known, &key)?;
            let is = |name: &str, value: &str| integration.get(name).is_some_and(|it| it == value);
            if !is("type", "aws_proxy") || !is("payloadFormatVersion", "2.0") {
                return Err(not_understood(&format!("another integration at {key}")));
            }
            let uri = integration.get("uri").and_then(|uri| uri.get("Fn::Sub"));
            let uri = uri.and_then(Value::as_str);
            let uri = uri.ok_or_else(|| not_understood(&format!("another URI at {key}")))?;
            routes.insert(key, substitute(uri, place)?);
        }
    }
    Ok((logical_id.clone(), routes))
}

/// Makes the API's routes exactly these; changes nothing that is right already.
///
/// # Errors
/// If a call fails.
pub(crate) async fn reconcile(client: &Client, api_id: &str, wanted: &Routes) -> Result<()> {
    let failed = || format!("The routes of the API {api_id} cannot be created.");
    let found = client.get_integrations().api_id(api_id).send().await.context(failed)?;
    let mut integrations: BTreeMap<String, String> = found
        .items()
        .iter()
        .filter_map(|it| Some((it.integration_uri()?.to_owned(), it.integration_id()?.to_owned())))
        .collect();
    let uris: BTreeSet<&String> = wanted.values().collect();
    for uri in uris {
        if integrations.contains_key(uri) {
            continue;
        }
        let created = client
            .create_integration()
            .api_id(api_id)
            .integration_type(IntegrationType::AwsProxy)
            .integration_uri(uri)
            .payload_format_version("2.0")
            .send()
            .await
            .context(failed)?;
        let id = created.integration_id().unwrap_or_default();
        integrations.insert(uri.clone(), id.to_owned());
    }
    let target = |uri: &String| Some(format!("integrations/{}", integrations.get(uri)?));
    let found = client.get_routes().api_id(api_id).send().await.context(failed)?;
    let mut right = BTreeSet::new();
    for route in found.items() {
        let key = route.route_key().unwrap_or_default();
        if wanted.get(key).and_then(target).as_deref() == route.target() {
            right.insert(key);
        } else {
            let id = route.route_id().unwrap_or_default();
            client.delete_route().api_id(api_id).route_id(id).send().await.context(failed)?;
        }
    }
    for (key, uri) in wanted.iter().filter(|(key, _)| !right.contains(key.as_str())) {
        client
            .create_route()
            .api_id(api_id)
            .route_key(key)
            .set_target(target(uri))
            .send()
            .await
            .context(failed)?;
    }
    Ok(())
}

/// `Fn::Sub`, as far as SAM uses it for integrations.
fn substitute(text: &str, place: &Place<'_>) -> Result<String> {
    let (region, account) = (place.region, place.account);
    let mut parts = text.split("${");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) =
            part.split_once('}').ok_or_else(|| not_understood(&format!("the URI {text}")))?;
        match name {
            "AWS::Partition" => result.push_str("aws"),
            "AWS::Region" => result.push_str(region),
            _ => {
                let function = name.strip_suffix(".Arn").and_then(place.physical_id);
                let function =
                    function.ok_or_else(|| not_understood(&format!("${{{name}}} in a URI")))?;
                let _ = write!(result, "arn:aws:lambda:{region}:{account}:function:{function}");
            }
        }
        result.push_str(rest);
    }
    Ok(result)
}

fn object<'a>(value: Option<&'a Value>, what: &str) -> Result<&'a Map<String, Value>> {
    value.and_then(Value::as_object).ok_or_else(|| not_understood(&format!("no object at {what}")))
}

fn only(object: &Map<String, Value>, known: &[&str], what: &str) -> Result<()> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(not_understood(&format!("`{key}` in {what}"))),
        None => Ok(()),
    }
}

fn not_understood(what: &str) -> Error {
    Error::new(format!(
        "The processed template holds {what}, which localstack/src/routes.rs does not understand. \
         Teach it, so that the local API stays the one that is deployed."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation() -> Value {
        json!({
            "x-amazon-apigateway-integration": {
                "httpMethod": "POST",
                "type": "aws_proxy",
                "uri": {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path\
                    /2015-03-31/functions/${GetOrderFunction.Arn}/invocations"},
                "payloadFormatVersion": "2.0"
            },
            "responses": {},
            "parameters": [{"required": true, "name": "id", "in": "path"}]
        })
    }

    fn template(body: &Value) -> Value {
        json!({"Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "HttpApi": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}},
        }})
    }

    fn extract(template: &Value) -> Result<(String, Routes)> {
        let physical_id =
            |logical: &str| (logical == "GetOrderFunction").then(|| "waybill-get-order".to_owned());
        let place =
            Place { region: "eu-west-1", account: "000000000000", physical_id: &physical_id };
        from_template(template, &place)
    }

    #[test]
    fn routes_come_out_with_their_functions_resolved() {
        let body = json!({"openapi": "3.0.1", "info": {}, "tags": [],
            "paths": {"/orders/{id}": {"get": operation()}}});
        let (api, routes) = extract(&template(&body)).unwrap();
        assert_eq!(api, "HttpApi");
        let uri = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/\
            arn:aws:lambda:eu-west-1:000000000000:function:waybill-get-order/invocations";
        assert_eq!(routes, Routes::from([("GET /orders/{id}".to_owned(), uri.to_owned())]));
    }

    #[test]
    fn an_authorizer_is_refused_rather_than_dropped() {
        let body = json!({"openapi": "3.0.1", "paths": {}, "components": {"securitySchemes": {}}});
        let error = extract(&template(&body)).unwrap_err().to_string();
        assert!(error.contains("`components`"), "{error}");

        let mut secured = operation();
        secured["security"] = json!([{"Jwt": []}]);
        let body = json!({"paths": {"/orders/{id}": {"get": secured}}});
        let error = extract(&template(&body)).unwrap_err().to_string();
        assert!(error.contains("`security` in GET /orders/{id}"), "{error}");
    }

    #[test]
    fn an_unknown_reference_or_integration_is_refused() {
        let pointer = "/x-amazon-apigateway-integration";
        let mut unknown = operation();
        unknown.pointer_mut(pointer).unwrap()["uri"] = json!({"Fn::Sub": "${Other.Arn}"});
        let mut http = operation();
        http.pointer_mut(pointer).unwrap()["type"] = json!("http_proxy");
        for operation in [unknown, http] {
            let body = json!({"paths": {"/orders/{id}": {"get": operation}}});
            assert!(extract(&template(&body)).is_err());
        }
    }

    #[test]
    fn two_apis_are_refused() {
        let api = json!({"Type": "AWS::ApiGatewayV2::Api"});
        assert!(extract(&json!({"Resources": {"A": api, "B": api}})).is_err());
    }
}
