//! Whatever else comes: a clear refusal or the end of the connection, never a hang, and never harm to others.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::Served;
use crate::wire::Wire;

#[tokio::test]
async fn what_is_no_http_ends_its_connection() {
    let served = Served::new();
    for bytes in [
        &b"\r\n\r\n\0\0"[..],
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1/x\r\n\r\n",
        b"GET /v1/x HTTP/9.9\r\n\r\n",
        b"GET /v1/a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/x HTTP/1.1\r\nHost a\r\n\r\n",
        b"GET /v1/x HTTP/1.1\r\nX: \0\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno frames of HTTP/2 at all",
    ] {
        let mut wire = Wire::open(served.addr).await;
        wire.send(bytes).await;
        wire.close().await;
        let rest = wire.rest().await;
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{}", rest.escape_ascii());
    }
    assert_eq!(served.get("/v1/x").await.status, 200);
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let served = Served::new();
    let many: String = (0..200).map(|number| format!("X-{number}: v\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "v".repeat(1_000_000));
    for bomb in [many, long] {
        let mut wire = Wire::open(served.addr).await;
        wire.send(format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{bomb}\r\n")).await;
        assert_eq!(wire.answer().await.status, 431);
    }
    let mut wire = Wire::open(served.addr).await;
    wire.send(format!("GET /v1/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(70_000))).await;
    assert_eq!(wire.answer().await.status, 414);
    assert_eq!(served.get("/v1/x").await.status, 200);
}

#[test]
fn no_path_query_header_or_body_brings_the_door_down() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let served = runtime.block_on(async { Served::new() });
    let request = (
        prop::sample::select(vec!["GET", "LIST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "X"]),
        "(/|\\.|%|%2e|%00|%c3|sys/|health|[!-\"$->@-~]){0,12}",
        "(&|=|;|%|list|activecode|[!-\"$-~]){0,12}",
        prop::sample::select(vec!["X-Vault-Token", "X-Vault-Wrap-TTL", "X-Vault-Namespace", "Content-Type"]),
        "[ -~\u{e4}]{0,12}",
        prop::collection::vec(any::<u8>(), 0..40),
    );
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&request, |(method, path, query, header, value, body)| {
        let line = format!("{header}: {value}");
        let path = format!("/v1/{path}?{query}");
        let answer = runtime.block_on(served.ask(method, &path, &[&line], &body));
        prop_assert!(answer.status >= 200 && answer.status != 500, "{answer:?}");
        Ok(())
    });
    outcome.unwrap();
}
