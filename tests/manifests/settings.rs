//! The configurations in the manifests, read by rolegate itself, and what must agree with them.

use rolegate::config::{Config, Environment, Store};
use serde_json::Value;

use super::{
    kustomize::{build, find},
    mounted::{certificates, files},
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
