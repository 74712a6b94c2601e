//! The proof that a copy is right: both sides are read, laid out and compared in memory, in constant time. Used while copying, by the verify
//! step, and by `inspect`, which only looks. Values live from their read to the end of their batch.

use std::collections::BTreeMap;

use migrate_core::{
    codec::{self, Choice, Encoded},
    handover::{Member, judge::Obstacle},
    id::{SourceVersion, TargetVersion},
    name::{SecretName, VaultPath},
    observed::{Mark, Sighting},
    plan::{PlannedMember, PlannedVersion},
    ports::TargetReading,
    reads::Read,
};

use crate::{replay::compare_older, rim::Systems};

/// One member on its way.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) name: SecretName,
    pub(crate) source: SecretName,
    pub(crate) path: VaultPath,
    /// The version that counts.
    pub(crate) version: SourceVersion,
    /// Whether that is the planned one.
    pub(crate) as_planned: bool,
    /// Whether the value that counts is the planned one; its labels may have moved.
    pub(crate) is_planned_value: bool,
    /// The version of the copy, where the ledger knows one.
    pub(crate) target: Option<TargetVersion>,
    pub(crate) choice: Choice,
    pub(crate) reads: Vec<Read>,
    /// What is kept beside the copy.
    pub(crate) carried: BTreeMap<String, String>,
    /// Older versions that come before it, oldest first.
    pub(crate) history: Vec<PlannedVersion>,
}

impl Job {
    /// The job that a member of a wave is, by its plan; nothing where it has no version.
    pub(crate) fn of(name: &SecretName, member: &Member, planned: &PlannedMember) -> Option<Self> {
        Some(Self {
            name: name.clone(),
            source: member.begun.source.clone(),
            path: member.begun.path.clone(),
            version: member.version()?.clone(),
            as_planned: member.versions == member.begun.versions,
            is_planned_value: member.version() == member.begun.versions.current(),
            target: member.step.target(),
            choice: planned.choice.clone(),
            reads: planned.reads(),
            carried: planned.carried.kept.clone(),
            history: planned.history.clone(),
        })
    }

    /// The version that the copy becomes.
    pub(crate) fn newest(&self) -> TargetVersion {
        TargetVersion(1 + self.history.len() as u64)
    }
}

/// What a batch gave for one member.
pub(crate) type Outcome = Result<TargetVersion, Obstacle>;

/// One member inside a batch.
pub(crate) struct Passenger<'a> {
    pub(crate) job: &'a Job,
    pub(crate) encoded: Encoded,
    /// How many versions of ours stand at its path, as far as it was looked at.
    pub(crate) standing: u64,
    pub(crate) outcome: Option<Outcome>,
}

/// Reads each value at its settled version, lays it out as planned, and proves every declared read equal.
pub(crate) async fn encoded(systems: Systems<'_>, jobs: &[Job]) -> Vec<Result<Encoded, Obstacle>> {
    let sources: Vec<SecretName> = jobs.iter().map(|job| job.source.clone()).collect();
    let readings = systems.outgoing.read(&sources).await;
    jobs.iter()
        .zip(readings)
        .map(|(job, reading)| {
            let reading = reading.map_err(|error| Obstacle::of_read(&error))?;
            if reading.version != job.version {
                return Err(Obstacle::SourceMoved);
            }
            if !job.is_planned_value && !job.history.is_empty() {
                return Err(Obstacle::HistoryMoved);
            }
            codec::encode(&reading.value, &job.choice, &job.reads)
                .map_err(|why| if job.as_planned { Obstacle::Unencodable(why) } else { Obstacle::EncodingMoved })
        })
        .collect()
}

/// Reads both sides of each and compares them in memory. Writes nothing.
pub(crate) async fn prove(systems: Systems<'_>, jobs: &[Job], mark: &Mark, how: Compare) -> Vec<Outcome> {
    let values = encoded(systems, jobs).await;
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut passengers = Vec::new();
    for ((at, job), encoded) in jobs.iter().enumerate().zip(values) {
        match encoded {
            Ok(encoded) => {
                passengers.push((at, Passenger { job, encoded, standing: job.newest().0, outcome: None }));
                outcomes.push(None);
            }
            Err(obstacle) => outcomes.push(Some(Err(obstacle))),
        }
    }
    let all: Vec<usize> = (0..passengers.len()).collect();
    compare_older(systems, &mut passengers, &all, mark, how).await;
    let equal: Vec<usize> = all.into_iter().filter(|at| passengers[*at].1.outcome.is_none()).collect();
    compare(systems, &mut passengers, &equal, mark, how).await;
    for (at, passenger) in passengers {
        outcomes[at] = passenger.outcome;
    }
    outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(Obstacle::TargetMoved))).collect()
}

/// Reads back and compares in memory, in constant time.
pub(crate) async fn compare(
    systems: Systems<'_>,
    passengers: &mut [(usize, Passenger<'_>)],
    which: &[usize],
    mark: &Mark,
    how: Compare,
) {
    if which.is_empty() {
        return;
    }
    let paths: Vec<VaultPath> = which.iter().map(|at| passengers[*at].1.job.path.clone()).collect();
    for (at, reading) in which.iter().zip(systems.incoming.read(&paths).await) {
        let passenger = &mut passengers[*at].1;
        passenger.outcome = Some(equal(passenger, reading, mark, how));
    }
}

/// Why something is read back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    /// A copy that an earlier run of this wave left.
    Adopting,
    /// One that this run has just created, or the ledger knows.
    Created,
    /// The answer to its creation was lost, or said that something is there.
    AfterLostAnswer,
}

fn equal(passenger: &Passenger<'_>, reading: Sighting<TargetReading>, mark: &Mark, how: Compare) -> Outcome {
    let expected = passenger.job.target.unwrap_or(passenger.job.newest());
    same(&passenger.encoded, reading, expected, mark, how)
}

/// Whether what was read is this value, at this version, under our mark.
pub(crate) fn same(
    encoded: &Encoded,
    reading: Sighting<TargetReading>,
    expected: TargetVersion,
    mark: &Mark,
    how: Compare,
) -> Outcome {
    let reading = match reading {
        Sighting::Present(reading) => reading,
        // The write did not arrive: the same command goes on.
        Sighting::Absent if how == Compare::AfterLostAnswer => {
            return Err(Obstacle::Unknown { error: "the write got no answer, and nothing stands there".to_owned() });
        }
        Sighting::Absent => return Err(Obstacle::TargetMoved),
        Sighting::Unknown(error) => return Err(Obstacle::unknown(&error)),
        Sighting::Unreadable(error) => return Err(Obstacle::Unreadable { error: error.to_string() }),
    };
    let ours = reading.mark.as_ref().is_some_and(|found| {
        let same_wave = found.ledger == mark.ledger && found.wave == mark.wave;
        same_wave && if how == Compare::Adopting { found.epoch <= mark.epoch } else { found.epoch == mark.epoch }
    });
    if !ours {
        return Err(Obstacle::TargetForeign);
    }
    if reading.version != expected {
        return Err(Obstacle::TargetMoved);
    }
    match &reading.fields {
        Some(fields) if encoded.is_equal_to(fields) => Ok(reading.version),
        _ => Err(Obstacle::TargetDiffers),
    }
}
