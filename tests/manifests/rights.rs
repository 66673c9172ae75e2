//! What rolegate's ServiceAccount may do by the manifests alone: what it needs, and nothing else.

mod behaviour;
mod granted;
mod needed;
mod stage;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::{Api, api::PostParams};

use super::{cluster::Cluster, kustomize::build, support::eventually};

const ALL: [&str; 6] = ["get", "list", "watch", "create", "update", "delete"];

/// Verbs at a resource (`resource[/subresource].group`), in a namespace or, without one, in all.
type Right = (&'static [&'static str], &'static str, Option<&'static str>);

const BASE: [Right; 10] = [
    (&ALL, "gatemounts.rolegate.dev", Some("rolegate")),
    (&ALL, "gateroles.rolegate.dev", Some("rolegate")),
    (&ALL, "gatepolicies.rolegate.dev", Some("rolegate")),
    (&["patch"], "gatemounts/status.rolegate.dev", Some("rolegate")),
    (&["patch"], "gateroles/status.rolegate.dev", Some("rolegate")),
    (&["patch"], "gatepolicies/status.rolegate.dev", Some("rolegate")),
    (&ALL, "secrets.", Some("rolegate")),
    (&["create"], "leases.coordination.k8s.io", Some("rolegate")),
    (&["create"], "tokenreviews.authentication.k8s.io", None),
    (&["create"], "subjectaccessreviews.authorization.k8s.io", None),
];

/// What nothing of the base gives; each but the last is what one component adds, and no other does.
const BEYOND: [Right; 11] = [
    (&["get", "list", "watch"], "namespaces.", None),
    (&["get"], "serviceaccounts.", None),
    (&["list", "watch"], "serviceaccounts.", None),
    (&["list", "watch"], "pods.", None),
    (&["list", "watch"], "secrets.", None),
    (&["get", "create", "update", "delete"], "secrets.", Some("kube-system")),
    (&["get", "list", "create", "update"], "gateroles.rolegate.dev", Some("shop")),
    (&["delete"], "leases.coordination.k8s.io", Some("rolegate")),
    // Its own alone.
    (&["get", "patch", "list", "update"], "leases.coordination.k8s.io", Some("rolegate")),
    (&["patch"], "gateroles.rolegate.dev", Some("rolegate")),
    (&["patch"], "secrets.", Some("rolegate")),
];

#[tokio::test]
async fn the_base_gives_what_rolegate_needs_and_each_component_only_its_own() {
    let cluster = Cluster::shared().await;
    cluster.forget_cluster_role_bindings("rolegate:").await;
    cluster.must_hold(&build("base")).await;
    let mut expected: Vec<(Right, bool)> = BASE.iter().map(|right| (*right, true)).collect();
    expected.extend(BEYOND.iter().map(|right| (*right, false)));
    check(&cluster, "base", &expected).await;
    for (component, adds) in
        [("namespace-selectors", 0..1), ("alias-metadata", 1..2), ("revocation-by-watch", 2..5)]
    {
        cluster.must_hold(&build(&format!("components/{component}"))).await;
        for index in adds {
            expected[BASE.len() + index].1 = true;
        }
        check(&cluster, component, &expected).await;
    }
}

async fn check(cluster: &Cluster, what: &str, expected: &[(Right, bool)]) {
    for ((verbs, resource, namespace), allowed) in expected {
        for verb in *verbs {
            // The API server's authorizer hears of a new binding a moment later.
            let wanted = format!("{what}: {verb} {resource} in {namespace:?} is {allowed}");
            eventually(wanted, async || {
                (may(cluster, verb, resource, *namespace).await == *allowed).then_some(())
            })
            .await;
        }
    }
}

async fn may(cluster: &Cluster, verb: &str, resource: &str, namespace: Option<&str>) -> bool {
    let (resource, group) = resource.split_once('.').unwrap();
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some("system:serviceaccount:rolegate:rolegate".to_owned()),
            resource_attributes: Some(ResourceAttributes {
                verb: Some(verb.to_owned()),
                group: Some(group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource: Some(subresource.to_owned()),
                namespace: namespace.map(ToOwned::to_owned),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(cluster.api.client());
    api.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
}
