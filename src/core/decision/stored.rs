//! A role as it is now, applied to an identity that a login has confirmed before.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::own_word::or_nobody;
use super::reviewed::labels_details;
use super::{CheckName, CheckObserver, Details, NoObserver, address_details, is_near, shown};
use crate::core::glob::any_fits;
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
pub enum RequestOrigin {
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
pub fn admits(role: &Role, identity: &StoredIdentity<'_>, origin: RequestOrigin) -> Result<(), Deny> {
    admits_observed(role, identity, origin, &mut NoObserver)
}

/// As [`admits`], with every check passed to `observer`. All is verified: a login has confirmed the identity.
///
/// # Errors
/// The first check that fails.
pub fn admits_observed(
    role: &Role,
    identity: &StoredIdentity<'_>,
    origin: RequestOrigin,
    observer: &mut impl CheckObserver,
) -> Result<(), Deny> {
    let mut check = |holds: bool, name, deny, details: &dyn Fn() -> Details| {
        observer.checked(name, Some(holds), details);
        if holds { Ok(()) } else { Err(deny) }
    };
    let StoredIdentity { namespace, name, labels, is_gone } = *identity;
    check(!is_gone, CheckName::Review, Deny::AccountGone, &|| {
        let saw = if is_gone { "the service account was deleted" } else { "confirmed at login" };
        Details::verified(saw, "a service account that exists")
    })?;
    let bound = &role.token.bound_cidrs;
    if let RequestOrigin::Peer(peer) = origin {
        check(is_near(bound, peer), CheckName::PeerAddress, Deny::PeerAddress, &|| {
            address_details(bound, peer)
        })?;
    }
    let names = &role.bound_service_account_names;
    check(any_fits(names, name), CheckName::ServiceAccountName, Deny::ServiceAccountName, &|| {
        Details::verified(shown(name), or_nobody(names))
    })?;
    let namespaces = &role.bound_service_account_namespaces;
    let selector = role.bound_service_account_namespace_selector.as_ref();
    let named = any_fits(namespaces, namespace);
    match selector {
        Some(selector) if !named => {
            let selected = match labels {
                Some(labels) => selector.selects(labels),
                // A selector of nothing fits every namespace, whose labels nobody has to know.
                None => selector.selects_all(),
            };
            check(selected, CheckName::NamespaceLabels, Deny::Namespace, &|| {
                labels_details(namespace, labels, Some(selector))
            })
        }
        _ => check(named, CheckName::Namespace, Deny::Namespace, &|| {
            Details::verified(shown(namespace), or_nobody(namespaces))
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{RequestOrigin, StoredIdentity, admits};
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
        let near = RequestOrigin::Peer(Some([10, 0, 0, 1].into()));
        let of_team = |team: &str| format!(r#"{{"matchLabels":{{"team":"{team}"}}}}"#);
        let cases = [
            (role("orders", "shop", ""), with, near, Ok(())),
            (role("orders", "shop", ""), gone, near, Err(Deny::AccountGone)),
            (role("*", "*", "{}"), gone, RequestOrigin::Anywhere, Err(Deny::AccountGone)),
            (role("orders", "shop", ""), with, RequestOrigin::Peer(None), Err(Deny::PeerAddress)),
            (
                role("orders", "shop", ""),
                with,
                RequestOrigin::Peer(Some([11, 0, 0, 1].into())),
                Err(Deny::PeerAddress),
            ),
            (role("orders", "shop", ""), with, RequestOrigin::Anywhere, Ok(())),
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
