//! Between a GateMount and a mount's two parts: what is told of it, and its config.

use kube::ResourceExt as _;
use serde_json::json;

use super::fields::{VaultFields, duration, spec_name};
use super::{Annotations, LOCAL};
use crate::config::MountPath;
use crate::core::fields::{FieldError, Fields};
use crate::core::mount::about::{ListingVisibility, MountTokenType};
use crate::core::mount::decode::{MountConfigError, decode};
use crate::core::mount::{MountAbout, MountConfig};
use crate::store::kubernetes::resources::{GateMount, MountSpec, Reference};

/// The longest path of a mount, in bytes.
const MAX_PATH: usize = 256;

/// Why a GateMount is no mount, or has no config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum MountFault {
    #[error(
        "`path`: expected a mount's path, such as `kubernetes` or `clusters/eu1`, of at most {MAX_PATH} bytes"
    )]
    Path,
    #[error("`{}`: {}", spec_name(.0.field), .0.reason)]
    Field(FieldError),
    #[error("`tokenType`: expected one of `default-service`, `default-batch`, `service`, `batch`")]
    TokenType,
    #[error("`listingVisibility`: expected `hidden` or `unauth`")]
    Visibility,
    #[error("`defaultLeaseTTL`: expected at most `maxLeaseTTL`")]
    Leases,
    #[error("`{}`: {_0}", spec_name(.0.field()))]
    Config(MountConfigError),
}

/// The path below `auth/`.
///
/// # Errors
/// Where no mount can have it.
pub fn mount_path(object: &GateMount) -> Result<String, MountFault> {
    let given = &object.spec.path;
    let path = if given.is_empty() { object.name_any() } else { given.clone() };
    match MountPath::try_from(path.clone()) {
        Ok(good) if good.as_str() == path && path.len() <= MAX_PATH => Ok(path),
        _ => Err(MountFault::Path),
    }
}

/// What `sys/auth` tells of the mount. Its accessor and its UUID follow from the object's uid: a re-created object is
/// another mount.
///
/// # Errors
/// Where the Vault door would refuse it.
pub fn about(object: &GateMount) -> Result<MountAbout, MountFault> {
    let spec = &object.spec;
    let uid = object.uid().unwrap_or_default();
    let fields = VaultFields::default()
        .text("default_lease_ttl", &spec.default_lease_ttl)
        .text("max_lease_ttl", &spec.max_lease_ttl);
    let lease = |field| Fields::new(fields.object()).seconds(field).map_err(MountFault::Field);
    let about = MountAbout {
        description: spec.description.clone(),
        default_lease_ttl: lease("default_lease_ttl")?.unwrap_or_default(),
        max_lease_ttl: lease("max_lease_ttl")?.unwrap_or_default(),
        token_type: MountTokenType::named(&spec.token_type).ok_or(MountFault::TokenType)?,
        listing_visibility: ListingVisibility::named(&spec.listing_visibility)
            .ok_or(MountFault::Visibility)?,
        options: spec.options.clone(),
        local: object.annotations().get(LOCAL).is_some_and(|text| text == "true"),
        ..of_uid(uid)
    };
    if about.leases_agree() { Ok(about) } else { Err(MountFault::Leases) }
}

/// The mount of an object whose tuning is not good: leases of one second, so that nothing lasts longer than it was
/// meant to.
pub(in crate::store::kubernetes) fn shortest(object: &GateMount) -> MountAbout {
    let uid = object.uid().unwrap_or_default();
    MountAbout { default_lease_ttl: 1, max_lease_ttl: 1, ..of_uid(uid) }
}

/// The config without the reviewer's token; none where there is no `kubernetesHost`.
///
/// # Errors
/// Where the Vault door would refuse it.
pub fn config(spec: &MountSpec) -> Result<Option<MountConfig>, MountFault> {
    if spec.kubernetes_host.is_empty() {
        return Ok(None);
    }
    let fields = VaultFields::default()
        .text("kubernetes_host", &spec.kubernetes_host)
        .text("kubernetes_ca_cert", &spec.kubernetes_ca_cert)
        .list("pem_keys", &spec.pem_keys)
        .text("issuer", &spec.issuer)
        .value("disable_iss_validation", json!(spec.disable_iss_validation))
        .value("disable_local_ca_jwt", json!(spec.disable_local_ca_jwt))
        .value("use_annotations_as_alias_metadata", json!(spec.use_annotations_as_alias_metadata));
    decode(fields.object()).map(Some).map_err(MountFault::Config)
}

/// The spec of a mount, and the annotations that keep what a spec cannot say. `reviewer` names the Secret that has the
/// reviewer's token, which is not in the spec.
pub fn mount_spec(
    path: &str,
    about: &MountAbout,
    config: Option<&MountConfig>,
    reviewer: Option<&str>,
) -> (MountSpec, Annotations) {
    let mut annotations = Annotations::new();
    if about.local {
        annotations.insert(LOCAL.to_owned(), "true".to_owned());
    }
    let mut spec = MountSpec {
        path: path.to_owned(),
        description: about.description.clone(),
        default_lease_ttl: duration(about.default_lease_ttl),
        max_lease_ttl: duration(about.max_lease_ttl),
        token_type: about.token_type.name().to_owned(),
        listing_visibility: about.listing_visibility.name().to_owned(),
        options: about.options.clone(),
        ..MountSpec::default()
    };
    if let Some(config) = config {
        spec.kubernetes_host.clone_from(&config.kubernetes_host);
        spec.kubernetes_ca_cert.clone_from(&config.kubernetes_ca_cert);
        spec.token_reviewer_ref = reviewer.map(|name| Reference { name: name.to_owned() });
        spec.pem_keys.clone_from(&config.pem_keys);
        spec.issuer.clone_from(&config.issuer);
        spec.disable_iss_validation = config.disable_iss_validation;
        spec.disable_local_ca_jwt = config.disable_local_ca_jwt;
        spec.use_annotations_as_alias_metadata = config.use_annotations_as_alias_metadata;
    }
    (spec, annotations)
}

fn of_uid(uid: String) -> MountAbout {
    let about = MountAbout::of_path(&uid);
    MountAbout { uuid: uid, ..about }
}
