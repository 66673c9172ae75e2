//! Envoy's own way to rolegate: mutual TLS, a gate that is gone or hangs, and one replica of two that stops.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::json;

use super::{
    stage::{Plan, Stage},
    support::{certificates::Authority, eventually, kube::KubeApiserver, rolegate::Rolegate, upstream::Seen},
};

async fn plan() -> Plan<'static> {
    Plan::new(KubeApiserver::shared().await).await
}

/// Guarded routes answer 503 and let nothing through, also for those who would be allowed; others go on.
async fn assert_closed(stage: &Stage<'_>) {
    let token = stage.plan.token().await;
    let arrived = stage.upstream.requests();
    // Together: each may have to wait for Envoy's own time-out.
    let (orders, reports, unconfigured) = tokio::join!(
        stage.get("/orders", &token),
        stage.get("/reports", &token),
        stage.get("/unconfigured", &token)
    );
    for answer in [orders, reports, unconfigured] {
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    assert_eq!(stage.upstream.requests(), arrived);
    Seen::of(&stage.http2().get("/public", &[]).await);
}

#[tokio::test]
async fn an_envoy_with_a_certificate_of_the_authority_is_served() {
    let stage = plan().await.start().await;
    Seen::of(&stage.get("/orders", &stage.plan.token().await).await);
    assert!(stage.envoy.stat("cluster.rolegate.ssl.handshake").await > 0);
}

#[tokio::test]
async fn an_envoy_without_a_certificate_gets_no_answer() {
    let mut plan = plan().await;
    let gate = plan.certificates.path().join("gate");
    let shown = format!(
        "tls_certificates:\n          - certificate_chain: {{ filename: {0}/tls.crt }}\n            private_key: {{ filename: {0}/tls.key }}\n",
        gate.display()
    );
    plan.edit(&shown, "\n");
    assert_closed(&plan.start().await).await;
}

#[tokio::test]
async fn an_envoy_with_a_certificate_of_another_authority_gets_no_answer() {
    let plan = plan().await;
    Authority::new().client(&["envoy"]).write_to(&plan.certificates.path().join("gate"));
    assert_closed(&plan.start().await).await;
}

#[tokio::test]
async fn a_rolegate_that_proves_another_name_is_not_asked() {
    let plan = plan().await;
    let folder = plan.certificates.path().join("rolegate");
    plan.certificates.authority.server(&["other.rolegate.svc.cluster.local"]).write_to(&folder);
    let stage = plan.start().await;
    assert_closed(&stage).await;
    let labels = [r#"door="envoy""#];
    assert_eq!(stage.rolegate.metric("rolegate_decisions_total", &labels).await, 0.0);
}

#[tokio::test]
async fn when_rolegate_is_gone_or_hangs_guarded_routes_are_closed() {
    let stage = plan().await.start().await;
    Seen::of(&stage.get("/orders", &stage.plan.token().await).await);
    stage.rolegate.signal("STOP");
    assert_closed(&stage).await;
    stage.rolegate.process.kill();
    assert_closed(&stage).await;
}

#[tokio::test]
async fn no_request_fails_while_one_of_two_replicas_stops() {
    let mut plan = plan().await;
    plan.server["shutdown"] = json!({ "lame_duck": "5s" });
    plan.write_store();
    let second = Rolegate::server(&plan.server.to_string()).await;
    let endpoints = "cluster_name: rolegate\n      endpoints:\n      - lb_endpoints:\n";
    let endpoint = format!(
        "        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }} }}\n",
        second.envoy().port()
    );
    plan.edit(endpoints, &format!("{endpoints}{endpoint}"));
    let stage = plan.start().await;
    let bearer = format!("Bearer {}", stage.plan.token().await);

    let (allowed, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let mut load = tokio::task::JoinSet::new();
    for client in [stage.http1(), stage.http2(), stage.http1(), stage.http2()] {
        let (allowed, stop, bearer) = (allowed.clone(), stop.clone(), bearer.clone());
        load.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                Seen::of(&client.get("/orders", &[("authorization", &bearer)]).await);
                allowed.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let hundred_more = async || {
        let before = allowed.load(Ordering::SeqCst);
        eventually("a hundred more requests", async || {
            (allowed.load(Ordering::SeqCst) >= before + 100).then_some(())
        })
        .await;
    };
    hundred_more().await;
    for replica in [&stage.rolegate, &second] {
        // One whose first health check came late joins in a moment later.
        eventually("both replicas serve", async || {
            let decided = replica.metric("rolegate_decisions_total", &[r#"outcome="allow""#]).await;
            (decided > 0.0).then_some(())
        })
        .await;
    }

    second.signal("TERM");
    assert_eq!(second.wait_exit().await.code(), Some(0));
    hundred_more().await;

    stop.store(true, Ordering::SeqCst);
    load.join_all().await;
}
