//! Puts it together: everything is bound first, then served, then drained.

mod clock;
pub mod dev;
mod grpc;
pub mod health;
mod home;
mod keep;
mod parts;
pub mod plugin;
mod random;
mod root_token;
mod run;
mod vault;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use crate::catalog::{LoadError, Snapshots};
use crate::config::{
    Config, ConfigError, EnvoyDoor as EnvoySettings, HttpProxy, Loaded, LocalKeys, Shutdown,
};
use crate::doors::envoy::door::EnvoyDoor;
use crate::doors::envoy::service::EnvoyService;
use crate::doors::ops::Ops;
use crate::doors::vault::VaultDoor;
use crate::gate::Gate;
use crate::health::Health;
use crate::home::{Environment, Found, HomeError, Lookout};
use crate::lifecycle::Readiness;
use crate::metrics::Metrics;
use crate::mount_notices::MountNotices;
use crate::net::{BindError, Bound as Listener, Budget, Limits, Listen, Protocol};
use crate::ports::{Clock, NoRandom, Random};
use crate::record::Recorder;
use crate::record::decision_id::DecisionIds;
use crate::store::embedded::OpenError;
use crate::verify::{LocalCluster, Verifier};

pub use clock::SystemClock;
use keep::Kept;
pub use random::SystemRandom;
pub use root_token::RootTokenError;
pub use run::Ended;

/// Why the process did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the operator says is not good: file, key and expectation.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A port or a certificate.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The built-in descriptors.
    #[error(transparent)]
    Reflection(#[from] grpc::ReflectionError),
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] OpenError),
    /// What the environment says of rolegate's own cluster cannot be used.
    #[error("the API server that the store is in cannot be asked")]
    Home(#[from] HomeError),
    /// The environment says nothing of it.
    #[error("the store `kubernetes` needs a pod of a cluster, or a kubeconfig that `KUBECONFIG` names")]
    NoHome,
    /// What is in the store cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is no root token.
    #[error(transparent)]
    RootToken(#[from] RootTokenError),
    /// A part of the start has failed.
    #[error("the start has failed")]
    Task(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operating system does not tell of signals.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
    /// `dev`'s stand-in cluster.
    #[error("the stand-in cluster cannot start")]
    Dev(#[from] dev::DevError),
}

/// What all parts share.
#[derive(Debug, Clone)]
struct Shared {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Metrics,
    health: Health,
    notices: MountNotices,
    readiness: Readiness,
    snapshots: Snapshots,
}

impl Shared {
    fn new() -> Self {
        let health = Health::default();
        Self {
            clock: Arc::new(SystemClock::start()),
            random: Arc::new(SystemRandom),
            metrics: Metrics::default(),
            notices: MountNotices::new(health.clone()),
            health,
            readiness: Readiness::default(),
            snapshots: Snapshots::default(),
        }
    }
}

/// Everything has its port, nothing is served yet.
#[derive(Debug)]
pub struct Bound {
    shared: Shared,
    envoy: Option<(Listener, EnvoyService<Verifier>)>,
    vault: Option<(Listener, Arc<VaultDoor>)>,
    ops: (Listener, axum::Router),
    /// What follows the set of mounts.
    tidied: (Verifier, Budget),
    kept: Kept,
    cluster: Option<dev::BoundCluster>,
    lookout: Option<Lookout>,
    reporter: HealthReporter,
    shutdown: Shutdown,
    signals: run::Signals,
}

/// Binds what `rolegate server` serves.
///
/// # Errors
/// Where the configuration, a store, a certificate or a port is not good.
pub async fn bind(file: &Path, loaded: Loaded) -> Result<Bound, StartError> {
    let Loaded { config, proxy, has_kubeconfig, store_key, .. } = loaded;
    let (kubernetes_service_host, given) = (loaded.kubernetes_service_host, loaded.root_token);
    let key = config.store.key(file, store_key)?;
    let shared = Shared::new();
    let named = Environment { in_cluster: kubernetes_service_host.is_some(), kubeconfig: has_kubeconfig };
    let home = home::find(named, &config.store).await?;
    let mut kept = Kept::open(&shared, &config.store, key, home.as_ref()).await?;
    if config.vault.is_some() {
        kept.know_cluster().await?;
        let root_token_file = config.root_token_file.as_deref();
        let (store, named) = (&*kept.store, &config.store);
        match root_token::given(&shared, store, file, named, root_token_file, given).await? {
            Some(token) => kept.keep_root(token).await?,
            None => root_token::say_none(named, home.is_some()),
        }
    }
    let local = LocalCluster { service_host: kubernetes_service_host, ..LocalCluster::default() };
    bind_parts(shared, config, local, proxy, kept, None, home).await
}

async fn bind_parts(
    shared: Shared,
    config: Config,
    local: LocalCluster,
    proxy: Option<HttpProxy>,
    kept: Kept,
    mut cluster: Option<dev::BoundCluster>,
    home: Option<Found>,
) -> Result<Bound, StartError> {
    crate::net::raise_descriptor_limit();
    // Whoever has typed `dev` means it to end with the terminal.
    let signals = run::Signals::listen(cluster.is_none()).map_err(StartError::Signals)?;
    let around = home.map(|found| home::Around::new(&shared, &config, found));
    let verifier = Verifier::new(
        verifier_settings(&config, local, proxy, around.as_ref()),
        Arc::clone(&shared.clock),
        shared.metrics.clone(),
        shared.health.clone(),
    );
    let (reporter, others) = grpc::services().await?;
    let mut envoy = match config.envoy {
        Some(settings) => Some(bind_envoy(&shared, settings, verifier.clone(), others, &kept)?),
        None => None,
    };
    let mut vault = match &config.vault {
        Some(settings) => {
            let administrators = around.as_ref().map(|around| Arc::clone(&around.administrators));
            Some(vault::bind(&shared, settings, &verifier, &kept, administrators)?)
        }
        None => None,
    };
    let ops = Listen {
        name: "ops",
        addr: config.ops.listen,
        tls: None,
        protocol: Protocol::Http1AndHttp2,
        limits: Limits::default(),
    };
    let router = crate::doors::ops::router(Ops {
        readiness: shared.readiness.clone(),
        health: shared.health.clone(),
        metrics: shared.metrics.clone(),
    });
    let mut ops = (Listener::bind(ops, &shared.health)?, router);
    let doors = [envoy.as_mut().map(|door| &mut door.0), vault.as_mut().map(|door| &mut door.0)];
    let own = [Some(&mut ops.0), cluster.as_mut().map(dev::BoundCluster::listener)];
    let tidied = (verifier, run::divide_places(&shared.metrics, &config.review, doors, own));
    let (shutdown, lookout) = (config.shutdown, around.map(|around| around.lookout));
    Ok(Bound { shared, envoy, vault, ops, tidied, kept, cluster, lookout, reporter, shutdown, signals })
}

fn bind_envoy(
    shared: &Shared,
    settings: EnvoySettings,
    verifier: Verifier,
    others: Routes,
    kept: &Kept,
) -> Result<(Listener, EnvoyService<Verifier>), StartError> {
    let listen = Listen {
        name: "envoy",
        addr: settings.listen,
        tls: settings.tls.clone(),
        protocol: Protocol::Grpc,
        limits: Limits::default(),
    };
    let listener = Listener::bind(listen, &shared.health)?;
    let gate = Gate::new(shared.snapshots.cell(), verifier.clone(), Arc::clone(&shared.clock));
    let gate = gate.with_gone(Arc::new(verifier));
    let mut process = [0; 8];
    shared.random.fill(&mut process)?;
    let ids = DecisionIds::new(u64::from_ne_bytes(process));
    let door = EnvoyDoor::new(settings, gate, ids, Recorder::new(shared.metrics.clone()))
        .with_client_tokens(Arc::clone(&kept.tokens));
    let service = EnvoyService::new(door, others, shared.metrics.clone());
    Ok((listener.with_on_refused(service.on_refused()), service))
}

fn verifier_settings(
    config: &Config,
    local: LocalCluster,
    proxy: Option<HttpProxy>,
    around: Option<&home::Around>,
) -> crate::verify::Settings {
    let review = &config.review;
    crate::verify::Settings {
        timeout: review.timeout,
        max_in_flight: count(review.max_in_flight),
        max_waiting: count(review.max_waiting),
        cache: crate::verify::CacheSettings {
            ttl: review.cache.ttl,
            refused_ttl: review.cache.refused_ttl,
            // A login asks afresh, so that none are taken but by the Envoy door.
            entries: config.envoy.as_ref().map_or(0, |_| u64::from(review.cache.entries.get())),
        },
        local_keys_ttl: (review.local_keys == LocalKeys::Auto).then_some(review.local_keys_ttl),
        labels_ttl: review.labels_ttl,
        proxy: proxy.map(Arc::new),
        local,
        home: around.map(|around| around.cluster.clone()),
    }
}

fn count(number: NonZeroU32) -> usize {
    usize::try_from(number.get()).unwrap_or(usize::MAX)
}

impl Bound {
    /// What standard output is told, once: every door with its address.
    pub fn ready_line(&self) -> String {
        let mut line = "ready".to_owned();
        if let Some((listener, _)) = &self.envoy {
            line.push_str(&format!(" envoy={}", listener.local_addr()));
        }
        if let Some((listener, scheme)) =
            self.vault.as_ref().map(|(listener, _)| (listener, listener.scheme()))
        {
            line.push_str(&format!(" vault={scheme}://{}", listener.local_addr()));
        }
        line.push_str(&format!(" ops=http://{}", self.ops.0.local_addr()));
        if let Some(cluster) = &self.cluster {
            line.push_str(&cluster.ready_words());
        }
        line
    }

    /// What to type next, where there is something to try.
    pub fn hints(&self) -> String {
        match (&self.envoy, &self.vault, &self.cluster) {
            (Some((envoy, _)), Some((vault, _)), Some(cluster)) => {
                cluster.hints(envoy.local_addr(), vault.local_addr())
            }
            _ => String::new(),
        }
    }

    /// Serves until asked to stop, or until a part ends by itself; then drains.
    pub async fn serve(self) -> Ended {
        run::serve(self, &CancellationToken::new()).await
    }
}
