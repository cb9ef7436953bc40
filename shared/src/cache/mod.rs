//! The product cache: the memory of this process in front of DynamoDB.
//!
//! It serves reads of products, and is not asked about stock or prices when an order is placed.

#[cfg(feature = "dynamodb")]
mod dynamodb;
mod memory;

#[cfg(feature = "dynamodb")]
pub use dynamodb::{DynamoDbCache, settings};
pub use memory::MemoryCache;
