//! Tests of what makes a token good and what ends it.

use super::house::{House, START, chosen, digest_of, new_token};
use crate::core::client_token::{MAX_TOKEN_LEN, TokenDigest};
use crate::core::secret::Secret;
use crate::ports::store::{Key, Kind};
use crate::tokens::{MAX_ANCESTORS, NewToken, Root, TokensError};

#[tokio::test]
async fn an_issued_token_is_found_by_its_text_and_its_accessor_and_kept_nowhere() {
    let house = House::new();
    let issued = house.issue(new_token()).await;
    let token = issued.token.expose();
    assert!(token.starts_with("hvs.") && token.len() >= 47, "{}", token.len());
    assert_eq!(house.find(&issued).await.unwrap().record, issued.record);
    let accessor = &issued.record.accessor;
    assert!(accessor.len() == 24 && accessor.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let found = house.tokens.find_by_accessor(accessor).await.unwrap().unwrap();
    assert_eq!((found.digest, &found.record), (TokenDigest::of(token), &issued.record));
    assert_eq!(house.sizes(), [1, 1, 0, 1]);
    let shown = format!("{:?} {issued:?} {found:?}", house.store);
    assert!(!shown.contains(token.strip_prefix("hvs.").unwrap()));
}

#[tokio::test]
async fn what_is_no_token_is_not_found() {
    let house = House::new();
    house.issue(new_token()).await;
    let long = "x".repeat(MAX_TOKEN_LEN + 1);
    for text in ["", "hvs.", "hvb.", "hvb.AAAAAQ", "bogus", &long] {
        assert!(house.tokens.find(text).await.unwrap().is_none(), "{text}");
        assert!(house.tokens.find_by_accessor(text).await.unwrap().is_none(), "{text}");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time_or_with_its_mount() {
    let house = House::new();
    let issued = house.issue(new_token()).await;
    let child = house.child(&issued).await;
    house.later(3600);
    assert!(house.is_good(&issued).await);
    house.later(1);
    assert!(!house.is_good(&issued).await);
    assert!(house.tokens.find_by_accessor(&issued.record.accessor).await.unwrap().is_none());
    house.later(-1);
    house.gone.0.lock().unwrap().insert("auth_kubernetes_7d1c29aa".to_owned());
    assert!(!house.is_good(&issued).await);
    assert!(!house.is_good(&child).await, "the login's child");
    assert_eq!(child.record.login, None);
}

#[tokio::test]
async fn a_renewal_writes_the_record_alone_and_lengthens_the_life() {
    let house = House::new();
    let issued = house.issue(new_token()).await;
    let digest = digest_of(&issued);
    house.later(1800);
    let index = house.store.of(Kind::Expiry);
    let renewed = house.tokens.renew(&digest, 3600).await.unwrap().unwrap();
    assert_eq!(renewed.expires, Some(START + 5400));
    assert_eq!(renewed.last_renewal, Some(START + 1800));
    assert_eq!(house.store.of(Kind::Expiry), index, "the index is left as it is");
    house.later(3600);
    assert!(house.is_good(&issued).await);
    house.later(1);
    assert!(!house.is_good(&issued).await);
    assert!(house.tokens.renew(&digest, 3600).await.unwrap().is_none(), "too late");
}

#[tokio::test]
async fn a_renewal_to_a_sooner_time_moves_the_entry_in_the_index() {
    let house = House::new();
    let issued = house.issue(new_token()).await;
    house.tokens.renew(&digest_of(&issued), 60).await.unwrap().unwrap();
    house.later(61);
    assert!(!house.is_good(&issued).await);
    house.tokens.collect_due().await.unwrap();
    assert_eq!(house.sizes(), [0; 4]);
}

#[tokio::test]
async fn a_revoked_token_takes_all_its_descendants_along_at_once() {
    let house = House::new();
    let top = house.issue(new_token()).await;
    let child = house.child(&top).await;
    let grandchild = house.child(&child).await;
    let other = house.issue(new_token()).await;
    assert!(house.is_good(&grandchild).await);
    assert!(house.tokens.revoke(&digest_of(&top)).await.unwrap());
    for token in [&top, &child, &grandchild] {
        assert!(!house.is_good(token).await);
    }
    house.tokens.collect_due().await.unwrap();
    assert_eq!(house.sizes(), [1, 1, 0, 1]);
    assert!(house.is_good(&other).await);
    assert!(!house.tokens.revoke(&digest_of(&top)).await.unwrap(), "there is none any more");
}

#[tokio::test]
async fn a_child_can_be_revoked_alone() {
    let house = House::new();
    let top = house.issue(new_token()).await;
    let child = house.child(&top).await;
    assert!(house.tokens.revoke(&digest_of(&child)).await.unwrap());
    assert!(!house.is_good(&child).await);
    assert!(house.is_good(&top).await);
    assert_eq!(house.sizes(), [1, 1, 0, 1]);
}

#[tokio::test]
async fn children_live_on_as_orphans_where_that_is_asked_for() {
    let house = House::new();
    let top = house.issue(new_token()).await;
    let mut children = Vec::new();
    for _ in 0..70 {
        children.push(house.child(&top).await);
    }
    let grandchild = house.child(children.first().unwrap()).await;
    assert!(house.tokens.revoke_orphan(&digest_of(&top)).await.unwrap());
    assert!(!house.is_good(&top).await);
    for child in &children {
        assert!(house.find(child).await.unwrap().record.is_orphan());
    }
    assert!(!house.find(&grandchild).await.unwrap().record.is_orphan());
    house.tokens.collect_due().await.unwrap();
    assert_eq!(house.sizes(), [71, 71, 1, 71]);
    assert!(!house.tokens.revoke_orphan(&digest_of(&top)).await.unwrap());
}

#[tokio::test]
async fn a_token_cannot_be_made_below_one_that_is_not_good_or_too_deep() {
    let house = House::new();
    let mut last = house.issue(new_token()).await;
    for _ in 0..MAX_ANCESTORS {
        last = house.child(&last).await;
    }
    assert!(house.is_good(&last).await);
    assert!(matches!(house.try_child(&last).await, Err(TokensError::TooDeep)));
    let short = house.issue(NewToken { ttl: 1, ..new_token() }).await;
    house.later(2);
    assert!(matches!(house.try_child(&short).await, Err(TokensError::ParentGone)));
}

#[tokio::test]
async fn a_chosen_text_is_taken_once_and_brings_no_old_children_back() {
    let house = House::new();
    let first = house.issue(chosen("mine")).await;
    assert_eq!(first.token.expose(), "mine");
    let child = house.child(&first).await;
    assert!(matches!(house.tokens.issue(chosen("mine")).await, Err(TokensError::Taken)));
    house.tokens.revoke(&digest_of(&first)).await.unwrap();
    let second = house.issue(chosen("mine")).await;
    assert!(house.is_good(&second).await);
    assert!(!house.is_good(&child).await, "a child of the first");
    house.store.put(Key::new(Kind::Token, digest_of(&child).0), &child.record.to_bytes());
    assert!(!house.is_good(&child).await, "even if it is still there");
    assert!(house.tokens.revoke(&digest_of(&child)).await.unwrap());
    let newer = house.child(&second).await;
    house.tokens.purge(digest_of(&second)).await.unwrap();
    house.tokens.collect_due().await.unwrap();
    assert!(house.is_good(&newer).await, "the collector still has the first one's end to see to");
    assert_eq!(house.sizes(), [2, 2, 1, 1]);
    for text in ["", "a b", "hvb.x", "ä", &"x".repeat(MAX_TOKEN_LEN + 1)] {
        assert!(matches!(house.tokens.issue(chosen(text)).await, Err(TokensError::Unfit)), "{text}");
    }
}

#[tokio::test]
async fn the_root_token_survives_starts_and_stays_revoked() {
    let house = House::new();
    let root = Secret::from("root".to_owned());
    assert_eq!(house.tokens.ensure_root(&root).await.unwrap(), Root::Made);
    let again = house.again();
    assert_eq!(again.tokens.ensure_root(&root).await.unwrap(), Root::There);
    let found = again.tokens.find("root").await.unwrap().unwrap();
    let record = &found.record;
    assert_eq!(record.policies, ["root"]);
    assert_eq!((record.display_name.as_str(), record.path.as_str()), ("token", "auth/token/create"));
    assert!(record.is_orphan() && !record.renewable && record.expires.is_none());
    house.later(100 * 365 * 24 * 3600);
    house.tokens.collect_due().await.unwrap();
    assert!(house.tokens.find("root").await.unwrap().is_some(), "it never expires");
    assert!(again.tokens.revoke(&found.digest).await.unwrap());
    again.tokens.collect_due().await.unwrap();
    assert_eq!(house.again().tokens.ensure_root(&root).await.unwrap(), Root::Revoked);
    assert!(house.tokens.find("root").await.unwrap().is_none());
    let other = Secret::from("other".to_owned());
    assert_eq!(house.tokens.ensure_root(&other).await.unwrap(), Root::Made);
    let unfit = house.tokens.ensure_root(&Secret::from(String::new())).await;
    assert!(matches!(unfit, Err(TokensError::Unfit)));
}

#[tokio::test]
async fn accessors_are_listed_in_pages() {
    let house = House::new();
    let mut accessors = Vec::new();
    for _ in 0..5 {
        accessors.push(house.issue(new_token()).await.record.accessor);
    }
    accessors.sort();
    let page = house.tokens.accessors(None, 2).await.unwrap();
    assert_eq!(page, accessors.get(..2).unwrap());
    let rest = house.tokens.accessors(page.last().map(String::as_str), 10).await.unwrap();
    assert_eq!(rest, accessors.get(2..).unwrap());
    assert_eq!(house.tokens.count().await.unwrap(), 5);
    assert!(house.metrics.render().contains("rolegate_client_tokens 5"));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_no_token() {
    let house = House::new();
    let issued = house.issue(new_token()).await;
    house.store.put(Key::new(Kind::Token, digest_of(&issued).0), b"\x07later");
    assert!(!house.is_good(&issued).await);
}

#[tokio::test]
async fn nothing_is_acknowledged_that_the_store_has_not_taken() {
    let house = House::new();
    let issued = house.issue(new_token()).await;
    house.store.fail_after(0);
    assert!(house.tokens.issue(new_token()).await.is_err());
    assert!(house.tokens.revoke(&digest_of(&issued)).await.is_err());
    assert!(house.tokens.renew(&digest_of(&issued), 9).await.is_err());
    house.store.heal();
    assert!(house.is_good(&issued).await);
    assert_eq!(house.sizes(), [1, 1, 0, 1]);
}
