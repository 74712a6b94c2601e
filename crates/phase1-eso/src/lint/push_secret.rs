//! PushSecrets: what they write beside the value, and what they delete.

use super::{
    Finding, PUSH_BINARY, PUSH_DELETES, PUSH_METADATA,
    store::{Provider, Stores},
};
use crate::{table::Kind, validate::Tree, yaml::Node};

pub(super) fn check(tree: &Tree<'_>, findings: &mut Vec<Finding>) {
    let stores = Stores::of(tree);
    for object in &tree.objects {
        let (spec, path) = match object.known() {
            Some(Kind::PushSecret) => (object.at(&["spec"]), "spec"),
            Some(Kind::ClusterPushSecret) => (object.at(&["spec", "pushSecretSpec"]), "spec.pushSecretSpec"),
            _ => continue,
        };
        let Some(spec) = spec else { continue };
        let references = spec.peek("secretStoreRefs").map(Node::items).unwrap_or_default();
        let targets: Vec<_> = references.iter().filter_map(|reference| stores.get(object.namespace, reference)).collect();
        if let Some(policy) = spec.peek("deletionPolicy").filter(|policy| policy.text() == Some("Delete")) {
            let to_vault = targets.iter().any(|provider| matches!(provider, Provider::Vault { .. }));
            let what = if to_vault { "every version of the entry goes with it" } else { "what it pushed goes with it" };
            findings.push(object.finding(&PUSH_DELETES, policy.at, format!("{path}.deletionPolicy: Delete: {what}")));
        }
        if targets.contains(&&Provider::SecretsManager) {
            for (list, index, item) in items(spec) {
                if !is_string(item) {
                    let message = format!(
                        "{path}.{list}[{index}].metadata: it writes SecretBinary; say `secretPushFormat: string` where readers want a text"
                    );
                    findings.push(object.finding(&PUSH_BINARY, item.at, message));
                }
            }
        }
        if targets.iter().any(|provider| matches!(provider, Provider::Vault { .. })) {
            let message = format!("{path}.secretStoreRefs: it replaces the whole custom_metadata of what it pushes to Vault");
            findings.push(object.finding(&PUSH_METADATA, spec.place_of("secretStoreRefs"), message));
        }
    }
}

fn items(spec: &Node) -> impl Iterator<Item = (&'static str, usize, &Node)> {
    ["data", "dataTo"].into_iter().flat_map(|list| {
        let items = spec.peek(list).map(Node::items).unwrap_or_default();
        items.iter().enumerate().map(move |(index, item)| (list, index, item))
    })
}

/// Whether the metadata, in the form of today or the one before, asks for a text.
fn is_string(item: &Node) -> bool {
    let format = |way: &[&str]| item.peek_at(way).and_then(Node::text);
    let said = format(&["metadata", "spec", "secretPushFormat"]).or_else(|| format(&["metadata", "secretPushFormat"]));
    said == Some("string")
}
