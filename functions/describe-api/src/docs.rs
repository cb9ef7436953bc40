//! `GET /docs`: Scalar's API reference, which renders `openapi.json` in the browser.
//!
//! Its scripts are files of the same route, so that they need no routes of their own.

use waybill::http::{Problem, Reply};

/// The query parameter that names a file of the page.
pub(crate) const FILE: &str = "file";

/// Named after its version, since browsers keep it.
const SCALAR_FILE: &str = "scalar-1.72.1.js";
const SCALAR: &[u8] = include_bytes!("../vendor/scalar/standalone.js.gz");

/// The page, or a file of it.
///
/// # Errors
/// 404 if there is no such file.
pub(crate) fn reply(file: Option<&str>) -> Result<Reply, Problem> {
    match file {
        None => Ok(Reply::page_with_scripts(include_str!("docs.html"))),
        Some("docs.js") => {
            Ok(Reply::document("text/javascript; charset=utf-8", include_str!("docs.js")))
        }
        Some(SCALAR_FILE) => Ok(Reply::gzipped_script(SCALAR)),
        Some(_) => Err(Problem::no_such_route()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use serde_json::{Value, json};
    use testkit::http::{Request, Response, Server, response};
    use testkit::left_out::{NO_CHROMIUM, leave_out};
    use tokio::process::Command;
    use waybill::http::{self, openapi};
    use waybill::lambda;

    use crate::handler::{Description, describe};

    /// The API is under a base path, as with a stage of API Gateway.
    const BASE: &str = "/stage";

    async fn get(description: &'static Description, path: &str, query: &str) -> Response {
        let event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {},
            "requestContext": { "http": { "method": "GET", "path": path } },
            "isBase64Encoded": false,
        });
        let request = http::read_event(serde_json::from_value(event).unwrap());
        let handler = async |request| describe(&request, description);
        let answer = http::answer_anyone(request, description, handler).await;
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let headers: Vec<_> = headers.collect();
        response(answer.status().as_u16(), &headers, answer.body().clone())
    }

    async fn serve() -> Server {
        let description = lambda::keep(Description::new().unwrap());
        Server::start(async move |request: Request| {
            let path = request.uri().path().strip_prefix(BASE).unwrap_or("/nothing");
            Some(get(description, path, request.uri().query().unwrap_or_default()).await)
        })
        .await
        .unwrap()
    }

    /// The page as Chromium shows it, and what it logs; none without Chromium.
    async fn browse(url: &str) -> Option<(String, String)> {
        let profile = std::env::temp_dir().join(testkit::unique("waybill-docs"));
        let output = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
            .args(["--dump-dom", "--virtual-time-budget=10000"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(url)
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(testkit::PATIENCE, output).await.unwrap();
        match output {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            output => {
                std::fs::remove_dir_all(profile).unwrap();
                let output = output.unwrap();
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                Some((text(output.stdout), text(output.stderr)))
            }
        }
    }

    #[tokio::test]
    async fn chromium_shows_every_operation_and_reports_no_error() {
        let server = serve().await;
        let Some((page, log)) = browse(&format!("{}{BASE}/docs", server.url())).await else {
            leave_out(NO_CHROMIUM);
            return;
        };
        let document = serde_json::to_value(openapi::document()).unwrap();
        let paths = document["paths"].as_object().unwrap().values();
        let operations: Vec<_> = paths.filter_map(Value::as_object).flatten().collect();
        assert!(operations.len() >= 12);
        for (_, operation) in operations {
            let summary = operation["summary"].as_str().unwrap();
            assert!(page.contains(summary), "{summary}: {log}");
        }
        let server = format!("{}{BASE}", server.url());
        assert!(page.contains(&format!(">{server}<")), "the server is not {server}");
        // Scalar logs its name and version.
        let messages = log.lines().filter(|line| line.contains(":CONSOLE:"));
        let unexpected: Vec<_> =
            messages.filter(|line| !line.contains("\"@scalar/api-reference@")).collect();
        assert!(unexpected.is_empty(), "{unexpected:#?}");
    }

    #[tokio::test]
    async fn every_file_of_the_page_is_there_and_no_other() {
        let description = lambda::keep(Description::new().unwrap());
        let page = include_str!("docs.html");
        let files: Vec<_> = page.split("src=\"docs?").skip(1).collect();
        assert_eq!(files.len(), 2);
        for file in files {
            let (file, _) = file.split_once('"').unwrap();
            let response = get(description, "/docs", file).await;
            assert_eq!(response.status(), 200, "{file}");
            assert_eq!(response.headers()["content-type"], "text/javascript; charset=utf-8");
        }
        for query in ["file=", "file=docs.html", "file=scalar-1.0.0.js"] {
            assert_eq!(get(description, "/docs", query).await.status(), 404, "{query}");
        }
        assert_eq!(get(description, "/openapi.json", "file=docs.js").await.status(), 400);
    }

    #[tokio::test]
    async fn browsers_keep_the_compressed_script_of_its_version() {
        let description = lambda::keep(Description::new().unwrap());
        let file = super::SCALAR_FILE;
        let response = get(description, "/docs", &format!("file={file}")).await;
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert!(response.body().starts_with(&[0x1f, 0x8b]), "it is not gzip");
        // Lambda allows 6 MB, in base64.
        assert!(response.body().len() < 4_000_000, "{}", response.body().len());
        let version = file.strip_prefix("scalar-").unwrap().strip_suffix(".js").unwrap();
        assert!(include_str!("../vendor/scalar/README.md").contains(version));
    }
}
