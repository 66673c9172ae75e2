//! A request from its token to its answer: who answers, what comes of it, and whether it is wrapped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use super::acls::Acls;
use super::administration::{Administration, Declared, Entry};
use super::admit::{Admission, Known, denied};
use super::call::{Call, with_unknown_fields};
use super::kubernetes::{Kubernetes, LOGIN_FIELDS};
use super::outcome::{Answer, Class, Outcome, Refusal};
use super::request::{Operation, Request};
use super::route::Route;
use super::sys::{SysPaths, wrapping};
use super::token::{Caller, Logins, TokenPaths, issue_login};
use super::{Handle, envelope, identity, trail};
use crate::catalog::Catalog;
use crate::core::acl::Acl;
use crate::core::mount::Snapshot;
use crate::core::secret::Secret;
use crate::core::token::UnverifiedToken;
use crate::ports::administrators::Administrators;
use crate::ports::copies::Copies;
use crate::ports::gone::Gone;
use crate::ports::store::Key;
use crate::ports::{Random, Verify};
use crate::record::Recorder;
use crate::record::decision_id::of_uuid;
use crate::tokens::Tokens;
use crate::tokens::entities::Entities;

/// Everything behind the Vault door.
#[derive(Debug)]
pub struct Vault<V> {
    backend: Kubernetes<V>,
    catalog: Catalog,
    admission: Admission,
    administration: Administration,
    random: Arc<dyn Random>,
    recorder: Recorder,
    copies: Option<Arc<dyn Copies>>,
    gone: Option<Arc<dyn Gone>>,
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
        let admission = Admission { tokens, entities, acls: Acls::new() };
        let administration = Administration::default();
        Self { backend, catalog, admission, administration, random, recorder, copies: None, gone: None }
    }

    /// The same, and a login whose service account is known to be gone is not renewed.
    #[must_use]
    pub fn with_gone(self, gone: Arc<dyn Gone>) -> Self {
        Self { gone: Some(gone), ..self }
    }

    /// The same, and its store can be copied.
    #[must_use]
    pub fn with_copies(self, copies: Option<Arc<dyn Copies>>) -> Self {
        Self { copies, ..self }
    }

    /// The same, and the cluster that knows the administrators is asked about Kubernetes tokens.
    #[must_use]
    pub fn with_administrators(self, administrators: Option<Arc<dyn Administrators>>) -> Self {
        Self { administration: Administration::new(administrators), ..self }
    }

    async fn answer(&self, request: &Request) -> Outcome {
        let Some(snapshot) = self.catalog.snapshots().load() else {
            return Refusal::new(Class::Unavailable, "mounts and roles are not loaded yet, try again").into();
        };
        let route = Route::find(&snapshot, &request.path);
        if let Some(path) = request.path.strip_prefix("sys/wrapping/")
            && let Err(refusal) = wrapping::check(&self.admission.tokens, request, path).await
        {
            return refusal.into();
        }
        let outcome = match (&route, self.administration.token(request)) {
            (Some(route), _) if route.is_open() => self.open(request, &snapshot, route).await,
            (route, Some(token)) => self.administered(request, &snapshot, route.as_ref(), &token).await,
            (route, None) => match self.admission.admit(request, &snapshot, route.as_ref()).await {
                Ok(known) => {
                    let outcome = self.dispatch(request, &snapshot, route.as_ref(), &known).await;
                    trail::write(request, route.as_ref(), &known.used.found.record, &outcome);
                    self.admission.finish(&known.used).await;
                    outcome
                }
                Err(refusal) => refusal.into(),
            },
        };
        match (outcome, request.wrap_seconds()) {
            (Outcome::Done(answer), ttl) if ttl > 0 => self.wrapped(request, answer, ttl).await,
            (outcome, _) => outcome,
        }
    }

    /// A path that needs no token.
    async fn open(&self, request: &Request, snapshot: &Snapshot, route: &Route<'_>) -> Outcome {
        match route {
            Route::Kubernetes(mount, path) => {
                let call = Call { request, mount, path, terms: None };
                if request.operation == Operation::Write {
                    self.login(&call).await
                } else {
                    Refusal::new(Class::Unsupported, "unsupported operation").into()
                }
            }
            Route::Sys(path) => {
                let acl = match request.operation == Operation::Read && path.starts_with("internal/ui/mounts")
                {
                    true => match self.admission.acl(request, snapshot).await {
                        Ok(acl) => acl,
                        Err(refusal) => return refusal.into(),
                    },
                    false => None,
                };
                // Whatever is kept is somebody's: a stranger could fill the store.
                if acl.is_none() && request.wrap_seconds() > 0 {
                    return denied().into();
                }
                self.sys(request, snapshot, acl.as_deref()).handle(path).await
            }
            Route::Token(_) | Route::Identity(_) => denied().into(),
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
            Ok(login) => issue_login(&self.admission.tokens, &self.admission.entities, login).await,
            Err(refusal) => Err(refusal),
        };
        match issued {
            Ok(answer) => with_unknown_fields(answer, call.fields(), &LOGIN_FIELDS, &[]),
            Err(refusal) => refusal.into(),
        }
    }

    /// A request with a Kubernetes token.
    async fn administered(
        &self,
        request: &Request,
        snapshot: &Snapshot,
        route: Option<&Route<'_>>,
        token: &UnverifiedToken<'_>,
    ) -> Outcome {
        let (now, mut entry) = (self.admission.tokens.now(), Entry::new());
        let objects = |key: &Key| self.catalog.objects(key);
        let declared = Declared { snapshot, objects: &objects };
        let admitted = self.administration.admit(request, &declared, route, token, now, &mut entry).await;
        let outcome = match (admitted, route) {
            (Ok(terms), Some(Route::Kubernetes(mount, path))) => {
                self.backend.handle(&Call { request, mount, path, terms: Some(&terms) }).await
            }
            (Ok(terms), Some(Route::Sys(path))) => {
                SysPaths { terms: Some(&terms), ..self.sys(request, snapshot, None) }.handle(path).await
            }
            (Ok(_), _) => denied().into(),
            (Err(refusal), _) => refusal.into(),
        };
        entry.write(&request.id, &outcome);
        outcome
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
                self.backend.handle(&Call { request, mount, path, terms: None }).await
            }
            (Some(Route::Identity(path)), _) => {
                let entities = &self.admission.entities;
                identity::handle(entities, snapshot, request.operation, path)
                    .await
                    .unwrap_or_else(Outcome::from)
            }
            (Some(Route::Sys(path)), _) => self.sys(request, snapshot, Some(&known.acl)).handle(path).await,
            (Some(Route::Token(path)), Some(token)) => {
                let paths = TokenPaths {
                    tokens: &self.admission.tokens,
                    logins: &Logins { snapshot, gone: self.gone.as_deref() },
                    policies: snapshot,
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
            tokens: &self.admission.tokens,
            entities: &self.admission.entities,
            acls: &self.admission.acls,
            random: &*self.random,
            copies: self.copies.as_deref(),
            acl,
            terms: None,
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
        match wrapping::wrap(&self.admission.tokens, &text, accessor, &request.path, ttl).await {
            Ok(answer) => Outcome::Done(answer),
            Err(refusal) => refusal.into(),
        }
    }
}

impl<V: Verify> Handle for Vault<V> {
    fn handle(&self, request: Request) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async move { self.answer(&request).await })
    }
}
