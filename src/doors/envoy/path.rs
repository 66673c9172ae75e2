//! Our own table of routes: host, path prefix and method, of requests whose path can be read in one way only.

use super::request::RequestView;
use crate::config::Route;
use crate::core::path::is_ambiguous;
use crate::core::reason::Deny;

/// The first route that fits.
///
/// # Errors
/// [`Deny::AmbiguousPath`] where there is a table and the path could mean something else to the upstream.
pub(super) fn route<'a>(view: RequestView<'_>, routes: &'a [Route]) -> Result<Option<&'a Route>, Deny> {
    if routes.is_empty() {
        return Ok(None);
    }
    let (path, _) = view.path_query();
    if is_ambiguous(path) {
        return Err(Deny::AmbiguousPath);
    }
    let host = Host::of(view.host());
    Ok(routes.iter().find(|route| {
        route.host.as_deref().is_none_or(|wanted| host.is(wanted))
            && route.path_prefix.as_deref().is_none_or(|prefix| is_below(path, prefix.as_bytes()))
            && (route.methods.is_empty()
                || route.methods.iter().any(|method| method.as_bytes() == view.method()))
    }))
}

/// Whether a path is the prefix or lies below it, at the boundary of a segment.
fn is_below(path: &[u8], prefix: &[u8]) -> bool {
    let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// A host without port and trailing dot.
struct Host<'a>(&'a [u8]);

impl<'a> Host<'a> {
    fn of(sent: &'a [u8]) -> Self {
        let without_port = match sent.iter().rposition(|byte| *byte == b':') {
            // The colons of an IPv6 address stand inside its brackets.
            Some(at) if !sent.get(at..).unwrap_or_default().contains(&b']') => {
                sent.get(..at).unwrap_or_default()
            }
            _ => sent,
        };
        Self(without_port.strip_suffix(b".").unwrap_or(without_port))
    }

    /// Without case, as host names are.
    fn is(&self, wanted: &str) -> bool {
        self.0.eq_ignore_ascii_case(wanted.trim_end_matches('.').as_bytes())
    }
}

#[cfg(test)]
mod tests;
