//! Tests of what is sent, what waits and what is refused, on times that are given.

use std::time::{Duration, Instant};

use super::super::concurrency::Ended;
use super::super::flow::{Flow, Share};
use super::{Bounds, Entered, Kind, Refusal, State};
use crate::ports::Door;

const SECOND: Duration = Duration::from_secs(1);

fn flow(address: u64) -> Flow {
    Flow { door: Door::Envoy, share: Share::Unproven { address, connection: 0 } }
}

/// A mount's admission on a clock of its own; a waiter is told nothing, its number says who it is.
struct Run {
    state: State<u32>,
    now: Instant,
}

impl Run {
    fn new(max_in_flight: usize, max_waiting: usize) -> Self {
        Self { state: State::new(Bounds { max_in_flight, max_waiting }), now: Instant::now() }
    }

    /// What becomes of a question that is wanted for so long.
    fn enter(&mut self, who: u32, flow: Flow, wanted: Duration) -> Result<&'static str, Refusal> {
        match self.state.enter(flow, Kind::Review, self.now + wanted, self.now, who)? {
            Entered::Granted => Ok("sent"),
            Entered::Waits { displaced: None, .. } => Ok("waits"),
            Entered::Waits { displaced: Some(_), .. } => Ok("displaces"),
        }
    }

    /// A review took so long; who is sent now, and who is refused.
    fn answered(&mut self, took: Duration) -> Vec<(u32, Result<(), Refusal>)> {
        self.state.release(1);
        let ended = Ended { took, was_alone: false, is_answered: true };
        self.state.record(Kind::Review, ended, self.now);
        self.state.dispatch(self.now).into_iter().map(|decided| (decided.answer, decided.outcome)).collect()
    }
}

#[test]
fn one_is_sent_one_waits_and_a_third_is_refused() {
    let mut run = Run::new(1, 1);
    assert_eq!(run.enter(1, flow(1), SECOND), Ok("sent"));
    assert_eq!(run.enter(2, flow(1), SECOND), Ok("waits"));
    assert_eq!(run.enter(3, flow(1), SECOND), Err(Refusal::QueueFull));
    assert_eq!((run.state.in_flight(), run.state.waiting()), (1, 1));
    assert_eq!(run.answered(SECOND / 100), [(2, Ok(()))]);
    assert_eq!((run.state.in_flight(), run.state.waiting()), (1, 0));
}

#[test]
fn a_question_without_time_for_its_wait_and_its_answer_is_refused_at_once() {
    let mut run = Run::new(2, 100);
    for who in 0..4 {
        run.enter(who, flow(1), 2 * SECOND).unwrap();
    }
    // Each takes half a second; two are in flight and two more wait.
    run.answered(SECOND / 2);
    run.answered(SECOND / 2);
    for who in 10..20 {
        let _ = run.enter(who, flow(1), 2 * SECOND);
    }
    // Two places: a quarter of a second for each turn, and half a second for the answer.
    assert_eq!(run.state.waiting(), 6);
    assert_eq!(run.enter(30, flow(1), 2 * SECOND), Err(Refusal::NoTime));
    assert_eq!(run.enter(31, flow(2), SECOND / 2), Err(Refusal::NoTime));
    assert_eq!(run.enter(32, flow(2), 2 * SECOND), Ok("waits"), "another's flow is no wait of its own");
}

#[test]
fn nothing_is_sent_without_time_for_its_answer() {
    let mut run = Run::new(2, 100);
    run.enter(0, flow(1), 2 * SECOND).unwrap();
    run.enter(1, flow(1), 2 * SECOND).unwrap();
    for who in 10..14 {
        run.enter(who, flow(1), 2 * SECOND).unwrap();
    }
    run.now += SECOND * 3 / 2;
    // Half a second is left to all of them, and an answer takes one and a half.
    let refused = run.answered(SECOND * 3 / 2);
    assert_eq!(refused, [10, 11, 12, 13].map(|who| (who, Err(Refusal::Late))));
    assert_eq!(run.state.in_flight(), 1);
}

#[test]
fn with_nothing_in_flight_a_question_is_sent_whatever_was_before() {
    let mut run = Run::new(2, 100);
    run.enter(0, flow(1), 10 * SECOND).unwrap();
    assert!(run.answered(10 * SECOND).is_empty());
    assert_eq!(run.enter(1, flow(1), SECOND), Ok("sent"), "a probe");
    assert_eq!(run.enter(2, flow(1), SECOND), Err(Refusal::NoTime));
    assert!(run.answered(SECOND / 100).is_empty());
    // The probe has shown that it is fast again.
    for who in 3..30 {
        run.enter(who, flow(1), 8 * SECOND).unwrap();
        run.answered(SECOND / 100);
    }
    assert_eq!(run.enter(30, flow(1), SECOND), Ok("sent"));
    assert_eq!(run.enter(31, flow(1), SECOND), Ok("sent"));
    // Time that has passed does not count for ever, either.
    let mut run = Run::new(2, 100);
    run.enter(0, flow(1), 10 * SECOND).unwrap();
    run.answered(10 * SECOND);
    run.now += 5 * SECOND;
    assert_eq!(run.enter(1, flow(1), SECOND), Ok("sent"));
    assert_eq!(run.enter(2, flow(1), SECOND), Ok("sent"));
}

#[test]
fn a_server_that_stands_still_is_slow_before_its_first_answer() {
    let mut run = Run::new(1, 100);
    run.enter(0, flow(1), 10 * SECOND).unwrap();
    run.now += 3 * SECOND;
    assert_eq!(run.enter(1, flow(1), 5 * SECOND), Err(Refusal::NoTime));
    assert_eq!(run.enter(2, flow(1), 7 * SECOND), Ok("waits"));
}

#[test]
fn who_has_gone_is_not_sent_and_leaves_its_place() {
    let mut run = Run::new(1, 2);
    run.enter(0, flow(1), SECOND).unwrap();
    let Ok(Entered::Waits { waiter, .. }) =
        run.state.enter(flow(1), Kind::Review, run.now + SECOND, run.now, 1)
    else {
        panic!("it waits");
    };
    run.enter(2, flow(1), SECOND).unwrap();
    assert_eq!(run.enter(3, flow(1), SECOND), Err(Refusal::QueueFull));
    assert_eq!(run.state.remove(waiter), Some(1));
    assert_eq!(run.state.remove(waiter), None);
    assert_eq!(run.enter(3, flow(1), SECOND), Ok("waits"));
    assert_eq!(run.answered(SECOND / 100), [(2, Ok(()))]);
}

#[test]
fn a_waiter_gets_the_latest_deadline_and_the_best_class_of_those_who_want_it() {
    let mut run = Run::new(1, 9);
    run.enter(0, flow(1), 9 * SECOND).unwrap();
    let entered = run.state.enter(flow(1), Kind::Review, run.now + SECOND, run.now, 1);
    let Ok(Entered::Waits { waiter, .. }) = entered else { panic!("it waits") };
    for who in 2..4 {
        run.enter(who, Flow { share: Share::Proven { account: 1 }, ..flow(1) }, 9 * SECOND).unwrap();
    }
    let proven = Flow { share: Share::Proven { account: 2 }, ..flow(1) };
    run.state.update(waiter, proven, run.now + 9 * SECOND);
    run.state.update(waiter, flow(1), run.now);
    run.now += 3 * SECOND;
    // Its account's turn is the second one, and its time is not over.
    let order: Vec<_> = (0..3).flat_map(|_| run.answered(SECOND)).collect();
    assert_eq!(order, [(2, Ok(())), (1, Ok(())), (3, Ok(()))]);
}
