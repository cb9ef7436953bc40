//! The settings of `sam deploy`: its arguments, then `samconfig.toml`.

use std::fs;

use toml::{Table, Value};

use crate::config::Config;
use crate::error::{Context as _, Result};

/// The settings of `sam deploy`.
pub(crate) struct Settings<'a> {
    /// The arguments of the command.
    arguments: &'a [String],
    /// `samconfig.toml`.
    file: Table,
}

impl<'a> Settings<'a> {
    /// These arguments, and `samconfig.toml` if it exists.
    ///
    /// # Errors
    /// If the file is not valid TOML.
    pub(crate) fn read(config: &Config, arguments: &'a [String]) -> Result<Self> {
        let path = config.root.join("samconfig.toml");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let file =
            toml::from_str(&text).context(|| format!("{} is not valid TOML.", path.display()))?;
        Ok(Self { arguments, file })
    }

    /// The value of an option, named without its dashes. An empty value counts as none.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.argument(name).or_else(|| self.in_file(name)).filter(|value| !value.is_empty())
    }

    /// All words up to the next option: there may be several parameters.
    fn argument(&self, name: &str) -> Option<String> {
        let option = format!("--{name}");
        let mut rest = self
            .arguments
            .iter()
            .skip_while(|it| **it != option && !it.starts_with(&format!("{option}=")));
        let first = rest.next()?;
        if let Some((_, value)) = first.split_once('=') {
            return Some(value.to_owned());
        }
        let values: Vec<&str> =
            rest.take_while(|it| !it.starts_with("--")).map(String::as_str).collect();
        Some(values.join(" "))
    }

    /// The value in the sections that `sam deploy` reads: its own, then the global one.
    fn in_file(&self, name: &str) -> Option<String> {
        let environment = self.argument("config-env").unwrap_or_else(|| "default".to_owned());
        let sections = self.file.get(&environment)?;
        let key = name.replace('-', "_");
        let values = ["deploy", "global"].map(|it| sections.get(it)?.get("parameters")?.get(&key));
        values.into_iter().flatten().next().and_then(text)
    }
}

/// A string, or a list of strings joined by spaces.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let words: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            Some(words?.join(" "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[default.global.parameters]
stack_name = "waybill"

[default.deploy.parameters]
region = "eu-west-1"

[staging.deploy.parameters]
stack_name = "waybill-staging"
"#;

    fn get(arguments: &[&str], name: &str) -> Option<String> {
        let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
        Settings { arguments: &arguments, file: toml::from_str(FILE).unwrap() }.get(name)
    }

    #[test]
    fn an_argument_goes_before_the_file() {
        assert_eq!(get(&[], "stack-name").as_deref(), Some("waybill"));
        assert_eq!(get(&["--stack-name", "mine"], "stack-name").as_deref(), Some("mine"));
        assert_eq!(get(&["--stack-name=mine"], "stack-name").as_deref(), Some("mine"));
        assert_eq!(get(&[], "region").as_deref(), Some("eu-west-1"));
        assert_eq!(get(&[], "profile"), None);
    }

    #[test]
    fn another_environment_of_the_file_is_read_when_asked_for() {
        let staging = get(&["--config-env", "staging"], "stack-name");
        assert_eq!(staging.as_deref(), Some("waybill-staging"));
    }

    #[test]
    fn the_file_may_use_any_quotes_and_comments_and_lists() {
        let file = toml::from_str(
            "[default.deploy.parameters]\n\
             region = 'eu-west-1' # single quotes\n\
             parameter_overrides = [\n \"A=1\",\n \"B=2\",\n]\n",
        );
        let settings = Settings { arguments: &[], file: file.unwrap() };
        assert_eq!(settings.get("region").as_deref(), Some("eu-west-1"));
        assert_eq!(settings.get("parameter-overrides").as_deref(), Some("A=1 B=2"));
    }

    #[test]
    fn all_parameters_are_found() {
        let arguments =
            ["--parameter-overrides", "DatabaseUrl=x", "Architecture=x86_64", "--guided"];
        let parameters = get(&arguments, "parameter-overrides");
        assert_eq!(parameters.as_deref(), Some("DatabaseUrl=x Architecture=x86_64"));
    }
}
