//! Looks at a wave as it stands and changes nothing, not even the ledger: for `migrate verify` and `migrate status`.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use migrate_core::{
    handover::{
        SealStep, Wave,
        judge::{Blocked, Evidence, Obstacle, fence_stands, member_stands, seal_stands, source_is_closed, target_unmoved},
        retire::away,
    },
    id::{Epoch, LedgerId, WaveName},
    name::SecretName,
    observed::Mark,
    plan::{Plan, PlannedMember},
};

use crate::{
    prove::{Compare, Job, prove},
    rim::{Pace, Progress, Systems},
};

/// Looks whether the outgoing authority is closed to every member that the ledger says is fenced, and names those where it is not: a fence
/// that does not stand, or, once the fences had settled, another version than the one that counts.
pub async fn closed(
    systems: Systems<'_>,
    progress: &dyn Progress,
    ledger: &LedgerId,
    name: &WaveName,
    wave: &Wave,
) -> Vec<Blocked> {
    let Some(mark) = mark(ledger, name, wave) else { return Vec::new() };
    let members: Vec<_> = wave.members.iter().filter(|(_, member)| member.step.is_fenced()).collect();
    progress.begin("fences", members.len());
    let sources: Vec<SecretName> = members.iter().map(|(_, member)| member.begun.source.clone()).collect();
    let (fences, seen) = futures::join!(systems.outgoing.fences(&sources), systems.outgoing.describe(&sources));
    let is_sealed = wave.members.values().any(|member| member.seal == SealStep::Sealed);
    let seals = if is_sealed { systems.outgoing.seals(&sources).await } else { Vec::new() };
    progress.end();
    let mut seals = seals.into_iter();
    let judged = members.into_iter().zip(fences).zip(seen).filter_map(|(((name, member), fence), seen)| {
        let seal = seals.next().filter(|_| member.seal == SealStep::Sealed);
        let verdict = match (away(member, &seen), wave.has_settled()) {
            (Some(verdict), _) => verdict,
            (None, true) => source_is_closed(&mark, member, &fence, &seen),
            (None, false) => fence_stands(&mark, &fence),
        };
        // A seal is of a later run than the copy, whichever.
        let late = Mark { epoch: Epoch(u64::MAX), ..mark.clone() };
        let verdict = verdict.and_then(|()| seal.map_or(Ok(()), |seal| seal_stands(&late, &seal)));
        verdict.err().map(|obstacle| Blocked { name: name.clone(), obstacle })
    });
    judged.collect()
}

/// Looks at fence, versions and copy of every member that has a copy.
pub async fn copies(
    systems: Systems<'_>,
    progress: &dyn Progress,
    ledger: &LedgerId,
    name: &WaveName,
    wave: &Wave,
) -> Vec<(SecretName, Result<(), Obstacle>)> {
    let Some(newest) = mark(ledger, name, wave) else { return Vec::new() };
    let members: Vec<_> = wave.members.iter().filter(|(_, member)| member.step.target().is_some()).collect();
    progress.begin("look", members.len());
    let sources: Vec<SecretName> = members.iter().map(|(_, member)| member.begun.source.clone()).collect();
    let paths: Vec<_> = members.iter().map(|(_, member)| member.begun.path.clone()).collect();
    let (seen, fences, targets) = futures::join!(
        systems.outgoing.describe(&sources),
        systems.outgoing.fences(&sources),
        systems.incoming.describe(&paths),
    );
    progress.end();
    let looks = members.into_iter().zip(seen).zip(fences).zip(targets);
    let judged = looks.map(|((((name, member), source), fence), target)| {
        let mark = Mark { epoch: member.step.epoch().unwrap_or(newest.epoch), ..newest.clone() };
        let verdict = match (away(member, &source), member.step.target()) {
            // Writers were admitted there: what stands at the incoming authority is theirs.
            (Some(away), _) if wave.stage.is_completed() => away,
            (None, _) if wave.stage.is_completed() => source_is_closed(&mark, member, &fence, &source),
            (Some(away), Some(version)) => away.and_then(|()| target_unmoved(&mark, version, &target)),
            _ => member_stands(&mark, member, &Evidence { source, fence, target }),
        };
        (name.clone(), verdict)
    });
    judged.collect()
}

/// Reads the copies of a wave and their sources again and compares them in memory, as its plan lays them out. Not after commit: a read of the
/// source would count as an access, and the source no longer counts.
pub async fn values(
    systems: Systems<'_>,
    pace: Pace,
    progress: &dyn Progress,
    plan: &Plan,
    wave: &Wave,
) -> Vec<(SecretName, Result<(), Obstacle>)> {
    let Some(mark) = mark(&plan.ledger, &plan.wave, wave) else { return Vec::new() };
    let planned: BTreeMap<&SecretName, &PlannedMember> = plan.members.iter().map(|member| (&member.name, member)).collect();
    let copied = wave.members.iter().filter(|(_, member)| member.step.target().is_some());
    let jobs: Vec<Job> = copied.filter_map(|(name, member)| Job::of(name, member, planned.get(name)?)).collect();
    progress.begin("compare", jobs.len());
    let batches = jobs.chunks(pace.batch.max(1)).map(|batch| {
        let mark = &mark;
        async move {
            let outcomes = prove(systems, batch, mark, Compare::Adopting).await;
            progress.advance(batch.len());
            let named = batch.iter().zip(outcomes).map(|(job, outcome)| (job.name.clone(), outcome.map(|_| ())));
            named.collect::<Vec<_>>()
        }
    });
    let compared: Vec<Vec<_>> = futures::stream::iter(batches).buffered(pace.batches.max(1)).collect().await;
    progress.end();
    compared.into_iter().flatten().collect()
}

fn mark(ledger: &LedgerId, name: &WaveName, wave: &Wave) -> Option<Mark> {
    let epoch = wave.stamped_epoch().or(wave.fenced_under)?;
    Some(Mark { ledger: ledger.clone(), wave: name.clone(), epoch })
}
