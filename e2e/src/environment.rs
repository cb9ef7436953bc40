use testkit::engine;

/// Where the parts of the stack are, from `.local/stack.env`.
pub struct Environment {
    /// The base URL of the API, without a slash at the end.
    pub api_url: String,
    /// The endpoint of the AWS APIs.
    pub aws_endpoint_url: String,
    /// The region of the stack.
    pub aws_region: String,
    /// The connection string of the database, as the service reaches it.
    pub database_url: String,
    /// The same database for tests, which do more than Aurora DSQL allows: the Postgres behind the
    /// stand-in, or the same.
    pub direct_database_url: String,
    /// The fulfillment queue.
    pub fulfillment_queue_url: String,
    /// Its dead-letter queue.
    pub fulfillment_dlq_url: String,
    /// The queue of events for mail.
    pub notification_queue_url: String,
    /// Its dead-letter queue.
    pub notification_dlq_url: String,
    /// The DynamoDB table of the product cache.
    pub product_cache_table: String,
    /// The control API of faults, if the stack has it.
    pub faults_url: Option<String>,
    /// A customer's token.
    pub token: String,
    /// A token of staff.
    pub staff_token: String,
    /// The file of the key that signed both tokens.
    pub token_key_file: String,
    /// The name of the stack, and of its event bus.
    pub stack_name: String,
}

impl Environment {
    /// Reads the environment variables.
    ///
    /// # Panics
    /// If a variable is not set; the message says what to do.
    #[must_use]
    pub fn read() -> Self {
        // The SDK reads these itself. Without them it would call AWS.
        for name in ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        {
            variable(name);
        }
        Self {
            api_url: variable("API_URL").trim_end_matches('/').to_owned(),
            aws_endpoint_url: variable("AWS_ENDPOINT_URL"),
            aws_region: variable("AWS_REGION"),
            database_url: variable("DATABASE_URL"),
            direct_database_url: variable("DIRECT_DATABASE_URL"),
            fulfillment_queue_url: variable("FULFILLMENT_QUEUE_URL"),
            fulfillment_dlq_url: variable("FULFILLMENT_DLQ_URL"),
            notification_queue_url: variable("NOTIFICATION_QUEUE_URL"),
            notification_dlq_url: variable("NOTIFICATION_DLQ_URL"),
            product_cache_table: variable("PRODUCT_CACHE_TABLE"),
            faults_url: optional("FAULTS_URL"),
            token: variable("TOKEN"),
            staff_token: variable("STAFF_TOKEN"),
            token_key_file: variable("TOKEN_KEY_FILE"),
            stack_name: variable("EVENT_BUS_NAME"),
        }
    }

    /// The variables of a function of the stack, and `more`, which win.
    #[must_use]
    pub fn variables<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [
            ("DATABASE_URL", self.database_url.as_str()),
            (engine::ENGINE, engine_name()),
            ("FULFILLMENT_QUEUE_URL", &self.fulfillment_queue_url),
            ("FULFILLMENT_DLQ_URL", &self.fulfillment_dlq_url),
            ("PRODUCT_CACHE_TABLE", &self.product_cache_table),
            ("EVENT_BUS_NAME", &self.stack_name),
            ("AWS_ENDPOINT_URL", &self.aws_endpoint_url),
            ("AWS_REGION", &self.aws_region),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        [&own, more].concat()
    }
}

/// The name of the database's engine.
#[must_use]
pub fn engine_name() -> &'static str {
    if engine::is_stand_in() { "dsql" } else { "postgres" }
}

fn optional(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the tests read their environment only here")]
    let value = std::env::var(name);
    value.ok().filter(|value| !value.is_empty())
}

fn variable(name: &str) -> String {
    optional(name).unwrap_or_else(|| {
        panic!(
            "{name} is not set. These tests need a running stack: use `make test`, or \
             `OWNER_PENDING_LIMIT=1000000 OWNER_ORDERS_PER_MINUTE=1000000 make up` and then \
             `set -a; . .local/stack.env; cargo test -p e2e`"
        )
    })
}
