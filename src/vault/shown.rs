//! A path as the log shows it: old clients put tokens into paths.

use std::borrow::Cow;

use crate::core::secret::{self, may_be_one};

/// The path below which whatever follows the operation may be a token's text.
const BELOW: &str = "auth/token/";

/// The path without what may be a token.
pub fn shown(path: &str) -> Cow<'_, str> {
    let operation_end = path.find(BELOW).and_then(|start| {
        let rest = path.get(start.checked_add(BELOW.len())?..)?;
        let end = rest.find('/')?;
        path.len().checked_sub(rest.len().checked_sub(end)?)
    });
    let (kept, cut) = match operation_end.and_then(|end| path.get(..end)) {
        Some(kept) => (kept, true),
        None => (path, false),
    };
    if !cut && !kept.split('/').any(may_be_one) {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = kept.split('/').map(secret::shown).collect();
    Cow::Owned(if cut { format!("{}/…", parts.join("/")) } else { parts.join("/") })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_may_be_a_token_is_not_shown() {
        let long = "x".repeat(65);
        for (path, expected) in [
            ("/v1/auth/kubernetes/role/orders", "/v1/auth/kubernetes/role/orders"),
            ("/v1/auth/token/lookup-self", "/v1/auth/token/lookup-self"),
            ("/v1/auth/token/lookup/secret", "/v1/auth/token/lookup/…"),
            ("auth/token/revoke/secret", "auth/token/revoke/…"),
            ("sys/auth/token/tune", "sys/auth/token/tune"),
            ("/v1/auth/token/lookup/a/b", "/v1/auth/token/lookup/…"),
            ("/v1/auth/x/hvs.AAAAAAAAAAAAAAAA", "/v1/auth/x/…"),
            (&format!("/v1/{long}/a"), "/v1/…/a"),
            ("", ""),
            ("/auth/token/", "/auth/token/"),
        ] {
            assert_eq!(shown(path), expected);
        }
    }
}
