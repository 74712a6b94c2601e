//! Whether an old copy may go (P8): nothing is retired that is not committed, or is still read.

use jiff::{SignedDuration, Timestamp};

use super::{
    Member, Retirement,
    judge::{Obstacle, fence_stands, seen},
};
use crate::{
    id::TargetVersion,
    observed::{FenceSeen, LastAccess, Mark, Sighting, SourceSecret, TargetEntry},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What retiring asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soak {
    /// For how long nobody may have read.
    pub time: SignedDuration,
    /// When authority moved. No read of ours is later: after commit the tool never reads a source value.
    pub committed_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// Everything seen of one member before its old copy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldCopy {
    /// At the outgoing authority.
    pub source: Sighting<SourceSecret>,
    /// Its fence.
    pub fence: Sighting<FenceSeen>,
    /// When it was read, in every region.
    pub accesses: Sighting<Vec<Sighting<LastAccess>>>,
    /// At the incoming authority.
    pub target: Sighting<TargetEntry>,
}

/// What is left to do with an old copy that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Remove its replicas in these regions, then delete it.
    Replicas(Vec<String>),
    /// Delete it.
    Delete,
    /// It is on its way: the date that the service shows is to be recorded.
    Scheduled,
}

/// Judges one member whose old copy the ledger does not know as scheduled. `mark` is that of the run that asks.
///
/// # Errors
/// The first [`Obstacle`].
pub fn may_go(mark: &Mark, member: &Member, soak: Soak, found: &OldCopy) -> Result<Due, Obstacle> {
    target_holds(member, &found.target)?;
    let source = seen(&found.source, Obstacle::SourceAbsent)?;
    if source.arn != member.begun.arn {
        return Err(Obstacle::SourceReplaced);
    }
    if source.deleted_at.is_some() {
        // Only what was intended is ours; anybody may delete by hand, and then it is theirs to answer for.
        let is_ours = member.retirement == Retirement::DeleteIntended;
        return if is_ours { Ok(Due::Scheduled) } else { Err(Obstacle::SourceDeleted) };
    }
    if source.versions != *member.versions {
        return Err(Obstacle::SourceMoved);
    }
    if source.rotation_enabled {
        return Err(Obstacle::RotationOn);
    }
    fence_stands(mark, &found.fence)?;
    is_quiet(soak, &found.accesses)?;
    Ok(if source.replica_regions.is_empty() { Due::Delete } else { Due::Replicas(source.replica_regions.clone()) })
}

/// Whether a copy that was scheduled for deletion still is.
///
/// # Errors
/// [`Obstacle::Restored`], or that nobody could look.
pub fn stays_scheduled(member: &Member, source: &Sighting<SourceSecret>) -> Result<(), Obstacle> {
    match source {
        // The time to restore it is over.
        Sighting::Absent => Ok(()),
        other => {
            let source = seen(other, Obstacle::SourceAbsent)?;
            if source.arn != member.begun.arn {
                return Err(Obstacle::SourceReplaced);
            }
            if source.deleted_at.is_some() { Ok(()) } else { Err(Obstacle::Restored) }
        }
    }
}

/// What a look at an old copy means that is away or on its way; `None` where it is to stand as it did.
#[must_use]
pub fn away(member: &Member, source: &Sighting<SourceSecret>) -> Option<Result<(), Obstacle>> {
    let is_deleted = || source.as_ref().present().is_some_and(|secret| secret.deleted_at.is_some());
    match member.retirement {
        Retirement::Scheduled { .. } => Some(stays_scheduled(member, source)),
        Retirement::DeleteIntended if is_deleted() => Some(Ok(())),
        _ => None,
    }
}

/// The incoming authority has what we copied, or what was written there since (P2).
fn target_holds(member: &Member, target: &Sighting<TargetEntry>) -> Result<(), Obstacle> {
    let entry = seen(target, Obstacle::TargetMoved)?;
    if entry.delete_version_after_seconds != 0 {
        return Err(Obstacle::TargetExpires);
    }
    let copied = member.step.target().ok_or(Obstacle::TargetMoved)?;
    match entry.current_version {
        Some(current) if entry.gone_versions.contains(&current) => Err(Obstacle::TargetGone),
        Some(TargetVersion(current)) if current >= copied.0 => Ok(()),
        _ => Err(Obstacle::TargetMoved),
    }
}

/// `LastAccessedDate` is a day: reads on the day of the commit may be ours, and the soak time is there to show others.
fn is_quiet(soak: Soak, accesses: &Sighting<Vec<Sighting<LastAccess>>>) -> Result<(), Obstacle> {
    let mut until = after(soak.committed_at, soak.time);
    let mut read: Option<&LastAccess> = None;
    for access in seen(accesses, Obstacle::SourceAbsent)? {
        let access = match access {
            Sighting::Present(access) => access,
            // A replica that is gone is read by nobody.
            Sighting::Absent => continue,
            other => seen(other, Obstacle::SourceAbsent)?,
        };
        let Some(day) = access.day.filter(|day| *day > soak.committed_at) else { continue };
        // It may have been read until the last moment of that day.
        let quiet = after(after(day, DAY), soak.time);
        if quiet > until || read.is_none() {
            read = Some(access);
            until = until.max(quiet);
        }
    }
    if soak.now >= until {
        return Ok(());
    }
    Err(match read {
        None => Obstacle::SoakNotOver { until },
        Some(LastAccess { region, day }) => Obstacle::StillRead {
            last_accessed: day.map(|day| day.strftime("%Y-%m-%d").to_string()).unwrap_or_default(),
            region: region.clone(),
            until,
        },
    })
}

/// Times so far away that they can't be told are the last one.
fn after(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::{
        codec::Encoding,
        handover::{Begun, MemberStep, RotationStep, SealStep, UrgentStep},
        id::{Epoch, LedgerId, SourceVersion, WaveName},
        name::{SecretArn, SecretName},
        observed::VersionMap,
    };

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn mark() -> Mark {
        Mark { ledger: LedgerId::new("l"), wave: WaveName::parse("w").unwrap(), epoch: Epoch(7) }
    }

    fn member(retirement: Retirement) -> Member {
        let name = SecretName::parse("platform-data/a/b").unwrap();
        let versions = VersionMap(BTreeMap::from([(SourceVersion::new("v1"), BTreeSet::from(["AWSCURRENT".to_owned()]))]));
        let begun = Begun {
            source: name.clone(),
            path: name.vault_path().unwrap(),
            arn: SecretArn::new("arn"),
            versions: versions.clone().into(),
            encoding: Encoding::Text { property: "value".into() },
            rotation: None,
            history: Vec::new(),
        };
        Member {
            begun: begun.into(),
            versions: versions.into(),
            step: MemberStep::Verified { epoch: Epoch(3), target: TargetVersion(1) },
            rotation: RotationStep::Untouched,
            urgent: UrgentStep::None,
            seal: SealStep::Sealed,
            retirement,
        }
    }

    /// Committed at noon of the first, asked at noon of the ninth, a soak of seven days.
    fn soak(now: &str) -> Soak {
        Soak { time: SignedDuration::from_hours(24 * 7), committed_at: at("2026-11-01T12:00:00Z"), now: at(now) }
    }

    fn found(change: impl FnOnce(&mut OldCopy)) -> OldCopy {
        let source = SourceSecret::plain(SecretArn::new("arn"), (*member(Retirement::Kept).versions).clone());
        let mut found = OldCopy {
            source: Sighting::Present(source),
            fence: Sighting::Present(FenceSeen::Ours(Mark { epoch: Epoch(3), ..mark() })),
            accesses: Sighting::Present(vec![Sighting::Present(access("eu-central-1", Some("2026-11-01")))]),
            target: Sighting::Present(TargetEntry {
                current_version: Some(TargetVersion(1)),
                gone_versions: BTreeSet::new(),
                mark: None,
                custom_metadata: BTreeMap::new(),
                delete_version_after_seconds: 0,
            }),
        };
        change(&mut found);
        found
    }

    fn access(region: &str, day: Option<&str>) -> LastAccess {
        LastAccess { region: region.to_owned(), day: day.map(|day| at(&format!("{day}T00:00:00Z"))) }
    }

    fn judged(now: &str, change: impl FnOnce(&mut OldCopy)) -> Result<Due, Obstacle> {
        may_go(&mark(), &member(Retirement::Kept), soak(now), &found(change))
    }

    fn source(change: impl FnOnce(&mut SourceSecret)) -> impl FnOnce(&mut OldCopy) {
        |found| {
            if let Sighting::Present(secret) = &mut found.source {
                change(secret);
            }
        }
    }

    fn target(change: impl FnOnce(&mut TargetEntry)) -> impl FnOnce(&mut OldCopy) {
        |found| {
            if let Sighting::Present(entry) = &mut found.target {
                change(entry);
            }
        }
    }

    const LATE: &str = "2026-11-30T12:00:00Z";

    // P8, to the second.
    #[test]
    fn the_soak_time_counts_from_the_commit_and_from_the_end_of_the_last_day_on_which_it_was_read() {
        let end = at("2026-11-08T12:00:00Z");
        assert_eq!(judged("2026-11-08T11:59:59Z", |_| ()), Err(Obstacle::SoakNotOver { until: end }));
        assert_eq!(judged("2026-11-08T12:00:00Z", |_| ()), Ok(Due::Delete));
        let read_on = |day| {
            move |found: &mut OldCopy| {
                let accesses =
                    [access("eu-central-1", None), access("eu-west-1", Some(day)), access("us-east-1", Some("2026-11-02"))];
                found.accesses = Sighting::Present(accesses.into_iter().map(Sighting::Present).collect());
            }
        };
        let still = |day: &str, until| {
            let (last_accessed, region) = (day.to_owned(), "eu-west-1".to_owned());
            Err(Obstacle::StillRead { last_accessed, region, until: at(until) })
        };
        assert_eq!(judged("2026-11-09T12:00:00Z", read_on("2026-11-05")), still("2026-11-05", "2026-11-13T00:00:00Z"));
        assert_eq!(judged("2026-11-12T23:59:59Z", read_on("2026-11-05")), still("2026-11-05", "2026-11-13T00:00:00Z"));
        assert_eq!(judged("2026-11-13T00:00:00Z", read_on("2026-11-05")), Ok(Due::Delete));
    }

    #[test]
    fn a_region_that_can_not_be_asked_is_no_region_without_readers() {
        let error = crate::ports::PortError::new(crate::ports::PortErrorKind::Denied, "DescribeSecret", "s", "no");
        for unseen in [Sighting::Unknown(error.clone()), Sighting::Unreadable(error.clone())] {
            let judged = judged(LATE, |found| found.accesses = Sighting::Present(vec![unseen]));
            assert!(matches!(judged, Err(Obstacle::Unknown { .. } | Obstacle::Unreadable { .. })), "{judged:?}");
        }
        assert_eq!(judged(LATE, |found| found.accesses = Sighting::Present(vec![Sighting::Absent])), Ok(Due::Delete));
    }

    #[test]
    fn what_others_did_to_the_old_copy_is_told() {
        assert_eq!(judged(LATE, source(|s| s.arn = SecretArn::new("other"))), Err(Obstacle::SourceReplaced));
        assert_eq!(judged(LATE, source(|s| s.deleted_at = Some(at(LATE)))), Err(Obstacle::SourceDeleted));
        assert_eq!(judged(LATE, source(|s| s.versions = VersionMap::default())), Err(Obstacle::SourceMoved));
        assert_eq!(judged(LATE, source(|s| s.rotation_enabled = true)), Err(Obstacle::RotationOn));
        assert_eq!(judged(LATE, |f| f.fence = Sighting::Present(FenceSeen::Open)), Err(Obstacle::FenceMissing));
        assert_eq!(judged(LATE, |f| f.source = Sighting::Absent), Err(Obstacle::SourceAbsent));
        let regions = vec!["eu-west-1".to_owned()];
        assert_eq!(judged(LATE, source(|s| s.replica_regions = vec!["eu-west-1".into()])), Ok(Due::Replicas(regions)));
    }

    // P2: the old copy never goes where the new one is not there.
    #[test]
    fn the_old_copy_stays_where_the_new_one_does_not_stand() {
        assert_eq!(judged(LATE, target(|t| t.current_version = Some(TargetVersion(5)))), Ok(Due::Delete), "written since");
        assert_eq!(judged(LATE, target(|t| t.current_version = None)), Err(Obstacle::TargetMoved));
        assert_eq!(judged(LATE, target(|t| t.gone_versions = BTreeSet::from([TargetVersion(1)]))), Err(Obstacle::TargetGone));
        assert_eq!(judged(LATE, target(|t| t.delete_version_after_seconds = 60)), Err(Obstacle::TargetExpires));
        assert_eq!(judged(LATE, |f| f.target = Sighting::Absent), Err(Obstacle::TargetMoved));
    }

    #[test]
    fn a_deletion_that_was_intended_is_ours_and_one_that_was_undone_is_told() {
        let scheduled = |found: &mut OldCopy| source(|s| s.deleted_at = Some(at(LATE)))(found);
        let intended = member(Retirement::DeleteIntended);
        // Nothing but the date is left to learn, so nobody's reads are asked for: a read of ours could not be told from theirs.
        let soon = soak("2026-11-01T13:00:00Z");
        assert_eq!(may_go(&mark(), &intended, soon, &found(scheduled)), Ok(Due::Scheduled));
        assert_eq!(stays_scheduled(&intended, &found(scheduled).source), Ok(()));
        assert_eq!(stays_scheduled(&intended, &Sighting::Absent), Ok(()));
        assert_eq!(stays_scheduled(&intended, &found(|_| ()).source), Err(Obstacle::Restored));
        assert!(soon.now < soon.committed_at + HOUR * 2, "within the soak time");
    }
}
