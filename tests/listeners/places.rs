//! Places: one address alone gets all, none keeps others out, and a full listener is seen. Addresses 127.0.0.x are
//! different peers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::net::{Bound, Budget, Limits, Protocol};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;

use super::certificates::Authority;
use super::support::{Client, LONG, Server, listen, soon, until};
use super::tls::{Trust, files};

const STRANGER: u8 = 66;

/// So many places, and no other reason to end a connection that holds one.
fn narrow(protocol: Protocol, places: usize) -> rolegate::net::Listen {
    let mut narrow = listen(protocol, None);
    narrow.limits = Limits { connections: places, handshake: LONG, headers: LONG, ..narrow.limits };
    narrow
}

async fn from(last: u8, addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    let stream = soon("a connection", socket.connect(addr)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

async fn client_from(last: u8, addr: SocketAddr) -> Client {
    Client::http2_over(from(last, addr).await).await.unwrap()
}

async fn silent(count: usize, addr: SocketAddr) -> Vec<TcpStream> {
    let mut silent = Vec::new();
    for _ in 0..count {
        silent.push(from(STRANGER, addr).await);
    }
    silent
}

async fn hello(client: &mut Client) -> Result<Bytes, super::support::Unanswered> {
    soon("an answer or the end", client.send(Bytes::from_static(b"hello"))).await
}

#[tokio::test]
async fn who_holds_all_places_in_silence_keeps_nobody_out() {
    for protocol in [Protocol::Grpc, Protocol::Http1AndHttp2] {
        let bound = Bound::bind(narrow(protocol, 32), &Health::default()).unwrap();
        let server = Server::start(bound, LONG, || std::future::ready(()));
        // Far more than places: they are taken from each other.
        let _silent = silent(200, server.addr).await;
        let mut clients = Vec::new();
        for last in 1..=16 {
            let mut client = client_from(last, server.addr).await;
            assert_eq!(hello(&mut client).await.unwrap(), "hello");
            clients.push(client);
        }
        let _more = silent(200, server.addr).await;
        for client in &mut clients {
            assert_eq!(
                hello(client).await.unwrap(),
                "hello",
                "a stranger's flood ended another's connection"
            );
        }
    }
}

#[tokio::test]
async fn one_address_alone_gets_all_places() {
    let bound = Bound::bind(narrow(Protocol::Grpc, 32), &Health::default()).unwrap();
    let server = Server::start(bound, LONG, || std::future::ready(()));
    let mut clients = Vec::new();
    for _ in 0..32 {
        let mut client = client_from(1, server.addr).await;
        assert_eq!(hello(&mut client).await.unwrap(), "hello");
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(hello(client).await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn a_running_request_of_who_is_within_his_share_is_finished_whoever_comes() {
    let gate = Arc::new(Semaphore::new(0));
    let bound = Bound::bind(narrow(Protocol::Grpc, 4), &Health::default()).unwrap();
    let server = Server::start(bound, LONG, {
        let gate = gate.clone();
        move || {
            let gate = gate.clone();
            async move { gate.acquire().await.unwrap().forget() }
        }
    });
    let mut running = Vec::new();
    for last in 1..=2 {
        let mut client = client_from(last, server.addr).await;
        running.push(tokio::spawn(async move { client.send(Bytes::from(vec![last])).await }));
        until("the handler", async || server.seen.lock().unwrap().contains(&[last][..])).await;
    }
    for _ in 0..3 {
        drop(silent(20, server.addr).await);
    }
    let _silent = silent(20, server.addr).await;
    gate.add_permits(2);
    for (running, last) in running.into_iter().zip(1_u8..) {
        assert_eq!(soon("the answer", running).await.unwrap().unwrap(), [last][..]);
    }
}

#[tokio::test]
async fn who_has_his_share_takes_the_place_of_his_own_longest_idle_connection() {
    let bound = Bound::bind(narrow(Protocol::Grpc, 2), &Health::default()).unwrap();
    let server = Server::start(bound, LONG, || std::future::ready(()));
    let (mut first, mut second) = (client_from(1, server.addr).await, client_from(1, server.addr).await);
    hello(&mut first).await.unwrap();
    // The listener's clock counts milliseconds.
    tokio::time::sleep(Duration::from_millis(3)).await;
    hello(&mut second).await.unwrap();
    let mut third = client_from(1, server.addr).await;
    assert_eq!(hello(&mut third).await.unwrap(), "hello");
    assert_eq!(hello(&mut second).await.unwrap(), "hello");
    until("the end of the first", async || first.again().send(Bytes::new()).await.is_err()).await;
}

#[tokio::test]
async fn a_client_with_a_certificate_connects_at_once_while_strangers_without_one_hold_all_places() {
    let (ca, directory) = (Authority::new(), TempDir::new().unwrap());
    let mut mutual = narrow(Protocol::Grpc, 32);
    mutual.tls = Some(files(directory.path(), &ca.server(&["gate.test"]), Some(&ca)));
    let bound = Bound::bind(mutual, &Health::default()).unwrap();
    let server = Server::start(bound, LONG, || std::future::ready(()));
    let own = ca.client(&["envoy.test"]);
    let trust = Trust { own: Some(&own), ..Trust::of(&ca) };
    let mut held = Client::http2_over(trust.connect(&server).await.unwrap()).await.unwrap();
    hello(&mut held).await.unwrap();
    // From the client's own address: even within its share they go first.
    let mut strangers = silent(100, server.addr).await;
    for _ in 0..100 {
        strangers.push(from(1, server.addr).await);
    }
    for _ in 0..8 {
        assert!(trust.gets_in(&server).await);
    }
    assert_eq!(hello(&mut held).await.unwrap(), "hello");
}

#[tokio::test]
async fn greetings_are_waited_for_a_shorter_time_when_places_are_scarce() {
    let bound = Bound::bind(narrow(Protocol::Http1AndHttp2, 8), &Health::default()).unwrap();
    let server = Server::start(bound, LONG, || std::future::ready(()));
    // Each has its place, and nobody else comes.
    for mut stream in silent(8, server.addr).await {
        let mut rest = Vec::new();
        let ended = soon("the end", stream.read_to_end(&mut rest)).await;
        if ended.is_ok() && rest.is_empty() {
            return;
        }
    }
    panic!("no silent connection was ended");
}

#[tokio::test]
async fn a_full_listener_is_in_readiness_and_metrics() {
    let (health, metrics) = (Health::default(), Metrics::default());
    let mut bound = Bound::bind(narrow(Protocol::Grpc, 16), &health).unwrap();
    let _budget = Budget::divide(&mut [(&mut bound, 1)], 1, &metrics);
    let server = Server::start(bound, LONG, || std::future::ready(()));
    let mut client = client_from(1, server.addr).await;
    hello(&mut client).await.unwrap();
    assert_eq!(health.troubles().len(), 0);
    let text = metrics.render();
    assert!(text.contains("rolegate_listener_connections{listener=\"test\"} 1\n"), "{text}");
    assert!(text.contains("rolegate_listener_places{listener=\"test\"} 16\n"), "{text}");

    let _silent = silent(40, server.addr).await;
    until("the trouble", async || health.troubles().contains_key("listener test connections")).await;
    let text = metrics.render();
    let displaced = "rolegate_listener_closed_connections_total{listener=\"test\",cause=\"displaced\"} ";
    let count = text.lines().find_map(|line| line.strip_prefix(displaced)).unwrap().parse::<u32>().unwrap();
    assert!(count > 0, "{text}");
}
