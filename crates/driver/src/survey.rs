//! Looks at everything that a plan needs. Values are read in memory to choose encodings and wiped batch by batch; nothing is changed.

use futures::StreamExt as _;
use migrate_core::{
    codec,
    name::SecretName,
    observed::{Sighting, SourceSecret},
    plan::{Candidate, PlannedConsumer, PlannedDelivery, PlannedVersion, Unreadable, replayed},
    ports::{PortError, PortErrorKind},
    reads::Read,
};

use crate::rim::{Pace, Progress, Systems};

/// One secret that was selected for a wave.
#[derive(Clone, Debug)]
pub struct Selected {
    /// Its name in the inventory.
    pub name: SecretName,
    /// Its name at the outgoing authority.
    pub source: SecretName,
    /// The inventory's reason why it stays, where it does.
    pub stays: Option<String>,
    /// Who reads it.
    pub consumers: Vec<PlannedConsumer>,
}

/// Looks at each selected secret in both stores, and at up to `history` of its older versions. Never fails as a whole: what could not be seen is
/// in its candidate.
pub async fn candidates(
    systems: Systems<'_>,
    pace: Pace,
    progress: &dyn Progress,
    selected: Vec<Selected>,
    history: usize,
) -> Vec<Candidate> {
    progress.begin("look", selected.len());
    let mut batches = Vec::new();
    let mut rest = selected;
    while !rest.is_empty() {
        let tail = rest.split_off(rest.len().min(pace.batch));
        batches.push(std::mem::replace(&mut rest, tail));
    }
    let looks = batches.into_iter().map(|batch| async move {
        let seen = look(systems, batch, history).await;
        progress.advance(seen.len());
        seen
    });
    let seen: Vec<Vec<Candidate>> = futures::stream::iter(looks).buffered(pace.batches).collect().await;
    progress.end();
    seen.into_iter().flatten().collect()
}

async fn look(systems: Systems<'_>, batch: Vec<Selected>, history: usize) -> Vec<Candidate> {
    let sources: Vec<SecretName> = batch.iter().map(|selected| selected.source.clone()).collect();
    let paths: Vec<_> = batch.iter().filter_map(|selected| selected.name.vault_path().ok()).collect();
    let (seen, fences, targets) = futures::join!(
        systems.outgoing.describe(&sources),
        systems.outgoing.fences(&sources),
        systems.incoming.describe(&paths),
    );
    let readable: Vec<SecretName> = batch
        .iter()
        .zip(&seen)
        .filter(|(selected, seen)| selected.stays.is_none() && is_readable(seen))
        .map(|(selected, _)| selected.source.clone())
        .collect();
    let mut values = if readable.is_empty() { Vec::new() } else { systems.outgoing.read(&readable).await }.into_iter();
    let mut targets = targets.into_iter();
    let mut candidates = Vec::with_capacity(batch.len());
    for ((selected, seen), fence) in batch.into_iter().zip(seen).zip(fences) {
        let target = match selected.name.vault_path() {
            Ok(_) => targets.next().unwrap_or_else(|| no_answer(&selected.name)),
            Err(_) => Sighting::Absent,
        };
        let choice = if selected.stays.is_none() && is_readable(&seen) {
            match values.next() {
                Some(Ok(reading)) if current(&seen) == Some(&reading.version) => {
                    codec::choose(&reading.value, &reads(&selected.consumers)).map_err(Unreadable::Codec)
                }
                Some(Ok(_)) => Err(Unreadable::Moved),
                Some(Err(error)) => Err(Unreadable::Port(error)),
                None => Err(Unreadable::NotTried),
            }
        } else {
            Err(Unreadable::NotTried)
        };
        let older = match &seen {
            Sighting::Present(secret) if history > 0 && choice.is_ok() => older(systems, &selected.source, secret, history).await,
            _ => Ok(Vec::new()),
        };
        let Selected { name, source, stays, consumers } = selected;
        candidates.push(Candidate { name, source, stays, consumers, seen, fence, target, choice, history: older });
    }
    candidates
}

/// The older versions of one secret, each with the encoding that its value allows.
async fn older(
    systems: Systems<'_>,
    source: &SecretName,
    secret: &SourceSecret,
    most: usize,
) -> Result<Vec<PlannedVersion>, Unreadable> {
    let labelled = match systems.outgoing.labelled(std::slice::from_ref(source)).await.into_iter().next() {
        Some(Sighting::Present(labelled)) => labelled,
        Some(Sighting::Unknown(error) | Sighting::Unreadable(error)) => return Err(Unreadable::Port(error)),
        Some(Sighting::Absent) | None => return Err(Unreadable::Moved),
    };
    let older = replayed(&secret.versions, &labelled, most);
    let wanted: Vec<_> = older.iter().map(|older| (source.clone(), older.version.clone())).collect();
    let readings = if wanted.is_empty() { Vec::new() } else { systems.outgoing.read_versions(&wanted).await };
    let planned = older.into_iter().zip(readings).map(|(older, reading)| {
        let value = reading.map_err(Unreadable::Port)?.value;
        let choice = codec::choose(&value, &[]).map_err(Unreadable::Codec)?;
        Ok(PlannedVersion { version: older.version, labels: older.labels, created_at: older.created_at, choice })
    });
    planned.collect()
}

fn reads(consumers: &[PlannedConsumer]) -> Vec<Read> {
    let reads = consumers.iter().filter_map(|consumer| match &consumer.delivery {
        PlannedDelivery::Sdk => None,
        PlannedDelivery::ExternalSecret { reads, .. } => Some(reads),
    });
    reads.flatten().cloned().collect()
}

fn is_readable(seen: &Sighting<migrate_core::observed::SourceSecret>) -> bool {
    matches!(seen, Sighting::Present(secret) if secret.deleted_at.is_none()) && current(seen).is_some()
}

fn current(seen: &Sighting<migrate_core::observed::SourceSecret>) -> Option<&migrate_core::id::SourceVersion> {
    match seen {
        Sighting::Present(secret) => secret.versions.current(),
        _ => None,
    }
}

fn no_answer<T>(name: &SecretName) -> Sighting<T> {
    let error = PortError::new(PortErrorKind::Unexpected, "describe", name.as_str(), "the port gave no answer for it");
    Sighting::Unknown(error)
}
