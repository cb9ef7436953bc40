//! The kinds of problems: a closed list, so that all that is said about each can be held to it.

use lambda_http::http::StatusCode;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal, $title:literal;)+) => {
        /// A kind of problem, which stays the same from one release to the next.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// All of them, by status.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The status of responses that tell of it.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)+
                }
            }

            /// The last part of its `type`.
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
    /// The request breaks the rules of its form.
    InvalidRequest = BAD_REQUEST, "invalid-request", "Invalid request";
    /// The order's total does not fit.
    AmountOutOfRange = BAD_REQUEST, "amount-out-of-range", "Total too large";
    /// There is no token, or none that is good now.
    Unauthorized = UNAUTHORIZED, "unauthorized", "A valid token is required";
    /// The token has none of the scopes.
    Forbidden = FORBIDDEN, "forbidden", "Insufficient scope";
    /// Nothing is served under this path.
    NoSuchRoute = NOT_FOUND, "no-such-route", "Route not found";
    /// No such order, or not the caller's.
    OrderNotFound = NOT_FOUND, "order-not-found", "Order not found";
    /// No such product.
    ProductNotFound = NOT_FOUND, "product-not-found", "Product not found";
    /// The order names products that are not for sale.
    UnknownProduct = NOT_FOUND, "unknown-product", "Product not available";
    /// The path is served to other methods.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed";
    /// Less is left than the order asks for.
    InsufficientStock = CONFLICT, "insufficient-stock", "Insufficient stock";
    /// The order can't become that from what it is.
    IllegalTransition = CONFLICT, "illegal-transition", "Transition not allowed";
    /// A request with the same key is at work.
    KeyInFlight = CONFLICT, "idempotency-key-in-flight", "A request with this key is still in progress";
    /// So much was sold meanwhile that the change does not go.
    StockTaken = CONFLICT, "stock-taken", "The stock has changed";
    /// It is not what the caller read any more.
    VersionMismatch = PRECONDITION_FAILED, "version-mismatch", "The resource has changed";
    /// It was to be created, and exists.
    ProductExists = PRECONDITION_FAILED, "product-exists", "Product already exists";
    /// It was to be replaced, and does not exist.
    ProductMissing = PRECONDITION_FAILED, "product-missing", "Product does not exist";
    /// The body is larger than any that makes sense.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body-too-large", "Body too large";
    /// The query string is longer than any that makes sense.
    QueryTooLong = URI_TOO_LONG, "query-too-long", "Query string too long";
    /// The body is something else than JSON, by its own account.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type";
    /// The key was used before, with another request.
    KeyReused = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency key already used";
    /// The lines are priced in different currencies.
    MixedCurrencies = UNPROCESSABLE_ENTITY, "mixed-currencies", "Mixed currencies";
    /// The request does not say what it was decided upon.
    PreconditionRequired = PRECONDITION_REQUIRED, "precondition-required", "Precondition required";
    /// The caller has placed as many orders as one owner may.
    TooManyOrders = TOO_MANY_REQUESTS, "too-many-orders", "Too many orders";
    /// There are too many headers, or too much in them.
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "Headers too large";
    /// A mistake in the service itself.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Internal error";
    /// Something that the service depends on does not answer.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "Service unavailable";
}

impl Kind {
    /// Its `type`: the path of its description.
    #[must_use]
    pub fn path(self) -> String {
        format!("/problems/{}", self.code())
    }

    /// Whether the same request may succeed later: its responses say when to try again.
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
        let documentation = include_str!("../../../docs/problems.md");
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
