//! A role as it is now, applied to an identity that a login has confirmed before.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::any_fits;
use crate::core::reason::Deny;
use crate::core::role::Role;

/// What a login has confirmed, as the store has kept it.
#[derive(Debug, Clone, Copy)]
pub struct StoredIdentity<'a> {
    /// The service account's namespace.
    pub namespace: &'a str,
    /// The service account's name.
    pub name: &'a str,
    /// The namespace's labels, where a selector has looked at them.
    pub labels: Option<&'a BTreeMap<String, String>>,
    /// The service account is known to be gone.
    pub is_gone: bool,
}

/// Where a request comes from, as far as it counts.
#[derive(Debug, Clone, Copy)]
pub enum From {
    /// It does not count: a renewal does not re-apply CIDRs.
    Anywhere,
    /// The peer; none where it is not known.
    Peer(Option<IpAddr>),
}

/// Whether the role still admits the identity, unless that is gone: its names, namespaces and labels, and its CIDRs where they count. What
/// only a token can tell (audience, times) is not looked at.
///
/// # Errors
/// The first check that fails.
pub fn admits(role: &Role, identity: &StoredIdentity<'_>, from: From) -> Result<(), Deny> {
    if identity.is_gone {
        return Err(Deny::AccountGone);
    }
    let bound = &role.token.bound_cidrs;
    let near = match from {
        From::Anywhere => true,
        From::Peer(peer) => {
            bound.is_empty() || peer.is_some_and(|peer| bound.iter().any(|cidr| cidr.contains(peer)))
        }
    };
    if !near {
        return Err(Deny::PeerAddress);
    }
    if !any_fits(&role.bound_service_account_names, identity.name) {
        return Err(Deny::ServiceAccountName);
    }
    let selected = || match (&role.bound_service_account_namespace_selector, identity.labels) {
        (Some(selector), Some(labels)) => selector.selects(labels),
        // A selector of nothing fits every namespace, whose labels nobody has to know.
        (Some(selector), None) => selector.selects_all(),
        (None, _) => false,
    };
    if any_fits(&role.bound_service_account_namespaces, identity.namespace) || selected() {
        Ok(())
    } else {
        Err(Deny::Namespace)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{From, StoredIdentity, admits};
    use crate::core::reason::Deny;
    use crate::core::role::Role;
    use crate::core::role::decode::{DEFAULT_MAX_LEASE, decode};

    fn role(names: &str, namespaces: &str, selector: &str) -> Role {
        let fields = json!({
            "bound_service_account_names": names, "bound_service_account_namespaces": namespaces,
            "bound_service_account_namespace_selector": selector, "token_bound_cidrs": "10.0.0.0/8",
        });
        decode("a", fields.as_object().unwrap(), None, DEFAULT_MAX_LEASE).unwrap().role
    }

    #[test]
    fn names_namespaces_labels_and_where_they_count_addresses_are_applied() {
        let labels: BTreeMap<String, String> = [("team".to_owned(), "a".to_owned())].into();
        let with =
            StoredIdentity { namespace: "shop", name: "orders", labels: Some(&labels), is_gone: false };
        let without = StoredIdentity { labels: None, ..with };
        let gone = StoredIdentity { is_gone: true, ..with };
        let near = From::Peer(Some([10, 0, 0, 1].into()));
        let of_team = |team: &str| format!(r#"{{"matchLabels":{{"team":"{team}"}}}}"#);
        let cases = [
            (role("orders", "shop", ""), with, near, Ok(())),
            (role("orders", "shop", ""), gone, near, Err(Deny::AccountGone)),
            (role("*", "*", "{}"), gone, From::Anywhere, Err(Deny::AccountGone)),
            (role("orders", "shop", ""), with, From::Peer(None), Err(Deny::PeerAddress)),
            (
                role("orders", "shop", ""),
                with,
                From::Peer(Some([11, 0, 0, 1].into())),
                Err(Deny::PeerAddress),
            ),
            (role("orders", "shop", ""), with, From::Anywhere, Ok(())),
            (role("billing", "shop", ""), with, near, Err(Deny::ServiceAccountName)),
            (role("ord*", "s*", ""), with, near, Ok(())),
            (role("orders", "bank", ""), with, near, Err(Deny::Namespace)),
            (role("orders", "bank", &of_team("a")), with, near, Ok(())),
            (role("orders", "bank", &of_team("b")), with, near, Err(Deny::Namespace)),
            (role("orders", "bank", &of_team("a")), without, near, Err(Deny::Namespace)),
            (role("orders", "bank", "{}"), without, near, Ok(())),
        ];
        for (number, (role, identity, from, expected)) in cases.into_iter().enumerate() {
            assert_eq!(admits(&role, &identity, from), expected, "case {number}");
        }
    }
}
