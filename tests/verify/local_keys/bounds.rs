//! How often keys are read, whatever strangers send.

use std::time::Duration;

use rolegate::core::jwks::LocalSignature::{Forged, Proven, Unknown};
use serde_json::json;

use super::bench::{Bench, TTL, forged, set_of};
use crate::signer::Signer;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn keys_are_read_once_for_a_mount_however_often_sets_are_published() {
    let bench = Bench::publishing(vec![Signer::new("ES256").jwk("k")]).await;
    bench.load().await;
    for _ in 0..5 {
        bench.house.clock.forward(TTL);
        bench.load().await;
    }
    assert_eq!(bench.server.asked().len(), 1);
    assert_eq!((bench.outcome(), bench.trouble()), (Some("read"), None));
}

#[tokio::test]
async fn unknown_ids_cause_one_reading_in_ten_seconds_and_one_at_a_time() {
    let signer = Signer::new("ES256");
    let bench = Bench::publishing(vec![signer.jwk("k")]).await;
    bench.load().await;
    let mut number = 0;
    let mut strangers = || {
        for _ in 0..200 {
            number += 1;
            let header = json!({"alg": "ES256", "kid": format!("k{number}")});
            assert_eq!(bench.said(&forged(&signer.token_with(&header))), Unknown);
        }
    };
    bench.house.clock.forward(9 * SECOND);
    strangers();
    bench.settled().await;
    assert_eq!(bench.server.asked().len(), 1, "ten seconds have not gone by");
    bench.house.clock.forward(SECOND);
    bench.server.hold();
    strangers();
    bench.server.asked_times(2).await;
    bench.house.clock.forward(60 * SECOND);
    strangers();
    bench.server.release_all();
    bench.read_times(2).await;
    bench.house.clock.forward(10 * SECOND);
    strangers();
    bench.read_times(3).await;
}

#[tokio::test]
async fn a_reading_that_was_wanted_too_early_is_made_up_for_without_another_token() {
    let (first, second) = (Signer::new("ES256"), Signer::new("ES256"));
    let bench = Bench::publishing(vec![first.jwk("first")]).await;
    bench.load().await;
    let token = second.token_with(&json!({"alg": "ES256", "kid": "second"}));
    assert_eq!(bench.said(&token), Unknown);
    bench.change({
        let set = set_of(vec![second.jwk("second")]);
        move || Some(set())
    });
    bench.house.clock.forward(9 * SECOND);
    bench.load().await;
    assert_eq!(bench.server.asked().len(), 1);
    bench.house.clock.forward(SECOND);
    for _ in 0..3 {
        bench.show();
    }
    bench.read_times(2).await;
    assert_eq!(bench.said(&token), Proven);
    bench.house.clock.forward(60 * SECOND);
    bench.load().await;
    assert_eq!(bench.server.asked().len(), 2, "nothing wants them again");
}

#[tokio::test]
async fn a_new_key_is_read_for_the_first_token_that_names_it() {
    let (first, second) = (Signer::new("ES256"), Signer::new("RS256"));
    let bench = Bench::publishing(vec![first.jwk("first")]).await;
    bench.load().await;
    bench.change({
        let set = set_of(vec![first.jwk("first"), second.jwk("second")]);
        move || Some(set())
    });
    bench.house.clock.forward(10 * SECOND);
    let token = second.token_with(&json!({"alg": "RS256", "kid": "second"}));
    assert_eq!(bench.said(&token), Unknown, "it is for the review to tell");
    bench.read_times(2).await;
    assert_eq!((bench.said(&token), bench.said(&forged(&token))), (Proven, Forged));
}

#[tokio::test]
async fn old_keys_deny_nothing_and_are_read_again_for_a_token_that_names_one() {
    let (signer, other) = (Signer::new("ES256"), Signer::new("ES256"));
    let bench = Bench::publishing(vec![signer.jwk("k")]).await;
    bench.load().await;
    let good = signer.token_with(&json!({"alg": "ES256", "kid": "k"}));
    bench.house.clock.forward(TTL - SECOND);
    assert_eq!((bench.said(&forged(&good)), bench.server.asked().len()), (Forged, 1));
    bench.house.clock.forward(SECOND);
    bench.change({
        let set = set_of(vec![other.jwk("k")]);
        move || Some(set())
    });
    assert_eq!(bench.said(&forged(&good)), Unknown);
    bench.read_times(2).await;
    assert_eq!(bench.said(&good), Forged, "the key is another");
    assert_eq!(bench.said(&other.token_with(&json!({"alg": "ES256", "kid": "k"}))), Proven);
    assert_eq!(bench.server.asked().len(), 2);
}

#[tokio::test]
async fn a_reading_that_takes_long_is_as_old_as_its_question() {
    let signer = Signer::new("ES256");
    let bench = Bench::publishing(vec![signer.jwk("k")]).await;
    bench.server.hold();
    bench.show();
    bench.server.asked_times(1).await;
    bench.house.clock.forward(TTL);
    bench.server.release_all();
    bench.settled().await;
    let good = signer.token_with(&json!({"alg": "ES256", "kid": "k"}));
    assert_eq!((bench.said(&forged(&good)), bench.said(&good)), (Unknown, Proven));
}
