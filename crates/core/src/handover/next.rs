//! Which event may follow, and what it changes: total over every state and event.

mod apply;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    DeliveryStep as Way, Event, Handover, Lead, Member, MemberStep, Refusal, Retirement, RotationStep as Rotation, RunKind,
    SealStep, Stage, UrgentStep, Wave,
};
use crate::{
    id::{DeliveryName, Epoch, WaveName},
    name::SecretName,
};

/// Takes one step: the only way in which a state changes.
///
/// # Errors
/// [`Refusal`] where the event can't follow.
pub fn next(mut state: Handover, epoch: Epoch, event: &Event) -> Result<Handover, Refusal> {
    state.allows(epoch, event)?;
    state.apply(epoch, event);
    Ok(state)
}

impl Handover {
    /// Whether an event of a run at `epoch` may follow.
    ///
    /// # Errors
    /// [`Refusal`], the first rule that it breaks.
    pub fn allows(&self, epoch: Epoch, event: &Event) -> Result<(), Refusal> {
        match event {
            Event::Created { .. } => {
                return if self.ledger.is_none() && epoch == Epoch(0) { Ok(()) } else { Err(Refusal::Creation) };
            }
            _ if self.ledger.is_none() => return Err(Refusal::Creation),
            Event::Lead { wave, run, .. } => return self.allows_lead(epoch, wave, *run),
            _ => {}
        }
        let lead = match &self.lead {
            Some(lead) if epoch == self.epoch => lead,
            _ => return Err(Refusal::NotLeading { found: epoch, current: self.epoch }),
        };
        let Some(name) = event.wave() else { return Err(Refusal::Creation) };
        let kind = event.kind();
        let serves = match event {
            Event::RollbackBegun { .. } | Event::RolledBack { .. } => lead.run == RunKind::Rollback,
            Event::RetireBegun { .. }
            | Event::ReplicaRemovalIntended { .. }
            | Event::ReplicasRemoved { .. }
            | Event::DeleteIntended { .. }
            | Event::DeleteScheduled { .. }
            | Event::Retired { .. } => lead.run == RunKind::Retire,
            // Taken away from all members by a rollback, from those that were left out by an apply.
            Event::Cleared { .. }
            | Event::Unfenced { .. }
            | Event::RotationRestored { .. }
            | Event::Ended { .. }
            | Event::Violated { .. } => true,
            Event::UrgentIntended { .. } | Event::UrgentWritten { .. } => lead.run == RunKind::Urgent,
            _ => lead.run == RunKind::Apply,
        };
        if &lead.wave != name || !serves || lead.ended {
            return Err(Refusal::OtherRun { event: kind, wave: name.clone() });
        }
        match event {
            Event::Ended { .. } => Ok(()),
            Event::Begin { members, .. } => self.allows_begin(name, members.keys()),
            _ => {
                let wave = self.waves.get(name).ok_or_else(|| Refusal::NoSuchWave(name.clone()))?;
                wave.allows(name, epoch, event)
            }
        }
    }

    fn allows_lead(&self, epoch: Epoch, name: &WaveName, run: RunKind) -> Result<(), Refusal> {
        if epoch != self.epoch.raised() {
            return Err(Refusal::NotLeading { found: epoch, current: self.epoch });
        }
        let stage = self.waves.get(name).map(|wave| wave.stage);
        let refuse = |stage| Err(Refusal::Stage { wave: name.clone(), stage, event: "lead" });
        match (run, stage) {
            (RunKind::Apply, Some(stage @ (Stage::RollingBack | Stage::Retiring | Stage::Retired))) => refuse(stage),
            (RunKind::Apply, _) => Ok(()),
            // P10: before commit a member that must be written is left out.
            (RunKind::Urgent, Some(stage)) if stage.is_committed() => Ok(()),
            (RunKind::Urgent, Some(stage)) => refuse(stage),
            (RunKind::Rollback | RunKind::Urgent | RunKind::Retire, None) => Err(Refusal::NoSuchWave(name.clone())),
            // P8: nothing is retired that is not committed, or that somebody can still read.
            (RunKind::Retire, Some(stage)) if stage.is_completed() => Ok(()),
            (RunKind::Retire, Some(stage)) => refuse(stage),
            // P5: after commit nothing returns authority.
            (RunKind::Rollback, Some(stage)) if stage.is_committed() => refuse(stage),
            (RunKind::Rollback, Some(_)) => Ok(()),
        }
    }

    fn allows_begin<'a>(&self, name: &WaveName, mut members: impl Iterator<Item = &'a SecretName>) -> Result<(), Refusal> {
        if let Some(wave) = self.waves.get(name)
            && wave.stage != Stage::RolledBack
        {
            return Err(Refusal::Stage { wave: name.clone(), stage: wave.stage, event: "begin" });
        }
        let mut any = false;
        members.try_for_each(|member| {
            any = true;
            match self.holder_of(member) {
                Some((holder, _)) => Err(Refusal::Held { name: member.clone(), holder: holder.clone() }),
                None => Ok(()),
            }
        })?;
        if any { Ok(()) } else { Err(Refusal::Empty("begin")) }
    }

    /// Applies an event that [`Handover::allows`] let pass.
    pub(crate) fn apply(&mut self, epoch: Epoch, event: &Event) {
        match event {
            Event::Created { ledger } => self.ledger = Some(ledger.clone()),
            Event::Lead { wave, run, runner, .. } => {
                self.epoch = epoch;
                self.lead = Some(Lead { wave: wave.clone(), run: *run, runner: runner.clone(), ended: false });
            }
            Event::Ended { .. } => {
                if let Some(lead) = &mut self.lead {
                    lead.ended = true;
                }
            }
            Event::Begin { wave, plan, members } => {
                let members = members
                    .iter()
                    .map(|(name, begun)| {
                        let member = Member {
                            begun: begun.clone(),
                            versions: begun.versions.clone(),
                            step: MemberStep::Planned,
                            rotation: Rotation::Untouched,
                            urgent: UrgentStep::None,
                            seal: SealStep::Open,
                            retirement: Retirement::Kept,
                        };
                        (name.clone(), member)
                    })
                    .collect();
                let begun = Wave {
                    plan: plan.clone(),
                    stage: Stage::Begun,
                    members,
                    leaving: BTreeMap::new(),
                    fenced_under: None,
                    violated: false,
                    deliveries: BTreeMap::new(),
                };
                self.waves.insert(wave.clone(), begun);
            }
            _ => {
                if let Some(wave) = event.wave().and_then(|name| self.waves.get_mut(name)) {
                    wave.apply(epoch, event);
                }
            }
        }
    }
}

impl Wave {
    fn allows(&self, name: &WaveName, epoch: Epoch, event: &Event) -> Result<(), Refusal> {
        use MemberStep as At;
        let kind = event.kind();
        let at = |stage: Stage| {
            if self.stage == stage { Ok(()) } else { Err(Refusal::Stage { wave: name.clone(), stage: self.stage, event: kind }) }
        };
        let all = |holds: bool| {
            if holds { Ok(()) } else { Err(Refusal::Incomplete { wave: name.clone(), event: kind }) }
        };
        match event {
            Event::Preflighted { .. } => at(Stage::Begun),
            Event::RotationCancelIntended { members, .. } => {
                at(Stage::Preflighted)?;
                let may = |m: &Member| m.begun.rotation.is_some() && m.rotation <= Rotation::CancelIntended;
                self.each(name, kind, members.iter(), |_, m| {
                    may(m) && matches!(m.step, At::Planned | At::FenceIntended | At::Fenced)
                })
            }
            Event::RotationCancelled { members, .. } => {
                at(Stage::Preflighted)?;
                self.each(name, kind, members.iter(), |_, m| m.rotation == Rotation::CancelIntended)
            }
            Event::RotationEnded { members, .. } => {
                at(Stage::Preflighted)?;
                self.each(name, kind, members.iter(), |_, m| m.rotation == Rotation::Cancelled)
            }
            // A rotation in flight is waited out first: fenced in its middle, it would leave a password changed and not stored (P3).
            Event::FenceIntended { members, .. } => {
                at(Stage::Preflighted)?;
                let may = |m: &Member| matches!(m.step, At::Planned | At::FenceIntended | At::Fenced) && !m.may_be_rotating();
                self.each(name, kind, members.iter(), |_, m| may(m))
            }
            Event::Fenced { members, .. } => {
                at(Stage::Preflighted)?;
                self.each(name, kind, members.iter(), |_, m| m.step == At::FenceIntended)
            }
            Event::Settled { members, .. } => {
                at(Stage::Preflighted)?;
                self.each(name, kind, members.keys(), |_, m| m.step == At::Fenced)?;
                all(members.len() == self.members.len())
            }
            // Fence before copy: only a settled wave copies (P1, P3).
            Event::CopyIntended { members, .. } => {
                at(Stage::Settled)?;
                self.each(name, kind, members.iter(), |_, m| m.step >= At::Fenced)
            }
            Event::Copied { members, .. } => {
                at(Stage::Settled)?;
                self.each(name, kind, members.keys(), |_, m| m.step == At::CopyIntended { epoch })
            }
            Event::Verified { members, .. } => {
                at(Stage::Settled)?;
                self.each(name, kind, members.keys(), |member, m| {
                    let Some((source, target)) = members.get(member) else { return false };
                    Some(source) == m.version() && m.step == At::Copied { epoch, target: *target }
                })
            }
            // Every copy bears the epoch of the run that commits: an older run can neither clear nor commit it.
            Event::Committed { .. } => {
                at(Stage::Settled)?;
                all(self.members.values().all(|m| matches!(m.step, At::Verified { epoch: e, .. } if e == epoch)))
            }
            Event::Confirmed { .. } => at(Stage::Committed),
            Event::SwitchBegun { .. } => at(Stage::Confirmed),
            Event::SwitchIntended { deliveries, .. } => {
                at(Stage::Switching)?;
                self.each_delivery(kind, deliveries, |way| matches!(way, Way::Old | Way::Intended))
            }
            Event::Switched { deliveries, .. } => {
                at(Stage::Switching)?;
                self.each_delivery(kind, deliveries, |way| way == Way::Intended)
            }
            Event::SetBack { deliveries, .. } => {
                if self.stage != Stage::Sealed {
                    at(Stage::Switching)?;
                }
                self.each_delivery(kind, deliveries, |way| matches!(way, Way::Switched | Way::GivenBack))
            }
            Event::DeclaredGone { deliveries, .. } => {
                at(Stage::Switching)?;
                self.each_delivery(kind, deliveries, |way| !way.is_over())
            }
            // Nobody is denied a read who was not given another place to read from.
            Event::SealIntended { members, .. } => {
                at(Stage::Switching)?;
                all(self.deliveries.values().all(|way| way.is_over()))?;
                self.each(name, kind, members.iter(), |_, m| m.seal != SealStep::Sealed)
            }
            Event::Sealed { members, .. } => {
                at(Stage::Switching)?;
                self.each(name, kind, members.iter(), |_, m| m.seal == SealStep::Intended)
            }
            Event::SealSettled { .. } => {
                at(Stage::Switching)?;
                all(self.deliveries.values().all(|way| way.is_over())
                    && self.members.values().all(|m| m.seal == SealStep::Sealed))
            }
            Event::SealLifted { members, .. } => {
                if self.stage != Stage::Switching {
                    at(Stage::Sealed)?;
                }
                self.each(name, kind, members.iter(), |_, m| m.seal != SealStep::Open)
            }
            Event::GivenBack { deliveries, .. } => {
                at(Stage::Sealed)?;
                self.each_delivery(kind, deliveries, |way| way == Way::Switched)
            }
            // P4: writers come in where nobody can read what they replace, and P1: once, for the whole wave.
            Event::Completed { .. } => {
                at(Stage::Sealed)?;
                all(self.deliveries.values().all(|way| matches!(way, Way::GivenBack | Way::Gone)))
            }
            Event::Violated { violations, .. } => self.each(name, kind, violations.iter().map(|v| &v.name), |_, _| true),
            Event::UrgentIntended { name: member, after, .. } => {
                self.committed(name, kind)?;
                self.each(name, kind, std::iter::once(member), |_, m| m.step.target() == Some(*after))
            }
            Event::UrgentWritten { name: member, target, .. } => {
                self.committed(name, kind)?;
                let follows = |m: &Member| m.step.target().is_some_and(|before| before.0 + 1 == target.0);
                self.each(name, kind, std::iter::once(member), |_, m| m.urgent == UrgentStep::Intended && follows(m))
            }
            // Somebody stays: a wave of nobody is taken back, not committed.
            Event::LeftOut { members, .. } => {
                if !matches!(self.stage, Stage::Begun | Stage::Preflighted | Stage::Settled) {
                    return at(Stage::Begun);
                }
                self.each(name, kind, members.iter(), |_, _| true)?;
                all(members.len() < self.members.len())
            }
            Event::RollbackBegun { .. } => {
                if self.stage.is_committed() || self.stage == Stage::RolledBack {
                    return at(Stage::Begun);
                }
                Ok(())
            }
            Event::Cleared { members, .. } => self.each_going(name, kind, members.iter(), |m| m.step != At::Unfenced),
            // The copy goes before the fence does: a source that takes values again must not stand beside a copy of ours.
            Event::Unfenced { members, .. } => {
                self.each_going(name, kind, members.iter(), |m| matches!(m.step, At::Cleared | At::Unfenced))
            }
            Event::RotationRestored { members, .. } => {
                self.each_going(name, kind, members.iter(), |m| m.step == At::Unfenced && m.owes_rotation())
            }
            Event::RolledBack { .. } => {
                at(Stage::RollingBack)?;
                all(self.members.values().all(Member::is_released))
            }
            Event::RetireBegun { members, .. } => {
                at(Stage::Completed)?;
                self.each(name, kind, members.iter(), |_, _| true)?;
                all(members.len() == self.members.len())
            }
            // Replicas first: a secret that has one can't be deleted. One that somebody made meanwhile goes the same way.
            Event::ReplicaRemovalIntended { members, .. } => {
                at(Stage::Retiring)?;
                self.each(name, kind, members.keys(), |_, m| !m.is_retired())
            }
            Event::ReplicasRemoved { members, .. } => {
                at(Stage::Retiring)?;
                self.each(name, kind, members.keys(), |_, m| m.retirement == Retirement::RemovingReplicas)
            }
            Event::DeleteIntended { members, .. } => {
                at(Stage::Retiring)?;
                self.each(name, kind, members.iter(), |_, m| !m.is_retired() && m.retirement != Retirement::RemovingReplicas)
            }
            Event::DeleteScheduled { members, .. } => {
                at(Stage::Retiring)?;
                self.each(name, kind, members.keys(), |_, m| m.retirement == Retirement::DeleteIntended)
            }
            Event::Retired { .. } => {
                at(Stage::Retiring)?;
                all(self.members.values().all(Member::is_retired))
            }
            Event::Created { .. } | Event::Lead { .. } | Event::Begin { .. } | Event::Ended { .. } => Err(Refusal::Creation),
        }
    }

    fn committed(&self, name: &WaveName, event: &'static str) -> Result<(), Refusal> {
        if self.stage.is_committed() { Ok(()) } else { Err(Refusal::Stage { wave: name.clone(), stage: self.stage, event }) }
    }

    fn each<'a>(
        &self,
        wave: &WaveName,
        event: &'static str,
        names: impl Iterator<Item = &'a SecretName>,
        fits: impl Fn(&SecretName, &Member) -> bool,
    ) -> Result<(), Refusal> {
        let mut any = false;
        for name in names {
            any = true;
            let Some(member) = self.members.get(name) else {
                return Err(Refusal::NotAMember { name: name.clone(), wave: wave.clone() });
            };
            if !fits(name, member) {
                return Err(Refusal::Step { name: name.clone(), event });
            }
        }
        if any { Ok(()) } else { Err(Refusal::Empty(event)) }
    }

    fn each_delivery(
        &self,
        event: &'static str,
        names: &BTreeSet<DeliveryName>,
        fits: impl Fn(Way) -> bool,
    ) -> Result<(), Refusal> {
        if names.is_empty() {
            return Err(Refusal::Empty(event));
        }
        let unfit = names.iter().find(|name| !self.deliveries.get(*name).is_some_and(|way| fits(*way)));
        unfit.map_or(Ok(()), |name| Err(Refusal::Delivery { name: name.clone(), event }))
    }

    /// As [`Self::each`], for members from which what we added is taken away: all of them in a rollback, else those left out.
    fn each_going<'a>(
        &self,
        wave: &WaveName,
        event: &'static str,
        names: impl Iterator<Item = &'a SecretName> + Clone,
        fits: impl Fn(&Member) -> bool,
    ) -> Result<(), Refusal> {
        if self.stage == Stage::RollingBack {
            return self.each(wave, event, names, |_, member| fits(member));
        }
        if names.clone().next().is_none() {
            return Err(Refusal::Empty(event));
        }
        for name in names {
            match self.leaving.get(name) {
                Some(member) if fits(member) => {}
                Some(_) => return Err(Refusal::Step { name: name.clone(), event }),
                None => return Err(Refusal::Stage { wave: wave.clone(), stage: self.stage, event }),
            }
        }
        Ok(())
    }
}
