//! The definitions of the custom resources, as `rolegate crd` prints them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

use super::resources::{GateMount, GatePolicy, GateRole};

/// The definitions of GateMount, GateRole and GatePolicy.
pub fn definitions() -> [CustomResourceDefinition; 3] {
    [GateMount::crd(), GateRole::crd(), GatePolicy::crd()]
}

/// A definition cannot be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("a definition cannot be written as YAML")]
pub struct NotYaml(#[from] serde_saphyr::ser::Error);

/// One definition as a YAML document.
///
/// # Errors
/// Where YAML cannot hold it.
pub fn document(definition: &CustomResourceDefinition) -> Result<String, NotYaml> {
    Ok(format!("---\n{}", serde_saphyr::to_string(definition)?))
}

/// All definitions, one YAML document each.
///
/// # Errors
/// Where YAML cannot hold one.
pub fn documents() -> Result<String, NotYaml> {
    definitions().iter().map(document).collect()
}
