//! The settings of the process: a JSON file that the runner of the local cloud writes.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What the process stands in front of, and the ports that it listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The port of the control API.
    pub control_port: u16,
    /// The ports of the proxies.
    pub ports: Ports,
    /// `host:port` of Postgres.
    pub postgres: String,
    /// The URL of the AWS endpoint.
    pub aws: String,
    /// The folder that the emulator runs binaries from.
    pub binaries: PathBuf,
    /// The name of the stack.
    pub stack: String,
    /// The functions, without the name of the stack.
    pub functions: Vec<String>,
}

/// The ports of the proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// In front of Postgres.
    pub postgres: u16,
    /// In front of SQS.
    pub sqs: u16,
    /// In front of DynamoDB.
    pub dynamodb: u16,
    /// In front of EventBridge.
    pub eventbridge: u16,
    /// In front of SES.
    pub ses: u16,
}

impl Settings {
    /// Reads the file.
    ///
    /// # Errors
    /// If it can't be read, or is not the JSON of settings.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, serde_json::to_vec_pretty(self)?)
    }
}
