//! The core's own socket: storage in memory, and a system view.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use rolegate::plugin::wire::pb;
use rustls_pki_types::CertificateDer;
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, server::Grpc};
use tonic_prost::ProstCodec;

use crate::core::Identity;

/// A socket that serves one mount until it is dropped.
pub(crate) struct Storage {
    pub(crate) socket: PathBuf,
    pub(crate) entries: Entries,
    pub(crate) asked: Asked,
    identity: Arc<rustls::ServerConfig>,
    serving: Mutex<AbortOnDropHandle<()>>,
}

pub(crate) type Entries = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// The methods that were called.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

type Answer = http::Response<tonic::body::Body>;

impl Storage {
    pub(crate) fn serve(identity: &Identity, plugin: &CertificateDer<'static>, directory: &Path) -> Self {
        let socket = directory.join(format!("core-{:08x}", getrandom::u32().unwrap()));
        let (identity, entries) = (Arc::new(identity.server(plugin)), Entries::default());
        let asked = Asked::default();
        let serving = Mutex::new(serving(&socket, &identity, &entries, &asked));
        Self { socket, entries, asked, identity, serving }
    }

    /// Breaks every connection, and listens again.
    pub(crate) async fn interrupt(&self) {
        self.serving.lock().unwrap().abort();
        crate::support::eventually("the end of all connections", async || {
            self.serving.lock().unwrap().is_finished().then_some(())
        })
        .await;
        std::fs::remove_file(&self.socket).unwrap();
        *self.serving.lock().unwrap() = serving(&self.socket, &self.identity, &self.entries, &self.asked);
    }
}

fn serving(
    socket: &Path,
    tls: &Arc<rustls::ServerConfig>,
    entries: &Entries,
    asked: &Asked,
) -> AbortOnDropHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(tls));
    let (entries, asked) = (Arc::clone(entries), Arc::clone(asked));
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, entries, asked) = (acceptor.clone(), Arc::clone(&entries), Arc::clone(&asked));
            connections.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
                    asked.lock().unwrap().push(request.uri().path().to_owned());
                    answer(Arc::clone(&entries), request)
                });
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }))
}

async fn answer(entries: Entries, request: http::Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path().to_owned();
    Ok(match path.as_str() {
        "/pb.Storage/Get" => {
            unary(request, |args: pb::StorageGetArgs| {
                let value = entries.lock().unwrap().get(&args.key).cloned();
                let entry = value.map(|value| pb::StorageEntry { key: args.key, value, seal_wrap: false });
                pb::StorageGetReply { entry, err: String::new() }
            })
            .await
        }
        "/pb.Storage/Put" => {
            unary(request, |args: pb::StoragePutArgs| {
                let entry = args.entry.unwrap();
                if entry.key == "refused" {
                    return pb::StoragePutReply { err: "cannot write to readonly storage".to_owned() };
                }
                entries.lock().unwrap().insert(entry.key, entry.value);
                pb::StoragePutReply::default()
            })
            .await
        }
        "/pb.Storage/Delete" => {
            unary(request, |args: pb::StorageDeleteArgs| {
                entries.lock().unwrap().remove(&args.key);
                pb::StorageDeleteReply::default()
            })
            .await
        }
        "/pb.Storage/List" => {
            unary(request, |args: pb::StorageListArgs| {
                let entries = entries.lock().unwrap();
                let keys = entries.keys().filter_map(|key| key.strip_prefix(&args.prefix));
                pb::StorageListReply { keys: keys.map(str::to_owned).collect(), err: String::new() }
            })
            .await
        }
        "/pb.SystemView/MaxLeaseTTL" => {
            unary(request, |_: pb::Empty| pb::TtlReply { ttl: 2_764_800_000_000_000 }).await
        }
        _ => Status::unimplemented("no such method").into_http(),
    })
}

async fn unary<A, R>(request: http::Request<Incoming>, answer: impl Fn(A) -> R) -> Answer
where
    A: Message + Default + Send + 'static,
    R: Message + Send + 'static,
{
    let service = tower::service_fn(|call: Request<A>| {
        let answer = answer(call.into_inner());
        async { Ok::<_, Status>(Response::new(answer)) }
    });
    Grpc::new(ProstCodec::<R, A>::default()).unary(service, request).await
}
