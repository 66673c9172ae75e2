//! Each right of the manifests is needed: what it is for fails without it, and works with all of them.

use futures_util::{StreamExt as _, stream};
use kube::{Api, api::ListParams};
use serde_json::Value;

use super::{
    behaviour::{
        Behaviour,
        Kind::{Mount, Policy, Role},
    },
    granted::{Right, granted},
    stage::Stage,
};
use crate::{
    cluster::Cluster,
    kustomize::{build, kind},
    mounted::certificates,
    support::kube::KubeApiserver,
};

/// What fails without a right.
type Row = (&'static str, Behaviour);

const BASE: [Row; 32] = [
    ("list gatemounts.rolegate.dev", Behaviour::Loads),
    ("list gateroles.rolegate.dev", Behaviour::Loads),
    ("list gatepolicies.rolegate.dev", Behaviour::Loads),
    ("watch gatemounts.rolegate.dev", Behaviour::Hears(Mount)),
    ("watch gateroles.rolegate.dev", Behaviour::Hears(Role)),
    ("watch gatepolicies.rolegate.dev", Behaviour::Hears(Policy)),
    ("create gatemounts.rolegate.dev", Behaviour::Creates(Mount)),
    ("create gateroles.rolegate.dev", Behaviour::Creates(Role)),
    ("create gatepolicies.rolegate.dev", Behaviour::Creates(Policy)),
    ("update gatemounts.rolegate.dev", Behaviour::Updates(Mount)),
    ("update gateroles.rolegate.dev", Behaviour::Updates(Role)),
    ("update gatepolicies.rolegate.dev", Behaviour::Updates(Policy)),
    ("delete gatemounts.rolegate.dev", Behaviour::Deletes(Mount)),
    ("delete gateroles.rolegate.dev", Behaviour::Deletes(Role)),
    ("delete gatepolicies.rolegate.dev", Behaviour::Deletes(Policy)),
    ("get gatemounts.rolegate.dev", Behaviour::FindsAnotherName(Mount)),
    ("get gateroles.rolegate.dev", Behaviour::FindsAnotherName(Role)),
    ("get gatepolicies.rolegate.dev", Behaviour::FindsAnotherName(Policy)),
    ("patch gatemounts/status.rolegate.dev", Behaviour::WritesStatus(Mount)),
    ("patch gateroles/status.rolegate.dev", Behaviour::WritesStatus(Role)),
    ("patch gatepolicies/status.rolegate.dev", Behaviour::WritesStatus(Policy)),
    ("list secrets", Behaviour::Loads),
    ("watch secrets", Behaviour::HearsReviewers),
    ("create secrets", Behaviour::IssuesServiceTokens),
    ("get secrets", Behaviour::IssuesBatchTokens),
    ("update secrets", Behaviour::Renews),
    ("delete secrets", Behaviour::Revokes),
    ("create leases.coordination.k8s.io", Behaviour::Leads),
    ("get leases.coordination.k8s.io/rolegate", Behaviour::Leads),
    ("patch leases.coordination.k8s.io/rolegate", Behaviour::Leads),
    ("create tokenreviews.authentication.k8s.io everywhere", Behaviour::IssuesServiceTokens),
    ("create subjectaccessreviews.authorization.k8s.io everywhere", Behaviour::IsAdministered),
];

/// The same of each component that grants rights.
const COMPONENTS: [(&str, &[Row]); 2] = [
    (
        "namespace-selectors",
        &[
            ("get namespaces everywhere", Behaviour::SelectsNamespaces),
            ("list namespaces everywhere", Behaviour::WatchesNamespaces),
            ("watch namespaces everywhere", Behaviour::WatchesNamespaces),
        ],
    ),
    ("alias-metadata", &[("get serviceaccounts everywhere", Behaviour::ReadsAnnotations)]),
];

/// A component apart: who may list Secrets everywhere needs no right to list those of its own namespace.
const REVOCATION: &str = "revocation-by-watch";

/// The same of it.
const OF_REVOCATION: [Row; 6] = [
    ("list serviceaccounts everywhere", Behaviour::HearsDeletions("serviceaccounts")),
    ("watch serviceaccounts everywhere", Behaviour::HearsDeletions("serviceaccounts")),
    ("list pods everywhere", Behaviour::HearsDeletions("pods")),
    ("watch pods everywhere", Behaviour::HearsDeletions("pods")),
    ("list secrets everywhere", Behaviour::HearsDeletions("secrets")),
    ("watch secrets everywhere", Behaviour::HearsDeletions("secrets")),
];

/// How many pods run at a time.
const AT_ONCE: usize = 4;

#[tokio::test]
async fn without_any_single_right_something_fails_that_works_with_all_of_them() {
    let cluster = Cluster::shared().await;
    cluster.must_hold(&build("base")).await;
    let of_components = COMPONENTS.iter().flat_map(|(_, rows)| rows.iter().copied());
    let rows: Vec<Row> = BASE.into_iter().chain(of_components).collect();
    let components: Vec<&str> = COMPONENTS.iter().map(|(component, _)| *component).collect();
    each_is_needed(cluster.api, &components, &[], &rows).await;
    each_is_needed(cluster.api, &[REVOCATION], &BASE, &OF_REVOCATION).await;
}

/// Tries the rows with the base and these components; `known` are rows that are tried elsewhere.
async fn each_is_needed(api: &KubeApiserver, components: &[&str], known: &[Row], rows: &[Row]) {
    let mut objects = build("base");
    objects.extend(components.iter().flat_map(|component| build(&format!("components/{component}"))));
    let rights = granted(&objects, &roles_of_kubernetes(api).await);
    let named: Vec<String> = rights.iter().map(ToString::to_string).collect();
    let unneeded = named.iter().filter(|right| known.iter().chain(rows).all(|(needed, _)| needed != right));
    assert_eq!(unneeded.collect::<Vec<_>>(), Vec::<&String>::new(), "granted, and nothing here needs it");
    let missing = rows.iter().filter(|(needed, _)| !named.iter().any(|right| right == needed));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&Row>::new(), "needed, and not granted");
    let objects = [objects, certificates(&[])].concat();

    all_works(api, &objects, &rights, rows).await;
    let failures = stream::iter(rows).map(|row| works_without(api, &objects, &rights, row));
    let works: Vec<Option<String>> = failures.buffer_unordered(AT_ONCE).collect().await;
    let works: Vec<String> = works.into_iter().flatten().collect();
    assert_eq!(works, Vec::<String>::new(), "what works without the right that is said to be for it");
}

#[test]
fn every_component_that_grants_rights_is_tried() {
    for entry in std::fs::read_dir(kind().join("components")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_tried = name == REVOCATION || COMPONENTS.iter().any(|(component, _)| *component == name);
        let objects = build(&format!("components/{name}"));
        let grants = objects.iter().any(|object| object["roleRef"].is_object());
        assert_eq!(grants, is_tried, "{name}");
    }
}

async fn all_works(api: &KubeApiserver, objects: &[Value], rights: &[Right], rows: &[Row]) {
    let stage = Stage::start(api, objects, &rights.iter().collect::<Vec<_>>()).await;
    stage.gate.is_ready().await;
    for (_, behaviour) in rows {
        let tried = behaviour.tried(&stage).await;
        assert_eq!(tried, Ok(()), "{behaviour:?}, with all rights");
    }
    let (_, readiness) = stage.gate.readiness().await;
    let readiness: Value = serde_json::from_str(&readiness).unwrap();
    let troubles = readiness["troubles"].as_object().unwrap();
    assert!(troubles.keys().all(|subject| subject.starts_with("revocation by ")), "{readiness}");
}

/// The row, where its behaviour works without its right.
async fn works_without(
    api: &KubeApiserver,
    objects: &[Value],
    rights: &[Right],
    (right, behaviour): &Row,
) -> Option<String> {
    let left: Vec<&Right> = rights.iter().filter(|granted| granted.to_string() != *right).collect();
    assert_eq!(left.len(), rights.len() - 1, "{right}");
    let stage = Stage::start(api, objects, &left).await;
    if !matches!(behaviour, Behaviour::Loads | Behaviour::Hears(_) | Behaviour::HearsReviewers) {
        stage.gate.is_ready().await;
    }
    match behaviour.tried(&stage).await {
        Ok(()) => Some(format!("{behaviour:?} without `{right}`")),
        Err(how) => {
            eprintln!("without `{right}`: {behaviour:?} fails: {how}");
            None
        }
    }
}

/// The cluster roles that every cluster has.
async fn roles_of_kubernetes(api: &KubeApiserver) -> Vec<Value> {
    let roles: Api<k8s_openapi::api::rbac::v1::ClusterRole> = Api::all(api.client());
    let roles = roles.list(&ListParams::default()).await.unwrap();
    let roles = roles.items.into_iter().map(|role| {
        let mut role = serde_json::to_value(role).unwrap();
        role["kind"] = "ClusterRole".into();
        role
    });
    roles.collect()
}
