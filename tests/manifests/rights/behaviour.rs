//! What rolegate does with its rights, each tried as it is used.

use std::fmt::Debug;

use serde_json::{Value, json};

use super::stage::{Stage, object};
use crate::support::eventually;

/// A behaviour, in one sentence each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// All objects are loaded, and it is ready.
    Loads,
    /// A change of such an object is heard as it happens.
    Hears(Kind),
    /// A token that somebody puts into a Secret for a reviewer is heard as it happens.
    HearsReviewers,
    /// The Vault door makes such an object.
    Creates(Kind),
    /// The Vault door changes such an object.
    Updates(Kind),
    /// The Vault door deletes such an object.
    Deletes(Kind),
    /// The Vault door finds another name where another object has the one that it would give.
    FindsAnotherName(Kind),
    /// The conditions of such an object are written.
    WritesStatus(Kind),
    /// One replica holds the Lease.
    Leads,
    /// A login issues a service token.
    IssuesServiceTokens,
    /// A login issues a batch token, by a key that other replicas may have made.
    IssuesBatchTokens,
    /// A service token is renewed.
    Renews,
    /// A service token is revoked.
    Revokes,
    /// A Kubernetes user administers.
    IsAdministered,
    /// A role selects namespaces by label.
    SelectsNamespaces,
    /// The labels of namespaces are watched.
    WatchesNamespaces,
    /// A service account's annotations become metadata.
    ReadsAnnotations,
    /// Deletions of this resource are heard.
    HearsDeletions(&'static str),
}

/// A custom resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mount,
    Role,
    Policy,
}

use Kind::{Mount, Policy, Role};

impl Behaviour {
    /// Tries it on a rolegate that need not be ready. The error says how it was seen to fail; waiting in vain fails the test itself.
    pub(super) async fn tried(self, stage: &Stage<'_>) -> Result<(), String> {
        loads(stage).await?;
        match self {
            Self::Loads => Ok(()),
            Self::Hears(kind) => hears(stage, kind).await,
            Self::HearsReviewers => hears_reviewers(stage).await,
            Self::Creates(kind) => write(stage, "POST", kind, "new").await,
            Self::Updates(kind) => write(stage, "POST", kind, "heard").await,
            Self::Deletes(kind) => write(stage, "DELETE", kind, "spare").await,
            Self::FindsAnotherName(kind) => write(stage, "POST", kind, "taken").await,
            Self::WritesStatus(kind) => writes_status(stage, kind).await,
            Self::Leads => leads(stage).await,
            Self::IssuesServiceTokens => login(stage, "kubernetes", "orders").await.map(drop),
            Self::IssuesBatchTokens => login(stage, "kubernetes", "batch").await.map(drop),
            Self::SelectsNamespaces => login(stage, "kubernetes", "teams").await.map(drop),
            Self::WatchesNamespaces => watches_namespaces(stage).await,
            Self::ReadsAnnotations => login(stage, "annotated", "orders").await.map(drop),
            Self::HearsDeletions(resource) => hears_deletions(stage, resource).await,
            Self::Renews => with_token(stage, "renew-self").await,
            Self::Revokes => with_token(stage, "revoke-self").await,
            Self::IsAdministered => done(stage.administer("GET", "sys/auth", Value::Null).await).map(drop),
        }
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Mount => "GateMount",
            Role => "GateRole",
            Policy => "GatePolicy",
        }
    }

    /// Where the Vault door has the one of this name, and what is written there.
    fn at(self, name: &str, stage: &Stage<'_>) -> (String, Value) {
        match self {
            // Enabling one that is there is refused.
            Mount if name == "heard" => {
                ("sys/auth/heard/tune".to_owned(), json!({ "description": "written" }))
            }
            Mount => (format!("sys/auth/{name}"), json!({ "type": "kubernetes" })),
            Role => {
                let role = json!({ "bound_service_account_names": "orders", "audience": "x",
                                   "bound_service_account_namespaces": stage.namespace });
                (format!("auth/kubernetes/role/{name}"), role)
            }
            Policy => (format!("sys/policies/acl/{name}"), json!({ "policy": "path \"a\" { }" })),
        }
    }
}

async fn loads(stage: &Stage<'_>) -> Result<(), String> {
    eventually("it is ready, or says why it is not", async || match stage.gate.readiness().await {
        (true, _) => Some(Ok(())),
        (false, why) => (!why.contains(r#""troubles":{}"#)).then_some(Err(why)),
    })
    .await
}

async fn hears(stage: &Stage<'_>, kind: Kind) -> Result<(), String> {
    let host = "https://elsewhere.example.com";
    let (spec, place) = match kind {
        Mount => (json!({ "path": "heard", "kubernetesHost": host }), "auth/heard/config"),
        Role => {
            let spec = json!({ "mountRef": { "name": "kubernetes" }, "roleName": "heard",
                "boundServiceAccountNames": ["elsewhere"], "boundServiceAccountNamespaces": ["a"] });
            (spec, "auth/kubernetes/role/heard")
        }
        Policy => {
            (json!({ "policyName": "heard", "rules": "path \"elsewhere\" { }" }), "sys/policies/acl/heard")
        }
    };
    stage.apply(object(kind.name(), "heard", json!({ "spec": spec }))).await;
    told(stage, place, "elsewhere").await
}

async fn hears_deletions(stage: &Stage<'_>, resource: &str) -> Result<(), String> {
    let label = format!("resource=\"{resource}\"");
    eventually("deletions are heard, or it says why not", async || {
        let (_, readiness) = stage.gate.readiness().await;
        if readiness.contains(&format!("revocation by {resource}")) {
            return Some(Err(readiness));
        }
        let heard = stage.gate.rolegate().metric("rolegate_revocation_watched", &[&label]).await;
        (heard > 0.0).then_some(Ok(()))
    })
    .await
}

async fn watches_namespaces(stage: &Stage<'_>) -> Result<(), String> {
    eventually("namespaces are watched, or it says why not", async || {
        let refused = stage.logged("rolegate may not list and watch namespaces");
        let watched = stage.gate.rolegate().metric("rolegate_namespaces_watched", &[]).await;
        refused.map(Err).or_else(|| (watched > 0.0).then_some(Ok(())))
    })
    .await
}

async fn hears_reviewers(stage: &Stage<'_>) -> Result<(), String> {
    let secret = json!({ "metadata": { "name": "reviewer", "labels": { "rolegate.dev/reviewer": "true" } },
                         "stringData": { "token": "a" } });
    stage.apply(object("Secret", "reviewer", secret)).await;
    told(stage, "auth/reviewed/config", "kubernetes_host").await
}

/// Waits until the Vault door tells of a change; fails where the watches were lost, which it would be listed by.
async fn told(stage: &Stage<'_>, path: &str, text: &str) -> Result<(), String> {
    eventually(format!("`{text}` at {path}"), async || {
        let (status, said) = stage.administer("GET", path, Value::Null).await;
        let told = status == 200 && said.to_string().contains(text);
        let lost = stage.logged("the store is not heard");
        lost.map(Err).or_else(|| told.then_some(Ok(())))
    })
    .await
}

async fn write(stage: &Stage<'_>, method: &str, kind: Kind, name: &str) -> Result<(), String> {
    let (path, body) = kind.at(name, stage);
    let body = if method == "DELETE" { Value::Null } else { body };
    done(stage.administer(method, &path, body).await).map(drop)
}

async fn writes_status(stage: &Stage<'_>, kind: Kind) -> Result<(), String> {
    eventually(format!("conditions of a {}", kind.name()), async || {
        let name = if kind == Mount { "kubernetes" } else { "orders" };
        let found = stage.objects(kind.name()).get(name).await.unwrap();
        if found.data["status"]["conditions"].is_array() {
            return Some(Ok(()));
        }
        stage.logged("a status could not be written").map(Err)
    })
    .await
}

async fn leads(stage: &Stage<'_>) -> Result<(), String> {
    eventually("the Lease is held, or not to be had", async || {
        let lease = stage.objects("Lease").get_opt("rolegate").await.unwrap();
        if lease.is_some_and(|lease| lease.data["spec"]["holderIdentity"].is_string()) {
            return Some(Ok(()));
        }
        let logged = stage.logged("the Lease is not to be had");
        logged.or_else(|| stage.logged("LeaseManager watcher error")).map(Err)
    })
    .await
}

async fn login(stage: &Stage<'_>, mount: &str, role: &str) -> Result<String, String> {
    let body = json!({ "role": role, "jwt": stage.jwt().await });
    let said = done(stage.gate.ask("", "POST", &format!("auth/{mount}/login"), body).await)?;
    Ok(said["auth"]["client_token"].as_str().unwrap().to_owned())
}

/// Does something with a token that a login has just issued.
async fn with_token(stage: &Stage<'_>, what: &str) -> Result<(), String> {
    let token = login(stage, "kubernetes", "orders").await.unwrap();
    done(stage.gate.ask(&token, "POST", &format!("auth/token/{what}"), json!({})).await).map(drop)
}

fn done((status, said): (u16, Value)) -> Result<Value, String> {
    if matches!(status, 200 | 204) { Ok(said) } else { Err(format!("{status} {said}")) }
}
