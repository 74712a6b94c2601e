//! The state graph, its properties, and how a refutation is shown.

use std::{collections::HashMap, sync::Mutex};

use migrate_core::{
    handover::{Goal, Stage, promise},
    ledger::Standing,
};
use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use crate::{
    process::{At, Command, Process, Rules, effect, lose, turn, waits},
    world::{Budget, HOSTS, NAMES, Operator, World, is_committed},
};

/// The protocol under `rules`, with trouble within `budget`.
pub(crate) struct Protocol {
    rules: Rules,
    commands: &'static [Command],
    budget: Budget,
    resumed: Mutex<HashMap<World, bool>>,
}

/// What an operator may type: `apply` stops before the irreversible step unless it is told to commit.
pub(crate) const EVERY: &[Command] = &[Command::Apply(Goal::Verify), Command::Apply(Goal::Commit), Command::Rollback];

/// The same for operators who always commit: fewer states.
pub(crate) const COMMITTING: &[Command] = &[Command::Apply(Goal::Commit), Command::Rollback];

/// What can happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// An operator starts the command.
    Start(usize, Command),
    /// Its process takes one turn.
    Turn(usize),
    /// Its process dies; a request that it was about to send was sent, or was not.
    Crash { who: usize, sent: bool },
    /// The answer to its request is lost, and it gives up; the request itself may arrive later.
    Lose(usize),
    /// A request of a dead process reaches its store.
    Land(usize),
    /// An operator takes the other one's ledger (git pull).
    Pull(usize),
    /// An operator's ledger is set back to its first records (git reset).
    Reset(usize, usize),
    /// Somebody writes a new value; the outgoing store takes it.
    Write,
    /// The stored policy takes effect.
    Feel,
}

impl Protocol {
    pub(crate) fn new(rules: Rules, commands: &'static [Command], budget: Budget) -> Self {
        Self { rules, commands, budget, resumed: Mutex::default() }
    }

    /// P6: from here the same command, undisturbed, arrives. Asked where nobody runs, for each ledger that its anchor accepts.
    fn resumes(&self, world: &World) -> bool {
        if world.operators.iter().any(|operator| operator.process.is_some()) {
            return true;
        }
        (0..2).all(|who| {
            let mut key = world.clone();
            key.left = self.budget;
            key.flying.clear();
            key.operators[1 - who].ledger = key.operators[who].ledger.clone();
            key.was_committed = false;
            if let Some(known) = self.resumed.lock().unwrap().get(&key) {
                return *known;
            }
            let arrives = self.arrives(key.clone(), who);
            self.resumed.lock().unwrap().insert(key, arrives);
            arrives
        })
    }

    fn arrives(&self, mut world: World, who: usize) -> bool {
        if !stands(&world, who) {
            return true;
        }
        let stage = |world: &World| world.operators[who].ledger.state().waves.get(&NAMES.wave).map(|wave| wave.stage);
        if stage(&world) != Some(Stage::RollingBack) {
            self.run(&mut world, who, Command::Apply(Goal::Commit));
            if world.anchored_commit {
                return true;
            }
            // Begun, and the world has moved since it was planned: that is said before anything was touched, and the way is back.
            if stage(&world) != Some(Stage::Begun) {
                return false;
            }
        }
        self.run(&mut world, who, Command::Rollback);
        stage(&world) == Some(Stage::RolledBack) && world.source.stored.is_none()
    }

    fn run(&self, world: &mut World, who: usize, command: Command) {
        let number = 100 + u32::from(command == Command::Rollback);
        world.operators[who].process = Some(Process::new(command, number));
        while world.operators[who].process.is_some() {
            world.feel();
            turn(world, who, self.rules);
        }
    }
}

/// Whether the ledger has what its anchor names. One that was cut, reset or left behind by another clone has to be pulled again; nobody sets the
/// anchor itself back in this world, so a ledger that seems to say so counts as one that ought to resume.
fn stands(world: &World, who: usize) -> bool {
    let ledger = &world.operators[who].ledger;
    let standing = migrate_core::ledger::judge(ledger.state().ledger.as_ref(), ledger.heads(), world.anchor.as_ref());
    !matches!(standing, Standing::Behind | Standing::Forked)
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.budget)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let left = world.left;
        for who in 0..2 {
            let operator = &world.operators[who];
            let other = &world.operators[1 - who];
            if operator.process.is_some() {
                if !waits(world, who, self.rules) {
                    actions.push(Action::Turn(who));
                }
                if left.crashes > 0 {
                    actions.push(Action::Crash { who, sent: false });
                    if effect(world, who).is_some() {
                        actions.push(Action::Crash { who, sent: true });
                        actions.push(Action::Lose(who));
                    }
                }
                continue;
            }
            // The operators are alike, so the first is called a.
            if left.starts > 0 && (who == 0 || left.starts < self.budget.starts) {
                actions.extend(self.commands.iter().map(|command| Action::Start(who, *command)));
            }
            if left.pulls > 0 && operator.ledger != other.ledger {
                actions.push(Action::Pull(who));
            }
            if left.resets > 0 {
                actions.extend((1..operator.ledger.heads().len()).map(|length| Action::Reset(who, length)));
            }
        }
        actions.extend((0..world.flying.len()).map(Action::Land));
        if left.writes > 0 && !world.source.felt {
            actions.push(Action::Write);
        }
        if !world.is_felt() {
            actions.push(Action::Feel);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Start(who, command) => {
                let number = u32::from(self.budget.starts - world.left.starts);
                world.left.starts -= 1;
                world.operators[who].process = Some(Process::new(command, number));
            }
            Action::Turn(who) => turn(&mut world, who, self.rules),
            Action::Crash { who, sent } => {
                world.left.crashes -= 1;
                if sent {
                    world.flying.extend(effect(last, who));
                }
                world.operators[who].process = None;
            }
            Action::Lose(who) => {
                world.left.crashes -= 1;
                lose(&mut world, who, self.rules);
            }
            Action::Land(which) => {
                let effect = world.flying.remove(which);
                world.land(&effect);
            }
            Action::Pull(who) => {
                world.left.pulls -= 1;
                world.operators[who].ledger = world.operators[1 - who].ledger.clone();
            }
            Action::Reset(who, length) => {
                world.left.resets -= 1;
                world.operators[who].ledger = world.operators[who].ledger.prefix(length);
            }
            Action::Write => {
                world.left.writes -= 1;
                world.source.value += 1;
            }
            Action::Feel => world.feel(),
        }
        world.was_committed |= world.is_committed(self.rules.anchor);
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! promise {
            ($name:literal, $predicate:path) => {
                Property::always($name, |protocol: &Self, world: &World| $predicate(&world.truth(protocol.rules.anchor)))
            };
        }
        vec![
            promise!("P1 never two", promise::p1_never_two),
            promise!("P2 never none", promise::p2_never_none),
            promise!("P3 no lost write", promise::p3_no_lost_write),
            promise!("P5 forward only", promise::p5_forward_only),
            promise!("P7 one winner", promise::p7_one_winner),
            Property::always("P6 resumable", |protocol: &Self, world: &World| {
                !(protocol.rules.anchor && protocol.rules.drain) || promise::p6_resumable(protocol.resumes(world))
            }),
            Property::sometimes("committed", |_, world: &World| world.anchored_commit),
            Property::sometimes("rolled back", |_, world: &World| {
                world.operators.iter().any(|operator| stage(operator) == Some(Stage::RolledBack))
            }),
            Property::sometimes("contended", |_, world: &World| is_at(world, |at| matches!(at, At::Conflict { .. }))),
            Property::sometimes("adopted", |_, world: &World| is_at(world, |at| matches!(at, At::ReadBack { adopt: true, .. }))),
            Property::sometimes("late write settled and committed", |_, world: &World| {
                world.anchored_commit && world.operators.iter().any(moved_before_settling)
            }),
            Property::sometimes("a request of a dead run on its way under a later lead", |_, world: &World| {
                !world.flying.is_empty() && world.operators.iter().filter_map(|o| o.process.as_ref()).any(|process| process.leads)
            }),
        ]
    }
}

fn stage(operator: &Operator) -> Option<Stage> {
    operator.ledger.state().waves.get(&NAMES.wave).map(|wave| wave.stage)
}

fn moved_before_settling(operator: &Operator) -> bool {
    let member = operator.ledger.state().waves.get(&NAMES.wave).and_then(|wave| wave.members.get(&NAMES.secret));
    is_committed(&operator.ledger) && member.is_some_and(|member| member.versions != member.begun.versions)
}

fn is_at(world: &World, wanted: fn(At) -> bool) -> bool {
    world.operators.iter().filter_map(|operator| operator.process.as_ref()).any(|process| wanted(process.at))
}

/// A counterexample in one line a change of what happens: turns of one process are counted, not listed.
pub(crate) fn trace(path: Path<World, Action>) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    for action in path.into_actions() {
        if let Action::Turn(who) = action {
            match &mut last {
                Some((same, count)) if *same == who => {
                    *count += 1;
                    lines.pop();
                }
                _ => last = Some((who, 1)),
            }
            let count = last.map_or(1, |(_, count)| count);
            lines.push(format!("{} takes {count} turns", HOSTS[who]));
        } else {
            last = None;
            lines.push(format!("{action:?}"));
        }
    }
    lines.join("\n  ")
}

/// Looks for a counterexample to each of `promises`.
pub(crate) fn refute(rules: Rules, commands: &'static [Command], budget: Budget, promises: &'static [&'static str]) {
    let wanted = HasDiscoveries::AllOf(promises.iter().copied().collect());
    let checker = Protocol::new(rules, commands, budget).checker().finish_when(wanted).spawn_bfs().join();
    for name in promises {
        let path = checker.discovery(name).unwrap_or_else(|| panic!("{name} held without {rules:?}"));
        println!(
            "{name} is refuted in {} steps, within {} states:\n  {}",
            path.clone().into_actions().len(),
            checker.unique_state_count(),
            trace(path)
        );
    }
}
