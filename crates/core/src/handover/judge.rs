//! What a fresh look at a store means for a member. Pure: the plan, the driver, `status` and the model ask the same questions here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Begun, Handover, Member, Runner, ViolationKind};
use crate::{
    codec::Unencodable,
    id::{Epoch, TargetVersion},
    name::SecretName,
    observed::{Felt, FenceSeen, Mark, Rotation, Sighting, SourceSecret, TargetEntry},
    ports::PortError,
};

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
    /// Our fence is not there.
    #[error("has lost its fence")]
    FenceMissing,
    /// Somebody changed our fence.
    #[error("has a fence that somebody changed: {what}")]
    FenceAltered {
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

pub(super) fn seen<T>(sighting: &Sighting<T>, absent: Obstacle) -> Result<&T, Obstacle> {
    match sighting {
        Sighting::Present(thing) => Ok(thing),
        Sighting::Absent => Err(absent),
        Sighting::Unknown(error) => Err(Obstacle::unknown(error)),
        Sighting::Unreadable(error) => Err(Obstacle::Unreadable { error: error.to_string() }),
    }
}

/// Whether a secret may join a wave as it is.
///
/// # Errors
/// The first [`Obstacle`].
pub fn source_may_join(sighting: &Sighting<SourceSecret>) -> Result<&SourceSecret, Obstacle> {
    let secret = seen(sighting, Obstacle::SourceAbsent)?;
    if let Some(service) = &secret.owning_service {
        return Err(Obstacle::ServiceOwned { service: service.clone() });
    }
    if let Some(partner) = &secret.partner {
        return Err(Obstacle::ManagedExternal { partner: partner.clone() });
    }
    if secret.deleted_at.is_some() {
        return Err(Obstacle::SourceDeleted);
    }
    if let Some(region) = &secret.primary_region {
        return Err(Obstacle::Replica { region: region.clone() });
    }
    if !secret.replica_regions.is_empty() {
        return Err(Obstacle::Replicated { regions: secret.replica_regions.join(", ") });
    }
    if secret.versions.current().is_none() {
        return Err(Obstacle::SourceWithoutValue);
    }
    match rotation_of(secret) {
        // What is in flight is waited out once it is cancelled.
        Some(rotation) if rotation.lambda_arn.is_some() => Ok(secret),
        Some(_) => Err(Obstacle::RotationManaged),
        None => no_rotation_in_flight(secret).map(|()| secret),
    }
}

/// How a secret is rotated, where rotation is on.
#[must_use]
pub fn rotation_of(secret: &SourceSecret) -> Option<Rotation> {
    secret.rotation_enabled.then(|| secret.rotation.clone().unwrap_or_default())
}

fn no_rotation_in_flight(secret: &SourceSecret) -> Result<(), Obstacle> {
    let pending = secret.versions.pending();
    if pending.is_some() && pending != secret.versions.current() { Err(Obstacle::RotationInFlight) } else { Ok(()) }
}

/// Whether a secret is as its plan says, before anything is done to it. One that is rotated may have been rotated since: which version
/// counts is said by the look after settling.
///
/// # Errors
/// The first [`Obstacle`].
pub fn source_as_planned(begun: &Begun, sighting: &Sighting<SourceSecret>) -> Result<(), Obstacle> {
    let secret = source_may_join(sighting)?;
    if secret.arn != begun.arn {
        return Err(Obstacle::SourceReplaced);
    }
    match (&begun.rotation, rotation_of(secret)) {
        (Some(planned), Some(found)) if *planned == found => Ok(()),
        (None, None) if secret.versions == *begun.versions => Ok(()),
        (None, None) => Err(Obstacle::SourceMoved),
        _ => Err(Obstacle::RotationChanged),
    }
}

/// Whether a secret is still the one that was planned, with exactly the versions that count.
///
/// # Errors
/// The first [`Obstacle`].
pub fn source_unmoved(member: &Member, sighting: &Sighting<SourceSecret>) -> Result<(), Obstacle> {
    let secret = source_is_same(&member.begun, sighting)?;
    if secret.versions == *member.versions { Ok(()) } else { Err(Obstacle::SourceMoved) }
}

/// Whether the outgoing authority is closed as it was when the fences had settled.
///
/// # Errors
/// The first [`Obstacle`].
pub fn source_is_closed(
    mark: &Mark,
    member: &Member,
    fence: &Sighting<FenceSeen>,
    source: &Sighting<SourceSecret>,
) -> Result<(), Obstacle> {
    fence_stands(mark, fence)?;
    source_unmoved(member, source)
}

/// Whether a secret is still the one that was planned and may go on; its versions may have moved (a write before the fence took effect).
///
/// # Errors
/// The first [`Obstacle`].
pub fn source_is_same<'a>(begun: &Begun, sighting: &'a Sighting<SourceSecret>) -> Result<&'a SourceSecret, Obstacle> {
    let secret = source_may_join(sighting)?;
    if secret.arn != begun.arn {
        return Err(Obstacle::SourceReplaced);
    }
    if secret.rotation_enabled {
        return Err(Obstacle::RotationOn);
    }
    no_rotation_in_flight(secret).map(|()| secret)
}

/// Whether a probe says that the fence holds.
///
/// # Errors
/// [`Obstacle::FenceNotFelt`], or that nobody could tell.
pub fn fence_is_felt(probe: &Result<Felt, PortError>) -> Result<(), Obstacle> {
    match probe {
        Ok(Felt::Refused) => Ok(()),
        Ok(Felt::Accepted) => Err(Obstacle::FenceNotFelt),
        Err(error) => Err(Obstacle::of_effect(error)),
    }
}

/// Whether a probe can observe a fence at all: it must be let through before there is one.
///
/// # Errors
/// [`Obstacle::ProbeRefused`], or that nobody could tell.
pub fn probe_can_observe(probe: &Result<Felt, PortError>) -> Result<(), Obstacle> {
    match probe {
        Ok(Felt::Accepted) => Ok(()),
        Ok(Felt::Refused) => Err(Obstacle::ProbeRefused),
        Err(error) => Err(Obstacle::of_effect(error)),
    }
}

/// Whether our fence stands, made by this ledger and wave at `mark.epoch` or before.
///
/// # Errors
/// The first [`Obstacle`].
pub fn fence_stands(mark: &Mark, sighting: &Sighting<FenceSeen>) -> Result<(), Obstacle> {
    match seen(sighting, Obstacle::SourceAbsent)? {
        FenceSeen::Open => Err(Obstacle::FenceMissing),
        FenceSeen::Outside => Ok(()),
        FenceSeen::Altered { what } => Err(Obstacle::FenceAltered { what: what.clone() }),
        FenceSeen::Ours(found) => {
            if found.ledger != mark.ledger || found.wave != mark.wave {
                Err(Obstacle::FencedByOthers { ledger: found.ledger.to_string(), wave: found.wave.to_string() })
            } else if found.epoch > mark.epoch {
                Err(Obstacle::LeadLost { epoch: found.epoch })
            } else {
                Ok(())
            }
        }
    }
}

/// Whether nothing at all stands at the target, as a plan wants it.
///
/// # Errors
/// The [`Obstacle`].
pub fn target_is_free(sighting: &Sighting<TargetEntry>) -> Result<(), Obstacle> {
    match sighting {
        Sighting::Absent => Ok(()),
        Sighting::Present(entry) if entry.gone_versions.is_empty() => Err(Obstacle::TargetForeign),
        Sighting::Present(_) => Err(Obstacle::TargetGone),
        Sighting::Unknown(error) => Err(Obstacle::unknown(error)),
        Sighting::Unreadable(error) => Err(Obstacle::Unreadable { error: error.to_string() }),
    }
}

/// What to do at the target for one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetVerdict {
    /// Nothing is there: stamp, then create.
    Create,
    /// A copy bears our mark: compare it, stamp it anew, and it is ours at this version. With history it may be a part of it: what is there
    /// is compared, and the rest follows.
    Adopt(TargetVersion),
}

/// Judges what stands at the target before copying (VLT-2: anything that is not ours stops).
///
/// # Errors
/// The first [`Obstacle`].
pub fn target_for_copy(mark: &Mark, sighting: &Sighting<TargetEntry>) -> Result<TargetVerdict, Obstacle> {
    target_for_replay(mark, TargetVersion(1), sighting)
}

/// The same for a copy that becomes version `newest`, after older ones were replayed.
///
/// # Errors
/// The first [`Obstacle`].
pub fn target_for_replay(
    mark: &Mark,
    newest: TargetVersion,
    sighting: &Sighting<TargetEntry>,
) -> Result<TargetVerdict, Obstacle> {
    let entry = match sighting {
        Sighting::Absent => return Ok(TargetVerdict::Create),
        other => seen(other, Obstacle::TargetForeign)?,
    };
    if entry.delete_version_after_seconds != 0 {
        return Err(Obstacle::TargetExpires);
    }
    let Some(found) = &entry.mark else { return Err(Obstacle::TargetForeign) };
    if found.ledger != mark.ledger || found.wave != mark.wave {
        return Err(Obstacle::TargetForeign);
    }
    if found.epoch > mark.epoch {
        return Err(Obstacle::LeadLost { epoch: found.epoch });
    }
    if !entry.gone_versions.is_empty() {
        return Err(Obstacle::TargetGone);
    }
    match entry.current_version {
        None => Ok(TargetVerdict::Create),
        Some(version) if version <= newest => Ok(TargetVerdict::Adopt(version)),
        Some(_) => Err(Obstacle::TargetMoved),
    }
}

/// Whether our copy still stands as it was verified: same version, our mark at exactly this epoch.
///
/// # Errors
/// The first [`Obstacle`].
pub fn target_unmoved(mark: &Mark, version: TargetVersion, sighting: &Sighting<TargetEntry>) -> Result<(), Obstacle> {
    let entry = seen(sighting, Obstacle::TargetMoved)?;
    if entry.delete_version_after_seconds != 0 {
        return Err(Obstacle::TargetExpires);
    }
    match &entry.mark {
        Some(found) if found == mark => {}
        Some(found) if found.ledger == mark.ledger && found.wave == mark.wave && found.epoch > mark.epoch => {
            return Err(Obstacle::LeadLost { epoch: found.epoch });
        }
        _ => return Err(Obstacle::TargetMoved),
    }
    if entry.current_version == Some(version) && entry.gone_versions.is_empty() { Ok(()) } else { Err(Obstacle::TargetMoved) }
}

/// Everything seen of one member just before, or after, authority moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// At the outgoing authority.
    pub source: Sighting<SourceSecret>,
    /// Its fence.
    pub fence: Sighting<FenceSeen>,
    /// At the incoming authority.
    pub target: Sighting<TargetEntry>,
}

/// Whether one verified member may be committed, or stands as committed.
///
/// # Errors
/// The first [`Obstacle`].
pub fn member_stands(mark: &Mark, member: &Member, evidence: &Evidence) -> Result<(), Obstacle> {
    source_is_closed(mark, member, &evidence.fence, &evidence.source)?;
    let target = member.step.target().ok_or(Obstacle::TargetMoved)?;
    target_unmoved(mark, target, &evidence.target)
}

/// What an obstacle at a committed or fenced member says about somebody else; `None` where it only says that we could not look.
#[must_use]
pub fn violation(obstacle: &Obstacle) -> Option<ViolationKind> {
    Some(match obstacle {
        Obstacle::FenceMissing | Obstacle::FencedByOthers { .. } => ViolationKind::FenceRemoved,
        Obstacle::FenceAltered { .. } => ViolationKind::FenceAltered,
        Obstacle::SourceMoved | Obstacle::RotationInFlight | Obstacle::RotationOn | Obstacle::RotationManaged => {
            ViolationKind::SourceChanged
        }
        Obstacle::SourceAbsent | Obstacle::SourceReplaced | Obstacle::SourceDeleted | Obstacle::SourceWithoutValue => {
            ViolationKind::SourceReplaced
        }
        Obstacle::TargetForeign
        | Obstacle::TargetGone
        | Obstacle::TargetMoved
        | Obstacle::TargetDiffers
        | Obstacle::TargetExpires => ViolationKind::TargetChanged,
        Obstacle::Restored => ViolationKind::Restored,
        _ => return None,
    })
}

/// Whether the lead may be taken from the run that had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Nobody led, or the last run ended by itself, or it is known to be dead.
    Free,
    /// The last run did not end, and from here nobody can tell whether it still lives: effects of it may be on their way.
    MayLive {
        /// Its epoch, to be named by the operator who knows that it is dead.
        epoch: Epoch,
        /// Where it ran.
        runner: Runner,
    },
}

/// The id of a run, by which an operator names it: its epoch, which no other run has, and where it ran, so that nobody names it by mistake.
#[must_use]
pub fn holder_id(epoch: Epoch, runner: &Runner) -> String {
    format!("{epoch}:{}@{}", runner.process, runner.host)
}

/// Judges whether the predecessor can still act. `is_dead` answers for a process on this host; it says `None` for other hosts.
pub fn takeover(state: &Handover, is_dead: impl Fn(&Runner) -> Option<bool>, declared_dead: Option<Epoch>) -> Takeover {
    match &state.lead {
        Some(lead) if !lead.ended && declared_dead != Some(state.epoch) && is_dead(&lead.runner) != Some(true) => {
            Takeover::MayLive { epoch: state.epoch, runner: lead.runner.clone() }
        }
        _ => Takeover::Free,
    }
}
