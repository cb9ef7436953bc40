//! The processes of a function are killed.

use std::os::unix::process::ExitStatusExt as _;

use serde_json::json;
use tokio::process::{Child, Command};

use crate::stand::{Stand, install_sleep};

#[tokio::test]
async fn processes_are_killed_at_once_and_again_until_the_fault_ends() {
    let stand = Stand::new().await;
    let binary = install_sleep(&stand.binaries);
    let start = |function: &str| -> Child {
        let mut command = Command::new(&binary);
        command.arg("60").env("AWS_LAMBDA_FUNCTION_NAME", function).kill_on_drop(true);
        command.spawn().unwrap()
    };
    let mut spared = start("waybill-create-order");
    let mut first = start("waybill-get-order");
    stand.strike("function-killed", json!({ "function": "get-order", "every_ms": 100 })).await;
    assert_eq!(first.wait().await.unwrap().signal(), Some(9));
    let mut second = start("waybill-get-order");
    assert_eq!(second.wait().await.unwrap().signal(), Some(9));
    stand.struck("function-killed", 2).await;
    assert_eq!(stand.end("function-killed").await, 2);

    let mut third = start("waybill-get-order");
    assert!(third.try_wait().unwrap().is_none() && spared.try_wait().unwrap().is_none());
    assert_eq!(stand.list().await["history"][0]["struck"], 2);
}
