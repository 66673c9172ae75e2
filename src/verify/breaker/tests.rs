//! Tests of the breaker, by times that are given to it.

use std::time::Duration;

use super::{Breaker, PROBE, Phase, Probe, UNUSED};
use crate::core::reason::Undecided;

const SECOND: Duration = Duration::from_secs(1);
const NO_ANSWER: Undecided = Undecided::ApiServerNoAnswer;
const UNREACHABLE: Undecided = Undecided::ApiServerUnreachable;

/// One that has seen so many failures, and probes that failed with these causes.
fn after(failures: u32, probes: &[Undecided]) -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..failures {
        breaker.failed();
    }
    for cause in probes {
        assert!(breaker.next_probe(Duration::ZERO, 0.0).is_some() && breaker.begin_probe());
        breaker.probe_ended(Err(Some(*cause)), Duration::ZERO);
    }
    breaker
}

#[test]
fn failures_of_callers_alone_never_open_it() {
    let mut breaker = after(1000, &[]);
    assert_eq!((breaker.admit(SECOND), breaker.phase()), (Ok(()), Phase::Closed));
    assert!(breaker.claim_probes() && !breaker.claim_probes(), "one task probes");
    assert!(breaker.begin_probe());
    breaker.probe_ended(Ok(()), SECOND);
    assert_eq!(breaker.admit(SECOND), Ok(()));
    assert!(!breaker.begin_probe(), "it is closed");
    assert_eq!(breaker.next_probe(SECOND, 0.0), None);
}

#[test]
fn it_opens_after_failures_in_a_row_with_the_cause_of_the_last_probe() {
    assert_eq!(after(1, &[NO_ANSWER]).admit(SECOND), Ok(()), "two in a row");
    assert_eq!(after(2, &[NO_ANSWER]).admit(SECOND), Err(NO_ANSWER));
    assert_eq!(after(2, &[UNREACHABLE]).admit(SECOND), Err(UNREACHABLE));
    assert_eq!(after(2, &[UNREACHABLE, NO_ANSWER]).admit(SECOND), Err(NO_ANSWER));
    let mut breaker = after(2, &[]);
    breaker.succeeded();
    breaker.failed();
    assert!(breaker.next_probe(SECOND, 0.0).is_some());
    breaker.probe_ended(Err(Some(NO_ANSWER)), SECOND);
    assert_eq!(breaker.admit(SECOND), Ok(()), "not in a row");
}

#[test]
fn whatever_succeeds_closes_it_and_a_process_that_cannot_probe_changes_nothing() {
    let mut breaker = after(3, &[NO_ANSWER]);
    assert_eq!(breaker.phase(), Phase::Open);
    assert!(breaker.begin_probe());
    assert_eq!(breaker.phase(), Phase::HalfOpen);
    breaker.probe_ended(Err(None), SECOND);
    assert_eq!(breaker.phase(), Phase::Open);
    breaker.succeeded();
    assert_eq!((breaker.phase(), breaker.admit(SECOND)), (Phase::Closed, Ok(())));
}

#[test]
fn probes_go_on_with_jitter_every_second_at_most_while_somebody_asks() {
    let mut breaker = after(1, &[]);
    let probe = |after, within| Some(Probe { after, within });
    for between in [SECOND / 2, SECOND] {
        let next = breaker.next_probe(SECOND, 0.0);
        assert_eq!(next, probe(between, None), "it has the time of a question while it may open the breaker");
    }
    let mut breaker = after(2, &[NO_ANSWER]);
    assert_eq!(breaker.admit(10 * SECOND), Err(NO_ANSWER));
    let mut next = |at: Duration, jitter| breaker.next_probe(at, jitter);
    assert_eq!(next(11 * SECOND, 0.0), probe(SECOND, Some(PROBE)));
    assert_eq!(next(12 * SECOND, 1.0), probe(SECOND / 2, Some(PROBE)));
    assert_eq!(next(13 * SECOND, 0.0), probe(SECOND, None), "one of four has all the time of a question");
    assert_eq!(next(10 * SECOND + UNUSED, 0.0), probe(SECOND, Some(PROBE)));
    assert_eq!(next(11 * SECOND + UNUSED, 0.0), None, "nobody asks");
    assert!(!breaker.claim_probes(), "and what was is forgotten");
    breaker.failed();
    assert!(breaker.claim_probes());
}

#[test]
fn an_overloaded_server_is_left_alone_for_as_long_as_it_asks_but_not_for_ever() {
    for (asked, jitter, held) in [
        (Some(3 * SECOND), 0.0, 3 * SECOND),
        (Some(4 * SECOND), 1.0, 5 * SECOND),
        (None, 0.0, SECOND),
        (Some(Duration::MAX), 0.0, 30 * SECOND),
    ] {
        let mut breaker = Breaker::default();
        breaker.overloaded(asked, SECOND, jitter);
        breaker.succeeded();
        assert_eq!(breaker.admit(SECOND), Err(Undecided::Overloaded), "another's answer does not end it");
        assert_eq!(breaker.phase(), Phase::Open);
        assert!(breaker.claim_probes());
        let probe = breaker.next_probe(SECOND, 0.0).unwrap();
        assert_eq!(probe.after, held);
        assert!(breaker.begin_probe());
        breaker.probe_ended(Ok(()), SECOND + held);
        assert_eq!(breaker.admit(SECOND + held), Ok(()));
    }
    let mut breaker = Breaker::default();
    breaker.overloaded(Some(SECOND), SECOND, 0.0);
    assert_eq!(breaker.next_probe(SECOND, 0.0), Some(Probe { after: SECOND, within: Some(PROBE) }));
    breaker.probe_ended(Err(Some(NO_ANSWER)), 2 * SECOND);
    breaker.failed();
    breaker.failed();
    assert_eq!(breaker.admit(2 * SECOND), Ok(()), "a probe in a hurry does not open it");
}
