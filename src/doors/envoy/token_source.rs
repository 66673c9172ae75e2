//! Where the token is: the first configured source that is present counts, and no other.

use super::pair;
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
                pairs.for_each(|pair| found.cookie(pair, name));
            }
            TokenSource::Query(name) => {
                let pairs = view.path_query().1.split(|byte| *byte == b'&');
                pairs.filter_map(|pair| pair::value(pair, name)).for_each(|value| found.take(value));
            }
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
        self.first_of_joined(line, |part| after_scheme(part, scheme));
    }

    /// A header line that is the credential; an empty one is none, but counts beside another.
    fn plain_line(&mut self, line: &'a [u8]) {
        self.lines = self.lines.saturating_add(1);
        let credential = line.trim_ascii();
        if !credential.is_empty() {
            self.take(credential);
        }
    }

    /// A pair of a `cookie` line, several of which a proxy may have joined by commas.
    fn cookie(&mut self, pair: &'a [u8], name: &str) {
        self.first_of_joined(pair, |part| pair::value(part, name));
    }

    /// Takes what is read from the whole, or else from a part behind a comma, which makes it ambiguous.
    fn first_of_joined(&mut self, whole: &'a [u8], read: impl Fn(&'a [u8]) -> Option<&'a [u8]>) {
        if let Some(credential) = read(whole) {
            self.take(credential);
        } else if let Some(credential) = whole.split(|byte| *byte == b',').skip(1).find_map(read) {
            self.take(credential);
            self.ambiguous = true;
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

#[cfg(test)]
mod tests;
