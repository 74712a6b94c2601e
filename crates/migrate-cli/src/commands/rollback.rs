//! `migrate rollback`: takes a wave back to before it began, up to its commit (REQ AUT-6).

use driver::{Session, TokioClock};
use migrate_core::{
    handover::{Goal, Handover},
    id::WaveName,
    plan::{self, CheckedPlan},
};
use serde::Serialize;

use super::{
    Context,
    apply::{Took, same_fence, session_settings, took},
    plans::{self, PlanFile},
    stopped::stopped,
};
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    ledger,
    process::Proc,
    settings::Settings,
    systems::Systems,
    ui::{Report, count, duration},
};

/// What a rollback did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RolledBack {
    wave: String,
    /// It had been rolled back before; nothing was changed.
    nothing_to_do: bool,
    members: usize,
    steps: Vec<Took>,
    ledger: String,
}

impl Report for RolledBack {
    fn text(&self) -> String {
        if self.nothing_to_do {
            return format!("nothing to do: wave {} is rolled back already\n", self.wave);
        }
        let mut text = format!(
            "wave {}: rolled back; {} as before, and Secrets Manager takes new values again\n",
            self.wave,
            count(self.members, "secret")
        );
        for took in &self.steps {
            text += &format!("  {:16} {}\n", took.step, duration(std::time::Duration::from_millis(took.milliseconds)));
        }
        text += &format!("  {:16} {}\n", "ledger", self.ledger);
        text += "next: `migrate plan` plans the secrets again, under a new name\n";
        text
    }
}

pub(super) async fn run(context: &Context, args: &args::Rollback) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let file = ledger::to_write(&settings, &context.environment, context.printer).await?;
    let members = may_go_back(file.state(), &args.wave)?;
    let plan = plan_of(&settings, file.state(), &args.wave)?;

    let systems = Systems::connect(&settings, &context.environment).await?;
    let progress = context.progress();
    let processes = Proc::new(&context.environment);
    let session = session_settings(context);
    let interrupt = context.interrupt.clone();
    let opened = Session::open(systems.ports(), file, &TokioClock, &progress, &processes, interrupt, session).await;
    let mut session = opened.map_err(|error| stopped(&settings, &error, None))?;
    let report = session.rollback(&plan).await.map_err(|error| stopped(&settings, &error, None))?;

    context.printer.show(&RolledBack {
        wave: report.wave.to_string(),
        nothing_to_do: report.nothing_to_do,
        members,
        steps: report.steps.iter().filter(|took| took.step != "done").map(took).collect(),
        ledger: settings.shown(&settings.ledger),
    });
    Ok(Exit::Done)
}

/// REQ AUT-5: after commit nothing returns authority. Says how many members the wave has.
fn may_go_back(state: &Handover, name: &WaveName) -> Result<usize, CommandError> {
    let refused = |heading: String| CommandError::new(Reason::NoWayBack, heading);
    match state.waves.get(name) {
        None => Err(refused(format!("wave {name} has not begun, so there is nothing to take back"))
            .hint("`migrate status` lists the waves")),
        Some(wave) if wave.stage.is_committed() => {
            Err(refused(format!("wave {name} is committed, and nothing returns authority"))
                .because_of("Vault holds what counts; Secrets Manager may lack values that were written since")
                .hint("a wrong value is mended forward: write the right one to Vault"))
        }
        Some(wave) => Ok(wave.held().count()),
    }
}

/// The plan with which the wave began, wherever it lies in the folder of plans.
pub(super) fn plan_of(settings: &Settings, state: &Handover, name: &WaveName) -> Result<CheckedPlan, CommandError> {
    let began_with = state.waves.get(name).map(|wave| &wave.plan);
    let lost = || {
        CommandError::new(
            Reason::NoPlan,
            format!("the plan that wave {name} began with is not in {}", settings.shown(&settings.plans)),
        )
        .hint(format!("restore it from Git: `git log --all -- {}`", settings.shown(&plans::default_path(settings, name))))
    };
    let is_its = |file: &PlanFile| file.plan.digest().is_ok_and(|digest| Some(&digest) == began_with);
    let file = plans::all(settings)?.into_iter().find(is_its).ok_or_else(lost)?;
    same_fence(settings, &file)?;
    let shown = settings.shown(&file.path);
    // The goal that asks least: what would block a commit does not block the way back.
    plan::check(file.plan, plan::Terms { goal: Goal::Fence, ..plan::Terms::default() })
        .map_err(|findings| CommandError::new(Reason::PlanRefused, format!("{shown} is not sound")).findings(&findings))
}
