//! What the stronger lock of `FOR UPDATE` costs. Aurora DSQL knows no other.

use waybill::postgres::PLACE_ORDER;

use crate::median;
use crate::peer::{Form, Peer, Plan};

/// How many pairs of turns, and how many orders each turn places.
const PAIRS: usize = 11;
const ORDERS: u64 = 2_000;

/// Prints the rates of the create statement with both locks, in pairs, and the median of the ratios.
pub(crate) async fn run(peer: &Peer) {
    let weaker = PLACE_ORDER.replace("FOR UPDATE", "FOR NO KEY UPDATE");
    assert_ne!(weaker, PLACE_ORDER);
    let mut rates = [const { Vec::new() }; 2];
    let mut ratios = Vec::new();
    for pair in 0..=PAIRS {
        let mut turn = [0.0; 2];
        // The one that goes first changes.
        for which in [pair % 2, 1 - pair % 2] {
            let sql = [weaker.as_str(), PLACE_ORDER][which];
            turn[which] = peer.place_by(sql, Form::Prepared, Plan::Once, ORDERS).await;
        }
        // The first pair warms up.
        if pair > 0 {
            ratios.push(turn[1] / turn[0]);
            rates[0].push(turn[0]);
            rates[1].push(turn[1]);
        }
    }
    let [weaker, stronger] = rates.map(median);
    println!("\nCreate by pgbench on one connection, the median of {PAIRS} pairs.\n");
    println!("| FOR NO KEY UPDATE | FOR UPDATE | ratio |");
    println!("|---:|---:|---:|");
    println!("| {weaker:.0} | {stronger:.0} | {:.3} |", median(ratios));
}
