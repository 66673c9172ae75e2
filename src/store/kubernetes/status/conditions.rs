//! The conditions that an object is to have.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::store::kubernetes::assemble::{Reason, State, Verdict};
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
        message: message(state).to_owned(),
        observed_generation: generation,
        last_transition_time: old.map_or(Time(now), |old| old.last_transition_time.clone()),
    }
}

/// Never empty: Kubernetes 1.20 takes an empty text for none, and refuses it.
fn message(state: &State) -> &str {
    match (&*state.message, state.reason) {
        ("", Reason::Accepted) => "the object is good and holds what it names",
        ("", Reason::InForce) => "requests are decided by it",
        ("", reason) => reason.name(),
        (message, _) => message,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use k8s_openapi::jiff::Timestamp;

    use super::next;
    use crate::store::kubernetes::assemble::{Kind, Object, Reason, State, Verdict};
    use crate::store::kubernetes::resources::{ACCEPTED, Condition, READY, Status};

    fn verdict(generation: i64, ready: bool) -> Verdict {
        let state = |holds, reason| State { holds, reason, message: Cow::Borrowed("") };
        let of_ready = if ready { Reason::InForce } else { Reason::NotConfigured };
        Verdict {
            object: Object {
                kind: Kind::GateMount,
                name: "a".to_owned(),
                uid: "u".to_owned(),
                generation: Some(generation),
            },
            accepted: state(true, Reason::Accepted),
            ready: state(ready, of_ready),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn times(status: &Status) -> [i64; 2] {
        [ACCEPTED, READY].map(|kind| status.condition(kind).unwrap().last_transition_time.0.as_second())
    }

    #[test]
    fn what_is_said_already_is_not_written_again() {
        let first = next(None, &verdict(1, true), at(1)).unwrap();
        assert_eq!(next(Some(&first), &verdict(1, true), at(2)), None);
    }

    #[test]
    fn the_time_changes_with_the_status_alone() {
        let first = next(None, &verdict(1, true), at(1)).unwrap();
        let second = next(Some(&first), &verdict(2, true), at(2)).unwrap();
        assert_eq!(times(&second), [1, 1]);
        let third = next(Some(&second), &verdict(2, false), at(3)).unwrap();
        assert_eq!(times(&third), [1, 3]);
        assert!(third.conditions.iter().all(|condition| !condition.message.is_empty()));
    }

    #[test]
    fn conditions_of_others_stay() {
        let mut first = next(None, &verdict(1, true), at(1)).unwrap();
        let other = Condition { kind: "Other".to_owned(), ..first.conditions[0].clone() };
        first.conditions.insert(0, other.clone());
        assert_eq!(next(Some(&first), &verdict(1, true), at(2)), None);
        let second = next(Some(&first), &verdict(2, true), at(2)).unwrap();
        assert!(second.conditions.contains(&other) && second.conditions.len() == 3);
    }
}
