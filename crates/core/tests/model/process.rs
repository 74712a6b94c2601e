// long because the sub-steps of one run read best in the order in which the driver takes them
//! One run of the tool, walked in the order of the driver: at most one interaction with the world a turn.
//!
//! What is to do is decided by production `decide`, what a look means by production `judge`, which record may follow by production `next`.
//! Here is only the order in between. A turn may append records before or after a *look*, never around an effect: so a crash is possible
//! before and after each effect and each record.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    handover::{
        Event, Goal, Handover, Member, MemberStep, Outcome, RunKind, Runner, Step, Violation, decide,
        judge::{self, Evidence, Obstacle, Takeover, TargetVerdict},
    },
    id::{Epoch, SourceVersion, TargetVersion, WaveName},
    ledger::{self, Anchor, Standing},
    name::SecretName,
    observed::{FenceSeen, Sighting},
};

use crate::{
    ledger::Ledger,
    world::{Effect, HOSTS, NAMES, Target, World, begun, mark, plan, see_source, version, versions},
};

/// The protocol as it is, or with one of its rules taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    /// There is an anchor, and decisive records only count once it names them.
    pub(crate) anchor: bool,
    /// The fence is made before the copy. Else it is recorded there, but made after the copy.
    pub(crate) fence_first: bool,
    /// Settling waits until what is stored is felt, and until nothing that a dead process sent is on its way.
    pub(crate) settle: bool,
    /// The lead is taken from a run that did not end only where that is dead.
    pub(crate) takeover: bool,
    /// When a run has taken the lead, nothing that a dead one sent is on its way any more. Else only once a settle time has passed.
    pub(crate) drain: bool,
    /// A decisive record that does not count yet stays the last one: nothing is appended behind it, not even that the run ended.
    pub(crate) last: bool,
    /// An adopted copy is stamped with the new epoch, and only such a copy is committed.
    pub(crate) stamp: bool,
}

impl Rules {
    /// The protocol.
    pub(crate) const ALL: Self =
        Self { anchor: true, fence_first: true, settle: true, takeover: true, drain: true, last: true, stamp: true };
}

/// What an operator types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    Apply(Goal),
    Rollback,
}

impl Command {
    fn run(self) -> RunKind {
        match self {
            Self::Apply(_) => RunKind::Apply,
            Self::Rollback => RunKind::Rollback,
        }
    }

    fn decide(self, state: &Handover) -> Step {
        let goal = match self {
            Self::Apply(goal) => goal,
            Self::Rollback => Goal::default(),
        };
        decide(state, &NAMES.wave, self.run(), goal)
    }
}

/// A live process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) command: Command,
    pub(crate) number: u32,
    /// The version of the anchor that it saw or made last.
    pub(crate) held: u8,
    /// It has taken the lead, as far as it knows.
    pub(crate) leads: bool,
    pub(crate) at: At,
}

/// What it does next, with what it remembers from the looks before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Open,
    AnchorAgain,
    Anchor,
    Conflict { opening: bool },
    Begin,
    Preflight,
    FenceIntent,
    FencePut,
    FenceRead,
    Settle,
    SettleVersions,
    CopyIntent,
    CopyLook,
    CopyRead { found: Option<u8> },
    Stamp { value: u8, adopt: bool },
    Create { value: u8 },
    ReadBack { value: u8, adopt: bool },
    Verify,
    LateFencePut,
    CommitFence,
    CommitVersions { fence: Option<Epoch> },
    CommitTarget { fence: Option<Epoch>, value: u8 },
    Confirm,
    RollbackIntent,
    ClearIntent,
    ClearLook,
    Clear,
    ClearRead,
    UnfenceIntent,
    UnfenceLook,
    UnfencePut,
    UnfenceRead,
    Finish,
    End(Outcome),
}

impl Process {
    pub(crate) fn new(command: Command, number: u32) -> Self {
        Self { command, number, held: 0, leads: false, at: At::Open }
    }
}

/// The request that `who`'s process is about to send, if its next turn is an effect.
pub(crate) fn effect(world: &World, who: usize) -> Option<Effect> {
    let operator = &world.operators[who];
    let process = operator.process.as_ref()?;
    let epoch = operator.ledger.state().epoch;
    Some(match process.at {
        At::AnchorAgain | At::Anchor => Effect::Anchor { expected: process.held, to: operator.ledger.clone() },
        At::FencePut | At::LateFencePut => Effect::Fence(epoch),
        At::Stamp { .. } => Effect::Stamp(epoch),
        At::Create { value } => Effect::Create(value),
        At::Clear => Effect::Clear,
        At::UnfencePut => Effect::Unfence,
        _ => return None,
    })
}

/// The answer to the request of this turn is lost: the process ends by itself, and the request may still land. An anchor that was not seen
/// to move leaves its record as the ledger's last, with nothing behind it.
pub(crate) fn lose(world: &mut World, who: usize, rules: Rules) {
    world.flying.extend(effect(world, who));
    let mut turn = Turn { world, who, rules };
    match turn.process().map(|process| process.at) {
        Some(At::Anchor | At::AnchorAgain) if rules.last => turn.exit(),
        _ => turn.go(At::End(Outcome::Incomplete)),
    }
}

/// Whether `who`'s process only waits for what the settle time brings.
pub(crate) fn waits(world: &World, who: usize, rules: Rules) -> bool {
    let at = world.operators[who].process.as_ref().map(|process| process.at);
    matches!(at, Some(At::Settle | At::Confirm)) && rules.settle && !world.is_felt()
}

/// Takes one turn of `who`'s process, which lives and does not wait.
pub(crate) fn turn(world: &mut World, who: usize, rules: Rules) {
    Turn { world, who, rules }.take();
}

struct Turn<'a> {
    world: &'a mut World,
    who: usize,
    rules: Rules,
}

impl Turn<'_> {
    fn take(&mut self) {
        let Some(process) = self.world.operators[self.who].process.clone() else { return };
        let own = mark(self.ledger().state().epoch);
        match process.at {
            At::Open => self.open(process.command, process.number),
            At::AnchorAgain => match self.send() {
                true => self.go(At::Open),
                false => self.go(At::Conflict { opening: true }),
            },
            At::Anchor => match self.send() {
                true => self.counts(),
                false => self.go(At::Conflict { opening: false }),
            },
            // A refusal tells nothing yet: somebody who pulled this ledger may have anchored this very record.
            At::Conflict { opening } => {
                let named = self.ledger().head().map(|head| Anchor::naming(NAMES.ledger.clone(), head));
                match opening {
                    _ if named != self.world.anchor => {
                        self.world.operators[self.who].ledger = self.ledger().trimmed();
                        self.exit();
                    }
                    true => self.go(At::Open),
                    false => self.counts(),
                }
            }
            At::Begin => {
                let members = BTreeMap::from([(NAMES.secret.clone(), begun(self.world.source.value))]);
                self.append(Event::Begin { wave: wave(), plan: plan(), members });
                self.decisive();
            }
            At::Preflight => self.preflight(),
            At::FenceIntent => {
                self.append(Event::FenceIntended { wave: wave(), members: names() });
                if self.rules.fence_first {
                    self.recheck(At::FencePut);
                } else {
                    self.fenced();
                }
            }
            At::FencePut => self.act(At::FenceRead),
            At::FenceRead => match judge::fence_stands(&own, &self.world.see_fence()) {
                Ok(()) => self.fenced(),
                Err(_) => self.blocked(),
            },
            At::Settle => self.settle(),
            At::SettleVersions => {
                let members = BTreeMap::from([(NAMES.secret.clone(), versions(self.world.source.value))]);
                self.append(Event::Settled { wave: wave(), after_seconds: 300, probes: 0, members });
                self.decide();
            }
            At::CopyIntent => {
                self.append(Event::CopyIntended { wave: wave(), members: names() });
                self.recheck(At::CopyLook);
            }
            At::CopyLook => match judge::target_for_copy(&own, &self.world.see_target()) {
                Ok(TargetVerdict::Create) => self.go(At::CopyRead { found: None }),
                Ok(TargetVerdict::Adopt(_)) => self.go(At::CopyRead { found: self.world.target.value }),
                Err(_) => self.blocked(),
            },
            At::CopyRead { found } => self.read(found),
            At::Stamp { value, adopt: true } => self.act(At::ReadBack { value, adopt: true }),
            At::Stamp { value, adopt: false } => self.act(At::Create { value }),
            At::Create { value } => self.act(At::ReadBack { value, adopt: false }),
            At::ReadBack { value, adopt } => self.read_back(value, adopt),
            At::Verify => {
                let members = BTreeMap::from([(NAMES.secret.clone(), (version_of(&self.member()), TargetVersion(1)))]);
                self.append(Event::Verified { wave: wave(), members });
                self.decide();
            }
            At::LateFencePut => self.act(At::CommitFence),
            At::CommitFence => self.go(At::CommitVersions { fence: self.world.source.stored }),
            At::CommitVersions { fence } => self.go(At::CommitTarget { fence, value: self.world.source.value }),
            At::CommitTarget { fence, value } => self.commit(fence, value),
            At::Confirm => self.confirm(),
            At::RollbackIntent => {
                self.append(Event::RollbackBegun { wave: wave() });
                self.decisive();
            }
            At::ClearIntent => self.recheck(At::ClearLook),
            // The same question as before a copy: only what bears our mark, of this epoch or an older one, is ours to take away.
            At::ClearLook => match (judge::target_for_copy(&own, &self.world.see_target()), self.world.see_target()) {
                (_, Sighting::Absent) => self.cleared(),
                (Ok(_), _) => self.go(At::Clear),
                (Err(_), _) => self.blocked(),
            },
            At::Clear => self.act(At::ClearRead),
            At::ClearRead => match self.world.see_target() {
                Sighting::Absent => self.cleared(),
                _ => self.blocked(),
            },
            At::UnfenceIntent => self.recheck(At::UnfenceLook),
            At::UnfenceLook => match judge::fence_stands(&own, &self.world.see_fence()) {
                Ok(()) => self.go(At::UnfencePut),
                Err(Obstacle::FenceMissing) => self.unfenced(),
                Err(_) => self.blocked(),
            },
            At::UnfencePut => self.act(At::UnfenceRead),
            At::UnfenceRead => match self.world.see_fence() {
                Sighting::Present(FenceSeen::Open) => self.unfenced(),
                _ => self.blocked(),
            },
            At::Finish => {
                self.append(Event::RolledBack { wave: wave() });
                self.decide();
            }
            At::End(outcome) => {
                self.append(Event::Ended { wave: wave(), outcome });
                self.exit();
            }
        }
    }

    /// Reads the anchor, finds out whether this ledger may go on and whether the lead may be taken, and drafts the record that takes it.
    fn open(&mut self, command: Command, number: u32) {
        let ledger = self.ledger();
        let standing = match self.rules.anchor {
            true => ledger::judge(ledger.state().ledger.as_ref(), ledger.heads(), self.world.anchor.as_ref()),
            false => Standing::Current,
        };
        self.hold();
        match standing {
            Standing::Unanchored(_) => return self.go(At::AnchorAgain),
            Standing::Fresh | Standing::Current => {}
            Standing::Behind | Standing::Forked | Standing::Foreign(_) | Standing::AnchorSetBack => return self.exit(),
        }
        let state = ledger.state();
        if command.decide(state) == Step::Reached {
            return self.exit();
        }
        let is_dead = |runner: &Runner| Some(!self.rules.takeover || !self.world.is_alive(runner));
        if judge::takeover(state, is_dead, None) != Takeover::Free {
            return self.exit();
        }
        let runner = Runner { host: HOSTS[self.who].into(), process: number };
        let lead = Event::Lead { wave: wave(), run: command.run(), runner, declared_dead: None };
        match ledger.append(HOSTS[self.who], state.epoch.raised(), lead) {
            Ok(ledger) => {
                self.world.operators[self.who].ledger = ledger;
                self.decisive();
            }
            Err(_) => self.exit(),
        }
    }

    /// Goes to the first turn of the step that production code decides for.
    fn decide(&mut self) {
        let Some(command) = self.process().map(|process| process.command) else { return };
        self.go(match command.decide(self.ledger().state()) {
            Step::Begin => At::Begin,
            Step::Preflight => At::Preflight,
            Step::Fence(_) => At::FenceIntent,
            Step::Settle => At::Settle,
            Step::Copy { .. } => At::CopyIntent,
            Step::Verify(_) => At::Verify,
            Step::Commit if self.rules.fence_first => At::CommitFence,
            Step::Commit => At::LateFencePut,
            Step::Confirm => At::Confirm,
            Step::BeginRollback => At::RollbackIntent,
            Step::Clear(_) => At::ClearIntent,
            Step::Unfence(_) => At::UnfenceIntent,
            Step::FinishRollback => At::Finish,
            // The one secret here is not rotated, and no command here retires it.
            Step::CancelRotation(_)
            | Step::AwaitRotation(_)
            | Step::RestoreRotation(_)
            | Step::BeginSwitch
            | Step::Switch(_)
            | Step::Seal(_)
            | Step::SettleSeal
            | Step::GiveBack(_)
            | Step::Complete
            | Step::BeginRetire
            | Step::Retire(_)
            | Step::FinishRetire
            | Step::Reached => At::End(Outcome::Reached),
        });
    }

    fn preflight(&mut self) {
        let member = self.member();
        let source = judge::source_as_planned(&member.begun, &see_source(self.world.source.value));
        let target = judge::target_for_copy(&mark(self.ledger().state().epoch), &self.world.see_target());
        if source.is_err() || target.is_err() {
            return self.blocked();
        }
        self.append(Event::Preflighted { wave: wave() });
        self.decide();
    }

    fn fenced(&mut self) {
        self.append(Event::Fenced { wave: wave(), members: names() });
        self.decide();
    }

    fn settle(&mut self) {
        if self.rules.settle {
            self.world.flying.clear();
        }
        match judge::fence_stands(&mark(self.ledger().state().epoch), &self.world.see_fence()) {
            Err(obstacle) if self.rules.fence_first => self.violated(&obstacle),
            _ => self.go(At::SettleVersions),
        }
    }

    /// Reads the value. Only the version that was settled may be copied, and what is adopted must be equal to it.
    fn read(&mut self, found: Option<u8>) {
        let value = self.world.source.value;
        if Some(&version(value)) != self.member().version() || found.is_some_and(|found| found != value) {
            return self.blocked();
        }
        let adopt = found.is_some();
        self.go(if adopt && !self.rules.stamp { At::ReadBack { value, adopt } } else { At::Stamp { value, adopt } });
    }

    fn read_back(&mut self, value: u8, adopt: bool) {
        let stamped = if self.rules.stamp || !adopt { Some(self.ledger().state().epoch) } else { self.world.target.mark };
        if self.world.target != (Target { mark: stamped, value: Some(value) }) {
            return self.blocked();
        }
        self.append(Event::Copied { wave: wave(), members: BTreeMap::from([(NAMES.secret.clone(), TargetVersion(1))]) });
        self.decide();
    }

    fn commit(&mut self, fence: Option<Epoch>, value: u8) {
        let member = self.member();
        let evidence = Evidence {
            source: see_source(value),
            fence: Sighting::Present(fence.map_or(FenceSeen::Open, |epoch| FenceSeen::Ours(mark(epoch)))),
            target: self.world.see_target(),
        };
        if let Err(obstacle) = judge::member_stands(&mark(self.stamped()), &member, &evidence) {
            return self.violated(&obstacle);
        }
        self.append(Event::Committed { wave: wave() });
        self.decisive();
    }

    fn confirm(&mut self) {
        let evidence = Evidence {
            source: see_source(self.world.source.value),
            fence: self.world.see_fence(),
            target: self.world.see_target(),
        };
        match judge::member_stands(&mark(self.stamped()), &self.member(), &evidence) {
            Ok(()) => {
                self.append(Event::Confirmed { wave: wave() });
                self.decide();
            }
            Err(obstacle) => self.violated(&obstacle),
        }
    }

    /// Records what somebody else did, where it was somebody else, and stops.
    fn violated(&mut self, obstacle: &Obstacle) {
        if let Some(kind) = judge::violation(obstacle) {
            let violation = Violation { name: NAMES.secret.clone(), kind };
            self.append(Event::Violated { wave: wave(), violations: vec![violation] });
        }
        self.blocked();
    }

    /// The epoch that a committed copy bears: that of the run that copied, which is not always the one that looks.
    fn stamped(&self) -> Epoch {
        match (self.rules.stamp, self.world.target.mark, self.member().step) {
            (false, Some(found), _) => found,
            (_, _, MemberStep::Verified { epoch, .. }) => epoch,
            _ => self.ledger().state().epoch,
        }
    }

    fn cleared(&mut self) {
        self.append(Event::Cleared { wave: wave(), members: names() });
        self.decide();
    }

    fn unfenced(&mut self) {
        self.append(Event::Unfenced { wave: wave(), members: names() });
        self.decide();
    }

    /// Sends the request of this turn and, where its condition held, goes on; else stops for somebody to look.
    fn act(&mut self, then: At) {
        let epoch = self.ledger().state().epoch;
        let leads = !self.rules.anchor || self.world.anchor.as_ref().is_some_and(|anchor| anchor.epoch == epoch);
        self.world.effect_without_lead |= !leads;
        if self.send() { self.go(then) } else { self.blocked() }
    }

    fn send(&mut self) -> bool {
        let Some(effect) = effect(self.world, self.who) else { return false };
        self.world.land(&effect)
    }

    /// Before an effect: does this run still lead?
    fn recheck(&mut self, then: At) {
        let epoch = self.ledger().state().epoch;
        match &self.world.anchor {
            Some(anchor) if self.rules.anchor && anchor.epoch != epoch => self.exit(),
            _ => self.go(then),
        }
    }

    /// A decisive record was appended: it counts once the anchor has moved to it.
    fn decisive(&mut self) {
        if self.rules.anchor { self.go(At::Anchor) } else { self.counts() }
    }

    fn counts(&mut self) {
        self.hold();
        if self.rules.drain {
            self.world.flying.clear();
        }
        if let Some(process) = &mut self.world.operators[self.who].process {
            process.leads = true;
        }
        self.decide();
    }

    fn hold(&mut self) {
        let version = self.world.anchor_version;
        if let Some(process) = &mut self.world.operators[self.who].process {
            process.held = version;
        }
    }

    fn blocked(&mut self) {
        self.go(At::End(Outcome::Blocked));
    }

    fn exit(&mut self) {
        self.world.operators[self.who].process = None;
    }

    fn go(&mut self, at: At) {
        if let Some(process) = &mut self.world.operators[self.who].process {
            process.at = at;
        }
    }

    /// Appends under the epoch that this run leads. A run never drafts what the protocol refuses.
    fn append(&mut self, event: Event) {
        let (ledger, kind) = (self.ledger(), event.kind());
        let appended = ledger.append(HOSTS[self.who], ledger.state().epoch, event);
        self.world.operators[self.who].ledger = appended.unwrap_or_else(|refusal| panic!("{kind} was refused: {refusal}"));
    }

    fn ledger(&self) -> Ledger {
        self.world.operators[self.who].ledger.clone()
    }

    fn process(&self) -> Option<&Process> {
        self.world.operators[self.who].process.as_ref()
    }

    fn member(&self) -> Member {
        self.ledger().state().waves[&NAMES.wave].members[&NAMES.secret].clone()
    }
}

fn wave() -> WaveName {
    NAMES.wave.clone()
}

fn names() -> BTreeSet<SecretName> {
    BTreeSet::from([NAMES.secret.clone()])
}

fn version_of(member: &Member) -> SourceVersion {
    member.version().unwrap().clone()
}
