//! Certificate files, read and checked.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsFiles;
use crate::core::pem::{PemError, blocks};

/// What is wrong with a certificate file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read `{file}`")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The PEM of a file is broken: blocks that run together, for one.
    #[error("`{file}` is broken PEM")]
    Structure {
        /// The file.
        file: PathBuf,
        /// Which line.
        source: PemError,
    },
    /// The file holds no PEM block of the expected kind, or a broken one.
    #[error("no {expected} in PEM form in `{file}`")]
    Pem {
        /// The file.
        file: PathBuf,
        /// `certificate` or `private key`.
        expected: &'static str,
        /// What the parser says.
        source: pem::Error,
    },
    /// The certificate and the key do not go together, or are of a kind that is not supported.
    #[error("certificate `{cert_file}` and key `{key_file}` cannot be used together")]
    Pair {
        /// The certificate's file.
        cert_file: PathBuf,
        /// The key's file.
        key_file: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// A client CA is not a certificate that can sign.
    #[error("`{file}` holds a certificate that cannot be a client CA")]
    ClientCa {
        /// The file.
        file: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// No verifier can be made of the client CAs.
    #[error("`{file}` makes no verifier of client certificates")]
    Verifier {
        /// The file.
        file: PathBuf,
        /// What rustls says.
        source: VerifierBuilderError,
    },
    /// The cryptography at hand does not do TLS 1.2 and 1.3.
    #[error("TLS 1.2 and 1.3 are not available")]
    Versions(#[source] rustls::Error),
}

/// The files' content, as of one moment.
pub(super) struct Material {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Material {
    /// Reads all of a listener's files.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            cert: read(&files.cert_file)?,
            key: read(&files.key_file)?,
            client_ca: files.client_ca_file.as_deref().map(read).transpose()?,
        })
    }

    /// A digest that tells one content from another.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten() {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    /// The rustls configuration: TLS 1.2 and 1.3, ALPN for HTTP/2 and HTTP/1.1, client certificates where a CA is given.
    pub(super) fn configuration(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(TlsError::Versions)?;
        let builder = match (&self.client_ca, &files.client_ca_file) {
            (Some(pem), Some(file)) => {
                let roots = Arc::new(client_roots(pem, file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                    .build()
                    .map_err(|source| TlsError::Verifier { file: file.clone(), source })?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        check_structure(&self.key, &files.key_file)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| TlsError::Pem {
            file: files.key_file.clone(),
            expected: "private key",
            source,
        })?;
        let mut config =
            builder.with_single_cert(certificates(&self.cert, &files.cert_file)?, key).map_err(|source| {
                TlsError::Pair {
                    cert_file: files.cert_file.clone(),
                    key_file: files.key_file.clone(),
                    source,
                }
            })?;
        // A client of another protocol gets an answer over HTTP/1.1, not the end of its handshake.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|source| TlsError::Read { file: file.to_owned(), source })
}

fn client_roots(pem: &[u8], file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, file)? {
        roots.add(certificate).map_err(|source| TlsError::ClientCa { file: file.to_owned(), source })?;
    }
    Ok(roots)
}

/// Every certificate of a file, at least one. Names in the log what is none, but for a key beside its certificate.
fn certificates(pem: &[u8], file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut ignored = check_structure(pem, file)?;
    ignored.retain(|label| {
        *label != "CERTIFICATE" && !label.ends_with("PRIVATE KEY") && *label != "EC PARAMETERS"
    });
    if !ignored.is_empty() {
        tracing::warn!(file = %file.display(), ignored = ignored.join(", "), "PEM blocks that are no certificates are ignored");
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates
        .and_then(|found| if found.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(found) })
        .map_err(|source| TlsError::Pem { file: file.to_owned(), expected: "certificate", source })
}

/// The labels of a file's blocks, each once. rustls' own reader skips a block that runs together with another.
fn check_structure<'a>(pem: &'a [u8], file: &Path) -> Result<Vec<&'a str>, TlsError> {
    let blocks = blocks(pem).map_err(|source| TlsError::Structure { file: file.to_owned(), source })?;
    let mut labels: Vec<&str> = blocks.iter().map(|block| block.label).collect();
    labels.sort_unstable();
    labels.dedup();
    Ok(labels)
}
