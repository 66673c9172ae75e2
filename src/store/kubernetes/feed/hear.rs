//! The watches of all kinds as one stream.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::runtime::utils::Backoff as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::readable::{Claiming, Readable, read};
use crate::store::kubernetes::resources::{GateMount, GatePolicy, GateRole, REVIEWER};
use crate::watching::{Lost, Pauses, is_refused, signs_of_life};

/// After so many seconds a watch is renewed, and one that a broken connection keeps silent is noticed.
const WATCH: u32 = 60;

/// The longest pause between two lists of objects that may not be watched.
const BETWEEN_LISTS: Duration = Duration::from_secs(60);

/// What a watch says.
type Said<K> = Result<Event<K>, watcher::Error>;

/// What is heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// What a watch tells.
    Objects(Box<Told>),
    /// Whether the API server answers at all.
    Life(Result<(), Lost>),
}

/// What one of the watches tells.
#[derive(Debug)]
pub(super) enum Told {
    /// Of mounts.
    Mounts(Said<GateMount>),
    /// Of roles.
    Roles(Said<GateRole>),
    /// Of policies.
    Policies(Said<GatePolicy>),
    /// Of reviewer tokens.
    Secrets(Said<Secret>),
}

fn told(told: Told) -> Heard {
    Heard::Objects(Box::new(told))
}

/// Where to hear.
pub(super) struct Hearing {
    client: Client,
    namespace: String,
}

impl std::fmt::Debug for Hearing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hearing").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Hearing {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned() }
    }

    /// Everything from now on, whole lists first.
    pub(super) fn events(&self) -> Pin<Box<dyn Stream<Item = Heard> + Send>> {
        let all = watcher::Config::default().timeout(WATCH);
        let (label, value) = REVIEWER;
        let reviewers = all.clone().labels(&format!("{label}={value}"));
        Box::pin(stream::select_all([
            self.declared(all.clone()).map(Told::Mounts).map(told).boxed(),
            self.declared(all.clone()).map(Told::Roles).map(told).boxed(),
            self.declared(all).map(Told::Policies).map(told).boxed(),
            self.watch(reviewers).map(Told::Secrets).map(told).boxed(),
            self.signs_of_life().map(Heard::Life).boxed(),
        ]))
    }

    /// Asks for one mount again and again: a watch without events tells nothing of its connection.
    fn signs_of_life(&self) -> impl Stream<Item = Result<(), Lost>> + Send + use<> {
        let mounts: Api<GateMount> = Api::namespaced(self.client.clone(), &self.namespace);
        signs_of_life("GateMount", move || {
            let mounts = mounts.clone();
            async move { mounts.list_metadata(&ListParams::default().limit(1)).await }
        })
    }

    /// A watch that one object which cannot be read does not break.
    fn declared<K>(&self, config: watcher::Config) -> impl Stream<Item = Said<K>> + Send + use<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Claiming + std::fmt::Debug + Send + 'static,
    {
        self.watch::<Readable<K>>(config).map(|said| said.map(read))
    }

    fn watch<K>(&self, config: watcher::Config) -> impl Stream<Item = Said<K>> + Send + use<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        watched(api, config)
            .map(|said| said.map(|event| event.modify(|object| object.managed_fields_mut().clear())))
    }
}

/// A watch. Where it is refused, a list again and again, with pauses that grow.
fn watched<K>(api: Api<K>, config: watcher::Config) -> impl Stream<Item = Said<K>> + Send
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let begin = move || watcher(api.clone(), config.clone()).boxed();
    let pauses = Pauses::up_to(BETWEEN_LISTS);
    stream::unfold((begin(), false, pauses), move |(mut live, refused, mut pauses)| {
        let begin = begin.clone();
        async move {
            if refused {
                tokio::time::sleep(pauses.next().unwrap_or(BETWEEN_LISTS)).await;
                live = begin();
            }
            let said = live.next().await?;
            if matches!(said, Ok(Event::Apply(_) | Event::Delete(_))) {
                pauses.reset();
            }
            let refused = said.as_ref().is_err_and(is_refused);
            Some((said, (live, refused, pauses)))
        }
    })
}
