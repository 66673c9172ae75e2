//! What kubectl makes of `kind/` is what the tests here have applied.

use std::process::Command;

use serde_json::{Value, json};

use super::{
    compare::differences,
    kustomize::{build, kind, parse},
};

#[test]
fn kubectl_builds_the_same_objects() {
    for folder in ["", "gateway", "istio", "envoy-gateway", "examples", "test", "test/install"] {
        let output = match Command::new("kubectl").arg("kustomize").arg(kind().join(folder)).output() {
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
        let theirs = parse(std::str::from_utf8(&output.stdout).unwrap());
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
