//! Older versions on their way, with `copy` and `prove`: read at the source one level of a batch at a time, laid out as planned, created in order
//! by check-and-set on the version before, compared in memory. A value lives to the end of its level.

use migrate_core::{
    codec::{self, Encoded},
    handover::judge::Obstacle,
    id::{SourceVersion, TargetVersion},
    name::{SecretName, VaultPath},
    observed::Mark,
    plan::PlannedVersion,
    ports::{Effect, PortErrorKind, TargetWrite},
};

use crate::{
    prove::{Compare, Passenger, same},
    rim::Systems,
};

/// Compares the older versions that stand of each passenger with their sources. Writes nothing.
pub(crate) async fn compare_older(
    systems: Systems<'_>,
    passengers: &mut [(usize, Passenger<'_>)],
    which: &[usize],
    mark: &Mark,
    how: Compare,
) {
    for level in 0.. {
        let stands = |at: &&usize| {
            let passenger = &passengers[**at].1;
            (level as u64) < passenger.standing && !matches!(passenger.outcome, Some(Err(_)))
        };
        let here = on_level(passengers, which.iter().filter(stands), level);
        if here.is_empty() {
            return;
        }
        let older = read(systems, passengers, &here).await;
        settle(systems, passengers, older, level, mark, how).await;
    }
}

/// Creates the older versions that do not stand yet.
pub(crate) async fn create_older(systems: Systems<'_>, passengers: &mut [(usize, Passenger<'_>)], which: &[usize], mark: &Mark) {
    for level in 0.. {
        let is_left = |at: &&usize| passengers[**at].1.outcome.is_none();
        let here = on_level(passengers, which.iter().filter(is_left), level);
        if here.is_empty() {
            return;
        }
        let missing: Vec<_> = here.into_iter().filter(|(at, _)| level as u64 >= passengers[*at].1.standing).collect();
        let older = read(systems, passengers, &missing).await;
        let writes: Vec<TargetWrite<'_>> = older
            .iter()
            .map(|(at, value)| TargetWrite {
                path: &passengers[*at].1.job.path,
                value,
                after: (level > 0).then_some(TargetVersion(level as u64)),
            })
            .collect();
        let results = if writes.is_empty() { Vec::new() } else { systems.incoming.create(&writes).await };
        let mut uncertain = Vec::new();
        for ((at, value), result) in older.into_iter().zip(results) {
            match result {
                Ok(_) => {}
                // Where an answer was lost, looking tells.
                Err(error) if error.effect == Effect::Unknown || error.kind == PortErrorKind::Conflict => {
                    uncertain.push((at, value));
                }
                Err(error) => passengers[at].1.outcome = Some(Err(Obstacle::of_effect(&error))),
            }
        }
        settle(systems, passengers, uncertain, level, mark, Compare::AfterLostAnswer).await;
    }
}

/// Those that have an older version on this level, with it.
fn on_level<'p, 'a: 'p>(
    passengers: &[(usize, Passenger<'a>)],
    which: impl Iterator<Item = &'p usize>,
    level: usize,
) -> Vec<(usize, &'a PlannedVersion)> {
    which.filter_map(|at| Some((*at, passengers[*at].1.job.history.get(level)?))).collect()
}

/// Reads and lays out; what can't be is settled.
async fn read(
    systems: Systems<'_>,
    passengers: &mut [(usize, Passenger<'_>)],
    here: &[(usize, &PlannedVersion)],
) -> Vec<(usize, Encoded)> {
    if here.is_empty() {
        return Vec::new();
    }
    let wanted: Vec<(SecretName, SourceVersion)> =
        here.iter().map(|(at, older)| (passengers[*at].1.job.source.clone(), older.version.clone())).collect();
    let mut read = Vec::new();
    for ((at, older), reading) in here.iter().zip(systems.outgoing.read_versions(&wanted).await) {
        let encoded = match reading {
            Ok(reading) => codec::encode(&reading.value, &older.choice, &[]).map_err(Obstacle::Unencodable),
            Err(error) => Err(Obstacle::of_read(&error)),
        };
        match encoded {
            Ok(encoded) => read.push((*at, encoded)),
            Err(obstacle) => passengers[*at].1.outcome = Some(Err(obstacle)),
        }
    }
    read
}

/// Compares what stands on a level; what is not equal is settled.
async fn settle(
    systems: Systems<'_>,
    passengers: &mut [(usize, Passenger<'_>)],
    older: Vec<(usize, Encoded)>,
    level: usize,
    mark: &Mark,
    how: Compare,
) {
    if older.is_empty() {
        return;
    }
    let version = TargetVersion(level as u64 + 1);
    let wanted: Vec<(VaultPath, TargetVersion)> =
        older.iter().map(|(at, _)| (passengers[*at].1.job.path.clone(), version)).collect();
    for ((at, encoded), reading) in older.into_iter().zip(systems.incoming.read_versions(&wanted).await) {
        if let Err(obstacle) = same(&encoded, reading, version, mark, how) {
            passengers[at].1.outcome = Some(Err(obstacle));
        }
    }
}
