//! The paths below `sys/`.

mod auth;
mod backup;
pub mod capabilities;
mod enable;
mod mounts;
pub mod policies;
mod tune;
mod ui_mounts;
pub(super) mod wrapping;

use std::sync::Arc;

use capabilities::{CAPABILITIES_FIELDS, capabilities_answer, named_paths};
use policies::{DEFAULT, Form, ROOT, list_answer, parse_delete, parse_write, read_answer, stored_name};

use super::acls::Acls;
use super::call::{Terms, store_refusal, unsupported_operation, unsupported_path, with_unknown_fields};
use super::outcome::{Answer, Class, Outcome, Refusal};
use super::request::{Operation, Request};
use super::token::refusal::{of_tokens, text};
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
        self.answer(path).await.unwrap_or_else(Outcome::from)
    }

    async fn answer(&self, path: &str) -> Result<Outcome, Refusal> {
        let operation = self.request.operation;
        let (first, below) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let rest = below.unwrap_or_default();
        Ok(match (first, rest) {
            ("auth", _) => self.auth(below).await?,
            ("mounts", _) => self.mounts(below).await?,
            ("policies", rest) => match rest.strip_prefix("acl") {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                    self.policies(Form::Acl, rest).await
                }
                _ => unsupported_path(),
            },
            ("policy", _) => self.policies(Form::Old, path.strip_prefix("policy").unwrap_or_default()).await,
            ("capabilities" | "capabilities-self" | "capabilities-accessor", "") if below.is_none() => {
                self.capabilities(first).await
            }
            ("internal", rest) => self.internal(rest).await?,
            ("wrapping", rest) => self.wrapping(rest).await,
            ("storage", "backup") => match operation {
                Operation::Write => backup::write(self.copies, self.request).await,
                _ => unsupported_operation(),
            },
            ("host-info", "") => {
                return Err(Refusal::new(Class::Denied, "what the host is like is not told"));
            }
            _ => unsupported_path(),
        })
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
        let text = text(fields, field)?.ok_or_else(|| match by_accessor {
            true => Refusal::new(Class::Invalid, "missing accessor"),
            false => Refusal::new(Class::Internal, "no token found").listed(),
        })?;
        let found = match by_accessor {
            true => self.tokens.find_by_accessor(&text).await,
            false => {
                named_paths(&self.request.data)?;
                self.tokens.find(&text).await
            }
        };
        let found = found
            .map_err(of_tokens)?
            .ok_or_else(|| Refusal::new(Class::Invalid, format!("invalid {field}")).listed())?;
        self.acls.of(self.snapshot, self.entities, &found.record).await.map_err(of_tokens)
    }

    async fn internal(&self, path: &str) -> Result<Outcome, Refusal> {
        let Some(rest) = path.strip_prefix("ui/mounts") else { return Ok(unsupported_path()) };
        let mount = match (rest, rest.strip_prefix('/')) {
            ("", _) => None,
            (_, Some("")) => return Err(Refusal::new(Class::NotFound, "unsupported path")),
            (_, Some(mount)) => Some(mount),
            (_, None) => return Ok(unsupported_path()),
        };
        if self.request.operation != Operation::Read {
            return Err(Refusal::new(Class::Unsupported, "unsupported operation"));
        }
        let token = self.token_mount().await?;
        match (mount, self.acl) {
            (None, acl) => Ok(ui_mounts::list(self.snapshot, &token, acl)),
            (Some(mount), Some(acl)) => Ok(ui_mounts::read(self.snapshot, &token, mount, acl)),
            (Some(_), None) => Err(Refusal::new(Class::Denied, "permission denied")),
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
