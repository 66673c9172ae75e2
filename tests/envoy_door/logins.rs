//! Client tokens as the Vault door issues them, and mounts that come, change and go.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::address::Address as Kind;
use envoy_types::pb::envoy::config::core::v3::{Address, SocketAddress};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::Peer;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use rolegate::catalog::Snapshots;
use rolegate::core::client_token::{Login, TokenKind};
use rolegate::core::mount::{Mount, MountAbout};
use rolegate::core::role::Role;
use rolegate::metrics::Metrics;
use rolegate::ports::{NoRandom, Random};
use rolegate::store::memory::MemoryStore;
use rolegate::tokens::{NewToken, Tokens, World};

use crate::support::{Served, Still, request, set, soon};

#[derive(Debug)]
struct System;

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        getrandom::fill(bytes).map_err(|_| NoRandom)
    }
}

/// Tokens in a memory store, of the mounts that are published.
pub(crate) fn tokens(snapshots: &Snapshots) -> Arc<Tokens> {
    Arc::new(Tokens::new(World {
        store: Arc::new(MemoryStore::default()),
        clock: Arc::new(Still),
        random: Arc::new(System),
        mounts: Arc::new(snapshots.clone()),
        metrics: Metrics::default(),
    }))
}

/// A service token of the login of `shop/orders` in this role at this mount.
pub(crate) fn login(mount: &str, role: &str) -> NewToken {
    let of_login = Login {
        mount_accessor: MountAbout::of_path(mount).accessor.to_string(),
        mount_path: mount.to_owned(),
        role: role.to_owned(),
        namespace: "shop".to_owned(),
        name: "orders".to_owned(),
        uid: "u-1".to_owned(),
        secret_name: String::new(),
        labels: None,
    };
    NewToken {
        kind: TokenKind::Service,
        id: None,
        parent: None,
        policies: vec!["default".to_owned(), "reader".to_owned()],
        path: format!("auth/{mount}/login"),
        meta: None,
        display_name: format!("{mount}-shop-orders"),
        num_uses: 0,
        ttl: 3600,
        explicit_max_ttl: 0,
        period: 0,
        entity_id: String::new(),
        renewable: true,
        bound_cidrs: Vec::new(),
        login: Some(of_login),
    }
}

/// The same as a batch token.
pub(crate) fn batch(mount: &str, role: &str) -> NewToken {
    NewToken { kind: TokenKind::Batch, renewable: false, ..login(mount, role) }
}

/// A token as a created one is: of no login of its own.
pub(crate) fn created() -> NewToken {
    NewToken { path: "auth/token/create".to_owned(), login: None, ..login("kubernetes", "orders") }
}

/// A Check with this token for these roles of this mount, from 192.0.2.7.
pub(crate) fn showing(token: &str, mount: &str, roles: &str) -> CheckRequest {
    let mut request = request(&[("authorization", &format!("Bearer {token}"))]);
    let attributes = request.attributes.as_mut().unwrap();
    attributes.context_extensions =
        [("mount", mount), ("role", roles)].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let address = IpAddr::from(Ipv4Addr::new(192, 0, 2, 7)).to_string();
    let address = SocketAddress { address, ..SocketAddress::default() };
    let address = Address { address: Some(Kind::SocketAddress(address)) };
    attributes.source = Some(Peer { address: Some(address), ..Peer::default() });
    request
}

impl Served {
    pub(crate) async fn issue(&self, new: NewToken) -> String {
        self.tokens.issue(new).await.expect("a token").token.expose().to_owned()
    }

    /// The answer to a token shown at the route of `orders` at `kubernetes`.
    pub(crate) async fn show(&self, token: &str) -> CheckResponse {
        self.answer(showing(token, "kubernetes", "orders")).await
    }

    pub(crate) async fn answer(&self, request: CheckRequest) -> CheckResponse {
        soon(self.client().await.check(request)).await.expect("an answer").into_inner()
    }

    /// Publishes the mounts `kubernetes` and `elsewhere`, each with the roles `orders` and `billing` for `shop/orders`,
    /// after `change` has seen the first.
    pub(crate) fn mounts(&self, change: impl FnOnce(&mut Mount)) {
        let mut snapshot = set(&["reader"]);
        let mut mount = Mount::clone(&snapshot.mounts["kubernetes"]);
        let billing = Role { name: "billing".to_owned(), ..Role::clone(&mount.roles["orders"]) };
        mount.roles.insert("billing".into(), Arc::new(billing));
        let elsewhere = Mount {
            path: "elsewhere".into(),
            about: Arc::new(MountAbout::of_path("elsewhere")),
            ..mount.clone()
        };
        change(&mut mount);
        snapshot.mounts.insert("kubernetes".into(), Arc::new(mount));
        snapshot.mounts.insert("elsewhere".into(), Arc::new(elsewhere));
        self.snapshots.publish(snapshot);
    }

    /// Publishes a set without mounts.
    pub(crate) fn disable(&self) {
        let mut snapshot = set(&["reader"]);
        snapshot.mounts.clear();
        self.snapshots.publish(snapshot);
    }
}
