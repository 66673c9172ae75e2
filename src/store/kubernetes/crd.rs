//! The definitions of the custom resources, as `rolegate crd` prints them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt as _;

use super::resources::{GateMount, GatePolicy, GateRole};

/// The definitions of GateMount, GateRole and GatePolicy.
pub fn definitions() -> [CustomResourceDefinition; 3] {
    [GateMount::crd(), GateRole::crd(), GatePolicy::crd()].map(|mut definition| {
        for version in &mut definition.spec.versions {
            if let Some(schema) =
                version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut())
            {
                without_null(schema);
            }
        }
        definition
    })
}

/// Fields that may be left out need no null; of those that take it, older API servers tell `kubectl explain` nothing.
fn without_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(without_null);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        without_null(items);
    }
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
