//! A verifier that answers from a script and notes what it was asked, and a gate over it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::json;
use tokio::sync::Notify;

use crate::core::client_token::Login;
use crate::core::decision::{CheckObserver, NoObserver};
use crate::core::identity::{Review, ReviewStatus};
use crate::core::jwks::LocalSignature;
use crate::core::mount::{Mount, MountAbout, MountConfig, Snapshot};
use crate::core::reason::Undecided;
use crate::core::role::{AliasNameSource, OldNames, Role, TokenParameters};
use crate::core::token::UnverifiedToken;
use crate::gate::{Ask, Decision, Gate, Grant};
use crate::ports::gone::Gone;
use crate::ports::{Answer, Caller, Clock, Door, Freshness, Labels, Origin, ReviewQuery, Verify};

/// What the verifier says, to everybody alike; a review for the audience `down` cannot be had.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) signed: bool,
    pub(crate) published: LocalSignature,
    pub(crate) is_contended: bool,
    pub(crate) remembered: Option<Arc<Review>>,
    pub(crate) review: Result<Arc<Review>, Undecided>,
    pub(crate) labels: Result<Labels, Undecided>,
    /// Each review says that it waits, and goes on when it is told to.
    pub(crate) held: bool,
}

impl Default for Script {
    fn default() -> Self {
        let labels = [("team".to_owned(), "a".to_owned())].into();
        Self {
            signed: true,
            published: LocalSignature::Unknown,
            is_contended: false,
            remembered: None,
            review: Ok(confirmed()),
            labels: Ok(Labels::Known(Arc::new(labels))),
            held: false,
        }
    }
}

#[derive(Debug)]
struct Scripted {
    script: Script,
    calls: Arc<Mutex<Vec<String>>>,
    waiting: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Scripted {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Verify for Scripted {
    fn signed(&self, _mount: &Arc<Mount>, _token: &UnverifiedToken<'_>) -> bool {
        self.note("signed".to_owned());
        self.script.signed
    }

    fn is_contended(&self, _mount: &Arc<Mount>) -> bool {
        self.script.is_contended
    }

    fn local_signature(&self, _mount: &Arc<Mount>, _token: &UnverifiedToken<'_>) -> LocalSignature {
        self.note("published keys".to_owned());
        self.script.published
    }

    fn remembered(&self, query: &ReviewQuery<'_>) -> Option<Arc<Review>> {
        self.note(format!("remembered {}", query.audiences.join(",")));
        self.script.remembered.clone()
    }

    fn review<'a>(
        &'a self,
        query: ReviewQuery<'a>,
        freshness: Freshness,
        _caller: &'a Caller,
    ) -> Answer<'a, Arc<Review>> {
        self.note(format!("review {} {freshness:?} {:?}", query.audiences.join(","), query.signature));
        Box::pin(async move {
            if self.script.held {
                self.waiting.notify_one();
                self.go_on.notified().await;
            }
            if query.audiences == ["down"] {
                return Err(Undecided::ApiServerUnreachable);
            }
            self.script.review.clone()
        })
    }

    fn namespace_labels<'a>(
        &'a self,
        mount: &'a Arc<Mount>,
        namespace: &'a str,
        freshness: Freshness,
        _caller: &'a Caller,
    ) -> Answer<'a, Labels> {
        self.note(format!("labels {namespace} of set {} {freshness:?}", mount.generation));
        Box::pin(async { self.script.labels.clone() })
    }
}

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn unix_now(&self) -> i64 {
        1_700_000_000
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// A gate, and all that a test changes or looks at.
pub(crate) struct House {
    gate: Gate<Scripted>,
    calls: Arc<Mutex<Vec<String>>>,
    pub(crate) snapshot: Arc<ArcSwapOption<Snapshot>>,
    pub(crate) waiting: Arc<Notify>,
    pub(crate) go_on: Arc<Notify>,
    pub(crate) mount: &'static str,
    pub(crate) token: String,
    pub(crate) default_audience: Option<&'static str>,
}

/// When the logins of before were.
pub(crate) const CONFIRMED: i64 = 1_700_000_000;

impl House {
    pub(crate) fn new(set: Option<Arc<Snapshot>>, script: Script) -> Self {
        let (calls, waiting, go_on) = (Arc::default(), Arc::default(), Arc::default());
        let snapshot = Arc::new(ArcSwapOption::new(set));
        let verifier = Scripted {
            script,
            calls: Arc::clone(&calls),
            waiting: Arc::clone(&waiting),
            go_on: Arc::clone(&go_on),
        };
        Self {
            gate: Gate::new(Arc::clone(&snapshot), verifier, Arc::new(Still)),
            calls,
            snapshot,
            waiting,
            go_on,
            mount: "kubernetes",
            token: token(&["api", "down"]),
            default_audience: None,
        }
    }

    pub(crate) async fn ask(&self, roles: &[&str], freshness: Freshness) -> Decision {
        self.ask_telling(roles, freshness, &mut NoObserver).await
    }

    pub(crate) async fn ask_telling(
        &self,
        roles: &[&str],
        freshness: Freshness,
        observer: &mut (impl CheckObserver + Send),
    ) -> Decision {
        let ask = Ask {
            mount: self.mount,
            roles,
            token: &UnverifiedToken::parse(&self.token),
            peer: None,
            default_audience: self.default_audience,
            freshness,
            caller: Caller::begin(Origin { door: Door::Envoy, client: None, connection: None }, None),
        };
        self.gate.ask(&ask, observer).await
    }

    pub(crate) fn with_gone(self, gone: Arc<dyn Gone>) -> Self {
        Self { gate: self.gate.with_gone(gone), ..self }
    }

    /// What the gate says to a login of [`CONFIRMED`].
    pub(crate) fn readmit(&self, roles: &[&str], login: &Login, peer: Option<IpAddr>) -> Decision {
        self.gate.readmit(self.mount, roles, login, CONFIRMED, peer)
    }

    /// What the verifier was asked, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

/// The mount `kubernetes` with keys and these roles; the generation tells one set from another.
pub(crate) fn set(generation: u64, roles: impl IntoIterator<Item = Role>) -> Arc<Snapshot> {
    let config = MountConfig {
        kubernetes_host: "https://kubernetes.default.svc".to_owned(),
        kubernetes_ca_cert: String::new(),
        token_reviewer_jwt: None,
        pem_keys: vec!["key".to_owned()],
        issuer: String::new(),
        disable_iss_validation: true,
        disable_local_ca_jwt: true,
        use_annotations_as_alias_metadata: false,
    };
    let roles = roles.into_iter().map(|role| (role.name.clone().into_boxed_str(), Arc::new(role))).collect();
    let about = MountAbout::of_path("kubernetes");
    let config = Some(Arc::new(config));
    let mount = Mount { config, roles, ..Mount::new("kubernetes", generation, about) };
    let mounts = [("kubernetes".into(), Arc::new(mount))].into();
    Arc::new(Snapshot { mounts, ..Snapshot::default() })
}

/// The same without keys, so that published ones are looked at.
pub(crate) fn without_pem_keys(set: &Arc<Snapshot>) -> Arc<Snapshot> {
    let mut set = (**set).clone();
    for mount in set.mounts.values_mut() {
        let mut changed = (**mount).clone();
        changed.config =
            changed.config.map(|config| Arc::new(MountConfig { pem_keys: Vec::new(), ..(*config).clone() }));
        *mount = Arc::new(changed);
    }
    Arc::new(set)
}

/// A role that admits `shop/orders`.
pub(crate) fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        bound_service_account_names: vec!["orders".to_owned()],
        bound_service_account_namespaces: vec!["shop".to_owned()],
        bound_service_account_namespace_selector: None,
        audience: "api".to_owned(),
        alias_name_source: AliasNameSource::Uid,
        token: TokenParameters::default(),
        old_names: OldNames::default(),
    }
}

/// A role that admits another service account.
pub(crate) fn closed(name: &str) -> Role {
    Role { bound_service_account_names: vec!["billing".to_owned()], ..role(name) }
}

pub(crate) fn with_audience(name: &str, audience: &str) -> Role {
    Role { audience: audience.to_owned(), ..role(name) }
}

/// A token of `shop/orders` with these audiences.
pub(crate) fn token(audiences: &[&str]) -> String {
    let payload = json!({
        "aud": audiences,
        "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "orders", "uid": "u-1"}},
    });
    let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "ES256"})), part(&payload))
}

/// The API server's word that the token is that of `shop/orders`.
pub(crate) fn confirmed() -> Arc<Review> {
    let status = ReviewStatus {
        authenticated: true,
        username: "system:serviceaccount:shop:orders".to_owned(),
        uid: "u-1".to_owned(),
        ..ReviewStatus::default()
    };
    Arc::new(Review::of(&status, &[""; 0]))
}

/// A grant of this role at this path, as the gate makes it after that review.
pub(crate) fn grant(path: &str, role: Role, review: Arc<Review>) -> Grant {
    let mount = Mount::new(path, 1, MountAbout::of_path(path));
    Grant::new(&Arc::new(mount), &Arc::new(role), &review)
}

/// A grant of a mount and a role that are there already.
pub(crate) fn grant_of(mount: &Arc<Mount>, role: &Arc<Role>, review: &Arc<Review>) -> Grant {
    Grant::new(mount, role, review)
}
