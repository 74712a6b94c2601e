//! The steps of a wave, in the order that [`decide`] says. What a step means is judged in core; here it is done and recorded.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use migrate_core::{
    handover::{
        Event, Goal, Outcome, Refusal, RunKind, Stage, Step, Violation, decide,
        judge::{
            Blocked, Evidence, Obstacle, fence_stands, member_stands, source_is_same, source_unmoved, target_for_copy,
            target_is_free, violation,
        },
    },
    id::WaveName,
    name::{SecretName, VaultPath},
    observed::Mark,
    plan::CheckedPlan,
};

use crate::{
    Session,
    error::{Stopped, Where},
    prove::Job,
};

pub(crate) const PREFLIGHT: Where = Where("preflight");
pub(crate) const FENCE: Where = Where("fence");
pub(crate) const SETTLE: Where = Where("settle");
pub(crate) const COPY: Where = Where("copy");
pub(crate) const VERIFY: Where = Where("verify");
pub(crate) const COMMIT: Where = Where("commit");
pub(crate) const CONFIRM: Where = Where("confirm");
pub(crate) const ROLLBACK: Where = Where("rollback");

/// For how long a look at the version maps counts before commit.
const EVIDENCE_SECONDS: i64 = 60;

/// Members looked at in one call of a port.
const LOOK: usize = 500;

/// How long one step took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTime {
    /// The step.
    pub step: &'static str,
    /// How long, by the injected clock.
    pub took: Duration,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The wave.
    pub wave: WaveName,
    /// Where it stands now.
    pub stage: Option<Stage>,
    /// Nothing was changed: the goal had been reached before.
    pub nothing_to_do: bool,
    /// How long each step took, in order.
    pub steps: Vec<StepTime>,
}

impl Session<'_> {
    /// Runs a wave towards a goal and no further. Running it again goes on where it stopped (P6, OPS-2).
    ///
    /// # Errors
    /// [`Stopped`]; whatever was done until then stands in the ledger.
    pub async fn apply(&mut self, plan: &CheckedPlan, goal: Goal) -> Result<Report, Stopped> {
        let wave = plan.plan().wave.clone();
        self.belongs(plan).await?;
        let mut steps = Vec::new();
        if decide(self.state(), &wave, RunKind::Apply, goal) == Step::Reached {
            return Ok(self.report(&wave, true, steps));
        }
        if decide(self.state(), &wave, RunKind::Apply, goal) == Step::Begin {
            // Before anything is changed: is the world still as planned?
            self.as_planned(plan, None).await?;
        }
        self.take_lead(&wave, RunKind::Apply).await?;
        let result = self.drive(&wave, RunKind::Apply, goal, plan, &mut steps).await;
        self.finish(&wave, result)?;
        Ok(self.report(&wave, false, steps))
    }

    /// Takes a wave back to before it began (P9). Not after commit (P5).
    ///
    /// # Errors
    /// [`Stopped`]; running it again goes on.
    pub async fn rollback(&mut self, plan: &CheckedPlan) -> Result<Report, Stopped> {
        let wave = plan.plan().wave.clone();
        let mut steps = Vec::new();
        match self.state().waves.get(&wave) {
            None => return Err(Refusal::NoSuchWave(wave).into()),
            Some(state) if state.stage == Stage::RolledBack => return Ok(self.report(&wave, true, steps)),
            Some(_) => {}
        }
        self.belongs(plan).await?;
        self.take_lead(&wave, RunKind::Rollback).await?;
        let result = self.drive(&wave, RunKind::Rollback, Goal::Commit, plan, &mut steps).await;
        self.finish(&wave, result)?;
        Ok(self.report(&wave, false, steps))
    }

    fn report(&self, wave: &WaveName, nothing_to_do: bool, steps: Vec<StepTime>) -> Report {
        let stage = self.state().waves.get(wave).map(|state| state.stage);
        Report { wave: wave.clone(), stage, nothing_to_do, steps }
    }

    /// Says in the ledger how the run ended, where it still may.
    fn finish(&mut self, wave: &WaveName, result: Result<(), Stopped>) -> Result<(), Stopped> {
        let outcome = match &result {
            Ok(()) => Outcome::Reached,
            Err(Stopped::Interrupted(_)) => Outcome::Interrupted,
            Err(Stopped::Blocked { .. } | Stopped::Violated(_) | Stopped::Stale(_) | Stopped::OtherPlan(_)) => Outcome::Blocked,
            // Without the lead, or without a ledger that can be written, there is nothing more to say.
            Err(Stopped::LeadLost | Stopped::Unsound(_) | Stopped::Ledger(_) | Stopped::Refused(_)) => return result,
            Err(_) => Outcome::Incomplete,
        };
        let ended = self.end(wave, outcome);
        result.and(ended)
    }

    async fn drive(
        &mut self,
        wave: &WaveName,
        run: RunKind,
        goal: Goal,
        plan: &CheckedPlan,
        steps: &mut Vec<StepTime>,
    ) -> Result<(), Stopped> {
        loop {
            let step = decide(self.state(), wave, run, goal);
            let (name, members) = describe(&step, plan.plan().members.len());
            self.pause(Where(name))?;
            let started = self.clock.now();
            self.progress.begin(name, members);
            let done = self.take(wave, plan, step).await;
            self.progress.end();
            let took = elapsed(started, self.clock.now());
            match steps.last_mut() {
                Some(last) if last.step == name => last.took += took,
                _ => steps.push(StepTime { step: name, took }),
            }
            if done? {
                return Ok(());
            }
        }
    }

    /// Takes one step; `true` where nothing is left to do.
    async fn take(&mut self, wave: &WaveName, plan: &CheckedPlan, step: Step) -> Result<bool, Stopped> {
        match step {
            Step::Reached => return Ok(true),
            Step::Begin => {
                let members = plan.plan().begun();
                self.decisive(Event::Begin { wave: wave.clone(), plan: plan.digest().clone(), members }).await?;
            }
            Step::Preflight => {
                let mark = self.mark(wave);
                self.as_planned(plan, Some(&mark)).await?;
                self.record(Event::Preflighted { wave: wave.clone() })?;
            }
            Step::Fence(members) => self.fence(wave, &members).await?,
            Step::Settle => self.settle(wave, plan).await?,
            Step::Copy { members, verify } => self.copy(wave, plan, &members, verify).await?,
            Step::Verify(members) => self.verify(wave, plan, &members).await?,
            Step::Commit => self.commit(wave, plan).await?,
            Step::Confirm => self.confirm(wave, plan).await?,
            Step::BeginRollback => self.decisive(Event::RollbackBegun { wave: wave.clone() }).await?,
            Step::Clear(members) => self.clear(wave, &members).await?,
            Step::Unfence(members) => self.unfence(wave, &members).await?,
            Step::FinishRollback => self.record(Event::RolledBack { wave: wave.clone() })?,
        }
        Ok(false)
    }

    /// Whether the plan is the one that the wave began with, for these stores and this ledger.
    async fn belongs(&self, plan: &CheckedPlan) -> Result<(), Stopped> {
        let digest = plan.digest();
        let plan = plan.plan();
        if &plan.ledger != self.ledger_id() {
            return Err(Stopped::OtherPlan(format!("it was made for ledger {}", plan.ledger)));
        }
        if let Some(state) = self.state().waves.get(&plan.wave)
            && state.stage != Stage::RolledBack
            && &state.plan != digest
        {
            return Err(Stopped::OtherPlan(format!("wave {} began with another plan ({})", plan.wave, state.plan)));
        }
        let identity = self.systems.outgoing.identify().await.map_err(|error| Stopped::Port { step: PREFLIGHT, error })?;
        if (&identity.account, &identity.region) != (&plan.outgoing.account, &plan.outgoing.region) {
            return Err(Stopped::OtherPlan(format!(
                "it was made for account {} in {}, these credentials reach {} in {}",
                plan.outgoing.account, plan.outgoing.region, identity.account, identity.region
            )));
        }
        let survey = self.systems.incoming.survey().await.map_err(|error| Stopped::Port { step: PREFLIGHT, error })?;
        let planned = &plan.incoming.survey;
        if survey.cluster_id != planned.cluster_id {
            return Err(Stopped::OtherPlan("it was made for another Vault cluster".to_owned()));
        }
        if !survey.is_kv2 || survey.delete_version_after_seconds != 0 {
            return Err(Stopped::OtherPlan(format!("the mount {} was changed since", plan.incoming.mount)));
        }
        Ok(())
    }

    /// Compares the world with the plan: same secrets, same versions, nothing at the targets. Once the wave has begun, under `mark`, a copy of
    /// its own may stand there: a ledger that was pulled again may know less than was done.
    async fn as_planned(&self, plan: &CheckedPlan, mark: Option<&Mark>) -> Result<(), Stopped> {
        let mut blocked = Vec::new();
        let begun = plan.plan().begun();
        let members: Vec<_> = begun.iter().collect();
        for chunk in members.chunks(LOOK) {
            self.pause(PREFLIGHT)?;
            let sources: Vec<SecretName> = chunk.iter().map(|(_, begun)| begun.source.clone()).collect();
            let paths: Vec<VaultPath> = chunk.iter().map(|(_, begun)| begun.path.clone()).collect();
            let seen = self.systems.outgoing.describe(&sources).await;
            let targets = self.systems.incoming.describe(&paths).await;
            for (((name, begun), seen), target) in chunk.iter().zip(seen).zip(targets) {
                let verdict = source_unmoved(begun, &begun.versions, &seen).and_then(|()| match mark {
                    Some(mark) => target_for_copy(mark, &target).map(drop),
                    None => target_is_free(&target),
                });
                if let Err(obstacle) = verdict {
                    blocked.push(Blocked { name: (*name).clone(), obstacle });
                }
            }
            self.progress.advance(chunk.len());
        }
        if blocked.is_empty() {
            Ok(())
        } else if blocked.iter().all(|blocked| blocked.obstacle.may_pass()) {
            Err(Stopped::Incomplete { step: PREFLIGHT, blocked })
        } else {
            Err(Stopped::Stale(blocked))
        }
    }

    async fn fence(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
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

    async fn settle(&mut self, wave: &WaveName, plan: &CheckedPlan) -> Result<(), Stopped> {
        let seconds = plan.plan().fence.settle_seconds;
        self.sleep(SETTLE, seconds).await?;
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
        self.record(Event::Settled { wave: wave.clone(), after_seconds: seconds, members: settled })
    }

    async fn commit(&mut self, wave: &WaveName, plan: &CheckedPlan) -> Result<(), Stopped> {
        let blocked = self.look(wave, COMMIT).await?;
        self.stop_or_violated(wave, COMMIT, blocked)?;
        self.still_leading(COMMIT).await?;
        let consumers_by_hand = plan.consumers_by_hand();
        self.decisive(Event::Committed { wave: wave.clone(), consumers_by_hand }).await
    }

    async fn confirm(&mut self, wave: &WaveName, plan: &CheckedPlan) -> Result<(), Stopped> {
        self.sleep(CONFIRM, plan.plan().fence.settle_seconds).await?;
        let blocked = self.look(wave, CONFIRM).await?;
        self.stop_or_violated(wave, CONFIRM, blocked)?;
        self.record(Event::Confirmed { wave: wave.clone() })
    }

    /// Looks at fence, versions and copy of every member: fences first, since they take longest, then the rest, which must be fresh.
    async fn look(&self, wave: &WaveName, step: Where) -> Result<Vec<Blocked>, Stopped> {
        let names = self.names(wave);
        let mut fences = Vec::with_capacity(names.len());
        for chunk in names.chunks(LOOK) {
            self.pause(step)?;
            fences.extend(self.systems.outgoing.fences(&self.sources(wave, chunk)).await);
        }
        let began = self.clock.now();
        let mark = self.committed_mark(wave);
        let mut blocked = Vec::new();
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

    async fn clear(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
        let mark = self.mark(wave);
        for chunk in members.chunks(self.settings.pace.batch) {
            self.pause(ROLLBACK)?;
            self.still_leading(ROLLBACK).await?;
            let results = self.systems.incoming.clear(&self.paths(wave, chunk), &mark).await;
            let (done, blocked) = split(chunk, results);
            self.progress.advance(done.len());
            if !done.is_empty() {
                self.record(Event::Cleared { wave: wave.clone(), members: done })?;
            }
            stop_if_any(ROLLBACK, blocked)?;
        }
        Ok(())
    }

    async fn unfence(&mut self, wave: &WaveName, members: &[SecretName]) -> Result<(), Stopped> {
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

    /// Jobs of the copy pipeline for these members.
    pub(crate) fn jobs(&self, wave: &WaveName, plan: &CheckedPlan, members: &[SecretName]) -> Vec<Job> {
        let planned: std::collections::BTreeMap<_, _> = plan.plan().members.iter().map(|member| (&member.name, member)).collect();
        members
            .iter()
            .filter_map(|name| {
                let member = self.state().waves.get(wave)?.members.get(name)?;
                Job::of(name, member, planned.get(name)?)
            })
            .collect()
    }

    /// Records what somebody else did, and stops; or stops for what merely could not be seen.
    pub(crate) fn stop_or_violated(&mut self, wave: &WaveName, step: Where, blocked: Vec<Blocked>) -> Result<(), Stopped> {
        let violations: Vec<Violation> = blocked
            .iter()
            .filter_map(|blocked| violation(&blocked.obstacle).map(|kind| Violation { name: blocked.name.clone(), kind }))
            .collect();
        if violations.is_empty() {
            return stop_if_any(step, blocked);
        }
        self.record(Event::Violated { wave: wave.clone(), violations })?;
        Err(Stopped::Violated(blocked))
    }

    async fn sleep(&self, step: Where, seconds: u64) -> Result<(), Stopped> {
        let slept = self.clock.sleep(Duration::from_secs(seconds));
        tokio::select! {
            () = slept => Ok(()),
            () = self.interrupt.wait() => Err(Stopped::Interrupted(step)),
        }
    }

    fn names(&self, wave: &WaveName) -> Vec<SecretName> {
        self.state().waves.get(wave).map(|wave| wave.members.keys().cloned().collect()).unwrap_or_default()
    }

    fn sources(&self, wave: &WaveName, names: &[SecretName]) -> Vec<SecretName> {
        let members = self.state().waves.get(wave).map(|wave| &wave.members);
        names.iter().filter_map(|name| Some(members?.get(name)?.begun.source.clone())).collect()
    }

    fn paths(&self, wave: &WaveName, names: &[SecretName]) -> Vec<VaultPath> {
        let members = self.state().waves.get(wave).map(|wave| &wave.members);
        names.iter().filter_map(|name| Some(members?.get(name)?.begun.path.clone())).collect()
    }
}

/// A step's name for progress and report, and how many members it handles.
fn describe(step: &Step, all: usize) -> (&'static str, usize) {
    match step {
        Step::Begin => ("begin", 0),
        Step::Preflight => (PREFLIGHT.0, all),
        Step::Fence(members) => (FENCE.0, members.len()),
        Step::Settle => (SETTLE.0, all),
        Step::Copy { members, verify: false } => (COPY.0, members.len()),
        Step::Copy { members, verify: true } => ("copy and verify", members.len()),
        Step::Verify(members) => (VERIFY.0, members.len()),
        Step::Commit => (COMMIT.0, all),
        Step::Confirm => (CONFIRM.0, all),
        Step::BeginRollback | Step::FinishRollback => (ROLLBACK.0, 0),
        Step::Clear(members) | Step::Unfence(members) => (ROLLBACK.0, members.len()),
        Step::Reached => ("done", 0),
    }
}

fn split(names: &[SecretName], results: Vec<Result<(), migrate_core::ports::PortError>>) -> (BTreeSet<SecretName>, Vec<Blocked>) {
    let mut done = BTreeSet::new();
    let mut blocked = Vec::new();
    for (name, result) in names.iter().zip(results) {
        match result {
            Ok(()) => {
                done.insert(name.clone());
            }
            Err(error) => blocked.push(Blocked { name: name.clone(), obstacle: Obstacle::of_effect(&error) }),
        }
    }
    (done, blocked)
}

/// Stops where any member can't go on: for somebody to decide, or for the same command to go on, whichever is needed.
pub(crate) fn stop_if_any(step: Where, blocked: Vec<Blocked>) -> Result<(), Stopped> {
    if blocked.is_empty() {
        Ok(())
    } else if blocked.iter().all(|blocked| blocked.obstacle.may_pass()) {
        Err(Stopped::Incomplete { step, blocked })
    } else {
        Err(Stopped::Blocked { step, blocked })
    }
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    // A clock that was set back in between makes a step look instant, nothing more.
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
