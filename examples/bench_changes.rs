//! How long a change of a GateRole takes until the Envoy door decides by it.
//!
//! `bench_changes ENVOY_ADDR REQUEST_FILE ROLE ACCOUNT COUNT`: binds the role, in the cluster of `KUBECONFIG`, to the
//! account and to another in turn, and after each change asks the door with the frame of `bench_tool request` until the
//! answer is the other one. Prints one line of JSON with the milliseconds of every change: `written`, from the change's
//! sending to the API server's answer; `told`, to the event of a bare watch of this tool; `enforced`, to the answer of
//! the door.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for developers, which may stop at the first error"
)]

use std::time::{Duration, Instant};

use envoy_types::ext_authz::v3::pb::CheckRequest;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use futures_util::{StreamExt as _, TryStreamExt as _};
use kube::api::{Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use prost::Message as _;
use rolegate::store::kubernetes::resources::GateRole;
use serde_json::json;
use tokio::sync::mpsc;
use tonic::transport::Channel;

/// The namespace of the custom resources.
const NAMESPACE: &str = "rolegate";
/// Between two changes, and between two questions.
const BETWEEN_CHANGES: Duration = Duration::from_millis(50);
const BETWEEN_CHECKS: Duration = Duration::from_millis(1);
/// The longest that a change may take.
const PATIENCE: Duration = Duration::from_secs(30);

struct Door {
    client: AuthorizationClient<Channel>,
    request: CheckRequest,
}

impl Door {
    async fn allows(&mut self) -> bool {
        let answer = self.client.check(self.request.clone()).await.expect("an answer").into_inner();
        answer.status.is_some_and(|status| status.code == 0)
    }

    async fn until(&mut self, allows: bool) -> Instant {
        loop {
            if self.allows().await == allows {
                return Instant::now();
            }
            tokio::time::sleep(BETWEEN_CHECKS).await;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("a provider of cryptography");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [address, request_file, role, account, count] = words.as_slice() else {
        panic!("usage: bench_changes ENVOY_ADDR REQUEST_FILE ROLE ACCOUNT COUNT")
    };
    let frame = std::fs::read(request_file).expect("the request file");
    let request = CheckRequest::decode(frame.get(5..).expect("a gRPC frame")).expect("a CheckRequest");
    let client = AuthorizationClient::connect(format!("http://{address}")).await.expect("a connection");
    let mut door = Door { client, request };
    let roles: Api<GateRole> = Api::namespaced(Client::try_default().await.expect("a cluster"), NAMESPACE);
    let mut told = told(&roles, role).await;
    let mut took = [vec![], vec![], vec![]];
    door.until(true).await;
    for number in 0..count.parse::<u32>().unwrap() {
        let allows = number % 2 == 1;
        let bound = if allows { account } else { "nobody" };
        let patch = Patch::Merge(json!({ "spec": { "boundServiceAccountNames": [bound] } }));
        let params = PatchParams::default();
        while told.try_recv().is_ok() {}
        let began = Instant::now();
        let write = async { (roles.patch(role, &params, &patch).await.expect("a change"), Instant::now()) };
        let heard = async {
            loop {
                let (names, at) = told.recv().await.expect("a watch");
                if names == [bound] {
                    return at;
                }
            }
        };
        let all = async { tokio::join!(write, heard, door.until(allows)) };
        let ((_, written), heard, enforced) =
            tokio::time::timeout(PATIENCE, all).await.expect("a change that is enforced");
        for (times, at) in took.iter_mut().zip([written, heard, enforced]) {
            times.push(at.duration_since(began).as_secs_f64() * 1e3);
        }
        tokio::time::sleep(BETWEEN_CHANGES).await;
    }
    let [written, told, enforced] = took;
    println!("{}", json!({ "written": written, "told": told, "enforced": enforced }));
}

/// What a bare watch tells of the role: the names that it is bound to, and when it was heard.
async fn told(roles: &Api<GateRole>, role: &str) -> mpsc::UnboundedReceiver<(Vec<String>, Instant)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let params = WatchParams::default().fields(&format!("metadata.name={role}")).timeout(290);
    let version = roles.get(role).await.expect("the role").metadata.resource_version.expect("a version");
    let roles = roles.clone();
    tokio::spawn(async move {
        let mut version = version;
        loop {
            let mut events = roles.watch(&params, &version).await.expect("a watch").boxed();
            while let Some(event) = events.try_next().await.expect("an event") {
                if let WatchEvent::Modified(object) = event {
                    version = object.metadata.resource_version.clone().expect("a version");
                    // Nobody listens any more when the last change was enforced.
                    let _ = sender.send((object.spec.bound_service_account_names, Instant::now()));
                }
            }
        }
    });
    receiver
}
