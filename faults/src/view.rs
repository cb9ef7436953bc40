//! What the control API answers, for the API and its clients.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The answer to `GET /faults`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct List {
    /// Every fault that exists.
    pub faults: Vec<Fault>,
    /// The faults that have ended since the process started, oldest first; at most a thousand.
    pub history: Vec<Past>,
}

/// One fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Its name, as in the path.
    pub name: String,
    /// What it breaks. Each target can have one fault at a time.
    pub target: String,
    /// What happens, and what counts as a strike.
    pub description: String,
    /// What can be set: each with `name`, `default`, and `min` and `max` or `one_of`.
    pub parameters: Vec<Value>,
    /// Whether it strikes now.
    pub state: State,
    /// The parameters of an active fault.
    pub set: Option<Map<String, Value>>,
    /// When an active fault started.
    pub started_at: Option<Timestamp>,
    /// When an active fault will end by itself.
    pub ends_at: Option<Timestamp>,
    /// How often it struck since it was last started.
    pub struck: usize,
}

/// Whether a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It strikes.
    Active,
    /// It does not.
    Idle,
}

/// A fault that has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Past {
    /// Its name.
    pub name: String,
    /// What it broke.
    pub target: String,
    /// Its parameters.
    pub set: Map<String, Value>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended, by itself or early.
    pub ended_at: Timestamp,
    /// How often it struck.
    pub struck: usize,
}
