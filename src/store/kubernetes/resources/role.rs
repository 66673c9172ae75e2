//! `GateRole`: which service accounts may act, and what their login issues.
#![expect(clippy::duplicated_attributes, reason = "columns of one type are no duplicates")]

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::pattern;
use super::{Reference, Selector};

/// Vault's role in Kubernetes' spelling.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "rolegate.dev",
    version = "v1alpha1",
    kind = "GateRole",
    plural = "gateroles",
    shortname = "grole",
    category = "rolegate",
    namespaced,
    status = "super::Status",
    derive = "PartialEq",
    doc = "A role: which service accounts of a mount's cluster may act in it, and what their login issues.",
    printcolumn(name = "Mount", type_ = "string", json_path = ".spec.mountRef.name"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.roleName"),
    printcolumn(name = "Names", type_ = "string", json_path = ".spec.boundServiceAccountNames"),
    printcolumn(name = "Namespaces", type_ = "string", json_path = ".spec.boundServiceAccountNamespaces"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct RoleSpec {
    /// The GateMount that the role belongs to, by the object's name.
    pub mount_ref: Reference,
    /// The role's name, compared in lower case. Left out: the object's name. Of two objects that claim one name in one mount, the older
    /// holds it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512), regex(pattern = pattern::ROLE))]
    pub role_name: String,
    /// Globs on the service account's name; `*` alone admits every name.
    #[schemars(length(min = 1))]
    pub bound_service_account_names: Vec<String>,
    /// Globs on the namespace; `*` alone admits every namespace. This or the selector must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bound_service_account_namespaces: Vec<String>,
    /// Admits namespaces by their labels, where no glob does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_service_account_namespace_selector: Option<Selector>,
    /// The audience that the token must have. Left out: any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub audience: String,
    /// Whence the name of the alias comes.
    #[serde(default = "uid")]
    #[schemars(extend("enum" = ["serviceaccount_uid", "serviceaccount_name"]))]
    pub alias_name_source: String,
    /// Metadata for the alias.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alias_metadata: BTreeMap<String, String>,
    /// The policies of the token that a login issues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_policies: Vec<String>,
    /// How long the token lasts, a Go duration such as `1h`. Left out: as the mount says.
    #[serde(default, rename = "tokenTTL", skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64), regex(pattern = pattern::DURATION))]
    pub token_ttl: String,
    /// How long renewals can make it last, a Go duration. Left out: as the mount says.
    #[serde(default, rename = "tokenMaxTTL", skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64), regex(pattern = pattern::DURATION))]
    pub token_max_ttl: String,
    /// When it ends whatever its period, a Go duration after the login. Left out: never.
    #[serde(default, rename = "tokenExplicitMaxTTL", skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64), regex(pattern = pattern::DURATION))]
    pub token_explicit_max_ttl: String,
    /// The lease of a periodic token, which each renewal gives anew, a Go duration. Left out: not periodic.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64), regex(pattern = pattern::DURATION))]
    pub token_period: String,
    /// How often the token can be used. 0 or left out: without limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub token_num_uses: i64,
    /// Whether the policy `default` is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub token_no_default_policy: bool,
    /// `service`: kept, renewable, revocable. `batch`: sealed, not kept. `default`: as the mount says.
    #[serde(default = "default_type")]
    #[schemars(extend("enum" = ["default", "service", "batch"]))]
    pub token_type: String,
    /// Addresses and networks that the peer must be in. Left out: anywhere.
    #[serde(default, rename = "tokenBoundCIDRs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(max = 4096), regex(pattern = pattern::CIDR)))]
    pub token_bound_cidrs: Vec<String>,
}

impl Default for RoleSpec {
    fn default() -> Self {
        Self {
            mount_ref: Reference::default(),
            role_name: String::new(),
            bound_service_account_names: Vec::new(),
            bound_service_account_namespaces: Vec::new(),
            bound_service_account_namespace_selector: None,
            audience: String::new(),
            alias_name_source: uid(),
            alias_metadata: BTreeMap::new(),
            token_policies: Vec::new(),
            token_ttl: String::new(),
            token_max_ttl: String::new(),
            token_explicit_max_ttl: String::new(),
            token_period: String::new(),
            token_num_uses: 0,
            token_no_default_policy: false,
            token_type: default_type(),
            token_bound_cidrs: Vec::new(),
        }
    }
}

fn uid() -> String {
    "serviceaccount_uid".to_owned()
}

fn default_type() -> String {
    "default".to_owned()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}
