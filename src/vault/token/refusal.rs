//! The refusals of these paths, in the reference's words where it has any.

use std::time::Duration;

use super::super::call::{of_field, store_refusal};
use super::super::outcome::{Class, Refusal};
use crate::core::client_token::WRAPPING_POLICY;
use crate::core::client_token::seal::SealError;
use crate::core::fields::Fields;
use crate::errors::with_causes;
use crate::ports::store::StoreError;
use crate::tokens::{Found, TokensError};

use super::TokenPaths;

/// Policies that no token may be given: the house's own tokens alone have them.
const INTERNAL: [&str; 2] = [WRAPPING_POLICY, "control-group"];

/// Whether a token may be given these policies.
///
/// # Errors
/// Where one of them is internal.
pub(super) fn assignable(policies: &[String]) -> Result<(), Refusal> {
    match policies.iter().find(|policy| INTERNAL.contains(&policy.as_str())) {
        Some(policy) => Err(invalid(format!("cannot assign policy {policy:?}"))),
        None => Ok(()),
    }
}

/// 400 with this text.
pub(super) fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new(Class::Invalid, text)
}

/// A field's text; none where it is missing or empty.
pub(in crate::vault) fn text(fields: Fields<'_>, field: &'static str) -> Result<Option<String>, Refusal> {
    Ok(fields.string(field).map_err(|error| of_field(&error))?.filter(|text| !text.is_empty()))
}

/// What could not be done with a token.
pub(in crate::vault) fn of_tokens(error: TokensError) -> Refusal {
    let away = |text: &str| {
        tracing::warn!(cause = with_causes(&error), "a client token's request could not be served");
        let retry_after = Some(Duration::from_secs(1));
        Refusal { retry_after, ..Refusal::new(Class::Unavailable, text) }
    };
    match &error {
        TokensError::Taken => invalid("cannot create a token with a duplicate ID"),
        TokensError::ParentGone => invalid("parent token lookup failed: no parent found"),
        TokensError::Unfit | TokensError::TooDeep | TokensError::Seal(SealError::TooLong) => {
            invalid(error.to_string())
        }
        TokensError::Store(StoreError::ReadOnly(sentence)) => Refusal::new(Class::Unsupported, *sentence),
        TokensError::Busy | TokensError::Store(StoreError::Conflict) => {
            away("the token is being changed by others, try again")
        }
        TokensError::Store(error) => store_refusal(error),
        TokensError::Random(_) | TokensError::Seal(_) | TokensError::Unreadable(_) => {
            tracing::error!(cause = with_causes(&error), "a client token's request has failed");
            Refusal::new(Class::Internal, "internal error")
        }
    }
}

impl TokenPaths<'_> {
    /// The token that the field `accessor` names.
    pub(super) async fn by_accessor(&self, fields: Fields<'_>) -> Result<Option<Found>, Refusal> {
        let accessor = text(fields, "accessor")?.ok_or_else(|| invalid("missing accessor").listed())?;
        self.tokens.find_by_accessor(&accessor).await.map_err(of_tokens)
    }
}

/// The text for an accessor that no good token has.
pub(super) fn unknown_accessor() -> Refusal {
    invalid("invalid accessor").listed()
}
