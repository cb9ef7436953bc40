//! `/docs`: the `OpenAPI` document as a page.

use serde_json::{Map, Value};

use waybill::http::Kind;

use crate::html::{escape, page, put};
use crate::markdown;

/// The groups of routes, in the order of the page.
const TAGS: [&str; 3] = ["Orders", "Products", "Service"];

/// The page.
pub(crate) fn render(document: &Value) -> String {
    let title = text(document, "/info/title");
    let mut navigation = String::new();
    let mut routes = String::new();
    for tag in TAGS {
        put!(navigation, "<h2>{tag}</h2>\n<ul>\n");
        put!(routes, "<h2>{tag}</h2>\n");
        for (path, method, operation) in operations(document, tag) {
            let id = escape(text(operation, "/operationId"));
            put!(
                navigation,
                "<li><a href=\"#{id}\"><span class=\"method {method}\">{}</span> {}</a></li>\n",
                method.to_uppercase(),
                escape(path),
            );
            routes.push_str(&route(path, method, operation));
        }
        navigation.push_str("</ul>\n");
    }
    let body = format!(
        "<nav>\n<p class=\"name\">{title} <small>{version}</small></p>\n{navigation}\
         <h2>More</h2>\n<ul>\n<li><a href=\"#problems\">Problems</a></li>\n\
         <li><a href=\"#types\">Types</a></li>\n\
         <li><a href=\"openapi.json\">openapi.json</a></li>\n</ul>\n</nav>\n\
         <main>\n<h1>{title}</h1>\n{description}{routes}\
         <h2 id=\"problems\">Problems</h2>\n<section>\n<table>\n{problems}</table>\n</section>\n\
         <h2 id=\"types\">Types</h2>\n{types}</main>\n",
        title = escape(title),
        version = escape(text(document, "/info/version")),
        description = markdown::render(text(document, "/info/description"), relative),
        problems = problems(),
        types = types(document),
    );
    page(&format!("{title}: HTTP API"), &body)
}

fn operations<'a>(
    document: &'a Value,
    tag: &'a str,
) -> impl Iterator<Item = (&'a String, &'a String, &'a Value)> {
    object(document, "/paths")
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (path, method, operation))
        })
        .filter(move |(_, _, operation)| text(operation, "/tags/0") == tag)
}

fn route(path: &str, method: &str, operation: &Value) -> String {
    let mut html = format!(
        "<section id=\"{id}\">\n<h3><span class=\"method {method}\">{name}</span> \
         <code>{path}</code></h3>\n<p class=\"summary\">{summary}</p>\n",
        id = escape(text(operation, "/operationId")),
        name = method.to_uppercase(),
        path = escape(path),
        summary = escape(text(operation, "/summary")),
    );
    html.push_str(&markdown::render(text(operation, "/description"), relative));
    put!(html, "<p class=\"scopes\">{}</p>\n", scopes(operation));
    html.push_str(&parameters(operation));
    if let Some(content) = operation.pointer("/requestBody/content/application~1json") {
        put!(html, "<h4>Body: {}</h4>\n", type_of(content.get("schema")));
        html.push_str(&example(content.get("example")));
    }
    html.push_str("<h4>Responses</h4>\n");
    for (status, response) in object(operation, "/responses") {
        html.push_str(&answer(status, response));
    }
    html.push_str("</section>\n");
    html
}

fn scopes(operation: &Value) -> String {
    let requirements = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    let scopes: Vec<_> = requirements
        .filter_map(|requirement| requirement.pointer("/Tokens/0")?.as_str())
        .map(|scope| format!("<code>{}</code>", escape(scope)))
        .collect();
    if scopes.is_empty() {
        "Public: no token required.".to_owned()
    } else {
        format!("Requires a token with {}.", scopes.join(" or "))
    }
}

fn parameters(operation: &Value) -> String {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let rows: String = parameters
        .map(|parameter| {
            let required = parameter.get("required") == Some(&Value::Bool(true));
            row(
                text(parameter, "/name"),
                &format!(
                    "{}<br><small>{}{}</small>",
                    type_of(parameter.get("schema")),
                    escape(text(parameter, "/in")),
                    if required { ", required" } else { "" },
                ),
                text(parameter, "/description"),
            )
        })
        .collect();
    format!("<h4>Parameters</h4>\n<table>\n{rows}</table>\n")
}

fn answer(status: &str, response: &Value) -> String {
    let class = status.get(..1).unwrap_or_default();
    let description = text(response, "/description").replace('\n', " ");
    let mut html = format!(
        "<details>\n<summary><span class=\"code s{class}\">{}</span> {}</summary>\n",
        escape(status),
        markdown::inline(&description, relative),
    );
    let headers: Vec<_> = object(response, "/headers")
        .map(|(name, _)| format!("<code>{}</code>", escape(name)))
        .collect();
    if !headers.is_empty() {
        put!(html, "<p>Headers: {}</p>\n", headers.join(", "));
    }
    for (content_type, content) in object(response, "/content") {
        put!(
            html,
            "<p><code>{}</code> {}</p>\n",
            escape(content_type),
            type_of(content.get("schema"))
        );
        html.push_str(&example(content.get("example")));
        for (_, one) in object(content, "/examples") {
            html.push_str(&example(one.get("value")));
        }
    }
    html.push_str("</details>\n");
    html
}

/// A table of all kinds, with links to their pages.
fn problems() -> String {
    let mut html = String::new();
    for kind in Kind::ALL {
        put!(
            html,
            "<tr><th><span class=\"code s{class}\">{status}</span></th>\
             <td><a href=\"problems/{code}\">{code}</a></td><td>{title}</td></tr>\n",
            class = kind.status().as_u16() / 100,
            status = kind.status().as_u16(),
            code = kind.code(),
            title = escape(kind.title()),
        );
    }
    html
}

/// The schemas of bodies, without those of problems, which have their own pages.
fn types(document: &Value) -> String {
    let mut html = String::new();
    for (name, schema) in object(document, "/components/schemas") {
        if name.len() > "Problem".len() && name.ends_with("Problem") {
            continue;
        }
        put!(html, "<section class=\"type\" id=\"type-{0}\">\n<h3>{0}</h3>\n", escape(name));
        html.push_str(&markdown::render(text(schema, "/description"), relative));
        let parts = schema.get("allOf").and_then(Value::as_array);
        let parts = parts.map_or_else(|| vec![schema], |parts| parts.iter().collect());
        for part in parts {
            if part.get("$ref").is_some() {
                put!(html, "<p>The fields of {}, and:</p>\n", type_of(Some(part)));
            }
            if part.get("properties").is_some() {
                html.push_str(&fields(part));
            } else if part.get("$ref").is_none() {
                put!(html, "<p>{}</p>\n", type_of(Some(part)));
            }
        }
        html.push_str("</section>\n");
    }
    html
}

fn fields(schema: &Value) -> String {
    let required = |name: &str| {
        let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        names.into_iter().any(|it| it == name)
    };
    let rows: String = object(schema, "/properties")
        .map(|(name, field)| {
            let optional = if required(name) { "" } else { "<br><small>optional</small>" };
            let of_first = text(field, "/oneOf/0/description");
            let description = match text(field, "/description") {
                "" => of_first,
                description => description,
            };
            row(name, &format!("{}{optional}", type_of(Some(field))), description)
        })
        .collect();
    format!("<table>\n{rows}</table>\n")
}

/// `name` and `description` are text, `kind` is HTML.
fn row(name: &str, kind: &str, description: &str) -> String {
    format!(
        "<tr><th><code>{}</code></th><td>{kind}</td><td>{}</td></tr>\n",
        escape(name),
        markdown::inline(description, relative),
    )
}

/// A short description of a schema.
fn type_of(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return String::new() };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = escape(name.rsplit('/').next().unwrap_or_default());
        return match name.strip_suffix("Problem") {
            Some(kind) if !kind.is_empty() => name,
            _ => format!("<a href=\"#type-{name}\">{name}</a>"),
        };
    }
    if let Some(any) = schema.get("oneOf").and_then(Value::as_array) {
        let any: Vec<_> = any.iter().map(|one| type_of(Some(one))).collect();
        return any.join(" or ");
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<_> = values
            .iter()
            .filter_map(Value::as_str)
            .map(|value| format!("<code>{}</code>", escape(value)))
            .collect();
        return values.join(" ");
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        _ => "any value".to_owned(),
    };
    if kind == "array" {
        return format!("list of {}", type_of(schema.get("items")));
    }
    let mut words = escape(&kind);
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(min), Some(max)) => put!(words, ", {min} to {max}"),
        (Some(min), None) => put!(words, ", {min} or more"),
        _ => {}
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && kind.starts_with("string")
    {
        put!(words, ", {}", escape(format));
    }
    words
}

fn example(value: Option<&Value>) -> String {
    let text = value.and_then(|value| serde_json::to_string_pretty(value).ok());
    text.map_or_else(String::new, |text| format!("<pre><code>{}</code></pre>\n", escape(&text)))
}

/// Makes a path from the root of the API relative, since that need not be the root of the host.
fn relative(address: &str) -> String {
    address.strip_prefix('/').unwrap_or(address).to_owned()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn object<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}
