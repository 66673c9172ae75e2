//! Identity headers: their names, their values, and what must not reach the upstream.

use std::fmt::Write as _;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::google::protobuf::BoolValue;

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

    /// Whether an upstream could take a header of that name for one under our prefix: see [`is_read_as`].
    pub(super) fn could_be_ours(&self, name: &[u8]) -> bool {
        name.get(..self.prefix.len()).is_some_and(|start| is_read_as(start, self.prefix.as_bytes()))
    }

    pub(super) fn is_one_of_ours(&self, name: &[u8]) -> bool {
        self.names.iter().any(|(ours, _)| ours.as_bytes() == name)
    }
}

/// Whether two names are one to a server that tells apart letters and digits alone, as CGI's variables do (RFC 3875
/// section 4.1.18): case does not count, and `_`, `.` and all other signs read as `-`.
pub(super) fn is_read_as(name: &[u8], other: &[u8]) -> bool {
    let read = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.len() == other.len() && name.iter().zip(other).all(|(a, b)| read(a) == read(b))
}

/// The longest list of policies that is sent, in bytes as encoded. Many servers take 8 KiB of headers, and Envoy itself
/// refuses a request whose headers grow beyond its own limit (60 KiB) with 500.
pub const MAX_POLICIES_BYTES: usize = 4096;

/// An identity as headers and metadata show it.
#[derive(Debug)]
pub(super) struct Identity {
    /// The values by key, ready for a header; empty where there is nothing to say.
    pub(super) fields: Vec<(&'static str, String)>,
    /// The list of policies is longer than [`MAX_POLICIES_BYTES`], and so left out.
    pub(super) policies_omitted: bool,
}

impl Identity {
    pub(super) fn new(grant: &Grant, decision_id: &str) -> Self {
        let (namespace, name, uid) = grant.identity().map_or_else(Default::default, |identity| {
            (identity.namespace(), identity.name(), identity.uid())
        });
        let policies: Vec<String> =
            grant.role().token.login_policies().iter().map(|policy| encoded(policy)).collect();
        let mut policies = policies.join(",");
        let policies_omitted = policies.len() > MAX_POLICIES_BYTES;
        if policies_omitted {
            policies.clear();
        }
        let values = [
            encoded(&grant.role().name),
            encoded(&grant.mount().path),
            encoded(namespace),
            encoded(name),
            encoded(uid),
            policies,
            decision_id.to_owned(),
        ];
        Self { fields: KEYS.into_iter().zip(values).collect(), policies_omitted }
    }
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
