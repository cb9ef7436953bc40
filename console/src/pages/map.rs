//! The map of the README with live figures, as an SVG of fixed size.

use crate::collect::snapshot::Snapshot;
use crate::format::{age, count, millis, plural};
use crate::sources::queues::Depths;

/// A box of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// The left edge.
    pub(crate) x: i32,
    /// The upper edge.
    pub(crate) y: i32,
    /// The name.
    pub(crate) title: &'static str,
    /// Its figures.
    pub(crate) lines: [String; 2],
    /// `bad`, `warn`, or empty.
    pub(crate) tone: &'static str,
}

/// A connection of two boxes, as the path of an SVG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The path.
    pub(crate) path: &'static str,
    /// Whether it is drawn with dashes.
    pub(crate) dashed: bool,
}

/// The edges. Boxes are 190 by 64.
pub(crate) const EDGES: [Edge; 17] = [
    edge("M215 132 V42 H240"),
    edge("M190 132 H240"),
    edge("M215 132 V222 H240"),
    edge("M430 32 H480"),
    edge("M430 52 H455 V122 H480"),
    edge("M430 132 H480"),
    edge("M430 212 H455 V142 H480"),
    edge("M430 232 H480"),
    dashed("M670 32 H720"),
    edge("M670 52 H695 V122 H720"),
    edge("M720 138 H670"),
    dashed("M670 154 H695 V222 H720"),
    // Events, by the bus.
    edge("M910 132 H922 V312 H910"),
    edge("M910 222 H922"),
    edge("M720 312 H670"),
    dashed("M815 344 V356 H335 V344"),
    edge("M480 302 H467 V150 H480"),
];

/// The functions that read and change orders, and those of products.
const ORDERS: [&str; 4] = ["get-order", "list-orders", "cancel-order", "update-order-status"];
const PRODUCTS: [&str; 3] = ["get-product", "list-products", "put-product"];

const fn edge(path: &'static str) -> Edge {
    Edge { path, dashed: false }
}

const fn dashed(path: &'static str) -> Edge {
    Edge { path, dashed: true }
}

/// The boxes of functions.
pub(crate) fn functions(snapshot: &Snapshot) -> Vec<Node> {
    let all: Vec<&str> = ["create-order"].iter().chain(&ORDERS).chain(&PRODUCTS).copied().collect();
    let group = |x, y, title, names: &[&str]| group(snapshot, x, y, title, names);
    vec![
        group(0, 100, "API", &all),
        group(240, 10, "create-order", &["create-order"]),
        group(240, 100, "orders", &ORDERS),
        group(240, 190, "products", &PRODUCTS),
        group(720, 100, "fulfill-order", &["fulfill-order"]),
        group(720, 190, "relay-outbox", &["relay-outbox"]),
        group(480, 280, "notify-customer", &["notify-customer"]),
    ]
}

/// The boxes of what the functions use.
pub(crate) fn parts(snapshot: &Snapshot) -> Vec<Node> {
    let unknown = || (["not known".to_owned(), String::new()], "bad");
    let queues = snapshot.queues.as_ref().and_then(|it| it.as_ref().ok());
    let queues = queues.ok_or(("not known", "bad"));
    let [jobs, dead_jobs] = lengths(queues.map(|it| it.jobs));
    let [events, dead_events] = lengths(queues.and_then(|it| it.mail.ok_or(("off", ""))));
    let postgres = snapshot.postgres.as_ref().and_then(|it| it.as_ref().ok());
    let (postgres, postgres_tone) = postgres.map_or_else(unknown, |it| {
        let used = format!("{} of {} used, {} at work", it.connections, it.most, it.active);
        let waiting = u64::try_from(it.jobs + it.events).unwrap_or_default();
        ([used, format!("{} in the outbox", plural(waiting, "row"))], "")
    });
    let cache = snapshot.cache;
    let hits = format!("{} hits, {} misses", cache.memory + cache.dynamodb, cache.misses);
    let cache_tone = if cache.errors > 0 { "warn" } else { "" };
    let node = |x, y, title, lines, tone| Node { x, y, title, lines, tone };
    vec![
        node(480, 10, "job queue", jobs.0, jobs.1),
        node(720, 10, "dead jobs", dead_jobs.0, dead_jobs.1),
        node(480, 100, "Postgres", postgres, postgres_tone),
        node(480, 190, "cache", [hits, plural(cache.errors, "error")], cache_tone),
        node(720, 280, "mail queue", events.0, events.1),
        node(240, 280, "dead mail", dead_events.0, dead_events.1),
    ]
}

/// The lines and the tones of a queue and of its dead letters; or a text and its tone in place of both.
fn lengths(
    depths: Result<Depths, (&'static str, &'static str)>,
) -> [([String; 2], &'static str); 2] {
    let it = match depths {
        Ok(it) => it,
        Err((text, tone)) => return [(); 2].map(|()| ([text.to_owned(), String::new()], tone)),
    };
    let oldest = it.front.oldest_s.map_or_else(String::new, |s| format!("oldest {}", age(s)));
    let (waiting, taken) = (count(it.front.waiting), count(it.front.in_flight));
    let dead = it.dead.waiting + it.dead.in_flight;
    let tone = if dead > 0 { "bad" } else { "" };
    [
        ([format!("{waiting} waiting, {taken} taken"), oldest], ""),
        ([plural(dead, "dead letter"), String::new()], tone),
    ]
}

/// The box of some functions together.
fn group(snapshot: &Snapshot, x: i32, y: i32, title: &'static str, names: &[&str]) -> Node {
    let found: Vec<_> = names.iter().filter_map(|name| snapshot.function(name)).collect();
    let invocations: usize = found.iter().map(|it| it.summary.invocations).sum();
    let errors: usize = found.iter().map(|it| it.summary.errors).sum();
    let slowest = found.iter().filter_map(|it| it.summary.p99).reduce(f64::max);
    let slowest = slowest.map_or_else(String::new, |ms| format!(", p99 {}", millis(ms)));
    let lines = [
        format!("{} a minute{slowest}", count(invocations as u64)),
        if errors > 0 { plural(errors as u64, "error") } else { String::new() },
    ];
    Node { x, y, title, lines, tone: if errors > 0 { "bad" } else { "" } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::figures::Summary;
    use crate::collect::snapshot::{Function, Queues};
    use crate::sources::queues::Depth;

    fn node<'n>(nodes: &'n [Node], title: &str) -> &'n Node {
        nodes.iter().find(|node| node.title == title).unwrap()
    }

    #[test]
    fn a_box_adds_up_its_functions_and_shows_the_slowest() {
        let function = |name: &str, invocations, errors, p99| {
            let summary = Summary { invocations, errors, p99, ..Summary::default() };
            Function { name: name.to_owned(), summary, ..Function::default() }
        };
        let functions = vec![
            function("get-order", 3, 0, Some(2.0)),
            function("list-orders", 4, 1, Some(9.0)),
            function("create-order", 5, 0, None),
        ];
        let nodes = super::functions(&Snapshot { functions, ..Snapshot::default() });
        let orders = node(&nodes, "orders");
        assert_eq!(orders.lines, ["7 a minute, p99 9.0 ms", "1 error"]);
        assert_eq!((orders.tone, node(&nodes, "create-order").tone), ("bad", ""));
        assert_eq!(node(&nodes, "API").lines[0], "12 a minute, p99 9.0 ms");
    }

    #[test]
    fn what_is_not_known_is_not_shown_as_zero() {
        let nodes = parts(&Snapshot { queues: Some(Err("no".to_owned())), ..Snapshot::default() });
        for title in ["job queue", "dead jobs", "mail queue", "dead mail", "Postgres"] {
            assert_eq!(node(&nodes, title).lines[0], "not known");
        }
    }

    #[test]
    fn a_dead_letter_is_bad() {
        let dead = Depth { waiting: 1, ..Depth::default() };
        let some = Depths { dead, ..Depths::default() };
        let queues = Queues { jobs: Depths::default(), mail: Some(some) };
        let nodes = parts(&Snapshot { queues: Some(Ok(queues)), ..Snapshot::default() });
        let (jobs, mail) = (node(&nodes, "dead jobs"), node(&nodes, "dead mail"));
        assert_eq!((jobs.tone, mail.tone), ("", "bad"));
        assert_eq!(mail.lines[0], "1 dead letter");
    }

    #[test]
    fn mail_that_a_stack_does_not_send_is_off() {
        let queues = Some(Ok(Queues::default()));
        let nodes = parts(&Snapshot { queues, ..Snapshot::default() });
        for title in ["mail queue", "dead mail"] {
            assert_eq!((&*node(&nodes, title).lines[0], node(&nodes, title).tone), ("off", ""));
        }
    }
}
