//! Where the token is: the first configured source that is present counts, and no other.

use super::request::RequestView;
use crate::config::TokenSource;
use crate::core::reason::Deny;

/// The credential of the first source that is present.
///
/// # Errors
/// [`Deny::NoToken`] where no source is present, [`Deny::AmbiguousToken`] where it is there twice,
/// [`Deny::MalformedToken`] where it is no text.
pub(super) fn find<'a>(view: RequestView<'a>, sources: &'a [TokenSource]) -> Result<&'a str, Deny> {
    for source in sources {
        let mut found = Found::default();
        match source {
            TokenSource::Header { name, scheme: Some(scheme) } => {
                view.header(name).for_each(|value| found.scheme_line(value, scheme));
            }
            TokenSource::Header { name, scheme: None } => {
                view.header(name).for_each(|value| found.plain_line(value))
            }
            TokenSource::Cookie(name) => {
                let pairs = view.header("cookie").flat_map(|line| line.split(|byte| *byte == b';'));
                found.pairs(pairs, name);
            }
            TokenSource::Query(name) => found.pairs(view.path_query().1.split(|byte| *byte == b'&'), name),
        }
        if let Some(found) = found.outcome() {
            return found;
        }
    }
    Err(Deny::NoToken)
}

/// What one source holds.
#[derive(Default)]
struct Found<'a> {
    credential: Option<&'a [u8]>,
    lines: usize,
    ambiguous: bool,
}

impl<'a> Found<'a> {
    fn outcome(self) -> Option<Result<&'a str, Deny>> {
        let credential = self.credential?;
        // No JWT and no client token has a comma: it is where a proxy joined two lines.
        if self.ambiguous || self.lines > 1 || credential.contains(&b',') {
            return Some(Err(Deny::AmbiguousToken));
        }
        let text = std::str::from_utf8(credential).ok().filter(|text| !text.is_empty());
        Some(text.ok_or(Deny::MalformedToken))
    }

    fn take(&mut self, credential: &'a [u8]) {
        self.ambiguous |= self.credential.is_some();
        self.credential = Some(credential);
    }

    /// A header line with a scheme, several of which a proxy may have joined by commas.
    fn scheme_line(&mut self, line: &'a [u8], scheme: &str) {
        self.lines = self.lines.saturating_add(1);
        if let Some(credential) = after_scheme(line, scheme) {
            self.take(credential);
        } else if let Some(joined) =
            line.split(|byte| *byte == b',').skip(1).find_map(|part| after_scheme(part, scheme))
        {
            self.take(joined);
            self.ambiguous = true;
        }
    }

    fn plain_line(&mut self, line: &'a [u8]) {
        let credential = line.trim_ascii();
        if !credential.is_empty() {
            self.take(credential);
        }
    }

    fn pairs(&mut self, pairs: impl Iterator<Item = &'a [u8]>, name: &str) {
        for pair in pairs {
            let pair = pair.trim_ascii();
            if let Some(value) = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) {
                self.take(value);
            }
        }
    }
}

/// What follows a scheme, which is compared without case (RFC 9110 section 11.1).
fn after_scheme<'a>(line: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let line = line.trim_ascii();
    let (named, rest) = line.split_at_checked(scheme.len())?;
    if !named.eq_ignore_ascii_case(scheme.as_bytes()) {
        return None;
    }
    match rest.first() {
        None => Some(rest),
        Some(b' ' | b'\t') => Some(rest.trim_ascii()),
        Some(_) => None,
    }
}
