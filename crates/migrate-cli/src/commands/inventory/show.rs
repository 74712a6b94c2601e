//! `migrate inventory show`: every secret, who is its authority now, and who reads it.

use migrate_core::{
    handover::Handover,
    inventory::{Consumer, ConsumerMeans, Disposition, Inventory},
    name::SecretName,
    phase::Authority,
};
use serde::Serialize;

use super::Context;
use crate::{
    error::CommandError,
    exit::Exit,
    ledger,
    ui::{Report, Table},
};

#[derive(Debug, Serialize)]
struct Shown {
    secrets: Vec<Row>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: SecretName,
    /// The name in Secrets Manager, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_name: Option<SecretName>,
    /// Whose value counts now, as the ledger says (AUT-1, AUT-3).
    authority: Authority,
    /// The wave that holds it or has handed it over.
    #[serde(skip_serializing_if = "Option::is_none")]
    wave: Option<String>,
    disposition: Disposition,
    consumers: Vec<String>,
}

impl Report for Shown {
    fn text(&self) -> String {
        let mut table = Table::new(["name", "authority", "wave", "disposition", "consumers"]);
        for row in &self.secrets {
            let disposition = match &row.disposition {
                Disposition::Moves => "moves".to_owned(),
                Disposition::Stays(why) => format!("stays: {why}"),
            };
            let name = match &row.legacy_name {
                Some(legacy) => format!("{} (today {legacy})", row.name),
                None => row.name.to_string(),
            };
            let authority = match row.authority {
                Authority::Vault => "Vault",
                _ => "Secrets Manager",
            };
            table.row([name, authority.to_owned(), row.wave.clone().unwrap_or_default(), disposition, row.consumers.join(", ")]);
        }
        table.to_string()
    }
}

pub(in crate::commands) fn run(context: &Context) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let inventory = super::of(&settings)?;
    let read = ledger::open(&settings, context.printer)?;
    context.printer.show(&rows(&inventory, read.chain.state()));
    Ok(Exit::Done)
}

fn rows(inventory: &Inventory, state: &Handover) -> Shown {
    let secrets = inventory.secrets().iter().map(|secret| {
        let authority = if state.is_handed_over(&secret.name) { Authority::Vault } else { Authority::SecretsManager };
        Row {
            name: secret.name.clone(),
            legacy_name: secret.legacy_name.clone(),
            authority,
            wave: state.holder_of(&secret.name).map(|(wave, _)| wave.to_string()),
            disposition: secret.disposition.clone(),
            consumers: secret.consumers.iter().map(consumer).collect(),
        }
    });
    Shown { secrets: secrets.collect() }
}

fn consumer(consumer: &Consumer) -> String {
    match &consumer.means {
        ConsumerMeans::Sdk(_) => format!("{} (SDK)", consumer.application),
        ConsumerMeans::ExternalSecret(secret) => format!("{} ({})", consumer.application, secret.id),
    }
}
