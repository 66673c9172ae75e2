//! The recorded cases, replayed over HTTP against the Vault door.
//!
//! `../conformance/*.json` were recorded from a running server; `settings.rs` says how a run is steered.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a case that cannot be read is a failed test"
)]

mod book;
mod calls;
mod cases;
mod compare;
mod differences;
mod placeholders;
mod replay;
mod settings;
mod stub;
mod subject;
#[path = "../support/mod.rs"]
pub mod support;
mod upkeep;
mod wire;
mod world;

use replay::{replay, replay_by};
use serde_json::json;
use settings::Settings;
use support::bao_core::{BaoCore, ROOT};

#[tokio::test]
async fn logins_are_answered_as_recorded() {
    replay(&book::LOGIN).await;
}

#[tokio::test]
async fn token_reviews_are_made_and_read_as_recorded() {
    replay(&book::TOKEN_REVIEW).await;
}

#[tokio::test]
async fn dates_are_judged_as_recorded() {
    replay(&book::TIME).await;
}

#[tokio::test]
async fn roles_are_kept_as_recorded() {
    replay(&book::ROLE).await;
}

#[tokio::test]
async fn configurations_are_kept_as_recorded() {
    replay(&book::CONFIG).await;
}

#[tokio::test]
async fn http_is_spoken_as_recorded() {
    replay(&book::HTTP).await;
}

#[tokio::test]
async fn tokens_live_and_end_as_recorded() {
    replay(&book::TOKENS).await;
}

#[tokio::test]
async fn system_paths_answer_as_recorded() {
    replay(&book::SYS).await;
}

#[tokio::test]
async fn policies_allow_and_deny_as_recorded() {
    replay(&book::POLICIES).await;
}

/// What concerns the backend, with the program as a plugin of a real OpenBao; the rest would test OpenBao.
#[tokio::test]
async fn a_core_with_the_program_as_its_plugin_answers_as_recorded() {
    let core = BaoCore::start().await;
    core.done(
        "POST",
        &format!("sys/auth/{}", subject::SPARED.trim_end_matches('/')),
        Some(json!({"type": "rolegate"})),
    )
    .await;
    for chapter in [&book::LOGIN, &book::TOKEN_REVIEW, &book::ROLE, &book::CONFIG, &book::TIME] {
        replay_by(chapter, &Settings::of_core(core.address(), ROOT)).await;
    }
}
