//! What the inventory says about each ExternalSecret, wherever it stands: its shape, and who reads what of which secret.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    inventory::{
        ExternalSecretId, Inventory, Secret,
        external_secret::{ClusterPlacement, ExternalSecretShape},
    },
    reads::Read,
};

/// One ExternalSecret.
pub(super) struct Gathered<'a> {
    pub(super) id: &'a ExternalSecretId,
    /// How it is made; the default where it is not declared.
    pub(super) shape: ExternalSecretShape,
    /// Where a ClusterExternalSecret makes its ExternalSecrets.
    pub(super) cluster: Option<&'a ClusterPlacement>,
    /// What it reads, in the order of the inventory.
    pub(super) reads: Vec<(&'a Secret, &'a Read)>,
    /// The applications that read through it.
    pub(super) applications: BTreeSet<&'a str>,
}

impl<'a> Gathered<'a> {
    fn new(id: &'a ExternalSecretId) -> Self {
        let (shape, reads, applications) = (ExternalSecretShape::default(), Vec::new(), BTreeSet::new());
        Self { id, shape, cluster: None, reads, applications }
    }

    /// Where it makes its ExternalSecrets, where it is a ClusterExternalSecret.
    pub(super) fn placement(&self) -> Option<ClusterPlacement> {
        match self.id {
            ExternalSecretId::Namespaced { .. } => None,
            ExternalSecretId::Cluster { .. } => Some(self.cluster.cloned().unwrap_or_default()),
        }
    }

    /// The secrets that it reads, each once, in the order of the inventory.
    pub(super) fn secrets(&self) -> Vec<&'a Secret> {
        let mut secrets: Vec<&Secret> = Vec::new();
        for (secret, _) in &self.reads {
            if !secrets.iter().any(|known| known.name == secret.name) {
                secrets.push(secret);
            }
        }
        secrets
    }
}

/// Every ExternalSecret that is declared or that a consumer names, by namespace and name.
pub(super) fn gather(inventory: &Inventory) -> Vec<Gathered<'_>> {
    let mut gathered: BTreeMap<&ExternalSecretId, Gathered<'_>> = BTreeMap::new();
    for declared in inventory.external_secrets() {
        let this = gathered.entry(&declared.id).or_insert_with(|| Gathered::new(&declared.id));
        this.shape = declared.shape.clone();
        this.cluster = declared.cluster.as_ref();
    }
    for secret in inventory.secrets() {
        for consumer in &secret.consumers {
            let Some(external_secret) = consumer.external_secret() else { continue };
            let this = gathered.entry(&external_secret.id).or_insert_with(|| Gathered::new(&external_secret.id));
            this.applications.insert(consumer.application.as_str());
            this.reads.extend(external_secret.reads.iter().map(|read| (secret, read)));
        }
    }
    gathered.into_values().collect()
}
