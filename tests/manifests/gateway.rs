//! The gateway's overlay at work: the real Envoy with its ConfigMap, rolegate with its own, the certificates of the
//! script, and reviews by the API server with the rights of the manifests.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Value, json};

use super::{
    cluster::Cluster,
    kustomize::{build, find, parse},
    mounted::{arguments, certificates, files, text_of},
    support::{
        envoy::{Envoy, replace},
        http::Client,
        rolegate::Rolegate,
        upstream::{Seen, Upstream},
    },
};

const AUDIENCE: &str = "https://shop.example.com";

#[test]
fn the_gateways_envoy_is_configured_as_in_production() {
    let mut ours = envoy_of(&build("gateway"));
    let production = parse(include_str!("../../envoy/production.yaml")).remove(0);
    let listeners = ours["static_resources"]["listeners"].as_array_mut().unwrap();
    let health = listeners.pop().unwrap();

    assert_eq!(ours, production);
    assert_eq!(health["name"], "health");
}

#[test]
fn the_shops_envoy_is_valid() {
    let map = find(&build("examples"), "ConfigMap", "orders").clone();
    assert_eq!(Envoy::validate(map["data"]["envoy.yaml"].as_str().unwrap()), Ok(()));
}

#[tokio::test]
async fn a_request_passes_the_gateway_with_the_role_of_its_route_and_no_other_does() {
    let cluster = Cluster::shared().await;
    let mut objects = build("gateway");
    cluster.must_hold(&objects).await;
    let shop: Vec<Value> = build("examples").into_iter().filter(is_of_kubernetes).collect();
    cluster.must_hold(&shop).await;
    objects.extend(certificates(&["rolegate-gateway", "shop.example.com"]));
    let upstream = Upstream::start().await;
    let (gate_files, envoy_files) = (files(&objects, "rolegate"), files(&objects, "gateway"));
    let rolegate = rolegate(&cluster, &objects, gate_files.path()).await;
    let envoy = envoy(envoy_files.path(), &rolegate, &upstream).await;
    let ca = text_of(find(&objects, "Secret", "gateway-tls"), "ca.crt");
    let client = Client::http1(envoy.listener("front")).host("shop.example.com").tls(trusting(&ca));

    let orders = cluster.api.token("shop", "orders", &[AUDIENCE], 600).await;
    let orders = format!("Bearer {orders}");
    let billing = format!("Bearer {}", cluster.api.token("shop", "billing", &[AUDIENCE], 600).await);
    let headers = [("authorization", orders.as_str()), ("x-rolegate-role", "admin")];
    let seen = Seen::of(&client.get("/orders/1", &headers).await);
    assert_eq!(seen.values("x-rolegate-role"), ["orders"]);
    assert_eq!(seen.values("x-rolegate-service-account"), ["orders"]);
    assert_eq!(seen.values("authorization"), Vec::<&str>::new());
    assert_eq!(client.get("/orders/1", &[]).await.status, 401);
    assert_eq!(client.get("/orders/1", &[("authorization", &billing)]).await.status, 403);
    assert_eq!(client.get("/elsewhere", &headers).await.status, 403, "a route without a role");
    assert_eq!(upstream.requests(), 1);

    assert_eq!(Client::http1(envoy.listener("health")).get("/ready", &[]).await.status, 200);
    let vault = Client::http1(rolegate.vault()).host("rolegate-vault.rolegate.svc").tls(trusting(&ca));
    assert_eq!(vault.get("/v1/sys/health", &[]).await.status, 200);
}

/// rolegate as the Deployment starts it; its store is a file with the roles of the examples, since what is tested here is
/// the way of a request.
async fn rolegate(cluster: &Cluster, objects: &[Value], folder: &Path) -> Rolegate {
    let path = folder.join("rolegate.yaml");
    let mut config = std::fs::read_to_string(&path).unwrap();
    replace(&mut config, "{ type: kubernetes, namespace: rolegate }", "{ type: file, path: roles.yaml }", 1);
    for port in ["9191", "8200", "9192"] {
        replace(&mut config, &format!("0.0.0.0:{port}"), "127.0.0.1:0", 1);
    }
    std::fs::write(&path, config).unwrap();
    let api = cluster.api;
    let roles = json!({ "mounts": { "kubernetes": {
        "config": {
            "kubernetes_host": api.url(),
            "kubernetes_ca_cert": api.ca_pem(),
            "token_reviewer_jwt": api.token("rolegate", "rolegate", &[], 600).await,
        },
        "roles": { "orders": {
            "bound_service_account_names": ["orders"],
            "bound_service_account_namespaces": ["shop"],
            "audience": AUDIENCE,
        } },
    } } });
    std::fs::write(folder.join("roles.yaml"), roles.to_string()).unwrap();
    let arguments = arguments(objects, "rolegate", folder);
    Rolegate::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Envoy with the gateway's files, on free ports, and with the test's rolegate and upstream instead of their names.
async fn envoy(folder: &Path, rolegate: &Rolegate, upstream: &Upstream) -> Envoy {
    let mut yaml = std::fs::read_to_string(folder.join("envoy.yaml")).unwrap();
    replace(&mut yaml, "/etc/envoy/", &format!("{}/", folder.display()), 5);
    let socket = |address: &str, port: u16| format!("{{ address: {address}, port_value: {port} }}");
    for (from, port, to) in [
        ("0.0.0.0", 8443, 0),
        ("0.0.0.0", 8002, 0),
        ("rolegate.rolegate.svc.cluster.local", 9191, rolegate.envoy().port()),
        ("orders.shop.svc.cluster.local", 8080, upstream.address.port()),
    ] {
        replace(&mut yaml, &socket(from, port), &socket("127.0.0.1", to), 1);
    }
    Envoy::start(&yaml).await
}

fn envoy_of(objects: &[Value]) -> Value {
    let map = find(objects, "ConfigMap", "envoy");
    parse(map["data"]["envoy.yaml"].as_str().unwrap()).remove(0)
}

fn is_of_kubernetes(object: &Value) -> bool {
    !object["apiVersion"].as_str().unwrap().starts_with("rolegate.dev/")
}

fn trusting(ca: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    config.with_root_certificates(roots).with_no_client_auth()
}
