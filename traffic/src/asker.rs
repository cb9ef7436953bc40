//! Asks for orders whose outcome is unknown, until it is known.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::sender::Sender;

/// How many orders are asked for at once.
const AT_ONCE: usize = 4;
/// How often to look for orders that are due.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks for orders in doubt until it is dropped.
pub(crate) async fn run(sender: Arc<Sender>) {
    loop {
        let due = sender.doubtful.due(AT_ONCE);
        if due.is_empty() {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let ask = async |order| {
            if sender.ask_again(order).await {
                sender.doubtful.known(order);
            }
        };
        stream::iter(due).for_each_concurrent(AT_ONCE, ask).await;
    }
}
