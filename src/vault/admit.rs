//! Who may ask: the caller's token is found, one use of it is taken, and its ACL is asked.

use std::sync::Arc;

use super::acls::Acls;
use super::call::Call;
use super::kubernetes::creates;
use super::outcome::{Class, Refusal};
use super::request::{Operation, Request};
use super::route::{Route, needs_sudo};
use super::token::refusal::of_tokens;
use crate::core::acl::{Acl, AclOperation};
use crate::core::mount::Snapshot;
use crate::tokens::entities::Entities;
use crate::tokens::{Tokens, Used};

/// What is known of callers.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) tokens: Arc<Tokens>,
    pub(super) entities: Entities,
    pub(super) acls: Acls,
}

/// A caller with a good token.
pub(super) struct Known {
    pub(super) used: Used,
    pub(super) acl: Arc<Acl>,
    pub(super) is_sudo: bool,
}

impl Admission {
    /// Takes one use of the caller's token and looks whether it may do this.
    pub(super) async fn admit(
        &self,
        request: &Request,
        snapshot: &Snapshot,
        route: Option<&Route<'_>>,
    ) -> Result<Known, Refusal> {
        let unknown = || unknown(route);
        let token = request.token.as_ref().ok_or_else(denied)?;
        let found = self.tokens.find(token.expose()).await.map_err(of_tokens)?.ok_or_else(unknown)?;
        if !found.record.admits(request.peer) {
            return Err(denied());
        }
        let acl = self.acls.of(snapshot, &self.entities, &found.record).await.map_err(of_tokens)?;
        let used = self.tokens.use_found(found).await.map_err(of_tokens)?.ok_or_else(unknown)?;
        let is_sudo = match may(request, route, &acl) {
            Ok(is_sudo) => is_sudo,
            Err(refusal) => {
                self.finish(&used).await;
                return Err(refusal);
            }
        };
        Ok(Known { used, acl, is_sudo })
    }

    /// The ACL of the caller of an open path; none without a token.
    pub(super) async fn acl(
        &self,
        request: &Request,
        snapshot: &Snapshot,
    ) -> Result<Option<Arc<Acl>>, Refusal> {
        let Some(token) = &request.token else { return Ok(None) };
        match self.tokens.find(token.expose()).await.map_err(of_tokens)? {
            Some(found) if found.record.admits(request.peer) => {
                self.acls.of(snapshot, &self.entities, &found.record).await.map(Some).map_err(of_tokens)
            }
            _ => Err(denied()),
        }
    }

    /// The token is of no use after its last one, whether it goes now or when it expires.
    pub(super) async fn finish(&self, used: &Used) {
        if used.is_last
            && let Err(error) = self.tokens.finish(used).await
        {
            tracing::warn!(
                error = crate::errors::with_causes(&error),
                "a used-up token stays until it expires"
            );
        }
    }
}

pub(super) fn denied() -> Refusal {
    Refusal::new(Class::Denied, "permission denied")
}

/// The refusal of a token that nobody has issued. As recorded: where nothing is mounted or configured, a stranger hears
/// no more than that.
pub(super) fn unknown(route: Option<&Route<'_>>) -> Refusal {
    let is_in_use = match route {
        None => false,
        Some(Route::Kubernetes(mount, _)) => mount.config.is_some(),
        Some(_) => true,
    };
    match is_in_use {
        true => {
            Refusal::new(Class::Denied, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
        }
        false => denied(),
    }
}

/// Whether the caller has `sudo` on the path.
fn may(request: &Request, route: Option<&Route<'_>>, acl: &Acl) -> Result<bool, Refusal> {
    let operation = match request.operation {
        Operation::Read => AclOperation::Read,
        Operation::List => AclOperation::List,
        Operation::Delete => AclOperation::Delete,
        Operation::Patch => AclOperation::Patch,
        Operation::Header => AclOperation::Header,
        Operation::Write => match route {
            Some(Route::Kubernetes(mount, path)) => {
                match creates(&Call { request, mount, path, terms: None })? {
                    Some(true) => AclOperation::Create,
                    _ => AclOperation::Update,
                }
            }
            _ => AclOperation::Update,
        },
    };
    let asked = |path: &str| acl.allows(operation, path, &request.data, request.wrap_ttl);
    let mut permission = asked(&request.path);
    // What is said of a name counts however the caller writes it.
    if let Some(path) = route.and_then(|route| route.as_stored(&request.path)) {
        let stored = asked(&path);
        permission.allowed &= stored.allowed;
        permission.sudo &= stored.sudo;
    }
    if permission.allowed && (permission.sudo || !needs_sudo(&request.path)) {
        Ok(permission.sudo)
    } else {
        Err(denied().listed())
    }
}
