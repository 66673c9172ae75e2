//! API servers that publish no keys, or none that can be read.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use rolegate::core::jwks::LocalSignature::{Forged, Proven, Unknown};
use rolegate::verify::Settings;
use serde_json::json;

use super::bench::{Bench, TTL, forged, set_of};
use crate::api_server::{ApiServer, failure, json_answer, text_answer};
use crate::house::{House, mount, settings};
use crate::signer::Signer;

const SECOND: Duration = Duration::from_secs(1);

type Case = (&'static str, fn() -> Response<Bytes>);

/// What turns local keys off.
const UNUSABLE: [Case; 12] = [
    ("401", || json_answer(401, &failure(401))),
    ("403", || json_answer(403, &failure(403))),
    ("404", || json_answer(404, &failure(404))),
    ("406", || text_answer(406, "")),
    ("500", || text_answer(500, "{}")),
    ("a Status", || json_answer(200, &failure(403))),
    ("nothing", || text_answer(200, "")),
    ("no keys", || text_answer(200, r#"{"keys":[]}"#)),
    ("no key that can be used", || text_answer(200, r#"{"keys":[{"kty":"new","kid":"k"}]}"#)),
    ("too many keys", || json_answer(200, &json!({"keys": vec![json!({"kid": "a"}); 65]}))),
    ("too much", || text_answer(200, format!(r#"{{"keys":[],"x":"{}"}}"#, "a".repeat(1 << 20)))),
    ("a redirect", || {
        Response::builder().status(307).header("location", "/elsewhere").body(Bytes::new()).unwrap()
    }),
];

/// What says nothing of the keys.
const AWAY: [Case; 4] = [
    ("429", || text_answer(429, "")),
    ("502", || text_answer(502, "")),
    ("503", || text_answer(503, "")),
    ("504", || text_answer(504, "")),
];

#[tokio::test]
async fn an_answer_that_cannot_be_used_turns_local_keys_off_and_denies_nobody() {
    let signer = Signer::new("ES256");
    let good = signer.token_with(&json!({"alg": "ES256", "kid": "k"}));
    let set = || set_of(vec![signer.jwk("k")]);
    for (case, answer) in UNUSABLE {
        let bench = Bench::answering(set()).await;
        bench.load().await;
        assert_eq!(bench.said(&forged(&good)), Forged, "{case}");
        bench.change(move || Some(answer()));
        bench.house.clock.forward(TTL);
        assert_eq!(bench.said(&good), Proven, "{case}");
        bench.read_times(2).await;
        assert_eq!((bench.said(&good), bench.said(&forged(&good))), (Unknown, Unknown), "{case}");
        assert_eq!(bench.outcome(), Some("unusable"), "{case}");
        let trouble = bench.trouble().unwrap();
        assert!(trouble.starts_with("local keys are off"), "{case}: {trouble}");

        bench.change({
            let set = set();
            move || Some(set())
        });
        bench.house.clock.forward(10 * SECOND);
        assert_eq!(bench.said(&good), Unknown, "{case}");
        bench.read_times(3).await;
        assert_eq!((bench.said(&forged(&good)), bench.trouble()), (Forged, None), "{case}");
    }
}

#[tokio::test]
async fn without_an_answer_keys_stay_and_grow_old() {
    let signer = Signer::new("ES256");
    let good = signer.token_with(&json!({"alg": "ES256", "kid": "k"}));
    let unknown = signer.token_with(&json!({"alg": "ES256", "kid": "other"}));
    let dropped = [("dropped", None)];
    for (case, answer) in AWAY.map(|(case, answer)| (case, Some(answer))).into_iter().chain(dropped) {
        let bench = Bench::publishing(vec![signer.jwk("k")]).await;
        bench.load().await;
        bench.change(move || answer.map(|answer| answer()));
        bench.house.clock.forward(10 * SECOND);
        assert_eq!(bench.said(&unknown), Unknown, "{case}");
        // A connection that breaks off is tried once more.
        bench.read_times(if case == "dropped" { 3 } else { 2 }).await;
        assert_eq!((bench.said(&good), bench.said(&forged(&good))), (Proven, Forged), "{case}");
        assert_eq!(bench.outcome(), Some("no_answer"), "{case}");
        assert!(bench.trouble().unwrap().contains("cannot be read"), "{case}");
        bench.house.clock.forward(TTL);
        assert_eq!((bench.said(&good), bench.said(&forged(&good))), (Proven, Unknown), "{case}");
        bench.settled().await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_and_asked_less_and_less() {
    let server = ApiServer::confirming().await;
    server.hold();
    let house = House::with(Settings { timeout: Duration::from_millis(5), ..settings() });
    let mount = mount(&server.url());
    let bench = Bench::with(house, server, mount);
    let token = Signer::new("ES256").token_with(&json!({"alg": "ES256", "kid": "k"}));
    bench.load().await;
    assert_eq!(bench.outcome(), Some("no_answer"));
    let mut asked = bench.server.asked().len();
    for pause in [10, 20, 40, 60, 60] {
        bench.house.clock.forward(pause * SECOND - SECOND);
        assert_eq!(bench.said(&token), Unknown);
        bench.settled().await;
        assert_eq!(bench.server.asked().len(), asked, "{pause}");
        bench.house.clock.forward(SECOND);
        assert_eq!(bench.said(&token), Unknown);
        asked += 1;
        bench.read_times(asked).await;
    }
    let trouble = bench.trouble().unwrap();
    assert!(trouble.contains("no answer within 5ms"), "{trouble}");
    bench.house.clock.forward(60 * SECOND);
    bench.show();
    bench.read_times(asked + 1).await;
}
