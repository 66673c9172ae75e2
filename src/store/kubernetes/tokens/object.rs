//! An object of the API: a Secret that holds entries which change together.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;

use super::place::{self, Sort};
use crate::ports::store::{Key, Kind};

/// The label that says what an object is for.
pub(super) const KIND_LABEL: &str = "rolegate.dev/kind";

/// The key of a Secret's data that holds the entries.
const ENTRIES: &str = "entries";

/// How much of a name a log shows: what it is for, and the first four bytes of a digest.
const SHOWN: usize = 24;

/// What this version writes, and the only format it reads.
const FORMAT: u8 = 1;

/// The entries of an object.
pub(super) type Entries = BTreeMap<Key, Arc<[u8]>>;

/// An object as the API has it.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) name: Arc<str>,
    /// Its `resourceVersion`.
    pub(super) version: u64,
    /// How often it was written; without it a write of equal values would change nothing.
    pub(super) writes: u64,
    pub(super) entries: Entries,
}

impl Object {
    /// Reads a Secret; none where it has no name or version. One that holds something else has no entries.
    pub(super) fn read(secret: Secret) -> Option<Self> {
        let name: Arc<str> = secret.metadata.name?.into();
        let version = secret.metadata.resource_version?.parse().ok()?;
        let held = secret.data.as_ref().and_then(|data| data.get(ENTRIES)).and_then(|held| decode(&held.0));
        let (writes, entries) = held.unwrap_or_else(|| {
            // Enough of the name to find it: the whole of a digest tells who guesses a token that he was right.
            let name: String = name.chars().take(SHOWN).collect();
            tracing::error!(name, "a Secret of rolegate cannot be read");
            (0, Entries::new())
        });
        Some(Self { name, version, writes, entries })
    }

    /// The Secret to write; with a version it replaces that one alone. None where there is nothing to hold.
    pub(super) fn secret(name: &str, version: Option<u64>, writes: u64, entries: &Entries) -> Option<Secret> {
        let sort = Sort::of(entries.keys().next()?.kind).name();
        let mut labels = BTreeMap::from([(KIND_LABEL.to_owned(), sort.to_owned())]);
        for (label, value) in entries.keys().filter_map(place::label) {
            labels.entry(label.to_owned()).or_insert(value);
        }
        Some(Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels),
                resource_version: version.map(|version| version.to_string()),
                ..ObjectMeta::default()
            },
            type_: Some(format!("rolegate.dev/{sort}")),
            data: Some([(ENTRIES.to_owned(), ByteString(encode(writes, entries)?))].into()),
            ..Secret::default()
        })
    }
}

/// An entry as it lies in an object: its kind's code, its name, its value.
type Row = (u8, Vec<u8>, Vec<u8>);

fn encode(writes: u64, entries: &Entries) -> Option<Vec<u8>> {
    let rows: Vec<(u8, &[u8], &[u8])> =
        entries.iter().map(|(key, value)| (code(key.kind), &*key.name, &**value)).collect();
    postcard::to_allocvec(&(FORMAT, writes, rows)).ok()
}

fn decode(bytes: &[u8]) -> Option<(u64, Entries)> {
    let (format, rest) = postcard::take_from_bytes::<u8>(bytes).ok()?;
    if format != FORMAT {
        return None;
    }
    let (writes, rows): (u64, Vec<Row>) = postcard::from_bytes(rest).ok()?;
    let entry = |(kind, name, value): Row| {
        let kind = Kind::ALL.into_iter().find(|known| !known.is_declared() && code(*known) == kind)?;
        Some((Key::new(kind, name), value.into()))
    };
    Some((writes, rows.into_iter().map(entry).collect::<Option<_>>()?))
}

/// What stands for a kind in an object; never another once it has been given.
const fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Token => 1,
        Kind::Accessor => 2,
        Kind::Child => 3,
        Kind::Expiry => 4,
        Kind::Entity => 5,
        Kind::Alias => 6,
        Kind::Wrapped => 7,
        Kind::KeyRing => 8,
        Kind::Server => 9,
        Kind::Mount | Kind::Config | Kind::Role | Kind::Policy => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, Object, decode};
    use crate::ports::store::{Key, Kind};

    fn entries() -> Entries {
        [
            (Key::new(Kind::Token, [7; 32]), b"record".as_slice().into()),
            (Key::new(Kind::Accessor, "anAccessor"), [7; 32].as_slice().into()),
        ]
        .into()
    }

    #[test]
    fn a_secret_reads_as_it_was_written_and_shows_no_accessor() {
        let mut secret = Object::secret("n", Some(41), 3, &entries()).unwrap();
        assert_eq!(secret.type_.as_deref(), Some("rolegate.dev/token"));
        assert!(!format!("{:?}", secret.metadata).contains("anAccessor"));
        secret.metadata.resource_version = Some("42".to_owned());
        let object = Object::read(secret).unwrap();
        assert_eq!((&*object.name, object.version, object.writes), ("n", 42, 3));
        assert!(object.entries == entries());
        assert!(Object::secret("n", None, 0, &Entries::new()).is_none());
    }

    #[test]
    fn what_this_version_did_not_write_has_no_entries() {
        let good = super::encode(1, &entries()).unwrap();
        assert!(decode(&good).is_some());
        assert!(decode(&good[..good.len() - 1]).is_none());
        let mut other = good;
        other[0] = 2;
        assert!(decode(&other).is_none());
        assert!(decode(&[1, 0, 1, 0, 0, 0]).is_none(), "a declared kind");
    }
}
