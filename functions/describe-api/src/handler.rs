//! Serves the description and its pages, and answers requests without a route.

use std::collections::BTreeMap;

use waybill::BoxError;
use waybill::http::{Anyone, FindRoute, Incoming, Problem, Reply, Route, openapi, routes};

use crate::{docs, problems};

/// The description and the pages of problems.
pub(crate) struct Description {
    document: String,
    problems: BTreeMap<&'static str, String>,
}

impl Description {
    pub(crate) fn new() -> Result<Self, BoxError> {
        let document = serde_json::to_value(openapi::document())?;
        Ok(Self { problems: problems::render()?, document: serde_json::to_string(&document)? })
    }
}

/// The gateway sends this function its own routes and every request without a route.
impl FindRoute for Description {
    fn find(&self, method: &str, path: &str) -> Result<Route, Problem> {
        if let Some(route) = routes_of(path).find(|route| route.method.as_str() == method) {
            // The files of the page are not for people, so the description doesn't have them.
            let is_docs = route.path == routes::DOCS.path;
            let parameters = if is_docs { &[docs::FILE] } else { route.parameters };
            return Ok(Route { parameters, ..*route });
        }
        let methods = methods(path);
        if methods.is_empty() {
            Err(Problem::no_such_route())
        } else {
            Err(Problem::method_not_allowed(&methods))
        }
    }
}

fn routes_of(path: &str) -> impl Iterator<Item = &'static Route> {
    routes::ALL.iter().copied().filter(move |route| matches(route.path, path))
}

/// The methods of `path`, sorted.
fn methods(path: &str) -> Vec<&'static str> {
    let mut methods: Vec<_> = routes_of(path).map(|route| route.method.as_str()).collect();
    methods.sort_unstable();
    methods
}

pub(crate) fn describe(
    request: &Incoming<Anyone>,
    description: &Description,
) -> Result<Reply, Problem> {
    Ok(match request.path() {
        "/openapi.json" => Reply::document("application/json", &description.document),
        "/docs" => docs::reply(request.parameter(docs::FILE))?,
        path => {
            let page =
                path.strip_prefix("/problems/").and_then(|code| description.problems.get(code));
            Reply::page(page.ok_or_else(Problem::no_such_route)?)
        }
    })
}

/// Whether `path` matches `pattern`, in which `{…}` stands for one part.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if wanted.starts_with('{') && !part.is_empty() => {}
            (Some(wanted), Some(part)) if wanted == part => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use waybill::http;

    use super::*;

    #[test]
    fn a_path_has_the_methods_of_its_pattern_and_of_no_other() {
        for (path, expected) in [
            ("/orders", &["GET", "POST"][..]),
            ("/orders/1", &["GET"]),
            ("/orders/1/cancel", &["PATCH"]),
            ("/products/1", &["GET", "PUT"]),
            ("/docs", &["GET"]),
            ("/", &[]),
            ("", &[]),
            ("/orders/", &[]),
            ("/orders//cancel", &[]),
            ("/orders/1/", &[]),
            ("/orders/1/2", &[]),
            ("/Orders", &[]),
        ] {
            assert_eq!(methods(path), expected, "{path}");
        }
    }

    #[tokio::test]
    async fn a_parameter_is_refused_on_a_route_and_matters_not_where_there_is_none() {
        let description = Description::new().unwrap();
        for (method, path, status) in [
            ("GET", "/docs", 400),
            ("GET", "/openapi.json", 400),
            ("GET", "/problems/internal", 400),
            ("GET", "/nothing", 404),
            ("POST", "/docs", 405),
        ] {
            let event = serde_json::json!({
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": "sort=asc",
                "headers": {},
                "requestContext": { "http": { "method": method, "path": path } },
                "isBase64Encoded": false,
            });
            let request = http::read_event(serde_json::from_value(event).unwrap());
            let handler = async |request| describe(&request, &description);
            let response = http::answer_anyone(request, &description, handler).await;
            assert_eq!(response.status(), status, "{method} {path}");
        }
    }

    #[test]
    fn nothing_on_the_page_of_a_problem_comes_from_elsewhere_or_runs() {
        let description = Description::new().unwrap();
        for html in description.problems.values() {
            for word in ["<script", "http://", "https://", "src=", "@import", "url(", "<link"] {
                assert!(!html.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn the_description_is_far_below_what_lambda_takes() {
        let description = Description::new().unwrap();
        assert!(description.document.len() < 500_000, "{}", description.document.len());
    }
}
