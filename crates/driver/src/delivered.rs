//! Looks whether every delivery's Secret holds what the authority holds, in memory, changing nothing: for `migrate verify --cluster`.
//!
//! Of a secret that was handed over only the incoming authority is read: a read of the outgoing one would count as an access.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    delivery::{Compared, Stuck},
    id::DeliveryName,
    name::{SecretName, VaultPath},
    observed::Sighting,
    ports::TargetReading,
    reads::{Delivered, Read, from_kv2, from_secrets_manager},
    value::SecretBytes,
};

use crate::rim::{Progress, Systems};

/// Which authority holds a secret, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldBy {
    /// The outgoing one, under its name there.
    Outgoing(SecretName),
    /// The incoming one.
    Incoming(VaultPath),
}

/// A delivery and what it reads, each read spelled for the authority that holds the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub delivery: DeliveryName,
    /// Its reads.
    pub reads: Vec<(HeldBy, Read)>,
}

/// Compares each delivery's Secret with its authorities, as the cluster holds it once it is reconciled.
pub async fn delivered(
    systems: Systems<'_>,
    progress: &dyn Progress,
    wanted: Vec<Wanted>,
) -> Vec<(DeliveryName, Result<Compared, Stuck>)> {
    let Some(port) = systems.delivery else { return Vec::new() };
    progress.begin("deliveries", wanted.len());
    let mut results = Vec::new();
    // Few at once: their values are in memory meanwhile.
    for group in wanted.chunks(50) {
        let held = Held::read(systems, group).await;
        let (mut known, mut failed) = (Vec::new(), BTreeMap::new());
        for one in group {
            match held.expected(one) {
                Ok(expected) => known.push((one.delivery.clone(), expected)),
                Err(stuck) => drop(failed.insert(one.delivery.clone(), stuck)),
            }
        }
        let compared = port.holds(&known).await;
        let mut compared: BTreeMap<_, _> = known.into_iter().map(|(name, _)| name).zip(compared).collect();
        results.extend(group.iter().filter_map(|one| {
            let result = compared.remove(&one.delivery).or_else(|| failed.remove(&one.delivery).map(Err));
            Some((one.delivery.clone(), result?))
        }));
        progress.advance(group.len());
    }
    progress.end();
    results
}

/// What the authorities hold of some deliveries.
struct Held {
    outgoing: BTreeMap<SecretName, Result<migrate_core::value::SecretValue, Stuck>>,
    incoming: BTreeMap<VaultPath, Sighting<TargetReading>>,
}

impl Held {
    async fn read(systems: Systems<'_>, wanted: &[Wanted]) -> Self {
        let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
        for (holder, _) in wanted.iter().flat_map(|one| &one.reads) {
            match holder {
                HeldBy::Outgoing(name) => drop(names.insert(name.clone())),
                HeldBy::Incoming(path) => drop(paths.insert(path.clone())),
            }
        }
        let (names, paths): (Vec<_>, Vec<_>) = (names.into_iter().collect(), paths.into_iter().collect());
        let (read, seen) = futures::join!(systems.outgoing.read(&names), systems.incoming.read(&paths));
        let value = |read: Result<migrate_core::ports::SourceReading, _>| match read {
            Ok(reading) => Ok(reading.value),
            Err(error) => Err(Stuck::of(&error)),
        };
        Self {
            outgoing: names.into_iter().zip(read.into_iter().map(value)).collect(),
            incoming: paths.into_iter().zip(seen).collect(),
        }
    }

    /// What the Secret of a delivery must hold. Of two reads with one key the controller lets the later win, single keys after all others.
    fn expected(&self, wanted: &Wanted) -> Result<BTreeMap<String, SecretBytes>, Stuck> {
        let is_single = |read: &Read| matches!(read, Read::Whole { .. } | Read::Property { .. });
        let (single, many): (Vec<_>, Vec<_>) = wanted.reads.iter().partition(|(_, read)| is_single(read));
        let mut expected = BTreeMap::new();
        for (holder, read) in many.into_iter().chain(single) {
            expected.extend(self.deliver(holder, read)?.0);
        }
        Ok(expected)
    }

    fn deliver(&self, holder: &HeldBy, read: &Read) -> Result<Delivered, Stuck> {
        let untold = |error: migrate_core::reads::ReadError| Stuck::Refused { error: format!("{read}: {error}") };
        match holder {
            HeldBy::Outgoing(name) => match self.outgoing.get(name) {
                Some(Ok(value)) => from_secrets_manager(value, read).map_err(untold),
                Some(Err(stuck)) => Err(stuck.clone()),
                None => Err(Stuck::Refused { error: format!("{name} was not read") }),
            },
            HeldBy::Incoming(path) => match self.incoming.get(path) {
                Some(Sighting::Present(TargetReading { fields: Some(fields), .. })) => from_kv2(&fields.0, read).map_err(untold),
                Some(Sighting::Present(_)) => {
                    Err(Stuck::Refused { error: format!("{path} does not hold strings alone, which is not followed") })
                }
                Some(Sighting::Unknown(error) | Sighting::Unreadable(error)) => Err(Stuck::of(error)),
                Some(Sighting::Absent) | None => Err(Stuck::Refused { error: format!("{path} is not in Vault") }),
            },
        }
    }
}
