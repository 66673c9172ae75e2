//! `GateMount`: one Kubernetes cluster under one path, as a mount of Vault's Kubernetes backend.
#![expect(clippy::duplicated_attributes, reason = "columns of one type are no duplicates")]

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::pattern;

/// The mount's path, how its API server is asked, and what is tuned.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "rolegate.dev",
    version = "v1alpha1",
    kind = "GateMount",
    plural = "gatemounts",
    shortname = "gmnt",
    category = "rolegate",
    namespaced,
    status = "super::Status",
    derive = "PartialEq",
    doc = "One Kubernetes cluster whose service accounts log in, under one path: a mount of Vault's Kubernetes auth backend.",
    printcolumn(name = "Path", type_ = "string", json_path = ".spec.path"),
    printcolumn(name = "Host", type_ = "string", json_path = ".spec.kubernetesHost"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct MountSpec {
    /// The path below `auth/`, such as `kubernetes` or `clusters/eu1`. Left out: the object's name. Of two objects
    /// that claim one path, or one path inside the other, the older holds it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256), regex(pattern = pattern::PATH))]
    pub path: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The URL of the cluster's API server, which reviews the tokens. Left out: the mount is there, but not
    /// configured, and admits nobody.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 2048))]
    pub kubernetes_host: String,
    /// PEM certificates that the API server's certificate is checked against. Left out: the pod's own, unless
    /// `disableLocalCAJWT` is set, else the system's.
    #[serde(rename = "kubernetesCACert", skip_serializing_if = "String::is_empty")]
    pub kubernetes_ca_cert: String,
    /// The Secret of the same namespace whose key `token` holds the bearer for reviews. It must have the label
    /// `rolegate.dev/reviewer: "true"`. Left out: the pod's own token for its own cluster, unless `disableLocalCAJWT` is set, else the
    /// token that logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_reviewer_ref: Option<Reference>,
    /// PEM public keys or certificates. Where any is given, one of them must have signed the token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pem_keys: Vec<String>,
    /// What `iss` must be, where `disableIssValidation` is false.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Whether `iss` is left to the API server.
    pub disable_iss_validation: bool,
    /// Whether the pod's own CA certificate and token are left unused.
    #[serde(rename = "disableLocalCAJWT", skip_serializing_if = "std::ops::Not::not")]
    pub disable_local_ca_jwt: bool,
    /// Whether annotations of the service account with the prefix `vault.hashicorp.com/alias-metadata-` become metadata of the alias at
    /// login.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub use_annotations_as_alias_metadata: bool,
    /// How long a login lasts where its role does not say: a Go duration such as `1h`. Left out: 768h.
    #[serde(rename = "defaultLeaseTTL", skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64), regex(pattern = pattern::DURATION))]
    pub default_lease_ttl: String,
    /// How long a login can last at most: a Go duration such as `24h`. Left out: 768h.
    #[serde(rename = "maxLeaseTTL", skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64), regex(pattern = pattern::DURATION))]
    pub max_lease_ttl: String,
    /// What a login issues: `default-service` and `default-batch` unless the role says otherwise, `service` and
    /// `batch` whatever it says.
    #[schemars(extend("enum" = ["default-service", "default-batch", "service", "batch"]))]
    pub token_type: String,
    /// `unauth` shows the mount at `sys/internal/ui/mounts` to everybody.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(extend("enum" = ["", "hidden", "unauth"]))]
    pub listing_visibility: String,
    /// Options as Vault keeps them; nothing reads them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

impl Default for MountSpec {
    fn default() -> Self {
        Self {
            path: String::new(),
            description: String::new(),
            kubernetes_host: String::new(),
            kubernetes_ca_cert: String::new(),
            token_reviewer_ref: None,
            pem_keys: Vec::new(),
            issuer: String::new(),
            disable_iss_validation: true,
            disable_local_ca_jwt: false,
            use_annotations_as_alias_metadata: false,
            default_lease_ttl: String::new(),
            max_lease_ttl: String::new(),
            token_type: "default-service".to_owned(),
            listing_visibility: String::new(),
            options: BTreeMap::new(),
        }
    }
}

/// Another object of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::OBJECT))]
    pub name: String,
}
