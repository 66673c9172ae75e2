//! One reading of the keys that an API server publishes.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, timeout_at};

use super::key_set::KeySet;
use crate::errors::with_causes;
use crate::verify::api_server::ApiServer;
use crate::verify::error::AskError;

/// Overload, and what stands before an API server that is away: they say nothing of what it publishes.
const AWAY: [u16; 4] = [429, 502, 503, 504];

/// What came of it.
pub(super) enum Reading {
    /// At least one key that can verify.
    Keys(KeySet),
    /// An answer that cannot be used: it is refused, unreadable or empty. Keys that were read before count no more.
    Unusable(String),
    /// No answer. Keys that were read before grow old.
    NoAnswer(String),
    /// Nothing was asked, for want of a reviewer: the token under review must not ask.
    NoReviewer,
}

impl Reading {
    /// Asks the mount's own API server, with the mount's reviewer.
    pub(super) async fn read(api_server: &Arc<ApiServer>, timeout: Duration) -> Self {
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now);
        match timeout_at(deadline, api_server.published_keys(deadline)).await {
            Ok(Ok(None)) => Self::NoReviewer,
            Ok(Ok(Some(answer))) if answer.status == StatusCode::OK => match KeySet::parse(&answer.body) {
                Ok(keys) => Self::Keys(keys),
                Err(error) => Self::Unusable(format!("the API server's answer is {error}")),
            },
            Ok(Ok(Some(answer))) => {
                let status = answer.status.as_u16();
                let cause = AskError::Status(status).to_string();
                if AWAY.contains(&status) { Self::NoAnswer(cause) } else { Self::Unusable(cause) }
            }
            Ok(Err(error @ AskError::TooLarge)) => Self::Unusable(error.to_string()),
            Ok(Err(error)) => Self::NoAnswer(with_causes(&error)),
            Err(_elapsed) => Self::NoAnswer(AskError::TimedOut(timeout).to_string()),
        }
    }

    /// As the metric names it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Keys(_) => "read",
            Self::Unusable(_) => "unusable",
            Self::NoAnswer(_) => "no_answer",
            Self::NoReviewer => "no_reviewer",
        }
    }
}
