//! The kinds that are held, and how their objects are named.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Namespace, NamespaceSpec, NamespaceStatus, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ListableResource, Metadata};

use super::{Refusal, random};

/// What names an object: its namespace (empty for a namespace itself), then its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// All objects, by kind.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) namespaces: BTreeMap<Key, Namespace>,
    pub(super) accounts: BTreeMap<Key, ServiceAccount>,
    /// Counts changes (`resourceVersion`).
    pub(super) version: u64,
}

/// A kind that is held.
pub(super) trait Kind: ListableResource + Metadata<Ty = ObjectMeta> + Clone + 'static {
    /// The longest name, and whether dots may be in it (RFC 1123 label or subdomain).
    const NAMES: (usize, bool);
    /// Where the kind's objects are.
    fn table(tables: &mut Tables) -> &mut BTreeMap<Key, Self>;
    /// Fills in what a real cluster would.
    fn complete(&mut self) {}
}

impl Kind for Namespace {
    const NAMES: (usize, bool) = (63, false);

    fn table(tables: &mut Tables) -> &mut BTreeMap<Key, Self> {
        &mut tables.namespaces
    }

    fn complete(&mut self) {
        let name = self.metadata.name.clone().unwrap_or_default();
        let label = "kubernetes.io/metadata.name".to_owned();
        self.metadata.labels.get_or_insert_default().insert(label, name);
        self.spec = Some(NamespaceSpec { finalizers: Some(vec!["kubernetes".to_owned()]) });
        self.status =
            Some(NamespaceStatus { phase: Some("Active".to_owned()), ..NamespaceStatus::default() });
    }
}

impl Kind for ServiceAccount {
    const NAMES: (usize, bool) = (253, true);

    fn table(tables: &mut Tables) -> &mut BTreeMap<Key, Self> {
        &mut tables.accounts
    }
}

/// Refuses a name that the API server would refuse.
pub(super) fn check_name<T: Kind>(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::invalid("", T::KIND, "", "metadata.name", "Required value: name is required"));
    }
    let (longest, dots) = T::NAMES;
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        label.bytes().all(|byte| inner(byte) || byte == b'-')
            && label.bytes().next().is_some_and(inner)
            && label.bytes().next_back().is_some_and(inner)
    };
    let good = name.len() <= longest && if dots { name.split('.').all(label) } else { label(name) };
    let kind = if dots { "subdomain" } else { "label" };
    let fault =
        || format!("metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 {kind} is expected");
    if good { Ok(()) } else { Err(Refusal::invalid("", T::KIND, name, "metadata.name", &fault())) }
}

/// A random UUID (RFC 9562 version 4).
pub(super) fn new_uid() -> Result<String, Refusal> {
    let mut bits = u128::from_be_bytes(random().map_err(|error| Refusal::internal(error.to_string()))?);
    bits &= !(0xf << 76 | 0b11 << 62);
    bits |= 0x4 << 76 | 0b10 << 62;
    let (time, rest) = ((bits >> 64) as u64, bits as u64);
    Ok(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        time >> 32,
        time >> 16 & 0xffff,
        time & 0xffff,
        rest >> 48,
        rest & 0xffff_ffff_ffff
    ))
}
