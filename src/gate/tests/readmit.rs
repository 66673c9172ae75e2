//! Tests of logins of before: the role and the mount as they are now decide again.

use std::net::IpAddr;
use std::sync::Arc;

use super::script::{self, CONFIRMED, House, Script, role, set};
use super::told;
use crate::core::cidr::BoundCidr;
use crate::core::client_token::Login;
use crate::core::client_token::tests::login_token;
use crate::core::mount::{Mount, MountAbout, Snapshot};
use crate::core::role::{LabelSelector, Role};
use crate::ports::gone::Gone;

/// A login of `shop/orders` as `Orders` at the mount of the sets here.
fn login() -> Login {
    let mount_accessor = MountAbout::of_path("kubernetes").accessor.to_string();
    Login { mount_accessor, ..login_token().login.unwrap() }
}

fn ask(roles: impl IntoIterator<Item = Role>, asked: &[&str], login: &Login) -> String {
    let house = House::new(Some(set(1, roles)), Script::default());
    let decision = house.readmit(asked, login, None);
    assert_eq!(house.calls(), [""; 0], "nobody else is asked");
    told(&decision)
}

#[test]
fn a_login_is_good_for_its_own_role_in_any_case_and_for_no_other() {
    let roles = || [role("orders"), role("billing")];
    assert_eq!(ask(roles(), &["orders"], &login()), "allow orders");
    assert_eq!(ask(roles(), &["billing", "ORDERS"], &login()), "allow orders");
    assert_eq!(ask(roles(), &["billing"], &login()), "client_token");
    assert_eq!(ask(roles(), &["order", "orders2", ""], &login()), "client_token");
    assert_eq!(ask(roles(), &[], &login()), "client_token");
}

#[test]
fn the_role_as_it_is_now_decides() {
    assert_eq!(ask([role("billing")], &["orders"], &login()), "unknown_role");
    assert_eq!(ask([script::closed("orders")], &["orders"], &login()), "service_account_name");
    let mut elsewhere = role("orders");
    elsewhere.bound_service_account_namespaces = vec!["other".to_owned()];
    assert_eq!(ask([elsewhere], &["orders"], &login()), "namespace");
}

#[test]
fn a_denied_login_has_its_failed_check_and_its_account_is_verified() {
    let house = House::new(Some(set(1, [script::closed("orders")])), Script::default());
    let failure = house.readmit(&["orders"], &login(), None).failure.unwrap();
    let account = failure.account.unwrap();
    assert_eq!((account.text.as_str(), account.verified), ("shop/orders", true));
    let check = failure.check;
    assert_eq!((check.name.name(), check.passed), ("service_account_name", Some(false)));
    assert_eq!((check.saw.as_str(), check.expected.as_str()), ("orders", "billing"));
    assert!(check.verified);
}

#[test]
fn a_selector_goes_by_the_labels_of_the_login_and_admits_nobody_without() {
    let match_labels = [("team".to_owned(), "a".to_owned())].into();
    let mut labelled = role("orders");
    labelled.bound_service_account_namespaces.clear();
    labelled.bound_service_account_namespace_selector =
        Some(LabelSelector { match_labels, ..LabelSelector::default() });
    let with = |team: Option<&str>| {
        let labels = team.map(|team| [("team".to_owned(), team.to_owned())].into());
        ask([labelled.clone()], &["orders"], &Login { labels, ..login() })
    };
    assert_eq!(with(Some("a")), "allow orders");
    assert_eq!(with(Some("b")), "namespace");
    assert_eq!(with(None), "namespace");
}

#[test]
fn a_role_bound_to_addresses_admits_from_there_alone() {
    let mut bound = role("orders");
    bound.token.bound_cidrs = vec![BoundCidr::parse("192.0.2.0/24").unwrap()];
    let house = House::new(Some(set(1, [bound])), Script::default());
    let from = |peer: Option<[u8; 4]>| told(&house.readmit(&["orders"], &login(), peer.map(IpAddr::from)));
    assert_eq!(from(Some([192, 0, 2, 7])), "allow orders");
    assert_eq!(from(Some([198, 51, 100, 7])), "peer_address");
    assert_eq!(from(None), "peer_address");
}

#[test]
fn another_mount_at_the_same_path_knows_no_login_of_before() {
    // As when the mount is enabled anew after the token was found good.
    let before = set(1, [role("orders")]);
    let mount = Mount::clone(before.mount("kubernetes").unwrap());
    let anew = Mount { generation: 2, about: Arc::new(MountAbout::new([9; 20])), ..mount };
    let mounts = [("kubernetes".into(), Arc::new(anew))].into();
    let house = House::new(Some(before), Script::default());
    assert_eq!(told(&house.readmit(&["orders"], &login(), None)), "allow orders");
    house.snapshot.store(Some(Arc::new(Snapshot { mounts, ..Snapshot::default() })));
    assert_eq!(told(&house.readmit(&["orders"], &login(), None)), "client_token");
    house.snapshot.store(Some(Arc::default()));
    assert_eq!(told(&house.readmit(&["orders"], &login(), None)), "unknown_mount");
    house.snapshot.store(None);
    assert_eq!(told(&house.readmit(&["orders"], &login(), None)), "not_loaded");
}

/// Knows that one service account is gone, as far as it was confirmed in that second.
#[derive(Debug)]
struct Lost(String, i64);

impl Gone for Lost {
    fn is_gone(&self, mount: &Arc<Mount>, uid: &str, confirmed: i64) -> bool {
        &*mount.path == "kubernetes" && uid == self.0 && confirmed == self.1
    }
}

#[test]
fn a_login_whose_service_account_is_known_to_be_gone_is_refused() {
    let ask = |uid: &str, confirmed: i64| {
        let house = House::new(Some(set(1, [role("orders")])), Script::default());
        let house = house.with_gone(Arc::new(Lost(uid.to_owned(), confirmed)));
        told(&house.readmit(&["orders"], &login(), None))
    };
    assert_eq!(ask(&login().uid, CONFIRMED), "client_token");
    assert_eq!(ask(&login().uid, CONFIRMED + 1), "allow orders");
    assert_eq!(ask("another", CONFIRMED), "allow orders");
}
