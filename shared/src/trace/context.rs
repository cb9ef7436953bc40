//! The place of a span in its trace, as W3C Trace Context writes it.
//!
//! <https://www.w3.org/TR/trace-context/#traceparent-header>

use std::fmt;

/// The bit of a sampled trace in the flags.
const SAMPLED: u8 = 1;

/// The ids of a span and of its trace, and whether the trace is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) is_sampled: bool,
}

impl TraceContext {
    /// Parses a `traceparent`. Accepts version 00 only.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut hex = |length: usize| {
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            parts.next().filter(|part| part.len() == length && part.bytes().all(is_hex))
        };
        if hex(2)? != "00" {
            return None;
        }
        let trace_id = u128::from_str_radix(hex(32)?, 16).ok()?;
        let span_id = u64::from_str_radix(hex(16)?, 16).ok()?;
        let flags = u8::from_str_radix(hex(2)?, 16).ok()?;
        let is_valid = parts.next().is_none() && trace_id != 0 && span_id != 0;
        is_valid.then_some(Self { trace_id, span_id, is_sampled: flags & SAMPLED == SAMPLED })
    }

    /// A new span, in the trace of `parent` or in a new one.
    pub(super) fn new(parent: Option<Self>) -> Self {
        let trace_id = parent.map_or_else(|| fastrand::u128(1..), |parent| parent.trace_id);
        Self { trace_id, span_id: fastrand::u64(1..), is_sampled: true }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, span_id, is_sampled } = *self;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{:02x}", u8::from(is_sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_and_written() {
        for flags in ["00", "01"] {
            let text = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
            let context = TraceContext::parse(&text).unwrap();
            assert_eq!((context.is_sampled, context.to_string()), (flags == "01", text));
        }
    }

    #[test]
    fn what_is_not_a_traceparent_is_none() {
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_new_span_is_in_the_trace_of_its_parent() {
        let first = TraceContext::new(None);
        let second = TraceContext::new(Some(first));
        assert_eq!(second.trace_id, first.trace_id);
        assert_ne!(second.span_id, first.span_id);
        assert_ne!(TraceContext::new(None).trace_id, first.trace_id);
    }
}
