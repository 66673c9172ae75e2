//! Connections: kept alive, pipelined, HTTP/2, and left by their clients.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::support::{Does, Served, asked, request, soon};
use crate::wire::Wire;

/// An HTTP/2 connection with prior knowledge.
struct Http2(h2::client::SendRequest<Bytes>);

impl Http2 {
    async fn open(served: &Served) -> Self {
        let stream = soon(TcpStream::connect(served.addr)).await.unwrap();
        let (sender, connection) = soon(h2::client::handshake(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn begin(
        &self,
        request: Request<()>,
        body: &str,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let mut sender = soon(self.0.clone().ready()).await.unwrap();
        let (answer, mut sending) = sender.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            sending.send_data(Bytes::copy_from_slice(body.as_bytes()), true).unwrap();
        }
        (answer, sending)
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder().method(method).uri(format!("http://vault.test{path}"));
        let (answer, _sending) = self.begin(request.body(()).unwrap(), body).await;
        let (head, mut receiving) = soon(answer).await.unwrap().into_parts();
        let mut received = Vec::new();
        while let Some(data) = soon(receiving.data()).await {
            received.extend(data.unwrap());
        }
        (head.status, head.headers, String::from_utf8(received).unwrap())
    }
}

#[tokio::test]
async fn a_connection_takes_one_request_after_the_other() {
    let served = Served::new();
    let mut wire = Wire::open(served.addr).await;
    for (method, body) in [("GET", ""), ("POST", "{}"), ("DELETE", ""), ("GET", "{"), ("LIST", "")] {
        wire.send(request(method, "/v1/x", &[], body)).await;
        assert_eq!(wire.answer().await.status, 200, "{method}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let served = Served::new();
    let mut wire = Wire::open(served.addr).await;
    let many: Vec<u8> =
        (0..20).flat_map(|number| request("PUT", &format!("/v1/{number}"), &[], "{\"a\":1}")).collect();
    wire.send(many).await;
    for number in 0..20 {
        assert_eq!(asked(&wire.answer().await)["path"], number.to_string());
    }
}

#[tokio::test]
async fn http2_is_served_on_the_same_port() {
    let served = Served::new();
    let client = Http2::open(&served).await;
    let (status, headers, body) = client.ask("PUT", "/v1/auth/kubernetes/login", "{\"role\":\"r\"}").await;
    assert_eq!((status, &headers["content-type"]), (StatusCode::OK, &"application/json".parse().unwrap()));
    assert_eq!(headers["cache-control"], "no-store");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["data"]["data"], serde_json::json!({"role": "r"}));
    let (status, _, body) = client.ask("LIST", "/v1/role", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("\"path\":\"role/\""), "{body}");
    let (status, headers, body) = client.ask("HEAD", "/v1/sys/health", "").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, ""), "{headers:?}");
    served.does(Does::PanicsLater);
    assert_eq!(client.ask("GET", "/v1/x", "").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    served.does(Does::Answers(rolegate::vault::outcome::Answer::default().into()));
    let (status, headers, body) = client.ask("DELETE", "/v1/x", "").await;
    assert_eq!((status, body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_client_that_goes_away_is_not_worked_for() {
    let served = Served::that(Does::Hangs);
    let mut wire = Wire::open(served.addr).await;
    wire.send(request("POST", "/v1/x", &[], "{}")).await;
    soon(served.handler.hangs.acquire()).await.unwrap().forget();
    assert_eq!(served.handler.gone.available_permits(), 0);
    drop(wire);
    soon(served.handler.gone.acquire()).await.unwrap().forget();

    let client = Http2::open(&served).await;
    let get = Request::get("http://vault.test/v1/x").body(()).unwrap();
    let (answer, mut sending) = client.begin(get, "").await;
    soon(served.handler.hangs.acquire()).await.unwrap().forget();
    assert_eq!(served.handler.gone.available_permits(), 0);
    sending.send_reset(h2::Reason::CANCEL);
    drop(answer);
    soon(served.handler.gone.acquire()).await.unwrap().forget();
    served.does(Does::Echoes);
    assert_eq!(client.ask("GET", "/v1/x", "").await.0, StatusCode::OK);
}
