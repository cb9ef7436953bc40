//! Random sequences of steps in a small shop, compared with a model after every step.

mod check;
mod fakes;
mod generate;
mod service;
mod shop;
mod step;

use std::collections::BTreeMap;
use std::sync::Mutex;

use proptest::test_runner::{Config, RngSeed, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use waybill::domain::Status;

use service::Service;
use shop::Shop;
use step::{Outcome, Step};

const CASES: u32 = 40;
const STEPS: usize = 30;
const SEED: u64 = 2026;

/// How often each thing happened, over all cases.
static SEEN: Mutex<BTreeMap<&str, usize>> = Mutex::new(BTreeMap::new());

fn saw(what: &'static str, times: usize) {
    *SEEN.lock().unwrap().entry(what).or_default() += times;
}

#[test]
fn whatever_happens_in_whatever_order_the_service_is_what_the_model_says() {
    let config = Config {
        cases: CASES,
        rng_seed: RngSeed::Fixed(SEED),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let lives = Shop::sequential_strategy(STEPS / 2..=STEPS);
    let result = TestRunner::new(config.clone()).run(&lives, |(shop, steps, seen)| {
        saw("steps", steps.len());
        Service::test_sequential(config.clone(), shop, steps, seen);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let seen = SEEN.lock().unwrap();
    eprintln!("{CASES} lives: {seen:?}");
    for what in [
        "placed",
        "replayed",
        "key reused",
        "unknown product",
        "two currencies",
        "out of stock",
        "changed",
        "illegal",
        "stale",
        "delivered",
        "delivered in vain",
        "job sent by the relay",
        "event sent",
        "event sent again",
        "refused by queue or bus",
        "relay died",
        "key forgotten",
    ] {
        assert!(seen.get(what).is_some_and(|times| *times > 0), "it never came to this: {what}");
    }
}

impl StateMachineTest for Service {
    type SystemUnderTest = Self;
    type Reference = Shop;

    fn init_test(_: &Shop) -> Self {
        Self::start()
    }

    fn apply(mut service: Self, shop: &Shop, step: Step) -> Self {
        count(shop, &step);
        let outcome = service.runtime.block_on(service.take(step));
        assert_eq!(outcome, shop.last);
        service
    }

    fn check_invariants(service: &Self, shop: &Shop) {
        service.runtime.block_on(service.check(shop));
    }

    /// At the end everything works again, and nothing may be lost or stuck.
    fn teardown(mut service: Self, mut shop: Shop) {
        let relay = Step::Relay { late: true, queue_refuses: 0, bus_refuses: 0, dies: false };
        for deliver in [false, true, false] {
            let mut picks = shop.queue.clone();
            picks.dedup();
            let step = if deliver && !picks.is_empty() {
                Step::Fulfill { picks, acknowledged: true, strangers: false }
            } else {
                relay.clone()
            };
            shop = Shop::apply(shop, &step);
            service = Self::apply(service, &shop, step);
            Self::check_invariants(&service, &shop);
        }
        assert!(shop.with(Status::Pending).is_empty(), "an order is stuck");
        assert!(shop.events.values().all(|event| event.published > 0 && !event.waiting));
        let again = shop.events.values().map(|event| event.published - 1).sum();
        saw("event sent again", again);
        saw("delivered in vain", shop.in_vain);
    }
}

/// Counts for the summary.
fn count(after: &Shop, step: &Step) {
    match (&after.last, step) {
        (Outcome::Placed(_), _) => saw("placed", 1),
        (Outcome::Replayed(_), _) => saw("replayed", 1),
        (Outcome::KeyReused, _) => saw("key reused", 1),
        (Outcome::Unknown, _) => saw("unknown product", 1),
        (Outcome::MixedCurrencies, _) => saw("two currencies", 1),
        (Outcome::Short(_), _) => saw("out of stock", 1),
        (Outcome::Changed { .. }, _) => saw("changed", 1),
        (Outcome::Illegal { .. }, _) => saw("illegal", 1),
        (Outcome::Stale { .. }, _) => saw("stale", 1),
        (Outcome::Relayed(relayed), _) => {
            saw("job sent by the relay", relayed.jobs);
            saw("event sent", relayed.events);
            saw("refused by queue or bus", relayed.failed);
        }
        (Outcome::Died, _) => saw("relay died", 1),
        (Outcome::Forgot(keys), _) => saw("key forgotten", usize::try_from(*keys).unwrap()),
        (Outcome::Fulfilled { .. }, Step::Fulfill { picks, .. }) => saw("delivered", picks.len()),
        (Outcome::Nothing | Outcome::Fulfilled { .. }, _) => {}
    }
}
