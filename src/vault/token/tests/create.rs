//! Tests of creation.

use serde_json::{Value, json};

use super::stage::{HOUR, Stage, auth, data, refused};
use crate::core::cidr::BoundCidr;
use crate::core::client_token::TokenKind;
use crate::tokens::NewToken;
use crate::tokens::tests::house::new_token;
use crate::vault::outcome::Class;
use crate::vault::request::Operation;

fn missing(policy: &str) -> String {
    format!("Policy {policy:?} does not exist")
}

#[tokio::test]
async fn root_creates_what_it_likes_and_is_told_of_missing_policies() {
    let stage = Stage::new().await;
    let fields =
        json!({"policies": ["b", "a"], "ttl": "1h", "meta": {"x": "y"}, "display_name": "me (or you)"});
    let (created, warnings) = auth(stage.write("root", "create", fields).await);
    assert_eq!(warnings, [missing("a"), missing("b")]);
    assert_eq!(created.policies, ["a", "b", "default"]);
    assert_eq!(created.metadata, Some([("x".to_owned(), "y".to_owned())].into()));
    assert_eq!((created.lease_duration, created.renewable, created.orphan), (HOUR, true, false));
    assert_eq!((created.entity_id.as_str(), created.token_type, created.num_uses), ("", "service", 0));
    let token = created.client_token.expose();
    let shown = data(stage.ask(token, Operation::Read, "lookup-self", json!({})).await);
    assert_eq!(shown["display_name"], json!("token-me--or-you"));
    assert_eq!((&shown["path"], &shown["meta"]), (&json!("auth/token/create"), &json!({"x": "y"})));
    assert!(stage.house.tokens.revoke(&stage.used("root").await.unwrap().found.digest).await.unwrap());
    assert!(stage.used(token).await.is_none(), "it goes with root's");
}

#[tokio::test]
async fn a_token_lives_as_the_mount_is_tuned_and_is_renewed_as_it_is_tuned_then() {
    let stage = Stage::new().await;
    let tune = async |default, max| {
        let mut mount = stage.house.tokens.mount().await.unwrap();
        (mount.about.default_lease_ttl, mount.about.max_lease_ttl) = (default, max);
        stage.house.tokens.tune(&mount).await.unwrap();
    };
    tune(HOUR, 2 * HOUR).await;
    let (created, warnings) = auth(stage.write("root", "create", json!({"policies": "known"})).await);
    assert_eq!((created.lease_duration, warnings), (HOUR, vec![]));
    let (long, warnings) =
        auth(stage.write("root", "create", json!({"policies": "known", "ttl": "5h"})).await);
    assert_eq!((long.lease_duration, warnings.len()), (2 * HOUR, 1), "{warnings:?}");
    tune(0, 10 * HOUR).await;
    let token = created.client_token.expose();
    let (renewed, _) = auth(stage.write(token, "renew-self", json!({"increment": "5h"})).await);
    assert_eq!(renewed.lease_duration, 5 * HOUR);
}

#[tokio::test]
async fn policies_are_inherited_cleaned_and_get_default() {
    let stage = Stage::new().await;
    let none: &[&str] = &[];
    let cases: [(Value, &[&str], &[&str], i64); 8] = [
        (json!({}), &["root"], none, 0),
        (json!({"policies": ["default", "known"], "no_default_policy": true}), &["known"], none, 768 * HOUR),
        (json!({"policies": ["default"]}), &["default"], none, 768 * HOUR),
        (json!({"policies": ["x"], "no_default_policy": true}), &["x"], &["x"], 768 * HOUR),
        (json!({"policies": "x, y"}), &["default", "x, y"], &["x, y"], 768 * HOUR),
        (json!({"policies": ["Root", "x"]}), &["root"], none, 0),
        (json!({"policies": [" Known", "known"]}), &["default", "known"], none, 768 * HOUR),
        (json!({"explicit_max_ttl": "2h"}), &["root"], none, 2 * HOUR),
    ];
    for (fields, policies, unknown, ttl) in cases {
        let (created, warnings) = auth(stage.write("root", "create", fields.clone()).await);
        assert_eq!(created.policies, policies, "{fields}");
        assert_eq!(warnings, unknown.iter().map(|policy| missing(policy)).collect::<Vec<_>>());
        assert_eq!((created.lease_duration, created.renewable), (ttl, ttl > 0), "{fields}");
    }
}

#[tokio::test]
async fn limits_are_taken_as_given() {
    let stage = Stage::new().await;
    let fields = json!({"policies": "x", "num_uses": 2, "explicit_max_ttl": "2h", "ttl": 3600});
    let (created, _) = auth(stage.write("root", "create", fields).await);
    assert_eq!((created.num_uses, created.lease_duration), (2, HOUR));
    let fields = json!({"policies": "x", "period": "1h", "ttl": "9h"});
    let (periodic, _) = auth(stage.write("root", "create", fields).await);
    let shown = data(stage.write("root", "lookup", json!({"token": periodic.client_token.expose()})).await);
    assert_eq!((&shown["period"], &shown["creation_ttl"]), (&json!(3600), &json!(3600)));
    let (fixed, _) = auth(stage.write("root", "create", json!({"policies": "x", "renewable": false})).await);
    assert!(!fixed.renewable);
    let (long, warnings) =
        auth(stage.write("root", "create", json!({"policies": "known", "ttl": "800h"})).await);
    assert_eq!(long.lease_duration, 768 * HOUR);
    let warning =
        r#"TTL of "800h" exceeded the effective max_ttl of "768h"; TTL value is capped accordingly"#;
    assert_eq!(warnings, [warning]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_the_references_words() {
    let stage = Stage::new().await;
    let cases = [
        (json!({"type": "x"}), "invalid 'token_type' value"),
        (json!({"num_uses": -1}), "number of uses cannot be negative"),
        (json!({"type": "batch", "period": "1h"}), "batch tokens cannot have \"period\" set"),
        (json!({"type": "batch", "num_uses": 1}), "batch tokens cannot have \"num_uses\" set"),
        (
            json!({"type": "batch", "explicit_max_ttl": 9}),
            "batch tokens cannot have \"explicit_max_ttl\" set",
        ),
        (json!({"type": "batch", "policies": "root"}), "batch tokens cannot be root tokens"),
        (json!({"policies": "response-wrapping"}), "cannot assign policy \"response-wrapping\""),
        (json!({"id": "hvs.x"}), "custom token ID cannot have the 'hvs.' prefix"),
        (json!({"id": "root"}), "cannot create a token with a duplicate ID"),
        (json!({"entity_alias": "x"}), "'entity_alias' is only allowed in combination with token role"),
    ];
    for (fields, text) in cases {
        let outcome = stage.write("root", "create", fields.clone()).await;
        assert_eq!(refused(outcome), (Class::Invalid, text.to_owned()), "{fields}");
    }
}

#[tokio::test]
async fn times_are_read_last_and_a_begun_second_is_a_whole_one() {
    let stage = Stage::new().await;
    let sudo = "root or sudo privileges required to create periodic token";
    let cases = [
        (json!({"ttl": "x"}), "time: invalid duration \"x\""),
        (json!({"ttl": -5}), "ttl must be positive"),
        (json!({"explicit_max_ttl": "-1ms"}), "explicit_max_ttl must be positive"),
        (json!({"period": "x"}), "time: invalid duration \"x\""),
        (json!({"period": "-1"}), "period must be positive"),
        (json!({"lease": "-1h"}), "lease must be positive"),
        (json!({"ttl": "x", "policies": "other"}), "child policies must be subset of parent"),
        (json!({"ttl": "x", "period": "1ms"}), sudo),
        (json!({"type": "batch", "period": "x"}), "\"period\" value could not be parsed"),
        (json!({"type": "x", "num_uses": -1}), "invalid 'token_type' value"),
        (json!({"num_uses": -1, "entity_alias": "x"}), "number of uses cannot be negative"),
    ];
    let (token, _) = stage.issue(new_token()).await;
    for (fields, text) in cases {
        let outcome = stage.write(&token, "create", fields.clone()).await;
        assert_eq!(refused(outcome), (Class::Invalid, text.to_owned()), "{fields}");
    }
    for (fields, ttl) in [
        (json!({"ttl": "1ms"}), 1),
        (json!({"ttl": "1500ms"}), 2),
        (json!({"ttl": true}), 1),
        (json!({"ttl": "1h", "lease": "x"}), HOUR),
        (json!({"lease": "2h"}), 2 * HOUR),
        (json!({"explicit_max_ttl": "1ms"}), 1),
        (json!({"ttl": null, "meta": null}), 768 * HOUR),
    ] {
        let (created, _) = auth(stage.write(&token, "create", fields.clone()).await);
        assert_eq!((created.lease_duration, created.metadata), (ttl, None), "{fields}");
    }
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_told_before_anything_of_the_parent() {
    let stage = Stage::new().await;
    let (counted, _) = stage.issue(NewToken { num_uses: 9, ..new_token() }).await;
    for (fields, start) in [
        (
            json!({"renewable": "yes"}),
            "Field validation failed: error converting input for field \"renewable\": ",
        ),
        (json!({"ttl": {"a": 1}}), "Field validation failed: error converting input for field \"ttl\": "),
        (
            json!({"policies": {"a": 1}}),
            "Field validation failed: error converting input for field \"policies\": ",
        ),
        (json!({"meta": 5}), "Error decoding request: error converting input for field \"meta\": "),
    ] {
        let (class, text) = refused(stage.write(&counted, "create", fields.clone()).await);
        assert!(class == Class::Invalid && text.starts_with(start), "{fields}: {text}");
    }
}

#[tokio::test]
async fn a_batch_token_is_created_below_its_parent() {
    let stage = Stage::new().await;
    let fields = json!({"policies": "x", "type": "batch", "ttl": "1h"});
    let (created, _) = auth(stage.write("root", "create", fields).await);
    assert!(created.client_token.expose().starts_with("hvb."));
    assert_eq!((created.accessor.as_str(), created.renewable, created.token_type), ("", false, "batch"));
    assert_eq!((created.orphan, created.lease_duration), (false, HOUR));
    let outcome = stage.write(created.client_token.expose(), "create", json!({})).await;
    assert_eq!(refused(outcome).1, "batch tokens cannot create more tokens");
}

#[tokio::test]
async fn without_sudo_a_child_gets_no_more_than_its_parent_has() {
    let stage = Stage::new().await;
    let cidr = BoundCidr::parse("10.0.0.0/8").unwrap();
    let (token, _) = stage.issue(NewToken { bound_cidrs: vec![cidr.clone()], ..new_token() }).await;
    let (child, _) = auth(stage.write(&token, "create", json!({"policies": "orders"})).await);
    assert_eq!(child.policies, ["default", "orders"]);
    assert_eq!((child.metadata, child.orphan), (None, false));
    assert_eq!(child.entity_id, new_token().entity_id);
    let found = stage.used(child.client_token.expose()).await.unwrap().found;
    assert_eq!(found.record.bound_cidrs, [cidr]);
    let (child, _) = auth(stage.write(&token, "create", json!({})).await);
    assert_eq!(child.policies, ["default", "orders"]);
    let (child, _) =
        auth(stage.write(&token, "create", json!({"policies": "orders", "no_default_policy": true})).await);
    assert_eq!(child.policies, ["orders"]);
    let (child, _) = auth(stage.write(&token, "create", json!({"no_default_policy": true})).await);
    assert_eq!(child.policies, ["orders"], "not the parent's either");
    let subset = "child policies must be subset of parent";
    let cases = [
        (json!({"policies": "root"}), subset),
        (json!({"policies": "other"}), subset),
        (json!({"no_parent": true}), "root or sudo privileges required to create orphan token"),
        (json!({"period": "1h"}), "root or sudo privileges required to create periodic token"),
        (json!({"id": "mine"}), "root or sudo privileges required to specify token id"),
    ];
    for (fields, text) in cases {
        let outcome = stage.write(&token, "create", fields.clone()).await;
        assert_eq!(refused(outcome), (Class::Invalid, text.to_owned()), "{fields}");
    }
    assert!(auth(stage.write(&token, "create", json!({"period": 0})).await).0.renewable);
}

#[tokio::test]
async fn sudo_gives_everything_but_root() {
    let stage = Stage::new().await;
    let (token, _) = stage.issue(new_token()).await;
    let create = |fields| stage.ask_as(&token, true, Operation::Write, "create", fields);
    let (child, _) =
        auth(create(json!({"policies": "other", "no_parent": true, "period": 60, "id": "mine"})).await);
    assert_eq!(child.policies, ["default", "other"]);
    assert_eq!((child.client_token.expose(), child.lease_duration, child.orphan), ("mine", 60, true));
    assert_eq!(child.entity_id, "");
    let text = "root tokens may not be created without parent token being root";
    assert_eq!(refused(create(json!({"policies": "root"})).await), (Class::Invalid, text.to_owned()));
}

#[tokio::test]
async fn create_orphan_makes_an_orphan() {
    let stage = Stage::new().await;
    let (token, issued) = stage.issue(new_token()).await;
    let (orphan, _) = auth(stage.write(&token, "create-orphan", json!({})).await);
    assert!(orphan.orphan && orphan.entity_id.is_empty());
    stage.house.tokens.revoke(&crate::tokens::tests::house::digest_of(&issued)).await.unwrap();
    let shown =
        data(stage.ask(orphan.client_token.expose(), Operation::Read, "lookup-self", json!({})).await);
    assert_eq!(shown["path"], json!("auth/token/create-orphan"));
}

#[tokio::test]
async fn counted_and_expiring_parents_are_held_to_their_limits() {
    let stage = Stage::new().await;
    let (counted, _) = stage.issue(NewToken { num_uses: 2, ..new_token() }).await;
    let outcome = stage.write(&counted, "create", json!({})).await;
    assert_eq!(refused(outcome).1, "restricted use token cannot generate child tokens");
    let outcome = stage.write(&counted, "create", json!({})).await;
    assert_eq!(refused(outcome).1, "parent token lookup failed: no parent found");
    let (short, _) = auth(stage.write("root", "create", json!({"ttl": "1h"})).await);
    let outcome =
        stage.ask_as(short.client_token.expose(), true, Operation::Write, "create", json!({})).await;
    assert_eq!(refused(outcome).1, "expiring root tokens cannot create non-expiring root tokens");
    assert_eq!(new_token().kind, TokenKind::Service);
}
