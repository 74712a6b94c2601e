//! Stores: who may read through them, and whose credentials they use.

use std::collections::HashMap;

use super::{CROSS_NAMESPACE, FORCE_DELETE, Finding, OPEN_STORE};
use crate::{
    table::Kind,
    validate::{Object, Tree},
    yaml::Node,
};

/// What stands behind a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider<'a> {
    /// AWS Secrets Manager.
    SecretsManager,
    /// Vault or OpenBao.
    Vault {
        /// Its mount.
        mount: Option<&'a str>,
    },
    /// Another one.
    Other,
}

/// The stores of a tree, by namespace (empty for those of the cluster) and name.
pub(super) struct Stores<'a>(HashMap<(bool, &'a str, &'a str), Provider<'a>>);

impl<'a> Stores<'a> {
    pub(super) fn of(tree: &Tree<'a>) -> Self {
        let stores = tree.objects.iter().filter_map(|object| {
            let is_of_cluster = match object.known()? {
                Kind::SecretStore => false,
                Kind::ClusterSecretStore => true,
                _ => return None,
            };
            let namespace = if is_of_cluster { "" } else { object.namespace };
            Some(((is_of_cluster, namespace, object.name), provider(object)))
        });
        Self(stores.collect())
    }

    /// The store that a reference means in a namespace; `None` where it is not in the tree.
    pub(super) fn get(&self, namespace: &'a str, reference: &'a Node) -> Option<&Provider<'a>> {
        let name = reference.peek("name").and_then(Node::text)?;
        let is_of_cluster = reference.peek("kind").and_then(Node::text) == Some("ClusterSecretStore");
        self.0.get(&(is_of_cluster, if is_of_cluster { "" } else { namespace }, name))
    }
}

fn provider<'a>(object: &Object<'a>) -> Provider<'a> {
    let Some(provider) = object.at(&["spec", "provider"]) else { return Provider::Other };
    if let Some(vault) = provider.peek("vault").or_else(|| provider.peek("openBao")) {
        return Provider::Vault { mount: vault.peek("path").and_then(Node::text).map(|mount| mount.trim_matches('/')) };
    }
    match provider.peek_at(&["aws", "service"]).and_then(Node::text) {
        Some("SecretsManager") => Provider::SecretsManager,
        _ => Provider::Other,
    }
}

pub(super) fn check(tree: &Tree<'_>, findings: &mut Vec<Finding>) {
    for object in &tree.objects {
        let Some(kind @ (Kind::SecretStore | Kind::ClusterSecretStore)) = object.known() else { continue };
        let Some(spec) = object.at(&["spec"]) else { continue };
        if kind == Kind::ClusterSecretStore && spec.peek("conditions").is_none_or(|conditions| conditions.items().is_empty()) {
            let at = spec.place_of("provider");
            findings.push(object.finding(
                &OPEN_STORE,
                at,
                "spec.conditions: there are none, so every namespace may read through it",
            ));
        }
        if kind == Kind::SecretStore {
            foreign_references(object, spec, &mut "spec".to_owned(), findings);
        }
        if let Some(flag) = spec.peek_at(&["provider", "aws", "secretsManager", "forceDeleteWithoutRecovery"])
            && flag.truth() == Some(true)
        {
            let path = "spec.provider.aws.secretsManager.forceDeleteWithoutRecovery";
            findings.push(object.finding(
                &FORCE_DELETE,
                flag.at,
                format!("{path}: what is deleted through it can't be restored"),
            ));
        }
    }
}

/// Every reference to a Secret, ConfigMap or service account of another namespace.
fn foreign_references(object: &Object<'_>, node: &Node, path: &mut String, findings: &mut Vec<Finding>) {
    for (key, below) in node.entries() {
        let length = path.len();
        path.push('.');
        path.push_str(&key.text);
        let is_reference = key.text.ends_with("Ref") || ["caProvider", "clientCert"].contains(&key.text.as_str());
        if let (true, Some(namespace)) = (is_reference, below.peek("namespace")) {
            let is_own = namespace.text().is_none_or(|namespace| namespace == object.namespace);
            if !is_own && !object.namespace.is_empty() {
                let message = format!("{path}.namespace: a SecretStore uses what is in its own namespace only");
                findings.push(object.finding(&CROSS_NAMESPACE, namespace.at, message));
            }
        }
        foreign_references(object, below, path, findings);
        path.truncate(length);
    }
}
