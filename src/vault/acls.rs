//! The ACLs of callers: compiled once for each set of policies and, where these name the caller, each entity.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use moka::sync::Cache;

use super::sys::policies::{DEFAULT, ROOT};
use crate::core::acl::{self, Acl, DEFAULT_POLICY, Policy, RESPONSE_WRAPPING_POLICY};
use crate::core::client_token::ClientToken;
use crate::core::mount::Snapshot;
use crate::tokens::TokensError;
use crate::tokens::entities::{Entities, Entity};

/// How many bytes of policies' texts the ACLs that are kept are made of; they take about twice as many themselves. A small
/// one counts for as many as the second.
const ROOM: u64 = 64 << 20;
const LEAST: usize = 4096;

/// The names of policies, and the entity's id where one of them names the caller.
type Of = (Vec<String>, String);

/// An ACL.
#[derive(Debug, Clone)]
struct Compiled {
    acl: Arc<Acl>,
    /// The entity that it was compiled for.
    of: Option<Entity>,
    /// The bytes of its policies' texts.
    bytes: usize,
}

type Texts = Arc<BTreeMap<String, Arc<str>>>;

/// All ACLs in use. Those made of an older set of policies go when a newer one is met.
#[derive(Debug)]
pub(super) struct Acls(ArcSwap<Set>);

/// The policies of one moment, parsed, and what was made of them.
#[derive(Debug)]
struct Set {
    texts: Texts,
    /// None: a text that cannot be read.
    policies: HashMap<String, Option<Policy>>,
    compiled: Cache<Of, Compiled>,
}

impl Set {
    fn of(texts: Texts) -> Self {
        let built_in = [(DEFAULT, DEFAULT_POLICY), ("response-wrapping", RESPONSE_WRAPPING_POLICY)];
        let stored = texts.iter().map(|(name, text)| (name.as_str(), &**text));
        let policies = built_in
            .into_iter()
            .chain(stored)
            .map(|(name, text)| {
                let policy = Policy::parse(text).inspect_err(|error| {
                    tracing::error!(policy = name, %error, "a policy is not good; tokens that have it may do nothing");
                });
                (name.to_owned(), policy.ok())
            })
            .collect();
        Self { texts, policies, compiled: room(ROOM) }
    }
}

/// Place for ACLs. `default` names its caller, so that a large policy beside it is compiled for each of many callers.
fn room(bytes: u64) -> Cache<Of, Compiled> {
    let weight = |_: &Of, kept: &Compiled| u32::try_from(kept.bytes.max(LEAST)).unwrap_or(u32::MAX);
    Cache::builder().weigher(weight).max_capacity(bytes).build()
}

impl Acls {
    pub(super) fn new() -> Self {
        Self(ArcSwap::from_pointee(Set::of(Texts::default())))
    }

    /// What a token may do.
    ///
    /// # Errors
    /// Where the store fails, of which an entity is asked.
    pub(super) async fn of(
        &self,
        snapshot: &Snapshot,
        entities: &Entities,
        token: &ClientToken,
    ) -> Result<Arc<Acl>, TokensError> {
        let set = self.set(&snapshot.policies);
        if token.policies.iter().any(|policy| policy == ROOT) {
            return Ok(Arc::new(Acl::root()));
        }
        let mut unreadable =
            token.policies.iter().filter_map(|name| set.policies.get(name)).filter(|known| known.is_none());
        if unreadable.next().is_some() {
            // What it denies is not known.
            return Ok(Arc::new(Acl::compile([], None)));
        }
        let policies = || token.policies.iter().filter_map(|name| set.policies.get(name)?.as_ref());
        let entity = match policies().any(Policy::is_templated) && !token.entity_id.is_empty() {
            true => entities.entity(&token.entity_id).await?,
            false => None,
        };
        let id = entity.as_ref().map_or_else(String::new, |entity| entity.id.clone());
        let key = (token.policies.clone(), id);
        if let Some(Compiled { acl, of, .. }) = set.compiled.get(&key)
            && of == entity
        {
            return Ok(acl);
        }
        let acl = Arc::new(compile(policies(), entity.as_ref()));
        let bytes = policies().map(Policy::bytes).fold(0, usize::saturating_add);
        set.compiled.insert(key, Compiled { acl: Arc::clone(&acl), of: entity, bytes });
        Ok(acl)
    }

    fn set(&self, texts: &Texts) -> Arc<Set> {
        let set = self.0.load_full();
        if Arc::ptr_eq(&set.texts, texts) {
            return set;
        }
        let set = Arc::new(Set::of(Arc::clone(texts)));
        self.0.store(Arc::clone(&set));
        set
    }
}

fn compile<'a>(policies: impl Iterator<Item = &'a Policy>, entity: Option<&Entity>) -> Acl {
    let Some(entity) = entity else { return Acl::compile(policies, None) };
    let none = BTreeMap::new();
    let aliases: Vec<acl::Alias<'_>> = entity
        .aliases
        .iter()
        .map(|alias| acl::Alias {
            mount_accessor: &alias.mount_accessor,
            id: &alias.id,
            name: &alias.name,
            metadata: &alias.metadata,
            custom_metadata: &none,
        })
        .collect();
    let identity =
        acl::Identity { id: &entity.id, name: &entity.name, metadata: &entity.metadata, aliases: &aliases };
    Acl::compile(policies, Some(&identity))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::{Acls, Compiled, LEAST, room};
    use crate::core::acl::Acl;
    use crate::core::client_token::tests::login_token;
    use crate::core::mount::Snapshot;
    use crate::tokens::entities::Entities;
    use crate::tokens::tests::house::House;

    #[test]
    fn what_is_kept_is_bounded_by_its_size_and_not_by_its_number() {
        for (bytes, kept) in [(0, 10), (2 * LEAST, 5), (20 * LEAST, 0)] {
            let cache = room(10 * LEAST as u64);
            for n in 0..100 {
                let compiled = Compiled { acl: Arc::new(Acl::root()), of: None, bytes };
                cache.insert((vec![format!("p{n}")], String::new()), compiled);
                cache.run_pending_tasks();
                assert!(cache.entry_count() <= kept, "{}", cache.entry_count());
            }
            assert_eq!(cache.entry_count(), kept);
        }
    }

    #[tokio::test]
    async fn a_token_with_a_policy_that_cannot_be_read_may_do_nothing() {
        let house = House::new();
        let entities = Entities::new(house.store.clone(), house.random.clone());
        let acls = Acls::new();
        for (default, expected) in [(None, "read"), (Some("path \"secret\" {"), "deny")] {
            let orders = ("orders", "path \"secret\" { capabilities = [\"read\"] }");
            let texts = default.map(|text| ("default", text)).into_iter().chain([orders]);
            let policies: BTreeMap<_, _> =
                texts.map(|(name, text)| (name.to_owned(), Arc::from(text))).collect();
            let snapshot = Snapshot { policies: Arc::new(policies), ..Snapshot::default() };
            let acl = acls.of(&snapshot, &entities, &login_token()).await.unwrap();
            assert_eq!(acl.capabilities("secret"), [expected]);
            let own = acl.capabilities("auth/token/lookup-self");
            assert_eq!(own == ["deny"], expected == "deny", "{own:?}");
        }
    }
}
