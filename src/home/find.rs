//! Where the home cluster is: the one that this process runs in, else that of the kubeconfig.

use std::time::Duration;

use kube::Config;
use kube::config::{InClusterError, KubeConfigOptions, KubeconfigError};

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

/// A client for the home cluster, which asks once, without retries; none where the environment names no cluster. The
/// pod's own cluster goes before the kubeconfig; a kubeconfig that no variable names does not count, and neither do
/// kube's debugging variables. kube itself reads the address out of `KUBERNETES_SERVICE_HOST` and
/// `KUBERNETES_SERVICE_PORT`, and the files out of `KUBECONFIG`.
///
/// # Errors
/// Where what the environment names cannot be used.
pub async fn client(environment: Environment) -> Result<Option<kube::Client>, HomeError> {
    let mut config = match environment {
        Environment { in_cluster: true, kubeconfig } => match Config::incluster() {
            Ok(config) => config,
            Err(_) if kubeconfig => of_kubeconfig().await?,
            Err(error) => return Err(HomeError::InCluster(error)),
        },
        Environment { kubeconfig: true, .. } => of_kubeconfig().await?,
        _ => return Ok(None),
    };
    config.connect_timeout = Some(TIMEOUT);
    config.write_timeout = Some(TIMEOUT);
    config.default_retry = false;
    kube::Client::try_from(config).map(Some).map_err(HomeError::Client)
}

async fn of_kubeconfig() -> Result<Config, HomeError> {
    Config::from_kubeconfig(&KubeConfigOptions::default()).await.map_err(HomeError::Kubeconfig)
}
