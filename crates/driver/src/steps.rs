//! The steps of a wave, in the order that [`decide`] says. What a step means is judged in core; here it is done and recorded.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use migrate_core::{
    handover::{
        Begun, Event, Goal, Outcome, Refusal, RunKind, Stage, Step, Violation, decide,
        judge::{Blocked, Obstacle, probe_can_observe, source_as_planned, target_for_replay, target_is_free, violation},
    },
    id::{DeliveryName, WaveName},
    name::{SecretName, VaultPath},
    observed::Mark,
    plan::CheckedPlan,
    ports::TargetClear,
};

use crate::{
    Session,
    error::{Stopped, Where},
    prove::Job,
    seal::{COMPLETE, SEAL},
    switch::{GIVE_BACK, SWITCH},
};

pub(crate) const PREFLIGHT: Where = Where("preflight");
pub(crate) const ROTATION: Where = Where("rotation");
pub(crate) const FENCE: Where = Where("fence");
pub(crate) const SETTLE: Where = Where("settle");
pub(crate) const COPY: Where = Where("copy");
pub(crate) const VERIFY: Where = Where("verify");
pub(crate) const COMMIT: Where = Where("commit");
pub(crate) const CONFIRM: Where = Where("confirm");
pub(crate) const ROLLBACK: Where = Where("rollback");

/// Members looked at in one call of a port.
pub(crate) const LOOK: usize = 500;

/// What an apply is asked for beside its goal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyTerms {
    /// Members that are released first; the others go on without them (P10). One that was left out before is no error.
    pub leave_out: BTreeSet<SecretName>,
    /// Deliveries through which nobody reads any more, as the operator says.
    pub gone: BTreeSet<DeliveryName>,
    /// For how long a reader may keep a value, in seconds: what a seal waits.
    pub reader_seconds: u64,
}

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
    pub async fn apply(&mut self, plan: &CheckedPlan, goal: Goal, terms: &ApplyTerms) -> Result<Report, Stopped> {
        let wave = plan.plan().wave.clone();
        self.belongs(plan).await?;
        let mut steps = Vec::new();
        let leaving = self.still_members(plan, &terms.leave_out)?;
        if leaving.is_empty() && decide(self.state(), &wave, RunKind::Apply, goal) == Step::Reached {
            return Ok(self.report(&wave, true, steps));
        }
        if decide(self.state(), &wave, RunKind::Apply, goal) == Step::Begin {
            // Before anything is changed: is the world still as planned?
            self.as_planned(plan, None).await?;
        }
        self.take_lead(&wave, RunKind::Apply).await?;
        let left = match leaving.is_empty() {
            true => Ok(()),
            false => self.decisive(Event::LeftOut { wave: wave.clone(), members: leaving }).await,
        };
        let result = match left {
            Ok(()) => self.drive(&wave, RunKind::Apply, goal, plan, terms, &mut steps).await,
            Err(stopped) => Err(stopped),
        };
        self.finish(&wave, result).await?;
        Ok(self.report(&wave, false, steps))
    }

    /// Those of `names` that are still members; the rest of them must have been, by the plan.
    fn still_members(&self, plan: &CheckedPlan, names: &BTreeSet<SecretName>) -> Result<BTreeSet<SecretName>, Stopped> {
        let wave = &plan.plan().wave;
        if names.is_empty() {
            return Ok(BTreeSet::new());
        }
        let state = self.state().waves.get(wave).ok_or_else(|| Refusal::NoSuchWave(wave.clone()))?;
        if let Some(name) = names.iter().find(|name| !plan.plan().members.iter().any(|member| &member.name == *name)) {
            return Err(Refusal::NotAMember { name: name.clone(), wave: wave.clone() }.into());
        }
        let still: BTreeSet<SecretName> = names.iter().filter(|name| state.members.contains_key(name)).cloned().collect();
        if still.len() == state.members.len() {
            return Err(Refusal::Incomplete { wave: wave.clone(), event: "left-out" }.into());
        }
        Ok(still)
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
        let result = self.drive(&wave, RunKind::Rollback, Goal::Commit, plan, &ApplyTerms::default(), &mut steps).await;
        self.finish(&wave, result).await?;
        Ok(self.report(&wave, false, steps))
    }

    fn report(&self, wave: &WaveName, nothing_to_do: bool, steps: Vec<StepTime>) -> Report {
        let stage = self.state().waves.get(wave).map(|state| state.stage);
        Report { wave: wave.clone(), stage, nothing_to_do, steps }
    }

    /// Says in the ledger how the run ended, where it still may.
    pub(crate) async fn finish(&mut self, wave: &WaveName, result: Result<(), Stopped>) -> Result<(), Stopped> {
        let outcome = match &result {
            Ok(()) => Outcome::Reached,
            Err(Stopped::Interrupted(_)) => Outcome::Interrupted,
            Err(Stopped::Halted { halted, .. }) if halted.iter().any(|halted| !halted.stuck.is_passing()) => Outcome::Blocked,
            Err(Stopped::Blocked { .. } | Stopped::Violated(_) | Stopped::Stale(_) | Stopped::OtherPlan(_)) => Outcome::Blocked,
            // Without the lead, or without a ledger that can be written, there is nothing more to say.
            Err(Stopped::LeadLost | Stopped::Unsound(_) | Stopped::NotShared(_) | Stopped::Ledger(_) | Stopped::Refused(_)) => {
                return result;
            }
            Err(_) => Outcome::Incomplete,
        };
        let mut ended = self.end(wave, outcome);
        // A place that did not take the last record would not take this one, either: it goes along with the next push.
        if ended.is_ok() && !matches!(result, Err(Stopped::Shared(_))) {
            ended = self.share().await;
        }
        result.and(ended)
    }

    async fn drive(
        &mut self,
        wave: &WaveName,
        run: RunKind,
        goal: Goal,
        plan: &CheckedPlan,
        terms: &ApplyTerms,
        steps: &mut Vec<StepTime>,
    ) -> Result<(), Stopped> {
        loop {
            let step = decide(self.state(), wave, run, goal);
            let (name, members) = describe(&step, plan.plan().members.len());
            self.pause(Where(name))?;
            let started = self.clock.now();
            self.progress.begin(name, members);
            let done = self.take(wave, plan, terms, step).await;
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
    async fn take(&mut self, wave: &WaveName, plan: &CheckedPlan, terms: &ApplyTerms, step: Step) -> Result<bool, Stopped> {
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
            Step::CancelRotation(members) => self.cancel_rotation(wave, &members).await?,
            Step::AwaitRotation(members) => self.await_rotation(wave, plan, &members).await?,
            Step::Fence(members) => self.fence(wave, &members).await?,
            Step::Settle => self.settle(wave, plan).await?,
            Step::Copy { members, verify } => self.copy(wave, plan, &members, verify).await?,
            Step::Verify(members) => self.verify(wave, plan, &members).await?,
            Step::Commit => self.commit(wave, plan).await?,
            Step::Confirm => self.confirm(wave, plan).await?,
            Step::BeginSwitch => self.begin_switch(wave, plan)?,
            Step::Switch(deliveries) => self.switch(wave, &deliveries, &terms.gone).await?,
            Step::Seal(members) => self.seal(wave, &members).await?,
            Step::SettleSeal => self.settle_seal(wave, terms.reader_seconds).await?,
            Step::GiveBack(deliveries) => self.give_back(wave, &deliveries).await?,
            Step::Complete => self.complete(wave, plan).await?,
            Step::BeginRollback => self.decisive(Event::RollbackBegun { wave: wave.clone() }).await?,
            Step::Clear(members) => self.clear(wave, &members).await?,
            Step::Unfence(members) => self.unfence(wave, &members).await?,
            Step::RestoreRotation(members) => self.restore_rotation(wave, &members).await?,
            Step::FinishRollback => self.record(Event::RolledBack { wave: wave.clone() })?,
            // A run of its own, without a plan.
            Step::BeginRetire | Step::Retire(_) | Step::FinishRetire => return Ok(true),
        }
        Ok(false)
    }

    /// Whether the plan is the one that the wave began with, for these stores and this ledger.
    pub(crate) async fn belongs(&self, plan: &CheckedPlan) -> Result<(), Stopped> {
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
        // Once it has begun, members may have been left out.
        let held = self.state().waves.get(&plan.plan().wave).filter(|_| mark.is_some());
        let members: Vec<_> = begun.iter().filter(|(name, _)| held.is_none_or(|wave| wave.members.contains_key(*name))).collect();
        for chunk in members.chunks(LOOK) {
            self.pause(PREFLIGHT)?;
            let sources: Vec<SecretName> = chunk.iter().map(|(_, begun)| begun.source.clone()).collect();
            let paths: Vec<VaultPath> = chunk.iter().map(|(_, begun)| begun.path.clone()).collect();
            let seen = self.systems.outgoing.describe(&sources).await;
            let targets = self.systems.incoming.describe(&paths).await;
            for (((name, begun), seen), target) in chunk.iter().zip(seen).zip(targets) {
                let verdict = source_as_planned(begun, &seen).and_then(|()| match mark {
                    Some(mark) => target_for_replay(mark, begun.newest(), &target).map(drop),
                    None => target_is_free(&target),
                });
                if let Err(obstacle) = verdict {
                    blocked.push(Blocked { name: (*name).clone(), obstacle });
                }
            }
            if plan.plan().fence.observed_by_probe {
                let probes = self.systems.outgoing.probe(&sources).await;
                let judged = chunk.iter().zip(probes).filter_map(|((name, _), probe)| {
                    probe_can_observe(&probe).err().map(|obstacle| Blocked { name: (*name).clone(), obstacle })
                });
                blocked.extend(judged);
            }
            self.progress.advance(chunk.len());
        }
        if plan.goal() >= Goal::Commit {
            let members = members.iter().map(|(name, begun)| ((*name).clone(), begun.path.clone())).collect();
            blocked.extend(self.written_by_others(plan, PREFLIGHT, members).await?);
        }
        if blocked.is_empty() {
            Ok(())
        } else if blocked.iter().all(|blocked| blocked.obstacle.may_pass()) {
            Err(Stopped::Incomplete { step: PREFLIGHT, blocked })
        } else {
            Err(Stopped::Stale(blocked))
        }
    }

    /// Members that somebody else may write at the incoming store, by its policies as they are now.
    pub(crate) async fn written_by_others(
        &self,
        plan: &CheckedPlan,
        step: Where,
        members: Vec<(SecretName, VaultPath)>,
    ) -> Result<Vec<Blocked>, Stopped> {
        let paths: Vec<VaultPath> = members.iter().map(|(_, path)| path.clone()).collect();
        let seen = self.systems.incoming.writers(&paths).await.map_err(|error| Stopped::Port { step, error })?;
        let declared = &plan.plan().incoming.writers.declared;
        let blocked = members.into_iter().filter_map(|(name, path)| {
            let obstacle = seen.obstacle(&path, declared)?;
            Some(Blocked { name, obstacle })
        });
        Ok(blocked.collect())
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

    pub(crate) async fn sleep(&self, step: Where, seconds: u64) -> Result<(), Stopped> {
        let slept = self.clock.sleep(Duration::from_secs(seconds));
        tokio::select! {
            () = slept => Ok(()),
            () = self.interrupt.wait() => Err(Stopped::Interrupted(step)),
        }
    }

    pub(crate) fn names(&self, wave: &WaveName) -> Vec<SecretName> {
        self.state().waves.get(wave).map(|wave| wave.members.keys().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn sources(&self, wave: &WaveName, names: &[SecretName]) -> Vec<SecretName> {
        let held = self.state().waves.get(wave);
        names.iter().filter_map(|name| Some(held?.member(name)?.begun.source.clone())).collect()
    }

    pub(crate) fn clears(&self, wave: &WaveName, names: &[SecretName]) -> Vec<TargetClear> {
        let held = self.state().waves.get(wave);
        let clear = |begun: &Begun| TargetClear { path: begun.path.clone(), newest: begun.newest() };
        names.iter().filter_map(|name| Some(clear(&held?.member(name)?.begun))).collect()
    }

    pub(crate) fn paths(&self, wave: &WaveName, names: &[SecretName]) -> Vec<VaultPath> {
        let held = self.state().waves.get(wave);
        names.iter().filter_map(|name| Some(held?.member(name)?.begun.path.clone())).collect()
    }
}

/// A step's name for progress and report, and how many members it handles.
fn describe(step: &Step, all: usize) -> (&'static str, usize) {
    match step {
        Step::Begin => ("begin", 0),
        Step::Preflight => (PREFLIGHT.0, all),
        Step::CancelRotation(members) | Step::AwaitRotation(members) => (ROTATION.0, members.len()),
        Step::Fence(members) => (FENCE.0, members.len()),
        Step::Settle => (SETTLE.0, all),
        Step::Copy { members, verify: false } => (COPY.0, members.len()),
        Step::Copy { members, verify: true } => ("copy and verify", members.len()),
        Step::Verify(members) => (VERIFY.0, members.len()),
        Step::Commit => (COMMIT.0, all),
        Step::Confirm => (CONFIRM.0, all),
        Step::BeginSwitch => (SWITCH.0, 0),
        Step::Switch(deliveries) => (SWITCH.0, deliveries.len()),
        Step::Seal(members) => (SEAL.0, members.len()),
        Step::SettleSeal => (SEAL.0, all),
        Step::GiveBack(deliveries) => (GIVE_BACK.0, deliveries.len()),
        Step::Complete => (COMPLETE.0, all),
        Step::BeginRollback | Step::FinishRollback => (ROLLBACK.0, 0),
        Step::Clear(members) | Step::Unfence(members) | Step::RestoreRotation(members) => (ROLLBACK.0, members.len()),
        Step::BeginRetire | Step::Retire(_) | Step::FinishRetire | Step::Reached => ("done", 0),
    }
}

/// What was done, and what was not and why.
pub(crate) fn split(
    names: &[SecretName],
    results: Vec<Result<(), migrate_core::ports::PortError>>,
) -> (BTreeSet<SecretName>, Vec<Blocked>) {
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

pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    // A clock that was set back in between makes a step look instant, nothing more.
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
