//! Closes the old copies to readers, waits until nobody can hold an old value, and admits writers to the incoming authority.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use migrate_core::{
    handover::{
        Event, RunKind, SealStep,
        judge::{Blocked, seal_stands},
    },
    id::WaveName,
    name::SecretName,
    plan::CheckedPlan,
};

use crate::{
    Session,
    error::{Stopped, Where},
    steps::{LOOK, split, stop_if_any},
};

pub(crate) const SEAL: Where = Where("seal");
pub(crate) const COMPLETE: Where = Where("complete");

impl Session<'_> {
    /// Closes the old copies of these to readers.
    pub(crate) async fn seal(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
        // Nobody is denied a read who has no other place to read from.
        self.still_switched(wave, SEAL).await?;
        let mark = self.mark(wave);
        for chunk in members.chunks(self.settings.pace.batch) {
            self.pause(SEAL)?;
            self.record(Event::SealIntended { wave: wave.clone(), members: chunk.iter().cloned().collect() })?;
            self.still_leading(SEAL).await?;
            let results = self.systems.outgoing.seal(&self.sources(wave, chunk), &mark).await;
            let (sealed, blocked) = split(chunk, results);
            self.progress.advance(sealed.len());
            if !sealed.is_empty() {
                self.record(Event::Sealed { wave: wave.clone(), members: sealed })?;
            }
            stop_if_any(SEAL, blocked)?;
        }
        Ok(())
    }

    /// Waits as long as a reader may keep a value, reads the seals again, and asks who was refused meanwhile.
    pub(crate) async fn settle_seal(&mut self, wave: &WaveName, seconds: u64) -> Result<(), Stopped> {
        self.sleep(SEAL, seconds).await?;
        let blocked = self.unsealed(wave, SEAL).await?;
        self.stop_or_violated(wave, SEAL, blocked)?;
        let denied = self.denied_reads(wave).await?;
        for (name, principals) in denied.iter().flatten() {
            let principals = principals.iter().cloned().collect::<Vec<_>>().join(", ");
            self.progress.note(&format!("{name}: reads of its old copy were refused to {principals}"));
        }
        self.record(Event::SealSettled { wave: wave.clone(), after_seconds: seconds, denied })
    }

    /// Whose reads were refused since the wave was sealed, by member.
    async fn denied_reads(&self, wave: &WaveName) -> Result<Option<BTreeMap<SecretName, BTreeSet<String>>>, Stopped> {
        let since = self.recorded_at(wave, |event| matches!(event, Event::SealIntended { .. }))?.unwrap_or(Timestamp::MIN);
        let names = self.names(wave);
        let sources = self.sources(wave, &names);
        let denied = self.systems.outgoing.denied_reads(&sources, since).await;
        let Some(mut denied) = denied.map_err(|error| Stopped::Port { step: SEAL, error })? else { return Ok(None) };
        Ok(Some(names.into_iter().zip(sources).filter_map(|(name, source)| Some((name, denied.remove(&source)?))).collect()))
    }

    /// Members whose seal does not stand.
    async fn unsealed(&self, wave: &WaveName, step: Where) -> Result<Vec<Blocked>, Stopped> {
        let (mark, names) = (self.mark(wave), self.names(wave));
        let mut blocked = Vec::new();
        for chunk in names.chunks(LOOK) {
            self.pause(step)?;
            let seals = self.systems.outgoing.seals(&self.sources(wave, chunk)).await;
            let judged = chunk.iter().zip(seals);
            blocked.extend(judged.filter_map(|(name, seal)| {
                seal_stands(&mark, &seal).err().map(|obstacle| Blocked { name: name.clone(), obstacle })
            }));
        }
        Ok(blocked)
    }

    /// Looks at everything once more, the deliveries among it, and admits writers: the one moment at which they are.
    pub(crate) async fn complete(&mut self, wave: &WaveName, plan: &CheckedPlan) -> Result<(), Stopped> {
        self.still_switched(wave, COMPLETE).await?;
        let mut blocked = self.look(wave, plan, COMPLETE).await?;
        blocked.extend(self.unsealed(wave, COMPLETE).await?);
        self.stop_or_violated(wave, COMPLETE, blocked)?;
        self.still_leading(COMPLETE).await?;
        self.decisive(Event::Completed { wave: wave.clone() }).await
    }

    /// Lets the old copies of a wave be read again, before it is complete. What is committed stays committed.
    ///
    /// # Errors
    /// [`Stopped`]; running it again goes on.
    pub async fn lift_seal(&mut self, wave: &WaveName) -> Result<BTreeSet<SecretName>, Stopped> {
        let sealed: Vec<SecretName> = self
            .state()
            .waves
            .get(wave)
            .map(|wave| wave.members.iter().filter(|(_, m)| m.seal != SealStep::Open).map(|(name, _)| name.clone()).collect())
            .unwrap_or_default();
        if sealed.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.take_lead(wave, RunKind::Apply).await?;
        let result = self.lift(wave, &sealed).await;
        self.finish(wave, result).await?;
        Ok(sealed.into_iter().collect())
    }

    async fn lift(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
        let mark = self.mark(wave);
        for chunk in members.chunks(self.settings.pace.batch) {
            self.pause(SEAL)?;
            // Before the effect: what may be open again must not be taken for sealed.
            self.record(Event::SealLifted { wave: wave.clone(), members: chunk.iter().cloned().collect() })?;
            self.still_leading(SEAL).await?;
            let results = self.systems.outgoing.unseal(&self.sources(wave, chunk), &mark).await;
            stop_if_any(SEAL, split(chunk, results).1)?;
        }
        Ok(())
    }
}
