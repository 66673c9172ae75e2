//! What is asked, either way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rolegate::plugin::runtime::{Ended, serve};
use rolegate::plugin::socket::Socket;
use rolegate::plugin::tls::Tls;
use rolegate::plugin::wire::{pb, runtime};
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use crate::core::{Identity, call};
use crate::scripted::{Script, Stage};
use crate::support::{eventually, within};

#[tokio::test]
async fn a_backend_reads_and_writes_the_cores_storage() {
    let stage = Stage::mounted().await;
    assert_eq!(stage.said("get/role/a").await, "None");
    assert_eq!(stage.said("put/role/a").await, "put");
    assert_eq!(stage.said("put/role/b").await, "put");
    assert_eq!(stage.said("get/role/a").await, format!("{:?}", Some(b"value")));
    assert_eq!(stage.said("list/role").await, "a,b");
    assert_eq!(stage.said("delete/role/a").await, "deleted");
    assert_eq!(stage.said("list/role").await, "b");
    assert_eq!(stage.said("max-lease").await, "2764800");
    assert_eq!(stage.said("put/refused").await, "cannot write to readonly storage");
}

#[tokio::test]
async fn a_panicking_handler_is_one_failed_request() {
    let stage = Stage::mounted().await;
    for path in ["panic", "panic/at-once"] {
        let reply = stage.core.handle("one", path).await.unwrap();
        let err = reply.err.unwrap();
        assert_eq!((err.err_type, err.err_msg.as_str(), reply.response), (0, "internal error", None));
    }
    let exists = async |path: &str| {
        let request = pb::Request { path: path.to_owned(), ..pb::Request::default() };
        let args = pb::HandleRequestArgs { request: Some(request) };
        stage.core.ask::<_, pb::HandleExistenceCheckReply>("HandleExistenceCheck", "one", args).await.unwrap()
    };
    assert_eq!(exists("panic").await.err.unwrap().err_msg, "internal error");
    assert!(exists("there").await.exists);
    assert!(exists("elsewhere").await.check_found);
    assert_eq!(stage.said("max-lease").await, "2764800");
}

#[tokio::test]
async fn a_backend_knows_how_long_the_caller_waits() {
    let stage = Stage::mounted().await;
    assert_eq!(stage.said("wait").await, "none");
    let request = pb::Request { path: "wait".to_owned(), ..pb::Request::default() };
    let mut request = Request::new(pb::HandleRequestArgs { request: Some(request) });
    request.metadata_mut().insert("multiplex_id", "one".parse().unwrap());
    request.set_timeout(Duration::from_secs(3600));
    let reply: pb::HandleRequestReply =
        call(&stage.core.channel, "/pb.Backend/HandleRequest", request).await.unwrap();
    let seconds: u64 = reply.response.unwrap().data.parse().unwrap();
    assert!((3000..=3600).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn long_requests_and_answers_pass() {
    let stage = Stage::mounted().await;
    let data = "x".repeat(20 * 1024 * 1024);
    let request = pb::Request { path: "length".to_owned(), data, ..pb::Request::default() };
    let args = pb::HandleRequestArgs { request: Some(request) };
    let reply: pb::HandleRequestReply = stage.core.ask("HandleRequest", "one", args).await.unwrap();
    assert_eq!(reply.response.unwrap().data, (20 * 1024 * 1024).to_string());
    assert_eq!(stage.said("long").await.len(), 20 * 1024 * 1024);
}

#[tokio::test]
async fn requests_that_wait_long_leave_room_for_others() {
    let stage = Arc::new(Stage::mounted().await);
    let mut waiting = JoinSet::new();
    for _ in 0..1000 {
        let stage = Arc::clone(&stage);
        waiting.spawn(async move { stage.core.handle("one", "hang").await });
    }
    eventually("all requests", async || (stage.script.hanging.load(Ordering::SeqCst) == 1000).then_some(()))
        .await;
    assert_eq!(stage.said("max-lease").await, "2764800");
}

#[tokio::test]
async fn the_process_says_what_it_is_and_its_standard_streams_are_silent() {
    let stage = Stage::new().await;
    let channel = &stage.core.channel;
    let empty = || Request::new(runtime::Empty {});
    let path = "/pluginutil.multiplexing.PluginMultiplexing/MultiplexingSupport";
    let supported: runtime::MultiplexingSupportResponse = call(channel, path, empty()).await.unwrap();
    assert!(supported.supported);
    let version: runtime::VersionReply =
        call(channel, "/logical.PluginVersion/Version", empty()).await.unwrap();
    assert_eq!(version.version, format!("v{}", env!("CARGO_PKG_VERSION")));
    assert!(stage.core.is_served().await);
    for path in ["/plugin.GRPCController/Start", "/pb.Backend/Something", "/"] {
        let answer = call::<_, runtime::Empty>(channel, path, empty()).await;
        assert_eq!(answer.unwrap_err().code(), Code::Unimplemented, "{path}");
    }
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<runtime::Empty, runtime::StdioData>::default();
    let stream = grpc.server_streaming(empty(), "/plugin.GRPCStdio/StreamStdio".parse().unwrap(), codec);
    let mut stream = within("a stream", stream).await.unwrap().into_inner();
    // It is open and says nothing while other calls are answered.
    assert!(stage.core.is_served().await);
    let said = std::pin::pin!(stream.message());
    assert!(futures_util::poll!(said).is_pending());
}

#[tokio::test]
async fn a_core_that_asks_for_the_end_and_one_that_goes_are_told_apart() {
    let asked = Stage::new().await;
    let shut_down = call::<_, runtime::Empty>(
        &asked.core.channel,
        "/plugin.GRPCController/Shutdown",
        Request::new(runtime::Empty {}),
    );
    shut_down.await.unwrap();
    assert_eq!(within("the end", asked.serving).await.unwrap(), Ended::Asked);
    let mut gone = Stage::new().await;
    gone.core.end_stream();
    assert_eq!(within("the end", gone.serving).await.unwrap(), Ended::CoreGone);
}

#[tokio::test(start_paused = true)]
async fn a_core_that_never_speaks_is_not_waited_for_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let socket = Socket::listen(folder.path(), None).unwrap();
    let tls = Tls::with(Identity::new().certificate).unwrap();
    assert_eq!(serve(&socket, &tls, Arc::new(Script::default())).await, Ended::NeverAsked);
}
