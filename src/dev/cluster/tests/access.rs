//! Who may do what.

use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Request, StatusCode, header};
use serde_json::json;

use super::{ACCESS_REVIEWS, ORDERS_TOKEN, Stage, TOKEN_REVIEWS, refused};

#[tokio::test]
async fn without_a_known_bearer_nothing_but_the_open_paths_answers() {
    let stage = Stage::new();
    for path in ["/api", "/apis", "/api/v1/namespaces", "/nothing", "/"] {
        for bearer in [None, Some("unknown"), Some("")] {
            let answer = stage.call("GET", path, bearer, None).await;
            assert_eq!(refused(answer, 401, "Unauthorized"), "Unauthorized", "{path} {bearer:?}");
        }
    }
    for path in ["/version", "/openid/v1/jwks", "/.well-known/openid-configuration"] {
        let (code, body) = stage.call("GET", path, None, None).await;
        assert_eq!(code, StatusCode::OK, "{path} {body}");
    }
    refused(stage.call("POST", "/version", None, None).await, 405, "MethodNotAllowed");
}

#[tokio::test]
async fn the_reviewer_reviews_and_reads_namespaces_and_nothing_else() {
    let stage = Stage::new();
    let reviewer = Some(stage.cluster.reviewer_token().expose());
    for path in ["/api/v1/namespaces", "/api/v1/namespaces/shop", "/api/v1", "/apis"] {
        let (code, body) = stage.call("GET", path, reviewer, None).await;
        assert_eq!(code, StatusCode::OK, "{path} {body}");
    }
    let review =
        json!({ "spec": { "user": "jane", "nonResourceAttributes": { "path": "/", "verb": "get" } } });
    let (code, _) = stage.call("POST", ACCESS_REVIEWS, reviewer, Some(review)).await;
    assert_eq!(code, StatusCode::CREATED);
    let forbidden = [
        (
            "POST",
            ORDERS_TOKEN,
            "create resource \"serviceaccounts/token\" in API group \"\" in the namespace \"shop\"",
        ),
        (
            "POST",
            "/api/v1/namespaces",
            "create resource \"namespaces\" in API group \"\" at the cluster scope",
        ),
        (
            "DELETE",
            "/api/v1/namespaces/shop",
            "delete resource \"namespaces\" in API group \"\" at the cluster scope",
        ),
        (
            "GET",
            "/api/v1/serviceaccounts",
            "list resource \"serviceaccounts\" in API group \"\" at the cluster scope",
        ),
        ("GET", "/nothing", "get path \"/nothing\""),
    ];
    for (method, path, action) in forbidden {
        let message = refused(stage.call(method, path, reviewer, None).await, 403, "Forbidden");
        assert_eq!(message, format!("forbidden: User \"rolegate-reviewer\" cannot {action}"));
    }
}

#[tokio::test]
async fn a_service_account_is_known_but_may_not_do_a_thing() {
    let stage = Stage::new();
    let token = stage.mint(&[]);
    let review = json!({ "spec": { "token": token } });
    let answer = stage.call("POST", TOKEN_REVIEWS, Some(&token), Some(review)).await;
    let message = refused(answer, 403, "Forbidden");
    assert!(message.contains("\"system:serviceaccount:shop:orders\" cannot create"), "{message}");
    let elsewhere = stage.mint(&["elsewhere"]);
    refused(stage.call("GET", "/api", Some(&elsewhere), None).await, 401, "Unauthorized");
}

#[tokio::test]
async fn an_access_review_allows_administrators_and_denies_others_with_a_reason() {
    let stage = Stage::new();
    let wanted =
        json!({ "verb": "update", "group": "rolegate.dev", "resource": "gateroles", "namespace": "x" });
    let cases = [
        (json!({ "user": "jane", "groups": ["system:masters"] }), true),
        (json!({ "user": "kubernetes-admin" }), true),
        (json!({ "user": "rolegate-reviewer" }), false),
        (json!({ "user": "jane", "groups": ["system:authenticated"] }), false),
    ];
    for (who, allowed) in cases {
        let mut spec = who.clone();
        spec["resourceAttributes"] = wanted.clone();
        let (code, answer) = stage.post(ACCESS_REVIEWS, json!({ "spec": spec })).await;
        assert_eq!(code, StatusCode::CREATED, "{answer}");
        assert_eq!(answer["status"]["allowed"], allowed, "{answer}");
        assert_eq!(answer["status"]["reason"].is_string(), !allowed, "{answer}");
    }
}

#[tokio::test]
async fn an_access_review_names_a_user_and_one_thing() {
    let stage = Stage::new();
    let both = json!({ "user": "jane", "resourceAttributes": {}, "nonResourceAttributes": {} });
    for spec in [json!({ "resourceAttributes": {} }), json!({ "user": "jane" }), both] {
        refused(stage.post(ACCESS_REVIEWS, json!({ "spec": spec })).await, 422, "Invalid");
    }
}

#[tokio::test]
async fn the_password_of_the_kubeconfigs_url_is_taken_for_the_bearer() {
    let stage = Stage::new();
    let config = stage.cluster.kubeconfig("http://127.0.0.1:1");
    let admin = stage.cluster.0.admin.expose();
    assert!(config.contains(&format!("server: \"http://kubernetes-admin:{admin}@127.0.0.1:1\"")), "{config}");
    for (password, expected) in [(admin, StatusCode::OK), ("guess", StatusCode::UNAUTHORIZED)] {
        let pair = BASE64_STANDARD.encode(format!("kubernetes-admin:{password}"));
        let request = Request::get("/api").header(header::AUTHORIZATION, format!("Basic {pair}"));
        let (code, _) = stage.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(code, expected);
    }
}
