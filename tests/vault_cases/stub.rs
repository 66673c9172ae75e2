//! An API server that answers as the scenario says and notes what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::cases::Call;

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// The server of one scenario; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Stub {
    /// Its URL, without a slash at the end.
    pub(crate) url: String,
    state: Arc<State>,
    _serving: AbortOnDropHandle<Infallible>,
}

#[derive(Debug)]
struct State {
    cluster: Value,
    names: BTreeMap<String, String>,
    calls: Mutex<Vec<Call>>,
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped")]
struct Dropped;

impl Stub {
    /// Serves this cluster; `names` are the tokens' names by their texts.
    pub(crate) async fn start(cluster: Value, names: BTreeMap<String, String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { cluster, names, calls: Mutex::default() });
        let serving = AbortOnDropHandle::new(tokio::spawn(serve(listener, Arc::clone(&state))));
        Self { url, state, _serving: serving }
    }

    /// What was asked, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(|request| answer(&state, request));
            // A connection that is dropped ends with an error, as it should.
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let bearer = head.headers.get("authorization").map(|value| value.to_str().unwrap());
    let call = Call {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        bearer: bearer.map(|value| value.strip_prefix("Bearer ").unwrap_or(value).to_owned()),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    // The reference knows of no published keys. They are read in the background, once for each config.
    if call.path != "/openid/v1/jwks" {
        state.calls.lock().unwrap().push(call.clone());
    }
    let answer = state.answer_to(&call);
    let number = |key: &str| answer[key].as_u64();
    tokio::time::sleep(Duration::from_millis(number("delay_ms").unwrap_or_default())).await;
    if answer["drop"] == true {
        return Err(Dropped);
    }
    if let Some(target) = answer["redirect_to"].as_str().filter(|target| *target != call.path) {
        return Ok(Response::builder().status(307).header("location", target).body(Full::default()).unwrap());
    }
    let text = match answer["raw_body"].as_str() {
        Some(raw) => raw.to_owned(),
        None => {
            let pad = usize::try_from(number("pad").unwrap_or_default()).unwrap();
            answer["body"].to_string() + &" ".repeat(pad)
        }
    };
    let status = u16::try_from(number("http_status").unwrap_or(200)).unwrap();
    let response = Response::builder().status(status);
    Ok(if status == 204 {
        response.body(Full::default()).unwrap()
    } else {
        let content_type = answer["content_type"].as_str().unwrap_or("application/json");
        response.header("content-type", content_type).body(Full::from(text)).unwrap()
    })
}

impl State {
    fn answer_to(&self, call: &Call) -> Value {
        let parts: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("POST", _) if call.path == REVIEWS => self.review(&call.body["spec"]),
            (_, ["redirected"]) => self.review(&call.body["spec"]),
            ("GET", ["api", "v1", "namespaces", name]) => {
                self.object("namespaces", name, json!({"name": name}))
            }
            ("GET", ["api", "v1", "namespaces", namespace, "serviceaccounts", name]) => {
                let metadata = json!({"namespace": namespace, "name": name});
                self.object("serviceaccounts", &format!("{namespace}/{name}"), metadata)
            }
            _ => not_found(),
        }
    }

    /// The review under the token's name, else the one for all.
    fn review(&self, spec: &Value) -> Value {
        let reviews = &self.cluster["reviews"];
        let name = spec["token"].as_str().and_then(|token| self.names.get(token));
        let named = name.and_then(|name| reviews.get(name)).or_else(|| reviews.get("*"));
        let unknown = json!({"http_status": 201, "body": {
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
            "status": {"authenticated": false, "error": "no such token"},
        }});
        let mut review = named.cloned().unwrap_or(unknown);
        if let Some(status) = review.pointer_mut("/body/status").and_then(Value::as_object_mut)
            && status.get("audiences").is_some_and(|audiences| audiences == "<asked>")
        {
            status.remove("audiences");
            if spec["audiences"].as_array().is_some_and(|asked| !asked.is_empty()) {
                status.insert("audiences".to_owned(), spec["audiences"].clone());
            }
        }
        review
    }

    /// The object under that key with its listed metadata, or the answer that is listed for it.
    fn object(&self, kind: &str, key: &str, mut metadata: Value) -> Value {
        match self.cluster[kind].get(key) {
            None => not_found(),
            Some(answer) if answer.get("http_status").is_some() => answer.clone(),
            Some(listed) => {
                let listed = listed.as_object().unwrap().clone();
                metadata.as_object_mut().unwrap().extend(listed);
                json!({"http_status": 200, "body": {"apiVersion": "v1", "metadata": metadata}})
            }
        }
    }
}

fn not_found() -> Value {
    json!({"http_status": 404, "body": {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "not found",
        "reason": "NotFound", "code": 404,
    }})
}
