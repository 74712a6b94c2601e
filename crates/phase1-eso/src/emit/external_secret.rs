//! One ExternalSecret or ClusterExternalSecret.
//!
//! Its labels and annotations say who made it and for whom. The operator copies those of an ExternalSecret without template to the
//! Kubernetes Secret (`setMetadata` of its source, 0.17 to 1.3), where they would be taken for the Secret's own, and where Argo CD takes
//! its tracking label for a claim. So where no template is declared, one is written that carries the declared metadata and nothing else:
//! the Secret stays as it would be without us.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    go_duration::GoDuration,
    inventory::{
        ExternalSecretId,
        external_secret::{
            ClusterPlacement, CreationPolicy, DeletionPolicy, EngineVersion, LabelSelector, OtherData, OtherDataFrom,
            RefreshPolicy, StoreKind, StoreRef, SyncWindows, Target, Template, TemplateMergePolicy, TemplateMetadata,
        },
    },
    name::kubernetes::{KubernetesName, Namespace},
};
use serde::Serialize;
use serde_json::Value;

use super::{Loss, Mounted, Wanted, complete, gather::Gathered, items, object::Object, refused::Refused};
use crate::{is_secret_key, lint, table::Kind};

/// What was made of one ExternalSecret.
pub(super) struct Made {
    pub(super) object: Object,
    /// The stores that it names.
    pub(super) stores: Vec<StoreRef>,
    /// What each application mounts.
    pub(super) mounted: Vec<(String, Mounted)>,
    pub(super) loss: Option<Loss>,
}

/// `spec` of an ExternalSecret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_policy: Option<RefreshPolicy>,
    refresh_interval: GoDuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync_windows: Option<SyncWindows>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_store_ref: Option<StoreRef>,
    target: Target,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data: Vec<OtherData>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data_from: Vec<OtherDataFrom>,
}

/// `spec` of a ClusterExternalSecret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    external_secret_name: Option<KubernetesName>,
    /// Written by the operator where nobody did, as in [`template_metadata`].
    external_secret_metadata: TemplateMetadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_time: Option<GoDuration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    namespace_selectors: Vec<LabelSelector>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    namespaces: Vec<Namespace>,
    external_secret_spec: Spec,
}

/// Who made an object; the same on every object of ours.
pub(super) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "migrate");
/// The application, where it is one alone and fits into a label.
const PART_OF: &str = "app.kubernetes.io/part-of";
/// The applications that read it.
const APPLICATIONS: &str = "migrate/applications";
/// Who answers for what it reads.
const OWNERS: &str = "migrate/owners";
/// The secrets of the inventory that it reads.
const SECRETS: &str = "migrate/secrets";
/// Names in one annotation; all annotations of an object together may have 256 KiB.
const LISTED: usize = 100;

/// Keys that Kubernetes asks of a Secret's type
/// (<https://kubernetes.io/docs/concepts/configuration/secret/#secret-types>).
const TYPES: [(&str, &[&str]); 4] = [
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
];

pub(super) fn make(wanted: &Wanted<'_>, gathered: &Gathered<'_>, refuse: &mut dyn FnMut(Refused)) -> Option<Made> {
    let shape = &gathered.shape;
    let read = items::items(wanted, gathered, refuse);
    let target = target(wanted, gathered);
    let keys = Keys::of(&target, &read.data, !read.data_from.is_empty());
    check_target(&target, &keys, &read.data, refuse);
    check_labels("metadata.labels", &shape.labels, refuse);
    let stores = named(&read);
    let is_cluster = matches!(gathered.id, ExternalSecretId::Cluster { .. });
    if is_cluster {
        let ours = [Some(&wanted.aws.store), wanted.vault.as_ref().map(|vault| &vault.store.store)];
        for store in ours.into_iter().flatten().filter(|store| store.kind == StoreKind::SecretStore && stores.contains(store)) {
            refuse(Refused::StoreOfOneNamespace { store: store.name.to_string() });
        }
    }
    let mounted = mounted(gathered, &target, keys);
    let spec = Spec {
        refresh_policy: shape.refresh_policy.or(wanted.defaults.refresh_policy).or_else(|| taken_policy(wanted)),
        refresh_interval: shape.refresh_interval.unwrap_or(wanted.defaults.refresh_interval),
        sync_windows: shape.sync_windows.clone(),
        secret_store_ref: read.store,
        target,
        data: read.data,
        data_from: read.data_from,
    };
    let (kind, mut spec) = match gathered.placement() {
        None => (Kind::ExternalSecret, serde_json::to_value(spec)),
        Some(placement) => (Kind::ClusterExternalSecret, serde_json::to_value(cluster(placement, spec, refuse))),
    };
    if let Ok(spec) = &mut spec {
        template_metadata(spec);
    }
    // Names, texts and numbers always have a JSON form.
    let spec = complete::spec(kind, wanted.version, &spec.unwrap_or(Value::Null), refuse);
    let object = Object {
        kind,
        name: gathered.id.name().to_string(),
        namespace: gathered.id.namespace().map(ToString::to_string),
        labels: labels(gathered),
        annotations: annotations(gathered),
        spec,
    };
    Some(Made { object, stores, mounted, loss: read.loss })
}

/// The operator writes `metadata` into a template where nobody did: a field of Go without a pointer, which an update of the object sends along
/// (seen of 0.20.4). Written from the start, it is no difference between Git and cluster.
fn template_metadata(spec: &mut Value) {
    let is_cluster = spec.get("externalSecretSpec").is_some();
    let spec = if is_cluster { &mut spec["externalSecretSpec"] } else { spec };
    if let Some(template) = spec.get_mut("target").and_then(|target| target.get_mut("template")).and_then(Value::as_object_mut) {
        template.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
}

/// What the operator takes for `refreshPolicy` where none is said.
fn taken_policy(wanted: &Wanted<'_>) -> Option<RefreshPolicy> {
    let word = Kind::ExternalSecret.field(wanted.version.release(), "spec.refreshPolicy")?.effective()?;
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

fn cluster(placement: ClusterPlacement, spec: Spec, refuse: &mut dyn FnMut(Refused)) -> ClusterSpec {
    let metadata = placement.external_secret_metadata;
    check_labels("externalSecretMetadata.labels", &metadata.labels, refuse);
    if placement.namespace_selectors.is_empty() && placement.namespaces.is_empty() {
        refuse(Refused::NoNamespaces);
    }
    ClusterSpec {
        external_secret_name: placement.external_secret_name,
        external_secret_metadata: metadata,
        refresh_time: placement.refresh_time,
        namespace_selectors: placement.namespace_selectors,
        namespaces: placement.namespaces,
        external_secret_spec: spec,
    }
}

fn target(wanted: &Wanted<'_>, gathered: &Gathered<'_>) -> Target {
    let mut target = gathered.shape.target.clone();
    target.deletion_policy = target.deletion_policy.or(Some(wanted.defaults.deletion_policy));
    let makes_secret = target.manifest.is_none() && target.creation_policy != Some(CreationPolicy::None);
    let is_namespaced = matches!(gathered.id, ExternalSecretId::Namespaced { .. });
    if makes_secret && is_namespaced && target.template.is_none() {
        let literal = |texts: &BTreeMap<String, String>| {
            // Values of a template's metadata are templates themselves.
            texts.iter().map(|(key, value)| (key.clone(), value.replace("{{", "{{ \"{{\" }}"))).collect()
        };
        let (labels, annotations) = (literal(&gathered.shape.labels), literal(&gathered.shape.annotations));
        target.template = Some(Template {
            engine_version: Some(EngineVersion::V2),
            merge_policy: Some(TemplateMergePolicy::Replace),
            metadata: TemplateMetadata { labels, annotations, finalizers: Vec::new() },
            ..Template::default()
        });
    }
    target
}

/// The keys that the Kubernetes Secret will have.
struct Keys {
    known: BTreeSet<String>,
    /// Whether there are no others.
    is_complete: bool,
}

impl Keys {
    fn of(target: &Target, data: &[OtherData], has_data_from: bool) -> Self {
        let template = target.template.as_ref();
        let has_templates = template.is_some_and(|template| !template.data.is_empty() || !template.template_from.is_empty());
        let merges = template.is_some_and(|template| template.merge_policy == Some(TemplateMergePolicy::Merge));
        let keeps_reads = merges || !has_templates;
        let mut known: BTreeSet<String> = template.into_iter().flat_map(|template| template.data.keys().cloned()).collect();
        if keeps_reads {
            known.extend(data.iter().map(|data| data.secret_key.clone()));
        }
        let has_others = template.is_some_and(|template| !template.template_from.is_empty());
        let merged_into = target.creation_policy == Some(CreationPolicy::Merge);
        Self { known, is_complete: !(has_others || merged_into || keeps_reads && has_data_from) }
    }
}

fn check_target(target: &Target, keys: &Keys, data: &[OtherData], refuse: &mut dyn FnMut(Refused)) {
    use CreationPolicy::{Merge, None as Nothing};
    let conflict = match (target.deletion_policy, target.creation_policy) {
        (Some(DeletionPolicy::Delete), Some(Merge)) => Some(("Delete", "Merge")),
        (Some(DeletionPolicy::Delete), Some(Nothing)) => Some(("Delete", "None")),
        (Some(DeletionPolicy::Merge), Some(Nothing)) => Some(("Merge", "None")),
        _ => None,
    };
    if let Some((deletion, creation)) = conflict {
        refuse(Refused::Policies { deletion, creation });
    }
    if data.iter().any(|data| !is_secret_key(&data.secret_key)) {
        refuse(Refused::Key { path: "data" });
    }
    let Some(template) = &target.template else { return };
    if template.data.keys().any(|key| !is_secret_key(key)) {
        refuse(Refused::Key { path: "target.template.data" });
    }
    check_labels("target.template.metadata.labels", &template.metadata.labels, refuse);
    let literals = template.template_from.iter().filter_map(|from| from.literal.as_ref()).map(|text| ("templateFrom", text));
    let texts = template.data.iter().map(|(key, text)| (key.as_str(), text)).chain(literals);
    for (key, fault) in texts.filter_map(|(key, text)| Some((key, lint::fault(text)?))) {
        refuse(Refused::Template { key: key.to_owned(), fault: fault.what });
    }
    let kind = template.secret_type.as_deref().unwrap_or_default();
    let needed = TYPES.iter().find(|(name, _)| *name == kind).map(|(_, needed)| *needed).unwrap_or_default();
    for key in needed.iter().filter(|key| keys.is_complete && !keys.known.contains(**key)) {
        refuse(Refused::MissingKey { kind: kind.to_owned(), key });
    }
}

/// Labels that Kubernetes takes (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>); templates are let through.
fn check_labels(path: &'static str, labels: &BTreeMap<String, String>, refuse: &mut dyn FnMut(Refused)) {
    if labels.values().any(|value| !is_label_value(value) && !value.contains("{{")) {
        refuse(Refused::Label { path });
    }
}

fn is_label_value(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    bytes.len() <= 63 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(fits)
}

/// The stores that it names, each once.
fn named(read: &items::Items) -> Vec<StoreRef> {
    let sources = read.data.iter().map(|data| &data.source_ref).chain(read.data_from.iter().map(|from| &from.source_ref));
    let stores = sources.flatten().filter_map(|source| match source {
        migrate_core::inventory::external_secret::SourceRef::StoreRef(store) => Some(store),
        migrate_core::inventory::external_secret::SourceRef::GeneratorRef(_) => None,
    });
    read.store.iter().chain(stores).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

fn mounted(gathered: &Gathered<'_>, target: &Target, keys: Keys) -> Vec<(String, Mounted)> {
    if target.manifest.is_some() || target.creation_policy == Some(CreationPolicy::None) {
        return Vec::new();
    }
    let made = gathered.cluster.and_then(|placement| placement.external_secret_name.as_ref()).unwrap_or(gathered.id.name());
    let secret = target.name.as_ref().unwrap_or(made).to_string();
    let namespace = gathered.id.namespace().map(ToString::to_string);
    let mounted = Mounted { namespace, secret, keys: keys.known.into_iter().collect(), is_complete: keys.is_complete };
    gathered.applications.iter().map(|application| ((*application).to_owned(), mounted.clone())).collect()
}

fn labels(gathered: &Gathered<'_>) -> BTreeMap<String, String> {
    let mut labels = gathered.shape.labels.clone();
    let mut applications = gathered.applications.iter();
    if let (Some(only), None) = (applications.next(), applications.next())
        && is_label_value(only)
    {
        labels.entry(PART_OF.to_owned()).or_insert_with(|| (*only).to_owned());
    }
    labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    labels
}

/// Takes out what is written here; whether the object is one of ours.
pub(crate) fn without_ours(labels: &mut BTreeMap<String, String>, annotations: &mut BTreeMap<String, String>) -> bool {
    if labels.get(MANAGED_BY.0).map(String::as_str) != Some(MANAGED_BY.1) {
        return false;
    }
    labels.remove(MANAGED_BY.0);
    if labels.get(PART_OF) == annotations.get(APPLICATIONS) {
        labels.remove(PART_OF);
    }
    annotations.retain(|key, _| ![APPLICATIONS, OWNERS, SECRETS].contains(&key.as_str()));
    true
}

fn annotations(gathered: &Gathered<'_>) -> BTreeMap<String, String> {
    let mut annotations = gathered.shape.annotations.clone();
    let secrets = gathered.secrets();
    let owners: BTreeSet<&str> = secrets.iter().filter_map(|secret| secret.owner.as_ref()).map(|owner| owner.as_str()).collect();
    let names = secrets.iter().map(|secret| secret.name.as_str());
    let lists: [(&str, Vec<&str>); 3] = [
        (APPLICATIONS, gathered.applications.iter().copied().collect()),
        (OWNERS, owners.into_iter().collect()),
        (SECRETS, names.collect()),
    ];
    for (key, listed) in lists.into_iter().filter(|(_, listed)| !listed.is_empty()) {
        let mut text = listed.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
        if listed.len() > LISTED {
            text += &format!(", and {} more", listed.len() - LISTED);
        }
        annotations.insert(key.to_owned(), text);
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_keep_the_rule_of_kubernetes() {
        assert!(["", "a", "team.orders_2", &"a".repeat(63)].into_iter().all(is_label_value));
        assert!(["-a", "a b", "ä", "a.", &"a".repeat(64)].into_iter().all(|text| !is_label_value(text)));
    }
}
