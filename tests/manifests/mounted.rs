//! A pod's files as the kubelet lays them out, from the Deployment's own volumes.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tempfile::TempDir;

use super::kustomize::{find, parse};

/// What `kind/certificates.sh` prints with these arguments.
pub(crate) fn certificates(arguments: &[&str]) -> Vec<Value> {
    let script = super::kustomize::kind().join("certificates.sh");
    let output = std::process::Command::new(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    parse(std::str::from_utf8(&output.stdout).unwrap())
}

/// A folder with the files of the one projected volume of this Deployment.
pub(crate) fn files(objects: &[Value], deployment: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(objects, deployment, folder.path());
    folder
}

/// Lays the same files out under this root, where the container mounts them.
pub(crate) fn lay(objects: &[Value], deployment: &str, root: &Path) {
    let mounts = &pod(objects, deployment)["containers"][0]["volumeMounts"];
    assert_eq!(mounts.as_array().unwrap().len(), 1, "{mounts}");
    write(objects, deployment, &root.join(mounts[0]["mountPath"].as_str().unwrap().trim_start_matches('/')));
}

fn write(objects: &[Value], deployment: &str, folder: &Path) {
    let volumes = &pod(objects, deployment)["volumes"];
    assert_eq!(volumes.as_array().unwrap().len(), 1, "{volumes}");
    for source in volumes[0]["projected"]["sources"].as_array().unwrap() {
        let (kind, wanted) = match (&source["configMap"], &source["secret"]) {
            (Value::Null, secret) => ("Secret", secret),
            (config_map, _) => ("ConfigMap", config_map),
        };
        let object = find(objects, kind, wanted["name"].as_str().unwrap());
        for item in wanted["items"].as_array().unwrap() {
            let path = folder.join(item["path"].as_str().unwrap());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text_of(object, item["key"].as_str().unwrap())).unwrap();
        }
    }
}

fn pod<'a>(objects: &'a [Value], deployment: &str) -> &'a Value {
    &find(objects, "Deployment", deployment)["spec"]["template"]["spec"]
}

/// What a Secret or ConfigMap holds under this key.
pub(crate) fn text_of(object: &Value, key: &str) -> String {
    let text = object["data"][key].as_str().unwrap_or_else(|| panic!("no `{key}` in {}", object["metadata"]));
    match object["kind"].as_str() {
        Some("Secret") => String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap(),
        _ => text.to_owned(),
    }
}
