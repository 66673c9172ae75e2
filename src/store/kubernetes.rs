//! Mounts, roles and policies as Kubernetes objects.

pub mod resources;
