//! What a listener binds, takes and bears.

use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::Extension;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use rolegate::health::Health;
use rolegate::net::{Bound, Limits, Listen, Peer, Protocol, with_peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::support::{Client, LONG, Server, listen, soon};

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let first = Bound::bind(listen(Protocol::Grpc, None), &Health::default()).unwrap();
    let addr = first.local_addr();
    let again = Listen { addr, ..listen(Protocol::Grpc, None) };
    let error = Bound::bind(again, &Health::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on `{addr}`: the address is in use"));
}

#[tokio::test]
async fn an_address_of_another_machine_is_a_clear_error() {
    let foreign = Listen { addr: "192.0.2.1:0".parse().unwrap(), ..listen(Protocol::Grpc, None) };
    let error = Bound::bind(foreign, &Health::default()).unwrap_err();
    assert_eq!(error.to_string(), "cannot listen on `192.0.2.1:0`");
}

#[tokio::test]
async fn the_unspecified_ipv6_address_serves_ipv6_and_ipv4() {
    let free = |addr: Ipv6Addr| std::net::TcpListener::bind((addr, 0)).is_ok();
    if !free(Ipv6Addr::UNSPECIFIED) {
        return eprintln!("NOT RUN: this machine has no IPv6");
    }
    let any = Listen { addr: (Ipv6Addr::UNSPECIFIED, 0).into(), ..listen(Protocol::Grpc, None) };
    let bound = Bound::bind(any, &Health::default()).unwrap();
    let server = Server::start(bound, LONG, || std::future::ready(()));
    let port = server.addr.port();
    let mut loopback = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
    if free(Ipv6Addr::LOCALHOST) {
        loopback.push((Ipv6Addr::LOCALHOST, port).into());
    }
    for addr in loopback {
        let mut client = Client::http2(addr).await;
        assert_eq!(soon("the answer", client.send(Bytes::from_static(b"hello"))).await.unwrap(), "hello");
    }
    assert_eq!(server.stopped().await, 0);
}

#[tokio::test]
async fn http1_and_http2_are_told_apart_on_one_port() {
    let server = Server::echoing(Protocol::Http1AndHttp2);
    for mut client in [Client::http1(server.addr).await, Client::http2(server.addr).await] {
        assert_eq!(soon("the answer", client.send(Bytes::from_static(b"hello"))).await.unwrap(), "hello");
    }
    assert_eq!(server.stopped().await, 0);
}

#[tokio::test]
async fn a_body_of_a_mebibyte_and_headers_of_80_kb_are_taken() {
    let server = Server::echoing(Protocol::Grpc);
    let mut client = Client::http2(server.addr).await;
    let body = Bytes::from(vec![b'x'; 1 << 20]);
    let mut request = Request::post("http://gate.test/");
    for number in 0..10 {
        request = request.header(format!("x-long-{number}"), "v".repeat(8000));
    }
    let request = request.body(body.clone()).unwrap();
    assert_eq!(soon("the answer", client.request(request)).await.unwrap(), body);
}

#[tokio::test]
async fn the_peers_address_reaches_an_axum_router() {
    let bound = Bound::bind(listen(Protocol::Http1AndHttp2, None), &Health::default()).unwrap();
    let addr = bound.local_addr();
    let show = |Extension(Peer(peer)): Extension<Peer>| async move { peer.to_string() };
    let router = axum::Router::new().route("/", axum::routing::post(show));
    tokio::spawn(bound.serve(move |peer| with_peer(router.clone(), peer), CancellationToken::new(), LONG));
    let stream = TcpStream::connect(addr).await.unwrap();
    let own = stream.local_addr().unwrap().to_string();
    let mut client = Client::http2_over(stream).await.unwrap();
    assert_eq!(soon("the answer", client.send(Bytes::new())).await.unwrap(), own);
}

#[tokio::test]
async fn a_peer_that_does_not_begin_to_speak_is_let_go() {
    for protocol in [Protocol::Grpc, Protocol::Http1AndHttp2] {
        for beginning in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r", "GET / HT"] {
            let mut hasty = listen(protocol, None);
            hasty.limits.headers = Duration::from_millis(20);
            let bound = Bound::bind(hasty, &Health::default()).unwrap();
            let server = Server::start(bound, LONG, || std::future::ready(()));
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.write_all(beginning.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            // However it ends, it ends.
            let _ = soon("the end", stream.read_to_end(&mut rest)).await;
            drop(stream);
            assert!(server.seen.lock().unwrap().is_empty());
            assert_eq!(server.stopped().await, 0);
        }
    }
}

#[tokio::test]
async fn a_request_shorter_than_a_preface_may_take_longer_than_the_header_time_out() {
    let mut hasty = listen(Protocol::Http1AndHttp2, None);
    hasty.limits.headers = Duration::from_millis(20);
    let bound = Bound::bind(hasty, &Health::default()).unwrap();
    let server = Server::start(bound, LONG, || tokio::time::sleep(Duration::from_millis(100)));
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn requests_over_the_bound_of_a_connection_wait_until_one_ends() {
    let mut narrow = listen(Protocol::Grpc, None);
    narrow.limits = Limits { streams: 4, ..narrow.limits };
    let bound = Bound::bind(narrow, &Health::default()).unwrap();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = Server::start(bound, LONG, {
        let most = most.clone();
        move || {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
            }
        }
    });
    let mut client = Client::http2(server.addr).await;
    client.send(Bytes::from_static(b"settled")).await.unwrap();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let mut client = client.again();
        requests.spawn(async move { client.send(Bytes::from_static(b"x")).await });
    }
    while let Some(answer) = soon("the answers", requests.join_next()).await {
        answer.unwrap().unwrap();
    }
    assert!(most.load(Ordering::SeqCst) <= 4);
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_own_request_alone() {
    let bound = Bound::bind(listen(Protocol::Grpc, None), &Health::default()).unwrap();
    let addr = bound.local_addr();
    let (gate, arrived) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let service = {
        let (gate, arrived) = (gate.clone(), arrived.clone());
        hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let (gate, arrived) = (gate.clone(), arrived.clone());
            async move {
                if request.uri().path() == "/panic" {
                    panic!("on purpose");
                }
                arrived.add_permits(1);
                gate.acquire().await.unwrap().forget();
                Ok(Response::new(Full::new(Bytes::from_static(b"fine"))))
            }
        })
    };
    tokio::spawn(bound.serve(move |_| service.clone(), CancellationToken::new(), LONG));
    let mut client = Client::http2(addr).await;
    let mut other = client.again();
    let waiting = tokio::spawn(async move { other.send(Bytes::new()).await });
    soon("the handler", arrived.acquire()).await.unwrap().forget();
    let panicking = Request::post("http://gate.test/panic").body(Bytes::new()).unwrap();
    soon("the refusal", client.request(panicking)).await.unwrap_err();
    gate.add_permits(2);
    assert_eq!(soon("the answer", waiting).await.unwrap().unwrap(), "fine");
    assert_eq!(soon("another answer", client.send(Bytes::new())).await.unwrap(), "fine");
}

#[test]
fn a_process_out_of_file_descriptors_says_so_and_serves_on_afterwards() {
    let itself = std::env::current_exe().unwrap();
    let run = std::process::Command::new("sh")
        .args(["-c", r#"ulimit -n 128 && exec "$0" --exact limits::out_of_file_descriptors --ignored"#])
        .arg(itself)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "run by the test above, in a process of its own with few file descriptors"]
async fn out_of_file_descriptors() {
    let health = Health::default();
    let bound = Bound::bind(listen(Protocol::Grpc, None), &health).unwrap();
    let mut client = Client::http2(bound.local_addr()).await;
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    let _server = Server::start(bound, LONG, || std::future::ready(()));
    let troubles = || health.troubles().get("listener test").cloned();
    soon("the trouble", async {
        while troubles().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let trouble = troubles().unwrap();
    assert!(trouble.starts_with("cannot take connections: Too many open files"), "{trouble}");
    drop(hoard);
    assert_eq!(soon("the answer", client.send(Bytes::from_static(b"hello"))).await.unwrap(), "hello");
    assert_eq!(troubles(), None);
}
