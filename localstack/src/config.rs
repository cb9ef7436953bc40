//! The configuration of the local cloud: the common one, and what only a local stack needs.

use std::path::PathBuf;

use waybill_ops::config::{self as common, variable};
use waybill_ops::error::{Error, Result};

use crate::tokens::{CUSTOMER, STAFF};

/// The variable that names the caller to the functions of `make watch`, where there is no authorizer.
/// The template never sets it.
pub(crate) const WATCH_CALLER: &str = "WAYBILL_WATCH_CALLER";

/// The modes of traffic, as `traffic/src/mode.rs` has them.
const MODES: [&str; 5] = ["steady", "burst", "overload", "flash-sale", "pause"];

/// The database of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Postgres.
    Postgres,
    /// The stand-in for Aurora DSQL.
    Dsql,
}

impl Engine {
    /// Its name, as in `DATABASE` and in the functions' `DATABASE_ENGINE`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Dsql => "dsql",
        }
    }
}

/// Everything that the environment says.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The checkout, the database and AWS.
    pub(crate) common: common::Config,
    /// `DATABASE`: what the stack of `make up` or `make watch` stores its orders in.
    pub(crate) engine: Engine,
    /// `WAYBILL_POSTGRES_PORT`: the port of the database under `make up`.
    pub(crate) postgres_port: u16,
    /// `WAYBILL_EMULATOR_PORT`: the port of the emulator under `make up`.
    pub(crate) emulator_port: u16,
    /// `WAYBILL_FAULTS_PORT`: the port that controls faults under `make up`.
    pub(crate) faults_port: u16,
    /// `WAYBILL_CONSOLE_PORT`: the port of the console under `make up`.
    pub(crate) console_port: u16,
    /// `WAYBILL_WATCH_PORT`: the port of the API under `make watch`.
    pub(crate) watch_port: u16,
    /// `WAYBILL_WATCH_CALLER`: the caller of every request under `make watch`: a subject and its
    /// scopes, separated by spaces.
    pub(crate) watch_caller: String,
    /// `WAREHOUSE_URL` and `WAREHOUSE_SECRET`: a warehouse for the stack of `make up`. `make watch`
    /// passes them on with the rest of its environment.
    pub(crate) warehouse: Option<(String, String)>,
    /// `OWNER_PENDING_LIMIT` and `OWNER_ORDERS_PER_MINUTE`: limits for the stack of `make up` that
    /// replace the template's. `make watch` passes them on with the rest of its environment.
    pub(crate) owner_limits: [Option<u32>; 2],
    /// `TRAFFIC`: the mode in which the traffic of `make up` starts.
    pub(crate) traffic: Option<String>,
    /// `HOME`, for processes that start with an otherwise empty environment.
    pub(crate) home: Option<String>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// A sentence that names the variable, what it held and what it should hold.
    pub(crate) fn from_environment() -> Result<Self> {
        Self::read(variable, common::Config::from_environment()?)
    }

    fn read(find: impl Fn(&str) -> Option<String>, common: common::Config) -> Result<Self> {
        let given = |name: &str| find(name).filter(|value| !value.trim().is_empty());
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
        let engine = engine(given("DATABASE").as_deref())?;
        Ok(Self {
            common,
            engine,
            postgres_port: port("WAYBILL_POSTGRES_PORT", 54329)?,
            emulator_port: port("WAYBILL_EMULATOR_PORT", 4566)?,
            faults_port: port("WAYBILL_FAULTS_PORT", 4570)?,
            console_port: port("WAYBILL_CONSOLE_PORT", 4580)?,
            watch_port: port("WAYBILL_WATCH_PORT", 9000)?,
            watch_caller: given(WATCH_CALLER).unwrap_or_else(watch_caller),
            warehouse: given("WAREHOUSE_URL")
                .map(|url| (url, given("WAREHOUSE_SECRET").unwrap_or_default())),
            owner_limits: [limit("OWNER_PENDING_LIMIT")?, limit("OWNER_ORDERS_PER_MINUTE")?],
            traffic: mode(given("TRAFFIC"))?,
            home: given("HOME"),
        })
    }

    /// The folder for everything that the runner makes; git ignores it.
    pub(crate) fn local(&self) -> PathBuf {
        self.common.local()
    }
}

/// The caller of every request under `make watch`, unless another is given: one who may do everything.
pub(crate) fn watch_caller() -> String {
    format!("{} {} {}", CUSTOMER.0, CUSTOMER.1, STAFF.1)
}

/// Reads the name of a database.
fn engine(given: Option<&str>) -> Result<Engine> {
    match given {
        None => Ok(Engine::Postgres),
        Some(name) => [Engine::Postgres, Engine::Dsql]
            .into_iter()
            .find(|engine| engine.name() == name)
            .ok_or_else(|| {
                Error::new(format!("DATABASE is {name:?}; it must be postgres or dsql."))
            }),
    }
}

/// Checks a mode of traffic.
fn mode(given: Option<String>) -> Result<Option<String>> {
    match given {
        Some(mode) if !MODES.contains(&mode.as_str()) => {
            let modes = MODES.join(", ");
            Err(Error::new(format!("TRAFFIC is {mode:?}; it must be one of {modes}.")))
        }
        given => Ok(given),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config> {
        let find = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Config::read(find, common::Config::read(find, PathBuf::from("/checkout")))
    }

    /// What an empty environment gives.
    pub(crate) fn empty() -> Config {
        read(&[]).unwrap()
    }

    #[test]
    fn an_empty_environment_gives_the_documented_ports() {
        let config = empty();
        assert_eq!(
            (config.postgres_port, config.emulator_port, config.faults_port, config.console_port),
            (54329, 4566, 4570, 4580)
        );
        assert_eq!(config.watch_port, 9000);
    }

    #[test]
    fn an_error_names_the_variable_and_the_port_that_it_holds() {
        let error = read(&[("WAYBILL_EMULATOR_PORT", "lots")]).unwrap_err().to_string();
        assert!(error.contains("WAYBILL_EMULATOR_PORT") && error.contains("lots"), "{error}");
        assert!(read(&[("WAYBILL_WATCH_PORT", "0")]).is_err());
    }

    #[test]
    fn a_warehouse_needs_a_url() {
        assert_eq!(read(&[("WAREHOUSE_SECRET", "hush")]).unwrap().warehouse, None);
        let config =
            read(&[("WAREHOUSE_URL", "http://127.0.0.1:8080"), ("WAREHOUSE_SECRET", "hush")]);
        let expected = ("http://127.0.0.1:8080".to_owned(), "hush".to_owned());
        assert_eq!(config.unwrap().warehouse, Some(expected));
    }

    #[test]
    fn traffic_is_a_mode() {
        assert_eq!(empty().traffic, None);
        let config = read(&[("TRAFFIC", "flash-sale")]).unwrap();
        assert_eq!(config.traffic.as_deref(), Some("flash-sale"));
        let error = read(&[("TRAFFIC", "flood")]).unwrap_err().to_string();
        assert!(error.contains("flood") && error.contains("steady"), "{error}");
    }

    #[test]
    fn the_database_is_postgres_unless_another_is_named() {
        assert_eq!(empty().engine, Engine::Postgres);
        assert_eq!(read(&[("DATABASE", "postgres")]).unwrap().engine, Engine::Postgres);
        assert_eq!(read(&[("DATABASE", "dsql")]).unwrap().engine, Engine::Dsql);
        let error = read(&[("DATABASE", "oracle")]).unwrap_err().to_string();
        assert!(error.contains("DATABASE") && error.contains("oracle"), "{error}");
    }

    #[test]
    fn the_limit_of_an_owner_is_a_positive_number() {
        assert_eq!(empty().owner_limits, [None, None]);
        let config = read(&[("OWNER_ORDERS_PER_MINUTE", "6000")]).unwrap();
        assert_eq!(config.owner_limits, [None, Some(6000)]);
        for wrong in ["0", "-1", "many"] {
            let error = read(&[("OWNER_PENDING_LIMIT", wrong)]).unwrap_err().to_string();
            assert!(error.contains("OWNER_PENDING_LIMIT") && error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn the_modes_are_those_of_the_generator() {
        let source = include_str!("../../traffic/src/mode.rs");
        let names = source.lines().filter(|line| line.contains("=> \""));
        let names: Vec<&str> = names.filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(names, MODES);
    }
}
