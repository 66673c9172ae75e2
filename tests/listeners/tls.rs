//! TLS: who is let in, and how certificates change while connections run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rolegate::health::Health;
use rolegate::net::{Bound, Protocol, TlsFiles};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificates::{Authority, Certified};
use super::support::{Client, LONG, Server, listen, soon, until};

/// Writes a listener's files; `client_ca` asks for client certificates.
pub(crate) fn files(directory: &Path, pair: &Certified, client_ca: Option<&Authority>) -> TlsFiles {
    fs::write(directory.join("tls.crt"), &pair.certificate).unwrap();
    fs::write(directory.join("tls.key"), &pair.key).unwrap();
    let client_ca_file = client_ca.map(|ca| {
        let file = directory.join("client-ca.crt");
        fs::write(&file, &ca.pem).unwrap();
        file
    });
    TlsFiles { cert_file: directory.join("tls.crt"), key_file: directory.join("tls.key"), client_ca_file }
}

fn serve(files: TlsFiles, protocol: Protocol) -> (Server, Health) {
    let health = Health::default();
    let bound = Bound::bind(listen(protocol, Some(files)), &health).unwrap();
    (Server::start(bound, LONG, || std::future::ready(())), health)
}

/// A client that trusts `ca`, shows `own`, offers `alpn`, and speaks the given versions.
pub(crate) struct Trust<'a> {
    pub(crate) ca: &'a Authority,
    pub(crate) own: Option<&'a Certified>,
    pub(crate) alpn: &'a [&'a str],
    pub(crate) versions: &'a [&'static SupportedProtocolVersion],
}

impl<'a> Trust<'a> {
    pub(crate) fn of(ca: &'a Authority) -> Self {
        Self { ca, own: None, alpn: &["h2"], versions: rustls::ALL_VERSIONS }
    }

    pub(crate) async fn connect(&self, server: &Server) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = self.ca.client_config_in(self.versions, self.own);
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(server.addr).await?;
        let name = ServerName::try_from("gate.test").unwrap();
        soon("the handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
    }

    /// Whether a request on a new connection is answered. In TLS 1.3 a refused client learns of it only then.
    pub(crate) async fn gets_in(&self, server: &Server) -> bool {
        let Ok(stream) = self.connect(server).await else { return false };
        let Ok(mut client) = Client::http2_over(stream).await else { return false };
        soon("an answer or a refusal", client.send(Bytes::from_static(b"hello"))).await.is_ok()
    }
}

/// Waits until new connections are served by a certificate of `ca`.
async fn becomes(server: &Server, ca: &Authority) {
    until("the new certificate", async || Trust::of(ca).gets_in(server).await).await;
}

/// Waits until the listener's trouble is told in words of which this is so.
async fn troubled(health: &Health, is_so: impl Fn(&str) -> bool) {
    until("the trouble", async || health.troubles().get("tls test").is_some_and(|told| is_so(told))).await;
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_alpn_chooses_the_protocol() {
    let (ca, directory) = (Authority::new(), TempDir::new().unwrap());
    let files = files(directory.path(), &ca.server(&["gate.test"]), None);
    let (server, _) = serve(files, Protocol::Http1AndHttp2);
    for versions in [&[&TLS12], &[&TLS13]] {
        for alpn in ["h2", "http/1.1"] {
            let trust = Trust { versions, alpn: &[alpn], ..Trust::of(&ca) };
            let stream = trust.connect(&server).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(alpn.as_bytes()));
        }
        assert!(Trust { versions, ..Trust::of(&ca) }.gets_in(&server).await);
    }
}

#[tokio::test]
async fn a_listener_for_grpc_answers_http1_too_with_and_without_alpn() {
    let (ca, directory) = (Authority::new(), TempDir::new().unwrap());
    let files = files(directory.path(), &ca.server(&["gate.test"]), None);
    let (server, _) = serve(files, Protocol::Grpc);
    assert!(Trust::of(&ca).gets_in(&server).await);
    for alpn in [&["http/1.1"][..], &[]] {
        let mut stream = Trust { alpn, ..Trust::of(&ca) }.connect(&server).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: gate.test\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{alpn:?}: {answer}");
    }
    assert!(Trust { alpn: &[], ..Trust::of(&ca) }.gets_in(&server).await, "HTTP/2 with prior knowledge");
}

#[tokio::test]
async fn with_a_client_ca_only_its_clients_are_served() {
    let (ca, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let directory = TempDir::new().unwrap();
    let files = files(directory.path(), &ca.server(&["gate.test"]), Some(&clients));
    let (server, _) = serve(files, Protocol::Grpc);
    for versions in [&[&TLS12], &[&TLS13]] {
        let none = Trust { versions, ..Trust::of(&ca) };
        assert!(!none.gets_in(&server).await, "without a certificate");
        let other = strangers.client(&["envoy.test"]);
        assert!(!Trust { own: Some(&other), ..none }.gets_in(&server).await, "by another CA");
        let right = clients.client(&["envoy.test"]);
        assert!(Trust { own: Some(&right), versions, ..Trust::of(&ca) }.gets_in(&server).await);
    }
    assert_eq!(server.seen.lock().unwrap().len(), 1, "refused clients reached no handler");
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_old_connections_go_on() {
    let (old, new, directory) = (Authority::new(), Authority::new(), TempDir::new().unwrap());
    let (server, health) = serve(files(directory.path(), &old.server(&["gate.test"]), None), Protocol::Grpc);
    let mut early = Client::http2_over(Trust::of(&old).connect(&server).await.unwrap()).await.unwrap();
    early.send(Bytes::from_static(b"before")).await.unwrap();

    files(directory.path(), &new.server(&["gate.test"]), None);
    becomes(&server, &new).await;
    assert!(!Trust::of(&old).gets_in(&server).await, "the old certificate is not served any more");
    assert_eq!(soon("the answer", early.send(Bytes::from_static(b"after"))).await.unwrap(), "after");
    assert!(health.troubles().is_empty());
    drop(early);
    assert_eq!(server.stopped().await, 0);
}

#[tokio::test]
async fn kubernetes_swap_of_the_data_link_is_seen() {
    let (old, new, directory) = (Authority::new(), Authority::new(), TempDir::new().unwrap());
    let root = directory.path();
    for (version, ca) in [("..1", &old), ("..2", &new)] {
        fs::create_dir(root.join(version)).unwrap();
        files(&root.join(version), &ca.server(&["gate.test"]), None);
    }
    symlink("..1", root.join("..data")).unwrap();
    for file in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(file), root.join(file)).unwrap();
    }
    let files =
        TlsFiles { cert_file: root.join("tls.crt"), key_file: root.join("tls.key"), client_ca_file: None };
    let (server, _) = serve(files, Protocol::Grpc);
    assert!(Trust::of(&old).gets_in(&server).await);

    symlink("..2", root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    becomes(&server, &new).await;
}

#[tokio::test]
async fn another_client_ca_locks_the_old_clients_out() {
    let (ca, before, after) = (Authority::new(), Authority::new(), Authority::new());
    let directory = TempDir::new().unwrap();
    let pair = ca.server(&["gate.test"]);
    let (server, _) = serve(files(directory.path(), &pair, Some(&before)), Protocol::Grpc);
    let (old, new) = (before.client(&["envoy.test"]), after.client(&["envoy.test"]));
    assert!(Trust { own: Some(&old), ..Trust::of(&ca) }.gets_in(&server).await);

    files(directory.path(), &pair, Some(&after));
    let trust = Trust { own: Some(&new), ..Trust::of(&ca) };
    until("the new client CA", async || trust.gets_in(&server).await).await;
    assert!(!Trust { own: Some(&old), ..Trust::of(&ca) }.gets_in(&server).await);
}

#[tokio::test]
async fn a_bad_pair_keeps_the_old_one_and_is_told_until_a_good_one_comes() {
    let (old, new, directory) = (Authority::new(), Authority::new(), TempDir::new().unwrap());
    let tls = files(directory.path(), &old.server(&["gate.test"]), None);
    let cert = tls.cert_file.display().to_string();
    let (server, health) = serve(tls, Protocol::Grpc);

    fs::write(&cert, new.server(&["gate.test"]).certificate).unwrap();
    let foreign_key = format!("certificate `{cert}` and key `");
    let kept = "; the last good files stay in use";
    troubled(&health, |told| told.starts_with(&foreign_key) && told.ends_with(kept)).await;
    assert!(Trust::of(&old).gets_in(&server).await, "the old pair still serves");

    fs::write(&cert, "rubbish").unwrap();
    troubled(&health, |told| told.starts_with(&format!("no certificate in PEM form in `{cert}`"))).await;
    fs::remove_file(&cert).unwrap();
    troubled(&health, |told| told.starts_with(&format!("cannot read `{cert}`: No such file"))).await;

    files(directory.path(), &new.server(&["gate.test"]), None);
    becomes(&server, &new).await;
    until("no trouble", async || health.troubles().is_empty()).await;
}

#[tokio::test]
async fn bad_files_at_the_start_are_errors_that_name_them() {
    let (ca, directory) = (Authority::new(), TempDir::new().unwrap());
    let good = files(directory.path(), &ca.server(&["gate.test"]), Some(&ca));
    let (rubbish, missing) = (directory.path().join("rubbish"), directory.path().join("missing"));
    fs::write(&rubbish, "rubbish").unwrap();
    let cases = [
        (TlsFiles { cert_file: missing.clone(), ..good.clone() }, &missing),
        (TlsFiles { cert_file: rubbish.clone(), ..good.clone() }, &rubbish),
        (TlsFiles { key_file: missing.clone(), ..good.clone() }, &missing),
        (TlsFiles { key_file: rubbish.clone(), ..good.clone() }, &rubbish),
        (TlsFiles { client_ca_file: Some(missing.clone()), ..good.clone() }, &missing),
        (TlsFiles { client_ca_file: Some(rubbish.clone()), ..good.clone() }, &rubbish),
    ];
    for (files, named) in cases {
        let error = Bound::bind(listen(Protocol::Grpc, Some(files)), &Health::default()).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(&format!("`{}`", named.display())), "{cause}");
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_is_let_go() {
    let (ca, directory) = (Authority::new(), TempDir::new().unwrap());
    let mut hasty = listen(Protocol::Grpc, Some(files(directory.path(), &ca.server(&["gate.test"]), None)));
    hasty.limits.handshake = Duration::from_millis(20);
    let bound = Bound::bind(hasty, &Health::default()).unwrap();
    let server = Server::start(bound, LONG, || std::future::ready(()));
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
    let _ = soon("the end", read).await;
    assert_eq!(server.stopped().await, 0);
}

#[tokio::test]
async fn a_client_that_speaks_http_without_tls_is_told_so() {
    let (ca, directory) = (Authority::new(), TempDir::new().unwrap());
    let (server, _) =
        serve(files(directory.path(), &ca.server(&["gate.test"]), None), Protocol::Http1AndHttp2);
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let request =
        b"PUT /v1/auth/kubernetes/login HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 3\r\n\r\nabc";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"), "{answer}");
    assert!(server.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn certificate_files_that_run_together_are_refused_and_other_blocks_are_not_in_the_way() {
    let (ca, other, directory) = (Authority::new(), Authority::new(), TempDir::new().unwrap());
    let (pair, path) = (ca.server(&["gate.test"]), directory.path());
    let bind = |files: &TlsFiles| {
        Bound::bind(listen(Protocol::Grpc, Some(files.clone())), &Health::default()).map(drop)
    };
    let good = files(path, &pair, Some(&ca));
    let crl = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    // One file for both, and a bundle with more than certificates.
    fs::write(path.join("tls.crt"), format!("# ours\n{}{}", pair.certificate, pair.key)).unwrap();
    fs::write(path.join("client-ca.crt"), format!("{}{crl}{}", ca.pem, other.pem)).unwrap();
    assert!(bind(&good).is_ok());
    let joined = |one: &str, two: &str| one.trim_end().to_owned() + two;
    for (file, content, restored) in [
        ("tls.crt", joined(&pair.certificate, &ca.pem), &pair.certificate),
        ("tls.key", joined(&pair.certificate, &pair.key), &pair.key),
        ("client-ca.crt", joined(&ca.pem, &other.pem), &ca.pem),
    ] {
        fs::write(path.join(file), content).unwrap();
        let error = rolegate::errors::with_causes(&bind(&good).unwrap_err());
        assert!(error.contains(file) && error.contains("have its line to itself"), "{error}");
        fs::write(path.join(file), restored).unwrap();
        assert!(bind(&good).is_ok());
    }
}
