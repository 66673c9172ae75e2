//! How the process ends, and that it leaves nothing.

use std::path::PathBuf;
use std::sync::Arc;

use rolegate::plugin::wire::runtime;
use tonic::Request;

use crate::core::{Core, call};
use crate::started::Started;

async fn connected() -> (Started, Core) {
    let started = Started::new().await;
    let core = started.connect().await;
    assert!(core.is_served().await);
    (started, core)
}

async fn ends_cleanly(started: &Started) {
    assert!(started.process.wait_exit().await.success());
    assert_eq!(started.left(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_shutdown_is_answered_and_ends_the_process_while_streams_are_open() {
    let (started, core) = connected().await;
    let asked = Request::new(runtime::Empty {});
    let answer: Result<runtime::Empty, _> =
        call(&core.channel, "/plugin.GRPCController/Shutdown", asked).await;
    answer.unwrap();
    ends_cleanly(&started).await;
}

#[tokio::test]
async fn the_end_of_the_cores_stream_ends_the_process() {
    let (started, mut core) = connected().await;
    core.end_stream();
    ends_cleanly(&started).await;
}

#[tokio::test]
async fn a_core_that_breaks_off_ends_the_process() {
    let started = Arc::new(Started::new().await);
    let connecting = Arc::clone(&started);
    // All that the core has goes at once with its runtime: no stream is ended, the connection breaks.
    let broken_off = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let core = runtime.block_on(async {
            let core = connecting.connect().await;
            assert!(core.is_served().await);
            core
        });
        runtime.shutdown_background();
        core
    });
    let _core = broken_off.await.unwrap();
    ends_cleanly(&started).await;
}

#[tokio::test]
async fn a_terminals_signals_are_ignored() {
    let (started, core) = connected().await;
    for signal in ["INT", "HUP", "INT"] {
        started.process.signal(signal);
        assert!(core.is_served().await, "{signal}");
    }
    started.process.must_run();
    started.process.signal("TERM");
    ends_cleanly(&started).await;
}
