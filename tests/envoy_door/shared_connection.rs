//! One connection carries the requests of all callers of an Envoy: what one of them brings about is not felt by others.

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use prost::Message as _;
use tokio::net::TcpStream;

use crate::frames::{CHECK, Connection, DATA, RST_STREAM, WINDOW_UPDATE, call, frame, message, reset};
use crate::raw::framed;
use crate::support::{ApiServer, Served, good_request, soon, told};

/// How many decisions were made.
fn decisions(served: &Served) -> usize {
    let text = served.metrics.render();
    let counts = text.lines().filter(|line| line.starts_with("rolegate_decisions_total{"));
    counts.map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()).sum()
}

#[tokio::test]
async fn ten_thousand_requests_reset_in_one_write_neither_end_the_connection_nor_leave_anything_behind() {
    let served = Served::new("{}");
    let mut connection = Connection::open(&served, None).await;
    let mut flood = Vec::new();
    for number in 0..10_000 {
        let stream = 2 * number + 1;
        flood.extend(call(stream, CHECK, "rolegate", &[]));
        flood.extend(reset(stream));
    }
    connection.send(&flood).await;
    let last = [call(20_001, CHECK, "rolegate", &[]), message(20_001, &good_request().encode_to_vec())];
    connection.send(&last.concat()).await;
    assert_eq!(told(&connection.answer(20_001).await), "allow allowed");
    assert_eq!(decisions(&served), 1);
    assert_eq!(served.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_whole_request_that_comes_with_its_reset_is_not_decided() {
    const REQUESTS: usize = 1000;
    let served = Served::new("{}");
    served.api_server(ApiServer::Hangs);
    let mut connection = Connection::open(&served, None).await;
    let good = good_request().encode_to_vec();
    let mut flood = Vec::new();
    for stream in (1..).step_by(2).take(REQUESTS) {
        flood.extend([call(stream, CHECK, "rolegate", &[]), message(stream, &good), reset(stream)].concat());
    }
    connection.send(&flood).await;
    connection.ping().await;
    served.api_server(ApiServer::Confirms);
    let last = [call(9999, CHECK, "rolegate", &[]), message(9999, &good)].concat();
    connection.send(&last).await;
    assert_eq!(told(&connection.answer(9999).await), "allow allowed");
    // A request whose reset was not read together with it waits for its review until the reset comes: no decision, too.
    assert_eq!(decisions(&served), 1);
}

#[tokio::test]
async fn requests_that_the_http_library_refuses_are_reset_alone_however_many_there_are() {
    let served = Served::new("{}");
    let mut connection = Connection::open(&served, None).await;
    for stream in (1..).step_by(2).take(3000) {
        connection.send(&call(stream, CHECK, "outbound|9191||rolegate", &[])).await;
        assert_eq!(
            connection.expect(RST_STREAM, stream).await.payload,
            1_u32.to_be_bytes(),
            "PROTOCOL_ERROR"
        );
    }
    let last = [call(9999, CHECK, "rolegate", &[]), message(9999, &good_request().encode_to_vec())].concat();
    connection.send(&last).await;
    assert_eq!(told(&connection.answer(9999).await), "allow allowed");
    let counted = "rolegate_rejected_requests_total{listener=\"envoy\",cause=\"malformed\"} 3000\n";
    assert!(served.metrics.render().contains(counted));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_peer_makes_no_room_for_is_given_up_and_others_are_answered() {
    let good = good_request().encode_to_vec();
    for window in [0, 1, 100] {
        let served = Served::new("{}");
        let mut connection = Connection::open(&served, Some(window)).await;
        let checks = [
            call(1, CHECK, "rolegate", &[]),
            message(1, &good),
            call(3, CHECK, "rolegate", &[]),
            frame(WINDOW_UPDATE, 0, 3, &100_000_u32.to_be_bytes()),
            message(3, &good),
        ];
        connection.send(&checks.concat()).await;
        assert_eq!(told(&connection.answer(3).await), "allow allowed", "{window}");
        connection.expect(RST_STREAM, 1).await;
        let later = [
            call(5, CHECK, "rolegate", &[]),
            frame(WINDOW_UPDATE, 0, 5, &100_000_u32.to_be_bytes()),
            message(5, &good),
        ];
        connection.send(&later.concat()).await;
        assert_eq!(told(&connection.answer(5).await), "allow allowed", "{window}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_message_is_given_up_after_ten_seconds_whatever_grpc_timeout_says() {
    let served = Served::new("{}");
    let half = framed(0, &good_request().encode_to_vec()).slice(..20);
    for timeout in [&[("grpc-timeout", "1H")][..], &[("grpc-timeout", "99999999H")], &[]] {
        let mut connection = Connection::open(&served, None).await;
        let began = tokio::time::Instant::now();
        let sent = [call(1, CHECK, "rolegate", timeout), frame(DATA, 0, 1, &half)].concat();
        connection.send(&sent).await;
        assert_eq!(told(&connection.answer(1).await), "denied 503 deadline");
        assert_eq!(began.elapsed().as_secs(), 10);
    }
}

#[tokio::test]
async fn the_messages_that_one_connection_holds_are_bounded_and_others_are_read() {
    const LENGTH: usize = 1 << 20;
    let served = Served::new("{}");
    let (mut sender, connection) =
        soon(h2::client::handshake(TcpStream::connect(served.addr).await.unwrap())).await.unwrap();
    tokio::spawn(connection);
    let part = Bytes::from([&[0][..], &(LENGTH as u32).to_be_bytes(), &vec![b'x'; LENGTH - 1]].concat());
    let head = || {
        http::Request::post(format!("http://rolegate.test{CHECK}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap()
    };
    // 40 MiB, less a byte of each message, where a connection may hold 32 MiB.
    let mut waiting = FuturesUnordered::new();
    let mut open = Vec::new();
    for _ in 0..40 {
        sender = soon(sender.ready()).await.unwrap();
        let (answer, mut body) = sender.send_request(head(), false).unwrap();
        body.send_data(part.clone(), false).unwrap();
        waiting.push(answer);
        open.push(body);
    }
    let first = soon(waiting.next()).await.unwrap().unwrap();
    let mut body = first.into_body();
    let mut answer = Vec::new();
    while let Some(data) = soon(body.data()).await {
        answer.extend(data.unwrap());
    }
    let answer = envoy_types::pb::envoy::service::auth::v3::CheckResponse::decode(&answer[5..]).unwrap();
    assert_eq!(told(&answer), "denied 503 overloaded");

    let (answer, mut body) = soon(sender.ready()).await.unwrap().send_request(head(), false).unwrap();
    body.send_data(framed(0, &good_request().encode_to_vec()), true).unwrap();
    let mut body = soon(answer).await.unwrap().into_body();
    let mut answer = Vec::new();
    while let Some(data) = soon(body.data()).await {
        answer.extend(data.unwrap());
    }
    let answer = envoy_types::pb::envoy::service::auth::v3::CheckResponse::decode(&answer[5..]).unwrap();
    assert_eq!(told(&answer), "allow allowed");
}
