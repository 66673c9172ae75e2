//! Objects that cannot be read: one of them does not take the list with it.
//!
//! The definitions leave no such object in the API server, but those of a cluster can be older or laxer. What cannot be
//! read keeps what it claims, so that its name stays refused and goes to no newer object, and says why.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::runtime::watcher::Event;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::store::kubernetes::convert::UNREADABLE;
use crate::store::kubernetes::resources::{GateMount, GatePolicy, GateRole, Status};

/// What no policy's text is.
const NO_POLICY: &str = "{";

/// A kind whose objects claim a name.
pub(in crate::store::kubernetes) trait Claiming: DeserializeOwned {
    /// A spec with the claims of this one, which admits nobody.
    fn claims(spec: &Value) -> Value;
}

impl Claiming for GateMount {
    fn claims(spec: &Value) -> Value {
        json!({ "path": text(spec, "/path") })
    }
}

impl Claiming for GateRole {
    fn claims(spec: &Value) -> Value {
        json!({
            "mountRef": { "name": text(spec, "/mountRef/name") },
            "roleName": text(spec, "/roleName"),
            "boundServiceAccountNames": [],
        })
    }
}

impl Claiming for GatePolicy {
    /// Its text is none: what the real one would deny is not known.
    fn claims(spec: &Value) -> Value {
        json!({ "policyName": text(spec, "/policyName"), "rules": NO_POLICY })
    }
}

fn text<'a>(spec: &'a Value, at: &str) -> &'a str {
    spec.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// An object as it is; where it cannot be read, its metadata and claims, with the cause as the annotation
/// [`UNREADABLE`].
#[derive(Debug, Clone)]
pub(in crate::store::kubernetes) struct Readable<K>(K);

impl<K> Readable<K> {
    /// The object, or what is known of it.
    pub(in crate::store::kubernetes) fn into_object(self) -> K {
        self.0
    }
}

impl<'de, K: Claiming> Deserialize<'de> for Readable<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let read = K::deserialize(&object).or_else(|cause| claimed(&object, &cause.to_string()));
        read.map(Self).map_err(D::Error::custom)
    }
}

fn claimed<K: Claiming>(object: &Value, cause: &str) -> serde_json::Result<K> {
    let mut metadata = ObjectMeta::deserialize(object.get("metadata").unwrap_or(&Value::Null))?;
    metadata.annotations.get_or_insert_default().insert(UNREADABLE.to_owned(), cause.to_owned());
    let status = object.get("status").filter(|status| Status::deserialize(*status).is_ok());
    serde_json::from_value(json!({
        "apiVersion": object.get("apiVersion"),
        "kind": object.get("kind"),
        "metadata": metadata,
        "spec": K::claims(object.get("spec").unwrap_or(&Value::Null)),
        "status": status,
    }))
}

/// What a watch tells, with what can be read of each object.
pub(super) fn read<K: Resource<DynamicType = ()>>(event: Event<Readable<K>>) -> Event<K> {
    match event {
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
        Event::Apply(object) => Event::Apply(told(object)),
        Event::InitApply(object) => Event::InitApply(told(object)),
        Event::Delete(Readable(object)) => Event::Delete(object),
    }
}

/// The object, and a word in the log where it could not be read.
fn told<K: Resource<DynamicType = ()>>(Readable(object): Readable<K>) -> K {
    let meta = object.meta();
    if let Some(cause) = meta.annotations.as_ref().and_then(|all| all.get(UNREADABLE)) {
        tracing::warn!(kind = %K::kind(&()), name = meta.name, cause, "an object cannot be read and is not in force");
    }
    object
}

impl<K: Resource> Resource for Readable<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(of)
    }

    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        K::group(of)
    }

    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        K::version(of)
    }

    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

#[cfg(test)]
mod tests {
    use kube::ResourceExt as _;
    use serde_json::{Value, json};

    use super::{Claiming, Readable, UNREADABLE};
    use crate::core::acl::Policy;
    use crate::store::kubernetes::resources::{GateMount, GatePolicy, GateRole};

    fn read<K: Claiming>(kind: &str, spec: Value, status: Value) -> K {
        let metadata = json!({ "name": "a", "uid": "u", "generation": 3, "annotations": { "of": "others" } });
        let object = json!({ "apiVersion": "rolegate.dev/v1alpha1", "kind": kind, "metadata": metadata,
                             "spec": spec, "status": status });
        serde_json::from_value::<Readable<K>>(object).unwrap().0
    }

    #[test]
    fn what_cannot_be_read_keeps_its_claims_and_says_why() {
        let mount: GateMount = read("GateMount", json!({ "path": "p", "kubernetesHost": 7 }), Value::Null);
        assert_eq!((mount.spec.path.as_str(), mount.spec.kubernetes_host.as_str()), ("p", ""));
        assert!(mount.annotations()[UNREADABLE].contains("expected a string"), "{mount:?}");
        assert_eq!((mount.annotations()["of"].as_str(), mount.metadata.generation), ("others", Some(3)));

        let status = json!({ "conditions": [] });
        let spec = json!({ "mountRef": { "name": "m" }, "roleName": "r", "tokenNumUses": "many" });
        let role: GateRole = read("GateRole", spec, status);
        assert_eq!((role.spec.mount_ref.name.as_str(), role.spec.role_name.as_str()), ("m", "r"));
        assert!(role.spec.bound_service_account_names.is_empty() && role.status.is_some());

        let policy: GatePolicy = read("GatePolicy", json!({ "policyName": "p" }), json!("none"));
        assert_eq!(policy.spec.policy_name, "p");
        Policy::parse(&policy.spec.rules).unwrap_err();
        assert!(policy.annotations()[UNREADABLE].contains("rules") && policy.status.is_none());
    }

    #[test]
    fn what_has_nothing_of_an_object_still_has_its_metadata() {
        let role: GateRole = read("GateRole", json!("nothing"), Value::Null);
        assert_eq!((role.name_any().as_str(), role.spec.mount_ref.name.as_str()), ("a", ""));
    }

    #[test]
    fn what_can_be_read_is_as_it_was() {
        let policy: GatePolicy = read("GatePolicy", json!({ "rules": "path \"a\" { }" }), Value::Null);
        assert_eq!(policy.spec.rules, "path \"a\" { }");
        assert!(!policy.annotations().contains_key(UNREADABLE));
    }
}
