//! More processes than the database has connections for.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use testkit::engine::left_out;

use crate::server::Server;
use crate::world::World;

const PROCESSES: usize = 500;
const CONNECTIONS: u16 = 100;

#[tokio::test]
async fn more_processes_than_connections_answer_only_201_and_503() {
    if left_out("the proxy accepts any number of connections") {
        return;
    }
    let server = Server::start("postgres-connections", CONNECTIONS).await;
    let world = World::on(&server.url(), &server.direct_url()).await;
    // In groups, since a process that fails to connect takes a while.
    let starting = (0..PROCESSES).map(|_| world.start("create-order"));
    let mut processes: Vec<_> = stream::iter(starting).buffer_unordered(50).collect().await;

    let requests = processes.iter_mut().enumerate();
    let answers =
        requests.map(|(number, create)| create.invoke(world.request(&format!("order-{number}"))));
    let answers = join_all(answers).await;
    let mut seen = BTreeMap::<_, usize>::new();
    let mut accepted = 0;
    for answer in &answers {
        let status = answer["statusCode"].as_i64().unwrap();
        *seen.entry(status).or_default() += 1;
        if world.accept(answer) {
            accepted += 1;
        } else {
            assert_eq!(answer["headers"]["retry-after"], "5", "{answer}");
        }
    }
    eprintln!("{PROCESSES} processes, {CONNECTIONS} connections: {seen:?}");
    // How many were answered in time is up to the machine. Nothing but these two was.
    assert!(seen.contains_key(&201) && seen.contains_key(&503), "{seen:?}");
    assert_eq!(world.orders().await, accepted);

    // A refused request succeeds once other processes are gone.
    let refused = answers.iter().position(|answer| answer["statusCode"] == 503).unwrap();
    let mut create = processes.swap_remove(refused);
    join_all(processes.into_iter().map(testkit::function::Function::kill)).await;
    e2e::eventually("the refused request is answered", async || {
        let answer = create.invoke(world.request(&format!("order-{refused}"))).await;
        world.accept(&answer).then_some(())
    })
    .await;
    world.recover().await;
    world.assert_whole(accepted + 1).await;
}
