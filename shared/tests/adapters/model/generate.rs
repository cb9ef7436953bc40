//! Random steps of the model.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use proptest_state_machine::ReferenceStateMachine;
use waybill::domain::Status;

use super::shop::{RETIRED, Shop, UNKNOWN};
use super::step::Step;

impl ReferenceStateMachine for Shop {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::open()).boxed()
    }

    fn transitions(shop: &Self) -> BoxedStrategy<Step> {
        let mut steps = vec![
            (6, create_steps(shop)),
            (3, relay_steps()),
            (1, any::<bool>().prop_map(|clean| Step::Day { clean }).boxed()),
        ];
        if !shop.orders.is_empty() {
            steps.push((2, cancel_steps(shop)));
            steps.push((4, status_steps(shop)));
        }
        if !shop.queue.is_empty() {
            steps.push((4, fulfill_steps(shop)));
        }
        Union::new_weighted(steps).boxed()
    }

    fn preconditions(shop: &Self, step: &Step) -> bool {
        match step {
            Step::Cancel { order, .. } | Step::Status { order, .. } => *order < shop.orders.len(),
            Step::Fulfill { picks, .. } => picks.iter().all(|order| shop.queue.contains(order)),
            Step::Create { .. } | Step::Relay { .. } | Step::Day { .. } => true,
        }
    }

    fn apply(mut shop: Self, step: &Step) -> Self {
        shop.take_step(step);
        shop
    }
}

fn create_steps(shop: &Shop) -> BoxedStrategy<Step> {
    let product = prop_oneof![60 => 0..4_usize, 4 => Just(4), 1 => RETIRED..=UNKNOWN];
    let basket = prop::collection::vec((product, 1..=4_i64), 1..=4);
    let key = prop::option::of(0..4_u8);
    let mut requests = vec![(3, (basket, key).boxed())];
    let earlier: Vec<_> =
        shop.keys.iter().map(|(&key, earlier)| (earlier.basket.clone(), Some(key))).collect();
    if !earlier.is_empty() {
        requests.push((1, select(earlier).boxed()));
    }
    (Union::new_weighted(requests), prop::bool::weighted(0.7))
        .prop_map(|((basket, key), queue_is_up)| Step::Create { basket, key, queue_is_up })
        .boxed()
}

fn cancel_steps(shop: &Shop) -> BoxedStrategy<Step> {
    let off = prop_oneof![2 => Just(None), 2 => Just(Some(0)), 1 => stale().prop_map(Some)];
    (0..shop.orders.len(), off).prop_map(|(order, off)| Step::Cancel { order, off }).boxed()
}

fn status_steps(shop: &Shop) -> BoxedStrategy<Step> {
    let any = (0..shop.orders.len(), select(&Status::ALL[..])).boxed();
    let mut changes = vec![(1, any)];
    let legal: Vec<_> = (0..shop.orders.len())
        .flat_map(|order| shop.orders[order].status().next().map(move |to| (order, to)))
        .collect();
    if !legal.is_empty() {
        changes.push((2, select(legal).boxed()));
    }
    let off = prop_oneof![4 => Just(0), 1 => stale()];
    (Union::new_weighted(changes), off)
        .prop_map(|((order, to), off)| Step::Status { order, to, off })
        .boxed()
}

fn stale() -> impl Strategy<Value = i64> {
    select(&[-1, 1][..])
}

fn fulfill_steps(shop: &Shop) -> BoxedStrategy<Step> {
    let picks = prop::collection::vec(select(shop.queue.clone()), 1..=6);
    (picks, prop::bool::weighted(0.6), prop::bool::weighted(0.2))
        .prop_map(|(picks, acknowledged, strangers)| Step::Fulfill {
            picks,
            acknowledged,
            strangers,
        })
        .boxed()
}

fn relay_steps() -> BoxedStrategy<Step> {
    let refuses = || prop_oneof![2 => Just(0), 1 => any::<u8>()];
    (any::<bool>(), refuses(), refuses(), prop::bool::weighted(0.2))
        .prop_map(|(late, queue_refuses, bus_refuses, dies)| Step::Relay {
            late,
            queue_refuses,
            bus_refuses,
            dies,
        })
        .boxed()
}
