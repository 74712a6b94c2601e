//! One new value for a member that was handed over, before writers are admitted at the incoming store (P10): one recorded check-and-set write.

use migrate_core::{
    codec::{self, Encoded},
    handover::{
        Event, Refusal, RunKind, UrgentStep,
        judge::{Blocked, Obstacle, target_unmoved},
    },
    id::{TargetVersion, WaveName},
    name::{SecretName, VaultPath},
    observed::{Mark, Sighting},
    plan::CheckedPlan,
    ports::{Effect, PortErrorKind, TargetWrite},
    value::SecretValue,
};

use crate::{
    Session,
    error::{Stopped, Where},
};

const URGENT: Where = Where("urgent write");

impl Session<'_> {
    /// Writes `value` as the next version of a member of a committed wave, laid out as its plan says, and proves it by reading it back. A run
    /// that was killed is finished by the same command with the same value.
    ///
    /// # Errors
    /// [`Stopped`]; whether the value stands is then in the ledger, or found out by the next run.
    pub async fn urgent(&mut self, plan: &CheckedPlan, name: &SecretName, value: &SecretValue) -> Result<TargetVersion, Stopped> {
        self.belongs(plan).await?;
        let wave = plan.plan().wave.clone();
        let encoded = laid_out(plan, name, value)?;
        self.take_lead(&wave, RunKind::Urgent).await?;
        let written = self.write_urgently(&wave, name, &encoded).await;
        let (result, target) = match written {
            Ok(target) => (Ok(()), Some(target)),
            Err(stopped) => (Err(stopped), None),
        };
        self.finish(&wave, result).await?;
        target.ok_or(Stopped::LeadLost)
    }

    async fn write_urgently(&mut self, wave: &WaveName, name: &SecretName, encoded: &Encoded) -> Result<TargetVersion, Stopped> {
        let state = self.state().waves.get(wave).ok_or_else(|| Refusal::NoSuchWave(wave.clone()))?;
        let no_member = || Refusal::NotAMember { name: name.clone(), wave: wave.clone() };
        let member = state.members.get(name).ok_or_else(no_member)?;
        let (path, urgent) = (member.begun.path.clone(), member.urgent);
        let (Some(before), Some(epoch)) = (member.step.target(), member.step.epoch()) else { return Err(no_member().into()) };
        let next = TargetVersion(before.0 + 1);
        let mark = Mark { epoch, ..self.mark(wave) };
        let blocked = |obstacle| Stopped::Blocked { step: URGENT, blocked: vec![Blocked { name: name.clone(), obstacle }] };

        let stands = self.systems.incoming.describe(std::slice::from_ref(&path)).await.pop().unwrap_or(Sighting::Absent);
        if let Err(obstacle) = target_unmoved(&mark, before, &stands) {
            // A killed run may have written: then it is this value, or it is not ours.
            if urgent != UrgentStep::Intended || target_unmoved(&mark, next, &stands).is_err() {
                return self
                    .stop_or_violated(wave, URGENT, vec![Blocked { name: name.clone(), obstacle }])
                    .and(Err(Stopped::LeadLost));
            }
            self.reads_back(&path, next, encoded).await.map_err(blocked)?;
            self.record(Event::UrgentWritten { wave: wave.clone(), name: name.clone(), target: next })?;
            return Ok(next);
        }
        self.pause(URGENT)?;
        self.record(Event::UrgentIntended { wave: wave.clone(), name: name.clone(), after: before })?;
        self.still_leading(URGENT).await?;
        let write = TargetWrite { path: &path, value: encoded, after: Some(before) };
        match self.systems.incoming.create(&[write]).await.pop() {
            Some(Ok(_)) => {}
            // Whether it arrived is told by what stands there.
            Some(Err(error)) if error.effect == Effect::Unknown || error.kind == PortErrorKind::Conflict => {}
            Some(Err(error)) => return Err(blocked(Obstacle::of_effect(&error))),
            None => return Err(blocked(Obstacle::TargetMoved)),
        }
        self.reads_back(&path, next, encoded).await.map_err(blocked)?;
        self.record(Event::UrgentWritten { wave: wave.clone(), name: name.clone(), target: next })?;
        Ok(next)
    }

    /// Whether exactly this stands there, compared in memory.
    async fn reads_back(&self, path: &VaultPath, version: TargetVersion, encoded: &Encoded) -> Result<(), Obstacle> {
        match self.systems.incoming.read(std::slice::from_ref(path)).await.pop() {
            Some(Sighting::Present(reading)) if reading.version != version => Err(Obstacle::TargetMoved),
            Some(Sighting::Present(reading)) => match &reading.fields {
                Some(fields) if encoded.is_equal_to(fields) => Ok(()),
                _ => Err(Obstacle::TargetDiffers),
            },
            Some(Sighting::Unknown(error)) => Err(Obstacle::unknown(&error)),
            Some(Sighting::Unreadable(error)) => Err(Obstacle::Unreadable { error: error.to_string() }),
            Some(Sighting::Absent) | None => Err(Obstacle::TargetMoved),
        }
    }
}

/// The value as the member is laid out. Every read that its consumers declared must be possible of it.
fn laid_out(plan: &CheckedPlan, name: &SecretName, value: &SecretValue) -> Result<Encoded, Stopped> {
    let wave = &plan.plan().wave;
    let member = plan.plan().members.iter().find(|member| &member.name == name);
    let member = member.ok_or_else(|| Refusal::NotAMember { name: name.clone(), wave: wave.clone() })?;
    codec::encode(value, &member.choice, &member.reads()).map_err(|why| Stopped::Blocked {
        step: URGENT,
        blocked: vec![Blocked { name: name.clone(), obstacle: Obstacle::Unencodable(why) }],
    })
}
