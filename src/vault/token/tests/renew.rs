//! Tests of renewals.

use serde_json::json;

use super::stage::{HOUR, Stage, auth, data, listed, refused};
use crate::core::client_token::TokenKind;
use crate::core::client_token::lease::LeaseTerms;
use crate::tokens::NewToken;
use crate::tokens::tests::house::new_token;
use crate::vault::outcome::{Class, Refusal};
use crate::vault::request::Operation;

#[tokio::test]
async fn a_login_is_renewed_for_what_it_asks_and_its_role_gives() {
    let stage = Stage::new().await;
    let (token, issued) = stage.issue(new_token()).await;
    let none: &[&str] = &[];
    for (fields, ttl, warnings) in [
        (json!({}), HOUR, none),
        (json!({"increment": 100}), 100, none),
        (json!({"increment": "0"}), HOUR, none),
        (json!({"increment": null}), HOUR, none),
        (
            json!({"increment": "100000h"}),
            10 * HOUR,
            &[r#"TTL of "100000h" exceeded the effective max_ttl of "10h"; TTL value is capped accordingly"#],
        ),
    ] {
        let (auth, said) = auth(stage.write(&token, "renew-self", fields).await);
        assert_eq!(
            (auth.lease_duration, said.iter().map(String::as_str).collect::<Vec<_>>()),
            (ttl, warnings.to_vec())
        );
        assert_eq!(auth.client_token.expose(), token);
        assert_eq!(auth.accessor, issued.record.accessor);
        assert_eq!(auth.policies, issued.record.policies);
        assert_eq!(auth.metadata, issued.record.metadata());
        assert!(auth.orphan && auth.renewable);
        assert_eq!((auth.token_type, auth.num_uses), ("service", 0));
    }
}

#[tokio::test]
async fn the_role_as_it_is_now_counts_and_the_tokens_own_explicit_maximum() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(NewToken { explicit_max_ttl: HOUR, ..new_token() }).await;
    *stage.role.0.lock().unwrap() =
        Ok(LeaseTerms { period: 1200, explicit_max_ttl: 5, ..LeaseTerms::default() });
    stage.house.later(1800);
    assert_eq!(auth(stage.write(&token, "renew-self", json!({"increment": 7})).await).0.lease_duration, 1200);
    stage.house.later(1000);
    let (auth, warnings) = auth(stage.write("root", "renew", json!({"token": token})).await);
    assert_eq!(auth.lease_duration, 800);
    let expected =
        r#"TTL of "20m" exceeded the effective max_ttl of "13m20s"; TTL value is capped accordingly"#;
    assert_eq!(warnings, [expected]);
    stage.house.later(800);
    let past = listed("past the max TTL, cannot renew");
    assert_eq!(refused(stage.write(&token, "renew-self", json!({})).await), (Class::Internal, past));
}

#[tokio::test]
async fn what_the_roles_backend_refuses_is_not_renewed() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(new_token()).await;
    let refusal = Refusal::new(Class::Denied, "service account name not authorized");
    *stage.role.0.lock().unwrap() = Err(refusal);
    stage.house.later(3000);
    let outcome = stage.write(&token, "renew-self", json!({})).await;
    assert_eq!(refused(outcome), (Class::Denied, "service account name not authorized".to_owned()));
    stage.house.later(601);
    assert!(stage.used(&token).await.is_none(), "its life was not lengthened");
}

#[tokio::test]
async fn a_created_token_is_renewed_for_what_it_was_last_given() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(NewToken { login: None, ttl: 600, ..new_token() }).await;
    *stage.role.0.lock().unwrap() = Err(Refusal::silent(Class::Internal));
    for (fields, ttl) in [(json!({}), 600), (json!({"increment": 100}), 100), (json!({}), 100)] {
        assert_eq!(auth(stage.write(&token, "renew-self", fields).await).0.lease_duration, ttl);
    }
}

#[tokio::test]
async fn by_accessor_the_token_does_not_show() {
    let stage = Stage::new().await;
    let (_, issued) = stage.issue(new_token()).await;
    let fields = json!({"accessor": issued.record.accessor, "increment": 60});
    let (auth, _) = auth(stage.write("root", "renew-accessor", fields).await);
    assert_eq!((auth.client_token.expose(), auth.lease_duration), ("", 60));
}

#[tokio::test]
async fn what_cannot_be_renewed_is_refused_in_the_references_words() {
    let stage = Stage::new().await;
    let (batch, _) = stage.issue(NewToken { kind: TokenKind::Batch, ..new_token() }).await;
    let (fixed, _) = stage.issue(NewToken { renewable: false, ..new_token() }).await;
    let cases = [
        ("root", "renew-self", json!({}), "lease is not renewable".to_owned()),
        (&fixed, "renew-self", json!({}), "lease is not renewable".to_owned()),
        (&batch, "renew-self", json!({}), "batch tokens cannot be renewed".to_owned()),
        ("root", "renew", json!({"token": batch}), "batch tokens cannot be renewed".to_owned()),
        ("root", "renew", json!({"token": "bogus"}), "token not found".to_owned()),
        ("root", "renew", json!({}), "missing token ID".to_owned()),
        ("root", "renew-accessor", json!({"accessor": "bogus"}), listed("invalid accessor")),
        ("root", "renew-accessor", json!({}), listed("missing accessor")),
    ];
    for (token, path, fields, text) in cases {
        assert_eq!(refused(stage.write(token, path, fields).await), (Class::Invalid, text), "{path}");
    }
    for (path, increment) in [("renew-self", json!("x")), ("renew", json!(-5)), ("renew-accessor", json!({}))]
    {
        // Whatever else is wrong.
        let (class, text) = refused(stage.write(&batch, path, json!({"increment": increment})).await);
        assert_eq!(class, Class::Invalid);
        assert!(
            text.starts_with("Field validation failed: error converting input for field \"increment\": ")
        );
    }
}

#[tokio::test]
async fn the_last_use_renews_nothing() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(NewToken { num_uses: 1, ..new_token() }).await;
    let outcome = stage.write(&token, "renew-self", json!({})).await;
    assert_eq!(refused(outcome), (Class::Invalid, "token not found".to_owned()));
    assert!(stage.used(&token).await.is_none());
}

#[tokio::test]
async fn a_renewed_token_shows_its_renewal() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(new_token()).await;
    stage.write(&token, "renew-self", json!({"increment": 60})).await;
    stage.house.later(10);
    let shown = data(stage.ask(&token, Operation::Read, "lookup-self", json!({})).await);
    assert_eq!((&shown["ttl"], &shown["creation_ttl"]), (&json!(50), &json!(3600)));
}
