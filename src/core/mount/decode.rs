//! A write of a mount's `config`: the request's fields, in the reference's order of checks.

use serde_json::{Map, Value};

use super::MountConfig;
use crate::core::fields::{FieldError, Fields};
use crate::core::keys::{CaError, KeyError, parse_ca_bundle, parse_pem_keys};
use crate::core::secret::Secret;

/// Every field of a config, for the search for unknown ones.
pub const CONFIG_FIELDS: [&str; 8] = [
    "disable_iss_validation",
    "disable_local_ca_jwt",
    "issuer",
    "kubernetes_ca_cert",
    "kubernetes_host",
    "pem_keys",
    "token_reviewer_jwt",
    "use_annotations_as_alias_metadata",
];

/// Why a config is refused, in the reference's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum MountConfigError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("no host provided")]
    NoHost,
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error(transparent)]
    PemKeys(#[from] KeyError),
}

impl MountConfigError {
    /// The field that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Field(error) => error.field,
            Self::NoHost => "kubernetes_host",
            Self::Ca(_) => "kubernetes_ca_cert",
            Self::PemKeys(_) => "pem_keys",
        }
    }
}

/// Makes a config of the fields alone; what is not among them has its default, whatever was stored before.
/// Whether the pod has a CA of its own, where none is given, is not looked at.
///
/// # Errors
/// The first check that fails.
pub fn decode(fields: &Map<String, Value>) -> Result<MountConfig, MountConfigError> {
    let fields = Fields::new(fields);
    let config = MountConfig {
        kubernetes_host: fields.string("kubernetes_host")?.unwrap_or_default(),
        kubernetes_ca_cert: fields.string("kubernetes_ca_cert")?.unwrap_or_default(),
        token_reviewer_jwt: fields
            .string("token_reviewer_jwt")?
            .filter(|jwt| !jwt.is_empty())
            .map(Secret::from),
        pem_keys: fields.list("pem_keys")?.unwrap_or_default(),
        issuer: fields.string("issuer")?.unwrap_or_default(),
        disable_iss_validation: fields.boolean("disable_iss_validation")?.unwrap_or(true),
        disable_local_ca_jwt: fields.boolean("disable_local_ca_jwt")?.unwrap_or(false),
        use_annotations_as_alias_metadata: fields
            .boolean("use_annotations_as_alias_metadata")?
            .unwrap_or(false),
    };
    if config.kubernetes_host.is_empty() {
        return Err(MountConfigError::NoHost);
    }
    if !config.kubernetes_ca_cert.is_empty() {
        parse_ca_bundle(config.kubernetes_ca_cert.as_bytes())?;
    }
    for item in &config.pem_keys {
        parse_pem_keys(item)?;
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MountConfig, MountConfigError, decode};

    fn read(fields: &Value) -> Result<MountConfig, MountConfigError> {
        decode(fields.as_object().unwrap())
    }

    #[test]
    fn a_host_alone_has_the_references_defaults() {
        let config = read(&json!({"kubernetes_host": "https://kube"})).unwrap();
        assert!(config.disable_iss_validation && !config.disable_local_ca_jwt);
        assert_eq!((config.token_reviewer_jwt, config.pem_keys.len()), (None, 0));
    }

    #[test]
    fn checks_come_in_the_references_order_and_name_their_field() {
        let cases = [
            (json!({"kubernetes_ca_cert": "bad", "disable_local_ca_jwt": "yes"}), "disable_local_ca_jwt"),
            (json!({"kubernetes_ca_cert": "bad"}), "kubernetes_host"),
            (
                json!({"kubernetes_host": "h", "kubernetes_ca_cert": "bad", "pem_keys": "bad"}),
                "kubernetes_ca_cert",
            ),
            (json!({"kubernetes_host": "h", "pem_keys": "bad"}), "pem_keys"),
        ];
        for (fields, field) in cases {
            assert_eq!(read(&fields).unwrap_err().field(), field, "{fields}");
        }
    }

    #[test]
    fn a_reviewer_jwt_does_not_show() {
        let config = read(&json!({"kubernetes_host": "h", "token_reviewer_jwt": "hunter2"})).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let error =
            read(&json!({"kubernetes_host": "h", "token_reviewer_jwt": {"x": "hunter2"}})).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}
