//! Why the API server is not heard any more.

use std::time::Duration;

use kube::runtime::watcher;

use crate::errors::with_causes;

/// The status of a version that the API server does not have any more.
const TOO_OLD: u16 = 410;

/// The status of what the asker has no right to.
const FORBIDDEN: u16 = 403;

/// Whether a watch goes on with a whole list by itself, since what it began with is too old.
pub fn is_too_old(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(status) if status.code == TOO_OLD)
}

/// Whether objects may be listed and not watched.
pub fn is_refused(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == FORBIDDEN)
}

/// Why the API server is not heard any more, in a sentence for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    sentence: String,
    is_forbidden: bool,
}

impl Lost {
    /// A watch of `kind` has failed.
    pub fn watch(kind: &str, error: &watcher::Error) -> Self {
        let (watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause)) = error
        else {
            return Self::of(format!("{kind} cannot be watched: {}", with_causes(error)));
        };
        Self::ask(kind, cause)
    }

    /// A question about `kind` has failed.
    pub fn ask(kind: &str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 404 => Self::of(format!(
                "the API server knows no {kind}: apply the custom resource definitions that `rolegate crd` prints"
            )),
            kube::Error::Api(status) if status.code == FORBIDDEN => Self {
                is_forbidden: true,
                ..Self::of(format!(
                    "the API server does not let rolegate list and watch {kind}: {}",
                    status.message
                ))
            },
            error => Self::of(format!("the API server does not tell of {kind}: {}", with_causes(error))),
        }
    }

    /// There was no answer in time.
    pub fn silent(waited: Duration) -> Self {
        Self::of(format!("the API server does not answer within {waited:?}"))
    }

    /// The watches have ended, which they never do.
    pub fn ended() -> Self {
        Self::of("the watches have ended".to_owned())
    }

    const fn of(sentence: String) -> Self {
        Self { sentence, is_forbidden: false }
    }

    /// The sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Whether it is a right that is missing.
    pub const fn is_forbidden(&self) -> bool {
        self.is_forbidden
    }
}
