//! What takes away what a wave added, and nothing else (P9): for all of it in a rollback, for members that were left out in an apply.
//!
//! The copy goes before the fence, the fence before rotation comes back: a source that takes values again never stands beside a copy of ours.

use migrate_core::{handover::Event, id::WaveName, name::SecretName};

use crate::{
    Session,
    error::Stopped,
    steps::{ROLLBACK, split, stop_if_any},
};

impl Session<'_> {
    pub(crate) async fn clear(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
        let mark = self.mark(wave);
        for chunk in members.chunks(self.settings.pace.batch) {
            self.pause(ROLLBACK)?;
            self.still_leading(ROLLBACK).await?;
            let results = self.systems.incoming.clear(&self.clears(wave, chunk), &mark).await;
            let (done, blocked) = split(chunk, results);
            self.progress.advance(done.len());
            if !done.is_empty() {
                self.record(Event::Cleared { wave: wave.clone(), members: done })?;
            }
            stop_if_any(ROLLBACK, blocked)?;
        }
        Ok(())
    }

    pub(crate) async fn unfence(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
        let mark = self.mark(wave);
        for chunk in members.chunks(self.settings.pace.batch) {
            self.pause(ROLLBACK)?;
            self.still_leading(ROLLBACK).await?;
            let results = self.systems.outgoing.unfence(&self.sources(wave, chunk), &mark).await;
            let (done, blocked) = split(chunk, results);
            self.progress.advance(done.len());
            if !done.is_empty() {
                self.record(Event::Unfenced { wave: wave.clone(), members: done })?;
            }
            stop_if_any(ROLLBACK, blocked)?;
        }
        Ok(())
    }

    /// Gives rotation back as it was.
    pub(crate) async fn restore_rotation(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
        for chunk in members.chunks(self.settings.pace.batch) {
            self.pause(ROLLBACK)?;
            self.still_leading(ROLLBACK).await?;
            let held = self.state().waves.get(wave);
            let rotations: Vec<_> = chunk
                .iter()
                .filter_map(|name| {
                    let begun = &held?.member(name)?.begun;
                    Some((begun.source.clone(), begun.rotation.clone()?))
                })
                .collect();
            let results = self.systems.outgoing.restore_rotation(&rotations).await;
            let (done, blocked) = split(chunk, results);
            self.progress.advance(done.len());
            if !done.is_empty() {
                self.record(Event::RotationRestored { wave: wave.clone(), members: done })?;
            }
            stop_if_any(ROLLBACK, blocked)?;
        }
        Ok(())
    }
}
