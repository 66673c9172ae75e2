//! Where the token is: the first configured source that is present counts, and no other.

use super::credentials::after_scheme;
use super::name_value::{cookie, parameter};
use super::request::RequestView;
use super::{cookies, query};
use crate::config::TokenSource;
use crate::core::reason::Deny;

/// What the first source that is present holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// The credential.
    pub token: &'a str,
    /// Where it stands.
    pub source: &'a TokenSource,
}

/// Why there is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotFound<'a> {
    /// [`Deny::NoToken`] where no source is present, [`Deny::AmbiguousToken`] where it is there twice,
    /// [`Deny::MalformedToken`] where it is no text.
    pub deny: Deny,
    /// The source that is present.
    pub source: Option<&'a TokenSource>,
}

/// The credential of the first source that is present. An empty value is no token, but counts beside another.
///
/// # Errors
/// Where there is none, or more than one.
pub(super) fn find<'a>(view: RequestView<'a>, sources: &'a [TokenSource]) -> Result<Found<'a>, NotFound<'a>> {
    for source in sources {
        let mut held = Held::default();
        match source {
            TokenSource::Header { name, scheme: Some(scheme) } => {
                view.header(name).for_each(|value| held.scheme_line(value, scheme));
            }
            TokenSource::Header { name, scheme: None } => {
                view.header(name).for_each(|value| held.plain_line(value))
            }
            TokenSource::Cookie(name) => {
                view.header("cookie").flat_map(cookies::pairs).for_each(|pair| held.cookie(pair, name));
            }
            TokenSource::Query(name) => {
                let pairs = query::parameters(view.path_query().1);
                pairs.filter_map(|pair| parameter(pair, name)).for_each(|value| held.value(value));
            }
        }
        match held.outcome() {
            None => {}
            Some(Ok(token)) => return Ok(Found { token, source }),
            Some(Err(deny)) => return Err(NotFound { deny, source: Some(source) }),
        }
    }
    Err(NotFound { deny: Deny::NoToken, source: None })
}

/// What one source holds.
#[derive(Default)]
struct Held<'a> {
    credential: Option<&'a [u8]>,
    lines: usize,
    values: usize,
    ambiguous: bool,
}

impl<'a> Held<'a> {
    fn outcome(self) -> Option<Result<&'a str, Deny>> {
        let credential = self.credential?;
        // No JWT and no client token has a comma: it is where a proxy joined two lines.
        if self.ambiguous || self.lines > 1 || self.values > 1 || credential.contains(&b',') {
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
        } else if let Some(credential) =
            line.split(|byte| *byte == b',').skip(1).find_map(|part| after_scheme(part, scheme))
        {
            self.take(credential);
            self.ambiguous = true;
        }
    }

    /// A header line that is the credential; an empty one is none, but counts beside another.
    fn plain_line(&mut self, line: &'a [u8]) {
        self.lines = self.lines.saturating_add(1);
        let credential = line.trim_ascii();
        if !credential.is_empty() {
            self.take(credential);
        }
    }

    /// The value of a cookie or parameter of the source's name; an empty one is none, but counts beside another.
    fn value(&mut self, value: &'a [u8]) {
        self.values = self.values.saturating_add(1);
        if !value.is_empty() {
            self.take(value);
        }
    }

    /// A pair of a `cookie` line, several of which a proxy may have joined by commas.
    fn cookie(&mut self, pair: &'a [u8], name: &str) {
        if let Some(value) = cookie(pair, name) {
            // An empty value may be quoted (RFC 6265 section 4.1.1).
            self.value(if value == br#""""# { &[] } else { value });
        }
        for value in cookies::joined(pair).filter_map(|part| cookie(part, name)) {
            self.value(value);
            self.ambiguous |= !value.is_empty();
        }
    }
}

#[cfg(test)]
mod tests;
