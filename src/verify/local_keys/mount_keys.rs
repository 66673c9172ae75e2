//! The published keys of one mount: what they say of a token, and what a reading of them changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Environment;
use super::key_set::{KeySet, Named};
use super::reading::Reading;
use super::schedule::Schedule;
use crate::core::jwks::LocalSignature;
use crate::core::token::UnverifiedToken;
use crate::verify::api_server::ApiServer;

const UNUSABLE: &str = "local keys are off: what the API server publishes cannot be used";
const NO_ANSWER: &str = "the keys that the API server publishes cannot be read";

/// One generation of one mount.
pub(super) struct MountKeys {
    pub(super) path: Arc<str>,
    pub(super) generation: u64,
    subject: String,
    environment: Arc<Environment>,
    state: Mutex<State>,
}

struct State {
    held: Option<Held>,
    schedule: Schedule,
    /// They are to be read as soon as they may: never read, failed, or asked for too early.
    is_due: bool,
    /// A task waits to read them.
    is_queued: bool,
    /// The mount, or this generation of it, is gone: nothing more is told of it.
    is_gone: bool,
}

/// Keys, and when they were asked for.
#[derive(Clone)]
struct Held {
    keys: Arc<KeySet>,
    since: Duration,
}

impl MountKeys {
    pub(super) fn new(path: &Arc<str>, generation: u64, environment: &Arc<Environment>) -> Self {
        Self {
            path: Arc::clone(path),
            generation,
            subject: format!("mount {path} local keys"),
            environment: Arc::clone(environment),
            state: Mutex::new(State {
                held: None,
                schedule: Schedule::default(),
                is_due: true,
                is_queued: false,
                is_gone: false,
            }),
        }
    }

    /// What the keys say of a token's signature, and whether they are to be read again because of it.
    pub(super) fn check(&self, token: &UnverifiedToken<'_>) -> (LocalSignature, bool) {
        // With `crit` or `b64` the signature may be over something else (RFC 7797).
        if token.extended {
            return (LocalSignature::Unknown, false);
        }
        let hint = token.key_hint();
        let Some(kid) = hint.kid else { return (LocalSignature::Unknown, false) };
        let held = self.lock().held.clone();
        let Some(Held { keys, since }) = held else { return (LocalSignature::Unknown, true) };
        let age = self.environment.clock.elapsed().saturating_sub(since);
        let is_old = age >= self.environment.ttl;
        match keys.get(&kid) {
            None => (LocalSignature::Unknown, true),
            Some(Named::Many) => (LocalSignature::Unknown, false),
            Some(Named::Unusable) => (LocalSignature::Unknown, is_old),
            Some(Named::One(key)) => {
                let signed = hint.algorithm.and_then(|algorithm| key.signed(algorithm, token));
                let said = match signed {
                    Some(true) => LocalSignature::Proven,
                    Some(false) if !is_old => LocalSignature::Forged,
                    Some(false) | None => LocalSignature::Unknown,
                };
                (said, is_old)
            }
        }
    }

    /// The right to read the keys, if nobody does so at the moment, or did a moment before; else they are due later.
    pub(super) fn begin(self: &Arc<Self>) -> Option<UnderWay> {
        let mut state = self.lock();
        let begins = !state.is_gone && state.schedule.begin(self.environment.clock.elapsed());
        state.is_due = !begins;
        begins.then(|| UnderWay(Arc::clone(self)))
    }

    /// Whether a task is to be started that reads the keys: they are due, they may be read, and no other task waits.
    pub(super) fn queue(&self) -> bool {
        let mut state = self.lock();
        let queues = state.is_due
            && !state.is_queued
            && !state.is_gone
            && state.schedule.may_begin(self.environment.clock.elapsed());
        state.is_queued |= queues;
        queues
    }

    /// The task that was to be started waits no more: its turn has come.
    pub(super) fn begin_queued(self: &Arc<Self>) -> Option<UnderWay> {
        self.lock().is_queued = false;
        self.begin()
    }

    /// The mount, or this generation of it, is gone.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        (state.held, state.is_gone) = (None, true);
        self.environment.health.without_detail(&self.subject);
        self.environment.metrics.local_keys(&self.path, None);
    }

    /// Keeps what a reading gave, which began at `since`, and tells of it.
    fn take(&self, reading: Reading, since: Duration) {
        let Environment { clock, health, metrics, .. } = &*self.environment;
        let subject = self.subject.as_str();
        let mut state = self.lock();
        if state.is_gone {
            return;
        }
        metrics.local_keys(&self.path, Some(reading.name()));
        let failed = |state: &mut State, what: &str, cause: &str| {
            state.schedule.fail(clock.elapsed());
            state.is_due = true;
            if health.detail(subject, &format!("{what}: {cause}")) {
                tracing::warn!(subject, cause, "{what}");
            }
        };
        match reading {
            Reading::Keys(keys) => {
                let usable = keys.usable();
                state.held = Some(Held { keys: Arc::new(keys), since });
                state.schedule.succeed();
                if health.without_detail(subject) {
                    tracing::info!(subject, usable, "the keys that the API server publishes are read again");
                } else {
                    tracing::debug!(subject, usable, "the keys that the API server publishes are read");
                }
            }
            Reading::Unusable(cause) => {
                state.held = None;
                failed(&mut state, UNUSABLE, &cause);
            }
            Reading::NoAnswer(cause) => failed(&mut state, NO_ANSWER, &cause),
            Reading::NoReviewer => {
                health.without_detail(subject);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to read the keys once; it ends when this is dropped.
pub(super) struct UnderWay(Arc<MountKeys>);

impl UnderWay {
    /// Reads the keys; ends within the time-out of one question.
    pub(super) async fn read(self, api_server: Arc<ApiServer>) {
        let environment = &self.0.environment;
        // Before the question: what the answer holds is at least as new.
        let since = environment.clock.elapsed();
        let reading = Reading::read(&api_server, environment.timeout).await;
        self.0.take(reading, since);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().schedule.end();
    }
}
