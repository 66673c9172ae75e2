//! Why an API server gave no usable answer, and what follows from it.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::client::ConnectError;
#[cfg(test)]
use super::server_certificate::HandshakeError;
use crate::core::reason::Undecided;
use crate::exchange::MAX_ANSWER;

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
    #[error("the pod's own token cannot be read, and no other token reviews in its place")]
    ReviewerFile(#[source] io::Error),
    #[error("the proxy of `HTTPS_PROXY` has a name that is none")]
    ProxyHost,
    #[error("the API server cannot be reached")]
    Connect(#[source] ConnectError),
    #[error("the connection to the API server broke off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    #[error("the API server gave no answer within {0:?}")]
    TimedOut(Duration),
    #[error("the API server refuses the token reviewer with status {0}")]
    Refused(u16),
    #[error("the API server answers with status {0}")]
    Status(u16),
    #[error("the API server has too much to do (status 429)")]
    TooManyRequests(Option<Duration>),
    #[error("the API server's answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
    #[error("the API server's answer is not {0}")]
    Unexpected(&'static str),
    #[error("the question could not be prepared")]
    Local(#[source] Box<dyn Error + Send + Sync>),
}

/// What a failure says of the API server, whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It fails.
    Failure,
    /// It wants no more questions, for so long where it says so.
    Overload(Option<Duration>),
    /// It answers, although no question can be decided by that.
    Alive,
    /// Nothing: this process did not ask, or had no time to.
    None,
}

impl AskError {
    /// What the caller gets. Only a question that had its whole time-out left shows that no connection can be made:
    /// one that waited for its turn, or whose caller is in a hurry, may be the victim of a flood.
    pub(super) fn undecided(&self, had_whole_timeout: bool) -> Undecided {
        match self {
            Self::Connect(error) if error.is_local() => Undecided::Overloaded,
            // Callers can take the last descriptor, but not the file.
            Self::LocalCa(error) | Self::ReviewerFile(error) if is_out_of_descriptors(error) => {
                Undecided::Overloaded
            }
            Self::Connect(error) if error.is_refusal() && had_whole_timeout => {
                Undecided::ApiServerUnreachable
            }
            Self::Connect(_) | Self::Broken(_) | Self::TimedOut(_) => Undecided::ApiServerNoAnswer,
            // Nothing was tried with a configuration that cannot be used: that opens no gate.
            Self::Host | Self::Ca(_) | Self::LocalCa(_) | Self::Local(_) | Self::ProxyHost => {
                Undecided::ApiServerNoAnswer
            }
            Self::ReviewerHeader | Self::ReviewerFile(_) | Self::Refused(_) => Undecided::ReviewerRefused,
            Self::Status(_) | Self::TooLarge | Self::Unexpected(_) => Undecided::ApiServerError,
            Self::TooManyRequests(_) => Undecided::Overloaded,
        }
    }

    /// What the breaker learns.
    pub(super) fn sign(&self, had_whole_timeout: bool) -> Sign {
        match self {
            Self::Connect(error) if error.is_local() => Sign::None,
            Self::Connect(_) | Self::TimedOut(_) if !had_whole_timeout => Sign::None,
            Self::Connect(_) | Self::TimedOut(_) | Self::Broken(_) | Self::Status(500..) => Sign::Failure,
            Self::TooManyRequests(retry_after) => Sign::Overload(*retry_after),
            Self::Refused(_) | Self::Status(_) | Self::TooLarge | Self::Unexpected(_) => Sign::Alive,
            Self::Host
            | Self::Ca(_)
            | Self::LocalCa(_)
            | Self::Local(_)
            | Self::ProxyHost
            | Self::ReviewerHeader
            | Self::ReviewerFile(_) => Sign::None,
        }
    }

    /// Whether the operator should know of it as the state of the API server. Not what the token under review can bring
    /// about, which is as long and as odd as its holder likes, and not a time-out of one who gave little time.
    pub(super) fn is_trouble(&self, had_whole_timeout: bool) -> bool {
        match self {
            Self::TooLarge | Self::Status(400 | 413 | 414 | 422 | 431) => false,
            Self::TimedOut(_) => had_whole_timeout,
            _ => true,
        }
    }
}

/// EMFILE or ENFILE: neither this process nor the machine has descriptors left.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use super::{AskError, ConnectError, HandshakeError, Sign};
    use crate::core::reason::Undecided;

    #[test]
    fn only_a_refusal_of_a_question_that_had_all_its_time_may_open_a_gate() {
        use std::io::ErrorKind;
        let io = |kind: ErrorKind| io::Error::from(kind);
        let refused =
            || AskError::Connect(ConnectError::Tcp(Arc::new(rustix::io::Errno::CONNREFUSED.into())));
        assert_eq!(refused().undecided(true), Undecided::ApiServerUnreachable);
        assert!(refused().undecided(true).may_open());
        let closed: [AskError; 13] = [
            AskError::Host,
            AskError::Ca("none".into()),
            AskError::LocalCa(io(ErrorKind::NotFound)),
            AskError::Local("a panic".into()),
            AskError::Connect(ConnectError::TimedOut(Duration::from_secs(1))),
            AskError::Connect(ConnectError::NoResources(Arc::new(io(ErrorKind::Other)))),
            AskError::Connect(ConnectError::Tls(Arc::new(HandshakeError::Other(io(
                ErrorKind::UnexpectedEof,
            ))))),
            AskError::Broken("reset".into()),
            AskError::TimedOut(Duration::from_secs(1)),
            AskError::Status(503),
            AskError::TooManyRequests(None),
            AskError::TooLarge,
            AskError::Unexpected("a TokenReview"),
        ];
        for error in closed.iter().chain([&refused()]) {
            assert!(!error.undecided(false).may_open(), "{error:?}");
        }
        for error in &closed {
            assert!(!error.undecided(true).may_open(), "{error:?}");
        }
        for error in [AskError::Refused(403), AskError::ReviewerHeader] {
            assert_eq!(error.undecided(false), Undecided::ReviewerRefused);
        }
    }

    #[test]
    fn what_one_token_can_bring_about_says_nothing_against_the_api_server() {
        for error in [AskError::TooLarge, AskError::Status(413), AskError::Status(422)] {
            assert_eq!((error.sign(true), error.is_trouble(true)), (Sign::Alive, false), "{error:?}");
        }
        let hurried = AskError::TimedOut(Duration::from_secs(1));
        assert_eq!((hurried.sign(false), hurried.is_trouble(false)), (Sign::None, false));
        assert_eq!((hurried.sign(true), hurried.is_trouble(true)), (Sign::Failure, true));
        let unable = AskError::Connect(ConnectError::NoResources(Arc::new(io::ErrorKind::Other.into())));
        assert_eq!(unable.sign(true), Sign::None);
    }

    #[test]
    fn a_file_of_the_pod_that_cannot_be_read_for_want_of_descriptors_opens_nothing() {
        for (errno, expected) in [
            (rustix::io::Errno::MFILE, Undecided::Overloaded),
            (rustix::io::Errno::NFILE, Undecided::Overloaded),
            (rustix::io::Errno::ACCESS, Undecided::ReviewerRefused),
        ] {
            let error = || io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(AskError::ReviewerFile(error()).undecided(true), expected, "{errno}");
            let of_ca = AskError::LocalCa(error()).undecided(true);
            assert_eq!(of_ca == Undecided::Overloaded, expected == Undecided::Overloaded, "{errno}");
        }
    }
}
