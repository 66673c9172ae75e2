//! vaultrs, a Rust client.

use vaultrs::{
    api::auth::kubernetes::requests::{ConfigureKubernetesAuthRequest, CreateKubernetesRoleRequest},
    auth::kubernetes::{self, role},
    client::{Client as _, VaultClient, VaultClientSettingsBuilder},
    error::ClientError,
    sys::{auth, policy},
};

use super::{stage::Stage, support::kube::KubeApiserver};

#[tokio::test]
async fn vaultrs_sets_up_logs_in_lives_and_leaves() {
    let stage = Stage::start("vaultrs").await;
    let (mount, root) = (stage.mount.as_str(), client(&stage, &stage.root));
    set_up(&stage, &root).await;

    let login = async |role: &str, token: &str| {
        kubernetes::login(&client(&stage, ""), mount, role, &stage.text(token)).await
    };
    let info = login("orders", "orders.jwt").await.unwrap();
    assert_eq!(info.policies, ["default", mount]);
    assert_eq!(info.metadata.unwrap()["service_account_namespace"], stage.namespace);
    assert_eq!((info.lease_duration, info.renewable, info.orphan), (600, true, true));

    let workload = client(&stage, &info.client_token);
    let seen = workload.lookup().await.unwrap();
    assert_eq!((seen.id, seen.path), (info.client_token, format!("auth/{mount}/login")));
    assert_eq!(workload.renew(Some("20m")).await.unwrap().lease_duration, 1200);
    let read = role::read(&workload, mount, "orders").await.unwrap();
    assert_eq!(read.bound_service_account_names, ["orders"]);
    refused(kubernetes::read_config(&workload, mount).await, 403, "permission denied");

    refused(login("nope", "orders.jwt").await, 400, "invalid role name \"nope\"");
    refused(login("orders", "stranger.jwt").await, 403, "namespace not authorized");

    workload.revoke().await.unwrap();
    refused(workload.lookup().await, 403, "permission denied");

    role::delete(&root, mount, "orders").await.unwrap();
    refused(login("orders", "orders.jwt").await, 400, "invalid role name \"orders\"");
    policy::delete(&root, mount).await.unwrap();
    auth::disable(&root, mount).await.unwrap();
    assert!(!auth::list(&root).await.unwrap().contains_key(&format!("{mount}/")));
}

/// vaultrs knows no reviewer: the API server is asked with the caller's own token, which must be allowed to review.
async fn set_up(stage: &Stage, root: &VaultClient) {
    let mount = stage.mount.as_str();
    KubeApiserver::shared().await.allow_reviews(&stage.namespace, "orders").await;
    auth::enable(root, mount, "kubernetes", None).await.unwrap();
    assert_eq!(auth::list(root).await.unwrap()[&format!("{mount}/")].mount_type, "kubernetes");
    policy::set(root, mount, &stage.policy()).await.unwrap();
    assert_eq!(policy::read(root, mount).await.unwrap().rules, stage.policy());
    assert!(policy::list(root).await.unwrap().policies.contains(&mount.to_owned()));

    let mut config = ConfigureKubernetesAuthRequest::builder();
    config.kubernetes_ca_cert(stage.text("ca.crt"));
    kubernetes::configure(root, mount, &stage.kube, Some(&mut config)).await.unwrap();
    assert_eq!(kubernetes::read_config(root, mount).await.unwrap().kubernetes_host, stage.kube);
    let mut orders = CreateKubernetesRoleRequest::builder();
    orders
        .bound_service_account_names(["orders".to_owned()])
        .bound_service_account_namespaces([stage.namespace.clone()])
        .token_policies([mount.to_owned()])
        .token_ttl("10m")
        .token_max_ttl("1h");
    role::create(root, mount, "orders", Some(&mut orders)).await.unwrap();
    assert_eq!(role::list(root, mount).await.unwrap().keys, ["orders"]);
}

fn client(stage: &Stage, token: &str) -> VaultClient {
    // Another test may have done so before.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = VaultClientSettingsBuilder::default()
        .address(&stage.url)
        .token(token)
        .ca_certs(stage.server_ca.clone().into_iter().collect::<Vec<_>>())
        .build();
    VaultClient::new(settings.unwrap()).unwrap()
}

#[track_caller]
fn refused<T>(answer: Result<T, ClientError>, status: u16, sentence: &str) {
    match answer {
        Err(ClientError::APIError { code, errors }) => {
            assert_eq!(code, status, "{errors:?}");
            assert!(errors.iter().any(|error| error.contains(sentence)), "{errors:?}");
        }
        Err(other) => panic!("wanted {status} `{sentence}`, got {other:?}"),
        Ok(_) => panic!("wanted {status} `{sentence}`, but it is allowed"),
    }
}
