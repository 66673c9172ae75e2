//! Bodies: what they may hold, how long they may be, how long they may take.

use std::time::Duration;

use rolegate::doors::vault::Limits as Bounds;
use serde_json::json;

use crate::support::{Does, Served, asked, error, request};
use crate::wire::Wire;

#[tokio::test]
async fn json_is_read_whatever_its_content_type_says() {
    let served = Served::new();
    for kind in ["application/json", "text/plain", "nonsense", "application/x-www-form-urlencoded", ""] {
        let kind = format!("Content-Type: {kind}");
        let seen = asked(&served.ask("POST", "/v1/x", &[&kind], r#"{"role":"a","role":"b","n":1.50}"#).await);
        assert_eq!(seen["data"]["role"], "b", "{kind}");
        assert_eq!(seen["data"]["n"].to_string(), "1.50", "{kind}");
    }
    for nothing in ["", "null", " \n ", "{}"] {
        assert_eq!(asked(&served.post(nothing).await)["data"], json!({}), "{nothing:?}");
    }
}

#[tokio::test]
async fn what_is_no_object_is_refused_in_fixed_words() {
    let served = Served::new();
    let deep = format!("{}1{}", "{\"a\":".repeat(501), "}".repeat(501));
    served.post(&deep).await.is(400, &error("JSON input exceeds allowed nesting depth"));
    for body in ["{", "hello", "{\"role\":\"x\"", "[1,2]", "7", "{\"a\":NaN}", "role=x&jwt=y"] {
        served.post(body).await.is(400, &error("error parsing JSON"));
    }
    let answer = served.post("{\"role\":\"x\"}}").await;
    assert_eq!(answer.status, 400);
    let text = answer.json()["errors"][0].as_str().unwrap().to_owned();
    assert!(text.starts_with("failed to decode JSON input: "), "{text}");
    assert_eq!(asked(&served.post("{\"a\":1} {\"b\":2}").await)["data"], json!({"a": 1}));
}

#[tokio::test]
async fn a_form_is_read_where_it_calls_itself_one() {
    let served = Served::new();
    let form = ["Content-Type: application/x-www-form-urlencoded; charset=utf-8"];
    for (body, expected) in [
        ("role=plugin%2Dtest&jwt=a+b", json!({"role": "plugin-test", "jwt": "a b"})),
        ("role=a&role=b", json!({"role": "a,b"})),
        ("role", json!({"role": ""})),
        ("", json!({})),
        ("  {\"role\":\"x\"}", json!({"role": "x"})),
    ] {
        let seen = asked(&served.ask("POST", "/v1/x", &form, body).await);
        assert_eq!(seen["data"], expected, "{body}");
    }
    for body in ["role=%zz", "role=a;jwt=x"] {
        served.ask("POST", "/v1/x", &form, body).await.is(400, &error("error parsing form data"));
    }
    served.ask("POST", "/v1/x", &form, "[1]").await.is(400, &error("error parsing JSON"));
}

#[tokio::test]
async fn a_body_of_2_mb_is_taken() {
    let served = Served::new();
    let body = format!("{{\"z\":\"{}\"}}", "a".repeat(2_000_000));
    let seen = asked(&served.post(body).await);
    assert_eq!(seen["data"]["z"].as_str().map(str::len), Some(2_000_000));
}

#[tokio::test]
async fn chunks_make_one_body() {
    let served = Served::new();
    let mut wire = Wire::open(served.addr).await;
    wire.send("PUT /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for piece in ["3\r\n{\"a\r\n", "4;note=x\r\n\":1}\r\n", "0\r\nTrailer: x\r\n\r\n"] {
        wire.send(piece).await;
    }
    assert_eq!(asked(&wire.answer().await)["data"], json!({"a": 1}));
}

#[tokio::test]
async fn a_body_at_the_limit_is_taken_and_one_above_is_413() {
    let served = Served::with("{}", Bounds { body: 64, ..Bounds::default() });
    let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    assert_eq!(served.post(body(64)).await.status, 200);
    let refused = error("http: request body too large");
    served.post(body(65)).await.is(413, &refused);
    // One that is not said to be too long, but is.
    let mut wire = Wire::open(served.addr).await;
    wire.send("PUT /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    wire.send(format!("40\r\n{}\r\n", "x".repeat(64))).await.send("1\r\nx\r\n").await;
    wire.answer().await.is(413, &refused);
}

#[tokio::test]
async fn a_body_that_is_said_to_be_far_too_long_is_not_waited_for() {
    let served = Served::new();
    let mut wire = Wire::open(served.addr).await;
    wire.send("POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 33554433\r\n\r\n{").await;
    wire.answer().await.is(413, &error("http: request body too large"));
    assert!(wire.rest().await.is_empty());
}

#[tokio::test]
async fn a_client_that_expects_to_be_asked_for_its_body_is_asked() {
    let served = Served::new();
    let mut wire = Wire::open(served.addr).await;
    let head = "POST /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(wire.send(head).await.answer().await.status, 100);
    assert_eq!(wire.send("{}").await.answer().await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_cut() {
    let served = Served::with("{}", Bounds { body_time: Duration::from_millis(20), ..Bounds::default() });
    for part in [
        "Content-Length: 100\r\n\r\n{\"a\":",
        "Content-Length: 100\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        let mut wire = Wire::open(served.addr).await;
        wire.send(format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{part}")).await;
        let answer = wire.answer().await;
        answer.is(408, &error("the request's body did not come in time"));
        assert_eq!(answer.header("connection"), "close");
        assert!(wire.rest().await.is_empty());
    }
}

#[tokio::test]
async fn bodies_together_are_bounded_and_who_has_no_place_may_ask_again() {
    let time = Duration::from_millis(20);
    let served = Served::with("{}", Bounds { body: 32, bodies: 32, body_time: time, ..Bounds::default() });
    served.does(Does::Hangs);
    let mut first = Wire::open(served.addr).await;
    first.send(request("POST", "/v1/x", &[], "{\"a\":\"0123456789\"}")).await;
    let _hangs = crate::support::soon(served.handler.hangs.acquire()).await.unwrap();
    served.does(Does::Echoes);
    let crowded = served.post("{\"a\":\"01234567890123\"}").await;
    crowded.is(503, &error("too many large requests at a time"));
    assert_eq!(crowded.header("retry-after"), "1");
    assert_eq!(served.post("{\"a\":\"0\"}").await.status, 200);
    assert_eq!(served.get("/v1/x").await.status, 200);
    drop(first);
    let _gone = crate::support::soon(served.handler.gone.acquire()).await.unwrap();
    assert_eq!(served.post("{\"a\":\"01234567890123\"}").await.status, 200);
}

#[tokio::test]
async fn a_body_shorter_than_it_says_reaches_nobody() {
    let served = Served::new();
    served.does(Does::Hangs);
    let mut wire = Wire::open(served.addr).await;
    wire.send("POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{}").await;
    wire.close().await;
    wire.answer().await.is(400, &error("error reading data"));
    assert_eq!(served.handler.hangs.available_permits(), 0);
}

#[tokio::test]
async fn what_follows_a_body_is_the_next_request_and_never_part_of_it() {
    let served = Served::new();
    let mut wire = Wire::open(served.addr).await;
    let post = "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
    wire.send(format!("{post}GET /v1/y HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    assert_eq!(asked(&wire.answer().await)["path"], "x");
    assert_eq!(asked(&wire.answer().await)["path"], "y");
    for lie in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 2x\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: gzip\r\n",
    ] {
        let mut wire = Wire::open(served.addr).await;
        wire.send(format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{lie}\r\n{{}}")).await;
        assert_eq!(wire.answer().await.status, 400, "{lie}");
        assert!(wire.rest().await.is_empty(), "{lie}");
    }
}
