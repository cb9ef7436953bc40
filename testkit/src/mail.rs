//! The mail of the emulator, which keeps what it is asked to send.

use serde_json::{Value, json};

/// Makes `sender` a verified identity.
pub async fn verify(endpoint: &str, sender: &str) {
    let request = reqwest::Client::new().post(format!("{endpoint}/v2/email/identities"));
    let identity = json!({ "EmailIdentity": sender }).to_string();
    let answer = request.body(identity).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// The mails whose subject contains `text`, oldest first.
pub async fn sent(endpoint: &str, text: &str) -> Vec<Value> {
    let answer = reqwest::get(format!("{endpoint}/_ministack/ses/messages")).await.unwrap();
    let all: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let accounts = all["messages"].as_object().unwrap().values();
    let mails = accounts.flat_map(|mails| mails.as_array().unwrap());
    mails.filter(|mail| mail["Subject"].as_str().unwrap().contains(text)).cloned().collect()
}
