//! `migrate eso import`: manifests that exist become consumers and writers in the inventory.

use std::{collections::BTreeMap, fmt::Write as _};

use migrate_core::{
    inventory::{self, AdoptError, Adopted, Conflict, ConflictKind, Inventory, SCHEMA_FILE, external_secret::StoreKind},
    name::SecretName,
};
use phase1_eso::emit::Defaults;
use phase1_eso::import::{self, Counts, EnvironmentStore, Finding, Imported, Surroundings, Weight};
use serde::Serialize;

use super::super::{Context, inventory as inventory_commands};
use crate::{
    args::eso::Import,
    error::{CommandError, Reason},
    exit::Exit,
    files, manifests,
    settings::{EnvironmentTable, Settings, parse},
    ui::{Report, count},
};

/// What an import found, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    file: String,
    environment: String,
    /// Whether the inventory was written.
    written: bool,
    /// Whether it changes.
    changes: bool,
    read: Read,
    /// New entries.
    added: Vec<SecretName>,
    /// Entries with other consumers or writers.
    changed: Vec<SecretName>,
    /// ExternalSecrets that are new in the inventory.
    taken: Vec<String>,
    /// ExternalSecrets of which it says the same already.
    known: Vec<String>,
    conflicts: Vec<AtOdds>,
    findings: Vec<Told>,
    stores: Vec<Store>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    external_secrets: usize,
    cluster_external_secrets: usize,
    stores: usize,
    push_secrets: usize,
    others: usize,
    server_side_fields: usize,
}

impl From<Counts> for Read {
    fn from(counts: Counts) -> Self {
        let Counts { external_secrets, cluster_external_secrets, stores, push_secrets, others, server_side } = counts;
        Self { external_secrets, cluster_external_secrets, stores, push_secrets, others, server_side_fields: server_side }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AtOdds {
    external_secret: String,
    /// Whether the manifest was believed.
    replaced: bool,
    text: String,
}

#[derive(Debug, Serialize)]
struct Told {
    /// `file:line:column`, where a manifest is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// The object or secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    weight: &'static str,
    kind: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Store {
    store: String,
    file: String,
    /// How it stands to what `migrate.toml` says of the store of that name: `new`, `same` or `differs`.
    is: &'static str,
    /// Lines for `migrate.toml`.
    settings: String,
}

/// Things to look at of one kind that are shown before the rest is counted; `-v` and `--json` show all.
const SHOWN: usize = 3;

impl Report for Outcome {
    fn text(&self) -> String {
        self.full_text(false)
    }
}

impl Outcome {
    fn full_text(&self, all: bool) -> String {
        let mut text = self.summary();
        for (weight, heading) in [(LEFT_ALONE, "left alone"), (NOT_KEPT, "not kept"), (LOOK, "to look at")] {
            let of: Vec<&Told> = self.findings.iter().filter(|told| told.weight == weight).collect();
            if of.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{heading}:");
            let mut alike: BTreeMap<&str, usize> = BTreeMap::new();
            for told in of {
                let times = alike.entry(told.kind).or_default();
                *times += 1;
                if all || weight != LOOK || *times <= SHOWN {
                    let _ = writeln!(text, "  {}", told.line());
                }
            }
            for (kind, times) in alike.into_iter().filter(|(_, times)| !all && weight == LOOK && *times > SHOWN) {
                let _ = writeln!(text, "  … and {} more of kind {kind}; -v shows them", times - SHOWN);
            }
        }
        if !self.conflicts.is_empty() {
            text += "at odds with the inventory:\n";
            for AtOdds { external_secret, text: how, .. } in &self.conflicts {
                let _ = writeln!(text, "  {external_secret}: {how}");
            }
        }
        for Store { store, settings, is, .. } in self.stores.iter().filter(|store| store.is != SAME) {
            let differs = if *is == DIFFERS { ", which says something else of it" } else { "" };
            let _ = writeln!(text, "for migrate.toml{differs}, from {store}:");
            settings.lines().for_each(|line| {
                let _ = writeln!(text, "  {line}");
            });
        }
        text += match (self.changes, self.written) {
            (false, _) => "nothing to change\n",
            (true, true) => "written; look at it with `git diff`, commit it, then `migrate inventory show`\n",
            (true, false) => "nothing was written; --write does, and `git diff` shows it then\n",
        };
        text
    }

    fn summary(&self) -> String {
        let Read { external_secrets, cluster_external_secrets, stores, push_secrets, others, server_side_fields } = self.read;
        let mut parts = vec![count(external_secrets, "ExternalSecret")];
        for (number, what) in
            [(cluster_external_secrets, "ClusterExternalSecret"), (stores, "store"), (push_secrets, "PushSecret")]
        {
            if number > 0 {
                parts.push(count(number, what));
            }
        }
        let mut text = format!("read: {}\n", parts.join(", "));
        if others > 0 {
            let _ = writeln!(text, "ignored: {} of other kinds", count(others, "object"));
        }
        if server_side_fields > 0 {
            let _ = writeln!(
                text,
                "ignored: {} that a cluster adds by itself (status, managedFields, …)",
                count(server_side_fields, "field")
            );
        }
        let _ = writeln!(
            text,
            "{}: {} taken over, {} known already; {} new, {} changed",
            self.file,
            count(self.taken.len(), "ExternalSecret"),
            self.known.len(),
            count(self.added.len(), "entry").replace("entrys", "entries"),
            self.changed.len(),
        );
        text
    }
}

impl Told {
    fn line(&self) -> String {
        let at = self.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
        let object = self.object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        format!("{at}{object}{path}{}", self.text)
    }
}

const SAME: &str = "same";
const DIFFERS: &str = "differs";
const LEFT_ALONE: &str = "left-alone";
const NOT_KEPT: &str = "not-kept";
const LOOK: &str = "look";

pub(in crate::commands) fn run(context: &Context, args: &Import) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let shown = settings.shown(&settings.inventory);
    let before = files::read(&settings.inventory)?;
    let inventory = match &before {
        Some(text) => Some(Inventory::parse(text).map_err(|problems| inventory_commands::invalid(&shown, &problems))?),
        None => None,
    };
    let files = manifests::gather(&context.environment.directory, &args.paths)?;
    let documents = manifests::documents(&files)?;
    let around = surroundings(&settings, inventory.as_ref(), args);
    let imported = import::import(&documents, &around);
    let adopted = match inventory::adopt(before.as_deref(), &imported.found, args.replace) {
        Ok(adopted) => adopted,
        Err(error) => return Err(refused(&shown, &error, &imported)),
    };
    let changes = before.as_deref() != Some(adopted.text.as_str());
    let written = changes && args.write;
    if written {
        files::replace(&settings.inventory, &adopted.text)?;
        let schema = settings.inventory.with_file_name(SCHEMA_FILE);
        if before.is_none() {
            files::replace(&schema, &inventory_commands::schema_text()?)?;
        }
    }
    let outcome = outcome(&settings, shown, imported, adopted, changes, written);
    let waits = (changes && !written) || outcome.conflicts.iter().any(|conflict| !conflict.replaced);
    if context.printer.is_verbose() && !context.printer.is_json() {
        context.printer.data(&outcome.full_text(true));
    } else {
        context.printer.show(&outcome);
    }
    Ok(if waits { Exit::ChangesPending } else { Exit::Done })
}

fn surroundings<'a>(settings: &Settings, inventory: Option<&'a Inventory>, args: &Import) -> Surroundings<'a> {
    // What only the file says counts: the inventory goes into Git.
    let store = settings.eso.aws_store().ok();
    Surroundings {
        inventory,
        region: store.as_ref().map(|store| store.region.clone()),
        store: store
            .filter(|_| settings.eso.is_declared)
            .map(|store| EnvironmentStore { store: store.store, prefix: store.prefix }),
        namespace: args.namespace.clone(),
        defaults: Some(Defaults {
            refresh_policy: settings.eso.refresh_policy,
            refresh_interval: settings.eso.refresh_interval,
            deletion_policy: settings.eso.deletion_policy,
        }),
    }
}

fn refused(shown: &str, error: &AdoptError, imported: &Imported) -> CommandError {
    let failed = |reason| CommandError::new(reason, format!("can't import into {shown}")).because(error);
    match error {
        AdoptError::Invalid(problems) => inventory_commands::invalid(shown, problems),
        AdoptError::Nothing => failed(Reason::NothingSelected)
            .findings(imported.findings.iter().filter(|finding| finding.kind.weight() == Weight::LeftAlone)),
        AdoptError::Refused(problems) => failed(Reason::ManifestsInvalid).findings(problems),
        AdoptError::Layout { entries } => failed(Reason::InventoryInvalid).findings(entries.lines()).hint(
            "put the entries in by hand, or write the entries that are named there as plain block lists, then run it again",
        ),
    }
}

fn outcome(settings: &Settings, file: String, imported: Imported, adopted: Adopted, changes: bool, written: bool) -> Outcome {
    let names = |ids: &[inventory::ExternalSecretId]| ids.iter().map(ToString::to_string).collect();
    let mut findings: Vec<Told> = imported.findings.iter().map(told).collect();
    findings.extend(adopted.findings.iter().map(|finding| Told {
        at: None,
        object: finding.secret.as_ref().map(ToString::to_string),
        path: String::new(),
        weight: LOOK,
        kind: inventory_commands::import::kind(&finding.kind),
        text: finding.kind.to_string(),
    }));
    let stores = imported.stores.into_iter().map(|found| {
        let lines = format!("[environment.{}.eso.{}]\n{}", settings.environment, found.table, found.settings);
        let namespace = found.namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        Store {
            store: format!("{} {namespace}{} ({})", found.store.kind, found.store.name, found.file),
            file: found.file.to_string(),
            is: standing(settings, found.table, &lines),
            settings: lines,
        }
    });
    Outcome {
        file,
        environment: settings.environment.to_string(),
        written,
        changes,
        read: imported.counts.into(),
        taken: names(&adopted.taken),
        known: names(&adopted.known),
        conflicts: adopted.conflicts.iter().map(at_odds).collect(),
        stores: stores.collect(),
        added: adopted.added,
        changed: adopted.changed,
        findings,
    }
}

/// How the settings of a store stand to those of `migrate.toml`. `lines` are such a file of their own.
fn standing(settings: &Settings, table: &str, lines: &str) -> &'static str {
    let read = |text: &str| {
        let EnvironmentTable { eso, outgoing, incoming, .. } = parse(text).ok()?.environments.remove(&settings.environment)?;
        let mut eso = eso?;
        let kind = |kind: Option<StoreKind>| Some(kind.unwrap_or(StoreKind::ClusterSecretStore));
        (eso.aws.kind, eso.vault.kind) = (kind(eso.aws.kind), kind(eso.vault.kind));
        eso.aws.region = eso.aws.region.or(outgoing.region);
        eso.vault.address = eso.vault.address.or(incoming.address);
        eso.vault.mount = eso.vault.mount.or(incoming.mount);
        Some(eso)
    };
    let said = files::read(&settings.config).ok().flatten();
    let (Some(said), Some(found)) = (said.as_deref().and_then(read), read(lines)) else { return "new" };
    let (is_named, is_same) = match table {
        "aws" => (said.aws.store == found.aws.store, said.aws == found.aws),
        _ => (said.vault.store == found.vault.store, said.vault == found.vault),
    };
    match (is_named, is_same) {
        (true, true) => SAME,
        (true, false) => DIFFERS,
        (false, _) => "new",
    }
}

fn told(finding: &Finding) -> Told {
    Told {
        at: Some(format!("{}:{}:{}", finding.file, finding.at.line, finding.at.column)),
        object: finding.object.as_ref().map(ToString::to_string),
        path: finding.path.clone(),
        weight: match finding.kind.weight() {
            Weight::LeftAlone => LEFT_ALONE,
            Weight::NotKept => NOT_KEPT,
            Weight::Look => LOOK,
        },
        kind: finding.kind.name(),
        // The heading says how much it weighs.
        text: finding.kind.reason(),
    }
}

fn at_odds(conflict: &Conflict) -> AtOdds {
    let (replaced, text) = match &conflict.kind {
        ConflictKind::Differs { reads, replaced } => {
            let reads: Vec<&str> = reads.iter().map(SecretName::as_str).collect();
            let what = match reads.as_slice() {
                [] => "the inventory says otherwise how it is made".to_owned(),
                reads => format!("the inventory says otherwise what it reads of {}", reads.join(", ")),
            };
            let end = if *replaced {
                "the manifest was taken for right"
            } else {
                "left as it is; --replace takes the manifest for right"
            };
            (*replaced, format!("{what}; {end}"))
        }
        ConflictKind::SharedTarget { with, target } => (
            false,
            format!(
                "{with} owns the Kubernetes Secret {target} too; left out: give one of them another target or creationPolicy"
            ),
        ),
    };
    AtOdds { external_secret: conflict.id.to_string(), replaced, text }
}
