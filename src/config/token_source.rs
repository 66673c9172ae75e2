//! Where the Envoy door looks for a token.

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, HOST};
use serde::Deserialize;

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
            Self::Header { name: AUTHORIZATION, scheme: Some("Bearer".to_owned()) },
            Self::Header { name: HeaderName::from_static("x-vault-token"), scheme: None },
        ]
    }
}

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
            Entry { header: Some(name), scheme, cookie: None, query: None } => header(&name, scheme),
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

fn header(name: &str, scheme: Option<String>) -> Result<TokenSource, &'static str> {
    match HeaderName::try_from(name) {
        Ok(name) if name == HOST || name == COOKIE => Err("expected another header than `host` and `cookie`"),
        Ok(_) if scheme.as_deref().is_some_and(|scheme| !is_token(scheme)) => {
            Err("expected a `scheme` of one word, such as `Bearer`")
        }
        Ok(name) => Ok(TokenSource::Header { name, scheme }),
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
