//! A granted login as the protocol's `Auth`, and back at a renewal.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::wire::pb;
use crate::core::fields::Fields;
use crate::vault::kubernetes::{Login, RenewalTerms};

/// Where Go's time begins: what a lease without a time of issue has.
const ZERO_TIME: pb::Timestamp = pb::Timestamp { seconds: -62_135_596_800, nanos: 0 };

const SECOND: i64 = 1_000_000_000;

/// What the core keeps for us beside a token: the role, under the name that HashiCorp's plugin has for it, and the
/// labels that a selector has looked at, which that plugin does not read.
const ROLE: &str = "role";
const LABELS: &str = "namespace_labels";

/// What the core is to make a token of.
pub(super) fn of_login(login: &Login) -> pb::Auth {
    let token = &login.role.token;
    let mut internal = json!({ROLE: login.role_as_typed});
    if let (Some(labels), Some(internal)) = (&login.labels, internal.as_object_mut()) {
        internal.insert(LABELS.to_owned(), json!(**labels));
    }
    pb::Auth {
        lease_options: Some(pb::LeaseOptions {
            ttl: nanoseconds(token.ttl),
            max_ttl: nanoseconds(token.max_ttl),
            renewable: true,
            increment: 0,
            issue_time: Some(ZERO_TIME),
        }),
        internal_data: internal.to_string(),
        display_name: login.account_name(),
        policies: token.policies.clone(),
        metadata: login.metadata().into_iter().collect(),
        period: nanoseconds(token.period),
        num_uses: token.num_uses,
        alias: Some(alias(&login.alias.name, &login.alias.metadata)),
        bound_cidrs: token.bound_cidrs.iter().map(ToString::to_string).collect(),
        explicit_max_ttl: nanoseconds(token.explicit_max_ttl),
        token_type: token.token_type.number().into(),
        no_default_policy: token.no_default_policy,
        ..pb::Auth::default()
    }
}

/// An alias alone, for the core's own look at who tries to log in.
pub(super) fn of_alias(name: &str) -> pb::Auth {
    let lease = pb::LeaseOptions { issue_time: Some(ZERO_TIME), ..pb::LeaseOptions::default() };
    pb::Auth {
        alias: Some(alias(name, &BTreeMap::new())),
        lease_options: Some(lease),
        internal_data: "{}".to_owned(),
        ..pb::Auth::default()
    }
}

fn alias(name: &str, metadata: &BTreeMap<String, String>) -> pb::Alias {
    pb::Alias {
        name: name.to_owned(),
        metadata: metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        ..pb::Alias::default()
    }
}

/// Whose token is to be renewed, as its login has left it with the core.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Renewed {
    pub(super) role: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: Option<BTreeMap<String, String>>,
}

impl Renewed {
    /// None where it is no login of ours.
    pub(super) fn of(auth: &pb::Auth) -> Option<Self> {
        let internal: Map<String, Value> = serde_json::from_str(&auth.internal_data).ok()?;
        let role = Fields::new(&internal).string(ROLE).ok()??;
        let metadata = |key| auth.metadata.get(key).filter(|value: &&String| !value.is_empty()).cloned();
        let labels = internal.get(LABELS).map(|labels| serde_json::from_value(labels.clone()));
        Some(Self {
            role,
            namespace: metadata("service_account_namespace")?,
            name: metadata("service_account_name")?,
            labels: labels.transpose().ok()?,
        })
    }
}

/// The same token with what its role says now. The core computes the end.
pub(super) fn renewed(mut auth: pb::Auth, terms: RenewalTerms) -> pb::Auth {
    let lease = auth.lease_options.get_or_insert_default();
    lease.ttl = nanoseconds(terms.ttl);
    lease.max_ttl = nanoseconds(terms.max_ttl);
    lease.issue_time.get_or_insert(ZERO_TIME);
    auth.period = nanoseconds(terms.period);
    auth
}

const fn nanoseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(SECOND)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Renewed, ZERO_TIME, of_alias, renewed};
    use crate::plugin::wire::pb;
    use crate::vault::kubernetes::RenewalTerms;

    fn kept(internal: &serde_json::Value) -> pb::Auth {
        let metadata = [("service_account_namespace", "shop"), ("service_account_name", "orders")];
        pb::Auth {
            internal_data: internal.to_string(),
            metadata: metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..pb::Auth::default()
        }
    }

    #[test]
    fn a_login_of_either_plugin_is_known_at_its_renewal() {
        let with = Renewed::of(&kept(&json!({"role": "Orders", "namespace_labels": {"team": "a"}}))).unwrap();
        assert_eq!(
            (with.role.as_str(), with.namespace.as_str(), with.name.as_str()),
            ("Orders", "shop", "orders")
        );
        assert_eq!(with.labels, Some([("team".to_owned(), "a".to_owned())].into()));
        let without = Renewed::of(&kept(&json!({"role": "Orders"}))).unwrap();
        assert_eq!(without.labels, None);
    }

    #[test]
    fn what_is_no_login_of_ours_is_not_renewed() {
        let none =
            [json!({}), json!({"role": ["a"]}), json!({"role": "a", "namespace_labels": 1}), json!("role")];
        for internal in none {
            assert_eq!(Renewed::of(&kept(&internal)), None, "{internal}");
        }
        let nameless = pb::Auth { metadata: Default::default(), ..kept(&json!({"role": "a"})) };
        assert_eq!(Renewed::of(&nameless), None);
    }

    #[test]
    fn a_renewal_keeps_all_but_the_terms_and_a_lease_has_a_time() {
        let terms = RenewalTerms { ttl: 60, max_ttl: 120, period: 30, mount_default: 1, mount_max: 2 };
        let before = kept(&json!({"role": "a"}));
        let after = renewed(before.clone(), terms);
        let lease = after.lease_options.unwrap();
        assert_eq!(
            (lease.ttl, lease.max_ttl, after.period),
            (60_000_000_000, 120_000_000_000, 30_000_000_000)
        );
        assert_eq!(lease.issue_time, Some(ZERO_TIME));
        assert_eq!(pb::Auth { lease_options: None, period: 0, ..after }, before);
        assert_eq!(of_alias("u").lease_options.unwrap().issue_time, Some(ZERO_TIME));
    }
}
