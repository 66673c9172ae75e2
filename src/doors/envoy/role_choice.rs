//! Which role the route asks for: context extensions, route metadata, our own table, the default.

use smallvec::SmallVec;

use super::request::RequestView;
use super::route_table;
use crate::config::{DefaultRole, RoleList, Route};
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
/// [`Deny::UnknownRole`] where a place names more roles than one request may, or one that is no text.
pub(super) fn choose<'a>(
    view: RequestView<'a>,
    routes: &'a [Route],
    default: &'a DefaultRole,
) -> Result<RoleChoice<'a>, Deny> {
    let extensions = [view.context_extension("role"), view.context_extension("mount")];
    let metadata = [view.route_metadata("role"), view.route_metadata("mount")];
    for [role, mount] in [extensions, metadata] {
        if !role.trim_ascii().is_empty() {
            let role = std::str::from_utf8(role).map_err(|_| Deny::UnknownRole)?;
            let mount = std::str::from_utf8(mount).map_err(|_| Deny::UnknownMount)?;
            return named(mount, role, default);
        }
    }
    let outcome = route_table::outcome(view, routes, default)?;
    named(outcome.mount, outcome.role.map_or("", RoleList::as_str), default)
}

fn named<'a>(mount: &'a str, roles: &'a str, default: &'a DefaultRole) -> Result<RoleChoice<'a>, Deny> {
    let names = || roles.split(',').map(str::trim).filter(|name| !name.is_empty());
    if names().count() > MAX_ROLES {
        return Err(Deny::UnknownRole);
    }
    let roles: SmallVec<[&str; MAX_ROLES]> = names().collect();
    if roles.is_empty() {
        return Err(Deny::NoRole);
    }
    let mount = mount.trim();
    Ok(RoleChoice { mount: if mount.is_empty() { &default.mount } else { mount }, roles })
}

#[cfg(test)]
mod tests;
