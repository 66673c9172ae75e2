//! Where everything that outlives a request is kept: single entries with a version, changed all or none.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

mod page;

pub use page::{Listed, Page};

/// What an entry is. The order is that of [`Store::list`] over a whole store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An auth mount by its path: type, accessor, tuning. JSON.
    Mount,
    /// A mount's `config`, by the mount's path. JSON, in the reference's layout. Secret.
    Config,
    /// A role by `<mount path>/role/<lower-case name>`. JSON, in the reference's layout.
    Role,
    /// An ACL policy's text by its lower-case name.
    Policy,
    /// A service token by its 32-byte digest.
    Token,
    /// The digest of a token by the token's accessor.
    Accessor,
    /// That a token is another's child: digest of the parent, digest of the child. Empty value.
    Child,
    /// When to look whether a token has expired: seconds since 1970 as 8 bytes, most significant first, and its
    /// digest. Empty value.
    Expiry,
    /// An entity by its id. JSON.
    Entity,
    /// The id of an entity by `<mount accessor>/<alias name>`.
    Alias,
    /// What a wrapping token holds, by the digest of that token. Secret.
    Wrapped,
    /// The ring of keys that seal batch tokens; one entry, `batch`. Secret.
    KeyRing,
    /// What concerns the server as a whole, whose replicas share it: `cluster`, its id; `token`, what the mount of
    /// `auth/token/` is tuned to. JSON.
    Server,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Mount,
        Self::Config,
        Self::Role,
        Self::Policy,
        Self::Token,
        Self::Accessor,
        Self::Child,
        Self::Expiry,
        Self::Entity,
        Self::Alias,
        Self::Wrapped,
        Self::KeyRing,
        Self::Server,
    ];

    /// Whether its values hold secrets, which a store at rest seals where it has a key.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Config | Self::Wrapped | Self::KeyRing)
    }

    /// Whether operators write it: what a store of declarations takes from its file and not from the API.
    pub const fn is_declared(self) -> bool {
        matches!(self, Self::Mount | Self::Config | Self::Role | Self::Policy)
    }
}

/// What stands between a mount's path and a role's name.
const ROLE: &str = "/role/";

/// The name of an entry: its kind and, below it, bytes that mean something to that kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub name: Box<[u8]>,
}

impl Key {
    /// The key of a role; `name` in lower case.
    pub fn of_role(mount: &str, name: &str) -> Self {
        Self::new(Kind::Role, [mount, ROLE, name].concat())
    }

    /// The mount's path and the role's name in the name of a role's entry; none where it is no such name.
    pub fn role_parts(name: &str) -> Option<(&str, &str)> {
        name.rsplit_once(ROLE)
    }

    /// The key of an entry.
    pub fn new(kind: Kind, name: impl AsRef<[u8]>) -> Self {
        Self { kind, name: name.as_ref().into() }
    }
}

impl Debug for Key {
    /// The kind alone: a name may be an accessor, which administers a token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", self.kind)
    }
}

/// A value with the version that a change may ask for.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Differs after every change of the entry.
    pub version: u64,
    /// The value.
    pub value: Arc<[u8]>,
}

impl Debug for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Entry").field("version", &self.version).finish_non_exhaustive()
    }
}

/// What must be true of an entry for a change to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// It is not there.
    Absent,
    /// It is there with this version.
    Version(u64),
}

/// One entry's part in a commit.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Which entry.
    pub key: Key,
    /// What must be true of it before; [`StoreError::Conflict`] otherwise, and nothing of the commit is done.
    pub expect: Expect,
    /// Its new value; none: it goes.
    pub value: Option<Vec<u8>>,
}

impl Change {
    /// Sets a value.
    pub fn put(key: Key, expect: Expect, value: impl Into<Vec<u8>>) -> Self {
        Self { key, expect, value: Some(value.into()) }
    }

    /// Takes an entry away, if it is there.
    pub const fn delete(key: Key, expect: Expect) -> Self {
        Self { key, expect, value: None }
    }
}

impl Debug for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, expect, value } = self;
        write!(formatter, "{key:?} {expect:?} {}", if value.is_some() { "put" } else { "delete" })
    }
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else has changed one of the entries.
    #[error("the entry has been changed by somebody else")]
    Conflict,
    /// This store does not take such writes; the sentence is for the caller.
    #[error("{0}")]
    ReadOnly(&'static str),
    /// The store's own checks refuse a value; the text is for the caller.
    #[error("{0}")]
    Invalid(String),
    /// Whoever keeps the store refuses, in words of its own that are for the caller.
    #[error("{0}")]
    Refused(String),
    /// The store cannot be reached, or does not answer: another time it may. The cause is for the log.
    #[error("the store cannot be reached")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full, the file is damaged. The cause is for the log.
    #[error("the store has failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The answer of a store.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The names of the objects of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Objects {
    /// Of those that claim it, its holder first.
    pub claims: Vec<String>,
    /// Of a new one, where another entry's object has the name that is given by rule.
    pub new: Option<String>,
}

/// Whoever takes changes of entries. What it has acknowledged it keeps, as far as it keeps anything.
pub trait Commit: Send + Sync + Debug {
    /// Makes all changes or none. Keys must differ. When it resolves to success, they survive whatever the store
    /// survives. A store without transactions keeps to that for what belongs to one token, or to one entity; of a commit
    /// over several it may have made a part when it fails.
    fn commit(&self, changes: Vec<Change>) -> Stored<'_, ()>;

    /// The objects of a declared entry; nothing where entries are no objects with names of their own.
    fn objects(&self, _key: &Key) -> Objects {
        Objects::default()
    }
}

/// A store of entries, which can be read as well.
pub trait Store: Commit {
    /// One entry as it is now.
    fn get<'a>(&'a self, key: &'a Key) -> Stored<'a, Option<Entry>>;

    /// A page of entries, in the order of their names' bytes.
    fn list<'a>(&'a self, page: Page<'a>) -> Stored<'a, Listed>;

    /// How many entries of a kind there are. An estimate will do for a store that cannot tell at once.
    fn count(&self, kind: Kind) -> Stored<'_, u64>;
}
