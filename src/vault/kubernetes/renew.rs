//! The renewal of a login's token: the role as it is now, applied to the identity as it was kept.

use crate::core::decision::{RequestOrigin, StoredIdentity, admits};
use crate::core::mount::Mount;
use crate::vault::outcome::{Class, Refusal};

/// What the role says of a renewed token, in seconds; 0 where it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalTerms {
    /// `token_ttl`
    pub ttl: i64,
    /// `token_max_ttl`
    pub max_ttl: i64,
    /// `token_period`
    pub period: i64,
    /// The mount's default lease.
    pub mount_default: i64,
    /// The mount's longest lease.
    pub mount_max: i64,
}

/// Whether a login's token may be renewed, and for how long.
///
/// # Errors
/// Where the role is gone, or no longer admits the service account.
pub fn renewal(mount: &Mount, role: &str, identity: &StoredIdentity<'_>) -> Result<RenewalTerms, Refusal> {
    let Some(found) = mount.role(role) else {
        let error = format!("role {role} does not exist during renewal");
        return Err(Refusal::new(Class::Internal, error));
    };
    admits(found, identity, RequestOrigin::Anywhere)
        .map_err(|deny| Refusal::new(Class::Denied, deny.sentence()))?;
    let token = &found.token;
    Ok(RenewalTerms {
        ttl: token.ttl,
        max_ttl: token.max_ttl,
        period: token.period,
        mount_default: mount.about.default_lease(),
        mount_max: mount.about.max_lease(),
    })
}
