//! The kinds of problems. Tests compare this list with the documentation.

use http::StatusCode;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal, $title:literal;)+) => {
        /// A kind of problem. Kinds are stable from release to release.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// All kinds, by status.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)+
                }
            }

            /// The last part of the `type`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// The kind in words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                }
            }
        }
    };
}

kinds! {
    /// The request is malformed.
    InvalidRequest = BAD_REQUEST, "invalid-request", "Invalid request";
    /// The total of the order overflows.
    AmountOutOfRange = BAD_REQUEST, "amount-out-of-range", "Total too large";
    /// The token is missing or not valid.
    Unauthorized = UNAUTHORIZED, "unauthorized", "A valid token is required";
    /// The token has none of the required scopes.
    Forbidden = FORBIDDEN, "forbidden", "Insufficient scope";
    /// No route has this path.
    NoSuchRoute = NOT_FOUND, "no-such-route", "Route not found";
    /// The order does not exist, or is not the caller's.
    OrderNotFound = NOT_FOUND, "order-not-found", "Order not found";
    /// The product does not exist.
    ProductNotFound = NOT_FOUND, "product-not-found", "Product not found";
    /// The order names products that do not exist or are not for sale.
    UnknownProduct = NOT_FOUND, "unknown-product", "Product not available";
    /// The path has routes, but none with this method.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed";
    /// The order asks for more than is in stock.
    InsufficientStock = CONFLICT, "insufficient-stock", "Insufficient stock";
    /// The order can't change to this status.
    IllegalTransition = CONFLICT, "illegal-transition", "Transition not allowed";
    /// A request with the same idempotency key is in progress.
    KeyInFlight = CONFLICT, "idempotency-key-in-flight", "A request with this key is still in progress";
    /// The stock has changed so much that it would become negative or overflow.
    StockTaken = CONFLICT, "stock-taken", "The stock has changed";
    /// The resource has changed since the caller read it.
    VersionMismatch = PRECONDITION_FAILED, "version-mismatch", "The resource has changed";
    /// The product to create already exists.
    ProductExists = PRECONDITION_FAILED, "product-exists", "Product already exists";
    /// The product to replace does not exist.
    ProductMissing = PRECONDITION_FAILED, "product-missing", "Product does not exist";
    /// The body is too large.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body-too-large", "Body too large";
    /// The query string is too long.
    QueryTooLong = URI_TOO_LONG, "query-too-long", "Query string too long";
    /// The `Content-Type` is not JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type";
    /// The idempotency key was used for another request.
    KeyReused = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency key already used";
    /// The lines have different currencies.
    MixedCurrencies = UNPROCESSABLE_ENTITY, "mixed-currencies", "Mixed currencies";
    /// The request needs `If-Match` or `If-None-Match`.
    PreconditionRequired = PRECONDITION_REQUIRED, "precondition-required", "Precondition required";
    /// The owner is at a limit of orders.
    TooManyOrders = TOO_MANY_REQUESTS, "too-many-orders", "Too many orders";
    /// The headers are too many or too large.
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "Headers too large";
    /// A bug in the service.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Internal error";
    /// A dependency does not respond.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "Service unavailable";
}

impl Kind {
    /// The `type`: the path of its description.
    #[must_use]
    pub fn path(self) -> String {
        format!("/problems/{}", self.code())
    }

    /// Whether the same request may succeed later. Its responses have `Retry-After`.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::KeyInFlight | Self::TooManyOrders | Self::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own_and_they_come_by_status() {
        let codes: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.status().as_u16()));
    }

    #[test]
    fn every_kind_and_no_other_has_a_section_in_the_documentation() {
        let documentation = include_str!("../../../../docs/problems.md");
        let mut lines = documentation.lines();
        let mut sections = Vec::new();
        while let Some(line) = lines.next() {
            let Some(code) = line.strip_prefix("## ") else { continue };
            assert_eq!(lines.next(), Some(""));
            let status = lines.next().unwrap();
            sections.push((code, status));
        }
        let expected: Vec<_> = Kind::ALL
            .iter()
            .map(|kind| (kind.code(), format!("{}: {}.", kind.status().as_u16(), kind.title())))
            .collect();
        let sections: Vec<_> =
            sections.into_iter().map(|(code, status)| (code, status.to_owned())).collect();
        assert_eq!(sections, expected);
    }
}
