//! `sys/auth`, and `sys/mounts` as far as it tells of auth mounts: they are read, enabled, tuned and disabled.

use super::{SysPaths, enable, mounts, tune};
use crate::core::mount::MountAbout;
use crate::vault::call::{unsupported_operation, unsupported_path};
use crate::vault::outcome::{Class, Outcome, Refusal};
use crate::vault::request::Operation;
use crate::vault::token::refusal::of_tokens;

impl SysPaths<'_> {
    /// `sys/auth`, and with a slash and a mount's path behind it that mount.
    pub(super) async fn auth(&self, path: Option<&str>) -> Result<Outcome, Refusal> {
        let operation = self.request.operation;
        let Some(path) = path else {
            return Ok(match operation {
                Operation::Read => mounts::list(self.snapshot, &self.token_mount().await?),
                _ => unsupported_operation(),
            });
        };
        if path.is_empty() {
            return Ok(unsupported_path());
        }
        let data = &self.request.data;
        if let Some(path) = path.strip_suffix("/tune") {
            return Ok(match operation {
                Operation::Read => tune::read(self.snapshot, &self.token_mount().await?, path),
                Operation::Write => tune::write(self.catalog, self.tokens, path, data).await,
                _ => unsupported_operation(),
            });
        }
        let path = path.trim_end_matches('/');
        Ok(match operation {
            Operation::Read => mounts::read(self.snapshot, &self.token_mount().await?, path),
            Operation::Write => enable::enable(self.catalog, self.random, path, data).await,
            Operation::Delete => enable::disable(self.catalog, path).await,
            _ => unsupported_operation(),
        })
    }

    /// No secret engine is mounted here. Clients find auth mounts below `auth/` and tune them by this way, too.
    pub(super) async fn mounts(&self, path: Option<&str>) -> Result<Outcome, Refusal> {
        let operation = self.request.operation;
        let Some(path) = path else {
            return Ok(match operation {
                Operation::Read => mounts::at_top(serde_json::Map::new()),
                _ => unsupported_operation(),
            });
        };
        if path.is_empty() {
            return Ok(unsupported_path());
        }
        if let Some(auth) = path.strip_prefix("auth/") {
            return match operation {
                Operation::Read => self.auth(Some(auth)).await,
                Operation::Write if auth.ends_with("/tune") => self.auth(Some(auth)).await,
                _ => Ok(unsupported_operation()),
            };
        }
        let path = path.trim_end_matches('/');
        Err(match (operation, path.strip_suffix("/tune")) {
            (Operation::Read, None) => invalid(format!("No secret engine mount at {path}/")),
            (Operation::Read, Some(path)) => tune::nothing_there(path),
            (Operation::Write, Some(path)) => tune::nothing_to_tune(path),
            (Operation::Write | Operation::Delete, _) => invalid("no secret engine can be mounted here"),
            _ => return Ok(unsupported_operation()),
        })
    }

    /// What `auth/token/` is tuned to.
    pub(super) async fn token_mount(&self) -> Result<MountAbout, Refusal> {
        Ok(self.tokens.mount().await.map_err(of_tokens)?.about)
    }
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new(Class::Invalid, text)
}
