//! Deploys `template.yaml` to an emulator with `sam deploy`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use waybill_ops::aws::Aws;
use waybill_ops::bootstraps::{self, Architecture, Profile};
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::release::{self, Cloud, Order};
use waybill_ops::remote::{Described, MIGRATE_FUNCTION, Remote, STACK_NAME};
use waybill_ops::tools::Tools;
use waybill_ops::{process, ui};

use crate::config::Config;
use crate::stack::{Endpoints, Kind, Stack};
use crate::tokens::{self, Issuer};
use crate::{emulator, lambda, mail, template};

/// The template's defaults of how many orders of an owner may be pending, and how many an owner may
/// place in a minute.
const OWNER_LIMITS: [u32; 2] = [100, 60];
/// The limits for tests, which place thousands of orders as one customer.
const NO_OWNER_LIMITS: [u32; 2] = [1_000_000, 1_000_000];

/// The outcome of a deployment.
#[derive(Debug)]
pub(crate) struct Deployment {
    /// The variables of the stack.
    pub(crate) env: EnvFile,
    /// Whether anything was deployed, migrated or seeded.
    pub(crate) changed: bool,
}

/// Compiles the functions, and at the same time installs the tools and starts Postgres and the
/// emulator.
///
/// # Errors
/// If a part fails. The other is stopped then.
pub(crate) async fn prepare(
    config: &Config,
    stack: &mut Stack,
    profile: Profile,
) -> Result<(Tools, Endpoints)> {
    let compile = bootstraps::build_here(&config.common, profile);
    let start = async {
        let tools = Tools::install(&config.common).await?;
        let to = stack.start(config, &tools).await?;
        if to.given_emulator {
            emulator::require_http_apis(&to.aws.endpoint).await?;
        }
        Ok((tools, to))
    };
    let ((), started) = tokio::try_join!(compile, start)?;
    Ok(started)
}

/// Updates the stack: template and code, schema, and seed.
///
/// # Errors
/// If a step fails.
pub(crate) async fn deploy(
    config: &Config,
    tools: &Tools,
    stack: &Stack,
    to: &Endpoints,
) -> Result<Deployment> {
    let issuer = Issuer::prepare(&stack.dir, tools, &to.aws.endpoint).await?;
    issuer.publish().await?;
    mail::verify_sender(&to.aws.endpoint).await?;

    // The tests must not use the caller's warehouse. A parameter that is left out keeps its old value,
    // so an empty one is passed.
    let warehouse = config.warehouse.clone().filter(|_| stack.kind == Kind::Main);
    let (warehouse_url, warehouse_secret) = warehouse.unwrap_or_default();
    let [pending, per_minute] = owner_limits(config, stack.kind);
    let parameters = [
        // `make story` shows any order.
        "TraceSampleRate=1".to_owned(),
        format!("MaxPendingOrders={pending}"),
        format!("MaxOrdersPerMinute={per_minute}"),
        // The local Postgres has enough connections, and with a reservation requests at the same time
        // would fail.
        "ReserveConcurrency=false".to_owned(),
        format!("Architecture={}", Architecture::HERE.name()),
        format!("DatabaseUrl={}", to.functions_database_url),
        format!("DatabaseEngine={}", to.engine.name()),
        format!("WarehouseUrl={}", quoted(&warehouse_url)),
        format!("WarehouseSecret={}", quoted(&warehouse_secret)),
        format!("MailSender={}", mail::SENDER),
        format!("MailRecipient={}", mail::RECIPIENT),
        format!("JwtIssuer={}", issuer.url()),
        // The URL contains the emulator's port. On another port it is still the same issuer.
        format!("FirstJwtIssuer={}", issuer.url()),
        format!("JwtAudience={}", tokens::AUDIENCE),
    ];
    let template = template_file(config, stack, to).await?;
    let fingerprint = bootstraps::fingerprint(&config.common, &template, &parameters)?;
    let record = stack.dir.join("deployed");
    let is_current = |deployed: &Described| {
        let known = fs::read_to_string(&record).unwrap_or_default();
        known == format!("{fingerprint} {}", deployed.id)
    };
    let remote = Remote::new(
        STACK_NAME,
        &to.aws.service("CLOUDFORMATION").await,
        &to.aws.service("LAMBDA").await,
        bootstraps::path(&config.common, "migrate"),
    );
    let mut local =
        Local { config, tools, stack, aws: &to.aws, template, parameters: &parameters, remote };
    let (deployed, applied, mut changed) = match local.remote.describe().await?.filter(is_complete)
    {
        Some(deployed) if is_current(&deployed) => {
            ui::step("The deployed stack is up to date");
            let applied = local.migrate(deployed.output(MIGRATE_FUNCTION)?).await?;
            (deployed, applied, false)
        }
        found => {
            let order = order(found.as_ref(), to).await?;
            let applied = release::release(&mut local, order).await?;
            let deployed =
                local.remote.describe().await?.filter(is_complete).ok_or_else(|| {
                    Error::new("sam deploy succeeded, but the stack does not exist.")
                })?;
            fs::write(&record, format!("{fingerprint} {}", deployed.id))
                .context(|| format!("Failed to write {}.", record.display()))?;
            (deployed, applied, true)
        }
    };
    changed |= report(applied.len()) | seed(config, to).await?;
    let api_url = emulator::api_url(&to.aws.endpoint, deployed.output("ApiUrl")?);
    let env = variables(&deployed, to, &issuer, &api_url)?;
    Ok(Deployment { env, changed })
}

/// The limits of an owner on a stack.
fn owner_limits(config: &Config, kind: Kind) -> [u32; 2] {
    let [pending, per_minute] = config.owner_limits;
    if kind.is_of_tests() {
        return NO_OWNER_LIMITS;
    }
    [pending.unwrap_or(OWNER_LIMITS[0]), per_minute.unwrap_or(OWNER_LIMITS[1])]
}

/// Applies missing migrations, and the seed if there are no products. Returns whether anything changed.
///
/// # Errors
/// If the function can't be invoked, or the seed fails.
pub(crate) async fn migrate_and_seed(
    config: &Config,
    to: &Endpoints,
    invoke_at: &str,
    migrate: &str,
) -> Result<bool> {
    let answer = lambda::invoke(invoke_at, migrate, &json!({})).await?;
    let applied = answer.get("applied").and_then(Value::as_array).map_or(0, Vec::len);
    Ok(report(applied) | seed(config, to).await?)
}

/// Prints how many migrations were applied. Returns whether any was.
fn report(applied: usize) -> bool {
    if applied > 0 {
        ui::step(format!("Migrations applied: {applied}"));
    }
    applied > 0
}

/// Applies the seed if there are no products. Returns whether it did.
async fn seed(config: &Config, to: &Endpoints) -> Result<bool> {
    let seeded = to.database().seed(&config.common.root.join("sql/seed.sql")).await?;
    if seeded {
        ui::step("Seeded the database with sql/seed.sql");
    }
    Ok(seeded)
}

/// The order of the release. The deployed migrate function only knows the database that it was deployed
/// with, so a new `DATABASE_URL` must be deployed first.
async fn order(found: Option<&Described>, to: &Endpoints) -> Result<Order> {
    let Some(deployed) = found else { return Ok(Order::SchemaFirst) };
    let migrate = deployed.output(MIGRATE_FUNCTION)?;
    let known = lambda::function_variable(&to.aws.endpoint, migrate, "DATABASE_URL").await?;
    Ok(if known == to.functions_database_url { Order::SchemaFirst } else { Order::CodeFirst })
}

/// The emulator as the target of a release.
struct Local<'a> {
    config: &'a Config,
    tools: &'a Tools,
    stack: &'a Stack,
    aws: &'a Aws,
    template: PathBuf,
    parameters: &'a [String],
    remote: Remote,
}

impl Cloud for Local<'_> {
    const ADVICE: &'static str = "Fix the cause and run it again.";

    async fn migrate_function(&self) -> Result<Option<String>> {
        self.remote.migrate_function().await
    }

    async fn update_code(&self, function: &str) -> Result<()> {
        ui::step(format!("Updating the code of {function}, to migrate first"));
        self.remote.update_code(function).await
    }

    async fn migrate(&self, function: &str) -> Result<Vec<String>> {
        self.remote.migrate(function).await
    }

    async fn deploy(&mut self) -> Result<()> {
        ui::step("Deploying template.yaml with sam deploy");
        sam_deploy(self).await
    }
}

/// What is deployed: `template.yaml`, or the copy of it for MiniStack.
async fn template_file(config: &Config, stack: &Stack, to: &Endpoints) -> Result<PathBuf> {
    let original = config.common.root.join("template.yaml");
    if !emulator::is_ministack(&to.aws.endpoint).await {
        return Ok(original);
    }
    let text = fs::read_to_string(&original)
        .context(|| format!("Failed to read {}.", original.display()))?;
    let copy = stack.dir.join("template.yaml");
    fs::write(&copy, template::for_ministack(&text)?)
        .context(|| format!("Failed to write {}.", copy.display()))?;
    Ok(copy)
}

async fn sam_deploy(local: &Local<'_>) -> Result<()> {
    let Local { config, tools, stack, aws, .. } = local;
    let mut command = tools.sam();
    command
        .current_dir(&config.common.root)
        // A section that samconfig.toml does not have: its settings are for AWS.
        .args(["deploy", "--config-env", "local", "--template-file"])
        .arg(&local.template)
        .args(["--stack-name", STACK_NAME, "--region", &aws.region, "--resolve-s3"])
        .args(["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"])
        .args(["--no-fail-on-empty-changeset", "--no-progressbar", "--parameter-overrides"])
        .args(local.parameters)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    aws.point(&mut command);
    let log = stack.dir.join("deploy.log");
    process::run_quietly("sam deploy", &mut command, &log, Duration::from_secs(20)).await
}

/// A value quoted for the command line of `sam`.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', r#"\""#))
}

/// Whether the last deployment of the stack succeeded.
fn is_complete(stack: &Described) -> bool {
    ["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&stack.status.as_str())
}

fn variables(
    deployed: &Described,
    to: &Endpoints,
    issuer: &Issuer,
    api_url: &str,
) -> Result<EnvFile> {
    let output = |name: &str| deployed.output(name).map(str::to_owned);
    let token = |(subject, scopes): (&str, &str)| issuer.token(subject, scopes);
    let mut pairs = vec![
        ("API_URL", api_url.to_owned()),
        ("TOKEN", token(tokens::CUSTOMER)?),
        ("STAFF_TOKEN", token(tokens::STAFF)?),
        ("TOKEN_KEY_FILE", issuer.key_path().display().to_string()),
        ("DATABASE_URL", to.database_url.clone()),
        ("DATABASE_ENGINE", to.engine.name().to_owned()),
        ("DIRECT_DATABASE_URL", to.direct_database_url.clone()),
        ("FULFILLMENT_QUEUE_URL", output("FulfillmentQueueUrl")?),
        ("FULFILLMENT_DLQ_URL", output("FulfillmentDlqUrl")?),
        ("NOTIFICATION_QUEUE_URL", output("NotificationQueueUrl")?),
        ("NOTIFICATION_DLQ_URL", output("NotificationDlqUrl")?),
        ("PRODUCT_CACHE_TABLE", output("ProductCacheTable")?),
        ("EVENT_BUS_NAME", output("EventBusName")?),
    ];
    pairs.extend(to.faults_url.clone().map(|url| ("FAULTS_URL", url)));
    pairs.extend(to.aws.environment());
    Ok(EnvFile(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

#[cfg(test)]
mod tests {
    use saphyr::{LoadableYamlNode as _, Yaml};

    use super::*;
    use crate::config::tests::empty;

    #[test]
    fn make_up_has_the_limits_of_the_template_or_of_the_environment() {
        let template = include_str!("../../template.yaml");
        let template = &Yaml::load_from_str(template).unwrap()[0];
        let defaults = ["MaxPendingOrders", "MaxOrdersPerMinute"]
            .map(|name| template["Parameters"][name]["Default"].as_integer().unwrap());
        let mut config = empty();
        assert_eq!(owner_limits(&config, Kind::Main).map(i64::from), defaults);
        config.owner_limits = [None, Some(6000)];
        assert_eq!(owner_limits(&config, Kind::Main), [OWNER_LIMITS[0], 6000]);
    }

    #[test]
    fn tests_have_no_limits() {
        let mut config = empty();
        config.owner_limits = [Some(1), Some(1)];
        assert!(owner_limits(&config, Kind::Test).iter().all(|&limit| limit > 100_000));
    }
}
