//! Events that nobody planned.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use migrate_core::{
    handover::{
        DeliveryStep, Event, Handover, Outcome, Retirement, RotationStep, RunKind, SealStep, Stage, Violation, ViolationKind,
    },
    id::{DeliveryName, Epoch, TargetVersion, WaveName},
    name::SecretName,
};
use proptest::prelude::*;

use crate::{begin, created, delivery, lead, secret, version, versions, wave_name};

/// An event by its ingredients: made concrete where it is tried, so that it is often, but not always, one that may follow.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    kind: usize,
    wave: usize,
    members: Vec<usize>,
    /// How far off the epoch is that would be right.
    off: i64,
    version: u64,
    back: bool,
}

pub(crate) fn draws(longest: usize) -> impl Strategy<Value = Vec<Draw>> {
    // Waves and steps in their usual order are rare among random events, so the right ones are drawn more often than not.
    let members = prop::collection::vec(0..3usize, 0..3);
    let off = prop_oneof![9 => Just(0), 1 => -1..=1i64];
    let draw = (0..25usize, 0..2usize, members, off, 1..3u64, prop::bool::weighted(0.3))
        .prop_map(|(kind, wave, members, off, version, back)| Draw { kind, wave, members, off, version, back });
    prop::collection::vec(draw, 0..longest)
}

impl Draw {
    pub(crate) fn event(&self, state: &Handover) -> (Epoch, Event) {
        let wave = wave_name(self.wave);
        let names: Vec<SecretName> = match (self.members.as_slice(), state.waves.get(&wave)) {
            // Most often the wave's own members.
            ([_], Some(wave)) if self.back && !wave.leaving.is_empty() => wave.leaving.keys().cloned().collect(),
            ([_], Some(wave)) => wave.members.keys().cloned().collect(),
            (members, _) => members.iter().copied().map(secret).collect(),
        };
        let members: BTreeSet<SecretName> = names.iter().cloned().collect();
        let targets = || names.iter().map(|name| (name.clone(), TargetVersion(1))).collect();
        let run = match (self.back, self.version) {
            (false, _) => RunKind::Apply,
            (true, 1) => RunKind::Rollback,
            (true, _) if self.wave == 0 => RunKind::Retire,
            (true, _) => RunKind::Urgent,
        };
        let event = match self.kind {
            0 => created(),
            1 | 2 => lead(&wave, run),
            3 => begin(&wave, &names),
            4 => Event::Preflighted { wave },
            5 => Event::FenceIntended { wave, members },
            6 => Event::Fenced { wave, members },
            7 => {
                let members = names.iter().map(|name| (name.clone(), versions(self.version))).collect();
                Event::Settled { wave, after_seconds: 300, probes: 0, members }
            }
            8 => Event::CopyIntended { wave, members },
            9 => Event::Copied { wave, members: targets() },
            10 => {
                let equal = |name: &SecretName| (name.clone(), (version(self.version), TargetVersion(1)));
                Event::Verified { wave, members: names.iter().map(equal).collect() }
            }
            11 => Event::Committed { wave },
            12 if self.back => Event::Confirmed { wave },
            12 => {
                let violation = |name: &SecretName| Violation { name: name.clone(), kind: ViolationKind::FenceRemoved };
                Event::Violated { wave, violations: names.iter().map(violation).collect() }
            }
            13 => Event::RollbackBegun { wave },
            14 => Event::Cleared { wave, members },
            15 if self.back => Event::Unfenced { wave, members },
            15 => Event::RolledBack { wave },
            16 => Event::LeftOut { wave, members },
            17 => {
                // The next of the three steps of its rotation, or giving it back.
                let rotation = names.first().and_then(|name| state.waves.get(&wave)?.member(name)).map(|member| member.rotation);
                match rotation {
                    _ if self.back => Event::RotationRestored { wave, members },
                    Some(RotationStep::CancelIntended) => Event::RotationCancelled { wave, members },
                    Some(RotationStep::Cancelled) => Event::RotationEnded { wave, after_seconds: 900, members },
                    _ => Event::RotationCancelIntended { wave, members },
                }
            }
            18 => {
                let name = secret(self.members.first().copied().unwrap_or_default());
                if self.back {
                    Event::UrgentWritten { wave, name, target: TargetVersion(1 + self.version) }
                } else {
                    Event::UrgentIntended { wave, name, after: TargetVersion(self.version) }
                }
            }
            // The next of the steps of an old copy that goes, and one that is not.
            19 => match state
                .waves
                .get(&wave)
                .map(|held| (held.stage, held.members.values().next().map(|member| member.retirement)))
            {
                Some((Stage::Retiring, Some(Retirement::DeleteIntended))) => {
                    let members = names.iter().map(|name| (name.clone(), Timestamp::UNIX_EPOCH)).collect();
                    Event::DeleteScheduled { wave, members }
                }
                Some((Stage::Retiring, Some(Retirement::RemovingReplicas))) => {
                    Event::ReplicasRemoved { wave, members: regions(&names) }
                }
                Some((Stage::Retiring, Some(Retirement::Kept))) if self.back => {
                    Event::ReplicaRemovalIntended { wave, members: regions(&names) }
                }
                Some((Stage::Retiring, Some(Retirement::Scheduled { .. }))) => Event::Retired { wave },
                Some((Stage::Retiring, _)) => Event::DeleteIntended { wave, members },
                _ => Event::RetireBegun { wave, window_days: 30, soak_seconds: 1, members },
            },
            20 => Event::Retired { wave },
            21 | 22 => self.after_commit(state, wave, members),
            _ => Event::Ended { wave, outcome: Outcome::Incomplete },
        };
        let right = match event {
            Event::Created { .. } => 0,
            Event::Lead { .. } => state.epoch.raised().0,
            _ => state.epoch.0,
        };
        (Epoch(right.saturating_add_signed(self.off)), event)
    }
}

impl Draw {
    /// The next of the steps between the commit and the end, most often; another one else.
    fn after_commit(&self, state: &Handover, wave: WaveName, members: BTreeSet<SecretName>) -> Event {
        let all: BTreeSet<DeliveryName> = [delivery(0), delivery(1)].into();
        let some: BTreeSet<DeliveryName> = self.members.iter().map(|index| delivery(index % 2)).collect();
        let held = state.waves.get(&wave);
        let way = held.and_then(|held| held.deliveries.values().copied().min());
        let seal = held.and_then(|held| held.members.values().map(|member| member.seal).min());
        let deliveries = if self.version == 1 { all.clone() } else { some };
        match (held.map(|held| held.stage), way) {
            (Some(Stage::Confirmed), _) if self.back => Event::SwitchBegun { wave, deliveries: BTreeSet::new() },
            (Some(Stage::Confirmed), _) => Event::SwitchBegun { wave, deliveries: all },
            (Some(Stage::Switching), Some(DeliveryStep::Old)) if self.back => Event::DeclaredGone { wave, deliveries },
            (Some(Stage::Switching), Some(DeliveryStep::Old)) => Event::SwitchIntended { wave, deliveries },
            (Some(Stage::Switching), Some(DeliveryStep::Intended)) => Event::Switched { wave, deliveries },
            (Some(Stage::Switching | Stage::Sealed), Some(DeliveryStep::Switched)) if self.back && self.version == 2 => {
                Event::SetBack { wave, deliveries }
            }
            (Some(Stage::Switching), _) if self.back => Event::SealLifted { wave, members },
            (Some(Stage::Switching), _) => match seal {
                Some(SealStep::Open) => Event::SealIntended { wave, members },
                Some(SealStep::Intended) => Event::Sealed { wave, members },
                _ => Event::SealSettled { wave, after_seconds: 1, denied: None },
            },
            (Some(Stage::Sealed), Some(DeliveryStep::Switched)) => Event::GivenBack { wave, deliveries },
            (Some(Stage::Sealed), _) if self.back => Event::SealLifted { wave, members },
            _ => Event::Completed { wave },
        }
    }
}

pub(crate) fn regions(names: &[SecretName]) -> BTreeMap<SecretName, BTreeSet<String>> {
    names.iter().map(|name| (name.clone(), BTreeSet::from(["eu-west-1".to_owned()]))).collect()
}
