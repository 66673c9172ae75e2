//! Every kind of answer to a review.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use rolegate::core::identity::Review;
use rolegate::core::reason::{Deny, Undecided};
use serde_json::{Value, json};

use crate::api_server::{ApiServer, Asked, confirmed, failure, json_answer, review_of, text_answer};
use crate::house::{House, caller, mount, mount_with};

type Answer = fn(&Asked) -> Option<Response<Bytes>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Confirmed,
    Refused(Deny),
    Undecided(Undecided),
}

use Expected::{Confirmed, Refused};
const ERROR: Expected = Expected::Undecided(Undecided::ApiServerError);
const UNREACHABLE: Expected = Expected::Undecided(Undecided::ApiServerUnreachable);
const NO_ANSWER: Expected = Expected::Undecided(Undecided::ApiServerNoAnswer);
const OVERLOADED: Expected = Expected::Undecided(Undecided::Overloaded);
const REVIEWER: Expected = Expected::Undecided(Undecided::ReviewerRefused);
const TOKEN: Expected = Refused(Deny::TokenRefused);

fn as_expected(review: Result<Arc<Review>, Undecided>) -> Expected {
    match review.as_deref() {
        Ok(Review::Confirmed(_)) => Confirmed,
        Ok(Review::Refused(deny)) => Refused(*deny),
        Err(undecided) => Expected::Undecided(*undecided),
    }
}

/// A good review, changed.
fn changed(asked: &Asked, change: impl FnOnce(&mut Value)) -> Option<Response<Bytes>> {
    let mut review = review_of(asked);
    change(&mut review);
    Some(json_answer(201, &review))
}

fn with_status(asked: &Asked, status: Value) -> Option<Response<Bytes>> {
    changed(asked, |review| review["status"] = status)
}

const CASES: &[(&str, Answer, Expected)] = &[
    ("200", |asked| Some(json_answer(200, &review_of(asked))), Confirmed),
    ("201", |asked| Some(confirmed(asked)), Confirmed),
    ("206", |asked| Some(json_answer(206, &review_of(asked))), Confirmed),
    ("207", |asked| Some(json_answer(207, &review_of(asked))), ERROR),
    ("204 without a body", |_| Some(text_answer(204, "")), ERROR),
    ("400", |_| Some(json_answer(400, &failure(400))), ERROR),
    ("401", |_| Some(json_answer(401, &failure(401))), REVIEWER),
    ("401 without a body", |_| Some(text_answer(401, "")), REVIEWER),
    ("403", |_| Some(json_answer(403, &failure(403))), REVIEWER),
    ("403 with a good review", |asked| Some(json_answer(403, &review_of(asked))), REVIEWER),
    ("404", |_| Some(json_answer(404, &failure(404))), ERROR),
    ("422", |_| Some(json_answer(422, &failure(422))), ERROR),
    ("429", |_| Some(json_answer(429, &failure(429))), OVERLOADED),
    ("500", |_| Some(json_answer(500, &failure(500))), ERROR),
    ("500 in HTML", |_| Some(text_answer(500, "<html>oops</html>")), ERROR),
    ("503", |_| Some(json_answer(503, &failure(503))), ERROR),
    ("504", |_| Some(json_answer(504, &failure(504))), ERROR),
    ("a dropped connection", |_| None, NO_ANSWER),
    ("an empty body", |_| Some(text_answer(201, "")), ERROR),
    ("garbage", |_| Some(text_answer(201, "<html>")), ERROR),
    ("{}", |_| Some(text_answer(201, "{}")), ERROR),
    ("[]", |_| Some(text_answer(201, "[]")), ERROR),
    ("two values", |asked| Some(text_answer(201, format!("{}{{}}", review_of(asked)))), ERROR),
    ("blanks behind", |asked| Some(text_answer(201, format!("{} \n", review_of(asked)))), Confirmed),
    (
        "a key twice",
        |_| Some(text_answer(201, r#"{"status":{"authenticated":true,"authenticated":true}}"#)),
        ERROR,
    ),
    ("a Status of failure", |_| Some(json_answer(201, &failure(500))), ERROR),
    ("a Status of success", |_| Some(text_answer(201, r#"{"kind":"Status","status":"Success"}"#)), ERROR),
    ("a Status with code 401", |_| Some(json_answer(200, &failure(401))), REVIEWER),
    ("a Status with code 403", |_| Some(json_answer(200, &failure(403))), REVIEWER),
    ("status null", |asked| with_status(asked, Value::Null), ERROR),
    (
        "status missing",
        |asked| changed(asked, |review| drop(review.as_object_mut().unwrap().remove("status"))),
        ERROR,
    ),
    ("status a list", |asked| with_status(asked, json!([])), ERROR),
    ("status empty", |asked| with_status(asked, json!({})), TOKEN),
    ("another kind", |asked| changed(asked, |review| review["kind"] = "Pod".into()), ERROR),
    (
        "no kind",
        |asked| changed(asked, |review| drop(review.as_object_mut().unwrap().remove("kind"))),
        Confirmed,
    ),
    (
        "keys in another case",
        |_| Some(text_answer(201, r#"{"Kind":"TokenReview","Status":{"Authenticated":true}}"#)),
        ERROR,
    ),
    ("inner keys in another case", |asked| with_status(asked, json!({"Authenticated": true})), TOKEN),
    (
        "not authenticated",
        |asked| changed(asked, |review| review["status"]["authenticated"] = false.into()),
        TOKEN,
    ),
    ("an error", |asked| changed(asked, |review| review["status"]["error"] = "no".into()), TOKEN),
    (
        "authenticated a text",
        |asked| changed(asked, |review| review["status"]["authenticated"] = "true".into()),
        ERROR,
    ),
    (
        "user null",
        |asked| changed(asked, |review| review["status"]["user"] = Value::Null),
        Refused(Deny::IdentityMismatch),
    ),
    ("user a text", |asked| changed(asked, |review| review["status"]["user"] = "x".into()), ERROR),
    ("uid a number", |asked| changed(asked, |review| review["status"]["user"]["uid"] = 5.into()), ERROR),
    (
        "a node",
        |asked| changed(asked, |review| review["status"]["user"]["username"] = "system:node:x".into()),
        Refused(Deny::IdentityMismatch),
    ),
    (
        "more of the user",
        |asked| changed(asked, |review| review["status"]["user"]["extra"] = json!({"a": ["b"]})),
        Confirmed,
    ),
    (
        "audiences null",
        |asked| changed(asked, |review| review["status"]["audiences"] = Value::Null),
        Refused(Deny::AudienceNotConfirmed),
    ),
    (
        "audiences a text",
        |asked| changed(asked, |review| review["status"]["audiences"] = "api".into()),
        ERROR,
    ),
    (
        "other audiences",
        |asked| changed(asked, |review| review["status"]["audiences"] = json!(["z"])),
        Refused(Deny::AudienceNotConfirmed),
    ),
    (
        "more audiences",
        |asked| changed(asked, |review| review["status"]["audiences"] = json!(["z", "api"])),
        Confirmed,
    ),
    (
        "almost a mebibyte",
        |asked| Some(text_answer(201, format!("{}{}", review_of(asked), " ".repeat(1_000_000)))),
        Confirmed,
    ),
    (
        "more than a mebibyte",
        |asked| Some(text_answer(201, format!("{}{}", review_of(asked), " ".repeat(1 << 20)))),
        ERROR,
    ),
];

#[tokio::test]
async fn every_answer_leads_to_its_outcome() {
    for (case, answer, expected) in CASES {
        let server = ApiServer::start(answer).await;
        let outcome = House::new().cached(&mount(&server.url()), "orders").await;
        assert_eq!(as_expected(outcome), *expected, "{case}");
        let times = if *expected == NO_ANSWER { 2 } else { 1 };
        assert_eq!(server.asked().len(), times, "{case}: only a broken connection is worth a second attempt");
    }
}

#[tokio::test]
async fn without_a_reviewer_a_refusal_to_ask_is_a_refusal_of_the_token() {
    for (case, answer, expected) in CASES {
        let server = ApiServer::start(answer).await;
        let mount = mount_with(&server.url(), |config| config.token_reviewer_jwt = None);
        let expected = if *expected == REVIEWER { TOKEN } else { *expected };
        assert_eq!(as_expected(House::new().cached(&mount, "orders").await), expected, "{case}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = ApiServer::start(move |asked| {
            let mut redirect = text_answer(status, "");
            redirect.headers_mut().insert("location", "/elsewhere".parse().unwrap());
            Some(if asked.path == "/elsewhere" { confirmed(asked) } else { redirect })
        })
        .await;
        assert_eq!(
            as_expected(House::new().cached(&mount(&server.url()), "orders").await),
            ERROR,
            "{status}"
        );
        let paths: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
        assert_eq!(paths, ["/apis/authentication.k8s.io/v1/tokenreviews"], "{status}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_listen_is_unreachable_and_one_that_is_none_gives_no_answer() {
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let taken = silent.local_addr().unwrap();
    let refusing = format!("http://{taken}");
    for (host, expected) in [
        ("127.0.0.1:1", NO_ANSWER),
        ("no such host", NO_ANSWER),
        ("ftp://127.0.0.1", NO_ANSWER),
        ("https://", NO_ANSWER),
        ("", NO_ANSWER),
        (refusing.as_str(), UNREACHABLE),
        // RFC 6761 section 6.4: it exists nowhere, and no name server is asked.
        ("http://kube.invalid.", UNREACHABLE),
    ] {
        let house = House::new();
        assert_eq!(as_expected(house.cached(&mount(host), "orders").await), expected, "{host}");
        assert!(house.trouble().is_some(), "{host}");
    }
}

#[tokio::test]
async fn the_request_is_a_token_review_under_the_hosts_path() {
    for (suffix, path) in
        [("", ""), ("/", ""), ("/clusters/a", "/clusters/a"), ("/clusters/a/", "/clusters/a")]
    {
        let server = ApiServer::confirming().await;
        let mount = mount(&format!("{}{suffix}", server.url()));
        assert_eq!(as_expected(House::new().cached(&mount, "orders").await), Confirmed);
        let asked = server.asked().remove(0);
        assert_eq!(asked.method, "POST");
        assert_eq!(asked.path, format!("{path}/apis/authentication.k8s.io/v1/tokenreviews"));
        assert_eq!(asked.body["apiVersion"], "authentication.k8s.io/v1");
        assert_eq!(asked.body["kind"], "TokenReview");
        assert_eq!(asked.body["spec"], json!({"token": "orders", "audiences": ["api"]}));
        for (name, value) in [("accept", "application/json"), ("content-type", "application/json")] {
            assert_eq!(asked.headers[name], value);
        }
        assert!(asked.headers["user-agent"].to_str().unwrap().starts_with("rolegate/"));
    }
}

#[tokio::test]
async fn audiences_are_left_out_where_none_are_asked_for() {
    use rolegate::ports::{Freshness, ReviewQuery, Verify};
    let server = ApiServer::confirming().await;
    let (house, mount) = (House::new(), mount(&server.url()));
    let query = ReviewQuery::new(&mount, "orders", None, &[]);
    let outcome = house.verifier.review(query, Freshness::Cached, &caller(None)).await;
    assert_eq!(as_expected(outcome), Confirmed);
    assert_eq!(server.asked()[0].body["spec"], json!({"token": "orders"}));
}
