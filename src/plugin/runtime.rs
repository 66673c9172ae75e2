//! A plugin's gRPC services, and the process they live in: what the core asks, until it asks to stop or goes away.

mod announced;
mod backend;
mod call;
mod core;
mod link;
mod mounts;
mod process;
mod serve;
mod service;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::seam::Backends;
use super::socket::Socket;
use super::tls::Tls;
use service::Plugin;

/// The largest message that is read or sent, in bytes: a body of 32 MiB, which the core may have written anew in a
/// longer way.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// How long a core may take from the line on standard output to its first words; its own limit is a minute.
const FIRST_WORDS: Duration = Duration::from_secs(90);

/// How long an answer may take to its reader before the process ends; a core waits two seconds.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// Why there is nothing left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The core has asked for it.
    Asked,
    /// The core has gone away.
    CoreGone,
    /// The core has never spoken.
    NeverAsked,
}

/// Answers the core until it is done with this process. Open streams and requests are not waited for.
pub async fn serve(socket: &Socket, tls: &Tls, backends: Arc<dyn Backends>) -> Ended {
    let (asked, gone, met) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let process = process::Process { asked: asked.clone(), gone: gone.clone(), met: met.clone() };
    let plugin = Plugin::new(process, backends, Arc::clone(&tls.client));
    let serving = serve::serve(&socket.listener, &tls.server, plugin);
    let never = async {
        if tokio::time::timeout(FIRST_WORDS, met.cancelled()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    let answered = async {
        asked.cancelled().await;
        tokio::time::sleep(LAST_ANSWER).await;
    };
    tokio::select! {
        () = serving => Ended::CoreGone,
        // A core that has asked goes away as soon as it is answered.
        () = gone.cancelled() => if asked.is_cancelled() { Ended::Asked } else { Ended::CoreGone },
        () = answered => Ended::Asked,
        () = never => Ended::NeverAsked,
    }
}
