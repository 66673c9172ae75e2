//! A connection to a socket of the core, made anew when it breaks.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use super::MAX_MESSAGE_BYTES;
use crate::plugin::seam::CoreError;
use crate::plugin::tls::NAME;

/// How long to connect may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long the core may take for an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// The connection of one mount.
#[derive(Debug)]
pub(super) struct Link {
    address: PathBuf,
    tls: Arc<ClientConfig>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Maybe broken since.
    Connected(Http2),
    /// For good.
    Closed,
}

/// An HTTP/2 connection. Cheap to clone; it ends with its last clone.
#[derive(Debug, Clone)]
struct Http2(SendRequest<Body>);

impl Link {
    /// Connects.
    pub(super) async fn open(address: PathBuf, tls: Arc<ClientConfig>) -> Result<Self, CoreError> {
        let connection = connect(&address, &tls).await?;
        Ok(Self { address, tls, state: Mutex::new(State::Connected(connection)) })
    }

    /// Calls one of the core's methods.
    pub(super) async fn call<A, R>(&self, method: &'static str, message: A) -> Result<R, CoreError>
    where
        A: Message + Send + Sync + 'static,
        R: Message + Default + Send + Sync + 'static,
    {
        let connection = self.connection().await?;
        let origin = Uri::builder().scheme("https").authority(NAME).path_and_query("/").build();
        let origin = origin.map_err(|error| CoreError::Away(error.to_string()))?;
        let mut grpc = Grpc::with_origin(connection, origin)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let asked = async {
            grpc.ready().await.map_err(|error| CoreError::Away(error.to_string()))?;
            let codec = ProstCodec::<A, R>::default();
            let answer =
                grpc.unary(tonic::Request::new(message), PathAndQuery::from_static(method), codec).await;
            answer.map(tonic::Response::into_inner).map_err(refused)
        };
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(CoreError::Away("it does not answer in time".to_owned())),
        }
    }

    /// Ends the connection for good; calls that are under way still have their answers.
    pub(super) fn close(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Closed;
    }

    async fn connection(&self) -> Result<Http2, CoreError> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Connected(connection) if !connection.0.is_closed() => return Ok(connection.clone()),
            State::Connected(_) => {}
            State::Closed => return Err(closed()),
        }
        let connection = connect(&self.address, &self.tls).await?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Closed) {
            return Err(closed());
        }
        *state = State::Connected(connection.clone());
        Ok(connection)
    }
}

fn closed() -> CoreError {
    CoreError::Away("the mount is closed".to_owned())
}

/// A status with a source was made on this side.
fn refused(status: tonic::Status) -> CoreError {
    if std::error::Error::source(&status).is_some() {
        CoreError::Away(crate::errors::with_causes(&status))
    } else {
        CoreError::Refused(status.message().to_owned())
    }
}

async fn connect(address: &PathBuf, tls: &Arc<ClientConfig>) -> Result<Http2, CoreError> {
    let connecting = async {
        let stream = UnixStream::connect(address).await?;
        let name = ServerName::try_from(NAME).map_err(std::io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
        Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)
    };
    match tokio::time::timeout(CONNECT, connecting).await {
        Ok(Ok((sender, connection))) => {
            // Ends with the last sender.
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "the connection to the core broke");
                }
            });
            Ok(Http2(sender))
        }
        Ok(Err(error)) => Err(CoreError::Away(error.to_string())),
        Err(_) => Err(CoreError::Away("it does not take a connection in time".to_owned())),
    }
}

impl tower::Service<Request<Body>> for Http2 {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use tokio::net::UnixListener;

    use super::*;
    use crate::plugin::tls::Tls;

    #[tokio::test(start_paused = true)]
    async fn a_core_that_says_nothing_is_not_waited_for_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("core");
        let _listener = UnixListener::bind(&socket).unwrap();
        let tls = Tls::with(CertificateDer::from(vec![0])).unwrap().client;
        let refused = Link::open(socket, tls).await.unwrap_err();
        assert_eq!(refused, CoreError::Away("it does not take a connection in time".to_owned()));
    }

    #[tokio::test]
    async fn a_socket_that_is_not_there_is_told() {
        let tls = Tls::with(CertificateDer::from(vec![0])).unwrap().client;
        let refused = Link::open("/not/there".into(), tls).await.unwrap_err();
        assert!(matches!(&refused, CoreError::Away(why) if why.contains("No such file")), "{refused}");
    }
}
