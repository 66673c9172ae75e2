//! The messages between a core and its plugin, made from `proto/`.

/// Package `pb`: the backend, its storage and what it may ask of the system.
#[expect(missing_docs, reason = "generated; the .proto file documents them")]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/pb.rs"));
}

/// What is said about the process itself: broker, controller, standard streams, health, version.
#[expect(missing_docs, reason = "generated; the .proto file documents them")]
pub mod runtime {
    include!(concat!(env!("OUT_DIR"), "/plugin.rs"));
}
