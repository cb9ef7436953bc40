//! Checks the books of the database in `DATABASE_URL`.
//!
//! Exits with 0 if they balance, 1 if not, and 2 if they can't be read.

use std::io::{self, Write};
use std::process::ExitCode;

use waybill::BoxError;
use waybill::config::Config;
use waybill::postgres::reconcile::{Books, reconcile};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", waybill::error::chain(&*error));
            ExitCode::from(2)
        }
    }
}

/// Whether the books balance.
async fn run() -> Result<bool, BoxError> {
    let Books { products, orders, discrepancies } =
        reconcile(&Config::from_env().database()?).await?;
    let mut out = io::stdout().lock();
    for it in &discrepancies {
        writeln!(out, "{} {} ({}): {}, but {}", it.kind, it.id, it.label, it.expected, it.found)?;
    }
    match discrepancies.len() {
        0 => writeln!(out, "{products} products, {orders} orders: everything adds up.")?,
        count => writeln!(out, "{products} products, {orders} orders: {count} do not add up.")?,
    }
    Ok(discrepancies.is_empty())
}
