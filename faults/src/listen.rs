//! Listening on loopback, and accepting connections for as long as the process lives.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// The pause after a failed accept. The usual cause is that the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// Listens on a port of loopback.
///
/// # Errors
/// If the port is in use; the error names it.
pub async fn on(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))
}

/// Passes every connection to `serve`, and goes on after errors.
pub(crate) async fn forever(listener: TcpListener, serve: impl Fn(TcpStream)) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
