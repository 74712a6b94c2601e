//! PushSecrets: who writes to which secret of Secrets Manager. The manifest itself stays with whoever wrote it; an inventory names it.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    inventory::{
        PushSecret,
        external_secret::{StoreKind, StoreRef},
    },
    name::{SecretName, kubernetes::KubernetesName},
};

use super::{
    FindingKind, LeftAlone, Look, Surroundings,
    object::Object,
    stores::{Source, Stores},
};

/// Reads one.
pub(super) fn read(
    object: &Object<'_>,
    around: &Surroundings<'_>,
    stores: &Stores,
    writers: &mut BTreeMap<SecretName, BTreeSet<PushSecret>>,
) {
    let fields = object.fields();
    // It is not emitted anew, so nothing of it can be lost.
    object.node.take();
    let Some(name) = object.name() else { return };
    let Some(namespace) = object.namespace(around) else {
        return fields.note("metadata", FindingKind::LeftAlone(LeftAlone::Unnamed("namespace")));
    };
    let Some(spec) = fields.within("spec") else { return };
    let writer = PushSecret { namespace: namespace.clone(), name };
    let mut prefixes = BTreeSet::new();
    for store in spec.items("secretStoreRefs") {
        if store.has("labelSelector") {
            store.note("labelSelector", FindingKind::Look(Look::StoreLabels));
        }
        let Some(name) = store.parsed("name", KubernetesName::parse) else { continue };
        let kind: Option<StoreKind> = store.one_of("kind");
        let store = StoreRef { name, kind: kind.unwrap_or_default() };
        if let Source::SecretsManager { prefix, .. } = stores.source(&store, Some(&namespace)) {
            prefixes.insert(prefix);
        }
    }
    for data in spec.items("data") {
        let remote = data.within("match").and_then(|of| of.within("remoteRef"));
        let Some((remote, key)) = remote.and_then(|remote| remote.text("remoteKey").map(|key| (remote, key))) else { continue };
        for prefix in &prefixes {
            match stores.name_of(prefix, &key) {
                Some(name) if !object.notes.leave_alone() => {
                    writers.entry(name).or_default().insert(writer.clone());
                }
                Some(_) => {}
                None => remote.note("remoteKey", FindingKind::Look(Look::Key)),
            }
        }
    }
}
