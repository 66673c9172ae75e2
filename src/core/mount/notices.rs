//! What an operator should know of a mount's config that is stored as it is.

use super::MountConfig;
use super::host::HostFault;
use crate::core::keys::{parse_ca_bundle, parse_pem_keys};

/// One thing to know. Holds names of fields and PEM labels, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Lower case, without a full stop; names the field.
    pub sentence: String,
    /// The config cannot work as it is.
    pub is_fault: bool,
}

/// More labels than this are not named.
const LABELS: usize = 8;

impl MountConfig {
    /// What there is to know of the config, in the order of its fields.
    pub fn notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        if let Some(fault) = HostFault::find(&self.kubernetes_host) {
            notices.push(Notice { sentence: fault.to_string(), is_fault: true });
        }
        if !self.kubernetes_ca_cert.is_empty() {
            match parse_ca_bundle(self.kubernetes_ca_cert.as_bytes()) {
                Ok(bundle) if bundle.ignored.is_empty() => {}
                Ok(bundle) => notices.push(Notice {
                    sentence: ignored_blocks("`kubernetes_ca_cert`", &bundle.ignored),
                    is_fault: false,
                }),
                Err(error) => notices
                    .push(Notice { sentence: format!("`kubernetes_ca_cert`: {error}"), is_fault: true }),
            }
        }
        for (number, item) in (1..).zip(&self.pem_keys) {
            if parse_pem_keys(item).is_err() {
                let sentence =
                    format!("`pem_keys`: item {number} is left out, it is not PEM of public keys alone");
                notices.push(Notice { sentence, is_fault: true });
            }
        }
        notices
    }
}

/// Names what is ignored beside the certificates of a place.
pub fn ignored_blocks(place: &str, labels: &[String]) -> String {
    let named: Vec<String> = labels.iter().take(LABELS).map(|label| format!("`{label}`")).collect();
    let mut sentence =
        format!("{place} holds PEM blocks that are no certificates and are ignored: {}", named.join(", "));
    if labels.len() > LABELS {
        sentence.push_str(" and others");
    }
    if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) {
        sentence.push_str("; a private key does not belong there");
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::super::MountConfig;
    use super::super::decode::decode;
    use serde_json::json;

    fn config(change: impl FnOnce(&mut MountConfig)) -> MountConfig {
        let fields = json!({"kubernetes_host": "https://kube"});
        let mut config = decode(fields.as_object().unwrap()).unwrap();
        change(&mut config);
        config
    }

    fn said(config: &MountConfig) -> Vec<(String, bool)> {
        config.notices().into_iter().map(|notice| (notice.sentence, notice.is_fault)).collect()
    }

    #[test]
    fn a_good_config_has_no_notices() {
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap().pem();
        let good = config(|config| {
            config.kubernetes_ca_cert = ca;
            config.pem_keys = vec![key.public_key_pem()];
        });
        assert_eq!(said(&good), []);
    }

    #[test]
    fn faults_and_ignored_blocks_are_named_without_their_content() {
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap().pem();
        let private = key.serialize_pem();
        let odd = config(|config| {
            config.kubernetes_host = "https://::1:6443".to_owned();
            config.kubernetes_ca_cert = format!("{private}{ca}");
            config.pem_keys = vec![key.public_key_pem(), "hunter2".to_owned()];
        });
        let found = said(&odd);
        assert_eq!(found.iter().map(|(_, is_fault)| *is_fault).collect::<Vec<_>>(), [true, false, true]);
        assert!(found[0].0.starts_with("`kubernetes_host` is an IPv6 address without brackets"), "{found:?}");
        let ignored = "`kubernetes_ca_cert` holds PEM blocks that are no certificates and are ignored: `PRIVATE KEY`; \
                       a private key does not belong there";
        assert_eq!(found[1].0, ignored);
        assert!(found[2].0.starts_with("`pem_keys`: item 2 "), "{found:?}");
        let all = format!("{found:?}");
        assert!(!all.contains("hunter2") && !all.contains(private.lines().nth(1).unwrap()), "{all}");
    }

    #[test]
    fn a_ca_that_is_none_is_a_fault_with_its_line() {
        let none = config(|config| config.kubernetes_ca_cert = "x -----BEGIN CERTIFICATE-----".to_owned());
        let found = said(&none);
        assert!(found[0].1 && found[0].0.contains("line 1: "), "{found:?}");
    }
}
