//! Which log lines to print.

use clap::{Args, ValueEnum};
use serde_json::Value;
use waybill::domain::OrderNumber;

use super::lines::is_trace;
use crate::subject::{Subject, is_number};

/// Which log lines to print: those that match all that is given.
#[derive(Debug, Clone, Default, Args)]
pub struct Filter {
    /// Only lines about this order, by its id or number
    #[arg(long, value_name = "ORDER", value_parser = parse_order)]
    order: Option<Order>,
    /// Only lines with this correlation id
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Only lines of this function, such as create-order
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Only lines of this level and above
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Print traces as well, which are one long line each
    #[arg(long)]
    traces: bool,
}

/// An order, by its id or number.
#[derive(Debug, Clone)]
enum Order {
    Id(String),
    Number(OrderNumber),
}

/// A level; a later one is more important.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Filter {
    /// Whether to print a line. A line that is not JSON, such as that of a panic, is printed if nothing
    /// is asked for.
    pub(super) fn matches(&self, line: &str) -> bool {
        if is_trace(line) {
            return self.traces && self.mentioned(line);
        }
        if self.asks_for_nothing() {
            return true;
        }
        let Ok(value) = serde_json::from_str::<Value>(line) else { return false };
        let field = |name: &str| value.get(name).and_then(Value::as_str);
        let same = |asked: Option<&String>, name| asked.is_none_or(|it| field(name) == Some(it));
        same(self.correlation_id.as_ref(), "correlation_id")
            && same(self.function.as_ref(), "function")
            && self.level.is_none_or(|least| field("level").and_then(level) >= Some(least))
            && self
                .order
                .as_ref()
                .is_none_or(|order| field("order_id").is_some_and(|id| order.is(id)))
    }

    /// Whether a trace is about all that is asked for.
    fn mentioned(&self, line: &str) -> bool {
        let has = |text: &str| line.contains(&format!("{{\"stringValue\":\"{text}\"}}"));
        let is_of_order = |order: &Order| match order {
            Order::Id(id) => has(id),
            Order::Number(_) => values(line).any(|value| order.is(value)),
        };
        self.correlation_id.as_ref().is_none_or(|id| has(id))
            && self.function.as_ref().is_none_or(|name| has(name))
            && self.order.as_ref().is_none_or(is_of_order)
            && self.level.is_none_or(|least| least <= Level::Info)
    }

    fn asks_for_nothing(&self) -> bool {
        self.order.is_none()
            && self.correlation_id.is_none()
            && self.function.is_none()
            && self.level.is_none()
    }
}

/// The texts in a trace.
fn values(line: &str) -> impl Iterator<Item = &str> {
    line.split("{\"stringValue\":\"").skip(1).filter_map(|rest| rest.split('"').next())
}

impl Order {
    fn is(&self, id: &str) -> bool {
        match self {
            Self::Id(own) => own == id,
            Self::Number(number) => is_number(number, id),
        }
    }
}

fn parse_order(text: &str) -> Result<Order, String> {
    match text.parse::<Subject>() {
        Ok(Subject::Order(id)) => Ok(Order::Id(id.to_string())),
        Ok(Subject::Number(number)) => Ok(Order::Number(number)),
        Ok(Subject::Correlation(_)) => {
            Err("it is neither the id nor the number of an order; see --correlation-id".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn level(text: &str) -> Option<Level> {
    Level::from_str(text, true).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019c8019-aa00-7a31-9c40-1f2e6ba0a415";
    const NUMBER: &str = "ORD-20260221-ADAW0-0Z5SN-T190N";
    const LINE: &str = r#"{"level":"WARN","function":"create-order","correlation_id":"c","order_id":"019c8019-aa00-7a31-9c40-1f2e6ba0a415"}"#;
    const TRACE: &str = r#"{"resourceSpans":[{"value":{"stringValue":"create-order"}},{"value":{"stringValue":"019c8019-aa00-7a31-9c40-1f2e6ba0a415"}}]}"#;

    fn filter(arguments: &[&str]) -> Filter {
        #[derive(clap::Parser)]
        struct Command {
            #[command(flatten)]
            filter: Filter,
        }
        let arguments = ["logs"].iter().chain(arguments);
        <Command as clap::Parser>::try_parse_from(arguments).unwrap().filter
    }

    #[test]
    fn a_line_matches_all_that_is_asked_for() {
        for arguments in [
            &["--order", ID][..],
            &["--order", NUMBER],
            &["--order", ID, "--function", "create-order", "--correlation-id", "c"],
            &["--level", "warn"],
            &["--level", "info"],
        ] {
            assert!(filter(arguments).matches(LINE), "{arguments:?}");
        }
        for arguments in [
            &["--order", "019c8019-aa00-7a31-9c40-000000000000"][..],
            &["--order", "ORD-20260221-6BA0A415"],
            &["--function", "fulfill-order", "--correlation-id", "c"],
            &["--correlation-id", "d"],
            &["--level", "error"],
        ] {
            assert!(!filter(arguments).matches(LINE), "{arguments:?}");
        }
    }

    #[test]
    fn traces_are_printed_only_if_asked_for() {
        assert!(!filter(&[]).matches(TRACE));
        assert!(filter(&["--traces"]).matches(TRACE));
        assert!(filter(&["--traces", "--order", NUMBER]).matches(TRACE));
        assert!(filter(&["--traces", "--order", ID, "--function", "create-order"]).matches(TRACE));
        assert!(!filter(&["--traces", "--function", "get-order"]).matches(TRACE));
    }

    #[test]
    fn a_line_that_is_not_json_is_printed_if_nothing_is_asked_for() {
        let panic = "thread 'main' panicked at src/main.rs:1:1:";
        assert!(filter(&[]).matches(panic));
        assert!(!filter(&["--level", "error"]).matches(panic));
    }

    #[test]
    fn what_is_no_order_is_refused() {
        assert!(parse_order("checkout-42").unwrap_err().contains("--correlation-id"));
        assert!(parse_order("ORD-1").unwrap_err().contains("ORD-1 is not an order number"));
    }
}
