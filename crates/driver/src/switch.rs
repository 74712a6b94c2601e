//! Lets what consumers read through read the incoming authority: proved by a shadow, changed, followed, and its shadow removed.

use std::{collections::BTreeSet, future::Future};

use migrate_core::{
    delivery::{Halted, Stuck, is_gone, is_switched, may_be_switched},
    handover::{DeliveryStep, Event},
    id::{DeliveryName, WaveName},
    plan::CheckedPlan,
    ports::Delivery,
};

use crate::{
    Session,
    error::{Stopped, Where},
};

pub(crate) const SWITCH: Where = Where("switch");
pub(crate) const GIVE_BACK: Where = Where("give back");

impl<'a> Session<'a> {
    /// Records through which deliveries the members that are left in the wave are read.
    pub(crate) fn begin_switch(&mut self, wave: &WaveName, plan: &CheckedPlan) -> Result<(), Stopped> {
        let members = self.state().waves.get(wave).map(|wave| &wave.members);
        let stays = |name| members.is_some_and(|members| members.contains_key(name));
        let planned = plan.plan().members.iter().filter(|member| stays(&member.name));
        let deliveries = planned.flat_map(|member| member.deliveries()).collect();
        self.record(Event::SwitchBegun { wave: wave.clone(), deliveries })
    }

    /// Switches these, in groups. One that can't go on holds up nobody but the end of the step.
    pub(crate) async fn switch(
        &mut self,
        wave: &WaveName,
        deliveries: &[DeliveryName],
        gone: &BTreeSet<DeliveryName>,
    ) -> Result<(), Stopped> {
        let (gone, there): (Vec<DeliveryName>, Vec<DeliveryName>) =
            deliveries.iter().cloned().partition(|delivery| gone.contains(delivery));
        let mut halted = self.declare_gone(wave, &gone).await?;
        for group in there.chunks(self.settings.pace.deliveries.max(1)) {
            self.pause(SWITCH)?;
            halted.extend(self.switch_group(wave, group).await?);
            self.progress.advance(group.len());
        }
        stop_if_halted(SWITCH, halted)
    }

    /// Those that an operator calls gone, where the cluster does not say otherwise.
    async fn declare_gone(&mut self, wave: &WaveName, gone: &[DeliveryName]) -> Result<Vec<Halted>, Stopped> {
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        // Without a cluster nobody can say otherwise: it may be what is gone.
        let seen = match self.systems.delivery {
            Some(port) => self.unless_interrupted(SWITCH, port.observe(gone)).await?.iter().map(is_gone).collect(),
            None => vec![Ok(()); gone.len()],
        };
        let (gone, halted) = sorted_out(gone, seen);
        if !gone.is_empty() {
            self.record(Event::DeclaredGone { wave: wave.clone(), deliveries: gone.into_iter().collect() })?;
        }
        Ok(halted)
    }

    async fn switch_group(&mut self, wave: &WaveName, group: &[DeliveryName]) -> Result<Vec<Halted>, Stopped> {
        let port = self.deliveries(group.len())?;
        let mark = self.mark(wave);
        let seen = self.unless_interrupted(SWITCH, port.observe(group)).await?;
        let (fit, mut halted) = sorted_out(group, seen.iter().map(|seen| may_be_switched(seen).map(drop)).collect());
        let (proved, unproved) = sorted_out(&fit, self.unless_interrupted(SWITCH, port.shadow(&fit, &mark)).await?);
        let mut followed = Vec::new();
        if !proved.is_empty() {
            self.record(Event::SwitchIntended { wave: wave.clone(), deliveries: proved.iter().cloned().collect() })?;
            self.still_leading(SWITCH).await?;
            let (changed, unchanged) = sorted_out(&proved, port.repoint(&proved, &mark).await);
            let seen = self.unless_interrupted(SWITCH, port.follow(&changed, &mark)).await?;
            let (well, unwell) = sorted_out(&changed, seen);
            halted.extend(unchanged);
            halted.extend(unwell);
            followed = well;
        }
        halted.extend(unproved);
        // Of all of them: a shadow holds what it was made to compare, and a later run makes its own.
        let (clear, shadowed) = sorted_out(&fit, port.remove_shadows(&fit, &mark).await);
        let switched: BTreeSet<DeliveryName> = followed.into_iter().filter(|delivery| clear.contains(delivery)).collect();
        if !switched.is_empty() {
            self.record(Event::Switched { wave: wave.clone(), deliveries: switched })?;
        }
        let told: BTreeSet<DeliveryName> = halted.iter().map(|halted| halted.delivery.clone()).collect();
        halted.extend(shadowed.into_iter().filter(|halted| !told.contains(&halted.delivery)));
        Ok(halted)
    }

    /// Gives these the policies back that they declare.
    pub(crate) async fn give_back(&mut self, wave: &WaveName, deliveries: &[DeliveryName]) -> Result<(), Stopped> {
        self.still_switched(wave, GIVE_BACK).await?;
        let port = self.deliveries(deliveries.len())?;
        let mut halted = Vec::new();
        for group in deliveries.chunks(self.settings.pace.deliveries.max(1)) {
            self.pause(GIVE_BACK)?;
            self.still_leading(GIVE_BACK).await?;
            let (given, unchanged) = sorted_out(group, port.give_back(group).await);
            if !given.is_empty() {
                self.record(Event::GivenBack { wave: wave.clone(), deliveries: given.into_iter().collect() })?;
            }
            halted.extend(unchanged);
            self.progress.advance(group.len());
        }
        stop_if_halted(GIVE_BACK, halted)
    }

    /// Looks whether all that was switched still reads the incoming authority. What somebody set back is recorded, so that the next run
    /// switches it again.
    pub(crate) async fn still_switched(&mut self, wave: &WaveName, step: Where) -> Result<(), Stopped> {
        let held = self.state().waves.get(wave);
        let ways = held.into_iter().flat_map(|wave| &wave.deliveries);
        let switched = |way: DeliveryStep| matches!(way, DeliveryStep::Switched | DeliveryStep::GivenBack);
        let deliveries: Vec<DeliveryName> = ways.filter(|(_, way)| switched(**way)).map(|(name, _)| name.clone()).collect();
        if deliveries.is_empty() {
            return Ok(());
        }
        let seen = self.unless_interrupted(step, self.deliveries(deliveries.len())?.observe(&deliveries)).await?;
        let (_, halted) = sorted_out(&deliveries, seen.iter().map(is_switched).collect());
        let set_back = |halted: &&Halted| matches!(halted.stuck, Stuck::SetBack { .. });
        let back: BTreeSet<DeliveryName> = halted.iter().filter(set_back).map(|halted| halted.delivery.clone()).collect();
        if !back.is_empty() {
            self.record(Event::SetBack { wave: wave.clone(), deliveries: back })?;
        }
        stop_if_halted(step, halted)
    }

    fn deliveries(&self, count: usize) -> Result<&'a dyn Delivery, Stopped> {
        self.systems.delivery.ok_or(Stopped::NoCluster(count))
    }

    /// What a port that waits on its own answers, unless the operator stops it: nothing that it does is lost by not waiting.
    async fn unless_interrupted<T>(&self, step: Where, answer: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            answer = answer => Ok(answer),
            () = self.interrupt.wait() => Err(Stopped::Interrupted(step)),
        }
    }
}

/// Those that are well, and those that are not.
fn sorted_out(names: &[DeliveryName], results: Vec<Result<(), Stuck>>) -> (Vec<DeliveryName>, Vec<Halted>) {
    let (mut well, mut halted) = (Vec::new(), Vec::new());
    for (name, result) in names.iter().zip(results) {
        match result {
            Ok(()) => well.push(name.clone()),
            Err(stuck) => halted.push(Halted { delivery: name.clone(), stuck }),
        }
    }
    (well, halted)
}

fn stop_if_halted(step: Where, halted: Vec<Halted>) -> Result<(), Stopped> {
    if halted.is_empty() { Ok(()) } else { Err(Stopped::Halted { step, halted }) }
}
