//! The store in the Kubernetes API, which any number of replicas share.

pub mod tokens;
