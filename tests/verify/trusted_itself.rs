//! Certificates of API servers that are themselves among the trusted ones.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, date_time_ymd,
};
use rolegate::core::reason::Undecided;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::api_server::{ApiServer, confirmed};
use crate::house::{House, mount_with, name};
use crate::support::within;

/// A certificate and its key.
struct Certified {
    pem: String,
    key: KeyPair,
}

type Change = fn(&mut CertificateParams);

/// The parameters of a server at 127.0.0.1, changed.
fn params(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    change(&mut params);
    params
}

fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Certified {
    let key = KeyPair::generate().unwrap();
    Certified { pem: params(change).self_signed(&key).unwrap().pem(), key }
}

/// An issuer, and its certificate in PEM.
fn issuer() -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let params = params(|params| {
        is_a_ca(params);
        params.distinguished_name.push(DnType::CommonName, "an authority");
    });
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

fn issued(by: &Issuer<'static, KeyPair>, change: impl FnOnce(&mut CertificateParams)) -> Certified {
    let key = KeyPair::generate().unwrap();
    Certified { pem: params(change).signed_by(&key, by).unwrap().pem(), key }
}

fn is_a_ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

/// A server that shows this certificate and signs with this key, whatever rustls thinks of the two.
async fn server(pem: &str, key: &KeyPair, versions: &[&'static SupportedProtocolVersion]) -> ApiServer {
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = provider.key_provider.load_private_key(key).unwrap();
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    ApiServer::start_with(Some(config), Box::new(|asked| Some(confirmed(asked)))).await
}

/// What a mount that trusts these certificates says of a server; none where it is believed.
async fn refusal(server: &ApiServer, trusted: &str) -> Option<String> {
    let mount = mount_with(&server.url(), |config| trusted.clone_into(&mut config.kubernetes_ca_cert));
    let house = House::new();
    match house.cached(&mount, "orders").await {
        Ok(review) => {
            assert_eq!(name(&Ok(review)), "orders");
            None
        }
        Err(undecided) => {
            assert_eq!(undecided, Undecided::ApiServerUnreachable);
            Some(house.trouble().unwrap())
        }
    }
}

#[tokio::test]
async fn a_trusted_certificate_is_believed_whoever_issued_it_and_whatever_it_is() {
    let (authority, _) = issuer();
    let (_, other) = issuer();
    for certified in [
        self_signed(is_a_ca),
        self_signed(|_| ()),
        issued(&authority, |_| ()),
        issued(&authority, is_a_ca),
        issued(&authority, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        self_signed(|params| {
            params.not_before = date_time_ymd(1960, 1, 1);
            params.not_after = date_time_ymd(9999, 12, 31);
        }),
    ] {
        for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
            let server = server(&certified.pem, &certified.key, versions).await;
            assert_eq!(refusal(&server, &certified.pem).await, None);
            let both = format!("{other}# the server's own\n{}", certified.pem);
            assert_eq!(refusal(&server, &both).await, None);
        }
    }
}

#[tokio::test]
async fn its_dates_names_and_purpose_are_checked_as_those_of_any_other() {
    let (authority, _) = issuer();
    let changes: [(&str, Change); 6] = [
        ("expired", |params| params.not_after = date_time_ymd(2001, 1, 1)),
        ("expired", |params| {
            params.not_before = date_time_ymd(1951, 1, 1);
            params.not_after = date_time_ymd(1969, 1, 1);
        }),
        ("not valid yet", |params| params.not_before = date_time_ymd(3000, 1, 1)),
        ("not valid for name", |params| {
            params.subject_alt_names =
                CertificateParams::new(vec!["127.0.0.2".to_owned(), "localhost".to_owned()])
                    .unwrap()
                    .subject_alt_names;
        }),
        ("InvalidPurpose", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        ("UnsupportedCriticalExtension", |params| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
            unknown.set_criticality(true);
            params.custom_extensions = vec![unknown];
        }),
    ];
    for (expected, change) in changes {
        for certified in [
            self_signed(change),
            issued(&authority, change),
            self_signed(|params| {
                is_a_ca(params);
                change(params);
            }),
        ] {
            let server = server(&certified.pem, &certified.key, rustls::DEFAULT_VERSIONS).await;
            let trouble = refusal(&server, &certified.pem).await.unwrap();
            assert!(trouble.contains(expected), "{expected}: {trouble}");
            assert!(server.asked().is_empty());
        }
    }
}

#[tokio::test]
async fn another_certificate_of_the_same_issuer_or_the_same_name_is_not_believed() {
    let (authority, _) = issuer();
    let (one, other) = (issued(&authority, |_| ()), issued(&authority, |_| ()));
    let server = server(&one.pem, &one.key, rustls::DEFAULT_VERSIONS).await;
    let trouble = refusal(&server, &other.pem).await.unwrap();
    assert!(trouble.contains("UnknownIssuer"), "{trouble}");
    assert!(refusal(&server, &self_signed(is_a_ca).pem).await.is_some());
    assert!(server.asked().is_empty());
}

/// A server's certificate is no secret: whoever shows it must have its key.
#[tokio::test]
async fn a_trusted_certificate_without_its_key_is_not_believed() {
    let certified = self_signed(is_a_ca);
    let stranger = KeyPair::generate().unwrap();
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let server = server(&certified.pem, &stranger, versions).await;
        let trouble = refusal(&server, &certified.pem).await.unwrap();
        assert!(trouble.contains("BadSignature"), "{trouble}");
        assert!(server.asked().is_empty());
    }
}

#[tokio::test]
async fn an_issued_certificate_that_is_a_ca_is_refused_with_its_remedy() {
    let (authority, ca) = issuer();
    let certified = issued(&authority, is_a_ca);
    let server = server(&certified.pem, &certified.key, rustls::DEFAULT_VERSIONS).await;
    let trouble = refusal(&server, &ca).await.unwrap();
    assert!(trouble.contains("CA:TRUE") && trouble.contains("add this very certificate"), "{trouble}");
}

#[tokio::test]
async fn a_server_that_takes_nothing_on_offer_is_named_with_what_it_must_take() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("https://{}", listener.local_addr().unwrap());
    let trusted = self_signed(is_a_ca).pem;
    let mount = mount_with(&host, |config| config.kubernetes_ca_cert = trusted);
    // What OpenSSL answers where its TLS 1.2 has CBC suites alone: a fatal handshake_failure (RFC 5246 section 7.2.2).
    let serving = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut hello = [0; 5];
        client.read_exact(&mut hello).await.unwrap();
        client.write_all(&[0x15, 3, 3, 0, 2, 2, 40]).await.unwrap();
        let mut rest = Vec::new();
        let _ended = client.read_to_end(&mut rest).await;
    });
    let house = House::new();
    house.cached(&mount, "orders").await.unwrap_err();
    let trouble = house.trouble().unwrap();
    assert!(trouble.contains("TLS 1.2 with CBC suites") && trouble.contains("HandshakeFailure"), "{trouble}");
    within("the server's end", serving).await.unwrap();
}
