//! What `rolegate check-config` says of a file.

use std::fs;
use std::path::Path;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::file::{Document, parse_yaml};
use crate::config::{Config, ConfigError, Environment, Store, TlsFiles};

/// What a file is, by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A configuration of `rolegate server`.
    Server,
    /// Mounts, roles and policies.
    Store,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Server => "configuration of `rolegate server`",
            Self::Store => "store file",
        })
    }
}

/// Checks a file and all files that it names. The environment does not count.
///
/// # Errors
/// With one line that names the file, the key and what is expected there.
pub fn check_config(file: &Path) -> Result<Kind, ConfigError> {
    if is_store(file)? {
        Document::read(file)?;
        return Ok(Kind::Store);
    }
    let config = Config::load(file, Environment::default())?.config;
    config.store.key(file, None)?;
    let doors = [
        ("envoy", config.envoy.as_ref().and_then(|door| door.tls.as_ref())),
        ("vault", config.vault.as_ref().and_then(|door| door.tls.as_ref())),
    ];
    for (door, tls) in doors {
        tls.map_or(Ok(()), |tls| check_tls(file, door, tls))?;
    }
    if let Some(path) = &config.root_token_file {
        let token =
            fs::read_to_string(path).map_err(|cause| unreadable(file, "root_token_file", path, cause))?;
        if token.trim().is_empty() {
            return Err(ConfigError::new(file, "root_token_file", "expected a file with a token"));
        }
    }
    if let Store::File { path } = &config.store {
        Document::read(path)?;
    }
    Ok(Kind::Server)
}

fn is_store(file: &Path) -> Result<bool, ConfigError> {
    let wrong = |cause: String| ConfigError::new(file, "", cause);
    let text = fs::read_to_string(file).map_err(|cause| wrong(cause.to_string()))?;
    let root = parse_yaml(&text).map_err(wrong)?;
    Ok(root.get("mounts").or(root.get("policies")).is_some())
}

fn check_tls(file: &Path, door: &str, tls: &TlsFiles) -> Result<(), ConfigError> {
    certificates(file, &format!("{door}.tls.cert_file"), &tls.cert_file)?;
    PrivateKeyDer::from_pem_file(&tls.key_file)
        .map_err(|cause| unreadable(file, &format!("{door}.tls.key_file"), &tls.key_file, cause))?;
    match &tls.client_ca_file {
        Some(path) => certificates(file, &format!("{door}.tls.client_ca_file"), path),
        None => Ok(()),
    }
}

fn certificates(file: &Path, key: &str, path: &Path) -> Result<(), ConfigError> {
    let bad = |cause| unreadable(file, key, path, cause);
    let found =
        CertificateDer::pem_file_iter(path).map_err(bad)?.collect::<Result<Vec<_>, _>>().map_err(bad)?;
    if found.is_empty() {
        return Err(ConfigError::new(file, key, format!("expected certificates in `{}`", path.display())));
    }
    Ok(())
}

fn unreadable(file: &Path, key: &str, path: &Path, cause: impl std::fmt::Display) -> ConfigError {
    ConfigError::new(file, key, format!("expected a file that can be used, `{}`: {cause}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Kind, check_config};

    const STORE: &str = "mounts: {kubernetes: {config: {kubernetes_host: h}}}";

    /// Checks the first of some files; its error without the directory.
    fn check(files: &[(&str, &str)]) -> Result<Kind, String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let place = format!("{}/", directory.path().display());
        check_config(&directory.path().join(files[0].0))
            .map_err(|error| error.to_string().replace(&place, ""))
    }

    #[test]
    fn a_file_is_told_by_its_content() {
        assert_eq!(check(&[("a.yaml", STORE)]), Ok(Kind::Store));
        assert_eq!(check(&[("a.yaml", "policies: {}")]), Ok(Kind::Store));
        let server = "{envoy: {plaintext: true}, store: {type: file, path: s.yaml}}";
        assert_eq!(check(&[("a.yaml", server), ("s.yaml", STORE)]), Ok(Kind::Server));
        assert_eq!(
            check(&[("a.yaml", "{envoy: {plaintext: true}, store: {type: memory}}")]),
            Ok(Kind::Server)
        );
        assert_eq!(
            check(&[("a.yaml", "{envoy: {plaintext: true}, store: {type: kubernetes}}")]),
            Ok(Kind::Server)
        );
    }

    #[test]
    fn files_that_a_configuration_names_are_checked_with_it() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["gate".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        let key = key.serialize_pem();
        let server = "{envoy: {tls: {cert_file: c.pem, key_file: k.pem, client_ca_file: c.pem}}, \
                      store: {type: file, path: s.yaml}, root_token_file: t}";
        let good =
            [("a.yaml", server), ("s.yaml", STORE), ("c.pem", &certificate), ("k.pem", &key), ("t", "x")];
        assert_eq!(check(&good), Ok(Kind::Server));
        let mistakes = [
            (
                1,
                "mounts: {kubernetes: {config: {}}}",
                "s.yaml: mounts.kubernetes.config.kubernetes_host: no host",
            ),
            (2, "", "a.yaml: envoy.tls.cert_file: expected certificates"),
            (3, certificate.as_str(), "a.yaml: envoy.tls.key_file: expected a file that can be used"),
            (4, " ", "a.yaml: root_token_file: expected a file with a token"),
        ];
        for (position, text, start) in mistakes {
            let mut files = good;
            files[position].1 = text;
            let error = check(&files).unwrap_err();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
