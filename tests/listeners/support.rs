//! A listener and its clients.

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rolegate::health::Health;
use rolegate::net::{Bound, Limits, Listen, Protocol, TlsFiles};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything that must happen may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A grace period that no test waits for.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Waits for what must happen.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited for too long: {what}"))
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    soon(what, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// What to bind on a free port of the loopback.
pub(crate) fn listen(protocol: Protocol, tls: Option<TlsFiles>) -> Listen {
    let limits = Limits { reload: Duration::from_millis(10), ..Limits::default() };
    Listen { name: "test", addr: SocketAddr::from(([127, 0, 0, 1], 0)), tls, protocol, limits }
}

/// A listener that runs.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<usize>,
    /// The bodies of all requests that reached the handler.
    pub(crate) seen: Arc<Mutex<HashSet<Bytes>>>,
}

impl Server {
    /// Answers each request with its own body after `work`.
    pub(crate) fn start<W, F>(bound: Bound, grace: Duration, work: W) -> Self
    where
        W: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let addr = bound.local_addr();
        let stop = CancellationToken::new();
        let seen = Arc::new(Mutex::new(HashSet::new()));
        let served = tokio::spawn({
            let (stop, seen) = (stop.clone(), seen.clone());
            async move { bound.serve(move |_| echo(seen.clone(), work.clone()), stop, grace).await }
        });
        Self { addr, stop, served, seen }
    }

    pub(crate) fn echoing(protocol: Protocol) -> Self {
        let bound = Bound::bind(listen(protocol, None), &Health::default()).unwrap();
        Self::start(bound, LONG, || std::future::ready(()))
    }

    /// Stops, and says how many connections were cut.
    pub(crate) async fn stopped(self) -> usize {
        self.stop.cancel();
        soon("the end of the drain", self.served).await.unwrap()
    }
}

fn echo<W, F>(
    seen: Arc<Mutex<HashSet<Bytes>>>,
    work: W,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<Full<Bytes>>,
    Error = Infallible,
    Future: Send + 'static,
> + Send
+ 'static
where
    W: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let (seen, work) = (seen.clone(), work.clone());
        async move {
            let body = request.into_body().collect().await;
            let body = body.map_or_else(|error| format!("broken: {error:?}").into(), |body| body.to_bytes());
            seen.lock().unwrap().insert(body.clone());
            work().await;
            Ok(Response::new(Full::new(body)))
        }
    })
}

/// Why a client got no answer.
pub(crate) type Unanswered = Box<dyn std::error::Error + Send + Sync>;

/// A client's connection. HTTP/2 is h2's own client: it tells each request its end, and takes none back.
pub(crate) enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(h2::client::SendRequest<Bytes>),
}

impl Client {
    pub(crate) async fn http1(addr: SocketAddr) -> Self {
        let io = TokioIo::new(connect(addr).await);
        let (sender, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        Self::Http1(sender)
    }

    pub(crate) async fn http2(addr: SocketAddr) -> Self {
        Self::http2_over(connect(addr).await).await.unwrap()
    }

    pub(crate) async fn http2_over(
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, Unanswered> {
        let (sender, connection) = h2::client::handshake(io).await?;
        tokio::spawn(connection);
        Ok(Self::Http2(sender))
    }

    /// Sends a body, and gives back the answer's once it is complete.
    pub(crate) async fn send(&mut self, body: Bytes) -> Result<Bytes, Unanswered> {
        let request = Request::post("http://gate.test/").header("host", "gate.test");
        self.request(request.body(body)?).await
    }

    /// Sends a request, and gives back the answer's body once it is complete.
    pub(crate) async fn request(&mut self, request: Request<Bytes>) -> Result<Bytes, Unanswered> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                let answer = sender.send_request(request.map(Full::new)).await?;
                assert_eq!(answer.status(), 200);
                Ok(answer.into_body().collect().await?.to_bytes())
            }
            Self::Http2(sender) => {
                let mut sender = sender.clone().ready().await?;
                let (head, body) = request.into_parts();
                let (answer, mut sending) = sender.send_request(Request::from_parts(head, ()), false)?;
                sending.send_data(body, true)?;
                let answer = answer.await?;
                assert_eq!(answer.status(), 200);
                let mut receiving = answer.into_body();
                let mut received = Vec::new();
                while let Some(data) = receiving.data().await {
                    let data = data?;
                    receiving.flow_control().release_capacity(data.len())?;
                    received.extend(data);
                }
                Ok(received.into())
            }
        }
    }

    /// A second handle on an HTTP/2 connection.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Http2(sender) => Self::Http2(sender.clone()),
            Self::Http1(_) => panic!("HTTP/1 has one request at a time"),
        }
    }
}

/// Without delays, so that headers and body written one after the other do not wait for each other.
async fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
