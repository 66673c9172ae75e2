//! Get, list, create and delete of namespaces and service accounts.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, State};
use http::StatusCode;
use http::request::Parts;
use k8s_openapi::List;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;

use super::body::Body;
use super::kinds::{Key, Kind};
use super::{Cluster, Refusal};

type Answer<T> = Result<Json<T>, Refusal>;

/// What a path names: a namespace and a name, where it has them.
type Names = Path<BTreeMap<String, String>>;

/// The query options that are understood; one that would change the answer and is not is refused.
#[derive(Debug)]
pub(super) struct Options {
    name: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Options {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let query = Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri);
        let Query(query) = query.map_err(|_| Refusal::bad_request("the query could not be read"))?;
        let given = |key: &str| query.get(key).map(String::as_str).filter(|value| !value.is_empty());
        let unsupported =
            ["labelSelector", "dryRun", "continue"].into_iter().find(|key| given(key).is_some());
        let watch = given("watch").filter(|value| !matches!(*value, "0" | "false")).map(|_| "watch");
        if let Some(key) = unsupported.or(watch) {
            return Err(unsupported_option(key));
        }
        let Some(selector) = given("fieldSelector") else { return Ok(Self { name: None }) };
        let name = selector.strip_prefix("metadata.name=").filter(|name| !name.contains([',', '=', '!']));
        let name = name.ok_or_else(|| unsupported_option("fieldSelector"))?;
        Ok(Self { name: Some(name.to_owned()) })
    }
}

pub(super) async fn get<T: Kind>(State(cluster): State<Cluster>, Path(names): Names) -> Answer<T> {
    Ok(Json(cluster.0.objects.get(&key(&names))?))
}

pub(super) async fn list<T: Kind>(
    State(cluster): State<Cluster>,
    Path(names): Names,
    options: Options,
) -> Json<List<T>> {
    let namespace = names.get("namespace").map(String::as_str);
    Json(cluster.0.objects.list(namespace, options.name.as_deref()))
}

pub(super) async fn create<T: Kind>(
    State(cluster): State<Cluster>,
    Path(names): Names,
    _options: Options,
    Body(object): Body<T>,
) -> Result<(StatusCode, Json<T>), Refusal> {
    let created = cluster.0.objects.create(&key(&names).namespace, object, cluster.now())?;
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) async fn delete<T: Kind>(
    State(cluster): State<Cluster>,
    Path(names): Names,
    _options: Options,
    Body(options): Body<DeleteOptions>,
) -> Answer<T> {
    if options.dry_run.is_some_and(|runs| !runs.is_empty()) {
        return Err(unsupported_option("dryRun"));
    }
    if options.preconditions.is_some() {
        return Err(unsupported_option("preconditions"));
    }
    Ok(Json(cluster.0.objects.delete(&key(&names))?))
}

fn key(names: &BTreeMap<String, String>) -> Key {
    let part = |key: &str| names.get(key).map(String::as_str).unwrap_or_default();
    Key::new(part("namespace"), part("name"))
}

fn unsupported_option(key: &str) -> Refusal {
    Refusal::bad_request(format!("the stand-in cluster does not do `{key}`"))
}
