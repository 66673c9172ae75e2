//! `login`: a service-account token and a role, for a client token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Kubernetes;
use crate::core::decision::NoObserver;
use crate::core::mount::Mount;
use crate::core::reason::{Deny, Undecided};
use crate::core::role::{AliasNameSource, Role};
use crate::core::token::UnverifiedToken;
use crate::gate::{Ask, Decision, Grant, Outcome as Decided};
use crate::ports::{Annotations, Caller, Freshness, Verify};
use crate::vault::call::{Call, of_field};
use crate::vault::outcome::{Class, Refusal};

/// The fields of a login.
pub const LOGIN_FIELDS: [&str; 2] = ["jwt", "role"];

/// Annotations whose names begin so become metadata of the alias.
const ANNOTATION_PREFIX: &str = "vault.hashicorp.com/alias-metadata-";

/// Metadata that a login alone sets.
const RESERVED: [&str; 4] = [
    "service_account_name",
    "service_account_namespace",
    "service_account_secret_name",
    "service_account_uid",
];

/// The longest name, in bytes, of which its caller hears again: what he is told is in memory until he has read it.
const LONGEST_NAME: usize = 1024;

/// How long a caller should wait before it asks again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A login that is granted: who it is, and what the token is to be like.
#[derive(Debug, Clone)]
pub struct Login {
    /// The mount.
    pub mount: Arc<Mount>,
    /// The role that admits.
    pub role: Arc<Role>,
    /// The role's name as the caller wrote it.
    pub role_as_typed: String,
    /// The service account's namespace, as reviewed.
    pub namespace: String,
    /// The service account's name, as reviewed.
    pub name: String,
    /// The service account's uid, as reviewed.
    pub uid: String,
    /// The secret that the token's claims name; empty for a projected token. Not reviewed.
    pub secret_name: String,
    /// The namespace's labels, where the role's selector has looked at them.
    pub labels: Option<Arc<BTreeMap<String, String>>>,
    /// Whose login it is, among all of the mount.
    pub alias: Alias,
}

/// The entity alias of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The uid, or `namespace/name`.
    pub name: String,
    /// The service account's annotations, the role's own metadata, and what the login sets.
    pub metadata: BTreeMap<String, String>,
}

impl Login {
    /// The `metadata` of the token.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = identity_metadata(self);
        metadata.insert("role".to_owned(), self.role_as_typed.clone());
        metadata
    }

    /// What the backend calls the token: `default-vault-auth`.
    pub fn account_name(&self) -> String {
        [&self.namespace, "-", &self.name].concat()
    }

    /// The token's display name, with the mount's path before it: `kubernetes-default-vault-auth`.
    pub fn display_name(&self) -> String {
        [&self.mount.path.replace('/', "-"), "-", &self.account_name()].concat()
    }
}

/// Under which name the role's entities know a service account.
pub fn alias_name(role: &Role, namespace: &str, name: &str, uid: &str) -> String {
    match role.alias_name_source {
        AliasNameSource::Uid => uid.to_owned(),
        AliasNameSource::Name => [namespace, "/", name].concat(),
    }
}

fn identity_metadata(login: &Login) -> BTreeMap<String, String> {
    let values = [&login.name, &login.namespace, &login.secret_name, &login.uid];
    RESERVED.iter().zip(values).map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

impl<V: Verify> Kubernetes<V> {
    /// Decides over a login. The decision is there for the record whenever there was one.
    pub async fn login(&self, call: &Call<'_>) -> (Result<Login, Refusal>, Option<Decision>) {
        let fields = call.fields();
        let read = |field| fields.string(field).map_err(|error| of_field(&error));
        let (jwt, role) = match (read("jwt"), read("role")) {
            (Ok(jwt), Ok(role)) => (jwt.unwrap_or_default(), role.unwrap_or_default()),
            (Err(refusal), _) | (_, Err(refusal)) => return (Err(refusal), None),
        };
        for (value, error) in [(&role, "missing role"), (&jwt, "missing jwt")] {
            if value.is_empty() {
                return (Err(Refusal::new(Class::Invalid, error)), None);
            }
        }
        let token = UnverifiedToken::parse(&jwt);
        let caller = Caller::begin(call.request.origin, call.request.deadline);
        let ask = Ask {
            mount: &call.mount.path,
            roles: &[&role],
            token: &token,
            peer: call.request.peer,
            default_audience: None,
            freshness: Freshness::Fresh,
            caller,
        };
        let decision = self.gate.ask(&ask, &mut NoObserver).await;
        let login = match &decision.outcome {
            Decided::Allow(grant) => {
                let secret_name = token.map(|token| token.claims.secret_name).unwrap_or_default();
                self.granted(grant, role, secret_name, &jwt, &caller).await
            }
            Decided::Deny(deny) => Err(denied(*deny, &role)),
            Decided::Undecided(undecided) => Err(nobody_can_tell(*undecided)),
        };
        (login, Some(decision))
    }

    async fn granted(
        &self,
        grant: &Grant,
        role_as_typed: String,
        secret_name: String,
        jwt: &str,
        caller: &Caller,
    ) -> Result<Login, Refusal> {
        let Some(identity) = grant.identity() else { return Err(denied(Deny::TokenRefused, "")) };
        let (namespace, name) = (identity.namespace().to_owned(), identity.name().to_owned());
        let mut login = Login {
            mount: Arc::clone(grant.mount()),
            role: Arc::clone(grant.role()),
            role_as_typed,
            uid: identity.uid().to_owned(),
            secret_name,
            labels: grant.labels().cloned(),
            alias: Alias {
                name: alias_name(grant.role(), &namespace, &name, identity.uid()),
                metadata: grant.role().token.alias_metadata.clone(),
            },
            namespace,
            name,
        };
        let annotated =
            login.mount.config.as_ref().is_some_and(|config| config.use_annotations_as_alias_metadata);
        if annotated {
            let asked = self.cluster.annotations(&login.mount, jwt, identity, caller).await;
            login.alias.metadata.extend(of_annotations(asked.map_err(nobody_can_tell)?)?);
        }
        let of_identity = identity_metadata(&login);
        login.alias.metadata.extend(of_identity);
        Ok(login)
    }
}

/// The metadata that a service account's annotations hold.
fn of_annotations(annotations: Annotations) -> Result<BTreeMap<String, String>, Refusal> {
    let annotations = match annotations {
        Annotations::Known(annotations) => annotations,
        Annotations::Withheld(status) => {
            let error = format!("failed to get service account (code {status})");
            return Err(Refusal::new(Class::Internal, error));
        }
    };
    let metadata: BTreeMap<String, String> = annotations
        .into_iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(ANNOTATION_PREFIX)?.to_owned(), value)))
        .collect();
    let reserved: Vec<&str> = RESERVED.into_iter().filter(|key| metadata.contains_key(*key)).collect();
    if reserved.is_empty() {
        return Ok(metadata);
    }
    Err(Refusal::new(
        Class::Invalid,
        format!(
            "entity alias metadata keys for only internal use found from the client token's associated service \
             account annotations: keys={reserved:?}"
        ),
    ))
}

/// A denial in Vault's terms; `role` as the caller wrote it.
fn denied(deny: Deny, role: &str) -> Refusal {
    match deny {
        Deny::UnknownRole => Refusal::new(Class::Invalid, format!("invalid role name {:?}", cut(role))),
        Deny::NotConfigured | Deny::ClaimsWithoutUid | Deny::ClaimsWithoutName => {
            Refusal::new(Class::Internal, deny.sentence())
        }
        _ => Refusal::new(Class::Denied, deny.sentence()),
    }
}

fn cut(name: &str) -> &str {
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let end = (0..=LONGEST_NAME).rev().find(|end| name.is_char_boundary(*end));
    end.and_then(|end| name.get(..end)).unwrap_or_default()
}

/// The refusal where nobody can tell.
pub fn nobody_can_tell(undecided: Undecided) -> Refusal {
    match undecided {
        // As the reference, whose clients take a 403 for what it is here: a matter of configuration.
        Undecided::ReviewerRefused => Refusal::new(Class::Denied, "permission denied"),
        _ => Refusal {
            retry_after: Some(RETRY_AFTER),
            ..Refusal::new(Class::Unavailable, undecided.sentence())
        },
    }
}
