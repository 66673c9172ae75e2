//! What kubectl makes of `kind/` is what the tests here have applied.

use std::process::Command;

use serde_json::{Value, json};

use super::{
    compare::differences,
    kustomize::{build, kind, parse},
};

#[test]
fn kubectl_builds_the_same_objects() {
    let work = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(kind()).arg(work.path()).status().unwrap();
    assert!(copied.success());
    // Those that are not there yet; `definitions` says which.
    let definitions = ["gatemounts", "gateroles", "gatepolicies"].map(|name| {
        let file = work.path().join(format!("kind/crds/{name}.yaml"));
        let there = file.exists();
        if !there {
            let text = format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: {name} }}\n"
            );
            std::fs::write(file, text).unwrap();
        }
        (name, there)
    });
    for folder in ["", "gateway", "istio", "envoy-gateway", "examples", "test"] {
        let output = match Command::new("kubectl")
            .arg("kustomize")
            .arg(work.path().join("kind").join(folder))
            .output()
        {
            Ok(output) => output,
            Err(error) => return eprintln!("NOT CHECKED: kubectl cannot be started ({error})"),
        };
        let told = String::from_utf8_lossy(&output.stderr);
        if told.contains("unknown field \"components\"") || told.contains("unknown command") {
            return eprintln!(
                "NOT CHECKED: this kubectl is older than 1.21, which docs/kubernetes.md asks for"
            );
        }
        assert!(output.status.success(), "{folder}: {told}");
        let mut theirs = parse(std::str::from_utf8(&output.stdout).unwrap());
        theirs.retain(|object| {
            !definitions.iter().any(|(name, there)| !there && object["metadata"]["name"] == *name)
        });
        let (ours, theirs) = (json!(sorted(build(folder))), json!(sorted(theirs)));
        assert_eq!(
            differences(&ours, &theirs),
            Vec::<String>::new(),
            "{folder}: in kind/, and not from kubectl"
        );
        assert_eq!(
            differences(&theirs, &ours),
            Vec::<String>::new(),
            "{folder}: from kubectl, and not in kind/"
        );
    }
}

fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(|object| {
        let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        (of(&object["kind"]), of(&metadata["namespace"]), of(&metadata["name"]))
    });
    objects
}
