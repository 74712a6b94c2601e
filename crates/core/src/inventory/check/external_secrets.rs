//! The rules of ExternalSecrets, which cut across secrets: one of them reads several secrets, and several of them may want one target.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        entry::Secret,
        external_secret::{CreationPolicy, DataFromItem, DeclaredExternalSecret, ExternalSecretId, OtherRead},
        node::Node,
        problem::ProblemKind,
    },
    Findings, means_node,
};
use crate::{name::SecretName, reads::Read};

/// Everything that stands about one ExternalSecret, wherever it does.
#[derive(Default)]
struct Gathered<'a> {
    declared: Option<(&'a DeclaredExternalSecret, &'a Node)>,
    /// Each secret that it reads, its reads, and where they stand.
    reads: Vec<(&'a SecretName, &'a [Read], &'a Node)>,
}

pub(super) fn check(secrets: &[(Secret, &Node)], declared: &[(DeclaredExternalSecret, &Node)], found: &mut Findings) {
    let mut gathered: BTreeMap<&ExternalSecretId, Gathered<'_>> = BTreeMap::new();
    for (declared, node) in declared {
        let this = gathered.entry(&declared.id).or_default();
        match this.declared {
            Some((_, first)) => {
                found.add(node.at, None, ProblemKind::DuplicateExternalSecret { first_line: first.at.line });
            }
            None => this.declared = Some((declared, node)),
        }
    }
    for (secret, entry) in secrets {
        let nodes = entry.get("consumers").map(Node::items).unwrap_or_default();
        for (consumer, node) in secret.consumers.iter().zip(nodes) {
            if let (Some(external_secret), Some(node)) = (consumer.external_secret(), means_node(node)) {
                let this = gathered.entry(&external_secret.id).or_default();
                this.reads.push((&secret.name, &external_secret.reads, node));
            }
        }
    }
    for this in gathered.values() {
        check_keys(this, found);
        if let Some((declared, node)) = this.declared {
            check_declared(declared, node, &this.reads, found);
        }
    }
    check_targets(&gathered, found);
}

/// Each key of `data` is written once.
fn check_keys(this: &Gathered<'_>, found: &mut Findings) {
    let mut keys: BTreeMap<&str, u64> = BTreeMap::new();
    let mut add = |key, at: super::Position, secret, found: &mut Findings| {
        if let Some(first_line) = keys.get(key) {
            found.add(at, secret, ProblemKind::DuplicateSecretKey { first_line: *first_line });
        } else {
            keys.insert(key, at.line);
        }
    };
    for (secret, reads, node) in &this.reads {
        let nodes = node.get("reads").map(Node::items).unwrap_or_default();
        for (read, node) in reads.iter().zip(nodes) {
            if let Read::Whole { secret_key, .. } | Read::Property { secret_key, .. } = read {
                add(secret_key.as_str(), node.at, Some(*secret), found);
            }
        }
    }
    if let Some((declared, node)) = this.declared {
        let nodes = node.get("others").map(Node::items).unwrap_or_default();
        for (other, node) in declared.shape.others.iter().zip(nodes) {
            if let OtherRead::Data(data) = other {
                add(&data.secret_key, node.at, None, found);
            }
        }
    }
}

fn check_declared(declared: &DeclaredExternalSecret, node: &Node, reads: &[(&SecretName, &[Read], &Node)], found: &mut Findings) {
    let shape = &declared.shape;
    if reads.is_empty() && shape.others.is_empty() {
        found.add(node.at, None, ProblemKind::ReadsNothing);
    }
    let read: BTreeSet<&SecretName> = reads.iter().map(|(name, ..)| *name).collect();
    let in_order = shape.order.iter().filter_map(|item| match item {
        DataFromItem::Secret(name) => Some((name, "order")),
        DataFromItem::Other => None,
    });
    let unread: BTreeSet<_> = shape.stores.keys().map(|name| (name, "stores")).chain(in_order).collect();
    for (name, key) in unread.into_iter().filter(|(name, _)| !read.contains(name)) {
        found.add(node.at(key), None, ProblemKind::NotRead { name: name.clone() });
    }
    if !shape.order.is_empty() {
        let mut items: Vec<DataFromItem> = reads
            .iter()
            .flat_map(|(name, reads, _)| {
                reads.iter().filter(|read| read.is_extract()).map(|_| DataFromItem::Secret((*name).clone()))
            })
            .chain(shape.others.iter().filter(|other| matches!(other, OtherRead::DataFrom(_))).map(|_| DataFromItem::Other))
            .collect();
        let mut order = shape.order.clone();
        items.sort();
        order.sort();
        if items != order {
            found.add(node.at("order"), None, ProblemKind::Order);
        }
    }
}

/// Of those that make a Kubernetes Secret and own it, no two make the same.
fn check_targets(gathered: &BTreeMap<&ExternalSecretId, Gathered<'_>>, found: &mut Findings) {
    let mut owners: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (id, this) in gathered {
        // Where a ClusterExternalSecret makes its ExternalSecrets is known to the cluster only.
        let Some(namespace) = id.namespace() else { continue };
        let target = this.declared.map(|(declared, _)| &declared.shape.target);
        let owns = target.and_then(|target| target.creation_policy).unwrap_or(CreationPolicy::Owner) == CreationPolicy::Owner;
        let at = this.declared.map(|(_, node)| node.at).or_else(|| this.reads.first().map(|(.., node)| node.at));
        let (true, Some(at)) = (owns, at) else { continue };
        let name = target.and_then(|target| target.name.as_ref()).unwrap_or(id.name());
        match owners.get(&(namespace.as_str(), name.as_str())) {
            Some(first_line) => found.add(at, None, ProblemKind::SharedTarget { first_line: *first_line }),
            None => {
                owners.insert((namespace.as_str(), name.as_str()), at.line);
            }
        }
    }
}
