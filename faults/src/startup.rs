//! The first messages of Postgres's protocol, as far as a server without connections speaks it.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a client may take, as in Postgres's `authentication_timeout`.
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest first message, as in Postgres's `MAX_STARTUP_PACKET_LENGTH`.
const MAX_LENGTH: usize = 10_000;

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// What a client wants of a new connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Startup {
    /// A session.
    Session,
    /// To cancel a statement of another connection, by this message.
    Cancel(Vec<u8>),
}

/// Reads until the client has said what it wants. Encryption is declined.
///
/// # Errors
/// If the client is too slow, hangs up, or speaks another protocol.
pub(crate) async fn read(client: &mut TcpStream) -> Result<Startup> {
    let reading = async {
        // Both kinds of encryption, then the session.
        for _ in 0..3 {
            let message = read_message(client).await?;
            match message.get(4..8).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes) {
                Some(SSL_REQUEST | GSS_REQUEST) => client.write_all(b"N").await?,
                Some(CANCEL_REQUEST) => return Ok(Startup::Cancel(message)),
                _ => return Ok(Startup::Session),
            }
        }
        Err(ErrorKind::InvalidData.into())
    };
    tokio::time::timeout(PATIENCE, reading).await.map_err(Error::from)?
}

/// A message that begins with its length, which counts itself.
async fn read_message(client: &mut TcpStream) -> Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let rest = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    let rest = rest.filter(|rest| (4..MAX_LENGTH).contains(rest)).ok_or(ErrorKind::InvalidData)?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(4 + rest, 0);
    client.read_exact(message.get_mut(4..).unwrap_or_default()).await?;
    Ok(message)
}

/// The `ErrorResponse` of a server without connections.
pub(crate) fn too_many_connections() -> Vec<u8> {
    const FIELDS: &[u8] = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
    let length = u32::try_from(FIELDS.len() + 4).unwrap_or(u32::MAX);
    [b"E", length.to_be_bytes().as_slice(), FIELDS].concat()
}
