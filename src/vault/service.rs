//! A request from its token to its answer: who asks, whether they may, what comes of it, and whether it is wrapped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use super::acls::Acls;
use super::call::{Call, with_unknown_fields};
use super::kubernetes::{Kubernetes, LOGIN_FIELDS};
use super::outcome::{Answer, Class, Outcome, Refusal};
use super::request::{Operation, Request};
use super::route::{Route, needs_sudo};
use super::sys::{SysPaths, wrapping};
use super::token::refusal::of_tokens;
use super::token::{Caller, TokenPaths, issue_login};
use super::{Handle, envelope};
use crate::catalog::Catalog;
use crate::core::acl::{Acl, AclOperation};
use crate::core::mount::Snapshot;
use crate::core::secret::Secret;
use crate::ports::copies::Copies;
use crate::ports::{Random, Verify};
use crate::record::Recorder;
use crate::record::decision_id::of_uuid;
use crate::tokens::entities::Entities;
use crate::tokens::{Tokens, Used};

/// Everything behind the Vault door.
#[derive(Debug)]
pub struct Vault<V> {
    backend: Kubernetes<V>,
    catalog: Catalog,
    tokens: Arc<Tokens>,
    entities: Entities,
    acls: Acls,
    random: Arc<dyn Random>,
    recorder: Recorder,
    copies: Option<Arc<dyn Copies>>,
}

/// A caller with a good token.
struct Known {
    used: Used,
    acl: Arc<Acl>,
    is_sudo: bool,
}

impl<V: Verify> Vault<V> {
    /// Puts it together.
    pub fn new(
        backend: Kubernetes<V>,
        catalog: Catalog,
        tokens: Arc<Tokens>,
        entities: Entities,
        random: Arc<dyn Random>,
        recorder: Recorder,
    ) -> Self {
        Self { backend, catalog, tokens, entities, acls: Acls::new(), random, recorder, copies: None }
    }

    /// The same, and its store can be copied.
    #[must_use]
    pub fn with_copies(self, copies: Option<Arc<dyn Copies>>) -> Self {
        Self { copies, ..self }
    }

    async fn answer(&self, request: &Request) -> Outcome {
        let Some(snapshot) = self.catalog.snapshots().load() else {
            return Refusal::new(Class::Unavailable, "mounts and roles are not loaded yet, try again").into();
        };
        let route = Route::find(&snapshot, &request.path);
        let outcome = match &route {
            Some(route) if route.is_open() => self.open(request, &snapshot, route).await,
            _ => match self.admit(request, &snapshot, route.as_ref()).await {
                Ok(known) => {
                    let outcome = self.dispatch(request, &snapshot, route.as_ref(), &known).await;
                    self.finish(&known.used).await;
                    outcome
                }
                Err(refusal) => refusal.into(),
            },
        };
        match (outcome, request.wrap_ttl.map_or(0, |ttl| ttl.as_secs())) {
            (Outcome::Done(answer), ttl) if ttl > 0 => self.wrapped(request, answer, ttl).await,
            (outcome, _) => outcome,
        }
    }

    /// A path that needs no token.
    async fn open(&self, request: &Request, snapshot: &Snapshot, route: &Route<'_>) -> Outcome {
        match route {
            Route::Kubernetes(mount, path) => {
                let call = Call { request, mount, path };
                if request.operation == Operation::Write {
                    self.login(&call).await
                } else {
                    Refusal::new(Class::Unsupported, "unsupported operation").into()
                }
            }
            Route::Sys(path) => {
                // A token that is not good is none here.
                let acl = match &request.token {
                    Some(token) if path.starts_with("internal/ui/mounts") => {
                        match self.tokens.find(token.expose()).await {
                            Ok(Some(found)) if found.record.admits(request.peer) => {
                                match self.acls.of(snapshot, &self.entities, &found.record).await {
                                    Ok(acl) => Some(acl),
                                    Err(error) => return of_tokens(error).into(),
                                }
                            }
                            Ok(_) => None,
                            Err(error) => return of_tokens(error).into(),
                        }
                    }
                    _ => None,
                };
                self.sys(request, snapshot, acl.as_deref()).handle(path).await
            }
            Route::Token(_) => Refusal::new(Class::Denied, "permission denied").into(),
        }
    }

    async fn login(&self, call: &Call<'_>) -> Outcome {
        let started = Instant::now();
        let (login, decision) = self.backend.login(call).await;
        if let Some(decision) = decision {
            let role = || call.fields().string("role").ok().flatten().unwrap_or_default();
            self.recorder.record("vault", &of_uuid(&call.request.id), &decision, started.elapsed(), role);
        }
        let issued = match login {
            Ok(login) => issue_login(&self.tokens, &self.entities, &login).await,
            Err(refusal) => Err(refusal),
        };
        match issued {
            Ok(answer) => with_unknown_fields(answer, call.fields(), &LOGIN_FIELDS, &[]),
            Err(refusal) => refusal.into(),
        }
    }

    /// Takes one use of the caller's token and looks whether it may do this.
    async fn admit(
        &self,
        request: &Request,
        snapshot: &Snapshot,
        route: Option<&Route<'_>>,
    ) -> Result<Known, Refusal> {
        let denied = || Refusal::new(Class::Denied, "permission denied");
        // As recorded: where nothing is mounted or configured, a stranger hears no more than that.
        let is_in_use = match route {
            None => false,
            Some(Route::Kubernetes(mount, _)) => mount.config.is_some(),
            Some(_) => true,
        };
        let unknown = || match is_in_use {
            true => Refusal::new(
                Class::Denied,
                "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
            ),
            false => denied(),
        };
        let token = request.token.as_ref().ok_or_else(denied)?;
        let found = self.tokens.find(token.expose()).await.map_err(of_tokens)?.ok_or_else(unknown)?;
        if !found.record.admits(request.peer) {
            return Err(denied());
        }
        let acl = self.acls.of(snapshot, &self.entities, &found.record).await.map_err(of_tokens)?;
        let used = self.tokens.use_found(found).await.map_err(of_tokens)?.ok_or_else(unknown)?;
        let is_sudo = match self.may(request, route, &acl) {
            Ok(is_sudo) => is_sudo,
            Err(refusal) => {
                self.finish(&used).await;
                return Err(refusal);
            }
        };
        Ok(Known { used, acl, is_sudo })
    }

    /// Whether the caller has `sudo` on the path.
    fn may(&self, request: &Request, route: Option<&Route<'_>>, acl: &Acl) -> Result<bool, Refusal> {
        let operation = match request.operation {
            Operation::Read => AclOperation::Read,
            Operation::List => AclOperation::List,
            Operation::Delete => AclOperation::Delete,
            Operation::Patch => AclOperation::Patch,
            Operation::Header => AclOperation::Header,
            Operation::Write => match route {
                Some(Route::Kubernetes(mount, path)) => {
                    match self.backend.creates(&Call { request, mount, path })? {
                        Some(true) => AclOperation::Create,
                        _ => AclOperation::Update,
                    }
                }
                _ => AclOperation::Update,
            },
        };
        // An ACL sees the name of a role as the store does.
        let as_stored = match route {
            Some(Route::Kubernetes(_, rest)) => rest.strip_prefix("role/").and_then(|name| {
                let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
                let before = request.path.strip_suffix(name)?;
                upper.then(|| format!("{before}{}", name.to_lowercase()))
            }),
            _ => None,
        };
        let asked = |path: &str| acl.allows(operation, path, &request.data, request.wrap_ttl);
        let permission = asked(&request.path);
        let stored_too = as_stored.is_none_or(|path| asked(&path).allowed);
        if permission.allowed
            && stored_too
            && (permission.sudo || !needs_sudo(&request.path, request.operation))
        {
            Ok(permission.sudo)
        } else {
            Err(Refusal::new(Class::Denied, "permission denied").listed())
        }
    }

    async fn dispatch(
        &self,
        request: &Request,
        snapshot: &Snapshot,
        route: Option<&Route<'_>>,
        known: &Known,
    ) -> Outcome {
        match (route, &request.token) {
            (Some(Route::Kubernetes(mount, path)), _) => {
                self.backend.handle(&Call { request, mount, path }).await
            }
            (Some(Route::Sys(path)), _) => self.sys(request, snapshot, Some(&known.acl)).handle(path).await,
            (Some(Route::Token(path)), Some(token)) => {
                let paths = TokenPaths {
                    tokens: &self.tokens,
                    logins: snapshot,
                    policies: snapshot,
                    default_ttl: 0,
                    max_ttl: 0,
                };
                let caller = Caller { token, used: &known.used, is_sudo: known.is_sudo };
                paths.handle(caller, request.operation, path, &request.data).await
            }
            _ => {
                let error = format!("no handler for route {:?}. route entry not found.", request.path);
                Refusal::new(Class::NotFound, error).into()
            }
        }
    }

    fn sys<'a>(&'a self, request: &'a Request, snapshot: &'a Snapshot, acl: Option<&'a Acl>) -> SysPaths<'a> {
        SysPaths {
            request,
            snapshot,
            catalog: &self.catalog,
            tokens: &self.tokens,
            entities: &self.entities,
            acls: &self.acls,
            random: &*self.random,
            copies: self.copies.as_deref(),
            acl,
        }
    }

    /// Keeps the answer, and gives a token for it: what was to be wrapped is never given in the open.
    async fn wrapped(&self, request: &Request, answer: Answer, ttl: u64) -> Outcome {
        // There is nothing to wrap, or it is wrapped already.
        if answer.is_empty() || answer.wrap_info.is_some() {
            return Outcome::Done(answer);
        }
        let text = Secret::from(envelope::encode(&request.id, &answer));
        let accessor = answer.auth.as_ref().map_or_else(String::new, |auth| auth.accessor.clone());
        let ttl = i64::try_from(ttl).unwrap_or(i64::MAX);
        match wrapping::wrap(&self.tokens, &text, accessor, &request.path, ttl).await {
            Ok(answer) => Outcome::Done(answer),
            Err(refusal) => refusal.into(),
        }
    }

    /// The token is of no use after its last one, whether it goes now or when it expires.
    async fn finish(&self, used: &Used) {
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

impl<V: Verify> Handle for Vault<V> {
    fn handle(&self, request: Request) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async move { self.answer(&request).await })
    }
}
