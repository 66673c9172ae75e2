//! `sys/auth/<path>`: mounts come and go.

use serde_json::{Map, Value};

use super::mounts::{KUBERNETES, TOKEN};
use super::tune::Tuning;
use crate::catalog::Catalog;
use crate::core::fields::Fields;
use crate::core::mount::{MountAbout, Snapshot};
use crate::ports::Random;
use crate::vault::call::store_refusal;
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};

/// The longest path of a mount, in bytes.
const MAX_PATH: usize = 256;

/// Enables a mount.
pub(super) async fn enable(
    catalog: &Catalog,
    random: &dyn Random,
    path: &str,
    data: &Map<String, Value>,
) -> Outcome {
    let about = match about(random, data) {
        Ok(about) => about,
        Err(refusal) => return refusal.into(),
    };
    if let Err(refusal) = usable(path) {
        return refusal.into();
    }
    let writing = catalog.write().await;
    if let Some(used) = used_by(&writing.snapshot(), path) {
        return invalid(format!("path is already in use at {used}/")).into();
    }
    match writing.put_mount(path, about).await {
        Ok(()) => Outcome::Done(Answer::default()),
        Err(error) => store_refusal(&error).into(),
    }
}

/// Disables a mount, if it is there: its config and roles go, and the tokens of its logins are good no longer.
pub(super) async fn disable(catalog: &Catalog, path: &str) -> Outcome {
    if path == TOKEN {
        return invalid("token credential backend cannot be disabled").into();
    }
    let writing = catalog.write().await;
    if writing.snapshot().mount(path).is_none() {
        return Outcome::Done(Answer::default());
    }
    match writing.delete_mount(path).await {
        Ok(()) => Outcome::Done(Answer::default()),
        Err(error) => store_refusal(&error).into(),
    }
}

fn about(random: &dyn Random, data: &Map<String, Value>) -> Result<MountAbout, Refusal> {
    let fields = Fields::new(data);
    match fields.string("type").map_err(|error| invalid(error.to_string()))?.as_deref() {
        None | Some("") => return Err(invalid("backend type must be specified as a string")),
        Some(KUBERNETES) => {}
        Some(TOKEN) => return Err(invalid("token credential backend cannot be instantiated")),
        Some(other) => {
            return Err(invalid(format!(
                "plugin not found in the catalog: {other}, expected `{KUBERNETES}`"
            )));
        }
    }
    let mut bytes = [0; 20];
    random.fill(&mut bytes).map_err(|error| Refusal::new(Class::Internal, error.to_string()))?;
    let mut about = MountAbout::new(bytes);
    let wrong = |error: crate::core::fields::FieldError| invalid(error.to_string());
    about.description = fields.string("description").map_err(wrong)?.unwrap_or_default();
    about.local = fields.boolean("local").map_err(wrong)?.unwrap_or_default();
    about.options = fields.pairs("options").map_err(wrong)?.unwrap_or_default();
    match data.get("config") {
        None | Some(Value::Null) => {}
        Some(Value::Object(config)) => Tuning::read(Fields::new(config))?.begin(&mut about)?,
        Some(_) => {
            return Err(invalid(
                "unable to convert given mount config information, expected keys with values",
            ));
        }
    }
    Ok(about)
}

fn usable(path: &str) -> Result<(), Refusal> {
    let good = |part: &str| !part.is_empty() && part != "." && part != "..";
    if path.len() <= MAX_PATH && path.split('/').all(good) && !path.chars().any(char::is_whitespace) {
        Ok(())
    } else {
        Err(invalid(format!("the path of a mount is expected without blanks, of at most {MAX_PATH} bytes")))
    }
}

/// The mount that is at, above or below a path.
fn used_by<'a>(snapshot: &'a Snapshot, path: &str) -> Option<&'a str> {
    let contains = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mounts = snapshot.mounts.keys().map(AsRef::as_ref).chain([TOKEN]);
    mounts.into_iter().find(|mount| contains(mount, path) || contains(path, mount))
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new(Class::Invalid, text)
}
