//! The configurations in the manifests, read by rolegate itself, and what must agree with them.

use rolegate::config::{Config, Environment, Store};
use serde_json::Value;

use super::{
    kustomize::{build, find},
    mounted::{certificates, files, text_of},
};

fn config(objects: &[Value]) -> Config {
    let folder = files(objects, "rolegate");
    let file = folder.path().join("rolegate.yaml");
    let loaded = Config::load(&file, Environment::new([])).unwrap_or_else(|error| panic!("{error}"));
    let tls = loaded.config.envoy.iter().filter_map(|door| door.tls.as_ref());
    for files in tls.chain(loaded.config.vault.iter().filter_map(|door| door.tls.as_ref())) {
        assert!(files.cert_file.exists() && files.key_file.exists(), "{files:?}");
        assert!(files.client_ca_file.as_ref().is_none_or(|file| file.exists()), "{files:?}");
    }
    loaded.config
}

#[test]
fn the_base_serves_both_doors_with_tls_and_asks_for_certificates_at_envoys() {
    let config = config(&[build("base"), certificates(&[])].concat());

    assert!(config.envoy.unwrap().tls.unwrap().client_ca_file.is_some());
    assert!(config.vault.unwrap().tls.unwrap().client_ca_file.is_none());
    assert_eq!(config.store, Store::Kubernetes { namespace: "rolegate".to_owned() });
}

#[test]
fn the_mesh_names_its_routes_and_needs_no_certificates() {
    let config = config(&build("istio"));

    assert_eq!(config.envoy.unwrap().routes.len(), 2);
}

#[test]
fn a_pod_has_the_time_that_its_configuration_takes_to_stop() {
    for overlay in ["base", "istio"] {
        let objects = [build(overlay), certificates(&[])].concat();
        let shutdown = config(&objects).shutdown;
        let pod = &find(&objects, "Deployment", "rolegate")["spec"]["template"]["spec"];
        let given = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        assert!(given > (shutdown.lame_duck + shutdown.grace).as_secs(), "{overlay}: {given} s");
    }
}

#[test]
fn a_replica_is_known_to_envoys_before_another_goes() {
    // What CoreDNS remembers an answer for in kubeadm's clusters, and what Envoy waits before it asks again.
    let (remembered, asked_again) = (30, 5);
    for overlay in ["base", "gateway", "istio", "envoy-gateway"] {
        let deployment = find(&build(overlay), "Deployment", "rolegate")["spec"].clone();
        let waits = deployment["minReadySeconds"].as_u64().unwrap();
        assert!(waits > remembered + asked_again, "{overlay}: {waits} s");
        assert_eq!(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0, "{overlay}");
    }
}

#[test]
fn certificates_are_renewed_by_a_ca_that_is_kept_and_its_key_is_in_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca");
    let run = || certificates(&["--ca", ca.to_str().unwrap(), "rolegate-gateway", "shop.example.com"]);
    let (first, second) = (run(), run());
    let of = |objects: &[Value], name: &str, key: &str| text_of(find(objects, "Secret", name), key);
    let kept = std::fs::read_to_string(ca.join("ca.crt")).unwrap();
    for name in ["rolegate-tls", "rolegate-client", "gateway-tls"] {
        assert_eq!([of(&first, name, "ca.crt"), of(&second, name, "ca.crt")], [kept.clone(), kept.clone()]);
        assert_ne!(of(&first, name, "tls.key"), of(&second, name, "tls.key"), "{name} is the same");
    }
    let renewed = folder.path().join("renewed.crt");
    std::fs::write(&renewed, of(&second, "rolegate-client", "tls.crt")).unwrap();
    let verified = std::process::Command::new("openssl")
        .args(["verify", "-purpose", "sslclient", "-CAfile"])
        .args([ca.join("ca.crt"), renewed])
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let key = std::fs::read_to_string(ca.join("ca.key")).unwrap();
    let keys: Vec<String> =
        ["rolegate-tls", "rolegate-client", "gateway-tls"].map(|name| of(&second, name, "tls.key")).into();
    assert!(!keys.contains(&key));
    assert_ne!(
        of(&certificates(&[]), "rolegate-tls", "ca.crt"),
        of(&certificates(&[]), "rolegate-tls", "ca.crt")
    );
}

#[test]
fn images_are_of_the_versions_that_the_tests_run() {
    let script = include_str!("../../scripts/get-envoy.sh");
    let envoy = script.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
    let known = [
        format!("envoyproxy/envoy:v{envoy}"),
        concat!("rolegate:", env!("CARGO_PKG_VERSION")).to_owned(),
        // What the integration test's pod asks with.
        "curlimages/curl:8.16.0".to_owned(),
    ];
    let mut found = Vec::new();
    for folder in ["", "gateway", "istio", "envoy-gateway", "examples", "test"] {
        for object in build(folder) {
            let containers = object["spec"]["template"]["spec"]["containers"].as_array().cloned();
            for container in containers.unwrap_or_default() {
                let image = container["image"].as_str().unwrap().to_owned();
                assert!(known.contains(&image), "{folder}: {image} is none of {known:?}");
                found.push(image);
            }
        }
    }
    assert!(known.iter().all(|image| found.contains(image)), "{found:?}");
    assert!(include_str!("../../scripts/kind.sh").contains(&format!("image={}\n", known[1])));
}

#[test]
fn arguments_that_would_be_passed_over_make_no_certificates() {
    let script = super::kustomize::kind().join("certificates.sh");
    for arguments in [&["rolegate-gateway", "shop.example.com", "--ca", "folder"][..], &["--help"]] {
        let output = std::process::Command::new(&script).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{told}");
        assert!(told.contains("[--ca FOLDER] [NAMESPACE [HOST]]"), "{told}");
    }
}
