//! The Envoy door.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use http::HeaderName;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::listener::address;
use super::text::text;
use super::{DefaultRole, MaxMessageBytes, Route, TlsFiles, TokenSource};

/// `envoy`: the door that answers Envoy's ext_authz.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvoyDoor {
    /// Where it listens; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Its certificates; none: plaintext.
    pub tls: Option<TlsFiles>,
    /// Plaintext is meant, although the address is not on the loopback.
    pub plaintext: bool,
    /// Where tokens are looked for, in this order. Never empty.
    #[serde(deserialize_with = "token_sources")]
    pub token_sources: Vec<TokenSource>,
    /// Which role a path asks for, where the proxy does not say; the first match counts.
    pub routes: Vec<Route>,
    /// What counts where nothing else names a role or mount.
    pub default: DefaultRole,
    /// Whence the peer's address comes.
    pub client_address: ClientAddress,
    /// Whether client tokens of the Vault door are accepted.
    pub client_tokens: bool,
    /// Demanded of tokens whose role has no audience of its own.
    pub audience: Option<String>,
    /// What the names of all headers to the upstream begin with.
    pub identity_header_prefix: HeaderPrefix,
    /// Whether the upstream gets the token, too.
    pub keep_token: bool,
    /// How Envoy is told that nobody can tell.
    pub undecided: UndecidedAnswer,
    /// The largest CheckRequest that is read; a larger one is denied as `too_large`.
    pub max_message_bytes: MaxMessageBytes,
}

impl Default for EnvoyDoor {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9191),
            tls: None,
            plaintext: false,
            token_sources: TokenSource::defaults(),
            routes: Vec::new(),
            default: DefaultRole::default(),
            client_address: ClientAddress::default(),
            client_tokens: true,
            audience: None,
            identity_header_prefix: HeaderPrefix::default(),
            keep_token: false,
            undecided: UndecidedAnswer::default(),
            max_message_bytes: MaxMessageBytes::default(),
        }
    }
}

fn token_sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TokenSource>, D::Error> {
    let sources = Vec::deserialize(deserializer)?;
    if sources.is_empty() { Err(Error::custom("expected at least one source")) } else { Ok(sources) }
}

/// `client_address`: whose address a role's `token_bound_cidrs` are about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAddress {
    /// The connection's.
    #[default]
    Peer,
    /// What Envoy writes into `x-envoy-external-address`.
    XEnvoyExternalAddress,
    /// The Nth entry of `x-forwarded-for` from the right.
    XForwardedFor(NonZeroUsize),
}

/// `undecided`: the kind of Envoy's response (`CheckResponse.http_response`) where nobody can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndecidedAnswer {
    /// `error_response`, for Envoy 1.37 and newer.
    #[default]
    ErrorResponse,
    /// `denied_response`, for older Envoys and other proxies.
    DeniedResponse,
}

text!(
    /// A valid beginning of header names, in lower case, that ends in `-`.
    HeaderPrefix,
    header_prefix,
    &'static str
);

impl Default for HeaderPrefix {
    fn default() -> Self {
        Self("x-rolegate-".to_owned())
    }
}

fn header_prefix(text: String) -> Result<String, &'static str> {
    match HeaderName::try_from(text.as_str()) {
        Ok(name) if text.len() > 1 && text.ends_with('-') => Ok(name.as_str().to_owned()),
        _ => Err("expected the beginning of header names that ends in `-`, such as `x-rolegate-`"),
    }
}
