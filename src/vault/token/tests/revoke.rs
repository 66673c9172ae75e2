//! Tests of revocations.

use serde_json::json;

use super::stage::{Stage, done, listed, refused};
use crate::core::client_token::TokenKind;
use crate::tokens::NewToken;
use crate::tokens::tests::house::new_token;
use crate::vault::outcome::Class;

#[tokio::test]
async fn every_way_ends_the_token_and_its_children() {
    let stage = Stage::new().await;
    for way in ["revoke-self", "revoke", "revoke-accessor"] {
        let (token, issued) = stage.issue(new_token()).await;
        let child = stage.house.child(&issued).await;
        let (asker, fields) = match way {
            "revoke-self" => (token.as_str(), json!(null)),
            "revoke" => ("root", json!({"token": token})),
            _ => ("root", json!({"accessor": issued.record.accessor})),
        };
        assert!(done(stage.write(asker, way, fields).await).is_empty(), "{way}");
        assert!(stage.used(&token).await.is_none());
        assert!(!stage.house.is_good(&child).await);
    }
}

#[tokio::test]
async fn what_is_not_there_is_revoked_all_the_same() {
    let stage = Stage::new().await;
    assert!(done(stage.write("root", "revoke", json!({"token": "bogus"})).await).is_empty());
    assert!(done(stage.write("root", "revoke", json!({"token": "hvb.bogus"})).await).is_empty());
    let answer = done(stage.write("root", "revoke-accessor", json!({"accessor": "bogus"})).await);
    assert_eq!(answer.warnings, ["No token found with this accessor"]);
}

#[tokio::test]
async fn a_token_that_is_not_good_any_more_is_still_taken_away() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(new_token()).await;
    stage.house.gone.0.lock().unwrap().insert("auth_kubernetes_7d1c29aa".to_owned());
    stage.write("root", "revoke", json!({"token": token})).await;
    assert_eq!(stage.house.sizes()[0], 1, "root's is left");
}

#[tokio::test]
async fn what_cannot_be_revoked_is_refused_in_the_references_words() {
    let stage = Stage::new().await;
    let (batch, _) = stage.issue(NewToken { kind: TokenKind::Batch, ..new_token() }).await;
    let cannot = "batch tokens cannot be revoked".to_owned();
    let cases = [
        (batch.as_str(), "revoke-self", json!({}), cannot.clone()),
        ("root", "revoke", json!({"token": batch}), cannot.clone()),
        ("root", "revoke-orphan", json!({"token": batch}), cannot),
        ("root", "revoke", json!({}), "missing token ID".to_owned()),
        ("root", "revoke-orphan", json!({}), "missing token ID".to_owned()),
        ("root", "revoke-orphan", json!({"token": "bogus"}), "token to revoke not found".to_owned()),
        ("root", "revoke-accessor", json!({}), listed("missing accessor")),
    ];
    for (token, path, fields, text) in cases {
        assert_eq!(refused(stage.write(token, path, fields).await), (Class::Invalid, text), "{path}");
    }
}

#[tokio::test]
async fn orphaning_needs_sudo_and_lets_the_children_live() {
    let stage = Stage::new().await;
    let (token, issued) = stage.issue(new_token()).await;
    let child = stage.house.child(&issued).await;
    let outcome = stage.write(&token, "revoke-orphan", json!({"token": token})).await;
    let text = "root or sudo privileges required to revoke and orphan".to_owned();
    assert_eq!(refused(outcome), (Class::Invalid, text));
    assert!(done(stage.write("root", "revoke-orphan", json!({"token": token})).await).is_empty());
    assert!(stage.used(&token).await.is_none());
    assert!(stage.house.find(&child).await.unwrap().record.is_orphan());
}

#[tokio::test]
async fn a_store_that_fails_acknowledges_nothing() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(new_token()).await;
    stage.house.store.fail_after(0);
    let outcome = stage.write(&token, "revoke-self", json!({})).await;
    assert_eq!(
        refused(outcome),
        (Class::Internal, "the store has failed, see the log of the server".to_owned())
    );
    stage.house.store.heal();
    assert!(stage.used(&token).await.is_some());
}
