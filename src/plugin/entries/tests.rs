//! The entries over a core that keeps them in memory, and can be held in the middle of a read.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Entries, EntryError};
use crate::plugin::seam::{Core, CoreError, Later};
use crate::ports::store::{Change, Commit as _, Expect, Key, Kind, StoreError};

#[derive(Debug, Default)]
struct Kept {
    entries: Mutex<BTreeMap<String, Vec<u8>>>,
    reads: Mutex<Vec<String>>,
    /// A read has its value and waits to give it.
    held: Option<(Notify, Notify)>,
    is_standby: bool,
}

impl Kept {
    fn set(&self, key: &str, json: &Value) {
        self.entries.lock().unwrap().insert(key.to_owned(), json.to_string().into_bytes());
    }

    fn json(&self, key: &str) -> Value {
        serde_json::from_slice(&self.entries.lock().unwrap()[key]).unwrap()
    }

    fn reads(&self) -> Vec<String> {
        std::mem::take(&mut *self.reads.lock().unwrap())
    }

    fn written(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Result<(), CoreError> {
        if self.is_standby {
            return Err(CoreError::Refused("cannot write to readonly storage".to_owned()));
        }
        change(&mut self.entries.lock().unwrap());
        Ok(())
    }
}

impl Core for Kept {
    fn get<'a>(&'a self, key: &'a str) -> Later<'a, Result<Option<Vec<u8>>, CoreError>> {
        self.reads.lock().unwrap().push(key.to_owned());
        let value = self.entries.lock().unwrap().get(key).cloned();
        Box::pin(async move {
            if let Some((waits, go_on)) = &self.held {
                waits.notify_one();
                go_on.notified().await;
            }
            Ok(value)
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: Vec<u8>) -> Later<'a, Result<(), CoreError>> {
        Box::pin(ready(self.written(|entries| drop(entries.insert(key.to_owned(), value)))))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), CoreError>> {
        Box::pin(ready(self.written(|entries| drop(entries.remove(key)))))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Later<'a, Result<Vec<String>, CoreError>> {
        let entries = self.entries.lock().unwrap();
        let names = entries.keys().filter_map(|key| key.strip_prefix(prefix)).map(str::to_owned).collect();
        Box::pin(ready(Ok(names)))
    }

    fn max_lease(&self) -> Later<'_, Result<i64, CoreError>> {
        Box::pin(ready(Ok(3600)))
    }
}

fn role(policy: &str) -> Value {
    json!({"bound_service_account_names": ["a"], "bound_service_account_namespaces": ["b"], "token_policies": [policy]})
}

fn entries(core: Kept) -> (Arc<Kept>, Arc<Entries>) {
    let core = Arc::new(core);
    (Arc::clone(&core), Arc::new(Entries::new(core)))
}

async fn policies(entries: &Entries) -> Vec<String> {
    entries.role("Orders").await.unwrap().unwrap().token.policies.clone()
}

fn put(kind: Kind, name: &str, value: &Value) -> Vec<Change> {
    vec![Change::put(Key::new(kind, name), Expect::Any, value.to_string())]
}

#[tokio::test]
async fn what_was_read_is_remembered_until_it_is_written_here_or_elsewhere() {
    let (core, entries) = entries(Kept::default());
    core.set("role/orders", &role("one"));
    core.set("config", &json!({"host": "https://one"}));
    let first = entries.config().await.unwrap().unwrap();
    assert_eq!(
        (policies(&entries).await, policies(&entries).await),
        (vec!["one".to_owned()], vec!["one".to_owned()])
    );
    assert_eq!(entries.config().await.unwrap().unwrap().generation, first.generation);
    assert_eq!(core.reads(), ["config", "role/orders"]);

    entries.commit(put(Kind::Role, "k/role/orders", &role("two"))).await.unwrap();
    assert_eq!(policies(&entries).await, ["two"]);
    core.set("role/orders", &role("three"));
    entries.forget("role/orders");
    assert_eq!(policies(&entries).await, ["three"]);

    entries.forget("config");
    assert_eq!(entries.config().await.unwrap().unwrap().generation, first.generation, "the same is the same");
    entries.commit(put(Kind::Config, "k", &json!({"host": "https://two"}))).await.unwrap();
    let second = entries.config().await.unwrap().unwrap();
    assert_ne!(second.generation, first.generation);
    assert_eq!(second.config.kubernetes_host, "https://two");
}

#[tokio::test]
async fn a_read_that_began_before_a_write_is_not_remembered() {
    let (core, entries) = entries(Kept { held: Some(Default::default()), ..Kept::default() });
    let (waits, go_on) = core.held.as_ref().unwrap();
    core.set("role/orders", &role("one"));
    let reader = tokio::spawn({
        let entries = Arc::clone(&entries);
        async move { policies(&entries).await }
    });
    waits.notified().await;
    core.set("role/orders", &role("two"));
    entries.forget("role/orders");
    go_on.notify_one();
    assert_eq!(reader.await.unwrap(), ["one"]);
    go_on.notify_one();
    assert_eq!(policies(&entries).await, ["two"]);
}

#[tokio::test]
async fn what_a_later_plugin_has_put_beside_is_kept_by_a_write() {
    let (core, entries) = entries(Kept::default());
    core.set("role/orders", &json!({"token_policies": ["old"], "later": {"a": 1.50}}));
    entries.commit(put(Kind::Role, "k/role/orders", &role("new"))).await.unwrap();
    let mut expected = role("new");
    expected["later"] = json!({"a": 1.50});
    assert_eq!(core.json("role/orders"), expected);
}

#[tokio::test]
async fn the_cores_own_words_about_a_write_are_the_callers() {
    let (core, entries) = entries(Kept { is_standby: true, ..Kept::default() });
    core.set("role/orders", &role("one"));
    let refused = entries.commit(put(Kind::Role, "k/role/orders", &role("two"))).await;
    assert!(matches!(refused, Err(StoreError::Refused(text)) if text == "cannot write to readonly storage"));
    let gone = Change::delete(Key::new(Kind::Role, "k/role/orders"), Expect::Any);
    assert!(matches!(entries.commit(vec![gone]).await, Err(StoreError::Refused(_))));
    assert_eq!(policies(&entries).await, ["one"]);
}

#[tokio::test]
async fn what_is_no_role_is_told_and_what_is_no_roles_name_is_never_asked_for() {
    let (core, entries) = entries(Kept::default());
    core.set("role/broken", &json!([]));
    core.set("config", &json!("s3cret"));
    assert!(
        matches!(entries.role("broken").await, Err(EntryError::Unreadable(key, _)) if key == "role/broken")
    );
    let error = entries.config().await.unwrap_err().to_string();
    assert!(error.contains("config") && !error.contains("s3cret"), "{error}");
    core.reads();
    for name in ["", "../config", "a/b", "a b", "-"] {
        assert!(entries.role(name).await.unwrap().is_none(), "{name}");
    }
    assert_eq!(core.reads(), Vec::<String>::new());
    assert_eq!(entries.role_names().await.unwrap(), ["broken"]);
}

/// What HashiCorp's plugin has put into the storage of an OpenBao, and what it answered to reads of it.
#[tokio::test]
async fn what_hashicorps_plugin_has_written_reads_as_it_did_there_and_so_it_does_after_a_rewrite() {
    let recorded: Value = serde_json::from_str(include_str!("hashicorps.json")).unwrap();
    let (core, entries) = entries(Kept::default());
    for (key, entry) in recorded["entries"].as_object().unwrap() {
        core.set(key, entry);
    }
    let reads = recorded["reads"].as_object().unwrap();
    assert!(reads.len() > 5, "{reads:?}");
    for rewritten in [false, true] {
        for (key, read) in reads {
            let (fields, change) = match key.strip_prefix("role/") {
                None => {
                    let config = entries.config().await.unwrap().unwrap().config;
                    (config.fields(), Change::put(Key::new(Kind::Config, "k"), Expect::Any, config.to_json()))
                }
                Some(name) => {
                    let role = entries.role(name).await.unwrap().unwrap();
                    (role.fields(), Change::put(Key::of_role("k", name), Expect::Any, role.to_json()))
                }
            };
            assert_eq!(Value::Object(fields), *read, "{key}, rewritten: {rewritten}");
            entries.commit(vec![change]).await.unwrap();
        }
    }
}
