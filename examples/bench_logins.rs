//! The tools of the Vault door's benchmark: clients that log in or look themselves up, and an API server to review.
//!
//! * `api-server DELAY_MS`: confirms every token; prints its URL.
//! * `logins ADDR MOUNT ROLE CLIENTS LENGTH [TOKENS]`: logs in over kept connections, each client with a token of its
//!   own: made up, or a line of the file `TOKENS`.
//! * `refusals ADDR MOUNT CLIENTS LENGTH`: logins that lack all fields, which are refused without a look at anything.
//! * `token`: prints such a token.
//! * `lookups ADDR TOKEN CLIENTS LENGTH`: `auth/token/lookup-self` with that token.
//!
//! `LENGTH` is `3s` or a number of requests. `logins`, `refusals` and `lookups` print one line of JSON: `count`,
//! `seconds`, `median_us`, `p99_us` and, of logins, the first `client_token`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a tool for developers, which may stop at the first error"
)]

#[path = "bench_logins/stub.rs"]
mod stub;
#[path = "bench_logins/wire.rs"]
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use wire::Wire;

const AUDIENCE: &str = "https://kubernetes.default.svc";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["api-server", delay] => stub::serve(Duration::from_millis(delay.parse().unwrap())).await,
        ["logins", address, mount, role, clients, length] => {
            let message = |client| login(address, mount, role, &token(client));
            run(address, clients, length, 200, message).await;
        }
        ["logins", address, mount, role, clients, length, tokens] => {
            let tokens = std::fs::read_to_string(tokens).expect("the file of tokens");
            let tokens: Vec<&str> = tokens.lines().collect();
            run(address, clients, length, 200, |client| login(address, mount, role, tokens[client])).await;
        }
        ["refusals", address, mount, clients, length] => {
            run(address, clients, length, 400, |_| post_login(address, mount, "{}")).await;
        }
        ["token"] => println!("{}", token(0)),
        ["lookups", address, token, clients, length] => {
            let message = |_| {
                format!(
                    "GET /v1/auth/token/lookup-self HTTP/1.1\r\nhost: {address}\r\nx-vault-token: {token}\r\n\r\n"
                )
            };
            run(address, clients, length, 200, message).await;
        }
        _ => panic!(
            "usage: bench_logins api-server DELAY_MS | token | logins ADDR MOUNT ROLE CLIENTS LENGTH [TOKENS] | \
             refusals ADDR MOUNT CLIENTS LENGTH | lookups ADDR TOKEN CLIENTS LENGTH"
        ),
    }
}

fn login(address: &str, mount: &str, role: &str, token: &str) -> String {
    post_login(address, mount, &json!({"role": role, "jwt": token}).to_string())
}

fn post_login(address: &str, mount: &str, body: &str) -> String {
    format!(
        "POST /v1/auth/{mount}/login HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: \
         {}\r\n\r\n{body}",
        body.len()
    )
}

/// A projected token as a cluster issues it, but for the signature, which the API server alone would look at.
fn token(client: usize) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({
        "aud": [AUDIENCE], "iss": AUDIENCE, "iat": now, "nbf": now, "exp": now + 36_000,
        "jti": format!("6f6a1e9e-7b0c-4a43-9d7e-{client:012}"),
        "sub": format!("system:serviceaccount:shop:orders-{client}"),
        "kubernetes.io": {
            "namespace": "shop",
            "node": {"name": "node-1", "uid": "0f0c9d8e-2c1b-4a5d-9e3f-1a2b3c4d5e6f"},
            "pod": {"name": "orders-5d8c7b6f4-x2v9k", "uid": "9c1f0f3e-7a5b-4c2d-8e6f-0a1b2c3d4e5f"},
            "serviceaccount": {"name": format!("orders-{client}"), "uid": format!("5b9d7c3e-1f2a-4b6c-8d0e-{client:012}")},
        },
    });
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let signature = BASE64_URL_SAFE_NO_PAD.encode([7; 64]);
    let header = r#"{"alg":"ES256","kid":"b6dVQ1z0Zl0cJtZlR2nYyA"}"#;
    format!("{}.{}.{signature}", encode(header), encode(&claims.to_string()))
}

/// When a run ends.
#[derive(Clone)]
enum Length {
    Until(Instant),
    Left(Arc<AtomicUsize>),
}

impl Length {
    fn of(text: &str) -> Self {
        match text.strip_suffix('s') {
            Some(seconds) => Self::Until(Instant::now() + Duration::from_secs_f64(seconds.parse().unwrap())),
            None => Self::Left(Arc::new(AtomicUsize::new(text.parse().unwrap()))),
        }
    }

    fn goes_on(&self) -> bool {
        match self {
            Self::Until(end) => Instant::now() < *end,
            Self::Left(left) => {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            }
        }
    }
}

async fn run(address: &str, clients: &str, length: &str, status: u16, message: impl Fn(usize) -> String) {
    let clients: usize = clients.parse().unwrap();
    let mut wires = Vec::new();
    for client in 0..clients {
        let stream = TcpStream::connect(address).await.expect("a connection");
        wires.push((Wire::new(stream).unwrap(), message(client)));
    }
    let began = Instant::now();
    let length = Length::of(length);
    let tasks: Vec<_> = wires
        .into_iter()
        .map(|(wire, message)| tokio::spawn(one_client(wire, message, status, length.clone())))
        .collect();
    let (mut took, mut token) = (Vec::new(), Value::Null);
    for task in tasks {
        let (times, first) = task.await.unwrap();
        took.extend(times);
        if token.is_null() {
            token = first;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |percent: usize| took.get(took.len() * percent / 100).map(Duration::as_micros);
    println!(
        "{}",
        json!({
            "count": took.len(), "seconds": seconds, "median_us": at(50), "p99_us": at(99), "client_token": token,
        })
    );
}

async fn one_client(mut wire: Wire, message: String, status: u16, length: Length) -> (Vec<Duration>, Value) {
    let status = format!("HTTP/1.1 {status}");
    let (mut took, mut token) = (Vec::new(), Value::Null);
    while length.goes_on() {
        let began = Instant::now();
        wire.send(message.as_bytes()).await.unwrap();
        let (head, body) = wire.receive().await.unwrap().expect("an answer");
        took.push(began.elapsed());
        assert!(head.starts_with(&status), "{head}{}", String::from_utf8_lossy(body));
        if token.is_null() {
            let answer: Value = serde_json::from_slice(body).unwrap();
            token = answer["auth"]["client_token"].clone();
        }
    }
    (took, token)
}
