//! The libraries that each function is built on.

use std::collections::BTreeSet;

/// The crates that a manifest names under `[dependencies]`.
fn dependencies(function: &str) -> BTreeSet<String> {
    let path = format!("{}/../functions/{function}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    manifest.get("dependencies").unwrap().as_table().unwrap().keys().cloned().collect()
}

#[test]
fn each_function_depends_on_the_libraries_that_the_field_uses_for_its_work() {
    let http = ["cancel-order", "describe-api", "get-order", "list-orders", "list-products"];
    let http = http.map(|function| (function, &["lambda_http"][..]));
    let others = [
        ("create-order", &["aws-sdk-sqs", "lambda_http"][..]),
        ("fulfill-order", &["aws-sdk-sqs", "aws_lambda_events", "lambda_runtime"]),
        ("get-product", &["aws-sdk-dynamodb", "lambda_http"]),
        ("health", &["aws-sdk-dynamodb", "aws-sdk-sqs", "lambda_http"]),
        ("migrate", &["lambda_runtime"]),
        ("notify-customer", &["aws-sdk-sesv2", "aws_lambda_events", "lambda_runtime"]),
        ("put-product", &["aws-sdk-dynamodb", "lambda_http"]),
        ("relay-outbox", &["aws-sdk-eventbridge", "aws-sdk-sqs", "lambda_runtime"]),
        ("update-order-status", &["lambda_http"]),
    ];
    let expected: Vec<_> = http.into_iter().chain(others).collect();
    let folder = format!("{}/../functions", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(expected.len(), std::fs::read_dir(folder).unwrap().count(), "a function is missing");
    for (function, libraries) in expected {
        let named = dependencies(function);
        for library in libraries {
            assert!(named.contains(*library), "{function} does not depend on {library}");
        }
        // What names a client or a runtime has to use it.
        let source = crate::source(function);
        for library in named.iter().filter(|it| it.starts_with("aws") || it.starts_with("lambda")) {
            let library = library.replace('-', "_");
            assert!(source.contains(&format!("{library}::")), "{function} names {library} in vain");
        }
    }
}
