//! GateRoles: who holds which name in which mount.

use std::sync::Arc;

use super::GateRole;
use super::claims::{Claims, age};
use super::memo::Memo;
use super::mounts::Mounts;
use super::verdict::{Kind, Object, Reason, State, Verdict};
use crate::catalog::Roles;
use crate::core::role::Role;
use crate::store::kubernetes::convert;

/// The roles of each placed mount, in the mounts' order, and the verdicts.
pub(super) fn place(
    memo: &mut Memo,
    mounts: &Mounts,
    objects: &[Arc<GateRole>],
) -> (Vec<Roles>, Vec<Verdict>) {
    let mut oldest_first: Vec<&GateRole> = objects.iter().map(AsRef::as_ref).collect();
    oldest_first.sort_by(|one, other| age(&one.metadata).cmp(&age(&other.metadata)));
    let mut placed: Vec<(Claims<'_>, Roles)> = (0..mounts.len()).map(|_| Default::default()).collect();
    let mut verdicts = Vec::with_capacity(objects.len());
    for object in oldest_first {
        let (accepted, ready) = match role(memo, mounts, &mut placed, object) {
            Ok(true) => (State::yes(Reason::Accepted), State::yes(Reason::InForce)),
            Ok(false) => (
                State::yes(Reason::Accepted),
                State::no(Reason::MountNotReady, "the GateMount is not configured and admits nobody"),
            ),
            Err(state) => {
                let unreadable = convert::unreadable(&object.metadata);
                let state = unreadable.map_or(state, |why| State::no(Reason::Invalid, why));
                (state.clone(), state)
            }
        };
        verdicts.push(Verdict { object: Object::of(Kind::GateRole, &object.metadata), accepted, ready });
    }
    (placed.into_iter().map(|(_, roles)| roles).collect(), verdicts)
}

/// Puts a role into its mount, and says whether that is ready. The name is claimed before the rest is looked at: a role
/// that is not good leaves its name refused.
fn role<'a>(
    memo: &mut Memo,
    mounts: &Mounts,
    placed: &mut [(Claims<'a>, Roles)],
    object: &'a GateRole,
) -> Result<bool, State> {
    let (at, mount) = mounts.of_object(&object.spec.mount_ref.name)?;
    let name = convert::role_name(object).map_err(|fault| State::no(Reason::Invalid, fault.to_string()))?;
    let Some((claims, roles)) = placed.get_mut(at) else {
        return Err(State::no(Reason::MountNotFound, "there is no such GateMount"));
    };
    let object_name = object.metadata.name.as_deref().unwrap_or_default();
    claims.claim(&name, object_name).map_err(|holder| {
        State::no(Reason::Conflict, format!("the role `{name}` is held by the older GateRole `{holder}`"))
    })?;
    if let Some(why) = convert::unreadable(&object.metadata) {
        return Err(State::no(Reason::Invalid, why));
    }
    let parse = || -> Result<Arc<Role>, Arc<str>> {
        convert::role(object, mount.max_lease()).map(Arc::new).map_err(|fault| fault.to_string().into())
    };
    let parsed = memo.roles.of(&object.metadata, mount.max_lease(), parse);
    let role = parsed.map_err(|fault| State::no(Reason::Invalid, fault.to_string()))?;
    roles.insert(name.into(), role);
    Ok(mount.is_ready())
}
