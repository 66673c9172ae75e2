//! Looks whether the API server is there, which a watch without events does not tell.

use std::future::Future;
use std::time::Duration;

use futures_util::{Stream, stream};

use super::Lost;

/// How often the API server is asked for a sign of life, and how long it may take over it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Asks one small question about `kind` again and again.
pub fn signs_of_life<T, F>(
    kind: &'static str,
    ask: impl Fn() -> F + Send,
) -> impl Stream<Item = Result<(), Lost>> + Send
where
    F: Future<Output = kube::Result<T>> + Send,
{
    stream::unfold(ask, move |ask| async move {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        let sign = match tokio::time::timeout(SIGN_OF_LIFE, ask()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Lost::ask(kind, &error)),
            Err(_) => Err(Lost::silent(SIGN_OF_LIFE)),
        };
        Some((sign, ask))
    })
}
