/// Where the parts of the stack are, as `.local/stack.env` tells.
pub struct Environment {
    /// Routes are appended to this; without a slash at the end.
    pub api_url: String,
    /// Where the AWS APIs are.
    pub aws_endpoint_url: String,
    /// The region of the stack.
    pub aws_region: String,
    /// A connection string.
    pub database_url: String,
    /// Jobs for fulfill-order.
    pub fulfillment_queue_url: String,
    /// Where jobs end that failed too often.
    pub fulfillment_dlq_url: String,
    /// A DynamoDB table.
    pub product_cache_table: String,
    /// A customer's.
    pub token: String,
    /// One of the staff's.
    pub staff_token: String,
    /// The key that signed both, as a file.
    pub token_key_file: String,
    /// The stack's event bus is called what the stack is called.
    pub stack_name: String,
}

impl Environment {
    /// Reads it from the variables of this process.
    ///
    /// # Panics
    /// Where one is not set, with a sentence that says what to do.
    #[must_use]
    pub fn read() -> Self {
        // The SDK reads these itself; without them it would go looking for the real AWS.
        for name in ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        {
            variable(name);
        }
        Self {
            api_url: variable("API_URL").trim_end_matches('/').to_owned(),
            aws_endpoint_url: variable("AWS_ENDPOINT_URL"),
            aws_region: variable("AWS_REGION"),
            database_url: variable("DATABASE_URL"),
            fulfillment_queue_url: variable("FULFILLMENT_QUEUE_URL"),
            fulfillment_dlq_url: variable("FULFILLMENT_DLQ_URL"),
            product_cache_table: variable("PRODUCT_CACHE_TABLE"),
            token: variable("TOKEN"),
            staff_token: variable("STAFF_TOKEN"),
            token_key_file: variable("TOKEN_KEY_FILE"),
            stack_name: variable("EVENT_BUS_NAME"),
        }
    }
}

fn variable(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the tests read their environment here only")]
    let value = std::env::var(name);
    value.ok().filter(|value| !value.is_empty()).unwrap_or_else(|| {
        panic!(
            "{name} is not set. These tests need a running stack: use `make test`, or \
             `OWNER_PENDING_LIMIT=1000000 OWNER_ORDERS_PER_MINUTE=1000000 make up` and then \
             `set -a; . .local/stack.env; cargo test -p e2e`"
        )
    })
}
