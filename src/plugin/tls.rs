//! TLS between a core and its plugin: each knows the other by one certificate, made for this process alone.

mod pinned;

use std::sync::Arc;

use pinned::Pinned;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The name that both sides ask for.
pub(super) const NAME: &str = "localhost";

/// Both ends of TLS as this process has them. The key is never outside its memory.
#[derive(Debug)]
pub struct Tls {
    /// This process's certificate.
    pub certificate: CertificateDer<'static>,
    /// For the core, which connects.
    pub server: Arc<ServerConfig>,
    /// For the core's own sockets.
    pub client: Arc<ClientConfig>,
}

/// There is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate can be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The cryptography at hand does not do it.
    #[error("cannot set up TLS")]
    Config(#[from] rustls::Error),
}

impl Tls {
    /// Makes a certificate, with which to talk to the holder of `core` and to nobody else.
    ///
    /// # Errors
    /// Where the cryptography at hand does not do it.
    pub fn with(core: CertificateDer<'static>) -> Result<Self, TlsError> {
        // P-521, which cores use, is why it has to be this one.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (certificate, key) = identity()?;
        let chain = vec![certificate.clone()];
        let pinned = Arc::new(Pinned::new(core, &provider));
        Ok(Self {
            server: Arc::new(server(&provider, Arc::clone(&pinned), chain.clone(), key.clone_key())?),
            client: Arc::new(client(&provider, pinned, chain, key)?),
            certificate,
        })
    }
}

fn identity() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new([NAME.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((certificate, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

fn server(
    provider: &Arc<CryptoProvider>,
    pinned: Arc<Pinned>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(pinned)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn client(
    provider: &Arc<CryptoProvider>,
    pinned: Arc<Pinned>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
