//! Where a request comes from, as the operator says that it is to be known. Both doors ask here, each about its own
//! headers.

use std::net::{IpAddr, SocketAddr};

use crate::config::ClientAddress;

/// The client's address, or none where it is not known. `lines` gives the values of each line of a header.
pub(super) fn find<'a, L: Iterator<Item = &'a [u8]>>(
    source: ClientAddress,
    peer: impl FnOnce() -> Option<IpAddr>,
    lines: impl FnOnce(&'static str) -> L,
) -> Option<IpAddr> {
    match source {
        ClientAddress::Peer => peer(),
        ClientAddress::XEnvoyExternalAddress => {
            let mut values = lines("x-envoy-external-address");
            let value = values.next()?;
            if values.next().is_some() { None } else { parse(value) }
        }
        ClientAddress::XForwardedFor(hops) => {
            // Lines in order make one list; the Nth from the right is the last one that a trusted proxy wrote.
            let lines: Vec<&[u8]> = lines("x-forwarded-for").collect();
            let mut entries = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
            parse(entries.nth(hops.get().saturating_sub(1))?)
        }
    }
}

/// An address, alone or with a port.
pub(super) fn parse(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    alone.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}
