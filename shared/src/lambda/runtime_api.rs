//! Lambda's Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;

use super::connection::Connection;
use crate::BoxError;

const NEXT: &str = "/2018-06-01/runtime/invocation/next";
const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";
/// The platform gets it back with the answer, and so recognizes that of an invocation that is over.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// A connection to the Runtime API.
#[derive(Debug)]
pub(super) struct RuntimeApi(Connection);

/// An invocation whose event is not read yet.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) request_id: String,
    /// When the platform ends it.
    pub(super) end: SystemTime,
    pub(super) event: Bytes,
    invocation_id: Option<String>,
}

/// What the platform is told of an invocation that failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvocationError {
    pub(super) error_type: &'static str,
    pub(super) error_message: String,
}

impl RuntimeApi {
    /// The Runtime API at this address.
    pub(super) fn new(address: &str) -> Self {
        Self(Connection::new(address))
    }

    /// Waits for the next invocation.
    ///
    /// # Errors
    /// If the platform can't be asked, or answers with something else.
    pub(super) async fn next(&mut self) -> Result<Next, BoxError> {
        loop {
            let answer = self.0.send("GET", NEXT, &[], b"").await?;
            match answer.status {
                200 => return Next::read(&answer.headers, answer.body),
                // `cargo lambda watch` has none yet.
                204 => {}
                status => return Err(format!("the Runtime API answers {status}").into()),
            }
        }
    }

    /// Answers an invocation. A refused answer is logged: the invocation may be over.
    ///
    /// # Errors
    /// If the platform can't be reached.
    pub(super) async fn answer(
        &mut self,
        to: &Next,
        answer: Result<Vec<u8>, InvocationError>,
    ) -> Result<(), BoxError> {
        let (kind, body) = match answer {
            Ok(body) => ("response", body),
            Err(error) => ("error", serde_json::to_vec(&error)?),
        };
        let request_id = &to.request_id;
        let path = format!("/2018-06-01/runtime/invocation/{request_id}/{kind}");
        let mut headers = Vec::new();
        headers.extend(to.invocation_id.as_deref().map(|id| (INVOCATION_ID, id)));
        if kind == "error" {
            headers.push((ERROR_TYPE, "unhandled"));
        }
        let status = self.0.send("POST", &path, &headers, &body).await?.status;
        if !(200..300).contains(&status) {
            tracing::error!(request_id, status, "answer refused by the platform");
        }
        Ok(())
    }
}

impl Next {
    fn read(headers: &HeaderMap, event: Bytes) -> Result<Self, BoxError> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = header(REQUEST_ID).ok_or("the Runtime API sends no request id")?;
        let end = header(DEADLINE_MS).and_then(|end| end.parse().ok()).unwrap_or_default();
        Ok(Self {
            request_id: request_id.to_owned(),
            end: SystemTime::UNIX_EPOCH + Duration::from_millis(end),
            event,
            invocation_id: header(INVOCATION_ID).map(str::to_owned),
        })
    }
}
