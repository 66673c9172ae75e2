//! The feed against an API server that has forgotten the version that a watch goes on from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Feed, Tells};
use crate::catalog::Snapshots;
use crate::health::Health;
use crate::lifecycle::Readiness;
use crate::metrics::Metrics;

/// How the API server says that the version is gone.
#[derive(Debug, Clone, Copy)]
enum Gone {
    /// By an event of the watch.
    Event,
    /// By the answer to the request for a watch.
    Answer,
}

/// Lists one policy, then, once a watch was told that its version is gone, another beside it.
async fn answer(
    request: Request<Body>,
    gone: Gone,
    told: Arc<AtomicUsize>,
) -> Result<Response<Body>, std::io::Error> {
    let uri = request.uri();
    let is_watch = uri.query().is_some_and(|query| query.contains("watch=true"));
    let is_policies = uri.path().ends_with("/gatepolicies");
    if !is_watch {
        let items = if is_policies { policies(told.load(Ordering::SeqCst) + 1) } else { Vec::new() };
        return Ok(json_answer(
            StatusCode::OK,
            &json!({ "metadata": { "resourceVersion": "1" }, "items": items }),
        ));
    }
    if !is_policies || told.swap(1, Ordering::SeqCst) == 1 {
        return std::future::pending().await;
    }
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                         "message": "too old resource version: 1 (2)", "reason": "Expired", "code": 410 });
    Ok(match gone {
        Gone::Event => json_answer(StatusCode::OK, &json!({ "type": "ERROR", "object": status })),
        Gone::Answer => json_answer(StatusCode::GONE, &status),
    })
}

fn policies(count: usize) -> Vec<Value> {
    let policy = |name: &&str| {
        json!({ "apiVersion": "rolegate.dev/v1alpha1", "kind": "GatePolicy",
                "metadata": { "name": name, "uid": name, "resourceVersion": "1", "generation": 1 },
                "spec": { "rules": "path \"a\" { capabilities = [\"read\"] }" } })
    };
    ["first", "second"].iter().take(count).map(policy).collect()
}

fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder().status(status).body(Body::from(format!("{body}\n").into_bytes())).unwrap()
}

#[tokio::test]
async fn a_version_that_is_gone_leads_to_a_new_list_and_nothing_is_lost() {
    for gone in [Gone::Event, Gone::Answer] {
        let told = Arc::new(AtomicUsize::new(0));
        let service = tower::service_fn(move |request| answer(request, gone, Arc::clone(&told)));
        let (snapshots, health, metrics) = (Snapshots::default(), Health::default(), Metrics::default());
        let tells = Tells {
            snapshots: snapshots.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            pending: Readiness::default().pending("store"),
        };
        let (feed, mut seen) = Feed::new(Client::new(service, "default"), "rolegate", tells);
        let stop = CancellationToken::new();
        let running = tokio::spawn(feed.run(stop.clone()));
        let both = seen.wait_for(|seen| seen.policies.len() == 2);
        tokio::time::timeout(Duration::from_secs(30), both).await.expect("both are heard").unwrap();
        let policies = snapshots.load().unwrap().policies.clone();
        assert_eq!(policies.keys().collect::<Vec<_>>(), ["first", "second"], "{gone:?}");
        assert_eq!(health.troubles(), BTreeMap::new(), "{gone:?}");
        // Where the watch itself says so, the other watches go on.
        let failed = metrics.render().contains("rolegate_feed_failures_total{feed=\"store\"}");
        assert_eq!(failed, matches!(gone, Gone::Answer), "{gone:?}");
        stop.cancel();
        running.await.unwrap();
    }
}
