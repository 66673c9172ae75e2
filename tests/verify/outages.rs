//! API servers that fail: connections that died, the circuit breaker, and who can bring it about.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::HeaderValue;
use rolegate::core::mount::Mount;
use rolegate::core::reason::Undecided;
use rolegate::verify::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::api_server::{ApiServer, Asked, confirmed, failure, json_answer, text_answer};
use crate::house::{House, mount, name, settings};
use crate::support::within;

/// What becomes of a connection at its second question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Second {
    /// It is read, and never answered.
    Silent,
    /// The connection is reset.
    Reset,
}

/// Each connection that ends, by how it ended.
type Ended = mpsc::UnboundedReceiver<&'static str>;

/// A server that answers the first question of each connection.
async fn server_of_first_questions(second: Second) -> (Arc<Mount>, Ended, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mount = mount(&format!("http://{}", listener.local_addr().unwrap()));
    let (tell, ended) = mpsc::unbounded_channel();
    let serving = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            connections.spawn(async move { tell.send(serve(stream, second).await) });
        }
    });
    (mount, ended, AbortOnDropHandle::new(serving))
}

async fn serve(mut stream: TcpStream, second: Second) -> &'static str {
    let Some(asked) = question(&mut stream).await else { return "unused" };
    let token = asked.split("\"token\":\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = format!(
        r#"{{"kind":"TokenReview","status":{{"authenticated":true,"audiences":["api"],"user":{{"username":"system:serviceaccount:shop:{token}","uid":"u-1"}}}}}}"#
    );
    let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", answer.len());
    stream.write_all((head + &answer).as_bytes()).await.unwrap();
    if question(&mut stream).await.is_none() {
        return "closed while idle";
    }
    if second == Second::Reset {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        return "reset";
    }
    match stream.read(&mut [0]).await {
        Ok(0) => "given up",
        Err(error) if error.kind() == ErrorKind::ConnectionReset => "given up",
        other => panic!("{other:?}"),
    }
}

/// A request to the end of its JSON; none where the client has closed the connection.
async fn question(stream: &mut TcpStream) -> Option<String> {
    let mut asked = Vec::new();
    while !asked.ends_with(b"}}") {
        if stream.read_buf(&mut asked).await.ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8(asked).unwrap())
}

/// Asks so many questions at a time, so that there are as many connections.
async fn warm(house: &House, mount: &Arc<Mount>, server: &ApiServer, connections: usize) {
    server.hold();
    let mut asks = JoinSet::new();
    for number in 0..connections {
        let (house, mount) = (house.clone(), Arc::clone(mount));
        asks.spawn(async move { house.cached(&mount, &format!("warm{number}")).await.unwrap() });
    }
    server.asked_times(connections).await;
    server.release_all();
    asks.join_all().await;
}

#[tokio::test]
async fn a_kept_connection_that_died_costs_nobody_an_answer() {
    for (second, end) in [(Second::Reset, "reset"), (Second::Silent, "given up")] {
        let (mount, mut ended, _serving) = server_of_first_questions(second).await;
        let house = House::with(Settings { timeout: Duration::from_secs(20), ..settings() });
        for number in 0..4 {
            let token = format!("t{number}");
            assert_eq!(name(&house.cached(&mount, &token).await), token);
        }
        assert_eq!(within("the dead connection", ended.recv()).await, Some(end));
        assert_eq!(house.trouble(), None);
    }
}

#[tokio::test]
async fn where_one_kept_connection_died_the_others_are_not_used_again() {
    let dropped = AtomicBool::new(false);
    let server = ApiServer::start(move |asked: &Asked| {
        let dies = asked.token() == "next" && !dropped.swap(true, Ordering::SeqCst);
        (!dies).then(|| confirmed(asked))
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    warm(&house, &mount, &server, 5).await;
    assert_eq!(server.connections(), 5);
    for (token, connections) in [("next", 6), ("after", 7), ("later", 7)] {
        assert_eq!(name(&house.cached(&mount, token).await), token);
        assert_eq!(server.connections(), connections, "{token}");
    }
}

/// A mount's breaker, as readiness has it.
fn is_open(house: &House) -> bool {
    house.health.troubles().contains_key("mount kubernetes circuit breaker")
}

/// How often the server was asked for tokens that begin like this.
fn asked_for(server: &ApiServer, start: &str) -> usize {
    server.asked().iter().filter(|asked| asked.token().starts_with(start)).count()
}

/// Asks for new tokens until the breaker is open, or is not.
async fn until_open(house: &House, mount: &Arc<Mount>, open: bool) {
    for number in 0..200 {
        if is_open(house) == open {
            return;
        }
        let _outcome = house.cached(mount, &format!("until-{open}-{number}")).await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the breaker does not change");
}

#[tokio::test]
async fn a_dead_server_is_not_asked_for_callers_until_a_probe_of_rolegates_own_succeeds() {
    let server = ApiServer::confirming().await;
    let house = House::with(Settings { timeout: Duration::from_millis(300), ..settings() });
    let mount = mount(&server.url());
    warm(&house, &mount, &server, 3).await;
    server.hold();
    until_open(&house, &mount, true).await;
    for number in 0..20 {
        let outcome = house.cached(&mount, &format!("open{number}")).await;
        assert_eq!(outcome.unwrap_err(), Undecided::ApiServerNoAnswer);
    }
    assert_eq!(asked_for(&server, "open"), 0, "all were answered without it");
    assert_ne!(asked_for(&server, "reviewer"), 0, "it was probed with a token that no caller has sent");
    server.release_all();
    until_open(&house, &mount, false).await;
    assert_eq!(name(&house.cached(&mount, "good").await), "good");
}

#[tokio::test]
async fn tokens_that_fail_one_by_one_do_not_open_the_breaker() {
    let server = ApiServer::start(|asked: &Asked| {
        let is_odd = asked.token().starts_with("odd");
        Some(if is_odd { json_answer(503, &failure(503)) } else { confirmed(asked) })
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    for round in 0..3 {
        for number in 0..5 {
            let outcome = house.cached(&mount, &format!("odd{round}-{number}")).await;
            assert_eq!(outcome.unwrap_err(), Undecided::ApiServerError);
        }
        let probed = async {
            while asked_for(&server, "reviewer") <= round {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within("a probe", probed).await;
        assert!(!is_open(&house));
    }
    assert_eq!(asked_for(&server, "odd"), 15);
    assert_eq!(name(&house.cached(&mount, "good").await), "good");
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is_left_alone() {
    let server = ApiServer::start(|asked: &Asked| {
        if asked.token() != "first" {
            return Some(confirmed(asked));
        }
        let mut answer = json_answer(429, &failure(429));
        answer.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
        Some(answer)
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    for token in ["first", "held0", "held1"] {
        assert_eq!(house.cached(&mount, token).await.unwrap_err(), Undecided::Overloaded);
    }
    assert_eq!(asked_for(&server, "held"), 0);
    until_open(&house, &mount, false).await;
    assert_eq!(asked_for(&server, "reviewer"), 1, "one question goes first");
    assert_eq!(name(&house.cached(&mount, "good").await), "good");
}

#[tokio::test]
async fn an_answer_that_a_token_makes_too_large_is_no_trouble_of_the_server() {
    let server = ApiServer::start(|asked: &Asked| {
        let is_odd = asked.token().starts_with("odd");
        Some(if is_odd { text_answer(201, " ".repeat(2 << 20)) } else { confirmed(asked) })
    })
    .await;
    let (house, mount) = (House::new(), mount(&server.url()));
    for number in 0..5 {
        let outcome = house.cached(&mount, &format!("odd{number}")).await;
        assert_eq!(outcome.unwrap_err(), Undecided::ApiServerError);
        assert!(!Undecided::ApiServerError.may_open());
        assert!(house.health.troubles().is_empty());
    }
    assert_eq!(name(&house.cached(&mount, "good").await), "good");
}

#[tokio::test]
async fn a_server_is_found_by_its_name() {
    let server = ApiServer::confirming().await;
    let mount = mount(&format!("http://localhost:{}", server.address.port()));
    assert_eq!(name(&House::new().cached(&mount, "orders").await), "orders");
}

#[tokio::test]
async fn only_a_question_that_had_all_its_time_says_that_a_server_is_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mount = mount(&format!("http://{}", gone.local_addr().unwrap()));
    drop(gone);
    let house = House::new();
    assert_eq!(house.cached(&mount, "a").await.unwrap_err(), Undecided::ApiServerUnreachable);
    until_open(&house, &mount, true).await;
    let outcome = house.cached(&mount, "b").await;
    assert_eq!(outcome.unwrap_err(), Undecided::ApiServerUnreachable, "the breaker has the probe's cause");
}
