//! The schema is expanded while processes of the previous release run.

use std::collections::BTreeMap;

use e2e::{PATIENCE, eventually};
use futures_util::future::join_all;
use refinery::{Migration, Runner};
use serde_json::json;
use testkit::engine::{is_stand_in, left_out};
use tokio::join;
use tokio::sync::watch;

use crate::world::World;

/// How many processes place orders when the migration begins. Two more start later.
const EARLY: u64 = 3;
/// How many orders each process places before the migration, and after it.
const ORDERS: i64 = 5;

/// A new column, table and index. The first migration keeps its lock, for which every order waits,
/// until the test has seen the orders wait.
const EXPANDING: [(&str, &str); 3] = [
    (
        "V9001__add_note_to_orders",
        "ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT '';
         DO $$ BEGIN
             WHILE NOT EXISTS (SELECT FROM may_go_on) LOOP PERFORM pg_sleep(0.01); END LOOP;
         END $$;",
    ),
    (
        "V9002__create_parcels",
        "CREATE TABLE parcels (
             id       uuid CONSTRAINT parcels_pkey PRIMARY KEY,
             order_id uuid NOT NULL CONSTRAINT parcels_order_id_fkey REFERENCES orders
         );",
    ),
    ("V9003__index_orders_by_note", "CREATE INDEX orders_note_idx ON orders (note);"),
];

#[tokio::test]
async fn no_order_fails_during_an_expanding_migration() {
    if left_out("a change of the schema takes no lock on Aurora DSQL") {
        return;
    }
    let world = World::new().await;
    world.database.batch_execute("CREATE TABLE may_go_on ()").await.unwrap();
    let orders = Orders::default();
    let early = join_all((0..EARLY).map(|process| orders.place(&world, process)));
    let upgrade = async {
        orders.reach(|seen| seen.all_have_placed(EARLY)).await;
        migrate(&world).await;
        orders.seen.send_modify(|seen| {
            seen.migrated = true;
            seen.by_process.clear();
        });
        orders.reach(|seen| seen.all_have_placed(EARLY + 2)).await;
        orders.seen.send_modify(|seen| seen.done = true);
    };
    // Connects and prepares its statements during the migration.
    let amid = async {
        wait_for_the_lock(&world, EARLY).await;
        orders.place(&world, EARLY).await;
    };
    let release = async {
        wait_for_the_lock(&world, EARLY + 1).await;
        world.database.batch_execute("INSERT INTO may_go_on DEFAULT VALUES").await.unwrap();
    };
    let late = async {
        orders.reach(|seen| seen.migrated).await;
        orders.place(&world, EARLY + 1).await;
    };
    join!(early, upgrade, amid, release, late);

    let placed = orders.seen.borrow().placed;
    world.recover().await;
    world.assert_whole(placed).await;
    assert_eq!(world.count("SELECT count(*) FROM orders WHERE note = ''").await, placed);
}

/// A deployment shows the answer of migrate, not its log.
#[tokio::test]
async fn a_migration_that_fails_is_answered_with_what_postgres_said() {
    let world = World::new().await;
    // All of them are run again, and the first one finds its table.
    let forget = "DELETE FROM refinery_schema_history";
    assert!(world.database.execute(forget, &[]).await.unwrap() > 0);
    let expected = if is_stand_in() {
        // A migration of Aurora DSQL can run twice, so something else is in its way.
        let function = "FUNCTION item_json(uuid, text, bigint, integer)";
        let sql =
            format!("DROP {function}; CREATE {function} RETURNS integer LANGUAGE sql RETURN 1");
        world.database.batch_execute(&sql).await.unwrap();
        "item_json"
    } else {
        "already exists"
    };
    let answer = world.start("migrate").await.invoke(json!({})).await;
    let said = answer["errorMessage"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(said.contains("error applying migration"), "{said}");
    assert!(said.contains(expected), "{said}");
}

/// Applies the migrations as `migrate` does, each in its own transaction.
async fn migrate(world: &World) {
    let migrations = EXPANDING.map(|(name, sql)| Migration::unapplied(name, sql).unwrap());
    // The migrations of the release are not available here.
    let runner = Runner::new(&migrations).set_abort_missing(false);
    let mut client = world.connect().await;
    client.batch_execute("SET lock_timeout = '2s'").await.unwrap();
    let report = runner.run_async(&mut client).await.unwrap();
    assert_eq!(report.applied_migrations().len(), EXPANDING.len());
}

/// Waits until this many processes wait for the lock of the first migration.
async fn wait_for_the_lock(world: &World, processes: u64) {
    let waiting =
        "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                   WHERE NOT l.granted AND c.relname = 'orders' AND l.database =
                       (SELECT oid FROM pg_database WHERE datname = current_database())";
    eventually(&format!("{processes} processes wait for the migration"), async || {
        (world.count(waiting).await == i64::try_from(processes).unwrap()).then_some(())
    })
    .await;
}

/// Processes that place one order after another. Each must be answered with 201.
#[derive(Default)]
struct Orders {
    seen: watch::Sender<Seen>,
}

#[derive(Default)]
struct Seen {
    placed: i64,
    /// Counted from 0 again after the migration.
    by_process: BTreeMap<u64, i64>,
    migrated: bool,
    done: bool,
}

impl Seen {
    fn all_have_placed(&self, processes: u64) -> bool {
        (0..processes).all(|process| self.by_process.get(&process) >= Some(&ORDERS))
    }
}

impl Orders {
    async fn place(&self, world: &World, process: u64) {
        let mut create = world.start("create-order").await;
        for number in 0.. {
            if self.seen.borrow().done {
                break;
            }
            world.place_and_send(&mut create, world.request(&format!("{process}-{number}"))).await;
            self.seen.send_modify(|seen| {
                seen.placed += 1;
                *seen.by_process.entry(process).or_default() += 1;
            });
        }
    }

    async fn reach(&self, condition: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        let reached = tokio::time::timeout(PATIENCE, seen.wait_for(condition)).await;
        reached.unwrap().unwrap();
    }
}
