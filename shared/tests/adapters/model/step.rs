//! What can happen to the shop, and what comes of it.

use waybill::app::Relayed;
use waybill::domain::Status;

/// Product numbers and quantities. A product may appear twice.
pub(super) type Basket = Vec<(usize, i64)>;

/// Orders are numbered in the order in which they are placed.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Create {
        basket: Basket,
        key: Option<u8>,
        queue_is_up: bool,
    },
    /// How far the version that the caller saw is off, if it gave one.
    Cancel {
        order: usize,
        off: Option<i64>,
    },
    Status {
        order: usize,
        to: Status,
        off: i64,
    },
    /// The jobs of these orders, plus a message that is not a job and one without an order.
    /// Messages that fail are delivered again later.
    Fulfill {
        picks: Vec<usize>,
        acknowledged: bool,
        strangers: bool,
    },
    /// After a long time or at once; which messages the queue and the bus refuse, by the order's
    /// number modulo 8; and whether the relay dies between sending and settling.
    Relay {
        late: bool,
        queue_refuses: u8,
        bus_refuses: u8,
        dies: bool,
    },
    /// All keys expire, and may be deleted.
    Day {
        clean: bool,
    },
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Nothing,
    Placed(usize),
    Replayed(usize),
    KeyReused,
    Unknown,
    MixedCurrencies,
    /// Product, requested and available.
    Short(Vec<(usize, i32, i32)>),
    Changed {
        order: usize,
        way: Vec<Status>,
    },
    Illegal {
        from: Status,
        to: Status,
    },
    Stale {
        current: i64,
    },
    Fulfilled {
        failed: Vec<String>,
    },
    Relayed(Relayed),
    Died,
    Forgot(u64),
}
