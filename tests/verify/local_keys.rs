//! The keys that API servers publish: what they say of signatures.

mod bench;
mod bounds;
mod troubles;

use std::sync::Arc;

use rolegate::core::jwks::LocalSignature::{Forged, Proven, Unknown};
use rolegate::core::mount::{Mount, Snapshot};
use rolegate::verify::Settings;
use serde_json::json;

use self::bench::{Bench, TTL, forged};
use crate::api_server::ApiServer;
use crate::house::{House, mount, mount_with, settings};
use crate::signer::{Signer, signers};

#[tokio::test]
async fn keys_of_every_type_prove_what_they_signed_and_nothing_else() {
    let mut signers = signers();
    signers.push(("EdDSA", Signer::new("EdDSA")));
    let keys = signers.iter().map(|(algorithm, signer)| signer.jwk(algorithm)).collect();
    let bench = Bench::publishing(keys).await;
    bench.load().await;
    for (algorithm, signer) in &signers {
        let header = json!({"alg": algorithm, "kid": algorithm});
        let good = signer.token_with(&header);
        assert_eq!(bench.said(&good), Proven, "{algorithm}");
        assert_eq!(bench.said(&forged(&good)), Forged, "{algorithm}");
        let other = if *algorithm == "ES256" { Signer::new("EdDSA") } else { Signer::new("ES256") };
        assert_eq!(bench.said(&other.token_with(&header)), Forged, "{algorithm} by another key");
    }
    assert_eq!(bench.server.asked().len(), 1, "nothing was asked for anew");
}

#[tokio::test]
async fn a_key_that_does_not_fit_the_algorithm_says_nothing() {
    let (rsa, ec) = (Signer::new("RS256"), Signer::new("ES256"));
    let bench = Bench::publishing(vec![rsa.jwk("rsa"), ec.jwk("ec")]).await;
    bench.load().await;
    for (kid, algorithm, expected) in [
        ("rsa", "RS256", Proven),
        ("rsa", "RS384", Forged),
        ("rsa", "PS256", Forged),
        ("rsa", "ES256", Unknown),
        ("rsa", "EdDSA", Unknown),
        ("rsa", "HS256", Unknown),
        ("rsa", "none", Unknown),
        ("ec", "RS256", Unknown),
        ("ec", "ES384", Unknown),
    ] {
        let token = rsa.token_with(&json!({"alg": algorithm, "kid": kid}));
        assert_eq!(bench.said(&token), expected, "{algorithm} under {kid}");
    }
    for header in [
        json!({"alg": "RS256", "kid": "rsa", "crit": ["exp"]}),
        json!({"alg": "RS256", "kid": "rsa", "b64": false}),
        json!({"alg": "RS256"}),
        json!({"alg": "RS256", "kid": null}),
        json!({"alg": "RS256", "kid": ""}),
    ] {
        assert_eq!(bench.said(&forged(&rsa.token_with(&header))), Unknown, "{header}");
    }
    assert_eq!(bench.server.asked().len(), 1, "nothing was asked for anew");
}

#[tokio::test]
async fn an_id_of_two_keys_and_one_of_a_weak_key_say_nothing_and_cause_no_reading() {
    let (first, second) = (Signer::new("RS256"), Signer::new("ES256"));
    let weak = json!({"kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB"});
    let keys = vec![first.jwk("twice"), second.jwk("twice"), first.jwk("once"), weak];
    let bench = Bench::publishing(keys).await;
    bench.load().await;
    bench.house.clock.forward(TTL / 2);
    for kid in ["twice", "weak"] {
        assert_eq!(bench.said(&first.token_with(&json!({"alg": "RS256", "kid": kid}))), Unknown, "{kid}");
    }
    assert_eq!(bench.said(&first.token_with(&json!({"alg": "RS256", "kid": "once"}))), Proven);
    bench.settled().await;
    assert_eq!(bench.server.asked().len(), 1);
}

#[tokio::test]
async fn the_mounts_reviewer_asks_the_mounts_host_for_the_one_type_that_is_served() {
    let signer = Signer::new("ES256");
    let bench = Bench::publishing(vec![signer.jwk("k")]).await;
    bench.load().await;
    let asked = bench.server.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/openid/v1/jwks"));
    assert_eq!(asked.authorization(), "Bearer reviewer");
    let accept = asked.headers["accept"].to_str().unwrap();
    assert!(accept.starts_with("application/jwk-set+json"), "{accept}");
}

#[tokio::test]
async fn nobody_is_asked_without_a_reviewer_and_where_keys_are_configured_or_switched_off() {
    let signer = Signer::new("ES256");
    let token = signer.token_with(&json!({"alg": "ES256", "kid": "k"}));
    let server = ApiServer::confirming().await;
    let off = Settings { local_keys_ttl: None, ..settings() };
    let cases: [(&str, Settings, Arc<Mount>); 4] = [
        (
            "no reviewer and no CA",
            settings(),
            mount_with("https://127.0.0.1:1", |config| config.token_reviewer_jwt = None),
        ),
        ("no reviewer", settings(), mount_with(&server.url(), |config| config.token_reviewer_jwt = None)),
        (
            "pem_keys",
            settings(),
            mount_with(&server.url(), |config| config.pem_keys = vec![signer.public_pem()]),
        ),
        ("switched off", off, mount(&server.url())),
    ];
    for (case, settings, mount) in cases {
        let bench = Bench::with(House::with(settings), ApiServer::confirming().await, mount);
        bench.show();
        assert_eq!(bench.said(&token), Unknown, "{case}");
        bench.settled().await;
        assert_eq!(bench.house.health.troubles().len(), 0, "{case}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn keys_are_those_of_a_mounts_newest_config() {
    let (old, new) = (Signer::new("ES256"), Signer::new("ES256"));
    let bench = Bench::publishing(vec![old.jwk("k")]).await;
    bench.load().await;
    let header = json!({"alg": "ES256", "kid": "k"});
    assert_eq!(bench.said(&new.token_with(&header)), Forged);
    let second = Bench::publishing(vec![new.jwk("k")]).await;
    let mount = Arc::new(Mount { generation: 2, ..(*mount(&second.server.url())).clone() });
    let newer = Bench::with(bench.house.clone(), second.server, Arc::clone(&mount));
    newer.load().await;
    assert_eq!(newer.said(&new.token_with(&header)), Proven);
    assert_eq!(newer.said(&old.token_with(&header)), Forged);
    // A request that began before asks of the mount as it was.
    assert_eq!(bench.said(&new.token_with(&header)), Unknown);
    assert_eq!(newer.said(&new.token_with(&header)), Proven, "and changes nothing");
}

#[tokio::test]
async fn a_mount_that_is_gone_leaves_no_keys_no_trouble_and_no_metric() {
    let bench = Bench::answering(|| crate::api_server::text_answer(404, "")).await;
    bench.load().await;
    assert_eq!(bench.outcome(), Some("unusable"));
    assert!(bench.trouble().is_some());
    bench.house.verifier.keep_only(&Snapshot::default());
    assert_eq!((bench.outcome(), bench.trouble()), (None, None));
}
