//! All faults.

use crate::parameters::{DELAY_MS, EVERY_MS, FOR_S, FUNCTION, Parameter};

/// A fault that can be started.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its name in the control API.
    pub name: &'static str,
    pub(crate) effect: Effect,
    /// What happens, and what counts as a strike.
    pub description: &'static str,
}

/// What it breaks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Postgres(Postgres),
    Aws(Service, Aws),
    FunctionKilled,
}

/// How Postgres is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Postgres {
    Stopped,
    Full,
    Slow,
}

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Sqs,
    DynamoDb,
    EventBridge,
    Ses,
}

/// How a service is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aws {
    Slow,
    Deaf,
    Failing,
}

impl Fault {
    /// The fault with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|fault| fault.name == name)
    }

    /// What it breaks. Each target can have one fault at a time.
    #[must_use]
    pub fn target(&self) -> &'static str {
        match self.effect {
            Effect::Postgres(_) => "postgres",
            Effect::Aws(Service::Sqs, _) => "sqs",
            Effect::Aws(Service::DynamoDb, _) => "dynamodb",
            Effect::Aws(Service::EventBridge, _) => "eventbridge",
            Effect::Aws(Service::Ses, _) => "ses",
            Effect::FunctionKilled => "functions",
        }
    }

    /// What can be set when it is started.
    pub(crate) fn parameters(&self) -> &'static [Parameter] {
        match self.effect {
            Effect::Postgres(Postgres::Slow) | Effect::Aws(_, Aws::Slow) => &[FOR_S, DELAY_MS],
            Effect::Postgres(_) | Effect::Aws(..) => &[FOR_S],
            Effect::FunctionKilled => &[FOR_S, FUNCTION, EVERY_MS],
        }
    }
}

/// Every fault, in the order in which they are listed.
pub static ALL: [Fault; 16] = [
    Fault {
        name: "postgres-stopped",
        effect: Effect::Postgres(Postgres::Stopped),
        description: "Postgres is stopped: open connections are cut, new ones are reset. Counts \
                      connections.",
    },
    Fault {
        name: "postgres-full",
        effect: Effect::Postgres(Postgres::Full),
        description: "Postgres has no connections left: open ones are cut, new ones get error 53300. \
                      Counts connections.",
    },
    Fault {
        name: "postgres-slow",
        effect: Effect::Postgres(Postgres::Slow),
        description: "Each round trip to Postgres takes delay_ms longer. Counts round trips.",
    },
    Fault {
        name: "sqs-slow",
        effect: Effect::Aws(Service::Sqs, Aws::Slow),
        description: "SQS answers the functions delay_ms late. Counts requests. The emulator's own \
                      poller, which feeds fulfill-order, bypasses the proxy.",
    },
    Fault {
        name: "sqs-deaf",
        effect: Effect::Aws(Service::Sqs, Aws::Deaf),
        description: "SQS never answers the functions. Counts requests. The emulator's own poller, \
                      which feeds fulfill-order, bypasses the proxy.",
    },
    Fault {
        name: "sqs-500",
        effect: Effect::Aws(Service::Sqs, Aws::Failing),
        description: "SQS answers the functions with 500. Counts requests. The emulator's own \
                      poller, which feeds fulfill-order, bypasses the proxy.",
    },
    Fault {
        name: "dynamodb-slow",
        effect: Effect::Aws(Service::DynamoDb, Aws::Slow),
        description: "DynamoDB, which caches products, answers delay_ms late. Counts requests.",
    },
    Fault {
        name: "dynamodb-deaf",
        effect: Effect::Aws(Service::DynamoDb, Aws::Deaf),
        description: "DynamoDB, which caches products, never answers. Counts requests.",
    },
    Fault {
        name: "dynamodb-500",
        effect: Effect::Aws(Service::DynamoDb, Aws::Failing),
        description: "DynamoDB, which caches products, answers 500. Counts requests.",
    },
    Fault {
        name: "eventbridge-slow",
        effect: Effect::Aws(Service::EventBridge, Aws::Slow),
        description: "EventBridge answers delay_ms late. Counts requests. Events that it has already \
                      taken are delivered as usual.",
    },
    Fault {
        name: "eventbridge-deaf",
        effect: Effect::Aws(Service::EventBridge, Aws::Deaf),
        description: "EventBridge never answers. Counts requests. Events that it has already taken \
                      are delivered as usual.",
    },
    Fault {
        name: "eventbridge-500",
        effect: Effect::Aws(Service::EventBridge, Aws::Failing),
        description: "EventBridge answers 500. Counts requests. Events that it has already taken are \
                      delivered as usual.",
    },
    Fault {
        name: "ses-slow",
        effect: Effect::Aws(Service::Ses, Aws::Slow),
        description: "SES, which sends mail, answers delay_ms late. Counts requests.",
    },
    Fault {
        name: "ses-deaf",
        effect: Effect::Aws(Service::Ses, Aws::Deaf),
        description: "SES, which sends mail, never answers. Counts requests.",
    },
    Fault {
        name: "ses-500",
        effect: Effect::Aws(Service::Ses, Aws::Failing),
        description: "SES, which sends mail, answers 500. Counts requests.",
    },
    Fault {
        name: "function-killed",
        effect: Effect::FunctionKilled,
        description: "The processes of one function get SIGKILL, at once and then every every_ms. \
                      Counts processes.",
    },
];
