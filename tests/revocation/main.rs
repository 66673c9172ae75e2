//! Deletions in the home cluster end tokens at once, where rolegate may hear of them: a process over a real kube-apiserver.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod logins;
mod namespaces;
mod reviews;
mod rights;
mod stage;
#[path = "../support/mod.rs"]
pub mod support;
mod unheard;
mod way;
