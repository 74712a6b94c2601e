//! What is to do next: from the state alone, so that a resumed run and a first run take the same way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{DeliveryStep, Handover, Member, MemberStep, RotationStep, RunKind, SealStep, Stage, Wave};
use crate::{
    id::{DeliveryName, Epoch, WaveName},
    name::SecretName,
};

/// How far `apply` may go. The irreversible step is always asked for by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Every member fenced and settled.
    Fence,
    /// Every member copied.
    Copy,
    /// Every copy proved equal.
    #[default]
    Verify,
    /// Authority moved, and the fences seen standing a settle time later.
    Commit,
    /// Every delivery reads the incoming authority.
    Switch,
    /// Nobody can read an old copy.
    Seal,
    /// Writers are admitted to the incoming authority.
    Complete,
}

/// The next step of a wave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Record that the wave begins.
    Begin,
    /// Observe everything again and compare it with the plan.
    Preflight,
    /// Cancel rotation of these.
    CancelRotation(Vec<SecretName>),
    /// Wait until no rotation of these can be in flight.
    AwaitRotation(Vec<SecretName>),
    /// Fence these.
    Fence(Vec<SecretName>),
    /// Wait the settle time, then read fences and versions again.
    Settle,
    /// Copy these, or adopt the copies that an earlier run left; with `verify` prove each equal while its value is in memory.
    Copy {
        /// Which.
        members: Vec<SecretName>,
        /// Whether to prove them in the same pass.
        verify: bool,
    },
    /// Prove these equal.
    Verify(Vec<SecretName>),
    /// Look at everything once more and move authority.
    Commit,
    /// A settle time after commit, look again.
    Confirm,
    /// Record which deliveries are switched.
    BeginSwitch,
    /// Let these read the incoming authority.
    Switch(Vec<DeliveryName>),
    /// Close the old copies of these to readers.
    Seal(Vec<SecretName>),
    /// Wait as long as a reader may keep a value, then read the seals again.
    SettleSeal,
    /// Give these the policies back that they declare.
    GiveBack(Vec<DeliveryName>),
    /// Look once more, and admit writers.
    Complete,
    /// Record that the wave goes back.
    BeginRollback,
    /// Take our copy of these away.
    Clear(Vec<SecretName>),
    /// Take our fence from these away.
    Unfence(Vec<SecretName>),
    /// Turn rotation of these on again, as it was.
    RestoreRotation(Vec<SecretName>),
    /// Record that the wave is gone.
    FinishRollback,
    /// Record that the old copies go.
    BeginRetire,
    /// Schedule deletion of the old copies of these.
    Retire(Vec<SecretName>),
    /// Record that every old copy is scheduled for deletion.
    FinishRetire,
    /// What was asked for is reached; there is nothing to do.
    Reached,
}

/// Decides the next step of `wave` towards the goal of `run`, for the run that leads at `state.epoch`.
///
/// Asked before the lead is taken it tells whether there is anything to do at all: a goal once reached stays reached, whatever epoch.
#[must_use]
pub fn decide(state: &Handover, wave: &WaveName, run: RunKind, goal: Goal) -> Step {
    match (run, state.waves.get(wave)) {
        (RunKind::Apply, None) => Step::Begin,
        (RunKind::Apply, Some(wave)) if wave.stage == Stage::RolledBack => Step::Begin,
        (RunKind::Apply, Some(wave)) => towards_commit(wave, state.epoch, goal),
        // One write, which no step leads to.
        (RunKind::Urgent, _) | (RunKind::Rollback | RunKind::Retire, None) => Step::Reached,
        (RunKind::Retire, Some(wave)) => away(wave),
        (RunKind::Rollback, Some(wave)) => back(wave),
    }
}

fn towards_commit(wave: &Wave, epoch: Epoch, goal: Goal) -> Step {
    // Those that were left out first: nobody can write to them until they are released.
    if let Some(step) = open_again(&wave.leaving) {
        return step;
    }
    // Their rotation last: it may have to wait for somebody, which holds nobody else up.
    match step_of_stage(wave, epoch, goal) {
        Step::Reached => rotate_again(&wave.leaving).unwrap_or(Step::Reached),
        step => step,
    }
}

fn step_of_stage(wave: &Wave, epoch: Epoch, goal: Goal) -> Step {
    match wave.stage {
        Stage::Begun => Step::Preflight,
        Stage::Preflighted => {
            let rotated = names(wave, |member| member.may_be_rotating() && member.rotation < RotationStep::Cancelled);
            if !rotated.is_empty() {
                return Step::CancelRotation(rotated);
            }
            let rotating = names(wave, Member::may_be_rotating);
            if !rotating.is_empty() {
                return Step::AwaitRotation(rotating);
            }
            let open = names(wave, |member| member.step != MemberStep::Fenced);
            if open.is_empty() { Step::Settle } else { Step::Fence(open) }
        }
        Stage::Settled => {
            if goal == Goal::Fence {
                return Step::Reached;
            }
            let members = names(wave, |member| needs_copy(member.step, epoch, goal));
            if !members.is_empty() {
                return Step::Copy { members, verify: goal >= Goal::Verify };
            }
            let unproved = names(wave, |member| matches!(member.step, MemberStep::Copied { .. }));
            match goal {
                Goal::Fence | Goal::Copy => Step::Reached,
                _ if !unproved.is_empty() => Step::Verify(unproved),
                Goal::Verify => Step::Reached,
                Goal::Commit | Goal::Switch | Goal::Seal | Goal::Complete => Step::Commit,
            }
        }
        Stage::Committed if goal >= Goal::Commit => Step::Confirm,
        Stage::Confirmed if goal >= Goal::Switch => Step::BeginSwitch,
        Stage::Switching if goal >= Goal::Switch => switching(wave, goal),
        Stage::Sealed if goal >= Goal::Seal => {
            let kept = ways(wave, |way| way == DeliveryStep::Switched);
            match goal {
                _ if !kept.is_empty() => Step::GiveBack(kept),
                Goal::Complete => Step::Complete,
                _ => Step::Reached,
            }
        }
        _ => Step::Reached,
    }
}

/// Every delivery first: who would be denied a read must have another place to read from.
fn switching(wave: &Wave, goal: Goal) -> Step {
    let old = ways(wave, |way| !way.is_over());
    if !old.is_empty() {
        return Step::Switch(old);
    }
    if goal == Goal::Switch {
        return Step::Reached;
    }
    let open = names(wave, |member| member.seal != SealStep::Sealed);
    if open.is_empty() { Step::SettleSeal } else { Step::Seal(open) }
}

fn ways(wave: &Wave, wanted: impl Fn(DeliveryStep) -> bool) -> Vec<DeliveryName> {
    wave.deliveries.iter().filter(|(_, way)| wanted(**way)).map(|(name, _)| name.clone()).collect()
}

/// A copy that is to be proved or committed must bear the epoch of the run that does it: an older run's is adopted by stamping it anew.
fn needs_copy(step: MemberStep, epoch: Epoch, goal: Goal) -> bool {
    match step {
        MemberStep::Verified { epoch: stamped, .. } => goal >= Goal::Commit && stamped != epoch,
        MemberStep::Copied { epoch: stamped, .. } => goal >= Goal::Verify && stamped != epoch,
        _ => true,
    }
}

/// The old copies go once nobody can read them any more, and not before.
fn away(wave: &Wave) -> Step {
    match wave.stage {
        Stage::Completed => Step::BeginRetire,
        Stage::Retiring => {
            let kept = names(wave, |member| !member.is_retired());
            if kept.is_empty() { Step::FinishRetire } else { Step::Retire(kept) }
        }
        _ => Step::Reached,
    }
}

fn back(wave: &Wave) -> Step {
    match wave.stage {
        Stage::Begun | Stage::Preflighted | Stage::Settled => Step::BeginRollback,
        Stage::RollingBack => open_again(&wave.members).or_else(|| rotate_again(&wave.members)).unwrap_or(Step::FinishRollback),
        _ => Step::Reached,
    }
}

/// The next step after which these take values again: the copy goes first, then the fence.
fn open_again(members: &BTreeMap<SecretName, Member>) -> Option<Step> {
    let uncleared = those(members, |member| !matches!(member.step, MemberStep::Cleared | MemberStep::Unfenced));
    let fenced = || those(members, |member| member.step != MemberStep::Unfenced).map(Step::Unfence);
    uncleared.map(Step::Clear).or_else(fenced)
}

/// Turns rotation on again that we turned off.
fn rotate_again(members: &BTreeMap<SecretName, Member>) -> Option<Step> {
    those(members, Member::owes_rotation).map(Step::RestoreRotation)
}

fn those(members: &BTreeMap<SecretName, Member>, wanted: fn(&Member) -> bool) -> Option<Vec<SecretName>> {
    let names: Vec<SecretName> = members.iter().filter(|(_, member)| wanted(member)).map(|(name, _)| name.clone()).collect();
    (!names.is_empty()).then_some(names)
}

fn names(wave: &Wave, wanted: impl Fn(&Member) -> bool) -> Vec<SecretName> {
    wave.members.iter().filter(|(_, member)| wanted(member)).map(|(name, _)| name.clone()).collect()
}
