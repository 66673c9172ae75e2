//! A store on a disk that is full for a while, and what is served meanwhile. Needs root, for a file system of its own.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a fixture that fails is a failed test")]

pub mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::embedded::Server;
use tempfile::TempDir;

/// A file system of 4 MiB.
struct Small(TempDir);

impl Small {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder.path().to_str().unwrap()]);
        Self(folder)
    }

    fn filler(&self) -> std::path::PathBuf {
        self.0.path().join("filler")
    }

    /// Leaves no room at all.
    fn fill(&self) {
        let error = std::fs::write(self.filler(), vec![7; 8 << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run("umount", &["-l", self.0.path().to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Server {
    async fn troubles(&self) -> Value {
        let answer = self.rolegate.ops_get("/readyz").await;
        assert_eq!(answer.status.as_u16(), 200, "it serves");
        serde_json::from_slice::<Value>(&answer.body).unwrap()["troubles"].take()
    }
}

/// A policy that needs room.
fn large() -> Value {
    json!({"policy": format!("path \"x\" {{}}\n#{}", "x".repeat(700_000))})
}

#[tokio::test]
async fn while_the_disk_is_full_writes_are_refused_and_all_else_is_served_and_then_writes_are_taken_again() {
    let disk = Small::mount();
    let server = Server::start(&disk.0.path().join("store")).await;
    let policy = json!({"policy": "path \"x\" {}"});
    assert_eq!(server.root("PUT", "/v1/sys/policies/acl/small", policy).await.0, 204);
    for round in 0..2 {
        disk.fill();
        let path = format!("/v1/sys/policies/acl/large{round}");
        let (status, refused) = server.root("PUT", &path, large()).await;
        assert_eq!((status, refused["errors"].as_array().unwrap().len()), (500, 1), "{refused}");
        assert!(refused["errors"][0].as_str().unwrap().starts_with("the store has failed"), "{refused}");
        assert_eq!(server.root("GET", &path, Value::Null).await.0, 404, "it is not half there");
        for path in ["/v1/sys/policies/acl/small", "/v1/auth/token/lookup-self"] {
            assert_eq!(server.root("GET", path, Value::Null).await.0, 200, "{path}");
        }
        assert!(server.troubles().await["store"].as_str().unwrap().contains("No space left"));
        std::fs::remove_file(disk.filler()).unwrap();
        assert_eq!(server.root("PUT", &path, large()).await.0, 204);
        assert_eq!(server.root("GET", &path, Value::Null).await.0, 200);
        assert_eq!(server.troubles().await, json!({}));
        assert_eq!(server.root("DELETE", &path, Value::Null).await.0, 204);
    }
    server.rolegate.signal("TERM");
    assert_eq!(server.rolegate.wait_exit().await.code(), Some(0));
}
