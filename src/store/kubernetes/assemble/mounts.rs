//! GateMounts: who holds which path, and whether it is configured.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::claims::{Claims, age};
use super::verdict::{Kind, Object, Reason, State, Verdict};
use super::{GateMount, Reviewer};
use crate::catalog::{Roles, successor};
use crate::core::mount::{Mount, MountAbout, MountConfig, Snapshot};
use crate::store::kubernetes::convert;

/// The path of the backend of client tokens, which no object can claim.
const TOKEN: &str = "token";

/// What the GateMounts come to.
pub(super) struct Mounts {
    placed: Vec<Placed>,
    /// By the object's name: where it is among the placed, or that it holds no path.
    by_object: HashMap<String, Option<usize>>,
    pub(super) verdicts: Vec<Verdict>,
}

/// A mount that holds its path.
pub(super) struct Placed {
    path: String,
    about: MountAbout,
    /// None: not configured, admits nobody.
    config: Option<MountConfig>,
}

impl Placed {
    pub(super) const fn max_lease(&self) -> i64 {
        self.about.max_lease()
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.config.is_some()
    }
}

/// Gives each path to the oldest object that claims it, be the rest of that object good or not.
pub(super) fn place(objects: &[Arc<GateMount>], reviewers: &BTreeMap<String, Reviewer>) -> Mounts {
    let mut oldest_first: Vec<&GateMount> = objects.iter().map(AsRef::as_ref).collect();
    oldest_first.sort_by(|one, other| age(&one.metadata).cmp(&age(&other.metadata)));
    let mut claims = Claims::default();
    let mut mounts = Mounts { placed: Vec::new(), by_object: HashMap::new(), verdicts: Vec::new() };
    for object in oldest_first {
        let id = Object::of(Kind::GateMount, &object.metadata);
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let path = match held_path(&mut claims, object, name) {
            Ok(path) => path,
            Err(state) => {
                mounts.by_object.insert(id.name.clone(), None);
                mounts.verdicts.push(Verdict { object: id, ready: state.clone(), accepted: state });
                continue;
            }
        };
        let about = match convert::unreadable(&object.metadata) {
            Some(why) => Err(why),
            None => convert::about(object).map_err(|fault| fault.to_string()),
        };
        let (about, wrong) = match about {
            Ok(about) => (about, None),
            Err(why) => (convert::shortest(object), Some(State::no(Reason::Invalid, why))),
        };
        let (accepted, ready, config) = match wrong.map_or_else(|| configured(object, reviewers), Err) {
            Ok(config) => (State::yes(Reason::Accepted), State::yes(Reason::InForce), Some(config)),
            Err(state) if state.reason == Reason::Invalid => (state.clone(), state, None),
            Err(state) => (State::yes(Reason::Accepted), state, None),
        };
        mounts.by_object.insert(id.name.clone(), Some(mounts.placed.len()));
        mounts.placed.push(Placed { path, about, config });
        mounts.verdicts.push(Verdict { object: id, accepted, ready });
    }
    mounts
}

fn held_path<'a>(claims: &mut Claims<'a>, object: &GateMount, name: &'a str) -> Result<String, State> {
    let path = convert::mount_path(object).map_err(|fault| State::no(Reason::Invalid, fault.to_string()))?;
    if path == TOKEN || path.strip_prefix(TOKEN).is_some_and(|rest| rest.starts_with('/')) {
        return Err(State::no(Reason::Invalid, "`path`: `token` is the backend of client tokens"));
    }
    claims.claim_path(&path, name).map_err(|holder| {
        State::no(Reason::Conflict, format!("the path `{path}` is held by the older GateMount `{holder}`"))
    })?;
    Ok(path)
}

/// The config with its reviewer, or why there is none.
fn configured(object: &GateMount, reviewers: &BTreeMap<String, Reviewer>) -> Result<MountConfig, State> {
    let config =
        convert::config(&object.spec).map_err(|fault| State::no(Reason::Invalid, fault.to_string()))?;
    let Some(mut config) = config else {
        return Err(State::no(Reason::NotConfigured, "`kubernetesHost` is not set"));
    };
    if let Some(reference) = &object.spec.token_reviewer_ref {
        let name = &reference.name;
        config.token_reviewer_jwt = match reviewers.get(name) {
            Some(Reviewer::Token(token)) => Some(token.clone()),
            Some(Reviewer::NoToken) => {
                let message = format!("the Secret `{name}` has no text under `token`");
                return Err(State::no(Reason::ReviewerWithoutToken, message));
            }
            Some(Reviewer::NoLabel) => {
                let message =
                    format!("the Secret `{name}` lacks the label `rolegate.dev/reviewer: \"true\"`");
                return Err(State::no(Reason::ReviewerNotLabelled, message));
            }
            None => {
                let message =
                    format!("there is no Secret `{name}` with the label `rolegate.dev/reviewer: \"true\"`");
                return Err(State::no(Reason::ReviewerNotFound, message));
            }
        };
    }
    Ok(config)
}

impl Mounts {
    /// Where the mount of the GateMount of that name is among the placed.
    ///
    /// # Errors
    /// Where there is none, or it holds no path.
    pub(super) fn of_object(&self, name: &str) -> Result<(usize, &Placed), State> {
        match self.by_object.get(name) {
            Some(Some(at)) => self.placed.get(*at).map(|placed| (*at, placed)),
            Some(None) => {
                let message = format!("the GateMount `{name}` does not hold its path");
                return Err(State::no(Reason::MountNotAccepted, message));
            }
            None => None,
        }
        .ok_or_else(|| State::no(Reason::MountNotFound, format!("there is no GateMount `{name}`")))
    }

    /// How many hold their path.
    pub(super) const fn len(&self) -> usize {
        self.placed.len()
    }

    /// The mounts, each with its roles; what did not change is shared with `before`.
    pub(super) fn finish(
        self,
        before: Option<&Snapshot>,
        roles: Vec<Roles>,
    ) -> HashMap<Box<str>, Arc<Mount>> {
        let known = |path: &str| before.and_then(|before| before.mounts.get(path));
        self.placed
            .into_iter()
            .zip(roles)
            .map(|(Placed { path, about, config }, roles)| {
                let mount = successor(known(&path), &path, about, config, roles);
                (path.into_boxed_str(), mount)
            })
            .collect()
    }
}
