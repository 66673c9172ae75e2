//! Base, gateway and examples at work: rolegate as its Deployment starts it, with the `kubernetes` store and the rights of
//! the manifests, the real Envoy with its ConfigMap, the certificates of the script, and the real API server.

use std::path::Path;

use k8s_openapi::api::{coordination::v1::Lease, core::v1::Secret};
use kube::{Api, api::ListParams};
use serde_json::{Value, json};

use super::{
    cluster::Cluster,
    gate::{Gate, trusting},
    kustomize::{build, find, parse},
    mounted::{certificates, files, text_of},
    support::{
        envoy::{Envoy, replace},
        eventually,
        http::Client,
        kube::KubeApiserver,
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
async fn the_deployment_serves_both_doors_with_its_own_files_and_rights() {
    let cluster = Cluster::shared().await;
    cluster.forget_cluster_role_bindings("rolegate:").await;
    let (objects, examples) = (installed(), at(cluster.api, build("examples")));
    cluster.must_hold(&objects).await;
    cluster.must_hold(&examples).await;
    let upstream = Upstream::start().await;
    let gate = Gate::start(cluster.api, &objects, &[]).await;
    gate.is_ready().await;
    let envoy_files = files(&objects, "gateway");
    let envoy = envoy(envoy_files.path(), gate.rolegate(), &upstream).await;
    let ca = text_of(find(&objects, "Secret", "gateway-tls"), "ca.crt");
    let client = Client::http1(envoy.listener("front")).host("shop.example.com").tls(trusting(&ca));

    requests_pass_with_the_role_of_their_route(cluster.api, &client, &upstream).await;
    client_tokens_are_issued_and_kept(&cluster, &gate, &client).await;
    objects_say_what_became_of_them(&cluster, &examples).await;
    kubernetes_users_administer(&cluster, &gate).await;
    assert_eq!(Client::http1(envoy.listener("health")).get("/ready", &[]).await.status, 200);
    let (_, readiness) = gate.readiness().await;
    let readiness: Value = serde_json::from_str(&readiness).unwrap();
    let troubles = readiness["troubles"].as_object().unwrap();
    // The gateway does not bring the component that lets deletions be heard, and rolegate says so.
    assert!(troubles.keys().all(|subject| subject.starts_with("revocation by ")), "{readiness}");
}

async fn requests_pass_with_the_role_of_their_route(
    api: &KubeApiserver,
    client: &Client,
    upstream: &Upstream,
) {
    let orders = format!("Bearer {}", api.token("shop", "orders", &[AUDIENCE], 600).await);
    let billing = format!("Bearer {}", api.token("shop", "billing", &[AUDIENCE], 600).await);
    let headers = [("authorization", orders.as_str()), ("x-rolegate-role", "admin")];
    let seen = Seen::of(&client.get("/orders/1", &headers).await);
    assert_eq!(seen.values("x-rolegate-role"), ["orders"]);
    assert_eq!(seen.values("x-rolegate-service-account"), ["orders"]);
    assert_eq!(seen.values("authorization"), Vec::<&str>::new());
    let seen = Seen::of(&client.get("/reports", &[("authorization", &billing)]).await);
    assert_eq!(seen.values("x-rolegate-role"), ["billing"], "by its namespace's label");
    assert_eq!(client.get("/orders/1", &[]).await.status, 401);
    assert_eq!(client.get("/orders/1", &[("authorization", &billing)]).await.status, 403);
    assert_eq!(client.get("/elsewhere", &headers).await.status, 403, "a route without a role");
    assert_eq!(upstream.requests(), 2);
}

/// A batch token by the role `orders`, and a service token by `billing`, which lies in a Secret.
async fn client_tokens_are_issued_and_kept(cluster: &Cluster, gate: &Gate, client: &Client) {
    let secrets: Api<Secret> = Api::namespaced(cluster.api.client(), "rolegate");
    let tokens = ListParams::default().labels("rolegate.dev/kind=token");
    let before = secrets.list(&tokens).await.unwrap().items.len();
    for (account, path, kept) in [("orders", "/orders/1", 0), ("billing", "/reports", 1)] {
        let jwt = cluster.api.token("shop", account, &[AUDIENCE], 600).await;
        let (status, said) = gate.login(account, &jwt).await;
        assert_eq!(status, 200, "{said}");
        let token = said["auth"]["client_token"].as_str().unwrap();
        let seen = Seen::of(&client.get(path, &[("x-vault-token", token)]).await);
        assert_eq!(seen.values("x-rolegate-service-account"), [account]);
        assert_eq!(secrets.list(&tokens).await.unwrap().items.len(), before + kept);
        let (status, said) = gate.ask(token, "GET", "auth/token/lookup-self", Value::Null).await;
        assert_eq!(
            (status, &said["data"]["display_name"]),
            (200, &json!(format!("kubernetes-shop-{account}")))
        );
    }
}

async fn objects_say_what_became_of_them(cluster: &Cluster, examples: &[Value]) {
    let lease: Api<Lease> = Api::namespaced(cluster.api.client(), "rolegate");
    let holder = eventually("the Lease is held", async || {
        lease.get_opt("rolegate").await.unwrap()?.spec?.holder_identity
    })
    .await;
    assert!(holder.starts_with("rolegate-0-"), "{holder}");
    for object in examples.iter().filter(|object| !is_of_kubernetes(object)) {
        eventually(format!("{} {} is Ready", object["kind"], object["metadata"]["name"]), async || {
            let found = cluster.found(object).await?;
            let conditions = found["status"]["conditions"].as_array()?.clone();
            let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready")?;
            let current = ready["observedGeneration"] == found["metadata"]["generation"];
            (current && ready["status"] == "True").then_some(())
        })
        .await;
    }
}

async fn kubernetes_users_administer(cluster: &Cluster, gate: &Gate) {
    let (api, namespace) = (cluster.api, cluster.api.namespace(&[]).await);
    let rule = |verbs: &str, name: &[&str]| json!([{ "apiGroups": ["rolegate.dev"], "resources": ["*"], "verbs": [verbs], "resourceNames": name }]);
    let mut tokens = Vec::new();
    for (account, rules) in [
        ("deployer", rule("*", &[])),
        ("stranger", json!([])),
        ("of-another", rule("get", &["kubernetes.orders"])),
        ("of-the-object", rule("get", &["orders"])),
    ] {
        api.service_account(&namespace, account).await;
        api.allow("rolegate", &namespace, account, rules).await;
        tokens.push(api.token(&namespace, account, &["rolegate"], 600).await);
    }
    let role = json!({ "bound_service_account_names": "orders", "bound_service_account_namespaces": "shop",
                       "audience": AUDIENCE });
    let path = "auth/kubernetes/role/written";
    let (status, said) = gate.ask(&tokens[1], "POST", path, role.clone()).await;
    assert_eq!(status, 403, "{said}");
    eventually("an administrator writes a role", async || {
        (gate.ask(&tokens[0], "POST", path, role.clone()).await.0 == 204).then_some(())
    })
    .await;
    let written = json!({ "apiVersion": "rolegate.dev/v1alpha1", "kind": "GateRole",
                          "metadata": { "name": "kubernetes.written", "namespace": "rolegate" } });
    let found = cluster.found(&written).await.unwrap();
    assert_eq!(found["spec"]["boundServiceAccountNames"], json!(["orders"]));
    assert_eq!(gate.ask(&tokens[0], "DELETE", path, Value::Null).await.0, 204);
    assert_eq!(cluster.found(&written).await, None);

    // The right is on the object by its own name, which GitOps has given.
    let orders = "auth/kubernetes/role/orders";
    eventually("a reader of one object reads it", async || {
        (gate.ask(&tokens[3], "GET", orders, Value::Null).await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(gate.ask(&tokens[3], "GET", "auth/kubernetes/role/billing", Value::Null).await.0, 403);
    assert_eq!(gate.ask(&tokens[2], "GET", orders, Value::Null).await.0, 403);
}

/// What docs/kubernetes.md installs, with certificates.
fn installed() -> Vec<Value> {
    let certificates = certificates(&["rolegate-gateway", "shop.example.com"]);
    [build("gateway"), build("components/namespace-selectors"), certificates].concat()
}

/// The objects with the API server's port at its own name.
fn at(api: &KubeApiserver, mut objects: Vec<Value>) -> Vec<Value> {
    for host in objects.iter_mut().filter_map(|object| object.pointer_mut("/spec/kubernetesHost")) {
        assert_eq!(host, "https://kubernetes.default.svc");
        *host = json!(format!("https://kubernetes.default.svc:{}", api.address().port()));
    }
    objects
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
