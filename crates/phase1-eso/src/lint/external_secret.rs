//! ExternalSecrets: what becomes of the Secret, who else writes it, which keys it gets.

use std::collections::{BTreeMap, HashMap};

use migrate_core::inventory::Position;

use super::{
    BAD_KEY, BAD_NAME, DELETION_POLICY, FOREIGN_TARGET, Finding, MERGE_DROPS, MOUNT_IN_KEY, NEVER_REFRESHED, REPEATED_SECRET_KEY,
    SHARED_TARGET, STORE_ELSEWHERE,
    refresh::duration,
    store::{Provider, Stores},
};
use crate::{
    is_secret_key,
    table::{Form, Kind},
    validate::{Object, Tree},
    yaml::Node,
};

/// An ExternalSecret, or the one inside of a ClusterExternalSecret.
pub(super) struct ExternalSecret<'t, 'a> {
    pub(super) object: &'t Object<'a>,
    pub(super) spec: &'a Node,
    /// The path of the spec, for messages.
    pub(super) path: &'static str,
}

impl<'t, 'a> ExternalSecret<'t, 'a> {
    pub(super) fn all(tree: &'t Tree<'a>) -> impl Iterator<Item = Self> {
        tree.objects.iter().filter_map(|object| {
            let (way, path): (&[&str], _) = match object.known()? {
                Kind::ExternalSecret => (&["spec"], "spec"),
                Kind::ClusterExternalSecret => (&["spec", "externalSecretSpec"], "spec.externalSecretSpec"),
                _ => return None,
            };
            Some(Self { object, spec: object.at(way)?, path })
        })
    }

    pub(super) fn text(&self, way: &[&str]) -> Option<&'a str> {
        self.spec.peek_at(way).and_then(Node::text)
    }

    fn creation_policy(&self) -> &'a str {
        self.text(&["target", "creationPolicy"]).unwrap_or("Owner")
    }

    /// The name of the Secret.
    fn target(&self) -> &'a str {
        self.text(&["target", "name"]).unwrap_or(self.object.name)
    }

    /// Every `remoteRef`, `extract` and `find`, with the `sourceRef` beside it and its path.
    pub(super) fn reads(&self) -> impl Iterator<Item = Reading<'a>> {
        let items = |list: &str| self.spec.peek(list).map(Node::items).unwrap_or_default().iter().enumerate();
        let path = self.path;
        let data = items("data").filter_map(move |(index, item)| {
            let path = format!("{path}.data[{index}].remoteRef");
            Some(Reading { node: item.peek("remoteRef")?, source: item.peek("sourceRef"), path, is_find: false })
        });
        let from = items("dataFrom").flat_map(move |(index, item)| {
            let source = item.peek("sourceRef");
            let one = |key: &str, is_find| {
                let path = format!("{path}.dataFrom[{index}].{key}");
                item.peek(key).map(|node| Reading { node, source, path, is_find })
            };
            [one("extract", false), one("find", true)].into_iter().flatten()
        });
        data.chain(from)
    }

    /// The store of a read: its own, or the spec's.
    pub(super) fn store<'s>(&self, stores: &'s Stores<'a>, source: Option<&'a Node>) -> Option<&'s Provider<'a>> {
        let own = source.and_then(|source| source.peek("storeRef"));
        let reference = own.or_else(|| self.spec.peek("secretStoreRef"))?;
        stores.get(self.object.namespace, reference)
    }

    pub(super) fn finding(&self, lint: &'static super::Lint, at: Position, path: &str, message: &str) -> Finding {
        self.object.finding(lint, at, format!("{}.{path}: {message}", self.path))
    }
}

/// One read.
pub(super) struct Reading<'a> {
    pub(super) node: &'a Node,
    pub(super) source: Option<&'a Node>,
    pub(super) path: String,
    pub(super) is_find: bool,
}

pub(super) fn check(tree: &Tree<'_>, findings: &mut Vec<Finding>) {
    let stores = Stores::of(tree);
    for secret in ExternalSecret::all(tree) {
        policies(&secret, findings);
        keys(&secret, findings);
        references(tree, &stores, &secret, findings);
    }
    targets(tree, findings);
}

fn policies(secret: &ExternalSecret<'_, '_>, findings: &mut Vec<Finding>) {
    let at = |way: &[&str]| secret.spec.peek_at(way).map_or(secret.spec.at, |node| node.at);
    let deletion = secret.text(&["target", "deletionPolicy"]);
    if deletion == Some("Delete") {
        let message = "Delete: a path that is missing when the store is switched deletes the Secret; use Retain";
        findings.push(secret.finding(&DELETION_POLICY, at(&["target", "deletionPolicy"]), "target.deletionPolicy", message));
    }
    let merging = [("creationPolicy", secret.creation_policy() == "Merge"), ("deletionPolicy", deletion == Some("Merge"))];
    if let Some((field, _)) = merging.into_iter().find(|(_, is)| *is) {
        let message = "Merge: a path that is missing when the store is switched takes its keys out of the Secret";
        findings.push(secret.finding(&MERGE_DROPS, at(&["target", field]), &format!("target.{field}"), message));
    }
    let interval = secret.text(&["refreshInterval"]);
    match secret.text(&["refreshPolicy"]) {
        Some("CreatedOnce") => {
            let message = "CreatedOnce: a switch to another store is never seen; use OnChange";
            findings.push(secret.finding(&NEVER_REFRESHED, at(&["refreshPolicy"]), "refreshPolicy", message));
        }
        Some("OnChange") => {}
        _ if interval.and_then(duration).is_some_and(|interval| interval <= 0.0) => {
            let message = "0: a switch to another store is never seen; use refreshPolicy OnChange, or an interval";
            findings.push(secret.finding(&NEVER_REFRESHED, at(&["refreshInterval"]), "refreshInterval", message));
        }
        _ => {}
    }
}

fn keys(secret: &ExternalSecret<'_, '_>, findings: &mut Vec<Finding>) {
    let mut first = HashMap::new();
    for (index, item) in secret.spec.peek("data").map(Node::items).unwrap_or_default().iter().enumerate() {
        let Some((key, node)) = item.peek("secretKey").and_then(|node| Some((node.text()?, node))) else { continue };
        if let Some(line) = first.insert(key, node.at.line) {
            let path = format!("data[{index}].secretKey");
            findings.push(secret.finding(&REPEATED_SECRET_KEY, node.at, &path, &format!("line {line} writes this key already")));
        }
        // The CRD's pattern lets these two pass, and the Secret is refused.
        if Form::DataKey.accepts(key) && !is_secret_key(key) {
            let path = format!("data[{index}].secretKey");
            findings.push(secret.finding(&BAD_KEY, node.at, &path, "a Secret can't have `.`, or a key that begins with `..`"));
        }
    }
    for (key, _) in secret.spec.peek_at(&["target", "template", "data"]).map(Node::entries).unwrap_or_default() {
        // A key may itself be made by a template, where that is wanted: those come by templateFrom.
        if !is_secret_key(&key.text) {
            let message = format!("expected {}, not beginning with `..`", Form::DataKey.wants());
            findings.push(secret.finding(&BAD_KEY, key.at, "target.template.data", &message));
        }
    }
    let is_named = secret.spec.peek_at(&["target", "name"]).is_none();
    if is_named && secret.object.name.len() > 253 && secret.object.known() == Some(Kind::ExternalSecret) {
        let message = "the Secret takes the name of the ExternalSecret, which is too long";
        findings.push(secret.finding(&BAD_NAME, secret.spec.at, "target.name", message));
    }
}

fn references(tree: &Tree<'_>, stores: &Stores<'_>, secret: &ExternalSecret<'_, '_>, findings: &mut Vec<Finding>) {
    for reading in secret.reads() {
        let (Some(Provider::Vault { mount: Some(mount) }), Some(key)) =
            (secret.store(stores, reading.source), reading.node.peek("key"))
        else {
            continue;
        };
        if key.text().is_some_and(|key| key.strip_prefix(mount).is_some_and(|rest| rest.starts_with('/'))) {
            let message =
                format!("{}.key: it begins with the mount `{mount}` of its store, which the operator cuts off", reading.path);
            findings.push(secret.object.finding(&MOUNT_IN_KEY, key.at, message));
        }
    }
    let Some(reference) = secret.spec.peek("secretStoreRef") else { return };
    let (name, kind) = (reference.peek("name").and_then(Node::text), reference.peek("kind").and_then(Node::text));
    let (Some(name), None | Some("SecretStore"), namespace) = (name, kind, secret.object.namespace) else { return };
    if namespace.is_empty() || secret.object.known() != Some(Kind::ExternalSecret) {
        return;
    }
    let named =
        |object: &&Object<'_>| object.known() == Some(Kind::SecretStore) && object.name == name && !object.namespace.is_empty();
    let elsewhere: Vec<_> = tree.objects.iter().filter(named).map(|object| object.namespace).collect();
    if !elsewhere.is_empty() && !elsewhere.contains(&namespace) {
        let message = format!("SecretStore {name} is in {}, and serves nobody else", elsewhere.join(", "));
        findings.push(secret.finding(&STORE_ELSEWHERE, reference.at, "secretStoreRef", &message));
    }
}

/// Secrets that two ExternalSecrets own, or an ExternalSecret and another manifest.
fn targets(tree: &Tree<'_>, findings: &mut Vec<Finding>) {
    let mut owners: BTreeMap<(&str, &str), &Object<'_>> = BTreeMap::new();
    let own = |secret: &ExternalSecret<'_, '_>| {
        secret.object.known() == Some(Kind::ExternalSecret)
            && secret.creation_policy() == "Owner"
            && secret.spec.peek_at(&["target", "manifest"]).is_none()
    };
    for secret in ExternalSecret::all(tree).filter(own) {
        let place = (secret.object.namespace, secret.target());
        let at = secret.spec.peek_at(&["target", "name"]).map_or(secret.object.node.at, |node| node.at);
        match owners.get(&place) {
            // The same object twice, as in overlays of one base.
            Some(other) if other.name == secret.object.name => {}
            Some(other) => {
                let message =
                    format!("Secret {} is owned by {} already ({}:{})", place.1, other.title(), other.file, other.node.at.line);
                findings.push(secret.finding(&SHARED_TARGET, at, "target", &message));
            }
            None => {
                owners.insert(place, secret.object);
            }
        }
        let makes_it = |object: &&Object<'_>| {
            let makes = matches!((object.group, object.kind), ("", "Secret") | ("bitnami.com", "SealedSecret"));
            makes && (object.namespace, object.name) == place
        };
        if let Some(other) = tree.objects.iter().find(makes_it) {
            let message =
                format!("Secret {} is made by {} as well ({}:{})", place.1, other.title(), other.file, other.node.at.line);
            findings.push(secret.finding(&FOREIGN_TARGET, at, "target", &message));
        }
    }
}
