//! The same SQL by `pgbench`.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::process::Command;
use waybill::postgres::{CONFIRM_ORDERS, PLACE_ORDER};

use crate::database::variable;
use crate::shop::{PRODUCTS, Shop};

/// How many arguments `PLACE_ORDER` has.
const ARGUMENTS: usize = 18;

/// Where the numbers begin that the ids of placed orders are made of: above those of the shop.
const FIRST_ID: u64 = 1 << 42;

/// A way of handing a statement to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Prepared once.
    Prepared,
    /// Parsed and planned with every call.
    Unnamed,
    /// A function in SQL around it, and a prepared call.
    SqlFunction,
    /// The same function and an unnamed call, which leaves nothing behind on the connection.
    SqlFunctionUnnamed,
    /// A function in PL/pgSQL around it, and a prepared call.
    PlFunction,
    /// The same function and an unnamed call.
    PlFunctionUnnamed,
}

/// Whose plan an execution uses, where one is kept at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// The server's choice: one that was made for the arguments of this call, if that looks cheaper.
    Auto,
    /// One that was made for any arguments, as the service has it.
    Once,
}

pub(crate) struct Peer {
    program: String,
    url: String,
    next_id: AtomicU64,
}

impl Form {
    pub(crate) const ALL: [Self; 6] = [
        Self::Prepared,
        Self::Unnamed,
        Self::SqlFunction,
        Self::SqlFunctionUnnamed,
        Self::PlFunction,
        Self::PlFunctionUnnamed,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Unnamed => "unnamed",
            Self::SqlFunction => "SQL function, prepared call",
            Self::SqlFunctionUnnamed => "SQL function, unnamed call",
            Self::PlFunction => "PL/pgSQL function, prepared call",
            Self::PlFunctionUnnamed => "PL/pgSQL function, unnamed call",
        }
    }

    /// What `pgbench --protocol` calls it.
    fn protocol(self) -> &'static str {
        match self {
            Self::Prepared | Self::SqlFunction | Self::PlFunction => "prepared",
            Self::Unnamed | Self::SqlFunctionUnnamed | Self::PlFunctionUnnamed => "extended",
        }
    }

    /// The statement of this form that stands for `PLACE_ORDER`, with its arguments as `$1`, `$2` and so on.
    fn place(self) -> String {
        let call = |function| {
            let arguments: Vec<_> = (1..=ARGUMENTS).map(|number| format!("${number}")).collect();
            format!("SELECT * FROM {function}({})", arguments.join(", "))
        };
        match self {
            Self::Prepared | Self::Unnamed => PLACE_ORDER.to_owned(),
            Self::SqlFunction | Self::SqlFunctionUnnamed => call("place_in_sql"),
            Self::PlFunction | Self::PlFunctionUnnamed => call("place_in_plpgsql"),
        }
    }
}

impl Plan {
    pub(crate) const ALL: [Self; 2] = [Self::Auto, Self::Once];

    /// What `plan_cache_mode` calls it.
    fn mode(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Once => "force_generic_plan",
        }
    }
}

impl Peer {
    /// Makes the functions of which [`Form`] speaks.
    pub(crate) async fn new(shop: &Shop) -> Self {
        let statement = shop.sql.prepare(PLACE_ORDER).await.unwrap();
        let arguments: Vec<_> = statement.params().iter().map(|it| it.name().to_owned()).collect();
        let columns: Vec<_> = statement
            .columns()
            .iter()
            .enumerate()
            .map(|(number, column)| format!("c{number} {}", column.type_().name()))
            .collect();
        let (arguments, columns) = (arguments.join(", "), columns.join(", "));
        for (name, language, body) in [
            ("place_in_sql", "sql", PLACE_ORDER.to_owned()),
            ("place_in_plpgsql", "plpgsql", format!("BEGIN RETURN QUERY {PLACE_ORDER}; END")),
        ] {
            let sql = format!(
                "CREATE FUNCTION {name}({arguments}) RETURNS TABLE ({columns}) LANGUAGE {language} \
                 AS $body$ {body} $body$"
            );
            shop.sql.batch_execute(&sql).await.unwrap();
        }
        Self {
            program: variable("PGBENCH"),
            url: shop.config.url.clone(),
            next_id: AtomicU64::new(FIRST_ID),
        }
    }

    /// Places `count` orders of three lines, and says how many a second.
    pub(crate) async fn place(&self, form: Form, plan: Plan, count: u64) -> f64 {
        self.place_by(&form.place(), form, plan, count).await
    }

    /// The same with another statement.
    pub(crate) async fn place_by(&self, sql: &str, form: Form, plan: Plan, count: u64) -> f64 {
        let product = |line: u64| {
            let number = format!("((:first + {}) % {PRODUCTS})", line * 331);
            format!("lpad(to_hex({number}::bigint), 32, '0')::uuid")
        };
        let products = format!("ARRAY[{}, {}, {}]", product(0), product(1), product(2));
        // pgbench counts, and knows of no null and no uuid.
        let arguments: [&str; ARGUMENTS] = [
            "lpad(to_hex(:n::bigint), 32, '0')::uuid",
            "number('20200103', :n::bigint)",
            // Each order is another customer's, who has no others to be counted.
            "'customer-' || :n::bigint",
            ":name::text",
            ":email::text",
            ":correlation_id::text",
            &products,
            "ARRAY[1, 1, 1]",
            "nullif(:none::text, 'none')",
            "60::double precision",
            "nullif(:none::text, 'none')",
            ":route::text",
            "decode(nullif(:none::text, 'none'), 'hex')",
            "86400::double precision",
            "100",
            "60",
            "'00000000-0000-0000-0000-000000000000'::uuid",
            "nullif(:none::text, 'none')",
        ];
        let script = format!(
            "\\set n :n + 1\n\\set first random(0, {PRODUCTS})\n{};\n",
            with(sql, &arguments)
        );
        let first = self.next_id.fetch_add(count + 1, Ordering::Relaxed);
        self.run(form, plan, &script, count, first).await
    }

    /// Confirms `batches` batches of `size` orders, and says how many orders a second.
    pub(crate) async fn confirm(&self, shop: &Shop, size: u64, batches: u64) -> f64 {
        let first = shop.store_pending(batches * size).await;
        let ids = format!(
            "ARRAY(SELECT lpad(to_hex(n), 32, '0')::uuid
                   FROM generate_series(:n::bigint, :n::bigint + {size} - 1) n)"
        );
        let correlation_ids = format!("array_fill('bench'::text, ARRAY[{size}])");
        let traceparents = format!("array_fill(NULL::text, ARRAY[{size}])");
        let script = format!(
            "{};\n\\set n :n + {size}\n",
            with(CONFIRM_ORDERS, &[&ids, &correlation_ids, ":owner::text", &traceparents])
        );
        #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
        let size = size as f64;
        self.run(Form::Prepared, Plan::Once, &script, batches, first).await * size
    }

    /// Runs `script` so often on one connection, and says how often a second. Its variable `n`
    /// begins with `first`, and lives as long as the connection.
    async fn run(&self, form: Form, plan: Plan, script: &str, count: u64, first: u64) -> f64 {
        let folder = env!("CARGO_TARGET_TMPDIR");
        let file = format!("{folder}/{}.pgbench.sql", std::process::id());
        std::fs::write(&file, script).unwrap();
        let mut command = Command::new(&self.program);
        command.env("PGOPTIONS", format!("-c plan_cache_mode={}", plan.mode()));
        command.args(["--no-vacuum", "--client=1", "--protocol", form.protocol()]);
        command.args(["--transactions", &count.to_string(), "--file", &file]);
        for variable in [
            "owner=bench",
            "name=Ada Lovelace",
            "email=ada@example.com",
            "correlation_id=bench",
            "none=none",
            "route=POST /orders",
        ] {
            command.args(["--define", variable]);
        }
        command.args(["--define", &format!("n={first}")]);
        let output = command.arg(&self.url).stdin(Stdio::null()).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        let all = format!("number of transactions actually processed: {count}/{count}");
        assert!(said.contains(&all), "{said}\n{complaint}");
        let (_, rate) = said.split_once("tps = ").unwrap_or_else(|| panic!("{said}"));
        rate.split_whitespace().next().unwrap().parse().unwrap()
    }
}

/// `sql` without its comments, and with `arguments` in the places of `$1`, `$2` and so on.
fn with(sql: &str, arguments: &[&str]) -> String {
    let code: Vec<_> =
        sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code)).collect();
    let mut sql = code.join("\n");
    for (index, argument) in arguments.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", index + 1), &format!("({argument})"));
    }
    sql
}
