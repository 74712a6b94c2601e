//! `migrate plan`: looks at both stores, chooses encodings, and writes the plan of a wave. Changes no system.

use std::collections::{BTreeMap, BTreeSet};

use driver::{
    Pace,
    survey::{Selected, candidates},
};
use migrate_core::{
    aws_policy::Exempt,
    handover::{Handover, Stage},
    inventory::{Consumer, Disposition, ExternalSecret, ExternalSecretId, Inventory, Secret},
    name::{SecretName, VaultPath},
    plan::{self, Finding, Plan, PlannedConsumer, PlannedDelivery},
    ports::{Incoming as _, Outgoing as _},
    principals::{LookedFor, undeclared},
    reads::Read,
    writers::{Declared, PlannedWriters},
};
use serde::Serialize;

use super::{
    Context, inventory,
    plans::{self, PlanFile},
};
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    files, ledger,
    settings::Settings,
    systems::{self, Systems},
    ui::{Report, count},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned<'a> {
    /// Where the plan was written; nothing where it can't be applied.
    file: Option<String>,
    /// Why it can't be applied at all.
    findings: Vec<String>,
    /// The plan, as it stands in the file.
    plan: &'a Plan,
}

impl Report for Planned<'_> {
    fn text(&self) -> String {
        let mut text = plan::render(self.plan);
        match &self.file {
            Some(file) => text += &format!("\nwrote {file}; nothing was changed\nnext: `migrate apply {file}`\n"),
            None => {
                text += "\nno plan was written, since it could not be applied:\n";
                self.findings.iter().for_each(|finding| text += &format!("  {finding}\n"));
                text += "mend this, let secrets stay (`disposition` in the inventory), or name the others with --select\n";
            }
        }
        text
    }
}

pub(super) async fn run(context: &Context, args: &args::Plan) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let inventory = inventory::of(&settings)?;
    let read = ledger::open(&settings, context.printer)?;
    let state = read.chain.state();
    let Some(ledger) = state.ledger.clone() else {
        return Err(CommandError::new(Reason::LedgerCorrupt, "the ledger is empty").hint("restore it from Git"));
    };
    let plans = plans::all(&settings)?;
    let wave = match &args.wave {
        Some(wave) => wave.clone(),
        None => plans::next_free(state, &plans)?,
    };
    if let Some(begun) = state.waves.get(&wave) {
        let error = CommandError::new(Reason::PlanForeign, format!("wave {wave} has begun; its plan can't be made anew"));
        return Err(match begun.stage {
            Stage::RolledBack => error.because_of("it was rolled back").hint("plan its secrets under another name"),
            _ => error.hint("`migrate apply` goes on with it; another wave needs another name"),
        });
    }
    let selected = select(context, &inventory, state, &plans, args)?;

    let systems = Systems::connect(&settings, &context.environment).await?;
    let outgoing = systems.outgoing.identify().await;
    let outgoing = outgoing.map_err(|error| systems::outgoing_failed("Secrets Manager can't be asked", &error))?;
    let incoming = target(&settings, &systems).await?;
    let exempt = systems.outgoing.exempt().await;
    let exempt = exempt.map_err(|error| systems::outgoing_failed("the fence can't be laid out", &error))?;
    let existence = systems.outgoing.exempt_existence().await;
    let existence = existence.map_err(|error| systems::outgoing_failed("the fence can't be laid out", &error))?;
    let principals = principals(&settings, &inventory, exempt)?;
    let fence = plan::Fence {
        mode: settings.outgoing.fence,
        existence,
        exempt: exempt.iter().map(str::to_owned).collect(),
        settle_seconds: settings.outgoing.settle.as_secs(),
        rotation_wait_seconds: settings.outgoing.rotation_wait.as_secs(),
        observed_by_probe: settings.outgoing.probe.is_some(),
    };
    let progress = context.progress();
    let candidates = candidates(systems.ports(), Pace::default(), &progress, selected, args.history).await;
    let paths: Vec<VaultPath> = candidates.iter().filter_map(|candidate| candidate.name.vault_path().ok()).collect();
    let writers = systems.incoming.writers(&paths).await;
    let writers =
        writers.map_err(|error| systems::incoming_failed("who may write in the incoming store can't be seen", &error))?;
    let setting = plan::Setting {
        wave: wave.clone(),
        environment: settings.environment.to_string(),
        now: context.now(),
        ledger,
        outgoing,
        incoming,
        writers,
        declared: Declared {
            administrators: settings.incoming.administrators.clone(),
            policies: settings.incoming.policies_declared,
        },
        fence,
        principals,
        quota_share: settings.outgoing.quota_share,
    };
    let plan = plan::build(setting, state, candidates);

    let findings = plan::check(plan.clone(), plan::Terms::default()).err().unwrap_or_default();
    if !findings.is_empty() {
        let findings = findings.iter().map(Finding::to_string).collect();
        context.printer.show(&Planned { file: None, findings, plan: &plan });
        return Ok(Exit::Blocked);
    }
    let path = match &args.out {
        Some(out) => context.environment.directory.join(out),
        None => plans::default_path(&settings, &wave),
    };
    let text =
        plan.to_json().map_err(|error| CommandError::new(Reason::Internal, "the plan has no JSON form").because(&error))?;
    files::replace(&path, &text)?;
    context.printer.show(&Planned { file: Some(settings.shown(&path)), findings: Vec::new(), plan: &plan });
    Ok(Exit::Done)
}

/// Readers and writers that were looked for: who was found and nobody declared stands in the way of a commit.
fn principals(settings: &Settings, inventory: &Inventory, exempt: &Exempt) -> Result<plan::Principals, CommandError> {
    let Some(found) = inventory::principals::stored(settings)? else { return Ok(plan::Principals::default()) };
    let of = |secret: &Secret| (secret.name.clone(), undeclared(secret, &found, Some(exempt)).cloned().collect());
    Ok(plan::Principals { looked_for: LookedFor::of(&found), undeclared: inventory.secrets().iter().map(of).collect() })
}

/// What the incoming store says of itself.
async fn target(settings: &Settings, systems: &Systems) -> Result<plan::Target, CommandError> {
    let survey = systems.incoming.survey().await;
    let survey = survey.map_err(|error| systems::incoming_failed("the incoming store can't be used", &error))?;
    let value = |sourced: &Option<crate::settings::Sourced<String>>| sourced.as_ref().map(|sourced| sourced.value.clone());
    Ok(plan::Target {
        address: value(&settings.incoming.address).unwrap_or_default(),
        namespace: value(&settings.incoming.namespace),
        mount: settings.incoming.mount.to_string(),
        anchor: settings.incoming.anchor.clone(),
        survey,
        writers: PlannedWriters::default(),
    })
}

/// Named ones as they are named, so that each that can't go gets its reason; else everything that moves and that nobody holds.
fn select(
    context: &Context,
    inventory: &Inventory,
    state: &Handover,
    plans: &[PlanFile],
    args: &args::Plan,
) -> Result<Vec<Selected>, CommandError> {
    if !args.select.is_empty() {
        let chosen = inventory.select(&args.select).map_err(|error| {
            CommandError::new(Reason::NothingSelected, "the selection is not what was meant")
                .because(&error)
                .hint("`migrate inventory show` lists the names")
        })?;
        return Ok(selected(inventory, state, &chosen));
    }
    let waiting = plans.iter().filter(|file| plans::is_waiting(state, &file.plan) && Some(&file.plan.wave) != args.wave.as_ref());
    let planned: BTreeSet<&SecretName> = waiting.flat_map(|file| file.plan.members.iter().map(|member| &member.name)).collect();
    let free = |secret: &&Secret| secret.moves() && state.holder_of(&secret.name).is_none();
    let chosen: Vec<&Secret> = inventory.secrets().iter().filter(free).filter(|secret| !planned.contains(&secret.name)).collect();
    if !planned.is_empty() {
        context.printer.note(format!("left out, since plans that have not begun hold them: {}", count(planned.len(), "secret")));
    }
    if chosen.is_empty() {
        return Err(CommandError::new(Reason::NothingSelected, "no secret is left to hand over")
            .because_of("every secret of the inventory stays, is in a wave, or is in a plan that has not begun")
            .hint("`migrate status` shows waves and plans, `migrate inventory show` every secret"));
    }
    Ok(selected(inventory, state, &chosen))
}

fn selected(inventory: &Inventory, state: &Handover, chosen: &[&Secret]) -> Vec<Selected> {
    let names: BTreeSet<&SecretName> = chosen.iter().map(|secret| &secret.name).collect();
    let is_left = |secret: &&Secret| secret.moves() && !names.contains(&secret.name) && !state.is_handed_over(&secret.name);
    // What each `find` reaches that moves, has not moved, and is not chosen.
    let mut beyond: BTreeMap<&ExternalSecretId, Vec<SecretName>> = BTreeMap::new();
    for secret in inventory.secrets().iter().filter(is_left) {
        for id in secret.consumers.iter().filter_map(Consumer::external_secret).filter(finds).map(|by| &by.id) {
            beyond.entry(id).or_default().push(secret.name.clone());
        }
    }
    let selected = |secret: &&Secret| Selected {
        name: secret.name.clone(),
        source: secret.source_name().clone(),
        stays: match &secret.disposition {
            Disposition::Moves => None,
            Disposition::Stays(why) => Some(why.to_string()),
        },
        consumers: secret.consumers.iter().map(|consumer| planned(consumer, &beyond)).collect(),
    };
    chosen.iter().map(selected).collect()
}

fn finds(external_secret: &&ExternalSecret) -> bool {
    external_secret.reads.iter().any(|read| matches!(read, Read::Find { .. }))
}

fn planned(consumer: &Consumer, beyond: &BTreeMap<&ExternalSecretId, Vec<SecretName>>) -> PlannedConsumer {
    let application = consumer.application.to_string();
    let delivery = match consumer.external_secret() {
        None => PlannedDelivery::Sdk,
        Some(by) => PlannedDelivery::ExternalSecret {
            namespace: by.id.namespace().map(ToString::to_string),
            name: by.id.name().to_string(),
            reads: by.reads.clone(),
            finds_beyond: if finds(&by) { beyond.get(&by.id).cloned().unwrap_or_default() } else { Vec::new() },
        },
    };
    PlannedConsumer { application, delivery }
}
