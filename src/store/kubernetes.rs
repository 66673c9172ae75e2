//! Mounts, roles and policies as Kubernetes objects.

pub mod assemble;
pub mod convert;
pub mod crd;
pub mod resources;
