//! Where the Envoy door looks for a token.

use serde::Deserialize;

use super::text::text;

/// One entry of `token_sources`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Entry")]
pub enum TokenSource {
    /// `{ header: authorization, scheme: Bearer }`
    Header {
        /// In lower case.
        name: HeaderName,
        /// The word before the token, compared without case; none: the value is the token.
        scheme: Option<String>,
    },
    /// `{ cookie: NAME }`
    Cookie(String),
    /// `{ query: NAME }`: a parameter of the path's query
    Query(String),
}

impl TokenSource {
    pub(super) fn defaults() -> Vec<Self> {
        vec![
            Self::Header { name: HeaderName("authorization".to_owned()), scheme: Some("Bearer".to_owned()) },
            Self::Header { name: HeaderName("x-vault-token".to_owned()), scheme: None },
        ]
    }
}

impl std::fmt::Display for TokenSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header { name, scheme: None } => write!(formatter, "header `{}`", name.as_str()),
            Self::Header { name, scheme: Some(scheme) } => {
                write!(formatter, "header `{}` with `{scheme}`", name.as_str())
            }
            Self::Cookie(name) => write!(formatter, "cookie `{name}`"),
            Self::Query(name) => write!(formatter, "query parameter `{name}`"),
        }
    }
}

text!(
    /// A valid header name in lower case.
    HeaderName,
    header_name,
    &'static str
);

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    header: Option<String>,
    scheme: Option<String>,
    cookie: Option<String>,
    query: Option<String>,
}

impl TryFrom<Entry> for TokenSource {
    type Error = &'static str;

    fn try_from(entry: Entry) -> Result<Self, Self::Error> {
        match entry {
            Entry { header: Some(name), scheme, cookie: None, query: None } => header(name, scheme),
            Entry { header: None, scheme: None, cookie: Some(name), query: None } if is_token(&name) => {
                Ok(Self::Cookie(name))
            }
            Entry { header: None, scheme: None, cookie: None, query: Some(name) } if is_query_key(&name) => {
                Ok(Self::Query(name))
            }
            _ => Err(
                "expected one of `header` (with or without `scheme`), `cookie` and `query`, with a valid name",
            ),
        }
    }
}

fn header(name: String, scheme: Option<String>) -> Result<TokenSource, &'static str> {
    if scheme.as_deref().is_some_and(|scheme| !is_token(scheme)) {
        return Err("expected a `scheme` of one word, such as `Bearer`");
    }
    Ok(TokenSource::Header { name: name.try_into()?, scheme })
}

fn header_name(text: String) -> Result<String, &'static str> {
    match http::HeaderName::try_from(text) {
        Ok(name) if name == http::header::HOST || name == http::header::COOKIE => {
            Err("expected another header than `host` and `cookie`")
        }
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(_) => Err("expected a valid header name"),
    }
}

/// A `token` of RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let punctuation = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || punctuation(byte))
}

/// Only what is the same with and without percent-encoding (RFC 3986 section 2.3).
fn is_query_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
