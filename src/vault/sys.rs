//! The paths below `sys/`.

mod backup;
pub mod capabilities;
mod enable;
mod mounts;
pub mod policies;
mod tune;
mod ui_mounts;
pub(super) mod wrapping;

use std::sync::Arc;

use capabilities::{CAPABILITIES_FIELDS, capabilities_answer};
use policies::{DEFAULT, Form, ROOT, list_answer, parse_delete, parse_write, read_answer, stored_name};

use super::acls::Acls;
use super::call::{Terms, store_refusal, unsupported_operation, unsupported_path, with_unknown_fields};
use super::outcome::{Answer, Class, Outcome, Refusal};
use super::request::{Operation, Request};
use super::token::refusal::of_tokens;
use crate::catalog::Catalog;
use crate::core::acl::{Acl, DEFAULT_POLICY};
use crate::core::fields::Fields;
use crate::core::mount::Snapshot;
use crate::ports::Random;
use crate::ports::copies::Copies;
use crate::tokens::Tokens;
use crate::tokens::entities::Entities;

/// What the paths need.
pub(super) struct SysPaths<'a> {
    pub(super) request: &'a Request,
    pub(super) snapshot: &'a Snapshot,
    pub(super) catalog: &'a Catalog,
    pub(super) tokens: &'a Tokens,
    pub(super) entities: &'a Entities,
    pub(super) acls: &'a Acls,
    pub(super) random: &'a dyn Random,
    pub(super) copies: Option<&'a dyn Copies>,
    /// What the caller may do; none for a caller without a token.
    pub(super) acl: Option<&'a Acl>,
    /// What a write must be, where the caller may do just that.
    pub(super) terms: Option<&'a Terms>,
}

impl SysPaths<'_> {
    /// Answers a request to `path`, which is what comes after `sys/`.
    pub(super) async fn handle(&self, path: &str) -> Outcome {
        let operation = self.request.operation;
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match (first, rest) {
            ("auth", "") if path == "auth" => match operation {
                Operation::Read => mounts::list(self.snapshot),
                _ => unsupported_operation(),
            },
            ("auth", "") => unsupported_path(),
            ("auth", rest) => self.auth(rest).await,
            ("mounts", rest) => self.mounts(path, rest).await,
            ("policies", rest) => match rest.strip_prefix("acl") {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                    self.policies(Form::Acl, rest).await
                }
                _ => unsupported_path(),
            },
            ("policy", _) => self.policies(Form::Old, path.strip_prefix("policy").unwrap_or_default()).await,
            ("capabilities" | "capabilities-self" | "capabilities-accessor", "") => {
                self.capabilities(first).await
            }
            ("internal", rest) => self.internal(rest),
            ("wrapping", rest) => self.wrapping(rest).await,
            ("storage", "backup") => match operation {
                Operation::Write => backup::write(self.copies, self.request).await,
                _ => unsupported_operation(),
            },
            ("host-info", "") => Refusal::new(Class::Denied, "what the host is like is not told").into(),
            _ => unsupported_path(),
        }
    }

    async fn auth(&self, path: &str) -> Outcome {
        let data = &self.request.data;
        if let Some(path) = path.strip_suffix("/tune") {
            return match self.request.operation {
                Operation::Read => tune::read(self.snapshot, path),
                Operation::Write => tune::write(self.catalog, path, data).await,
                _ => unsupported_operation(),
            };
        }
        let path = path.trim_end_matches('/');
        match self.request.operation {
            Operation::Read => mounts::read(self.snapshot, path),
            Operation::Write => enable::enable(self.catalog, self.random, path, data).await,
            Operation::Delete => enable::disable(self.catalog, path).await,
            Operation::List => unsupported_path(),
            _ => unsupported_operation(),
        }
    }

    /// No secret engine is mounted here. Clients find auth mounts below `auth/` and tune them by this way, too.
    async fn mounts(&self, path: &str, rest: &str) -> Outcome {
        match (rest.strip_prefix("auth/"), self.request.operation) {
            (Some(auth), Operation::Read) => self.auth(auth).await,
            (Some(auth), Operation::Write) if auth.ends_with("/tune") => self.auth(auth).await,
            (Some(_), _) => unsupported_operation(),
            (None, Operation::Read) if path == "mounts" => mounts::at_top(serde_json::Map::new()),
            (None, Operation::Read) if !rest.is_empty() => {
                let error = format!("No secret engine mount at {}/", rest.trim_end_matches('/'));
                Refusal::new(Class::Invalid, error).into()
            }
            (None, Operation::List) => unsupported_path(),
            (None, Operation::Write | Operation::Delete) => {
                Refusal::new(Class::Invalid, "no secret engine can be mounted here").into()
            }
            (None, _) => unsupported_operation(),
        }
    }

    async fn policies(&self, form: Form, rest: &str) -> Outcome {
        let name = rest.strip_prefix('/').unwrap_or(rest);
        let fields = Fields::new(&self.request.data);
        if name.is_empty() {
            let names = self.snapshot.policies.keys().map(String::as_str);
            return match (self.request.operation, form) {
                (Operation::List, _) | (Operation::Read, Form::Old) => {
                    Outcome::Done(list_answer(form, names))
                }
                _ => unsupported_operation(),
            };
        }
        match self.request.operation {
            Operation::Read => {
                let name = stored_name(name);
                let text = match (self.snapshot.policies.get(&name), name.as_str()) {
                    (Some(text), _) => &**text,
                    (None, ROOT) => "",
                    (None, DEFAULT) => DEFAULT_POLICY,
                    (None, _) => return Outcome::Done(Answer::default()),
                };
                Outcome::Done(read_answer(form, &name, text))
            }
            Operation::Write => {
                let write = match parse_write(form, name, &self.request.data) {
                    Ok(write) => write,
                    Err(refusal) => return refusal.into(),
                };
                let writing = self.catalog.write().await;
                let creates = !writing.snapshot().policies.contains_key(&write.name);
                if let Some(Err(refusal)) = self.terms.map(|terms| terms.hold(creates, &[])) {
                    return refusal.into();
                }
                match writing.put_policy(&write.name, &write.text).await {
                    Ok(()) => with_unknown_fields(write.answer(), fields, form.fields(), &["name"]),
                    Err(error) => store_refusal(&error).into(),
                }
            }
            Operation::Delete => match parse_delete(name) {
                Ok(name) => match self.catalog.write().await.delete_policy(&name).await {
                    Ok(()) => Outcome::Done(Answer::default()),
                    Err(error) => store_refusal(&error).into(),
                },
                Err(refusal) => refusal.into(),
            },
            Operation::List => unsupported_path(),
            _ => unsupported_operation(),
        }
    }

    async fn capabilities(&self, path: &str) -> Outcome {
        if self.request.operation != Operation::Write {
            return unsupported_operation();
        }
        let fields = Fields::new(&self.request.data);
        let answer = match path {
            "capabilities-self" => match self.acl {
                Some(acl) => capabilities_answer(&self.request.data, acl),
                None => Err(Refusal::new(Class::Denied, "permission denied")),
            },
            _ => match self.acl_of_another(path, fields).await {
                Ok(acl) => capabilities_answer(&self.request.data, &acl),
                Err(refusal) => Err(refusal),
            },
        };
        match answer {
            Ok(answer) => with_unknown_fields(answer, fields, &CAPABILITIES_FIELDS, &[]),
            Err(refusal) => refusal.into(),
        }
    }

    /// The ACL of the token that the fields name.
    async fn acl_of_another(&self, path: &str, fields: Fields<'_>) -> Result<Arc<Acl>, Refusal> {
        let by_accessor = path == "capabilities-accessor";
        let field = if by_accessor { "accessor" } else { "token" };
        let text = fields
            .string(field)
            .map_err(|error| Refusal::new(Class::Invalid, error.to_string()))?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Refusal::new(Class::Invalid, format!("missing {field}")).listed())?;
        let found = match by_accessor {
            true => self.tokens.find_by_accessor(&text).await,
            false => self.tokens.find(&text).await,
        };
        let found = found
            .map_err(of_tokens)?
            .ok_or_else(|| Refusal::new(Class::Invalid, format!("invalid {field}")).listed())?;
        self.acls.of(self.snapshot, self.entities, &found.record).await.map_err(of_tokens)
    }

    fn internal(&self, path: &str) -> Outcome {
        match (path.strip_prefix("ui/mounts"), self.acl) {
            (Some(_), _) if self.request.operation != Operation::Read => unsupported_operation(),
            (Some(""), acl) => ui_mounts::list(self.snapshot, acl),
            (Some(rest), Some(acl)) if rest.starts_with('/') => {
                ui_mounts::read(self.snapshot, rest.trim_start_matches('/'), acl)
            }
            (Some(rest), None) if rest.starts_with('/') => {
                Refusal::new(Class::Denied, "permission denied").into()
            }
            _ => unsupported_path(),
        }
    }

    async fn wrapping(&self, path: &str) -> Outcome {
        let operation = self.request.operation;
        match (path, operation) {
            ("wrap", Operation::Write) => wrapping::give_back(self.request),
            ("lookup", Operation::Write | Operation::Read) => {
                wrapping::lookup(self.tokens, self.request).await
            }
            ("unwrap", Operation::Write) => wrapping::unwrap(self.tokens, self.request).await,
            ("rewrap", Operation::Write) => wrapping::rewrap(self.tokens, self.request).await,
            ("wrap" | "lookup" | "unwrap" | "rewrap", _) => unsupported_operation(),
            _ => unsupported_path(),
        }
    }
}
