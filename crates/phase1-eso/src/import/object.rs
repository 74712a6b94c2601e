//! Objects of the kinds that an import reads: found in documents and lists, named, and told apart.

use std::{collections::BTreeMap, rc::Rc};

use migrate_core::{
    inventory::{ExternalSecretId, Prose},
    name::kubernetes::{KubernetesName, Namespace},
};
use serde_json::Value;

use super::{
    Counts, Document, Finding, FindingKind, Imported, Surroundings,
    fields::{Fields, Notes},
    finding::{LeftAlone, Look, NotKept},
};
use crate::yaml::Node;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ExternalSecret,
    ClusterExternalSecret,
    Predecessor,
    Store,
    ClusterStore,
    PushSecret,
    ClusterPushSecret,
}

impl Kind {
    fn of(api_version: &str, kind: &str) -> Option<Self> {
        let (group, _) = api_version.split_once('/')?;
        Some(match (group, kind) {
            ("external-secrets.io", "ExternalSecret") => Self::ExternalSecret,
            ("external-secrets.io", "ClusterExternalSecret") => Self::ClusterExternalSecret,
            ("external-secrets.io", "SecretStore") => Self::Store,
            ("external-secrets.io", "ClusterSecretStore") => Self::ClusterStore,
            ("external-secrets.io", "PushSecret") => Self::PushSecret,
            ("external-secrets.io", "ClusterPushSecret") => Self::ClusterPushSecret,
            ("kubernetes-client.io", "ExternalSecret") => Self::Predecessor,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::ExternalSecret | Self::Predecessor => "ExternalSecret",
            Self::ClusterExternalSecret => "ClusterExternalSecret",
            Self::Store => "SecretStore",
            Self::ClusterStore => "ClusterSecretStore",
            Self::PushSecret => "PushSecret",
            Self::ClusterPushSecret => "ClusterPushSecret",
        }
    }

    fn is_namespaced(self) -> bool {
        !matches!(self, Self::ClusterExternalSecret | Self::ClusterStore | Self::ClusterPushSecret)
    }
}

/// One object.
pub(super) struct Object<'d> {
    pub(super) kind: Kind,
    pub(super) file: Rc<str>,
    pub(super) node: &'d Node,
    pub(super) notes: Notes,
}

/// One object, or something that is none of ours.
pub(super) enum Is<'d> {
    Ours(Object<'d>),
    Another,
}

impl<'d> Is<'d> {
    pub(super) fn ok_or_count(self, counts: &mut Counts) -> Option<Object<'d>> {
        let Self::Ours(object) = self else {
            counts.others += 1;
            return None;
        };
        *match object.kind {
            Kind::ExternalSecret | Kind::Predecessor => &mut counts.external_secrets,
            Kind::ClusterExternalSecret => &mut counts.cluster_external_secrets,
            Kind::Store | Kind::ClusterStore => &mut counts.stores,
            Kind::PushSecret | Kind::ClusterPushSecret => &mut counts.push_secrets,
        } += 1;
        Some(object)
    }
}

/// The objects of a document; a list is taken apart.
pub(super) fn of(document: &Document) -> Vec<Is<'_>> {
    let mut objects = Vec::new();
    collect(&document.node, &document.file, &mut objects);
    objects
}

fn collect<'d>(node: &'d Node, file: &Rc<str>, objects: &mut Vec<Is<'d>>) {
    let text = |key| node.peek(key).and_then(Node::text).unwrap_or_default();
    if let (true, Some(items)) = (text("kind").ends_with("List"), node.peek("items")) {
        items.items().iter().for_each(|item| collect(item, file, objects));
        return;
    }
    objects.push(match Kind::of(text("apiVersion"), text("kind")) {
        Some(kind) => Is::Ours(Object { kind, file: file.clone(), node, notes: Notes::default() }),
        None => Is::Another,
    });
}

/// What a cluster adds to every object by itself.
const SERVER_SIDE: [&str; 9] = [
    "status",
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.generation",
    "metadata.creationTimestamp",
    "metadata.managedFields",
    "metadata.selfLink",
    "metadata.finalizers",
    "metadata.ownerReferences",
];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl<'d> Object<'d> {
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::of(self.node, &self.notes)
    }

    /// The version behind the group.
    pub(super) fn version(&self) -> &'d str {
        let text = self.node.peek("apiVersion").and_then(Node::text).unwrap_or_default();
        text.split_once('/').map_or("", |(_, version)| version)
    }

    pub(super) fn name(&self) -> Option<KubernetesName> {
        let fields = self.fields();
        let metadata = fields.within("metadata");
        if !metadata.as_ref().is_some_and(|metadata| metadata.has("name")) {
            fields.note("metadata", FindingKind::LeftAlone(LeftAlone::Unnamed("name")));
        }
        metadata?.parsed("name", KubernetesName::parse)
    }

    /// Its namespace, or the one for those that say none.
    pub(super) fn namespace(&self, around: &Surroundings<'_>) -> Option<Namespace> {
        let metadata = self.fields().within("metadata")?;
        if metadata.has("namespace") { metadata.parsed("namespace", Namespace::parse) } else { around.namespace.clone() }
    }

    /// Which ExternalSecret it is. Notes what is missing.
    pub(super) fn id(&self, around: &Surroundings<'_>) -> Option<ExternalSecretId> {
        let name = self.name()?;
        if self.kind == Kind::ClusterExternalSecret {
            return Some(ExternalSecretId::Cluster { name });
        }
        let namespace = self.namespace(around);
        if namespace.is_none() && !self.notes.leave_alone() {
            self.fields().note("metadata", FindingKind::LeftAlone(LeftAlone::Unnamed("namespace")));
        }
        Some(ExternalSecretId::Namespaced { namespace: namespace?, name })
    }

    /// Labels and annotations, without what `kubectl` notes.
    pub(super) fn metadata(&self) -> [BTreeMap<String, String>; 2] {
        let Some(metadata) = self.fields().within("metadata") else { return Default::default() };
        // It repeats the object, and may hold what looks like a value for that reason alone.
        let annotations = metadata.without("annotations", LAST_APPLIED);
        [metadata.metadata("labels"), annotations]
    }

    /// The application that it is for: what labels say, or else a guess, which is noted.
    pub(super) fn application(
        &self,
        id: &ExternalSecretId,
        [labels, annotations]: [&BTreeMap<String, String>; 2],
    ) -> Option<Prose> {
        let label = [
            "app.kubernetes.io/name",
            "app.kubernetes.io/part-of",
            "argocd.argoproj.io/instance",
            "app.kubernetes.io/instance",
            "app",
        ]
        .into_iter()
        .find_map(|key| labels.get(key));
        let tracked = annotations
            .get("argocd.argoproj.io/tracking-id")
            .and_then(|id| id.split_once(':'))
            .map(|(application, _)| application);
        let said = label.map(String::as_str).or(tracked).and_then(|text| Prose::parse(text).ok());
        said.or_else(|| {
            self.fields().note("", FindingKind::Look(Look::Application));
            Prose::parse(id.namespace().map_or(id.name().as_str(), Namespace::as_str)).ok()
        })
    }

    /// As in `ExternalSecret shop/db`; nothing that is no name is quoted.
    fn label(&self) -> Option<Rc<str>> {
        let text = |key| self.node.peek_at(&["metadata", key]).and_then(Node::text);
        let name = KubernetesName::parse(text("name")?).ok()?;
        let namespace = text("namespace").and_then(|text| Namespace::parse(text).ok()).filter(|_| self.kind.is_namespaced());
        Some(match namespace {
            Some(namespace) => format!("{} {namespace}/{name}", self.kind.name()).into(),
            None => format!("{} {name}", self.kind.name()).into(),
        })
    }

    /// Whether another object makes this one.
    pub(super) fn is_owned(&self) -> bool {
        let owners = self.node.peek_at(&["metadata", "ownerReferences"]).map(Node::items).unwrap_or_default();
        owners.iter().any(|owner| owner.peek("controller").and_then(Node::truth) == Some(true))
    }

    /// Turns what was noted, and what nobody asked for, into findings.
    pub(super) fn finish(self, imported: &mut Imported) {
        let object = self.label();
        let is_left_alone = self.notes.leave_alone();
        let mut findings: Vec<Finding> = Vec::new();
        for key in ["apiVersion", "kind"] {
            let _ = self.node.get(key);
        }
        let unasked = self.node.unasked();
        for (at, path, kind) in self.notes.into_inner() {
            // Of an object that is left alone, only the reason is told.
            if !is_left_alone || matches!(kind, FindingKind::LeftAlone(_)) {
                findings.push(Finding { file: self.file.clone(), at, object: object.clone(), path, kind });
            }
        }
        for unasked in unasked {
            if SERVER_SIDE.contains(&unasked.path.as_str()) || unasked.path.contains(LAST_APPLIED) {
                imported.counts.server_side += 1;
            } else if !is_left_alone {
                let kind = FindingKind::NotKept(NotKept::Unknown);
                findings.push(Finding {
                    file: self.file.clone(),
                    at: unasked.at,
                    object: object.clone(),
                    path: unasked.path,
                    kind,
                });
            }
        }
        findings.sort_by_key(|finding| finding.at);
        findings.dedup();
        imported.findings.extend(findings);
    }
}

/// Of several manifests for one object, the first; all are left alone where they say different things.
pub(super) fn without_contradictions<'d>(
    objects: Vec<Object<'d>>,
    around: &Surroundings<'_>,
    imported: &mut Imported,
) -> Vec<Object<'d>> {
    let key = |object: &Object<'_>| {
        let text = |key| object.node.peek_at(&["metadata", key]).and_then(Node::text).map(str::to_owned);
        let namespace = text("namespace").or_else(|| around.namespace.as_ref().map(ToString::to_string));
        Some((object.kind, namespace.filter(|_| object.kind.is_namespaced()), text("name")?))
    };
    let mut first: BTreeMap<_, usize> = BTreeMap::new();
    let mut kept: Vec<Object<'d>> = Vec::new();
    let mut refused: Vec<usize> = Vec::new();
    for object in objects {
        let Some(at) = key(&object).and_then(|key| first.get(&key).copied()) else {
            if let Some(key) = key(&object) {
                first.insert(key, kept.len());
            }
            kept.push(object);
            continue;
        };
        if said(&kept[at]) != said(&object) {
            let contradicts = |other: &Object<'_>| {
                FindingKind::LeftAlone(LeftAlone::Contradicts { file: other.file.clone(), line: other.node.at.line })
            };
            object.fields().note("", contradicts(&kept[at]));
            if !refused.contains(&at) {
                kept[at].fields().note("", contradicts(&object));
                refused.push(at);
            }
            object.finish(imported);
        }
    }
    kept
}

/// What an object says, without what a cluster adds.
fn said(object: &Object<'_>) -> Value {
    let mut json = object.node.to_json();
    if let Value::Object(fields) = &mut json {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.retain(|key, _| ["name", "namespace", "labels", "annotations"].contains(&key.as_str()));
            if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
                annotations.remove(LAST_APPLIED);
            }
        }
    }
    json
}
