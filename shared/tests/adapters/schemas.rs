//! The schema of Aurora DSQL is that of Postgres, but for the differences that this file lists.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::support::TestDatabase;

/// Constraints that were added to a table with rows, without reading them. On DSQL the table came with
/// them.
const NOT_VALID: &str = "NOT VALID";

/// `fillfactor` and `autovacuum_…` are about pages and dead rows, which DSQL does not have.
const PAGES: &str = "storage parameters";

/// The only differences: a kind, a name, and the reason.
const DIFFERENCES: [(&str, &str, &str); 12] = [
    ("constraint", "idempotency_keys.idempotency_keys_key_form", NOT_VALID),
    ("constraint", "order_history.order_history_reason_length", NOT_VALID),
    ("constraint", "orders.orders_number_form", NOT_VALID),
    ("constraint", "orders.orders_proven_email_length", NOT_VALID),
    ("storage", "idempotency_keys", PAGES),
    ("storage", "notifications", PAGES),
    ("storage", "order_history", PAGES),
    ("storage", "order_items", PAGES),
    ("storage", "orders", PAGES),
    ("storage", "outbox", PAGES),
    ("storage", "products", PAGES),
    ("storage", "stock_buckets", PAGES),
];

/// What a schema consists of: a kind, and a query for the names and definitions.
const KINDS: [(&str, &str); 6] = [
    (
        "column",
        "SELECT t.relname || '.' || a.attname,
                concat_ws(' ', row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum),
                          format_type(a.atttypid, a.atttypmod),
                          CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                          'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
                          'GENERATED ' || nullif(a.attgenerated::text, ''),
                          'IDENTITY ' || nullif(a.attidentity::text, ''),
                          'COLLATION ' || nullif(a.attcollation, ty.typcollation)::regcollation)
         FROM pg_attribute a
         JOIN pg_class t ON t.oid = a.attrelid AND t.relkind = 'r'
         JOIN pg_type ty ON ty.oid = a.atttypid
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE t.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped",
    ),
    (
        "constraint",
        "SELECT t.relname || '.' || c.conname, pg_get_constraintdef(c.oid)
         FROM pg_constraint c
         JOIN pg_class t ON t.oid = c.conrelid
         WHERE c.connamespace = 'public'::regnamespace AND c.contype <> 'n'",
    ),
    ("index", "SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'"),
    (
        "function",
        "SELECT p.oid::regprocedure::text,
                regexp_replace(pg_get_functiondef(p.oid), '\\s+', ' ', 'g')
         FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace",
    ),
    (
        "trigger or sequence or view or type",
        "SELECT relname::text, relkind::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i')
         UNION ALL
         SELECT tgname::text, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal
         UNION ALL
         SELECT typname::text, typtype::text FROM pg_type
         WHERE typnamespace = 'public'::regnamespace AND typtype NOT IN ('c', 'b')",
    ),
    (
        "storage",
        "SELECT relname::text, reloptions::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL",
    ),
];

type Schema = BTreeMap<(&'static str, String), String>;

async fn schema(client: &Client) -> Schema {
    let mut schema = Schema::new();
    for (kind, sql) in KINDS {
        for row in client.query(sql, &[]).await.unwrap() {
            schema.insert((kind, row.get(0)), row.get(1));
        }
    }
    schema
}

/// A new database to which the files of a folder were applied, as they are or for Postgres.
async fn apply(folder: &str, as_postgres: impl Fn(&str) -> String) -> TestDatabase {
    let test = TestDatabase::empty().await;
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in files {
        let sql = as_postgres(&std::fs::read_to_string(&file).unwrap());
        if let Err(error) = test.sql.batch_execute(&sql).await {
            panic!("{}: {}", file.display(), waybill::error::chain(&error));
        }
    }
    test
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_constraints_indexes_and_functions() {
    let postgres = apply("../sql/migrations", str::to_owned).await;
    let dsql = apply("../sql/dsql", |sql| sql.replace("INDEX ASYNC", "INDEX")).await;
    let (postgres, dsql) = (schema(&postgres.sql).await, schema(&dsql.sql).await);
    for (kind, _) in &KINDS[..4] {
        assert!(dsql.keys().filter(|name| name.0 == *kind).count() >= 4, "no {kind} was read");
    }
    let mut differences = BTreeMap::new();
    for name in postgres.keys().chain(dsql.keys()) {
        let (one, other) = (postgres.get(name), dsql.get(name));
        if one != other {
            differences.insert((name.0, &*name.1), (one, other));
        }
    }
    for (kind, name, reason) in DIFFERENCES {
        let known = differences.remove(&(kind, name));
        match (reason, known) {
            (NOT_VALID, Some((Some(one), Some(other)))) => {
                assert_eq!(*one, format!("{other} {NOT_VALID}"));
            }
            (PAGES, Some((Some(_), None))) => {}
            _ => panic!("no longer a difference ({reason}): {kind} {name}: {known:?}"),
        }
    }
    assert!(differences.is_empty(), "sql/migrations, then sql/dsql: {differences:#?}");
}
