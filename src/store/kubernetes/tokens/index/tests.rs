//! Tests of what is known, in whatever order it comes.

use std::sync::Arc;

use super::{Index, Object};
use crate::ports::store::{Key, Kind};

fn object(name: &str, version: u64) -> Object {
    let key = Key::new(Kind::Token, name);
    let value = version.to_string().into_bytes().into();
    Object { name: name.into(), version, writes: version, entries: [(key, value)].into() }
}

fn version(index: &Index, name: &str) -> Option<u64> {
    let entry = index.get(&Key::new(Kind::Token, name))?;
    assert_eq!(*entry.value, *entry.version.to_string().into_bytes());
    Some(entry.version)
}

#[test]
fn an_older_version_replaces_no_newer_one() {
    let mut index = Index::default();
    index.apply(object("a", 2));
    index.apply(object("a", 1));
    assert_eq!(version(&index, "a"), Some(2));
    index.list_begins();
    index.listed(object("a", 1));
    index.list_ends();
    assert_eq!(version(&index, "a"), Some(2));
    index.apply(object("a", 3));
    assert_eq!((version(&index, "a"), index.count(Kind::Token)), (Some(3), 1));
}

#[test]
fn what_has_gone_stays_gone_until_it_is_made_anew() {
    let mut index = Index::default();
    index.apply(object("a", 2));
    let name: Arc<str> = "a".into();
    index.remove(&name, 2);
    index.apply(object("a", 2));
    index.list_begins();
    index.listed(object("a", 1));
    index.list_ends();
    assert_eq!(version(&index, "a"), None);
    index.apply(object("a", 5));
    index.remove(&name, 3);
    assert_eq!(version(&index, "a"), Some(5), "the deletion of the one before");
}

#[test]
fn a_full_list_takes_away_what_it_has_not() {
    let mut index = Index::default();
    for name in ["a", "b", "c"] {
        index.apply(object(name, 1));
    }
    index.list_begins();
    index.listed(object("a", 1));
    index.apply(object("c", 4));
    index.list_ends();
    assert_eq!([version(&index, "a"), version(&index, "b"), version(&index, "c")], [Some(1), None, None]);
    index.apply(object("b", 1));
    assert_eq!(version(&index, "b"), None, "an answer from before the list");
    index.apply(object("c", 4));
    assert_eq!(version(&index, "c"), Some(4), "the watch tells anew of what was made during the list");
}

#[test]
fn an_entry_that_its_object_has_lost_is_not_found() {
    let mut index = Index::default();
    let mut both = object("a", 1);
    let accessor = Key::new(Kind::Accessor, "x");
    both.entries.insert(accessor.clone(), [].as_slice().into());
    index.apply(both);
    assert!(index.get(&accessor).is_some() && index.object(&"a".into()).unwrap().entries.len() == 2);
    index.apply(object("a", 2));
    assert!(index.get(&accessor).is_none() && index.place(&accessor).is_none());
    assert_eq!(index.object(&"a".into()).unwrap().entries.len(), 1);
}
