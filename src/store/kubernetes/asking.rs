//! One question to the API server: it has an end, and what the answer means for the store is said here alone.

use std::future::Future;
use std::time::Duration;

use crate::ports::store::StoreError;

/// How objects of a sort are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    /// The longest that a call takes.
    pub(super) patience: Duration,
    /// Whether the API server's own words are told, which name the object and may hold a part of it.
    pub(super) is_open: bool,
}

/// The API server has not answered in time.
#[derive(Debug, thiserror::Error)]
#[error("the API server has not answered within {} s", .0.as_secs())]
pub(super) struct TooLate(pub(super) Duration);

/// The API server does not do it. Its words are left out.
#[derive(Debug, thiserror::Error)]
#[error("the API server answers {code} {reason}")]
struct Refused {
    code: u16,
    reason: String,
}

/// The API server's answer is no object with a name and a version.
#[derive(Debug, thiserror::Error)]
#[error("the API server's answer cannot be read")]
pub(super) struct Unreadable;

impl Asking {
    /// The answer. [`StoreError::Conflict`] where another object, or another version of it, is there.
    pub(super) async fn ask<T>(
        self,
        call: impl Future<Output = kube::Result<T>> + Send,
    ) -> Result<T, StoreError> {
        self.answer(call).await?.map_err(|error| self.meaning(error))
    }

    /// The same of a change: an object that is not there any more has been changed by somebody else.
    pub(super) async fn change<T>(
        self,
        call: impl Future<Output = kube::Result<T>> + Send,
    ) -> Result<T, StoreError> {
        self.answer(call).await?.map_err(|error| match &error {
            kube::Error::Api(status) if status.code == 404 => StoreError::Conflict,
            _ => self.meaning(error),
        })
    }

    async fn answer<T>(
        self,
        call: impl Future<Output = kube::Result<T>> + Send,
    ) -> Result<kube::Result<T>, StoreError> {
        let answer = tokio::time::timeout(self.patience, call).await;
        answer.map_err(|_| StoreError::Away(Box::new(TooLate(self.patience))))
    }

    fn meaning(self, error: kube::Error) -> StoreError {
        let kube::Error::Api(status) = &error else {
            return match error {
                kube::Error::SerdeError(_) => StoreError::Failed(Box::new(Unreadable)),
                error => StoreError::Away(Box::new(error)),
            };
        };
        let code = status.code;
        let cause = || -> Box<dyn std::error::Error + Send + Sync> {
            if self.is_open {
                return error.to_string().into();
            }
            Box::new(Refused { code, reason: status.reason.clone() })
        };
        match code {
            409 => StoreError::Conflict,
            422 if self.is_open => {
                StoreError::Invalid(format!("the API server refuses it: {}", status.message))
            }
            422 => StoreError::Invalid("the API server does not take the object".to_owned()),
            429 | 500..=599 => StoreError::Away(cause()),
            _ => StoreError::Failed(cause()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube::core::Status;

    use super::Asking;
    use crate::errors::with_causes;
    use crate::ports::store::StoreError;

    async fn told(is_open: bool, code: u16) -> (StoreError, StoreError) {
        let asking = Asking { patience: Duration::from_secs(1), is_open };
        let refusal = || {
            let status = Status::failure("words about it", "Why").with_code(code);
            std::future::ready(Err::<(), _>(kube::Error::Api(status.boxed())))
        };
        (asking.ask(refusal()).await.unwrap_err(), asking.change(refusal()).await.unwrap_err())
    }

    #[tokio::test]
    async fn what_an_answer_means_does_not_hang_on_whether_its_words_are_told() {
        for is_open in [true, false] {
            for code in [400, 403, 404, 409, 422, 429, 500, 503] {
                let (asked, changed) = told(is_open, code).await;
                let what = format!("{code}: {asked:?}, {changed:?}");
                assert_eq!(matches!(asked, StoreError::Conflict), code == 409, "{what}");
                assert_eq!(matches!(changed, StoreError::Conflict), [404, 409].contains(&code), "{what}");
                assert_eq!(matches!(asked, StoreError::Invalid(_)), code == 422, "{what}");
                assert_eq!(matches!(asked, StoreError::Away(_)), [429, 500, 503].contains(&code), "{what}");
                assert_eq!(matches!(asked, StoreError::Failed(_)), [400, 403, 404].contains(&code), "{what}");
                let says = with_causes(&asked).contains("words about it");
                assert_eq!(says, is_open && code != 409, "{what}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_in_time_is_a_store_that_cannot_be_reached() {
        let asking = Asking { patience: Duration::from_secs(7), is_open: true };
        let error = asking.ask(std::future::pending::<kube::Result<()>>()).await.unwrap_err();
        assert!(matches!(error, StoreError::Away(_)));
        assert!(with_causes(&error).contains("within 7 s"), "{}", with_causes(&error));
    }
}
