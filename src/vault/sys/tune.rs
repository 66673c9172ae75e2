//! `sys/auth/<path>/tune`: leases, token type and visibility of a mount.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::mounts::{TOKEN, at_top};
use crate::catalog::Catalog;
use crate::core::fields::{FieldError, Fields};
use crate::core::mount::about::{ListingVisibility, MountTokenType, SYSTEM_MAX_LEASE};
use crate::core::mount::{MountAbout, Snapshot};
use crate::tokens::Tokens;
use crate::vault::call::store_refusal;
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};
use crate::vault::token::refusal::of_tokens;

/// What a tuning names; none: as it was.
#[derive(Debug, Default)]
pub(super) struct Tuning {
    default_lease_ttl: Option<i64>,
    max_lease_ttl: Option<i64>,
    description: Option<String>,
    token_type: Option<MountTokenType>,
    listing_visibility: Option<ListingVisibility>,
    options: Option<BTreeMap<String, String>>,
}

impl Tuning {
    /// Reads the fields.
    ///
    /// # Errors
    /// The first that is not good.
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, Refusal> {
        let wrong = |error: FieldError| invalid(error.to_string());
        let named = |field: &'static str| fields.string(field).map_err(wrong);
        if fields.has("user_lockout_config") {
            let text = "tuning of user lockout configuration for auth type \"kubernetes\" not allowed";
            return Err(invalid(text));
        }
        Ok(Self {
            default_lease_ttl: lease(fields, "default_lease_ttl")?,
            max_lease_ttl: lease(fields, "max_lease_ttl")?,
            description: named("description")?,
            token_type: named("token_type")?
                .map(|name| {
                    MountTokenType::named(&name).ok_or_else(|| invalid("invalid value for 'token_type'"))
                })
                .transpose()?,
            listing_visibility: named("listing_visibility")?
                .map(|name| {
                    ListingVisibility::named(&name)
                        .ok_or_else(|| invalid(format!("invalid listing visibility type {name:?}")))
                })
                .transpose()?,
            options: fields.pairs("options").map_err(wrong)?,
        })
    }

    /// Changes what is named.
    ///
    /// # Errors
    /// Where the default lease would be above the longest.
    fn lay_over(self, about: &mut MountAbout) -> Result<(), Refusal> {
        self.put_into(about);
        let MountAbout { default_lease_ttl: default, max_lease_ttl: max, .. } = *about;
        if max > 0 && default > max {
            return Err(invalid(format!(
                "backend max lease TTL of {max} would be less than backend default lease TTL of {default}"
            )));
        }
        Ok(())
    }

    /// Sets what a new mount is to have.
    ///
    /// # Errors
    /// Where the default lease is above the longest.
    pub(super) fn begin(self, about: &mut MountAbout) -> Result<(), Refusal> {
        self.put_into(about);
        if about.leases_agree() {
            return Ok(());
        }
        Err(invalid(match about.max_lease_ttl {
            0 => format!("given default lease TTL greater than system max lease TTL of {SYSTEM_MAX_LEASE}"),
            _ => "given default lease TTL greater than given max lease TTL".to_owned(),
        }))
    }

    fn put_into(self, about: &mut MountAbout) {
        fn set<T>(target: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *target = value;
            }
        }
        set(&mut about.default_lease_ttl, self.default_lease_ttl);
        set(&mut about.max_lease_ttl, self.max_lease_ttl);
        set(&mut about.description, self.description);
        set(&mut about.token_type, self.token_type);
        set(&mut about.listing_visibility, self.listing_visibility);
        // Options are laid over one by one; an empty value takes one away.
        for (key, value) in self.options.into_iter().flatten() {
            if value.is_empty() {
                about.options.remove(&key);
            } else {
                about.options.insert(key, value);
            }
        }
    }
}

/// What is in force.
pub(super) fn read(snapshot: &Snapshot, token: &MountAbout, path: &str) -> Outcome {
    let about = match snapshot.mount(path) {
        Some(mount) => &mount.about,
        None if path == TOKEN => token,
        None => return nothing_there(&format!("auth/{path}")).into(),
    };
    let mut data: Map<String, Value> = [
        ("default_lease_ttl", json!(about.default_lease())),
        ("description", json!(about.description)),
        ("force_no_cache", json!(false)),
        ("max_lease_ttl", json!(about.max_lease())),
        ("token_type", json!(about.token_type.name())),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    if about.listing_visibility != ListingVisibility::Default {
        data.insert("listing_visibility".to_owned(), json!(about.listing_visibility.name()));
    }
    if !about.options.is_empty() {
        data.insert("options".to_owned(), json!(about.options));
    }
    at_top(data)
}

/// Changes what the fields name.
pub(super) async fn write(
    catalog: &Catalog,
    tokens: &Tokens,
    path: &str,
    data: &Map<String, Value>,
) -> Outcome {
    match tune(catalog, tokens, path, Fields::new(data)).await {
        Ok(()) => Outcome::Done(Answer::default()),
        Err(refusal) => refusal.into(),
    }
}

async fn tune(catalog: &Catalog, tokens: &Tokens, path: &str, fields: Fields<'_>) -> Result<(), Refusal> {
    if path == TOKEN {
        return tune_tokens(tokens, Tuning::read(fields)?).await;
    }
    let writing = catalog.write().await;
    let about = writing.snapshot().mount(path).map(|mount| MountAbout::clone(&mount.about));
    let mut about = about.ok_or_else(|| nothing_to_tune(&format!("auth/{path}")))?;
    Tuning::read(fields)?.lay_over(&mut about)?;
    writing.put_mount(path, about).await.map_err(|error| store_refusal(&error))
}

/// The mount of `auth/token/`: what tokens that are created there get.
async fn tune_tokens(tokens: &Tokens, tuning: Tuning) -> Result<(), Refusal> {
    if tuning.token_type.is_some() {
        return Err(invalid("'token_type' cannot be set for 'token' or 'ns_token' auth mounts"));
    }
    let mut mount = tokens.mount().await.map_err(of_tokens)?;
    tuning.lay_over(&mut mount.about)?;
    tokens.tune(&mount).await.map_err(of_tokens)
}

/// A lease in seconds; 0 and `system` are the system's. Clients send an empty text for what is to stay as it was.
fn lease(fields: Fields<'_>, field: &'static str) -> Result<Option<i64>, Refusal> {
    match fields.string(field) {
        Ok(Some(text)) if text.is_empty() => Ok(None),
        Ok(Some(text)) if text == "system" => Ok(Some(0)),
        _ => fields.begun_seconds(field).map_err(|error| invalid(error.reason.to_string())),
    }
}

/// No mount is there whose tuning could be read.
pub(super) fn nothing_there(path: &str) -> Refusal {
    invalid(format!("cannot fetch sysview for path \"{path}/\""))
}

/// No mount is there that could be tuned.
pub(super) fn nothing_to_tune(path: &str) -> Refusal {
    invalid(format!("tune of path \"{path}/\" failed: no mount entry found"))
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new(Class::Invalid, text)
}
