//! What an inventory says of its ExternalSecrets, put together again field by field, without the code that emits.

use std::collections::{BTreeMap, VecDeque};

use migrate_core::{
    inventory::{
        DeclaredExternalSecret, ExternalSecretId, Inventory, Secret,
        external_secret::{DataFromItem, ExternalSecretShape, OtherRead, StoreRef},
    },
    name::SecretName,
    reads::Read,
};
use serde_json::{Map, Value, json};

/// The manifest of each ExternalSecret, as JSON.
pub(crate) fn manifests(inventory: &Inventory, environment: &StoreRef) -> Vec<Value> {
    let mut reads: BTreeMap<&ExternalSecretId, Vec<(&Secret, &[Read])>> = BTreeMap::new();
    for declared in inventory.external_secrets() {
        reads.entry(&declared.id).or_default();
    }
    for secret in inventory.secrets() {
        for by in secret.consumers.iter().filter_map(|consumer| consumer.external_secret()) {
            reads.entry(&by.id).or_default().push((secret, &by.reads));
        }
    }
    let of = |id: &ExternalSecretId| inventory.external_secrets().iter().find(|declared| declared.id == *id);
    reads.iter().map(|(id, reads)| manifest(id, of(id), reads, environment)).collect()
}

fn manifest(
    id: &ExternalSecretId,
    declared: Option<&DeclaredExternalSecret>,
    reads: &[(&Secret, &[Read])],
    environment: &StoreRef,
) -> Value {
    let default = ExternalSecretShape::default();
    let shape = declared.map_or(&default, |declared| &declared.shape);
    let mut spec = Map::new();
    let mut put = |key: &str, value: Value| spec.insert(key.to_owned(), value);
    put("secretStoreRef", json!(shape.store.as_ref().unwrap_or(environment)));
    put("refreshPolicy", json!(shape.refresh_policy));
    put("refreshInterval", json!(shape.refresh_interval));
    put("syncWindows", json!(shape.sync_windows));
    // The same words as in the API.
    put("target", json!(shape.target));
    let (mut data, mut extracts, mut others) = (Vec::new(), BTreeMap::<&SecretName, VecDeque<Value>>::new(), VecDeque::new());
    for (secret, reads) in reads {
        let store = shape.stores.get(&secret.name);
        for read in *reads {
            let Value::Object(read) = json!(read) else { continue };
            let (kind, fields) = read.into_iter().next().expect("one kind of read");
            match kind.as_str() {
                "whole" | "property" => data.push(item("remoteRef", secret, &fields, store)),
                "extract" => extracts.entry(&secret.name).or_default().push_back(item("extract", secret, &fields, store)),
                _ => {}
            }
        }
    }
    for other in &shape.others {
        match other {
            OtherRead::Data(other) => data.push(json!(other)),
            OtherRead::DataFrom(other) => others.push_back(json!(other)),
        }
    }
    let data_from: Vec<Value> = if shape.order.is_empty() {
        reads.iter().flat_map(|(secret, _)| extracts.remove(&secret.name).unwrap_or_default()).chain(others).collect()
    } else {
        let next = |item: &DataFromItem| match item {
            DataFromItem::Secret(name) => extracts.get_mut(name).and_then(VecDeque::pop_front),
            DataFromItem::Other => others.pop_front(),
        };
        shape.order.iter().filter_map(next).collect()
    };
    put("data", json!(data));
    put("dataFrom", json!(data_from));
    let metadata =
        json!({ "name": id.name(), "namespace": id.namespace(), "labels": shape.labels, "annotations": shape.annotations });
    match declared.and_then(|declared| declared.cluster.as_ref()) {
        Some(cluster) => {
            let mut outer = json!(cluster);
            outer["externalSecretSpec"] = Value::Object(spec);
            json!({ "apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "metadata": metadata, "spec": outer })
        }
        None => json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata, "spec": spec }),
    }
}

/// A read as an item: what belongs beside the reference stands beside it.
fn item(reference: &str, secret: &Secret, fields: &Value, store: Option<&StoreRef>) -> Value {
    let mut item = Map::new();
    let mut remote = fields.as_object().cloned().unwrap_or_default();
    for key in ["secretKey", "rewrite"] {
        if let Some(value) = remote.remove(key) {
            item.insert(key.to_owned(), value);
        }
    }
    remote.insert("key".to_owned(), json!(secret.source_name()));
    item.insert(reference.to_owned(), Value::Object(remote));
    if let Some(store) = store {
        item.insert("sourceRef".to_owned(), json!({ "storeRef": store }));
    }
    Value::Object(item)
}
