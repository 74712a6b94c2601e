//! What an ExternalSecret reads, told apart: secrets of Secrets Manager by name, and everything else.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    inventory::{
        Consumer, ExternalSecretId, FoundExternalSecret, Inventory, Prose,
        external_secret::{
            ClusterPlacement, DataFromItem, ExternalSecretShape, NullBytePolicy, OtherData, OtherDataFrom, OtherRead, RemoteRef,
            SourceRef, StoreRef,
        },
    },
    name::SecretName,
    reads::{ConversionStrategy, Read},
};

use super::{
    FindingKind, LeftAlone, Look, NotKept, Surroundings, find,
    object::{Kind, Object},
    spec::{self, Place, Spec},
    stores::{Source, Stores},
};
use crate::emit;

/// An ExternalSecret as its manifest has it.
pub(super) struct Manifest {
    pub(super) id: ExternalSecretId,
    pub(super) application: Prose,
    pub(super) cluster: Option<ClusterPlacement>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) spec: Spec,
    /// It knows no stores: every key is a name in Secrets Manager.
    pub(super) is_predecessor: bool,
}

impl Manifest {
    /// Reads an ExternalSecret or a ClusterExternalSecret.
    pub(super) fn read(object: &Object<'_>, around: &Surroundings<'_>) -> Option<Self> {
        let fields = object.fields();
        if object.is_owned() {
            fields.note("metadata", FindingKind::LeftAlone(LeftAlone::Owned));
            return None;
        }
        if !["v1", "v1beta1", "v1alpha1"].contains(&object.version()) {
            fields.note("apiVersion", FindingKind::LeftAlone(LeftAlone::ApiVersion));
            return None;
        }
        let id = object.id(around)?;
        let [mut labels, mut annotations] = object.metadata();
        let application = object.application(&id, [&labels, &annotations])?;
        let is_known = |inventory: &Inventory| {
            let declared = inventory.external_secrets().iter().map(|declared| &declared.id);
            let consumers = inventory.secrets().iter().flat_map(|secret| &secret.consumers).filter_map(Consumer::external_secret);
            declared.chain(consumers.map(|by| &by.id)).any(|known| *known == id)
        };
        if emit::without_ours(&mut labels, &mut annotations) && around.inventory.is_some_and(is_known) {
            fields.note("", FindingKind::LeftAlone(LeftAlone::Emitted));
            return None;
        }
        let outer = fields.within("spec")?;
        let (spec, cluster) = if object.kind == Kind::ClusterExternalSecret {
            (Spec::read(&outer.within("externalSecretSpec")?), Some(spec::placement(&outer)))
        } else {
            (if object.version() == "v1alpha1" { Spec::read_first(&outer) } else { Spec::read(&outer) }, None)
        };
        let spec = match &around.defaults {
            Some(defaults) => spec.unlike(defaults),
            None => spec,
        };
        Some(Self { id, application, cluster, labels, annotations, spec, is_predecessor: false })
    }

    /// The store that an item is read from; `None` for a generator, or where none is named.
    fn store_of(&self, source: Option<&SourceRef>) -> Option<StoreRef> {
        match source {
            Some(SourceRef::StoreRef(store)) => Some(store.clone()),
            Some(SourceRef::GeneratorRef(_)) => None,
            None => self.spec.store.clone(),
        }
    }

    /// The stores that it reads from, each once.
    pub(super) fn stores(&self) -> BTreeSet<StoreRef> {
        let data = self.spec.data.iter().map(|(_, data)| data.source_ref.as_ref());
        data.chain(self.spec.data_from.iter().map(|(_, from)| from.source_ref.as_ref()))
            .filter_map(|source| self.store_of(source))
            .collect()
    }

    /// The secret that an item names, where it is one of Secrets Manager.
    fn secret(&self, stores: &Stores, source: Option<&SourceRef>, key: &str) -> Names {
        if self.is_predecessor {
            return stores.name_of("", key).map_or(Names::NoName, |name| Names::Secret(name, None));
        }
        let Some(store) = self.store_of(source) else { return Names::Another };
        match stores.source(&store, self.id.namespace()) {
            Source::Other => Names::Another,
            Source::SecretsManager { prefix, .. } => {
                stores.name_of(&prefix, key).map_or(Names::NoName, |name| Names::Secret(name, Some(store)))
            }
        }
    }

    /// The secrets that it names.
    pub(super) fn names(&self, stores: &Stores) -> Vec<SecretName> {
        let data = self.spec.data.iter().map(|(_, data)| (data.source_ref.as_ref(), data.remote_ref.key.as_str()));
        let from = self
            .spec
            .data_from
            .iter()
            .filter_map(|(_, from)| Some((from.source_ref.as_ref(), from.extract.as_ref()?.key.as_str())));
        let named = data.chain(from).filter_map(|(source, key)| match self.secret(stores, source, key) {
            Names::Secret(name, _) => Some(name),
            Names::Another | Names::NoName => None,
        });
        named.collect()
    }

    /// Tells apart what it reads. `assumed` remembers the stores that were told to be assumed.
    pub(super) fn resolve(
        self,
        object: &Object<'_>,
        stores: &Stores,
        environment: Option<&StoreRef>,
        names: &BTreeSet<SecretName>,
        assumed: &mut BTreeSet<StoreRef>,
    ) -> Option<FoundExternalSecret> {
        let note = |place: &Place, path: &str, kind| object.notes.add(place.at, &format!("{}{path}", place.path), kind);
        for store in self.stores() {
            match stores.source(&store, self.id.namespace()) {
                Source::SecretsManager { is_known: false, .. }
                    if !object.notes.leave_alone() && assumed.insert(store.clone()) =>
                {
                    object.fields().note("", FindingKind::Look(Look::Store(store)));
                }
                Source::SecretsManager { prefix, .. } if !prefix.is_empty() && environment != Some(&store) => {
                    object.fields().note("", FindingKind::NotKept(NotKept::Prefix(store)));
                }
                Source::SecretsManager { .. } | Source::Other => {}
            }
        }
        let mut reading = Reading::default();
        let items = self.spec.data.iter().map(|(place, data)| (place, data.source_ref.as_ref(), &data.remote_ref.key));
        let extracts = self
            .spec
            .data_from
            .iter()
            .filter_map(|(place, from)| Some((place, from.source_ref.as_ref(), &from.extract.as_ref()?.key)));
        for (place, source, key) in items.chain(extracts) {
            if key.starts_with("arn:") && matches!(self.secret(stores, source, key), Names::Secret(..)) {
                note(place, "", FindingKind::Look(Look::Arn));
            }
        }
        let last: BTreeMap<&str, usize> =
            self.spec.data.iter().enumerate().map(|(at, (_, data))| (data.secret_key.as_str(), at)).collect();
        for (at, (place, data)) in self.spec.data.iter().enumerate() {
            if last.get(data.secret_key.as_str()) != Some(&at) {
                note(place, ".secretKey", FindingKind::NotKept(NotKept::Overwritten));
                continue;
            }
            let remote = &data.remote_ref;
            match self.secret(stores, data.source_ref.as_ref(), &remote.key) {
                Names::Secret(name, store) if reading.has_store(&name, store.as_ref()) => {
                    if remote.conversion_strategy.is_some_and(|strategy| strategy != ConversionStrategy::Default) {
                        note(place, ".remoteRef.conversionStrategy", FindingKind::NotKept(NotKept::Conversion));
                    }
                    null_bytes(remote, &note, place, ".remoteRef.nullBytePolicy");
                    reading.reads.entry(name).or_default().push(single(data));
                }
                Names::Secret(..) => {
                    note(place, "", FindingKind::Look(Look::SecondStore));
                    reading.others.push(OtherRead::Data(data.clone()));
                }
                Names::NoName => {
                    note(place, ".remoteRef.key", FindingKind::Look(Look::Key));
                    reading.others.push(OtherRead::Data(data.clone()));
                }
                Names::Another => reading.others.push(OtherRead::Data(data.clone())),
            }
        }
        for (place, from) in &self.spec.data_from {
            // The operator looks for `find` first, too.
            let secret = match (&from.find, &from.extract) {
                (None, Some(extract)) => Some((extract, self.secret(stores, from.source_ref.as_ref(), &extract.key))),
                _ => None,
            };
            match secret {
                Some((remote, Names::Secret(name, store))) if reading.has_store(&name, store.as_ref()) => {
                    null_bytes(remote, &note, place, ".extract.nullBytePolicy");
                    reading.order.push(DataFromItem::Secret(name.clone()));
                    reading.reads.entry(name).or_default().push(extract(remote, from));
                    continue;
                }
                Some((_, Names::Secret(..))) => note(place, "", FindingKind::Look(Look::SecondStore)),
                Some((_, Names::NoName)) => note(place, ".extract.key", FindingKind::Look(Look::Key)),
                Some((_, Names::Another)) | None => {}
            }
            if let Some(find) = &from.find
                && self
                    .store_of(from.source_ref.as_ref())
                    .is_some_and(|store| stores.source(&store, self.id.namespace()).is_ours())
            {
                reading.finds_ours = true;
                match find::reached(find, names) {
                    Ok(reached) if reached.is_empty() => note(place, ".find", FindingKind::Look(Look::FindsNothing)),
                    Ok(reached) => {
                        for name in &reached {
                            let read = Read::Find {
                                name: name.as_str().to_owned(),
                                conversion_strategy: find.conversion_strategy.unwrap_or_default(),
                                decoding_strategy: find.decoding_strategy.unwrap_or_default(),
                            };
                            let reads = reading.reads.entry(name.clone()).or_default();
                            if !reads.contains(&read) {
                                reads.push(read);
                            }
                        }
                        note(place, ".find", FindingKind::Look(Look::Finds(reached)));
                    }
                    Err(look) => note(place, ".find", FindingKind::Look(look)),
                }
            }
            reading.order.push(DataFromItem::Other);
            reading.others.push(OtherRead::DataFrom(from.clone()));
        }
        if reading.reads.is_empty() && !reading.finds_ours {
            let nothing = reading.others.is_empty();
            let why = if nothing { LeftAlone::ReadsNothing } else { LeftAlone::ReadsNothingOfOurs };
            object.fields().note("", FindingKind::LeftAlone(why));
            return None;
        }
        Some(self.found(reading, environment))
    }

    fn found(self, reading: Reading, environment: Option<&StoreRef>) -> FoundExternalSecret {
        let Reading { reads, stores, others, order, .. } = reading;
        // Where it names no store itself, what its items name stands for it.
        let mut named: Vec<&StoreRef> = stores.values().collect();
        named.sort();
        named.dedup();
        let base = self.spec.store.clone().or_else(|| named.first().map(|store| (*store).clone()));
        let stores =
            stores.iter().filter(|(_, store)| Some(*store) != base.as_ref()).map(|(name, store)| (name.clone(), store.clone()));
        let shape = ExternalSecretShape {
            labels: self.labels,
            annotations: self.annotations,
            stores: stores.collect(),
            store: base.filter(|base| Some(base) != environment),
            refresh_policy: self.spec.refresh_policy,
            refresh_interval: self.spec.refresh_interval,
            sync_windows: self.spec.sync_windows,
            target: self.spec.target,
            others,
            order,
        };
        FoundExternalSecret { id: self.id, cluster: self.cluster, application: self.application, reads, shape }
    }
}

/// What an item names.
enum Names {
    /// A secret of Secrets Manager, and the store that it is read from; the predecessor has none.
    Secret(SecretName, Option<StoreRef>),
    /// Something else.
    Another,
    /// Something in Secrets Manager that can't be there.
    NoName,
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    reads: BTreeMap<SecretName, Vec<Read>>,
    /// The store that each secret is read from.
    stores: BTreeMap<SecretName, StoreRef>,
    others: Vec<OtherRead>,
    order: Vec<DataFromItem>,
    finds_ours: bool,
}

impl Reading {
    /// Whether a secret is read from this store only.
    fn has_store(&mut self, name: &SecretName, store: Option<&StoreRef>) -> bool {
        store.is_none_or(|store| self.stores.entry(name.clone()).or_insert_with(|| store.clone()) == store)
    }
}

fn null_bytes(remote: &RemoteRef, note: &impl Fn(&Place, &str, FindingKind), place: &Place, path: &str) {
    if remote.null_byte_policy == Some(NullBytePolicy::Fail) {
        note(place, path, FindingKind::NotKept(NotKept::NullBytePolicy));
    }
}

fn single(data: &OtherData) -> Read {
    let RemoteRef { property, version, decoding_strategy, metadata_policy, .. } = &data.remote_ref;
    let (secret_key, version) = (data.secret_key.clone(), version.clone());
    let (decoding_strategy, metadata_policy) = (decoding_strategy.unwrap_or_default(), metadata_policy.unwrap_or_default());
    match property.clone() {
        Some(property) => Read::Property { secret_key, property, decoding_strategy, version, metadata_policy },
        None => Read::Whole { secret_key, decoding_strategy, version, metadata_policy },
    }
}

fn extract(remote: &RemoteRef, from: &OtherDataFrom) -> Read {
    Read::Extract {
        property: remote.property.clone(),
        conversion_strategy: remote.conversion_strategy.unwrap_or_default(),
        decoding_strategy: remote.decoding_strategy.unwrap_or_default(),
        version: remote.version.clone(),
        metadata_policy: remote.metadata_policy.unwrap_or_default(),
        rewrite: from.rewrite.clone(),
    }
}
