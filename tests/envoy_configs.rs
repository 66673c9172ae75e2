//! The configurations of `envoy/`, in the real Envoy: valid, and no way around the gate or into the identity headers.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

pub mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use envoy_types::ext_authz::v3::{
    CheckResponseExt, OkHttpResponseBuilder,
    pb::{Authorization, AuthorizationServer, CheckRequest, CheckResponse, HeaderAppendAction},
};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use serde_json::Value;
use support::{
    certificates::Authority,
    envoy::{self, Envoy},
    http::Client,
    process::free_port,
    upstream::{Seen, Upstream},
};
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming};

const SPOOFED: [(&str, &str); 5] = [
    ("x-rolegate-role", "admin"),
    ("x-rolegate-role", "root"),
    ("X-Rolegate-Anything", "1"),
    ("x-rolegate-", "2"),
    ("x-other", "kept"),
];

#[test]
fn both_configurations_are_valid() {
    let certificates = Certificates::new();
    assert_eq!(Envoy::validate(include_str!("../envoy/demo.yaml")), Ok(()));
    assert_eq!(Envoy::validate(&certificates.production(nowhere(), nowhere())), Ok(()));
}

/// Otherwise an API server that hangs keeps callers out whose reviews are remembered.
#[test]
fn more_checks_may_be_under_way_than_rolegate_lets_wait_for_an_api_server() {
    let review = rolegate::config::Review::default();
    let waiting = u64::from(review.max_in_flight.get()) + u64::from(review.max_waiting.get());
    for yaml in [
        include_str!("../envoy/demo.yaml"),
        include_str!("../envoy/production.yaml"),
        include_str!("../kind/gateway/envoy.yaml"),
    ] {
        let config: Value = serde_saphyr::from_str(yaml).unwrap();
        let clusters = config["static_resources"]["clusters"].as_array().unwrap();
        let gate = clusters.iter().find(|cluster| cluster["name"] == "rolegate").unwrap();
        let breaker = &gate["circuit_breakers"]["thresholds"][0];
        for limit in ["max_requests", "max_pending_requests"] {
            assert!(breaker[limit].as_u64().unwrap() > waiting, "{limit}: {breaker}");
        }
    }
}

#[tokio::test]
async fn the_demo_lets_no_identity_header_of_a_client_through() {
    let upstream = Upstream::start().await;
    let envoy = Envoy::start(&envoy::demo(nowhere(), Some(upstream.address))).await;
    let front = envoy.listener("front");
    for client in [Client::http1(front), Client::http2(front)] {
        assert_stripped(&client, &upstream).await;
    }
}

#[tokio::test]
async fn production_lets_no_identity_header_of_a_client_through() {
    let (certificates, upstream) = (Certificates::new(), Upstream::start().await);
    let envoy = Envoy::start(&certificates.production(nowhere(), upstream.address)).await;
    for client in certificates.clients(envoy.listener("front")) {
        assert_stripped(&client, &upstream).await;
    }
}

#[tokio::test]
async fn production_lets_no_identity_trailer_through_to_an_upstream_that_takes_trailers() {
    let (certificates, upstream) = (Certificates::new(), Upstream::start().await);
    let mut yaml = certificates.production(nowhere(), upstream.address);
    let http2 = r#"- name: upstream
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    type:"#;
    envoy::replace(&mut yaml, "- name: upstream\n    type:", http2, 1);
    let envoy = Envoy::start(&yaml).await;
    let [_, client] = certificates.clients(envoy.listener("front"));

    let trailers = SPOOFED.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let trailers: HeaderMap = trailers.into_iter().collect();
    let body = Full::new(Bytes::from_static(b"body")).with_trailers(std::future::ready(Some(Ok(trailers))));
    let answer = client.send(Request::post("/public").body(body).unwrap()).await.unwrap();

    assert_eq!(Seen::of(&answer).trailers, [("x-other".to_owned(), "kept".to_owned())]);
}

#[tokio::test]
async fn the_demo_asks_for_the_role_of_each_route_and_its_upstream_shows_the_answer() {
    let gate = Gate::plain().await;
    let envoy = Envoy::start(&envoy::demo(gate.address, None)).await;
    let client = Client::http1(envoy.listener("front"));
    for (path, role) in [("/orders", "orders"), ("/reports/1", "orders,billing"), ("/unconfigured", "")] {
        let shown: Value = client.get(path, &SPOOFED).await.json();
        assert_eq!(shown["path"], path);
        assert_eq!(shown["x-rolegate-role"], role);
    }
    let shown: Value = client.get("/public", &SPOOFED).await.json();
    assert_eq!(shown["x-rolegate-role"], Value::Null);
    assert_eq!(gate.asked(), ["kubernetes orders", "kubernetes orders,billing", " "]);
}

#[tokio::test]
async fn production_asks_over_mutual_tls_and_every_spelling_of_a_path_takes_its_own_route() {
    let (certificates, upstream) = (Certificates::new(), Upstream::start().await);
    let gate = Gate::tls(&certificates).await;
    let envoy = Envoy::start(&certificates.production(gate.address, upstream.address)).await;
    for client in certificates.clients(envoy.listener("front")) {
        for path in ["/orders", "/public/../orders", "/public/%2e%2e//orders", "//orders"] {
            let seen = Seen::of(&client.get(path, &SPOOFED).await);
            assert_eq!((seen.path.as_str(), seen.values("x-rolegate-role")), ("/orders", vec!["orders"]));
        }
        Seen::of(&client.get("/public-not", &[]).await);
        assert_eq!(gate.asked(), [["kubernetes orders"; 4].as_slice(), &[" "]].concat());

        let arrived = upstream.requests();
        for path in ["/public/..%2forders", "/public/..%5Corders"] {
            assert_eq!(client.get(path, &[]).await.status, 400, "{path}");
        }
        assert_eq!(client.clone().host("localhost").get("/public", &[]).await.status, 404);
        assert_eq!(upstream.requests(), arrived);
    }
}

#[tokio::test]
async fn a_check_that_dies_with_its_replica_is_asked_again() {
    let (certificates, upstream) = (Certificates::new(), Upstream::start().await);
    let gate = Gate::tls(&certificates).await;
    let envoy = Envoy::start(&certificates.production(gate.address, upstream.address)).await;
    for client in certificates.clients(envoy.listener("front")) {
        gate.dies_under_the_next_check();
        assert_eq!(Seen::of(&client.get("/orders", &[]).await).values("x-rolegate-role"), ["orders"]);
        assert_eq!(gate.asked(), ["", "kubernetes orders"]);
    }
}

#[tokio::test]
async fn without_the_gate_the_guarded_routes_answer_503_and_nothing_arrives() {
    let (certificates, upstream) = (Certificates::new(), Upstream::start().await);
    let demo = Envoy::start(&envoy::demo(nowhere(), Some(upstream.address))).await;
    let production = Envoy::start(&certificates.production(nowhere(), upstream.address)).await;
    let [client, _] = certificates.clients(production.listener("front"));
    for client in [Client::http1(demo.listener("front")), client] {
        for path in ["/orders", "/reports", "/unconfigured"] {
            assert_eq!(client.get(path, &[]).await.status, 503, "{path}");
        }
    }
    assert_eq!(upstream.requests(), 0);
}

/// Names with underscores are refused; all others of the prefix are gone.
async fn assert_stripped(client: &Client, upstream: &Upstream) {
    let seen = Seen::of(&client.get("/public", &SPOOFED).await);
    assert_eq!(seen.values("x-other"), ["kept"]);
    let ours: Vec<_> = seen.headers.iter().filter(|(name, _)| name.starts_with("x-rolegate")).collect();
    assert!(ours.is_empty(), "{ours:?}");

    let arrived = upstream.requests();
    for name in ["X_Rolegate_Role", "x-rolegate_role"] {
        let request = Request::get("/public").header(name, "admin").body(Full::<Bytes>::default()).unwrap();
        // HTTP/1.1: an answer; HTTP/2: the stream is reset.
        if let Ok(answer) = client.send(request).await {
            assert_eq!(answer.status, 400, "{name}");
        }
    }
    assert_eq!(upstream.requests(), arrived);
}

/// An address where nothing listens.
fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// The certificates that production.yaml names, in a folder of the test.
struct Certificates {
    authority: Authority,
    folder: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        authority.server(&["shop.example.com", "localhost"]).write_to(&folder.path().join("front"));
        authority.client(&["envoy"]).write_to(&folder.path().join("gate"));
        std::fs::write(folder.path().join("gate/ca.crt"), &authority.pem).unwrap();
        Self { authority, folder }
    }

    fn production(&self, gate: SocketAddr, upstream: SocketAddr) -> String {
        envoy::production(self.folder.path(), gate, upstream)
    }

    fn clients(&self, front: SocketAddr) -> [Client; 2] {
        [Client::http1(front), Client::http2(front)]
            .map(|client| client.host("shop.example.com").tls(self.authority.client_config(None)))
    }
}

/// A stand-in for rolegate that allows all and says which role the route named.
struct Gate {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    dies: Arc<AtomicBool>,
    _server: AbortOnDropHandle<()>,
}

impl Gate {
    async fn plain() -> Self {
        Self::serve(Server::builder()).await
    }

    async fn tls(certificates: &Certificates) -> Self {
        let own = certificates.authority.server(&["rolegate.rolegate.svc.cluster.local"]);
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(own.certificate, own.key))
            .client_ca_root(Certificate::from_pem(&certificates.authority.pem));
        Self::serve(Server::builder().tls_config(tls).unwrap()).await
    }

    async fn serve(mut server: Server) -> Self {
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = incoming.local_addr().unwrap();
        let (asked, dies) = (Arc::default(), Arc::default());
        let (_, health) = tonic_health::server::health_reporter();
        let check = AuthorizationServer::new(Asked(Arc::clone(&asked), Arc::clone(&dies)));
        let serving = server.add_service(health).add_service(check).serve_with_incoming(incoming);
        let task = tokio::spawn(async { serving.await.expect("the gate serves") });
        Self { address, asked, dies, _server: AbortOnDropHandle::new(task) }
    }

    /// The next check gets no answer: its stream is reset.
    fn dies_under_the_next_check(&self) {
        self.dies.store(true, Ordering::SeqCst);
    }

    /// `MOUNT ROLE` of each request since the last call; empty of one that it died under.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

struct Asked(Arc<Mutex<Vec<String>>>, Arc<AtomicBool>);

#[tonic::async_trait]
impl Authorization for Asked {
    async fn check(
        &self,
        request: tonic::Request<CheckRequest>,
    ) -> tonic::Result<tonic::Response<CheckResponse>> {
        let dies = self.1.swap(false, Ordering::SeqCst);
        if dies {
            self.0.lock().unwrap().push(String::new());
        }
        assert!(!dies, "this replica dies under a check, as it shall");
        let said = request.into_inner().attributes.unwrap().context_extensions;
        let [mount, role] = ["mount", "role"].map(|key| said.get(key).cloned().unwrap_or_default());
        self.0.lock().unwrap().push(format!("{mount} {role}"));
        let mut ok = OkHttpResponseBuilder::new();
        ok.add_header("x-rolegate-role", role, Some(HeaderAppendAction::OverwriteIfExistsOrAdd), false);
        let mut response = CheckResponse::with_status(tonic::Status::ok(""));
        response.set_http_response(ok);
        Ok(tonic::Response::new(response))
    }
}
