//! What `sam deploy` goes by: its arguments, then `samconfig.toml`.

/// What `sam deploy` goes by: its arguments, then its file.
pub(crate) struct Settings<'a> {
    /// Of the command.
    pub(crate) arguments: &'a [String],
    /// The text of `samconfig.toml`.
    pub(crate) file: &'a str,
}

impl Settings<'_> {
    /// A setting, spelled as an option without its dashes.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.argument(name).or_else(|| self.in_file(name))
    }

    /// All words up to the next option, for there may be several.
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

    /// The last value in the sections that `sam deploy` reads, which is all of TOML that is needed.
    fn in_file(&self, name: &str) -> Option<String> {
        let environment = self.argument("config-env").unwrap_or_else(|| "default".to_owned());
        let sections = ["global", "deploy"].map(|it| format!("[{environment}.{it}.parameters]"));
        let mut section = "";
        let mut found = None;
        for line in self.file.lines().map(str::trim) {
            if line.starts_with('[') {
                section = line;
            } else if sections.iter().any(|wanted| wanted == section)
                && let Some((key, value)) = line.split_once('=')
                && key.trim() == name.replace('-', "_")
            {
                found = Some(value.trim().trim_matches('"').to_owned());
            }
        }
        found
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
        Settings { arguments: &arguments, file: FILE }.get(name)
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
    fn all_parameters_are_found() {
        let arguments =
            ["--parameter-overrides", "DatabaseUrl=x", "Architecture=x86_64", "--guided"];
        let parameters = get(&arguments, "parameter-overrides");
        assert_eq!(parameters.as_deref(), Some("DatabaseUrl=x Architecture=x86_64"));
    }
}
