//! The product cache: this process's memory in front of DynamoDB.
//!
//! It decides nothing about money or stock. It lets an order for an unknown product fail early, and
//! serves reads.

#[cfg(feature = "dynamodb")]
mod dynamodb;
mod flights;
mod memory;
mod pages;

#[cfg(feature = "dynamodb")]
pub use dynamodb::DynamoDbCache;
pub use flights::Flights;
pub use memory::MemoryCache;
pub use pages::PageCache;
