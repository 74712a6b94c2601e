//! The end of the migration (REQ VLT-5): whether every secret that is to move is in Vault, and none of them is held in Secrets Manager.

use std::collections::BTreeSet;

use jiff::Timestamp;
use migrate_core::{
    handover::{Handover, Retirement},
    inventory::{Disposition, Inventory, Secret},
    name::{SecretName, VaultPath},
    observed::{Sighting, SourceSecret, TargetEntry},
    ports::{Incoming as _, Outgoing as _},
};
use serde::Serialize;

use super::{Context, SHOWN, day, inventory};
use crate::{
    error::CommandError,
    exit::Exit,
    ledger,
    settings::Settings,
    systems::{self, Systems},
    ui::{Report, count},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Completion {
    /// Every secret that is to move is in Vault, and none is held in Secrets Manager.
    complete: bool,
    /// In Vault alone.
    moved: usize,
    /// What is left to do, by secret.
    left: Vec<Left>,
    /// What stays in Secrets Manager, and why.
    stays: Vec<Stays>,
    /// What Secrets Manager holds and the inventory does not have.
    undeclared: Vec<SecretName>,
}

#[derive(Debug, Serialize)]
struct Left {
    name: SecretName,
    #[serde(flatten)]
    state: State,
}

/// Why one secret is not in Vault alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum State {
    /// Secrets Manager is its authority.
    NotHandedOver,
    /// The ledger says that it was handed over, and Vault does not have it.
    NotInVault,
    /// Vault has it, and so has Secrets Manager.
    Held,
    /// Its old copy is scheduled for deletion, and can be restored until then.
    Pending { until: Timestamp },
    /// It could not be looked at.
    Unseen { why: String },
}

#[derive(Debug, Serialize)]
struct Stays {
    name: SecretName,
    why: String,
}

impl Report for Completion {
    fn text(&self) -> String {
        let mut text = match self.complete {
            true => "complete: every secret that is to move is in Vault, and none is held in Secrets Manager\n".to_owned(),
            false => format!("not complete: {} not in Vault alone\n", count(self.left.len(), "secret")),
        };
        text += &format!("  in Vault alone: {}\n", count(self.moved, "secret"));
        for Left { name, state } in self.left.iter().take(SHOWN) {
            text += &format!(
                "  {name}: {}\n",
                match state {
                    State::NotHandedOver => "not handed over yet".to_owned(),
                    State::NotInVault => "was handed over, and Vault does not have it: `migrate verify` looks closer".to_owned(),
                    State::Held => "in Vault, and its old copy is not retired".to_owned(),
                    State::Pending { until } => format!("in Vault; its old copy is held until {}", day(*until)),
                    State::Unseen { why } => format!("could not be looked at: {why}"),
                }
            );
        }
        if self.left.len() > SHOWN {
            text += &format!("  … and {} more\n", self.left.len() - SHOWN);
        }
        for Stays { name, why } in self.stays.iter().take(SHOWN) {
            text += &format!("  {name}: stays in Secrets Manager: {why}\n");
        }
        if self.stays.len() > SHOWN {
            text += &format!("  … and {} more that stay\n", self.stays.len() - SHOWN);
        }
        for name in self.undeclared.iter().take(SHOWN) {
            text += &format!("  {name}: in Secrets Manager, and not in the inventory\n");
        }
        if self.undeclared.len() > SHOWN {
            text += &format!("  … and {} more that nobody declared\n", self.undeclared.len() - SHOWN);
        }
        text
    }
}

pub(super) async fn run(context: &Context, settings: &Settings) -> Result<Exit, CommandError> {
    let inventory = inventory::of(settings)?;
    let read = ledger::open(settings, context.printer)?;
    let systems = Systems::connect(settings, &context.environment).await?;
    let listed = systems.outgoing.list().await;
    let listed = listed.map_err(|error| systems::outgoing_failed("can't list the secrets of Secrets Manager", &error))?;
    let moves: Vec<&Secret> = inventory.secrets().iter().filter(|secret| secret.moves()).collect();
    let sources: Vec<SecretName> = moves.iter().map(|secret| secret.source_name().clone()).collect();
    let paths: Vec<VaultPath> = moves.iter().map(|secret| secret.vault_path()).collect();
    let seen = systems.outgoing.describe(&sources).await;
    let targets = systems.incoming.describe(&paths).await;
    let state = read.chain.state();
    let mut left = Vec::new();
    for ((secret, source), target) in moves.iter().zip(seen).zip(targets) {
        if let Some(state) = judged(state, secret, &source, &target) {
            left.push(Left { name: secret.name.clone(), state });
        }
    }
    left.sort_by(|a, b| a.name.cmp(&b.name));
    let declared: BTreeSet<&SecretName> = inventory.secrets().iter().map(Secret::source_name).collect();
    let undeclared: Vec<SecretName> =
        listed.into_iter().map(|listed| listed.name).filter(|name| !declared.contains(name)).collect();
    let complete = left.is_empty();
    context.printer.show(&Completion { complete, moved: moves.len() - left.len(), left, stays: stays(&inventory), undeclared });
    Ok(if complete { Exit::Done } else { Exit::ChangesPending })
}

fn stays(inventory: &Inventory) -> Vec<Stays> {
    let stays = |secret: &Secret| match &secret.disposition {
        Disposition::Moves => None,
        Disposition::Stays(why) => Some(Stays { name: secret.name.clone(), why: why.to_string() }),
    };
    inventory.secrets().iter().filter_map(stays).collect()
}

fn judged(state: &Handover, secret: &Secret, source: &Sighting<SourceSecret>, target: &Sighting<TargetEntry>) -> Option<State> {
    if !state.is_handed_over(&secret.name) {
        return Some(State::NotHandedOver);
    }
    let lives = |entry: &TargetEntry| entry.current_version.is_some_and(|version| !entry.gone_versions.contains(&version));
    match target {
        Sighting::Present(entry) if lives(entry) => {}
        Sighting::Present(_) | Sighting::Absent => return Some(State::NotInVault),
        Sighting::Unknown(error) | Sighting::Unreadable(error) => return Some(State::Unseen { why: error.to_string() }),
    }
    match source {
        Sighting::Absent => None,
        Sighting::Unknown(error) | Sighting::Unreadable(error) => Some(State::Unseen { why: error.to_string() }),
        Sighting::Present(SourceSecret { deleted_at: None, .. }) => Some(State::Held),
        Sighting::Present(SourceSecret { deleted_at: Some(shown), .. }) => {
            // The ledger has the date that the service answered; what it shows may be that of the request.
            let member = state.holder_of(&secret.name).and_then(|(_, wave)| wave.members.get(&secret.name));
            let until = match member.map(|member| member.retirement) {
                Some(Retirement::Scheduled { until }) => until,
                _ => *shown,
            };
            Some(State::Pending { until })
        }
    }
}
