//! `sys/auth` and `sys/mounts`: which auth mounts there are, and what they are like.

use serde_json::{Map, Value, json};

use crate::core::mount::about::{ListingVisibility, MountAbout};
use crate::core::mount::{Mount, Snapshot};
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};

/// The type of a mount that logs service accounts in.
pub(super) const KUBERNETES: &str = "kubernetes";

/// The mount of `auth/token/`, which is always there.
pub(super) const TOKEN: &str = "token";

/// A mount as reads show it.
pub(super) fn shown(mount: &Mount) -> Value {
    let options = json!(mount.about.options);
    entry(KUBERNETES, &mount.about, options)
}

/// The mount of `auth/token/` as reads show it.
pub(super) fn shown_token(about: &MountAbout) -> Value {
    let options = if about.options.is_empty() { Value::Null } else { json!(about.options) };
    entry(TOKEN, about, options)
}

fn entry(kind: &str, about: &MountAbout, options: Value) -> Value {
    let mut config = json!({
        "default_lease_ttl": about.default_lease_ttl,
        "force_no_cache": false,
        "max_lease_ttl": about.max_lease_ttl,
        "token_type": about.token_type.name(),
    });
    if about.listing_visibility != ListingVisibility::Default
        && let Some(config) = config.as_object_mut()
    {
        config.insert("listing_visibility".to_owned(), json!(about.listing_visibility.name()));
    }
    json!({
        "accessor": about.accessor,
        "config": config,
        "description": about.description,
        "external_entropy_access": false,
        "local": about.local,
        "options": options,
        "plugin_version": "",
        "running_plugin_version": "",
        "running_sha256": "",
        "seal_wrap": false,
        "type": kind,
        "uuid": about.uuid,
    })
}

/// Every mount by its path with a slash, `token/` among them.
fn all(snapshot: &Snapshot, token: &MountAbout) -> Map<String, Value> {
    let mounts = snapshot.mounts.values().map(|mount| (format!("{}/", mount.path), shown(mount)));
    mounts.chain([(format!("{TOKEN}/"), shown_token(token))]).collect()
}

/// `sys/auth`
pub(super) fn list(snapshot: &Snapshot, token: &MountAbout) -> Outcome {
    at_top(all(snapshot, token))
}

/// `sys/auth/<path>`
pub(super) fn read(snapshot: &Snapshot, token: &MountAbout, path: &str) -> Outcome {
    let shown = match snapshot.mount(path) {
        Some(mount) => shown(mount),
        None if path == TOKEN => shown_token(token),
        None => return Refusal::new(Class::Invalid, format!("No auth engine at {path}/")).into(),
    };
    match shown {
        Value::Object(shown) => at_top(shown),
        _ => Outcome::Done(Answer::default()),
    }
}

/// An answer whose keys stand at the top as well.
pub(super) fn at_top(data: Map<String, Value>) -> Outcome {
    Outcome::Done(Answer { data: Some(data), data_at_top: true, ..Answer::default() })
}
