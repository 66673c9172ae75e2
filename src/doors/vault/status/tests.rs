//! What everybody may know.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;

use super::{Query, Reply, ServerStatus, VAULT_VERSION};
use crate::lifecycle::Readiness;
use crate::ports::Clock;

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn unix_now(&self) -> i64 {
        1_700_000_000
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

fn server() -> ServerStatus {
    ServerStatus {
        readiness: Readiness::default(),
        clock: Arc::new(Still),
        cluster_id: Arc::new("c-1".to_owned().into()),
    }
}

fn ask(server: &ServerStatus, method: &str, path: &str, query: &str) -> Reply {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    server.answer(path, &method, &Query::read(Some(query))).expect("a path of ours")
}

async fn body(reply: Reply) -> String {
    String::from_utf8(reply.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn health_is_bare_json_in_the_references_order() {
    let reply = ask(&server(), "GET", "sys/health", "");
    assert_eq!(reply.status(), 200);
    let expected = concat!(
        r#"{"initialized":true,"sealed":false,"standby":false,"performance_standby":false,"#,
        r#""replication_performance_mode":"disabled","replication_dr_mode":"disabled","#,
        r#""server_time_utc":1700000000,"version":"1.21.0+rolegate","enterprise":false,"#,
        r#""cluster_name":"rolegate","cluster_id":"c-1"}"#,
        "\n"
    );
    assert_eq!(body(reply).await, expected);
}

#[tokio::test]
async fn seal_status_init_and_leader_are_bare_json() {
    let expected = concat!(
        r#"{"type":"shamir","initialized":true,"sealed":false,"t":1,"n":1,"progress":0,"nonce":"","#,
        r#""version":"1.21.0+rolegate","migration":false,"cluster_name":"rolegate","cluster_id":"c-1","#,
        r#""recovery_seal":false}"#,
        "\n"
    );
    assert_eq!(body(ask(&server(), "GET", "sys/seal-status", "")).await, expected);
    assert_eq!(body(ask(&server(), "GET", "sys/init", "")).await, "{\"initialized\":true}\n");
    assert_eq!(body(ask(&server(), "GET", "sys/leader", "")).await, "{\"ha_enabled\":false}\n");
    for method in ["PUT", "POST"] {
        let reply = ask(&server(), method, "sys/init", "");
        assert_eq!(reply.status(), 400);
        assert_eq!(body(reply).await, "{\"errors\":[\"Vault is already initialized\"]}\n");
    }
}

#[tokio::test]
async fn callers_choose_the_statuses_of_health() {
    for (query, expected) in [
        ("activecode=299", 299),
        ("activecode=204", 204),
        ("standbyok=true&perfstandbyok=true", 200),
        ("standbyok", 200),
        ("standbyok=maybe", 400),
        ("perfstandbyok=2", 400),
        ("sealedcode=201&uninitcode=202&standbycode=203", 200),
        ("drsecondarycode=472&performancestandbycode=473&nothing=x", 200),
        ("activecode=x", 400),
        ("activecode=", 400),
        ("standbycode=x", 400),
        ("uninitcode=x", 400),
        ("drsecondarycode=x", 400),
        ("performancestandbycode=x", 400),
        ("sealedcode=x", 400),
        ("activecode=100", 400),
        ("activecode=199", 400),
        ("activecode=1000", 400),
        ("activecode=-1", 400),
        ("activecode=99999999999", 400),
        ("activecode=999", 999),
    ] {
        let reply = ask(&server(), "GET", "sys/health", query);
        assert_eq!(reply.status(), expected, "{query}");
        match expected {
            400 => assert_eq!(body(reply).await, "{\"errors\":[]}\n", "{query}"),
            204 => assert_eq!(body(reply).await, "", "{query}"),
            _ => assert!(body(reply).await.contains("server_time_utc"), "{query}"),
        }
    }
}

#[tokio::test]
async fn before_the_first_load_it_is_sealed_and_while_it_drains_it_is_not() {
    let server = server();
    let pending = server.readiness.pending("store");
    for (query, expected) in [("", 503), ("sealedcode=200", 200), ("activecode=299", 503)] {
        let reply = ask(&server, "GET", "sys/health", query);
        assert_eq!(reply.status(), expected, "{query}");
        assert!(body(reply).await.contains("\"sealed\":true"));
    }
    assert!(body(ask(&server, "GET", "sys/seal-status", "")).await.contains("\"sealed\":true"));
    drop(pending);
    server.readiness.drain();
    assert_eq!(ask(&server, "GET", "sys/health", "").status(), 200);
}

#[test]
fn other_methods_are_refused_and_other_paths_are_not_answered_here() {
    for (path, methods) in [
        ("sys/health", &["POST", "PUT", "DELETE", "LIST", "OPTIONS", "get"][..]),
        ("sys/seal-status", &["POST", "HEAD", "LIST"]),
        ("sys/init", &["DELETE", "HEAD", "LIST"]),
        ("sys/leader", &["POST", "HEAD"]),
    ] {
        for method in methods {
            assert_eq!(ask(&server(), method, path, "").status(), 405, "{method} {path}");
        }
    }
    for path in ["sys/health/", "sys", "health", "auth/kubernetes/login", ""] {
        assert!(server().answer(path, &Method::GET, &Query::default()).is_none(), "{path}");
    }
}

#[test]
fn the_version_is_a_semantic_version() {
    let (numbers, build) = VAULT_VERSION.split_once('+').unwrap();
    let numbers: Vec<u32> = numbers.split('.').map(|number| number.parse().unwrap()).collect();
    assert_eq!((numbers.len(), build), (3, "rolegate"));
}
