//! Directives in a policy's paths, `{{identity.entity.id}}`, and who fills them in.

use std::collections::BTreeMap;

/// A `{{` without its `}}`, or the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unbalanced templating characters")]
pub(super) struct Unbalanced;

/// Whom a token stands for, as directives see it.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The entity's id.
    pub id: &'a str,
    /// The entity's name.
    pub name: &'a str,
    /// The entity's metadata.
    pub metadata: &'a BTreeMap<String, String>,
    /// Under which names it is known at which mounts.
    pub aliases: &'a [Alias<'a>],
}

/// An entity at one mount.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "Vault's own names")]
pub struct Alias<'a> {
    pub mount_accessor: &'a str,
    pub id: &'a str,
    pub name: &'a str,
    pub metadata: &'a BTreeMap<String, String>,
    pub custom_metadata: &'a BTreeMap<String, String>,
}

/// Whether the text has directives.
pub(super) fn is_templated(text: &str) -> Result<bool, Unbalanced> {
    let mut templated = false;
    each_piece(text, |_, directive| templated |= directive.is_some())?;
    Ok(templated)
}

/// The text with its directives filled in; none where one of them has no value, or one that would widen the path.
pub(super) fn fill(text: &str, identity: Option<&Identity<'_>>) -> Option<String> {
    let mut filled = Some(String::with_capacity(text.len()));
    each_piece(text, |literal, directive| {
        let value = match directive {
            None => Some(""),
            Some(directive) => value(directive, identity),
        };
        filled = filled.take().zip(value).map(|(filled, value)| filled + value + literal);
    })
    .ok()?;
    filled
}

/// Visits what stands before the first directive, then each directive with what follows it.
fn each_piece<'a>(text: &'a str, mut visit: impl FnMut(&'a str, Option<&'a str>)) -> Result<(), Unbalanced> {
    let mut pieces = text.split("{{");
    let first = pieces.next().unwrap_or_default();
    if first.contains("}}") {
        return Err(Unbalanced);
    }
    visit(first, None);
    for piece in pieces {
        let (directive, literal) = piece.split_once("}}").ok_or(Unbalanced)?;
        if literal.contains("}}") {
            return Err(Unbalanced);
        }
        visit(literal, Some(directive.trim()));
    }
    Ok(())
}

/// What a directive stands for. There are no groups, so theirs have no value.
fn value<'a>(directive: &str, identity: Option<&Identity<'a>>) -> Option<&'a str> {
    let Identity { id, name, metadata, aliases } = *identity?;
    let selector = directive.strip_prefix("identity.entity.")?;
    let value = match selector.split_once('.') {
        None if selector == "id" => id,
        None if selector == "name" => name,
        Some(("metadata", key)) => metadata.get(key)?,
        Some(("aliases", rest)) => {
            let (accessor, selector) = rest.split_once('.')?;
            let alias = aliases.iter().find(|alias| alias.mount_accessor == accessor)?;
            match selector.split_once('.') {
                None if selector == "id" => alias.id,
                None if selector == "name" => alias.name,
                Some(("metadata", key)) => alias.metadata.get(key)?,
                Some(("custom_metadata", key)) => alias.custom_metadata.get(key)?,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(value).filter(|value| !value.is_empty() && !value.contains(['*', '+']))
}

#[cfg(test)]
mod tests;
