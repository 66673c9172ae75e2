//! The core: its certificate, its connection to the plugin, and the calls it makes.

use std::path::Path;
use std::sync::Arc;

use futures_util::stream;
use hyper_util::rt::TokioIo;
use prost::Message;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rolegate::plugin::wire::{pb, runtime};
use rustls::{ClientConfig, RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::{net::UnixStream, sync::mpsc};
use tonic::{
    Request, Status,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// A core's certificate, as cores make it: a CA's with a P-521 key, used as an end entity's.
pub(crate) struct Identity {
    pub(crate) pem: String,
    pub(crate) certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyAgreement,
            KeyUsagePurpose::KeyCertSign,
        ];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), certificate: certificate.der().clone(), key }
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }

    /// For the plugin's socket; `plugin` is the certificate of its line.
    pub(crate) fn client(&self, plugin: &CertificateDer<'static>) -> ClientConfig {
        let mut config =
            trusting(plugin).with_client_auth_cert(vec![self.certificate.clone()], self.key()).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// For the core's own sockets.
    pub(crate) fn server(&self, plugin: &CertificateDer<'static>) -> ServerConfig {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots(plugin).into(), provider()).build();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.unwrap())
            .with_single_cert(vec![self.certificate.clone()], self.key())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

/// A client that shows no certificate.
pub(crate) fn nameless(plugin: &CertificateDer<'static>) -> ClientConfig {
    let mut config = trusting(plugin).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

fn trusting(
    plugin: &CertificateDer<'static>,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(plugin))
}

fn roots(plugin: &CertificateDer<'static>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(plugin.clone()).unwrap();
    roots
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A connected core whose stream has begun.
pub(crate) struct Core {
    pub(crate) channel: Channel,
    announcements: Option<mpsc::UnboundedSender<runtime::ConnInfo>>,
}

impl Core {
    /// Connects as `identity` and begins the stream that lasts as long as the core.
    pub(crate) async fn connect(
        identity: &Identity,
        socket: &Path,
        plugin: &CertificateDer<'static>,
    ) -> Self {
        let channel = dial(identity.client(plugin), socket).await.unwrap();
        let (announcements, coming) = mpsc::unbounded_channel();
        let coming = stream::unfold(coming, async |mut coming: mpsc::UnboundedReceiver<_>| {
            Some((coming.recv().await?, coming))
        });
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.unwrap();
        let path = "/plugin.GRPCBroker/StartStream".parse().unwrap();
        let codec = ProstCodec::<runtime::ConnInfo, runtime::ConnInfo>::default();
        let mut answers = grpc.streaming(Request::new(coming), path, codec).await.unwrap().into_inner();
        tokio::spawn(async move { while let Ok(Some(_)) = answers.message().await {} });
        Self { channel, announcements: Some(announcements) }
    }

    /// Says where the core listens.
    pub(crate) fn announce(&self, service_id: u32, socket: &Path) {
        let (network, address) = ("unix".to_owned(), socket.to_str().unwrap().to_owned());
        self.announcements
            .as_ref()
            .unwrap()
            .send(runtime::ConnInfo { service_id, network, address })
            .unwrap();
    }

    /// Ends the stream, and nothing else.
    pub(crate) fn end_stream(&mut self) {
        self.announcements = None;
    }

    /// Calls a method of `pb.Backend` for a mount.
    pub(crate) async fn ask<A, R>(&self, method: &str, mount: &str, message: A) -> Result<R, Status>
    where
        A: Message + Send + Sync + 'static,
        R: Message + Default + Send + Sync + 'static,
    {
        let mut request = Request::new(message);
        request.metadata_mut().insert("multiplex_id", mount.parse().unwrap());
        call(&self.channel, &format!("/pb.Backend/{method}"), request).await
    }

    /// Sets a mount up; the text says why not.
    pub(crate) async fn set_up(&self, mount: &str, broker_id: u32) -> String {
        let args = pb::SetupArgs { broker_id, ..pb::SetupArgs::default() };
        self.ask::<_, pb::SetupReply>("Setup", mount, args).await.unwrap().err
    }

    /// Has a request handled.
    pub(crate) async fn handle(&self, mount: &str, path: &str) -> Result<pb::HandleRequestReply, Status> {
        let request = pb::Request { operation: "read".into(), path: path.into(), ..pb::Request::default() };
        self.ask("HandleRequest", mount, pb::HandleRequestArgs { request: Some(request) }).await
    }

    /// Whether the plugin says that it serves.
    pub(crate) async fn is_served(&self) -> bool {
        let asked = runtime::HealthCheckRequest { service: "plugin".to_owned() };
        let answer = call(&self.channel, "/grpc.health.v1.Health/Check", Request::new(asked)).await;
        answer.is_ok_and(|answer: runtime::HealthCheckResponse| answer.status == 1)
    }
}

/// One call of any method.
pub(crate) async fn call<A, R>(channel: &Channel, path: &str, request: Request<A>) -> Result<R, Status>
where
    A: Message + Send + Sync + 'static,
    R: Message + Default + Send + Sync + 'static,
{
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let answer = grpc.unary(request, path.parse().unwrap(), ProstCodec::<A, R>::default());
    crate::support::within(path, answer).await.map(tonic::Response::into_inner)
}

/// Connects to the plugin's socket.
pub(crate) async fn dial(tls: ClientConfig, socket: &Path) -> Result<Channel, tonic::transport::Error> {
    let (tls, socket) = (Arc::new(tls), socket.to_owned());
    let connector = tower::service_fn(move |_| {
        let (tls, socket) = (Arc::clone(&tls), socket.clone());
        async move {
            let stream = UnixStream::connect(socket).await?;
            let name = ServerName::try_from("localhost").unwrap();
            let stream = tokio_rustls::TlsConnector::from(tls).connect(name, stream).await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await
}
