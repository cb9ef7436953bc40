//! Serves the description and its pages, and answers requests without a route.

use std::collections::BTreeMap;

use serde_json::Value;
use waybill::BoxError;
use waybill::http::{Anyone, FindRoute, Incoming, Problem, Reply, Route, openapi};

use crate::{docs, problems};

/// The description, the pages of problems, and the routes of the API.
pub(crate) struct Description {
    document: String,
    problems: BTreeMap<&'static str, String>,
    /// Each path of the API, such as `/orders/{id}`, with its methods.
    routes: Vec<(String, Vec<String>)>,
}

impl Description {
    pub(crate) fn new() -> Result<Self, BoxError> {
        let document = serde_json::to_value(openapi::document())?;
        let routes = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        let routes = routes.map(|(path, item)| {
            let methods = item.as_object().into_iter().flat_map(|item| item.keys());
            (path.clone(), methods.map(|method| method.to_uppercase()).collect())
        });
        Ok(Self {
            routes: routes.collect(),
            problems: problems::render(),
            document: serde_json::to_string(&document)?,
        })
    }

    /// The methods of `path`; none if no route has this path.
    fn methods(&self, path: &str) -> Option<Vec<&str>> {
        let (_, methods) = self.routes.iter().find(|(pattern, _)| matches(pattern, path))?;
        Some(methods.iter().map(String::as_str).collect())
    }
}

/// The gateway sends this function its own routes and every request without a route.
impl FindRoute for Description {
    fn find(&self, method: &str, path: &str) -> Result<Route, Problem> {
        let methods = self.methods(path).ok_or_else(Problem::no_such_route)?;
        if methods.contains(&method) {
            let parameters: &[_] = if path == "/docs" { &[docs::FILE] } else { &[] };
            Ok(Route { parameters, ..Route::default() })
        } else {
            Err(Problem::method_not_allowed(&methods))
        }
    }
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
    use saphyr::{LoadableYamlNode as _, Yaml};

    use waybill::http;

    use super::*;

    #[test]
    fn a_path_has_the_methods_of_its_pattern_and_of_no_other() {
        let description = Description::new().unwrap();
        for (path, methods) in [
            ("/orders", Some(vec!["GET", "POST"])),
            ("/orders/1", Some(vec!["GET"])),
            ("/orders/1/cancel", Some(vec!["PATCH"])),
            ("/products/1", Some(vec!["GET", "PUT"])),
            ("/docs", Some(vec!["GET"])),
            ("/", None),
            ("", None),
            ("/orders/", None),
            ("/orders//cancel", None),
            ("/orders/1/", None),
            ("/orders/1/2", None),
            ("/Orders", None),
        ] {
            assert_eq!(description.methods(path), methods, "{path}");
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

    /// Method and path of each route, and its scopes.
    type Routes = BTreeMap<String, Vec<String>>;

    fn routes_of_the_document() -> Routes {
        let document = serde_json::to_value(openapi::document()).unwrap();
        let mut routes = Routes::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let requirements = operation["security"].as_array().unwrap();
                let scopes = requirements.iter().map(|requirement| {
                    let scopes = requirement["Tokens"].as_array().unwrap();
                    assert_eq!(scopes.len(), 1, "two in one requirement are both needed");
                    scopes[0].as_str().unwrap().to_owned()
                });
                routes.insert(format!("{} {path}", method.to_uppercase()), scopes.collect());
            }
        }
        routes
    }

    fn routes_of_the_template() -> Routes {
        let template = Yaml::load_from_str(include_str!("../../../template.yaml")).unwrap();
        let mut routes = Routes::new();
        for resource in template[0]["Resources"].as_mapping().unwrap().values() {
            let Some(events) = resource["Properties"].as_mapping_get("Events") else { continue };
            for event in events.as_mapping().unwrap().values() {
                let properties = &event["Properties"];
                // The catch-all route is not in the description.
                let Some(path) = properties.as_mapping_get("Path") else { continue };
                let scopes = properties["Auth"].as_mapping_get("AuthorizationScopes");
                let scopes = scopes.and_then(|it| it.as_vec()).map_or(&[][..], Vec::as_slice);
                routes.insert(
                    format!(
                        "{} {}",
                        properties["Method"].as_str().unwrap(),
                        path.as_str().unwrap()
                    ),
                    scopes.iter().map(|scope| scope.as_str().unwrap().to_owned()).collect(),
                );
            }
        }
        routes
    }

    /// Another test compares the template with the router of `cargo lambda watch`.
    #[test]
    fn the_routes_and_scopes_of_the_description_are_those_of_the_template() {
        assert_eq!(routes_of_the_document(), routes_of_the_template());
        assert!(routes_of_the_document().len() >= 12);
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
