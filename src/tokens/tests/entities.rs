//! Tests of entities.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;

use super::house::{Dice, Entries, House};
use crate::ports::store::{Key, Kind};
use crate::tokens::entities::Entities;

fn entities(house: &House) -> Entities {
    Entities::new(Arc::<Entries>::clone(&house.store), Arc::<Dice>::clone(&house.random))
}

fn metadata(uid: &str) -> BTreeMap<String, String> {
    [("service_account_uid".to_owned(), uid.to_owned())].into()
}

#[tokio::test]
async fn the_same_alias_is_the_same_entity_and_costs_two_reads() {
    let house = House::new();
    let entities = entities(&house);
    let first = entities.entity_for("m1", "uid-1", &metadata("a")).await.unwrap();
    assert_eq!(first.len(), 36);
    let before = house.store.calls();
    assert_eq!(entities.entity_for("m1", "uid-1", &metadata("a")).await.unwrap(), first);
    let after = house.store.calls();
    assert_eq!((after.gets - before.gets, after.commits - before.commits), (2, 0));
    let entity = entities.entity(&first).await.unwrap().unwrap();
    assert_eq!(entity.id, first);
    assert!(entity.name.starts_with("entity_"));
    assert_eq!(entities.entity("nobody").await.unwrap(), None);
    let alias = entity.alias("m1").unwrap();
    assert_eq!((alias.name.as_str(), &alias.metadata), ("uid-1", &metadata("a")));
}

#[tokio::test]
async fn other_mounts_and_other_aliases_are_other_entities() {
    let house = House::new();
    let entities = entities(&house);
    let first = entities.entity_for("m1", "uid-1", &metadata("a")).await.unwrap();
    for (mount, name) in [("m2", "uid-1"), ("m1", "uid-2")] {
        assert_ne!(entities.entity_for(mount, name, &metadata("a")).await.unwrap(), first);
    }
}

#[tokio::test]
async fn new_metadata_is_written_and_the_ids_stay() {
    let house = House::new();
    let entities = entities(&house);
    let mut ids = BTreeSet::new();
    // Texts that stand in JSON as they are, and one that does not; each is written once.
    for told in ["a", "b", "\"\n\u{fc}"] {
        let before = house.store.calls().commits;
        for _ in 0..2 {
            let id = entities.entity_for("m1", "uid-1", &metadata(told)).await.unwrap();
            let entity = entities.entity(&id).await.unwrap().unwrap();
            let alias = entity.alias("m1").unwrap();
            assert_eq!(alias.metadata, metadata(told));
            ids.insert((id, alias.id.clone()));
        }
        assert_eq!(house.store.calls().commits - before, 1, "{told:?}");
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn sixteen_first_logins_at_once_make_one_entity() {
    let house = House::new();
    let (entities, told) = (entities(&house), metadata("a"));
    // Each waits for its reads beside the others, so that all have seen that there is none.
    let logins = join_all((0..16).map(|_| entities.entity_for("m1", "uid-1", &told))).await;
    let ids: BTreeSet<_> = logins.into_iter().map(Result::unwrap).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(house.store.of(Kind::Entity).len(), 1);
}

#[tokio::test]
async fn an_entity_that_cannot_be_read_gets_a_successor() {
    let house = House::new();
    let entities = entities(&house);
    let first = entities.entity_for("m1", "uid-1", &metadata("a")).await.unwrap();
    house.store.put(Key::new(Kind::Entity, &first), b"{");
    let second = entities.entity_for("m1", "uid-1", &metadata("a")).await.unwrap();
    assert_ne!(second, first);
    assert_eq!(entities.entity_for("m1", "uid-1", &metadata("a")).await.unwrap(), second);
}
