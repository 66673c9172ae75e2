//! rolegate: Vault's Kubernetes roles, enforced at Envoy.
//!
//! Layers import only downwards: `app` over `doors`, `plugin`, `store`, `verify`, `home`, `dev`; those over `gate`; `gate` over
//! `ports`; all over `core`, which is pure. `tests/architecture.rs` holds the house to it.

pub mod app;
pub mod catalog;
pub mod config;
pub mod core;
pub mod departures;
pub mod dev;
pub mod doors;
pub mod errors;
pub mod exchange;
pub mod gate;
pub mod health;
pub mod home;
pub mod lifecycle;
pub mod metrics;
pub mod mount_notices;
pub mod namespaces;
pub mod net;
pub mod plugin;
pub mod ports;
pub mod record;
pub mod store;
pub mod telemetry;
pub mod tokens;
pub mod vault;
pub mod verify;
pub mod waking;
pub mod watching;
