//! The lock of the migrations: a row with a lease.

use std::time::Duration;

use jiff::Timestamp;
use waybill::error::chain;
use waybill::postgres::migrations::{migrate, migrate_after};

use crate::support::TestDatabase;

/// The table as migrate makes it.
const TABLE: &str = "
    CREATE TABLE migration_lock (
        only_row boolean NOT NULL DEFAULT true CONSTRAINT migration_lock_pkey PRIMARY KEY,
        holder uuid NOT NULL,
        expires_at timestamptz NOT NULL
    )";

/// A database whose lock another deploy has.
async fn locked_for_an_hour() -> TestDatabase {
    let test = TestDatabase::empty().await;
    test.sql.batch_execute(TABLE).await.unwrap();
    let sql = "INSERT INTO migration_lock (holder, expires_at)
               VALUES (gen_random_uuid(), now() + interval '1 hour')";
    test.sql.execute(sql, &[]).await.unwrap();
    test
}

async fn holders(test: &TestDatabase) -> i64 {
    let sql = "SELECT count(*) FROM migration_lock";
    test.sql.query_one(sql, &[]).await.unwrap().get(0)
}

async fn tables(test: &TestDatabase) -> i64 {
    let sql = "SELECT count(*) FROM pg_tables
               WHERE schemaname = 'public' AND tablename <> 'migration_lock'";
    test.sql.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_deploy_waits_for_another_and_then_fails_with_the_end_of_its_lease() {
    let test = locked_for_an_hour().await;
    let error = migrate_after(&test.config(), Duration::from_secs(1)).await.unwrap_err();
    let error = error.to_string();
    let start = "another migration has held the lock for 1 s (now until 20";
    assert!(error.starts_with(start) && error.contains("run this one again"), "{error}");
    assert_eq!((tables(&test).await, holders(&test).await), (0, 1));
}

#[tokio::test]
async fn the_lock_of_a_holder_that_died_is_taken_over_when_its_lease_has_ended() {
    let test = locked_for_an_hour().await;
    assert!(migrate_after(&test.config(), Duration::ZERO).await.is_err());
    let sql = "UPDATE migration_lock SET expires_at = now() + interval '1 second'";
    assert_eq!(test.sql.execute(sql, &[]).await.unwrap(), 1);
    assert!(!migrate(&test.config()).await.unwrap().is_empty());
    assert_eq!(holders(&test).await, 0);
}

#[tokio::test]
async fn a_migration_that_fails_releases_the_lock_and_can_be_run_again() {
    let test = TestDatabase::empty().await;
    // Not the table that an order's items refer to.
    test.sql.batch_execute("CREATE TABLE products (note text)").await.unwrap();
    let error = migrate(&test.config()).await.unwrap_err();
    assert!(chain(&*error).contains("error applying migration"), "{error:?}");
    assert_eq!(holders(&test).await, 0);
    test.sql.batch_execute("DROP TABLE products").await.unwrap();
    assert!(!migrate(&test.config()).await.unwrap().is_empty());
    assert_eq!(holders(&test).await, 0);
}

#[tokio::test]
async fn the_lease_is_extended_while_a_migration_runs_and_the_run_ends_once_another_has_the_lock() {
    let test = TestDatabase::empty().await;
    // What a migration makes first takes longer than the test.
    test.sql
        .batch_execute(
            "CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql
             AS $$ BEGIN PERFORM pg_sleep(60); END $$;
             CREATE EVENT TRIGGER slow ON ddl_command_start
             WHEN TAG IN ('CREATE FUNCTION') EXECUTE FUNCTION wait()",
        )
        .await
        .unwrap();
    let config = test.config();
    let watch = async {
        let first = expiry_other_than(&test, None).await;
        let extended = expiry_other_than(&test, Some(first)).await;
        assert!(extended > first, "{first} {extended}");
        let sql = "UPDATE migration_lock
                   SET holder = gen_random_uuid(), expires_at = now() + interval '1 hour'";
        assert_eq!(test.sql.execute(sql, &[]).await.unwrap(), 1);
    };
    let (migrated, ()) = tokio::join!(migrate(&config), watch);
    let error = migrated.unwrap_err().to_string();
    assert_eq!(error, "another migration has taken the lock over");
    // It is the other's.
    assert_eq!(holders(&test).await, 1);
}

/// Waits until the lock is held until another time than this.
async fn expiry_other_than(test: &TestDatabase, known: Option<Timestamp>) -> Timestamp {
    for _ in 0..1000 {
        let row = test.sql.query_opt("SELECT expires_at FROM migration_lock", &[]).await;
        let expiry = row.ok().flatten().map(|row| row.get(0));
        match expiry {
            Some(expiry) if Some(expiry) != known => return expiry,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("the lock was held until {known:?} all the time");
}
