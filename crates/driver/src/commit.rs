//! The last look, the one record that moves authority, and the look after it.

use migrate_core::{
    handover::{
        Event,
        judge::{Blocked, Evidence, member_stands},
    },
    id::WaveName,
    observed::Mark,
    plan::CheckedPlan,
};

use crate::{
    Session,
    error::{Stopped, Where},
    steps::{COMMIT, CONFIRM, LOOK, stop_if_any},
};

/// For how long a look at the version maps counts before commit.
const EVIDENCE_SECONDS: i64 = 60;

impl Session<'_> {
    pub(crate) async fn commit(&mut self, wave: &WaveName, plan: &CheckedPlan) -> Result<(), Stopped> {
        let blocked = self.look(wave, plan, COMMIT).await?;
        self.stop_or_violated(wave, COMMIT, blocked)?;
        // Last of all: what was written through a policy before is seen by the look above, whoever may still write is seen now.
        let names = self.names(wave);
        let members = names.iter().cloned().zip(self.paths(wave, &names)).collect();
        stop_if_any(COMMIT, self.written_by_others(plan, COMMIT, members).await?)?;
        self.still_leading(COMMIT).await?;
        self.decisive(Event::Committed { wave: wave.clone() }).await
    }

    pub(crate) async fn confirm(&mut self, wave: &WaveName, plan: &CheckedPlan) -> Result<(), Stopped> {
        self.sleep(CONFIRM, plan.plan().fence.settle_seconds).await?;
        let blocked = self.look(wave, plan, CONFIRM).await?;
        self.stop_or_violated(wave, CONFIRM, blocked)?;
        self.record(Event::Confirmed { wave: wave.clone() })
    }

    /// Looks at fence, versions and copy of every member: fences first, since they take longest, then the rest, which must be fresh.
    pub(crate) async fn look(&self, wave: &WaveName, plan: &CheckedPlan, step: Where) -> Result<Vec<Blocked>, Stopped> {
        let names = self.names(wave);
        let unfelt = if plan.plan().fence.observed_by_probe { self.probe(wave, step).await? } else { Vec::new() };
        let mut fences = Vec::with_capacity(names.len());
        for chunk in names.chunks(LOOK) {
            self.pause(step)?;
            fences.extend(self.systems.outgoing.fences(&self.sources(wave, chunk)).await);
        }
        let began = self.clock.now();
        let mark = self.committed_mark(wave);
        let mut blocked = unfelt;
        let mut fences = fences.into_iter();
        for chunk in names.chunks(LOOK) {
            self.pause(step)?;
            let sources = self.systems.outgoing.describe(&self.sources(wave, chunk)).await;
            let targets = self.systems.incoming.describe(&self.paths(wave, chunk)).await;
            for (((name, source), target), fence) in chunk.iter().zip(sources).zip(targets).zip(&mut fences) {
                let Some(member) = self.state().waves.get(wave).and_then(|wave| wave.members.get(name)) else { continue };
                if let Err(obstacle) = member_stands(&mark, member, &Evidence { source, fence, target }) {
                    blocked.push(Blocked { name: name.clone(), obstacle });
                }
            }
            self.progress.advance(chunk.len());
        }
        let seconds = self.clock.now().duration_since(began).as_secs();
        if step == COMMIT && seconds > EVIDENCE_SECONDS {
            return Err(Stopped::EvidenceTooOld { members: names.len(), seconds: seconds.unsigned_abs() });
        }
        Ok(blocked)
    }

    /// The mark that the copies of a wave bear: this run's before commit, the committing run's after.
    fn committed_mark(&self, wave: &WaveName) -> Mark {
        let mut mark = self.mark(wave);
        let stamped = self.state().waves.get(wave).and_then(|wave| wave.stamped_epoch());
        if let Some(epoch) = stamped {
            mark.epoch = epoch;
        }
        mark
    }
}
