//! The lean view of CheckRequest, made from `proto/external_auth.proto`.

/// The generated messages.
#[expect(missing_docs, reason = "generated; the .proto file documents them")]
pub mod lean {
    include!(concat!(env!("OUT_DIR"), "/envoy.service.auth.v3.rs"));
}

/// What gRPC reflection serves: the descriptors of `proto/external_auth.proto`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/external_auth.binpb"));

#[cfg(test)]
mod tests;
