//! Identity headers: their names, their values, and what must not reach the upstream.

use std::fmt::Write as _;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::google::protobuf::BoolValue;

use super::super::pair;
use super::super::request::RequestView;
use crate::config::TokenSource;
use crate::gate::Grant;

/// The keys of an identity, in headers (with the prefix) and in dynamic metadata (without).
const KEYS: [&str; 7] = ["role", "mount", "namespace", "service-account", "uid", "policies", "decision-id"];

/// The names of the identity headers: prefix and key, in lower case.
#[derive(Debug)]
pub struct IdentityHeaders {
    prefix: String,
    names: Vec<(String, &'static str)>,
}

impl IdentityHeaders {
    /// Names below a lower-case prefix such as `x-rolegate-`.
    pub fn new(prefix: &str) -> Self {
        let names = KEYS.iter().map(|key| (format!("{prefix}{key}"), *key)).collect();
        Self { prefix: prefix.to_owned(), names }
    }

    /// Each header's name and key.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.names.iter().map(|(name, key)| (name.as_str(), *key))
    }

    /// Whether an upstream could take a header of that name for one under our prefix, `_` and `-` being one.
    fn could_be_ours(&self, name: &[u8]) -> bool {
        let read = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
        let same = |(a, b): (&u8, &u8)| read(a) == read(b);
        name.len() >= self.prefix.len() && name.iter().zip(self.prefix.as_bytes()).all(same)
    }

    fn is_one_of_ours(&self, name: &[u8]) -> bool {
        self.names.iter().any(|(ours, _)| ours.as_bytes() == name)
    }
}

/// What is taken out of an allowed request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Removals {
    /// Header names.
    pub headers: Vec<String>,
    /// The `cookie` header without the token; none: it stays as it is.
    pub cookie_left: Option<String>,
    /// Query parameters.
    pub query_parameters: Vec<String>,
}

impl Removals {
    /// What every allowed request loses: the configured header sources, present or not, and query sources.
    pub fn always(sources: &[TokenSource], keep_token: bool) -> Self {
        let mut removals = Self::default();
        for source in sources.iter().filter(|_| !keep_token) {
            match source {
                TokenSource::Header { name, .. } => removals.headers.push(name.as_str().to_owned()),
                TokenSource::Query(name) => removals.query_parameters.push(name.clone()),
                TokenSource::Cookie(_) => {}
            }
        }
        removals
    }

    /// What this request loses besides: spoofed identity headers, and the token's cookie. None: nothing.
    pub fn of_request(
        &self,
        view: RequestView<'_>,
        names: &IdentityHeaders,
        sources: &[TokenSource],
        keep_token: bool,
    ) -> Option<Self> {
        let spoofed: Vec<String> = view
            .headers()
            .map(|(name, _)| name)
            .filter(|name| names.could_be_ours(name) && !names.is_one_of_ours(name))
            .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
            .collect();
        let cookies = sources.iter().filter(|_| !keep_token).filter_map(|source| match source {
            TokenSource::Cookie(name) => Some(name.as_str()),
            TokenSource::Header { .. } | TokenSource::Query(_) => None,
        });
        let cookies: Vec<&str> = cookies.collect();
        let cookie_left = if cookies.is_empty() { None } else { without_cookies(view, &cookies) };
        if spoofed.is_empty() && cookie_left.is_none() {
            return None;
        }
        let mut removals = self.clone();
        removals.headers.extend(spoofed);
        match cookie_left {
            Some(left) if left.is_empty() => removals.headers.push("cookie".to_owned()),
            left => removals.cookie_left = left,
        }
        Some(removals)
    }
}

/// The cookies that are left when some are cut out; none where none of them is there.
fn without_cookies(view: RequestView<'_>, cut: &[&str]) -> Option<String> {
    let lines: Vec<_> = view.header("cookie").map(String::from_utf8_lossy).collect();
    let is_cut = |part: &&str| cut.iter().any(|name| pair::value(part.as_bytes(), name).is_some());
    let (mut left, mut found) = (Vec::new(), false);
    for pair in lines.iter().flat_map(|line| line.split(';')) {
        // A proxy may have joined two lines by a comma, so a token can stand behind one.
        if pair.split(',').any(|part| is_cut(&part)) {
            found = true;
            left.extend(pair.split(',').filter(|part| !is_cut(part)));
        } else {
            left.push(pair);
        }
    }
    left.retain(|pair| !pair.trim().is_empty());
    found.then(|| left.iter().map(|pair| pair.trim()).collect::<Vec<_>>().join("; "))
}

/// The values of an identity by key, ready for a header.
pub(super) fn identity(grant: &Grant, decision_id: &str) -> Vec<(&'static str, String)> {
    let (namespace, name, uid) = grant
        .identity()
        .map_or_else(Default::default, |identity| (identity.namespace(), identity.name(), identity.uid()));
    let policies: Vec<String> =
        grant.role().token.login_policies().iter().map(|policy| encoded(policy)).collect();
    let values = [
        encoded(&grant.role().name),
        encoded(&grant.mount().path),
        encoded(namespace),
        encoded(name),
        encoded(uid),
        policies.join(","),
        decision_id.to_owned(),
    ];
    KEYS.into_iter().zip(values).collect()
}

/// Visible ASCII; everything else, commas and the percent sign itself percent-encoded (RFC 3986 section 2.1).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b',' | b'%') {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Sets a header whatever there was, for every Envoy: `append` goes before `append_action` where both are known.
pub(super) fn set(name: &str, value: String) -> HeaderValueOption {
    #[expect(deprecated, reason = "Envoys before 1.37 and the denial path read `append`")]
    HeaderValueOption {
        header: Some(HeaderValue { key: name.to_owned(), value, ..HeaderValue::default() }),
        append: Some(BoolValue { value: false }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}
