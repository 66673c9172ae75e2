//! `rolegate dev`: everything on loopback, with a stand-in cluster and a seeded mount.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::keep::Kept;
use super::{Bound, Shared, StartError, bind_parts, root_token};
use crate::config::{Config, EnvoyDoor, Ops, Shutdown, VaultDoor};
use crate::core::mount::{MountAbout, MountConfig};
use crate::core::role::{AliasNameSource, OldNames, Role, TokenParameters};
use crate::core::secret::Secret;
use crate::dev::cluster::{Cluster, ClusterError};
use crate::net::{Bound as Listener, Limits, Listen, Protocol, with_peer};
use crate::ports::store::StoreError;
use crate::verify::LocalCluster;

/// The seeded mount, the namespace, and the service accounts with a role each.
const MOUNT: &str = "kubernetes";
const NAMESPACE: &str = "shop";
const ACCOUNTS: [&str; 2] = ["orders", "billing"];

/// Where `dev` listens; port 0 takes a free one.
#[derive(Debug, Clone)]
pub struct DevOptions {
    /// The Envoy door.
    pub envoy: SocketAddr,
    /// The Vault door.
    pub vault: SocketAddr,
    /// The operations door.
    pub ops: SocketAddr,
    /// The stand-in cluster.
    pub cluster: SocketAddr,
    /// The Vault door's root token.
    pub root_token: Secret,
}

/// Why the stand-in cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// Its keys or accounts could not be made.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Its kubeconfig could not be written.
    #[error("cannot write `{0}`")]
    Kubeconfig(PathBuf, #[source] std::io::Error),
}

/// The stand-in cluster with its port and its kubeconfig, which is removed when this is dropped.
#[derive(Debug)]
pub struct BoundCluster {
    listener: Listener,
    cluster: Cluster,
    kubeconfig: Kubeconfig,
}

#[derive(Debug)]
struct Kubeconfig(PathBuf);

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        // Whoever removed it before us wanted the same.
        let _removed = std::fs::remove_file(&self.0);
    }
}

/// Binds what `rolegate dev` serves; the kubeconfig is written into `folder`.
///
/// # Errors
/// Where a port is taken or the stand-in cluster cannot be made.
pub async fn bind(options: DevOptions, folder: PathBuf) -> Result<Bound, StartError> {
    let shared = Shared::new();
    let cluster = bind_cluster(&shared, options.cluster, folder)?;
    let url = format!("http://{}", cluster.listener.local_addr());
    let mut kept = Kept::in_memory(&shared).await?;
    kept.know_cluster().await?;
    seed(&kept, &url, cluster.cluster.reviewer_token()).await?;
    root_token::keep(&kept.tokens, &options.root_token).await?;
    let config = Config {
        envoy: Some(EnvoyDoor { listen: options.envoy, ..EnvoyDoor::default() }),
        vault: Some(VaultDoor { listen: options.vault, ..VaultDoor::default() }),
        ops: Ops { listen: options.ops },
        shutdown: Shutdown { lame_duck: Duration::ZERO, ..Shutdown::default() },
        ..Config::default()
    };
    bind_parts(shared, config, LocalCluster::default(), None, kept, Some(cluster), None).await
}

fn bind_cluster(shared: &Shared, addr: SocketAddr, folder: PathBuf) -> Result<BoundCluster, StartError> {
    let cluster = Cluster::new(Arc::clone(&shared.clock)).map_err(DevError::from)?;
    for account in ACCOUNTS {
        cluster.add_service_account(NAMESPACE, account).map_err(DevError::from)?;
    }
    let listen = Listen {
        name: "cluster",
        addr,
        tls: None,
        protocol: Protocol::Http1AndHttp2,
        limits: Limits::default(),
    };
    let listener = Listener::bind(listen, &shared.health)?;
    let address = listener.local_addr();
    let path = folder.join(format!("rolegate-dev-{}.kubeconfig", address.port()));
    write_private(&path, &cluster.kubeconfig(&format!("http://{address}")))
        .map_err(|error| DevError::Kubeconfig(path.clone(), error))?;
    Ok(BoundCluster { listener, cluster, kubeconfig: Kubeconfig(path) })
}

/// A new file that only its owner can read: it holds the administrator's bearer.
fn write_private(path: &PathBuf, text: &str) -> std::io::Result<()> {
    use std::io::{ErrorKind, Write as _};
    use std::os::unix::fs::OpenOptionsExt as _;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

async fn seed(kept: &Kept, url: &str, reviewer: &Secret) -> Result<(), StartError> {
    let config = MountConfig {
        kubernetes_host: url.to_owned(),
        kubernetes_ca_cert: String::new(),
        token_reviewer_jwt: Some(reviewer.clone()),
        pem_keys: Vec::new(),
        issuer: String::new(),
        disable_iss_validation: true,
        disable_local_ca_jwt: true,
        use_annotations_as_alias_metadata: false,
    };
    let catalog = &kept.catalog;
    let seeded = async {
        catalog.write().await.put_mount(MOUNT, MountAbout::of_path(MOUNT)).await?;
        catalog.write().await.put_config(MOUNT, config).await?;
        catalog.write().await.put_roles(MOUNT, ACCOUNTS.map(role).to_vec()).await?;
        for account in ACCOUNTS {
            let text = format!("path \"{account}/*\" {{\n  capabilities = [\"read\"]\n}}\n");
            catalog.write().await.put_policy(account, &text).await?;
        }
        Ok::<(), StoreError>(())
    };
    seeded.await.map_err(|error| StartError::Task(error.into()))
}

fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        bound_service_account_names: vec![name.to_owned()],
        bound_service_account_namespaces: vec![NAMESPACE.to_owned()],
        bound_service_account_namespace_selector: None,
        audience: String::new(),
        alias_name_source: AliasNameSource::Uid,
        token: TokenParameters { policies: vec![name.to_owned()], ..TokenParameters::default() },
        old_names: OldNames::default(),
    }
}

impl BoundCluster {
    /// Its listener, which shares descriptors with the doors.
    pub(super) const fn listener(&mut self) -> &mut Listener {
        &mut self.listener
    }

    /// What the ready line says of the cluster.
    pub(super) fn ready_words(&self) -> String {
        format!(" cluster=http://{} kubeconfig={}", self.listener.local_addr(), self.kubeconfig.0.display())
    }

    /// What to type next.
    pub(super) fn hints(&self, envoy: SocketAddr, vault: SocketAddr) -> String {
        let kubeconfig = self.kubeconfig.0.display();
        format!(
            "rolegate dev: the Envoy door is at {envoy}, mount `{MOUNT}`, roles {roles}.\n\
             A token of a service account of the stand-in cluster:\n\n    \
             kubectl --kubeconfig {kubeconfig} create token {account} -n {NAMESPACE}\n\n\
             The Vault door is at http://{vault}, its root token is the one that --root-token names:\n\n    \
             curl -d '{{\"role\":\"{account}\",\"jwt\":\"TOKEN\"}}' http://{vault}/v1/auth/{MOUNT}/login\n\n\
             Envoy's side: envoy/demo.yaml, or `make demo` for all of it.\n",
            roles = ACCOUNTS.map(|account| format!("`{account}`")).join(" and "),
            account = ACCOUNTS[0],
        )
    }

    /// Serves the cluster until `stop`.
    pub(super) async fn serve(self, stop: CancellationToken) {
        let Self { listener, cluster, kubeconfig } = self;
        let router = cluster.router();
        listener.serve(move |peer| with_peer(router.clone(), peer), stop, Duration::from_secs(1)).await;
        drop(kubeconfig);
    }
}
