//! `make deploy`: the same template and the same binaries, to AWS.

use std::fs;
use std::process::Stdio;

use crate::bootstraps::{self, Target};
use crate::config::Config;
use crate::deploy::STACK_NAME;
use crate::error::{Context as _, Error, Result};
use crate::tools::Tools;
use crate::ui;

/// Builds, deploys and migrates. `arguments` go to `sam deploy` as they are.
///
/// # Errors
/// If an emulator is meant and not asked for, or if any of the steps fails.
pub(crate) async fn deploy(config: &Config, emulator: bool, arguments: &[String]) -> Result<()> {
    refuse_an_emulator(config, emulator, "make deploy")?;
    let file = fs::read_to_string(config.root.join("samconfig.toml")).unwrap_or_default();
    let settings = Settings { arguments, file: &file };
    let parameters = settings.get("parameter-overrides");
    let guided = arguments.iter().any(|argument| argument == "--guided" || argument == "-g");
    if parameters.is_none() && !guided {
        return Err(Error::new(
            "Say where the database is: make deploy ARGS=\"--parameter-overrides DatabaseUrl=...\"; \
             or run `make deploy ARGS=--guided` once, which asks and keeps the answers in \
             samconfig.toml.",
        ));
    }
    let tools = Tools::install(config).await?;
    let target = match &parameters {
        Some(text) if text.contains("Architecture=x86_64") => Target::X86,
        _ => Target::Arm64,
    };
    ui::step(format!("Building the functions for {}", target.architecture()));
    bootstraps::build(config, &tools, target).await?;
    ui::step("sam deploy");
    run(config, tools.sam().arg("deploy").args(arguments), "sam deploy").await?;

    // The guided deployment may have written other answers.
    let file = fs::read_to_string(config.root.join("samconfig.toml")).unwrap_or_default();
    let settings = Settings { arguments, file: &file };
    let stack = settings.get("stack-name").unwrap_or_else(|| STACK_NAME.to_owned());
    ui::step(format!("Migrating the database of the stack {stack}"));
    // With sam, so that it uses the credentials that the deployment used, whatever kind they are.
    let mut migrate = tools.sam();
    migrate.args(["remote", "invoke", "MigrateFunction", "--event", "{}", "--stack-name", &stack]);
    for name in ["region", "profile"] {
        if let Some(value) = settings.get(name) {
            migrate.arg(format!("--{name}")).arg(value);
        }
    }
    run(config, &mut migrate, "Migrating the database").await?;
    ui::line("");
    ui::step(format!("The stack {stack} is deployed and migrated"));
    Ok(())
}

/// Fails if the environment points to an emulator where AWS is meant.
///
/// # Errors
/// Says how to mean the emulator.
pub(crate) fn refuse_an_emulator(config: &Config, meant: bool, command: &str) -> Result<()> {
    let Some(endpoint) = config.endpoint_url.as_ref().filter(|_| !meant) else { return Ok(()) };
    Err(Error::new(format!(
        "AWS_ENDPOINT_URL is {endpoint}, and this `{command}` goes to AWS. Unset it (a shell that \
         sourced stack.env has other variables to forget, too: open a new one), or say that you \
         mean it: add --emulator to ARGS."
    )))
}

/// Runs with the terminal, which a guided deployment asks on.
async fn run(config: &Config, command: &mut tokio::process::Command, what: &str) -> Result<()> {
    let status = command
        .current_dir(&config.root)
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .status()
        .await
        .context(|| format!("{what} cannot be started."))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!("{what} failed ({status}); what it said is above.")))
}

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
