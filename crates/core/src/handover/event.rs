//! What a ledger record can say.

mod about;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PlanDigest;
use crate::{
    codec::Encoding,
    id::{DeliveryName, LedgerId, SourceVersion, TargetVersion, WaveName},
    name::{SecretArn, SecretName, VaultPath},
    observed::{Rotation, VersionMap},
};

/// What a run was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// Towards commit.
    Apply,
    /// Back to before the wave (P9).
    Rollback,
    /// One new value for a member that was handed over, before writers are admitted (P10).
    Urgent,
    /// Away with the old copies of what was handed over (P8).
    Retire,
}

/// The process that leads, as far as another one can check whether it still lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Runner {
    /// Host name.
    pub host: Arc<str>,
    /// Process id on that host.
    pub process: u32,
}

/// A member as the plan described it when its wave began: enough to read the ledger without the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Begun {
    /// Its name at the outgoing authority.
    pub source: SecretName,
    /// Its path at the incoming authority.
    pub path: VaultPath,
    /// The full ARN: a deleted and recreated secret is another one.
    pub arn: SecretArn,
    /// Its versions and their labels when planned.
    pub versions: Arc<VersionMap>,
    /// How it is laid out at the incoming authority.
    pub encoding: Encoding,
    /// How it is rotated, where rotation is on: cancelled before the fence, given back by a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// Older versions that are replayed before the current one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<SourceVersion>,
}

impl Begun {
    /// The version that its copy becomes at the incoming authority: 1, or as many more as older versions are replayed.
    #[must_use]
    pub fn newest(&self) -> TargetVersion {
        TargetVersion(1 + self.history.len() as u64)
    }
}

/// What somebody else did to a fenced or committed secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViolationKind {
    /// Our fence is gone.
    FenceRemoved,
    /// Our fence stands, but not as we wrote it.
    FenceAltered,
    /// Our seal is gone, or stands otherwise than we wrote it.
    SealBroken,
    /// The old authority took a new value, or its labels moved, although fenced.
    SourceChanged,
    /// The secret at the old authority is gone, or another one of that name.
    SourceReplaced,
    /// The copy is gone, bears another mark, or has another version.
    TargetChanged,
    /// The old copy, whose deletion this wave had scheduled, was restored.
    Restored,
}

/// One violation, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Violation {
    /// The member.
    pub name: SecretName,
    /// What happened.
    pub kind: ViolationKind,
}

/// How a run ended, where it could still say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It reached what it was asked for.
    Reached,
    /// It stopped before; the same command goes on.
    Incomplete,
    /// It stopped because somebody must decide.
    Blocked,
    /// The operator stopped it.
    Interrupted,
}

/// The body of a record. A wave is named by each event that touches it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Event {
    /// The ledger was made. Always the first record.
    Created {
        /// Its id.
        ledger: LedgerId,
    },
    /// A run takes the lead and raises the epoch. Decisive.
    Lead {
        /// For which wave.
        wave: WaveName,
        /// To what end.
        run: RunKind,
        /// Which process.
        runner: Runner,
        /// The epoch of a predecessor that did not end, where the operator said by name that it is dead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        declared_dead: Option<crate::id::Epoch>,
    },
    /// The wave begins. Decisive.
    Begin {
        /// Which wave.
        wave: WaveName,
        /// Digest of the plan that was checked.
        plan: PlanDigest,
        /// Its members.
        members: BTreeMap<SecretName, Arc<Begun>>,
    },
    /// The world is still as planned.
    Preflighted {
        /// Which wave.
        wave: WaveName,
    },
    /// Rotation of these is about to be cancelled.
    RotationCancelIntended {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// No new rotation of these begins; one in flight may still run.
    RotationCancelled {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// The longest time that a rotation in flight can take has passed, and `AWSPENDING` is on no version but the current one.
    RotationEnded {
        /// Which wave.
        wave: WaveName,
        /// How long after the last cancellation, in seconds.
        after_seconds: u64,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// These are about to be fenced.
    FenceIntended {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// The fence of each was stored and read back.
    Fenced {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// The settle time passed, every fence was read again, and these are the versions that count from now on.
    Settled {
        /// Which wave.
        wave: WaveName,
        /// How long after the last fence was stored, in seconds.
        after_seconds: u64,
        /// How often a principal that is not exempt tried to write to every member, and was refused each time. 0: nobody tried.
        #[serde(default, skip_serializing_if = "is_zero")]
        probes: u32,
        /// Versions of every member. They differ from the planned ones where somebody wrote before the fence took effect.
        members: BTreeMap<SecretName, Arc<VersionMap>>,
    },
    /// These are about to be copied.
    CopyIntended {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// The copy of each stands at the incoming store, under this record's epoch.
    Copied {
        /// Which wave.
        wave: WaveName,
        /// The version of each copy.
        members: BTreeMap<SecretName, TargetVersion>,
    },
    /// What reads back equals the source, and every declared read gives the same bytes.
    Verified {
        /// Which wave.
        wave: WaveName,
        /// Equal at these two versions.
        members: BTreeMap<SecretName, (SourceVersion, TargetVersion)>,
    },
    /// Authority moves: the one moment. Decisive.
    Committed {
        /// Which wave.
        wave: WaveName,
    },
    /// A settle time after commit, fences, versions and copies were read again.
    Confirmed {
        /// Which wave.
        wave: WaveName,
    },
    /// The deliveries through which the wave's members are read are switched from now on: these, or none.
    SwitchBegun {
        /// Which wave.
        wave: WaveName,
        /// Which deliveries: all of them.
        deliveries: BTreeSet<DeliveryName>,
    },
    /// A shadow of each read the incoming authority and held the bytes of its Secret; each is about to be pointed there.
    SwitchIntended {
        /// Which wave.
        wave: WaveName,
        /// Which deliveries.
        deliveries: BTreeSet<DeliveryName>,
    },
    /// Each reads the incoming authority: refreshed after the change, ready, its Secret's bytes equal.
    Switched {
        /// Which wave.
        wave: WaveName,
        /// Which deliveries.
        deliveries: BTreeSet<DeliveryName>,
    },
    /// Somebody let these read the outgoing authority again after they were switched.
    SetBack {
        /// Which wave.
        wave: WaveName,
        /// Which deliveries.
        deliveries: BTreeSet<DeliveryName>,
    },
    /// An operator says that nobody reads through these any more, so that nobody switches them.
    DeclaredGone {
        /// Which wave.
        wave: WaveName,
        /// Which deliveries.
        deliveries: BTreeSet<DeliveryName>,
    },
    /// The old copies of these are about to be closed to readers as well.
    SealIntended {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// They are, and it was read back.
    Sealed {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// The longest time for which a reader may keep a value has passed since, and every seal was read again.
    SealSettled {
        /// Which wave.
        wave: WaveName,
        /// How long after the last seal was stored, in seconds.
        after_seconds: u64,
        /// Who was denied a read of which member since, where that was looked for; none where nobody looked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        denied: Option<BTreeMap<SecretName, BTreeSet<String>>>,
    },
    /// The old copies of these may be read again, by those who could before. What is committed stays committed.
    SealLifted {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// Each delivery has the deletion and refresh policies again that it declares.
    GivenBack {
        /// Which wave.
        wave: WaveName,
        /// Which deliveries.
        deliveries: BTreeSet<DeliveryName>,
    },
    /// Writers are admitted to the incoming authority. Decisive.
    Completed {
        /// Which wave.
        wave: WaveName,
    },
    /// A new value for a member that was handed over is about to be written, by check-and-set on this version.
    UrgentIntended {
        /// Which wave.
        wave: WaveName,
        /// Which member.
        name: SecretName,
        /// The version that must be the newest one.
        after: TargetVersion,
    },
    /// The new value stands at the incoming store, and reads back equal.
    UrgentWritten {
        /// Which wave.
        wave: WaveName,
        /// Which member.
        name: SecretName,
        /// Its version.
        target: TargetVersion,
    },
    /// Somebody else changed what the protocol relies on.
    Violated {
        /// Which wave.
        wave: WaveName,
        /// What was found.
        violations: Vec<Violation>,
    },
    /// These leave the wave; the others go on without them. Decisive: from now on no copy of these can be committed.
    LeftOut {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// The wave goes back. Decisive: from now on no copy of it can be committed.
    RollbackBegun {
        /// Which wave.
        wave: WaveName,
    },
    /// Our copy of each is gone from the incoming store.
    Cleared {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// Our fence is gone from each.
    Unfenced {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// Rotation of each is on again, as it was before the wave, without rotating at once.
    RotationRestored {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// The wave is as if it had never begun.
    RolledBack {
        /// Which wave.
        wave: WaveName,
    },
    /// The old copies of the wave go. Decisive.
    RetireBegun {
        /// Which wave.
        wave: WaveName,
        /// For how many days each can be restored.
        window_days: u32,
        /// For how long nobody but us had read them, in seconds.
        soak_seconds: u64,
        /// Which members: all of them.
        members: BTreeSet<SecretName>,
    },
    /// Replicas of these are about to be removed.
    ReplicaRemovalIntended {
        /// Which wave.
        wave: WaveName,
        /// Which members, and in which regions.
        members: BTreeMap<SecretName, BTreeSet<String>>,
    },
    /// They are gone.
    ReplicasRemoved {
        /// Which wave.
        wave: WaveName,
        /// Which members, and in which regions.
        members: BTreeMap<SecretName, BTreeSet<String>>,
    },
    /// Deletion of these is about to be scheduled.
    DeleteIntended {
        /// Which wave.
        wave: WaveName,
        /// Which members.
        members: BTreeSet<SecretName>,
    },
    /// It is: until then each can be restored.
    DeleteScheduled {
        /// Which wave.
        wave: WaveName,
        /// When each is deleted.
        members: BTreeMap<SecretName, Timestamp>,
    },
    /// Every old copy of the wave is scheduled for deletion.
    Retired {
        /// Which wave.
        wave: WaveName,
    },
    /// The run ended by itself: nothing of it is on its way any more.
    Ended {
        /// Which wave.
        wave: WaveName,
        /// How.
        outcome: Outcome,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
