//! The engine behind `DATABASE_URL`.

use std::str::FromStr;

use super::environment::{Config, ConfigError};

/// The variable that names the engine.
const VARIABLE: &str = "DATABASE_ENGINE";

/// The engine of the database. The statements are the same on both. The schema and the settings of a
/// session differ: decision 22.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DatabaseEngine {
    /// Postgres, on one server or behind a proxy.
    #[default]
    Postgres,
    /// Aurora DSQL.
    Dsql,
}

impl FromStr for DatabaseEngine {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        match name {
            "postgres" => Ok(Self::Postgres),
            "dsql" => Ok(Self::Dsql),
            other => Err(ConfigError::Invalid {
                variable: VARIABLE,
                value: other.to_owned(),
                expected: "postgres or dsql",
            }),
        }
    }
}

impl Config {
    /// The engine (`DATABASE_ENGINE`); Postgres if it is not set.
    pub(super) fn engine(&self) -> Result<DatabaseEngine, ConfigError> {
        self.optional(VARIABLE).map_or(Ok(DatabaseEngine::default()), |name| name.parse())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_postgres_unless_the_environment_names_another() {
        assert_eq!(Config { lookup: |_| None }.engine(), Ok(DatabaseEngine::Postgres));
        let named = |lookup| Config { lookup }.engine();
        assert_eq!(named(|_| Some("postgres".to_owned())), Ok(DatabaseEngine::Postgres));
        assert_eq!(named(|_| Some("dsql".to_owned())), Ok(DatabaseEngine::Dsql));
    }

    #[test]
    fn an_unknown_engine_is_refused_with_the_variable_and_its_value() {
        let error = Config { lookup: |_| Some("cockroach".to_owned()) }.engine().unwrap_err();
        let error = error.to_string();
        for part in ["DATABASE_ENGINE", "cockroach", "postgres or dsql"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
