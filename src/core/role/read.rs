//! What a read of `role/:name` and of `config` shows.

use serde_json::{Map, Value, json};

use super::Role;
use crate::core::cidr::BoundCidr;
use crate::core::mount::MountConfig;

impl Role {
    /// The role with Vault's field names; values that came by old names under these as well.
    pub fn fields(&self) -> Map<String, Value> {
        let token = &self.token;
        let old = self.old_names;
        let cidrs: Vec<String> = token.bound_cidrs.iter().map(BoundCidr::shown).collect();
        let namespaces = &self.bound_service_account_namespaces;
        let selector = self.bound_service_account_namespace_selector.as_ref();
        let always = [
            ("alias_metadata", json!(token.alias_metadata)),
            ("alias_name_source", json!(self.alias_name_source.name())),
            ("bound_service_account_names", json!(self.bound_service_account_names)),
            (
                "bound_service_account_namespaces",
                // As the reference, which has no list where none was given.
                if namespaces.is_empty() { Value::Null } else { json!(namespaces) },
            ),
            (
                "bound_service_account_namespace_selector",
                json!(selector.map_or("", |selector| selector.text.as_str())),
            ),
            ("token_bound_cidrs", json!(cidrs)),
            ("token_explicit_max_ttl", json!(token.explicit_max_ttl)),
            ("token_max_ttl", json!(token.max_ttl)),
            ("token_no_default_policy", json!(token.no_default_policy)),
            ("token_num_uses", json!(token.num_uses)),
            ("token_period", json!(token.period)),
            ("token_policies", json!(token.policies)),
            ("token_ttl", json!(token.ttl)),
            ("token_type", json!(token.token_type.name())),
        ];
        let at_times = [
            ("audience", !self.audience.is_empty(), json!(self.audience)),
            ("policies", old.policies && !token.policies.is_empty(), json!(token.policies)),
            ("bound_cidrs", old.bound_cidrs && !cidrs.is_empty(), json!(cidrs)),
            ("num_uses", old.num_uses && token.num_uses > 0, json!(token.num_uses)),
            ("ttl", old.ttl && token.ttl > 0, json!(token.ttl)),
            ("max_ttl", old.max_ttl && token.max_ttl > 0, json!(token.max_ttl)),
            ("period", old.period && token.period > 0, json!(token.period)),
        ];
        let at_times =
            at_times.into_iter().filter(|(_, shown, _)| *shown).map(|(key, _, value)| (key, value));
        always.into_iter().chain(at_times).map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

impl MountConfig {
    /// The config with Vault's field names; of the reviewer's token only whether there is one.
    pub fn fields(&self) -> Map<String, Value> {
        let fields = [
            ("disable_iss_validation", json!(self.disable_iss_validation)),
            ("disable_local_ca_jwt", json!(self.disable_local_ca_jwt)),
            ("issuer", json!(self.issuer)),
            ("kubernetes_ca_cert", json!(self.kubernetes_ca_cert)),
            ("kubernetes_host", json!(self.kubernetes_host)),
            ("pem_keys", json!(self.pem_keys)),
            ("token_reviewer_jwt_set", json!(self.token_reviewer_jwt.is_some())),
            ("use_annotations_as_alias_metadata", json!(self.use_annotations_as_alias_metadata)),
        ];
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}
