//! The headers that the door reads.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Map;

use crate::core::fields::{FieldError, Fields};
use crate::core::secret::Secret;

static TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
static NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
static WRAP_TTL: HeaderName = HeaderName::from_static("x-vault-wrap-ttl");
static MFA: HeaderName = HeaderName::from_static("x-vault-mfa");

/// The caller's token: `X-Vault-Token`, else the first bearer of `Authorization`. The scheme is compared with case.
pub(super) fn token(headers: &HeaderMap) -> Option<Secret> {
    let own = headers.get(&TOKEN).map(text).filter(|token| !token.is_empty());
    let bearer = || {
        let values = headers.get_all(header::AUTHORIZATION);
        values.iter().map(text).find_map(|value| Some(value.strip_prefix("Bearer ")?.trim().to_owned()))
    };
    own.or_else(bearer).filter(|token| !token.is_empty()).map(Secret::from)
}

/// Whether the request is for the root namespace, the only one that there is.
pub(super) fn is_root_namespace(headers: &HeaderMap) -> bool {
    let named = headers.get(&NAMESPACE).map(text).unwrap_or_default();
    matches!(named.trim_matches('/'), "" | "root")
}

/// For how long the answer is to be wrapped, however short that is; none where it is not.
///
/// # Errors
/// Where the header is no duration, in the reference's words.
pub(super) fn wrap_ttl(headers: &HeaderMap) -> Result<Option<Duration>, String> {
    let Some(value) = headers.get(&WRAP_TTL).map(text).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let field = Map::from_iter([(WRAP_TTL.to_string(), value.into())]);
    match Fields::new(&field).begun_seconds(WRAP_TTL.as_str()) {
        Ok(seconds) => Ok(seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)),
        Err(FieldError { reason, .. }) => {
            let negative = reason.starts_with("cannot provide negative value");
            let reason = if negative { "requested wrap ttl cannot be negative" } else { &reason };
            Err(format!("error parsing X-Vault-Wrap-TTL header: {reason}"))
        }
    }
}

/// Whether a second factor comes along, which nothing here asks for.
pub(super) fn has_mfa(headers: &HeaderMap) -> bool {
    headers.contains_key(&MFA)
}

/// Why a PATCH is refused for its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PatchType {
    /// It cannot be read; the text is the reference's.
    Unreadable(&'static str),
    /// It is another.
    Other(String),
}

/// Whether the body is a merge patch.
///
/// # Errors
/// Where it is not.
pub(super) fn merge_patch(headers: &HeaderMap) -> Result<(), PatchType> {
    match media_type(headers.get(header::CONTENT_TYPE)) {
        Ok(found) if found == "application/merge-patch+json" => Ok(()),
        Ok(found) => Err(PatchType::Other(found)),
        Err(text) => Err(PatchType::Unreadable(text)),
    }
}

/// Whether the body says that it is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type.is_some()
        && media_type(content_type).is_ok_and(|found| found == "application/x-www-form-urlencoded")
}

/// The media type in lower case, without parameters.
fn media_type(value: Option<&HeaderValue>) -> Result<String, &'static str> {
    let text = value.map(text).unwrap_or_default();
    let (found, _) = text.split_once(';').unwrap_or((&text, ""));
    let found = found.trim();
    if found.is_empty() {
        return Err("mime: no media type");
    }
    let is_token = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !part.is_empty() && part.bytes().all(allowed)
    };
    let good = match found.split_once('/') {
        None => is_token(found),
        Some((kind, sub)) => is_token(kind) && is_token(sub),
    };
    if good { Ok(found.to_ascii_lowercase()) } else { Err("mime: unexpected content after media type") }
}

/// A header's value; what is no UTF-8 cannot be meant.
fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).trim().to_owned()
}

#[cfg(test)]
mod tests;
