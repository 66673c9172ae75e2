//! Tests of the paths, against what the reference has been recorded to answer.

mod create;
mod login;
mod lookup;
mod renew;
mod revoke;
pub(crate) mod stage;
