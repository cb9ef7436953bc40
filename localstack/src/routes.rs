//! The routes of the HTTP API, and who may call them, as they stand in the processed template. The
//! emulator ignores the `OpenAPI` body in which SAM hands them over; `gateway.rs` makes them.
//!
//! What is not understood is an error: a route that was silently left out, or one that silently lost
//! its authorizer, would make the local stack lie about the deployed one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use waybill_ops::error::Result;

use crate::intrinsics::{Place, Resolver, not_understood};

/// What SAM writes for a route that says itself that it has no authorizer.
const NONE: &str = "NONE";

/// The route for what no other route is for: its path and its key, its method, and its mark.
const DEFAULT: &str = "$default";
const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
const IS_DEFAULT: &str = "isDefaultRoute";

/// What must exist.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Api {
    /// In the template.
    pub(crate) logical_id: String,
    /// By name.
    pub(crate) authorizers: BTreeMap<String, Authorizer>,
    /// By route key (`GET /orders/{id}`).
    pub(crate) routes: BTreeMap<String, Route>,
}

/// Which tokens are good.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorizer {
    pub(crate) issuer: String,
    pub(crate) audience: Vec<String>,
    pub(crate) identity_source: String,
}

/// What a request leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Of the integration.
    pub(crate) uri: String,
    /// The name of the authorizer, and the scopes of which a token must have one.
    pub(crate) guard: Option<(String, Vec<String>)>,
}

/// The one HTTP API in a processed template.
///
/// # Errors
/// If there is not exactly one API, or if its body holds anything that is not understood.
pub(crate) fn from_template(template: &Value, place: &Place<'_>) -> Result<Api> {
    let resources = object(template.get("Resources"), "Resources")?;
    let mut apis = resources.iter().filter(|(_, resource)| {
        resource.get("Type").and_then(Value::as_str) == Some("AWS::ApiGatewayV2::Api")
    });
    let (Some((logical_id, api)), None) = (apis.next(), apis.next()) else {
        return Err(not_understood("other than one AWS::ApiGatewayV2::Api"));
    };
    let resolver = Resolver::new(template, place);
    let body = object(api.pointer("/Properties/Body"), "the body of the API")?;
    let known = ["components", "info", "openapi", "paths", "tags", "x-amazon-apigateway-cors"];
    only(body, &known, "the body of the API")?;
    if let Some(cors) = body.get("x-amazon-apigateway-cors")
        && resolver.resolve(cors)?.is_some()
    {
        return Err(not_understood("origins for CORS"));
    }
    let authorizers = match body.get("components") {
        Some(components) => authorizers(components, &resolver)?,
        None => BTreeMap::new(),
    };
    let mut routes = BTreeMap::new();
    for (path, operations) in object(body.get("paths"), "paths")? {
        for (method, operation) in object(Some(operations), path)? {
            let key = route_key(path, method, operation)?;
            let route = route(operation, &key, &resolver)?;
            if let Some((authorizer, _)) = &route.guard
                && !authorizers.contains_key(authorizer)
            {
                return Err(not_understood(&format!("no authorizer {authorizer} for {key}")));
            }
            routes.insert(key, route);
        }
    }
    Ok(Api { logical_id: logical_id.clone(), authorizers, routes })
}

/// What SAM writes for a route without path and method is the one for everything else; a path for any
/// method is not understood.
fn route_key(path: &str, method: &str, operation: &Value) -> Result<String> {
    let says_default = operation.get(IS_DEFAULT) == Some(&Value::Bool(true));
    match (path, method) {
        (DEFAULT, ANY_METHOD) if says_default => Ok(DEFAULT.to_owned()),
        (DEFAULT, _) | (_, ANY_METHOD) => Err(not_understood(&format!("{method} at {path}"))),
        _ if says_default => Err(not_understood(&format!("a default route at {path}"))),
        _ => Ok(format!("{} {path}", method.to_uppercase())),
    }
}

fn authorizers(
    components: &Value,
    resolver: &Resolver<'_>,
) -> Result<BTreeMap<String, Authorizer>> {
    let components = object(Some(components), "components")?;
    only(components, &["securitySchemes"], "components")?;
    let mut authorizers = BTreeMap::new();
    for (name, scheme) in object(components.get("securitySchemes"), "securitySchemes")? {
        let scheme = object(Some(scheme), name)?;
        only(scheme, &["type", "x-amazon-apigateway-authorizer"], name)?;
        let authorizer = object(scheme.get("x-amazon-apigateway-authorizer"), name)?;
        only(authorizer, &["identitySource", "jwtConfiguration", "type"], name)?;
        let is_jwt = authorizer.get("type").is_some_and(|kind| kind == "jwt");
        let configuration = object(authorizer.get("jwtConfiguration"), name)?;
        only(configuration, &["audience", "issuer"], name)?;
        let value_of = |value: Option<&Value>| resolver.resolve(value.unwrap_or(&Value::Null));
        let issuer = value_of(configuration.get("issuer"))?.as_ref().and_then(text);
        let audience = value_of(configuration.get("audience"))?.as_ref().and_then(texts);
        let identity_source = value_of(authorizer.get("identitySource"))?.as_ref().and_then(text);
        let (true, Some(issuer), Some(audience), Some(identity_source)) =
            (is_jwt, issuer, audience.filter(|it| !it.is_empty()), identity_source)
        else {
            return Err(not_understood(&format!("another authorizer than one for JWTs in {name}")));
        };
        let authorizer = Authorizer { issuer, audience, identity_source };
        authorizers.insert(name.clone(), authorizer);
    }
    Ok(authorizers)
}

fn route(operation: &Value, key: &str, resolver: &Resolver<'_>) -> Result<Route> {
    let operation = object(Some(operation), key)?;
    let known =
        ["parameters", "responses", "security", "x-amazon-apigateway-integration", IS_DEFAULT];
    only(operation, &known, key)?;
    let integration = object(operation.get("x-amazon-apigateway-integration"), key)?;
    let known = ["httpMethod", "payloadFormatVersion", "type", "uri"];
    only(integration, &known, key)?;
    let is = |name: &str, value: &str| integration.get(name).is_some_and(|it| it == value);
    if !is("type", "aws_proxy") || !is("payloadFormatVersion", "2.0") {
        return Err(not_understood(&format!("another integration at {key}")));
    }
    let uri = integration.get("uri").and_then(|uri| uri.get("Fn::Sub"));
    let uri = uri.and_then(Value::as_str);
    let uri = uri.ok_or_else(|| not_understood(&format!("another URI at {key}")))?;
    let other = || not_understood(&format!("`security` of another form in {key}"));
    let guard = match operation.get("security") {
        None => None,
        Some(security) => match security.as_array().map(Vec::as_slice) {
            Some([Value::Object(scheme)]) if scheme.len() == 1 => {
                let (name, scopes) = scheme.iter().next().ok_or_else(other)?;
                let scopes = texts(scopes).ok_or_else(other)?;
                match (name.as_str(), scopes.as_slice()) {
                    (NONE, []) => None,
                    // With none, any token of the issuer would do.
                    (NONE, _) | (_, []) => return Err(other()),
                    _ => Some((name.clone(), scopes)),
                }
            }
            _ => return Err(other()),
        },
    };
    Ok(Route { uri: resolver.substitute(uri)?, guard })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
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

    fn secured(security: Value) -> Value {
        let mut operation = operation();
        operation["security"] = security;
        operation
    }

    fn scheme() -> Value {
        json!({
            "type": "oauth2",
            "x-amazon-apigateway-authorizer": {
                "type": "jwt",
                "identitySource": "$request.header.Authorization",
                "jwtConfiguration": {
                    "issuer": {"Fn::If": ["Own", "own", {"Ref": "Issuer"}]},
                    "audience": [{"Ref": "Audience"}],
                },
            },
        })
    }

    fn body(operation: &Value) -> Value {
        json!({"openapi": "3.0.1", "info": {}, "tags": [],
            "paths": {"/orders/{id}": {"get": operation}},
            "components": {"securitySchemes": {"Tokens": scheme()}}})
    }

    fn extract(body: &Value) -> Result<Api> {
        let template = json!({
            "Conditions": {"Own": {"Fn::Equals": [{"Ref": "Issuer"}, ""]}},
            "Resources": {
                "Queue": {"Type": "AWS::SQS::Queue"},
                "HttpApi": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}},
            },
        });
        let physical_id =
            |logical: &str| (logical == "GetOrderFunction").then(|| "waybill-get-order".to_owned());
        let parameter = |name: &str| match name {
            "Issuer" => Some("https://issuer.example".to_owned()),
            "Audience" => Some("shop".to_owned()),
            _ => None,
        };
        let place = Place {
            region: "eu-west-1",
            account: "000000000000",
            parameter: &parameter,
            physical_id: &physical_id,
        };
        from_template(&template, &place)
    }

    #[test]
    fn routes_come_out_with_their_functions_resolved() {
        let api = extract(&body(&operation())).unwrap();
        assert_eq!(api.logical_id, "HttpApi");
        let uri = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/\
            arn:aws:lambda:eu-west-1:000000000000:function:waybill-get-order/invocations";
        assert_eq!(api.routes["GET /orders/{id}"], Route { uri: uri.to_owned(), guard: None });
    }

    #[test]
    fn the_default_route_comes_out_as_such_and_no_other_is_for_any_method() {
        let mut default = operation();
        default[IS_DEFAULT] = json!(true);
        let at = |path: &str, method: &str, operation: &Value| {
            let mut body = body(&secured(json!([{"Tokens": ["a"]}])));
            body["paths"][path] = json!({ method: operation });
            extract(&body)
        };
        let api = at(DEFAULT, ANY_METHOD, &default).unwrap();
        let keys: Vec<_> = api.routes.keys().map(String::as_str).collect();
        assert_eq!(keys, ["$default", "GET /orders/{id}"]);
        assert_eq!(api.routes[DEFAULT].guard, None);
        for (path, method, operation) in [
            (DEFAULT, ANY_METHOD, &operation()),
            (DEFAULT, "get", &default),
            ("/any", ANY_METHOD, &operation()),
            ("/any", ANY_METHOD, &default),
            ("/any", "get", &default),
        ] {
            assert!(at(path, method, operation).is_err(), "{method} {path}");
        }
    }

    #[test]
    fn authorizers_come_out_with_the_scopes_of_the_routes_that_they_guard() {
        let api = extract(&body(&secured(json!([{"Tokens": ["a", "b"]}])))).unwrap();
        let guard = Some(("Tokens".to_owned(), vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(api.routes["GET /orders/{id}"].guard, guard);
        let authorizer = Authorizer {
            issuer: "https://issuer.example".to_owned(),
            audience: vec!["shop".to_owned()],
            identity_source: "$request.header.Authorization".to_owned(),
        };
        assert_eq!(api.authorizers, [("Tokens".to_owned(), authorizer)].into());

        let open = extract(&body(&secured(json!([{"NONE": []}])))).unwrap();
        assert_eq!(open.routes["GET /orders/{id}"].guard, None);
    }

    #[test]
    fn a_guard_that_is_not_understood_is_refused_rather_than_dropped() {
        for security in [
            json!([]),
            json!([{}]),
            json!([{"Tokens": []}]),
            json!([{"Others": ["a"]}]),
            json!([{"NONE": ["a"]}]),
            json!([{"Tokens": ["a"]}, {"NONE": []}]),
            json!([{"Tokens": ["a"], "Others": ["b"]}]),
            json!([{"Tokens": [{"Ref": "Scope"}]}]),
        ] {
            assert!(extract(&body(&secured(security.clone()))).is_err(), "{security}");
        }
    }

    #[test]
    fn an_authorizer_that_is_not_for_jwts_is_refused() {
        let authorizer = "/components/securitySchemes/Tokens/x-amazon-apigateway-authorizer";
        for (place, value) in [
            ("/type", json!("request")),
            ("/identitySource", json!(null)),
            ("/jwtConfiguration/audience", json!([])),
            ("/jwtConfiguration/issuer", json!({"Ref": "Other"})),
            ("/jwtConfiguration", json!(null)),
        ] {
            let mut body = body(&operation());
            *body.pointer_mut(&format!("{authorizer}{place}")).unwrap() = value;
            assert!(extract(&body).is_err(), "{place}");
        }
        let mut other = body(&operation());
        other.pointer_mut(authorizer).unwrap()["authorizerUri"] = json!("arn");
        assert!(extract(&other).unwrap_err().to_string().contains("`authorizerUri` in Tokens"));
    }

    #[test]
    fn origins_for_cors_are_refused_and_none_are_not() {
        for (condition, refused) in [("Own", false), ("Other", true)] {
            let mut body = body(&operation());
            let cors = json!({"Fn::If": [condition, {"maxAge": 1}, {"Ref": "AWS::NoValue"}]});
            body["x-amazon-apigateway-cors"] = cors;
            assert_eq!(extract(&body).is_err(), refused, "{condition}");
        }
    }

    #[test]
    fn an_unknown_reference_or_integration_is_refused() {
        let pointer = "/x-amazon-apigateway-integration";
        let mut unknown = operation();
        unknown.pointer_mut(pointer).unwrap()["uri"] = json!({"Fn::Sub": "${Other.Arn}"});
        let mut http = operation();
        http.pointer_mut(pointer).unwrap()["type"] = json!("http_proxy");
        for operation in [unknown, http] {
            assert!(extract(&body(&operation)).is_err());
        }
    }

    #[test]
    fn two_apis_are_refused() {
        let api = json!({"Type": "AWS::ApiGatewayV2::Api"});
        let nothing = |_: &str| None;
        let place = Place { region: "", account: "", parameter: &nothing, physical_id: &nothing };
        assert!(from_template(&json!({"Resources": {"A": api, "B": api}}), &place).is_err());
    }
}
