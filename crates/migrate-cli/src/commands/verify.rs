//! `migrate verify`: looks again at everything that was copied or handed over, and compares. Writes nothing, not even to the ledger.
//!
//! Before commit source and target are read and compared in memory. After commit the tool never reads a source value (it would count as an
//! access): there, fences, version maps and marks must stand.

use driver::{Pace, inspect};
use migrate_core::{
    handover::{
        Handover, Wave,
        judge::{Obstacle, violation},
    },
    id::WaveName,
    name::SecretName,
    plan::Plan,
};
use serde::Serialize;

use super::{
    Context, delivered,
    plans::{self, PlanFile},
};
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    ledger,
    settings::Settings,
    systems::Systems,
    ui::Report,
};

#[derive(Debug, Serialize)]
struct Verified {
    waves: Vec<WaveVerified>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WaveVerified {
    wave: String,
    committed: bool,
    members: Vec<MemberVerified>,
}

#[derive(Debug, Serialize)]
struct MemberVerified {
    name: SecretName,
    result: Comparison,
    #[serde(skip_serializing_if = "Option::is_none")]
    obstacle: Option<Obstacle>,
}

/// What a look at one member gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Comparison {
    /// Both values were read, and every declared read gives the same bytes.
    Equal,
    /// Handed over; fence, source versions and copy stand as they were committed.
    Stands,
    /// The values differ.
    Differs,
    /// Something is not as it was, or could not be looked at.
    Obstacle,
}

impl Report for Verified {
    fn text(&self) -> String {
        let mut text = String::new();
        for wave in &self.waves {
            let count = |wanted| wave.members.iter().filter(|member| member.result == wanted).count();
            let word = if wave.committed { ("stand", Comparison::Stands) } else { ("are equal", Comparison::Equal) };
            text += &format!("wave {}: {} of {} secrets {}\n", wave.wave, count(word.1), wave.members.len(), word.0);
            for member in &wave.members {
                if let Some(obstacle) = &member.obstacle {
                    text += &format!("  ! {} {obstacle}\n", member.name);
                }
            }
        }
        if self.waves.is_empty() {
            text += "nothing has been copied yet\n";
        }
        text
    }
}

pub(super) async fn run(context: &Context, args: &args::Verify) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    if args.cluster {
        return delivered::run(context, &settings).await;
    }
    let read = ledger::open(&settings, context.printer)?;
    let state = read.chain.state();
    if let Some(name) = &args.wave
        && !state.waves.contains_key(name)
    {
        return Err(CommandError::new(Reason::NothingSelected, format!("wave {name} has not begun"))
            .hint("`migrate status` lists the waves"));
    }
    let wanted: Vec<(&WaveName, &Wave)> = state
        .waves
        .iter()
        .filter(|(name, _)| args.wave.as_ref().is_none_or(|wanted| wanted == *name))
        .filter(|(_, wave)| wave.members.values().any(|member| member.step.target().is_some()))
        .collect();
    let mut waves = Vec::new();
    if !wanted.is_empty() {
        let plans = plans::all(&settings)?;
        let systems = Systems::connect(&settings, &context.environment).await?;
        for (name, wave) in wanted {
            let plan = if wave.stage.is_committed() { None } else { Some(plan_of(&settings, &plans, name, wave)?) };
            waves.push(look(context, &systems, state, name, wave, plan).await);
        }
    }
    let report = Verified { waves };
    let obstacles = || report.waves.iter().flat_map(|wave| &wave.members).filter_map(|member| member.obstacle.as_ref());
    let exit = if obstacles().any(|obstacle| violation(obstacle).is_some()) {
        Exit::Violation
    } else if obstacles().next().is_some() {
        Exit::Incomplete
    } else {
        Exit::Done
    };
    context.printer.show(&report);
    Ok(exit)
}

/// The plan that a wave began with: it says how each value is laid out, and what is read of it.
fn plan_of<'a>(settings: &Settings, plans: &'a [PlanFile], name: &WaveName, wave: &Wave) -> Result<&'a Plan, CommandError> {
    let is_its = |file: &&PlanFile| file.plan.wave == *name && file.plan.digest().is_ok_and(|digest| digest == wave.plan);
    plans.iter().find(is_its).map(|file| &file.plan).ok_or_else(|| {
        let folder = settings.shown(&settings.plans);
        CommandError::new(Reason::NoPlan, format!("the plan that wave {name} began with is not in {folder}"))
            .hint("restore it from Git")
    })
}

/// With a plan both values are compared; without one, after commit, only what stands is looked at.
async fn look(
    context: &Context,
    systems: &Systems,
    state: &Handover,
    name: &WaveName,
    wave: &Wave,
    plan: Option<&Plan>,
) -> WaveVerified {
    let progress = context.progress();
    let looked = match (plan, &state.ledger) {
        (Some(plan), _) => inspect::values(systems.ports(), Pace::default(), &progress, plan, wave).await,
        (None, Some(ledger)) => inspect::copies(systems.ports(), &progress, ledger, name, wave).await,
        (None, None) => Vec::new(),
    };
    let committed = plan.is_none();
    let members = looked.into_iter().map(|(name, result)| {
        let (result, obstacle) = match result {
            Ok(()) if committed => (Comparison::Stands, None),
            Ok(()) => (Comparison::Equal, None),
            Err(obstacle @ Obstacle::TargetDiffers) => (Comparison::Differs, Some(obstacle)),
            Err(obstacle) => (Comparison::Obstacle, Some(obstacle)),
        };
        MemberVerified { name, result, obstacle }
    });
    WaveVerified { wave: name.to_string(), committed, members: members.collect() }
}
