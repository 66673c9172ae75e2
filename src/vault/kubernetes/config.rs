//! `config`: which cluster a mount asks, and how.

use super::Kubernetes;
use crate::core::mount::decode::{CONFIG_FIELDS, MountConfigError, decode};
use crate::core::mount::{HostFault, MountConfig};
use crate::ports::Verify;
use crate::vault::call::{Call, of_field, store_refusal, with_unknown_fields};
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};

/// What is stored; of the reviewer's token only that it is there. Warns of a host that cannot work, where no recorded read
/// of the reference has no warnings.
pub(super) fn read(call: &Call<'_>) -> Outcome {
    let data = call.mount.config.as_deref().map(MountConfig::fields);
    let fault = call.mount.config.as_deref().and_then(|config| HostFault::find(&config.kubernetes_host));
    let warnings =
        fault.filter(|fault| fault.is_warned_of()).map(|fault| fault.to_string()).into_iter().collect();
    with_unknown_fields(Answer { data, warnings, ..Answer::default() }, call.fields(), &CONFIG_FIELDS, &[])
}

/// Replaces the whole config.
pub(super) async fn write<V: Verify>(backend: &Kubernetes<V>, call: &Call<'_>) -> Outcome {
    let config = match decode(&call.request.data) {
        Ok(config) => config,
        Err(MountConfigError::Field(error)) => {
            return of_field(&error).into();
        }
        Err(error) => return Refusal::new(Class::Invalid, error.to_string()).into(),
    };
    if config.kubernetes_ca_cert.is_empty() && !config.disable_local_ca_jwt && !backend.cluster.has_local_ca()
    {
        return Refusal::new(
            Class::Invalid,
            "no CA is at hand: expected `kubernetes_ca_cert`, or `disable_local_ca_jwt` for the CAs of the system",
        )
        .into();
    }
    let writing = backend.catalog.write().await;
    let written = backend.notices.note(&call.mount.path, &config);
    match writing.put_config(&call.mount.path, config).await {
        Ok(()) => {
            written.log(&call.request.id);
            Outcome::Done(Answer::default())
        }
        Err(error) => {
            backend.notices.restore(call.mount);
            store_refusal(&error).into()
        }
    }
}
