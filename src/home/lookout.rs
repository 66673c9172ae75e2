//! The lookout: hears of deletions in the home cluster, as far as RBAC lets rolegate list and watch.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::OptionFuture;
use futures_util::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};
use kube::api::{ListParams, PartialObjectMeta};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::NamespaceWatch;
use crate::departures::{Departures, Kind, Object};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::watching::{Lost, Trouble, Words, is_too_old, signs_of_life};

/// After so many seconds a watch is renewed, and goes on where it was.
const WATCH: u32 = 60;

/// The longest wait for the answer to the first question, which tells whether rolegate may ask at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest pause before a watch begins anew, with a whole list. A right that is granted is noticed so late.
const LONGEST: Duration = Duration::from_secs(20);

/// One kind of objects that tokens name.
#[derive(Debug)]
struct Watched {
    kind: Kind,
    // As RBAC calls it.
    resource: &'static str,
    // Which of them, where not all.
    fields: Option<&'static str>,
    words: Words,
}

const ACCOUNTS: Watched = Watched {
    kind: Kind::Account,
    resource: "serviceaccounts",
    fields: None,
    words: Words { feed: "service_accounts", subject: "revocation by serviceaccounts", longest: LONGEST },
};

const SECRETS: Watched = Watched {
    kind: Kind::Secret,
    resource: "secrets",
    fields: Some("type=kubernetes.io/service-account-token"),
    words: Words { feed: "token_secrets", subject: "revocation by secrets", longest: LONGEST },
};

const PODS: Watched = Watched {
    kind: Kind::Pod,
    resource: "pods",
    fields: None,
    words: Words { feed: "pods", subject: "revocation by pods", longest: LONGEST },
};

/// Watches service accounts, legacy token Secrets and pods of all namespaces, their metadata alone, each kind for itself.
pub struct Lookout {
    client: Client,
    departures: Departures,
    namespaces: Option<NamespaceWatch>,
    health: Health,
    metrics: Metrics,
}

impl Debug for Lookout {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lookout").finish_non_exhaustive()
    }
}

impl Lookout {
    /// A lookout that tells these of what has gone.
    pub const fn new(client: Client, departures: Departures, health: Health, metrics: Metrics) -> Self {
        Self { client, departures, namespaces: None, health, metrics }
    }

    /// Has it watch the namespaces, too.
    pub fn with_namespaces(self, namespaces: NamespaceWatch) -> Self {
        Self { namespaces: Some(namespaces), ..self }
    }

    /// Until it is asked to stop. A kind that rolegate may not watch is asked for again, in case that the right is granted.
    pub async fn run(self, stop: CancellationToken) {
        let watches = async {
            tokio::join!(
                self.follow::<ServiceAccount>(&ACCOUNTS),
                self.follow::<Secret>(&SECRETS),
                self.follow::<Pod>(&PODS),
                OptionFuture::from(self.namespaces.as_ref().map(NamespaceWatch::run))
            )
        };
        let _ended = stop.run_until_cancelled(watches).await;
    }

    async fn follow<K>(&self, watched: &Watched)
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let api: Api<PartialObjectMeta<K>> = Api::all(self.client.clone());
        let mut trouble = Trouble::new(watched.words, self.health.clone(), self.metrics.clone());
        self.metrics.revocation_watched(watched.resource, false);
        loop {
            let lost = self.live(&api, watched, &mut trouble).await;
            self.metrics.revocation_watched(watched.resource, false);
            let sentence = sentence(watched.resource, &lost);
            if trouble.lost(&sentence) {
                tracing::warn!(resource = watched.resource, cause = lost.sentence(), "{sentence}");
            }
            trouble.pause().await;
        }
    }

    /// One life of a watch: from its list to the first error.
    async fn live<K>(&self, api: &Api<PartialObjectMeta<K>>, watched: &Watched, trouble: &mut Trouble) -> Lost
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        if let Err(lost) = may_list(api, watched).await {
            return lost;
        }
        let mut config = watcher::Config::default().timeout(WATCH);
        config.field_selector = watched.fields.map(ToOwned::to_owned);
        let told = watcher(api.clone(), config).map(|told| match told {
            Ok(event) => Ok(Some(event)),
            Err(error) if is_too_old(&error) => Ok(None),
            Err(error) => Err(Lost::watch(watched.resource, &error)),
        });
        let client = self.client.clone();
        let life = signs_of_life(watched.resource, move || is_there(client.clone()));
        let mut heard = stream::select(told.boxed(), life.map(|sign| sign.map(|()| None)).boxed());
        let mut complete = false;
        while let Some(news) = heard.next().await {
            match news {
                Ok(Some(event)) => complete = self.hear(watched, event, complete),
                // Not with the list already: it may be that rolegate may list and not watch.
                Ok(None) if complete => self.is_heard(watched, trouble),
                Ok(None) => {}
                Err(lost) => return lost,
            }
        }
        Lost::ended()
    }

    fn is_heard(&self, watched: &Watched, trouble: &mut Trouble) {
        let recovered = trouble.alive();
        self.metrics.revocation_watched(watched.resource, true);
        if recovered {
            tracing::info!(resource = watched.resource, "deletions are heard");
        }
    }

    /// Takes an event in. True where all objects of the kind are known.
    fn hear<K>(&self, watched: &Watched, event: Event<PartialObjectMeta<K>>, complete: bool) -> bool {
        let Watched { kind, resource, .. } = *watched;
        match event {
            Event::Init => {
                self.departures.list_begins(kind);
                return false;
            }
            Event::InitApply(seen) => {
                object(&seen).into_iter().for_each(|object| self.departures.listed(kind, object));
            }
            Event::InitDone => {
                let gone = self.departures.list_ends(kind);
                tracing::debug!(resource, gone, "listed");
                return true;
            }
            Event::Apply(seen) => {
                object(&seen).into_iter().for_each(|object| self.departures.appeared(kind, object));
            }
            Event::Delete(seen) => {
                if let Some(object) = object(&seen) {
                    let Object { namespace, name, uid } = object;
                    self.departures.left(kind, object);
                    tracing::debug!(resource, namespace, name, uid, "deleted, its tokens are reviewed again");
                }
            }
        }
        complete
    }
}

/// What an operator has to know of a watch that is lost.
fn sentence(resource: &str, lost: &Lost) -> String {
    let until = "what is deleted ends its tokens only after `review.cache.ttl`";
    if lost.is_forbidden() {
        format!("rolegate may not list and watch {resource} in all namespaces: {until}")
    } else {
        format!("deletions of {resource} are not heard: {until}")
    }
}

/// Asks for one object: kube's own watcher logs each refusal, and there may be many.
async fn may_list<K>(api: &Api<PartialObjectMeta<K>>, watched: &Watched) -> Result<(), Lost>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let mut one = ListParams::default().limit(1);
    one.field_selector = watched.fields.map(ToOwned::to_owned);
    match tokio::time::timeout(PATIENCE, api.list(&one)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Lost::ask(watched.resource, &error)),
        Err(_) => Err(Lost::silent(PATIENCE)),
    }
}

/// Whether the API server answers, whatever it is.
async fn is_there(client: Client) -> kube::Result<()> {
    match client.apiserver_version().await {
        Err(error) if !matches!(error, kube::Error::Api(_)) => Err(error),
        _ => Ok(()),
    }
}

fn object<K>(seen: &PartialObjectMeta<K>) -> Option<Object<'_>> {
    let metadata = &seen.metadata;
    Some(Object {
        uid: metadata.uid.as_deref()?,
        namespace: metadata.namespace.as_deref()?,
        name: metadata.name.as_deref()?,
    })
}
