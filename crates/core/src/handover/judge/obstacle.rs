//! What stands in a member's way.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{codec::Unencodable, id::Epoch, name::SecretName, ports::PortError};

/// Why one secret can't go on. Data, never prose: the plan stores it, `status` shows it, tests match it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Obstacle {
    /// Secrets Manager has no such secret.
    #[error("is not in Secrets Manager")]
    SourceAbsent,
    /// It is scheduled for deletion.
    #[error("is scheduled for deletion in Secrets Manager")]
    SourceDeleted,
    /// It was never given a value, or no version is labelled AWSCURRENT.
    #[error("has no version labelled AWSCURRENT")]
    SourceWithoutValue,
    /// Another secret of the same name.
    #[error("was deleted and created anew: its ARN is not the planned one")]
    SourceReplaced,
    /// Its versions or their labels are not the expected ones.
    #[error("has other versions than planned")]
    SourceMoved,
    /// An AWS service manages it.
    #[error("is managed by {service}, which writes to it whatever the fence says")]
    ServiceOwned {
        /// `OwningService`.
        service: String,
    },
    /// A partner of AWS holds and rotates it.
    #[error("is a managed external secret of {partner}, which rotates it whatever the fence says")]
    ManagedExternal {
        /// `Type`.
        partner: String,
    },
    /// It is a replica of another region's secret.
    #[error("is a replica; its primary is in {region}")]
    Replica {
        /// `PrimaryRegion`.
        region: String,
    },
    /// It has replicas, whose fences this version does not set.
    #[error(
        "is replicated to {regions}, where no fence is set; remove the replicas first (aws secretsmanager remove-regions-from-replication)"
    )]
    Replicated {
        /// Regions, joined by commas.
        regions: String,
    },
    /// Rotation is on where it must be off: somebody turned it on again.
    #[error("has rotation turned on, although this wave cancelled it or never saw it")]
    RotationOn,
    /// A version labelled AWSPENDING that is not the current one, and no rotation of ours to wait for.
    #[error(
        "has a version other than AWSCURRENT labelled AWSPENDING, as an unfinished rotation leaves it; finish that or take the label away (aws secretsmanager update-secret-version-stage)"
    )]
    RotationInFlight,
    /// A service or partner rotates it by itself, so that nobody can cancel and give back its rotation.
    #[error("is rotated without a Lambda function of its own (managed rotation), which no fence binds")]
    RotationManaged,
    /// Its rotation was turned on, off or changed after the plan.
    #[error("is rotated otherwise than planned")]
    RotationChanged,
    /// A principal that is not exempt may still write, although the fence is stored.
    #[error("takes new values from the probe although its fence is stored: the fence does not hold yet")]
    FenceNotFelt,
    /// The probe is refused before anything is fenced, so that its refusal afterwards would say nothing.
    #[error(
        "refuses the probe before it is fenced, so the probe can't observe the fence: allow it secretsmanager:PutSecretValue"
    )]
    ProbeRefused,
    /// It could not be looked at.
    #[error("could not be seen: {error}")]
    Unknown {
        /// Why.
        error: String,
    },
    /// These credentials may not look.
    #[error("may not be read: {error}")]
    Unreadable {
        /// Why.
        error: String,
    },
    /// Its value could not be read.
    #[error("has a value that can't be read: {error}")]
    ValueUnreadable {
        /// Why.
        error: String,
    },
    /// No fence can be merged into its policy as it is.
    #[error("can't be fenced: {why}")]
    Unfenceable {
        /// Why.
        why: String,
    },
    /// Our fence is not there.
    #[error("has lost its fence")]
    FenceMissing,
    /// Somebody changed our fence.
    #[error("has a fence that somebody changed: {what}")]
    FenceAltered {
        /// What differs.
        what: String,
    },
    /// Our seal is not there.
    #[error("has lost its seal: the old copy can be read")]
    SealMissing,
    /// Somebody changed our seal.
    #[error("has a seal that somebody changed: {what}")]
    SealAltered {
        /// What differs.
        what: String,
    },
    /// Another ledger or wave has fenced it.
    #[error("is fenced by wave {wave} of ledger {ledger}")]
    FencedByOthers {
        /// Its ledger.
        ledger: String,
        /// Its wave.
        wave: String,
    },
    /// Something that is not ours stands at the target.
    #[error("already stands in Vault, and this wave did not write it")]
    TargetForeign,
    /// Versions at the target were deleted or destroyed: check-and-set 0 would be refused.
    #[error("has deleted or destroyed versions in Vault, so that nothing can be created there")]
    TargetGone,
    /// Our copy has been written over.
    #[error("was changed in Vault after this wave copied it")]
    TargetMoved,
    /// What stands there under our mark is not what we would write.
    #[error("stands in Vault under this wave's mark, but with another value")]
    TargetDiffers,
    /// It would expire by itself (P2).
    #[error("would expire in Vault: delete_version_after is set on the entry")]
    TargetExpires,
    /// A run with a higher epoch has stamped it.
    #[error("bears the mark of epoch {epoch}, which is newer than this run")]
    LeadLost {
        /// That epoch.
        epoch: Epoch,
    },
    /// Its name can't be a Vault path as it is.
    #[error("{why}")]
    Path {
        /// Why.
        why: String,
    },
    /// No encoding gives every consumer the same bytes.
    #[error("{0}")]
    Unencodable(Unencodable),
    /// The value changed before the fence took effect, and the planned encoding no longer serves its readers.
    #[error("changed before it was fenced, and the planned encoding no longer fits its value")]
    EncodingMoved,
    /// A store refused the effect.
    #[error("was refused: {error}")]
    Refused {
        /// Why.
        error: String,
    },
    /// Applications read it through the SDK: they would go on reading the old authority after commit (P4).
    #[error("is read through the SDK by {applications}; they would not follow the move")]
    SdkConsumers {
        /// Applications, joined by commas.
        applications: String,
    },
    /// CloudTrail shows principals that read or write it and that nobody declared: nobody knows what would become of them.
    #[error("is used by principals that the inventory does not declare: {principals}")]
    UndeclaredPrincipals {
        /// Who, and whether it reads or writes, joined by commas.
        principals: String,
    },
    /// Somebody read the old copy after authority had moved, and not long enough ago.
    #[error("was read in {region} on {last_accessed}, after it was handed over; its readers have until {until} to be gone")]
    StillRead {
        /// The day, UTC.
        last_accessed: String,
        /// Where.
        region: String,
        /// When the soak time after that is over.
        until: Timestamp,
    },
    /// Nobody read it, and the soak time is not over.
    #[error("was handed over too short a time ago to tell that nobody reads the old copy; that can be told from {until} on")]
    SoakNotOver {
        /// When it is over.
        until: Timestamp,
    },
    /// Its deletion was scheduled by this wave, and somebody restored it.
    #[error("was restored in Secrets Manager after this wave had scheduled its deletion")]
    Restored,
    /// A `find` reaches it together with secrets that are not in the wave: the one manifest can't be switched for some of them.
    #[error("is reached by a `find` that also reaches {names}; hand them over in one wave")]
    FoundTogether {
        /// The others, joined by commas.
        names: String,
    },
    /// Another wave holds it.
    #[error("belongs to wave {wave}")]
    Held {
        /// Which.
        wave: String,
    },
    /// The inventory says that it stays.
    #[error("stays in Secrets Manager by its disposition: {why}")]
    Stays {
        /// The inventory's reason.
        why: String,
    },
    /// Policies that are not ours let their holders write the copy: there would be two who may (P1).
    #[error(
        "may be written in Vault by holders of {}; take that right away until the handover is complete, or name the policy in `administrators`",
        .policies.join(", ")
    )]
    ForeignWriters {
        /// The policies.
        policies: Vec<String>,
    },
    /// The value changed before the fence took effect, and older versions were to be replayed before it.
    #[error(
        "changed before it was fenced, so that the history that was planned is not the one that stands; roll the wave back and plan anew"
    )]
    HistoryMoved,
    /// Policies that might let others write can't be read.
    #[error(
        "may be written in Vault by others, for all that is known here: {} can't be read; let these credentials read them, or declare with `policies_declared = true` that they let nobody write",
        .what.join(", ")
    )]
    WritersUnread {
        /// What can't be read.
        what: Vec<String>,
    },
}

impl Obstacle {
    /// The obstacle that a failed look is.
    #[must_use]
    pub fn unknown(error: &PortError) -> Self {
        Self::Unknown { error: error.to_string() }
    }

    /// The obstacle that a failed effect is.
    #[must_use]
    pub fn of_effect(error: &PortError) -> Self {
        if error.is_passing() { Self::unknown(error) } else { Self::Refused { error: error.to_string() } }
    }

    /// The obstacle that a failed read of a value is.
    #[must_use]
    pub fn of_read(error: &PortError) -> Self {
        if error.is_passing() { Self::unknown(error) } else { Self::ValueUnreadable { error: error.to_string() } }
    }

    /// Whether running the same command again may be enough: nobody has to decide anything.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::FenceNotFelt)
    }
}

/// A member and what stands in its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// The member.
    pub name: SecretName,
    /// What stands in its way.
    #[serde(flatten)]
    pub obstacle: Obstacle,
}
