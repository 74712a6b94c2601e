//! Properties of `next`, `decide` and the ledger's chain, over events that nobody planned.
#![expect(clippy::unwrap_used, reason = "a test")]

mod draw;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use draw::{draws, regions};
use jiff::Timestamp;
use migrate_core::{
    codec::Encoding,
    handover::{
        Begun, DeliveryStep, Event, Goal, Handover, MemberStep, Outcome, PlanDigest, Retirement, RunKind, Runner, SealStep,
        Stage, Step, UrgentStep, decide, next,
    },
    id::{DeliveryName, Epoch, LedgerId, SourceVersion, TargetVersion, WaveName},
    ledger::{Broken, Chain, RecordHash, Tail},
    name::{SecretArn, SecretName},
    observed::{Rotation, VersionMap},
};
use proptest::prelude::*;

fn wave_name(index: usize) -> WaveName {
    WaveName::parse(["one", "two"][index]).unwrap()
}

fn secret(index: usize) -> SecretName {
    SecretName::parse(["a", "b/c", "d"][index]).unwrap()
}

fn versions(current: u64) -> Arc<VersionMap> {
    Arc::new(VersionMap(BTreeMap::from([(version(current), BTreeSet::from(["AWSCURRENT".to_owned()]))])))
}

fn version(current: u64) -> SourceVersion {
    SourceVersion::new(format!("version-{current}"))
}

fn begun(name: &SecretName) -> Arc<Begun> {
    Arc::new(Begun {
        source: name.clone(),
        path: name.vault_path().unwrap(),
        arn: SecretArn::new(format!("arn:{name}")),
        versions: versions(1),
        encoding: Encoding::Text { property: "value".to_owned() },
        rotation: (name == &secret(0)).then(|| Rotation { lambda_arn: Some("arn:lambda".to_owned()), ..Rotation::default() }),
        history: Vec::new(),
    })
}

fn delivery(index: usize) -> DeliveryName {
    DeliveryName::new(["apps/orders", "ClusterExternalSecret all"][index])
}

fn created() -> Event {
    Event::Created { ledger: LedgerId::new("ledger") }
}

fn lead(wave: &WaveName, run: RunKind) -> Event {
    Event::Lead { wave: wave.clone(), run, runner: Runner { host: "host".into(), process: 7 }, declared_dead: None }
}

fn begin(wave: &WaveName, names: &[SecretName]) -> Event {
    let members = names.iter().map(|name| (name.clone(), begun(name))).collect();
    Event::Begin { wave: wave.clone(), plan: PlanDigest("plan".into()), members }
}

/// Every wave to its end by `decide`, and what a run records on its way.
fn step(state: &Handover, wave: &WaveName, run: RunKind, goal: Goal, names: &[SecretName]) -> Option<Vec<Event>> {
    let w = || wave.clone();
    let set = |names: Vec<SecretName>| names.into_iter().collect::<BTreeSet<_>>();
    let verified = |names: &[SecretName]| {
        let equal = |name: &SecretName| (name.clone(), (version(2), TargetVersion(1)));
        Event::Verified { wave: w(), members: names.iter().map(equal).collect() }
    };
    Some(match decide(state, wave, run, goal) {
        Step::Begin => vec![begin(wave, names)],
        Step::Preflight => vec![Event::Preflighted { wave: w() }],
        Step::CancelRotation(names) => vec![
            Event::RotationCancelIntended { wave: w(), members: set(names.clone()) },
            Event::RotationCancelled { wave: w(), members: set(names) },
        ],
        Step::AwaitRotation(names) => vec![Event::RotationEnded { wave: w(), after_seconds: 900, members: set(names) }],
        Step::RestoreRotation(names) => vec![Event::RotationRestored { wave: w(), members: set(names) }],
        Step::Fence(names) => vec![
            Event::FenceIntended { wave: w(), members: set(names.clone()) },
            Event::Fenced { wave: w(), members: set(names) },
        ],
        Step::Settle => {
            let members = state.waves[wave].members.keys().map(|name| (name.clone(), versions(2))).collect();
            vec![Event::Settled { wave: w(), after_seconds: 300, probes: 1, members }]
        }
        Step::Copy { members, verify } => {
            let copied = members.iter().map(|name| (name.clone(), TargetVersion(1))).collect();
            let mut events = vec![Event::CopyIntended { wave: w(), members: set(members.clone()) }];
            events.push(Event::Copied { wave: w(), members: copied });
            events.extend(verify.then(|| verified(&members)));
            events
        }
        Step::Verify(names) => vec![verified(&names)],
        Step::Commit => vec![Event::Committed { wave: w() }],
        Step::Confirm => vec![Event::Confirmed { wave: w() }],
        Step::BeginSwitch => {
            vec![Event::SwitchBegun { wave: w(), deliveries: BTreeSet::from([delivery(0), delivery(1)]) }]
        }
        // One at a time.
        Step::Switch(names) => {
            let one = || BTreeSet::from([names[0].clone()]);
            vec![Event::SwitchIntended { wave: w(), deliveries: one() }, Event::Switched { wave: w(), deliveries: one() }]
        }
        Step::Seal(names) => {
            vec![Event::SealIntended { wave: w(), members: set(names.clone()) }, Event::Sealed { wave: w(), members: set(names) }]
        }
        Step::SettleSeal => vec![Event::SealSettled { wave: w(), after_seconds: 3_600, denied: None }],
        Step::GiveBack(names) => vec![Event::GivenBack { wave: w(), deliveries: names.into_iter().collect() }],
        Step::Complete => vec![Event::Completed { wave: w() }],
        Step::BeginRollback => vec![Event::RollbackBegun { wave: w() }],
        Step::Clear(names) => vec![Event::Cleared { wave: w(), members: set(names) }],
        Step::Unfence(names) => vec![Event::Unfenced { wave: w(), members: set(names) }],
        Step::FinishRollback => vec![Event::RolledBack { wave: w() }],
        Step::BeginRetire => {
            let members = state.waves[wave].members.keys().cloned().collect();
            vec![Event::RetireBegun { wave: w(), window_days: 30, soak_seconds: 604_800, members }]
        }
        // One at a time; the first one has a replica.
        Step::Retire(names) => {
            let one = names[..1].to_vec();
            let mut events = Vec::new();
            match state.waves[wave].members[&one[0]].retirement {
                Retirement::Kept if one[0] == secret(0) => {
                    events.push(Event::ReplicaRemovalIntended { wave: w(), members: regions(&one) });
                    events.push(Event::ReplicasRemoved { wave: w(), members: regions(&one) });
                }
                Retirement::RemovingReplicas => events.push(Event::ReplicasRemoved { wave: w(), members: regions(&one) }),
                _ => {}
            }
            events.push(Event::DeleteIntended { wave: w(), members: set(one.clone()) });
            let members = one.into_iter().map(|name| (name, Timestamp::UNIX_EPOCH)).collect();
            events.push(Event::DeleteScheduled { wave: w(), members });
            events
        }
        Step::FinishRetire => vec![Event::Retired { wave: w() }],
        Step::Reached => return None,
    })
}

/// A ledger as it is written: its chain, and its bytes.
#[derive(Clone, Default)]
struct Written {
    chain: Chain,
    bytes: Vec<u8>,
}

impl Written {
    fn append(&mut self, epoch: Epoch, event: Event) -> Result<(), migrate_core::handover::Refusal> {
        let record = self.chain.draft(Timestamp::UNIX_EPOCH, "operator@host", epoch, event)?;
        let line = record.to_line().unwrap();
        self.chain.accept(&record, RecordHash::of(&line))?;
        self.bytes.extend_from_slice(&line);
        self.bytes.push(b'\n');
        Ok(())
    }

    /// Takes the lead and goes on until there is nothing left to do.
    fn run(&mut self, wave: &WaveName, run: RunKind, goal: Goal, names: &[SecretName]) {
        if decide(self.chain.state(), wave, run, goal) == Step::Reached {
            return;
        }
        self.append(self.chain.state().epoch.raised(), lead(wave, run)).unwrap();
        while let Some(events) = step(self.chain.state(), wave, run, goal, names) {
            for event in events {
                self.append(self.chain.state().epoch, event).unwrap();
            }
        }
        self.append(self.chain.state().epoch, Event::Ended { wave: wave.clone(), outcome: Outcome::Reached }).unwrap();
    }

    fn lines(&self) -> Vec<&[u8]> {
        self.bytes.split_inclusive(|byte| *byte == b'\n').collect()
    }
}

/// A wave of two to its commit in two runs, and another one that goes back.
fn both_ends() -> Written {
    let mut written = Written::default();
    written.append(Epoch(0), created()).unwrap();
    let (one, two) = (wave_name(0), wave_name(1));
    written.run(&one, RunKind::Apply, Goal::Verify, &[secret(0), secret(1)]);
    written.run(&one, RunKind::Apply, Goal::Commit, &[secret(0), secret(1)]);
    written.run(&one, RunKind::Apply, Goal::Complete, &[secret(0), secret(1)]);
    written.run(&two, RunKind::Apply, Goal::Verify, &[secret(2)]);
    written.run(&two, RunKind::Rollback, Goal::Commit, &[secret(2)]);
    written.run(&one, RunKind::Retire, Goal::Commit, &[secret(0), secret(1)]);
    written
}

fn read(bytes: &[u8]) -> Result<(Chain, Tail), Broken> {
    Chain::read(bytes, |_| {})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// `next` is total; a refused event changes nothing, an accepted one keeps what the promises rest on; and the bytes fold to the same.
    #[test]
    fn any_events_are_taken_or_refused_and_read_back_the_same(draws in draws(120)) {
        let mut written = Written::default();
        written.append(Epoch(0), created()).unwrap();
        for draw in draws {
            let before = written.chain.clone();
            let (epoch, event) = draw.event(before.state());
            let folded = next(before.state().clone(), epoch, &event);
            let allowed = before.state().allows(epoch, &event);
            match written.append(epoch, event) {
                Ok(()) => {
                    prop_assert_eq!(&folded.unwrap(), written.chain.state());
                    keeps(before.state(), written.chain.state())?;
                }
                Err(refusal) => {
                    prop_assert_eq!(Err(refusal.clone()), allowed);
                    prop_assert_eq!(Err(refusal), folded);
                    prop_assert_eq!(&before, &written.chain);
                }
            }
        }
        prop_assert_eq!(read(&written.bytes), Ok((written.chain, Tail::Whole)));
    }

    /// A changed bit is found: by the chain or, in the last line, by a head that no anchor names.
    #[test]
    fn a_flipped_bit_is_found(at in any::<prop::sample::Index>(), bit in 0..8u32) {
        let written = both_ends();
        let mut bytes = written.bytes.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let last = written.bytes.len() - written.lines().last().unwrap().len();
        match read(&bytes) {
            Err(_) => {}
            Ok((chain, _)) => {
                prop_assert!(at >= last, "byte {at} of {} was changed and nobody saw it", bytes.len());
                prop_assert_ne!(chain.heads().last(), written.chain.heads().last());
            }
        }
    }
}

/// What may never change, whatever follows.
fn keeps(before: &Handover, after: &Handover) -> Result<(), TestCaseError> {
    prop_assert!(after.epoch >= before.epoch);
    for (name, wave) in &after.waves {
        let stage = before.waves.get(name).map(|wave| wave.stage);
        // P5: what is committed stays committed.
        prop_assert!(!stage.is_some_and(Stage::is_committed) || wave.stage.is_committed());
        // P1: only what was fenced and settled is copied, only what was verified by the run that leads is committed.
        let is_copied = |step: MemberStep| step.target().is_some() || matches!(step, MemberStep::CopyIntended { .. });
        // P3: a rotation that may be in flight is not fenced.
        prop_assert!(!wave.members.values().any(|member| member.may_be_rotating() && fenced_forward(wave.stage, member.step)));
        let is_early = matches!(wave.stage, Stage::Begun | Stage::Preflighted);
        prop_assert!(!is_early || !wave.members.values().any(|member| is_copied(member.step)));
        if wave.stage == Stage::Committed && stage != Some(Stage::Committed) {
            let proved = |step| matches!(step, MemberStep::Verified { epoch, .. } if epoch == after.epoch);
            prop_assert!(wave.members.values().all(|member| proved(member.step)));
        }
        // P8: an old copy goes only after nobody could read it any more, and only when asked; all of them before the wave is retired.
        let goes = wave.members.values().any(|member| member.retirement != Retirement::Kept);
        prop_assert!(!goes || matches!(wave.stage, Stage::Retiring | Stage::Retired));
        let begins = wave.stage == Stage::Retiring && stage != Some(Stage::Retiring);
        prop_assert!(
            !begins || stage == Some(Stage::Completed) && after.lead.as_ref().is_some_and(|lead| lead.run == RunKind::Retire)
        );
        // P4: writers are admitted, once, where nobody can read an old copy, and nobody is denied one who still reads it.
        let is_over = wave.deliveries.values().all(|way| way.is_over());
        let is_sealed = wave.members.values().all(|member| member.seal == SealStep::Sealed);
        prop_assert!(!(wave.stage == Stage::Sealed || wave.stage.is_completed()) || is_over && is_sealed);
        let earlier = before.waves.get(name);
        let closes = wave.members.iter().any(|(name, member)| {
            member.seal == SealStep::Intended && earlier.is_some_and(|wave| wave.members[name].seal == SealStep::Open)
        });
        prop_assert!(!closes || is_over);
        let completes = wave.stage.is_completed() && !stage.is_some_and(Stage::is_completed);
        let given = wave.deliveries.values().all(|way| matches!(way, DeliveryStep::GivenBack | DeliveryStep::Gone));
        prop_assert!(!completes || stage == Some(Stage::Sealed) && given);
        prop_assert!(wave.stage != Stage::Retired || wave.members.values().all(|member| member.is_retired()));
        let scheduled =
            before.waves.get(name).into_iter().flat_map(|wave| &wave.members).filter(|(_, member)| member.is_retired());
        prop_assert!(scheduled.into_iter().all(|(name, _)| wave.member(name).is_some_and(|member| member.is_retired())));
        // P9: nothing of ours is left, rotation included, at what went back or was left out.
        prop_assert!(wave.stage != Stage::RolledBack || wave.held().all(|(_, member)| member.is_released()));
        prop_assert!(wave.stage.is_committed() || !wave.members.is_empty());
        if let Some(earlier) = before.waves.get(name).filter(|earlier| earlier.stage != Stage::RolledBack) {
            let mut gone = earlier.held().filter(|(name, _)| wave.member(name).is_none());
            prop_assert!(gone.all(|(name, _)| earlier.leaving.contains_key(name)));
        }
    }
    // One secret, one wave (AUT-1).
    for index in 0..3 {
        let holds =
            |wave: &&migrate_core::handover::Wave| wave.stage != Stage::RolledBack && wave.member(&secret(index)).is_some();
        prop_assert!(after.waves.values().filter(holds).count() <= 1);
    }
    Ok(())
}

fn fenced_forward(stage: Stage, step: MemberStep) -> bool {
    (matches!(stage, Stage::Preflighted | Stage::Settled) || stage.is_committed()) && step != MemberStep::Planned
}

/// REQ OPS-2: a run that is cut off after any record is finished by the same command, at the same end.
#[test]
fn every_prefix_resumes_to_the_same_end() {
    let names = [secret(0), secret(1)];
    let wave = wave_name(0);
    for back in [false, true] {
        let mut whole = Written::default();
        whole.append(Epoch(0), created()).unwrap();
        whole.run(&wave, RunKind::Apply, if back { Goal::Verify } else { Goal::Complete }, &names);
        let (run, end) = if back { (RunKind::Rollback, Stage::RolledBack) } else { (RunKind::Apply, Stage::Completed) };
        let from = if back { whole.chain.heads().len() } else { 1 };
        whole.run(&wave, run, Goal::Complete, &names);
        let steps = |written: &Written| -> Vec<_> {
            let members = &written.chain.state().waves[&wave].members;
            members.values().map(|member| (member.versions.clone(), member.step.target(), member.step.is_fenced())).collect()
        };
        for length in from..=whole.chain.heads().len() {
            let bytes = whole.lines()[..length].concat();
            let mut resumed = Written { chain: read(&bytes).unwrap().0, bytes };
            resumed.run(&wave, run, Goal::Complete, &names);
            assert_eq!(resumed.chain.state().waves[&wave].stage, end, "resumed after record {length}");
            assert_eq!(steps(&resumed), steps(&whole), "resumed after record {length}");
            assert_eq!(read(&resumed.bytes), Ok((resumed.chain.clone(), Tail::Whole)));
        }
    }
}

/// P10: after commit one member at a time is given a new value, each on the version before; before it, none.
#[test]
fn a_member_that_was_handed_over_takes_one_urgent_value_after_the_other() {
    let (names, wave) = ([secret(0), secret(1)], wave_name(0));
    let mut written = Written::default();
    written.append(Epoch(0), created()).unwrap();
    written.run(&wave, RunKind::Apply, Goal::Verify, &names);
    let urgent = |written: &mut Written| {
        let epoch = written.chain.state().epoch.raised();
        written.append(epoch, lead(&wave, RunKind::Urgent)).map(|()| epoch)
    };
    urgent(&mut written).unwrap_err();
    written.run(&wave, RunKind::Apply, Goal::Commit, &names);
    let intended = |after| Event::UrgentIntended { wave: wave.clone(), name: secret(0), after: TargetVersion(after) };
    let stands = |target| Event::UrgentWritten { wave: wave.clone(), name: secret(0), target: TargetVersion(target) };
    for after in [1, 2] {
        let epoch = urgent(&mut written).unwrap();
        written.append(epoch, stands(after + 1)).unwrap_err();
        written.append(epoch, intended(after + 1)).unwrap_err();
        written.append(epoch, intended(after)).unwrap();
        written.append(epoch, stands(after + 2)).unwrap_err();
        written.append(epoch, stands(after + 1)).unwrap();
        let member = &written.chain.state().waves[&wave].members[&secret(0)];
        assert_eq!((member.step.target(), member.urgent), (Some(TargetVersion(after + 1)), UrgentStep::Written));
    }
    assert_eq!(written.chain.state().waves[&wave].members[&secret(1)].urgent, UrgentStep::None);
}

/// P6, P8: retiring that is cut off after any record is finished by the same command, and every member has a date.
#[test]
fn retiring_resumes_after_every_record_and_nothing_before_the_confirmation_is_retired() {
    let (names, wave) = ([secret(0), secret(1)], wave_name(0));
    let mut whole = Written::default();
    whole.append(Epoch(0), created()).unwrap();
    whole.run(&wave, RunKind::Apply, Goal::Complete, &names);
    let completed = whole.chain.heads().len();
    whole.run(&wave, RunKind::Retire, Goal::Commit, &names);
    for length in 1..=whole.chain.heads().len() {
        let bytes = whole.lines()[..length].concat();
        let mut resumed = Written { chain: read(&bytes).unwrap().0, bytes };
        let state = resumed.chain.state();
        let is_completed = state.waves.get(&wave).is_some_and(|wave| wave.stage.is_completed());
        if !is_completed {
            let epoch = state.epoch.raised();
            let refused = resumed.append(epoch, lead(&wave, RunKind::Retire));
            assert!(refused.is_err(), "retired after record {length}");
            continue;
        }
        assert!(length + 1 >= completed, "completed at record {length}");
        resumed.run(&wave, RunKind::Retire, Goal::Commit, &names);
        assert_eq!(resumed.chain.state().waves[&wave].stage, Stage::Retired, "resumed after record {length}");
        assert_eq!(resumed.chain.state().waves[&wave].members, whole.chain.state().waves[&wave].members);
        // P5: forward only, from here too.
        for run in [RunKind::Rollback, RunKind::Apply] {
            let epoch = resumed.chain.state().epoch.raised();
            assert!(resumed.append(epoch, lead(&wave, run)).is_err());
        }
    }
}

/// P10: one member leaves at any point before the commit, is released whatever was done to it, and the other one is handed over.
#[test]
fn a_member_left_out_anywhere_is_released_and_the_others_go_on() {
    let (names, wave) = ([secret(0), secret(1)], wave_name(0));
    let mut whole = Written::default();
    whole.append(Epoch(0), created()).unwrap();
    whole.run(&wave, RunKind::Apply, Goal::Verify, &names);
    let begun = whole.chain.heads().iter().position(|head| head.decisive && head.sequence > 1).unwrap();
    for length in begun + 1..whole.chain.heads().len() {
        for left in &names {
            let bytes = whole.lines()[..length].concat();
            let mut written = Written { chain: read(&bytes).unwrap().0, bytes };
            let out = || Event::LeftOut { wave: wave.clone(), members: BTreeSet::from([left.clone()]) };
            written.append(written.chain.state().epoch, out()).unwrap();
            // Of two, only one may leave.
            let other = names.iter().filter(|name| *name != left).cloned().collect();
            let nobody = Event::LeftOut { wave: wave.clone(), members: other };
            written.append(written.chain.state().epoch, nobody).unwrap_err();
            assert!(written.chain.state().holder_of(left).is_some(), "it is held until it is released");
            written.run(&wave, RunKind::Apply, Goal::Commit, &names);
            let state = written.chain.state();
            assert_eq!(state.waves[&wave].stage, Stage::Confirmed, "left out after record {length}");
            assert!(state.holder_of(left).is_none(), "left out after record {length}");
            assert_eq!(state.waves[&wave].members.len(), 1);
        }
    }
}

#[test]
fn a_cut_is_a_torn_tail_at_every_byte() {
    let written = both_ends();
    let mut whole = 0;
    for cut in 0..=written.bytes.len() {
        if cut > 0 && written.bytes[cut - 1] == b'\n' {
            whole = cut;
        }
        let (chain, tail) = read(&written.bytes[..cut]).unwrap();
        assert_eq!(tail, if whole == cut { Tail::Whole } else { Tail::Torn { keep: whole } }, "cut at {cut}");
        let lines = written.bytes[..whole].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(chain.heads(), &written.chain.heads()[..lines], "cut at {cut}");
    }
}

#[test]
fn lines_taken_out_swapped_or_doubled_are_found() {
    let written = both_ends();
    let lines = written.lines();
    let found = |lines: &[&[u8]], what: &str, at: usize| {
        let broken = read(&lines.concat()).unwrap_err();
        assert!(matches!(broken, Broken::Sequence { .. } | Broken::Hash { .. }), "line {at} {what}: {broken}");
    };
    for at in 0..lines.len() {
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        found(&doubled, "doubled", at);
        if at + 1 < lines.len() {
            let mut removed = lines.clone();
            removed.remove(at);
            found(&removed, "taken out", at);
            let mut swapped = lines.clone();
            swapped.swap(at, at + 1);
            found(&swapped, "swapped", at);
        }
    }
}
