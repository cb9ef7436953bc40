//! The binaries of the functions: their names, their builds, and a fingerprint of a build.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::error::{Context as _, Result};
use crate::process;
use crate::tools::{self, Tools};

/// The names of all functions, sorted: the folders of `functions/`.
///
/// # Errors
/// If the folder can't be read.
pub fn functions(config: &Config) -> Result<Vec<String>> {
    let dir = config.root.join("functions");
    let entries = fs::read_dir(&dir).context(|| format!("Failed to read {}.", dir.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// The binary of a function in a build that is deployed, where `template.yaml` looks for it.
#[must_use]
pub fn path(config: &Config, function: &str) -> PathBuf {
    config.root.join(LAMBDA_DIR).join(function).join("bootstrap")
}

/// The binary of a function, as cargo leaves it.
#[must_use]
pub fn compiled(config: &Config, profile: Profile, function: &str) -> PathBuf {
    config.root.join("target").join(profile.folder()).join(function)
}

const LAMBDA_DIR: &str = "target/lambda";

/// How functions are compiled for this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Fast to compile: with the profile and the features of the runner and the tests.
    Dev,
    /// As for AWS.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The processor architecture of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// `arm64`, the default on AWS.
    Arm64,
    /// `x86_64`.
    X86,
}

impl Architecture {
    /// The architecture of this machine.
    pub const HERE: Self = if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86 };

    /// The value of the template's parameter `Architecture`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }
}

/// Builds all functions for AWS. Zig, from the tools, is the linker.
///
/// # Errors
/// If there is no space, or the build fails.
pub async fn build_for_aws(
    config: &Config,
    tools: &Tools,
    architecture: Architecture,
) -> Result<()> {
    tools::require_space_to_build(config)?;
    let mut command = tools.command("cargo-lambda");
    command.args(["lambda", "build", "--release", "--lambda-dir", LAMBDA_DIR]);
    command.args(packages(&functions(config)?)).arg(match architecture {
        Architecture::Arm64 => "--arm64",
        Architecture::X86 => "--x86-64",
    });
    process::run_loudly("Building the functions", command.current_dir(&config.root)).await
}

/// Compiles all functions for this machine. It needs cargo only, so it does not wait for the tools.
///
/// # Errors
/// If there is no space, or the build fails.
pub async fn compile(config: &Config, profile: Profile) -> Result<()> {
    tools::require_space_to_build(config)?;
    let mut command = tokio::process::Command::new("cargo");
    command.args(["build", "--bins", "--target-dir", "target"]);
    if profile == Profile::Release {
        command.arg("--release").args(packages(&functions(config)?));
    }
    process::run_loudly("Building the functions", command.current_dir(&config.root)).await
}

/// Compiles all functions for this machine, and copies them to where `template.yaml` looks for them.
///
/// # Errors
/// If there is no space, or the build fails.
pub async fn build_here(config: &Config, profile: Profile) -> Result<()> {
    compile(config, profile).await?;
    for function in functions(config)? {
        let built = compiled(config, profile, &function);
        let folder = config.root.join(LAMBDA_DIR).join(&function);
        let copy = folder.join("bootstrap.new");
        // The old binary may be running, so it is replaced and not written to.
        fs::create_dir_all(&folder)
            .and_then(|()| fs::copy(&built, &copy))
            .and_then(|_| fs::rename(&copy, folder.join("bootstrap")))
            .context(|| format!("Failed to copy {} to {}.", built.display(), folder.display()))?;
    }
    Ok(())
}

/// The arguments that name packages to cargo.
fn packages(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().flat_map(|name| ["--package", name.as_str()])
}

/// A hash of binaries, template and parameters. It may differ between versions of Rust, which costs
/// one deployment.
///
/// # Errors
/// If a file is missing.
pub fn fingerprint(config: &Config, template: &Path, parameters: &[String]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    let mut files = vec![template.to_owned()];
    files.extend(functions(config)?.iter().map(|function| path(config, function)));
    for file in files {
        let content = fs::read(&file).context(|| format!("{} is missing.", file.display()))?;
        hasher.write_usize(content.len());
        hasher.write(&content);
    }
    for parameter in parameters {
        hasher.write_usize(parameter.len());
        hasher.write(parameter.as_bytes());
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_changes_with_the_binary_the_template_and_the_parameters() {
        let root = std::env::temp_dir().join(format!("waybill-{}", uuid::Uuid::new_v4()));
        let mut config = crate::config::tests::empty();
        config.root.clone_from(&root);
        fs::create_dir_all(root.join("functions/health")).unwrap();
        fs::create_dir_all(root.join("target/lambda/health")).unwrap();
        fs::write(root.join("functions/health/Cargo.toml"), "").unwrap();
        fs::write(root.join("template.yaml"), "a").unwrap();
        fs::write(path(&config, "health"), "1").unwrap();
        let parameters = ["Architecture=arm64".to_owned()];
        let of = |parameters: &[String]| {
            fingerprint(&config, &root.join("template.yaml"), parameters).unwrap()
        };

        let first = of(&parameters);
        assert_eq!(first, of(&parameters));
        assert_ne!(first, of(&[]));
        fs::write(root.join("template.yaml"), "b").unwrap();
        let second = of(&parameters);
        assert_ne!(first, second);
        fs::write(path(&config, "health"), "2").unwrap();
        assert_ne!(second, of(&parameters));
        fs::remove_dir_all(&root).unwrap();
    }
}
