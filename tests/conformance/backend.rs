//! A server in memory, as far as decisions go: mounts and roles by the project's own decoders, logins by its gate.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rolegate::core::decision::Unseen;
use rolegate::core::fields::Fields;
use rolegate::core::mount::{Mount, MountAbout, MountConfig, Snapshot, decode as config};
use rolegate::core::reason::{Deny, Undecided};
use rolegate::core::role::decode::{self as role, DEFAULT_MAX_LEASE, RoleWrite};
use rolegate::core::token::UnverifiedToken;
use rolegate::gate::{Ask, Decision, Gate, Outcome};
use rolegate::ports::{Clock, Freshness};
use rolegate::verify::Verifier;
use serde_json::{Map, Value, json};

use super::verifier::{Moment, verifier};

/// What the server answers, in Vault's terms.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The one text in `errors`.
    pub(crate) error: Option<String>,
    /// What a login shows in `auth.metadata` and `auth.policies`.
    pub(crate) login: Option<(Value, Value)>,
}

impl Answer {
    fn status(status: u16) -> Self {
        Self { status, error: None, login: None }
    }

    fn error(status: u16, text: impl ToString) -> Self {
        Self { status, error: Some(text.to_string()), login: None }
    }
}

/// Mounts, roles and a gate over them.
pub(crate) struct Backend {
    mounts: BTreeMap<String, Written>,
    writes: u64,
    snapshot: Arc<ArcSwapOption<Snapshot>>,
    gate: Gate<Verifier>,
}

#[derive(Default)]
struct Written {
    config: Option<Arc<MountConfig>>,
    generation: u64,
    roles: BTreeMap<String, RoleWrite>,
}

impl Backend {
    /// A server with one mount that is not configured.
    pub(crate) fn with_mount(path: &str) -> Self {
        let snapshot = Arc::new(ArcSwapOption::empty());
        let clock: Arc<dyn Clock> = Arc::new(Moment::now());
        let gate = Gate::new(Arc::clone(&snapshot), verifier(Arc::clone(&clock)), clock);
        let mounts = [(path.to_owned(), Written::default())].into();
        let backend = Self { mounts, writes: 0, snapshot, gate };
        backend.publish();
        backend
    }

    /// Answers a write or a login; none where the path is neither.
    pub(crate) async fn answer(
        &mut self,
        method: &str,
        path: &str,
        fields: &Map<String, Value>,
    ) -> Option<Answer> {
        let path = path.strip_prefix("/v1/auth/")?;
        let writes = matches!(method, "POST" | "PUT");
        if let Some(mount) = path.strip_suffix("/login").filter(|_| writes) {
            return Some(self.login(mount, fields).await);
        }
        if let Some(mount) = path.strip_suffix("/config").filter(|_| writes) {
            return Some(self.write_config(mount, fields));
        }
        let (mount, name) = path.rsplit_once("/role/")?;
        match method {
            "DELETE" => {
                self.mounts.get_mut(mount)?.roles.remove(&name.to_lowercase());
                self.publish();
                Some(Answer::status(204))
            }
            _ => writes.then(|| self.write_role(mount, name, fields)),
        }
    }

    async fn login(&self, mount: &str, fields: &Map<String, Value>) -> Answer {
        let text = |field| Fields::new(fields).string(field).unwrap().unwrap_or_default();
        let (role, jwt) = (text("role"), text("jwt"));
        let ask = Ask {
            mount,
            roles: &[&role],
            token: &UnverifiedToken::parse(&jwt),
            peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            default_audience: None,
            freshness: Freshness::Fresh,
            deadline: None,
        };
        in_vaults_terms(&self.gate.ask(&ask, &mut Unseen).await, &role)
    }

    fn write_config(&mut self, mount: &str, fields: &Map<String, Value>) -> Answer {
        match config::decode(fields) {
            Err(error) => Answer::error(400, error),
            Ok(config) => {
                self.writes += 1;
                let written = self.mounts.get_mut(mount).unwrap();
                (written.config, written.generation) = (Some(Arc::new(config)), self.writes);
                self.publish();
                Answer::status(204)
            }
        }
    }

    fn write_role(&mut self, mount: &str, name: &str, fields: &Map<String, Value>) -> Answer {
        let roles = &mut self.mounts.get_mut(mount).unwrap().roles;
        let before = roles.get(&name.to_lowercase()).map(|before| &before.role);
        match role::decode(name, fields, before, DEFAULT_MAX_LEASE) {
            Err(error) => Answer::error(400, error),
            Ok(written) => {
                let status = if written.warnings.is_empty() { 204 } else { 200 };
                roles.insert(written.role.name.clone(), written);
                self.publish();
                Answer::status(status)
            }
        }
    }

    fn publish(&self) {
        let mounts: HashMap<Box<str>, Arc<Mount>> = self
            .mounts
            .iter()
            .map(|(path, written)| {
                let role = |role: &RoleWrite| (role.role.name.clone().into(), Arc::new(role.role.clone()));
                let mount = Mount {
                    config: written.config.clone(),
                    roles: written.roles.values().map(role).collect(),
                    ..Mount::new(path, written.generation, MountAbout::of_path(path))
                };
                (path.clone().into(), Arc::new(mount))
            })
            .collect();
        self.snapshot.store(Some(Arc::new(Snapshot { mounts, ..Snapshot::default() })));
    }
}

/// Vault's status and text for a decision; `role` as the caller wrote it.
fn in_vaults_terms(decision: &Decision, role: &str) -> Answer {
    match &decision.outcome {
        Outcome::Allow(grant) => {
            let identity = grant.identity().unwrap();
            let metadata = json!({
                "role": role,
                "service_account_name": identity.name(),
                "service_account_namespace": identity.namespace(),
                "service_account_uid": identity.uid(),
            });
            let login = Some((metadata, json!(grant.role().token.login_policies())));
            Answer { status: 200, error: None, login }
        }
        // Without a mount the path is not one that is open to all.
        Outcome::Deny(Deny::UnknownMount) => Answer::error(403, "permission denied"),
        Outcome::Deny(Deny::UnknownRole) => Answer::error(400, format!("invalid role name {role:?}")),
        Outcome::Deny(deny @ (Deny::NotConfigured | Deny::ClaimsWithoutUid | Deny::ClaimsWithoutName)) => {
            Answer::error(500, deny.sentence())
        }
        Outcome::Deny(deny) => Answer::error(403, deny.sentence()),
        Outcome::Undecided(Undecided::ReviewerRefused) => Answer::error(403, "permission denied"),
        Outcome::Undecided(undecided) => Answer::error(503, undecided.sentence()),
    }
}
