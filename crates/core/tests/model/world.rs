//! The world of the model: two stores, an anchor, two operators, and what is on its way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use migrate_core::{
    codec::Encoding,
    handover::{Begun, Event, PlanDigest, Runner, promise::Truth},
    id::{Epoch, LedgerId, SourceVersion, TargetVersion, WaveName},
    ledger::Anchor,
    name::{SecretArn, SecretName},
    observed::{FenceSeen, Mark, Sighting, SourceSecret, TargetEntry, VersionMap},
};

use crate::{ledger::Ledger, process::Process};

/// What never changes: one secret, one wave, one ledger.
pub(crate) struct Names {
    pub(crate) secret: SecretName,
    pub(crate) wave: WaveName,
    pub(crate) ledger: LedgerId,
}

pub(crate) static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    secret: SecretName::parse("app/secret").unwrap(),
    wave: WaveName::parse("w").unwrap(),
    ledger: LedgerId::new("ledger"),
});

/// The versions of the secret once its `value`th value has been written.
pub(crate) fn versions(value: u8) -> Arc<VersionMap> {
    static KNOWN: LazyLock<Vec<Arc<VersionMap>>> = LazyLock::new(|| {
        let labelled = |value: u8| BTreeMap::from([(version(value), BTreeSet::from(["AWSCURRENT".to_owned()]))]);
        (0..8).map(|value| Arc::new(VersionMap(labelled(value)))).collect()
    });
    KNOWN[usize::from(value)].clone()
}

pub(crate) fn version(value: u8) -> SourceVersion {
    SourceVersion::new(value.to_string())
}

/// The member as a plan made at this moment describes it.
pub(crate) fn begun(value: u8) -> Arc<Begun> {
    Arc::new(Begun {
        source: NAMES.secret.clone(),
        path: NAMES.secret.vault_path().unwrap(),
        arn: SecretArn::new("arn"),
        versions: versions(value),
        encoding: Encoding::Text { property: "value".to_owned() },
        rotation: None,
        history: Vec::new(),
    })
}

pub(crate) fn plan() -> PlanDigest {
    PlanDigest("plan".into())
}

pub(crate) fn mark(epoch: Epoch) -> Mark {
    Mark { ledger: NAMES.ledger.clone(), wave: NAMES.wave.clone(), epoch }
}

/// The outgoing store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// Which of its writes it holds, the one it acknowledged last.
    pub(crate) value: u8,
    /// The fence in the stored policy, by the epoch of its mark.
    pub(crate) stored: Option<Epoch>,
    /// Whether writers are refused. Follows `stored` later.
    pub(crate) felt: bool,
}

/// The incoming store's entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// Our mark in its metadata.
    pub(crate) mark: Option<Epoch>,
    /// Of which value version 1 was made.
    pub(crate) value: Option<u8>,
}

/// One request that changes a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    /// Move the anchor to the ledger's last record, if its version is still this.
    Anchor { expected: u8, to: Ledger },
    /// Put the policy with our fence.
    Fence(Epoch),
    /// Put the policy, as it was read before, without our fence.
    Unfence,
    /// Write our mark.
    Stamp(Epoch),
    /// Create version 1, if nothing is there.
    Create(u8),
    /// Delete entry and history.
    Clear,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operator {
    pub(crate) ledger: Ledger,
    /// At most one: the ledger is locked.
    pub(crate) process: Option<Process>,
}

/// How often each kind of trouble may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) starts: u8,
    pub(crate) crashes: u8,
    pub(crate) pulls: u8,
    pub(crate) resets: u8,
    pub(crate) writes: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) source: Source,
    pub(crate) target: Target,
    pub(crate) anchor: Option<Anchor>,
    pub(crate) anchor_version: u8,
    /// The record that the anchor names, or one before it, commits.
    pub(crate) anchored_commit: bool,
    pub(crate) was_committed: bool,
    pub(crate) effect_without_lead: bool,
    pub(crate) operators: [Operator; 2],
    /// What crashed processes had sent and no store has seen yet.
    pub(crate) flying: Vec<Effect>,
    pub(crate) left: Budget,
}

pub(crate) const HOSTS: [&str; 2] = ["a", "b"];

impl World {
    /// Both operators have the ledger that `init` made; nothing has begun.
    pub(crate) fn new(budget: Budget) -> Self {
        let created = Event::Created { ledger: NAMES.ledger.clone() };
        let ledger = Ledger::empty().append("init", Epoch(0), created).unwrap();
        let operator = Operator { ledger, process: None };
        Self {
            source: Source { value: 0, stored: None, felt: false },
            target: Target::default(),
            anchor: None,
            anchor_version: 0,
            anchored_commit: false,
            was_committed: false,
            effect_without_lead: false,
            operators: [operator.clone(), operator],
            flying: Vec::new(),
            left: budget,
        }
    }

    /// A store carries out a request. Says whether its condition held.
    pub(crate) fn land(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Anchor { expected, to } => {
                let Some(head) = to.head().filter(|_| *expected == self.anchor_version) else { return false };
                self.anchor = Some(Anchor::naming(NAMES.ledger.clone(), head));
                self.anchor_version += 1;
                self.anchored_commit = is_committed(to);
            }
            Effect::Fence(epoch) => self.source.stored = Some(*epoch),
            Effect::Unfence => self.source.stored = None,
            Effect::Stamp(epoch) => self.target.mark = Some(*epoch),
            Effect::Create(value) => {
                if self.target.value.is_some() {
                    return false;
                }
                self.target.value = Some(*value);
            }
            Effect::Clear => self.target = Target::default(),
        }
        true
    }

    /// What is stored takes effect.
    pub(crate) fn feel(&mut self) {
        self.source.felt = self.source.stored.is_some();
    }

    pub(crate) fn is_felt(&self) -> bool {
        self.source.felt == self.source.stored.is_some()
    }

    pub(crate) fn is_alive(&self, runner: &Runner) -> bool {
        let lives = |(host, operator): (&&str, &Operator)| {
            *runner.host == **host && operator.process.as_ref().is_some_and(|process| process.number == runner.process)
        };
        HOSTS.iter().zip(&self.operators).any(lives)
    }

    pub(crate) fn see_fence(&self) -> Sighting<FenceSeen> {
        Sighting::Present(self.source.stored.map_or(FenceSeen::Open, |epoch| FenceSeen::Ours(mark(epoch))))
    }

    pub(crate) fn see_target(&self) -> Sighting<TargetEntry> {
        if self.target == Target::default() {
            return Sighting::Absent;
        }
        Sighting::Present(TargetEntry {
            current_version: self.target.value.map(|_| TargetVersion(1)),
            gone_versions: BTreeSet::new(),
            mark: self.target.mark.map(mark),
            custom_metadata: BTreeMap::new(),
            delete_version_after_seconds: 0,
        })
    }

    /// Everything of this world that the promises speak of, as nobody in it can see it.
    pub(crate) fn truth(&self, anchored: bool) -> Truth {
        let committed = self.is_committed(anchored);
        Truth {
            source_accepts: !self.source.felt,
            target_accepts: committed,
            source: Some(u32::from(self.source.value)),
            target: self.target.value.map(u32::from),
            acknowledged: u32::from(self.source.value),
            committed,
            was_committed: self.was_committed,
            leaders: self.leaders(anchored),
            effect_without_lead: self.effect_without_lead,
            ..Truth::default()
        }
    }

    /// A commit record counts: the anchor says so, or, where there is none, any ledger.
    pub(crate) fn is_committed(&self, anchored: bool) -> bool {
        if anchored { self.anchored_commit } else { self.operators.iter().any(|operator| is_committed(&operator.ledger)) }
    }

    /// Runs that lead and whose next decisive record would count.
    fn leaders(&self, anchored: bool) -> u32 {
        let leads = |process: &Process| process.leads && (!anchored || process.held == self.anchor_version);
        self.operators.iter().filter_map(|operator| operator.process.as_ref()).map(|process| u32::from(leads(process))).sum()
    }
}

pub(crate) fn is_committed(ledger: &Ledger) -> bool {
    ledger.state().is_handed_over(&NAMES.secret)
}

/// At the outgoing store, as it is.
pub(crate) fn see_source(value: u8) -> Sighting<SourceSecret> {
    Sighting::Present(SourceSecret::plain(SecretArn::new("arn"), versions(value).as_ref().clone()))
}
