//! What a ledger record can say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PlanDigest;
use crate::{
    codec::Encoding,
    id::{LedgerId, SourceVersion, TargetVersion, WaveName},
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
        /// ExternalSecret consumers will be switched by hand (`--consumers-by-hand`).
        consumers_by_hand: bool,
    },
    /// A settle time after commit, fences, versions and copies were read again.
    Confirmed {
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

impl Event {
    /// Whether the record only counts once the anchor names it.
    #[must_use]
    pub fn is_decisive(&self) -> bool {
        matches!(
            self,
            Self::Lead { .. }
                | Self::Begin { .. }
                | Self::LeftOut { .. }
                | Self::Committed { .. }
                | Self::RollbackBegun { .. }
                | Self::RetireBegun { .. }
        )
    }

    /// The wave that it is about.
    #[must_use]
    pub fn wave(&self) -> Option<&WaveName> {
        match self {
            Self::Created { .. } => None,
            Self::Lead { wave, .. }
            | Self::Begin { wave, .. }
            | Self::Preflighted { wave }
            | Self::RotationCancelIntended { wave, .. }
            | Self::RotationCancelled { wave, .. }
            | Self::RotationEnded { wave, .. }
            | Self::FenceIntended { wave, .. }
            | Self::Fenced { wave, .. }
            | Self::Settled { wave, .. }
            | Self::CopyIntended { wave, .. }
            | Self::Copied { wave, .. }
            | Self::Verified { wave, .. }
            | Self::Committed { wave, .. }
            | Self::Confirmed { wave }
            | Self::UrgentIntended { wave, .. }
            | Self::UrgentWritten { wave, .. }
            | Self::Violated { wave, .. }
            | Self::LeftOut { wave, .. }
            | Self::RollbackBegun { wave }
            | Self::Cleared { wave, .. }
            | Self::Unfenced { wave, .. }
            | Self::RotationRestored { wave, .. }
            | Self::RolledBack { wave }
            | Self::RetireBegun { wave, .. }
            | Self::ReplicaRemovalIntended { wave, .. }
            | Self::ReplicasRemoved { wave, .. }
            | Self::DeleteIntended { wave, .. }
            | Self::DeleteScheduled { wave, .. }
            | Self::Retired { wave }
            | Self::Ended { wave, .. } => Some(wave),
        }
    }

    /// Its name in the ledger (`"type"`).
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Lead { .. } => "lead",
            Self::Begin { .. } => "begin",
            Self::Preflighted { .. } => "preflighted",
            Self::RotationCancelIntended { .. } => "rotation-cancel-intended",
            Self::RotationCancelled { .. } => "rotation-cancelled",
            Self::RotationEnded { .. } => "rotation-ended",
            Self::FenceIntended { .. } => "fence-intended",
            Self::Fenced { .. } => "fenced",
            Self::Settled { .. } => "settled",
            Self::CopyIntended { .. } => "copy-intended",
            Self::Copied { .. } => "copied",
            Self::Verified { .. } => "verified",
            Self::Committed { .. } => "committed",
            Self::Confirmed { .. } => "confirmed",
            Self::UrgentIntended { .. } => "urgent-intended",
            Self::UrgentWritten { .. } => "urgent-written",
            Self::Violated { .. } => "violated",
            Self::LeftOut { .. } => "left-out",
            Self::RollbackBegun { .. } => "rollback-begun",
            Self::Cleared { .. } => "cleared",
            Self::Unfenced { .. } => "unfenced",
            Self::RotationRestored { .. } => "rotation-restored",
            Self::RolledBack { .. } => "rolled-back",
            Self::RetireBegun { .. } => "retire-begun",
            Self::ReplicaRemovalIntended { .. } => "replica-removal-intended",
            Self::ReplicasRemoved { .. } => "replicas-removed",
            Self::DeleteIntended { .. } => "delete-intended",
            Self::DeleteScheduled { .. } => "delete-scheduled",
            Self::Retired { .. } => "retired",
            Self::Ended { .. } => "ended",
        }
    }
}
