//! The paths that tell of the server itself, to everybody and as bare JSON: `sys/health`, `sys/seal-status`,
//! `sys/init`, `sys/leader`.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Serialize;

use super::answer::{Reply, error, json, silent};
use super::query::{Query, boolean};
use crate::lifecycle::Readiness;
use crate::ports::Clock;

/// The version of Vault whose API this is. Clients read it as a semantic version and choose by it what they may send
/// (the Terraform provider its fields, for one), so it is Vault's number and not our own.
pub const VAULT_VERSION: &str = "1.21.0+rolegate";

const CLUSTER_NAME: &str = "rolegate";

/// The answers' source.
#[derive(Debug)]
pub(super) struct ServerStatus {
    pub(super) readiness: Readiness,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cluster_id: ClusterId,
}

/// The id that stays with the store's data, a UUID; empty until the store has told it.
pub type ClusterId = Arc<OnceLock<String>>;

#[derive(Serialize)]
struct Cluster<'a> {
    cluster_name: &'static str,
    cluster_id: &'a str,
}

#[derive(Serialize)]
struct Health<'a> {
    initialized: bool,
    sealed: bool,
    standby: bool,
    performance_standby: bool,
    replication_performance_mode: &'static str,
    replication_dr_mode: &'static str,
    server_time_utc: i64,
    version: &'static str,
    enterprise: bool,
    #[serde(flatten)]
    cluster: Option<Cluster<'a>>,
}

#[derive(Serialize)]
struct SealStatus<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    initialized: bool,
    sealed: bool,
    t: u8,
    n: u8,
    progress: u8,
    nonce: &'static str,
    version: &'static str,
    migration: bool,
    #[serde(flatten)]
    cluster: Option<Cluster<'a>>,
    recovery_seal: bool,
}

impl ServerStatus {
    /// The answer, where the path is one of these.
    pub(super) fn answer(&self, path: &str, method: &Method, query: &Query) -> Option<Reply> {
        let get = *method == Method::GET;
        let refused = || silent(StatusCode::METHOD_NOT_ALLOWED);
        Some(match path {
            "sys/health" if get || *method == Method::HEAD => self.health(query),
            "sys/seal-status" if get => self.seal_status(),
            "sys/init" if get => ok(Bytes::from_static(b"{\"initialized\":true}\n")),
            "sys/init" if matches!(method.as_str(), "PUT" | "POST") => {
                error(StatusCode::BAD_REQUEST, "Vault is already initialized")
            }
            "sys/leader" if get => ok(Bytes::from_static(b"{\"ha_enabled\":false}\n")),
            "sys/health" | "sys/seal-status" | "sys/init" | "sys/leader" => refused(),
            _ => return None,
        })
    }

    fn cluster(&self) -> Option<Cluster<'_>> {
        self.cluster_id.get().map(|cluster_id| Cluster { cluster_name: CLUSTER_NAME, cluster_id })
    }

    /// Sealed is what Vault's clients call a server that has loaded nothing yet. One that drains still answers.
    fn is_sealed(&self) -> bool {
        !self.readiness.state().pending.is_empty()
    }

    fn health(&self, query: &Query) -> Reply {
        let sealed = self.is_sealed();
        let Some(status) = health_status(query, sealed) else {
            return silent(StatusCode::BAD_REQUEST);
        };
        let health = Health {
            initialized: true,
            sealed,
            standby: false,
            performance_standby: false,
            replication_performance_mode: "disabled",
            replication_dr_mode: "disabled",
            server_time_utc: self.clock.unix_now(),
            version: VAULT_VERSION,
            enterprise: false,
            cluster: self.cluster(),
        };
        let bodiless =
            matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
        json(status, if bodiless { Bytes::new() } else { line(&health) })
    }

    fn seal_status(&self) -> Reply {
        ok(line(&SealStatus {
            kind: "shamir",
            initialized: true,
            sealed: self.is_sealed(),
            t: 1,
            n: 1,
            progress: 0,
            nonce: "",
            version: VAULT_VERSION,
            migration: false,
            cluster: self.cluster(),
            recovery_seal: false,
        }))
    }
}

/// The status of `sys/health`, which the caller may choose for each state; none where a parameter cannot be read.
/// The states that are never ours are read all the same.
fn health_status(query: &Query, sealed: bool) -> Option<StatusCode> {
    for flag in ["standbyok", "perfstandbyok"] {
        match query.first(flag) {
            None | Some("") => {}
            Some(text) => drop(boolean(text)?),
        }
    }
    let chosen = |name: &str, usual: StatusCode| match query.first(name) {
        None => Some(usual),
        // Below 200 stand those that announce another status, which would never come.
        Some(text) => {
            let code: u16 = text.parse().ok().filter(|code| *code >= 200)?;
            StatusCode::from_u16(code).ok()
        }
    };
    chosen("uninitcode", StatusCode::NOT_IMPLEMENTED)?;
    chosen("standbycode", StatusCode::TOO_MANY_REQUESTS)?;
    chosen("drsecondarycode", StatusCode::OK)?;
    chosen("performancestandbycode", StatusCode::OK)?;
    let (active, when_sealed) =
        (chosen("activecode", StatusCode::OK)?, chosen("sealedcode", StatusCode::SERVICE_UNAVAILABLE)?);
    Some(if sealed { when_sealed } else { active })
}

fn ok(body: Bytes) -> Reply {
    json(StatusCode::OK, body)
}

fn line(value: &impl Serialize) -> Bytes {
    // These types cannot fail to be JSON.
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

#[cfg(test)]
mod tests;
