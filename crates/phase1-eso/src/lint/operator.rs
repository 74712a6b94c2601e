//! The operator's own Deployment, where it is in the tree.

use super::{Finding, VAULT_TOKEN};
use crate::{
    validate::{Object, Tree},
    yaml::Node,
};

pub(super) fn check(tree: &Tree<'_>, findings: &mut Vec<Finding>) {
    for object in tree.objects.iter().filter(|object| object.group == "apps" && object.kind == "Deployment") {
        let containers = object.at(&["spec", "template", "spec", "containers"]).map(Node::items).unwrap_or_default();
        for (index, container) in containers.iter().enumerate().filter(|(_, container)| is_operator(container)) {
            let path = format!("spec.template.spec.containers[{index}]");
            for entry in container.peek("env").map(Node::items).unwrap_or_default() {
                if entry.peek("name").and_then(Node::text) == Some("VAULT_TOKEN") {
                    let message = format!("{path}.env: VAULT_TOKEN is used before the auth of every Vault store, and revoked");
                    findings.push(object.finding(&VAULT_TOKEN, entry.at, message));
                }
            }
            for entry in container.peek("envFrom").map(Node::items).unwrap_or_default() {
                for (reference, kind) in [("secretRef", "Secret"), ("configMapRef", "ConfigMap")] {
                    let name = entry.peek_at(&[reference, "name"]).and_then(Node::text);
                    let sets =
                        name.and_then(|name| tree.objects.iter().find(|other| sets_token(other, kind, name, object.namespace)));
                    if let Some(other) = sets {
                        let message =
                            format!("{path}.envFrom: {} sets VAULT_TOKEN ({}:{})", other.title(), other.file, other.node.at.line);
                        findings.push(object.finding(&VAULT_TOKEN, entry.at, message));
                    }
                }
            }
        }
    }
}

/// By its image, as in `ghcr.io/external-secrets/external-secrets:v0.20.4`, wherever it is mirrored to.
fn is_operator(container: &Node) -> bool {
    let image = container.peek("image").and_then(Node::text).unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split([':', '@']).next() == Some("external-secrets")
}

fn sets_token(object: &Object<'_>, kind: &str, name: &str, namespace: &str) -> bool {
    let keys = ["data", "stringData"].into_iter().filter_map(|part| object.at(&[part]));
    let target = object.text(&["spec", "target", "name"]).unwrap_or(object.name);
    let is_it = (object.group.is_empty() && object.kind == kind && object.name == name)
        || (object.kind == "ExternalSecret" && kind == "Secret" && target == name);
    let written = keys.flat_map(Node::entries).any(|(key, _)| key.text == "VAULT_TOKEN");
    let read = object.at(&["spec", "data"]).map(Node::items).unwrap_or_default();
    let materialized = read.iter().any(|item| item.peek("secretKey").and_then(Node::text) == Some("VAULT_TOKEN"));
    is_it && object.namespace == namespace && (written || (object.kind == "ExternalSecret" && materialized))
}
