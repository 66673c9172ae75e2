//! What the operator says: the configuration file and the environment, checked.
#![expect(missing_docs, reason = "stand-in")]
use std::num::NonZeroUsize;
#[derive(Debug)]
pub enum TokenSource {
    Header { name: String, scheme: Option<String> },
    Cookie(String),
    Query(String),
}
#[derive(Debug)]
pub struct Route {
    pub host: Option<String>,
    pub path_prefix: Option<String>,
    pub methods: Vec<String>,
    pub mount: Option<String>,
    pub role: String,
}
#[derive(Debug)]
pub struct DefaultRole {
    pub mount: String,
    pub role: Option<String>,
}
#[derive(Debug, Clone, Copy)]
pub enum ClientAddress {
    Peer,
    XEnvoyExternalAddress,
    XForwardedFor(NonZeroUsize),
}
#[derive(Debug, Clone, Copy)]
pub enum UndecidedAnswer {
    ErrorResponse,
    DeniedResponse,
}
#[derive(Debug)]
pub struct EnvoyDoor {
    pub token_sources: Vec<TokenSource>,
    pub routes: Vec<Route>,
    pub default: DefaultRole,
    pub client_address: ClientAddress,
    pub audience: Option<String>,
    pub identity_header_prefix: String,
    pub keep_token: bool,
    pub undecided: UndecidedAnswer,
}
