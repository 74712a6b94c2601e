//! `migrate apply`: carries a plan out.

use std::collections::BTreeSet;

use driver::{ApplyTerms, Pace, Session, SessionSettings, TokioClock};
use migrate_core::{
    handover::{Goal, Handover, Stage, Wave},
    name::SecretName,
    plan::{self, CheckedPlan, Plan},
};
use serde::Serialize;

use super::{
    Context,
    plans::{self, PlanFile},
    stopped::stopped,
    switching,
};
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    ledger,
    process::{Proc, runner},
    settings::Settings,
    systems::Systems,
    ui::{Report, count, duration},
};

/// What a run did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied {
    /// The wave; nothing where no plan was open.
    wave: Option<String>,
    /// How far it is now.
    stage: Option<Stage>,
    /// How far it was to go.
    through: Goal,
    /// The goal had been reached before; nothing was changed.
    nothing_to_do: bool,
    members: usize,
    steps: Vec<Took>,
    ledger: String,
    /// The next command, where something is left to do.
    next: Option<String>,
}

/// How long a step took.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Took {
    pub(super) step: &'static str,
    pub(super) milliseconds: u64,
}

impl Report for Applied {
    fn text(&self) -> String {
        let Some(wave) = &self.wave else {
            return "nothing to do: every wave and every plan is at its end\n".to_owned();
        };
        let mut text = if self.nothing_to_do {
            format!("nothing to do: wave {wave} is {} already\n", reached(self.stage, self.through))
        } else {
            format!("wave {wave}: {} {}\n", count(self.members, "secret"), reached(self.stage, self.through))
        };
        for took in &self.steps {
            text += &format!("  {:16} {}\n", took.step, duration(std::time::Duration::from_millis(took.milliseconds)));
        }
        text += &format!("  {:16} {}\n", "ledger", self.ledger);
        if let Some(next) = &self.next {
            text += &format!("next: {next}\n");
        }
        text
    }
}

/// What lifting a seal did.
#[derive(Debug, Serialize)]
struct Lifted {
    wave: String,
    members: usize,
}

impl Report for Lifted {
    fn text(&self) -> String {
        let Self { wave, members } = self;
        let next = "`migrate apply --through seal` closes them again";
        format!("wave {wave}: old copies of {} can be read again\nnext: {next}\n", count(*members, "secret"))
    }
}

fn reached(stage: Option<Stage>, through: Goal) -> &'static str {
    match (stage, through) {
        (Some(Stage::Completed), _) => "complete: writers are admitted to Vault",
        (Some(Stage::Retiring | Stage::Retired), _) => "complete",
        (Some(Stage::Sealed), _) => "handed over, switched and sealed",
        (Some(Stage::Switching), _) => "handed over and switched",
        (Some(Stage::Confirmed | Stage::Committed), _) => "handed over",
        (_, Goal::Fence) => "fenced",
        (_, Goal::Copy) => "fenced and copied",
        (_, Goal::Verify) => "fenced, copied and proved equal",
        (_, Goal::Commit | Goal::Switch | Goal::Seal | Goal::Complete) => "handed over",
    }
}

pub(super) async fn run(context: &Context, args: &args::Apply) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let goal = if args.lift_seal { Goal::Complete } else { Goal::from(args.through) };
    let file = ledger::to_write(&settings, &context.environment, context.printer).await?;
    let plan = match &args.file {
        Some(path) => plans::read(&context.environment.directory.join(path))?,
        None => match only_open(&settings, file.state(), goal)? {
            Some(plan) => plan,
            None if args.lift_seal => {
                return Err(CommandError::new(Reason::MembersBlocked, "no wave is sealed that is not complete")
                    .hint("`migrate status` says how far each is"));
            }
            None => {
                context.printer.show(&nothing(&settings, goal));
                return Ok(Exit::Done);
            }
        },
    };
    let leave_out: BTreeSet<SecretName> = args.leave_out.iter().cloned().collect();
    may_leave(file.state(), &plan, &leave_out)?;
    let terms = plan::Terms { goal, left_out: left_before(file.state(), &plan.plan).chain(leave_out.clone()).collect() };
    let left_out = terms.left_out.clone();
    let plan = checked(&settings, plan, terms)?;
    let terms = ApplyTerms {
        leave_out,
        gone: args.gone.iter().cloned().collect(),
        reader_seconds: settings.outgoing.seal_wait.as_secs(),
    };

    let systems = Systems::connect(&settings, &context.environment).await?;
    let deliveries = match goal >= Goal::Switch && !args.lift_seal {
        true => switching::deliveries(context, &settings, file.state(), plan.plan(), &left_out, args).await?,
        false => None,
    };
    let ports = driver::Systems { delivery: deliveries.as_deref(), ..systems.ports() };
    let progress = context.progress();
    let processes = Proc::new(&context.environment);
    let session = session_settings(context);
    let interrupt = context.interrupt.clone();
    let opened = Session::open(ports, file, &TokioClock, &progress, &processes, interrupt, session).await;
    let mut session = opened.map_err(|error| stopped(&settings, &error, None))?;
    if args.lift_seal {
        return lift_seal(context, &settings, &mut session, plan.plan()).await;
    }
    let report = match session.apply(&plan, goal, &terms).await {
        Ok(report) => report,
        Err(error) => {
            let name = &plan.plan().wave;
            let open = session.state().waves.get(name).filter(|wave| wave.stage.is_open());
            return Err(stopped(&settings, &error, open.map(|wave| (name, wave.members.len()))));
        }
    };

    let wave = report.wave.to_string();
    context.printer.show(&Applied {
        stage: report.stage,
        through: goal,
        nothing_to_do: report.nothing_to_do,
        members: session.state().waves.get(&report.wave).map_or(0, |wave| wave.members.len()),
        // The last one is that there is nothing left to do, which takes no time.
        steps: report.steps.iter().filter(|took| took.step != "done").map(took).collect(),
        ledger: settings.shown(&settings.ledger),
        next: next(report.stage, goal),
        wave: Some(wave),
    });
    Ok(Exit::Done)
}

/// Lets the old copies of a sealed wave be read again.
async fn lift_seal(context: &Context, settings: &Settings, session: &mut Session<'_>, plan: &Plan) -> Result<Exit, CommandError> {
    let wave = session.state().waves.get(&plan.wave);
    if !wave.is_some_and(|wave| matches!(wave.stage, Stage::Switching | Stage::Sealed)) {
        return Err(CommandError::new(Reason::MembersBlocked, format!("wave {} is not sealed, or is complete", plan.wave))
            .hint("`migrate status` says how far it is"));
    }
    let lifted = session.lift_seal(&plan.wave).await.map_err(|error| stopped(settings, &error, None))?;
    context.printer.show(&Lifted { wave: plan.wave.to_string(), members: lifted.len() });
    Ok(Exit::Done)
}

/// How a session that leads is opened.
pub(super) fn session_settings(context: &Context) -> SessionSettings {
    SessionSettings { operator: context.environment.operator(), runner: runner(&context.environment), pace: Pace::default() }
}

pub(super) fn took(step: &driver::StepTime) -> Took {
    Took { step: step.step, milliseconds: u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX) }
}

fn next(stage: Option<Stage>, goal: Goal) -> Option<String> {
    match (stage, goal) {
        (Some(Stage::Completed), _) => {
            Some("`migrate retire WAVE` deletes the old copies, once nobody has read them for long enough".to_owned())
        }
        (Some(Stage::Retiring | Stage::Retired), _) => None,
        (Some(Stage::Confirmed), _) => {
            Some("`migrate apply --through switch` lets each ExternalSecret read Vault, its Secret unchanged".to_owned())
        }
        (Some(Stage::Switching), _) => Some("`migrate apply --through seal` closes the old copies to readers".to_owned()),
        (Some(Stage::Sealed), _) => Some("`migrate apply --through complete` admits writers to Vault".to_owned()),
        (Some(Stage::Committed), _) => Some("`migrate apply --through commit` looks at the fences once more".to_owned()),
        (_, Goal::Fence | Goal::Copy) => Some("`migrate apply` copies and proves; nothing is committed by it".to_owned()),
        _ => Some("`migrate apply --through commit` moves authority; there is no way back from it".to_owned()),
    }
}

fn nothing(settings: &Settings, through: Goal) -> Applied {
    Applied {
        wave: None,
        stage: None,
        through,
        nothing_to_do: true,
        members: 0,
        steps: Vec::new(),
        ledger: settings.shown(&settings.ledger),
        next: None,
    }
}

/// The only open plan; nothing where every plan is at its end.
fn only_open(settings: &Settings, state: &Handover, goal: Goal) -> Result<Option<PlanFile>, CommandError> {
    let plans = plans::all(settings)?;
    if plans.is_empty() && state.waves.is_empty() {
        return Err(CommandError::new(Reason::NoPlan, format!("there is no plan in {}", settings.shown(&settings.plans)))
            .hint("`migrate plan` makes one"));
    }
    let mut open: Vec<PlanFile> = plans.into_iter().filter(|file| plans::is_open(state, &file.plan, goal)).collect();
    // A wave that is on its way goes before plans that have not begun.
    let begun = |file: &PlanFile| !plans::is_waiting(state, &file.plan);
    if open.iter().filter(|file| begun(file)).count() == 1 {
        open.retain(begun);
    }
    match (open.pop(), open.len()) {
        (Some(only), 0) => Ok(Some(only)),
        (None, _) => match state.open_waves().next() {
            Some((wave, _)) => Err(CommandError::new(
                Reason::NoPlan,
                format!("the plan of wave {wave} is not in {}", settings.shown(&settings.plans)),
            )
            .hint("restore it from Git, or name it: `migrate apply FILE`")),
            None => Ok(None),
        },
        (Some(one), _) => {
            open.push(one);
            let names = open.iter().map(|file| settings.shown(&file.path));
            Err(CommandError::new(Reason::SeveralPlans, "which plan? several are open")
                .findings(names)
                .hint("name one: `migrate apply FILE`"))
        }
    }
}

/// A wave is closed, and opened again, by one kind of fence.
pub(super) fn same_fence(settings: &Settings, file: &PlanFile) -> Result<(), CommandError> {
    if file.plan.fence.mode == settings.outgoing.fence {
        return Ok(());
    }
    let shown = settings.shown(&file.path);
    Err(CommandError::new(Reason::PlanForeign, format!("{shown} was made for another kind of fence than migrate.toml says"))
        .hint("set `fence` back until its wave is at its end, or plan it anew"))
}

/// Members of the plan that were left out of its wave before.
fn left_before<'a>(state: &'a Handover, plan: &'a Plan) -> impl Iterator<Item = SecretName> + 'a {
    let wave = state.waves.get(&plan.wave).filter(|wave| wave.stage != Stage::RolledBack);
    let gone = move |name: &&SecretName| wave.is_some_and(|wave| !wave.members.contains_key(*name));
    plan.members.iter().map(|member| &member.name).filter(gone).cloned()
}

/// Whether these can be let out of the wave, told before anything is connected (P10).
fn may_leave(state: &Handover, file: &PlanFile, names: &BTreeSet<SecretName>) -> Result<(), CommandError> {
    if names.is_empty() {
        return Ok(());
    }
    let wave = &file.plan.wave;
    if let Some(stranger) = names.iter().find(|name| file.plan.members.iter().all(|member| &member.name != *name)) {
        return Err(CommandError::new(Reason::NotAMember, format!("{stranger} is no member of wave {wave}"))
            .hint("the plan file names the members"));
    }
    let is_gone = |wave: &Wave| wave.stage != Stage::RolledBack && names.iter().all(|name| !wave.members.contains_key(name));
    if state.waves.get(wave).is_some_and(is_gone) {
        return Ok(());
    }
    let no_way = |heading: String, hint: String| Err(CommandError::new(Reason::NoWayBack, heading).hint(hint));
    match state.waves.get(wave) {
        None | Some(Wave { stage: Stage::RolledBack, .. }) => {
            Err(CommandError::new(Reason::NotAMember, format!("wave {wave} has not begun, so that nobody can be left out of it"))
                .hint("plan it without them: `migrate plan --select` names those that go"))
        }
        Some(begun) if begun.stage.is_committed() => no_way(
            format!("wave {wave} is committed, and nothing returns authority"),
            "new values are written to Vault now".to_owned(),
        ),
        Some(Wave { stage: Stage::RollingBack, .. }) => {
            no_way(format!("wave {wave} is rolling back as a whole"), format!("`migrate rollback {wave}` goes on"))
        }
        Some(begun) if begun.members.keys().all(|member| names.contains(member)) => {
            no_way(format!("nobody would be left in wave {wave}"), format!("`migrate rollback {wave}` takes all of it back"))
        }
        Some(_) => Ok(()),
    }
}

fn checked(settings: &Settings, file: PlanFile, terms: plan::Terms) -> Result<CheckedPlan, CommandError> {
    let shown = settings.shown(&file.path);
    if file.plan.environment != settings.environment.as_str() {
        return Err(CommandError::new(
            Reason::PlanForeign,
            format!("{shown} was made for environment {}", file.plan.environment),
        )
        .because_of(format!("this is environment {}", settings.environment))
        .hint(format!("`migrate apply --environment {} {shown}`", file.plan.environment)));
    }
    same_fence(settings, &file)?;
    let goal = terms.goal;
    plan::check(file.plan, terms).map_err(|findings| {
        CommandError::new(Reason::PlanRefused, format!("{shown} can't be applied through {}", through(goal)))
            .findings(&findings)
            .hint("mend what is named, then plan the wave anew")
    })
}

fn through(goal: Goal) -> &'static str {
    match goal {
        Goal::Fence => "fence",
        Goal::Copy => "copy",
        Goal::Verify => "verify",
        Goal::Commit => "commit",
        Goal::Switch => "switch",
        Goal::Seal => "seal",
        Goal::Complete => "complete",
    }
}
