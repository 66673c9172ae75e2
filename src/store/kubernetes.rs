//! The store in the Kubernetes API, which any number of replicas share.

pub mod assemble;
pub mod convert;
pub mod crd;
pub mod resources;
pub mod tokens;
