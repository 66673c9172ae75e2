//! Probes of an API server that fails: questions of rolegate's own, which no caller can influence.

use std::sync::{Arc, Weak};

use http::HeaderValue;
use tokio::time::{Instant, sleep, timeout_at};

use super::ApiServer;
use crate::core::reason::Undecided;
use crate::core::secret::Secret;
use crate::verify::answer;
use crate::verify::client::Answer;
use crate::verify::error::{AskError, Sign};
use crate::verify::request::{self, ReviewRequest};

/// Probes in a task of its own, until one succeeds, nobody asks any more, or the mount is gone.
pub(super) fn start(server: &Arc<ApiServer>) {
    let server = Arc::downgrade(server);
    tokio::spawn(async move {
        // Nothing is held while it sleeps.
        while let Some(probe) = server.upgrade().and_then(|server| server.breaker.next_probe()) {
            sleep(probe.after).await;
            let Some(server) = Weak::upgrade(&server) else { return };
            if server.breaker.begin_probe() {
                let now = Instant::now();
                let within = probe.within.map_or(server.timeout, |within| within.min(server.timeout));
                let outcome = ask(&server, now.checked_add(within).unwrap_or(now)).await;
                let (sign, cause) = match outcome {
                    Ok(()) => (Sign::Alive, Undecided::ApiServerError),
                    // Nobody has taken a part of its time.
                    Err(error) => (error.sign(true), error.undecided(true)),
                };
                server.breaker.end_probe(sign, cause);
            }
        }
    });
}

/// Asks whose token the reviewer's own is, the way of every question; without a reviewer asks for the version. Any
/// answer will do that does not say that the server fails.
async fn ask(server: &Arc<ApiServer>, deadline: Instant) -> Result<(), AskError> {
    let asked = async {
        let (client, reviewer) = server.connection(deadline).await?;
        match reviewer.as_ref().and_then(token) {
            Some((reviewer, token)) => {
                let request = ReviewRequest { token, audiences: Vec::new() };
                request::review(&client, reviewer, &request, deadline).await
            }
            None => request::version(&client, deadline).await,
        }
    };
    let answer = timeout_at(deadline, asked).await.unwrap_or(Err(AskError::TimedOut(server.timeout)))?;
    failure(&answer)
}

fn failure(answer: &Answer) -> Result<(), AskError> {
    match answer::review(answer) {
        Err(error @ (AskError::Status(500..) | AskError::TooManyRequests(_))) => Err(error),
        _ => Ok(()),
    }
}

/// The token in a header of the form `Bearer …`, and the header.
fn token(header: &HeaderValue) -> Option<(HeaderValue, Secret)> {
    let token = header.to_str().ok()?.strip_prefix("Bearer ")?;
    Some((header.clone(), Secret::from(token.to_owned())))
}
