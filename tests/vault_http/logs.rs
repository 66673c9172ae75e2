//! What a request leaves in the log.

use std::cell::RefCell;
use std::future::Future;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Once};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use rolegate::vault::Handle;
use rolegate::vault::outcome::{Answer, Outcome};
use serde_json::Value;

use crate::support::{ID, door};

/// Panics with what it was given, or has nothing to say.
#[derive(Debug)]
struct Handler {
    panics: bool,
}

impl Handle for Handler {
    fn handle(
        &self,
        request: rolegate::vault::request::Request,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async move {
            assert!(!self.panics, "on purpose: {:?}", request.data);
            Answer::default().into()
        })
    }
}

thread_local! {
    /// What this thread's test has logged.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One for all tests of this program: with several, tracing may remember of a line that nobody wants it.
fn listen() {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .without_time()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| Lines)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        // Of lines that were met before.
        tracing::callsite::rebuild_interest_cache();
    });
}

/// The lines that a login with secrets in all places leaves, at every level.
async fn logged(panics: bool) -> Vec<Value> {
    listen();
    let door = door(Arc::new(Handler { panics }), "{}", Default::default(), Default::default());
    let login = Request::put("/v1/auth/kubernetes/login?jwt=hunter2")
        .header("x-vault-token", "hunter2")
        .body(Full::new(Bytes::from_static(b"{\"jwt\":\"hunter2\"}")))
        .unwrap();
    let answer = door.answer(login, SocketAddr::from((Ipv4Addr::LOCALHOST, 1))).await;
    assert_eq!(answer.status(), if panics { 500 } else { 204 });
    let text = String::from_utf8(LINES.take()).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_request_leaves_one_line_at_debug_without_its_secrets() {
    let lines = logged(false).await;
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for (key, expected) in [
        ("level", "DEBUG"),
        ("message", "answered"),
        ("request_id", ID),
        ("operation", "write"),
        ("path", "/v1/auth/kubernetes/login"),
    ] {
        assert_eq!(line[key], expected, "{line}");
    }
    assert_eq!(line["status"], 204);
}

#[tokio::test]
async fn a_panic_leaves_an_error_with_the_requests_id_and_not_its_words() {
    let lines = logged(true).await;
    let told: Vec<_> = lines.iter().map(|line| (&line["level"], &line["message"])).collect();
    let (error, debug) = (Value::from("ERROR"), Value::from("DEBUG"));
    let (panicked, answered) = (Value::from("a request panicked"), Value::from("answered"));
    assert_eq!(told, [(&error, &panicked), (&debug, &answered)]);
    assert_eq!(lines[0]["request_id"], ID);
}
