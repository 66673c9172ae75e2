//! A door over a real verifier and a set of roles.

use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use prost::Message as _;
use rolegate::app::SystemClock;
use rolegate::catalog::{Roles, Snapshots};
use rolegate::config::EnvoyDoor as Settings;
use rolegate::core::mount::{MountAbout, MountConfig, Snapshot};
use rolegate::core::role::{Role, TokenParameters};
use rolegate::core::secret::Secret;
use rolegate::doors::envoy::door::EnvoyDoor;
use rolegate::gate::Gate;
use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::ports::Clock;
use rolegate::record::Recorder;
use rolegate::record::decision_id::DecisionIds;
use rolegate::verify::{CacheSettings, Settings as VerifierSettings, Verifier};

type Door = EnvoyDoor<Verifier>;

pub(crate) struct House {
    door: Arc<Door>,
    snapshots: Snapshots,
}

impl House {
    pub(crate) fn new(url: &str, roles: usize, entries: u64) -> Self {
        let snapshots = Snapshots::default();
        publish(&snapshots, Some(config(url)), roles);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let settings = VerifierSettings {
            timeout: Duration::from_secs(60),
            cache: CacheSettings {
                ttl: Duration::from_secs(3600),
                refused_ttl: Duration::from_secs(10),
                entries,
            },
            ..VerifierSettings::default()
        };
        let verifier = Verifier::new(settings, Arc::clone(&clock), Metrics::default(), Health::default());
        let gate = Gate::new(snapshots.cell(), verifier, clock);
        let door =
            Door::new(Settings::default(), gate, DecisionIds::new(1), Recorder::new(Metrics::default()));
        Self { door: Arc::new(door), snapshots }
    }

    pub(crate) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }

    pub(crate) async fn check(&self, message: Bytes) {
        assert!(is_allow(&self.door.check(message, None).await.expect("a CheckRequest")));
    }

    pub(crate) fn swap(&self, roles: usize) {
        publish(&self.snapshots, None, roles);
    }
}

/// Publishes a set of one mount with these roles; without a config it keeps the one before.
fn publish(snapshots: &Snapshots, config: Option<MountConfig>, roles: usize) {
    let before = snapshots.load().and_then(|set| set.mount("kubernetes").cloned());
    let config = config.or_else(|| before.as_ref()?.config.as_deref().cloned());
    // A set like the one before would be the one before.
    let roles = roles + usize::from(before.as_ref().is_some_and(|mount| mount.roles.len() == roles));
    let about = MountAbout::of_path("kubernetes");
    let mount = rolegate::catalog::successor(before.as_ref(), "kubernetes", about, config, many(roles));
    drop(before);
    let mounts = [("kubernetes".into(), mount)].into();
    snapshots.publish(Snapshot { mounts, ..Snapshot::default() });
}

pub(crate) fn is_allow(frame: &Bytes) -> bool {
    CheckResponse::decode(frame.slice(5..)).unwrap().status.unwrap().code == 0
}

fn config(url: &str) -> MountConfig {
    MountConfig {
        kubernetes_host: url.to_owned(),
        kubernetes_ca_cert: String::new(),
        token_reviewer_jwt: Some(Secret::from("reviewer".to_owned())),
        pem_keys: Vec::new(),
        issuer: String::new(),
        disable_iss_validation: true,
        disable_local_ca_jwt: true,
        use_annotations_as_alias_metadata: false,
    }
}

fn many(roles: usize) -> Roles {
    let role = |number| Role {
        name: format!("role-{number}"),
        bound_service_account_names: vec!["account-*".to_owned()],
        bound_service_account_namespaces: vec!["shop".to_owned()],
        bound_service_account_namespace_selector: None,
        audience: String::new(),
        alias_name_source: rolegate::core::role::AliasNameSource::Uid,
        token: TokenParameters { policies: vec![format!("policy-{number}")], ..TokenParameters::default() },
        old_names: rolegate::core::role::OldNames::default(),
    };
    (0..roles).map(role).map(|role| (role.name.as_str().into(), Arc::new(role))).collect()
}

/// A projected token of an account; nobody checks its signature here but the API server, which believes it.
pub(crate) fn token(account: usize, number: usize) -> String {
    let claims = format!(
        r#"{{"aud":["https://kubernetes.default.svc"],"exp":4102444800,"iat":1767225600,"nbf":1767225600,"iss":"https://kubernetes.default.svc","jti":"{number:032x}","kubernetes.io":{{"namespace":"shop","node":{{"name":"node-1"}},"pod":{{"name":"pod-{number}","uid":"0a4f1c3e-{number:04x}"}},"serviceaccount":{{"name":"account-{account}","uid":"{account:08x}-9055-11e7-a068-0800276d99bf"}},"warnafter":4102444000}},"sub":"system:serviceaccount:shop:account-{account}"}}"#
    );
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"bench"}"#);
    format!("{header}.{}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims), "a".repeat(342))
}

pub(crate) fn message(token: &str) -> Bytes {
    let text = |text: &str| text.to_owned();
    let headers = [(text("authorization"), format!("Bearer {token}")), (text(":path"), text("/"))].into();
    let extensions = [(text("mount"), text("kubernetes")), (text("role"), text("role-0"))].into();
    let http = HttpRequest { method: text("GET"), path: text("/"), headers, ..HttpRequest::default() };
    let request = CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request { http: Some(http), ..Request::default() }),
            context_extensions: extensions,
            ..AttributeContext::default()
        }),
    };
    Bytes::from(request.encode_to_vec())
}

/// What this process holds in memory.
pub(crate) fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
