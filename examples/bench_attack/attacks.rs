//! What strangers send. Each attack ends with its token, and says how much it sent and how often it was let through.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::load::{self, Answer, Mint};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// What an attack came to.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) count: AtomicU64,
    /// Allowed, or left to `failure_mode_allow`.
    pub(crate) passed: AtomicU64,
}

/// Calls `one` so often a second until the end, at most 512 at a time, as a client with a bound would.
async fn at_rate<F>(rate: u32, stop: &CancellationToken, mut one: impl FnMut(u64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (mut calls, mut number) = (JoinSet::new(), 0);
    // Ten bursts a millisecond would keep a timer busy: a burst each 5 ms.
    let mut ticks = interval(Duration::from_millis(5));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        while calls.try_join_next().is_some() {}
        for _ in 0..rate.div_ceil(200) {
            if calls.len() < 4096 {
                calls.spawn(one(number));
                number += 1;
            }
        }
    }
    calls.shutdown().await;
}

/// Checks with tokens of this mint, from so many client addresses.
pub(crate) async fn tokens(
    channels: Vec<Channel>,
    mint: Mint,
    role: &'static str,
    (rate, addresses): (u32, u64),
    stop: CancellationToken,
    sent: Arc<Sent>,
) {
    at_rate(rate, &stop, |number| {
        let channel = channels[number as usize % channels.len()].clone();
        let (mint, sent) = (Arc::clone(&mint), Arc::clone(&sent));
        async move {
            let address = Ipv4Addr::from(0xc612_0000 + (number % addresses) as u32).to_string();
            let request = load::check_request(&mint(), role, &address, 1024 + (number % 60_000) as u32);
            sent.count.fetch_add(1, Ordering::Relaxed);
            if load::check(&channel, request).await != Answer::Denied && role == "orders" {
                sent.passed.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
}

/// Logins at the Vault door with tokens of this mint.
pub(crate) async fn logins(address: String, mint: Mint, rate: u32, stop: CancellationToken, sent: Arc<Sent>) {
    let mut clients = JoinSet::new();
    for _ in 0..rate.div_ceil(20) {
        let (address, mint, sent) = (address.clone(), Arc::clone(&mint), Arc::clone(&sent));
        clients.spawn(async move {
            let mut ticks = interval(Duration::from_millis(50));
            let mut stream = TcpStream::connect(&address).await.unwrap();
            loop {
                ticks.tick().await;
                let body = format!(r#"{{"role":"orders","jwt":"{}"}}"#, mint());
                let head = format!(
                    "POST /v1/auth/kubernetes/login HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                sent.count.fetch_add(1, Ordering::Relaxed);
                let mut answer = [0; 4096];
                let asked = async {
                    stream.write_all(format!("{head}{body}").as_bytes()).await?;
                    stream.read(&mut answer).await
                };
                match timeout(Duration::from_secs(10), asked).await {
                    Ok(Ok(1..)) if answer.starts_with(b"HTTP/1.1 200") => {
                        sent.passed.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(Ok(1..)) => {}
                    _ => match TcpStream::connect(&address).await {
                        Ok(new) => stream = new,
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    },
                }
            }
        });
    }
    stop.cancelled().await;
    clients.shutdown().await;
}

/// Connections that say nothing, from one address, kept open and opened again.
pub(crate) async fn silent(address: String, count: usize, stop: CancellationToken, sent: Arc<Sent>) {
    let target: SocketAddr = address.parse().unwrap();
    let mut open: Vec<Option<TcpStream>> = (0..count).map(|_| None).collect();
    while !stop.is_cancelled() {
        for place in &mut open {
            let ended = place.as_ref().is_none_or(|stream| {
                matches!(stream.try_read(&mut [0; 64]), Ok(0)) || stream.peer_addr().is_err()
            });
            if ended {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind(SocketAddr::from(([127, 0, 0, 9], 0))).unwrap();
                *place = timeout(Duration::from_millis(200), socket.connect(target))
                    .await
                    .ok()
                    .and_then(Result::ok);
                sent.count.fetch_add(u64::from(place.is_some()), Ordering::Relaxed);
                if stop.is_cancelled() {
                    return;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Requests that are reset as soon as they are sent, on the connection that honest callers share.
pub(crate) async fn resets(
    channel: Channel,
    mint: Mint,
    rate: u32,
    stop: CancellationToken,
    sent: Arc<Sent>,
) {
    at_rate(rate, &stop, |number| {
        let (channel, mint, sent) = (channel.clone(), Arc::clone(&mint), Arc::clone(&sent));
        async move {
            let request =
                load::check_request(&mint(), "orders", "198.18.0.1", 1024 + (number % 60_000) as u32);
            sent.count.fetch_add(1, Ordering::Relaxed);
            let _reset = timeout(Duration::from_micros(500), load::check(&channel, request)).await;
        }
    })
    .await;
}

/// Checks without a token, as fast as it goes.
pub(crate) async fn rapid(channel: Channel, rate: u32, stop: CancellationToken, sent: Arc<Sent>) {
    at_rate(rate, &stop, |number| {
        let (channel, sent) = (channel.clone(), Arc::clone(&sent));
        async move {
            let request = load::check_request("", "orders", "198.18.0.1", 1024 + (number % 60_000) as u32);
            sent.count.fetch_add(1, Ordering::Relaxed);
            if load::check(&channel, request).await != Answer::Denied {
                sent.passed.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
}

/// Messages that never end: 32 connections with as many requests each, of which a byte comes each second.
pub(crate) async fn slow_bodies(address: String, stop: CancellationToken, sent: Arc<Sent>) {
    let mut connections = JoinSet::new();
    for _ in 0..32 {
        let (address, sent) = (address.clone(), Arc::clone(&sent));
        connections.spawn(async move {
            loop {
                let _ended = slow_connection(&address, &sent).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    stop.cancelled().await;
    connections.shutdown().await;
}

async fn slow_connection(address: &str, sent: &Sent) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut client, connection) = h2::client::handshake(TcpStream::connect(address).await?).await?;
    let driver = tokio::spawn(connection);
    let mut streams = Vec::new();
    for _ in 0..32 {
        client = client.ready().await?;
        let request = Request::post(format!("http://{address}{CHECK}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "1H")
            .body(())?;
        let (answer, mut body) = client.send_request(request, false)?;
        body.send_data(Bytes::from_static(&[0, 0, 1, 0, 0]), false)?;
        sent.count.fetch_add(1, Ordering::Relaxed);
        streams.push((answer, body));
    }
    while !driver.is_finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (_, body) in &mut streams {
            body.send_data(Bytes::from_static(&[0]), false)?;
        }
    }
    Ok(())
}
