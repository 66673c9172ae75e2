//! What comes of a request, as every transport takes it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::core::secret::Secret;

/// Success, or refusal.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was done.
    Done(Answer),
    /// It was not.
    Refused(Refusal),
}

/// What was done has this to say. With nothing in it: 204 for a write or delete, 404 for a read or list.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// `data`; none is `null`.
    pub data: Option<Map<String, Value>>,
    /// True: the keys of `data` stand at the top of the answer as well, as those of `sys/` do.
    pub data_at_top: bool,
    /// `auth`: a login's or renewal's token.
    pub auth: Option<Box<Auth>>,
    /// `wrap_info`: what the caller was to get is under this token.
    pub wrap_info: Option<Box<WrapInfo>>,
    /// For people.
    pub warnings: Vec<String>,
    /// True: what was asked for has begun, and goes on after the answer.
    pub goes_on: bool,
    /// What the caller gets instead of an envelope made of the rest: one that was made before and wrapped.
    pub unwrapped: Option<Secret>,
}

impl Answer {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.data.is_none()
            && self.auth.is_none()
            && self.wrap_info.is_none()
            && self.warnings.is_empty()
            && self.unwrapped.is_none()
    }
}

/// The `auth` of an answer.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "Vault's own names")]
pub struct Auth {
    pub client_token: Secret,
    /// Empty for a batch token.
    pub accessor: String,
    /// All of them are the token's own: `token_policies` are the same.
    pub policies: Vec<String>,
    /// None is `null`.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Seconds.
    pub lease_duration: i64,
    pub renewable: bool,
    /// Empty where there is none.
    pub entity_id: String,
    /// `service` or `batch`.
    pub token_type: &'static str,
    pub orphan: bool,
    pub num_uses: i64,
}

/// The `wrap_info` of an answer.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "Vault's own names")]
pub struct WrapInfo {
    pub token: Secret,
    pub accessor: String,
    /// Seconds.
    pub ttl: i64,
    /// RFC 3339.
    pub creation_time: String,
    pub creation_path: String,
    /// The accessor of the wrapped token, where the answer has one.
    pub wrapped_accessor: String,
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal it is.
    pub class: Class,
    /// The texts that the caller gets under `errors`: fixed sentences, or the caller's own words. May be none.
    pub errors: Vec<String>,
    /// When asking again makes sense.
    pub retry_after: Option<Duration>,
    /// Whether Vault tells it as it tells errors of authenticated requests: see [`Refusal::texts`].
    pub is_listed: bool,
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 400: the request is wrong.
    Invalid,
    /// 403: the caller may not.
    Denied,
    /// 404: there is no such thing.
    NotFound,
    /// 405: the path does not do that.
    Unsupported,
    /// 500: something here is broken.
    Internal,
    /// 503: nobody can tell, or not now.
    Unavailable,
}

impl Refusal {
    /// A refusal with one text.
    pub fn new(class: Class, error: impl Into<String>) -> Self {
        Self { class, errors: vec![error.into()], retry_after: None, is_listed: false }
    }

    /// A refusal without a word: `{"errors":[]}`.
    pub const fn silent(class: Class) -> Self {
        Self { class, errors: Vec::new(), retry_after: None, is_listed: false }
    }

    /// The same, and Vault's core tells it as a list.
    #[must_use]
    pub fn listed(self) -> Self {
        Self { is_listed: true, ..self }
    }

    /// The texts as Vault's core tells them to the caller: listed ones as `1 error occurred:\n\t* …\n\n`.
    pub fn texts(&self) -> Vec<Cow<'_, str>> {
        self.errors
            .iter()
            .map(|error| match self.is_listed {
                true => format!("1 error occurred:\n\t* {error}\n\n").into(),
                false => error.into(),
            })
            .collect()
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self::Done(answer)
    }
}
