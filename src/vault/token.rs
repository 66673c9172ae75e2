//! `auth/token/…`: what holders and administrators do with client tokens.
//!
//! Whether the caller may use the path at all is decided before; what a path itself demands (`sudo` for some fields)
//! is decided here.

mod accessors;
pub(super) mod answer;
mod create;
mod login;
mod lookup;
pub(super) mod refusal;
mod renew;
mod revoke;
mod snapshot;

use serde_json::{Map, Value};

use super::call::{unsupported_operation, unsupported_path, with_unknown_fields};
use super::outcome::{Answer, Class, Outcome, Refusal};
use super::request::Operation;
use crate::core::client_token::lease::LeaseTerms;
use crate::core::client_token::{ClientToken, Login};
use crate::core::fields::Fields;
use crate::core::secret::Secret;
use crate::tokens::{Tokens, Used};

pub use login::issue_login;
pub use snapshot::Logins;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The caller's token.
    pub token: &'a Secret,
    /// The use of it that this request takes.
    pub used: &'a Used,
    /// Whether its policies give it `sudo` on the path.
    pub is_sudo: bool,
}

impl<'a> Caller<'a> {
    const fn record(&self) -> &'a ClientToken {
        &self.used.found.record
    }
}

/// What a login's backend says to the renewal of its token.
pub trait RenewLogin: Sync {
    /// What the login's role allows at this moment; [`LeaseTerms::explicit_max_ttl`] stays the token's own. The login was
    /// at `confirmed`, in seconds since 1970.
    ///
    /// # Errors
    /// Where the role is gone or does not admit the login's identity any more, or the service account is gone.
    fn terms(&self, login: &Login, confirmed: i64) -> Result<LeaseTerms, Refusal>;
}

/// Which policies there are.
pub trait Policies: Sync {
    /// Whether there is a policy of that name. `default` and `root` always are.
    fn policy_exists(&self, name: &str) -> bool;
}

/// The paths below `auth/token/`, and what they need.
#[expect(missing_debug_implementations, reason = "made for one request, of parts that show themselves")]
#[derive(Clone, Copy)]
pub struct TokenPaths<'a> {
    /// The tokens.
    pub tokens: &'a Tokens,
    /// The backends of logins.
    pub logins: &'a dyn RenewLogin,
    /// The policies.
    pub policies: &'a dyn Policies,
}

/// One path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path<'a> {
    Create { is_orphan: bool },
    CreateByRole(&'a str),
    Lookup,
    LookupSelf,
    LookupAccessor,
    Renew,
    RenewSelf,
    RenewAccessor,
    Revoke,
    RevokeSelf,
    RevokeOrphan,
    RevokeAccessor,
    Accessors,
    Tidy,
}

impl<'a> Path<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        Some(match path {
            "create" => Self::Create { is_orphan: false },
            "create-orphan" => Self::Create { is_orphan: true },
            "lookup" => Self::Lookup,
            "lookup-self" => Self::LookupSelf,
            "lookup-accessor" => Self::LookupAccessor,
            "renew" => Self::Renew,
            "renew-self" => Self::RenewSelf,
            "renew-accessor" => Self::RenewAccessor,
            "revoke" => Self::Revoke,
            "revoke-self" => Self::RevokeSelf,
            "revoke-orphan" => Self::RevokeOrphan,
            "revoke-accessor" => Self::RevokeAccessor,
            "accessors/" => Self::Accessors,
            "tidy" => Self::Tidy,
            _ => {
                let role = path.strip_prefix("create/")?;
                Self::CreateByRole(Some(role).filter(|role| !role.is_empty() && !role.contains('/'))?)
            }
        })
    }

    const fn takes(self, operation: Operation) -> bool {
        match self {
            Self::Accessors => matches!(operation, Operation::List),
            Self::Lookup | Self::LookupSelf => matches!(operation, Operation::Read | Operation::Write),
            _ => matches!(operation, Operation::Write),
        }
    }

    /// The fields that it knows.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Create { .. } | Self::CreateByRole(_) => &create::FIELDS,
            Self::Lookup | Self::LookupSelf | Self::Revoke | Self::RevokeSelf | Self::RevokeOrphan => {
                &["token"]
            }
            Self::LookupAccessor | Self::RevokeAccessor => &["accessor"],
            Self::Renew | Self::RenewSelf => &["token", "increment"],
            Self::RenewAccessor => &["accessor", "increment"],
            Self::Accessors => &["after", "limit", "list"],
            Self::Tidy => &[],
        }
    }
}

impl TokenPaths<'_> {
    /// Answers a request to `path`, which is what comes after `auth/token/`.
    pub async fn handle(
        &self,
        caller: Caller<'_>,
        operation: Operation,
        path: &str,
        data: &Map<String, Value>,
    ) -> Outcome {
        let Some(path) = Path::parse(path) else {
            return unsupported_path();
        };
        if !path.takes(operation) {
            return unsupported_operation();
        }
        let fields = Fields::new(data);
        match self.answer(caller, path, fields).await {
            Ok(answer) => with_unknown_fields(answer, fields, path.fields(), &[]),
            Err(refusal) => refusal.into(),
        }
    }

    async fn answer(
        &self,
        caller: Caller<'_>,
        path: Path<'_>,
        fields: Fields<'_>,
    ) -> Result<Answer, Refusal> {
        match path {
            Path::Create { is_orphan } => self.create(caller, fields, is_orphan).await,
            Path::CreateByRole(role) => Err(Refusal::new(Class::Invalid, format!("unknown role {role}"))),
            Path::Lookup => self.lookup(caller, fields).await,
            Path::LookupSelf => Ok(self.lookup_self(caller)),
            Path::LookupAccessor => self.lookup_accessor(fields).await,
            Path::Renew => self.renew(fields).await,
            Path::RenewSelf => self.renew_self(caller, fields).await,
            Path::RenewAccessor => self.renew_accessor(fields).await,
            Path::Revoke => self.revoke(fields).await,
            Path::RevokeSelf => self.revoke_self(caller).await,
            Path::RevokeOrphan => self.revoke_orphan(caller, fields).await,
            Path::RevokeAccessor => self.revoke_accessor(fields).await,
            Path::Accessors => self.accessors(fields).await,
            Path::Tidy => Ok(self.tidy()),
        }
    }
}

#[cfg(test)]
mod tests;
