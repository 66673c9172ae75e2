//! Namespaces and service accounts.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::{ORDERS_TOKEN, Stage, refused};

const NAMESPACES: &str = "/api/v1/namespaces";
const ACCOUNTS: &str = "/api/v1/namespaces/shop/serviceaccounts";

#[tokio::test]
async fn a_namespace_is_created_labelled_read_and_deleted_with_its_accounts() {
    let stage = Stage::new();
    let (code, made) = stage
        .post(NAMESPACES, json!({ "metadata": { "name": "lab", "labels": { "team": "a" }, "uid": "mine" } }))
        .await;
    assert_eq!(code, StatusCode::CREATED, "{made}");
    assert_eq!(made["metadata"]["labels"], json!({ "team": "a", "kubernetes.io/metadata.name": "lab" }));
    assert_eq!(made["metadata"]["creationTimestamp"], "2027-01-15T12:00:00Z");
    assert_eq!(made["status"]["phase"], "Active");
    let uid = made["metadata"]["uid"].as_str().unwrap();
    assert_eq!((uid.len(), uid.as_bytes()[14], uid.matches('-').count()), (36, b'4', 4), "{uid}");
    assert!(matches!(uid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{uid}");
    assert_eq!(stage.admin("GET", "/api/v1/namespaces/lab").await.1, made);
    stage.cluster.add_service_account("lab", "rat").unwrap();
    assert_eq!(stage.admin("DELETE", "/api/v1/namespaces/lab").await.0, StatusCode::OK);
    let gone = stage.admin("GET", "/api/v1/namespaces/lab").await;
    assert_eq!(refused(gone, 404, "NotFound"), "namespaces \"lab\" not found");
    refused(stage.admin("GET", "/api/v1/namespaces/lab/serviceaccounts/rat").await, 404, "NotFound");
}

#[tokio::test]
async fn a_list_holds_what_the_path_and_the_field_selector_say() {
    let stage = Stage::new();
    stage.cluster.add_service_account("shop", "billing").unwrap();
    stage.cluster.add_service_account("lab", "orders").unwrap();
    let cases = [
        ("/api/v1/namespaces", json!(["lab", "shop"])),
        ("/api/v1/serviceaccounts", json!(["orders", "billing", "orders"])),
        (ACCOUNTS, json!(["billing", "orders"])),
        ("/api/v1/serviceaccounts?fieldSelector=metadata.name%3Dbilling&limit=500", json!(["billing"])),
    ];
    for (path, expected) in cases {
        let (code, list) = stage.admin("GET", path).await;
        assert_eq!(code, StatusCode::OK, "{list}");
        let names: Vec<&Value> =
            list["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]).collect();
        assert_eq!(json!(names), expected, "{path}");
    }
    assert_eq!(stage.admin("GET", ACCOUNTS).await.1["kind"], "ServiceAccountList");
}

#[tokio::test]
async fn an_option_that_is_not_done_is_refused_rather_than_ignored() {
    let stage = Stage::new();
    for query in ["watch=true", "labelSelector=a%3Db", "fieldSelector=status.phase%3DActive"] {
        let answer = stage.admin("GET", &format!("{NAMESPACES}?{query}")).await;
        let message = refused(answer, 400, "BadRequest");
        assert!(message.contains(query.split('=').next().unwrap()), "{message}");
    }
    let body = json!({ "metadata": { "name": "lab" } });
    refused(stage.post("/api/v1/namespaces?dryRun=All", body).await, 400, "BadRequest");
    let admin = Some(stage.cluster.0.admin.expose());
    for options in [json!({ "dryRun": ["All"] }), json!({ "preconditions": { "uid": "x" } })] {
        let answer = stage.call("DELETE", "/api/v1/namespaces/shop", admin, Some(options)).await;
        refused(answer, 400, "BadRequest");
    }
    assert_eq!(stage.admin("GET", NAMESPACES).await.1["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_object_must_be_new_well_named_and_where_it_says() {
    let stage = Stage::new();
    let named = |name: &str| json!({ "metadata": { "name": name } });
    let twice = stage.post(ACCOUNTS, named("orders")).await;
    assert_eq!(refused(twice, 409, "AlreadyExists"), "serviceaccounts \"orders\" already exists");
    let nowhere = stage.post("/api/v1/namespaces/nowhere/serviceaccounts", named("x")).await;
    assert_eq!(refused(nowhere, 404, "NotFound"), "namespaces \"nowhere\" not found");
    for name in ["", "Upper", "-a", "a-", "a_b", "a.b", &"a".repeat(64)] {
        refused(stage.post(NAMESPACES, named(name)).await, 422, "Invalid");
    }
    for name in ["", "a..b", ".a", "a/b", &"a".repeat(254)] {
        refused(stage.post(ACCOUNTS, named(name)).await, 422, "Invalid");
    }
    let (code, _) = stage.post(ACCOUNTS, named("a.b")).await;
    assert_eq!(code, StatusCode::CREATED);
    let astray = json!({ "metadata": { "name": "x", "namespace": "lab" } });
    refused(stage.post(ACCOUNTS, astray).await, 400, "BadRequest");
}

#[tokio::test]
async fn objects_and_bodies_are_bounded() {
    let stage = Stage::new();
    let large = json!({ "metadata": { "name": "x", "annotations": { "a": "a".repeat(17_000) } } });
    refused(stage.post(ACCOUNTS, large).await, 413, "RequestEntityTooLarge");
    let held = 2;
    for number in held..10_000 {
        stage.cluster.add_service_account("shop", &format!("n{number}")).unwrap();
    }
    let one_more = stage.post(ACCOUNTS, json!({ "metadata": { "name": "x" } })).await;
    let message = refused(one_more, 403, "Forbidden");
    assert_eq!(message, "the stand-in cluster holds at most 10000 objects");
}

#[tokio::test]
async fn unknown_paths_methods_and_media_types_have_their_status() {
    let stage = Stage::new();
    for path in ["/nothing", "/api/v1/pods", "/apis/apps", "/apis/apps/v1", "/api/v1/namespaces/"] {
        refused(stage.admin("GET", path).await, 404, "NotFound");
    }
    for (method, path) in
        [("PATCH", "/api/v1/namespaces/shop"), ("DELETE", NAMESPACES), ("GET", ORDERS_TOKEN)]
    {
        refused(stage.admin(method, path).await, 405, "MethodNotAllowed");
    }
    let admin = format!("Bearer {}", stage.cluster.0.admin.expose());
    for (media, body) in [("text/plain", "{}"), ("application/vnd.kubernetes.protobuf", "k8s\0\x0a\x7f")] {
        let request = Request::post(NAMESPACES).header(header::AUTHORIZATION, &admin);
        let request = request.header(header::CONTENT_TYPE, media).body(Body::from(body)).unwrap();
        refused(stage.send(request).await, 415, "UnsupportedMediaType");
    }
    refused(stage.post(NAMESPACES, json!([])).await, 400, "BadRequest");
}

#[tokio::test]
async fn discovery_lists_what_is_served() {
    let stage = Stage::new();
    let (_, groups) = stage.admin("GET", "/apis").await;
    let names: Vec<&Value> =
        groups["groups"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
    assert_eq!(json!(names), json!(["authentication.k8s.io", "authorization.k8s.io"]));
    for group in names {
        let name = group.as_str().unwrap();
        assert_eq!(stage.admin("GET", &format!("/apis/{name}")).await.1["kind"], "APIGroup");
        let (_, resources) = stage.admin("GET", &format!("/apis/{name}/v1")).await;
        assert_eq!(resources["groupVersion"], format!("{name}/v1"));
        let path = format!("/apis/{name}/v1/{}", resources["resources"][0]["name"].as_str().unwrap());
        refused(stage.post(&path, json!({})).await, 400, "BadRequest");
    }
}
