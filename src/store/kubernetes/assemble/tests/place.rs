//! A namespace of objects.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::core::mount::Snapshot;
use crate::store::kubernetes::assemble::{Assembled, Assembler, Objects, Reason, Reviewer, Verdict};
use crate::store::kubernetes::convert::UNREADABLE;
use crate::store::kubernetes::resources::{GateMount, GatePolicy, GateRole, PolicySpec};

#[derive(Default)]
pub(super) struct Place {
    pub(super) objects: Objects,
    assembler: Assembler,
}

impl Place {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn mount(&mut self, name: &str, created: i64, spec: Value) {
        let mut object = GateMount::new(name, serde_json::from_value(spec).unwrap());
        object.metadata = metadata(name, created);
        self.objects.mounts.push(Arc::new(object));
    }

    /// Admits `a` of namespace `b` where the spec does not say.
    pub(super) fn role(&mut self, name: &str, created: i64, spec: Value) {
        let mut full = json!({"boundServiceAccountNames": ["a"], "boundServiceAccountNamespaces": ["b"]});
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let mut object = GateRole::new(name, serde_json::from_value(full).unwrap());
        object.metadata = metadata(name, created);
        self.objects.roles.push(Arc::new(object));
    }

    pub(super) fn policy(&mut self, name: &str, created: i64, rules: &str) {
        self.policy_named(name, created, "", rules);
    }

    pub(super) fn policy_named(&mut self, name: &str, created: i64, policy: &str, rules: &str) {
        let spec = PolicySpec { policy_name: policy.to_owned(), rules: rules.to_owned() };
        let mut object = GatePolicy::new(name, spec);
        object.metadata = metadata(name, created);
        self.objects.policies.push(Arc::new(object));
    }

    /// Makes of an object what the feed makes of one that cannot be read.
    pub(super) fn is_unreadable(&mut self, name: &str, cause: &str) {
        let Objects { mounts, roles, policies, .. } = &mut self.objects;
        let all = mounts.iter_mut().map(|object| &mut Arc::make_mut(object).metadata);
        let all = all.chain(roles.iter_mut().map(|object| &mut Arc::make_mut(object).metadata));
        for metadata in all.chain(policies.iter_mut().map(|object| &mut Arc::make_mut(object).metadata)) {
            if metadata.name.as_deref() == Some(name) {
                metadata.annotations = Some([(UNREADABLE.to_owned(), cause.to_owned())].into());
            }
        }
    }

    pub(super) fn reviewer(&mut self, name: &str, reviewer: Reviewer) {
        self.objects.reviewers.insert(name.to_owned(), reviewer);
    }

    pub(super) fn assemble(&mut self, before: Option<&Snapshot>) -> Assembled {
        self.assembler.assemble(before, &self.objects)
    }

    pub(super) fn verdict<'a>(&self, assembled: &'a Assembled, name: &str) -> &'a Verdict {
        assembled.verdicts.iter().find(|verdict| verdict.object.name == name).unwrap()
    }

    /// Why it is accepted and ready, or not.
    pub(super) fn reasons(&self, assembled: &Assembled, name: &str) -> (Reason, Reason) {
        let verdict = self.verdict(assembled, name);
        let good = |reason| matches!(reason, Reason::Accepted | Reason::InForce);
        assert_eq!(verdict.accepted.holds, good(verdict.accepted.reason), "{verdict:?}");
        assert_eq!(verdict.ready.holds, good(verdict.ready.reason), "{verdict:?}");
        (verdict.accepted.reason, verdict.ready.reason)
    }
}

/// Of an object of that age in seconds after the epoch; its uid is its name.
pub(super) fn metadata(name: &str, created: i64) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        uid: Some(format!("uid-{name}")),
        resource_version: Some("1".to_owned()),
        generation: Some(1),
        creation_timestamp: Some(Time(Timestamp::from_second(created).unwrap())),
        ..ObjectMeta::default()
    }
}
