//! Who is not the core is refused, and the core is served all the same.

use rolegate::plugin::wire::{pb, runtime};
use tonic::Request;

use crate::core::{Core, Identity, call, dial, nameless};
use crate::started::Started;
use crate::storage::Storage;
use crate::support::within;

#[tokio::test]
async fn a_peer_with_another_certificate_or_none_is_refused() {
    let started = Started::new().await;
    let (socket, certificate) = (started.socket(), started.certificate());
    let stranger = Identity::new();
    for tls in [stranger.client(&certificate), nameless(&certificate)] {
        // With TLS 1.3 a client hears of its refusal after it has connected.
        let refused = match within("a connection", dial(tls, &socket)).await {
            Err(_) => true,
            Ok(channel) => {
                let asked = Request::new(runtime::HealthCheckRequest::default());
                let answer =
                    call::<_, runtime::HealthCheckResponse>(&channel, "/grpc.health.v1.Health/Check", asked);
                answer.await.is_err()
            }
        };
        assert!(refused);
    }
    let told = |line: &str| line.contains("a peer that is not the core was refused");
    started.process.stderr.wait_for(told).await.expect("the refusal is in the log");
    assert!(started.connect().await.is_served().await);
}

#[tokio::test]
async fn a_socket_of_somebody_else_is_no_storage() {
    let started = Started::new().await;
    let core = started.connect().await;
    let strangers = Storage::serve(&Identity::new(), &started.certificate(), started.folder.path());
    core.announce(1, &strangers.socket);
    let refused = core.set_up("one", 1).await;
    assert!(refused.contains("the core cannot be asked"), "{refused}");
    let answer = core.ask::<_, pb::TypeReply>("Type", "one", pb::Empty {}).await;
    assert_eq!(answer.unwrap_err().message(), "no backend instance found");
    assert!(
        Core::connect(&started.identity, &started.socket(), &started.certificate()).await.is_served().await
    );
}
