//! Which object an entry lies in: one for each token, one for each alias of an entity, one for the ring of keys, one for
//! what concerns the server.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::core::hex::hex;
use crate::ports::store::{Change, Key, Kind};

const DIGEST: usize = 32;

/// What an object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Token,
    Entity,
    KeyRing,
    Server,
}

impl Sort {
    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::KeyRing => Self::KeyRing,
            Kind::Server => Self::Server,
            Kind::Entity | Kind::Alias => Self::Entity,
            _ => Self::Token,
        }
    }

    /// As labels, types and names say it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Entity => "entity",
            Self::KeyRing => "key-ring",
            Self::Server => "server",
        }
    }
}

/// The object that an entry lies in, where the entry's name alone tells.
pub(super) fn of(key: &Key) -> Option<Arc<str>> {
    let name = &*key.name;
    match key.kind {
        Kind::Token | Kind::Wrapped => Some(of_token(key, name)),
        Kind::Child => Some(of_token(key, after(name, DIGEST))),
        Kind::Expiry => Some(of_token(key, after(name, 8))),
        Kind::KeyRing if name == b"batch" => Some(Arc::from("rolegate-key-ring")),
        Kind::Server if matches!(name, b"cluster" | b"token") => Some(Arc::from("rolegate-server")),
        Kind::Alias | Kind::KeyRing | Kind::Server => Some(named(Sort::of(key.kind), &hash(key))),
        _ => None,
    }
}

/// The object that an entry is put in, among the other changes of its commit: an accessor lies with the token that it
/// names, an entity with its alias.
pub(super) fn for_new(change: &Change, commit: &[Change]) -> Arc<str> {
    let key = &change.key;
    if let Some(place) = of(key) {
        return place;
    }
    if key.kind == Kind::Entity {
        let is_its = |other: &&Change| {
            other.key.kind == Kind::Alias && other.value.as_deref().is_some_and(|id| *id == *key.name)
        };
        if let Some(place) = commit.iter().find(is_its).and_then(|alias| of(&alias.key)) {
            return place;
        }
        return named(Sort::Entity, &hash(key));
    }
    of_token(key, change.value.as_deref().unwrap_or_default())
}

/// The label by which an entry's object is found where its name does not tell, and the label's value: no accessor can
/// be read from it.
pub(super) fn label(key: &Key) -> Option<(&'static str, String)> {
    let label = match key.kind {
        Kind::Accessor => "rolegate.dev/accessor",
        Kind::Entity => "rolegate.dev/entity",
        _ => return None,
    };
    // A label's value has at most 63 characters.
    Some((label, hash(key).chars().take(DIGEST).collect()))
}

/// The object of the token with this digest; another for what has no digest.
fn of_token(key: &Key, digest: &[u8]) -> Arc<str> {
    if digest.len() == DIGEST { named(Sort::Token, &hex(digest)) } else { named(Sort::Token, &hash(key)) }
}

/// What a name of two parts says after the first.
fn after(name: &[u8], first: usize) -> &[u8] {
    name.get(first..).unwrap_or_default()
}

fn named(sort: Sort, which: &str) -> Arc<str> {
    format!("rolegate-{}-{which}", sort.name()).into()
}

fn hash(key: &Key) -> String {
    let mut context = Context::new(&SHA256);
    context.update(format!("{:?}/", key.kind).as_bytes());
    context.update(&key.name);
    hex(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::{for_new, label, of};
    use crate::ports::store::{Change, Expect, Key, Kind};

    #[test]
    fn all_entries_of_a_token_lie_in_one_object() {
        let (digest, parent) = ([7; 32], [1; 32]);
        let token = of(&Key::new(Kind::Token, digest)).unwrap();
        assert_eq!(&*token, format!("rolegate-token-{}", "07".repeat(32)));
        let expiry = [&9_u64.to_be_bytes()[..], &digest].concat();
        for key in [
            Key::new(Kind::Wrapped, digest),
            Key::new(Kind::Child, [parent, digest].concat()),
            Key::new(Kind::Expiry, expiry),
        ] {
            assert_eq!(of(&key).unwrap(), token, "{key:?}");
        }
        let accessor = Change::put(Key::new(Kind::Accessor, "a"), Expect::Absent, digest);
        assert_eq!(for_new(&accessor, &[]), token);
    }

    #[test]
    fn an_entity_lies_with_its_alias_and_neither_is_named_in_the_open() {
        let alias = Change::put(Key::new(Kind::Alias, "auth_1/orders"), Expect::Absent, "id");
        let entity = Change::put(Key::new(Kind::Entity, "id"), Expect::Absent, "{}");
        let place = of(&alias.key).unwrap();
        assert_eq!(for_new(&entity, &[alias, entity.clone()]), place);
        assert_ne!(for_new(&entity, &[]), place);
        assert!(place.starts_with("rolegate-entity-") && !place.contains("orders"));
        let (_, accessor) = label(&Key::new(Kind::Accessor, "SECRETaccessor")).unwrap();
        assert!(accessor.len() <= 63 && !accessor.contains("SECRET"), "{accessor}");
    }
}
