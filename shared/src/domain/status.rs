//! The life of an order.

use serde::{Deserialize, Serialize};

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Stored, its stock reserved, its fulfilment job on the way.
    Pending,
    /// Taken by fulfilment.
    Confirmed,
    /// On the road.
    Shipped,
    /// With the customer.
    Delivered,
    /// Called off; its stock was given back.
    Cancelled,
}

impl Status {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Confirmed, Self::Shipped, Self::Delivered, Self::Cancelled];

    /// Whether an order may go from this status to `next`. A new status does not compile until it
    /// is decided here.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Confirmed | Self::Cancelled),
            Self::Confirmed => matches!(next, Self::Shipped | Self::Cancelled),
            Self::Shipped => matches!(next, Self::Delivered),
            Self::Delivered | Self::Cancelled => false,
        }
    }

    /// What an order may become from this status.
    pub fn next(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |&next| self.can_become(next))
    }

    /// From what an order may become this.
    pub fn origins(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |origin| origin.can_become(self))
    }

    /// The event that tells of an order that has become this.
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

    /// The status as it is stored and sent.
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

    /// Reads what [`as_str`](Self::as_str) writes.
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
}
