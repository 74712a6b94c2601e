//! `migrate vault check`: the server against the description, with the command that mends each difference. Changes nothing.

use std::collections::BTreeSet;

use migrate_core::{inventory::Disposition, name::SecretName, ports::PortError};
use phase2_vault::{
    check::{Comparison, Difference, Reach},
    emit::{Needs, Place},
};
use serde::Serialize;

use super::super::Context;
use crate::{
    args,
    error::CommandError,
    exit::Exit,
    ledger,
    settings::Settings,
    systems,
    ui::{Report, count},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    environment: String,
    differences: Vec<Difference>,
    /// What could not be read, so that nothing is known of it.
    unread: Vec<Unread>,
    /// Publishers that could write keys whose authority is still another system.
    early: Vec<Early>,
    /// Publishers' places that are not there yet.
    not_yet: Vec<Place>,
    /// Other policies that reach the same paths.
    others: Vec<Reach>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unread {
    operation: String,
    because: String,
    /// The right that a policy would have to give.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Early {
    role: String,
    name: SecretName,
    mend: String,
}

impl Report for Checked {
    fn text(&self) -> String {
        let mut text = String::new();
        for Difference { place, kind, mend } in &self.differences {
            text += &format!("! {place}: {kind}\n");
            match mend {
                Some(mend) => text += &format!("    vault {mend}\n"),
                None => text += "    decide what becomes of what is there; nothing mends this by itself\n",
            }
        }
        for Early { role, name, mend } in &self.early {
            text += &format!("! role {role}: may write {name}, whose authority is still Secrets Manager\n    vault {mend}\n");
        }
        for Unread { operation, because, needs } in &self.unread {
            text += &format!("? {operation}: {because}\n");
            if let Some(needs) = needs {
                text += &format!("    needs {needs}\n");
            }
        }
        for Reach { policy, path, capabilities } in &self.others {
            let capabilities: Vec<_> = capabilities.iter().map(|capability| capability.as_str()).collect();
            text += &format!("note: policy {policy} also reaches these secrets: {} on {path}\n", capabilities.join(", "));
        }
        for place in &self.not_yet {
            text += &format!("note: {place} is not there yet; it belongs to the publishers' part\n");
        }
        text += &match (self.differences.len() + self.early.len(), self.unread.len()) {
            (0, 0) => format!("environment {}: the server holds what is described\n", self.environment),
            (differences, 0) => format!("environment {}: {}\n", self.environment, count(differences, "difference")),
            (differences, unread) => format!(
                "environment {}: {}; {} not be read, so that more may differ\n",
                self.environment,
                count(differences, "difference"),
                if unread == 1 { "1 thing could".to_owned() } else { format!("{unread} things could") }
            ),
        };
        text
    }
}

pub(in crate::commands) async fn run(context: &Context, args: args::Check) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let needs = super::needs(&settings)?;
    let vault = systems::incoming(&settings, &context.environment)?;
    let compared = vault.compare(&needs, args.publishers).await;
    let compared = compared.map_err(|error| systems::incoming_failed("can't compare the server", &error))?;
    let early = early(context, &settings, &needs, &compared)?;
    let Comparison { differences, unread, not_yet, others, .. } = compared;
    let checked = Checked {
        environment: settings.environment.to_string(),
        differences,
        unread: unread.iter().map(unread_of).collect(),
        early,
        not_yet,
        others,
    };
    context.printer.show(&checked);
    Ok(match (checked.unread.is_empty(), checked.differences.is_empty() && checked.early.is_empty()) {
        (false, _) => Exit::Blocked,
        (true, false) => Exit::ChangesPending,
        (true, true) => Exit::Done,
    })
}

fn unread_of(error: &PortError) -> Unread {
    let asked = |verb: &str| error.operation.strip_prefix(verb).and_then(|rest| rest.strip_prefix(" /v1/"));
    let is_denied = error.kind == migrate_core::ports::PortErrorKind::Denied;
    let right = asked("GET").map(|path| format!("`read` on {path}"));
    let right = right.or_else(|| asked("LIST").map(|path| format!("`list` on {path}")));
    Unread { operation: error.operation.clone(), because: error.detail.clone(), needs: right.filter(|_| is_denied) }
}

/// Publishers' roles that are there although the ledger does not say that Vault is the authority of their keys (REQ AUT-1). Keys that the
/// inventory does not list, or that never were in Secrets Manager, have no other authority.
fn early(context: &Context, settings: &Settings, needs: &Needs, compared: &Comparison) -> Result<Vec<Early>, CommandError> {
    let there: BTreeSet<&str> = compared
        .publishing
        .iter()
        .filter_map(|place| if let Place::Role(role) = place { Some(role.as_str()) } else { None })
        .collect();
    let Some(inventory) = super::inventory_of(settings)?.filter(|_| !there.is_empty()) else { return Ok(Vec::new()) };
    let read = ledger::open(settings, context.printer)?;
    let state = read.chain.state();
    let mut early = Vec::new();
    for publisher in &settings.vault.publishers {
        let role = format!("publisher-{}", publisher.name);
        if !there.contains(role.as_str()) {
            continue;
        }
        for name in &publisher.names {
            let moving = inventory.secrets().iter().find(|secret| secret.vault_path() == *name);
            let moving = moving.filter(|secret| matches!(secret.disposition, Disposition::Moves));
            if let Some(secret) = moving.filter(|secret| !state.is_handed_over(&secret.name)) {
                let mend = format!("delete auth/{}/role/{role}", needs.auth.path);
                early.push(Early { role: role.clone(), name: secret.name.clone(), mend });
            }
        }
    }
    Ok(early)
}
