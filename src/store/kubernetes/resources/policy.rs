//! `GatePolicy`: an ACL policy of the Vault door.
#![expect(clippy::duplicated_attributes, reason = "columns of one type are no duplicates")]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The policy's text, and its name where that is not the object's.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "rolegate.dev",
    version = "v1alpha1",
    kind = "GatePolicy",
    plural = "gatepolicies",
    shortname = "gpol",
    category = "rolegate",
    namespaced,
    status = "super::Status",
    derive = "PartialEq",
    doc = "An ACL policy of the Vault door: what holders of client tokens with this policy may do there.",
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.policyName"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].reason",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct PolicySpec {
    /// The policy's name, compared in lower case. Left out: the object's name. `root` and `response-wrapping` are
    /// not to be written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub policy_name: String,
    /// The policy as Vault takes it: HCL, or JSON where its first character is `{`.
    #[schemars(length(min = 1, max = 1_048_576))]
    pub rules: String,
}
