//! What a queue hands to a function.

/// A message of a batch: a job or an event.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The id of the message in the queue.
    pub message_id: String,
    /// The body.
    pub body: String,
}
