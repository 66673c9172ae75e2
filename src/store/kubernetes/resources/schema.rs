//! What the API server is to check, where derived schemas do not say it.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::Condition;

/// Texts that a field's schema refers to.
pub(super) mod pattern {
    /// A Go duration in hours, minutes and seconds: `1h`, `1h30m`, `90s`; the empty text is none.
    pub(in super::super) const DURATION: &str = r"^([0-9]+(\.[0-9]+)?(h|m|s))*$";
    /// The name of an object.
    pub(in super::super) const OBJECT: &str =
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    /// A mount's path.
    pub(in super::super) const PATH: &str = r"^([!-+.0-~-]+(/[!-+.0-~-]+)*)?$";
    /// Vault's `GenericNameRegex`.
    pub(in super::super) const ROLE: &str = "^([0-9A-Za-z_]([0-9A-Za-z_.-]*[0-9A-Za-z_])?)?$";
    /// An address, a network, or a socket's path.
    pub(in super::super) const CIDR: &str = "^([0-9A-Fa-f:.]+|.*/.*)$";
}

/// A list of conditions, one of each type.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let items: Value = generator.subschema_for::<Condition>().into();
    json_schema!({
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

/// A moment.
pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}
