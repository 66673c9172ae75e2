//! Whom the verifier believes to be the API server.

use std::sync::Arc;

use rolegate::core::mount::Mount;
use rolegate::core::reason::Undecided;
use rolegate::verify::{LocalCluster, Settings};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt;

use crate::api_server::{ApiServer, confirmed};
use crate::house::{House, mount_with, name, settings};
use crate::support::certificates::Authority;
use crate::support::within;

/// A server whose certificate this authority has signed.
async fn server(authority: &Authority) -> ApiServer {
    let certified = authority.server(&["127.0.0.1"]);
    let chain = vec![CertificateDer::from_pem_slice(certified.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certified.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    ApiServer::start_with(Some(config), Box::new(|asked| Some(confirmed(asked)))).await
}

fn trusting(server: &ApiServer, ca: &str) -> Arc<Mount> {
    mount_with(&server.url(), |config| ca.clone_into(&mut config.kubernetes_ca_cert))
}

#[tokio::test]
async fn a_server_is_believed_by_its_mounts_ca_alone() {
    let (good, other) = (Authority::new(), Authority::new());
    let server = server(&good).await;
    let both = format!("# two\n{}{}", other.pem, good.pem);
    for ca in [&good.pem, &both] {
        let house = House::new();
        assert_eq!(name(&house.cached(&trusting(&server, ca), "orders").await), "orders");
        assert_eq!(house.trouble(), None);
    }
    let broken = good.pem.replace("-----END CERTIFICATE-----", "");
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (ca, expected) in [
        (other.pem.as_str(), Undecided::ApiServerUnreachable),
        ("garbage", Undecided::ApiServerNoAnswer),
        (&broken, Undecided::ApiServerNoAnswer),
        (no_certificate, Undecided::ApiServerNoAnswer),
    ] {
        let house = House::new();
        let outcome = house.cached(&trusting(&server, ca), "orders").await;
        assert_eq!(outcome.unwrap_err(), expected, "{ca}");
        assert!(house.trouble().is_some(), "{ca}");
    }
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn the_systems_roots_do_not_know_a_private_authority() {
    let server = server(&Authority::new()).await;
    let mount = mount_with(&server.url(), |config| config.disable_local_ca_jwt = true);
    let outcome = House::new().cached(&mount, "orders").await;
    assert_eq!(outcome.unwrap_err(), Undecided::ApiServerUnreachable);
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn the_pods_ca_is_read_again_when_it_changes() {
    let (good, other) = (Authority::new(), Authority::new());
    let server = server(&good).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    let local = LocalCluster { ca_file: file.clone(), ..settings().local };
    let house = House::with(Settings { local, ..settings() });
    let mount = trusting(&server, "");
    assert_eq!(house.cached(&mount, "t0").await.unwrap_err(), Undecided::ApiServerNoAnswer);
    assert!(house.trouble().unwrap().contains("the pod's CA file cannot be read"));
    std::fs::write(&file, &other.pem).unwrap();
    assert_eq!(house.cached(&mount, "t1").await.unwrap_err(), Undecided::ApiServerUnreachable);
    std::fs::write(&file, &good.pem).unwrap();
    assert_eq!(name(&house.cached(&mount, "t2").await), "t2");
    std::fs::write(&file, &other.pem).unwrap();
    assert_eq!(house.cached(&mount, "t3").await.unwrap_err(), Undecided::ApiServerUnreachable);
    let asked: Vec<String> = server.asked().iter().map(|asked| asked.token().to_owned()).collect();
    assert_eq!(asked, ["t2"], "no connection of the old certificates is used");
}

#[tokio::test]
async fn only_tls_1_2_and_1_3_are_offered() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("https://{}", listener.local_addr().unwrap());
    let mount = mount_with(&host, |config| config.kubernetes_ca_cert = Authority::new().pem);
    let house = House::new();
    let asking = tokio::spawn(async move { house.cached(&mount, "orders").await });
    let (mut client, _) = within("a connection", listener.accept()).await.unwrap();
    let mut hello = vec![0; 5];
    within("a record", client.read_exact(&mut hello)).await.unwrap();
    hello = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
    within("a ClientHello", client.read_exact(&mut hello)).await.unwrap();
    assert_eq!(offered(&hello), [0x0304, 0x0303]);
    drop((client, listener));
    assert_eq!(asking.await.unwrap().unwrap_err(), Undecided::ApiServerNoAnswer);
}

/// The versions of a ClientHello's `supported_versions` (RFC 8446 sections 4.1.2 and 4.2.1).
fn offered(hello: &[u8]) -> Vec<u16> {
    let number = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    let mut at = 4 + 2 + 32; // type and length, legacy version, random
    at += 1 + usize::from(hello[at]); // session id
    at += 2 + number(at); // cipher suites
    at += 1 + usize::from(hello[at]); // compression
    at += 2;
    while number(at) != 43 {
        at += 4 + number(at + 2);
    }
    let list = &hello[at + 5..at + 4 + number(at + 2)];
    list.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}
