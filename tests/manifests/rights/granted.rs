//! Each single right that manifests grant to rolegate's service account.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use crate::kustomize::find;

/// One verb at one resource, or at one object of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Right {
    /// In all namespaces, and for what has none; else in rolegate's own namespace.
    pub(super) everywhere: bool,
    group: String,
    resource: String,
    verb: String,
    name: Option<String>,
}

impl Right {
    /// A rule that grants it alone.
    pub(super) fn rule(&self) -> Value {
        let mut rule =
            json!({ "apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb] });
        if let Some(name) = &self.name {
            rule["resourceNames"] = json!([name]);
        }
        rule
    }

    /// What a SubjectAccessReview asks for it in this namespace.
    pub(super) fn attributes(&self, namespace: &str) -> Value {
        let (resource, subresource) = self.resource.split_once('/').unwrap_or((&self.resource, ""));
        let mut attributes = json!({ "verb": self.verb, "group": self.group, "resource": resource,
                                     "subresource": subresource, "name": self.name });
        if !self.everywhere {
            attributes["namespace"] = json!(namespace);
        }
        attributes
    }
}

impl Display for Right {
    /// `update leases.coordination.k8s.io/rolegate`, with `everywhere` after it where it is so.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(formatter, ".{}", self.group)?;
        }
        if let Some(name) = &self.name {
            write!(formatter, "/{name}")?;
        }
        if self.everywhere { formatter.write_str(" everywhere") } else { Ok(()) }
    }
}

/// The rights that these objects' bindings grant; a role that is not among the objects is one of `others`.
pub(super) fn granted(objects: &[Value], others: &[Value]) -> Vec<Right> {
    let mut all = Vec::new();
    for binding in objects.iter().filter(|object| grants(object)) {
        let (kind, name) = (&binding["roleRef"]["kind"], binding["roleRef"]["name"].as_str().unwrap());
        let is_here =
            objects.iter().any(|object| object["kind"] == *kind && object["metadata"]["name"] == name);
        let role = find(if is_here { objects } else { others }, kind.as_str().unwrap(), name);
        let everywhere = binding["kind"] == "ClusterRoleBinding";
        assert!(everywhere || binding["metadata"]["namespace"] == "rolegate", "{binding}");
        for rule in role["rules"].as_array().unwrap() {
            all.extend(split(rule, everywhere));
        }
    }
    all
}

fn grants(object: &Value) -> bool {
    let is_binding = matches!(object["kind"].as_str(), Some("RoleBinding" | "ClusterRoleBinding"));
    let subject = json!([{ "kind": "ServiceAccount", "name": "rolegate", "namespace": "rolegate" }]);
    is_binding && object["subjects"] == subject
}

fn split(rule: &Value, everywhere: bool) -> Vec<Right> {
    assert_eq!(rule["nonResourceURLs"], Value::Null, "{rule}");
    let texts = |key: &str| -> Vec<String> {
        let items = rule[key].as_array().into_iter().flatten();
        items.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let names = texts("resourceNames");
    let names = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
    let mut all = Vec::new();
    for group in texts("apiGroups") {
        for resource in texts("resources") {
            for verb in texts("verbs") {
                assert!([&group, &resource, &verb].iter().all(|part| *part != "*"), "{rule}");
                all.extend(names.iter().map(|name| Right {
                    everywhere,
                    group: group.clone(),
                    resource: resource.clone(),
                    verb: verb.clone(),
                    name: name.clone(),
                }));
            }
        }
    }
    all
}
