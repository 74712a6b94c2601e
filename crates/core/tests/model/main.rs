//! The handover protocol, model checked: every interleaving of two operators, crashes, a racing writer and ledgers that were pulled or reset,
//! within the budgets given here, against the production `decide`, `next`, `judge`, `Chain` and anchor. What it says and does not say stands
//! in `docs/proof.md`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test; its numbers and counterexamples are worth reading")]

mod check;
mod ledger;
mod process;
mod world;

use check::{COMMITTING, EVERY, Protocol, refute};
use process::{Command, Rules};
use stateright::{Checker, Model};
use world::Budget;

/// One undisturbed run and one writer.
const CALM: Budget = Budget { starts: 1, crashes: 0, pulls: 0, resets: 0, writes: 1 };

/// Explores everything and says how many states there are: a change of the number is a change of the protocol, or of the model.
fn holds(rules: Rules, commands: &'static [Command], budget: Budget) -> usize {
    let checker = Protocol::new(rules, commands, budget).checker().spawn_dfs().join();
    println!("{} unique states, {} states, depth {}", checker.unique_state_count(), checker.state_count(), checker.max_depth());
    checker.assert_properties();
    checker.unique_state_count()
}

/// One of each trouble, and requests of dead runs that land as late as a settle time allows.
#[test]
fn promises_hold_among_crash_pull_reset_and_write() {
    let budget = Budget { starts: 3, crashes: 1, pulls: 1, resets: 1, writes: 1 };
    assert_eq!(holds(Rules { drain: false, ..Rules::ALL }, COMMITTING, budget), 4_120_406);
}

/// Long enough for a wave that is rolled back and begun again while a request of its first life is still on its way.
#[test]
fn promises_hold_in_a_second_life() {
    let budget = Budget { starts: 4, crashes: 2, pulls: 0, resets: 0, writes: 1 };
    assert_eq!(holds(Rules { drain: false, ..Rules::ALL }, EVERY, budget), 4_713_336);
}

/// P6 is asked in each state in which nobody runs.
#[test]
fn promises_hold_and_every_run_can_be_resumed() {
    let budget = Budget { starts: 3, crashes: 2, pulls: 1, resets: 0, writes: 1 };
    assert_eq!(holds(Rules::ALL, EVERY, budget), 3_189_823);
}

#[test]
fn without_fence_before_copy_it_is_refuted() {
    refute(Rules { fence_first: false, ..Rules::ALL }, COMMITTING, CALM, &["P1 never two", "P3 no lost write"]);
}

#[test]
fn without_settling_it_is_refuted() {
    refute(Rules { settle: false, ..Rules::ALL }, COMMITTING, CALM, &["P1 never two", "P3 no lost write"]);
}

#[test]
fn without_the_anchor_it_is_refuted() {
    let budget = Budget { starts: 3, crashes: 0, pulls: 1, resets: 0, writes: 1 };
    refute(Rules { anchor: false, ..Rules::ALL }, EVERY, budget, &["P1 never two", "P3 no lost write", "P7 one winner"]);
}

/// What nobody can check for the operator: a run that goes on rolling back puts the policy that it read over the fence of a later run.
#[test]
fn with_a_live_run_declared_dead_it_is_refuted() {
    let budget = Budget { starts: 4, crashes: 0, pulls: 1, resets: 0, writes: 0 };
    refute(Rules { takeover: false, ..Rules::ALL }, EVERY, budget, &["P1 never two", "P7 one winner"]);
}

/// The ledger would look as if its anchor had been set back, and nobody could go on.
#[test]
fn with_a_record_behind_one_that_does_not_count_it_is_refuted() {
    let budget = Budget { starts: 1, crashes: 1, pulls: 0, resets: 0, writes: 0 };
    refute(Rules { last: false, ..Rules::ALL }, COMMITTING, budget, &["P6 resumable"]);
}
