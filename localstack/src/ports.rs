//! Ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

use waybill_ops::error::{Context as _, Error, Result};

/// Fails if another program uses the port.
///
/// # Errors
/// If the port is in use, with the variable that changes it.
pub(crate) fn require_free(port: u16, who: &str, variable: &str) -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(|_| port).context(|| {
        format!(
            "Port {port} on 127.0.0.1, for {who}, is in use by another program. Stop that program, or \
             choose another port with {variable}, such as {variable}={}.",
            port.wrapping_add(1)
        )
    })
}

/// Whether no program uses the port.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that no program uses, and that stays free until something listens on it.
///
/// # Errors
/// If there is none.
pub(crate) fn free_port() -> Result<u16> {
    lasting_ports().map(|[port]| port)
}

/// Different ports that stay free while nothing listens on them: chosen at random, below the range of
/// outgoing connections.
///
/// # Errors
/// If there are not enough.
pub(crate) fn lasting_ports<const COUNT: usize>() -> Result<[u16; COUNT]> {
    let (first, last) = (15_000, 29_999);
    let start = u128::from(first) + uuid::Uuid::new_v4().as_u128() % 10_000;
    let start = u16::try_from(start).unwrap_or(first);
    let found: Vec<u16> =
        (start..=last).chain(first..start).filter(|&port| is_free(port)).take(COUNT).collect();
    found.try_into().map_err(|_| Error::new("Found no free ports on 127.0.0.1."))
}
