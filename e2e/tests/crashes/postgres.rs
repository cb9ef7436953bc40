//! Postgres is unreachable, restarts, or crashes.

use std::sync::Arc;

use e2e::PATIENCE;
use futures_util::future::join_all;
use local_cloud::error::Result;
use local_cloud::postgres::Postgres;
use testkit::function::Function;
use testkit::proxy::Holds;
use tokio::join;
use tokio::sync::watch;

use crate::server::Server;
use crate::world::World;

#[tokio::test]
async fn an_outage_under_load_loses_no_accepted_order() {
    let world = World::new().await;
    let load = Load::default();
    let outage = async {
        load.reaches(|seen| seen.accepted >= 15).await;
        world.postgres.hold(Holds::Everything);
        load.reaches(|seen| seen.refused > 0).await;
        world.postgres.release();
        load.goes_on().await;
    };
    join!(load.run(&world), outage);
    load.settles(&world).await;
}

#[tokio::test]
async fn a_restart_under_load_loses_no_accepted_order() {
    let log = stopped_under_load("postgres-stopped", Postgres::stop).await;
    assert!(log.contains("database system was shut down"), "{log}");
}

#[tokio::test]
async fn a_crash_under_load_loses_no_accepted_order() {
    let log = stopped_under_load("postgres-crashed", Postgres::crash).await;
    assert!(log.contains("automatic recovery in progress"), "{log}");
}

/// Stops a server under load, starts it again, and returns its log.
async fn stopped_under_load(name: &str, stop: fn(&Postgres) -> Result<()>) -> String {
    let server = Arc::new(Server::start(name, 200).await);
    let mut world = World::on(&server.url(), &server.direct_url()).await;
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let row = world.database.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "on", "{setting}");
    }
    let load = Load::default();
    let outage = async {
        load.reaches(|seen| seen.accepted >= 15).await;
        let stopped = Arc::clone(&server);
        tokio::task::spawn_blocking(move || stop(stopped.postgres())).await.unwrap().unwrap();
        load.reaches(|seen| seen.refused > 0).await;
        server.go_on().await;
        load.goes_on().await;
    };
    join!(load.run(&world), outage);
    world.reconnect().await;
    load.settles(&world).await;
    server.log()
}

/// Clients that place one order after another, and repeat each until it is accepted.
#[derive(Default)]
struct Load {
    seen: watch::Sender<Seen>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    accepted: i64,
    refused: i64,
    replayed: i64,
    done: bool,
}

impl Load {
    async fn run(&self, world: &World) {
        join_all([1, 2].map(|client| async move {
            let mut create = world.start("create-order").await;
            for number in 0.. {
                if self.seen.borrow().done {
                    break;
                }
                self.place(world, &mut create, &format!("{client}-{number}")).await;
            }
        }))
        .await;
    }

    async fn place(&self, world: &World, create: &mut Function, key: &str) {
        loop {
            let answer = create.invoke(world.request(key)).await;
            let accepted = world.accept(&answer);
            let replayed = answer["headers"]["idempotent-replayed"] == "true";
            self.seen.send_modify(|seen| {
                *if accepted { &mut seen.accepted } else { &mut seen.refused } += 1;
                seen.replayed += i64::from(replayed);
            });
            if accepted {
                return;
            }
        }
    }

    async fn reaches(&self, condition: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.subscribe();
        let reached = tokio::time::timeout(PATIENCE, seen.wait_for(condition)).await;
        *reached.unwrap().unwrap()
    }

    /// Waits until orders are accepted again, and ends the load.
    async fn goes_on(&self) {
        let accepted = self.seen.borrow().accepted;
        self.reaches(|seen| seen.accepted >= accepted + 15).await;
        self.seen.send_modify(|seen| seen.done = true);
    }

    async fn settles(&self, world: &World) {
        let Seen { accepted, refused, replayed, .. } = *self.seen.borrow();
        eprintln!(
            "{accepted} requests accepted, {replayed} of them stored by an earlier try; \
             {refused} refused with 503"
        );
        assert!(refused > 0);
        world.recover().await;
        world.assert_whole(accepted).await;
    }
}
