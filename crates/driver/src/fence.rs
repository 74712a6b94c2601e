//! What closes the outgoing authority: rotation cancelled and waited out, the fence stored, and settled until it holds everywhere.

use std::collections::BTreeSet;

use migrate_core::{
    handover::{
        Event,
        judge::{Blocked, Obstacle, fence_is_felt, fence_stands, source_is_closed, source_is_same},
    },
    id::WaveName,
    name::SecretName,
    plan::CheckedPlan,
};

use crate::{
    Session,
    error::{Stopped, Where},
    steps::{FENCE, LOOK, ROTATION, SETTLE, elapsed, split, stop_if_any},
};

/// How often the probe tries in one settle time, where its quota allows it.
const TRIES: u64 = 8;

/// Settle times after which a fence that is still not felt is told instead of waited for.
const PATIENCE: u64 = 3;

impl Session<'_> {
    /// Cancels rotation of these, recorded before and after, since only the ledger then knows how they were rotated.
    pub(crate) async fn cancel_rotation(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
        for chunk in members.chunks(self.settings.pace.batch) {
            self.pause(ROTATION)?;
            self.record(Event::RotationCancelIntended { wave: wave.clone(), members: chunk.iter().cloned().collect() })?;
            self.still_leading(ROTATION).await?;
            let results = self.systems.outgoing.cancel_rotation(&self.sources(wave, chunk)).await;
            let (done, blocked) = split(chunk, results);
            self.progress.advance(done.len());
            if !done.is_empty() {
                self.record(Event::RotationCancelled { wave: wave.clone(), members: done })?;
            }
            stop_if_any(ROTATION, blocked)?;
        }
        Ok(())
    }

    /// Waits as long as a rotation in flight can take, then looks whether it has left anything behind.
    pub(crate) async fn await_rotation(
        &mut self,
        wave: &WaveName,
        plan: &CheckedPlan,
        members: &[SecretName],
    ) -> Result<(), Stopped> {
        let seconds = plan.plan().fence.rotation_wait_seconds;
        self.sleep(ROTATION, seconds).await?;
        let mut ended = BTreeSet::new();
        let mut blocked = Vec::new();
        for chunk in members.chunks(LOOK) {
            self.pause(ROTATION)?;
            let seen = self.systems.outgoing.describe(&self.sources(wave, chunk)).await;
            for (name, seen) in chunk.iter().zip(seen) {
                let Some(member) = self.state().waves.get(wave).and_then(|wave| wave.members.get(name)) else { continue };
                match source_is_same(&member.begun, &seen) {
                    Ok(_) => {
                        ended.insert(name.clone());
                    }
                    Err(obstacle) => blocked.push(Blocked { name: name.clone(), obstacle }),
                }
            }
            self.progress.advance(chunk.len());
        }
        if !ended.is_empty() {
            self.record(Event::RotationEnded { wave: wave.clone(), after_seconds: seconds, members: ended })?;
        }
        stop_if_any(ROTATION, blocked)
    }

    pub(crate) async fn fence(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
        let mark = self.mark(wave);
        for chunk in members.chunks(self.settings.pace.batch) {
            self.pause(FENCE)?;
            let names: BTreeSet<SecretName> = chunk.iter().cloned().collect();
            let sources = self.sources(wave, chunk);
            self.record(Event::FenceIntended { wave: wave.clone(), members: names })?;
            self.still_leading(FENCE).await?;
            let results = self.systems.outgoing.fence(&sources, &mark).await;
            let mut fenced = BTreeSet::new();
            let mut blocked = Vec::new();
            for (name, result) in chunk.iter().zip(results) {
                match result {
                    Ok(()) => {
                        fenced.insert(name.clone());
                    }
                    Err(error) => blocked.push(Blocked { name: name.clone(), obstacle: Obstacle::of_effect(&error) }),
                }
            }
            self.progress.advance(fenced.len());
            if !fenced.is_empty() {
                self.record(Event::Fenced { wave: wave.clone(), members: fenced })?;
            }
            stop_if_any(FENCE, blocked)?;
        }
        Ok(())
    }

    pub(crate) async fn settle(&mut self, wave: &WaveName, plan: &CheckedPlan) -> Result<(), Stopped> {
        let seconds = plan.plan().fence.settle_seconds;
        let probes = if plan.plan().fence.observed_by_probe {
            self.feel(wave, seconds).await?
        } else {
            self.sleep(SETTLE, seconds).await?;
            0
        };
        let mark = self.mark(wave);
        let names = self.names(wave);
        let mut settled = std::collections::BTreeMap::new();
        let mut blocked = Vec::new();
        for chunk in names.chunks(LOOK) {
            self.pause(SETTLE)?;
            let sources = self.sources(wave, chunk);
            let fences = self.systems.outgoing.fences(&sources).await;
            let seen = self.systems.outgoing.describe(&sources).await;
            for ((name, fence), seen) in chunk.iter().zip(fences).zip(seen) {
                let Some(member) = self.state().waves.get(wave).and_then(|wave| wave.members.get(name)) else { continue };
                match fence_stands(&mark, &fence).and_then(|()| source_is_same(&member.begun, &seen)) {
                    Ok(secret) => {
                        if secret.versions != *member.versions {
                            self.progress
                                .note(&format!("{name} was written before its fence took effect; the new version counts"));
                        }
                        settled.insert(name.clone(), secret.versions.clone().into());
                    }
                    Err(obstacle) => blocked.push(Blocked { name: name.clone(), obstacle }),
                }
            }
            self.progress.advance(chunk.len());
        }
        self.stop_or_violated(wave, SETTLE, blocked)?;
        self.record(Event::Settled { wave: wave.clone(), after_seconds: seconds, probes, members: settled })
    }

    /// Reads fences and versions of these once more, as verifying does before it says that copies are equal: what was proved equal to a source
    /// that is open again, or has another version, proves nothing.
    pub(crate) async fn still_closed(&mut self, wave: &WaveName, step: Where, members: &[SecretName]) -> Result<(), Stopped> {
        let mark = self.mark(wave);
        let mut blocked = Vec::new();
        for chunk in members.chunks(LOOK) {
            self.pause(step)?;
            let sources = self.sources(wave, chunk);
            let fences = self.systems.outgoing.fences(&sources).await;
            let seen = self.systems.outgoing.describe(&sources).await;
            let Some(held) = self.state().waves.get(wave) else { continue };
            let judged = chunk.iter().zip(fences).zip(seen).filter_map(|((name, fence), seen)| {
                let obstacle = source_is_closed(&mark, held.members.get(name)?, &fence, &seen).err()?;
                Some(Blocked { name: name.clone(), obstacle })
            });
            blocked.extend(judged);
        }
        self.stop_or_violated(wave, step, blocked)
    }

    /// Lets the probe try to write to every member, again and again, until it was refused at each try of a whole settle time. The time begins
    /// anew wherever it was let through. Says how many tries were refused in a row.
    async fn feel(&self, wave: &WaveName, seconds: u64) -> Result<u32, Stopped> {
        let began = self.clock.now();
        let (mut refused_since, mut tries) = (began, 0);
        loop {
            self.pause(SETTLE)?;
            let tried_at = self.clock.now();
            let blocked = self.probe(wave, SETTLE).await?;
            if blocked.is_empty() {
                if tries == 0 {
                    refused_since = tried_at;
                }
                tries += 1;
                if elapsed(refused_since, self.clock.now()).as_secs() >= seconds {
                    return Ok(tries);
                }
            } else {
                tries = 0;
                let is_late = elapsed(began, self.clock.now()).as_secs() > seconds.saturating_mul(PATIENCE);
                if is_late || blocked.iter().any(|blocked| blocked.obstacle != Obstacle::FenceNotFelt) {
                    stop_if_any(SETTLE, blocked)?;
                }
            }
            self.sleep(SETTLE, (seconds / TRIES).max(1)).await?;
        }
    }

    /// Whom the probe could still write to, or could not try.
    pub(crate) async fn probe(&self, wave: &WaveName, step: Where) -> Result<Vec<Blocked>, Stopped> {
        let mut blocked = Vec::new();
        for chunk in self.names(wave).chunks(LOOK) {
            self.pause(step)?;
            let probes = self.systems.outgoing.probe(&self.sources(wave, chunk)).await;
            blocked.extend(chunk.iter().zip(probes).filter_map(|(name, probe)| {
                fence_is_felt(&probe).err().map(|obstacle| Blocked { name: name.clone(), obstacle })
            }));
        }
        Ok(blocked)
    }
}
