//! The tools of `make bench`: a do-nothing server to compare with, a request, and one call.
//!
//! * `request MOUNT ROLE TOKEN_FILE`: writes the gRPC frame of a CheckRequest as Envoy sends it to standard output.
//! * `call ADDR REQUEST_FILE`: sends that frame and writes the CheckResponse's bytes to standard output.
//! * `serve ANSWER_FILE`: tonic and envoy-types, answering every Check with that CheckResponse; prints its address.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for developers, which may stop at the first error"
)]

use std::collections::HashMap;
use std::io::Write as _;

use envoy_types::ext_authz::v3::pb::{Authorization, AuthorizationServer, CheckRequest, CheckResponse};
use envoy_types::pb::envoy::config::core::v3::{Address, SocketAddress, address, socket_address};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use prost::Message as _;

// The same allocator as rolegate's: what is compared is the work, not malloc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["request", mount, role, token_file] => request(mount, role, token_file),
        ["call", address, request_file] => call(address, request_file).await,
        ["serve", answer_file] => serve(answer_file).await,
        _ => panic!(
            "usage: bench_tool request MOUNT ROLE TOKEN_FILE | call ADDR REQUEST_FILE | serve ANSWER_FILE"
        ),
    }
}

fn request(mount: &str, role: &str, token_file: &str) {
    let token = std::fs::read_to_string(token_file).expect("the token file");
    let message = check_request(mount, role, token.trim()).encode_to_vec();
    let mut out = std::io::stdout().lock();
    out.write_all(&[0]).unwrap();
    out.write_all(&u32::try_from(message.len()).unwrap().to_be_bytes()).unwrap();
    out.write_all(&message).unwrap();
}

/// What Envoy sends for a browser's GET: the headers of a usual request, and the route's extensions.
fn check_request(mount: &str, role: &str, token: &str) -> CheckRequest {
    let texts = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let bearer = format!("Bearer {token}");
    let headers = texts(&[
        (":authority", "shop.example.com"),
        (":method", "GET"),
        (":path", "/orders/17?full=1"),
        (":scheme", "https"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-encoding", "gzip, deflate, br"),
        ("accept-language", "en-US,en;q=0.5"),
        ("authorization", &bearer),
        ("cookie", "session=0b9f7d5c2e1a4f6688d1f0a1c3b5d7e9; theme=dark"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "6f6a1e9e-7b0c-4a43-9d7e-2f8f3f6f1b77"),
    ]);
    let socket = |text: &str, port| Peer {
        address: Some(Address {
            address: Some(address::Address::SocketAddress(SocketAddress {
                address: text.to_owned(),
                port_specifier: Some(socket_address::PortSpecifier::PortValue(port)),
                ..SocketAddress::default()
            })),
        }),
        ..Peer::default()
    };
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(socket("203.0.113.7", 40_000)),
            destination: Some(socket("10.0.0.5", 443)),
            request: Some(Request {
                http: Some(HttpRequest {
                    id: "1234567890123456789".to_owned(),
                    method: "GET".to_owned(),
                    path: "/orders/17?full=1".to_owned(),
                    host: "shop.example.com".to_owned(),
                    scheme: "https".to_owned(),
                    protocol: "HTTP/2".to_owned(),
                    headers,
                    ..HttpRequest::default()
                }),
                ..Request::default()
            }),
            context_extensions: texts(&[("mount", mount), ("role", role)]),
            ..AttributeContext::default()
        }),
    }
}

async fn call(address: &str, request_file: &str) {
    let frame = std::fs::read(request_file).expect("the request file");
    let request = CheckRequest::decode(frame.get(5..).expect("a gRPC frame")).expect("a CheckRequest");
    let mut client = AuthorizationClient::connect(format!("http://{address}")).await.expect("a connection");
    let answer = client.check(request).await.expect("an answer").into_inner();
    std::io::stdout().write_all(&answer.encode_to_vec()).unwrap();
}

struct DoNothing(CheckResponse);

#[tonic::async_trait]
impl Authorization for DoNothing {
    async fn check(
        &self,
        _: tonic::Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        Ok(tonic::Response::new(self.0.clone()))
    }
}

async fn serve(answer_file: &str) {
    let answer =
        CheckResponse::decode(&std::fs::read(answer_file).expect("the answer file")[..]).expect("an answer");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().unwrap());
    tonic::transport::Server::builder()
        .add_service(AuthorizationServer::new(DoNothing(answer)))
        .serve_with_incoming(tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
        .expect("to serve");
}
