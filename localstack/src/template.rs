//! The copy of `template.yaml` that MiniStack gets. It is the template, with two additions:
//!
//! - SAM puts routes and authorizer into the `OpenAPI` body of the API, and MiniStack ignores that
//!   body. So the copy has them as resources of `CloudFormation`.
//! - MiniStack keeps a number that comes from a parameter as text, and its poller of the queue fails at
//!   that. So the copy has the number.
//!
//! Anything unknown is an error: a route without its authorizer would make the local stack differ from
//! the deployed one.

use std::fmt::Write as _;

use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::{Map, Value, json};
use waybill_ops::error::{Context as _, Error, Result};

/// The line before the first resource.
const RESOURCES: &str = "\nResources:\n";
/// How a parameter limits the concurrency of a queue.
const CONCURRENCY: &str = "MaximumConcurrency: !Ref ";
/// The authorizer's name in the copy.
const AUTHORIZER: &str = "RouteAuthorizer";
/// The authorizer of a route that needs no token.
const NONE: &str = "NONE";

/// The copy, for a file two folders below the checkout.
///
/// # Errors
/// If the template says something about routes that this file does not know.
pub(crate) fn for_ministack(template: &str) -> Result<String> {
    let documents = Yaml::load_from_str(template).context(|| "template.yaml is not YAML.")?;
    let root = documents.first().ok_or_else(|| Error::new("template.yaml is empty."))?;
    let resources = mapping(root, "Resources")?;
    let mut apis = resources.iter().filter(|(_, it)| is(it, "Type", "AWS::Serverless::HttpApi"));
    let (Some((api, definition)), None) = (apis.next(), apis.next()) else {
        return Err(unknown("other than one AWS::Serverless::HttpApi"));
    };
    let api = text(api)?;
    let mut added = Map::new();
    added.insert(AUTHORIZER.to_owned(), authorizer(api, definition)?);
    for (function, definition) in resources {
        let Ok(events) = get(definition, "Properties").and_then(|it| mapping(it, "Events")) else {
            continue;
        };
        for (event, definition) in events {
            if is(definition, "Type", "HttpApi") {
                let (function, event) = (text(function)?, text(event)?);
                let integration = format!("{function}Integration");
                let route = route(api, &integration, get(definition, "Properties")?)?;
                added.insert(format!("{function}{event}Route"), route);
                added.insert(integration, self::integration(api, function));
            }
        }
    }
    // JSON is YAML as well.
    let mut text = String::new();
    for (id, resource) in added {
        let _ = writeln!(text, "  {id}: {resource}");
    }
    let (before, after) =
        template.split_once(RESOURCES).ok_or_else(|| unknown("another form of `Resources:`"))?;
    let after = with_numbers(&after.replace("CodeUri: ", "CodeUri: ../../"), root)?;
    Ok(format!("{before}{RESOURCES}{text}{after}"))
}

/// The resources with the parameter's default in place of the parameter.
fn with_numbers(resources: &str, root: &Yaml<'_>) -> Result<String> {
    let mut parts = resources.split(CONCURRENCY);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) =
            part.split_once('\n').ok_or_else(|| unknown("a parameter in the last line"))?;
        let default = get(get(get(root, "Parameters")?, name)?, "Default")?.as_integer();
        let default = default.ok_or_else(|| unknown(&format!("no default number of {name}")))?;
        let _ = write!(text, "MaximumConcurrency: {default}\n{rest}");
    }
    Ok(text)
}

/// The authorizer. A local stack has its own issuer, which parameters name.
fn authorizer(api: &str, definition: &Yaml<'_>) -> Result<Value> {
    let auth = get(get(definition, "Properties")?, "Auth")?;
    only(auth, &["DefaultAuthorizer", "Authorizers"])?;
    let authorizers = mapping(auth, "Authorizers")?;
    let (Some((name, authorizer)), None) = (authorizers.iter().next(), authorizers.iter().nth(1))
    else {
        return Err(unknown("other than one authorizer"));
    };
    let name = text(name)?;
    only(authorizer, &["IdentitySource", "JwtConfiguration"])?;
    let jwt = get(authorizer, "JwtConfiguration")?;
    only(jwt, &["issuer", "audience"])?;
    // !If [OwnUserPool, …, the value for an issuer that is named]
    let when_named = |key| get(jwt, key).ok().and_then(|it| untagged(it).as_sequence_get(2));
    let issuer = when_named("issuer").map(untagged).and_then(Yaml::as_str);
    let audience = when_named("audience").and_then(|it| it.as_sequence_get(0)).map(untagged);
    if !is(auth, "DefaultAuthorizer", name)
        || issuer != Some("JwtIssuer")
        || audience.and_then(Yaml::as_str) != Some("JwtAudience")
    {
        return Err(unknown("another default authorizer, issuer or audience"));
    }
    Ok(json!({"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": {
        "ApiId": {"Ref": api},
        "Name": name,
        "AuthorizerType": "JWT",
        "IdentitySource": [text(get(authorizer, "IdentitySource")?)?],
        "JwtConfiguration": {"Issuer": {"Ref": "JwtIssuer"}, "Audience": [{"Ref": "JwtAudience"}]},
    }}))
}

fn integration(api: &str, function: &str) -> Value {
    json!({"Type": "AWS::ApiGatewayV2::Integration", "Properties": {
        "ApiId": {"Ref": api},
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": {"Fn::GetAtt": [function, "Arn"]},
        "PayloadFormatVersion": "2.0",
    }})
}

fn route(api: &str, integration: &str, event: &Yaml<'_>) -> Result<Value> {
    only(event, &["ApiId", "Method", "Path", "Auth"])?;
    let auth = get(event, "Auth")?;
    only(auth, &["AuthorizationScopes", "Authorizer"])?;
    let part = |key| event.as_mapping_get(key).map(text).transpose();
    let key = match (part("Method")?, part("Path")?) {
        (Some(method), Some(path)) => format!("{} {path}", method.to_uppercase()),
        (None, None) => "$default".to_owned(),
        _ => return Err(unknown("a route with half a key")),
    };
    let scopes =
        match (auth.as_mapping_get("Authorizer"), auth.as_mapping_get("AuthorizationScopes")) {
            (Some(_), None) if is(auth, "Authorizer", NONE) => Vec::new(),
            (None, Some(Yaml::Sequence(scopes))) if !scopes.is_empty() => {
                scopes.iter().map(text).collect::<Result<_>>()?
            }
            _ => return Err(unknown(&format!("neither scopes nor {NONE} at {key}"))),
        };
    let (kind, authorizer) =
        if scopes.is_empty() { (NONE, "AWS::NoValue") } else { ("JWT", AUTHORIZER) };
    Ok(json!({"Type": "AWS::ApiGatewayV2::Route", "Properties": {
        "ApiId": {"Ref": api},
        "RouteKey": key,
        "Target": {"Fn::Sub": format!("integrations/${{{integration}}}")},
        "AuthorizationType": kind,
        "AuthorizerId": {"Ref": authorizer},
        "AuthorizationScopes": scopes,
    }}))
}

/// The value without a tag such as `!If` or `!Ref`.
fn untagged<'a>(node: &'a Yaml<'a>) -> &'a Yaml<'a> {
    if let Yaml::Tagged(_, inner) = node { inner } else { node }
}

fn get<'a>(node: &'a Yaml<'a>, key: &str) -> Result<&'a Yaml<'a>> {
    node.as_mapping_get(key).ok_or_else(|| unknown(&format!("no `{key}` where it is expected")))
}

fn mapping<'a>(node: &'a Yaml<'a>, key: &str) -> Result<&'a saphyr::Mapping<'a>> {
    get(node, key)?.as_mapping().ok_or_else(|| unknown(&format!("`{key}` of another form")))
}

fn text<'a>(node: &'a Yaml<'a>) -> Result<&'a str> {
    node.as_str().ok_or_else(|| unknown(&format!("{node:?} in place of a text")))
}

fn is(node: &Yaml<'_>, key: &str, value: &str) -> bool {
    node.as_mapping_get(key).and_then(Yaml::as_str) == Some(value)
}

fn only(node: &Yaml<'_>, known: &[&str]) -> Result<()> {
    let keys = node.as_mapping().into_iter().flatten().map(|(key, _)| text(key));
    for key in keys {
        let key = key?;
        if !known.contains(&key) {
            return Err(unknown(&format!("`{key}` at a route or an authorizer")));
        }
    }
    Ok(())
}

fn unknown(what: &str) -> Error {
    Error::new(format!(
        "template.yaml has {what}, which localstack/src/template.rs does not know. Add it there, so that \
         the local routes stay those that are deployed."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../template.yaml");

    fn resources(template: &str) -> Result<Value> {
        let written = for_ministack(template)?;
        let lines = written.lines().filter_map(|line| {
            let (id, json) = line.trim().split_once(": ")?;
            Some((id.to_owned(), serde_json::from_str(json).ok().filter(Value::is_object)?))
        });
        Ok(lines.collect::<Map<_, _>>().into())
    }

    #[test]
    fn the_copy_is_the_template_with_routes_and_numbers() {
        let copy = for_ministack(TEMPLATE).unwrap();
        assert!(Yaml::load_from_str(&copy).is_ok());
        let kept = copy.lines().filter(|line| !line.contains("ApiGatewayV2"));
        let changed: Vec<_> =
            kept.zip(TEMPLATE.lines()).filter(|(copy, original)| copy != original).collect();
        let numbers: Vec<_> =
            changed.iter().filter(|(copy, _)| !copy.contains("CodeUri: ../../target/")).collect();
        let [fulfill, notify] = numbers[..] else { panic!("{numbers:?}") };
        for ((number, original), function, default) in
            [(fulfill, "FulfillOrder", 8), (notify, "NotifyCustomer", 2)]
        {
            let parameter = format!("MaximumConcurrency: !Ref {function}Concurrency");
            assert!(original.ends_with(&parameter), "{original}");
            assert!(number.ends_with(&format!("MaximumConcurrency: {default}")), "{number}");
        }
    }

    #[test]
    fn a_route_has_its_function_its_authorizer_and_its_scopes() {
        let added = resources(TEMPLATE).unwrap();
        let route = &added["GetOrderFunctionHttpRoute"]["Properties"];
        assert_eq!(route["RouteKey"], "GET /orders/{id}");
        assert_eq!(route["AuthorizerId"], json!({"Ref": AUTHORIZER}));
        assert_eq!(route["AuthorizationScopes"], json!(["orders/read", "orders/staff"]));
        assert_eq!(route["Target"]["Fn::Sub"], "integrations/${GetOrderFunctionIntegration}");
        let integration = &added["GetOrderFunctionIntegration"]["Properties"];
        assert_eq!(integration["IntegrationUri"]["Fn::GetAtt"], json!(["GetOrderFunction", "Arn"]));
        let authorizer = &added[AUTHORIZER]["Properties"];
        assert_eq!(authorizer["IdentitySource"], json!(["$request.header.Authorization"]));
    }

    #[test]
    fn a_route_without_a_token_and_the_default_route_have_no_authorizer() {
        let added = resources(TEMPLATE).unwrap();
        for (id, key) in [
            ("HealthFunctionHttpRoute", "GET /health"),
            ("DescribeApiFunctionOtherwiseRoute", "$default"),
        ] {
            let route = &added[id]["Properties"];
            assert_eq!(route["RouteKey"], key);
            assert_eq!(route["AuthorizationType"], NONE);
            assert_eq!(route["AuthorizerId"], json!({"Ref": "AWS::NoValue"}));
        }
    }

    #[test]
    fn unknown_properties_are_refused() {
        for (known, changed) in [
            ("AuthorizationScopes: [orders/write]", "AuthorizationScopes: []"),
            ("AuthorizationScopes: [orders/write]", "InvokeRole: x"),
            ("            Path: /orders\n            Auth:", "            Auth:"),
            ("              Authorizer: NONE\n", "              Authorizer: Other\n"),
            ("- !Ref JwtIssuer", "- !Ref Other"),
            ("- [!Ref JwtAudience]", "- [!Ref Other]"),
            ("DefaultAuthorizer: Tokens", "DefaultAuthorizer: Other"),
            (
                "IdentitySource: $request",
                "AuthorizerResultTtlInSeconds: 1\n            IdentitySource: $request",
            ),
            ("Type: AWS::Serverless::HttpApi", "Type: AWS::Serverless::Api"),
        ] {
            assert!(TEMPLATE.contains(known), "{known}");
            let template = TEMPLATE.replacen(known, changed, 1);
            assert!(for_ministack(&template).is_err(), "{changed}");
        }
    }
}
