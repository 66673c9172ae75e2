//! Which role the route asks for: context extensions, route metadata, our own table, the default.

use smallvec::SmallVec;

use super::request::{RequestView, Texts};
use super::route_table;
use crate::config::{DefaultRole, Route};
use crate::core::reason::Deny;
use crate::gate::MAX_ROLES;

/// A mount and the roles of it that will do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RoleChoice<'a> {
    /// The mount's path.
    pub mount: &'a str,
    /// The roles' names, at least one.
    pub roles: SmallVec<[&'a str; MAX_ROLES]>,
}

/// The first place that names a role wins whole.
///
/// # Errors
/// [`Deny::NoRole`] where none does, [`Deny::AmbiguousPath`] where the table would have to guess,
/// [`Deny::TooManyRoles`] where a place names more roles than one request may, [`Deny::UnknownRole`] and
/// [`Deny::UnknownMount`] where it names one that is no text.
pub(super) fn choose<'a>(
    view: RequestView<'a>,
    routes: &'a [Route],
    default: &'a DefaultRole,
) -> Result<RoleChoice<'a>, Deny> {
    let extensions =
        (Texts::One(view.context_extension("role")), Texts::One(view.context_extension("mount")));
    let metadata = (view.route_metadata("role"), view.route_metadata("mount"));
    for (role, mount) in [extensions, metadata] {
        if !is_blank(role) {
            let roles = names(role)?;
            // A list names no mount.
            let mount = mount.one().and_then(|mount| std::str::from_utf8(mount).ok());
            let mount = mount.ok_or(Deny::UnknownMount)?.trim();
            return Ok(RoleChoice { mount: if mount.is_empty() { &default.mount } else { mount }, roles });
        }
    }
    let outcome = route_table::outcome(view, routes, default)?;
    let role = outcome.role.ok_or(Deny::NoRole)?;
    Ok(RoleChoice { mount: outcome.mount, roles: names(Texts::One(role.as_str().as_bytes()))? })
}

/// Whether a place names nothing at all: a blank text, alone or in a list, or an empty list.
fn is_blank(role: Texts<'_>) -> bool {
    let mut texts = role.iter();
    let first = texts.next();
    first.is_none_or(|text| text.is_some_and(|text| text.trim_ascii().is_empty())) && texts.next().is_none()
}

/// The names in a text with commas between them, or in a list of such texts, which means the same as all of it in one.
fn names(role: Texts<'_>) -> Result<SmallVec<[&str; MAX_ROLES]>, Deny> {
    let mut names = SmallVec::new();
    for text in role.iter() {
        let text = text.and_then(|text| std::str::from_utf8(text).ok()).ok_or(Deny::UnknownRole)?;
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if names.len() == MAX_ROLES {
                return Err(Deny::TooManyRoles);
            }
            names.push(name);
        }
    }
    if names.is_empty() { Err(Deny::NoRole) } else { Ok(names) }
}

#[cfg(test)]
mod tests;
