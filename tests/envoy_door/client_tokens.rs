//! What a client token does not open, however it is come by.

use std::sync::Arc;

use futures_util::future::join_all;
use rolegate::core::cidr::BoundCidr;
use rolegate::core::client_token::{Parent, TokenDigest};
use rolegate::core::mount::{Mount, MountAbout};
use rolegate::core::role::Role;
use rolegate::core::secret::Secret;
use rolegate::tokens::NewToken;

use crate::logins::{batch, created, login, showing};
use crate::support::{ApiServer, Served, ok, set_to, told};

/// Whatever is wrong with a token, its holder is told the same.
const REFUSED: &str = "denied 401 client_token";
const ALLOWED: &str = "allow allowed";

/// Two mounts with the same two roles, and an API server that must not be needed.
fn served(settings: &str) -> Served {
    let served = Served::new(settings);
    served.mounts(|_| {});
    served.api_server(ApiServer::Panics);
    served
}

/// A role that binds another service account.
fn close(mount: &mut Mount) {
    let role = Role::clone(&mount.roles["orders"]);
    let closed = Role { bound_service_account_names: vec!["others".to_owned()], ..role };
    mount.roles.insert("orders".into(), Arc::new(closed));
}

#[tokio::test]
async fn a_login_at_another_mount_opens_nothing_here() {
    let served = served("{}");
    for new in [login("elsewhere", "orders"), batch("elsewhere", "orders")] {
        let token = served.issue(new).await;
        assert_eq!(told(&served.show(&token).await), REFUSED);
        let there = served.answer(showing(&token, "elsewhere", "orders")).await;
        assert_eq!(told(&there), ALLOWED);
        assert_eq!(set_to(&ok(&there).headers, "x-rolegate-mount"), Some("elsewhere"));
        let nowhere = served.answer(showing(&token, "nowhere", "orders")).await;
        assert_eq!(told(&nowhere), "denied 403 unknown_mount");
    }
}

#[tokio::test]
async fn a_login_in_another_role_opens_nothing_although_the_account_could_hold_both() {
    let served = served("{}");
    for new in [login("kubernetes", "billing"), batch("kubernetes", "Billing")] {
        let token = served.issue(new).await;
        assert_eq!(told(&served.show(&token).await), REFUSED);
        let both = served.answer(showing(&token, "kubernetes", "orders,billing")).await;
        assert_eq!(set_to(&ok(&both).headers, "x-rolegate-role"), Some("billing"));
    }
}

#[tokio::test]
async fn a_root_token_opens_nothing() {
    let served = served("{}");
    let policies = || vec!["root".to_owned()];
    let id = Some(Secret::from("hvs.chosen-by-hand".to_owned()));
    let endless = NewToken { id, ttl: 0, policies: policies(), ..created() };
    // No login gives such a token; one that did would still not pass.
    let of_a_login = NewToken { policies: policies(), ..login("kubernetes", "orders") };
    for new in [endless, of_a_login] {
        let token = served.issue(new).await;
        assert!(served.tokens.find(&token).await.unwrap().unwrap().record.is_root());
        assert_eq!(told(&served.show(&token).await), REFUSED);
    }
}

#[tokio::test]
async fn a_token_created_with_a_logins_token_opens_nothing() {
    let served = served("{}");
    let parent = served.issue(login("kubernetes", "orders")).await;
    let record = served.tokens.find(&parent).await.unwrap().unwrap().record;
    let of = Parent { digest: TokenDigest::of(&parent), accessor: record.accessor };
    for parent in [Some(of), None] {
        let child = served.issue(NewToken { parent, ..created() }).await;
        assert!(served.tokens.find(&child).await.unwrap().is_some(), "it is a good token");
        assert_eq!(told(&served.show(&child).await), REFUSED);
    }
    assert_eq!(told(&served.show(&parent).await), ALLOWED);
}

#[tokio::test]
async fn a_batch_token_goes_by_its_role_as_it_is_now() {
    let served = served("{}");
    let token = served.issue(batch("kubernetes", "orders")).await;
    assert!(token.starts_with("hvb."));
    assert_eq!(told(&served.show(&token).await), ALLOWED);
    served.mounts(close);
    assert_eq!(told(&served.show(&token).await), "denied 403 service_account_name");
    served.mounts(|mount| drop(mount.roles.remove("orders")));
    assert_eq!(told(&served.show(&token).await), "denied 403 unknown_role");
    served.mounts(|_| {});
    assert_eq!(told(&served.show(&token).await), ALLOWED);
}

#[tokio::test]
async fn a_mount_that_was_disabled_and_enabled_again_knows_no_login_of_before() {
    let served = served("{}");
    for new in [login("kubernetes", "orders"), batch("kubernetes", "orders")] {
        served.mounts(|_| {});
        let token = served.issue(new).await;
        assert_eq!(told(&served.show(&token).await), ALLOWED);
        served.disable();
        assert_eq!(told(&served.show(&token).await), REFUSED);
        served.mounts(|mount| mount.about = Arc::new(MountAbout::new([9; 20])));
        assert_eq!(told(&served.show(&token).await), REFUSED);
    }
}

#[tokio::test]
async fn a_used_up_token_opens_nothing_and_only_an_allow_takes_a_use() {
    let served = served("{}");
    let token = served.issue(NewToken { num_uses: 2, ..login("kubernetes", "orders") }).await;
    for _ in 0..3 {
        let other = served.answer(showing(&token, "kubernetes", "billing")).await;
        assert_eq!(told(&other), REFUSED);
    }
    for expected in [ALLOWED, ALLOWED, REFUSED, REFUSED] {
        assert_eq!(told(&served.show(&token).await), expected);
    }
    assert_eq!(served.tokens.count().await.unwrap(), 0, "it is gone");
}

#[tokio::test]
async fn of_many_requests_at_once_no_more_are_allowed_than_a_token_has_uses() {
    let served = served("{}");
    let token = served.issue(NewToken { num_uses: 3, ..login("kubernetes", "orders") }).await;
    let answers = join_all((0..16).map(|_| served.show(&token))).await;
    let allowed = answers.iter().filter(|answer| told(answer) == ALLOWED).count();
    assert_eq!(allowed, 3);
}

#[tokio::test]
async fn a_setting_turns_every_client_token_away_and_takes_no_use() {
    let served = served("client_tokens: false");
    let new = NewToken { num_uses: 1, ..login("kubernetes", "orders") };
    for new in [login("kubernetes", "orders"), batch("kubernetes", "orders"), new] {
        let token = served.issue(new).await;
        assert_eq!(told(&served.show(&token).await), REFUSED);
        assert!(served.tokens.find(&token).await.unwrap().is_some(), "it is still good");
    }
}

#[tokio::test]
async fn a_token_bound_to_other_addresses_opens_nothing_and_loses_no_use() {
    let served = served("{}");
    for (block, expected) in [("198.51.100.0/24", "denied 403 peer_address"), ("192.0.2.0/24", ALLOWED)] {
        let bound_cidrs = vec![BoundCidr::parse(block).unwrap()];
        let new = NewToken { bound_cidrs, num_uses: 1, ..login("kubernetes", "orders") };
        let token = served.issue(new).await;
        assert_eq!(told(&served.show(&token).await), expected);
        assert_eq!(served.tokens.find(&token).await.unwrap().is_some(), expected != ALLOWED);
    }
}
