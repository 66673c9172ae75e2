//! A spec's fields under Vault's names.

use serde_json::{Map, Value, json};

/// Vault's fields; empty texts and lists are left out, as Vault takes them for not given.
#[derive(Default)]
pub(super) struct VaultFields(Map<String, Value>);

impl VaultFields {
    pub(super) fn text(mut self, name: &str, text: &str) -> Self {
        if !text.is_empty() {
            self.0.insert(name.to_owned(), json!(text));
        }
        self
    }

    pub(super) fn list(mut self, name: &str, items: &[String]) -> Self {
        if !items.is_empty() {
            self.0.insert(name.to_owned(), json!(items));
        }
        self
    }

    pub(super) fn value(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(super) const fn object(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// The spec's name of a field of Vault: `tokenBoundCIDRs` of `token_bound_cidrs`.
pub(super) fn spec_name(field: &str) -> String {
    let mut name = String::new();
    for (at, word) in field.split('_').enumerate() {
        match word {
            "ttl" => name.push_str("TTL"),
            "ca" => name.push_str("CA"),
            "jwt" => name.push_str("JWT"),
            "cidrs" => name.push_str("CIDRs"),
            word => {
                let mut letters = word.chars();
                let first =
                    letters.next().map(|first| if at == 0 { first } else { first.to_ascii_uppercase() });
                name.extend(first);
                name.push_str(letters.as_str());
            }
        }
    }
    name
}

/// A duration as the specs have it: `1h30m`; nothing for 0.
pub(super) fn duration(seconds: i64) -> String {
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let shown = parts.into_iter().filter(|(number, _)| *number > 0);
    shown.map(|(number, unit)| format!("{number}{unit}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{duration, spec_name};

    #[test]
    fn durations_are_short() {
        for (seconds, text) in [(0, ""), (1, "1s"), (60, "1m"), (3600, "1h"), (5400, "1h30m"), (3601, "1h1s")]
        {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn fields_are_named_as_in_the_specs() {
        for (vault, spec) in [
            ("token_ttl", "tokenTTL"),
            ("token_explicit_max_ttl", "tokenExplicitMaxTTL"),
            ("token_bound_cidrs", "tokenBoundCIDRs"),
            ("kubernetes_ca_cert", "kubernetesCACert"),
            ("bound_service_account_names", "boundServiceAccountNames"),
            ("audience", "audience"),
        ] {
            assert_eq!(spec_name(vault), spec);
        }
    }
}
