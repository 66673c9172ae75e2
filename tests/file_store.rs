//! The file store while its files change under it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rolegate::catalog::Snapshots;
use rolegate::core::mount::Snapshot;
use rolegate::health::Health;
use rolegate::metrics::Metrics;
use rolegate::store::file::FileStore;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// So seldom that only events can be what is noticed.
const NEVER: Duration = Duration::from_secs(3600);

/// A store at work over the files of a directory.
struct Running {
    snapshots: Snapshots,
    health: Health,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(file: &Path, poll: Duration) -> Self {
        let (snapshots, health) = (Snapshots::default(), Health::default());
        let store = FileStore::open(file, snapshots.clone(), health.clone(), Metrics::default()).unwrap();
        let stop = CancellationToken::new();
        let run = store.poll_every(poll).run(stop.clone());
        let task = tokio::spawn(async { run.await.unwrap() });
        Self { snapshots, health, stop, task }
    }

    fn now(&self) -> Arc<Snapshot> {
        self.snapshots.load().unwrap()
    }

    /// Waits until the published set is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        eventually(what, || Some(self.now()).filter(|now| wanted(now))).await
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

async fn eventually<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if let Some(found) = found() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never seen: {what}");
}

/// A store file with one mount and as many roles, all with this ttl. Without its last brace it is none, wherever it is cut.
fn text(roles: usize, ttl: u32) -> String {
    let mut text =
        "mounts:\n  kubernetes:\n    config: {kubernetes_host: https://kube}\n    roles: {\n".to_owned();
    for n in 0..roles {
        let bound = "bound_service_account_names: a, bound_service_account_namespaces: b";
        writeln!(text, "      role-{n}: {{{bound}, token_ttl: {ttl}}},").unwrap();
    }
    text + "    }\n"
}

fn ttl(snapshot: &Snapshot) -> i64 {
    snapshot.mount("kubernetes").unwrap().role("role-0").unwrap().token.ttl
}

fn directory(first: &str) -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.yaml");
    fs::write(&file, first).unwrap();
    (directory, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_in_place_is_read_again() {
    let (_directory, file) = directory(&text(1, 1));
    let store = Running::start(&file, NEVER);
    for n in 2..5 {
        fs::write(&file, text(1, n)).unwrap();
        store.until("the new ttl", |now| ttl(now) == i64::from(n)).await;
    }
    store.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_is_renamed_to_is_read_again() {
    let (directory, file) = directory(&text(1, 1));
    let store = Running::start(&file, NEVER);
    for n in 2..5 {
        let new = directory.path().join("store.yaml.new");
        fs::write(&new, text(1, n)).unwrap();
        fs::rename(&new, &file).unwrap();
        store.until("the new ttl", |now| ttl(now) == i64::from(n)).await;
    }
    store.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_whose_data_link_is_swapped_is_read_again() {
    let volume = tempfile::tempdir().unwrap();
    let at = |name: &str| volume.path().join(name);
    fs::create_dir(at("..1")).unwrap();
    fs::write(at("..1").join("store.yaml"), text(1, 1)).unwrap();
    symlink("..1", at("..data")).unwrap();
    symlink("..data/store.yaml", at("store.yaml")).unwrap();
    let store = Running::start(&at("store.yaml"), NEVER);
    for n in 2..5 {
        let new = format!("..{n}");
        fs::create_dir(at(&new)).unwrap();
        fs::write(at(&new).join("store.yaml"), text(1, n)).unwrap();
        symlink(&new, at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        fs::remove_dir_all(at(&format!("..{}", n - 1))).unwrap();
        store.until("the new ttl", |now| ttl(now) == i64::from(n)).await;
    }
    store.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_the_store_names_is_read_again_from_its_own_directory() {
    let secrets = tempfile::tempdir().unwrap();
    let jwt = secrets.path().join("jwt");
    fs::write(&jwt, "one").unwrap();
    let config = format!("{{kubernetes_host: h, token_reviewer_jwt_file: {}}}", jwt.display());
    let (_directory, file) = directory(&format!("mounts: {{kubernetes: {{config: {config}}}}}"));
    let store = Running::start(&file, NEVER);
    let before = store.now().mount("kubernetes").unwrap().generation;
    fs::write(&jwt, "two").unwrap();
    let reviewer = |now: &Snapshot| {
        let config = now.mount("kubernetes").unwrap().config.clone().unwrap();
        config.token_reviewer_jwt.as_ref().unwrap().expose().to_owned()
    };
    let now = store.until("the new token", |now| reviewer(now) == "two").await;
    assert_ne!(now.mount("kubernetes").unwrap().generation, before);
    store.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_leaves_the_last_good_set_and_is_told_until_it_is_mended() {
    let (_directory, file) = directory(&text(1, 1));
    let store = Running::start(&file, NEVER);
    let mistakes = [
        (
            text(1, 2).replace("token_ttl", "token_tll"),
            "mounts.kubernetes.roles.role-0.token_tll: unknown key",
        ),
        (String::new(), "expected `mounts`"),
    ];
    for (bad, told) in mistakes {
        fs::write(&file, bad).unwrap();
        let trouble = || store.health.troubles().remove("store").filter(|trouble| trouble.contains(told));
        let trouble = eventually("the mistake in the health", trouble).await;
        assert!(trouble.starts_with("the last good set is in force: "), "{trouble}");
        assert_eq!(ttl(&store.now()), 1);
    }
    fs::remove_file(&file).unwrap();
    let gone = || store.health.troubles().remove("store").filter(|trouble| trouble.contains("No such file"));
    eventually("the missing file in the health", gone).await;
    assert_eq!(ttl(&store.now()), 1);

    fs::write(&file, text(1, 3)).unwrap();
    store.until("the mended set", |now| ttl(now) == 3).await;
    eventually("the recovery", || store.health.troubles().is_empty().then_some(())).await;
    store.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_event_tells_is_found_by_looking() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for (name, n) in [("one", 1), ("two", 2)] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("real.yaml"), text(1, n)).unwrap();
    }
    // The link in the middle lies in a directory that holds neither the first link nor the file.
    fs::create_dir(at("middle")).unwrap();
    symlink(at("one").join("real.yaml"), at("middle").join("link.yaml")).unwrap();
    fs::create_dir(at("etc")).unwrap();
    symlink(at("middle").join("link.yaml"), at("etc").join("store.yaml")).unwrap();
    let store = Running::start(&at("etc").join("store.yaml"), Duration::from_millis(20));
    assert_eq!(ttl(&store.now()), 1);
    symlink(at("two").join("real.yaml"), at("middle").join("new")).unwrap();
    fs::rename(at("middle").join("new"), at("middle").join("link.yaml")).unwrap();
    store.until("the other file", |now| ttl(now) == 2).await;
    store.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_is_shared_and_the_generation_follows_the_config_alone() {
    let (_directory, file) = directory(&text(2, 1));
    let store = Running::start(&file, NEVER);
    let first = Arc::clone(store.now().mount("kubernetes").unwrap());

    let only_one = text(2, 1).replacen("token_ttl: 1", "token_ttl: 2", 1);
    fs::write(&file, &only_one).unwrap();
    let now = store.until("the changed role", |now| ttl(now) == 2).await;
    let second = now.mount("kubernetes").unwrap();
    assert_eq!(second.generation, first.generation);
    assert!(Arc::ptr_eq(first.role("role-1").unwrap(), second.role("role-1").unwrap()));

    let host = |now: &Snapshot| now.mount("kubernetes").map(|mount| mount.config.clone().unwrap());
    fs::write(&file, only_one.replace("https://kube", "https://other")).unwrap();
    let now = store.until("the host", |now| host(now).unwrap().kubernetes_host == "https://other").await;
    let third = now.mount("kubernetes").unwrap().generation;
    assert_ne!(third, first.generation);

    fs::write(&file, "mounts: {}").unwrap();
    store.until("no mount", |now| now.mounts.is_empty()).await;
    fs::write(&file, &only_one).unwrap();
    let now = store.until("the mount again", |now| !now.mounts.is_empty()).await;
    let fourth = now.mount("kubernetes").unwrap().generation;
    assert!(fourth != third && fourth != first.generation);
    store.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_never_see_half_a_set_while_it_is_swapped() {
    const ROLES: usize = 200;
    let (directory, file) = directory(&text(ROLES, 1));
    let store = Running::start(&file, NEVER);
    let done = CancellationToken::new();
    let reader = std::thread::spawn({
        let (cell, done) = (store.snapshots.cell(), done.clone());
        move || {
            let mut seen = 0_u32;
            let mut last = 0;
            while !done.is_cancelled() {
                let snapshot = cell.load_full().expect("a set was published");
                let mount = snapshot.mount("kubernetes").unwrap();
                let ttl = ttl(&snapshot);
                assert_eq!(mount.roles.len(), ROLES);
                assert!(mount.roles.values().all(|role| role.token.ttl == ttl), "half of {ttl}");
                seen += u32::from(ttl != last);
                last = ttl;
            }
            seen
        }
    });
    for n in 2..22 {
        // By both ways, in turn.
        let target = if n % 2 == 0 { file.clone() } else { directory.path().join("store.yaml.new") };
        fs::write(&target, text(ROLES, n)).unwrap();
        if target != file {
            fs::rename(&target, &file).unwrap();
        }
        store.until("the new set", |now| ttl(now) == i64::from(n)).await;
    }
    done.cancel();
    let seen = reader.join().expect("the reader saw half a set");
    assert!(seen > 1, "the reader saw {seen} sets");
    store.stop().await;
}

#[test]
fn a_bad_file_at_the_start_is_an_error_in_one_line() {
    let (_directory, file) = directory("mounts: {kubernetes: {rolls: {}}}");
    let snapshots = Snapshots::default();
    let error = FileStore::open(&file, snapshots.clone(), Health::default(), Metrics::default()).unwrap_err();
    let expected = "mounts.kubernetes.rolls: unknown key, expected one of `config`, `roles`";
    assert_eq!(error.to_string(), format!("{}: {expected}", file.display()));
    assert!(snapshots.load().is_none());
}
