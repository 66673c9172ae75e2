//! Kubernetes' protobuf bodies, as far as kubectl sends them; it takes JSON answers but writes nothing else.
//!
//! Field numbers are those of `generated.proto` in Kubernetes' `api` and `apimachinery`.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::{Value, json};

/// What every such body begins with; a `runtime.Unknown` follows.
const MAGIC: &[u8] = b"k8s\0";

#[derive(Message)]
struct Unknown {
    #[prost(message, required, tag = "1")]
    type_meta: TypeMeta,
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

#[derive(Message)]
struct TypeMeta {
    #[prost(string, tag = "1")]
    api_version: String,
    #[prost(string, tag = "2")]
    kind: String,
}

/// A Namespace or ServiceAccount, of which only the metadata is read.
#[derive(Message)]
struct Object {
    #[prost(message, required, tag = "1")]
    metadata: ObjectMeta,
}

#[derive(Message)]
struct ObjectMeta {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, optional, tag = "3")]
    namespace: Option<String>,
    #[prost(btree_map = "string, string", tag = "11")]
    labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "12")]
    annotations: BTreeMap<String, String>,
}

#[derive(Message)]
struct TokenRequest {
    #[prost(message, required, tag = "2")]
    spec: TokenRequestSpec,
}

#[derive(Message)]
struct TokenRequestSpec {
    #[prost(string, repeated, tag = "1")]
    audiences: Vec<String>,
    #[prost(message, optional, tag = "3")]
    bound_object_ref: Option<BoundObjectReference>,
    #[prost(int64, optional, tag = "4")]
    expiration_seconds: Option<i64>,
}

#[derive(Message)]
struct BoundObjectReference {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "3")]
    name: String,
}

/// The body as the JSON that would say the same; none if it is not one of the kinds that are read.
pub(super) fn to_json(body: &[u8]) -> Option<Value> {
    let Unknown { type_meta, raw } = Unknown::decode(body.strip_prefix(MAGIC)?).ok()?;
    let mut value = match type_meta.kind.as_str() {
        "Namespace" | "ServiceAccount" => {
            let ObjectMeta { name, namespace, labels, annotations } =
                Object::decode(raw.as_slice()).ok()?.metadata;
            let namespace = namespace.filter(|namespace| !namespace.is_empty());
            json!({ "metadata": {
                "name": name, "namespace": namespace, "labels": labels, "annotations": annotations,
            } })
        }
        "TokenRequest" => {
            let spec = TokenRequest::decode(raw.as_slice()).ok()?.spec;
            let bound = spec.bound_object_ref.map(|bound| json!({ "kind": bound.kind, "name": bound.name }));
            json!({ "spec": {
                "audiences": spec.audiences,
                "boundObjectRef": bound,
                "expirationSeconds": spec.expiration_seconds,
            } })
        }
        _ => return None,
    };
    let members = value.as_object_mut()?;
    members.insert("apiVersion".to_owned(), type_meta.api_version.into());
    members.insert("kind".to_owned(), type_meta.kind.into());
    Some(value)
}
