//! The gRPC services beside Check: health and reflection.

use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use crate::doors::envoy::wire::DESCRIPTORS;

/// The name that health is asked for besides the empty one.
const SERVICE: &str = "envoy.service.auth.v3.Authorization";

/// The largest message of these services that is read, in bytes. The names that they are asked for are short.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// Why reflection cannot be served; only a broken build can bring it about.
#[derive(Debug, thiserror::Error)]
#[error("the descriptors of gRPC reflection are not good")]
pub struct ReflectionError(#[from] tonic_reflection::server::Error);

/// Health, not serving yet, and reflection in both versions.
///
/// # Errors
/// Where the built-in descriptors cannot be read.
pub(super) async fn services() -> Result<(HealthReporter, Routes), ReflectionError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    set_serving(&reporter, false).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(health.max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(reflection().build_v1()?.max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(reflection().build_v1alpha()?.max_decoding_message_size(MAX_MESSAGE_BYTES));
    Ok((reporter, routes.prepare()))
}

/// Says whether checks are served, to those who ask and those who watch.
pub(super) async fn set_serving(reporter: &HealthReporter, serving: bool) {
    let status =
        if serving { tonic_health::ServingStatus::Serving } else { tonic_health::ServingStatus::NotServing };
    for service in ["", SERVICE] {
        reporter.set_service_status(service, status).await;
    }
}

/// Ends the answers to all who watch.
pub(super) async fn end_watches(reporter: &mut HealthReporter) {
    for service in ["", SERVICE] {
        reporter.clear_service_status(service).await;
    }
}
