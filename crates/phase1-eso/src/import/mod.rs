//! Reads the manifests that people already have: ExternalSecrets become consumers, PushSecrets become writers, stores become settings.
//!
//! ```text
//!   documents ──► objects ──┬─► stores ──────────────┐
//!                           ├─► ExternalSecrets ──►  resolve ──► Found (for migrate_core::inventory::adopt)
//!                           ├─► their predecessors ──┘
//!                           └─► PushSecrets ──► writers
//! ```
//!
//! Pure. Nothing is dropped in silence: whatever a manifest says and nobody asked for is a [`Finding`] with file and line, and so is what
//! was guessed. What a cluster adds by itself (`status`, `managedFields`, …) is counted, not listed.

mod fields;
mod find;
mod finding;
mod object;
mod predecessor;
mod push_secret;
mod resolve;
mod spec;
mod stores;

use std::{collections::BTreeSet, rc::Rc};

use migrate_core::{
    inventory::{Found, Inventory, Secret, external_secret::StoreRef},
    name::{SecretName, kubernetes::Namespace},
};

pub use self::{
    finding::{Finding, FindingKind, LeftAlone, Look, NotKept, Weight},
    stores::FoundStore,
};
use self::{
    object::{Kind, Object},
    resolve::Manifest,
    stores::Stores,
};
use crate::{emit::Defaults, yaml::Node};

/// One document of one file.
pub struct Document {
    /// The file, as it was named.
    pub file: Rc<str>,
    /// What stands in it.
    pub node: Node,
}

/// What is known beside the manifests.
#[derive(Default)]
pub struct Surroundings<'a> {
    /// The inventory, where there is one.
    pub inventory: Option<&'a Inventory>,
    /// The environment's store for Secrets Manager, where it is said.
    pub store: Option<EnvironmentStore>,
    /// The environment's region, where it is said.
    pub region: Option<String>,
    /// The namespace of objects that say none.
    pub namespace: Option<Namespace>,
    /// What the environment emits where an ExternalSecret declares nothing, where that is said.
    pub defaults: Option<Defaults>,
}

/// The environment's store for Secrets Manager, as far as an import needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentStore {
    /// Its name and kind.
    pub store: StoreRef,
    /// What it puts before each key.
    pub prefix: Option<String>,
}

/// What manifests say.
#[derive(Default)]
pub struct Imported {
    /// What an inventory takes over.
    pub found: Found,
    /// What is to be told, in the order of the documents.
    pub findings: Vec<Finding>,
    /// The stores, as settings.
    pub stores: Vec<FoundStore>,
    /// The store that was taken for the environment's: the one that is said, or else the one that most ExternalSecrets read from.
    pub store: Option<StoreRef>,
    /// How many objects there were.
    pub counts: Counts,
}

/// How many objects there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// ExternalSecrets, of v1 and before, and those of the predecessor.
    pub external_secrets: usize,
    /// ClusterExternalSecrets.
    pub cluster_external_secrets: usize,
    /// SecretStores and ClusterSecretStores.
    pub stores: usize,
    /// PushSecrets and ClusterPushSecrets.
    pub push_secrets: usize,
    /// Objects of other kinds, which were ignored.
    pub others: usize,
    /// Fields that a cluster adds by itself, which were ignored.
    pub server_side: usize,
}

/// Reads manifests.
#[must_use]
pub fn import(documents: &[Document], around: &Surroundings<'_>) -> Imported {
    let mut imported = Imported::default();
    let objects: Vec<Object<'_>> =
        documents.iter().flat_map(object::of).filter_map(|found| found.ok_or_count(&mut imported.counts)).collect();
    let objects = object::without_contradictions(objects, around, &mut imported);
    let stores = Stores::read(&objects, around, &mut imported);
    let manifests: Vec<(&Object<'_>, Manifest)> = objects
        .iter()
        .filter_map(|object| {
            let manifest = match object.kind {
                Kind::ExternalSecret | Kind::ClusterExternalSecret => Manifest::read(object, around),
                Kind::Predecessor => predecessor::read(object, around),
                _ => return None,
            };
            Some((object, manifest?))
        })
        .collect();
    let own = around.store.as_ref().map(|own| own.store.clone());
    imported.store = own.or_else(|| stores.most_used(manifests.iter().map(|(_, manifest)| manifest)));
    let mut names: BTreeSet<SecretName> =
        around.inventory.iter().flat_map(|inventory| inventory.secrets()).map(Secret::source_name).cloned().collect();
    for object in objects.iter().filter(|object| object.kind == Kind::PushSecret) {
        push_secret::read(object, around, &stores, &mut imported.found.writers);
    }
    names.extend(imported.found.writers.keys().cloned());
    let taken = manifests.iter().filter(|(object, _)| !object.notes.leave_alone());
    names.extend(taken.flat_map(|(_, manifest)| manifest.names(&stores)));
    let mut assumed = BTreeSet::new();
    for (object, manifest) in manifests {
        let resolved = manifest.resolve(object, &stores, imported.store.as_ref(), &names, &mut assumed);
        if let Some(found) = resolved.filter(|_| !object.notes.leave_alone()) {
            imported.found.external_secrets.push(found);
        }
    }
    for object in objects {
        object.finish(&mut imported);
    }
    let place = |finding: &Finding| (documents.iter().position(|document| document.file == finding.file), finding.at);
    imported.findings.sort_by_cached_key(place);
    imported
}
