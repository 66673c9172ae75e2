//! What is taken out of an allowed request: whatever could have been taken as the token, and names that read as ours.

use super::super::request::RequestView;
use super::super::{cookies, credentials, query};
use super::headers::{IdentityHeaders, is_read_as};
use crate::config::TokenSource;

/// What is taken out of one allowed request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Removals {
    /// Header names.
    pub headers: Vec<String>,
    /// The `cookie` header without the token; none: it stays as it is.
    pub cookie_left: Option<String>,
    /// The path and query without the token; none: they stay as they are.
    pub path_left: Option<String>,
}

/// What holds the token beside other bytes, which an answer cannot give back unchanged: an answer's values are texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreturnable {
    /// The `cookie` header.
    Cookie,
    /// The query.
    Query,
}

/// What requests lose, by configuration.
#[derive(Debug)]
pub struct RemovalRules {
    headers: Vec<TokenHeader>,
    cookies: Vec<String>,
    parameters: Vec<String>,
}

/// A header that may hold the token.
#[derive(Debug)]
struct TokenHeader {
    name: String,
    /// Before a token; empty: every value could be the token.
    schemes: Vec<String>,
}

impl RemovalRules {
    /// Every configured source, or none where the upstream gets the token.
    pub fn new(sources: &[TokenSource], keep_token: bool) -> Self {
        let mut rules = Self { headers: Vec::new(), cookies: Vec::new(), parameters: Vec::new() };
        for source in sources.iter().filter(|_| !keep_token) {
            match source {
                TokenSource::Header { name, scheme } => rules.header(name, scheme.as_deref()),
                TokenSource::Query(name) => rules.parameters.push(name.clone()),
                TokenSource::Cookie(name) => rules.cookies.push(name.clone()),
            }
        }
        rules
    }

    fn header(&mut self, name: &str, scheme: Option<&str>) {
        let known = self.headers.iter_mut().find(|header| header.name == name);
        match (known, scheme) {
            (Some(header), Some(scheme)) if !header.schemes.is_empty() => {
                header.schemes.push(scheme.to_owned());
            }
            (Some(header), None) => header.schemes.clear(),
            (Some(_), Some(_)) => {}
            (None, scheme) => {
                let schemes = scheme.into_iter().map(str::to_owned).collect();
                self.headers.push(TokenHeader { name: name.to_owned(), schemes });
            }
        }
    }

    /// What a request loses that has nothing of its own to lose or to keep: the headers, seen or not. A proxy may not show
    /// them all.
    pub fn always(&self) -> Removals {
        let headers = self.headers.iter().map(|header| header.name.clone()).collect();
        Removals { headers, ..Removals::default() }
    }

    /// What this request loses, where that is not [`RemovalRules::always`]: also names that read as ours or as a token
    /// header, the token's cookie and parameter; but no header whose values are all credentials of other schemes.
    ///
    /// # Errors
    /// Where a cookie or parameter must go, and the bytes beside it cannot be given back unchanged.
    pub fn of_request(
        &self,
        view: RequestView<'_>,
        names: &IdentityHeaders,
    ) -> Result<Option<Removals>, Unreturnable> {
        let own = |name: &[u8]| {
            (names.could_be_ours(name) && !names.is_one_of_ours(name)) || self.is_spelt_otherwise(name)
        };
        let mut others: Vec<String> = Vec::new();
        for (name, _) in view.headers().filter(|(name, _)| own(name)) {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if !others.contains(&name) {
                others.push(name);
            }
        }
        let mut stays = self.headers.iter().map(|header| header.stays(view));
        let any_stays = stays.any(|stays| stays);
        let cookie = self.cookie_left(view)?;
        let path_left = self.path_left(view)?;
        if others.is_empty() && !any_stays && cookie.is_none() && path_left.is_none() {
            return Ok(None);
        }
        let gone = self.headers.iter().filter(|header| !header.stays(view));
        let mut removals = Removals { path_left, ..Removals::default() };
        removals.headers.extend(gone.map(|header| header.name.clone()));
        removals.headers.extend(others);
        match cookie {
            Some(left) if left.is_empty() => removals.headers.push("cookie".to_owned()),
            left => removals.cookie_left = left,
        }
        Ok(Some(removals))
    }

    /// Whether a name reads as that of a token header, without being it.
    fn is_spelt_otherwise(&self, name: &[u8]) -> bool {
        self.headers.iter().any(|header| {
            let known = header.name.as_bytes();
            is_read_as(name, known) && !name.eq_ignore_ascii_case(known)
        })
    }

    fn cookie_left(&self, view: RequestView<'_>) -> Result<Option<String>, Unreturnable> {
        // First without copies: most requests have no such cookie.
        let held =
            !self.cookies.is_empty() && view.header("cookie").any(|line| cookies::holds(line, &self.cookies));
        if !held {
            return Ok(None);
        }
        let left = cookies::without(view.header("cookie"), &self.cookies);
        left.map(|left| returnable(left, view.has_raw_headers()).ok_or(Unreturnable::Cookie)).transpose()
    }

    fn path_left(&self, view: RequestView<'_>) -> Result<Option<String>, Unreturnable> {
        if self.parameters.is_empty() {
            return Ok(None);
        }
        // `path` is a text, in which Envoy has replaced what is none. The line `:path` is not, where it is there.
        let raw = view.has_raw_headers().then(|| view.header(":path").next()).flatten();
        let left = query::without(raw.unwrap_or(view.path_and_query()), &self.parameters);
        left.map(|left| returnable(left, raw.is_some()).ok_or(Unreturnable::Query)).transpose()
    }
}

impl TokenHeader {
    /// Whether the request has it and no value of it could be the token.
    fn stays(&self, view: RequestView<'_>) -> bool {
        if self.schemes.is_empty() {
            return false;
        }
        let mut values = view.header(&self.name).peekable();
        values.peek().is_some() && values.all(|value| credentials::is_of_other_schemes(value, &self.schemes))
    }
}

/// The bytes as a text, where they are one and, unless they are raw, have no `!`, which may stand for another byte.
fn returnable(bytes: Vec<u8>, raw: bool) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    (raw || !text.contains('!')).then_some(text)
}
