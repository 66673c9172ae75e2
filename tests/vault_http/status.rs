//! What the server tells of itself, without a token and without the handler.

use crate::support::{Does, NO_WORD, Served, error};

#[tokio::test]
async fn health_seal_status_init_and_leader_need_no_handler() {
    let served = Served::that(Does::PanicsAtOnce);
    let health = served.ask("GET", "/v1/sys/health", &["X-Vault-Token: bogus"], "").await;
    assert_eq!((health.status, health.header("cache-control")), (200, "no-store"));
    let found = health.json();
    assert_eq!((&found["initialized"], &found["sealed"]), (&true.into(), &false.into()));
    assert_eq!((&found["server_time_utc"], &found["cluster_id"]), (&1_700_000_000.into(), &"c-1".into()));
    assert_eq!(served.get("/v1/sys/seal-status").await.json()["type"], "shamir");
    served.get("/v1/sys/init").await.is(200, "{\"initialized\":true}\n");
    served.get("/v1/sys/leader").await.is(200, "{\"ha_enabled\":false}\n");
    served.ask("PUT", "/v1/sys/init", &[], "{}").await.is(400, &error("Vault is already initialized"));
}

#[tokio::test]
async fn a_caller_may_choose_the_status_of_health() {
    let served = Served::new();
    assert_eq!(served.get("/v1/sys/health?activecode=299").await.status, 299);
    assert_eq!(served.ask("HEAD", "/v1/sys/health?activecode=204", &[], "").await.status, 204);
    served.get("/v1/sys/health?activecode=204").await.is(204, "");
    for query in ["activecode=x", "activecode=100", "activecode=0", "standbyok=maybe"] {
        served.get(&format!("/v1/sys/health?{query}")).await.is(400, NO_WORD);
    }
    for method in ["POST", "PUT", "DELETE", "LIST"] {
        served.ask(method, "/v1/sys/health", &[], "").await.is(405, NO_WORD);
    }
}

#[tokio::test]
async fn a_server_that_has_loaded_nothing_is_sealed() {
    let served = Served::new();
    let pending = served.readiness.pending("store");
    let health = served.get("/v1/sys/health").await;
    assert_eq!((health.status, &health.json()["sealed"]), (503, &true.into()));
    drop(pending);
    served.readiness.drain();
    assert_eq!(served.get("/v1/sys/health").await.status, 200);
}
