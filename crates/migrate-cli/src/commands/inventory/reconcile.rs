//! `migrate inventory reconcile`: where Git, Secrets Manager and Vault do not agree, each with the change that mends it (REQ INV-4).

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    inventory::{
        self, Inventory,
        reconcile::{Drift, Seen, mended, reconcile},
    },
    name::{SecretName, VaultPath, convention::Tree},
    observed::Sighting,
    ports::{Incoming as _, Outgoing as _, PortErrorKind},
};
use phase0_sdk::SecretsManager;
use phase2_vault::Vault;
use serde::Serialize;

use super::Context;
use crate::{
    args,
    error::CommandError,
    exit::Exit,
    files, ledger, systems,
    ui::{Report, count},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reconciled {
    file: String,
    secrets: usize,
    /// Secrets that Secrets Manager listed.
    listed: usize,
    /// Whether Vault was looked at; not where there is none yet.
    has_vault: bool,
    /// Why entries in Vault that nobody declared were not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_listed: Option<String>,
    drift: Vec<Mendable>,
    /// Entries of the inventory that were put right.
    mended: Vec<SecretName>,
}

#[derive(Debug, Serialize)]
struct Mendable {
    #[serde(flatten)]
    drift: Drift,
    mend: &'static str,
}

impl Report for Reconciled {
    fn text(&self) -> String {
        let mut text = String::new();
        for Mendable { drift, mend } in &self.drift {
            let secret = drift.secret.as_ref().map_or("a secret whose name can't be shown", SecretName::as_str);
            text += &format!("{secret}\n  {}\n  mend: {mend}\n", drift.kind);
        }
        let compared =
            format!("{}, {} listed by Secrets Manager", count(self.secrets, "entry").replace("entrys", "entries"), self.listed);
        text += &match self.drift.len() {
            0 => format!("{}: no drift ({compared})\n", self.file),
            drifts => format!("{}: {} ({compared})\n", self.file, count(drifts, "difference")),
        };
        if !self.has_vault {
            text += "Vault was not looked at: it has no address here, and nothing was handed over yet\n";
        }
        if let Some(why) = &self.not_listed {
            text += &format!("entries in Vault that nobody declared were not looked for: {why}\n");
        }
        if !self.mended.is_empty() {
            text += &format!("put right in {}: {}; look at it with `git diff`\n", self.file, count(self.mended.len(), "secret"));
        }
        text
    }
}

pub(in crate::commands) async fn run(context: &Context, args: &args::Reconcile) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let shown = settings.shown(&settings.inventory);
    let inventory = super::of(&settings)?;
    let read = ledger::open(&settings, context.printer)?;
    let state = read.chain.state();
    // In the phases before Vault there is none; once something was handed over, not to look would hide drift.
    let needs_vault = settings.incoming.address.is_some() || !state.waves.is_empty();
    let vault = needs_vault.then(|| systems::incoming(&settings, &context.environment)).transpose()?;
    let secrets_manager = systems::outgoing(&settings, &context.environment).await?;
    let listed = secrets_manager.list().await;
    let listed = listed.map_err(|error| systems::outgoing_failed("can't list the secrets of Secrets Manager", &error))?;
    let unlisted = unlisted(&secrets_manager, &inventory, &listed).await;
    let targets = match &vault {
        Some(vault) => Some(targets(vault, &inventory).await),
        None => None,
    };
    let (target_paths, not_listed) = match &vault {
        Some(vault) => listed_paths(vault).await?,
        None => (None, None),
    };
    let seen = Seen { listed: &listed, unlisted: &unlisted, targets: targets.as_ref(), target_paths: target_paths.as_ref() };
    let mut drift = reconcile(&inventory, state, seen);
    let mut put_right = Vec::new();
    if args.write {
        let new = mended(&inventory, state, &drift);
        if new != inventory {
            let text = files::read(&settings.inventory)?.unwrap_or_default();
            let text = inventory::rewritten(&text, &new).map_err(|entries| super::not_rewritten(&shown, &entries))?;
            files::replace(&settings.inventory, &text)?;
            let differs = |secret: &&inventory::Secret| inventory.get(&secret.name) != Some(*secret);
            put_right = new.secrets().iter().filter(differs).map(|secret| secret.name.clone()).collect();
            drift = reconcile(&new, state, seen);
        }
    }
    let exit = if args.fail_on_drift && !drift.is_empty() { Exit::ChangesPending } else { Exit::Done };
    let drift = drift.into_iter().map(|drift| Mendable { mend: drift.kind.mend(), drift }).collect();
    let (secrets, listed, has_vault) = (inventory.len(), listed.len(), needs_vault);
    context.printer.show(&Reconciled { file: shown, secrets, listed, has_vault, not_listed, drift, mended: put_right });
    Ok(exit)
}

/// A list is minutes behind: what it lacks is looked up by name.
async fn unlisted(
    secrets_manager: &SecretsManager,
    inventory: &Inventory,
    listed: &[migrate_core::observed::ListedSecret],
) -> BTreeMap<SecretName, Sighting<migrate_core::observed::SourceSecret>> {
    let known: std::collections::BTreeSet<&SecretName> = listed.iter().map(|listed| &listed.name).collect();
    let names: Vec<SecretName> =
        inventory.secrets().iter().map(|secret| secret.source_name().clone()).filter(|name| !known.contains(name)).collect();
    let seen = secrets_manager.describe(&names).await;
    names.into_iter().zip(seen).collect()
}

/// All entries of the two trees, or why they can't be listed: a migration has no right to, and does not need it.
async fn listed_paths(vault: &Vault) -> Result<(Option<BTreeSet<String>>, Option<String>), CommandError> {
    match vault.paths_below(&[Tree::Data, Tree::Config].map(Tree::prefix)).await {
        Ok(paths) => Ok((Some(paths), None)),
        Err(error) if error.kind == PortErrorKind::Denied => {
            Ok((None, Some("this token may not list; a policy with `list` on the mount's metadata lets it".to_owned())))
        }
        Err(error) => Err(systems::incoming_failed("can't list the entries of Vault", &error)),
    }
}

async fn targets(vault: &Vault, inventory: &Inventory) -> BTreeMap<SecretName, Sighting<migrate_core::observed::TargetEntry>> {
    let paths: Vec<VaultPath> = inventory.secrets().iter().map(inventory::Secret::vault_path).collect();
    let seen = vault.describe(&paths).await;
    inventory.secrets().iter().map(|secret| secret.name.clone()).zip(seen).collect()
}
