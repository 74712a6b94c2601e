//! P1–P10, each one named predicate over what an all-knowing observer sees of one secret.
//!
//! The model checker asks them in every state, property tests and the simulation after every event. They know nothing of the ledger: they
//! judge the world, not what the tool believes of it.

/// One secret as nobody in the protocol can see it, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Truth {
    /// The outgoing authority would accept a new value from somebody who is not exempt.
    pub source_accepts: bool,
    /// The incoming authority would accept one.
    pub target_accepts: bool,
    /// Which value the outgoing authority holds, as an opaque number of its writes.
    pub source: Option<u32>,
    /// Which of those values the incoming authority's copy was made of.
    pub target: Option<u32>,
    /// The value that the outgoing authority acknowledged last.
    pub acknowledged: u32,
    /// A commit record counts.
    pub committed: bool,
    /// Some moment before, a commit record counted.
    pub was_committed: bool,
    /// The copy, or its mount, would expire by itself.
    pub target_expires: bool,
    /// Somebody who is not exempt can read the old copy.
    pub source_readable: bool,
    /// Writers have been admitted at the incoming authority.
    pub complete: bool,
    /// The old copy was retired.
    pub retired: bool,
    /// Somebody still reads the old copy.
    pub still_read: bool,
    /// Runs whose next decisive record would count.
    pub leaders: u32,
    /// An effect was made by a run that did not have the lead.
    pub effect_without_lead: bool,
    /// After a rollback: what differs from before the wave and was ours.
    pub left_behind: bool,
    /// After a rollback: what others did meanwhile and is gone.
    pub taken_from_others: bool,
    /// Seconds that nobody could write.
    pub refused_seconds: u64,
    /// Seconds of refusal that the plan said.
    pub predicted_seconds: u64,
}

/// P1, never two: no moment at which both systems would accept a new value.
#[must_use]
pub fn p1_never_two(truth: &Truth) -> bool {
    !(truth.source_accepts && truth.target_accepts)
}

/// P2, never none: the system whose value counts has one, and it can't expire.
#[must_use]
pub fn p2_never_none(truth: &Truth) -> bool {
    if truth.committed { truth.target.is_some() && !truth.target_expires } else { truth.source.is_some() }
}

/// P3, no lost write: from commit on the copy is of the value acknowledged last.
#[must_use]
pub fn p3_no_lost_write(truth: &Truth) -> bool {
    !truth.committed || truth.target == Some(truth.acknowledged)
}

/// P4, no stale read: once writers are admitted at the incoming authority, nobody reads the old copy.
#[must_use]
pub fn p4_no_stale_read(truth: &Truth) -> bool {
    !(truth.complete && truth.source_readable)
}

/// P5, forward only: what was committed stays committed.
#[must_use]
pub fn p5_forward_only(truth: &Truth) -> bool {
    truth.committed || !truth.was_committed
}

/// P6, crash anywhere: `reached` is whether a fresh run of the same command, undisturbed, arrives at the same end from here.
#[must_use]
pub fn p6_resumable(reached: bool) -> bool {
    reached
}

/// P7, one winner: at most one run can make the next decisive record, and no effect came from another.
#[must_use]
pub fn p7_one_winner(truth: &Truth) -> bool {
    truth.leaders <= 1 && !truth.effect_without_lead
}

/// P8: nothing is retired that is not committed, or is still read.
#[must_use]
pub fn p8_retired_only_when_unused(truth: &Truth) -> bool {
    !truth.retired || (truth.committed && !truth.still_read)
}

/// P9: a rollback takes away what we added and nothing else.
#[must_use]
pub fn p9_rollback_takes_only_ours(truth: &Truth) -> bool {
    !truth.left_behind && !truth.taken_from_others
}

/// P10: nobody was refused for longer than the plan said.
#[must_use]
pub fn p10_bounded_refusal(truth: &Truth) -> bool {
    truth.refused_seconds <= truth.predicted_seconds
}
