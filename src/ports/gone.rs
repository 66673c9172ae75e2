//! Whose logins do not count any more.

use std::fmt::Debug;
use std::sync::Arc;

use crate::core::mount::Mount;

/// Tells which service accounts are known to be gone.
pub trait Gone: Send + Sync + Debug {
    /// Whether the service account with this uid is known to be gone from the mount's cluster, which has confirmed it at
    /// `confirmed` (seconds since 1970). False where nobody can tell. Does not wait.
    fn is_gone(&self, mount: &Arc<Mount>, uid: &str, confirmed: i64) -> bool;
}
