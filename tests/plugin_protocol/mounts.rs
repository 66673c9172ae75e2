//! Mounts: set up, kept apart, cleaned up.

use rolegate::plugin::wire::pb;
use tonic::Status;

use crate::scripted::Stage;
use crate::started::Started;
use crate::storage::Storage;
use crate::support::{eventually, within};

fn unknown<T>(answer: Result<T, Status>) -> bool {
    answer.is_err_and(|status| status.message() == "no backend instance found")
}

#[tokio::test]
async fn the_core_announces_its_socket_before_or_after_it_sets_the_mount_up() {
    let stage = Stage::mounted().await;
    // Polled first, so that the plugin waits already or is about to: either way it must do.
    let setting_up = stage.core.set_up("two", 2);
    let announcing = async { stage.core.announce(2, &stage.storage.socket) };
    let (err, ()) = within("Setup", async { tokio::join!(biased; setting_up, announcing) }).await;
    assert_eq!(err, "");
    for mount in ["one", "two"] {
        let kind: pb::TypeReply = stage.core.ask("Type", mount, pb::Empty {}).await.unwrap();
        assert_eq!(kind.r#type, 2);
        let initialized: pb::InitializeReply =
            stage.core.ask("Initialize", mount, pb::Empty {}).await.unwrap();
        assert_eq!(initialized.err, None);
        let paths: pb::SpecialPathsReply = stage.core.ask("SpecialPaths", mount, pb::Empty {}).await.unwrap();
        let paths = paths.paths.unwrap();
        assert_eq!(
            (paths.unauthenticated, paths.seal_wrap_storage),
            (vec!["login".into()], vec!["config".into()])
        );
        assert_eq!((paths.root.len(), paths.local_storage.len()), (0, 0));
    }
}

#[tokio::test]
async fn a_socket_that_is_never_announced_is_told() {
    let stage = Stage::new().await;
    let err = stage.core.set_up("one", 7).await;
    assert_eq!(err, "the core has not announced its socket 7 in time");
    assert!(unknown(stage.core.handle("one", "get/a").await));
}

#[tokio::test]
async fn a_setup_asks_nothing_of_the_core() {
    // A core that registers a plugin has no storage to give.
    let stage = Stage::new().await;
    stage.core.announce(1, &stage.storage.socket);
    assert_eq!(stage.core.set_up("one", 1).await, "");
    assert!(stage.storage.asked.lock().unwrap().is_empty());
    stage.said("get/a").await;
    assert_eq!(*stage.storage.asked.lock().unwrap(), ["/pb.Storage/Get"]);
}

#[tokio::test]
async fn two_mounts_of_the_real_program_live_and_end_apart() {
    let started = Started::new().await;
    let core = started.connect().await;
    let storage = Storage::serve(&started.identity, &started.certificate(), started.folder.path());
    for (number, mount) in [(1, "one"), (2, "two")] {
        core.announce(number, &storage.socket);
        assert_eq!(core.set_up(mount, number).await, "");
        core.handle(mount, "").await.unwrap();
    }
    assert!(unknown(core.handle("three", "").await));
    for _ in 0..2 {
        let _: pb::Empty = core.ask("Cleanup", "one", pb::Empty {}).await.unwrap();
        assert!(unknown(core.handle("one", "").await));
        core.handle("two", "").await.unwrap();
    }
    core.announce(3, &storage.socket);
    assert_eq!(core.set_up("one", 3).await, "");
    core.handle("one", "").await.unwrap();
}

#[tokio::test]
async fn a_key_that_has_changed_elsewhere_is_told_to_its_mount() {
    let stage = Stage::mounted().await;
    let args = pb::InvalidateKeyArgs { key: "role/a".to_owned() };
    let _: pb::Empty = stage.core.ask("InvalidateKey", "one", args.clone()).await.unwrap();
    assert_eq!(*stage.script.invalidated.lock().unwrap(), ["role/a"]);
    assert!(unknown(stage.core.ask::<_, pb::Empty>("InvalidateKey", "two", args).await));
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew() {
    let stage = Stage::mounted().await;
    assert_eq!(stage.said("put/a").await, "put");
    stage.storage.interrupt().await;
    eventually("the entry", async || {
        (stage.said("get/a").await == format!("{:?}", Some(b"value"))).then_some(())
    })
    .await;
}
