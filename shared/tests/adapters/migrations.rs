//! The migrations, from nothing.

use waybill::postgres::migrations::migrate;

use crate::support::TestDatabase;

#[tokio::test]
async fn they_are_applied_once() {
    let test = TestDatabase::empty().await;
    let applied = migrate(&test.config()).await.unwrap();
    let files = std::fs::read_dir("../sql/migrations").unwrap().count();
    assert_eq!(applied.len(), files, "{applied:?}");
    assert_eq!(migrate(&test.config()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn two_deploys_at_once_wait_for_each_other() {
    let test = TestDatabase::empty().await;
    let config = test.config();
    let (one, other) = tokio::join!(migrate(&config), migrate(&config));
    let mut counts = [one.unwrap().len(), other.unwrap().len()];
    counts.sort_unstable();
    assert_eq!(counts, [0, std::fs::read_dir("../sql/migrations").unwrap().count()]);
}

#[tokio::test]
async fn every_constraint_has_a_name_that_somebody_chose() {
    let test = TestDatabase::new().await;
    // What Postgres makes up ends in _check, _fkey or _key and a number, or names the column alone.
    let sql = "SELECT conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
               WHERE t.relnamespace = 'public'::regnamespace AND c.contype IN ('c', 'f', 'u', 'p')
                 AND t.relname NOT LIKE 'refinery%' AND conname ~ '(_check[0-9]*|_fkey[0-9]+|_key[0-9]+)$'";
    let made_up = test.sql.query(sql, &[]).await.unwrap();
    assert!(made_up.is_empty(), "{made_up:?}");
}
