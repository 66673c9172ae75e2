//! Where the home cluster is: the one that this process runs in, else that of the kubeconfig.

use std::time::Duration;

use http::Uri;
use kube::Config;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};

/// To connect, and to send a request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the environment says of a home cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// `KUBERNETES_SERVICE_HOST` is set: the process runs in a cluster.
    pub in_cluster: bool,
    /// `KUBECONFIG` is set.
    pub kubeconfig: bool,
}

/// No answer, and no part of one, is waited for so long; a watch begins anew before.
const SILENCE: Duration = Duration::from_secs(90);

/// The home cluster as it was found.
#[derive(Clone)]
pub struct Found {
    /// Asks its API server once, without retries.
    pub client: kube::Client,
    /// Where its API server is.
    pub url: Uri,
    /// It is the cluster that this process runs in, and not that of a kubeconfig.
    pub is_pods_own: bool,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Found").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why the home cluster cannot be asked. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The pod's own files.
    #[error("the files that Kubernetes gives to a pod cannot be used")]
    InCluster(#[source] InClusterError),
    /// The kubeconfig.
    #[error("the file that `KUBECONFIG` names cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    /// What they say.
    #[error("no client can be made for the home cluster")]
    Client(#[source] kube::Error),
}

/// The home cluster; none where the environment names none. The pod's own cluster goes before the kubeconfig; a kubeconfig
/// that no variable names does not count, and neither do kube's debugging variables. kube itself reads the address out of
/// `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, and the files out of `KUBECONFIG`.
///
/// # Errors
/// Where what the environment names cannot be used.
pub async fn find(environment: Environment) -> Result<Option<Found>, HomeError> {
    let (mut config, is_pods_own) = match environment {
        Environment { in_cluster: true, kubeconfig } => match Config::incluster() {
            Ok(config) => (config, true),
            Err(_) if kubeconfig => (of_kubeconfig().await?, false),
            Err(error) => return Err(HomeError::InCluster(error)),
        },
        Environment { kubeconfig: true, .. } => (of_kubeconfig().await?, false),
        _ => return Ok(None),
    };
    config.connect_timeout = Some(TIMEOUT);
    config.write_timeout = Some(TIMEOUT);
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    config.default_retry = false;
    let url = config.cluster_url.clone();
    let client = kube::Client::try_from(config).map_err(HomeError::Client)?;
    Ok(Some(Found { client, url, is_pods_own }))
}

/// The cluster of the kubeconfig, reached as that says: a proxy that the environment names is for elsewhere.
async fn of_kubeconfig() -> Result<Config, HomeError> {
    read_kubeconfig().await.map_err(HomeError::Kubeconfig)
}

async fn read_kubeconfig() -> Result<Config, KubeconfigError> {
    let kubeconfig = Kubeconfig::from_env()?.ok_or(KubeconfigError::FindPath)?;
    let mut clusters = kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let names_proxy = clusters.any(|cluster| cluster.proxy_url.is_some());
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.proxy_url = config.proxy_url.filter(|_| names_proxy);
    Ok(config)
}
