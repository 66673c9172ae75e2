//! Whether a server's certificate is that of the API server: path building by webpki, and certificates that are trusted
//! themselves.
//!
//! Vault's clients (Go's crypto/x509) take a certificate that is itself among the trusted ones, whoever issued it and
//! whether or not it is a CA. webpki does not: it wants an issuer, and no CA in an end entity's place. Such a certificate is
//! recognised by its bytes here; its dates, its names and its purpose are checked as those of any other.

use std::io;
use std::sync::Arc;

use kube::client::ConfigExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::AskError;

/// How TLS is spoken with a server that is checked against these certificates in DER, or against the system's where there
/// are none: TLS 1.2 and 1.3.
///
/// # Errors
/// Where a certificate cannot be a trust anchor, or the system has none.
pub(super) fn client_config(trusted: Option<Vec<Vec<u8>>>) -> Result<ClientConfig, AskError> {
    let Some(trusted) = trusted else { return system_config() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trusted: Vec<CertificateDer<'static>> = trusted.into_iter().map(CertificateDer::from).collect();
    let mut anchors = RootCertStore::empty();
    for certificate in &trusted {
        anchors.add(certificate.clone()).map_err(|error| AskError::Ca(error.into()))?;
    }
    let paths = WebPkiServerVerifier::builder_with_provider(Arc::new(anchors), Arc::clone(&provider))
        .build()
        .map_err(|error| AskError::Ca(error.into()))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| AskError::Ca(error.into()))?
        // Adds acceptance of the trusted certificates themselves; skips none of webpki's checks for others.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ServerCertificate { trusted, paths }))
        .with_no_client_auth())
}

/// The system's certificates, as its own tools trust them.
pub(super) fn system_config() -> Result<ClientConfig, AskError> {
    let config = kube::Config::new(http::Uri::from_static("https://localhost"));
    config.rustls_client_config().map_err(|error| AskError::Ca(error.into()))
}

/// Accepts what webpki accepts, and the trusted certificates themselves.
#[derive(Debug)]
struct ServerCertificate {
    trusted: Vec<CertificateDer<'static>>,
    paths: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for ServerCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.trusted.iter().any(|trusted| trusted.as_ref() == end_entity.as_ref()) {
            return self.paths.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        }
        // Parsing refuses unknown critical extensions, as it does for others.
        let parsed = ParsedCertificate::try_from(end_entity)?;
        check_dates_and_purpose(end_entity, now)?;
        verify_server_name(&parsed, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.paths.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.paths.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.paths.supported_verify_schemes()
    }
}

/// The validity period (RFC 5280 section 4.1.2.5), and `serverAuth` where there is an extendedKeyUsage (section 4.2.1.12). webpki
/// checks both, but only on a path to an issuer.
fn check_dates_and_purpose(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let Ok(([], parsed)) = X509Certificate::from_der(certificate) else {
        return Err(CertificateError::BadEncoding);
    };
    let [not_before, not_after] =
        [parsed.validity().not_before, parsed.validity().not_after].map(|date| date.timestamp());
    // Signed: a certificate may end before 1970.
    let seconds = i64::try_from(now.as_secs()).map_err(|_| CertificateError::Expired)?;
    let unix =
        |date: i64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(date.max(0).unsigned_abs()));
    if seconds < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before: unix(not_before) });
    }
    if seconds > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after: unix(not_after) });
    }
    match parsed.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.server_auth => Ok(()),
        Ok(Some(_)) => Err(CertificateError::InvalidPurpose),
        Err(_) => Err(CertificateError::BadEncoding),
    }
}

/// Why a TLS handshake failed, with what can be done where rustls itself does not say.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error(
        "the server's certificate is marked as a CA (basicConstraints CA:TRUE) and is not itself trusted: add this very \
         certificate to `kubernetes_ca_cert`, or have one issued with CA:FALSE"
    )]
    CaCertificate(#[source] io::Error),
    #[error(
        "the server refuses every TLS version and cipher suite on offer: it must take TLS 1.3, or TLS 1.2 with ECDHE and \
         AES-GCM or ChaCha20-Poly1305; TLS 1.2 with CBC suites or RSA key exchange alone is not supported"
    )]
    NothingInCommon(#[source] io::Error),
    #[error("the TLS handshake fails")]
    Other(#[source] io::Error),
}

impl HandshakeError {
    /// What rustls says, where it is the cause.
    pub(super) fn tls(&self) -> Option<&Error> {
        let (Self::CaCertificate(error) | Self::NothingInCommon(error) | Self::Other(error)) = self;
        error.get_ref().and_then(|cause| cause.downcast_ref())
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) {
            // webpki's own error, of a package that is not ours; a test pins its text.
            Some(Error::InvalidCertificate(CertificateError::Other(other)))
                if other.to_string() == "CaUsedAsEndEntity" =>
            {
                Self::CaCertificate(error)
            }
            Some(
                Error::PeerIncompatible(_)
                | Error::AlertReceived(
                    AlertDescription::HandshakeFailure
                    | AlertDescription::ProtocolVersion
                    | AlertDescription::InsufficientSecurity,
                ),
            ) => Self::NothingInCommon(error),
            _ => Self::Other(error),
        }
    }
}
