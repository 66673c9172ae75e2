//! What `rolegate dev` has that `server` has not: a stand-in for a Kubernetes cluster.

pub mod cluster;
