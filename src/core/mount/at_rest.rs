//! A mount's config as it is kept: the reference's own JSON, so that either reads what the other wrote.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::MountConfig;
use crate::core::secret::Secret;

/// The reference's `kubeConfig`.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    host: String,
    ca_cert: String,
    token_reviewer_jwt: String,
    pem_keys: Option<Vec<String>>,
    issuer: String,
    disable_iss_validation: bool,
    disable_local_ca_jwt: bool,
    use_annotations_as_alias_metadata: bool,
}

impl Default for Kept {
    /// What an entry of the reference means that lacks a key.
    fn default() -> Self {
        Self {
            host: String::new(),
            ca_cert: String::new(),
            token_reviewer_jwt: String::new(),
            pem_keys: None,
            issuer: String::new(),
            disable_iss_validation: false,
            disable_local_ca_jwt: false,
            use_annotations_as_alias_metadata: false,
        }
    }
}

impl MountConfig {
    /// The config as JSON. Holds the reviewer's token.
    pub fn to_json(&self) -> Vec<u8> {
        let kept = Kept {
            host: self.kubernetes_host.clone(),
            ca_cert: self.kubernetes_ca_cert.clone(),
            token_reviewer_jwt: self
                .token_reviewer_jwt
                .as_ref()
                .map_or_else(String::new, |jwt| jwt.expose().to_owned()),
            pem_keys: Some(self.pem_keys.clone()),
            issuer: self.issuer.clone(),
            disable_iss_validation: self.disable_iss_validation,
            disable_local_ca_jwt: self.disable_local_ca_jwt,
            use_annotations_as_alias_metadata: self.use_annotations_as_alias_metadata,
        };
        // Texts and flags alone: nothing that JSON could not hold.
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// A config from JSON.
    ///
    /// # Errors
    /// Where it is not the JSON of a config. The error does not show what is there.
    pub fn from_json(json: &[u8]) -> Result<Self, NotAConfig> {
        let object: Map<String, Value> = serde_json::from_slice(json).map_err(|_| NotAConfig)?;
        let kept: Kept = serde_json::from_value(Value::Object(object)).map_err(|_| NotAConfig)?;
        Ok(Self {
            kubernetes_host: kept.host,
            kubernetes_ca_cert: kept.ca_cert,
            token_reviewer_jwt: Some(kept.token_reviewer_jwt).filter(|jwt| !jwt.is_empty()).map(Secret::from),
            pem_keys: kept.pem_keys.unwrap_or_default(),
            issuer: kept.issuer,
            disable_iss_validation: kept.disable_iss_validation,
            disable_local_ca_jwt: kept.disable_local_ca_jwt,
            use_annotations_as_alias_metadata: kept.use_annotations_as_alias_metadata,
        })
    }
}

/// What is kept is not a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the JSON of a mount's config")]
pub struct NotAConfig;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MountConfig, NotAConfig};
    use crate::core::mount::decode::decode;

    #[test]
    fn a_config_is_read_as_it_was_kept() {
        let fields = json!({
            "kubernetes_host": "h", "token_reviewer_jwt": "j", "issuer": "i",
            "disable_local_ca_jwt": true, "use_annotations_as_alias_metadata": true
        });
        let config = decode(fields.as_object().unwrap()).unwrap();
        assert_eq!(MountConfig::from_json(&config.to_json()), Ok(config));
    }

    #[test]
    fn an_entry_of_the_reference_is_read() {
        let entry = br#"{"pem_keys":null,"host":"https://k","ca_cert":"","token_reviewer_jwt":"","issuer":"","disable_iss_validation":true,"disable_local_ca_jwt":false,"later":1}"#;
        let config = MountConfig::from_json(entry).unwrap();
        assert_eq!((config.kubernetes_host.as_str(), config.token_reviewer_jwt), ("https://k", None));
        assert_eq!(MountConfig::from_json(b"\"s3cret\""), Err(NotAConfig));
    }
}
