//! What a Kubernetes user must be allowed to do with which custom resource, for each operation on each path.

use Operation::{Delete, List, Read, Write};
use When::{Always, New, There};

use crate::core::mount::Snapshot;
use crate::core::object_name::{mount_object_name, policy_object_name, role_object_name};
use crate::ports::administrators::{Resource, Right, Verb};
use crate::vault::kubernetes::role_name;
use crate::vault::request::Operation;
use crate::vault::route::Route;
use crate::vault::sys::policies::stored_name;

/// Whether what a write names is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Whether or not.
    Always,
    /// It is not.
    New,
    /// It is.
    There,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
struct Row(Operation, &'static str, When, Verb, Resource);

const ROLES: &str = "auth/<mount>/role";
const ROLE: &str = "auth/<mount>/role/<role>";
const CONFIG: &str = "auth/<mount>/config";
const MOUNTS: &str = "sys/auth";
const MOUNT: [&str; 2] = ["sys/auth/<mount>", "sys/mounts/auth/<mount>"];
const TUNE: [&str; 2] = ["sys/auth/<mount>/tune", "sys/mounts/auth/<mount>/tune"];
const POLICIES: [&str; 2] = ["sys/policies/acl", "sys/policy"];
const POLICY: [&str; 2] = ["sys/policies/acl/<policy>", "sys/policy/<policy>"];

const GATEMOUNTS: Resource = Resource::Mounts;
const GATEROLES: Resource = Resource::Roles;
const GATEPOLICIES: Resource = Resource::Policies;

/// The table. What is not in it is refused.
const TABLE: [Row; 29] = [
    Row(List, ROLES, Always, Verb::List, GATEROLES),
    Row(Read, ROLE, Always, Verb::Get, GATEROLES),
    Row(Write, ROLE, New, Verb::Create, GATEROLES),
    Row(Write, ROLE, There, Verb::Update, GATEROLES),
    Row(Delete, ROLE, Always, Verb::Delete, GATEROLES),
    Row(Read, CONFIG, Always, Verb::Get, GATEMOUNTS),
    Row(Write, CONFIG, Always, Verb::Update, GATEMOUNTS),
    Row(Read, MOUNTS, Always, Verb::List, GATEMOUNTS),
    Row(Read, MOUNT[0], Always, Verb::Get, GATEMOUNTS),
    Row(Write, MOUNT[0], Always, Verb::Create, GATEMOUNTS),
    Row(Delete, MOUNT[0], Always, Verb::Delete, GATEMOUNTS),
    Row(Read, TUNE[0], Always, Verb::Get, GATEMOUNTS),
    Row(Write, TUNE[0], Always, Verb::Update, GATEMOUNTS),
    Row(Read, MOUNT[1], Always, Verb::Get, GATEMOUNTS),
    Row(Write, MOUNT[1], Always, Verb::Create, GATEMOUNTS),
    Row(Delete, MOUNT[1], Always, Verb::Delete, GATEMOUNTS),
    Row(Read, TUNE[1], Always, Verb::Get, GATEMOUNTS),
    Row(Write, TUNE[1], Always, Verb::Update, GATEMOUNTS),
    Row(List, POLICIES[0], Always, Verb::List, GATEPOLICIES),
    Row(Read, POLICY[0], Always, Verb::Get, GATEPOLICIES),
    Row(Write, POLICY[0], New, Verb::Create, GATEPOLICIES),
    Row(Write, POLICY[0], There, Verb::Update, GATEPOLICIES),
    Row(Delete, POLICY[0], Always, Verb::Delete, GATEPOLICIES),
    Row(List, POLICIES[1], Always, Verb::List, GATEPOLICIES),
    Row(Read, POLICIES[1], Always, Verb::List, GATEPOLICIES),
    Row(Read, POLICY[1], Always, Verb::Get, GATEPOLICIES),
    Row(Write, POLICY[1], New, Verb::Create, GATEPOLICIES),
    Row(Write, POLICY[1], There, Verb::Update, GATEPOLICIES),
    Row(Delete, POLICY[1], Always, Verb::Delete, GATEPOLICIES),
];

/// The right that an operation on a path takes, and whether it creates what it names; none where the table has no line
/// for it.
pub(in crate::vault) fn needed(
    snapshot: &Snapshot,
    operation: Operation,
    route: &Route<'_>,
) -> Option<(Right, bool)> {
    let Place { path, object, is_there } = place(snapshot, route)?;
    let fits = |row: &&Row| {
        let Row(of, at, when, ..) = **row;
        let now = when == Always || (when == There) == is_there;
        of == operation && at == path && now
    };
    let Row(_, _, when, verb, resource) = TABLE.iter().find(fits)?;
    Some((Right { verb: *verb, resource: *resource, object }, *when == New))
}

/// What a path names.
struct Place {
    /// As the table has it.
    path: &'static str,
    /// Empty for all.
    object: String,
    is_there: bool,
}

impl Place {
    fn of(path: &'static str, object: String) -> Option<Self> {
        Some(Self { path, object, is_there: true })
    }
}

/// Reads a path as the handlers do.
fn place(snapshot: &Snapshot, route: &Route<'_>) -> Option<Place> {
    match *route {
        Route::Kubernetes(_, "role" | "role/") => Place::of(ROLES, String::new()),
        Route::Kubernetes(mount, "config") => Place::of(CONFIG, mount_object_name(&mount.path)),
        Route::Kubernetes(mount, rest) => {
            let name = role_name(rest)?.to_lowercase();
            let object = role_object_name(&mount.path, &name);
            Some(Place { path: ROLE, object, is_there: mount.role(&name).is_some() })
        }
        Route::Token(_) => None,
        Route::Sys("auth") => Place::of(MOUNTS, String::new()),
        Route::Sys(rest) => {
            if let Some(rest) = rest.strip_prefix("auth/") {
                return mount(rest, MOUNT[0], TUNE[0]);
            }
            if let Some(rest) = rest.strip_prefix("mounts/auth/") {
                return mount(rest, MOUNT[1], TUNE[1]);
            }
            match rest.strip_prefix("policies/acl") {
                Some(rest) => policy(snapshot, rest, POLICIES[0], POLICY[0]),
                None => policy(snapshot, rest.strip_prefix("policy")?, POLICIES[1], POLICY[1]),
            }
        }
    }
}

fn mount(rest: &str, itself: &'static str, tune: &'static str) -> Option<Place> {
    let (path, mount) = rest.strip_suffix("/tune").map_or((itself, rest), |mount| (tune, mount));
    let mount = mount.trim_matches('/');
    if mount.is_empty() { None } else { Place::of(path, mount_object_name(mount)) }
}

fn policy(snapshot: &Snapshot, rest: &str, all: &'static str, one: &'static str) -> Option<Place> {
    match rest {
        "" | "/" => Place::of(all, String::new()),
        rest => {
            let name = stored_name(rest.strip_prefix('/')?);
            let is_there = snapshot.policies.contains_key(&name);
            Some(Place { path: one, object: policy_object_name(&name), is_there })
        }
    }
}

#[cfg(test)]
mod tests;
