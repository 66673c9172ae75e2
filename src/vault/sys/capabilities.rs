//! `sys/capabilities`, `…-self` and `…-accessor`: what a token may do on paths.

use serde_json::{Map, Value};

use crate::core::acl::Acl;
use crate::core::fields::Fields;
use crate::vault::call::of_field;
use crate::vault::outcome::{Answer, Class, Refusal};

/// Every field, for the search for unknown ones.
pub const CAPABILITIES_FIELDS: [&str; 4] = ["accessor", "path", "paths", "token"];

/// What these policies allow on the paths that the fields name, each under its own path; of one path alone also under
/// `capabilities`.
///
/// # Errors
/// Where no path is named, or one is empty.
pub fn capabilities_answer(fields: &Map<String, Value>, acl: &Acl) -> Result<Answer, Refusal> {
    let paths = named_paths(fields)?;
    if paths.iter().any(String::is_empty) {
        return Err(Refusal::new(Class::Invalid, "missing path").listed());
    }
    let mut data = Map::new();
    if let [path] = paths.as_slice() {
        data.insert("capabilities".to_owned(), acl.capabilities(path).into());
    }
    for path in paths {
        let capabilities = acl.capabilities(&path).into();
        data.insert(path, capabilities);
    }
    Ok(Answer { data: Some(data), data_at_top: true, ..Answer::default() })
}

/// `paths`, or else the older `path`.
///
/// # Errors
/// Where neither names any.
pub(super) fn named_paths(fields: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let fields = Fields::new(fields);
    let list = |field| match fields.list(field) {
        Ok(paths) => Ok(paths.unwrap_or_default()),
        Err(error) => Err(of_field(&error)),
    };
    let (paths, path) = (list("paths")?, list("path")?);
    match (paths.is_empty(), path.is_empty()) {
        (true, true) => Err(Refusal::new(Class::Invalid, "paths must be supplied")),
        (true, false) => Ok(path),
        _ => Ok(paths),
    }
}

#[cfg(test)]
mod tests;
