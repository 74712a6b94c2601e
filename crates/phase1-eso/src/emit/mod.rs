//! The manifests of External Secrets Operator, made of the inventory: pure, deterministic to the byte, without any value.
//!
//! ```text
//! inventory ──► gather (per ExternalSecret) ──► external_secret ──┐
//! sources (which secret is read from where, and how) ─────────────┤──► object ──► complete (fields, defaults, order of the version)
//! stores ──► store ───────────────────────────────────────────────┘                  └──► layout ──► files
//! ```
//!
//! What an object says beyond what was declared is exactly what the API server of the chosen version would fill in, so a GitOps
//! controller sees no difference between Git and cluster. What a version does not have is refused, by object and field.

mod complete;
mod external_secret;
mod gather;
mod items;
mod layout;
mod object;
mod refused;
mod store;
#[cfg(test)]
mod tests;
mod workload;

pub(crate) use self::external_secret::without_ours;
use std::collections::BTreeMap;

use migrate_core::{
    go_duration::GoDuration,
    inventory::{
        Inventory,
        external_secret::{DeletionPolicy, RefreshPolicy},
    },
    name::SecretName,
    reads::Read,
};

pub use self::{
    layout::{EmittedText, Environment, Layout, files},
    object::{Object, Ordered},
    refused::{Refusal, Refused},
};
use crate::{
    store::{AwsStore, VaultStore},
    version::EsoVersion,
};

/// What an environment asks for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Who reads what.
    pub inventory: &'a Inventory,
    /// The version that runs.
    pub version: EsoVersion,
    /// What an ExternalSecret says that declares nothing else.
    pub defaults: Defaults,
    /// The store for Secrets Manager.
    pub aws: &'a AwsStore,
    /// The secrets that are read from Vault or OpenBao; all others are read from Secrets Manager.
    pub vault: Option<FromVault<'a>>,
}

/// What an ExternalSecret says that declares nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// `refreshPolicy`; what the operator takes for one, where none is said.
    pub refresh_policy: Option<RefreshPolicy>,
    /// `refreshInterval`
    pub refresh_interval: GoDuration,
    /// `deletionPolicy`
    pub deletion_policy: DeletionPolicy,
}

/// What is read from Vault or OpenBao, and how.
#[derive(Clone, Debug)]
pub struct FromVault<'a> {
    /// The store.
    pub store: &'a VaultStore,
    /// The secrets, each with how its reads are spelled.
    pub secrets: BTreeMap<SecretName, Spelled>,
}

/// How the reads of one secret are spelled against KV v2, as its wave's plan proved it: every declared read and its counterpart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spelled(pub Vec<(Read, Read)>);

impl Spelled {
    /// The counterpart of a declared read; none where nobody proved one.
    #[must_use]
    pub fn counterpart(&self, read: &Read) -> Option<&Read> {
        self.0.iter().find(|(declared, _)| declared == read).map(|(_, counterpart)| counterpart)
    }
}

/// What was made for one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emitted {
    /// The stores, in the order of their names.
    pub stores: Vec<Object>,
    /// The ExternalSecrets and ClusterExternalSecrets, in the order of namespaces and names.
    pub external_secrets: Vec<Object>,
    /// What an application mounts, in the order of names.
    pub applications: BTreeMap<String, Vec<Mounted>>,
    /// What is not as it was: a `find` that became explicit reads.
    pub losses: Vec<Loss>,
}

/// A Kubernetes Secret that an application mounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mounted {
    /// Its namespace; none where a ClusterExternalSecret makes it in several.
    pub namespace: Option<String>,
    /// Its name.
    pub secret: String,
    /// Its keys, as far as they are known: those of an `extract` are not.
    pub keys: Vec<String>,
    /// Whether these are all keys.
    pub is_complete: bool,
}

/// A `find` of Secrets Manager that was spelled out for Vault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}: its `find` became explicit reads of {} that it matches today; secrets made later no longer join by themselves", .names.join(", "))]
pub struct Loss {
    /// The ExternalSecret.
    pub object: String,
    /// The secrets.
    pub names: Vec<String>,
}

/// Makes the manifests of one environment.
///
/// # Errors
/// Every [`Refusal`], in the order of objects.
pub fn emit(wanted: &Wanted<'_>) -> Result<Emitted, Vec<Refusal>> {
    let mut emitted = Emitted::default();
    let mut refused = Vec::new();
    let mut users = store::Users::default();
    for gathered in gather::gather(wanted.inventory) {
        let mut refuse = |what| refused.push(Refusal { object: gathered.id.to_string(), what });
        if let Some(made) = external_secret::make(wanted, &gathered, &mut refuse) {
            users.add(gathered.id, gathered.placement().as_ref(), &made.stores);
            for (application, mounted) in made.mounted {
                emitted.applications.entry(application).or_default().push(mounted);
            }
            emitted.losses.extend(made.loss);
            emitted.external_secrets.push(made.object);
        }
    }
    for mounted in emitted.applications.values_mut() {
        mounted.sort();
        mounted.dedup();
    }
    emitted.stores = store::stores(wanted, &users, &mut refused);
    if refused.is_empty() { Ok(emitted) } else { Err(refused) }
}
