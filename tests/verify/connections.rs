//! Connections to an API server: kept, and not used once they have ended.

use std::time::Duration;

use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::api_server::{ApiServer, confirmed};
use crate::house::{House, mount};
use crate::support::within;

/// Asks five questions after each other: how many the server was asked, and over how many connections.
async fn five_questions(server: &ApiServer) -> (usize, usize) {
    let (house, mount) = (House::new(), mount(&server.url()));
    for number in 0..5 {
        house.cached(&mount, &format!("t{number}")).await.unwrap();
    }
    (server.asked().len(), server.connections())
}

#[tokio::test]
async fn questions_after_each_other_go_over_one_connection() {
    let server = ApiServer::confirming().await;
    assert_eq!(five_questions(&server).await, (5, 1));
}

#[tokio::test]
async fn a_connection_that_the_server_says_it_closes_is_not_used_again() {
    let closing = |mut answer: http::Response<_>| {
        answer.headers_mut().insert("connection", HeaderValue::from_static("close"));
        answer
    };
    let server = ApiServer::start(move |asked| Some(closing(confirmed(asked)))).await;
    assert_eq!(five_questions(&server).await, (5, 5));
}

#[tokio::test]
async fn a_connection_that_was_closed_while_nobody_asked_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (closed, mut closes) = mpsc::unbounded_channel();
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            // The end of the question's JSON.
            while !asked.ends_with(b"}}") {
                assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
            }
            let answer = r#"{"kind":"TokenReview","status":{"authenticated":false}}"#;
            let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all((head + answer).as_bytes()).await.unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    let (house, mount) = (House::new(), mount(&url));
    for number in 0..5 {
        house.cached(&mount, &format!("t{number}")).await.unwrap();
        within("the close", closes.recv()).await.unwrap();
        // The runtime looks at its sockets when it has nothing else to do.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    serving.abort();
}
