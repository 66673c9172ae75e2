//! The table of routes (`envoy.routes`): which row decides about a request, by host, method and path.

use super::request::RequestView;
use crate::config::{DefaultRole, Route, RouteOutcome};
use crate::core::path;
use crate::core::reason::Deny;

/// What the first row that fits says, or the default where none does.
///
/// Host and method choose rows first. Of what is left, every reading of the path must lead to the same outcome.
///
/// # Errors
/// [`Deny::AmbiguousPath`] where two readings of the path lead to different outcomes, or where it has too many.
pub(super) fn outcome<'a>(
    view: RequestView<'_>,
    routes: &'a [Route],
    default: &'a DefaultRole,
) -> Result<RouteOutcome<'a>, Deny> {
    let host = Host::of(view.host());
    let rows = || {
        routes.iter().filter(|row| {
            row.host.as_deref().is_none_or(|wanted| host.is(wanted))
                && (row.methods.is_empty()
                    || row.methods.iter().any(|method| method.as_bytes() == view.method()))
        })
    };
    let (path, _) = view.path_query();
    if path::is_plain(path) {
        return Ok(first(rows(), path, default));
    }
    // Nothing reaches the rows behind one that fits every path.
    let mut rows: Vec<&Route> = rows().collect();
    if let Some(at) = rows.iter().position(|row| row.path_prefix.is_none()) {
        rows.truncate(at.saturating_add(1));
    }
    // The empty path lies below no prefix.
    let elsewhere = first(rows.iter().copied(), b"", default);
    if rows.iter().all(|row| row.outcome(default) == elsewhere) {
        return Ok(elsewhere);
    }
    path::agreed(path, |reading| first(rows.iter().copied(), reading, default)).ok_or(Deny::AmbiguousPath)
}

/// What the first of these rows says that fits a reading of the path, or the default where none does.
fn first<'a>(
    mut rows: impl Iterator<Item = &'a Route>,
    reading: &[u8],
    default: &'a DefaultRole,
) -> RouteOutcome<'a> {
    let fits = |prefix: &str| path::is_below(reading, prefix.as_bytes());
    rows.find(|row| row.path_prefix.as_deref().is_none_or(fits))
        .map_or_else(|| default.outcome(), |row| row.outcome(default))
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
