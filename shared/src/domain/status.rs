//! The statuses of an order.

use serde::{Deserialize, Serialize};

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Stored, stock reserved, job on its way.
    Pending,
    /// Accepted by fulfillment.
    Confirmed,
    /// Sent to the customer.
    Shipped,
    /// Received by the customer.
    Delivered,
    /// Canceled, with its stock returned.
    Cancelled,
}

impl Status {
    /// Every status, in order.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Confirmed, Self::Shipped, Self::Delivered, Self::Cancelled];

    /// Whether an order may change from this status to `next`. Exhaustive, so that a new status
    /// must be decided here.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Confirmed | Self::Cancelled),
            Self::Confirmed => matches!(next, Self::Shipped | Self::Cancelled),
            Self::Shipped => matches!(next, Self::Delivered),
            Self::Delivered | Self::Cancelled => false,
        }
    }

    /// The statuses that an order may change to from this one.
    pub fn next(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |&next| self.can_become(next))
    }

    /// The statuses that an order may change to this one from.
    pub fn origins(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |origin| origin.can_become(self))
    }

    /// The event of a change to this status.
    #[must_use]
    pub fn event(self) -> &'static str {
        match self {
            Self::Pending => "OrderPlaced",
            Self::Confirmed => "OrderConfirmed",
            Self::Shipped => "OrderShipped",
            Self::Delivered => "OrderDelivered",
            Self::Cancelled => "OrderCancelled",
        }
    }

    /// The status that an event says an order changed to.
    #[must_use]
    pub fn of_event(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.event() == name)
    }

    /// The status as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }

    /// Parses the output of [`as_str`](Self::as_str).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transitions_are_these_and_no_others() {
        let mut allowed = Vec::new();
        for from in Status::ALL {
            for to in Status::ALL {
                if from.can_become(to) {
                    allowed.push((from.as_str(), to.as_str()));
                }
            }
        }
        assert_eq!(
            allowed,
            [
                ("pending", "confirmed"),
                ("pending", "cancelled"),
                ("confirmed", "shipped"),
                ("confirmed", "cancelled"),
                ("shipped", "delivered"),
            ]
        );
    }

    #[test]
    fn a_status_is_stored_as_it_is_sent() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(Status::parse("lost"), None);
    }

    #[test]
    fn each_status_has_its_own_event() {
        for status in Status::ALL {
            assert_eq!(Status::of_event(status.event()), Some(status));
        }
        assert_eq!(Status::of_event("OrderLost"), None);
    }
}
