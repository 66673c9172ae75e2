//! What requests get that are no gRPC calls: a 4xx that no caller can take for an allow.

use bytes::Bytes;
use http::{Method, Request, Response, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::frames::CHECK;
use crate::support::{Served, soon};

const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// The value of `rolegate_rejected_requests_total` for a cause.
fn rejected(served: &Served, cause: &str) -> usize {
    let series = format!("rolegate_rejected_requests_total{{listener=\"envoy\",cause=\"{cause}\"}} ");
    let text = served.metrics.render();
    text.lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |value| value.parse().unwrap())
}

async fn http2(served: &Served, request: Request<Empty<Bytes>>) -> Response<Bytes> {
    let io = TokioIo::new(soon(TcpStream::connect(served.addr)).await.unwrap());
    let (mut sender, connection) = soon(http2::handshake(TokioExecutor::new(), io)).await.unwrap();
    let connection = tokio::spawn(connection);
    let (head, body) = soon(sender.send_request(request)).await.unwrap().into_parts();
    let body = soon(body.collect()).await.unwrap();
    assert!(body.trailers().is_none());
    connection.abort();
    Response::from_parts(head, body.to_bytes())
}

/// What comes back for these bytes until the server closes.
async fn raw(served: &Served, sent: &str) -> String {
    let mut stream = soon(TcpStream::connect(served.addr)).await.unwrap();
    soon(stream.write_all(sent.as_bytes())).await.unwrap();
    let mut answer = Vec::new();
    let _closed = soon(stream.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn over_http2_the_first_failed_check_answers() {
    let served = Served::new("{}");
    let grpc = ("content-type", "application/grpc");
    let te = ("te", "trailers");
    for (method, path, headers, status, cause) in [
        ("GET", "/orders", &[][..], 415, "content_type"),
        ("GET", CHECK, &[], 415, "content_type"),
        ("POST", CHECK, &[te], 415, "content_type"),
        ("POST", "/check", &[("content-type", "application/json"), te], 415, "content_type"),
        ("POST", HEALTH, &[("content-type", "application/grpc-web"), te], 415, "content_type"),
        ("GET", CHECK, &[grpc, te], 405, "method"),
        ("HEAD", CHECK, &[grpc, te], 405, "method"),
        ("OPTIONS", HEALTH, &[grpc, te], 405, "method"),
        ("PUT", "/orders", &[grpc], 405, "method"),
        ("POST", "/orders", &[grpc, te], 404, "path"),
        ("POST", "/envoy.service.auth.v3.Authorization/Check?a=b", &[grpc, te], 404, "path"),
        ("POST", "/grpc.health.v1.Health/Nothing", &[grpc, te], 404, "path"),
        ("POST", "/grpc.reflection.v1.ServerReflection/Nothing", &[grpc, te], 404, "path"),
        ("POST", CHECK, &[grpc], 400, "te"),
        ("POST", HEALTH, &[grpc], 400, "te"),
        ("POST", "/grpc.health.v1.Health/Watch", &[grpc], 400, "te"),
        ("POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[grpc], 400, "te"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::builder().method(&method).uri(format!("http://{}{path}", served.addr));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let before = rejected(&served, cause);
        let answer = http2(&served, request.body(Empty::new()).unwrap()).await;
        let what = format!("{method} {path} {headers:?}");
        assert_eq!(answer.status(), status, "{what}");
        assert_eq!(answer.version(), Version::HTTP_2);
        assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("grpc-")), "{what}");
        assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8", "{what}");
        assert_eq!(answer.body().is_empty(), method == "HEAD", "{what}");
        assert_eq!(rejected(&served, cause), before + 1, "{what}");
    }
}

#[tokio::test]
async fn over_http1_every_request_is_a_4xx_at_once_and_the_connection_is_closed() {
    let served = Served::new("{}");
    let grpc = "content-type: application/grpc\r\nte: trailers\r\n";
    for (what, sent, status) in [
        ("GET", "GET /orders HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 415),
        ("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n".to_owned(), 415),
        ("HEAD", "HEAD / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 415),
        ("absolute form", "GET http://x/orders HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 415),
        ("CONNECT", "CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n".to_owned(), 415),
        ("CONNECT of gRPC", format!("CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n{grpc}\r\n"), 405),
        ("OPTIONS", format!("OPTIONS * HTTP/1.1\r\nhost: x\r\n{grpc}\r\n"), 405),
        ("another path", format!("POST /orders HTTP/1.1\r\nhost: x\r\n{grpc}content-length: 0\r\n\r\n"), 404),
        (
            "no te",
            format!("POST {CHECK} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n"),
            400,
        ),
        (
            "a call of Check that lacks nothing but HTTP/2",
            format!("POST {CHECK} HTTP/1.1\r\nhost: x\r\n{grpc}content-length: 5\r\n\r\n\0\0\0\0\0"),
            400,
        ),
        (
            "health over HTTP/1.1",
            format!("POST {HEALTH} HTTP/1.1\r\nhost: x\r\n{grpc}content-length: 5\r\n\r\n\0\0\0\0\0"),
            400,
        ),
        (
            "an upgrade",
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: \r\n\r\n"
                .to_owned(),
            415,
        ),
        (
            "a body that does not come",
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n".to_owned(),
            415,
        ),
        (
            "chunks that do not end",
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n".to_owned(),
            415,
        ),
        (
            "a client that waits for 100",
            "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n".to_owned(),
            415,
        ),
        ("no HTTP", "hello\r\n\r\n".to_owned(), 400),
        ("half a version", "GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
    ] {
        let answer = raw(&served, &sent).await;
        let (line, rest) = answer.split_once("\r\n").unwrap_or_else(|| panic!("{what}: {answer:?}"));
        assert_eq!(line.split(' ').nth(1), Some(status.to_string().as_str()), "{what}: {answer}");
        assert!(!rest.to_ascii_lowercase().contains("grpc-status"), "{what}: {answer}");
    }
    assert_eq!(rejected(&served, "http_version"), 2);
}

#[tokio::test]
async fn what_a_real_call_does_wrong_in_its_message_is_an_error_of_grpc() {
    let served = Served::new("{}");
    let request = Request::post(format!("http://{}{CHECK}", served.addr))
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers");
    let answer = http2(&served, request.body(Empty::new()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["grpc-status"], "3");
    assert!(
        served.metrics.render().lines().all(|line| !line.starts_with("rolegate_rejected_requests_total{"))
    );
}
