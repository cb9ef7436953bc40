//! `make deploy`: the same template and the same binaries, to AWS.

use std::process::Stdio;

use aws_config::Region;

use crate::bootstraps::{self, Architecture};
use crate::config::Config;
use crate::error::{Context as _, Error, Result};
use crate::release::{self, Cloud, Order};
use crate::remote::{Remote, STACK_NAME};
use crate::settings::Settings;
use crate::tools::Tools;
use crate::{budget, credentials, database, issuer, ui};

/// Builds, migrates and deploys. `sam deploy` gets the `arguments`.
///
/// # Errors
/// If `AWS_ENDPOINT_URL` is set without `--emulator`, or if a step fails.
pub async fn deploy(
    config: &Config,
    emulator: bool,
    order: Order,
    arguments: &[String],
) -> Result<()> {
    config.refuse_an_emulator(emulator, "make deploy")?;
    let mut account = Account { config, tools: Tools::at(config), emulator, arguments, at: None };
    let parameters = account.settings()?.get("parameter-overrides");
    if arguments.iter().any(|argument| argument == "--no-execute-changeset") {
        return Err(Error::new(
            "`make deploy` migrates the database, so it can't be used with --no-execute-changeset.",
        ));
    }
    account.tools = Tools::install(config).await?;
    account.at = account.find().await?;
    let order = account.order(order).await?;
    if let Some(at) = &account.at {
        let overrides = parameters.as_deref().unwrap_or_default();
        let deployed = at.remote.parameters().await?;
        issuer::check(&deployed, overrides)?;
        // --deploy-first says that the database has moved.
        if order == Order::SchemaFirst {
            database::check(&deployed, overrides)?;
        }
    }
    let architecture = match &parameters {
        Some(text) if text.contains("Architecture=x86_64") => Architecture::X86,
        _ => Architecture::Arm64,
    };
    ui::step(format!("Building the functions for {}", architecture.name()));
    bootstraps::build_for_aws(config, &account.tools, architecture).await?;
    let applied = release::release(&mut account, order).await?;
    ui::line("");
    if let Some(remark) = budget::remark(&account.found()?.parameters().await?) {
        ui::step(remark);
    }
    ui::step(match applied.len() {
        0 => "Deployed; the database was up to date".to_owned(),
        count => format!("Deployed; migrations applied: {count}"),
    });
    Ok(())
}

/// The AWS account, or the emulator, that `sam deploy` uses.
struct Account<'a> {
    config: &'a Config,
    tools: Tools,
    emulator: bool,
    arguments: &'a [String],
    /// None before the first guided deployment.
    at: Option<At>,
}

/// The stack that `sam` deploys to.
struct At {
    stack: String,
    region: String,
    remote: Remote,
}

impl Account<'_> {
    /// The settings of `sam deploy`, read again each time: a guided deployment changes them.
    fn settings(&self) -> Result<Settings<'_>> {
        Settings::read(self.config, self.arguments)
    }

    fn is_guided(&self) -> bool {
        self.arguments.iter().any(|argument| argument == "--guided" || argument == "-g")
    }

    /// Finds the stack and current credentials.
    async fn find(&self) -> Result<Option<At>> {
        let settings = self.settings()?;
        let stack = settings.get("stack-name").unwrap_or_else(|| STACK_NAME.to_owned());
        let emulator = self.config.endpoint_url.as_deref().filter(|_| self.emulator);
        let (profile, region) = (settings.get("profile"), settings.get("region"));
        let sdk = credentials::sdk_config(profile, region, emulator).await?;
        let Some(region) = sdk.region().map(Region::to_string) else {
            if self.is_guided() {
                return Ok(None);
            }
            return Err(Error::new("No region is set. Add --region to ARGS."));
        };
        let bootstrap = bootstraps::path(self.config, "migrate");
        let remote = Remote::new(&stack, &sdk, &sdk, bootstrap);
        Ok(Some(At { stack, region, remote }))
    }

    fn found(&self) -> Result<&Remote> {
        let at = self.at.as_ref();
        at.map(|at| &at.remote).ok_or_else(|| Error::new("No region is set. Add --region to ARGS."))
    }

    /// A guided deployment asks for its parameters while it runs, so it can't migrate first.
    async fn order(&self, wanted: Order) -> Result<Order> {
        if !self.is_guided() || wanted == Order::CodeFirst {
            return Ok(wanted);
        }
        if let Some(at) = &self.at
            && at.remote.migrate_function().await?.is_some()
        {
            return Err(Error::new(format!(
                "The stack {} exists, and a guided deployment would deploy code before its \
                 migrations. Leave out --guided and set what changes with --parameter-overrides. \
                 Or put --deploy-first before it in ARGS, if requests may fail in the meantime.",
                at.stack
            )));
        }
        Ok(Order::CodeFirst)
    }
}

impl Cloud for Account<'_> {
    const ADVICE: &'static str = "Fix the cause and run it again. If the database has moved or its \
        password has changed since the last deployment, put --deploy-first before everything else \
        in ARGS.";

    async fn migrate_function(&self) -> Result<Option<String>> {
        match &self.at {
            Some(at) => at.remote.migrate_function().await,
            None => Ok(None),
        }
    }

    async fn update_code(&self, function: &str) -> Result<()> {
        ui::step(format!("Updating the code of {function} alone"));
        self.found()?.update_code(function).await
    }

    async fn migrate(&self, function: &str) -> Result<Vec<String>> {
        ui::step(format!("Migrating the database with {function}"));
        self.found()?.migrate(function).await
    }

    async fn deploy(&mut self) -> Result<()> {
        ui::step("sam deploy");
        let mut command = self.tools.sam();
        command.arg("deploy");
        if let Some(at) = self.at.as_ref().filter(|_| !self.is_guided()) {
            // `sam` must deploy to the stack that was migrated.
            command.args(["--stack-name", &at.stack, "--region", &at.region]);
        }
        run(self.config, command.args(self.arguments), "sam deploy").await?;
        self.at = self.find().await?;
        Ok(())
    }
}

/// Runs a command on the terminal, where a guided deployment asks its questions.
async fn run(config: &Config, command: &mut tokio::process::Command, what: &str) -> Result<()> {
    let status = command
        .current_dir(&config.root)
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .status()
        .await
        .context(|| format!("Failed to start {what}."))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!("{what} failed ({status}). Its output is above.")))
}
