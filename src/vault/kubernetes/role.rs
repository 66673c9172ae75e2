//! `role/:name` and the list of roles.

use serde_json::{Map, json};

use super::Kubernetes;
use crate::core::fields::{FieldError, Fields};
use crate::core::role::decode::{ROLE_FIELDS, check_fields as decode_fields, decode, is_role_name};
use crate::ports::Verify;
use crate::vault::call::{Call, store_refusal, with_unknown_fields};
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};

/// The name in `role/<name>`, if it is one.
pub fn name(path: &str) -> Option<&str> {
    path.strip_prefix("role/").filter(|name| is_role_name(name))
}

/// The answer to a list of roles: every name, in the order of its bytes.
pub fn listed(mut names: Vec<&str>, fields: Fields<'_>) -> Outcome {
    names.sort_unstable();
    let data = (!names.is_empty()).then(|| Map::from_iter([("keys".to_owned(), json!(names))]));
    // An empty list is none, unless the caller is to hear of fields that mean nothing.
    let unknown = fields.unknown(&["after", "limit"]);
    let data = data.or_else(|| (!unknown.is_empty()).then(Map::new));
    with_unknown_fields(Answer { data, ..Answer::default() }, fields, &["after", "limit"], &[])
}

/// The role as it is stored.
pub(super) fn read(call: &Call<'_>, name: &str) -> Outcome {
    let data = call.mount.role(name).map(|role| role.fields());
    with_unknown_fields(Answer { data, ..Answer::default() }, call.fields(), &ROLE_FIELDS, &["name"])
}

/// Whether every field can be read.
///
/// # Errors
/// The first that cannot, in the reference's words.
pub(super) fn check_fields(call: &Call<'_>) -> Result<(), Refusal> {
    decode_fields(&call.request.data)
        .map_err(|error: FieldError| Refusal::new(Class::Invalid, error.to_string()))
}

/// The policies of logins by the role that a write would make.
///
/// # Errors
/// Where the write is not good, in the reference's words.
pub(super) fn policies_of_write(call: &Call<'_>, name: &str) -> Result<Vec<String>, Refusal> {
    let before = call.mount.role(name).map(AsRef::as_ref);
    decode(name, &call.request.data, before, call.mount.about.max_lease())
        .map(|written| written.role.token.login_policies())
        .map_err(|error| Refusal::new(Class::Invalid, error.to_string()))
}

/// Creates the role, or lays the fields over it.
pub(super) async fn write<V: Verify>(backend: &Kubernetes<V>, call: &Call<'_>, name: &str) -> Outcome {
    let writing = backend.catalog.write().await;
    let now = writing.snapshot();
    let Some(mount) = now.mount(&call.mount.path) else {
        return Refusal::new(Class::NotFound, "the mount is gone").into();
    };
    let before = mount.role(name).map(AsRef::as_ref);
    let written = match decode(name, &call.request.data, before, mount.about.max_lease()) {
        Ok(written) => written,
        Err(error) => return Refusal::new(Class::Invalid, error.to_string()).into(),
    };
    if let Some(terms) = call.terms
        && let Err(refusal) = terms.hold(before.is_none(), &written.role.token.login_policies())
    {
        return refusal.into();
    }
    drop(now);
    match writing.put_roles(&call.mount.path, vec![written.role]).await {
        Ok(()) => {
            let answer = Answer { warnings: written.warnings, ..Answer::default() };
            with_unknown_fields(answer, call.fields(), &ROLE_FIELDS, &["name"])
        }
        Err(error) => store_refusal(&error).into(),
    }
}

/// Takes the role away, if it is there.
pub(super) async fn delete<V: Verify>(backend: &Kubernetes<V>, call: &Call<'_>, name: &str) -> Outcome {
    let writing = backend.catalog.write().await;
    match writing.delete_role(&call.mount.path, &name.to_lowercase()).await {
        Ok(()) => Outcome::Done(Answer::default()),
        Err(error) => store_refusal(&error).into(),
    }
}
