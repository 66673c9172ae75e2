//! Tokens: asked for, reviewed, and refused.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::super::{Cluster, ISSUER};
use super::{ORDERS_TOKEN, Stage, TOKEN_REVIEWS, refused};

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn error(status: &Value) -> String {
    assert_eq!(status["authenticated"], false, "{status}");
    assert_eq!(status["user"], Value::Null, "{status}");
    status["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_requested_token_is_confirmed_by_a_review() {
    let stage = Stage::new();
    let (code, answer) = stage.post(ORDERS_TOKEN, json!({ "spec": { "audiences": ["a", "b"] } })).await;
    assert_eq!(code, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["kind"], "TokenRequest");
    assert_eq!(answer["spec"], json!({ "audiences": ["a", "b"], "expirationSeconds": 3600 }));
    assert_eq!(answer["status"]["expirationTimestamp"], "2027-01-15T13:00:00Z");
    let token = answer["status"]["token"].as_str().unwrap();
    let status = stage.review(token, Some(&["b", "c"])).await;
    let jti = part(token, 1)["jti"].as_str().unwrap().to_owned();
    let expected = json!({
        "authenticated": true,
        "audiences": ["b"],
        "user": {
            "username": "system:serviceaccount:shop:orders",
            "uid": stage.uid,
            "groups": ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
            "extra": { "authentication.kubernetes.io/credential-id": [format!("JTI={jti}")] },
        },
    });
    assert_eq!(status, expected);
}

#[tokio::test]
async fn a_token_claims_what_a_projected_token_claims() {
    let stage = Stage::new();
    let token = stage.mint(&[]);
    let mut claims = part(&token, 1);
    assert_eq!(claims["jti"].take().as_str().unwrap().len(), 36);
    let expected = json!({
        "aud": [ISSUER], "iss": ISSUER, "sub": "system:serviceaccount:shop:orders", "jti": null,
        "iat": 1_800_014_400, "nbf": 1_800_014_400, "exp": 1_800_015_000,
        "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "orders", "uid": stage.uid } },
    });
    assert_eq!(claims, expected);
    let header = part(&token, 0);
    assert_eq!(header["alg"], "RS256");
    assert_eq!(header.as_object().unwrap().len(), 2, "{header}");
}

#[tokio::test]
async fn the_published_key_set_verifies_a_token() {
    let stage = Stage::new();
    let token = stage.mint(&["a"]);
    let (code, set) = stage.call("GET", "/openid/v1/jwks", None, None).await;
    assert_eq!(code, StatusCode::OK);
    assert_eq!((&set["keys"][0]["use"], &set["keys"][0]["alg"]), (&json!("sig"), &json!("RS256")));
    let set: JwkSet = serde_json::from_value(set).unwrap();
    let key = set.find(part(&token, 0)["kid"].as_str().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.set_audience(&["a"]);
    validation.set_issuer(&[ISSUER]);
    let data: jsonwebtoken::TokenData<Value> =
        jsonwebtoken::decode(&token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
    assert_eq!(data.claims["sub"], "system:serviceaccount:shop:orders");
}

#[tokio::test]
async fn without_audiences_a_token_is_for_the_cluster_itself_and_reviewed_so() {
    let stage = Stage::new();
    let own = stage.review(&stage.mint(&[]), None).await;
    assert_eq!((&own["authenticated"], &own["audiences"]), (&json!(true), &json!([ISSUER])));
    let other = error(&stage.review(&stage.mint(&["a"]), Some(&[])).await);
    assert!(other.contains("is invalid for the target audiences"), "{other}");
}

#[tokio::test]
async fn a_wrong_audience_is_refused_and_named() {
    let stage = Stage::new();
    let message = error(&stage.review(&stage.mint(&["a"]), Some(&["b"])).await);
    let expected =
        "[invalid bearer token, token audiences [\"a\"] is invalid for the target audiences [\"b\"]]";
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_token_that_was_touched_anywhere_is_refused() {
    let stage = Stage::new();
    let token = stage.mint(&[]);
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims = part(&token, 1);
    claims["sub"] = json!("system:serviceaccount:shop:billing");
    let claims = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let foreign = Stage::new().mint(&[]);
    let foreign_signature = foreign.rsplit('.').next().unwrap();
    let touched = [
        format!("{}.{claims}.{}", parts[0], parts[2]),
        format!("{}.{}.{foreign_signature}", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        foreign,
        "rubbish".to_owned(),
    ];
    for token in touched {
        assert_eq!(error(&stage.review(&token, None).await), "invalid bearer token", "{token}");
    }
}

#[tokio::test]
async fn a_token_expires_by_the_clock_and_a_minute() {
    let stage = Stage::new();
    let token = stage.mint(&[]);
    stage.pass(660);
    assert_eq!(stage.review(&token, None).await["authenticated"], true);
    stage.pass(1);
    let message = error(&stage.review(&token, None).await);
    assert_eq!(message, "[invalid bearer token, service account token has expired]");
}

#[tokio::test]
async fn a_token_from_the_future_is_not_valid_yet() {
    let stage = Stage::new();
    let token = stage.mint(&[]);
    stage.pass(-61);
    let message = error(&stage.review(&token, None).await);
    assert_eq!(message, "[invalid bearer token, service account token is not valid yet]");
}

#[tokio::test]
async fn the_tokens_of_a_deleted_account_stay_dead_when_it_comes_back() {
    let stage = Stage::new();
    let token = stage.mint(&[]);
    let (code, gone) = stage.admin("DELETE", "/api/v1/namespaces/shop/serviceaccounts/orders").await;
    assert_eq!((code, &gone["metadata"]["uid"]), (StatusCode::OK, &json!(stage.uid)));
    let message = error(&stage.review(&token, None).await);
    assert_eq!(message, "[invalid bearer token, serviceaccounts \"orders\" not found]");
    let uid = stage.cluster.add_service_account("shop", "orders").unwrap();
    let message = error(&stage.review(&token, None).await);
    let expected =
        format!("[invalid bearer token, service account UID ({uid}) does not match claim ({})]", stage.uid);
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_token_lives_ten_minutes_at_least_and_for_an_account_that_exists() {
    let stage = Stage::new();
    for (seconds, fault) in [(599, "less than 10 minutes"), ((1_i64 << 32) + 1, "larger than 2^32 seconds")] {
        let answer = stage.post(ORDERS_TOKEN, json!({ "spec": { "expirationSeconds": seconds } })).await;
        let message = refused(answer, 422, "Invalid");
        let expected = format!(
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: \
             {seconds}: may not specify a duration {fault}"
        );
        assert_eq!(message, expected);
    }
    let nobody = stage.post(&ORDERS_TOKEN.replace("orders", "nobody"), json!({ "spec": {} })).await;
    assert_eq!(refused(nobody, 404, "NotFound"), "serviceaccounts \"nobody\" not found");
    assert!(stage.cluster.mint("shop", "orders", &[], 599).is_err());
    assert!(stage.cluster.mint("shop", "nobody", &[], 600).is_err());
}

#[tokio::test]
async fn a_token_cannot_be_bound_to_a_pod() {
    let stage = Stage::new();
    let spec = json!({ "spec": { "boundObjectRef": { "kind": "Pod", "name": "p" } } });
    let message = refused(stage.post(ORDERS_TOKEN, spec).await, 400, "BadRequest");
    assert!(message.contains("boundObjectRef"), "{message}");
}

#[tokio::test]
async fn a_review_needs_a_token_and_the_right_kind() {
    let stage = Stage::new();
    let empty = stage.post(TOKEN_REVIEWS, json!({ "spec": { "token": "" } })).await;
    assert_eq!(refused(empty, 400, "BadRequest"), "token is required for TokenReview in authentication");
    let other = stage.post(TOKEN_REVIEWS, json!({ "kind": "TokenRequest", "spec": { "token": "x" } })).await;
    refused(other, 400, "BadRequest");
    let secret = stage.post(TOKEN_REVIEWS, json!({ "spec": ["sensitive-token"] })).await;
    let message = refused(secret, 400, "BadRequest");
    assert!(!message.contains("sensitive"), "{message}");
}

#[test]
fn nothing_secret_is_shown() {
    let stage = Stage::new();
    let Cluster(inner) = &stage.cluster;
    let shown = format!("{:?} {:?}", stage.cluster, stage.cluster.mint("shop", "orders", &[], 600));
    for secret in [inner.admin.expose(), inner.reviewer.expose(), "eyJ"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
