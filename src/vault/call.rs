//! A request on its way to one mount's backend, and what all backends say alike.

use std::sync::Arc;
use std::time::Duration;

use super::outcome::{Answer, Class, Outcome, Refusal};
use super::request::Request;
use crate::core::fields::{FieldError, Fields};
use crate::core::mount::Mount;
use crate::ports::store::StoreError;

/// A request below a mount.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The request.
    pub request: &'a Request,
    /// The mount as it was when the request came.
    pub mount: &'a Arc<Mount>,
    /// The path below the mount: `login`, `role/orders`.
    pub path: &'a str,
    /// What a write must be, where the caller may do just that.
    pub terms: Option<&'a Terms>,
}

/// What a write was allowed as. Between that and the write others may have written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whether it creates what it names.
    pub creates: bool,
    /// The policies that a role may hand out, sorted.
    pub policies: Vec<String>,
}

impl Terms {
    /// Whether a write is still what was allowed.
    ///
    /// # Errors
    /// Where it is not; the caller may ask again.
    pub fn hold(&self, creates: bool, policies: &[String]) -> Result<(), Refusal> {
        let known = |policy| self.policies.binary_search(policy).is_ok();
        if self.creates == creates && policies.iter().all(known) {
            Ok(())
        } else {
            Err(store_refusal(&StoreError::Conflict))
        }
    }
}

impl Call<'_> {
    /// The request's fields.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(&self.request.data)
    }
}

/// The answer, with a warning that names the fields that nothing has read. Where there is nothing to say otherwise,
/// nothing is said.
pub fn with_unknown_fields(
    mut answer: Answer,
    fields: Fields<'_>,
    known: &[&str],
    captured: &[&str],
) -> Outcome {
    if !answer.is_empty() && !answer.goes_on {
        answer.warnings.extend(warnings_of_unknown(fields, known, captured));
    }
    Outcome::Done(answer)
}

/// The warnings that name the fields that nothing has read.
pub fn warnings_of_unknown(fields: Fields<'_>, known: &[&str], captured: &[&str]) -> Vec<String> {
    let mut warnings = Vec::new();
    let replaced: Vec<&str> = captured.iter().copied().filter(|name| fields.has(name)).collect();
    let unknown: Vec<&str> =
        fields.unknown(known).into_iter().filter(|name| !captured.contains(name)).collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(" ");
        warnings.push(format!("Endpoint ignored these unrecognized parameters: [{unknown}]"));
    }
    if !replaced.is_empty() {
        let replaced = replaced.join(" ");
        warnings.push(format!(
            "Endpoint replaced the value of these parameters with the values captured from the endpoint's path: \
             [{replaced}]"
        ));
    }
    warnings
}

/// A field of the wrong type, in the reference's words.
pub fn of_field(error: &FieldError) -> Refusal {
    Refusal::new(Class::Invalid, format!("Field validation failed: {error}"))
}

/// The path is none of the backend's.
pub fn unsupported_path() -> Outcome {
    Refusal::new(Class::NotFound, "unsupported path").listed().into()
}

/// The path does not do that.
pub fn unsupported_operation() -> Outcome {
    Refusal::new(Class::Unsupported, "unsupported operation").listed().into()
}

/// A store that has not done what it was asked: the caller gets a sentence, the log the cause.
pub fn store_refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::ReadOnly(sentence) => Refusal::new(Class::Unsupported, *sentence),
        StoreError::Conflict => {
            Refusal::new(Class::Unavailable, "the entry has been changed by somebody else, try again")
        }
        StoreError::Invalid(text) => Refusal::new(Class::Invalid, text.as_str()),
        StoreError::Refused(text) => Refusal::new(Class::Internal, text.as_str()),
        StoreError::Away(_) => {
            tracing::warn!(error = crate::errors::with_causes(error), "the store cannot be reached");
            let text = "the store cannot be reached, try again";
            let retry_after = Some(Duration::from_secs(1));
            Refusal { retry_after, ..Refusal::new(Class::Unavailable, text) }
        }
        StoreError::Failed(_) => {
            tracing::error!(error = crate::errors::with_causes(error), "the store has failed");
            Refusal::new(Class::Internal, "the store has failed, see the log of the server")
        }
    }
}
