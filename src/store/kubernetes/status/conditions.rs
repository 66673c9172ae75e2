//! The conditions that an object is to have.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::store::kubernetes::assemble::{State, Verdict};
use crate::store::kubernetes::resources::{ACCEPTED, Condition, READY, Status};

/// The status to write; none where the one that is there says it already. Conditions of other types stay.
pub(super) fn next(before: Option<&Status>, verdict: &Verdict, now: Timestamp) -> Option<Status> {
    let generation = verdict.object.generation;
    let old = before.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let wanted = [(ACCEPTED, &verdict.accepted), (READY, &verdict.ready)]
        .map(|(kind, state)| condition(before, kind, state, generation, now));
    let others = old.iter().filter(|condition| ![ACCEPTED, READY].contains(&condition.kind.as_str()));
    let next: Vec<Condition> = wanted.into_iter().chain(others.cloned()).collect();
    let same = next.len() == old.len() && next.iter().all(|condition| old.contains(condition));
    (!same).then_some(Status { conditions: next })
}

/// The time changes with the status alone.
fn condition(
    before: Option<&Status>,
    kind: &str,
    state: &State,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = if state.holds { "True" } else { "False" };
    let old = before.and_then(|before| before.condition(kind)).filter(|old| old.status == status);
    Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: state.reason.name().to_owned(),
        message: state.message.to_string(),
        observed_generation: generation,
        last_transition_time: old.map_or(Time(now), |old| old.last_transition_time.clone()),
    }
}
