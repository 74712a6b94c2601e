//! `data` and `dataFrom`: what one ExternalSecret reads, each item with the store that it is read from.

use std::collections::{BTreeMap, VecDeque};

use migrate_core::{
    inventory::{
        Secret,
        external_secret::{DataFromItem, OtherData, OtherDataFrom, OtherRead, RemoteRef, SourceRef, StoreRef},
    },
    name::SecretName,
    reads::{self, ConversionStrategy, DecodingStrategy, MetadataPolicy, Read},
};

use super::{Loss, Spelled, Wanted, gather::Gathered, refused::Refused};

/// What an ExternalSecret reads.
#[derive(Default)]
pub(super) struct Items {
    /// `spec.secretStoreRef`
    pub(super) store: Option<StoreRef>,
    /// `spec.data`
    pub(super) data: Vec<OtherData>,
    /// `spec.dataFrom`
    pub(super) data_from: Vec<OtherDataFrom>,
    /// A `find` that was spelled out.
    pub(super) loss: Option<Loss>,
}

/// Lays out what is read. The store of the ExternalSecret itself is Vault's as soon as one of its secrets is read from there; what is read
/// from elsewhere names its own.
pub(super) fn items(wanted: &Wanted<'_>, gathered: &Gathered<'_>, refuse: &mut dyn FnMut(Refused)) -> Items {
    let shape = &gathered.shape;
    let before = shape.store.clone().unwrap_or_else(|| wanted.aws.store.clone());
    let spelled = |secret: &Secret| wanted.vault.as_ref().and_then(|vault| Some((vault, vault.secrets.get(&secret.name)?)));
    let from_vault = gathered.reads.iter().find_map(|(secret, _)| spelled(secret)).map(|(vault, _)| vault);
    let main = from_vault.map_or(&before, |vault| &vault.store.store).clone();
    let source = |store: &StoreRef| (*store != main).then(|| SourceRef::StoreRef(store.clone()));

    let mut items = Items { store: Some(main.clone()), ..Items::default() };
    let mut extracts: BTreeMap<&SecretName, VecDeque<OtherDataFrom>> = BTreeMap::new();
    let mut found = Vec::new();
    for (secret, read) in &gathered.reads {
        let is_find = matches!(read, Read::Find { .. });
        let (key, read, store) = match spelled(secret) {
            Some((vault, spelled)) => {
                let Some(read) = counterpart(spelled, secret, read, refuse) else { continue };
                (secret.vault_path().remote_key(&vault.store.mount), read, vault.store.store.clone())
            }
            None => {
                let store = shape.stores.get(&secret.name).unwrap_or(&before).clone();
                let Some(key) = source_key(wanted, secret, &store, refuse) else { continue };
                // What a `find` reaches is left to the `find`, unless that is gone.
                let read = match (is_find, from_vault) {
                    (true, None) => continue,
                    (true, Some(_)) => match explicit(read) {
                        Some(read) => read,
                        None => {
                            refuse(Refused::FindKey { name: secret.name.clone() });
                            continue;
                        }
                    },
                    (false, _) => (*read).clone(),
                };
                (key, read, store)
            }
        };
        if is_find {
            found.push(secret.source_name().to_string());
        }
        match item(key, &read, source(&store)) {
            OtherRead::Data(data) => items.data.push(data),
            OtherRead::DataFrom(extract) => extracts.entry(&secret.name).or_default().push_back(extract),
        }
    }
    let spells_finds_out = from_vault.is_some();
    let mut others = VecDeque::new();
    let mut expanded = false;
    for other in &shape.others {
        match other {
            OtherRead::Data(data) => {
                let source_ref = data.source_ref.clone().or_else(|| source(&before));
                items.data.push(OtherData { source_ref: unless_main(source_ref, &main), ..data.clone() });
            }
            OtherRead::DataFrom(from) if spells_finds_out && is_find_of_ours(from, &before, &wanted.aws.store) => {
                expanded = true;
                if !from.rewrite.is_empty() {
                    refuse(Refused::FindRewritten);
                } else if found.is_empty() {
                    refuse(Refused::FindUnknown);
                }
                // Its place in the order stays, so that the other items keep theirs.
                others.push_back(None);
            }
            OtherRead::DataFrom(from) => {
                let source_ref = from.source_ref.clone().or_else(|| source(&before));
                others.push_back(Some(OtherDataFrom { source_ref: unless_main(source_ref, &main), ..from.clone() }));
            }
        }
    }
    if expanded {
        items.loss = Some(Loss { object: gathered.id.to_string(), names: found });
    }
    items.data_from = ordered(&gathered.shape.order, &gathered.secrets(), extracts, others);
    items
}

/// How a declared read is spelled for Vault.
fn counterpart(spelled: &Spelled, secret: &Secret, read: &Read, refuse: &mut dyn FnMut(Refused)) -> Option<Read> {
    let found = spelled.counterpart(read).filter(|counterpart| !matches!(counterpart, Read::Find { .. })).cloned();
    if found.is_none() {
        refuse(Refused::NotProved { name: secret.name.clone(), read: read.to_string() });
    }
    found
}

/// What the operator is told to ask Secrets Manager for: the name, less what the store puts before it.
fn source_key(wanted: &Wanted<'_>, secret: &Secret, store: &StoreRef, refuse: &mut dyn FnMut(Refused)) -> Option<String> {
    let name = secret.source_name();
    // Another store's prefix is not known here, so a name is taken to be what it says.
    let prefix = wanted.aws.prefix.as_deref().filter(|_| *store == wanted.aws.store).unwrap_or_default();
    match name.as_str().strip_prefix(prefix).filter(|key| !key.is_empty()) {
        Some(key) => Some(key.to_owned()),
        None => {
            refuse(Refused::Prefix { name: name.clone(), store: store.name.to_string() });
            None
        }
    }
}

/// The explicit read that delivers what a `find` does.
fn explicit(find: &Read) -> Option<Read> {
    reads::key_of_find(find).map(|secret_key| Read::whole(secret_key).decoded(find.decoding_strategy()))
}

/// Whether a `find` searches where the secrets of this inventory are.
fn is_find_of_ours(from: &OtherDataFrom, before: &StoreRef, aws: &StoreRef) -> bool {
    let here = match &from.source_ref {
        None => true,
        Some(SourceRef::StoreRef(store)) => store == before || store == aws,
        Some(SourceRef::GeneratorRef(_)) => false,
    };
    from.find.is_some() && here
}

/// A reference to the ExternalSecret's own store says nothing.
fn unless_main(source_ref: Option<SourceRef>, main: &StoreRef) -> Option<SourceRef> {
    source_ref.filter(|source| !matches!(source, SourceRef::StoreRef(store) if store == main))
}

/// A read as the API spells it. Fields at the operator's own default are left out; which of them are written is decided by version.
fn item(key: String, read: &Read, source_ref: Option<SourceRef>) -> OtherRead {
    let bare = RemoteRef {
        key,
        property: None,
        version: None,
        conversion_strategy: None,
        decoding_strategy: Some(read.decoding_strategy()).filter(|strategy| *strategy != DecodingStrategy::None),
        metadata_policy: None,
        null_byte_policy: None,
    };
    let fetched = |policy: &MetadataPolicy| Some(*policy).filter(|policy| *policy != MetadataPolicy::None);
    match read {
        Read::Whole { secret_key, version, metadata_policy, .. } => {
            let remote_ref = RemoteRef { version: version.clone(), metadata_policy: fetched(metadata_policy), ..bare };
            OtherRead::Data(OtherData { secret_key: secret_key.clone(), remote_ref, source_ref })
        }
        Read::Property { secret_key, property, version, metadata_policy, .. } => {
            let remote_ref = RemoteRef {
                property: Some(property.clone()),
                version: version.clone(),
                metadata_policy: fetched(metadata_policy),
                ..bare
            };
            OtherRead::Data(OtherData { secret_key: secret_key.clone(), remote_ref, source_ref })
        }
        Read::Extract { property, conversion_strategy, version, metadata_policy, rewrite, .. } => {
            let extract = RemoteRef {
                property: property.clone(),
                version: version.clone(),
                conversion_strategy: Some(*conversion_strategy).filter(|strategy| *strategy != ConversionStrategy::Default),
                metadata_policy: fetched(metadata_policy),
                ..bare
            };
            OtherRead::DataFrom(OtherDataFrom { extract: Some(extract), find: None, rewrite: rewrite.clone(), source_ref })
        }
        // Spelled out before, or left to the `find`.
        Read::Find { name, .. } => OtherRead::Data(OtherData { secret_key: name.clone(), remote_ref: bare, source_ref }),
    }
}

/// `dataFrom` in its order, in which later items win.
fn ordered(
    order: &[DataFromItem],
    secrets: &[&Secret],
    mut extracts: BTreeMap<&SecretName, VecDeque<OtherDataFrom>>,
    mut others: VecDeque<Option<OtherDataFrom>>,
) -> Vec<OtherDataFrom> {
    let mut items = Vec::new();
    for item in order {
        match item {
            DataFromItem::Secret(name) => items.extend(extracts.get_mut(name).and_then(VecDeque::pop_front)),
            DataFromItem::Other => items.extend(others.pop_front().flatten()),
        }
    }
    for secret in secrets {
        items.extend(extracts.remove(&secret.name).into_iter().flatten());
    }
    items.extend(others.into_iter().flatten());
    items
}
