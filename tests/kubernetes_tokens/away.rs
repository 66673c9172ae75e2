//! The API server is away, hangs, or has forgotten where a watch was.

use rolegate::ports::store::StoreError;
use rolegate::tokens::TokensError;

use super::replica::{Replica, batch, digest_of, new_token};
use super::support::eventually;
use super::support::kube::KubeApiserver;

fn is_away<T>(outcome: Result<T, TokensError>) -> bool {
    matches!(outcome, Err(TokensError::Store(StoreError::Away(_))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_api_server_reads_go_on_and_writes_fail_until_it_is_back() {
    let api = KubeApiserver::start().await;
    let namespace = api.namespace(&[]).await;
    let one = Replica::open(api.client(), &namespace).await;
    let other = Replica::open(api.client(), &namespace).await;
    let (token, revoked, sealed) =
        (one.issue(new_token()).await, one.issue(new_token()).await, one.issue(batch()).await);
    // A revocation that is not answered may still be done when the server goes on.
    let doomed = digest_of(&one.issue(new_token()).await);
    assert!(other.is_good(&token).await && other.is_good(&revoked).await && other.is_good(&sealed).await);
    let is_fed =
        |replica: &Replica| replica.metrics.render().contains("rolegate_feed_age_seconds{feed=\"tokens\"}");
    assert!(is_fed(&one) && one.health.troubles().is_empty());
    for hangs in [false, true] {
        if hangs {
            api.hang().await
        } else {
            api.stop()
        }
        for replica in [&one, &other] {
            assert!(replica.is_good(&token).await && replica.is_good(&sealed).await);
            let (issued, revoked, found) = tokio::join!(
                replica.tokens.issue(new_token()),
                replica.tokens.revoke(&doomed),
                replica.tokens.find("hvs.unknown"),
            );
            assert!(is_away(issued) && is_away(revoked) && is_away(found), "it cannot tell");
            eventually("the replica says so", async || {
                replica.health.troubles().contains_key("client tokens").then_some(())
            })
            .await;
        }
        if hangs {
            api.go_on()
        } else {
            api.restart().await
        }
        for replica in [&one, &other] {
            eventually("all is well again", async || replica.health.troubles().is_empty().then_some(()))
                .await;
            assert!(replica.is_good(&token).await);
            replica.issue(new_token()).await;
        }
    }
    one.revoke(&revoked).await;
    eventually("the other has heard", async || (!other.is_good(&revoked).await).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_from_a_time_that_the_api_server_has_forgotten_begins_with_a_full_list() {
    let api = KubeApiserver::start().await;
    let namespace = api.namespace(&[]).await;
    let one = Replica::open(api.client(), &namespace).await;
    let (revoked, kept) = (one.issue(new_token()).await, one.issue(new_token()).await);
    let (other, feed) = Replica::deaf(api.client(), &namespace).await;
    one.revoke(&revoked).await;
    let made = one.issue(new_token()).await;
    // Started anew, it remembers nothing from before.
    api.stop();
    api.restart().await;
    assert!(other.is_good(&revoked).await, "it has not heard yet");
    other.follow(feed);
    eventually("the other has heard", async || (!other.is_good(&revoked).await).then_some(())).await;
    let failures = other.metrics.render();
    let failures =
        failures.lines().find(|line| line.starts_with("rolegate_feed_failures_total{feed=\"tokens\"}"));
    assert!(failures.is_some(), "the watch was refused, and begun with a list");
    assert!(other.is_good(&kept).await && other.is_good(&made).await);
    assert_eq!(other.sizes().await, [2, 2, 0, 2, 0]);
}
