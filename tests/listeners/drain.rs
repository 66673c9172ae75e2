//! Stopping: what runs is finished, what cannot be is refused whole.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rolegate::health::Health;
use rolegate::net::{Bound, Protocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::certificates::Authority;
use super::support::{Client, LONG, Server, listen, soon};
use super::tls::files;

/// Answers that must have come before the stop, so that it falls into full load.
const UNDER_LOAD: u32 = 1000;

async fn work() {
    tokio::time::sleep(Duration::from_micros(500)).await;
}

/// Sends one request after the other until one gets no answer, which must not have been processed.
async fn load(mut client: Client, name: String, server: Arc<Server>, answered: Arc<Semaphore>) {
    for number in 0_usize.. {
        let mut body = format!("{name} {number} ").into_bytes();
        body.resize(body.len() + number % 7 * 5000, b'.');
        let body = Bytes::from(body);
        match soon("an answer", client.send(body.clone())).await {
            Ok(answer) => {
                assert_eq!(answer, body);
                answered.add_permits(1);
            }
            Err(error) => {
                assert!(server.stop.is_cancelled(), "{name} failed while serving: {error:?}");
                let lost = server.seen.lock().unwrap().contains(&body);
                assert!(!lost, "{name}: request {number} was processed and its answer lost: {error:?}");
                return;
            }
        }
    }
}

async fn stop_under_load(server: Server, clients: Vec<Client>) {
    let server = Arc::new(server);
    let answered = Arc::new(Semaphore::new(0));
    let mut loads = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        loads.spawn(load(client, format!("client {number}"), server.clone(), answered.clone()));
    }
    drop(soon("load", answered.acquire_many(UNDER_LOAD)).await.unwrap());
    server.stop.cancel();
    while let Some(load) = soon("the end of the load", loads.join_next()).await {
        load.unwrap();
    }
    let server = Arc::into_inner(server).unwrap();
    let seen = server.seen.clone();
    assert_eq!(server.stopped().await, 0, "nothing had to be cut");
    assert_eq!(seen.lock().unwrap().len(), answered.available_permits(), "processed and answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_http2_request_is_lost_in_a_stop_under_load() {
    for protocol in [Protocol::Grpc, Protocol::Http1AndHttp2] {
        for _ in 0..5 {
            let bound = Bound::bind(listen(protocol, None), &Health::default()).unwrap();
            let server = Server::start(bound, LONG, work);
            let mut clients = Vec::new();
            for _ in 0..4 {
                let client = Client::http2(server.addr).await;
                clients.extend((0..16).map(|_| client.again()));
            }
            stop_under_load(server, clients).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_http1_request_is_lost_in_a_stop_under_load() {
    for _ in 0..5 {
        let bound = Bound::bind(listen(Protocol::Http1AndHttp2, None), &Health::default()).unwrap();
        let server = Server::start(bound, LONG, work);
        let mut clients = Vec::new();
        for _ in 0..32 {
            clients.push(Client::http1(server.addr).await);
        }
        stop_under_load(server, clients).await;
    }
}

#[tokio::test]
async fn a_request_that_waits_in_the_backlog_at_the_stop_is_answered() {
    let bound = Bound::bind(listen(Protocol::Grpc, None), &Health::default()).unwrap();
    let mut client = Client::http2(bound.local_addr()).await;
    let mut answer = std::pin::pin!(client.send(Bytes::from_static(b"early")));
    // On this one thread nobody else runs: after these turns the request is in the socket's buffer.
    for _ in 0..100 {
        tokio::select! {
            biased;
            answer = &mut answer => panic!("nobody serves yet: {answer:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    let server = Server::start(bound, LONG, || std::future::ready(()));
    server.stop.cancel();
    assert_eq!(soon("the answer", answer).await.unwrap(), "early");
    assert_eq!(server.stopped().await, 0);
}

#[tokio::test]
async fn a_running_request_is_finished_and_the_port_is_closed_meanwhile() {
    let gate = Arc::new(Semaphore::new(0));
    let bound = Bound::bind(listen(Protocol::Grpc, None), &Health::default()).unwrap();
    let server = Server::start(bound, LONG, {
        let gate = gate.clone();
        move || {
            let gate = gate.clone();
            async move { gate.acquire().await.unwrap().forget() }
        }
    });
    let mut client = Client::http2(server.addr).await;
    let request = tokio::spawn(async move { client.send(Bytes::from_static(b"slow")).await });
    soon("the handler", async {
        while server.seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.stop.cancel();
    soon("a refused connection", async {
        while TcpStream::connect(server.addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!request.is_finished());
    gate.add_permits(1);
    assert_eq!(soon("the answer", request).await.unwrap().unwrap(), "slow");
    assert_eq!(server.stopped().await, 0);
}

#[tokio::test]
async fn who_has_no_running_request_holds_up_no_stop() {
    for protocol in [Protocol::Grpc, Protocol::Http1AndHttp2] {
        let mut patient = listen(protocol, None);
        (patient.limits.handshake, patient.limits.headers) = (LONG, LONG);
        let bound = Bound::bind(patient, &Health::default()).unwrap();
        let server = Server::start(bound, LONG, || std::future::ready(()));
        let mut streams = Vec::new();
        for beginning in [
            "",
            "P",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
            // The whole preface and empty settings, which nobody acknowledges.
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            "GET / HTTP/1.1\r\nhost: gate.te",
        ] {
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.write_all(beginning.as_bytes()).await.unwrap();
            streams.push(stream);
        }
        if protocol == Protocol::Http1AndHttp2 {
            // Answered, kept alive, and never closed by the client.
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n").await.unwrap();
            assert!(soon("the answer", stream.read_u8()).await.is_ok());
            streams.push(stream);
        }
        assert_eq!(server.stopped().await, 0, "the grace period is far longer than a test may take");
        drop(streams);
    }
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_holds_up_no_stop() {
    let (ca, directory) = (Authority::new(), tempfile::TempDir::new().unwrap());
    let pair = ca.server(&["gate.test"]);
    let mut patient = listen(Protocol::Grpc, Some(files(directory.path(), &pair, None)));
    patient.limits.handshake = LONG;
    let bound = Bound::bind(patient, &Health::default()).unwrap();
    let server = Server::start(bound, LONG, || std::future::ready(()));
    let _silent = TcpStream::connect(server.addr).await.unwrap();
    let mut begun = TcpStream::connect(server.addr).await.unwrap();
    begun.write_all(b"\x16\x03\x01").await.unwrap();
    assert_eq!(server.stopped().await, 0);
}

#[tokio::test]
async fn what_does_not_finish_within_the_grace_period_is_cut_and_counted() {
    for protocol in [Protocol::Grpc, Protocol::Http1AndHttp2] {
        let bound = Bound::bind(listen(protocol, None), &Health::default()).unwrap();
        let server = Server::start(bound, Duration::from_millis(20), std::future::pending);
        let mut stuck = Vec::new();
        for body in ["one", "two"] {
            let mut client = Client::http2(server.addr).await;
            stuck.push(tokio::spawn(async move { client.send(Bytes::from_static(body.as_bytes())).await }));
        }
        soon("both handlers", async {
            while server.seen.lock().unwrap().len() < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(server.stopped().await, 2);
        for request in stuck {
            soon("the cut", request).await.unwrap().unwrap_err();
        }
    }
}
