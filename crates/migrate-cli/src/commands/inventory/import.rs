//! `migrate inventory import`: the inventory from what is in Secrets Manager. Entries that exist stay as they are, comments and all.

use std::collections::BTreeMap;

use migrate_core::{
    inventory::{self, DEFAULT_SCHEMA_URL, Finding, FindingKind, ImportError, MergeError},
    name::SecretName,
    observed::ListedSecret,
    ports::Outgoing as _,
};
use serde::Serialize;

use super::Context;
use crate::{
    error::{CommandError, Reason},
    exit::Exit,
    files,
    settings::Settings,
    systems,
    ui::Report,
};

#[derive(Debug, Serialize)]
struct Imported {
    file: String,
    /// Secrets that Secrets Manager listed.
    listed: usize,
    /// Entries that are new.
    added: Vec<SecretName>,
    /// What a person should look at.
    findings: Vec<Noticed>,
}

#[derive(Debug, Serialize)]
struct Noticed {
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<SecretName>,
    kind: &'static str,
    text: String,
}

/// Findings of one kind shown before the rest is counted; `--json` shows all.
const SHOWN: usize = 3;

impl Report for Imported {
    fn text(&self) -> String {
        let mut text = match self.added.len() {
            0 => format!("{}: nothing new; {} secrets listed\n", self.file, self.listed),
            added => format!("{}: {added} new of {} secrets listed\n", self.file, self.listed),
        };
        let mut alike: BTreeMap<&str, Vec<&Noticed>> = BTreeMap::new();
        for noticed in &self.findings {
            alike.entry(&noticed.text).or_default().push(noticed);
        }
        for (finding, of) in alike {
            for noticed in of.iter().take(SHOWN) {
                let secret = noticed.secret.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                text += &format!("  {secret}{finding}\n");
            }
            if of.len() > SHOWN {
                text += &format!("  … and {} more: {finding}\n", of.len() - SHOWN);
            }
        }
        if !self.added.is_empty() {
            text += "say who reads each secret (`consumers`), commit the file, then `migrate plan`\n";
        }
        text
    }
}

pub(in crate::commands) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let before = files::read(&settings.inventory)?;
    let secrets_manager = systems::outgoing(&settings, &context.environment).await?;
    let listed = secrets_manager.list().await;
    let listed = listed.map_err(|error| systems::outgoing_failed("can't list the secrets of Secrets Manager", &error))?;
    let shown = settings.shown(&settings.inventory);
    let (text, added, findings) = match &before {
        None => fresh(&listed)?,
        Some(text) => merged(&shown, text, &listed)?,
    };
    if before.as_ref() != Some(&text) {
        files::replace(&settings.inventory, &text)?;
    }
    write_schema(&settings)?;
    context.printer.show(&Imported { file: shown, listed: listed.len(), added, findings });
    Ok(Exit::Done)
}

type Result3 = Result<(String, Vec<SecretName>, Vec<Noticed>), CommandError>;

fn fresh(listed: &[ListedSecret]) -> Result3 {
    let imported = inventory::import(listed).map_err(|error| {
        let ImportError::Nothing { findings } = &error;
        CommandError::new(Reason::NothingSelected, "there is nothing to import")
            .because(&error)
            .findings(findings)
            .hint("`migrate status -v` shows region, profile and endpoint, and where each was set")
    })?;
    let added = imported.inventory.secrets().iter().map(|secret| secret.name.clone()).collect();
    Ok((imported.inventory.to_yaml(DEFAULT_SCHEMA_URL), added, noticed(&imported.findings)))
}

fn merged(shown: &str, text: &str, listed: &[ListedSecret]) -> Result3 {
    let merged = inventory::merge(text, listed).map_err(|error| match error {
        MergeError::Invalid(problems) => super::invalid(shown, &problems),
        MergeError::Layout { ref entries } => CommandError::new(Reason::InventoryInvalid, format!("{shown} can't be added to"))
            .because(&error)
            .findings(entries.lines()),
    })?;
    Ok((merged.text, merged.added, noticed(&merged.findings)))
}

fn noticed(findings: &[Finding]) -> Vec<Noticed> {
    let noticed =
        |finding: &Finding| Noticed { secret: finding.secret.clone(), kind: kind(&finding.kind), text: finding.kind.to_string() };
    findings.iter().map(noticed).collect()
}

pub(in crate::commands) fn kind(kind: &FindingKind) -> &'static str {
    match kind {
        FindingKind::Unconventional { .. } => "unconventional",
        FindingKind::Renamed { .. } => "renamed",
        FindingKind::ServiceOwned => "service-owned",
        FindingKind::ScheduledForDeletion { .. } => "scheduled-for-deletion",
        FindingKind::DescriptionWithheld => "description-withheld",
        FindingKind::NameLooksLikeValue => "name-looks-like-value",
        FindingKind::NoOwner => "no-owner",
        FindingKind::Vanished => "vanished",
        FindingKind::FromManifests => "from-manifests",
    }
}

/// The first line of an inventory points editors to the schema beside it.
fn write_schema(settings: &Settings) -> Result<(), CommandError> {
    let path = settings.inventory.with_file_name(inventory::SCHEMA_FILE);
    let text = super::schema_text()?;
    if files::read(&path)?.as_deref() == Some(text.as_str()) { Ok(()) } else { files::replace(&path, &text) }
}
