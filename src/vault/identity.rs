//! `identity/entity/…`: who has logged in, to be read. Logins alone write it, and there are no groups.

use serde_json::{Map, Value, json};

use super::call::{unsupported_operation, unsupported_path};
use super::outcome::{Answer, Outcome, Refusal};
use super::request::Operation;
use super::token::refusal::of_tokens;
use crate::core::mount::Snapshot;
use crate::tokens::entities::{Alias, Entities, Entity};

/// The most entities of one answer.
const MAX_LISTED: usize = 100_000;

/// Answers a request to `path`, which is what comes after `identity/`.
pub(super) async fn handle(
    entities: &Entities,
    snapshot: &Snapshot,
    operation: Operation,
    path: &str,
) -> Result<Outcome, Refusal> {
    let Some((by, rest)) = path.strip_prefix("entity/").and_then(|path| path.split_once('/')) else {
        return Ok(unsupported_path());
    };
    if !matches!(by, "id" | "name") || rest.contains('/') {
        return Ok(unsupported_path());
    }
    match (operation, rest) {
        (Operation::List, "") => {
            let all = entities.list(MAX_LISTED).await.map_err(of_tokens)?;
            Ok(listed(snapshot, by, &all).into())
        }
        (_, "") => Ok(unsupported_path()),
        (Operation::Read, rest) => {
            let found = match by {
                "id" => entities.entity(rest).await,
                _ => entities.named(rest).await,
            };
            Ok(found.map_err(of_tokens)?.map_or_else(Answer::default, |found| shown(snapshot, &found)).into())
        }
        _ => Ok(unsupported_operation()),
    }
}

fn listed(snapshot: &Snapshot, by: &str, all: &[Entity]) -> Answer {
    if all.is_empty() {
        return Answer::default();
    }
    let keys = all.iter().map(|entity| if by == "id" { &entity.id } else { &entity.name });
    let mut data = Map::from_iter([("keys".to_owned(), json!(keys.collect::<Vec<_>>()))]);
    if by == "id" {
        let info = |entity: &Entity| {
            let aliases: Vec<Value> = entity.aliases.iter().map(|alias| brief(snapshot, alias)).collect();
            (entity.id.clone(), json!({"name": entity.name, "aliases": aliases}))
        };
        data.insert("key_info".to_owned(), Value::Object(all.iter().map(info).collect()));
    }
    Answer { data: Some(data), ..Answer::default() }
}

fn shown(snapshot: &Snapshot, entity: &Entity) -> Answer {
    let alias = |alias: &Alias| {
        let mut shown = brief(snapshot, alias);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("canonical_id".to_owned(), json!(entity.id));
            shown.insert("custom_metadata".to_owned(), json!({}));
            shown.insert("local".to_owned(), json!(false));
            shown.insert("merged_from_canonical_ids".to_owned(), Value::Null);
            shown.insert("metadata".to_owned(), json!(alias.metadata));
        }
        shown
    };
    let data = json!({
        "aliases": entity.aliases.iter().map(alias).collect::<Vec<_>>(),
        "direct_group_ids": [],
        "disabled": false,
        "group_ids": [],
        "id": entity.id,
        "inherited_group_ids": [],
        "merged_entity_ids": null,
        "metadata": Some(&entity.metadata).filter(|metadata| !metadata.is_empty()),
        "name": entity.name,
        "namespace_id": "root",
        "policies": [],
    });
    Answer { data: data.as_object().cloned(), ..Answer::default() }
}

fn brief(snapshot: &Snapshot, alias: &Alias) -> Value {
    let mount = snapshot.mount_by_accessor(&alias.mount_accessor);
    json!({
        "id": alias.id,
        "mount_accessor": alias.mount_accessor,
        "mount_path": mount.map_or_else(String::new, |mount| format!("auth/{}/", mount.path)),
        "mount_type": "kubernetes",
        "name": alias.name,
    })
}
