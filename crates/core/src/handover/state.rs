//! The state that a ledger folds to.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Begun, RunKind, Runner};
use crate::{
    id::{DeliveryName, Epoch, LedgerId, SourceVersion, TargetVersion, WaveName},
    name::SecretName,
    observed::VersionMap,
};

/// SHA-256 of a plan file's canonical form, in hexadecimal. A plan holds no value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanDigest(pub Arc<str>);

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Everything that a ledger says about who is the authority for what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Handover {
    /// Whose ledger; `None` before its first record.
    pub ledger: Option<LedgerId>,
    /// The highest epoch.
    pub epoch: Epoch,
    /// Who took the lead last.
    pub lead: Option<Lead>,
    /// Every wave that began.
    pub waves: BTreeMap<WaveName, Wave>,
}

/// The last lead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lead {
    /// For which wave.
    pub wave: WaveName,
    /// To what end.
    pub run: RunKind,
    /// Which process.
    pub runner: Runner,
    /// It ended by itself, so nothing of it is on its way.
    pub ended: bool,
}

/// How far a wave is as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Begun; nothing was touched.
    Begun,
    /// The world was as planned; fencing may be under way.
    Preflighted,
    /// Every fence stands and has settled; copying may be under way.
    Settled,
    /// Authority has moved.
    Committed,
    /// And the fences were seen standing a settle time later.
    Confirmed,
    /// Deliveries are being switched, then old copies closed to readers.
    Switching,
    /// Every delivery is switched or gone, and nobody can read an old copy.
    Sealed,
    /// The incoming authority takes new values from those whose secrets they are.
    Completed,
    /// Going back.
    RollingBack,
    /// As if it had never begun.
    RolledBack,
    /// The old copies are going.
    Retiring,
    /// Every old copy is scheduled for deletion.
    Retired,
}

/// One wave.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wave {
    /// Digest of its plan.
    pub plan: PlanDigest,
    /// How far it is.
    pub stage: Stage,
    /// Its members.
    pub members: BTreeMap<SecretName, Member>,
    /// Members that were left out and are not released yet: what we added to them is being taken away.
    pub leaving: BTreeMap<SecretName, Member>,
    /// The epoch of the run that fenced last.
    pub fenced_under: Option<Epoch>,
    /// A violation was recorded; cleared by nothing but a person reading it.
    pub violated: bool,
    /// The deliveries through which its members are read, from the moment on at which they are switched.
    pub deliveries: BTreeMap<DeliveryName, DeliveryStep>,
}

/// One member of a wave.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// What the plan said.
    pub begun: Arc<Begun>,
    /// The versions that count: the planned ones until the fence has settled, then those seen then.
    pub versions: Arc<VersionMap>,
    /// How far it is.
    pub step: MemberStep,
    /// What became of its rotation.
    pub rotation: RotationStep,
    /// Whether it was given a new value after it was handed over.
    pub urgent: UrgentStep,
    /// Whether its old copy can still be read.
    pub seal: SealStep,
    /// What became of its old copy.
    pub retirement: Retirement,
}

/// How far one delivery is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryStep {
    /// It reads the outgoing authority.
    #[default]
    Old,
    /// It may have been pointed at the incoming one.
    Intended,
    /// It reads the incoming one, and its Secret was seen with the same bytes.
    Switched,
    /// And it has the policies again that it declares.
    GivenBack,
    /// Nobody reads through it, as an operator said.
    Gone,
}

impl DeliveryStep {
    /// Whether nobody reads the outgoing authority through it any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Switched | Self::GivenBack | Self::Gone)
    }
}

/// Whether a member's old copy can still be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealStep {
    /// By whom it could before.
    #[default]
    Open,
    /// Perhaps not.
    Intended,
    /// By nobody who is not exempt.
    Sealed,
}

/// A new value for a member that was handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UrgentStep {
    /// None: the copy is the value that was handed over.
    #[default]
    None,
    /// It may stand.
    Intended,
    /// It stands.
    Written,
}

/// What the wave has done to a member's old copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retirement {
    /// Nothing.
    #[default]
    Kept,
    /// Its replicas may be gone.
    RemovingReplicas,
    /// Its replicas are gone.
    Alone,
    /// It may be scheduled for deletion.
    DeleteIntended,
    /// It is scheduled for deletion, until then it can be restored.
    Scheduled {
        /// When it is deleted.
        until: Timestamp,
    },
}

/// What the wave has done to a member's rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RotationStep {
    /// Nothing.
    #[default]
    Untouched,
    /// It may be cancelled.
    CancelIntended,
    /// It is cancelled, and one that was in flight may still run.
    Cancelled,
    /// None is in flight any more.
    Ended,
    /// Going back: it is on again.
    Restored,
}

/// How far one member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum MemberStep {
    /// Nothing was done to it.
    Planned,
    /// It may be fenced.
    FenceIntended,
    /// Its fence is stored.
    Fenced,
    /// A copy may stand.
    CopyIntended {
        /// Under this epoch.
        epoch: Epoch,
    },
    /// A copy stands.
    Copied {
        /// Under this epoch.
        epoch: Epoch,
        /// At this version.
        target: TargetVersion,
    },
    /// The copy was proved equal.
    Verified {
        /// Under this epoch.
        epoch: Epoch,
        /// At this version.
        target: TargetVersion,
    },
    /// Rolling back: our copy is gone.
    Cleared,
    /// Rolling back: our fence is gone too.
    Unfenced,
}

impl Member {
    /// Whether its rotation stands in the way of fencing it.
    #[must_use]
    pub fn may_be_rotating(&self) -> bool {
        self.begun.rotation.is_some() && self.rotation != RotationStep::Ended
    }

    /// Whether a rotation that we cancelled, or may have cancelled, is still off.
    #[must_use]
    pub fn owes_rotation(&self) -> bool {
        !matches!(self.rotation, RotationStep::Untouched | RotationStep::Restored)
    }

    /// Whether its old copy is scheduled for deletion, as far as the ledger knows.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        matches!(self.retirement, Retirement::Scheduled { .. })
    }

    /// Whether nothing that this wave added to it is left.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.step == MemberStep::Unfenced && !self.owes_rotation()
    }

    /// The source version that is copied.
    #[must_use]
    pub fn version(&self) -> Option<&SourceVersion> {
        self.versions.current()
    }
}

impl Wave {
    /// Whether its fences have settled, so that the versions that count are known.
    #[must_use]
    pub fn has_settled(&self) -> bool {
        self.stage == Stage::Settled || self.stage.is_committed() && self.stage != Stage::Retired
    }

    /// Everything that the wave holds: its members, and those that are being released.
    pub fn held(&self) -> impl Iterator<Item = (&SecretName, &Member)> {
        self.members.iter().chain(&self.leaving)
    }

    /// A member, whether it goes on or leaves.
    #[must_use]
    pub fn member(&self, name: &SecretName) -> Option<&Member> {
        self.members.get(name).or_else(|| self.leaving.get(name))
    }

    pub(super) fn member_mut(&mut self, name: &SecretName) -> Option<&mut Member> {
        self.members.get_mut(name).or_else(|| self.leaving.get_mut(name))
    }

    /// The newest epoch that a copy of this wave bears.
    #[must_use]
    pub fn stamped_epoch(&self) -> Option<Epoch> {
        self.members.values().filter_map(|member| member.step.epoch()).max()
    }
}

impl MemberStep {
    /// The epoch that its copy bears, where one may stand.
    #[must_use]
    pub fn epoch(self) -> Option<Epoch> {
        match self {
            Self::CopyIntended { epoch } | Self::Copied { epoch, .. } | Self::Verified { epoch, .. } => Some(epoch),
            _ => None,
        }
    }

    /// Whether its fence is known to have been stored, and not taken away by us.
    #[must_use]
    pub fn is_fenced(self) -> bool {
        !matches!(self, Self::Planned | Self::FenceIntended | Self::Unfenced)
    }

    /// The version of the copy, where one is known to stand.
    #[must_use]
    pub fn target(self) -> Option<TargetVersion> {
        match self {
            Self::Copied { target, .. } | Self::Verified { target, .. } => Some(target),
            _ => None,
        }
    }
}

impl Stage {
    /// Whether authority has moved.
    #[must_use]
    pub fn is_committed(self) -> bool {
        matches!(
            self,
            Self::Committed | Self::Confirmed | Self::Switching | Self::Sealed | Self::Completed | Self::Retiring | Self::Retired
        )
    }

    /// Whether the incoming authority takes new values from others than us.
    #[must_use]
    pub fn is_completed(self) -> bool {
        matches!(self, Self::Completed | Self::Retiring | Self::Retired)
    }

    /// Whether the wave still holds its members: no other wave may take them.
    #[must_use]
    pub fn is_open(self) -> bool {
        !self.is_committed() && self != Self::RolledBack
    }
}

impl Handover {
    /// The wave that holds or has handed over a secret; rolled-back waves have let go of theirs.
    #[must_use]
    pub fn holder_of(&self, name: &SecretName) -> Option<(&WaveName, &Wave)> {
        self.waves.iter().find(|(_, wave)| wave.stage != Stage::RolledBack && wave.member(name).is_some())
    }

    /// Whether authority over a secret has moved to the incoming store (AUT-1, AUT-3).
    #[must_use]
    pub fn is_handed_over(&self, name: &SecretName) -> bool {
        self.holder_of(name).is_some_and(|(_, wave)| wave.stage.is_committed() && wave.members.contains_key(name))
    }

    /// Waves that have begun and are neither committed nor rolled back.
    pub fn open_waves(&self) -> impl Iterator<Item = (&WaveName, &Wave)> {
        self.waves.iter().filter(|(_, wave)| wave.stage.is_open())
    }
}
