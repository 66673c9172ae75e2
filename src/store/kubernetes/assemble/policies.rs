//! GatePolicies: who holds which name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::GatePolicy;
use super::claims::{Claims, age};
use super::memo::Memo;
use super::verdict::{Kind, Object, Reason, State, Verdict};
use crate::core::mount::Snapshot;
use crate::store::kubernetes::convert;

type Texts = BTreeMap<String, Arc<str>>;

/// The policies' texts, shared with `before` where none changed, and the verdicts.
///
/// A text that is no policy stays under its name: it is told of as what cannot be read, and grants nothing. Leaving it
/// out would bring a built-in policy of that name back.
pub(super) fn place(
    memo: &mut Memo,
    before: Option<&Snapshot>,
    objects: &[Arc<GatePolicy>],
) -> (Arc<Texts>, Vec<Verdict>) {
    let mut oldest_first: Vec<&GatePolicy> = objects.iter().map(AsRef::as_ref).collect();
    oldest_first.sort_by(|one, other| age(&one.metadata).cmp(&age(&other.metadata)));
    let mut claims = Claims::default();
    let mut texts = Texts::new();
    let mut verdicts = Vec::with_capacity(objects.len());
    for object in oldest_first {
        let (accepted, ready) = match policy(memo, &mut claims, &mut texts, object) {
            Ok(()) => (State::yes(Reason::Accepted), State::yes(Reason::InForce)),
            Err(state) => (state.clone(), state),
        };
        verdicts.push(Verdict { object: Object::of(Kind::GatePolicy, &object.metadata), accepted, ready });
    }
    match before {
        Some(before) if *before.policies == texts => (Arc::clone(&before.policies), verdicts),
        _ => (Arc::new(texts), verdicts),
    }
}

fn policy<'a>(
    memo: &mut Memo,
    claims: &mut Claims<'a>,
    texts: &mut Texts,
    object: &'a GatePolicy,
) -> Result<(), State> {
    let name = convert::policy_name(object).map_err(|fault| State::no(Reason::Invalid, fault.to_string()))?;
    let object_name = object.metadata.name.as_deref().unwrap_or_default();
    claims.claim(&name, object_name).map_err(|holder| {
        State::no(Reason::Conflict, format!("the policy `{name}` is held by the older GatePolicy `{holder}`"))
    })?;
    if let Some(why) = convert::unreadable(&object.metadata) {
        texts.insert(name, Arc::from(object.spec.rules.as_str()));
        return Err(State::no(Reason::Invalid, why));
    }
    let parse = || match convert::policy_text(&object.spec) {
        Ok(text) => Ok(Arc::from(text)),
        Err(fault) => Err(Arc::from(fault.to_string())),
    };
    match memo.policies.of(&object.metadata, 0, parse) {
        Ok(text) => {
            texts.insert(name, text);
            Ok(())
        }
        Err(fault) => {
            texts.insert(name, Arc::from(object.spec.rules.as_str()));
            Err(State::no(Reason::Invalid, fault.to_string()))
        }
    }
}
