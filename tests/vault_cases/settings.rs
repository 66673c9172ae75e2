//! What the environment says about a run.
//!
//! `VAULT_CASES_ONLY=text` picks scenarios by a part of their name. `VAULT_CASES_ADDR=127.0.0.1:8200` (with
//! `VAULT_CASES_TOKEN`, the root token) replays against a server that already runs, and `VAULT_CASES_MOUNT_TYPE` names
//! the type of its mounts; with `VAULT_CASES_AS=recorded` it must answer as the server that was recorded did.
#![expect(clippy::disallowed_methods, reason = "a run of this test is steered by its environment")]

use std::net::SocketAddr;

use super::subject::Subject;

/// How to run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) subject: Subject,
    pub(crate) mount_type: String,
    /// Only scenarios whose name holds this.
    pub(crate) only: String,
    /// Whose answers count.
    pub(crate) judge: Judge,
    /// What the API server is asked counts as well.
    pub(crate) calls: bool,
}

/// Whose answers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    /// Vault's, and in their place our deviations.
    Vault,
    /// Those that were recorded, and nothing else.
    Recorded,
    /// Vault's or those that were recorded, and in their place our deviations: behind a core that is not Vault.
    Either,
}

impl Settings {
    /// A core that runs here with the program as its plugin.
    pub(crate) fn of_core(address: SocketAddr, root: &str) -> Self {
        Self {
            calls: false,
            subject: Subject::Running { address, root: root.to_owned() },
            mount_type: "rolegate".to_owned(),
            only: variable("VAULT_CASES_ONLY").unwrap_or_default(),
            judge: Judge::Either,
        }
    }

    /// The settings of this run.
    pub(crate) fn of_environment() -> Self {
        let subject = match variable("VAULT_CASES_ADDR") {
            None => Subject::Process,
            Some(address) => {
                let address = address.trim_start_matches("http://").trim_end_matches('/');
                let address = address.parse().unwrap_or_else(|_| panic!("`{address}` is no address"));
                Subject::Running { address, root: variable("VAULT_CASES_TOKEN").unwrap_or("root".to_owned()) }
            }
        };
        let judge = match variable("VAULT_CASES_AS").as_deref() {
            Some("recorded") => Judge::Recorded,
            _ => Judge::Vault,
        };
        Self {
            calls: matches!(subject, Subject::Process),
            subject,
            mount_type: variable("VAULT_CASES_MOUNT_TYPE").unwrap_or("kubernetes".to_owned()),
            only: variable("VAULT_CASES_ONLY").unwrap_or_default(),
            judge,
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
