//! Logs must not stand in the way of what they tell of.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Request;
use tokio::net::TcpStream;

/// Each request writes many lines at this level; a pipe holds 64 KiB.
const REQUESTS: usize = 300;

const DEADLINE: Duration = Duration::from_secs(60);

/// Killed when the test ends, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn requests_are_answered_and_a_stop_is_obeyed_while_nobody_reads_the_log() {
    let mut process = Process(
        Command::new(env!("CARGO_BIN_EXE_rolegate"))
            .args(["dev", "--envoy-listen=127.0.0.1:0", "--vault-listen=127.0.0.1:0"])
            .args(["--ops-listen=127.0.0.1:0", "--cluster-listen=127.0.0.1:0"])
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut ready = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let ops = ready.split_whitespace().find_map(|part| part.strip_prefix("ops=http://"));
    let ops = ops.unwrap_or_else(|| panic!("{ready}"));

    let requests = async {
        let (client, connection) =
            h2::client::handshake(TcpStream::connect(ops).await.unwrap()).await.unwrap();
        let connection = tokio::spawn(connection);
        for _ in 0..REQUESTS {
            let mut client = client.clone().ready().await.unwrap();
            let request = Request::get(format!("http://{ops}/livez")).body(()).unwrap();
            let (answer, _) = client.send_request(request, true).unwrap();
            assert_eq!(answer.await.unwrap().status(), 200);
        }
        drop(client);
        connection.abort();
    };
    tokio::time::timeout(DEADLINE, requests).await.unwrap();

    let pid = process.0.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    let ended = async {
        loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(tokio::time::timeout(DEADLINE, ended).await.unwrap().code(), Some(0));
}
