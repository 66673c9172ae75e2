//! The stand-in cluster as people meet it: over a socket, through the kube client and through kubectl.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where its set-up does")]

use std::future::IntoFuture;
use std::io::{ErrorKind, Write};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{
    TokenRequest, TokenRequestSpec, TokenReview, TokenReviewSpec, TokenReviewStatus,
};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use rolegate::dev::cluster::{Cluster, ISSUER};
use rolegate::ports::Clock;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn unix_now(&self) -> i64 {
        1_800_014_400
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// A served cluster with the account `orders` in `shop`; dropping it ends the server.
struct Stage {
    cluster: Cluster,
    uid: String,
    kubeconfig: String,
    _server: JoinSet<std::io::Result<()>>,
}

async fn stage() -> Stage {
    // Fails when another test of this process was first, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cluster = Cluster::new(Arc::new(Noon)).unwrap();
    let uid = cluster.add_service_account("shop", "orders").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kubeconfig = cluster.kubeconfig(&format!("http://{}", listener.local_addr().unwrap()));
    let mut server = JoinSet::new();
    server.spawn(axum::serve(listener, cluster.router()).into_future());
    Stage { cluster, uid, kubeconfig, _server: server }
}

impl Stage {
    async fn client(&self, bearer: Option<&str>) -> Client {
        let mut kubeconfig = Kubeconfig::from_yaml(&self.kubeconfig).unwrap();
        if let Some(bearer) = bearer {
            kubeconfig.auth_infos[0].auth_info.as_mut().unwrap().token = Some(bearer.to_owned().into());
        }
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        // The machine's proxy is for elsewhere.
        config.proxy_url = None;
        Client::try_from(config).unwrap()
    }

    /// What the reviewer hears of a token.
    async fn review(&self, token: &str, audience: &str) -> TokenReviewStatus {
        let reviews: Api<TokenReview> =
            Api::all(self.client(Some(self.cluster.reviewer_token().expose())).await);
        let spec =
            TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(vec![audience.to_owned()]) };
        let review = TokenReview { spec, ..TokenReview::default() };
        reviews.create(&Default::default(), &review).await.unwrap().status.unwrap()
    }

    async fn assert_is_orders(&self, token: &str, audience: &str) {
        let status = self.review(token, audience).await;
        assert_eq!(status.authenticated, Some(true), "{status:?}");
        assert_eq!(status.audiences, Some(vec![audience.to_owned()]));
        let user = status.user.unwrap();
        assert_eq!(user.username.as_deref(), Some("system:serviceaccount:shop:orders"));
        assert_eq!(user.uid.as_ref(), Some(&self.uid));
    }
}

#[tokio::test]
async fn the_kube_client_gets_a_token_that_a_review_confirms() {
    let stage = stage().await;
    let client = stage.client(None).await;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "shop");
    let spec = TokenRequestSpec { audiences: vec!["vault".to_owned()], ..TokenRequestSpec::default() };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let answer = accounts.create_token_request("orders", &Default::default(), &request).await.unwrap();
    stage.assert_is_orders(&answer.status.unwrap().token, "vault").await;

    let refused = accounts.create_token_request("nobody", &Default::default(), &request).await;
    let kube::Error::Api(status) = refused.unwrap_err() else { panic!("not a Status") };
    assert_eq!((status.code, status.reason.as_str()), (404, "NotFound"));

    let shop = Api::<Namespace>::all(client).get("shop").await.unwrap();
    assert_eq!(shop.metadata.labels.unwrap()["kubernetes.io/metadata.name"], "shop");
}

#[tokio::test]
async fn kubectl_gets_a_token_that_a_review_confirms() {
    let stage = stage().await;
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("kubeconfig"), &stage.kubeconfig).unwrap();
    let kubectl = async |arguments: &str| {
        let mut command = Command::new("kubectl");
        command.args(arguments.split(' ')).arg("--request-timeout=30s");
        command.env("KUBECONFIG", home.path().join("kubeconfig")).env("HOME", home.path());
        tokio::task::spawn_blocking(move || command.output()).await.unwrap()
    };
    let knows_tokens = match kubectl("create token --help").await {
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        output => output.unwrap().status.success(),
    };
    if !knows_tokens {
        // Written past the test harness, which hides what a passing test prints.
        let notice = "NOT RUN: no kubectl >= 1.24 in PATH; the kube client's test makes the same TokenRequest
";
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        return;
    }
    let run = async |arguments: &str| said(arguments, kubectl(arguments).await.unwrap());

    let own = run("create token orders -n shop").await.unwrap();
    stage.assert_is_orders(&own, ISSUER).await;
    let vault = run("create token orders -n shop --audience vault --audience other --duration 1h").await;
    stage.assert_is_orders(&vault.unwrap(), "vault").await;
    let short = run("create token orders -n shop --duration 1m").await.unwrap_err();
    assert!(short.contains("may not specify a duration less than 10 minutes"), "{short}");
    let pod = "create token orders -n shop --bound-object-kind Pod --bound-object-name p";
    let pod = run(pod).await.unwrap_err();
    assert!(pod.contains("boundObjectRef"), "{pod}");

    for (command, expected) in [
        ("create namespace lab", "namespace/lab created"),
        ("create serviceaccount rat -n lab", "serviceaccount/rat created"),
        ("get sa,ns -n lab -o name", "serviceaccount/rat\nnamespace/lab\nnamespace/shop"),
    ] {
        assert_eq!(run(command).await.unwrap(), expected);
    }
    let token = run("create token rat -n lab").await.unwrap();
    assert_eq!(stage.review(&token, ISSUER).await.authenticated, Some(true));
    run("delete serviceaccount rat -n lab --timeout=60s").await.unwrap();
    let status = stage.review(&token, ISSUER).await;
    assert_eq!(status.authenticated, Some(false), "{status:?}");
    let gone = run("get sa rat -n lab").await.unwrap_err();
    assert!(gone.contains("NotFound"), "{gone}");
}

/// Standard output, or standard error where the command failed.
fn said(arguments: &str, output: Output) -> Result<String, String> {
    eprintln!("kubectl {arguments}: {}", output.status);
    let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}
