//! API servers that are reached through an HTTP proxy.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rolegate::config::HttpProxy;
use rolegate::core::no_proxy::NoProxy;
use rolegate::core::reason::Undecided;
use rolegate::verify::{LocalCluster, Settings};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::api_server::{ApiServer, confirmed};
use crate::house::{House, mount_with, name, settings};
use crate::support::certificates::Authority;

/// A name that no resolver has.
const NAME: &str = "k8s.example.invalid";

/// A proxy that answers CONNECT in one way, and leads every tunnel to one place.
struct Proxy {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Proxy {
    async fn start(answer: &'static str, to: std::net::SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&requests);
        let serving = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let noted = Arc::clone(&noted);
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(client.read_u8().await.unwrap());
                    }
                    noted.lock().unwrap().push(String::from_utf8(head).unwrap());
                    client.write_all(answer.as_bytes()).await.unwrap();
                    if answer.starts_with("HTTP/1.1 200") {
                        let mut server = TcpStream::connect(to).await.unwrap();
                        let _ended = copy_bidirectional(&mut client, &mut server).await;
                    } else if answer.is_empty() {
                        let _ended = client.read_to_end(&mut Vec::new()).await;
                    }
                });
            }
        });
        Self { port, requests, _serving: AbortOnDropHandle::new(serving) }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn through(port: u16, change: impl FnOnce(&mut HttpProxy)) -> Settings {
    let mut proxy = HttpProxy {
        host: "127.0.0.1".to_owned(),
        port,
        is_tls: false,
        authorization: Some("Basic dXNlcjpodW50ZXIy".to_owned().into()),
        no_proxy: NoProxy::default(),
    };
    change(&mut proxy);
    Settings { proxy: Some(Arc::new(proxy)), ..settings() }
}

/// A server whose certificate is for [`NAME`] and 127.0.0.1, and its authority.
async fn server() -> (ApiServer, Authority) {
    let authority = Authority::new();
    let certified = authority.server(&[NAME, "127.0.0.1"]);
    let chain = vec![CertificateDer::from_pem_slice(certified.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certified.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let server = ApiServer::start_with(Some(config), Box::new(|asked| Some(confirmed(asked)))).await;
    (server, authority)
}

#[tokio::test]
async fn the_proxy_resolves_the_name_and_gets_its_credentials_and_nothing_of_the_review() {
    let (server, authority) = server().await;
    let proxy = Proxy::start("HTTP/1.1 200 Connection established\r\n\r\n", server.address).await;
    let house = House::with(through(proxy.port, |_| ()));
    let mount =
        mount_with(&format!("https://{NAME}:6443"), |config| config.kubernetes_ca_cert = authority.pem);
    assert_eq!(name(&house.cached(&mount, "orders").await), "orders");
    assert_eq!(name(&house.cached(&mount, "billing").await), "billing");
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1, "a tunnel is kept: {requests:?}");
    let lines: Vec<&str> = requests[0].split("\r\n").collect();
    assert_eq!(lines[0], format!("CONNECT {NAME}:6443 HTTP/1.1"));
    assert_eq!(lines[1], format!("Host: {NAME}:6443"));
    assert!(lines.contains(&"Proxy-Authorization: Basic dXNlcjpodW50ZXIy"), "{lines:?}");
    assert_eq!(server.asked()[0].headers.get("host").unwrap(), &format!("{NAME}:6443"));
    assert!(server.asked()[0].headers.get("proxy-authorization").is_none());
}

#[tokio::test]
async fn the_machine_itself_plain_http_and_exceptions_are_reached_directly() {
    let (server, authority) = server().await;
    let plain = ApiServer::confirming().await;
    let proxy = Proxy::start("HTTP/1.1 500 x\r\n\r\n", server.address).await;
    let secure = mount_with(&server.url(), |config| config.kubernetes_ca_cert = authority.pem.clone());
    // The loopback is never proxied.
    assert!(House::with(through(proxy.port, |_| ())).cached(&secure, "orders").await.is_ok());
    assert!(
        House::with(through(proxy.port, |_| ()))
            .cached(&mount_with(&plain.url(), |_| ()), "orders")
            .await
            .is_ok()
    );
    // Neither NO_PROXY nor rolegate's own cluster: asked directly, where the name leads nowhere.
    let named = mount_with(&format!("https://{NAME}:6443"), |config| {
        config.kubernetes_ca_cert = authority.pem.clone();
    });
    let excepted = through(proxy.port, |proxy| proxy.no_proxy = NoProxy::parse(".example.invalid"));
    let local = LocalCluster { service_host: Some(NAME.to_owned()), ..settings().local };
    let own = Settings { local, ..through(proxy.port, |_| ()) };
    let (_, home) = House::with_home(&format!("https://{NAME}:6443"));
    let home = Settings { home: Some(home), ..through(proxy.port, |_| ()) };
    for settings in [excepted, own, home] {
        House::with(settings).cached(&named, "orders").await.unwrap_err();
    }
    assert_eq!(proxy.requests(), [""; 0]);
}

#[tokio::test]
async fn what_a_proxy_answers_is_its_own_cause_and_never_opens() {
    let (server, authority) = server().await;
    for (answer, cause) in [
        ("HTTP/1.1 407 x\r\n\r\n", "the proxy of `HTTPS_PROXY` wants other credentials"),
        ("HTTP/1.1 403 x\r\n\r\n", "answers CONNECT with status 403"),
        ("HTTP/1.1 503 x\r\n\r\n", "answers CONNECT with status 503"),
        ("nonsense\r\n\r\n", "something else than one HTTP/1 head"),
    ] {
        let proxy = Proxy::start(answer, server.address).await;
        let house = House::with(through(proxy.port, |_| ()));
        let mount = mount_with(&format!("https://{NAME}"), |config| {
            config.kubernetes_ca_cert = authority.pem.clone();
        });
        let undecided = house.cached(&mount, "orders").await.unwrap_err();
        assert_eq!((undecided, undecided.may_open()), (Undecided::ApiServerNoAnswer, false), "{answer}");
        let trouble = house.trouble().unwrap();
        assert!(trouble.contains(cause) && !trouble.contains("dXNlc"), "{trouble}");
        assert!(proxy.requests()[0].starts_with(&format!("CONNECT {NAME}:443 ")));
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_named_before_the_questions_time_is_over() {
    let (server, authority) = server().await;
    let proxy = Proxy::start("", server.address).await;
    let house = House::with(Settings { timeout: Duration::from_secs(2), ..through(proxy.port, |_| ()) });
    let mount = mount_with(&format!("https://{NAME}"), |config| config.kubernetes_ca_cert = authority.pem);
    assert_eq!(house.cached(&mount, "orders").await.unwrap_err(), Undecided::ApiServerNoAnswer);
    assert!(house.trouble().unwrap().contains("makes no tunnel within 1.5s"), "{:?}", house.trouble());
}

#[tokio::test]
async fn a_proxy_that_refuses_connections_is_a_failure_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let house = House::with(through(port, |_| ()));
    let mount = mount_with(&format!("https://{NAME}"), |config| {
        config.kubernetes_ca_cert = Authority::new().pem;
    });
    assert_eq!(house.cached(&mount, "orders").await.unwrap_err(), Undecided::ApiServerUnreachable);
    assert!(house.trouble().unwrap().contains("the proxy of `HTTPS_PROXY` cannot be reached"));
}

#[tokio::test]
async fn a_proxy_does_not_stand_for_the_api_server() {
    let (server, _) = server().await;
    let proxy = Proxy::start("HTTP/1.1 200 OK\r\n\r\n", server.address).await;
    let house = House::with(through(proxy.port, |_| ()));
    let mount = mount_with(&format!("https://{NAME}"), |config| {
        config.kubernetes_ca_cert = Authority::new().pem;
    });
    house.cached(&mount, "orders").await.unwrap_err();
    assert!(server.asked().is_empty());
}
