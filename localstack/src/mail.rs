//! Mail on a local stack: the emulator keeps what is sent, and delivers nothing.

use reqwest::StatusCode;
use serde_json::json;
use waybill_ops::error::{Context as _, Result};

/// The sender. Nobody can own a domain that ends in `.example`.
pub(crate) const SENDER: &str = "orders@waybill.example";

/// The value of `MailRecipient`: the tokens of a local issuer prove no address.
pub(crate) const RECIPIENT: &str = "order";

/// Makes the sender a verified identity of the emulator, which checks no signatures.
///
/// # Errors
/// If the emulator refuses that.
pub(crate) async fn verify_sender(endpoint: &str) -> Result<()> {
    let failed = || format!("Failed to verify the sender of mail, {SENDER}, at {endpoint}.");
    let request = reqwest::Client::new().post(format!("{endpoint}/v2/email/identities"));
    let answer = request.json(&json!({ "EmailIdentity": SENDER })).send().await.context(failed)?;
    let status = answer.status();
    // It may be one already.
    let exists = answer.headers().get("x-amzn-errortype").is_some_and(|kind| {
        status == StatusCode::BAD_REQUEST && kind.as_bytes().starts_with(b"AlreadyExists")
    });
    if status.is_success() || exists {
        return Ok(());
    }
    Err(format!("the emulator answered {status}")).context(failed)
}
