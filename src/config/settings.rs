//! The Vault door and the operations door.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::listener::address;
use super::{ClientAddress, TlsFiles};

/// `vault`: the door that speaks Vault's HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VaultDoor {
    /// Where it listens; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Its certificates; none: plaintext.
    pub tls: Option<TlsFiles>,
    /// Plaintext is meant, although the address is not on the loopback.
    pub plaintext: bool,
    /// Whence the peer's address comes.
    pub client_address: ClientAddress,
}

impl Default for VaultDoor {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8200),
            tls: None,
            plaintext: false,
            client_address: ClientAddress::default(),
        }
    }
}

/// `ops`: health and metrics, always plaintext.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ops {
    /// Where it listens; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
}

impl Default for Ops {
    fn default() -> Self {
        Self { listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9192) }
    }
}
