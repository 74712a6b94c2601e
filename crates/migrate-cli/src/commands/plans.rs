//! Plan files: where they lie, which of them are open.

use camino::{Utf8Path, Utf8PathBuf};
use migrate_core::{
    handover::{Goal, Handover, RunKind, Stage, Step, decide},
    id::WaveName,
    plan::{FORMAT, Plan},
};
use serde::Deserialize;

use crate::{
    error::{CommandError, Reason},
    files,
    settings::Settings,
};

/// A plan and where it lies.
#[derive(Debug)]
pub(super) struct PlanFile {
    pub(super) path: Utf8PathBuf,
    pub(super) plan: Plan,
}

/// Where the plan of a wave lies unless somebody says otherwise.
pub(super) fn default_path(settings: &Settings, wave: &WaveName) -> Utf8PathBuf {
    settings.plans.join(format!("{wave}.json"))
}

/// Reads one plan.
pub(super) fn read(path: &Utf8Path) -> Result<PlanFile, CommandError> {
    let Some(text) = files::read(path)? else {
        return Err(CommandError::new(Reason::NoPlan, format!("there is no plan at {path}")).hint("`migrate plan` makes one"));
    };
    let invalid = |error: &serde_json::Error| {
        CommandError::new(Reason::PlanInvalid, format!("{path} is no plan")).because(error).hint("`migrate plan` makes one")
    };
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_str(&text).map_err(|error| invalid(&error))?;
    if format != FORMAT {
        return Err(CommandError::new(Reason::PlanInvalid, format!("{path} has format {format}, this build reads {FORMAT}"))
            .hint("use the build that made it, or plan the wave anew"));
    }
    let plan = serde_json::from_str(&text).map_err(|error| invalid(&error))?;
    Ok(PlanFile { path: path.to_owned(), plan })
}

/// Every plan in the environment's folder, by file name.
pub(super) fn all(settings: &Settings) -> Result<Vec<PlanFile>, CommandError> {
    files::listed(&settings.plans, "json")?.iter().map(|path| read(path)).collect()
}

/// Whether something of a plan is still to be done towards a goal: it has not begun, or its wave is on its way.
pub(super) fn is_open(state: &Handover, plan: &Plan, goal: Goal) -> bool {
    match state.waves.get(&plan.wave) {
        None => true,
        Some(wave) if !wave.leaving.is_empty() => true,
        Some(wave) if wave.stage == Stage::RolledBack => false,
        Some(wave) if wave.stage.is_committed() => {
            decide(state, &plan.wave, RunKind::Apply, goal.max(Goal::Commit)) != Step::Reached
        }
        Some(_) => true,
    }
}

/// Whether a plan has not begun yet.
pub(super) fn is_waiting(state: &Handover, plan: &Plan) -> bool {
    !state.waves.contains_key(&plan.wave)
}

/// The first of `wave-1`, `wave-2`, … that neither the ledger nor a plan knows.
pub(super) fn next_free(state: &Handover, plans: &[PlanFile]) -> Result<WaveName, CommandError> {
    (1_u32..)
        .filter_map(|number| WaveName::parse(&format!("wave-{number}")).ok())
        .find(|name| !state.waves.contains_key(name) && plans.iter().all(|file| &file.plan.wave != name))
        .ok_or_else(|| CommandError::usage("every name of the form wave-N is taken").hint("name the wave with --wave"))
}
