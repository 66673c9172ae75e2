//! The services of the process itself: what go-plugin's core expects of every plugin.

use std::sync::Arc;

use futures_util::stream;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::call::{Answer, grpc, unary};
use super::mounts::Mounts;
use crate::plugin::wire::runtime as wire;

/// The name that health is asked for.
const SERVICE: &str = "plugin";

/// SERVING
const SERVING: i32 = 1;

/// What becomes of the process.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// The core has asked for the end.
    pub(super) asked: CancellationToken,
    /// The core's stream has ended.
    pub(super) gone: CancellationToken,
    /// The core's stream has begun.
    pub(super) met: CancellationToken,
}

impl Process {
    /// Answers a method of the services.
    pub(super) async fn answer(
        &self,
        path: &str,
        request: http::Request<Incoming>,
        mounts: &Arc<Mounts>,
    ) -> Answer {
        match path {
            "/grpc.health.v1.Health/Check" => unary(request, health).await,
            "/plugin.GRPCBroker/StartStream" => self.broker(request, mounts).await,
            "/plugin.GRPCController/Shutdown" => {
                let shut_down = |_: Request<wire::Empty>| {
                    self.asked.cancel();
                    async { Ok(wire::Empty {}) }
                };
                unary(request, shut_down).await
            }
            "/plugin.GRPCStdio/StreamStdio" => {
                // Open, and silent: the log goes to standard error, which the core reads.
                let silent = |_: Request<wire::Empty>| async {
                    Ok(Response::new(stream::pending::<Result<wire::StdioData, Status>>()))
                };
                grpc().server_streaming(tower::service_fn(silent), request).await
            }
            "/pluginutil.multiplexing.PluginMultiplexing/MultiplexingSupport" => {
                let supported = |_: Request<wire::Empty>| async {
                    Ok(wire::MultiplexingSupportResponse { supported: true })
                };
                unary(request, supported).await
            }
            "/logical.PluginVersion/Version" => {
                let version = |_: Request<wire::Empty>| async {
                    Ok(wire::VersionReply { version: format!("v{}", env!("CARGO_PKG_VERSION")) })
                };
                unary(request, version).await
            }
            _ => Status::unimplemented("there is no such method").into_http(),
        }
    }

    /// The core announces its sockets for as long as it lives; nothing is ever announced to it.
    async fn broker(&self, request: http::Request<Incoming>, mounts: &Arc<Mounts>) -> Answer {
        let started = |call: Request<Streaming<wire::ConnInfo>>| {
            self.met.cancel();
            tokio::spawn(listen(call.into_inner(), Arc::clone(mounts), self.gone.clone()));
            async { Ok(Response::new(stream::pending::<Result<wire::ConnInfo, Status>>())) }
        };
        grpc().streaming(tower::service_fn(started), request).await
    }
}

async fn listen(mut stream: Streaming<wire::ConnInfo>, mounts: Arc<Mounts>, gone: CancellationToken) {
    let _gone = gone.drop_guard();
    loop {
        match stream.message().await {
            Ok(Some(announcement)) => mounts.announced.add(announcement),
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "the core's stream broke");
                return;
            }
        }
    }
}

async fn health(call: Request<wire::HealthCheckRequest>) -> Result<wire::HealthCheckResponse, Status> {
    match call.get_ref().service.as_str() {
        "" | SERVICE => Ok(wire::HealthCheckResponse { status: SERVING }),
        _ => Err(Status::not_found("there is no such service")),
    }
}
