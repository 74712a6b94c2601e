//! Building an inventory from what Secrets Manager lists (INV-4's pure part). What is there is carried as it is; what is odd about it is a
//! [`Finding`], never a reason to fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;

use super::{
    Inventory, Problem, emit,
    entry::{Category, Class, Disposition, Rotation, Secret, Writer},
    node::Node,
    prose::Prose,
    suspect,
};
use crate::{
    name::{
        SecretName,
        convention::{ConventionalName, NameViolation, Tree},
        vault,
    },
    observed::ListedSecret,
};

/// An inventory built from a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedInventory {
    /// The inventory, sorted by name. Its text is [`Inventory::to_yaml`].
    pub inventory: Inventory,
    /// What a person should look at, sorted by secret.
    pub findings: Vec<Finding>,
}

/// An inventory that was brought up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The old text, comments and all, with new entries at its end; the old text itself where nothing is new.
    pub text: String,
    /// What the text parses to.
    pub inventory: Inventory,
    /// The new entries' names.
    pub added: Vec<SecretName>,
    /// What a person should look at, sorted by secret; entries that vanished are among it, and stay.
    pub findings: Vec<Finding>,
}

/// Something about one secret that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The secret's name in Secrets Manager; `None` where the name itself must not be shown.
    pub secret: Option<SecretName>,
    /// What it is.
    pub kind: FindingKind,
}

/// Kinds of findings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// The name breaks the convention and is carried as an exception (NAM-3).
    Unconventional {
        /// How it breaks it.
        violations: Vec<NameViolation>,
        /// A name that keeps it, where this one says enough.
        proposed: Option<String>,
        /// Whether another secret gets the same proposal, so that one of them needs a better one.
        is_shared: bool,
    },
    /// Vault would not keep the name as it is, or another entry has it, so this one is called otherwise.
    Renamed {
        /// The name in Vault.
        to: SecretName,
    },
    /// An AWS service manages it: it stays.
    ServiceOwned,
    /// It is scheduled for deletion and left out.
    ScheduledForDeletion {
        /// Since when.
        since: Timestamp,
    },
    /// Its description looks like a value, or is no plain text, and was not copied.
    DescriptionWithheld,
    /// Its name looks like a token, so it can't stand in the inventory: left out.
    NameLooksLikeValue,
    /// No tag says who answers for it.
    NoOwner,
    /// The inventory has it and Secrets Manager does not. The entry stays.
    Vanished,
    /// It is known from manifests only, so nobody has seen it in Secrets Manager.
    FromManifests,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.secret {
            Some(secret) => write!(f, "{secret}: {}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unconventional { violations, proposed, is_shared } => {
                f.write_str("the name breaks the convention: ")?;
                for (at, violation) in violations.iter().enumerate() {
                    write!(f, "{}{violation}", if at == 0 { "" } else { ", " })?;
                }
                match (proposed, is_shared) {
                    (Some(proposed), false) => write!(f, "; proposed: {proposed}"),
                    (Some(proposed), true) => write!(f, "; {proposed} would fit, but fits another secret too"),
                    (None, _) => f.write_str("; it says too little to propose another"),
                }
            }
            Self::Renamed { to } => {
                write!(f, "the entry is called {to}: Vault would not keep this name as it is, or another entry has it")
            }
            Self::ServiceOwned => f.write_str("an AWS service manages it, so it stays in Secrets Manager"),
            Self::ScheduledForDeletion { since } => write!(f, "left out: scheduled for deletion since {since}"),
            Self::DescriptionWithheld => {
                f.write_str("its description was not copied: it looks like a value, or is no plain text")
            }
            Self::NameLooksLikeValue => {
                f.write_str("a secret was left out because its name looks like a token; give it another one in Secrets Manager")
            }
            Self::NoOwner => f.write_str("no tag says who owns it; add `owner`"),
            Self::FromManifests => f.write_str("a new entry, known from manifests only; add `owner`"),
            Self::Vanished => f.write_str(
                "it is in the inventory and not in Secrets Manager; take the entry out if that is meant, else look where it went",
            ),
        }
    }
}

/// Why a listing gives no inventory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Nothing that an inventory could hold.
    #[error("Secrets Manager lists no secret that an inventory could hold in this account and region")]
    Nothing {
        /// What was left out.
        findings: Vec<Finding>,
    },
}

/// Why an inventory can't be brought up to date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The old text has problems of its own.
    #[error("the inventory has problems; `migrate inventory validate` lists them")]
    Invalid(Vec<Problem>),
    /// New entries can't be appended to the old text.
    #[error("`secrets` is not a plain list at the end of the file, so new entries can't be appended; put them there by hand")]
    Layout {
        /// The new entries, as YAML.
        entries: String,
    },
}

/// Builds an inventory from a listing. The same listing gives the same inventory, in whatever order it comes.
///
/// # Errors
/// [`ImportError::Nothing`].
pub fn import(listed: &[ListedSecret]) -> Result<ImportedInventory, ImportError> {
    let (secrets, findings) = fresh_entries(listed, &[]);
    if secrets.is_empty() {
        return Err(ImportError::Nothing { findings });
    }
    Ok(ImportedInventory { inventory: Inventory::of(Vec::new(), secrets), findings })
}

/// Brings the inventory `text` up to date with a listing: existing entries win and stay as they are, new ones are appended, and those
/// that vanished are reported and never dropped.
///
/// # Errors
/// [`MergeError`].
pub fn merge(text: &str, listed: &[ListedSecret]) -> Result<Merged, MergeError> {
    let old = Inventory::parse(text).map_err(MergeError::Invalid)?;
    let (new, mut findings) = fresh_entries(listed, &old.secrets);
    let alive: BTreeSet<&SecretName> =
        listed.iter().filter(|listed| listed.deleted_at.is_none()).map(|listed| &listed.name).collect();
    let gone = old.secrets.iter().map(Secret::source_name).filter(|name| !alive.contains(name));
    findings.extend(gone.map(|name| Finding { secret: Some(name.clone()), kind: FindingKind::Vanished }));
    findings.sort();

    let added = new.iter().map(|secret| secret.name.clone()).collect();
    if new.is_empty() {
        return Ok(Merged { text: text.to_owned(), inventory: old, added, findings });
    }
    let merged = appended(text, &new);
    let inventory = Inventory::of(old.external_secrets, old.secrets.into_iter().chain(new.iter().cloned()).collect());
    match merged {
        // What was appended must be read as what was meant, whatever the file looks like.
        Some(text) if Inventory::parse(&text).as_ref() == Ok(&inventory) => Ok(Merged { text, inventory, added, findings }),
        _ => Err(MergeError::Layout { entries: new.iter().map(|secret| emit::entry(secret, "")).collect() }),
    }
}

/// The text with new entries at its end, indented like the first one; `None` where that one does not begin with a dash.
fn appended(text: &str, new: &[Secret]) -> Option<String> {
    let root = Node::read(text).ok()?;
    let line = usize::try_from(root.get("secrets")?.items().first()?.at.line).ok()?;
    let (margin, _) = text.lines().nth(line.checked_sub(1)?)?.split_once("- ")?;
    if !margin.chars().all(|c| c == ' ') {
        return None;
    }
    let gap = if text.ends_with('\n') { "" } else { "\n" };
    let entries: String = new.iter().map(|secret| emit::entry(secret, margin)).collect();
    Some(format!("{text}{gap}{entries}"))
}

/// Entries for what is listed and not among `old`, sorted by name, and what is odd about them.
fn fresh_entries(listed: &[ListedSecret], old: &[Secret]) -> (Vec<Secret>, Vec<Finding>) {
    let known: BTreeSet<&SecretName> = old.iter().map(Secret::source_name).collect();
    let fresh: BTreeMap<&SecretName, &ListedSecret> =
        listed.iter().map(|listed| (&listed.name, listed)).filter(|(name, _)| !known.contains(name)).collect();
    // Names that Vault keeps as they are, and those of old entries, are for nobody else.
    let mut taken: BTreeSet<SecretName> = fresh
        .keys()
        .copied()
        .filter(|name| name.vault_path().is_ok())
        .chain(old.iter().map(|secret| &secret.name))
        .cloned()
        .collect();
    let mut findings = Vec::new();
    let mut secrets = Vec::new();
    for listed in fresh.into_values() {
        if suspect::suspicion_of_name(listed.name.as_str()).is_some() {
            findings.push(Finding { secret: None, kind: FindingKind::NameLooksLikeValue });
            continue;
        }
        let mut found = |kind| findings.push(Finding { secret: Some(listed.name.clone()), kind });
        if let Some(since) = listed.deleted_at {
            found(FindingKind::ScheduledForDeletion { since });
        } else {
            let name = path_name(&listed.name, old, &mut taken);
            secrets.push(entry(listed, name, &mut found));
        }
    }
    mark_shared_proposals(&mut findings);
    secrets.sort_by(|a, b| a.name.cmp(&b.name));
    findings.sort();
    (secrets, findings)
}

/// The name under which a secret is carried: its own where Vault keeps it and no old entry has it, else a clean one that is free.
pub(super) fn path_name(source: &SecretName, old: &[Secret], taken: &mut BTreeSet<SecretName>) -> SecretName {
    if source.vault_path().is_ok() && !old.iter().any(|secret| secret.name == *source) {
        return source.clone();
    }
    let clean = vault::cleaned(source.as_str());
    let base = if clean.is_empty() { "unnamed" } else { clean.as_str() };
    let numbered = (2_u32..).map(|number| {
        let suffix = format!("-{number}");
        // Names are ASCII and end at 512.
        format!("{}{suffix}", &base[..base.len().min(512 - suffix.len())])
    });
    let free = std::iter::once(base.to_owned())
        .chain(numbered)
        .filter_map(|name| SecretName::parse(&name).ok())
        .find(|name| name.vault_path().is_ok() && !taken.contains(name))
        .unwrap_or_else(|| source.clone());
    taken.insert(free.clone());
    free
}

fn entry(listed: &ListedSecret, name: SecretName, found: &mut impl FnMut(FindingKind)) -> Secret {
    let owned = listed.owning_service.is_some();
    let carried = carried(&listed.name, name, owned, found);
    let description = listed.description.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let kept = description.and_then(harmless);
    if description.is_some() && kept.is_none() {
        found(FindingKind::DescriptionWithheld);
    }
    let owner = listed.tags.iter().find(|(key, _)| ["owner", "team"].contains(&key.to_ascii_lowercase().as_str()));
    let owner = owner.and_then(|(_, value)| harmless(value.trim()));
    if owner.is_none() {
        found(FindingKind::NoOwner);
    }
    Secret {
        description: kept,
        owner,
        writers: if listed.rotation_enabled { vec![Writer::Rotation(Prose::fixed("Secrets Manager"))] } else { Vec::new() },
        rotation: Some(Rotation { enabled: listed.rotation_enabled, notes: None }),
        ..carried
    }
}

/// The entry of a secret that is called `source` in Secrets Manager, as far as its name tells.
pub(super) fn carried(source: &SecretName, name: SecretName, owned: bool, found: &mut impl FnMut(FindingKind)) -> Secret {
    let conventional = ConventionalName::parse(&name);
    if name != *source {
        found(FindingKind::Renamed { to: name.clone() });
    }
    let owned = owned || source.as_str().contains('!');
    if let (Err(violations), false) = (&conventional, owned) {
        let proposed = ConventionalName::propose(source).map(|name| name.to_string());
        found(FindingKind::Unconventional { violations: violations.clone(), proposed, is_shared: false });
    }
    if owned {
        found(FindingKind::ServiceOwned);
    }
    Secret {
        legacy_name: (name != *source).then(|| source.clone()),
        name_exception: conventional.is_err().then(|| Prose::fixed("carried from Secrets Manager as it is")),
        description: None,
        owner: None,
        category: match conventional {
            Ok(name) if name.tree() == Tree::Config => Category::Configuration,
            _ => Category::Data,
        },
        class: Class::Runtime,
        disposition: if owned { Disposition::Stays(Prose::fixed("an AWS service manages it")) } else { Disposition::Moves },
        content: None,
        consumers: Vec::new(),
        writers: Vec::new(),
        principals: Vec::new(),
        rotation: None,
        encoding: None,
        origin: None,
        notes: None,
        name,
    }
}

/// A text of Secrets Manager that may stand in an inventory. REQ INV-2: people do write passwords into descriptions.
fn harmless(text: &str) -> Option<Prose> {
    Prose::parse(&text.replace("\r\n", "\n")).ok().filter(|text| suspect::suspicion(text.as_str()).is_none())
}

pub(super) fn mark_shared_proposals(findings: &mut [Finding]) {
    let mut proposals: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings.iter() {
        if let FindingKind::Unconventional { proposed: Some(proposed), .. } = &finding.kind {
            *proposals.entry(proposed.clone()).or_default() += 1;
        }
    }
    for finding in findings {
        if let FindingKind::Unconventional { proposed: Some(proposed), is_shared, .. } = &mut finding.kind {
            *is_shared = proposals.get(proposed).is_some_and(|times| *times > 1);
        }
    }
}
