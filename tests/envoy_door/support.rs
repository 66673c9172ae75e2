//! A door that is served on a free port, over a verifier that does as it is told.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::google::protobuf::value::Kind;
use rolegate::catalog::Snapshots;
use rolegate::config::EnvoyDoor as Settings;
use rolegate::core::identity::{Review, ReviewStatus};
use rolegate::core::mount::{Mount, MountAbout, MountConfig, Snapshot};
use rolegate::core::reason::Undecided;
use rolegate::core::role::{AliasNameSource, OldNames, Role, TokenParameters};
use rolegate::core::token::UnverifiedToken;
use rolegate::doors::envoy::door::EnvoyDoor;
use rolegate::doors::envoy::service::EnvoyService;
use rolegate::gate::Gate;
use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::net::{Bound, Limits, Listen, Protocol};
use rolegate::ports::{Answer, Caller, Clock, Freshness, Labels, ReviewQuery, Verify};
use rolegate::record::Recorder;
use rolegate::record::decision_id::DecisionIds;
use rolegate::tokens::Tokens;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::Routes;
use tonic::transport::Channel;

use crate::logins;

/// Waits for what must happen.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("waited for too long")
}

/// What the API server does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ApiServer {
    Confirms,
    IsAway,
    Hangs,
    Panics,
}

/// A verifier that remembers one review, as a cache does.
#[derive(Debug, Clone)]
struct Scripted {
    does: Arc<Mutex<ApiServer>>,
    confirmed: Arc<Review>,
}

impl Verify for Scripted {
    fn signed(&self, _mount: &Arc<Mount>, _token: &UnverifiedToken<'_>) -> bool {
        true
    }

    fn remembered(&self, _query: &ReviewQuery<'_>) -> Option<Arc<Review>> {
        None
    }

    fn review<'a>(
        &'a self,
        _query: ReviewQuery<'a>,
        _freshness: Freshness,
        _caller: &'a Caller,
    ) -> Answer<'a, Arc<Review>> {
        let does = *self.does.lock().unwrap();
        Box::pin(async move {
            match does {
                ApiServer::Confirms => Ok(Arc::clone(&self.confirmed)),
                ApiServer::IsAway => Err(Undecided::ApiServerUnreachable),
                ApiServer::Hangs => std::future::pending().await,
                ApiServer::Panics => panic!("the verifier panics, as it was told to"),
            }
        })
    }

    fn namespace_labels<'a>(
        &'a self,
        _mount: &'a Arc<Mount>,
        _namespace: &'a str,
        _freshness: Freshness,
        _caller: &'a Caller,
    ) -> Answer<'a, Labels> {
        Box::pin(async { Ok(Labels::Unknown) })
    }
}

#[derive(Debug)]
pub(crate) struct Still;

impl Clock for Still {
    fn unix_now(&self) -> i64 {
        1_700_000_000
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// A door that is served until this is dropped.
pub(crate) struct Served {
    pub(crate) addr: SocketAddr,
    pub(crate) metrics: Metrics,
    /// How many connections were made.
    pub(crate) connections: Arc<AtomicUsize>,
    does: Arc<Mutex<ApiServer>>,
    pub(crate) snapshots: Snapshots,
    pub(crate) tokens: Arc<Tokens>,
    _stop: DropGuard,
}

impl Served {
    /// With these settings, in YAML below `envoy`.
    pub(crate) fn new(settings: &str) -> Self {
        Self::beside(settings, Routes::default())
    }

    pub(crate) fn beside(settings: &str, others: Routes) -> Self {
        let settings: Settings = serde_saphyr::from_str(settings).expect("settings");
        let does = Arc::new(Mutex::new(ApiServer::Confirms));
        let snapshots = Snapshots::default();
        snapshots.publish(set(&["reader"]));
        let tokens = logins::tokens(&snapshots);
        let verifier = Scripted { does: Arc::clone(&does), confirmed: confirmed() };
        let gate = Gate::new(snapshots.cell(), verifier, Arc::new(Still));
        let metrics = Metrics::default();
        let door = EnvoyDoor::new(settings, gate, DecisionIds::new(7), Recorder::new(metrics.clone()))
            .with_client_tokens(Arc::clone(&tokens));
        let service = EnvoyService::new(door, others, metrics.clone());

        let bound = Bound::bind(
            Listen {
                name: "envoy",
                addr: SocketAddr::from(([127, 0, 0, 1], 0)),
                tls: None,
                protocol: Protocol::Grpc,
                limits: Limits::default(),
            },
            &Health::default(),
        )
        .expect("a free port")
        .with_on_refused(service.on_refused());
        let addr = bound.local_addr();
        let stop = CancellationToken::new();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let serving = stop.clone();
        tokio::spawn(async move {
            let make = |peer| {
                count.fetch_add(1, Ordering::SeqCst);
                service.connection(peer)
            };
            bound.serve(make, serving, Duration::ZERO).await
        });
        Self { addr, metrics, connections, does, snapshots, tokens, _stop: stop.drop_guard() }
    }

    pub(crate) fn api_server(&self, does: ApiServer) {
        *self.does.lock().unwrap() = does;
    }

    /// Publishes a set whose role gives these policies.
    pub(crate) fn publish(&self, policies: &[&str]) {
        self.snapshots.publish(set(policies));
    }

    pub(crate) fn unload(&self) {
        self.snapshots.cell().store(None);
    }

    pub(crate) async fn client(&self) -> AuthorizationClient<Channel> {
        soon(AuthorizationClient::connect(format!("http://{}", self.addr))).await.expect("a connection")
    }
}

/// The mount `kubernetes` with the role `orders`, which admits `orders` in `shop`.
pub(crate) fn set(policies: &[&str]) -> Snapshot {
    let role = Role {
        name: "orders".to_owned(),
        bound_service_account_names: vec!["orders".to_owned()],
        bound_service_account_namespaces: vec!["shop".to_owned()],
        bound_service_account_namespace_selector: None,
        audience: String::new(),
        alias_name_source: AliasNameSource::Uid,
        token: TokenParameters {
            policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
            no_default_policy: true,
            ..TokenParameters::default()
        },
        old_names: OldNames::default(),
    };
    let config = MountConfig {
        kubernetes_host: "https://kubernetes.test".to_owned(),
        kubernetes_ca_cert: String::new(),
        token_reviewer_jwt: None,
        pem_keys: Vec::new(),
        issuer: String::new(),
        disable_iss_validation: true,
        disable_local_ca_jwt: true,
        use_annotations_as_alias_metadata: false,
    };
    let mount = Mount {
        config: Some(Arc::new(config)),
        roles: HashMap::from([("orders".into(), Arc::new(role))]),
        ..Mount::new("kubernetes", 1, MountAbout::of_path("kubernetes"))
    };
    Snapshot { mounts: HashMap::from([("kubernetes".into(), Arc::new(mount))]), ..Snapshot::default() }
}

fn confirmed() -> Arc<Review> {
    let status = ReviewStatus {
        authenticated: true,
        username: "system:serviceaccount:shop:orders".to_owned(),
        uid: "u-1".to_owned(),
        ..ReviewStatus::default()
    };
    Arc::new(Review::of(&status, &[""; 0]))
}

/// A token of a service account of `shop` whose signature nobody checks.
pub(crate) fn token(name: &str) -> String {
    let claims = serde_json::json!({
        "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": name, "uid": "u-1" } },
    });
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()))
}

/// A request for the role `orders` with these headers.
pub(crate) fn request(headers: &[(&str, &str)]) -> CheckRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let http = HttpRequest { path: "/orders".to_owned(), headers, ..HttpRequest::default() };
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request { http: Some(http), ..Request::default() }),
            context_extensions: HashMap::from([("role".to_owned(), "orders".to_owned())]),
            ..AttributeContext::default()
        }),
    }
}

/// A request that is allowed.
pub(crate) fn good_request() -> CheckRequest {
    request(&[("authorization", &format!("Bearer {}", token("orders")))])
}

/// `allow`, or `denied` or `error` with the status, and the reason.
pub(crate) fn told(response: &CheckResponse) -> String {
    let kind = match response.http_response.as_ref().expect("an answer") {
        HttpResponse::OkResponse(_) => "allow".to_owned(),
        HttpResponse::DeniedResponse(denied) => format!("denied {}", status(denied)),
        HttpResponse::ErrorResponse(denied) => format!("error {}", status(denied)),
    };
    let code = response.status.as_ref().expect("a status").code;
    assert_eq!(code == 0, kind == "allow", "{response:?}");
    format!("{kind} {}", metadata(response, "reason"))
}

fn status(denied: &DeniedHttpResponse) -> i32 {
    denied.status.as_ref().expect("a status").code
}

pub(crate) fn metadata<'a>(response: &'a CheckResponse, key: &str) -> &'a str {
    match &response.dynamic_metadata.as_ref().expect("metadata").fields[key].kind {
        Some(Kind::StringValue(text)) => text,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn ok(response: &CheckResponse) -> &OkHttpResponse {
    match &response.http_response {
        Some(HttpResponse::OkResponse(ok)) => ok,
        other => panic!("{other:?}"),
    }
}

/// A header that is set.
pub(crate) fn set_to<'a>(headers: &'a [HeaderValueOption], name: &str) -> Option<&'a str> {
    let mut headers = headers.iter().filter_map(|option| option.header.as_ref());
    headers.find(|header| header.key == name).map(|header| header.value.as_str())
}
