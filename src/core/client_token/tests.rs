//! Tests of the record and its encoding.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::{ClientToken, Login, Parent, TokenDigest, TokenKind};
use crate::core::cidr::BoundCidr;

/// The token of a login of `shop/orders`, as most are.
pub(crate) fn login_token() -> ClientToken {
    ClientToken {
        kind: TokenKind::Service,
        accessor: "aZ09aZ09aZ09aZ09aZ09aZ09".to_owned(),
        parent: None,
        policies: vec!["default".to_owned(), "orders".to_owned()],
        path: "auth/kubernetes/login".to_owned(),
        meta: None,
        display_name: "kubernetes-shop-orders".to_owned(),
        num_uses: 0,
        created: 1_700_000_000,
        creation_ttl: 2_764_800,
        expires: Some(1_702_764_800),
        explicit_max_ttl: 0,
        period: 0,
        entity_id: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
        renewable: true,
        bound_cidrs: vec![],
        last_renewal: None,
        indexed: Some(1_702_764_800),
        login: Some(Login {
            mount_accessor: "auth_kubernetes_7d1c29aa".to_owned(),
            mount_path: "kubernetes".to_owned(),
            role: "Orders".to_owned(),
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
            uid: "77c81ad7-1bea-4d94-9ca5-f5d7f3632331".to_owned(),
            secret_name: String::new(),
            labels: None,
        }),
    }
}

/// The same as a batch token.
pub(crate) fn batch() -> ClientToken {
    let accessor = String::new();
    ClientToken { kind: TokenKind::Batch, accessor, renewable: false, indexed: None, ..login_token() }
}

prop_compose! {
    fn login()(
        texts in vec(".{0,12}", 7),
        labels in option::of(btree_map("[a-z]{1,9}", ".{0,9}", 0..4)),
    ) -> Login {
        let [mount_accessor, mount_path, role, namespace, name, uid, secret_name] =
            <[String; 7]>::try_from(texts).unwrap();
        Login { mount_accessor, mount_path, role, namespace, name, uid, secret_name, labels }
    }
}

prop_compose! {
    fn token()(
        batch in any::<bool>(),
        parent in option::of((any::<[u8; 32]>(), ".{0,9}")),
        texts in vec(".{0,30}", 4),
        policies in vec(".{0,9}", 0..4),
        meta in option::of(btree_map(".{0,5}", ".{0,5}", 0..4)),
        numbers in any::<[i64; 5]>(),
        times in any::<[Option<i64>; 3]>(),
        renewable in any::<bool>(),
        cidrs in vec(prop_oneof!["10\\.[0-9]\\.0\\.0/(8|16|32)", "[a-z]{1,5}/x", "2001:db8::[1-9]"], 0..3),
        login in option::of(login()),
    ) -> ClientToken {
        let [accessor, path, display_name, entity_id] = <[String; 4]>::try_from(texts).unwrap();
        let [num_uses, created, creation_ttl, explicit_max_ttl, period] = numbers;
        let [expires, last_renewal, indexed] = times;
        ClientToken {
            kind: if batch { TokenKind::Batch } else { TokenKind::Service },
            parent: parent.map(|(digest, accessor)| Parent { digest: TokenDigest(digest), accessor }),
            bound_cidrs: cidrs.iter().map(|text| BoundCidr::parse(text).unwrap()).collect(),
            accessor, policies, path, meta, display_name, num_uses, created, creation_ttl, expires,
            explicit_max_ttl, period, entity_id, renewable, last_renewal, indexed, login,
        }
    }
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded_and_nothing_shorter_or_longer_is(token in token(), more in any::<u8>()) {
        let bytes = token.to_bytes();
        prop_assert_eq!(ClientToken::from_bytes(&bytes), Ok(token));
        prop_assert!(ClientToken::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        prop_assert!(ClientToken::from_bytes(&[&bytes[..], &[more]].concat()).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_a_record_and_nothing_worse(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(token) = ClientToken::from_bytes(&bytes) {
            prop_assert_eq!(ClientToken::from_bytes(&token.to_bytes()), Ok(token));
        }
        prop_assert!(ClientToken::from_bytes(&[&[1][..], &[0xff; 64]].concat()).is_err());
    }
}

#[test]
fn a_usual_login_takes_little_room() {
    let size = login_token().to_bytes().len();
    assert!(size < 330, "{size} bytes");
}

#[test]
fn the_layout_is_the_one_that_stores_hold() {
    // A change here is a new format: stores hold records of this one.
    let text: String = login_token().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text, include_str!("tests/format-1.hex").trim_end());
    let other = [&[2], &login_token().to_bytes()[1..]].concat();
    assert!(ClientToken::from_bytes(&other).is_err());
}

#[test]
fn a_login_shows_its_five_facts_and_a_created_token_its_metadata() {
    let token = login_token();
    let shown = token.metadata().unwrap();
    let pairs: Vec<_> = shown.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        pairs,
        [
            ("role", "Orders"),
            ("service_account_name", "orders"),
            ("service_account_namespace", "shop"),
            ("service_account_secret_name", ""),
            ("service_account_uid", "77c81ad7-1bea-4d94-9ca5-f5d7f3632331"),
        ]
    );
    assert_eq!(token.login.as_ref().unwrap().stored_role(), "orders");
    let meta = Some([("x".to_owned(), "y".to_owned())].into());
    let created = ClientToken { login: None, meta: meta.clone(), ..token };
    assert_eq!(created.metadata(), meta);
}

#[test]
fn a_token_is_good_to_the_end_of_its_last_second_and_while_it_has_uses() {
    let token = ClientToken { expires: Some(10), ..login_token() };
    assert!(token.is_good(10) && !token.is_good(11));
    assert!(ClientToken { expires: None, ..login_token() }.is_good(i64::MAX));
    assert!(ClientToken { num_uses: 1, ..token.clone() }.is_good(10));
    assert!(!ClientToken { num_uses: -1, ..token.clone() }.is_good(10));
    assert_eq!((token.ttl_left(4), token.ttl_left(11)), (6, 0));
}

#[test]
fn a_bound_token_admits_its_networks_alone() {
    let token = login_token();
    assert!(token.admits(None));
    let bound = ClientToken { bound_cidrs: vec![BoundCidr::parse("10.0.0.0/8").unwrap()], ..token };
    assert!(bound.admits("10.1.2.3".parse().ok()));
    assert!(!bound.admits("11.1.2.3".parse().ok()));
    assert!(!bound.admits(None));
}

#[test]
fn the_last_ttl_is_that_of_the_last_renewal() {
    let token = login_token();
    assert_eq!(token.last_ttl(), 2_764_800);
    let renewed = ClientToken { last_renewal: Some(1_700_000_100), expires: Some(1_700_000_200), ..token };
    assert_eq!(renewed.last_ttl(), 100);
}

#[test]
fn nothing_that_administers_a_token_shows() {
    let token = ClientToken {
        meta: Some([("key".to_owned(), "hunter2".to_owned())].into()),
        parent: Some(Parent { digest: TokenDigest([0xab; 32]), accessor: "parentaccessor".to_owned() }),
        ..login_token()
    };
    let shown = format!("{token:?} {:?} {:?}", token.parent, token.login);
    for hidden in ["aZ09", "hunter2", "parentaccessor", "abababababab"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
