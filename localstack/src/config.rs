//! The runner's configuration: read from the environment here, once, and nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Error, Result};
use crate::tokens::{CUSTOMER, STAFF};

/// The variable that the functions take the caller from where there is no authorizer. The template
/// never sets it.
pub(crate) const WATCH_CALLER: &str = "WAYBILL_WATCH_CALLER";

/// The AWS services that may be pointed elsewhere one by one, by the suffix of `AWS_ENDPOINT_URL_`.
pub(crate) const SERVICES: [&str; 8] = [
    "APIGATEWAYV2",
    "CLOUDFORMATION",
    "CLOUDWATCH_LOGS",
    "DYNAMODB",
    "EVENTBRIDGE",
    "LAMBDA",
    "S3",
    "SQS",
];

/// Everything that the environment says.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The checkout: the folder that holds `template.yaml`.
    pub(crate) root: PathBuf,
    /// `WAYBILL_PYTHON`: the Python to make the tools' environment with.
    pub(crate) python: Option<String>,
    /// `WAYBILL_POSTGRES_PORT`: where `make up` puts Postgres.
    pub(crate) postgres_port: u16,
    /// `WAYBILL_EMULATOR_PORT`: where `make up` puts the emulator.
    pub(crate) emulator_port: u16,
    /// `WAYBILL_WATCH_PORT`: where `make watch` serves the routes.
    pub(crate) watch_port: u16,
    /// `WAYBILL_WATCH_CALLER`: who calls under `make watch`, where no authorizer says so; a subject and
    /// its scopes with spaces between.
    pub(crate) watch_caller: String,
    /// `DATABASE_URL`: a Postgres to use instead of starting one.
    pub(crate) database_url: Option<String>,
    /// `AWS_ENDPOINT_URL`: an emulator to use instead of starting one.
    pub(crate) endpoint_url: Option<String>,
    /// `AWS_ENDPOINT_URL_<SERVICE>`, by service.
    pub(crate) service_endpoints: BTreeMap<&'static str, String>,
    /// `AWS_REGION`, or `us-east-1`.
    pub(crate) region: String,
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; only used towards an emulator that was given.
    pub(crate) credentials: Option<(String, String)>,
    /// `FULFILLMENT_QUEUE_URL` and `FULFILLMENT_DLQ_URL`, as `stack.env` sets them.
    pub(crate) queues: Option<(String, String)>,
    /// `WAREHOUSE_URL` and `WAREHOUSE_SECRET`: a warehouse for the stack of `make up`. `make watch`
    /// hands them on with the rest of its environment.
    pub(crate) warehouse: Option<(String, String)>,
    /// `OWNER_PENDING_LIMIT` and `OWNER_ORDERS_PER_MINUTE`: other limits than the template's for the
    /// stack of `make up`, such as to run the tests on it. `make watch` hands them on likewise.
    pub(crate) owner_limits: [Option<u32>; 2],
    /// `PATH`, for processes that start with an otherwise empty environment.
    pub(crate) path: String,
    /// `HOME`, likewise.
    pub(crate) home: Option<String>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// A sentence that names the variable, what it held and what it should hold.
    pub(crate) fn from_environment() -> Result<Self> {
        Self::read(environment, find_root()?)
    }

    fn read(variable: impl Fn(&str) -> Option<String>, root: PathBuf) -> Result<Self> {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let port = |name: &str, default: u16| match given(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(port) if port > 0 => Ok(port),
                _ => Err(Error::new(format!("{name} is {text:?}; it must be a port, 1 to 65535."))),
            },
        };
        let limit = |name: &str| match given(name) {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(limit) if limit > 0 => Ok(Some(limit)),
                _ => {
                    Err(Error::new(format!("{name} is {text:?}; it must be a number, 1 or more.")))
                }
            },
        };
        Ok(Self {
            python: given("WAYBILL_PYTHON"),
            postgres_port: port("WAYBILL_POSTGRES_PORT", 54329)?,
            emulator_port: port("WAYBILL_EMULATOR_PORT", 4566)?,
            watch_port: port("WAYBILL_WATCH_PORT", 9000)?,
            watch_caller: given(WATCH_CALLER)
                .unwrap_or_else(|| format!("{} {} {}", CUSTOMER.0, CUSTOMER.1, STAFF.1)),
            database_url: given("DATABASE_URL"),
            endpoint_url: given("AWS_ENDPOINT_URL").map(|url| url.trim_end_matches('/').to_owned()),
            service_endpoints: SERVICES
                .into_iter()
                .filter_map(|name| Some((name, given(&format!("AWS_ENDPOINT_URL_{name}"))?)))
                .collect(),
            region: given("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            credentials: given("AWS_ACCESS_KEY_ID").zip(given("AWS_SECRET_ACCESS_KEY")),
            queues: given("FULFILLMENT_QUEUE_URL").zip(given("FULFILLMENT_DLQ_URL")),
            warehouse: given("WAREHOUSE_URL")
                .map(|url| (url, given("WAREHOUSE_SECRET").unwrap_or_default())),
            owner_limits: [limit("OWNER_PENDING_LIMIT")?, limit("OWNER_ORDERS_PER_MINUTE")?],
            path: given("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()),
            home: given("HOME"),
            root,
        })
    }

    /// The folder for everything that the runner makes; git ignores it.
    pub(crate) fn local(&self) -> PathBuf {
        self.root.join(".local")
    }
}

/// `template.yaml` marks the checkout; the runner may be called from any folder within it.
fn find_root() -> Result<PathBuf> {
    let here = std::env::current_dir().context(|| "There is no current directory any more.")?;
    here.ancestors()
        .find(|folder| folder.join("template.yaml").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            Error::new("Call this from within the checkout: no template.yaml above here.")
        })
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config> {
        let find = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Config::read(find, PathBuf::from("/checkout"))
    }

    /// What an empty environment gives.
    pub(crate) fn empty() -> Config {
        read(&[]).unwrap()
    }

    #[test]
    fn an_empty_environment_gives_the_documented_ports() {
        let config = read(&[]).unwrap();
        assert_eq!(
            (config.postgres_port, config.emulator_port, config.watch_port),
            (54329, 4566, 9000)
        );
        assert_eq!(config.region, "us-east-1");
    }

    #[test]
    fn a_port_that_is_none_is_named_with_its_variable() {
        let error = read(&[("WAYBILL_EMULATOR_PORT", "lots")]).unwrap_err().to_string();
        assert!(error.contains("WAYBILL_EMULATOR_PORT") && error.contains("lots"), "{error}");
        assert!(read(&[("WAYBILL_WATCH_PORT", "0")]).is_err());
    }

    #[test]
    fn a_warehouse_is_handed_on_and_a_secret_alone_is_none() {
        assert_eq!(read(&[("WAREHOUSE_SECRET", "hush")]).unwrap().warehouse, None);
        let config =
            read(&[("WAREHOUSE_URL", "http://127.0.0.1:8080"), ("WAREHOUSE_SECRET", "hush")]);
        let expected = ("http://127.0.0.1:8080".to_owned(), "hush".to_owned());
        assert_eq!(config.unwrap().warehouse, Some(expected));
    }

    #[test]
    fn limits_of_an_owner_are_handed_on_and_make_sense() {
        assert_eq!(read(&[]).unwrap().owner_limits, [None, None]);
        let config = read(&[("OWNER_ORDERS_PER_MINUTE", "6000")]).unwrap();
        assert_eq!(config.owner_limits, [None, Some(6000)]);
        for wrong in ["0", "-1", "many"] {
            let error = read(&[("OWNER_PENDING_LIMIT", wrong)]).unwrap_err().to_string();
            assert!(error.contains("OWNER_PENDING_LIMIT") && error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn endpoints_of_single_services_are_kept() {
        let config = read(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000"),
        ])
        .unwrap();
        assert_eq!(config.endpoint_url.as_deref(), Some("http://127.0.0.1:4566"));
        assert_eq!(config.service_endpoints["DYNAMODB"], "http://127.0.0.1:8000");
    }
}
