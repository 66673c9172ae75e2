//! What others write between the question whether a write is allowed and the write itself.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rolegate::app::{SystemClock, SystemRandom};
use rolegate::catalog::{Catalog, Snapshots};
use rolegate::core::client_token::TokenDigest;
use rolegate::core::mount::MountAbout;
use rolegate::core::reason::Undecided;
use rolegate::core::role::decode::decode;
use rolegate::core::secret::Secret;
use rolegate::gate::Gate;
use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::ports::administrators::{Administrators, Right, User, Verb};
use rolegate::ports::{Answer, Door, Origin};
use rolegate::record::Recorder;
use rolegate::store::memory::MemoryStore;
use rolegate::tokens::entities::Entities;
use rolegate::tokens::{Tokens, World};
use rolegate::vault::Handle as _;
use rolegate::vault::kubernetes::Kubernetes;
use rolegate::vault::outcome::{Class, Outcome, Refusal};
use rolegate::vault::request::{Operation, Request};
use rolegate::vault::service::Vault;
use rolegate::verify::{Settings, Verifier};
use serde_json::{Map, Value, json};

use crate::stage::role;

/// What somebody else writes at the moment of the first question of this verb.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Role(&'static str),
    Policy,
    Nothing,
}

/// Knows one user, who may do everything but bind `admin`; nobody can tell of `unknown`.
#[derive(Debug)]
struct Meddler {
    catalog: Catalog,
    meanwhile: Mutex<Meanwhile>,
}

impl Administrators for Meddler {
    fn who<'a>(&'a self, token: &'a str, _: Option<Instant>) -> Answer<'a, Option<Arc<User>>> {
        let token = TokenDigest::of(token);
        let (name, uid) = ("ann".to_owned(), String::new());
        Box::pin(
            async move { Ok(Some(Arc::new(User { token, name, uid, groups: vec![], extra: [].into() }))) },
        )
    }

    fn may<'a>(&'a self, _: &'a User, right: &'a Right, _: Option<Instant>) -> Answer<'a, bool> {
        let meanwhile = std::mem::replace(&mut *self.meanwhile.lock().unwrap(), Meanwhile::Nothing);
        Box::pin(async move {
            match meanwhile {
                Meanwhile::Role(policies) => put_role(&self.catalog, policies).await,
                Meanwhile::Policy => self.catalog.write().await.put_policy("orders", "").await.unwrap(),
                Meanwhile::Nothing => {}
            }
            match (right.verb, right.object.as_str()) {
                (Verb::Bind, "admin") => Ok(false),
                (Verb::Bind, "unknown") => Err(Undecided::ApiServerUnreachable),
                _ => Ok(true),
            }
        })
    }
}

async fn put_role(catalog: &Catalog, policies: &str) {
    let fields = role(policies);
    let written = decode("orders", fields.as_object().unwrap(), None, 3600).unwrap();
    catalog.write().await.put_roles("kubernetes", vec![written.role]).await.unwrap();
}

struct House {
    catalog: Catalog,
    vault: Vault<Verifier>,
    meddler: Arc<Meddler>,
}

impl House {
    async fn new() -> Self {
        let (store, snapshots) = (Arc::new(MemoryStore::default()), Snapshots::default());
        let (clock, random, metrics) =
            (Arc::new(SystemClock::start()), Arc::new(SystemRandom), Metrics::default());
        let catalog = Catalog::open(store.clone(), snapshots.clone()).await.unwrap();
        catalog.write().await.put_mount("kubernetes", MountAbout::of_path("kubernetes")).await.unwrap();
        let verifier = Verifier::new(Settings::default(), clock.clone(), metrics.clone(), Health::default());
        let gate = Gate::new(snapshots.cell(), verifier.clone(), clock.clone());
        let tokens = Tokens::new(World {
            store: store.clone(),
            clock,
            random: random.clone(),
            mounts: Arc::new(snapshots),
            metrics: metrics.clone(),
        });
        let meddler =
            Arc::new(Meddler { catalog: catalog.clone(), meanwhile: Mutex::new(Meanwhile::Nothing) });
        let vault = Vault::new(
            Kubernetes::new(gate, catalog.clone(), Arc::new(verifier)),
            catalog.clone(),
            Arc::new(tokens),
            Entities::new(store, random.clone()),
            random,
            Recorder::new(metrics),
        )
        .with_administrators(Some(meddler.clone()));
        Self { catalog, vault, meddler }
    }

    async fn write(&self, path: &str, data: Value) -> Result<(), Refusal> {
        let request = Request {
            id: "07070707-0707-4707-8707-070707070707".to_owned(),
            operation: Operation::Write,
            path: path.to_owned(),
            data: data.as_object().cloned().unwrap_or_else(Map::new),
            token: Some(token()),
            peer: None,
            origin: Origin { door: Door::Vault, client: None, connection: None },
            wrap_ttl: None,
            deadline: None,
        };
        match self.vault.handle(request).await {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal) => Err(refusal),
        }
    }

    async fn write_while(&self, meanwhile: Meanwhile, path: &str, data: Value) -> Class {
        *self.meddler.meanwhile.lock().unwrap() = meanwhile;
        self.write(path, data).await.unwrap_err().class
    }

    fn stored(&self) -> (Vec<String>, Vec<String>) {
        let snapshot = self.catalog.snapshots().load().unwrap();
        let role = snapshot.mount("kubernetes").unwrap().role("orders").unwrap();
        (role.bound_service_account_names.clone(), role.token.policies.clone())
    }
}

/// A token that looks good; the one who is asked does not look at signatures.
fn token() -> Secret {
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(json!({"alg": "RS256"})), part(json!({"aud": ["rolegate"]}))).into()
}

const ORDERS: &str = "auth/kubernetes/role/orders";

#[tokio::test]
async fn what_was_allowed_as_a_creation_is_no_change() {
    let house = House::new().await;
    let class = house.write_while(Meanwhile::Role("first"), ORDERS, role("second")).await;
    assert_eq!(class, Class::Unavailable);
    assert_eq!(house.stored().1, ["first"]);
    let policy = json!({"policy": "path \"a\" { capabilities = [\"read\"] }"});
    let class = house.write_while(Meanwhile::Policy, "sys/policies/acl/orders", policy.clone()).await;
    assert_eq!(class, Class::Unavailable);
    assert_eq!(&*house.catalog.snapshots().load().unwrap().policies["orders"], "");
    house.write("sys/policies/acl/orders", policy).await.unwrap();
}

#[tokio::test]
async fn a_policy_that_came_in_between_is_not_handed_out_anew() {
    let house = House::new().await;
    put_role(&house.catalog, "orders").await;
    let wider = json!({"bound_service_account_names": "*"});
    let class = house.write_while(Meanwhile::Role("orders,admin"), ORDERS, wider.clone()).await;
    assert_eq!(class, Class::Unavailable);
    assert_eq!(house.stored().0, ["a"]);
    put_role(&house.catalog, "orders").await;
    house.write(ORDERS, wider).await.unwrap();
    assert_eq!(house.stored().0, ["*"]);
}

#[tokio::test]
async fn a_policy_of_which_nobody_can_tell_is_not_handed_out() {
    let house = House::new().await;
    let refusal = house.write(ORDERS, role("orders,unknown")).await.unwrap_err();
    assert_eq!(refusal.class, Class::Unavailable);
    assert!(refusal.retry_after.is_some());
    let many: Vec<String> = (0..65).map(|number| format!("p{number}")).collect();
    assert_eq!(house.write(ORDERS, role(&many.join(","))).await.unwrap_err().class, Class::Invalid);
    assert!(house.catalog.snapshots().load().unwrap().mount("kubernetes").unwrap().roles.is_empty());
    // `default` is no policy that anybody is asked about, and 63 others still can be.
    house.write(ORDERS, role(&many[..63].join(","))).await.unwrap();
}
