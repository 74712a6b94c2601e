//! What an event that was allowed changes in its wave.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    DeliveryStep as Way, Event, MemberStep, Retirement, RotationStep as Rotation, SealStep, Stage, UrgentStep, Wave,
};
use crate::{
    id::{DeliveryName, Epoch},
    name::SecretName,
};

impl Wave {
    pub(super) fn apply(&mut self, epoch: Epoch, event: &Event) {
        use MemberStep as At;
        match event {
            Event::Preflighted { .. } => self.stage = Stage::Preflighted,
            Event::RotationCancelIntended { members, .. } => self.set_rotation(members.iter(), Rotation::CancelIntended),
            Event::RotationCancelled { members, .. } => self.set_rotation(members.iter(), Rotation::Cancelled),
            Event::RotationEnded { members, .. } => self.set_rotation(members.iter(), Rotation::Ended),
            Event::FenceIntended { members, .. } => self.set(members.iter(), |_| At::FenceIntended),
            Event::Fenced { members, .. } => {
                self.fenced_under = Some(epoch);
                self.set(members.iter(), |_| At::Fenced);
            }
            Event::Settled { members, .. } => {
                self.stage = Stage::Settled;
                for (name, versions) in members {
                    if let Some(member) = self.members.get_mut(name) {
                        member.versions = versions.clone();
                    }
                }
            }
            Event::CopyIntended { members, .. } => self.set(members.iter(), |_| At::CopyIntended { epoch }),
            Event::Copied { members, .. } => {
                let target = |name: &SecretName| members.get(name).copied();
                self.set_known(members, |name| target(name).map(|target| At::Copied { epoch, target }));
            }
            Event::Verified { members, .. } => {
                self.set_known(members, |name| members.get(name).map(|(_, target)| At::Verified { epoch, target: *target }));
            }
            Event::Committed { .. } => self.stage = Stage::Committed,
            Event::Confirmed { .. } => self.stage = Stage::Confirmed,
            Event::SwitchBegun { deliveries, .. } => {
                self.stage = Stage::Switching;
                self.deliveries = deliveries.iter().map(|name| (name.clone(), Way::Old)).collect();
            }
            Event::SwitchIntended { deliveries, .. } => self.set_way(deliveries, Way::Intended),
            Event::Switched { deliveries, .. } => self.set_way(deliveries, Way::Switched),
            Event::SetBack { deliveries, .. } => {
                self.stage = Stage::Switching;
                self.set_way(deliveries, Way::Old);
            }
            Event::DeclaredGone { deliveries, .. } => self.set_way(deliveries, Way::Gone),
            Event::GivenBack { deliveries, .. } => self.set_way(deliveries, Way::GivenBack),
            Event::SealIntended { members, .. } => self.set_seal(members, SealStep::Intended),
            Event::Sealed { members, .. } => self.set_seal(members, SealStep::Sealed),
            Event::SealSettled { .. } => self.stage = Stage::Sealed,
            Event::SealLifted { members, .. } => {
                self.stage = Stage::Switching;
                self.set_seal(members, SealStep::Open);
            }
            Event::Completed { .. } => self.stage = Stage::Completed,
            Event::UrgentIntended { name, .. } => {
                if let Some(member) = self.members.get_mut(name) {
                    member.urgent = UrgentStep::Intended;
                }
            }
            Event::UrgentWritten { name, target, .. } => {
                if let Some(member) = self.members.get_mut(name)
                    && let At::Verified { epoch, .. } = member.step
                {
                    member.step = At::Verified { epoch, target: *target };
                    member.urgent = UrgentStep::Written;
                }
            }
            Event::Violated { .. } => self.violated = true,
            Event::LeftOut { members, .. } => {
                for name in members {
                    if let Some((name, member)) = self.members.remove_entry(name) {
                        self.leaving.insert(name, member);
                    }
                }
            }
            Event::RollbackBegun { .. } => {
                self.stage = Stage::RollingBack;
                self.members.append(&mut self.leaving);
            }
            Event::Cleared { members, .. } => self.set(members.iter(), |_| At::Cleared),
            Event::Unfenced { members, .. } => {
                self.set(members.iter(), |_| At::Unfenced);
                self.let_go();
            }
            Event::RotationRestored { members, .. } => {
                self.set_rotation(members.iter(), Rotation::Restored);
                self.let_go();
            }
            Event::RolledBack { .. } => self.stage = Stage::RolledBack,
            Event::RetireBegun { .. } => self.stage = Stage::Retiring,
            Event::ReplicaRemovalIntended { members, .. } => {
                self.set_retirement(members.keys(), |_| Retirement::RemovingReplicas);
            }
            Event::ReplicasRemoved { members, .. } => self.set_retirement(members.keys(), |_| Retirement::Alone),
            Event::DeleteIntended { members, .. } => self.set_retirement(members.iter(), |_| Retirement::DeleteIntended),
            Event::DeleteScheduled { members, .. } => self.set_retirement(members.keys(), |name| {
                members.get(name).map_or(Retirement::DeleteIntended, |until| Retirement::Scheduled { until: *until })
            }),
            Event::Retired { .. } => self.stage = Stage::Retired,
            Event::Created { .. } | Event::Lead { .. } | Event::Begin { .. } | Event::Ended { .. } => {}
        }
    }

    fn set<'a>(&mut self, names: impl Iterator<Item = &'a SecretName>, step: impl Fn(&SecretName) -> MemberStep) {
        for name in names {
            if let Some(member) = self.member_mut(name) {
                member.step = step(name);
            }
        }
    }

    fn set_retirement<'a>(&mut self, names: impl Iterator<Item = &'a SecretName>, step: impl Fn(&SecretName) -> Retirement) {
        for name in names {
            if let Some(member) = self.members.get_mut(name) {
                member.retirement = step(name);
            }
        }
    }

    fn set_way(&mut self, names: &BTreeSet<DeliveryName>, to: Way) {
        for name in names {
            if let Some(way) = self.deliveries.get_mut(name) {
                *way = to;
            }
        }
    }

    fn set_seal(&mut self, names: &BTreeSet<SecretName>, to: SealStep) {
        for name in names {
            if let Some(member) = self.members.get_mut(name) {
                member.seal = to;
            }
        }
    }

    fn set_rotation<'a>(&mut self, names: impl Iterator<Item = &'a SecretName>, step: Rotation) {
        for name in names {
            if let Some(member) = self.member_mut(name) {
                member.rotation = step;
            }
        }
    }

    /// Those that were left out and have nothing of ours any more are free for another wave.
    fn let_go(&mut self) {
        self.leaving.retain(|_, member| !member.is_released());
    }

    fn set_known<T>(&mut self, names: &BTreeMap<SecretName, T>, step: impl Fn(&SecretName) -> Option<MemberStep>) {
        for name in names.keys() {
            if let (Some(member), Some(step)) = (self.members.get_mut(name), step(name)) {
                member.step = step;
            }
        }
    }
}
