//! Postgres fails. What stands behind the proxy repeats what it is sent.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stand::{Stand, repeat};

/// The messages of a client that wants a session, encryption, or a statement canceled.
const SESSION: &[u8] = b"\0\0\0\x0f\0\x03\0\0user\0a\0";
const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const CANCEL: &[u8] = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02";

#[tokio::test]
async fn a_stopped_server_cuts_open_connections_and_resets_new_ones() {
    let stand = Stand::new().await;
    let mut open = stand.connect().await;
    assert_eq!(&repeat(&mut open).await.unwrap(), b"ping");
    stand.strike("postgres-stopped", json!({})).await;
    assert!(repeat(&mut open).await.is_err());
    // The kernel accepts it, and the proxy resets it.
    assert!(repeat(&mut stand.connect().await).await.is_err());
    stand.struck("postgres-stopped", 2).await;
    assert_eq!(stand.end("postgres-stopped").await, 2);
    assert_eq!(&repeat(&mut stand.connect().await).await.unwrap(), b"ping");
}

#[tokio::test]
async fn a_server_without_connections_says_so_in_its_protocol() {
    let stand = Stand::new().await;
    let mut open = stand.connect().await;
    assert_eq!(&repeat(&mut open).await.unwrap(), b"ping");
    stand.strike("postgres-full", json!({})).await;
    assert!(repeat(&mut open).await.is_err());
    let mut refused = stand.connect().await;
    refused.write_all(SSL).await.unwrap();
    assert_eq!(refused.read_u8().await.unwrap(), b'N', "encryption is declined");
    refused.write_all(SESSION).await.unwrap();
    let mut answer = Vec::new();
    refused.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer[0], b'E');
    let length = usize::try_from(u32::from_be_bytes(answer[1..5].try_into().unwrap())).unwrap();
    assert_eq!(length, answer.len() - 1);
    let fields: Vec<_> = answer[5..].split(|byte| *byte == 0).collect();
    assert!(fields.contains(&b"SFATAL".as_slice()) && fields.contains(&b"C53300".as_slice()));

    // A request to cancel a statement reaches the server, and does not count. Neither does another protocol.
    let mut cancel = stand.connect().await;
    cancel.write_all(CANCEL).await.unwrap();
    cancel.read_to_end(&mut Vec::new()).await.unwrap();
    let mut other = stand.connect().await;
    other.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let _ = other.read_to_end(&mut Vec::new()).await;
    assert_eq!(stand.end("postgres-full").await, 2);
    assert_eq!(&repeat(&mut stand.connect().await).await.unwrap(), b"ping");
}

#[tokio::test]
async fn a_slow_server_is_late_once_a_round_trip() {
    let stand = Stand::new().await;
    let mut open = stand.connect().await;
    stand.strike("postgres-slow", json!({ "delay_ms": 1 })).await;
    for _ in 0..3 {
        assert_eq!(&repeat(&mut open).await.unwrap(), b"ping");
    }
    assert_eq!(stand.end("postgres-slow").await, 3);

    stand.strike("postgres-slow", json!({ "delay_ms": 60_000 })).await;
    let ending = async {
        stand.struck("postgres-slow", 1).await;
        stand.end("postgres-slow").await;
    };
    // Without the end, this would take a minute.
    let (answer, ()) = tokio::join!(repeat(&mut open), ending);
    assert_eq!(&answer.unwrap(), b"ping");
}
