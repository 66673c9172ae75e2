//! Readiness: what is pending, and whether the process is on its way out.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

/// What readiness depends on at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// What has to happen before the process is ready.
    pub pending: BTreeSet<&'static str>,
    /// The process was asked to stop, or has to.
    pub draining: bool,
}

impl State {
    /// Whether checks should be sent here.
    pub fn is_ready(&self) -> bool {
        self.pending.is_empty() && !self.draining
    }
}

/// The readiness of the process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<watch::Sender<State>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }
}

impl Readiness {
    /// Not ready until the guard is dropped.
    pub fn pending(&self, what: &'static str) -> Pending {
        self.0.send_modify(|state| {
            state.pending.insert(what);
        });
        Pending { readiness: self.clone(), what }
    }

    /// Never ready again.
    pub fn drain(&self) {
        self.0.send_modify(|state| state.draining = true);
    }

    /// Whether the process is on its way out.
    pub fn is_draining(&self) -> bool {
        self.0.borrow().draining
    }

    /// The state at this moment.
    pub fn state(&self) -> State {
        self.0.borrow().clone()
    }

    /// Tells of each change.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.0.subscribe()
    }
}

/// Something that has to happen first; it has happened when this is dropped.
#[derive(Debug)]
pub struct Pending {
    readiness: Readiness,
    what: &'static str,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.readiness.0.send_modify(|state| {
            state.pending.remove(self.what);
        });
    }
}
