//! Memory that is never written to the swap space.

use rustix::mm::{MlockAllFlags, mlockall};

/// Keeps all memory of the process, now and later, out of the swap space: a page is locked when it is first touched.
///
/// # Errors
/// Where the process lacks the capability, or its limit of locked memory is lower than what it uses.
pub fn lock() -> std::io::Result<()> {
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)?;
    Ok(())
}
