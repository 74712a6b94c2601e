//! Where Git, Secrets Manager, the ledger and Vault do not agree (REQ INV-4). Pure: what was seen comes in, drift goes out, each with the
//! change that mends it. What nobody could see is told as such and never counted as agreement.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Inventory,
    entry::{RecordedEncoding, Rotation, Secret, Writer},
    prose::Prose,
    suspect,
};
use crate::{
    codec::Encoding,
    handover::Handover,
    name::SecretName,
    observed::{ListedSecret, Sighting, SourceSecret, TargetEntry},
};

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What Secrets Manager lists, up to five minutes behind.
    pub listed: &'a [ListedSecret],
    /// A second look, by name in Secrets Manager, at what it did not list.
    pub unlisted: &'a BTreeMap<SecretName, Sighting<SourceSecret>>,
    /// The entries in Vault, by name in the inventory; none where nobody looked.
    pub targets: Option<&'a BTreeMap<SecretName, Sighting<TargetEntry>>>,
    /// The paths of all entries in Vault below the two trees of the convention; none where nobody could list them.
    pub target_paths: Option<&'a BTreeSet<String>>,
}

/// One thing on which they do not agree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The secret, by its name in the inventory, else in Secrets Manager; `None` where the name itself must not be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,
    /// What it is.
    #[serde(flatten)]
    pub kind: DriftKind,
}

/// Kinds of drift. `Display` says what is wrong; [`DriftKind::mend`] says what mends it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(tag = "drift", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum DriftKind {
    /// Secrets Manager has it and the inventory does not.
    #[error("is in Secrets Manager and not in the inventory")]
    Undeclared,
    /// The inventory has it and Secrets Manager, its authority, does not.
    #[error("is in the inventory and not in Secrets Manager")]
    Missing,
    /// Its authority is about to delete it.
    #[error("is scheduled for deletion in Secrets Manager since {since}")]
    ScheduledForDeletion {
        /// Since when.
        since: Timestamp,
    },
    /// Whether it is rotated.
    #[error("rotation is {} in Secrets Manager and {} in the inventory", on(*.found), on(!*.found))]
    Rotation {
        /// What Secrets Manager says.
        found: bool,
    },
    /// A rotation function writes it and nobody says so.
    #[error("rotation writes it, and `writers` does not say so")]
    RotationWriter,
    /// An AWS service owns it, so it can't move.
    #[error("is managed by {service}, and the inventory says that it moves")]
    ServiceOwned {
        /// The service.
        service: String,
    },
    /// The ledger handed it over and the inventory does not have it.
    #[error("was handed over, and the inventory does not have it")]
    HandedOverUndeclared,
    /// The ledger handed it over and the inventory says that it stays.
    #[error("was handed over, and the inventory says that it stays")]
    HandedOverStays,
    /// The inventory does not say how it is laid out in Vault, or says something else than what was committed.
    #[error("is laid out in Vault as {committed}, and the inventory says {}", .recorded.as_deref().unwrap_or("nothing"))]
    Encoding {
        /// As the ledger has it.
        committed: String,
        /// As the inventory has it.
        #[serde(skip_serializing_if = "Option::is_none")]
        recorded: Option<String>,
    },
    /// It was handed over, and Vault does not have it.
    #[error("was handed over, and Vault does not have it")]
    Lost,
    /// Secrets Manager is its authority, no wave holds it, and something stands at its path in Vault.
    #[error("is not handed over, and something stands at its path in Vault")]
    Occupied,
    /// Vault has it and neither inventory nor ledger does.
    #[error("is in Vault and not in the inventory")]
    UndeclaredInVault,
    /// It could not be looked at.
    #[error("could not be looked at: {why}")]
    Unseen {
        /// Why.
        why: String,
    },
}

fn on(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

impl DriftKind {
    /// The change that mends it.
    #[must_use]
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Undeclared => "`migrate inventory import` adds it, or delete it in Secrets Manager if nobody needs it",
            Self::Missing => "create it in Secrets Manager, or take the entry out",
            Self::ScheduledForDeletion { .. } => "`aws secretsmanager restore-secret` if it is needed, else take the entry out",
            Self::Rotation { .. } | Self::RotationWriter | Self::Encoding { .. } => "`--write` puts it into the inventory",
            Self::ServiceOwned { .. } => "write `disposition: {stays: <reason>}`",
            Self::HandedOverUndeclared => "put the entry back from Git's history: what was handed over stays declared",
            Self::HandedOverStays => "write `disposition: moves`: authority only goes forward",
            Self::Lost => "`migrate verify` looks closer; the old copy in Secrets Manager may still hold the value",
            Self::Occupied => "find out whose it is; a plan that selects the secret is blocked by it",
            Self::UndeclaredInVault => "find out whose it is, then declare it, or have its owner delete it in Vault",
            Self::Unseen { .. } => "mend the access that it names, and run this again",
        }
    }

    /// Whether [`mended`] puts it right.
    #[must_use]
    pub fn is_mended_in_inventory(&self) -> bool {
        matches!(self, Self::Rotation { .. } | Self::RotationWriter | Self::Encoding { .. })
    }
}

/// Compares what is declared with what was seen, sorted by secret.
#[must_use]
pub fn reconcile(inventory: &Inventory, state: &Handover, seen: Seen<'_>) -> Vec<Drift> {
    let mut found = Vec::new();
    let mut add = |secret: &SecretName, kind| found.push(Drift { secret: Some(secret.clone()), kind });
    let listed: BTreeMap<&SecretName, &ListedSecret> = seen.listed.iter().map(|listed| (&listed.name, listed)).collect();
    for secret in inventory.secrets() {
        let name = &secret.name;
        if state.is_handed_over(name) {
            if !secret.moves() {
                add(name, DriftKind::HandedOverStays);
            }
            if let Some(committed) = committed_encoding(state, name)
                && secret.encoding.as_ref() != recorded(committed).as_ref()
            {
                let recorded = secret.encoding.as_ref().map(ToString::to_string);
                add(name, DriftKind::Encoding { committed: committed.to_string(), recorded });
            }
        } else {
            at_source(secret, listed.get(secret.source_name()).copied(), seen.unlisted, |kind| add(name, kind));
        }
        if let Some(target) = seen.targets.and_then(|targets| targets.get(name)) {
            at_target(state, name, target, |kind| add(name, kind));
        }
    }
    for (name, _) in state.waves.values().filter(|wave| wave.stage.is_committed()).flat_map(|wave| &wave.members) {
        if inventory.get(name).is_none() {
            add(name, DriftKind::HandedOverUndeclared);
        }
    }
    let declared: BTreeSet<&SecretName> = inventory.secrets().iter().map(Secret::source_name).collect();
    let is_alive = |listed: &&ListedSecret| listed.deleted_at.is_none();
    for listed in seen.listed.iter().filter(is_alive).filter(|listed| !declared.contains(&listed.name)) {
        let secret = suspect::suspicion_of_name(listed.name.as_str()).is_none().then(|| listed.name.clone());
        found.push(Drift { secret, kind: DriftKind::Undeclared });
    }
    let handed_over = |path: &str| state.waves.values().any(|wave| wave.members.keys().any(|name| name.as_str() == path));
    let ours: BTreeSet<&str> = inventory.secrets().iter().map(|secret| secret.name.as_str()).collect();
    for path in seen.target_paths.into_iter().flatten().filter(|path| !ours.contains(path.as_str()) && !handed_over(path)) {
        let secret = SecretName::parse(path).ok().filter(|_| suspect::suspicion_of_name(path).is_none());
        found.push(Drift { secret, kind: DriftKind::UndeclaredInVault });
    }
    found.sort();
    found.dedup();
    found
}

/// What Secrets Manager, while it is the authority, says otherwise.
fn at_source(
    secret: &Secret,
    listed: Option<&ListedSecret>,
    unlisted: &BTreeMap<SecretName, Sighting<SourceSecret>>,
    mut add: impl FnMut(DriftKind),
) {
    // The list is behind by minutes; a look by name is not.
    let (deleted_at, rotation_enabled, owning_service) = match (listed, unlisted.get(secret.source_name())) {
        (Some(listed), _) => (listed.deleted_at, listed.rotation_enabled, listed.owning_service.as_ref()),
        (None, Some(Sighting::Present(seen))) => (seen.deleted_at, seen.rotation_enabled, seen.owning_service.as_ref()),
        (None, Some(Sighting::Unknown(error) | Sighting::Unreadable(error))) => {
            return add(DriftKind::Unseen { why: error.to_string() });
        }
        (None, Some(Sighting::Absent) | None) => return add(DriftKind::Missing),
    };
    if let Some(since) = deleted_at {
        return add(DriftKind::ScheduledForDeletion { since });
    }
    if let Some(service) = owning_service.filter(|_| secret.moves()) {
        add(DriftKind::ServiceOwned { service: service.clone() });
    }
    if secret.rotation.as_ref().is_some_and(|rotation| rotation.enabled) != rotation_enabled {
        add(DriftKind::Rotation { found: rotation_enabled });
    }
    let is_told = secret.writers.iter().any(|writer| matches!(writer, Writer::Rotation(_)));
    if rotation_enabled && !is_told {
        add(DriftKind::RotationWriter);
    }
}

fn at_target(state: &Handover, name: &SecretName, target: &Sighting<TargetEntry>, mut add: impl FnMut(DriftKind)) {
    let lives = |entry: &TargetEntry| entry.current_version.is_some_and(|version| !entry.gone_versions.contains(&version));
    match target {
        Sighting::Unknown(error) | Sighting::Unreadable(error) => add(DriftKind::Unseen { why: error.to_string() }),
        Sighting::Present(entry) if state.is_handed_over(name) && lives(entry) => {}
        Sighting::Present(_) | Sighting::Absent if state.is_handed_over(name) => add(DriftKind::Lost),
        Sighting::Present(_) if state.holder_of(name).is_none() => add(DriftKind::Occupied),
        Sighting::Present(_) | Sighting::Absent => {}
    }
}

fn committed_encoding<'a>(state: &'a Handover, name: &SecretName) -> Option<&'a Encoding> {
    let (_, wave) = state.holder_of(name)?;
    wave.members.get(name).map(|member| &member.begun.encoding)
}

/// An encoding as an inventory records it; `None` where its property can't stand there.
fn recorded(encoding: &Encoding) -> Option<RecordedEncoding> {
    let prose = |property: &String| Prose::parse(property).ok();
    Some(match encoding {
        Encoding::Text { property } => RecordedEncoding::Text { property: prose(property)? },
        Encoding::Binary { property } => RecordedEncoding::Binary { property: prose(property)? },
        Encoding::Fields { whole: None } => RecordedEncoding::Fields { whole: None },
        Encoding::Fields { whole: Some(property) } => RecordedEncoding::Fields { whole: Some(prose(property)?) },
    })
}

/// The inventory with everything put right that is [mended there](DriftKind::is_mended_in_inventory).
#[must_use]
pub fn mended(inventory: &Inventory, state: &Handover, drift: &[Drift]) -> Inventory {
    let mut secrets = inventory.secrets().to_vec();
    for secret in &mut secrets {
        for drift in drift.iter().filter(|drift| drift.secret.as_ref() == Some(&secret.name)) {
            match &drift.kind {
                DriftKind::Rotation { found } => {
                    let notes = secret.rotation.take().and_then(|rotation| rotation.notes);
                    secret.rotation = Some(Rotation { enabled: *found, notes });
                }
                DriftKind::RotationWriter => secret.writers.push(Writer::Rotation(Prose::fixed("Secrets Manager"))),
                DriftKind::Encoding { .. } => secret.encoding = committed_encoding(state, &secret.name).and_then(recorded),
                _ => {}
            }
        }
    }
    Inventory::of(inventory.external_secrets().to_vec(), secrets)
}

impl std::fmt::Display for RecordedEncoding {
    /// The same text as that of [`Encoding`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text { property } => write!(f, "text:{property}"),
            Self::Binary { property } => write!(f, "binary:{property}"),
            Self::Fields { whole: None } => f.write_str("fields"),
            Self::Fields { whole: Some(property) } => write!(f, "fields:{property}"),
        }
    }
}
