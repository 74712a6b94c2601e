//! Away with the old copies of what was handed over (P8): judged in core, done in batches, each looked at just before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use migrate_core::{
    handover::{
        Event, Goal, Refusal, RunKind, Step, decide,
        judge::{Blocked, Obstacle},
        retire::{Due, OldCopy, Soak, may_go, stays_scheduled},
    },
    id::WaveName,
    name::SecretName,
    ports::PortError,
};

use crate::{
    Session,
    error::{Stopped, Where},
    ledger_file,
    steps::{LOOK, stop_if_any},
};

const RETIRE: Where = Where("retire");

/// What retiring is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetireTerms {
    /// For how long nobody may have read an old copy.
    pub soak: SignedDuration,
    /// For how many days each can be restored.
    pub window_days: u32,
    /// Look and say, change nothing.
    pub dry_run: bool,
}

/// What retiring did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// The wave.
    pub wave: WaveName,
    /// Nothing was changed: it was retired before, or nothing was to be changed.
    pub nothing_to_do: bool,
    /// Replicas that were removed, or would be.
    pub replicas: BTreeMap<SecretName, Vec<String>>,
    /// Members of which deletion was scheduled by this run, or would be.
    pub going: BTreeSet<SecretName>,
}

impl Session<'_> {
    /// Retires the old copies of a wave. Running it again goes on where it stopped, and looks whether what was scheduled still is.
    ///
    /// # Errors
    /// [`Stopped`]; whatever was done until then stands in the ledger.
    pub async fn retire(&mut self, wave: &WaveName, terms: RetireTerms) -> Result<Retirement, Stopped> {
        let stage = self.state().waves.get(wave).map(|wave| wave.stage).ok_or_else(|| Refusal::NoSuchWave(wave.clone()))?;
        if !stage.is_completed() {
            return Err(Refusal::Stage { wave: wave.clone(), stage, event: "retire-begun" }.into());
        }
        let committed_at = self.committed_at(wave)?;
        let soak = Soak { time: terms.soak, committed_at, now: self.clock.now() };
        // All of them first: a wave of which some must stay does not begin to go.
        let names = self.names(wave);
        self.progress.begin("look", names.len());
        let (due, blocked) = self.old_copies(wave, &names, soak).await?;
        self.progress.end();
        let mut done = Retirement { wave: wave.clone(), nothing_to_do: true, replicas: BTreeMap::new(), going: BTreeSet::new() };
        for (name, due) in due {
            if let Due::Replicas(regions) = due {
                done.replicas.insert(name.clone(), regions);
            }
            done.going.insert(name);
        }
        let is_over = decide(self.state(), wave, RunKind::Retire, Goal::Commit) == Step::Reached;
        if terms.dry_run || is_over && blocked.is_empty() {
            return stop_if_any(RETIRE, blocked).map(|()| done);
        }
        if !blocked.is_empty()
            && blocked.iter().all(|blocked| migrate_core::handover::judge::violation(&blocked.obstacle).is_none())
        {
            return stop_if_any(RETIRE, blocked).map(|()| done);
        }
        self.take_lead(wave, RunKind::Retire).await?;
        let result = match self.stop_or_violated(wave, RETIRE, blocked) {
            Ok(()) => self.go_away(wave, terms, soak).await,
            Err(stopped) => Err(stopped),
        };
        self.finish(wave, result).await?;
        done.nothing_to_do = false;
        Ok(done)
    }

    async fn go_away(&mut self, wave: &WaveName, terms: RetireTerms, soak: Soak) -> Result<(), Stopped> {
        loop {
            self.pause(RETIRE)?;
            match decide(self.state(), wave, RunKind::Retire, Goal::Commit) {
                Step::BeginRetire => {
                    let members = self.names(wave).into_iter().collect();
                    let soak_seconds = u64::try_from(terms.soak.as_secs()).unwrap_or_default();
                    let window_days = terms.window_days;
                    self.decisive(Event::RetireBegun { wave: wave.clone(), window_days, soak_seconds, members }).await?;
                }
                Step::Retire(members) => {
                    self.progress.begin(RETIRE.0, members.len());
                    for chunk in members.chunks(self.settings.pace.batch) {
                        self.pause(RETIRE)?;
                        let soak = Soak { now: self.clock.now(), ..soak };
                        self.retire_batch(wave, chunk, terms.window_days, soak).await?;
                        self.progress.advance(chunk.len());
                    }
                    self.progress.end();
                }
                Step::FinishRetire => self.record(Event::Retired { wave: wave.clone() })?,
                _ => return Ok(()),
            }
        }
    }

    /// Looks once more, removes replicas, and schedules the deletion of those that may go. One that may not stops the run before any of its
    /// batch goes.
    async fn retire_batch(&mut self, wave: &WaveName, chunk: &[SecretName], days: u32, soak: Soak) -> Result<(), Stopped> {
        let (due, blocked) = self.old_copies(wave, chunk, soak).await?;
        self.stop_or_violated(wave, RETIRE, blocked)?;
        let replicas: BTreeMap<SecretName, BTreeSet<String>> = due
            .iter()
            .filter_map(|(name, due)| match due {
                Due::Replicas(regions) => Some((name.clone(), regions.iter().cloned().collect())),
                Due::Delete | Due::Scheduled => None,
            })
            .collect();
        if !replicas.is_empty() {
            self.record(Event::ReplicaRemovalIntended { wave: wave.clone(), members: replicas.clone() })?;
            self.still_leading(RETIRE).await?;
            let names: Vec<SecretName> = replicas.keys().cloned().collect();
            let sources = self.sources(wave, &names);
            let asked: Vec<_> = sources.into_iter().zip(replicas.values().cloned()).collect();
            let results = self.systems.outgoing.remove_replicas(&asked).await;
            let (gone, blocked) = settled(&names, results);
            let gone: BTreeMap<_, _> = gone.into_iter().filter_map(|(name, ())| replicas.get_key_value(&name)).collect();
            if !gone.is_empty() {
                let members = gone.into_iter().map(|(name, regions)| (name.clone(), regions.clone())).collect();
                self.record(Event::ReplicasRemoved { wave: wave.clone(), members })?;
            }
            stop_if_any(RETIRE, blocked)?;
        }
        let names: Vec<SecretName> = due.into_keys().collect();
        if names.is_empty() {
            return Ok(());
        }
        // A record of removal that a crash kept back: what is gone is gone.
        let unrecorded: BTreeMap<SecretName, BTreeSet<String>> = names
            .iter()
            .filter(|name| self.state().waves.get(wave).and_then(|wave| wave.members.get(*name)).is_some_and(is_removing))
            .map(|name| (name.clone(), BTreeSet::new()))
            .collect();
        if !unrecorded.is_empty() {
            self.record(Event::ReplicasRemoved { wave: wave.clone(), members: unrecorded })?;
        }
        self.record(Event::DeleteIntended { wave: wave.clone(), members: names.iter().cloned().collect() })?;
        self.still_leading(RETIRE).await?;
        let results = self.systems.outgoing.retire(&self.sources(wave, &names), days).await;
        let (dates, blocked) = settled(&names, results);
        let members: BTreeMap<SecretName, Timestamp> =
            dates.into_iter().map(|(name, date)| (name, deletion(date, soak.now, days))).collect();
        if !members.is_empty() {
            self.record(Event::DeleteScheduled { wave: wave.clone(), members })?;
        }
        stop_if_any(RETIRE, blocked)
    }

    /// What is to be done with each old copy, and what must not go. Those that are scheduled are looked at too, and are not among them.
    async fn old_copies(
        &self,
        wave: &WaveName,
        names: &[SecretName],
        soak: Soak,
    ) -> Result<(BTreeMap<SecretName, Due>, Vec<Blocked>), Stopped> {
        let mark = self.mark(wave);
        let (mut due, mut blocked) = (BTreeMap::new(), Vec::new());
        for chunk in names.chunks(LOOK) {
            self.pause(RETIRE)?;
            let sources = self.sources(wave, chunk);
            let seen = self.systems.outgoing.describe(&sources).await;
            let targets = self.systems.incoming.describe(&self.paths(wave, chunk)).await;
            // Of what is scheduled for deletion the service shows no policy, and nobody can read it.
            let alive: Vec<SecretName> = sources
                .iter()
                .zip(&seen)
                .filter(|(_, seen)| seen.as_ref().present().is_some_and(|secret| secret.deleted_at.is_none()))
                .map(|(source, _)| source.clone())
                .collect();
            let fences: BTreeMap<_, _> = alive.iter().cloned().zip(self.systems.outgoing.fences(&alive).await).collect();
            let accesses: BTreeMap<_, _> = alive.iter().cloned().zip(self.systems.outgoing.last_accessed(&alive).await).collect();
            for (((name, source), seen), target) in chunk.iter().zip(&sources).zip(seen).zip(targets) {
                let Some(member) = self.state().waves.get(wave).and_then(|wave| wave.members.get(name)) else { continue };
                let verdict = if member.is_retired() {
                    stays_scheduled(member, &seen).map(|()| None)
                } else {
                    let fence = fences.get(source).cloned().unwrap_or(migrate_core::observed::Sighting::Absent);
                    let accesses = accesses.get(source).cloned().unwrap_or(migrate_core::observed::Sighting::Absent);
                    may_go(&mark, member, soak, &OldCopy { source: seen, fence, accesses, target }).map(Some)
                };
                match verdict {
                    Ok(Some(what)) => drop(due.insert(name.clone(), what)),
                    Ok(None) => {}
                    Err(obstacle) => blocked.push(Blocked { name: name.clone(), obstacle }),
                }
            }
            self.progress.advance(chunk.len());
        }
        Ok((due, blocked))
    }

    /// When authority over the wave moved, as its record says.
    fn committed_at(&self, wave: &WaveName) -> Result<Timestamp, Stopped> {
        let at = self.recorded_at(wave, |event| matches!(event, Event::Committed { .. }))?;
        Ok(at.ok_or_else(|| Refusal::NoSuchWave(wave.clone()))?)
    }

    /// When the last such event of the wave was recorded.
    pub(crate) fn recorded_at(&self, wave: &WaveName, wanted: impl Fn(&Event) -> bool) -> Result<Option<Timestamp>, Stopped> {
        let read = ledger_file::read(self.ledger.path())?;
        let record = read.records.iter().rev().find(|record| record.event.wave() == Some(wave) && wanted(&record.event));
        Ok(record.map(|record| record.at))
    }
}

fn is_removing(member: &migrate_core::handover::Member) -> bool {
    member.retirement == migrate_core::handover::Retirement::RemovingReplicas
}

/// The service may show when deletion was asked for, or when it comes.
fn deletion(shown: Timestamp, now: Timestamp, days: u32) -> Timestamp {
    let window = SignedDuration::from_hours(24 * i64::from(days));
    if shown > now { shown } else { shown.checked_add(window).unwrap_or(shown) }
}

fn settled<T>(names: &[SecretName], results: Vec<Result<T, PortError>>) -> (Vec<(SecretName, T)>, Vec<Blocked>) {
    let (mut done, mut blocked) = (Vec::new(), Vec::new());
    for (name, result) in names.iter().zip(results) {
        match result {
            Ok(result) => done.push((name.clone(), result)),
            Err(error) => blocked.push(Blocked { name: name.clone(), obstacle: Obstacle::of_effect(&error) }),
        }
    }
    (done, blocked)
}
