//! What a Kubernetes user must be allowed to do with which custom resource, for each operation on each path.

use Operation::{Delete, List, Read, Write};
use When::{Always, New, There};

use crate::core::mount::Snapshot;
use crate::core::object_name::{mount_object_name, policy_object_name, role_object_name};
use crate::ports::administrators::{Resource, Right, Verb};
use crate::ports::store::{Key, Kind, Objects};
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

/// What is declared, and in which objects.
pub(in crate::vault) struct Declared<'a> {
    pub(in crate::vault) snapshot: &'a Snapshot,
    /// The objects of an entry, where entries are such.
    pub(in crate::vault) objects: &'a (dyn Fn(&Key) -> Objects + Sync),
}

/// What an operation on a path takes.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::vault) struct Needed {
    /// The right, on the object that holds what the path names, else on the one that would.
    pub(in crate::vault) right: Right,
    /// More objects on which it takes the same: those that are deleted with it.
    pub(in crate::vault) also: Vec<String>,
    /// Whether it is a right to create what is not there.
    pub(in crate::vault) creates: bool,
}

/// What an operation on a path takes; none where the table has no line for it.
pub(in crate::vault) fn needed(
    declared: &Declared<'_>,
    operation: Operation,
    route: &Route<'_>,
) -> Option<Needed> {
    let Place { path, object, also, is_there } = place(declared, route)?;
    let fits = |row: &&Row| {
        let Row(of, at, when, ..) = **row;
        let now = when == Always || (when == There) == is_there;
        of == operation && at == path && now
    };
    let Row(_, _, when, verb, resource) = TABLE.iter().find(fits)?;
    let also = if *verb == Verb::Delete { also } else { Vec::new() };
    Some(Needed { right: Right { verb: *verb, resource: *resource, object }, also, creates: *when == New })
}

/// The name of the object that holds a policy, else of the one that would.
pub(in crate::vault) fn object_of_policy(declared: &Declared<'_>, policy: &str) -> String {
    let Objects { claims, new } = (declared.objects)(&Key::new(Kind::Policy, policy));
    claims.into_iter().next().or(new).unwrap_or_else(|| policy_object_name(policy))
}

/// What a path names.
struct Place {
    /// As the table has it.
    path: &'static str,
    /// Empty for all.
    object: String,
    /// Others that claim the same.
    also: Vec<String>,
    is_there: bool,
}

impl Place {
    const fn all(path: &'static str) -> Self {
        Self { path, object: String::new(), also: Vec::new(), is_there: true }
    }

    /// A declared entry. Whatever claims it is there, also where it is not in force: a write changes it.
    fn of(path: &'static str, objects: Objects, is_there: bool, by_rule: impl FnOnce() -> String) -> Self {
        let Objects { claims, new } = objects;
        let is_there = is_there || !claims.is_empty();
        let mut claims = claims.into_iter();
        let object = claims.next().or(new).unwrap_or_else(by_rule);
        Self { path, object, also: claims.collect(), is_there }
    }
}

/// Reads a path as the handlers do.
fn place(declared: &Declared<'_>, route: &Route<'_>) -> Option<Place> {
    match *route {
        Route::Kubernetes(_, "role" | "role/") => Some(Place::all(ROLES)),
        Route::Kubernetes(mount, "config") => Some(of_mount(declared, &mount.path, CONFIG)),
        Route::Kubernetes(mount, rest) => {
            let name = role_name(rest)?.to_lowercase();
            let objects = (declared.objects)(&Key::of_role(&mount.path, &name));
            let is_there = mount.role(&name).is_some();
            Some(Place::of(ROLE, objects, is_there, || role_object_name(&mount.path, &name)))
        }
        Route::Token(_) | Route::Identity(_) => None,
        Route::Sys("auth") => Some(Place::all(MOUNTS)),
        Route::Sys(rest) => {
            if let Some(rest) = rest.strip_prefix("auth/") {
                return mount(declared, rest, MOUNT[0], TUNE[0]);
            }
            if let Some(rest) = rest.strip_prefix("mounts/auth/") {
                return mount(declared, rest, MOUNT[1], TUNE[1]);
            }
            match rest.strip_prefix("policies/acl") {
                Some(rest) => policy(declared, rest, POLICIES[0], POLICY[0]),
                None => policy(declared, rest.strip_prefix("policy")?, POLICIES[1], POLICY[1]),
            }
        }
    }
}

fn of_mount(declared: &Declared<'_>, mount: &str, path: &'static str) -> Place {
    let objects = (declared.objects)(&Key::new(Kind::Mount, mount));
    Place::of(path, objects, true, || mount_object_name(mount))
}

fn mount(declared: &Declared<'_>, rest: &str, itself: &'static str, tune: &'static str) -> Option<Place> {
    let (path, mount) = rest.strip_suffix("/tune").map_or((itself, rest), |mount| (tune, mount));
    let mount = mount.trim_matches('/');
    (!mount.is_empty()).then(|| of_mount(declared, mount, path))
}

fn policy(declared: &Declared<'_>, rest: &str, all: &'static str, one: &'static str) -> Option<Place> {
    match rest {
        "" | "/" => Some(Place::all(all)),
        rest => {
            let name = stored_name(rest.strip_prefix('/')?);
            let objects = (declared.objects)(&Key::new(Kind::Policy, name.as_str()));
            let is_there = declared.snapshot.policies.contains_key(&name);
            Some(Place::of(one, objects, is_there, || policy_object_name(&name)))
        }
    }
}

#[cfg(test)]
mod tests;
