//! What is known of all objects, and what was made of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use tokio::sync::watch;

use super::cache::{Cache, Objects, Touch};
use super::hear::Told;
use crate::catalog::Snapshots;
use crate::store::kubernetes::assemble::{self, Assembler, Reviewer, Verdict};
use crate::store::kubernetes::resources::{GateMount, GatePolicy, GateRole, TOKEN};
use crate::watching::Lost;

/// What was published, and from which objects.
#[derive(Debug, Clone, Default)]
pub(in crate::store::kubernetes) struct Seen {
    pub(in crate::store::kubernetes) mounts: Objects<GateMount>,
    pub(in crate::store::kubernetes) roles: Objects<GateRole>,
    pub(in crate::store::kubernetes) policies: Objects<GatePolicy>,
    pub(in crate::store::kubernetes) secrets: Objects<Secret>,
    /// What is to be said of each object, by its uid.
    pub(in crate::store::kubernetes) verdicts: Arc<HashMap<String, Verdict>>,
}

/// The objects, and whoever is told of them.
#[derive(Debug)]
pub(super) struct State {
    mounts: Cache<GateMount>,
    roles: Cache<GateRole>,
    policies: Cache<GatePolicy>,
    secrets: Cache<Secret>,
    // Whether something has been said that is not published yet.
    news: bool,
    assembler: Assembler,
    snapshots: Snapshots,
    seen: watch::Sender<Arc<Seen>>,
}

impl State {
    pub(super) fn new(snapshots: Snapshots) -> (Self, watch::Receiver<Arc<Seen>>) {
        let (seen, receiver) = watch::channel(Arc::default());
        let state = Self {
            mounts: Cache::new(is_same),
            roles: Cache::new(is_same),
            policies: Cache::new(is_same),
            secrets: Cache::new(|old, new| old.data == new.data),
            news: true,
            assembler: Assembler::default(),
            snapshots,
            seen,
        };
        (state, receiver)
    }

    /// The watches begin anew.
    pub(super) fn begin(&mut self) {
        self.mounts.begin();
        self.roles.begin();
        self.policies.begin();
        self.secrets.begin();
    }

    /// Whether every kind has been listed since [`State::begin`].
    pub(super) const fn is_complete(&self) -> bool {
        self.mounts.is_complete()
            && self.roles.is_complete()
            && self.policies.is_complete()
            && self.secrets.is_complete()
    }

    /// Whether something has been said that is not published yet.
    pub(super) const fn has_news(&self) -> bool {
        self.news
    }

    /// Takes what a watch tells.
    ///
    /// # Errors
    /// Where all must begin anew.
    pub(super) fn take(&mut self, told: Told) -> Result<Touch, Lost> {
        let touch = match told {
            Told::Mounts(said) => self.mounts.hear("GateMount", said),
            Told::Roles(said) => self.roles.hear("GateRole", said),
            Told::Policies(said) => self.policies.hear("GatePolicy", said),
            Told::Secrets(said) => self.secrets.hear("Secret", said),
        }?;
        self.news |= touch == Touch::Content;
        Ok(touch)
    }

    /// Takes a sign of life: a watch that was refused, and not again since the last list, is a watch that lives.
    pub(super) fn alive(&mut self) {
        self.mounts.alive();
        self.roles.alive();
        self.policies.alive();
        self.secrets.alive();
    }

    /// Why a kind is listed now and then and not watched.
    pub(super) fn refused(&self) -> Option<&Lost> {
        let kinds =
            [self.mounts.refused(), self.roles.refused(), self.policies.refused(), self.secrets.refused()];
        kinds.into_iter().flatten().next()
    }

    /// Makes a set of all objects and publishes it, where one of them says something new; then tells who waits.
    pub(super) async fn judge(&mut self) {
        let verdicts = if std::mem::take(&mut self.news) {
            Arc::new(self.publish().await)
        } else {
            Arc::clone(&self.seen.borrow().verdicts)
        };
        self.seen.send_replace(Arc::new(Seen {
            mounts: self.mounts.objects(),
            roles: self.roles.objects(),
            policies: self.policies.objects(),
            secrets: self.secrets.objects(),
            verdicts,
        }));
    }

    /// How many mounts and roles are published.
    pub(super) fn sizes(&self) -> (usize, usize) {
        let mounts = self
            .snapshots
            .load()
            .map(|set| (set.mounts.len(), set.mounts.values().map(|mount| mount.roles.len()).sum()));
        mounts.unwrap_or_default()
    }

    async fn publish(&mut self) -> HashMap<String, Verdict> {
        let objects = assemble::Objects {
            mounts: self.mounts.objects().values().cloned().collect(),
            roles: self.roles.objects().values().cloned().collect(),
            policies: self.policies.objects().values().cloned().collect(),
            reviewers: reviewers(&self.secrets.objects()),
        };
        let assembled = self.assembler.assemble(self.snapshots.load().as_deref(), &objects);
        self.snapshots.publish(assembled.snapshot);
        assembled.verdicts.into_iter().map(|verdict| (verdict.object.uid.clone(), verdict)).collect()
    }
}

/// A status that changes leaves the generation as it is; annotations keep what a spec cannot say.
fn is_same<K: Resource>(old: &K, new: &K) -> bool {
    let (old, new) = (old.meta(), new.meta());
    old.generation.is_some() && old.generation == new.generation && old.annotations == new.annotations
}

fn reviewers(secrets: &BTreeMap<String, Arc<Secret>>) -> BTreeMap<String, Reviewer> {
    let token = |secret: &Secret| {
        let bytes = &secret.data.as_ref()?.get(TOKEN)?.0;
        let text = std::str::from_utf8(bytes).ok()?.trim();
        (!text.is_empty()).then(|| Reviewer::Token(text.to_owned().into()))
    };
    secrets.iter().map(|(name, secret)| (name.clone(), token(secret).unwrap_or(Reviewer::NoToken))).collect()
}
