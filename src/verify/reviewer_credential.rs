//! The token that a request to an API server is sent with.

use std::io;
use std::path::{Path, PathBuf};

use http::HeaderValue;

use super::LocalCluster;
use super::error::AskError;
use super::pod_files::{TokenSeen, read};
use crate::core::mount::MountConfig;
use crate::core::secret::Secret;

/// Where a mount's reviewer token comes from.
#[derive(Debug)]
pub(super) enum ReviewerCredential {
    /// The mount's `token_reviewer_jwt`.
    Configured(Secret),
    /// The pod's own token, which changes in place.
    Pod(PathBuf, TokenSeen),
    /// Nowhere: each token is sent as its own bearer, as the reference does.
    None,
}

impl ReviewerCredential {
    /// The pod's token only goes to the pod's own cluster: to a name that nobody else can have, or to one whose certificate
    /// is checked against the pod's own CA.
    pub(super) fn new(
        config: &MountConfig,
        host: Option<&str>,
        is_checked_by_the_pods_ca: bool,
        local: &LocalCluster,
    ) -> Self {
        let is_own = |host: &str| {
            is_own_cluster(host, local) && (is_checked_by_the_pods_ca || !is_in_a_domain_of_its_own(host))
        };
        let configured = config.token_reviewer_jwt.as_ref().map(|jwt| jwt.expose().trim());
        match configured.filter(|jwt| !jwt.is_empty()) {
            Some(jwt) => Self::Configured(jwt.to_owned().into()),
            None if !config.disable_local_ca_jwt && host.is_some_and(is_own) => {
                Self::Pod(local.token_file.clone(), local.token_seen.clone())
            }
            None => Self::None,
        }
    }

    /// The pod's file, where it comes from there.
    pub(super) fn file(&self) -> Option<&Path> {
        if let Self::Pod(file, _) = self { Some(file) } else { None }
    }

    /// The reviewer's header as of now; none where the token that is asked about is its own bearer. Reads a file.
    ///
    /// # Errors
    /// Where the pod's token cannot be read although the pod has one, or fits no header. A pod that never had a token file
    /// has no reviewer, as in Vault.
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, AskError> {
        match self {
            Self::None => Ok(None),
            Self::Configured(jwt) => bearer(jwt.expose()).map(Some).ok_or(AskError::ReviewerHeader),
            Self::Pod(file, seen) => {
                let bytes = match read(file) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound && !seen.get() => return Ok(None),
                    read => read.map_err(AskError::ReviewerFile)?,
                };
                seen.set();
                let token = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
                if token.is_empty() {
                    // Half written.
                    return Err(AskError::ReviewerFile(io::ErrorKind::InvalidData.into()));
                }
                bearer(token).map(Some).ok_or(AskError::ReviewerHeader)
            }
        }
    }
}

/// The header that presents a token; none where the token has characters that no header may have.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// How the API server's name begins where a cluster's domain follows, which may be any, and the usual one.
const WITH_DOMAIN: &str = "kubernetes.default.svc.";
const USUAL_DOMAIN: &str = "cluster.local";

/// Whether the host of a URL has a name that the API server of the cluster that this process runs in may have.
pub(super) fn is_own_cluster(host: &str, local: &LocalCluster) -> bool {
    let host = plain(host);
    matches!(&*host, "kubernetes" | "kubernetes.default" | "kubernetes.default.svc")
        || host.starts_with(WITH_DOMAIN)
        || local.service_host.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&host))
}

/// Whether it has such a name in a domain that may as well be somebody else's.
fn is_in_a_domain_of_its_own(host: &str) -> bool {
    plain(host).strip_prefix(WITH_DOMAIN).is_some_and(|domain| domain != USUAL_DOMAIN)
}

fn plain(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::LocalCluster;
    use super::{ReviewerCredential, bearer, is_own_cluster};
    use crate::core::mount::decode::decode;

    #[test]
    fn only_the_names_and_the_address_of_the_own_cluster_are_its_own() {
        let local =
            |own: &str| LocalCluster { service_host: Some(own.to_owned()), ..LocalCluster::default() };
        let cases = [
            ("kubernetes.default.svc", "10.0.0.1", true),
            ("Kubernetes.Default.svc.", "10.0.0.1", true),
            ("kubernetes.default.svc.cluster.local", "10.0.0.1", true),
            ("kubernetes.default", "10.0.0.1", true),
            ("kubernetes", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("[fd00::1]", "fd00::1", true),
            ("10.0.0.2", "10.0.0.1", false),
            ("kubernetes.default.svc.example", "", true),
            ("kubernetes.default.svcx", "10.0.0.1", false),
            ("xkubernetes.default.svc", "10.0.0.1", false),
            ("kubernetes.example", "10.0.0.1", false),
            ("example.org", "10.0.0.1", false),
        ];
        for (host, own, expected) in cases {
            assert_eq!(is_own_cluster(host, &local(own)), expected, "{host}");
        }
        let nowhere = LocalCluster { service_host: None, ..LocalCluster::default() };
        assert!(!is_own_cluster("10.0.0.1", &nowhere));
    }

    #[test]
    fn the_pods_token_goes_to_no_domain_that_may_be_somebody_elses_unless_the_pods_ca_vouches_for_it() {
        let local = LocalCluster { service_host: Some("10.0.0.1".to_owned()), ..LocalCluster::default() };
        let fields = serde_json::json!({"kubernetes_host": "https://kubernetes.default.svc"});
        let config = decode(fields.as_object().unwrap()).unwrap();
        for (host, alone, checked) in [
            ("kubernetes.default.svc", true, true),
            ("10.0.0.1", true, true),
            ("kubernetes.default.svc.cluster.local", true, true),
            ("Kubernetes.Default.Svc.Cluster.Local.", true, true),
            ("kubernetes.default.svc.example.org", false, true),
            ("kubernetes.default.svc.cluster.local.example.org", false, true),
            ("example.org", false, false),
        ] {
            for (is_checked, expected) in [(false, alone), (true, checked)] {
                let reviewer = ReviewerCredential::new(&config, Some(host), is_checked, &local);
                assert_eq!(matches!(reviewer, ReviewerCredential::Pod(..)), expected, "{host} {is_checked}");
            }
        }
    }

    #[test]
    fn a_bearer_does_not_show_itself() {
        let header = bearer("s3cret").unwrap();
        assert_eq!(header.as_bytes(), b"Bearer s3cret");
        assert!(!format!("{header:?}").contains("s3cret"));
        assert!(bearer("a\nb").is_none());
    }
}
