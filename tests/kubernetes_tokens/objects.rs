//! What lies in the API server.

use k8s_openapi::api::core::v1::Secret as Object;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{ListParams, PostParams};
use rolegate::core::secret::Secret;
use rolegate::errors::with_causes;
use serde_json::json;

use super::replica::{Replica, batch, digest_of, new_token};
use super::support::kube::{KubeApiserver, REVIEWER};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_one_secret_that_shows_neither_it_nor_its_accessor() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let replica = Replica::open(api.client(), &namespace).await;
    let parent = replica.issue(new_token()).await;
    let child = replica.child(&parent).await;
    let wrapped = replica.tokens.wrap(&Secret::from("answer".to_owned()), "p", 60).await.unwrap();
    replica.issue(batch()).await;
    replica.entities.entity_for("auth_kubernetes_1", "orders-uid", &[].into()).await.unwrap();
    let secrets = Api::<Object>::namespaced(api.client(), &namespace);
    let mut kinds = vec![];
    for object in secrets.list(&ListParams::default()).await.unwrap() {
        let kind = object.metadata.labels.as_ref().unwrap()["rolegate.dev/kind"].clone();
        assert_eq!(object.type_.unwrap(), format!("rolegate.dev/{kind}"));
        kinds.push(kind);
        let shown = serde_json::to_string(&object.metadata).unwrap();
        for token in [&parent, &child, &wrapped] {
            assert!(!shown.contains(token.token.expose()), "{shown}");
            assert!(!shown.contains(&token.record.accessor), "{shown}");
        }
        assert!(!shown.contains("orders-uid"), "{shown}");
        let held = object.data.unwrap().into_values().flat_map(|value| value.0).collect::<Vec<_>>();
        let held = String::from_utf8_lossy(&held).into_owned();
        assert!([&parent, &child, &wrapped].iter().all(|token| !held.contains(token.token.expose())));
    }
    kinds.sort_unstable();
    assert_eq!(kinds, ["entity", "key-ring", "token", "token", "token"]);
    assert!(!format!("{:?}", replica.store).contains("answer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_puts_under_a_tokens_name_is_no_token() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let replica = Replica::open(api.client(), &namespace).await;
    let good = replica.issue(new_token()).await;
    let secrets = Api::<Object>::namespaced(api.client(), &namespace);
    let mut object = secrets.list(&ListParams::default()).await.unwrap().items.remove(0);
    object.data.as_mut().unwrap().get_mut("entries").unwrap().0.truncate(20);
    let name = object.metadata.name.clone().unwrap();
    secrets.replace(&name, &Default::default(), &object).await.unwrap();
    super::support::eventually("the replica has heard", async || {
        (!replica.is_good(&good).await).then_some(())
    })
    .await;
    assert_eq!(replica.sizes().await, [0; 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_api_server_forbids_fails_without_naming_a_token() {
    let api = KubeApiserver::shared().await;
    let namespace = api.namespace(&[]).await;
    let rights = json!({
        "metadata": { "name": "looks-on" },
        "rules": [{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"] }],
    });
    let rights: Role = serde_json::from_value(rights).unwrap();
    Api::namespaced(api.client(), &namespace).create(&PostParams::default(), &rights).await.unwrap();
    let binding = json!({
        "metadata": { "name": "looks-on" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "looks-on" },
        "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": REVIEWER }],
    });
    let binding: RoleBinding = serde_json::from_value(binding).unwrap();
    Api::namespaced(api.client(), &namespace).create(&PostParams::default(), &binding).await.unwrap();
    let full = Replica::open(api.client(), &namespace).await;
    let token = full.issue(new_token()).await;
    let client = api.client_with(&api.token_of_user(REVIEWER));
    // Rights take a moment to be known.
    let replica = Replica::open(client, &namespace).await;
    assert!(replica.is_good(&token).await);
    let digest = digest_of(&token);
    let failures = [
        replica.tokens.revoke(&digest).await.map(drop),
        replica.tokens.issue(new_token()).await.map(drop),
        replica.tokens.find("hvs.other").await.map(drop),
    ];
    for failure in failures {
        let error = failure.unwrap_err();
        let told = format!("{} {error:?}", with_causes(&error));
        assert!(told.contains("the API server answers 403 Forbidden"), "{told}");
        assert!(!told.contains("rolegate-token"), "{told}");
    }
}
