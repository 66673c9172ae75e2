//! Why an API server gave no usable answer.

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::core::reason::Undecided;
use crate::exchange::{ExchangeError, MAX_ANSWER};

/// What went wrong between a question and a usable answer. For logs and readiness; holds no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("`kubernetes_host` is not the URL of an http or https server")]
    Host,
    #[error("`kubernetes_ca_cert` holds no usable certificates")]
    Ca(#[source] Box<dyn Error + Send + Sync>),
    #[error("the pod's CA file cannot be read")]
    LocalCa(#[source] io::Error),
    #[error("the token reviewer's token cannot be sent in a header")]
    ReviewerHeader,
    #[error("the API server cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    #[error("the API server gave no answer within {0:?}")]
    TimedOut(Duration),
    #[error("the API server refuses the token reviewer with status {0}")]
    Refused(u16),
    #[error("the API server answers with status {0}")]
    Status(u16),
    #[error("the API server's answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
    #[error("the API server's answer is not {0}")]
    Unexpected(&'static str),
    #[error("too many questions wait for the API server")]
    Overloaded,
}

impl AskError {
    /// What the asker is told.
    pub(super) const fn undecided(&self) -> Undecided {
        match self {
            Self::Host | Self::Ca(_) | Self::LocalCa(_) | Self::Unreachable(_) | Self::TimedOut(_) => {
                Undecided::ApiServerUnreachable
            }
            Self::ReviewerHeader | Self::Refused(_) => Undecided::ReviewerRefused,
            Self::Status(_) | Self::TooLarge | Self::Unexpected(_) => Undecided::ApiServerError,
            Self::Overloaded => Undecided::Overloaded,
        }
    }
}

impl From<ExchangeError> for AskError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Unreachable(cause) => Self::Unreachable(cause),
            ExchangeError::TooLarge => Self::TooLarge,
        }
    }
}
