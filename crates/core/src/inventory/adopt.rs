//! Taking over what manifests say: ExternalSecrets become consumers, PushSecrets become writers, secrets that nobody listed yet become
//! entries. Pure; how manifests are read is told elsewhere.
//!
//! ```text
//!   text of the inventory + Found ──► which ExternalSecrets are new, known, at odds ──► Inventory ──► text (layout) ──► parsed, compared
//! ```
//!
//! What the inventory says already wins, unless it is told to be replaced. One ExternalSecret is taken over whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    DEFAULT_SCHEMA_URL, Inventory, Problem,
    entry::{Consumer, ConsumerMeans, ExternalSecret, PushSecret, Secret, Writer},
    external_secret::{
        ClusterPlacement, CreationPolicy, DataFromItem, DeclaredExternalSecret, ExternalSecretId, ExternalSecretShape, OtherRead,
    },
    import::{self, Finding, FindingKind},
    layout,
    prose::Prose,
};
use crate::{
    name::{SecretName, kubernetes::KubernetesName},
    reads::Read,
};

/// What manifests say. Secrets go by their names in Secrets Manager, also in `stores` and `order` of a shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The ExternalSecrets, each once.
    pub external_secrets: Vec<FoundExternalSecret>,
    /// Who writes what.
    pub writers: BTreeMap<SecretName, BTreeSet<PushSecret>>,
}

/// An ExternalSecret or a ClusterExternalSecret as a manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundExternalSecret {
    /// Which one.
    pub id: ExternalSecretId,
    /// Where a ClusterExternalSecret makes its ExternalSecrets; there only.
    pub cluster: Option<ClusterPlacement>,
    /// The application that it is for, where the inventory does not know it.
    pub application: Prose,
    /// What it reads of each secret, in the order of the manifest.
    pub reads: BTreeMap<SecretName, Vec<Read>>,
    /// Everything else. `order` is complete.
    pub shape: ExternalSecretShape,
}

/// An inventory that took over what manifests say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The inventory's text: the old one, comments and all, but for what changed.
    pub text: String,
    /// What the text parses to.
    pub inventory: Inventory,
    /// New entries, by their names in the inventory.
    pub added: Vec<SecretName>,
    /// Entries that were there and have other consumers or writers now.
    pub changed: Vec<SecretName>,
    /// ExternalSecrets that were taken over.
    pub taken: Vec<ExternalSecretId>,
    /// ExternalSecrets of which the inventory says the same already.
    pub known: Vec<ExternalSecretId>,
    /// ExternalSecrets of which it says something else.
    pub conflicts: Vec<Conflict>,
    /// What is odd about new entries.
    pub findings: Vec<Finding>,
}

/// An ExternalSecret that does not fit what the inventory says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Which one.
    pub id: ExternalSecretId,
    /// How.
    pub kind: ConflictKind,
}

/// How an ExternalSecret does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictKind {
    /// The inventory has it, and says otherwise what it reads or how it is made.
    Differs {
        /// The secrets of which it reads something else, by their names in Secrets Manager.
        reads: Vec<SecretName>,
        /// Whether the manifest was taken for right.
        replaced: bool,
    },
    /// Another one owns the Kubernetes Secret that it makes. It was not taken over.
    SharedTarget {
        /// The other one.
        with: ExternalSecretId,
        /// The Kubernetes Secret.
        target: KubernetesName,
    },
}

/// Why nothing was taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// The old text has problems of its own.
    #[error("the inventory has problems; `migrate inventory validate` lists them")]
    Invalid(Vec<Problem>),
    /// There is nothing to take over, and no inventory yet.
    #[error("the manifests read and write no secret of Secrets Manager")]
    Nothing,
    /// What would be written breaks a rule of the inventory.
    #[error("the manifests say what an inventory can't hold")]
    Refused(Vec<Problem>),
    /// The text can't be changed without losing what a person wrote.
    #[error("the file is laid out so that it can't be changed without losing comments or more; change it by hand")]
    Layout {
        /// What belongs into it, as YAML.
        entries: String,
    },
}

/// Takes over what manifests say. `text` is the inventory as it is, if there is one; `replace` lets manifests win where the two are at odds.
/// The same input gives the same text, and doing it twice changes nothing.
///
/// # Errors
/// [`AdoptError`].
pub fn adopt(text: Option<&str>, found: &Found, replace: bool) -> Result<Adopted, AdoptError> {
    let old = text.map(Inventory::parse).transpose().map_err(AdoptError::Invalid)?;
    let mut draft = Draft::of(old.as_ref());
    for external_secret in &found.external_secrets {
        draft.take(external_secret, replace);
    }
    draft.add_writers(&found.writers);
    draft.settle_order();
    let Draft { secrets, declared, mut added, mut findings, taken, known, conflicts, .. } = draft;
    if secrets.is_empty() {
        return Err(AdoptError::Nothing);
    }
    added.sort();
    import::mark_shared_proposals(&mut findings);
    findings.sort();
    let inventory = Inventory::of(declared, secrets);
    let text = match (&old, text) {
        (Some(old), Some(text)) => {
            // The rules first: an inventory that breaks one is no matter of layout.
            Inventory::parse(&inventory.to_yaml(DEFAULT_SCHEMA_URL)).map_err(AdoptError::Refused)?;
            layout::edited(text, old, &inventory).map_err(|entries| AdoptError::Layout { entries })?
        }
        _ => inventory.to_yaml(DEFAULT_SCHEMA_URL),
    };
    // What was written must be read as what was meant, whatever the file looks like.
    let read = Inventory::parse(&text).map_err(AdoptError::Refused)?;
    if read != inventory {
        return Err(AdoptError::Layout { entries: inventory.to_yaml(DEFAULT_SCHEMA_URL) });
    }
    let before = |secret: &Secret| old.as_ref().and_then(|old| old.get(&secret.name));
    let changed = inventory.secrets().iter().filter(|now| before(now).is_some_and(|before| before != *now));
    let changed = changed.map(|secret| secret.name.clone()).collect();
    Ok(Adopted { text, added, changed, taken, known, conflicts, findings, inventory })
}

/// The inventory on its way.
struct Draft<'o> {
    old: &'o [Secret],
    secrets: Vec<Secret>,
    declared: Vec<DeclaredExternalSecret>,
    by_source: BTreeMap<SecretName, usize>,
    /// The Kubernetes Secrets that have an owner.
    owners: BTreeMap<(String, KubernetesName), ExternalSecretId>,
    added: Vec<SecretName>,
    taken: Vec<ExternalSecretId>,
    known: Vec<ExternalSecretId>,
    conflicts: Vec<Conflict>,
    findings: Vec<Finding>,
}

impl<'o> Draft<'o> {
    fn of(old: Option<&'o Inventory>) -> Self {
        let (secrets, declared) = old.map(|old| (old.secrets(), old.external_secrets())).unwrap_or_default();
        let by_source = secrets.iter().enumerate().map(|(at, secret)| (secret.source_name().clone(), at)).collect();
        let mut draft = Self {
            old: secrets,
            secrets: secrets.to_vec(),
            declared: declared.to_vec(),
            by_source,
            owners: BTreeMap::new(),
            added: Vec::new(),
            taken: Vec::new(),
            known: Vec::new(),
            conflicts: Vec::new(),
            findings: Vec::new(),
        };
        let read =
            secrets.iter().flat_map(|secret| secret.consumers.iter().filter_map(Consumer::external_secret)).map(|by| &by.id);
        for id in read.chain(declared.iter().map(|declared| &declared.id)) {
            let shape = declared.iter().find(|declared| declared.id == *id).map(|declared| &declared.shape);
            if let Some(target) = owned_target(id, shape.unwrap_or(&ExternalSecretShape::default())) {
                draft.owners.insert(target, id.clone());
            }
        }
        draft
    }

    fn take(&mut self, found: &FoundExternalSecret, replace: bool) {
        let target = owned_target(&found.id, &found.shape);
        if let Some((target, with)) =
            target.as_ref().and_then(|target| self.owners.get_key_value(target)).filter(|(_, id)| **id != found.id)
        {
            let kind = ConflictKind::SharedTarget { with: with.clone(), target: target.1.clone() };
            self.conflicts.push(Conflict { id: found.id.clone(), kind });
            return;
        }
        let read_now = self.reads_of(&found.id);
        let declared_now = self.declared.iter().find(|declared| declared.id == found.id);
        let is_known = !read_now.is_empty() || declared_now.is_some();
        if is_known {
            let names: BTreeSet<&SecretName> = read_now.keys().chain(found.reads.keys()).collect();
            let differs = |name: &&SecretName| sorted(read_now.get(*name)) != sorted(found.reads.get(*name));
            let reads: Vec<SecretName> = names.into_iter().filter(differs).cloned().collect();
            let says_the_same = reads.is_empty() && {
                let (shape, cluster) = declared_now.map(|now| (now.shape.clone(), now.cluster.clone())).unwrap_or_default();
                self.by_sources(shape, &found.id) == found.shape && cluster == found.cluster
            };
            if says_the_same {
                self.known.push(found.id.clone());
                return;
            }
            let kind = ConflictKind::Differs { reads, replaced: replace };
            self.conflicts.push(Conflict { id: found.id.clone(), kind });
            if !replace {
                return;
            }
        }
        self.owners.retain(|_, id| *id != found.id);
        if let Some(target) = target {
            self.owners.insert(target, found.id.clone());
        }
        self.set_reads(found);
        self.declare(found);
        self.taken.push(found.id.clone());
    }

    /// What an ExternalSecret reads by the inventory: names in Secrets Manager and reads.
    fn reads_of(&self, id: &ExternalSecretId) -> BTreeMap<SecretName, Vec<Read>> {
        let mut all = BTreeMap::new();
        for secret in &self.secrets {
            for by in secret.consumers.iter().filter_map(Consumer::external_secret).filter(|by| by.id == *id) {
                all.insert(secret.source_name().clone(), by.reads.clone());
            }
        }
        all
    }

    /// A shape of the inventory as a manifest would have it: names of Secrets Manager, the order spelled out.
    fn by_sources(&self, mut shape: ExternalSecretShape, id: &ExternalSecretId) -> ExternalSecretShape {
        if shape.order.is_empty() {
            shape.order = self.plain_order(id, &shape);
        }
        let source =
            |name: &SecretName| self.secrets.iter().find(|secret| secret.name == *name).map_or(name, Secret::source_name).clone();
        shape.stores = shape.stores.iter().map(|(name, store)| (source(name), store.clone())).collect();
        for item in &mut shape.order {
            if let DataFromItem::Secret(name) = item {
                *name = source(name);
            }
        }
        shape
    }

    /// The order of `dataFrom` where none is said.
    fn plain_order(&self, id: &ExternalSecretId, shape: &ExternalSecretShape) -> Vec<DataFromItem> {
        let mut order = Vec::new();
        for secret in &self.secrets {
            for by in secret.consumers.iter().filter_map(Consumer::external_secret).filter(|by| by.id == *id) {
                let extracts = by.reads.iter().filter(|read| read.is_extract());
                order.extend(extracts.map(|_| DataFromItem::Secret(secret.name.clone())));
            }
        }
        order.extend(shape.others.iter().filter(|other| matches!(other, OtherRead::DataFrom(_))).map(|_| DataFromItem::Other));
        order
    }

    /// Where the secret of that name in Secrets Manager stands; a new entry where there was none.
    fn place_of(&mut self, source: &SecretName) -> usize {
        if let Some(at) = self.by_source.get(source) {
            return *at;
        }
        let mut taken: BTreeSet<SecretName> = self.secrets.iter().map(|secret| secret.name.clone()).collect();
        let name = import::path_name(source, self.old, &mut taken);
        let findings = &mut self.findings;
        let mut found = |kind| findings.push(Finding { secret: Some(source.clone()), kind });
        found(FindingKind::FromManifests);
        let secret = import::carried(source, name, false, &mut found);
        self.added.push(secret.name.clone());
        // New entries stand behind the old ones, sorted.
        let behind = &self.secrets[self.old.len()..];
        let at = self.old.len() + behind.partition_point(|there| there.name < secret.name);
        self.secrets.insert(at, secret);
        for place in self.by_source.values_mut().filter(|place| **place >= at) {
            *place += 1;
        }
        self.by_source.insert(source.clone(), at);
        at
    }

    fn set_reads(&mut self, found: &FoundExternalSecret) {
        let is_it = |consumer: &Consumer| consumer.external_secret().is_some_and(|by| by.id == found.id);
        let application = self.secrets.iter().flat_map(|secret| &secret.consumers).find(|consumer| is_it(consumer));
        let application = application.map_or_else(|| found.application.clone(), |consumer| consumer.application.clone());
        for secret in &mut self.secrets {
            if !found.reads.contains_key(secret.source_name()) {
                secret.consumers.retain(|consumer| !is_it(consumer));
            }
        }
        for (source, reads) in &found.reads {
            let at = self.place_of(source);
            let consumers = &mut self.secrets[at].consumers;
            let means = ConsumerMeans::ExternalSecret(ExternalSecret { id: found.id.clone(), reads: reads.clone() });
            match consumers.iter_mut().find(|consumer| is_it(consumer)) {
                Some(there) => there.means = means,
                None => consumers.push(Consumer { application: application.clone(), accessor: None, means }),
            }
        }
    }

    fn declare(&mut self, found: &FoundExternalSecret) {
        let name = |source: &SecretName| self.by_source.get(source).map_or(source, |at| &self.secrets[*at].name).clone();
        let mut shape = found.shape.clone();
        shape.stores = shape.stores.iter().map(|(source, store)| (name(source), store.clone())).collect();
        for item in &mut shape.order {
            if let DataFromItem::Secret(source) = item {
                *source = name(source);
            }
        }
        let declared = DeclaredExternalSecret { id: found.id.clone(), cluster: found.cluster.clone(), shape };
        match self.declared.iter_mut().find(|there| there.id == found.id) {
            Some(there) => *there = declared,
            None => self.declared.push(declared),
        }
    }

    fn add_writers(&mut self, writers: &BTreeMap<SecretName, BTreeSet<PushSecret>>) {
        for (source, writers) in writers {
            let at = self.place_of(source);
            for writer in writers {
                let writer = Writer::PushSecret(writer.clone());
                if !self.secrets[at].writers.contains(&writer) {
                    self.secrets[at].writers.push(writer);
                }
            }
        }
    }

    /// Leaves out what need not be said, now that every secret has its place: an order that is the plain one, and then a declaration
    /// that says nothing.
    fn settle_order(&mut self) {
        let mut declared = std::mem::take(&mut self.declared);
        for this in declared.iter_mut().filter(|this| self.taken.contains(&this.id)) {
            if this.shape.order == self.plain_order(&this.id, &this.shape) {
                this.shape.order.clear();
            }
        }
        let was_there = |id: &ExternalSecretId| self.conflicts.iter().any(|conflict| conflict.id == *id);
        declared.retain(|this| {
            let says_nothing = this.cluster.is_none() && this.shape == ExternalSecretShape::default();
            !says_nothing || !self.taken.contains(&this.id) || was_there(&this.id)
        });
        self.declared = declared;
    }
}

/// The Kubernetes Secret that an ExternalSecret makes and owns. Where a ClusterExternalSecret makes its own is known to the cluster only.
fn owned_target(id: &ExternalSecretId, shape: &ExternalSecretShape) -> Option<(String, KubernetesName)> {
    let owns = shape.target.creation_policy.unwrap_or(CreationPolicy::Owner) == CreationPolicy::Owner;
    let namespace = id.namespace().filter(|_| owns)?;
    Some((namespace.as_str().to_owned(), shape.target.name.as_ref().unwrap_or(id.name()).clone()))
}

/// Reads as far as their order matters: that of `extract` does.
fn sorted(reads: Option<&Vec<Read>>) -> Vec<&Read> {
    let mut reads: Vec<&Read> = reads.into_iter().flatten().collect();
    reads.sort_by(|a, b| {
        a.is_extract().cmp(&b.is_extract()).then_with(|| if a.is_extract() { std::cmp::Ordering::Equal } else { a.cmp(b) })
    });
    reads
}
