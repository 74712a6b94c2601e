//! What a fresh look at a store means for a member. Pure: the plan, the driver, `status` and the model ask the same questions here.

mod obstacle;

pub use self::obstacle::{Blocked, Obstacle};
use super::{Begun, Handover, Member, Runner, ViolationKind};
use crate::{
    id::{Epoch, TargetVersion},
    observed::{Felt, FenceSeen, Mark, Rotation, SealSeen, Sighting, SourceSecret, TargetEntry},
    ports::PortError,
};

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
        FenceSeen::Open | FenceSeen::Unfenceable { .. } => Err(Obstacle::FenceMissing),
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

/// Whether our seal stands, or the organisation answers for it.
///
/// # Errors
/// The first [`Obstacle`].
pub fn seal_stands(mark: &Mark, sighting: &Sighting<SealSeen>) -> Result<(), Obstacle> {
    match seen(sighting, Obstacle::SourceAbsent)? {
        SealSeen::Open => Err(Obstacle::SealMissing),
        SealSeen::Outside => Ok(()),
        SealSeen::Altered { what } => Err(Obstacle::SealAltered { what: what.clone() }),
        SealSeen::Ours(found) => {
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
        Obstacle::SealMissing | Obstacle::SealAltered { .. } => ViolationKind::SealBroken,
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
