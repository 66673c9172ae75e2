//! A gate for tests: one mount, proof as scripted, a clock that stands.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::{Ask, Decision, Gate, Grant, Outcome};
use crate::core::decision::Unseen;
use crate::core::identity::{Review, ReviewStatus};
use crate::core::mount::{Mount, MountConfig, Snapshot};
use crate::core::reason::Undecided;
use crate::core::role::{AliasNameSource, Role, TokenParameters};
use crate::core::token::UnverifiedToken;
use crate::ports::{Answer, Clock, Freshness, Labels, ReviewQuery, Verify};

/// The gate's time in seconds since 1970.
pub(crate) const NOW: i64 = 1_700_000_000;

#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn unix_now(&self) -> i64 {
        NOW
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// What a port says.
#[derive(Debug, Clone)]
pub(crate) enum Says<T> {
    This(T),
    Undecided(Undecided),
    /// Nothing, ever.
    Nothing,
}

impl<T: Clone + Send + 'static> Says<T> {
    fn answer<'a>(&self) -> Answer<'a, T> {
        match self.clone() {
            Self::This(answer) => Box::pin(async { Ok(answer) }),
            Self::Undecided(undecided) => Box::pin(async move { Err(undecided) }),
            Self::Nothing => Box::pin(std::future::pending()),
        }
    }
}

/// Proof as scripted, and a list of what was asked.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) signed: bool,
    pub(crate) remembered: Option<Arc<Review>>,
    /// By the audiences that are asked for, joined with commas; everything else is `otherwise`.
    pub(crate) reviews: HashMap<&'static str, Says<Arc<Review>>>,
    pub(crate) otherwise: Says<Arc<Review>>,
    pub(crate) labels: Says<Labels>,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            signed: true,
            remembered: None,
            reviews: HashMap::new(),
            otherwise: Says::This(orders()),
            labels: Says::Nothing,
            asked: Arc::default(),
        }
    }
}

impl Scripted {
    fn note(&self, asked: String) {
        self.asked.lock().unwrap().push(asked);
    }
}

impl Verify for Scripted {
    fn signed(&self, _mount: &Arc<Mount>, _token: &UnverifiedToken<'_>) -> bool {
        self.note("signature".to_owned());
        self.signed
    }

    fn remembered(&self, _query: &ReviewQuery<'_>) -> Option<Arc<Review>> {
        self.remembered.clone()
    }

    fn review<'a>(
        &'a self,
        query: ReviewQuery<'a>,
        _freshness: Freshness,
        _deadline: Option<Instant>,
    ) -> Answer<'a, Arc<Review>> {
        let audiences = query.audiences.join(",");
        self.note(format!("review for {audiences}"));
        self.reviews.get(audiences.as_str()).unwrap_or(&self.otherwise).answer()
    }

    fn namespace_labels<'a>(
        &'a self,
        _mount: &'a Arc<Mount>,
        namespace: &'a str,
        _deadline: Option<Instant>,
    ) -> Answer<'a, Labels> {
        self.note(format!("labels of {namespace}"));
        self.labels.answer()
    }
}

/// A review that confirms a service account, whose uid is `u-1`.
pub(crate) fn confirmed(namespace: &str, name: &str) -> Arc<Review> {
    let status = ReviewStatus {
        authenticated: true,
        username: format!("system:serviceaccount:{namespace}:{name}"),
        uid: "u-1".to_owned(),
        ..ReviewStatus::default()
    };
    Arc::new(Review::of(&status, &[] as &[&str]))
}

/// The review of the account that [`token`] is of.
pub(crate) fn orders() -> Arc<Review> {
    confirmed("shop", "orders")
}

/// The service account `orders` in `shop`, for the audiences `b`, `a` and `b`; its signature is none.
pub(crate) fn token() -> String {
    let claims = serde_json::json!({
        "aud": ["b", "a", "b"],
        "iat": NOW,
        "exp": NOW + 600,
        "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "orders", "uid": "u-1" } },
    });
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()))
}

/// A role that admits `orders` in `shop` and gives the policy `reader`.
pub(crate) fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        bound_service_account_names: vec!["orders".to_owned()],
        bound_service_account_namespaces: vec!["shop".to_owned()],
        bound_service_account_namespace_selector: None,
        audience: String::new(),
        alias_name_source: AliasNameSource::Uid,
        token: TokenParameters { policies: vec!["reader".to_owned()], ..TokenParameters::default() },
    }
}

/// A mount at this path with these roles, and these keys to check signatures with.
pub(crate) fn mount(path: &str, roles: impl IntoIterator<Item = Role>, pem_keys: &[&str]) -> Mount {
    let config = MountConfig {
        kubernetes_host: "https://kubernetes.test".to_owned(),
        kubernetes_ca_cert: String::new(),
        token_reviewer_jwt: None,
        pem_keys: pem_keys.iter().map(|key| (*key).to_owned()).collect(),
        issuer: String::new(),
        disable_iss_validation: true,
        disable_local_ca_jwt: true,
        use_annotations_as_alias_metadata: false,
    };
    let roles = roles.into_iter().map(|role| (role.name.clone().into_boxed_str(), Arc::new(role)));
    Mount { path: path.into(), generation: 1, config: Some(Arc::new(config)), roles: roles.collect() }
}

/// A gate that has loaded one mount.
pub(crate) fn gate<V: Verify>(mount: Mount, verifier: V) -> Gate<V> {
    let snapshot = Snapshot {
        mounts: HashMap::from([((&*mount.path).into(), Arc::new(mount))]),
        policies: BTreeMap::new(),
    };
    Gate::new(Arc::new(ArcSwapOption::from_pointee(snapshot)), verifier, Arc::new(StandingClock))
}

/// A gate that has loaded nothing yet.
pub(crate) fn empty_gate<V: Verify>(verifier: V) -> Gate<V> {
    Gate::new(Arc::new(ArcSwapOption::empty()), verifier, Arc::new(StandingClock))
}

/// Asks with [`token`] for roles of a mount.
pub(crate) async fn ask<V: Verify>(
    gate: &Gate<V>,
    mount: &str,
    roles: &[&str],
    change: impl FnOnce(&mut Ask<'_>),
) -> Decision {
    let token = token();
    let token = UnverifiedToken::parse(&token);
    let mut ask = Ask {
        mount,
        roles,
        token: &token,
        peer: None,
        default_audience: None,
        freshness: Freshness::Cached,
        deadline: None,
    };
    change(&mut ask);
    tokio::time::timeout(Duration::from_secs(60), gate.ask(&ask, &mut Unseen))
        .await
        .expect("the gate answers although its ports do not")
}

/// The grant of a role of a mount to an account.
pub(crate) async fn grant(path: &str, role: Role) -> Grant {
    let name = role.name.clone();
    let decision = ask(&gate(mount(path, [role], &[]), Scripted::default()), path, &[&name], |_| {}).await;
    match decision.outcome {
        Outcome::Allow(grant) => grant,
        other => panic!("{other:?}"),
    }
}
