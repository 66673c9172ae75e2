//! The real parts that integration tests share: kube-apiserver, Envoy, an upstream, rolegate itself.
//!
//! A test file says `pub mod support;` (`pub`, so that what it leaves unused is no dead code).
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fixture that fails is a failed test"
)]

pub mod bao_core;
pub mod certificates;
pub mod embedded;
pub mod envoy;
pub mod http;
pub mod kube;
pub mod process;
pub mod rolegate;
pub mod upstream;

use std::{fmt::Display, future::Future, time::Duration};

/// How long an expected event may take before the test fails: far longer than it ever needs.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// What `future` gives, or a panic that names `what` did not come within `DEADLINE`.
pub async fn within<T>(what: impl Display, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing within {DEADLINE:?}"),
    }
}

/// Asks again and again until the answer is there, `DEADLINE` at most.
pub async fn eventually<T>(what: impl Display, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}
