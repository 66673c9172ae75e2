//! `sys/internal/ui/mounts`: what a caller sees of the mounts before and after it has logged in.

use serde_json::{Map, Value, json};

use super::mounts::{TOKEN, shown, shown_token};
use crate::core::acl::Acl;
use crate::core::mount::about::ListingVisibility;
use crate::core::mount::{MountAbout, Snapshot};
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};
use crate::vault::route::Route;

/// The mounts that everybody may see, or that the caller's policies reach.
pub(super) fn list(snapshot: &Snapshot, token: &MountAbout, acl: Option<&Acl>) -> Outcome {
    let mounts = snapshot.mounts.values().map(|mount| (&*mount.path, &*mount.about, shown(mount)));
    let mut auth = Map::new();
    for (path, about, mut shown) in mounts.chain([(TOKEN, token, shown_token(token))]) {
        let path = format!("{path}/");
        let reached = acl.is_some_and(|acl| acl.reaches(&format!("auth/{path}")));
        if !reached && let Some(shown) = shown.as_object_mut() {
            shown.retain(|key, _| matches!(key.as_str(), "description" | "options" | "type"));
        }
        if reached || about.listing_visibility == ListingVisibility::Unauth {
            auth.insert(path, shown);
        }
    }
    let data = [("auth".to_owned(), Value::Object(auth)), ("secret".to_owned(), json!({}))];
    Outcome::Done(Answer { data: Some(data.into_iter().collect()), ..Answer::default() })
}

/// The mount that a path belongs to, where the caller's policies reach it.
pub(super) fn read(snapshot: &Snapshot, token: &MountAbout, path: &str, acl: &Acl) -> Outcome {
    let path = path.trim_end_matches('/');
    let found = match Route::find(snapshot, path) {
        Some(Route::Kubernetes(mount, _)) => Some((format!("{}/", mount.path), shown(mount))),
        Some(Route::Token(_)) => Some((format!("{TOKEN}/"), shown_token(token))),
        Some(Route::Sys(_) | Route::Identity(_)) | None => None,
    };
    match found {
        Some((name, Value::Object(mut shown))) if acl.reaches(&format!("auth/{name}")) => {
            shown.insert("path".to_owned(), json!(name));
            Outcome::Done(Answer { data: Some(shown), ..Answer::default() })
        }
        _ => Refusal::new(
            Class::Denied,
            format!(
                "preflight capability check returned 403, please ensure client's policies grant access to path \
                 \"{path}/\""
            ),
        )
        .into(),
    }
}
